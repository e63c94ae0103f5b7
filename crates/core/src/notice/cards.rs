//! Joins a family's cards with their accounts and libraries.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::card::{CardPause, CardRecord};
use crate::ids::LibraryId;
use crate::library::Library;
use crate::notice::line::{STALE_AFTER, clean_or};
use crate::notice::{NoticeCard, PausedCard};
use crate::store::LoadedFamily;

/// Returns a card's pause if it lasts, or if the card wasn't checked since: what we know of it is from
/// before.
///
/// `None` if it ended longer than [`STALE_AFTER`] ago: then it needs attention that nothing checks the
/// card. Also `None` if it ended and the library rejected the PIN, which needs attention at once.
pub fn unchecked_pause(record: &CardRecord, now: DateTime<Utc>) -> Option<&CardPause> {
    // The stores drop a pause that has ended with the next check.
    let pause = record.card.pause.as_ref()?;
    let is_new = |end| now < end + STALE_AFTER && record.state.refused_since.is_none();
    let counts = pause.includes(now) || pause.ends_at().is_some_and(is_new);
    counts.then_some(pause)
}

/// Lists the cards that a notice, a page or a feed is made from: those that are not paused, and were
/// checked since their last pause.
///
/// Times that a clock ahead of `now` wrote are left out.
pub fn notice_cards(
    loaded: &LoadedFamily,
    libraries: &BTreeMap<LibraryId, Library>,
    now: DateTime<Utc>,
) -> Vec<NoticeCard> {
    let mut cards = Vec::new();
    for (record, stored) in &loaded.cards {
        if unchecked_pause(record, now).is_some() {
            continue;
        }
        let Some(library) = libraries.get(&record.card.library) else {
            // The library was added after the libraries were read; the next notice has the card.
            tracing::warn!(card.id = %record.card.id, "A card's library is missing.");
            continue;
        };
        cards.push(NoticeCard {
            stored: stored
                .clone()
                .and_then(|stored| stored.with_plausible_time(&record.card, now)),
            card: record.card.clone(),
            state: record.state.without_future(now),
            library: library.clone(),
        });
    }
    cards
}

/// Lists the cards that are paused at `now`, or weren't checked since; by patron and library.
pub fn paused_cards(
    loaded: &LoadedFamily,
    libraries: &BTreeMap<LibraryId, Library>,
    now: DateTime<Utc>,
) -> Vec<PausedCard> {
    let paused = loaded.cards.iter().filter_map(|(record, _)| {
        let card = &record.card;
        let pause = unchecked_pause(record, now)?;
        let library = libraries.get(&card.library)?;
        Some(PausedCard {
            patron: clean_or(&card.patron, "?"),
            library_name: clean_or(&library.name, card.library.as_str()),
            pause: pause.clone(),
            has_ended: !pause.includes(now),
        })
    });
    let mut paused: Vec<PausedCard> = paused.collect();
    paused.sort_by(|a, b| (&a.patron, &a.library_name).cmp(&(&b.patron, &b.library_name)));
    paused
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::card::CardState;
    use crate::testing::contract::sample;

    // It ends on the 21st at midnight in Toronto, at 05:00 in UTC.
    #[rstest]
    #[case::lasts("2026-11-21T04:59:00Z", false, &[false], 0)]
    #[case::just_ended("2026-11-21T05:00:00Z", false, &[true], 0)]
    #[case::ended_long_ago("2026-11-22T01:00:00Z", false, &[], 1)]
    #[case::rejected_meanwhile("2026-11-21T05:00:00Z", true, &[], 1)]
    fn card_is_only_mentioned_until_it_is_checked_after_its_pause(
        #[case] now: DateTime<Utc>,
        #[case] is_refused: bool,
        #[case] mentioned: &[bool],
        #[case] used: usize,
    ) {
        let mut card = sample::card("conrad", "wpl", "f");
        card.pause = Some(sample::card_pause(Some("2026-11-21")));
        let library = sample::library("wpl");
        let state = CardState {
            refused_since: is_refused.then_some(now),
            ..CardState::default()
        };
        let record = CardRecord { card, state };
        let mut loaded = LoadedFamily {
            family: sample::family("conrad"),
            cards: vec![(record, None)],
        };
        let libraries = BTreeMap::from([(library.id.clone(), library)]);
        let paused = paused_cards(&loaded, &libraries, now);
        let ended: Vec<bool> = paused.iter().map(|card| card.has_ended).collect();
        assert_eq!(ended, mentioned);
        assert_eq!(notice_cards(&loaded, &libraries, now).len(), used);
        // A check drops the pause.
        for (record, _) in &mut loaded.cards {
            record.card.pause = None;
        }
        assert_eq!(notice_cards(&loaded, &libraries, now).len(), 1);
    }
}
