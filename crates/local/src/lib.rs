//! LibraryHippo on one machine: SQLite, mail to a folder or by SMTP, key files, the heartbeat.

pub mod clock;
pub mod concurrency_limit;
pub mod key_files;
pub mod mail;
pub mod sqlite;

/// The message for too many open files.
pub(crate) const OUT_OF_FILES: &str =
    "Too many files are open. Raise the limit (ulimit -n), or check fewer libraries at once.";

/// Whether the process or the machine has too many files open (EMFILE, ENFILE).
pub(crate) fn is_out_of_files(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

/// Whether no more files can be opened. SQLite doesn't report that reason.
pub(crate) fn has_no_files_left() -> bool {
    std::fs::File::open("/dev/null").is_err_and(|error| is_out_of_files(&error))
}
