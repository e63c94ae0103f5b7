//! What goes wrong in SQLite, in the words of the store. No message holds a stored value.

use hippo_core::store::{DamagedRow, StoreError};
use rusqlite::ErrorCode;

/// What a piece of work fails with: a store's own answer, or SQLite's.
#[derive(Debug)]
pub(super) enum Fault {
    Store(StoreError),
    /// A row that cannot be understood, and the word for it.
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

/// SQLite's error as the store's. Its own text is left out: it may quote what was to be written.
pub(super) fn store_error(error: &rusqlite::Error) -> StoreError {
    let Some(code) = error.sqlite_error() else {
        return StoreError::Unusable(
            "its tables are not as this version of hippo made them. Restore a backup.".to_owned(),
        );
    };
    match code.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            StoreError::Unavailable("another hippo is using it. Try again in a moment.".to_owned())
        }
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            StoreError::Unusable("the database is damaged. Restore a backup.".to_owned())
        }
        ErrorCode::DiskFull => StoreError::Unavailable(
            "the disk is full. Nothing was changed; make room and try again.".to_owned(),
        ),
        ErrorCode::CannotOpen if crate::has_no_files_left() => {
            StoreError::Unavailable(crate::OUT_OF_FILES.to_owned())
        }
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => {
            StoreError::Unavailable(
                "the database cannot be written. Look at who owns its folder and files.".to_owned(),
            )
        }
        ErrorCode::SystemIoFailure => StoreError::Unavailable(format!(
            "the disk does not read or write (SQLite's error {}).",
            code.extended_code
        )),
        _ => StoreError::Unusable(format!(
            "the database refused (SQLite's error {}).",
            code.extended_code
        )),
    }
}
