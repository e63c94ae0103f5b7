//! SirsiDynix Enterprise, in two generations: lists that the account page's script fetches.
//!
//! The older one asks for its lists by POST; the newer one has a token (`sdcsrf`) that travels with
//! the login form and as a header, and asks by GET.
//!
//! Library options: `profile` (`default` without one) and `locale` (`en_US`), the two parts of the
//! site's addresses, `/client/LOCALE/PROFILE/search/account?`. A `base_url` that has them already
//! is taken as it is.
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
mod shown;
mod visit;

use async_trait::async_trait;
use hippo_browser::{CardVisit, Phrase, ReadContext};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use self::pages::{PageKind, Part};
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
                "the site's profile, as its addresses have it; “default” without it",
            ),
            (
                "locale",
                "the site's language, as its addresses have it; “en_US” without it",
            ),
        ]
    }

    fn needs_date_format(&self) -> bool {
        true
    }

    fn account_url(&self, library: &Library) -> Option<Url> {
        match &library.account_url {
            Some(url) => Some(url.clone()),
            None => addresses::folder(library).ok()?.join("account?").ok(),
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
    type Part = Part;

    fn read_page(&self, body: &str, context: &ReadContext<'_>) -> Result<Part, Failure> {
        Err(match pages::classify_page(body, context)? {
            PageKind::Account(part) => return Ok(part),
            PageKind::Broken => Failure::site_down("the site's own page of a system error"),
            PageKind::Login(Some(failure)) => failure,
            PageKind::Login(None) => Failure::page_changed("the login form: nobody is logged in"),
            PageKind::Unknown => Failure::page_changed("neither a list of loans nor of holds"),
        })
    }

    fn join_parts(
        &self,
        parts: Vec<Part>,
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
