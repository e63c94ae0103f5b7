//! `SirsiDynix` Symphony Web Services: the programming interface of Symphony, which answers with JSON.
//!
//! The library's address is the interface's own, such as `https://HOST/NAME_ilsws`. One request looks whether it is
//! up, one logs in, one fetches the patron with all records, one logs out. `description` says how the answers are read,
//! and `visit` is the script.
//!
//! Library option: `client-id`, by which the site knows its programs.

mod description;
mod fingerprints;
mod visit;

use async_trait::async_trait;
use hippo_browser::{CardVisit, Phrase, ReadContext};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use self::description::{ADDRESSES, OTHER_PHRASES, PATRON};
use crate::fingerprint::Detector;
use crate::json_reader::{self, AccountRecord};
use crate::offline::OfflineReader;
use crate::page_reader::PageReader;
use crate::system::System;

/// `SirsiDynix` Symphony Web Services.
#[derive(Debug)]
pub(crate) struct SymphonyWs;

/// The name of the option with the site's client id.
const CLIENT_ID: &str = "client-id";

#[async_trait(?Send)]
impl System for SymphonyWs {
    fn name(&self) -> &'static str {
        "symphony-ws"
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[(
            CLIENT_ID,
            "the client id that the site expects of programs; DS_CLIENT, which SirsiDynix's own catalogue sends, if not given",
        )]
    }

    fn account_url(&self, library: &Library) -> Option<Url> {
        // The interface has no page for people.
        library.account_url.clone()
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

impl PageReader for SymphonyWs {
    /// The patron's record; `None` for the answer to a login.
    type Part = Option<AccountRecord>;

    fn read_page(&self, body: &str, context: &ReadContext<'_>) -> Result<Self::Part, Failure> {
        json_reader::read_saved_answer(&PATRON, body, context)
    }

    fn join_parts(
        &self,
        parts: Vec<Self::Part>,
        account: Account,
        _context: &ReadContext<'_>,
    ) -> Result<Account, Failure> {
        json_reader::join_records(parts, account)
    }

    fn phrases(&self) -> Vec<Phrase> {
        let mut phrases = json_reader::phrases(&PATRON);
        let addresses = ADDRESSES.iter();
        phrases.extend(addresses.flat_map(|address| Phrase::parts_of_address(address)));
        phrases.extend(OTHER_PHRASES);
        phrases
    }
}

#[cfg(test)]
mod tests;
