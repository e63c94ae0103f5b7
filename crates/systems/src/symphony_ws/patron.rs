//! Reads a patron's record: loans, holds, bills, expiry and standing.
//!
//! A member of a group sees the other members' records, too (`groupSettings`). They are other cards' and aren't read.

use std::collections::HashSet;

use chrono::NaiveDate;
use hippo_browser::reading::check_entry_count;
use hippo_core::account::{Hold, Loan};
use hippo_core::failure::Failure;
use serde::Deserialize;

use super::bills::{self, Balance, Block};
use super::records::{self, CircRecord, HoldRecord, OfPatron};
use super::values::{Linked, Moment, Reference, date_of};

/// A patron's record.
#[derive(Debug)]
pub(super) struct PatronDocument {
    pub(super) key: String,
    pub(super) fields: PatronFields,
}

/// The standings of a patron who may borrow nothing. One who only owes a sum is `DELINQUENT`.
pub(super) const BLOCKED_STANDINGS: [&str; 3] = ["BLOCKED", "BARRED", "COLLECTION"];

/// The fields of a patron's record that are read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PatronFields {
    privilege_expires_date: Option<Moment>,
    standing: Option<Reference>,
    circ_record_list: Option<Vec<Linked<CircRecord>>>,
    hold_record_list: Option<Vec<Linked<HoldRecord>>>,
    block_list: Option<Vec<Linked<Block>>>,
}

/// A patron's record, read. A list that wasn't asked for is unknown.
#[derive(Debug)]
pub(crate) struct PatronRecord {
    pub(super) key: String,
    pub(super) loans: Option<Vec<Loan>>,
    pub(super) holds: Option<Vec<Hold>>,
    pub(super) balance: Balance,
    pub(super) card_expires: Option<NaiveDate>,
    pub(super) messages: Vec<String>,
}

impl PatronRecord {
    /// Reads the record. Fails with `page_changed` if it has neither list, or one with another patron's entry.
    pub(super) fn from_document(document: PatronDocument) -> Result<Self, Failure> {
        let PatronDocument { key, fields } = document;
        if fields.circ_record_list.is_none() && fields.hold_record_list.is_none() {
            return Err(Failure::page_changed(
                "a patron's record with neither loans nor holds",
            ));
        }
        let mut messages = Vec::new();
        if let Some(standing) = fields.standing.and_then(|standing| standing.key)
            && BLOCKED_STANDINGS.contains(&standing.as_str())
        {
            messages.push("The library has blocked this card.".to_owned());
        }
        let loans = own_entries(fields.circ_record_list, &key, "loans")?;
        let out = || loans.iter().flatten().filter(|(_, loan)| loan.is_out());
        messages.extend(out().filter_map(|(_, loan)| {
            let day = loan.recall_date().ok()??;
            let title = loan.title().ok()?;
            Some(format!("“{title}” was recalled: return it by {day}."))
        }));
        let loans = loans
            .map(|list| {
                let loans = list.iter().filter(|(_, loan)| loan.is_out());
                let loans = loans.map(|(key, loan)| records::read_loan(key, loan));
                loans.collect::<Result<Vec<_>, _>>()
            })
            .transpose()?;
        let holds = own_entries(fields.hold_record_list, &key, "holds")?
            .map(|list| {
                let holds = list.iter().map(|(key, hold)| records::read_hold(key, hold));
                holds.collect::<Result<Vec<_>, _>>()
            })
            .transpose()?;
        let blocks = own_entries(fields.block_list, &key, "bills")?;
        messages.extend(
            blocks
                .iter()
                .flatten()
                .filter_map(|(_, block)| block.comment()),
        );
        Ok(Self {
            loans,
            holds,
            balance: bills::add_up(blocks.as_deref())?,
            card_expires: date_of(fields.privilege_expires_date.as_ref())?,
            messages,
            key,
        })
    }
}

/// Returns the entries of a list with their keys. Each must be expanded, the patron's own, and there once.
fn own_entries<T: OfPatron>(
    list: Option<Vec<Linked<T>>>,
    patron_key: &str,
    what: &str,
) -> Result<Option<Vec<(String, T)>>, Failure> {
    let Some(list) = list else {
        return Ok(None);
    };
    check_entry_count(list.len(), what)?;
    let mut keys = HashSet::new();
    let entries = list.into_iter().map(|entry| {
        let fields = entry
            .fields
            .ok_or_else(|| Failure::page_changed(format!("{what} without their fields")))?;
        if fields.patron_key() != Some(patron_key) {
            return Err(Failure::page_changed(format!(
                "{what} that aren't the patron's own"
            )));
        }
        let key = entry.key.unwrap_or_default();
        if !key.is_empty() && !keys.insert(key.clone()) {
            return Err(Failure::page_changed(format!(
                "the same entry twice among the {what}"
            )));
        }
        Ok((key, fields))
    });
    entries.collect::<Result<Vec<_>, _>>().map(Some)
}
