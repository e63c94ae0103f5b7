//! Composes one family's notice for one local day.
//!
//! [`digest`] and [`attention`] choose the content, [`subject`] and [`render`] write the mail, and
//! [`last_notice`] is what the next notice compares with.

use chrono::{DateTime, NaiveDate, Utc};

use crate::card::{Card, CardState, StoredAccount};
use crate::family::Family;
use crate::library::Library;
use crate::mail::MailContent;
use crate::notice::digest::Digest;
use crate::notice::last_notice::LastNotice;
use crate::notice::render::RenderError;

pub mod attention;
mod author;
mod compose;
pub mod digest;
mod items;
mod keys;
pub mod last_notice;
pub mod line;
pub mod render;
pub mod subject;
mod view;
mod words;

/// The whole input of a notice.
#[derive(Debug, Clone, Copy)]
pub struct NoticeInput<'a> {
    /// The family that gets the notice.
    pub family: &'a Family,
    /// The notice's local date, computed once: its key, and the day of a weekly summary.
    pub date: NaiveDate,
    /// The family's local date on which the mail leaves: “today” and “overdue” count from it. It is
    /// the day after the notice's where a late notice leaves after midnight.
    pub today: NaiveDate,
    /// The ages of accounts are counted from here; nothing else is.
    pub now: DateTime<Utc>,
    /// The family's cards, without those that are paused.
    pub cards: &'a [NoticeCard],
    /// The content of the last sent notice; `None` before the first.
    pub last_notice: Option<&'a LastNotice>,
    /// The contact for questions, as the operator gave it: a mail address or a few words.
    pub operator_contact: Option<&'a str>,
}

/// A card, how its checks went, its library and its last good account.
#[derive(Debug, Clone, PartialEq)]
pub struct NoticeCard {
    /// The card.
    pub card: Card,
    /// How its checks went.
    pub state: CardState,
    /// The card's library.
    pub library: Library,
    /// Its last good account; `None`: there was none yet.
    pub stored: Option<StoredAccount>,
}

/// A notice, composed.
#[derive(Debug, Clone, PartialEq)]
pub struct Composed {
    /// The content.
    pub digest: Digest,
    /// The mail; `None`: there is nothing to say, and the day is skipped.
    pub mail: Option<MailContent>,
    /// To be stored when the mail was sent, and only then.
    pub last_notice: LastNotice,
}

/// Composes a family's notice for one day.
///
/// The same input always gives the same notice.
///
/// # Errors
/// [`RenderError`] where a template cannot be filled, which is a fault of ours.
pub fn compose(input: &NoticeInput<'_>) -> Result<Composed, RenderError> {
    let digest = Digest::of(input);
    let mail = match digest.occasion {
        Some(_) => Some(render::render(&digest, input.operator_contact)?),
        None => None,
    };
    let last_notice = LastNotice::from_digest(input, &digest);
    Ok(Composed {
        digest,
        mail,
        last_notice,
    })
}
