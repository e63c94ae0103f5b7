//! The database's own data: its id in the journal, whether it was restored, and the tick times.

use hippo_core::clock::local_date;
use hippo_core::ids::FamilyId;
use hippo_core::run::tick_times::TickTimes;
use hippo_core::store::StoreOrigin;
use rusqlite::Connection;
use uuid::Uuid;

use super::fault::Fault;
use super::first;
use super::journal::Journal;
use super::row::{StoredRow, json};

const STORE_ID: &str = "store_id";
const TICK_TIMES: &str = "tick_times";
/// Set in a backup, so that a restored database is recognised.
const IS_COPY: &str = "is_copy";

/// How many days of the journal are compared with the database.
const COMPARED_DAYS: u64 = 9;

fn get(connection: &Connection, name: &str) -> Result<Option<String>, Fault> {
    first(
        connection,
        "SELECT name, value FROM meta WHERE name = ?1",
        [name],
        |row| StoredRow::new("meta", "name", row).text("value"),
    )
}

fn set(connection: &Connection, name: &str, value: &str) -> Result<(), Fault> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")?
        .execute([name, value])?;
    Ok(())
}

fn store_id(connection: &Connection) -> Result<Option<Uuid>, Fault> {
    Ok(get(connection, STORE_ID)?.and_then(|id| id.parse().ok()))
}

/// Marks a database as a copy.
pub(super) fn mark_copy(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?1, '1')", [IS_COPY])?;
    Ok(())
}

/// Adds an empty database to the journal.
pub(super) fn add_to_journal_if_empty(
    connection: &Connection,
    journal: &Journal,
) -> Result<(), Fault> {
    if store_id(connection)?.is_some() || !is_empty(connection)? {
        return Ok(());
    }
    add_to_journal(connection, journal)
}

/// Adds the database to the journal, and ends a restore.
pub(super) fn add_to_journal(connection: &Connection, journal: &Journal) -> Result<(), Fault> {
    let store = match store_id(connection)? {
        Some(store) => store,
        None => {
            let store = Uuid::new_v4();
            set(connection, STORE_ID, &store.to_string())?;
            store
        }
    };
    journal.add_store(store)?;
    connection
        .prepare_cached("DELETE FROM meta WHERE name = ?1")?
        .execute([IS_COPY])?;
    Ok(())
}

/// Returns whether the database was restored from a copy.
pub(super) fn origin(connection: &Connection, journal: &Journal) -> Result<StoreOrigin, Fault> {
    let is_named = match store_id(connection)? {
        Some(store) => journal.knows_store(store)?,
        None => false,
    };
    if !is_named {
        return Ok(match is_empty(connection)? {
            true => StoreOrigin::Known,
            false => StoreOrigin::Restored {
                has_sent_fences: false,
            },
        });
    }
    let is_restored = get(connection, IS_COPY)?.is_some() || is_behind(connection, journal)?;
    Ok(match is_restored {
        true => StoreOrigin::Restored {
            has_sent_fences: true,
        },
        false => StoreOrigin::Known,
    })
}

fn is_empty(connection: &Connection) -> Result<bool, Fault> {
    Ok(!connection
        .prepare_cached("SELECT 1 FROM family")?
        .exists([])?)
}

/// Whether the journal has a mail that the database lacks: then the file was replaced by a copy.
fn is_behind(connection: &Connection, journal: &Journal) -> Result<bool, Fault> {
    for (key, fence) in journal.recent_mails(COMPARED_DAYS)? {
        let Some(added_on) = added_on(connection, &key.family)? else {
            continue;
        };
        // Earlier dates belong to another family that had the same id.
        if key.date <= added_on {
            continue;
        }
        let known: Option<u64> = first(
            connection,
            "SELECT family, fence FROM outbox WHERE kind = ?1 AND family = ?2 AND date = ?3",
            [
                key.kind.as_str(),
                key.family.as_str(),
                &key.date.to_string(),
            ],
            |row| StoredRow::new("outbox", "family", row).count("fence"),
        )?;
        if known.is_none_or(|known| known < fence) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The local date on which a family was added.
fn added_on(
    connection: &Connection,
    family: &FamilyId,
) -> Result<Option<chrono::NaiveDate>, Fault> {
    first(
        connection,
        "SELECT id, created_at, timezone FROM family WHERE id = ?1",
        [family.as_str()],
        |row| {
            let stored = StoredRow::new("family", "id", row);
            Ok(local_date(
                stored.parsed("created_at")?,
                stored.parsed("timezone")?,
            ))
        },
    )
}

/// The tick times. A value that can't be read counts as none, so that it can't raise a clock alert.
pub(super) fn tick_times(connection: &Connection) -> Result<TickTimes, Fault> {
    let stored = get(connection, TICK_TIMES)?;
    Ok(stored
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default())
}

/// Replaces the tick times if they are still `before`.
pub(super) fn replace_tick_times(
    connection: &Connection,
    before: &TickTimes,
    after: &TickTimes,
) -> Result<bool, Fault> {
    let is_same = tick_times(connection)? == *before;
    if is_same {
        set(connection, TICK_TIMES, &json(after)?)?;
    }
    Ok(is_same)
}
