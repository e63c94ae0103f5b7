//! LibraryHippo on one machine: SQLite, mail to a folder or by SMTP, the key file,
//! the sign of life.

pub mod clock;
pub mod concurrency_limit;
pub mod key_files;
pub mod mail;
pub mod ping;
pub mod sqlite;

/// What a person reads where the process may open no more files.
pub(crate) const OUT_OF_FILES: &str =
    "Too many open files: raise the limit (ulimit -n) or lower --concurrency.";

/// Whether the process or the machine may open no more files (EMFILE, ENFILE).
pub(crate) fn is_out_of_files(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

/// Whether no file can be opened now: SQLite keeps the reason to itself.
pub(crate) fn has_no_files_left() -> bool {
    std::fs::File::open("/dev/null").is_err_and(|error| is_out_of_files(&error))
}
