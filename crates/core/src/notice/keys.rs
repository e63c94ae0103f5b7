//! The keys that identify loans, holds and attention entries from one notice to the next.

use chrono::NaiveDate;

use crate::account::{Hold, HoldState};
use crate::notice::NoticeCard;

/// The prefix of the keys of holds in unknown words.
pub(crate) const UNKNOWN_HOLD: &str = "unknown_hold";

/// The prefix of the keys of holds that nobody picked up.
pub(crate) const MISSED_HOLD: &str = "missed_hold";

/// Returns `card/id`: the site's ids are unique only within a card.
pub(crate) fn item_key(card: &NoticeCard, id: &str) -> String {
    format!("{}/{id}", card.card.id)
}

/// Whether this hold is ready and its last day is before `today`.
pub(crate) fn is_missed(hold: &Hold, today: NaiveDate) -> bool {
    hold.state == HoldState::Ready && hold.pickup_by.is_some_and(|last_day| last_day < today)
}

/// The key of a hold that nobody picked up. Another last day makes another key.
pub(crate) fn missed_key(card: &NoticeCard, hold: &Hold) -> String {
    let last_day = hold.pickup_by;
    let last_day = last_day.map_or_else(String::new, |date| date.to_string());
    format!("{MISSED_HOLD}/{}/{last_day}", item_key(card, &hold.id))
}
