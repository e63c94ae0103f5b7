//! Koha's OPAC: one page, `opac-user.pl`, is both the login form and the whole account.
//!
//! Older sites (to 23.11) take `userid` and `password`, newer ones `login_userid`, `login_password`
//! and a `csrf_token` that is bound to the session in which the form was fetched. Every outcome of a
//! login has status 200, except a missing token; `#userdetails` exists only when somebody is logged in.
//!
//! Ids, classes and attributes are the same in all of Koha's languages, so they decide. Words decide
//! only where Koha has nothing else (a credit, a suspended hold on a site without buttons).
//!
//! The page names the patron's record, not the card's number: the login that it answers is the only proof that
//! the account is the card's own.

mod addresses;
mod columns;
mod dates;
mod fines;
mod fingerprints;
mod holds;
mod lists;
mod loans;
mod login;
mod messages;
mod pages;
mod phrases;
mod summary;
mod visit;
mod work;

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

/// Koha's OPAC with its “bootstrap” template.
#[derive(Debug)]
pub(crate) struct Koha;

#[async_trait(?Send)]
impl System for Koha {
    fn name(&self) -> &'static str {
        "koha"
    }

    /// Due dates have a machine-readable twin, and most pages state the format of the other dates. The declared
    /// format is for the rest.
    fn needs_date_format(&self) -> bool {
        true
    }

    fn states_date_format(&self) -> bool {
        true
    }

    fn account_url(&self, library: &Library) -> Option<Url> {
        match &library.account_url {
            Some(url) => Some(url.clone()),
            None => addresses::root(library).join(addresses::ACCOUNT).ok(),
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

impl PageReader for Koha {
    type Part = AccountPage;

    fn read_page(&self, body: &str, context: &ReadContext<'_>) -> Result<AccountPage, Failure> {
        match pages::parse_page_body(body, &[], context)? {
            ParsedPage::Account(page) => Ok(page),
            ParsedPage::Login(login) => Err(login.failure()),
        }
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

    fn stated_date_format(&self, page: &str) -> Option<&'static str> {
        dates::stated_format(page)
    }
}

#[cfg(test)]
mod installations;
#[cfg(test)]
mod tests;
