//! Joins a family's cards with their accounts and libraries.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::ids::LibraryId;
use crate::library::Library;
use crate::notice::line::clean_or;
use crate::notice::{NoticeCard, PausedCard};
use crate::store::LoadedFamily;

/// Lists the cards that a notice, a page or a feed is made from: those that are not paused.
///
/// Times that a clock ahead of `now` wrote are left out.
pub fn notice_cards(
    loaded: &LoadedFamily,
    libraries: &BTreeMap<LibraryId, Library>,
    now: DateTime<Utc>,
) -> Vec<NoticeCard> {
    let mut cards = Vec::new();
    for (record, stored) in &loaded.cards {
        if record.card.active_pause(now).is_some() {
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
                .and_then(|stored| stored.with_possible_time(&record.card, now)),
            card: record.card.clone(),
            state: record.state.without_future(now),
            library: library.clone(),
        });
    }
    cards
}

/// Lists the cards that are paused at `now`, by patron and library.
pub fn paused_cards(
    loaded: &LoadedFamily,
    libraries: &BTreeMap<LibraryId, Library>,
    now: DateTime<Utc>,
) -> Vec<PausedCard> {
    let paused = loaded.cards.iter().filter_map(|(record, _)| {
        let card = &record.card;
        let pause = card.active_pause(now)?;
        let library = libraries.get(&card.library)?;
        Some(PausedCard {
            patron: clean_or(&card.patron, "?"),
            library_name: clean_or(&library.name, card.library.as_str()),
            pause: pause.clone(),
        })
    });
    let mut paused: Vec<PausedCard> = paused.collect();
    paused.sort_by(|a, b| (&a.patron, &a.library_name).cmp(&(&b.patron, &b.library_name)));
    paused
}
