//! Sends requests to DynamoDB: retries them, reads all pages, and converts errors.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    ConditionCheck, Delete, DeleteRequest, KeysAndAttributes, Put, ReturnConsumedCapacity,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update, WriteRequest,
};
use hippo_core::store::{StoreError, StoreResult};

use super::clock::TableClock;
use super::error::store_error;
use super::expression::{Expression, names, values};
use super::item::{Attributes, Item};
use super::keys::Key;

/// How often to try a request that is throttled or conflicts with another writer.
pub(super) const MAX_ATTEMPTS: u32 = 50;

/// The most keys of one BatchGetItem.
const MAX_KEYS_PER_GET: usize = 100;

/// The smallest page of a filtered query.
const MIN_FILTERED_PAGE_ITEMS: usize = 25;

/// The most deletes in one BatchWriteItem.
const MAX_DELETES_PER_REQUEST: usize = 25;

/// The result of a conditional write.
#[derive(Debug)]
pub(super) enum WriteOutcome {
    /// The item was written.
    Done,
    /// The condition didn't hold. Has the stored item, if there is one.
    ConditionFailed(Option<Item>),
}

/// One step of a transaction.
#[derive(Debug, Clone)]
pub(super) enum TransactionStep {
    Put(Item, Expression),
    Update(Key, Expression, Expression),
    Delete(Key, Expression),
    Check(Key, Expression),
}

/// The result of a transaction.
#[derive(Debug)]
pub(super) enum TransactionOutcome {
    /// Every step was done.
    Done,
    /// Nothing was done. Lists the steps whose condition didn't hold.
    ConditionFailed(Vec<Refusal>),
}

/// A step whose condition didn't hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    /// The index of the step.
    pub(super) step: usize,
    /// The stored item, if there is one.
    pub(super) item: Option<Item>,
}

/// A query of the table or of an index.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) index: Option<&'static str>,
    pub(super) keys: Expression,
    pub(super) filter: Expression,
    pub(super) newest_first: bool,
    pub(super) limit: usize,
}

impl Query {
    /// Reads the items of one partition that match `keys`, consistently.
    pub(super) fn table(keys: Expression) -> Self {
        Self {
            index: None,
            keys,
            filter: Expression::default(),
            newest_first: false,
            limit: usize::MAX,
        }
    }

    /// Reads from an index, which may be some milliseconds behind.
    pub(super) fn index(index: &'static str, keys: Expression) -> Self {
        Self {
            index: Some(index),
            ..Self::table(keys)
        }
    }
}

/// The table and its client.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) client: Client,
    pub(super) name: String,
    pub(super) clock: TableClock,
}

