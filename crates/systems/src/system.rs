//! What a library system is to LibraryHippo.

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
/// Each visit has a thread of its own, so its future need not be `Send`.
#[async_trait(?Send)]
pub trait System: Send + Sync {
    /// Its name: `sierra`.
    fn name(&self) -> &'static str;

    /// The options that a library with this system may have beside [`crate::COMMON_OPTIONS`]: name, and what it
    /// means. None by default.
    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Whether a printed number is sent with its spaces and hyphens. No by default; a library's option may say
    /// otherwise ([`crate::COMMON_OPTIONS`]).
    fn keeps_number_separators(&self) -> bool {
        false
    }

    /// Whether its pages write dates as each library likes, so that a library of it needs a `date_format`. No by
    /// default.
    fn needs_date_format(&self) -> bool {
        false
    }

    /// Whether most of those pages state how they write dates, so that the library's `date_format` is only for the
    /// others. No by default.
    fn states_date_format(&self) -> bool {
        false
    }

    /// The page that a person opens to see the account; mails link to it.
    fn account_url(&self, library: &Library) -> Option<Url>;

    /// Logs in, reads the whole account, and logs out where the system has a logout, also after an error.
    ///
    /// Loans and holds are both known in what it returns. As for [`hippo_core::site::LibrarySite`], the permit is
    /// asked right before a login is sent; [`CardVisit::browse`] does that and all that is common to sites of pages.
    async fn check(&self, visit: &CardVisit<'_>) -> Result<Account, Failure>;

    /// Reads saved pages, where its accounts are pages. None by default.
    fn offline_reader(&self) -> Option<&dyn OfflineReader> {
        None
    }

    /// Recognises its sites, where they show what they run. None by default.
    fn detector(&self) -> Option<&dyn Detector> {
        None
    }

    /// An account of this system of which nothing is known yet.
    fn unknown_account(&self) -> Result<Account, Failure> {
        let name = self.name().parse();
        name.map(Account::unknown)
            .map_err(|_| Failure::not_tried("the system has no name"))
    }
}
