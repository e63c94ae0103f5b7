//! The outbox: the record of every dated mail, so that each is sent once.
//!
//! A mail has one record for its kind, family and local date ([`MailKey`]). [`OutboxRecord`] has the
//! steps of the worker that claimed it, `recipients` how far it got with each recipient, and
//! `reconcile` all other steps: by delivery events, time, and a person.
//!
//! A new kind of mail is a constant in [`MailKind`] and a composer in [`crate::jobs::notify::compose`].

mod recipient;
mod recipients;
mod reconcile;
mod record;

pub use crate::mail::{MailKey, MailKind};
pub use recipient::{MailRecipient, RecipientState};
pub use recipients::MAX_RETRIES;
pub use reconcile::{AcceptedBy, DELIVERY_EVENT_WAIT};
pub use record::{
    HELD_RESTORED, LEASE, MailState, OutboxRecord, REFUSED_DELAY, SEND_LIMIT, TransitionError,
};
