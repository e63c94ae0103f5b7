//! The store in one DynamoDB table.
//!
//! Keys and indexes are listed in `infra/table.md`. What is read by key, or in a family's own
//! partition, is read consistently: a method sees every write that was answered before it was
//! called. What is read from an index ([`families`], `families_page`, [`libraries`],
//! [`cards_to_check`], `cards_with_secrets`, [`open_mails`], [`recent_runs`], the labels of
//! [`newest_of_each_label`]) may be some milliseconds behind; whoever acts on it writes under a condition. Nothing scans.
//!
//! Each item holds its document as JSON, and beside it only the attributes that keys, indexes and
//! conditions need. `revision` goes up with every write; a write over what was read is made only if
//! it is still the same, and begins anew with what is there if not.
//!
//! [`families`]: hippo_core::store::FamilyStore::families
//! [`libraries`]: hippo_core::store::LibraryStore::libraries
//! [`cards_to_check`]: hippo_core::store::CardStore::cards_to_check
//! [`open_mails`]: hippo_core::store::OutboxStore::open_mails
//! [`recent_runs`]: hippo_core::store::RunStore::recent_runs
//! [`newest_of_each_label`]: hippo_core::store::RunStore::newest_of_each_label

mod alerts;
mod card_copies;
mod cards;
mod checks;
mod clock;
mod expression;
mod families;
mod fault;
mod heads;
mod item;
mod keys;
mod libraries;
mod outbox;
mod runs;
#[cfg(feature = "schema")]
pub mod schema;
mod sealed;
mod secrets;
mod table;
mod visits;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use hippo_core::store::{DamagedRow, StoreError, StoreResult};

use self::clock::TableClock;
use self::item::Item;
use self::table::{Ask, Table};

/// How many days runs and final notices are kept at least. The outbox's protocol needs 35.
pub const KEPT_DAYS: u32 = 35;

/// How often the SDK tries a request that DynamoDB throttled or did not answer.
const ATTEMPTS: u32 = 5;

/// How long DynamoDB may take to answer one request.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(5);

/// How long a request may take with all its tries.
const REQUEST_LIMIT: Duration = Duration::from_secs(25);

/// A client of DynamoDB with the tries and time limits that the stores count on.
pub fn client(config: &SdkConfig) -> Client {
    let config = aws_sdk_dynamodb::config::Builder::from(config)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(3))
                .operation_attempt_timeout(ATTEMPT_LIMIT)
                .operation_timeout(REQUEST_LIMIT)
                .build(),
        )
        .build();
    Client::from_conf(config)
}

/// The stores in one DynamoDB table; all of [`hippo_core::store::Store`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DynamoDbStore {
    table: Table,
    kept_days: u32,
    /// Whether the table is known to hold its own name: it was not restored.
    has_own_name: Arc<AtomicBool>,
    /// The items that were passed over since the store was made.
    damaged: Arc<Mutex<BTreeSet<DamagedRow>>>,
}

impl DynamoDbStore {
    /// The stores in the table of this name. Makes no request yet.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let clock = TableClock::default();
        let config = client.config().to_builder().interceptor(clock.clone());
        Self {
            table: Table {
                client: Client::from_conf(config.build()),
                name: table.into(),
                clock,
            },
            kept_days: KEPT_DAYS,
            has_own_name: Arc::default(),
            damaged: Arc::default(),
        }
    }

    /// Keeps runs and final notices for so many days, but not less than [`KEPT_DAYS`].
    #[must_use]
    pub fn kept_for(mut self, days: u32) -> Self {
        self.kept_days = days.max(KEPT_DAYS);
        self
    }

    /// The table's name.
    pub fn table_name(&self) -> &str {
        &self.table.name
    }

    /// An item's value; `None` if it is damaged, so that the other items can still be read.
    fn unless_damaged<T>(
        &self,
        item: &Item,
        read: impl FnOnce(&Item) -> StoreResult<T>,
    ) -> StoreResult<Option<T>> {
        match read(item) {
            Ok(found) => Ok(Some(found)),
            Err(StoreError::Unusable(reason)) => {
                let row = DamagedRow {
                    table: self.table.name.clone(),
                    id: item.place(),
                };
                tracing::error!(row.id = row.id, "A damaged item was left out: {reason}");
                let mut damaged = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
                damaged.insert(row);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The values of the readable items.
    fn readable<T>(
        &self,
        items: &[Item],
        read: impl Fn(&Item) -> StoreResult<T>,
    ) -> StoreResult<Vec<T>> {
        let mut found = Vec::with_capacity(items.len());
        for item in items {
            found.extend(self.unless_damaged(item, &read)?);
        }
        Ok(found)
    }

    /// The first `limit` readable items. A damaged one doesn't make a page shorter, since a short
    /// page counts as the last.
    async fn readable_page<T>(
        &self,
        limit: usize,
        ask: impl Fn(usize) -> Ask,
        read: impl Fn(&Item) -> StoreResult<T>,
    ) -> StoreResult<Vec<T>> {
        let mut asked = limit;
        loop {
            let items = self.table.query(&ask(asked)).await?;
            let mut found = self.readable(&items, &read)?;
            if found.len() >= limit || items.len() < asked {
                found.truncate(limit);
                return Ok(found);
            }
            asked = asked.saturating_add(limit - found.len());
        }
    }

    /// The time to live of an item that began then. DynamoDB may delete it days later, so its
    /// presence proves nothing.
    fn expiry(&self, began: DateTime<Utc>) -> AttributeValue {
        let until = began + chrono::Duration::days(i64::from(self.kept_days));
        item::number(until.timestamp())
    }
}
