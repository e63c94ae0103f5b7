//! `hippo backup`: copies the database while other commands run.

use std::path::PathBuf;

use clap::Args;
use hippo_local::sqlite::BackupError;

use crate::context::Globals;
use crate::deployment::local::open_database;
use crate::exit::{CommandError, CommandResult, ErrorKind, Outcome};

/// Copy the database to a file, even while other commands run.
///
/// The copy doesn't hold the key: keep that somewhere else. “hippo restore FILE” replaces the database
/// with the copy.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hippo backup hippo-2026-11-21.db

To restore it, here or on another machine (there, run “hippo init” first and put hippo.key in place):
  hippo restore hippo-2026-11-21.db")]
pub(crate) struct Backup {
    /// The new file.
    file: PathBuf,
}

/// Copies the database.
pub(crate) async fn run(backup: Backup, globals: &Globals) -> CommandResult {
    let home = globals.local_home(
        "backup",
        "AWS backs up a stack's table automatically, to any second of the last 35 days; docs/OPERATING.md says how to \
         restore it. “hippo --target aws export --help” shows how to move everything.",
    )?;
    home.must_exist()?;
    let store = open_database(&home)?;
    store
        .backup(&backup.file)
        .await
        .map_err(|error| match error {
            BackupError::FileExists { .. } => CommandError::from_source(ErrorKind::Usage, error),
            error => CommandError::from_source(ErrorKind::Unusable, error),
        })?;
    globals
        .output
        .print_document(&serde_json::json!({ "backup": backup.file }));
    globals.output.print_text(format!(
        "Copied the database to {}. It doesn't hold the keys: keep copies of {} and {} somewhere else.",
        backup.file.display(),
        home.key_files().private_path().display(),
        home.key_files().fingerprint_path().display()
    ));
    Ok(Outcome::Done)
}
