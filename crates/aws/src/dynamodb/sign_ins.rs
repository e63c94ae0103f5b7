//! Stores sessions of the web pages, attempts to sign in, and their limits.
//!
//! A session is an item of its own, so that a page costs one read, and is listed in its person's
//! partition, so that all sessions of a person can be removed.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use hippo_core::sign_in::{PersonId, RateKey, RateLog, Session, SignInAttempt, TokenHash};
use hippo_core::store::{SignInStore, StoreError, StoreResult};
use uuid::Uuid;

use super::DynamoDbStore;
use super::expression::Expression;
use super::item::{Item, json, number, text};
use super::keys::{self, Key};
use super::table::{Query, TransactionOutcome, TransactionStep, WriteOutcome};

#[async_trait]
impl SignInStore for DynamoDbStore {
    async fn add_session(&self, session: &Session) -> StoreResult<()> {
        let expires_at = expiry(session.expires_at);
        let item = Item::new(&Key::session(&session.hash))
            .with_data(session)?
            .with("expires_at", expires_at.clone());
        let listed = Item::new(&Key::session_of(&session.person, &session.hash))
            .with("expires_at", expires_at);
        let steps = [
            TransactionStep::Put(item, Expression::default()),
            TransactionStep::Put(listed, Expression::default()),
        ];
        match self.table.transact(&steps).await? {
            TransactionOutcome::Done => Ok(()),
            TransactionOutcome::ConditionFailed(_) => Err(StoreError::Unusable(
                "a session couldn't be added.".to_owned(),
            )),
        }
    }

    async fn session(&self, hash: &TokenHash) -> StoreResult<Option<Session>> {
        let item = self.table.get(&Key::session(hash)).await?;
        let found = item.map(|item| self.read_undamaged(&item, Item::data));
        Ok(found.transpose()?.flatten())
    }

    async fn replace_session(&self, session: &Session) -> StoreResult<bool> {
        let item = Item::new(&Key::session(&session.hash))
            .with_data(session)?
            .with("expires_at", expiry(session.expires_at));
        let written = self.table.put(item, &Expression::exists()).await?;
        Ok(matches!(written, WriteOutcome::Done))
    }

    async fn remove_session(&self, session: &Session) -> StoreResult<()> {
        let keys = [
            Key::session(&session.hash),
            Key::session_of(&session.person, &session.hash),
        ];
        self.table.delete_all(&keys).await
    }

    async fn remove_sessions(&self, person: &PersonId) -> StoreResult<()> {
        let of_person = Expression::new("#pk = :pk").value(":pk", text(keys::person(person)));
        let items = self.table.query(&Query::table(of_person)).await?;
        let hashes = items
            .iter()
            .filter_map(|item| item.id_after(keys::SESSIONS));
        let hashes: Vec<TokenHash> = hashes.filter_map(|hash| hash.parse().ok()).collect();
        // The sessions first: what is still listed can be removed by another call.
        let sessions: Vec<Key> = hashes.iter().map(Key::session).collect();
        self.table.delete_all(&sessions).await?;
        let listed: Vec<Key> = hashes
            .iter()
            .map(|hash| Key::session_of(person, hash))
            .collect();
        self.table.delete_all(&listed).await
    }

    async fn add_attempt(&self, attempt: &SignInAttempt) -> StoreResult<()> {
        self.table
            .put(attempt_item(attempt)?, &Expression::default())
            .await
            .map(drop)
    }

    async fn attempt(&self, id: Uuid) -> StoreResult<Option<SignInAttempt>> {
        let item = self.table.get(&Key::attempt(id)).await?;
        let found = item.map(|item| self.read_undamaged(&item, Item::data));
        Ok(found.transpose()?.flatten())
    }

    async fn replace_attempt(
        &self,
        expected_revision: u64,
        attempt: &SignInAttempt,
    ) -> StoreResult<bool> {
        let unchanged = Expression::unchanged(expected_revision);
        let written = self.table.put(attempt_item(attempt)?, &unchanged).await?;
        // If the response of an earlier try was lost, this is false, and the person asks again: two
        // uses of a link must not both succeed.
        Ok(matches!(written, WriteOutcome::Done))
    }

    async fn rate_log(&self, key: &RateKey) -> StoreResult<Option<RateLog>> {
        let item = self.table.get(&Key::rate_log(key)).await?;
        let found = item.map(|item| self.read_undamaged(&item, Item::data));
        Ok(found.transpose()?.flatten())
    }

    async fn replace_rate_log(
        &self,
        before: Option<&RateLog>,
        after: &RateLog,
    ) -> StoreResult<bool> {
        let item = Item::new(&Key::rate_log(&after.key))
            .with_data(after)?
            .with("expires_at", expiry(after.expires_at));
        let unchanged = match before {
            None => Expression::absent(),
            Some(before) => {
                Expression::new("#data = :before").value(":before", text(json(before)?))
            }
        };
        // If the response of an earlier try was lost, this is false, and one request counts twice.
        let written = self.table.put(item, &unchanged).await?;
        Ok(matches!(written, WriteOutcome::Done))
    }
}

fn attempt_item(attempt: &SignInAttempt) -> StoreResult<Item> {
    Ok(Item::new(&Key::attempt(attempt.id))
        .with_data(attempt)?
        .with("revision", number(attempt.revision))
        .with("expires_at", expiry(attempt.expires_at)))
}

/// The time to live. DynamoDB may delete an item days later, so its document has the time too.
fn expiry(until: DateTime<Utc>) -> aws_sdk_dynamodb::types::AttributeValue {
    number(until.timestamp())
}
