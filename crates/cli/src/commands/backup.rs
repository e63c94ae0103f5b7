//! `hippo backup`: a copy of the database, while others go on.

use std::path::PathBuf;

use clap::Args;
use hippo_local::sqlite::BackupError;

use crate::context::{Globals, open_database};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::home::Home;

/// Copy the database to a file, while others go on.
///
/// The key is not in the copy: keep that apart. “hippo restore FILE” puts the copy in the place of
/// the database.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hippo backup hippo-2026-11-21.db

To restore it, here or on another machine (there “hippo init” first, and put hippo.key in its place):
  hippo restore hippo-2026-11-21.db")]
pub(crate) struct Backup {
    /// The new file.
    file: PathBuf,
}

/// Makes a copy.
pub(crate) async fn run(backup: Backup, globals: &Globals) -> CommandResult {
    globals.only_here(
        "backup",
        "A stack's table is backed up by itself, to any second of the last 35 days; docs/OPERATING.md says how to \
         restore it. “hippo --on aws export --help” shows how to take everything along.",
    )?;
    let home = Home::locate(globals.home.clone())?;
    home.must_exist()?;
    let store = open_database(&home)?;
    store
        .backup(&backup.file)
        .await
        .map_err(|error| match error {
            BackupError::AlreadyThere { .. } => CommandError::Usage(error.to_string()),
            error => CommandError::Unusable(error.to_string()),
        })?;
    globals
        .output
        .document(&serde_json::json!({ "backup": backup.file }));
    globals.output.say(format!(
        "Copied the database to {}. The keys are not in it: keep copies of {} and {} elsewhere.",
        backup.file.display(),
        home.key_files().private_path().display(),
        home.key_files().fingerprint_path().display()
    ));
    Ok(Outcome::Done)
}
