//! The keys by which two notices compare loans, holds and what needs attention.

use chrono::NaiveDate;

use crate::account::{Hold, HoldState};
use crate::notice::NoticeCard;

/// The prefix of the keys of holds in unknown words.
pub(crate) const UNKNOWN_HOLD: &str = "unknown_hold";

/// The prefix of the keys of holds that nobody picked up.
pub(crate) const MISSED_HOLD: &str = "missed_hold";

/// `card/id`: the site's ids are unique within a card only.
pub(crate) fn item_key(card: &NoticeCard, id: &str) -> String {
    format!("{}/{id}", card.card.id)
}

/// Whether this ready hold's last day is before the family's local day on which the mail is sent.
pub(crate) fn is_missed(hold: &Hold, today: NaiveDate) -> bool {
    hold.state == HoldState::Ready && hold.pickup_by.is_some_and(|last_day| last_day < today)
}

/// The key of a hold that nobody picked up. With another last day it is missed anew.
pub(crate) fn missed_key(card: &NoticeCard, hold: &Hold) -> String {
    let last_day = hold.pickup_by;
    let last_day = last_day.map_or_else(String::new, |date| date.to_string());
    format!("{MISSED_HOLD}/{}/{last_day}", item_key(card, &hold.id))
}
