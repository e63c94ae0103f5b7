//! Reads a patron's record: loans, holds, bills, expiry and standing.

use std::collections::HashSet;

use chrono::NaiveDate;
use hippo_browser::ReadContext;
use hippo_browser::reading::{Messages, check_entry_count, prepare_to_store};
use hippo_core::account::{Account, Hold, Loan};
use hippo_core::failure::Failure;

use super::bills::{Balance, add_up};
use super::description::{EntriesDescription, RecordDescription};
use super::entry::{JsonEntry, read_entry};
use super::value::{JsonObject, Path};

/// A patron's record, read. A list that is missing is unknown.
pub(crate) struct AccountRecord {
    /// The record's own key.
    pub(crate) key: String,
    loans: Option<Vec<Loan>>,
    holds: Option<Vec<Hold>>,
    balance: Balance,
    card_expires: Option<NaiveDate>,
    messages: Vec<String>,
}

impl AccountRecord {
    /// Whether neither list is missing.
    pub(crate) fn has_all_lists(&self) -> bool {
        self.loans.is_some() && self.holds.is_some()
    }
}

/// Reads the record. Fails with `page_changed` if it has neither list, or an entry of another patron.
pub(super) fn read_record(
    description: &RecordDescription,
    record: JsonObject<'_>,
    context: &ReadContext<'_>,
) -> Result<AccountRecord, Failure> {
    let key = record
        .text(description.key)?
        .ok_or_else(|| Failure::page_changed("a patron's record without its key"))?;
    let mut messages = Vec::new();
    let (standing, blocked) = description.blocked;
    if record
        .text(standing)?
        .is_some_and(|standing| blocked.contains(&&*standing))
    {
        messages.push("The library has blocked this card.".to_owned());
    }
    let own = OwnEntries {
        description,
        record,
        key: &key,
    };
    let loans = read_entries(&own, &description.loans, context, &mut messages)?;
    let holds = read_entries(&own, &description.holds, context, &mut messages)?;
    if loans.is_none() && holds.is_none() {
        return Err(Failure::page_changed(
            "a patron's record with neither loans nor holds",
        ));
    }
    let bills = own.find(description.bills.list, "bills")?;
    let balance = add_up(&description.bills, bills.as_deref(), &mut messages)?;
    Ok(AccountRecord {
        key: key.into_owned(),
        loans,
        holds,
        balance,
        card_expires: record.date(description.card_expires)?,
        messages,
    })
}

/// Finds the entries of a record's lists.
struct OwnEntries<'a> {
    description: &'a RecordDescription,
    record: JsonObject<'a>,
    key: &'a str,
}

impl<'a> OwnEntries<'a> {
    /// Returns the entries of a list. Each is there once, and none names another patron.
    fn find(&self, list: Path, what: &str) -> Result<Option<Vec<JsonObject<'a>>>, Failure> {
        let Some(entries) = self.record.list(list)? else {
            return Ok(None);
        };
        check_entry_count(entries.len(), what)?;
        let mut keys = HashSet::new();
        for entry in &entries {
            let owner = entry.text(self.description.entry_owner)?;
            if owner.is_some_and(|owner| owner != self.key) {
                return Err(Failure::page_changed(format!(
                    "{what} that aren't the patron's own"
                )));
            }
            let key = entry.text(self.description.entry_key)?.unwrap_or_default();
            if !key.is_empty() && !keys.insert(key) {
                return Err(Failure::page_changed(format!(
                    "the same entry twice among the {what}"
                )));
            }
        }
        Ok(Some(entries))
    }
}

fn read_entries<E: JsonEntry>(
    own: &OwnEntries<'_>,
    list: &EntriesDescription<E>,
    context: &ReadContext<'_>,
    messages: &mut Vec<String>,
) -> Result<Option<Vec<E>>, Failure> {
    let Some(entries) = own.find(list.list, E::WHAT)? else {
        return Ok(None);
    };
    let mut read = Vec::with_capacity(entries.len());
    for entry in entries {
        let one = read_entry(list, entry, None, context, messages)?;
        read.extend(one.map(|(_, one)| one));
    }
    Ok(Some(read))
}

/// Joins saved answers, of which one has the patron's record.
pub(crate) fn join_records(
    records: Vec<Option<AccountRecord>>,
    account: Account,
) -> Result<Account, Failure> {
    let mut records = records.into_iter().flatten();
    match (records.next(), records.next()) {
        (Some(record), None) => Ok(make_account(record, account)),
        (None, _) => Err(Failure::page_changed("no patron's record")),
        (Some(_), Some(_)) => Err(Failure::page_changed("more than one patron's record")),
    }
}

/// Makes the account of a patron's record.
pub(crate) fn make_account(record: AccountRecord, account: Account) -> Account {
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
    prepare_to_store(&mut account);
    account
}
