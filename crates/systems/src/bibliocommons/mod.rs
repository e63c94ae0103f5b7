//! `BiblioCommons` V2: every page carries its state as JSON, so no HTML has to be read.
//!
//! `description` says where the state has the lists and what their entries say, `login` describes the login form, and
//! `visit` logs in. The JSON reader fetches and reads the pages, only those with entries.

mod description;
mod fingerprints;
mod login;
mod visit;

use async_trait::async_trait;
use hippo_browser::{CardVisit, Phrase, ReadContext};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use self::description::{LOANS_PATH, STATE};
use crate::fingerprint::Detector;
use crate::json_reader::{self, AccountState};
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
    type Part = AccountState;

    fn read_page(&self, body: &str, context: &ReadContext<'_>) -> Result<AccountState, Failure> {
        json_reader::read_saved_state(&STATE, body, context)
    }

    fn join_parts(
        &self,
        parts: Vec<AccountState>,
        account: Account,
        context: &ReadContext<'_>,
    ) -> Result<Account, Failure> {
        json_reader::join_states(&STATE, parts, account, context)
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
