//! The outbox: the record of every dated mail, so that each is sent once.
//!
//! A mail has one record for its kind, family and local date ([`MailKey`]). [`OutboxRecord`] has
//! the transitions of the worker that claimed it, and `recipients` tracks the delivery to each
//! recipient. `reconcile` has all other transitions: by delivery events, by time, and by a person.
//!
//! A new kind of mail is a constant in [`MailKind`] and a composer in
//! [`crate::jobs::notify::compose`].

mod meaning;
mod recipient;
mod recipients;
mod reconcile;
mod record;

pub use crate::mail::{MailKey, MailKind};
pub use recipient::{MailRecipient, RecipientState};
pub use recipients::MAX_RETRIES;
pub use reconcile::{AcceptedBy, DELIVERY_EVENT_WAIT};
pub use record::{
    EVERYBODY_UNSUBSCRIBED, FAMILY_PAUSED, HELD_RESTORED, LEASE_DURATION, MailState, OutboxRecord,
    REFUSED_DELAY, SCHEDULE_PAUSED, SEND_LIMIT, TransitionError,
};
