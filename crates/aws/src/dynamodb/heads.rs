//! A card's head: the item with the card, the results of its checks, and its index attributes.

use chrono::{DateTime, Utc};
use hippo_core::card::{CardKey, CardRecord};
use hippo_core::store::StoreResult;
use serde::{Deserialize, Serialize};

use super::DynamoDbStore;
use super::expression::Expression;
use super::item::{Item, number};
use super::keys::{self, Key};
use super::table::{
    MAX_ATTEMPTS, TransactionOutcome, TransactionStep, WriteOutcome, too_busy_error,
    wait_before_retry,
};

/// Marks a head whose stored account can't be read. The next write of the head removes it.
pub(super) const ACCOUNT_DAMAGED: &str = "account_damaged";

/// The document of a card's head.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Head {
    #[serde(flatten)]
    pub(super) record: CardRecord,
    /// The hash of the stored account. The same account isn't written again.
    pub(super) account_hash: Option<String>,
}

impl Head {
    pub(super) fn new(record: CardRecord) -> Self {
        Self {
            record,
            account_hash: None,
        }
    }

    /// Builds the item, with the attributes of the indexes that it belongs in.
    pub(super) fn item(&self, revision: u64) -> StoreResult<Item> {
        let card = &self.record.card;
        let state = &self.record.state;
        let mut item = Item::new(&Key::head(&card.key()))
            .with_data(self)?
            .with("revision", number(revision));
        item = item.with_text("card_order", keys::order_of(card));
        if self.is_waiting() {
            item = item.with_text("failed", keys::WAITING);
        } else {
            item = item.with_text("to_check", keys::SHARD);
            let last = state.last_check.as_ref();
            if last.is_none_or(|check| check.failure.is_some()) {
                item = item.with_text("failed", keys::SHARD);
            }
        }
        Ok(item)
    }

    /// Whether the card has a pause, which may have ended, or is refused by the site.
    fn is_waiting(&self) -> bool {
        self.record.card.pause.is_some() || self.record.state.refused_since.is_some()
    }

    /// Whether the card is paused at `now`, or refused by the site.
    pub(super) fn forbids_login(&self, now: DateTime<Utc>) -> bool {
        let is_paused = self.record.card.active_pause(now).is_some();
        is_paused || self.record.state.refused_since.is_some()
    }
}

/// The action after reading a head.
pub(super) enum Decision<T> {
    /// Write nothing.
    Keep(T),
    /// Write the head.
    Write(T),
    /// Write the head and another item in one transaction.
    WriteWith(T, Item),
}

impl DynamoDbStore {
    /// Changes a card's head as `decide` decides. `None` if the card is gone.
    ///
    /// Usually takes one read and one write. If another writer wrote first, calls `decide` again with
    /// the new head.
    pub(super) async fn change_head<T: Send>(
        &self,
        card: &CardKey,
        mut decide: impl FnMut(&mut Head) -> Decision<T> + Send,
    ) -> StoreResult<Option<T>> {
        let mut current = self.table.get(&Key::head(card)).await?;
        for attempt in 0..MAX_ATTEMPTS {
            wait_before_retry(attempt).await?;
            let Some(item) = current else { return Ok(None) };
            let mut head: Head = item.data()?;
            if item.text(ACCOUNT_DAMAGED).is_some() {
                head.account_hash = None;
            }
            let decision = decide(&mut head);
            let unchanged = Expression::unchanged(item.revision());
            let next = head.item(item.revision() + 1)?;
            let (answer, other_item) = match decision {
                Decision::Keep(answer) => return Ok(Some(answer)),
                Decision::Write(answer) => (answer, None),
                Decision::WriteWith(answer, other_item) => (answer, Some(other_item)),
            };
            let written = match other_item {
                None => self.table.put(next, &unchanged).await?,
                Some(other_item) => {
                    let steps = [
                        TransactionStep::Put(next, unchanged),
                        TransactionStep::Put(other_item, Expression::default()),
                    ];
                    match self.table.transact(&steps).await? {
                        TransactionOutcome::Done => WriteOutcome::Done,
                        TransactionOutcome::ConditionFailed(refusals) => {
                            WriteOutcome::ConditionFailed(
                                refusals.into_iter().next().and_then(|refusal| refusal.item),
                            )
                        }
                    }
                }
            };
            match written {
                WriteOutcome::Done => return Ok(Some(answer)),
                WriteOutcome::ConditionFailed(item) => current = item,
            }
        }
        Err(too_busy_error())
    }

    /// Finds a card's key by its id.
    pub(super) async fn card_key(
        &self,
        id: hippo_core::ids::CardId,
    ) -> StoreResult<Option<CardKey>> {
        let Some(pointer) = self.table.get(&Key::pointer(id)).await? else {
            return Ok(None);
        };
        Ok(Some(CardKey {
            family: pointer.data()?,
            card: id,
        }))
    }
}
