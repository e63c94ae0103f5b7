//! Restores cards from another store.

use async_trait::async_trait;
use hippo_core::card::StoredAccount;
use hippo_core::store::{
    CardConflict, CardCopy, RestoreOutcome, RestoreStore, StoreResult, WriteMode,
};

use super::DynamoDbStore;
use super::cards::{owner_not_found, steps_to_add};
use super::checks::account_item;
use super::expression::Expression;
use super::heads::Head;
use super::item::Item;
use super::keys::Key;
use super::sealed;
use super::table::{
    MAX_ATTEMPTS, TransactionOutcome, TransactionStep, too_busy_error, wait_before_retry,
};

#[async_trait]
impl RestoreStore for DynamoDbStore {
    async fn restore_card(&self, copy: &CardCopy, mode: WriteMode) -> StoreResult<RestoreOutcome> {
        let card = &copy.record.card;
        for attempt in 0..MAX_ATTEMPTS {
            wait_before_retry(attempt).await?;
            // The head is read first, because each change of the account or the secret changes its
            // revision too.
            let head = self.table.get(&Key::head(&card.key())).await?;
            let revision = head.as_ref().map(Item::revision);
            let keys = vec![
                Key::account(&card.key()),
                Key::secret(card.id),
                Key::pointer(card.id),
                Key::number(&card.family, &card.library, &card.fingerprint),
            ];
            let mut found = self.table.get_all(keys).await?;
            if head.is_none()
                && !found.is_empty()
                && self.table.get(&Key::head(&card.key())).await?.is_some()
            {
                // Another writer added the card in the meantime, so read it again.
                continue;
            }
            found.extend(head);
            let stored = self.cards_and_accounts(&found).await?.pop();
            let (outcome, to_write) = match stored {
                Some((stored, account)) => {
                    let secret = sealed::find_sealed(&found, card.id)?;
                    copy.merge_into(stored, account, secret.as_ref())
                }
                None if found.is_empty() => (RestoreOutcome::Added, Some(copy.clone())),
                None => (RestoreOutcome::Conflict(CardConflict::Taken), None),
            };
            let Some(merged) = to_write.filter(|_| mode == WriteMode::Write) else {
                return Ok(outcome);
            };
            let refusals = match self
                .table
                .transact(&steps_to_restore(&merged, revision)?)
                .await?
            {
                TransactionOutcome::Done => return Ok(outcome),
                TransactionOutcome::ConditionFailed(refusals) => refusals,
            };
            if outcome == RestoreOutcome::Added
                && let Some(error) = owner_not_found(card, refusals.first())
            {
                return Err(error);
            }
            // Another writer changed the card in the meantime, so read it again.
        }
        Err(too_busy_error())
    }
}

/// The steps that write a card over the `revision` that was read, or add it.
fn steps_to_restore(copy: &CardCopy, revision: Option<u64>) -> StoreResult<Vec<TransactionStep>> {
    let mut head = Head::new(copy.record.clone());
    let mut account_step = None;
    if let Some(StoredAccount { read_at, account }) = &copy.account {
        let (item, hash) = account_item(&copy.record.card.key(), *read_at, account)?;
        head.account_hash = Some(hash);
        account_step = Some(TransactionStep::Put(item, Expression::default()));
    }
    let mut steps = match revision {
        Some(revision) => vec![TransactionStep::Put(
            head.item(revision + 1)?,
            Expression::unchanged(revision),
        )],
        None => steps_to_add(&head, &copy.secret)?,
    };
    steps.extend(account_step);
    Ok(steps)
}
