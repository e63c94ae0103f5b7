//! Replaces the database with a backup.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use uuid::Uuid;

use super::backup::{self, BackupError};
use super::open::{Origin, connect, identify};
use super::private_file::plain;

/// How long another process may take to close the database.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a restore failed. The database wasn't changed.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is no such file.
    #[error("There is no file {path}.")]
    NotThere {
        /// The path.
        path: PathBuf,
    },
    /// It is something else, or of a newer version.
    #[error("{path} isn't a backup of this hippo. Nothing was changed.")]
    NotOurs {
        /// The path.
        path: PathBuf,
    },
    /// It is damaged.
    #[error("The backup {path} is damaged. Nothing was changed; try an older one.")]
    Damaged {
        /// The path.
        path: PathBuf,
    },
    /// It is the database itself.
    #[error("{path} is the database itself. Name a backup.")]
    Same {
        /// The path.
        path: PathBuf,
    },
    /// Another process has the database open.
    #[error(
        "Another hippo is using the database, so nothing was changed. Stop it and its schedule, \
         then try again."
    )]
    InUse,
    /// The file system refuses.
    #[error("{path} can't be written ({reason}). Nothing was changed.")]
    NotWritable {
        /// The path.
        path: PathBuf,
        /// The system's error.
        reason: String,
    },
}

/// Replaces `database` with a copy of `backup`. Returns where the old database is now.
pub(super) fn restore(backup: &Path, database: &Path) -> Result<Option<PathBuf>, RestoreError> {
    check_backup(backup, database)?;
    let copy = Copy(beside(database, &format!("restoring-{}", Uuid::new_v4())));
    backup::copy(backup, &copy.0).map_err(|error| match error {
        BackupError::NotWritable { path, reason } => RestoreError::NotWritable { path, reason },
        _ => RestoreError::Damaged {
            path: backup.into(),
        },
    })?;
    let is_there = fs::symlink_metadata(database).is_ok();
    let _lock = if is_there { lock(database)? } else { None };
    let aside = is_there.then(|| free_name(database));
    swap_files(&copy.0, database, aside.as_deref()).map_err(|error| RestoreError::NotWritable {
        path: database.into(),
        reason: plain(&error),
    })?;
    Ok(aside)
}

fn check_backup(backup: &Path, database: &Path) -> Result<(), RestoreError> {
    let path = || backup.to_owned();
    if !backup.is_file() {
        return Err(RestoreError::NotThere { path: path() });
    }
    if let (Ok(one), Ok(other)) = (backup.canonicalize(), database.canonicalize())
        && one == other
    {
        return Err(RestoreError::Same { path: path() });
    }
    let origin = Connection::open_with_flags(backup, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .and_then(|connection| identify(&connection));
    match origin {
        Ok(Origin::Known) => Ok(()),
        Ok(Origin::Newer(_) | Origin::Empty | Origin::Foreign) => {
            Err(RestoreError::NotOurs { path: path() })
        }
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            Err(RestoreError::NotOurs { path: path() })
        }
        Err(_) => Err(RestoreError::Damaged { path: path() }),
    }
}

/// Locks the database and checkpoints its log.
///
/// `None`: it is too damaged for that, so nobody can be using it.
fn lock(database: &Path) -> Result<Option<Connection>, RestoreError> {
    let take = || -> rusqlite::Result<Connection> {
        let connection = connect(database, CLOSE_TIMEOUT)?;
        connection.pragma_update(None, "locking_mode", "exclusive")?;
        // SQLite changes this mode only if no other connection is open.
        connection.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))?;
        connection.execute_batch("BEGIN EXCLUSIVE")?;
        Ok(connection)
    };
    match take() {
        Ok(connection) => Ok(Some(connection)),
        Err(error) => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Err(RestoreError::InUse),
            _ => Ok(None),
        },
    }
}

/// Swaps the files. With hard links, a database exists at every moment.
fn swap_files(copy: &Path, database: &Path, aside: Option<&Path>) -> io::Result<()> {
    if let Some(aside) = aside {
        if fs::hard_link(database, aside).is_err() {
            fs::rename(database, aside)?;
        }
        // If the database was too damaged to be checkpointed, its log moves with it.
        for end in ["-wal", "-shm"] {
            match fs::rename(with_end(database, end), with_end(aside, end)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    fs::rename(copy, database)?;
    #[cfg(unix)]
    if let Some(folder) = database
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// A free name for the old database.
fn free_name(database: &Path) -> PathBuf {
    (1u32..)
        .map(|number| beside(database, &format!("before-restore-{number}")))
        .find(|path| fs::symlink_metadata(path).is_err())
        .unwrap_or_else(|| beside(database, &Uuid::new_v4().to_string()))
}

fn beside(database: &Path, end: &str) -> PathBuf {
    with_end(database, &format!(".{end}"))
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// A file that is deleted when dropped, unless it was renamed.
struct Copy(PathBuf);

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
