//! The port to a library's site.

use async_trait::async_trait;

use crate::account::Account;
use crate::card::{CardSecret, LoginOutcome};
use crate::failure::Failure;
use crate::library::Library;
use crate::store::StoreError;

/// Reads a card's account at its library's site.
#[async_trait]
pub trait LibrarySite: Send + Sync {
    /// Logs in, reads the account, and logs out where the system has a logout.
    ///
    /// Calls [`LoginPermit::permit_login`] right before each login; if that fails, sends nothing.
    /// Calls [`LoginPermit::record_login_outcome`] as soon as the site shows the outcome. Must keep to the
    /// time limit of a card, must never mix two patrons, and must return `page_changed` rather than an
    /// uncertain account. Both the loans and the holds of a returned account are known.
    async fn check(
        &self,
        library: &Library,
        secret: &CardSecret,
        permit: &dyn LoginPermit,
    ) -> Result<Account, SiteError>;
}

/// Why a check gave no account.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// The site or the connection failed.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The login was not permitted, or its outcome could not be stored.
    #[error(transparent)]
    NotPermitted(#[from] PermitError),
}

/// Why a login is not permitted, or its outcome was not stored.
#[derive(Debug, thiserror::Error)]
pub enum PermitError {
    /// The login is not permitted; the check fails with this reason.
    #[error(transparent)]
    NotTried(Failure),
    /// Another check is running, or a person changed the card. The check ends without a record.
    #[error("The login was skipped: another check is running, or a person changed the card.")]
    LoginSkipped,
    /// The login mark could not be written.
    #[error("Couldn't write the login mark.")]
    Store(#[from] StoreError),
}

/// Converts to the failure that a library system gets. It can only stop.
impl From<&PermitError> for Failure {
    fn from(error: &PermitError) -> Self {
        match error {
            PermitError::NotTried(failure) => failure.clone(),
            PermitError::LoginSkipped | PermitError::Store(_) => Self::not_tried(error.to_string()),
        }
    }
}

impl From<PermitError> for Failure {
    fn from(error: PermitError) -> Self {
        Self::from(&error)
    }
}

impl From<SiteError> for Failure {
    fn from(error: SiteError) -> Self {
        match error {
            SiteError::Failed(failure) => failure,
            SiteError::NotPermitted(error) => error.into(),
        }
    }
}

/// Permits logins and records their outcomes.
///
/// Before each login it writes a durable mark (a [`LoginMark`](crate::card::LoginMark)), so that a
/// crash can't repeat the login.
#[async_trait]
pub trait LoginPermit: Send + Sync {
    /// Returns `Ok` once the login mark is durable; otherwise no login may be sent.
    async fn permit_login(&self) -> Result<(), PermitError>;

    /// Records the login's outcome durably. Call it before the next request.
    ///
    /// By default it records nothing, for permits that write no mark.
    async fn record_login_outcome(&self, outcome: LoginOutcome) -> Result<(), PermitError> {
        let _ = outcome;
        Ok(())
    }
}
