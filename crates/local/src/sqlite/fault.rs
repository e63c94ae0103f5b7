//! Converts SQLite's errors to the store's. No message contains a stored value.

use hippo_core::store::{DamagedRow, StoreError};
use rusqlite::{ErrorCode, ffi};

/// Why work in the database failed: the store's own error, or SQLite's.
#[derive(Debug)]
pub(super) enum Fault {
    Store(StoreError),
    /// A row that can't be read, and the message for it.
    Damaged(DamagedRow, String),
    Sqlite(rusqlite::Error),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Store(error) => error,
            Fault::Damaged(_, reason) => StoreError::Unusable(reason),
            Fault::Sqlite(error) => store_error(&error),
        }
    }
}

/// Converts SQLite's error to the store's. Omits SQLite's text, which may quote stored values.
pub(super) fn store_error(error: &rusqlite::Error) -> StoreError {
    let Some(code) = error.sqlite_error() else {
        return StoreError::Unusable(
            "its tables aren't as this version of hippo made them. Restore a backup.".to_owned(),
        );
    };
    tracing::debug!(code = code.extended_code, "SQLite failed.");
    if code.extended_code == ffi::SQLITE_IOERR_SHMSIZE {
        return disk_full();
    }
    match code.code {
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::FileLockingProtocolFailed => {
            StoreError::Unavailable("another hippo is using it. Try again in a moment.".to_owned())
        }
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            StoreError::Unusable("the database is damaged. Restore a backup.".to_owned())
        }
        ErrorCode::DiskFull => disk_full(),
        ErrorCode::ReadOnly => StoreError::Unavailable(
            "the database is read-only. Check its file, its folder and how the disk is mounted."
                .to_owned(),
        ),
        ErrorCode::CannotOpen if crate::has_no_files_left() => {
            StoreError::Unavailable(crate::OUT_OF_FILES.to_owned())
        }
        ErrorCode::PermissionDenied
        | ErrorCode::CannotOpen
        | ErrorCode::AuthorizationForStatementDenied => StoreError::Unavailable(
            "the database can't be opened or written. Check who owns its folder and files."
                .to_owned(),
        ),
        ErrorCode::SystemIoFailure => {
            StoreError::Unavailable(io_sentence(code.extended_code).to_owned())
        }
        ErrorCode::OutOfMemory => StoreError::Unavailable(
            "the machine has no memory left. Close other programs and try again.".to_owned(),
        ),
        ErrorCode::TooBig => StoreError::TooLarge("it is too large for the database.".to_owned()),
        ErrorCode::SchemaChanged | ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch => {
            StoreError::Unusable(
                "its tables aren't as this version of hippo made them. Restore a backup."
                    .to_owned(),
            )
        }
        _ => StoreError::Unusable(
            "the database refused. Update hippo, or restore a backup.".to_owned(),
        ),
    }
}

fn disk_full() -> StoreError {
    StoreError::Unavailable(
        "the disk is full, so nothing was changed. Make room and try again.".to_owned(),
    )
}

/// The message for a failure of the disk, by SQLite's extended code.
fn io_sentence(extended_code: i32) -> &'static str {
    match extended_code {
        ffi::SQLITE_IOERR_READ
        | ffi::SQLITE_IOERR_SHORT_READ
        | ffi::SQLITE_IOERR_IN_PAGE
        | ffi::SQLITE_IOERR_FSTAT
        | ffi::SQLITE_IOERR_SEEK => "the disk can't be read. Check the disk.",
        ffi::SQLITE_IOERR_CORRUPTFS | ffi::SQLITE_IOERR_DATA => {
            "the disk is damaged. Check the disk, and restore a backup."
        }
        ffi::SQLITE_IOERR_LOCK
        | ffi::SQLITE_IOERR_RDLOCK
        | ffi::SQLITE_IOERR_UNLOCK
        | ffi::SQLITE_IOERR_BLOCKED
        | ffi::SQLITE_IOERR_CHECKRESERVEDLOCK
        | ffi::SQLITE_IOERR_SHMLOCK
        | ffi::SQLITE_IOERR_SHMMAP
        | ffi::SQLITE_IOERR_SHMOPEN => {
            "the database's files can't be locked or shared. Keep the home on a disk of this \
             machine."
        }
        ffi::SQLITE_IOERR_NOMEM => {
            "the machine has no memory left. Close other programs and try again."
        }
        ffi::SQLITE_IOERR_ACCESS | ffi::SQLITE_IOERR_AUTH => {
            "hippo may not use the database's files. Check who owns its folder and files."
        }
        _ => "the disk can't be written, so nothing was changed. It may be full or damaged.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn sentence(code: i32) -> String {
        store_error(&rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)).to_string()
    }

    #[rstest]
    #[case::full(ffi::SQLITE_FULL, "the disk is full")]
    #[case::full_beside_the_database(ffi::SQLITE_IOERR_SHMSIZE, "the disk is full")]
    #[case::write(ffi::SQLITE_IOERR_WRITE, "can't be written")]
    #[case::sync(ffi::SQLITE_IOERR_FSYNC, "can't be written")]
    #[case::read(ffi::SQLITE_IOERR_READ, "can't be read")]
    #[case::read_only(ffi::SQLITE_READONLY, "is read-only")]
    #[case::read_only_folder(ffi::SQLITE_READONLY_DIRECTORY, "is read-only")]
    #[case::not_allowed(ffi::SQLITE_PERM, "who owns")]
    #[case::not_opened(ffi::SQLITE_CANTOPEN, "who owns")]
    #[case::busy(ffi::SQLITE_BUSY, "another hippo")]
    #[case::busy_while_recovering(ffi::SQLITE_BUSY_RECOVERY, "another hippo")]
    #[case::locked(ffi::SQLITE_LOCKED, "another hippo")]
    #[case::corrupt(ffi::SQLITE_CORRUPT, "is damaged")]
    #[case::not_a_database(ffi::SQLITE_NOTADB, "is damaged")]
    #[case::damaged_disk(ffi::SQLITE_IOERR_CORRUPTFS, "is damaged")]
    #[case::other(ffi::SQLITE_MISUSE, "refused")]
    fn sqlite_codes_have_sentences_without_numbers(#[case] code: i32, #[case] expected: &str) {
        let sentence = sentence(code);
        assert!(sentence.contains(expected), "{sentence}");
        assert!(!sentence.contains("SQLite"), "{sentence}");
        assert!(
            !sentence.contains(|c: char| c.is_ascii_digit()),
            "{sentence}"
        );
    }
}
