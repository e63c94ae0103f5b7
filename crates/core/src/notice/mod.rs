//! Composes one family's notice for one local day.
//!
//! [`digest`] and [`attention`] choose the content, [`subject`] and [`render`] write the mail, and
//! [`last_notice`] is what the next notice compares with.

use crate::mail::MailContent;
use crate::notice::digest::Digest;
use crate::notice::last_notice::LastNotice;
use crate::notice::render::RenderError;

pub use self::cards::{notice_cards, paused_cards, unchecked_pause};
pub use self::input::{NoticeCard, NoticeInput, PausedCard};

pub mod attention;
mod author;
pub mod card_status;
mod cards;
mod caveats;
pub mod compose;
pub mod digest;
mod expiry_message;
mod input;
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
