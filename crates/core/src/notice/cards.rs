//! Joins a family's cards with their accounts and libraries.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::ids::LibraryId;
use crate::library::Library;
use crate::notice::NoticeCard;
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
        if record.card.paused {
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
