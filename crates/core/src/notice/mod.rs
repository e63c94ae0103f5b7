//! Composes one family's notice for one local day.
//!
//! [`digest`] and [`attention`] choose the content, [`subject`] and [`render`] write the mail, and
//! [`last_notice`] is what the next notice compares with.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use crate::card::{Card, CardPause, CardState, StoredAccount};
use crate::family::Family;
use crate::library::Library;
use crate::mail::{MailContent, MailLinks};
use crate::notice::digest::Digest;
use crate::notice::last_notice::LastNotice;
use crate::notice::render::RenderError;

pub use self::cards::{notice_cards, paused_cards, unchecked_pause};

pub mod attention;
mod author;
pub mod card_status;
mod cards;
mod caveats;
pub mod compose;
pub mod digest;
mod expiry_message;
pub(crate) mod items;
mod keys;
pub mod last_notice;
pub mod line;
pub mod phrases;
pub mod render;
pub mod subject;
#[expect(
    missing_docs,
    reason = "plain data, named like what the templates show"
)]
pub mod view;

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

/// A composed notice.
#[derive(Debug, Clone, PartialEq)]
pub struct Composed {
    /// The content.
    pub digest: Digest,
    /// The mail; `None`: there is nothing to say, and the day is skipped.
    pub mail: Option<MailContent>,
    /// The state to store if the mail is sent, and only then.
    pub last_notice: LastNotice,
}

/// Composes a family's notice for one day.
///
/// The same input always gives the same notice.
///
/// # Errors
/// [`RenderError`] if a template can't be rendered, which is a bug.
pub fn compose(input: &NoticeInput<'_>) -> Result<Composed, RenderError> {
    let digest = Digest::from_input(input);
    let mail = match digest.occasion {
        Some(_) => Some(render::render(
            &digest,
            input.operator_contact,
            input.links,
        )?),
        None => None,
    };
    let last_notice = LastNotice::from_digest(input, &digest);
    Ok(Composed {
        digest,
        mail,
        last_notice,
    })
}
