//! Opens the database file, with a clear error for everything that can be wrong with it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::SqliteStore;
use super::fault::Fault;
use super::journal::Journal;
use super::meta;
use super::migrate::{APPLICATION_ID, VERSION, migrate, version};
use super::private_file::{plain, private_file};
use super::worker::{Worker, WorkerKind};

/// How long to wait while another process writes.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a database cannot be opened, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It doesn't exist.
    #[error("There is no database at {path}.")]
    NotThere {
        /// The path.
        path: PathBuf,
    },
    /// The file or its folder can't be read or written, or it isn't a file.
    #[error(
        "The database {path} can't be opened for writing ({reason}). Check who owns it and its \
         folder."
    )]
    NotWritable {
        /// The path.
        path: PathBuf,
        /// The system's error.
        reason: String,
    },
    /// It is not our database.
    #[error("{path} isn't a database of hippo, so nothing was changed.")]
    NotOurs {
        /// The path.
        path: PathBuf,
    },
    /// A newer version of hippo made it.
    #[error(
        "The database {path} has version {found}, and this hippo knows versions up to {known}. Use \
         the newer hippo that made it, or restore an older backup."
    )]
    Newer {
        /// The path.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that this program knows.
        known: usize,
    },
    /// It is damaged or truncated.
    #[error("The database {path} is damaged.")]
    Damaged {
        /// The path.
        path: PathBuf,
    },
    /// Another process locked it for too long.
    #[error("Another hippo is using the database {path}. Try again when it is done.")]
    Locked {
        /// The path.
        path: PathBuf,
    },
    /// A thread could not be started, or SQLite failed in another way.
    #[error("The database {path} can't be opened ({reason}).")]
    Failed {
        /// The path.
        path: PathBuf,
        /// The system's error.
        reason: String,
    },
}

/// What to do if there is no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Refuse,
    Create,
}

/// Opens the file with a thread that writes and one that reads.
pub(super) fn open(
    path: &Path,
    missing: Missing,
    busy_timeout: Duration,
) -> Result<SqliteStore, OpenError> {
    let length = match fs::metadata(path) {
        Ok(there) if !there.is_file() => return Err(not_writable(path, "it isn't a file")),
        Ok(there) => there.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match missing {
            Missing::Refuse => return Err(OpenError::NotThere { path: path.into() }),
            Missing::Create => {
                create(path).map_err(|error| not_writable(path, &plain(&error)))?;
                0
            }
        },
        Err(error) => return Err(not_writable(path, &plain(&error))),
    };
    if length == 0 && missing == Missing::Refuse {
        // The file was truncated. Creating a new database here would hide that data was lost.
        return Err(OpenError::Damaged { path: path.into() });
    }
    restrict_permissions(path).map_err(|error| not_writable(path, &plain(&error)))?;
    let writer =
        open_writer(path, missing, busy_timeout).map_err(|problem| problem.into_error(path))?;
    let reader = open_reader(path, busy_timeout).map_err(|problem| problem.into_error(path))?;
    let journal = Arc::new(Journal::beside(path));
    if missing == Missing::Create {
        name_in_journal(&writer, &journal).map_err(|reason| OpenError::Failed {
            path: path.into(),
            reason,
        })?;
    }
    let start = |kind, connection| {
        Worker::start(kind, connection).map_err(|error| OpenError::Failed {
            path: path.into(),
            reason: plain(&error),
        })
    };
    Ok(SqliteStore {
        path: path.into(),
        journal,
        reader: start(WorkerKind::Reader, reader)?,
        writer: start(WorkerKind::Writer, writer)?,
        damaged: Arc::default(),
    })
}

/// Adds a new database to the journal.
fn name_in_journal(connection: &Connection, journal: &Journal) -> Result<(), String> {
    let name = || -> Result<(), Fault> {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        meta::add_to_journal_if_empty(connection, journal)?;
        Ok(connection.execute_batch("COMMIT")?)
    };
    name().map_err(|fault| {
        // The transaction may not have begun.
        let _ = connection.execute_batch("ROLLBACK");
        hippo_core::store::StoreError::from(fault).to_string()
    })
}

/// An [`OpenError`] without its path.
enum Problem {
    Sqlite(rusqlite::Error),
    NotOurs,
    Newer(i64),
    ReadOnly,
    NoLog,
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Problem {
    fn into_error(self, path: &Path) -> OpenError {
        let path = path.to_owned();
        let error = match self {
            Self::NotOurs => return OpenError::NotOurs { path },
            Self::Newer(found) => {
                return OpenError::Newer {
                    path,
                    found,
                    known: VERSION,
                };
            }
            Self::ReadOnly => return not_writable(&path, "it is read-only"),
            Self::NoLog => {
                return not_writable(&path, "its file system can't hold a write-ahead log");
            }
            Self::Sqlite(error) => error,
        };
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Locked { path },
            Some(ErrorCode::NotADatabase) => OpenError::NotOurs { path },
            Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path },
            Some(ErrorCode::CannotOpen) if crate::has_no_files_left() => {
                not_writable(&path, crate::OUT_OF_FILES)
            }
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                not_writable(&path, "its folder may be read-only")
            }
            _ => OpenError::Failed {
                path,
                reason: error.sqlite_error().map_or_else(
                    || "SQLite gave no reason".to_owned(),
                    |error| format!("SQLite's error {}", error.extended_code),
                ),
            },
        }
    }
}