impl Table {
    /// Reads one item, consistently.
    pub(super) async fn get(&self, key: &Key) -> StoreResult<Option<Item>> {
        let response = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key.attributes()))
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(|error| store_error(&self.name, &error))?;
        Ok(response.item.map(Item))
    }

    /// Reads these items, consistently and in no particular order. Leaves out missing ones.
    pub(super) async fn get_all(&self, keys: Vec<Key>) -> StoreResult<Vec<Item>> {
        // DynamoDB rejects duplicate keys.
        let keys: Vec<Key> = keys
            .into_iter()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(MAX_KEYS_PER_GET) {
            let mut remaining: Vec<Attributes> = keys.iter().map(Key::attributes).collect();
            let mut attempt = 0;
            while !remaining.is_empty() {
                wait_before_retry(attempt).await?;
                attempt += 1;
                let wanted = KeysAndAttributes::builder()
                    .set_keys(Some(remaining))
                    .consistent_read(true)
                    .build()
                    .map_err(|error| build_error(&error))?;
                let response = self
                    .client
                    .batch_get_item()
                    .request_items(&self.name, wanted)
                    .return_consumed_capacity(ReturnConsumedCapacity::Total)
                    .send()
                    .await
                    .map_err(|error| store_error(&self.name, &error))?;
                for items in response
                    .responses
                    .into_iter()
                    .flat_map(HashMap::into_values)
                {
                    if !items.is_empty() {
                        // There is progress, so the next wait can be short.
                        attempt = 1;
                    }
                    found.extend(items.into_iter().map(Item));
                }
                remaining = response
                    .unprocessed_keys
                    .into_iter()
                    .flat_map(HashMap::into_values)
                    .flat_map(|wanted| wanted.keys)
                    .collect();
            }
        }
        Ok(found)
    }

    /// Reads a query's items, from all pages.
    pub(super) async fn query(&self, query: &Query) -> StoreResult<Vec<Item>> {
        let mut found = Vec::new();
        let mut start = None;
        while found.len() < query.limit {
            let remaining = query.limit - found.len();
            // With a filter, the limit counts the items that are read, not those that match.
            let page_size = match query.filter.text() {
                Some(_) => remaining.max(MIN_FILTERED_PAGE_ITEMS),
                None => remaining,
            };
            let limit = i32::try_from(page_size).ok();
            let response = self
                .client
                .query()
                .table_name(&self.name)
                .set_index_name(query.index.map(ToOwned::to_owned))
                .consistent_read(query.index.is_none())
                .set_key_condition_expression(query.keys.text())
                .set_filter_expression(query.filter.text())
                .set_expression_attribute_names(names(&[&query.keys, &query.filter]))
                .set_expression_attribute_values(values(&[&query.keys, &query.filter]))
                .scan_index_forward(!query.newest_first)
                .set_limit(limit)
                .set_exclusive_start_key(start)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(|error| store_error(&self.name, &error))?;
            found.extend(response.items.into_iter().flatten().map(Item));
            start = response.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                break;
            }
        }
        found.truncate(query.limit);
        Ok(found)
    }

    /// Writes an item if `condition` holds.
    pub(super) async fn put(
        &self,
        item: Item,
        condition: &Expression,
    ) -> StoreResult<WriteOutcome> {
        item.check_size()?;
        for attempt in 0..MAX_ATTEMPTS {
            wait_before_retry(attempt).await?;
            let response = self
                .client
                .put_item()
                .table_name(&self.name)
                .set_item(Some(item.0.clone()))
                .set_condition_expression(condition.text())
                .set_expression_attribute_names(names(&[condition]))
                .set_expression_attribute_values(values(&[condition]))
                .return_values_on_condition_check_failure(
                    ReturnValuesOnConditionCheckFailure::AllOld,
                )
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await;
            let error = match response {
                Ok(_) => return Ok(WriteOutcome::Done),
                Err(error) => error,
            };
            let outcome = self.interpret_error(&error, |error| match error {
                PutItemError::ConditionalCheckFailedException(failed) => Some(failed.item.clone()),
                _ => None,
            })?;
            if let Some(outcome) = outcome {
                return Ok(outcome);
            }
        }
        Err(too_busy_error())
    }

    /// Updates an item if `condition` holds.
    pub(super) async fn update(
        &self,
        key: &Key,
        change: &Expression,
        condition: &Expression,
    ) -> StoreResult<WriteOutcome> {
        for attempt in 0..MAX_ATTEMPTS {
            wait_before_retry(attempt).await?;
            let response = self
                .client
                .update_item()
                .table_name(&self.name)
                .set_key(Some(key.attributes()))
                .set_update_expression(change.text())
                .set_condition_expression(condition.text())
                .set_expression_attribute_names(names(&[change, condition]))
                .set_expression_attribute_values(values(&[change, condition]))
                .return_values_on_condition_check_failure(
                    ReturnValuesOnConditionCheckFailure::AllOld,
                )
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await;
            let error = match response {
                Ok(_) => return Ok(WriteOutcome::Done),
                Err(error) => error,
            };
            let outcome = self.interpret_error(&error, |error| match error {
                UpdateItemError::ConditionalCheckFailedException(failed) => {
                    Some(failed.item.clone())
                }
                _ => None,
            })?;
            if let Some(outcome) = outcome {
                return Ok(outcome);
            }
        }
        Err(too_busy_error())
    }

    /// Interprets the error of a conditional write. `None`: it conflicted with a transaction, so try
    /// again.
    ///
    /// `item_of_failed_condition` returns the stored item, if the condition failed and if there is one.
    fn interpret_error<E, R>(
        &self,
        error: &SdkError<E, R>,
        item_of_failed_condition: impl FnOnce(&E) -> Option<Option<Attributes>>,
    ) -> StoreResult<Option<WriteOutcome>>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        if error.code() == Some("TransactionConflictException") {
            return Ok(None);
        }
        match error.as_service_error().and_then(item_of_failed_condition) {
            Some(item) => Ok(Some(WriteOutcome::ConditionFailed(non_empty(item)))),
            None => Err(store_error(&self.name, error)),
        }
    }

    /// Does all of these steps or none.
    ///
    /// A lost response does no harm: the SDK repeats the request with the same token, so it takes
    /// effect once.
    pub(super) async fn transact(
        &self,
        steps: &[TransactionStep],
    ) -> StoreResult<TransactionOutcome> {
        let mut items = Vec::with_capacity(steps.len());
        for step in steps {
            items.push(self.transact_item(step)?);
        }
        for attempt in 0..MAX_ATTEMPTS {
            wait_before_retry(attempt).await?;
            let response = self
                .client
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await;
            let error = match response {
                Ok(_) => return Ok(TransactionOutcome::Done),
                Err(error) => error,
            };
            let reasons = match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                    canceled.cancellation_reasons()
                }
                _ => return Err(store_error(&self.name, &error)),
            };
            let refusals: Vec<Refusal> = reasons
                .iter()
                .enumerate()
                .filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"))
                .map(|(step, reason)| Refusal {
                    step,
                    item: non_empty(reason.item.clone()),
                })
                .collect();
            if !refusals.is_empty() {
                return Ok(TransactionOutcome::ConditionFailed(refusals));
            }
            // Conflicts and throttling are tried again. Other reasons are permanent.
            let permanent = reasons
                .iter()
                .filter_map(|reason| reason.code())
                .find(|code| {
                    !matches!(
                        *code,
                        "None"
                            | "TransactionConflict"
                            | "ThrottlingError"
                            | "ProvisionedThroughputExceeded"
                    )
                });
            if let Some(code) = permanent {
                return Err(StoreError::Unusable(format!(
                    "DynamoDB refused the write ({code})."
                )));
            }
        }
        Err(too_busy_error())
    }

    /// Deletes these items, not in a transaction.
    pub(super) async fn delete_all(&self, keys: &[Key]) -> StoreResult<()> {
        for keys in keys.chunks(MAX_DELETES_PER_REQUEST) {
            let mut remaining = Vec::with_capacity(keys.len());
            for key in keys {
                let delete = DeleteRequest::builder()
                    .set_key(Some(key.attributes()))
                    .build()
                    .map_err(|error| build_error(&error))?;
                remaining.push(WriteRequest::builder().delete_request(delete).build());
            }
            let mut attempt = 0;
            while !remaining.is_empty() {
                wait_before_retry(attempt).await?;
                attempt += 1;
                let response = self
                    .client
                    .batch_write_item()
                    .request_items(&self.name, remaining)
                    .return_consumed_capacity(ReturnConsumedCapacity::Total)
                    .send()
                    .await
                    .map_err(|error| store_error(&self.name, &error))?;
                remaining = response
                    .unprocessed_items
                    .into_iter()
                    .flat_map(HashMap::into_values)
                    .flatten()
                    .collect();
            }
        }
        Ok(())
    }

    fn transact_item(&self, step: &TransactionStep) -> StoreResult<TransactWriteItem> {
        let old = ReturnValuesOnConditionCheckFailure::AllOld;
        let item = TransactWriteItem::builder();
        let item = match step {
            TransactionStep::Put(put, condition) => {
                put.check_size()?;
                item.put(
                    Put::builder()
                        .table_name(&self.name)
                        .set_item(Some(put.0.clone()))
                        .set_condition_expression(condition.text())
                        .set_expression_attribute_names(names(&[condition]))
                        .set_expression_attribute_values(values(&[condition]))
                        .return_values_on_condition_check_failure(old)
                        .build()
                        .map_err(|error| build_error(&error))?,
                )
            }
            TransactionStep::Update(key, change, condition) => item.update(
                Update::builder()
                    .table_name(&self.name)
                    .set_key(Some(key.attributes()))
                    .set_update_expression(change.text())
                    .set_condition_expression(condition.text())
                    .set_expression_attribute_names(names(&[change, condition]))
                    .set_expression_attribute_values(values(&[change, condition]))
                    .return_values_on_condition_check_failure(old)
                    .build()
                    .map_err(|error| build_error(&error))?,
            ),
            TransactionStep::Delete(key, condition) => item.delete(
                Delete::builder()
                    .table_name(&self.name)
                    .set_key(Some(key.attributes()))
                    .set_condition_expression(condition.text())
                    .set_expression_attribute_names(names(&[condition]))
                    .set_expression_attribute_values(values(&[condition]))
                    .return_values_on_condition_check_failure(old)
                    .build()
                    .map_err(|error| build_error(&error))?,
            ),
            TransactionStep::Check(key, condition) => item.condition_check(
                ConditionCheck::builder()
                    .table_name(&self.name)
                    .set_key(Some(key.attributes()))
                    .set_condition_expression(condition.text())
                    .set_expression_attribute_names(names(&[condition]))
                    .set_expression_attribute_values(values(&[condition]))
                    .return_values_on_condition_check_failure(old)
                    .build()
                    .map_err(|error| build_error(&error))?,
            ),
        };
        Ok(item.build())
    }
}

/// The item, unless DynamoDB returned no attributes.
fn non_empty(item: Option<Attributes>) -> Option<Item> {
    item.filter(|attributes| !attributes.is_empty()).map(Item)
}

/// Waits before a retry, for a random time of up to 500 ms that grows with each attempt.
///
/// Doesn't wait before attempt 0. Fails from attempt [`MAX_ATTEMPTS`] on.
pub(super) async fn wait_before_retry(attempt: u32) -> StoreResult<()> {
    if attempt == 0 {
        return Ok(());
    }
    if attempt >= MAX_ATTEMPTS {
        return Err(too_busy_error());
    }
    let max_ms = 5_u64.saturating_mul(1 << attempt.min(7)).min(500);
    let random = getrandom::u64().unwrap_or(max_ms);
    tokio::time::sleep(Duration::from_millis(random % (max_ms + 1))).await;
    Ok(())
}

/// The error after [`MAX_ATTEMPTS`] attempts.
pub(super) fn too_busy_error() -> StoreError {
    StoreError::Unavailable("the table is too busy. Try again in a moment.".to_owned())
}

fn build_error(error: &aws_sdk_dynamodb::error::BuildError) -> StoreError {
    StoreError::Unusable(format!("a request couldn't be built: {error}"))
}
