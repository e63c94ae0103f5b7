//! Reads an account from pages, each of which is read alone.

use hippo_browser::{
    Phrase, ReadContext, SavedPage, has_session_over_words, session_expired_failure,
};
use hippo_core::account::Account;
use hippo_core::failure::{Failure, FailureKind};

use crate::offline::OfflineReader;
use crate::system::System;

/// A system whose pages are read one by one; it implements [`OfflineReader`] automatically.
pub(crate) trait PageReader: System {
    /// The content of one page.
    type Part;

    /// Reads one page.
    fn read_page(&self, body: &str, context: &ReadContext<'_>) -> Result<Self::Part, Failure>;

    /// Joins at least one page's content into an account of which nothing is known yet.
    fn join_parts(
        &self,
        parts: Vec<Self::Part>,
        account: Account,
        context: &ReadContext<'_>,
    ) -> Result<Account, Failure>;

    /// See [`OfflineReader::phrases`].
    fn phrases(&self) -> Vec<Phrase>;

    /// See [`OfflineReader::stated_date_format`]. None by default.
    fn stated_date_format(&self, _page: &str) -> Option<&'static str> {
        None
    }
}

impl<T: PageReader> OfflineReader for T {
    fn read(&self, pages: &[SavedPage], context: &ReadContext<'_>) -> Result<Account, Failure> {
        let mut parts = Vec::with_capacity(pages.len());
        for page in pages {
            let part = self.read_page(&page.body, context);
            parts.push(part.map_err(|failure| in_saved_page(page, failure))?);
        }
        if parts.is_empty() {
            return Err(Failure::page_changed("no page to read"));
        }
        self.join_parts(parts, self.unknown_account()?, context)
    }

    fn phrases(&self) -> Vec<Phrase> {
        PageReader::phrases(self)
    }

    fn stated_date_format(&self, page: &str) -> Option<&'static str> {
        PageReader::stated_date_format(self, page)
    }
}

/// Adds the page's name to its failure; an expired session becomes `session_expired`.
fn in_saved_page(page: &SavedPage, failure: Failure) -> Failure {
    let is_unknown = failure.kind == FailureKind::PageChanged;
    let failure = if is_unknown && has_session_over_words(&page.body) {
        session_expired_failure()
    } else {
        failure
    };
    Failure {
        detail: format!("{}: {}", page.name, failure.detail),
        ..failure
    }
}
