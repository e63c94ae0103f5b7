//! Stores cards.

use async_trait::async_trait;
use hippo_core::card::{Card, CardKey, CardPause, CardRecord, CardState};
use hippo_core::ids::{CardId, FamilyId};
use hippo_core::seal::Sealed;
use hippo_core::store::{CardCursor, CardStore, Scope, StoreError, StoreResult};

use super::DynamoDbStore;
use super::expression::Expression;
use super::families::{family_exists, family_not_found};
use super::heads::{Decision, Head};
use super::item::{Item, number, text};
use super::keys::{self, Key, list};
use super::libraries::library_not_found;
use super::sealed;
use super::table::{
    MAX_ATTEMPTS, Query, Refusal, TransactionOutcome, TransactionStep, too_busy_error,
    wait_before_retry,
};

#[async_trait]
impl CardStore for DynamoDbStore {
    async fn add_card(&self, card: &Card, secret: &Sealed) -> StoreResult<()> {
        let head = Head::new(CardRecord {
            card: card.clone(),
            state: CardState::default(),
        });
        let steps = steps_to_add(&head, secret)?;
        let refused = match self.table.transact(&steps).await? {
            TransactionOutcome::Done => return Ok(()),
            TransactionOutcome::ConditionFailed(refusals) => refusals,
        };
        Err(match refused.first() {
            Some(refusal) if refusal.step == NUMBER_STEP => duplicate_number(card),
            refusal => owner_not_found(card, refusal)
                .unwrap_or_else(|| StoreError::AlreadyExists(format!("a card {}", card.id))),
        })
    }

    async fn card(&self, id: CardId) -> StoreResult<Option<CardRecord>> {
        let Some(key) = self.card_key(id).await? else {
            return Ok(None);
        };
        let head = self.table.get(&Key::head(&key)).await?;
        let found = head.map(|item| self.read_undamaged(&item, record));
        Ok(found.transpose()?.flatten())
    }

    async fn family_cards(&self, family: &FamilyId) -> StoreResult<Vec<CardRecord>> {
        let cards = Expression::new("#pk = :pk AND begins_with(#sk, :cards)")
            .value(":pk", text(keys::family(family)))
            .value(":cards", text(keys::CARDS));
        let found = self.table.query(&Query::table(cards)).await?;
        self.read_all_undamaged(&found, record)
    }

    async fn cards_to_check(
        &self,
        scope: Scope,
        after: Option<&CardCursor>,
        limit: usize,
    ) -> StoreResult<Vec<CardRecord>> {
        let (index, shard, value) = match scope {
            Scope::All => ("cards-to-check", "#to_check = :shard", keys::SHARD),
            Scope::Failed => ("failed-cards", "#failed = :shard", keys::SHARD),
            Scope::Waiting => ("failed-cards", "#failed = :shard", keys::WAITING),
        };
        let keys = match after {
            None => Expression::new(shard),
            Some(after) => Expression::new(format!("{shard} AND #card_order > :after")).value(
                ":after",
                text(keys::card_order(
                    &after.library,
                    &after.fingerprint,
                    after.card,
                )),
            ),
        };
        let keys = keys.value(":shard", text(value));
        let query = |limit| Query {
            limit,
            ..Query::index(index, keys.clone())
        };
        self.read_undamaged_page(limit, query, record).await
    }

    async fn replace_card_pause(
        &self,
        id: CardId,
        before: Option<&CardPause>,
        after: Option<&CardPause>,
    ) -> StoreResult<bool> {
        let key = self.card_key(id).await?.ok_or_else(|| card_not_found(id))?;
        let mut was_tried = false;
        let replaced = self.change_head(&key, |head| {
            let stored = &mut head.record.card.pause;
            if stored.as_ref() != before {
                // An earlier try of this write may have succeeded, although its response was lost.
                return Decision::Keep(was_tried && stored.as_ref() == after);
            }
            was_tried = true;
            *stored = after.cloned();
            Decision::Write(true)
        });
        replaced.await?.ok_or_else(|| card_not_found(id))
    }

