//! `notify-all`: sends every mail that is due.
//!
//! Each [`tick`] plans the due mails and finalises those that won't be sent. [`compose`] composes a
//! mail, and [`send`] sends it once; [`picture`] composes the picture of the day. [`delivery_events`] records what the mail service reports.
//! [`run`] does it all in this process; [`enqueue`] enqueues the mails for workers. [`dry_run`] says what would be sent.

mod clock_doubt;
pub mod compose;
pub mod delivery_events;
pub mod dry_run;
pub mod enqueue;
mod input;
pub mod picture;
pub mod resend;
mod restore;
pub mod run;
pub mod send;
pub mod tick;

pub use input::NotifyAllInput;
