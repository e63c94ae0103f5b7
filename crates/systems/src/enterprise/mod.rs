//! SirsiDynix Enterprise, in two generations: the account page's script fetches the lists.
//!
//! The older generation fetches its lists by POST. The newer one has a token (`sdcsrf`), sent with the login form
//! and as a header, and fetches by GET.
//!
//! Library options: `profile` (default `default`) and `locale` (default `en_US`), the two parts of the
//! site's URLs, `/client/LOCALE/PROFILE/search/account?`. A `base_url` that already has them is used
//! as it is.
//!
//! The pages print neither a card number nor fines, and item links lead nowhere outside the page.

mod addresses;
mod answer;
mod empty;
mod fingerprints;
mod holds;
mod loans;
mod login;
mod pages;
mod phrases;
mod row;
mod visibility;
mod visit;

use async_trait::async_trait;
use hippo_browser::{CardVisit, Phrase, ReadContext};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use self::pages::{AccountPage, ParsedPage};
use crate::fingerprint::Detector;
use crate::offline::OfflineReader;
use crate::page_reader::PageReader;
use crate::system::System;

/// SirsiDynix Enterprise.
#[derive(Debug)]
pub(crate) struct Enterprise;

#[async_trait(?Send)]
impl System for Enterprise {
    fn name(&self) -> &'static str {
        "enterprise"
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[
            (
                "profile",
                "the profile in the site's addresses; “default” if not given",
            ),
            (
                "locale",
                "the language in the site's addresses; “en_US” if not given",
            ),
        ]
    }

    fn needs_date_format(&self) -> bool {
        true
    }

    fn account_url(&self, library: &Library) -> Option<Url> {
        match &library.account_url {
            Some(url) => Some(url.clone()),
            None => addresses::site_folder(library).ok()?.join("account?").ok(),
        }
    }

    async fn check(&self, visit: &CardVisit<'_>) -> Result<Account, Failure> {
        visit.browse(visit::read_account).await
    }

    fn offline_reader(&self) -> Option<&dyn OfflineReader> {
        Some(self)
    }

    fn detector(&self) -> Option<&dyn Detector> {
        Some(self)
    }
}

impl PageReader for Enterprise {
    type Part = AccountPage;

    fn read_page(&self, body: &str, context: &ReadContext<'_>) -> Result<AccountPage, Failure> {
        Err(match pages::parse_page_body(body, context)? {
            ParsedPage::Account(page) => return Ok(page),
            ParsedPage::Broken => Failure::site_down("the site's own error page"),
            ParsedPage::Login(Some(failure)) => failure,
            ParsedPage::Login(None) => Failure::page_changed("the login form: nobody is logged in"),
            ParsedPage::Unknown => Failure::page_changed("neither a list of loans nor of holds"),
        })
    }

    fn join_parts(
        &self,
        parts: Vec<AccountPage>,
        account: Account,
        _context: &ReadContext<'_>,
    ) -> Result<Account, Failure> {
        pages::join_parts(parts, account)
    }

    fn phrases(&self) -> Vec<Phrase> {
        phrases::phrases()
    }
}

#[cfg(test)]
mod installations;
#[cfg(test)]
mod tests;