    async fn allow_retry(&self, id: CardId) -> StoreResult<()> {
        let key = self.card_key(id).await?.ok_or_else(|| card_not_found(id))?;
        let changed = self.change_head(&key, |head| {
            let before = head.clone();
            head.record.state.allow_retry();
            match *head == before {
                true => Decision::Keep(()),
                false => Decision::Write(()),
            }
        });
        changed.await?.ok_or_else(|| card_not_found(id))
    }

    async fn remove_card(&self, id: CardId) -> StoreResult<()> {
        let key = self.card_key(id).await?.ok_or_else(|| card_not_found(id))?;
        if self.remove_card_by_key(&key).await? {
            Ok(())
        } else {
            Err(card_not_found(id))
        }
    }
}

impl DynamoDbStore {
    /// Removes a card and everything that belongs to it in one transaction. False if it is gone.
    pub(super) async fn remove_card_by_key(&self, key: &CardKey) -> StoreResult<bool> {
        for attempt in 0..MAX_ATTEMPTS {
            wait_before_retry(attempt).await?;
            let Some(item) = self.table.get(&Key::head(key)).await? else {
                return Ok(false);
            };
            let card = item.data::<Head>()?.record.card;
            let unconditional = Expression::default;
            let steps = [
                TransactionStep::Delete(Key::head(key), Expression::unchanged(item.revision())),
                change_card_count(&card, -1),
                TransactionStep::Delete(Key::pointer(card.id), unconditional()),
                TransactionStep::Delete(
                    Key::number(&card.family, &card.library, &card.fingerprint),
                    unconditional(),
                ),
                TransactionStep::Delete(Key::secret(card.id), unconditional()),
                TransactionStep::Delete(Key::account(key), unconditional()),
            ];
            if let TransactionOutcome::Done = self.table.transact(&steps).await? {
                return Ok(true);
            }
            // A check or a person changed it in the meantime, so read it again.
        }
        Err(too_busy_error())
    }
}

/// The step of [`steps_to_add`] that takes the card's number.
const NUMBER_STEP: usize = 4;

/// The steps that add a card with its secret.
pub(super) fn steps_to_add(head: &Head, secret: &Sealed) -> StoreResult<Vec<TransactionStep>> {
    let card = &head.record.card;
    Ok(vec![
        TransactionStep::Check(Key::family(&card.family), family_exists()),
        change_card_count(card, 1),
        TransactionStep::Put(pointer(card)?, Expression::absent()),
        TransactionStep::Put(head.item(0)?, Expression::absent()),
        TransactionStep::Put(number_item(card)?, Expression::absent()),
        TransactionStep::Put(sealed::sealed_item(card.id, secret), Expression::absent()),
    ])
}

/// The error for a missing family or library, if one of [`steps_to_add`] was refused for it.
pub(super) fn owner_not_found(card: &Card, refusal: Option<&Refusal>) -> Option<StoreError> {
    match refusal?.step {
        0 => Some(family_not_found(&card.family)),
        1 => Some(library_not_found(&card.library)),
        _ => None,
    }
}

/// The error for a missing card.
pub(super) fn card_not_found(id: CardId) -> StoreError {
    StoreError::NotFound(format!("card {id}"))
}

/// The error for a number that another card of the family has.
pub(super) fn duplicate_number(card: &Card) -> StoreError {
    StoreError::AlreadyExists(format!(
        "a card of the family “{}” with that number at the library “{}”",
        card.family, card.library
    ))
}

/// The item that marks the card's number as taken in its family.
pub(super) fn number_item(card: &Card) -> StoreResult<Item> {
    Item::new(&Key::number(&card.family, &card.library, &card.fingerprint)).with_data(&card.id)
}

/// Reads a card's record from its head.
pub(super) fn record(item: &Item) -> StoreResult<CardRecord> {
    Ok(item.data::<Head>()?.record)
}

fn pointer(card: &Card) -> StoreResult<Item> {
    Ok(Item::new(&Key::pointer(card.id))
        .with_data(&card.family)?
        .listed(list::CARDS, card.id.to_string()))
}

/// Adds `change` to the card count of the card's library, which must exist.
fn change_card_count(card: &Card, change: i32) -> TransactionStep {
    TransactionStep::Update(
        Key::library(&card.library),
        Expression::new("ADD #cards :change").value(":change", number(change)),
        Expression::exists(),
    )
}
