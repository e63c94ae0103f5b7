//! The interface of a library system.

use async_trait::async_trait;
use hippo_browser::CardVisit;
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use crate::fingerprint::Detector;
use crate::offline::OfflineReader;

/// The software behind a library's site: how to log in and read an account.
///
/// Each visit has its own thread, so its future need not be `Send`.
#[async_trait(?Send)]
pub trait System: Send + Sync {
    /// Returns its name: `sierra`.
    fn name(&self) -> &'static str;

    /// Returns the system's own options, in addition to [`crate::COMMON_OPTIONS`]: name and meaning. None
    /// by default.
    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Whether a printed number is sent with its spaces and hyphens. No by default; a library's option overrides
    /// it ([`crate::COMMON_OPTIONS`]).
    fn keeps_number_separators(&self) -> bool {
        false
    }

    /// Whether the date format differs between libraries, so that each needs a `date_format`. No by default.
    fn needs_date_format(&self) -> bool {
        false
    }

    /// Whether most pages state their date format, so that `date_format` is only for the rest. No by default.
    fn states_date_format(&self) -> bool {
        false
    }

    /// Returns the page that shows the account to a person; mails link to it.
    fn account_url(&self, library: &Library) -> Option<Url>;

    /// Logs in, reads the whole account, and logs out if the system has a logout, even after an error.
    ///
    /// Both the loans and the holds of a returned account are known. Ask the permit right before each login, as
    /// [`hippo_core::site::LibrarySite`] requires. For sites with pages, [`CardVisit::browse`] does this.
    async fn check(&self, visit: &CardVisit<'_>) -> Result<Account, Failure>;

    /// Returns the reader of saved pages, if its accounts are pages. None by default.
    fn offline_reader(&self) -> Option<&dyn OfflineReader> {
        None
    }

    /// Returns the detector of its sites, if they can be recognised. None by default.
    fn detector(&self) -> Option<&dyn Detector> {
        None
    }

    /// Returns an account of this system of which nothing is known yet.
    fn unknown_account(&self) -> Result<Account, Failure> {
        let name = self.name().parse();
        name.map(Account::unknown)
            .map_err(|_| Failure::not_tried("the system has no name"))
    }
}
