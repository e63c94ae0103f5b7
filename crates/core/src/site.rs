//! The way to a library's site, seen from the jobs.

use async_trait::async_trait;

use crate::account::Account;
use crate::card::{CardSecret, LoginOutcome};
use crate::failure::Failure;
use crate::library::Library;

/// Reads a card's account at its library's site.
#[async_trait]
pub trait LibrarySite: Send + Sync {
    /// Logs in, reads, and logs out where the system has a logout.
    ///
    /// Calls `permit` once right before each login that it sends, and sends nothing when that
    /// fails; settles the login through it as soon as the site shows what became of it. Must not take longer than the time limit of a card, must never mix two patrons, and
    /// must answer `page_changed` rather than an account of which it is not sure. The account's
    /// loans and holds are both known.
    async fn check(
        &self,
        library: &Library,
        secret: &CardSecret,
        permit: &dyn LoginPermit,
    ) -> Result<Account, Failure>;
}

/// Asked before a login is sent, and told what became of it: keeps the durable mark.
#[async_trait]
pub trait LoginPermit: Send + Sync {
    /// Comes back with `Ok` once the mark is durable; otherwise no login may be sent.
    async fn about_to_log_in(&self) -> Result<(), Failure>;

    /// Keeps durably what became of the login, before anything else is read or asked for.
    ///
    /// By default nothing is kept: for visitors without a mark.
    async fn settle_login(&self, outcome: LoginOutcome) -> Result<(), Failure> {
        let _ = outcome;
        Ok(())
    }
}
