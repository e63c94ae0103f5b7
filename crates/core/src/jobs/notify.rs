//! `notify-all`: sends every mail that is due.
//!
//! Each [`tick`] plans what is due and finalises what nobody will send. [`compose`] puts a mail into
//! words, and [`send`] sends it, once. [`delivery_events`] records what the mail service reports. [`run`] does it all in this
//! process; [`enqueue`] sends the mails to a queue for workers.

mod clock_doubt;
pub mod compose;
pub mod delivery_events;
pub mod enqueue;
mod input;
mod restore;
pub mod run;
pub mod send;
pub mod tick;

pub use input::NotifyAllInput;
