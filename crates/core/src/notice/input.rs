//! What a notice is composed from.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use crate::card::{Card, CardPause, CardState, StoredAccount};
use crate::family::Family;
use crate::library::Library;
use crate::mail::MailLinks;
use crate::notice::last_notice::LastNotice;

/// Everything that a notice is composed from.
#[derive(Debug, Clone, Copy)]
pub struct NoticeInput<'a> {
    /// The family that gets the notice.
    pub family: &'a Family,
    /// The notice's local date, computed once: its key, and the day of a weekly summary.
    pub date: NaiveDate,
    /// The family's local date on which the mail is sent; “today” and “overdue” are relative to it.
    /// A late notice may be sent on the day after its date.
    pub today: NaiveDate,
    /// The current time, for the ages of accounts.
    pub now: DateTime<Utc>,
    /// The family's cards that are not paused, and were checked since their last pause.
    pub cards: &'a [NoticeCard],
    /// The family's other cards, which are only mentioned.
    pub paused: &'a [PausedCard],
    /// The content of the last sent notice; `None` before the first.
    pub last_notice: Option<&'a LastNotice>,
    /// The contact for questions, as the operator gave it: a mail address or a few words.
    pub operator_contact: Option<&'a str>,
    /// The mail's links to the web pages, if there are pages.
    pub links: Option<&'a MailLinks>,
}

/// A card with its state, its library and its last good account.
#[derive(Debug, Clone, PartialEq)]
pub struct NoticeCard {
    /// The card.
    pub card: Card,
    /// The results of its checks.
    pub state: CardState,
    /// The card's library.
    pub library: Library,
    /// Its last good account; `None` before the first.
    pub stored: Option<StoredAccount>,
}

/// A card that is paused, or wasn't checked yet since its pause; with cleaned names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PausedCard {
    /// The patron.
    pub patron: String,
    /// The library's name in mails.
    pub library_name: String,
    /// Until when, and why.
    pub pause: CardPause,
    /// Whether the pause is over.
    pub has_ended: bool,
}
