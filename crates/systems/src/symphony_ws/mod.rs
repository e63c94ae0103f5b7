//! `SirsiDynix` Symphony Web Services: the programming interface of Symphony, which answers with JSON.
//!
//! The library's address is the interface's own, such as `https://HOST/NAME_ilsws`. One request looks whether it is
//! up, one logs in, one fetches the patron with all records, one logs out. `patron` reads the patron's record, `records` its loans and holds, `bills`
//! what is owed, `answer` tells the answers apart, and `visit` is the script.
//!
//! Library option: `client-id`, by which the site knows its programs.

mod answer;
mod bills;
mod fingerprints;
mod patron;
mod phrases;
mod records;
mod values;
mod visit;

use async_trait::async_trait;
use hippo_browser::reading::{Messages, make_distinct, truncate_stored_texts};
use hippo_browser::{CardVisit, Phrase, ReadContext};
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use url::Url;

use self::answer::Answer;
use self::patron::PatronRecord;
use crate::fingerprint::Detector;
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
    type Part = Option<PatronRecord>;

    fn read_page(&self, body: &str, _context: &ReadContext<'_>) -> Result<Self::Part, Failure> {
        match answer::parse_answer(body)? {
            Answer::Patron(document) => PatronRecord::from_document(*document).map(Some),
            Answer::LoggedIn(_) => Ok(None),
            Answer::Refusal(refusal) => Err(refusal.failure()),
        }
    }

    fn join_parts(
        &self,
        parts: Vec<Self::Part>,
        account: Account,
        _context: &ReadContext<'_>,
    ) -> Result<Account, Failure> {
        let mut records = parts.into_iter().flatten();
        match (records.next(), records.next()) {
            (Some(record), None) => Ok(make_account(record, account)),
            (None, _) => Err(Failure::page_changed("no patron's record")),
            (Some(_), Some(_)) => Err(Failure::page_changed("more than one patron's record")),
        }
    }

    fn phrases(&self) -> Vec<Phrase> {
        phrases::phrases()
    }
}

/// Makes the account of a patron's record.
fn make_account(record: PatronRecord, account: Account) -> Account {
    let mut messages = Messages::default();
    messages.extend(record.messages.iter().map(String::as_str));
    let mut account = Account {
        loans: record.loans,
        holds: record.holds,
        fines: record.balance.fines,
        currency: record.balance.currency,
        card_expires: record.card_expires,
        messages: messages.into_vec(),
        ..account
    };
    make_distinct(account.loans.iter_mut().flatten().map(|loan| &mut loan.id));
    make_distinct(account.holds.iter_mut().flatten().map(|hold| &mut hold.id));
    truncate_stored_texts(&mut account);
    account
}

#[cfg(test)]
mod tests;
