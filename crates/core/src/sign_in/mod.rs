//! Signs people in to the web pages: by a link or a code that is mailed to an address we know.
//!
//! A browser starts a [`SignInAttempt`] for any address. If the address is a recipient of a family or
//! the operator's, [`send_message`] grants the attempt and sends its link and code. Using
//! one of them ends the attempt and begins a [`Session`]. Stores hold hashes of the tokens only.
//!
//! An [`IdentityProvider`] says who somebody is by an account that the person has elsewhere. That
//! [`Identity`] signs in a person only after an [`IdentityLink`] was made, by a person who signed in by email.
//!
//! [`send_message`]: crate::message::send_message

mod attempt;
mod find_grant;
mod grant;
mod identity;
mod issuer;
pub mod limit;
mod provider;
mod rate_log;
mod session;
mod token;

pub use attempt::{ATTEMPT_LIFETIME, LINK_PAGE, MAX_CODE_TRIES, SignInAttempt, SignInUse};
pub(crate) use find_grant::grant_among;
pub use find_grant::{find_grant, is_recipient};
pub use grant::{Grant, PersonId};
pub use identity::{Identity, IdentityId, IdentityLink, LINK_LIFETIME, LinkState};
pub use issuer::{InvalidIssuer, Issuer};
pub use provider::{
    ClientSecretSource, IdentityAnswer, IdentityError, IdentityProvider, IdentityRequest,
    REQUEST_LIFETIME,
};
pub use rate_log::{
    ADDRESS_LIMITS, CHECK_LIMITS, IDENTITY_LIMITS, INVITATION_LIMITS, INVITED_LIMITS,
    NETWORK_LIMITS, NUMBER_LIMITS, PIN_LIMITS, REQUEST_LIMITS, RateKey, RateLimit, RateLog,
    START_LIMITS, TOTAL_LIMITS,
};
pub use session::{OPERATOR_SESSION_LIFETIME, SESSION_LIFETIME, Session, SignInMethod};
pub use token::{NoRandomness, SignInCode, Token, TokenHash};
