//! Stores libraries and their back-off.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hippo_core::clock::CLOCK_TOLERANCE;
use hippo_core::ids::LibraryId;
use hippo_core::library::{Library, MAX_BACK_OFF, ReadAs};
use hippo_core::store::{LibraryStore, StoreError, StoreResult};

use super::DynamoDbStore;
use super::expression::Expression;
use super::item::{Item, number, text};
use super::keys::{self, Key, list};
use super::table::{Query, TransactionOutcome, TransactionStep, WriteOutcome};

#[async_trait]
impl LibraryStore for DynamoDbStore {
    async fn add_library(&self, library: &Library) -> StoreResult<()> {
        let meta = Item::new(&Key::library(&library.id))
            .with_data(library)?
            .with("cards", number(0))
            .listed(list::LIBRARIES, library.id.as_str());
        let state = Item::new(&Key::library_state(&library.id));
        let steps = [
            TransactionStep::Put(meta, Expression::absent()),
            TransactionStep::Put(state, Expression::absent()),
        ];
        match self.table.transact(&steps).await? {
            TransactionOutcome::Done => Ok(()),
            TransactionOutcome::ConditionFailed(_) => Err(StoreError::AlreadyExists(format!(
                "a library “{}”",
                library.id
            ))),
        }
    }

    async fn update_library(&self, library: &Library) -> StoreResult<()> {
        let key = Key::library(&library.id);
        let Some(before) = self.library(&library.id).await? else {
            return Err(library_not_found(&library.id));
        };
        let exists = Expression::exists();
        let change =
            Expression::new("SET #data = :data").value(":data", text(super::item::json(library)?));
        let mut steps = vec![TransactionStep::Update(key, change, exists.clone())];
        if before.base_url != library.base_url {
            // The back-off was for the old address, and the new one may answer.
            let clear = Expression::new("REMOVE #back_off_until, #down_since");
            let state = Key::library_state(&library.id);
            steps.push(TransactionStep::Update(state, clear, exists));
        }
        match self.table.transact(&steps).await? {
            TransactionOutcome::Done => Ok(()),
            TransactionOutcome::ConditionFailed(_) => Err(library_not_found(&library.id)),
        }
    }

    async fn library(&self, id: &LibraryId) -> StoreResult<Option<Library>> {
        let found = self.table.get(&Key::library(id)).await?;
        let found = found.map(|item| self.read_undamaged(&item, Item::data));
        Ok(found.transpose()?.flatten())
    }

    async fn libraries(&self) -> StoreResult<Vec<Library>> {
        let keys = Expression::new("#listing = :list").value(":list", text(list::LIBRARIES));
        let found = self.table.query(&Query::index("listing", keys)).await?;
        self.read_all_undamaged(&found, Item::data)
    }

    async fn remove_library(&self, id: &LibraryId) -> StoreResult<()> {
        let unused =
            Expression::new("attribute_exists(#pk) AND #cards = :none").value(":none", number(0));
        let steps = [
            TransactionStep::Delete(Key::library(id), unused),
            TransactionStep::Delete(Key::library_state(id), Expression::default()),
        ];
        let refusals = match self.table.transact(&steps).await? {
            TransactionOutcome::Done => return Ok(()),
            TransactionOutcome::ConditionFailed(refusals) => refusals,
        };
        Err(
            match refusals.into_iter().find_map(|refusal| refusal.item) {
                None => library_not_found(id),
                Some(_) => StoreError::InUse(format!(
                    "There are cards of the library “{id}”. Remove them first."
                )),
            },
        )
    }

    async fn back_off(
        &self,
        id: &LibraryId,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> StoreResult<()> {
        let latest = now + MAX_BACK_OFF + CLOCK_TOLERANCE;
        let later = Expression::new(
            "attribute_exists(#pk) AND (attribute_not_exists(#back_off_until) \
             OR #back_off_until < :until OR #back_off_until > :latest)",
        )
        .value(":latest", text(keys::time(latest)));
        let change = Expression::new("SET #back_off_until = :until")
            .value(":until", text(keys::time(until)));
        match self
            .table
            .update(&Key::library_state(id), &change, &later)
            .await?
        {
            // It already backs off for longer.
            WriteOutcome::Done | WriteOutcome::ConditionFailed(Some(_)) => Ok(()),
            WriteOutcome::ConditionFailed(None) => Err(library_not_found(id)),
        }
    }

    async fn mark_library_down(
        &self,
        id: &LibraryId,
        since: DateTime<Utc>,
    ) -> StoreResult<DateTime<Utc>> {
        let first = Expression::new(
            "attribute_exists(#pk) AND \
             (attribute_not_exists(#down_since) OR #down_since > :since)",
        );
        let change =
            Expression::new("SET #down_since = :since").value(":since", text(keys::time(since)));
        match self
            .table
            .update(&Key::library_state(id), &change, &first)
            .await?
        {
            WriteOutcome::Done => Ok(since),
            WriteOutcome::ConditionFailed(Some(state)) => {
                Ok(parse_down_since(&state)?.unwrap_or(since))
            }
            WriteOutcome::ConditionFailed(None) => Err(library_not_found(id)),
        }
    }

    async fn mark_library_up(&self, id: &LibraryId) -> StoreResult<()> {
        let change = Expression::new("REMOVE #down_since");
        self.table
            .update(&Key::library_state(id), &change, &Expression::exists())
            .await?;
        Ok(())
    }

    async fn record_library_read(&self, library: &Library) -> StoreResult<()> {
        let read_as = ReadAs::from_entry(library);
        let change = Expression::new("SET #read_as = :read_as")
            .value(":read_as", text(read_as.as_str().to_owned()));
        let state = Key::library_state(&library.id);
        self.table
            .update(&state, &change, &Expression::exists())
            .await?;
        Ok(())
    }

    async fn back_off_until(&self, id: &LibraryId) -> StoreResult<Option<DateTime<Utc>>> {
        let found = self.table.get(&Key::library_state(id)).await?;
        Ok(found
            .as_ref()
            .map(parse_back_off_until)
            .transpose()?
            .flatten())
    }
}

/// The error for a missing library.
pub(super) fn library_not_found(id: &LibraryId) -> StoreError {
    StoreError::NotFound(format!("library “{id}”"))
}

/// Reads until when a library's checks back off.
pub(super) fn parse_back_off_until(state: &Item) -> StoreResult<Option<DateTime<Utc>>> {
    state.time("back_off_until")
}

/// Reads the way in which an account of a library was read.
pub(super) fn parse_read_as(state: &Item) -> Option<ReadAs> {
    let read_as = state.text("read_as")?;
    Some(ReadAs::from_stored(read_as.to_owned()))
}

/// Reads since when a library is down.
pub(super) fn parse_down_since(state: &Item) -> StoreResult<Option<DateTime<Utc>>> {
    state.time("down_since")
}
