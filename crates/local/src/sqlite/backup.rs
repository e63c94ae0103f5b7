//! Copies the database while others write to it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hippo_core::store::StoreError;
use rusqlite::{Connection, OpenFlags};
use uuid::Uuid;

use super::fault::store_error;
use super::meta::mark_copy;
use super::open::{BUSY_TIMEOUT, Origin, connect, identify};
use super::private_file::{plain, private_file};

/// Why a backup failed. No partial file is left behind.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file already exists.
    #[error("{path} already exists and wasn't changed. Name another file.")]
    FileExists {
        /// The path.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("The backup {path} can't be written ({reason}).")]
    NotWritable {
        /// The path.
        path: PathBuf,
        /// The system's error.
        reason: String,
    },
    /// The copy is damaged, and so is the database.
    #[error("The database is damaged, so the copy was removed. Restore an older backup.")]
    Damaged,
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Interrupted: the program is ending.
    #[error("The backup was interrupted.")]
    Interrupted,
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(store_error(&error))
    }
}

/// Copies the database `from` to a new file `to`.
pub(super) async fn backup(from: PathBuf, to: PathBuf) -> Result<(), BackupError> {
    tokio::task::spawn_blocking(move || copy(&from, &to))
        .await
        .unwrap_or(Err(BackupError::Interrupted))
}

/// Copies a database to a new file. Blocks.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    let not_writable = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::FileExists { path: to.into() },
        _ => BackupError::NotWritable {
            path: to.into(),
            reason: plain(&error),
        },
    };
    if fs::symlink_metadata(to).is_ok() {
        return Err(BackupError::FileExists { path: to.into() });
    }
    let name = to.file_name().ok_or_else(|| BackupError::NotWritable {
        path: to.into(),
        reason: "it has no file name".to_owned(),
    })?;
    let partial = Partial(to.with_file_name(format!(
        ".{}.{}.partial",
        name.to_string_lossy(),
        Uuid::new_v4()
    )));
    let partial_name = partial.0.to_str().ok_or_else(|| BackupError::NotWritable {
        path: to.into(),
        reason: "its path isn't Unicode".to_owned(),
    })?;
    let file = private_file(&partial.0).map_err(not_writable)?;
    // One read transaction: others can go on writing. Deleted data isn't copied.
    connect(from, BUSY_TIMEOUT)?.execute("VACUUM INTO ?1", [partial_name])?;
    let copy = connect(&partial.0, BUSY_TIMEOUT)?;
    // If this copy becomes the database, hippo must know that it was restored. And who signed out
    // since must stay out, and no email is sent again.
    mark_copy(&copy)?;
    copy.execute_batch(
        "PRAGMA secure_delete = ON; DELETE FROM session; DELETE FROM sign_in_attempt; DELETE FROM message;",
    )?;
    drop(copy);
    if !is_sound(&partial.0)? {
        return Err(BackupError::Damaged);
    }
    file.sync_all().map_err(not_writable)?;
    rename_unless_exists(&partial.0, to).map_err(not_writable)
}

/// Gives the file its name, unless one exists.
fn rename_unless_exists(partial: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(partial, to) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        // A file system without hard links. A file created since the check would be overwritten.
        Err(_) if fs::symlink_metadata(to).is_err() => fs::rename(partial, to)?,
        Err(_) => return Err(io::ErrorKind::AlreadyExists.into()),
    }
    #[cfg(unix)]
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn is_sound(path: &Path) -> rusqlite::Result<bool> {
    let copy = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let verdict: String = copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    let has_dangling_reference = copy.prepare("PRAGMA foreign_key_check")?.exists([])?;
    Ok(verdict == "ok" && !has_dangling_reference && identify(&copy)? == Origin::Known)
}

/// A file that is deleted when dropped.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        // Fails harmlessly if it was renamed.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_created_during_the_copy_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let (partial, to) = (folder.path().join("partial"), folder.path().join("to"));
        fs::write(&partial, "the copy").unwrap();
        fs::write(&to, "theirs").unwrap();
        let error = rename_unless_exists(&partial, &to).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&to).unwrap(), b"theirs");
    }
}
