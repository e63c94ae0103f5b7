//! Stores sealed numbers and PINs.

use async_trait::async_trait;
use hippo_core::ids::CardId;
use hippo_core::seal::Sealed;
use hippo_core::store::{NewSecret, SecretStore, SecretWriter, StoreResult};
use uuid::Uuid;

use super::DynamoDbStore;
use super::cards::{card_not_found, duplicate_number, number_item};
use super::expression::Expression;
use super::heads::Head;
use super::item::text;
use super::keys::{Key, list};
use super::sealed;
use super::table::{
    MAX_ATTEMPTS, Query, TransactionOutcome, TransactionStep, too_busy_error, wait_before_retry,
};

#[async_trait]
impl SecretWriter for DynamoDbStore {
    async fn replace_secret(
        &self,
        card: CardId,
        before: Uuid,
        after: &NewSecret,
    ) -> StoreResult<bool> {
        let key = self
            .card_key(card)
            .await?
            .ok_or_else(|| card_not_found(card))?;
        for attempt in 0..MAX_ATTEMPTS {
            wait_before_retry(attempt).await?;
            let stored = self.table.get(&Key::head(&key)).await?;
            let stored = stored.ok_or_else(|| card_not_found(card))?;
            let mut head: Head = stored.data()?;
            let old = head.record.card.clone();
            if old.secret_id != before {
                return Ok(false);
            }
            head.record.card.fingerprint = after.fingerprint.clone();
            head.record.card.secret_id = after.id;
            head.record.state.forget_other_hosts();
            let mut steps = vec![
                TransactionStep::Put(
                    head.item(stored.revision() + 1)?,
                    Expression::unchanged(stored.revision()),
                ),
                TransactionStep::Put(
                    sealed::sealed_item(card, &after.sealed),
                    Expression::exists(),
                ),
            ];
            let new = head.record.card;
            if new.fingerprint != old.fingerprint {
                let freed = Key::number(&old.family, &old.library, &old.fingerprint);
                steps.push(TransactionStep::Put(
                    number_item(&new)?,
                    Expression::absent(),
                ));
                steps.push(TransactionStep::Delete(freed, Expression::default()));
            }
            match self.table.transact(&steps).await? {
                TransactionOutcome::Done => return Ok(true),
                TransactionOutcome::ConditionFailed(refusals) => match refusals.first() {
                    Some(refusal) if refusal.step == 2 => return Err(duplicate_number(&new)),
                    Some(refusal) if refusal.step == 1 => return Err(card_not_found(card)),
                    // A check or a person changed the head in the meantime, so read it again.
                    _ => {}
                },
            }
        }
        Err(too_busy_error())
    }
}

#[async_trait]
impl SecretStore for DynamoDbStore {
    async fn secrets(&self, cards: &[CardId]) -> StoreResult<Vec<(CardId, Sealed)>> {
        let keys = cards.iter().copied().map(Key::secret).collect();
        let found = self.table.get_all(keys).await?;
        let mut secrets = Vec::with_capacity(found.len());
        for card in cards {
            if let Some(sealed) = sealed::find_sealed(&found, *card)? {
                secrets.push((*card, sealed));
            }
        }
        Ok(secrets)
    }

    async fn cards_with_secrets(&self) -> StoreResult<Vec<CardId>> {
        // A card and its secret are written and deleted together, so every card has one.
        let cards = Expression::new("#listing = :cards").value(":cards", text(list::CARDS));
        let found = self.table.query(&Query::index("listing", cards)).await?;
        found
            .iter()
            .map(|item| {
                item.text("listing_order")
                    .and_then(|id| id.parse().ok())
                    .ok_or_else(|| item.unreadable("listing_order"))
            })
            .collect()
    }
}
