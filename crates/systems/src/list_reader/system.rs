//! A system whose pages are described.

use hippo_browser::{Phrase, ReadContext};
use hippo_core::account::Account;
use hippo_core::failure::Failure;

use super::account::{AccountPart, join_parts, read_page};
use super::description::AccountDescription;
use super::login::LoginDescription;
use super::phrases;
use crate::page_reader::PageReader;
use crate::system::System;

/// A system whose pages are described; it implements [`PageReader`] automatically.
pub(crate) trait DescribedSystem: System {
    /// Returns the description of the account's pages.
    fn account(&self) -> &'static AccountDescription;

    /// Returns the description of the login form.
    fn login(&self) -> &'static LoginDescription;

    /// Returns the phrases that the descriptions don't have. None by default.
    fn other_phrases(&self) -> &'static [Phrase] {
        &[]
    }
}

impl<T: DescribedSystem> PageReader for T {
    type Part = AccountPart;

    fn read_page(&self, body: &str, context: &ReadContext<'_>) -> Result<AccountPart, Failure> {
        read_page(self.account(), self.login(), body, context)
    }

    fn join_parts(
        &self,
        parts: Vec<AccountPart>,
        account: Account,
        _context: &ReadContext<'_>,
    ) -> Result<Account, Failure> {
        join_parts(self.account(), parts, account)
    }

    fn phrases(&self) -> Vec<Phrase> {
        let mut phrases = phrases::phrases(self.account(), self.login());
        phrases.extend(self.other_phrases());
        phrases
    }
}
