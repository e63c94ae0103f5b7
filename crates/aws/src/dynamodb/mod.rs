//! The store in one DynamoDB table.
//!
//! `infra/table.md` lists keys and indexes. Reads by key, and in a family's partition, are
//! consistent: they see every write that completed before. Reads from an index ([`families`],
//! `families_page`, [`libraries`], [`cards_to_check`], `cards_with_secrets`, [`open_mails`],
//! [`recent_runs`], the labels of [`newest_runs_by_label`]) may be some milliseconds behind, so
//! writes based on them have a condition. Nothing scans.
//!
//! Each item has its document as JSON, and the attributes that keys, indexes and conditions need.
//! Items that several writers change have a `revision`, which every write increments. Such an item
//! is written only if its revision is unchanged (for a family and the tick times: its document);
//! otherwise it is read again.
//!
//! [`families`]: hippo_core::store::FamilyStore::families
//! [`libraries`]: hippo_core::store::LibraryStore::libraries
//! [`cards_to_check`]: hippo_core::store::CardStore::cards_to_check
//! [`open_mails`]: hippo_core::store::OutboxStore::open_mails
//! [`recent_runs`]: hippo_core::store::RunStore::recent_runs
//! [`newest_runs_by_label`]: hippo_core::store::RunStore::newest_runs_by_label

mod alerts;
mod audit;
mod card_copies;
mod cards;
mod checks;
mod clock;
mod declared_schedules;
mod error;
mod expression;
mod families;
mod feeds;
mod heads;
mod identities;
mod invitations;
mod item;
mod keys;
mod libraries;
mod outbox;
mod pauses;
mod pictures;
mod run_days;
mod runs;
#[cfg(feature = "schema")]
pub mod schema;
mod sealed;
mod secrets;
mod sign_ins;
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
use chrono::{DateTime, TimeDelta, Utc};
use hippo_core::retention::RETENTION;
use hippo_core::store::{DamagedRow, StoreError, StoreResult};

use self::clock::TableClock;
use self::item::Item;
use self::table::{Query, Table};

/// How often the SDK tries a request that DynamoDB throttles or doesn't answer.
const MAX_SDK_ATTEMPTS: u32 = 5;

/// The time limit for one try.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// The time limit for a request with all its tries.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(25);

/// Makes a client with the retries and time limits that the store relies on.
pub fn client(config: &SdkConfig) -> Client {
    let config = aws_sdk_dynamodb::config::Builder::from(config)
        .retry_config(RetryConfig::standard().with_max_attempts(MAX_SDK_ATTEMPTS))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(3))
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .operation_timeout(REQUEST_TIMEOUT)
                .build(),
        )
        .build();
    Client::from_conf(config)
}

/// Implements [`hippo_core::store::Store`] in one DynamoDB table. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DynamoDbStore {
    table: Table,
    retention: TimeDelta,
    /// Whether the table is known to contain its own name, so it wasn't restored.
    has_own_name: Arc<AtomicBool>,
    /// The damaged items that were skipped so far.
    damaged: Arc<Mutex<BTreeSet<DamagedRow>>>,
}

impl DynamoDbStore {
    /// Uses the table of this name. Makes no request yet.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let clock = TableClock::default();
        let config = client.config().to_builder().interceptor(clock.clone());
        Self {
            table: Table {
                client: Client::from_conf(config.build()),
                name: table.into(),
                clock,
            },
            retention: RETENTION,
            has_own_name: Arc::default(),
            damaged: Arc::default(),
        }
    }

    /// Keeps runs and final notices for this many days, but at least for [`RETENTION`].
    #[must_use]
    pub fn with_retention(mut self, days: u32) -> Self {
        self.retention = TimeDelta::days(i64::from(days)).max(RETENTION);
        self
    }

    /// The table's name.
    pub fn table_name(&self) -> &str {
        &self.table.name
    }

    /// Reads an item. `None` if it is damaged, so that the others can still be read.
    fn read_undamaged<T>(
        &self,
        item: &Item,
        read: impl FnOnce(&Item) -> StoreResult<T>,
    ) -> StoreResult<Option<T>> {
        match read(item) {
            Ok(found) => Ok(Some(found)),
            Err(StoreError::Unusable(reason)) => {
                let row = DamagedRow {
                    table: self.table.name.clone(),
                    id: item.key_text(),
                };
                tracing::error!(row.id = row.id, "Skipped a damaged item: {reason}");
                let mut damaged = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
                damaged.insert(row);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Reads the items that aren't damaged.
    fn read_all_undamaged<T>(
        &self,
        items: &[Item],
        read: impl Fn(&Item) -> StoreResult<T>,
    ) -> StoreResult<Vec<T>> {
        let mut found = Vec::with_capacity(items.len());
        for item in items {
            found.extend(self.read_undamaged(item, &read)?);
        }
        Ok(found)
    }

    /// Reads up to `limit` items. Damaged ones don't make a page shorter, since a short page counts as
    /// the last.
    async fn read_undamaged_page<T>(
        &self,
        limit: usize,
        query: impl Fn(usize) -> Query,
        read: impl Fn(&Item) -> StoreResult<T>,
    ) -> StoreResult<Vec<T>> {
        let mut page_size = limit;
        loop {
            let items = self.table.query(&query(page_size)).await?;
            let mut found = self.read_all_undamaged(&items, &read)?;
            if found.len() >= limit || items.len() < page_size {
                found.truncate(limit);
                return Ok(found);
            }
            page_size = page_size.saturating_add(limit - found.len());
        }
    }

    /// The `expires_at` of an item from this time. DynamoDB may delete it days later, so an expired
    /// item may still be there.
    fn expiry(&self, start: DateTime<Utc>) -> AttributeValue {
        item::number((start + self.retention).timestamp())
    }
}
