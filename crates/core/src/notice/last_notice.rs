//! The content of the last sent notice, which the next one compares with.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::account::HoldState;
use crate::notice::digest::Digest;
use crate::notice::keys::{MISSED_HOLD, UNKNOWN_HOLD, is_missed, item_key, missed_key};
use crate::notice::{NoticeCard, NoticeInput};

/// The content of the last sent notice; it decides what the next one marks as new or changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastNotice {
    /// Holds that were ready, as `card/hold id`.
    pub ready_holds: BTreeSet<String>,
    /// Loans that could be renewed, as `card/loan id`.
    pub renewable_loans: BTreeSet<String>,
    /// The entries that needed attention, by a key that stays the same while they last.
    pub attention: BTreeMap<String, AttentionItem>,
}

/// An entry that needed attention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttentionItem {
    /// The detail whose change is worth a mail again (an amount, a stage).
    pub stage: String,
    /// The local date of the last sent notice that listed it.
    pub reported_on: NaiveDate,
}

impl LastNotice {
    /// Returns the content to store when the mail of this digest is sent.
    ///
    /// If an account doesn't state now whether a hold is ready or a loan can be renewed, the last
    /// notice's state is kept, so that it isn't new when the account states it again.
    pub(crate) fn from_digest(input: &NoticeInput<'_>, digest: &Digest) -> Self {
        let mut next = Self::default();
        let empty = Self::default();
        let before = input.last_notice.unwrap_or(&empty);
        for card in input.cards {
            let account = card.stored.as_ref().map(|stored| &stored.account);
            match account.and_then(|account| account.loans.as_ref()) {
                Some(loans) => {
                    for loan in loans {
                        let key = item_key(card, &loan.id);
                        let known = before.renewable_loans.contains(&key);
                        if loan.renewable.unwrap_or(known) {
                            next.renewable_loans.insert(key);
                        }
                    }
                }
                None => next
                    .renewable_loans
                    .extend(card_keys(card, &before.renewable_loans)),
            }
            match account.and_then(|account| account.holds.as_ref()) {
                Some(holds) => next.ready_holds.extend(
                    holds
                        .iter()
                        .filter(|hold| hold.state == HoldState::Ready)
                        .map(|hold| item_key(card, &hold.id)),
                ),
                None => next
                    .ready_holds
                    .extend(card_keys(card, &before.ready_holds)),
            }
        }
        for item in &digest.attention {
            next.attention.insert(
                item.key.clone(),
                AttentionItem {
                    stage: item.stage.clone(),
                    reported_on: input.date,
                },
            );
        }
        for card in input.cards {
            // A failed check doesn't end a block, so the block isn't new when it shows again.
            let key = format!("card_blocked/{}", card.card.id);
            if card.newest_failure().is_some()
                && let Some(block) = before.attention.get(&key)
            {
                next.keep(&key, block);
            }
        }
        next.keep_holds(input, before);
        next
    }

    /// Keeps the entries of missed holds that are still listed, and all entries of holds if the
    /// account doesn't list holds now.
    fn keep_holds(&mut self, input: &NoticeInput<'_>, before: &Self) {
        for card in input.cards {
            let account = card.stored.as_ref().map(|stored| &stored.account);
            let Some(holds) = account.and_then(|account| account.holds.as_ref()) else {
                for name in [UNKNOWN_HOLD, MISSED_HOLD] {
                    let prefix = format!("{name}/{}", item_key(card, ""));
                    let items = before.attention.iter();
                    for (key, item) in items.filter(|(key, _)| key.starts_with(&prefix)) {
                        self.keep(key, item);
                    }
                }
                continue;
            };
            // A missed hold is in one notice only, so the digest doesn't have it again.
            for hold in holds.iter().filter(|hold| is_missed(hold, input.today)) {
                let key = missed_key(card, hold);
                if let Some(item) = before.attention.get(&key) {
                    self.keep(&key, item);
                }
            }
        }
    }

    fn keep(&mut self, key: &str, item: &AttentionItem) {
        let entry = self.attention.entry(key.to_owned());
        entry.or_insert_with(|| item.clone());
    }
}

fn card_keys(card: &NoticeCard, keys: &BTreeSet<String>) -> impl Iterator<Item = String> {
    let prefix = item_key(card, "");
    keys.iter()
        .filter(move |key| key.starts_with(&prefix))
        .cloned()
}
