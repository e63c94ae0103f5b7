//! The store in one SQLite file.
//!
//! One thread writes and one reads (`worker`). A write that returned survives a crash of the machine.
//! Several processes may have the file open at once.

mod alerts;
mod audit;
mod backup;
mod card_copies;
mod cards;
mod checks;
mod declared_schedules;
mod families;
mod fault;
mod feeds;
mod identities;
mod invitations;
mod journal;
mod libraries;
mod messages;
mod meta;
mod migrate;
mod open;
mod outbox;
mod pauses;
mod pictures;
mod private_file;
mod restore;
mod row;
mod run_days;
mod runs;
mod sealed;
mod secrets;
mod sign_ins;
mod visits;
mod worker;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hippo_core::store::{DamagedRow, StoreResult};
use rusqlite::{Connection, OptionalExtension, Params, Row};

pub use self::backup::BackupError;
use self::fault::Fault;
use self::journal::Journal;
pub use self::messages::WaitingMessage;
pub use self::open::OpenError;
pub use self::restore::RestoreError;
use self::worker::Worker;

/// A store in one SQLite file. Implements [`hippo_core::store::Store`].
///
/// Dropping it waits for pending writes, and closes the file.
pub struct SqliteStore {
    path: PathBuf,
    journal: Arc<Journal>,
    // Fields drop in order: the last connection to close writes the log back into the file, so the
    // writer must come last.
    reader: Worker,
    writer: Worker,
    /// The damaged rows that were skipped since the store was opened.
    damaged: Arc<Mutex<BTreeSet<DamagedRow>>>,
}

impl SqliteStore {
    /// Opens the database at `path`, which must exist, and migrates it to this version.
    ///
    /// Blocks, usually for a few milliseconds. A file that others can read gets mode 0600.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        open::open(path, open::Missing::Refuse, open::BUSY_TIMEOUT)
    }

    /// Opens the database at `path`, or creates it (mode 0600). Its folder must exist.
    pub fn open_or_create(path: &Path) -> Result<Self, OpenError> {
        open::open(path, open::Missing::Create, open::BUSY_TIMEOUT)
    }

    /// Copies the database to a new file with mode 0600. Others can write at the same time.
    ///
    /// The copy is verified before it gets its name, and never replaces an existing file. It can be
    /// opened like the database. Its numbers and PINs can't be read without the key file, which isn't
    /// in it.
    pub async fn backup(&self, to: &Path) -> Result<(), BackupError> {
        backup::backup(self.path.clone(), to.to_owned()).await
    }

    /// Replaces the database at `database` with a backup. No process may have it open.
    ///
    /// Returns where the old one is now. The journal is kept. Blocks.
    pub fn restore(backup: &Path, database: &Path) -> Result<Option<PathBuf>, RestoreError> {
        restore::restore(backup, database)
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn read<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        self.reader.run(self.recording_damaged_rows(work)).await
    }

    /// Runs `work`. Keeps all of its writes, or none if it fails.
    async fn write<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        self.writer.run(self.recording_damaged_rows(work)).await
    }

    /// Runs `work`, and records the damaged rows that it skipped.
    fn recording_damaged_rows<T, F>(
        &self,
        work: F,
    ) -> impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static
    where
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let damaged = Arc::clone(&self.damaged);
        move |connection| {
            let result = work(connection);
            let skipped = SKIPPED_ROWS.take();
            if !skipped.is_empty() {
                let mut damaged = damaged.lock().unwrap_or_else(PoisonError::into_inner);
                damaged.extend(skipped);
            }
            result
        }
    }

    fn damaged(&self) -> Vec<DamagedRow> {
        let damaged = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        damaged.iter().cloned().collect()
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

thread_local! {
    /// The damaged rows that this thread's work skipped.
    static SKIPPED_ROWS: RefCell<Vec<DamagedRow>> = const { RefCell::new(Vec::new()) };
}

/// A row's value. `None` if it is damaged, so that the other rows can still be read.
fn skip_if_damaged<T>(read: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(Fault::Damaged(row, reason)) => {
            tracing::error!(
                row.table = row.table,
                row.id = row.id,
                "A damaged row was left out: {reason}"
            );
            SKIPPED_ROWS.with_borrow_mut(|rows| rows.push(row));
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}

/// The first readable row of a query.
fn first<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    from_row: impl FnOnce(&Row<'_>) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let row = statement
        .query_row(params, |row| Ok(from_row(row)))
        .optional()?;
    Ok(row.map(skip_if_damaged).transpose()?.flatten())
}

/// All readable rows of a query.
fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    from_row: impl FnMut(&Row<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    page(connection, sql, params, usize::MAX, from_row)
}

/// The first `limit` readable rows of a query.
///
/// A damaged row doesn't make the page shorter, because a short page counts as the last one.
fn page<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    limit: usize,
    mut from_row: impl FnMut(&Row<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        found.extend(skip_if_damaged(from_row(row))?);
    }
    Ok(found)
}
