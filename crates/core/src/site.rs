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
    /// Logs in, reads, and logs out where the system has a logout.
    ///
    /// Calls `permit` once right before each login, and sends nothing if that fails. Settles the login
    /// through it as soon as the site shows the outcome. Must keep to the time limit of a card, must never
    /// mix two patrons, and must return `page_changed` rather than an uncertain account. The account's
    /// loans and holds are both known.
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

/// Why a login may not be sent, or its outcome was not stored.
#[derive(Debug, thiserror::Error)]
pub enum PermitError {
    /// It may not be sent, for a reason that is recorded.
    #[error(transparent)]
    Refused(Failure),
    /// Another check is logging in to the card, or a person made it wait. Nothing is recorded.
    #[error("The login was skipped: another check is running, or a person changed the card.")]
    LoginSkipped,
    /// The mark could not be written.
    #[error("The login's mark could not be written.")]
    Store(#[from] StoreError),
}

/// The failure that a library system sees; it can only stop.
impl From<&PermitError> for Failure {
    fn from(error: &PermitError) -> Self {
        match error {
            PermitError::Refused(failure) => failure.clone(),
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

/// Permits logins and stores their outcomes: keeps the durable mark.
#[async_trait]
pub trait LoginPermit: Send + Sync {
    /// Returns `Ok` once the mark is durable; otherwise no login may be sent.
    async fn permit_login(&self) -> Result<(), PermitError>;

    /// Stores the outcome of the login durably, before the next request.
    ///
    /// By default stores nothing, for callers without a mark.
    async fn settle_login(&self, outcome: LoginOutcome) -> Result<(), PermitError> {
        let _ = outcome;
        Ok(())
    }
}
