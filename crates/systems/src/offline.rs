//! Reads the saved pages of an account, without a network.

use hippo_browser::{Phrase, ReadContext, SavedPage};
use hippo_core::account::Account;
use hippo_core::failure::Failure;

/// Reads saved pages of one account.
pub trait OfflineReader: Send + Sync {
    /// Reads the pages, in any order.
    ///
    /// What the pages don't state is unknown. An unrecognised page is `page_changed`; a page with a refused login is
    /// `wrong_credentials`.
    fn read(&self, pages: &[SavedPage], context: &ReadContext<'_>) -> Result<Account, Failure>;

    /// Returns the phrases by which the pages are read, none of which is personal: a recording for a bug report keeps
    /// them.
    fn phrases(&self) -> Vec<Phrase>;

    /// Returns the date format (strftime) that a page states; it overrides the library's entry.
    fn stated_date_format(&self, page: &str) -> Option<&'static str>;
}
