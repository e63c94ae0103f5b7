//! Messages: emails outside the outbox, sent at least once, but a sign-in mail at most once.
//!
//! A page enqueues a [`MessageRequest`]. A worker makes the tokens, composes the email and sends it.

mod card_pin;
mod deliver;
mod identity;
mod letter;
mod ports;
mod recipients;
mod request;
mod retry;
mod sign_in;
mod test_mail;
#[cfg(test)]
mod testing;

pub use card_pin::PinChange;
pub use identity::IdentityLinking;
pub use ports::{MessageError, MessageOutcome, MessagePorts};
pub use recipients::{InvitationRequest, Removal, RemovalReader};
pub use request::{MessageRequest, send_message};
pub use retry::{MAX_TRIES, retry_pause};
pub use sign_in::SignInRequest;
pub use test_mail::{TestMailOrigin, compose_test_mail};
