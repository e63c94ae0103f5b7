//! A system whose pages are described.

use std::sync::LazyLock;

use async_trait::async_trait;
use hippo_browser::{CardVisit, Phrase, ReadContext};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use super::account::{join_parts, read_page};
use super::description::AccountDescription;
use super::login::LoginDescription;
use super::part::AccountPart;
use super::phrases;
use super::visit::AccountVisit;
use crate::fingerprint::Detector;
use crate::links::below_base;
use crate::offline::OfflineReader;
use crate::page_reader::PageReader;
use crate::system::System;

/// A system whose pages are described; it implements [`System`] and [`PageReader`] automatically.
///
/// Its dates need the library's format.
#[async_trait(?Send)]
pub(crate) trait DescribedSystem: Send + Sync {
    /// See [`System::name`].
    const NAME: &'static str;
    /// The path of the page that shows the account to a person, perhaps with a query.
    const ACCOUNT_PAGE: &'static str;
    /// See [`System::states_date_format`].
    const STATES_DATE_FORMAT: bool = false;
    /// The description of the account's pages.
    const ACCOUNT: &'static LazyLock<AccountDescription>;
    /// The description of the login form.
    const LOGIN: &'static LazyLock<LoginDescription>;
    /// Addresses of the site's pages and links, by whose parts the pages are read.
    const ADDRESSES: &'static [&'static str] = &[];
    /// See [`System::options`].
    const OPTIONS: &'static [(&'static str, &'static str)] = &[];
    /// See [`System::detector`].
    const DETECTOR: Option<&'static dyn Detector> = None;

    /// Logs in, and fetches the pages with the loans and the holds.
    async fn fetch_account(&self, visit: &mut AccountVisit<'_, '_>) -> Result<(), Failure>;

    /// Returns the phrases that neither the descriptions nor the addresses have. None by default.
    fn other_phrases(&self) -> &'static [Phrase] {
        &[]
    }

    /// Returns the address of the account's page. By default, [`Self::ACCOUNT_PAGE`] below the site's own address.
    fn own_account_url(&self, library: &Library) -> Option<Url> {
        below_base(library, Self::ACCOUNT_PAGE)
    }
}

#[async_trait(?Send)]
impl<T: DescribedSystem> System for T {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        T::OPTIONS
    }

    fn needs_date_format(&self) -> bool {
        true
    }

    fn states_date_format(&self) -> bool {
        T::STATES_DATE_FORMAT
    }

    fn account_url(&self, library: &Library) -> Option<Url> {
        let url = library.account_url.clone();
        url.or_else(|| self.own_account_url(library))
    }

    async fn check(&self, visit: &CardVisit<'_>) -> Result<Account, Failure> {
        visit
            .browse(async |session| {
                let mut visit = AccountVisit::new(T::ACCOUNT, T::LOGIN, session);
                self.fetch_account(&mut visit).await?;
                visit.join()
            })
            .await
    }

    fn offline_reader(&self) -> Option<&dyn OfflineReader> {
        Some(self)
    }

    fn detector(&self) -> Option<&dyn Detector> {
        T::DETECTOR
    }
}

impl<T: DescribedSystem> PageReader for T {
    type Part = AccountPart;

    fn read_page(&self, body: &str, context: &ReadContext<'_>) -> Result<AccountPart, Failure> {
        read_page(T::ACCOUNT, T::LOGIN, body, context)
    }

    fn join_parts(
        &self,
        parts: Vec<AccountPart>,
        account: Account,
        _context: &ReadContext<'_>,
    ) -> Result<Account, Failure> {
        join_parts(T::ACCOUNT, parts, account)
    }

    fn phrases(&self) -> Vec<Phrase> {
        let mut phrases = phrases::phrases(T::ACCOUNT, T::LOGIN);
        let addresses = T::ADDRESSES.iter();
        phrases.extend(addresses.flat_map(|address| Phrase::parts_of_address(address)));
        phrases.extend(self.other_phrases());
        phrases
    }

    fn stated_date_format(&self, page: &str) -> Option<&'static str> {
        T::ACCOUNT.date_format.find(&[page])
    }
}
