//! `BiblioCommons` V2: every page carries its state as JSON, so no HTML has to be read.
//!
//! `description` says where the state has the lists and what their entries say, `pages` reads one page, `account` makes
//! one account of several pages, `visit` logs in and fetches only pages with entries, and `login` reads the pages for a
//! visitor who is not logged in.

mod account;
mod description;
mod fingerprints;
mod login;
mod pages;
mod totals;
mod visit;

use async_trait::async_trait;
use hippo_browser::{CardVisit, Phrase, ReadContext};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use self::description::LOANS_PATH;
use self::login::LoginPage;
use self::pages::{AccountPage, ParsedPage};
use crate::fingerprint::Detector;
use crate::links::below_base;
use crate::offline::OfflineReader;
use crate::page_reader::PageReader;
use crate::system::System;

/// `BiblioCommons` V2: a login form, and account pages with their state as JSON inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bibliocommons;

#[async_trait(?Send)]
impl System for Bibliocommons {
    fn name(&self) -> &'static str {
        "bibliocommons"
    }

    fn account_url(&self, library: &Library) -> Option<Url> {
        library
            .account_url
            .clone()
            .or_else(|| below_base(library, LOANS_PATH.trim_start_matches('/')))
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

impl PageReader for Bibliocommons {
    type Part = AccountPage;

    fn read_page(&self, body: &str, context: &ReadContext<'_>) -> Result<AccountPage, Failure> {
        match pages::parse_page_body(body, context)? {
            ParsedPage::Account(page) => Ok(*page),
            ParsedPage::Login(LoginPage::Refused(failure)) => Err(failure),
            ParsedPage::Login(LoginPage::FormOnly) => {
                Err(Failure::page_changed("the login form, not an account page"))
            }
            ParsedPage::Anonymous => Err(Failure::page_changed(
                "an account page without a logged-in user",
            )),
        }
    }

    fn join_parts(
        &self,
        parts: Vec<AccountPage>,
        account: Account,
        context: &ReadContext<'_>,
    ) -> Result<Account, Failure> {
        account::join_pages(parts, account, context)
    }

    fn phrases(&self) -> Vec<Phrase> {
        description::phrases()
    }
}

#[cfg(test)]
mod examples;
#[cfg(test)]
mod installations;
#[cfg(test)]
mod tests;
