//! The way to a library's site, seen from the jobs.

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
    /// Calls `permit` once right before each login that it sends, and sends nothing when that fails; settles the
    /// login through it as soon as the site shows what became of it. Must not take longer than the time limit of a
    /// card, must never mix two patrons, and must answer `page_changed` rather than an account of which it is not
    /// sure. The account's loans and holds are both known.
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
    /// The site, or the way to it, gave none.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The login was not permitted, or what became of it could not be kept.
    #[error(transparent)]
    NotPermitted(#[from] PermitError),
}

/// Why a login may not be sent, or what became of it is not kept.
#[derive(Debug, thiserror::Error)]
pub enum PermitError {
    /// It may not be sent, for a reason that is put on record.
    #[error(transparent)]
    Refused(Failure),
    /// It is left to others: another check is at the card, or somebody made it wait. Nothing is put on record.
    #[error("The login is left to others.")]
    LeftToOthers,
    /// The mark could not be written.
    #[error("The login's mark could not be written.")]
    Store(#[from] StoreError),
}

/// What a system is told, which can do nothing but stop.
impl From<&PermitError> for Failure {
    fn from(error: &PermitError) -> Self {
        match error {
            PermitError::Refused(failure) => failure.clone(),
            PermitError::LeftToOthers | PermitError::Store(_) => Self::not_tried(error.to_string()),
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

/// Asked before a login is sent, and told what became of it: keeps the durable mark.
#[async_trait]
pub trait LoginPermit: Send + Sync {
    /// Comes back with `Ok` once the mark is durable; otherwise no login may be sent.
    async fn about_to_log_in(&self) -> Result<(), PermitError>;

    /// Keeps durably what became of the login, before anything else is read or asked for.
    ///
    /// By default nothing is kept: for visitors without a mark.
    async fn settle_login(&self, outcome: LoginOutcome) -> Result<(), PermitError> {
        let _ = outcome;
        Ok(())
    }
}
