//! Unsubscribing from one kind of email by the link in it, also with one click (RFC 8058).
//!
//! Each mail has a link with a random token. The mail's record in the outbox holds the token's hash
//! before the mail can leave, so a link works as long as the record is kept, and a mail that is sent
//! twice has two links that work. Anyone who knows a token can unsubscribe the recipients that it stands
//! for, undo that, and nothing else.

mod mask;
mod subscription;
mod token;

pub use mask::mask_addresses;
pub use subscription::{Subscription, find_subscription};
pub use token::{UnsubscribeLink, UnsubscribeToken};

#[cfg(test)]
mod tests;
