//! Innovative Sierra and Millennium with the classic WebPAC: a CAS login (or the catalogue's own form, if
//! there is no CAS), the patron's summary, and two tables of class `patFunc`.
//!
//! Library option: `scope` (`S3`), the catalogue's scope in the URLs; the site's own default without it.
//!
//! If the login form also asks for the patron's name, the card's number is given as
//! `First Last|number`.
//!
//! The pages print no card number. The record's number in their links shows that they belong to one
//! patron. An empty list has no page; `visit` describes what counts as the site's statement that it is
//! empty.

mod addresses;
mod fingerprints;
mod holds;
mod loans;
mod login;
mod pages;
mod phrases;
mod summary;
mod table;
mod visit;

use async_trait::async_trait;
use hippo_browser::{CardVisit, Phrase, ReadContext, session_expired_failure};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use self::login::Login;
use self::pages::{AccountPage, ParsedPage};
use crate::fingerprint::Detector;
use crate::offline::OfflineReader;
use crate::page_reader::PageReader;
use crate::system::System;

/// Innovative Sierra and Millennium.
#[derive(Debug)]
pub(crate) struct Sierra;

#[async_trait(?Send)]
impl System for Sierra {
    fn name(&self) -> &'static str {
        "sierra"
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[(
            "scope",
            "the catalogue's scope in the site's addresses, like S3; the site's own default if not given",
        )]
    }

    fn needs_date_format(&self) -> bool {
        true
    }

    fn account_url(&self, library: &Library) -> Option<Url> {
        if let Some(url) = &library.account_url {
            return Some(url.clone());
        }
        let scope = addresses::scope_suffix(library).ok()?;
        let mut url = library.base_url.clone();
        let path = format!("{}/patroninfo{scope}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Some(url)
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

impl PageReader for Sierra {
    type Part = AccountPage;

    fn read_page(&self, body: &str, context: &ReadContext<'_>) -> Result<AccountPage, Failure> {
        match pages::parse_page_body(body, context)? {
            ParsedPage::Account(page) => Ok(page),
            ParsedPage::Login(Login::SessionOver) => Err(session_expired_failure()),
            ParsedPage::Login(login) => {
                Err(login.failure(|| Failure::page_changed("the login form: nobody is logged in")))
            }
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
}

#[cfg(test)]
mod installations;
#[cfg(test)]
mod tests;
