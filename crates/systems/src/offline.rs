//! Reading the saved pages of an account, without a network.

use hippo_browser::{Phrase, ReadContext, SavedPage};
use hippo_core::account::Account;
use hippo_core::failure::Failure;

/// Reads saved pages of one account.
pub trait OfflineReader: Send + Sync {
    /// Reads the pages, in any order.
    ///
    /// What the pages do not say is unknown. A page that is not recognised is `page_changed`, one that shows a
    /// refused login is `wrong_credentials`.
    fn read(&self, pages: &[SavedPage], context: &ReadContext<'_>) -> Result<Account, Failure>;

    /// The phrases by which its pages are read, none of which is a patron's: what a recording for a bug report
    /// keeps.
    fn phrases(&self) -> Vec<Phrase>;

    /// How a page states that it writes dates (strftime): readers believe it before the library's entry.
    fn stated_date_format(&self, page: &str) -> Option<&'static str>;
}
