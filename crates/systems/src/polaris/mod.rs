//! Polaris PAC (`patronaccount/itemsout.aspx`), from version 3.5.
//!
//! The pages are ASP.NET forms: the login carries the state fields of its page along, and nothing else is ever posted.
//! The fields and the values of a row have fixed ends of their names and ids, whatever the layout puts before them.
//!
//! The lists of loans of version 3.5 are known from pages. Later layouts and the requests are known from what other
//! programs read of them only.

mod fingerprints;
mod pages;
mod values;
mod visit;

use async_trait::async_trait;
use hippo_browser::{CardVisit, Phrase};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use crate::fingerprint::Detector;
use crate::list_reader::{AccountDescription, DescribedSystem, LoginDescription};
use crate::offline::OfflineReader;
use crate::system::System;

/// Polaris PAC.
#[derive(Debug)]
pub(crate) struct Polaris;

#[async_trait(?Send)]
impl System for Polaris {
    fn name(&self) -> &'static str {
        "polaris"
    }

    fn needs_date_format(&self) -> bool {
        true
    }

    fn account_url(&self, library: &Library) -> Option<Url> {
        library.account_url.clone().or_else(|| {
            let mut url = library.base_url.clone();
            let path = url.path().trim_end_matches('/').to_owned();
            url.set_path(&format!("{path}/{}", visit::ACCOUNT_PATH));
            Some(url)
        })
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

impl DescribedSystem for Polaris {
    fn account(&self) -> &'static AccountDescription {
        &pages::ACCOUNT
    }

    fn login(&self) -> &'static LoginDescription {
        &pages::LOGIN
    }

    fn other_phrases(&self) -> &'static [Phrase] {
        pages::OTHER_PHRASES
    }
}

#[cfg(test)]
mod tests;
