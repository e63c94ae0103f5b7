//! Signs people in to the web pages: by a link or a code that is mailed to an address we know.
//!
//! A browser starts a [`SignInAttempt`] for any address. If the address is a recipient of a family or
//! the operator's, [`send_message`] grants the attempt and sends its link and code. Using
//! one of them ends the attempt and begins a [`Session`]. Stores hold hashes of the tokens only.
//!
//! [`send_message`]: crate::message::send_message

mod attempt;
mod grant;
pub mod limit;
mod rate_log;
mod session;
mod token;

pub use attempt::{ATTEMPT_LIFETIME, LINK_PAGE, MAX_CODE_TRIES, SignInAttempt, SignInUse};
pub use grant::{Grant, PersonId};
pub use rate_log::{
    ADDRESS_LIMITS, CHECK_LIMITS, INVITATION_LIMITS, NETWORK_LIMITS, NUMBER_LIMITS, PIN_LIMITS,
    RateKey, RateLimit, RateLog, START_LIMITS, TOTAL_LIMITS,
};
pub use session::{OPERATOR_SESSION_LIFETIME, SESSION_LIFETIME, Session};
pub use token::{NoRandomness, SignInCode, Token, TokenHash};
