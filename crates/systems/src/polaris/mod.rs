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
use hippo_browser::{Phrase, Session};
use hippo_core::account::Account;
use hippo_core::failure::Failure;

use crate::fingerprint::Detector;
use crate::list_reader::{AccountDescription, DescribedSystem, LoginDescription};

/// Polaris PAC.
#[derive(Debug)]
pub(crate) struct Polaris;

#[async_trait(?Send)]
impl DescribedSystem for Polaris {
    const NAME: &'static str = "polaris";
    const ACCOUNT_PAGE: &'static str = visit::ACCOUNT_PATH;

    fn account(&self) -> &'static AccountDescription {
        &pages::ACCOUNT
    }

    fn login(&self) -> &'static LoginDescription {
        &pages::LOGIN
    }

    async fn read_account(&self, session: &mut Session<'_>) -> Result<Account, Failure> {
        visit::read_account(session).await
    }

    fn other_phrases(&self) -> &'static [Phrase] {
        pages::OTHER_PHRASES
    }

    fn own_detector(&self) -> Option<&dyn Detector> {
        Some(self)
    }
}

#[cfg(test)]
mod tests;
