//! `now.json`: a family's numbers at one moment, flat, for a dashboard at home.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde::Serialize;

use super::FeedSource;
use crate::account::Account;
use crate::notice::attention::AttentionKind;
use crate::notice::line::currency;

/// The version of the document. It changes when a field gets another meaning or is removed.
pub const NOW_VERSION: u32 = 1;

/// The document. What is not known of every card is `null`, and never zero.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NowDocument {
    /// [`NOW_VERSION`].
    pub version: u32,
    /// The family's local date; the counts are relative to it.
    pub date: NaiveDate,
    /// When the oldest account was read; `None` if a card was never read, or there is none.
    pub as_of: Option<String>,
    /// The cards that are not paused, and were checked since their last pause.
    pub cards: usize,
    /// The cards whose account is out of date: unread for 20 hours, never read, or failing.
    pub stale_cards: usize,
    /// Loans, digital ones too.
    pub loans: Option<usize>,
    /// Loans to take back whose due date has passed.
    pub overdue: Option<usize>,
    /// Loans to take back that are due today or within the family's days.
    pub due: Option<usize>,
    /// The next due date of a loan to take back, from today on.
    pub next_due: Option<NaiveDate>,
    /// Holds to pick up.
    pub ready: Option<usize>,
    /// The next last day to pick up a hold.
    pub next_pickup: Option<NaiveDate>,
    /// Holds that may be ready: we don't know the library's words for them.
    pub unknown_holds: Option<usize>,
    /// What the family owes, as a decimal number; credits don't reduce it. `None` also if the libraries'
    /// currencies differ.
    pub fines: Option<String>,
    /// The currency of the fines (ISO 4217), where known.
    pub currency: Option<String>,
    /// The entries that need attention in the mail.
    pub attention: usize,
}

impl NowDocument {
    /// Writes it as JSON, with a field per line.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

impl FeedSource {
    /// Counts what the mail lists.
    pub fn now(&self) -> NowDocument {
        let digest = &self.digest;
        let unless_unknown = |count: usize, is_known: bool| is_known.then_some(count);
        let are_loans_known = self.is_known(|account| account.loans.is_some());
        let are_holds_known = self.is_known(|account| account.holds.is_some());
        let overdue = digest.overdue().count();
        let next_due = digest
            .take_back
            .iter()
            .chain(&digest.later.loans)
            .filter(|line| !line.digital)
            .filter_map(|line| line.due.filter(|due| *due >= digest.today))
            .min();
        let unknown_holds = digest
            .attention
            .iter()
            .filter(|item| matches!(item.kind, AttentionKind::UnknownHold { .. }))
            .count();
        let loans = digest.take_back.len() + digest.later.loans.len();
        let next_pickup = digest.pick_up.iter().filter_map(|line| line.pickup_by);
        let (fines, currency) = self.fines().unzip();
        NowDocument {
            version: NOW_VERSION,
            date: digest.today,
            as_of: self
                .oldest_read()
                .map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)),
            cards: self.cards.len(),
            stale_cards: self.count_stale_cards(),
            loans: unless_unknown(loans, are_loans_known),
            overdue: unless_unknown(overdue, are_loans_known),
            due: unless_unknown(digest.take_back.len() - overdue, are_loans_known),
            next_due: next_due.filter(|_| are_loans_known),
            ready: unless_unknown(digest.pick_up.len(), are_holds_known),
            next_pickup: next_pickup.min().filter(|_| are_holds_known),
            unknown_holds: unless_unknown(unknown_holds, are_holds_known),
            fines,
            currency: currency.flatten(),
            attention: digest.attention.len(),
        }
    }

    /// Whether every card's last good account has this.
    fn is_known(&self, has: impl Fn(&Account) -> bool) -> bool {
        self.cards
            .iter()
            .all(|card| matches!(&card.stored, Some(stored) if has(&stored.account)))
    }

    /// When the oldest account was read; `None` if a card was never read.
    fn oldest_read(&self) -> Option<DateTime<Utc>> {
        // `None` sorts before every time.
        self.cards.iter().map(|card| card.as_of()).min().flatten()
    }

    /// Adds up the fines, with their currency if all have the same; `None` if they aren't known, or
    /// can't be added.
    fn fines(&self) -> Option<(String, Option<String>)> {
        let mut sum = Decimal::ZERO;
        let mut currencies = BTreeSet::new();
        for card in &self.cards {
            let account = &card.stored.as_ref()?.account;
            let amount = account.fines?;
            if amount > Decimal::ZERO {
                sum = sum.checked_add(amount)?;
                currencies.insert(currency(card, account));
            }
        }
        // An unknown currency may be another one.
        if currencies.len() > 1 {
            return None;
        }
        Some((format!("{sum:.2}"), currencies.pop_first().flatten()))
    }
}