fn open_writer(
    path: &Path,
    missing: Missing,
    busy_timeout: Duration,
) -> Result<Connection, Problem> {
    let mut connection = connect(path, busy_timeout)?;
    if connection.is_readonly("main")? {
        return Err(Problem::ReadOnly);
    }
    require_ours(&connection, missing)?;
    use_write_ahead_log(&connection, busy_timeout)?;
    // FULL: a write returns once it is on the disk. See docs/decisions/sqlite-durability.md.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    migrate(&mut connection)?;
    Ok(connection)
}

fn open_reader(path: &Path, busy_timeout: Duration) -> Result<Connection, Problem> {
    let connection = connect(path, busy_timeout)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// A connection with our settings.
pub(super) fn connect(path: &Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(busy_timeout)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Finds out where a file comes from. Changes nothing.
pub(super) fn identify(connection: &Connection) -> rusqlite::Result<Origin> {
    // In one transaction, because another process may be creating the tables.
    let look = connection.unchecked_transaction()?;
    let id: i32 = look.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let found = version(&look)?;
    let tables: i64 = look.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match id {
        APPLICATION_ID if usize::try_from(found).is_ok_and(|found| found <= VERSION) => {
            Origin::Known
        }
        APPLICATION_ID => Origin::Newer(found),
        0 if found == 0 && tables == 0 => Origin::Empty,
        _ => Origin::Foreign,
    })
}

/// Where a SQLite file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Known,
    Newer(i64),
    Empty,
    Foreign,
}

fn require_ours(connection: &Connection, missing: Missing) -> Result<(), Problem> {
    match identify(connection)? {
        Origin::Known => Ok(()),
        Origin::Empty if missing == Missing::Create => Ok(()),
        Origin::Newer(found) => Err(Problem::Newer(found)),
        Origin::Empty | Origin::Foreign => Err(Problem::NotOurs),
    }
}

fn use_write_ahead_log(connection: &Connection, busy_timeout: Duration) -> Result<(), Problem> {
    let deadline = Instant::now() + busy_timeout;
    loop {
        let mode: rusqlite::Result<String> =
            connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0));
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => return Err(Problem::NoLog),
            // SQLite's busy timeout doesn't cover two processes that change the mode at once.
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn create(path: &Path) -> io::Result<()> {
    match private_file(path) {
        // Another process created it in the meantime.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}

/// Removes other users' rights to the database and the files beside it.
///
/// Works by name: opening and closing the file here would drop the locks that SQLite holds on it in
/// this process.
#[cfg(unix)]
fn restrict_permissions(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let beside = ["", "-wal", "-shm"].map(|end| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        std::path::PathBuf::from(name)
    });
    let journal = path.with_file_name(super::journal::FILE_NAME);
    for name in beside.into_iter().chain([journal]) {
        let mode = match fs::metadata(&name) {
            Ok(there) => there.permissions().mode(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if mode & 0o077 != 0 {
            fs::set_permissions(&name, fs::Permissions::from_mode(0o600))?;
            tracing::warn!(
                path = %name.display(),
                "others could read the database; its mode is now 0600"
            );
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn restrict_permissions(_path: &Path) -> io::Result<()> {
    Ok(())
}

fn not_writable(path: &Path, reason: &str) -> OpenError {
    OpenError::NotWritable {
        path: path.into(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use hippo_core::store::{FamilyStore, StoreError};

    use super::*;

    const SHORT_TIMEOUT: Duration = Duration::from_millis(1);

    fn blocker(path: &Path) -> Connection {
        let connection = connect(path, BUSY_TIMEOUT).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        connection
    }

    #[tokio::test]
    async fn blocked_write_times_out_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hippo.db");
        let store = open(&path, Missing::Create, SHORT_TIMEOUT).unwrap();
        let family = hippo_core::testing::contract::sample::family("conrad");
        let other = blocker(&path);
        let answer = store.add_family(&family).await;
        assert!(
            matches!(&answer, Err(StoreError::Unavailable(reason)) if reason.contains("another hippo"))
        );
        assert!(store.families().await.unwrap().is_empty());
        drop(other);
        store.add_family(&family).await.unwrap();
    }

    #[test]
    fn exclusively_locked_database_is_reported_as_locked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hippo.db");
        drop(open(&path, Missing::Create, SHORT_TIMEOUT).unwrap());
        let other = Connection::open(&path).unwrap();
        other
            .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE")
            .unwrap();
        let answer = open(&path, Missing::Refuse, SHORT_TIMEOUT);
        assert!(matches!(answer, Err(OpenError::Locked { .. })));
    }

    #[test]
    fn concurrent_opens_of_a_new_database_all_succeed() {
        for _ in 0..10 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("hippo.db");
            // Created beforehand, because closing a file drops the locks of the whole process.
            create(&path).unwrap();
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| open(&path, Missing::Create, BUSY_TIMEOUT).unwrap());
                }
            });
        }
    }
}
