//! `hippo restore`: a backup in the place of the database.

use std::path::PathBuf;

use clap::Args;
use hippo_local::sqlite::{RestoreError, SqliteStore};

use crate::ask::confirm;
use crate::context::{Globals, open_database};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::home::Home;

/// Put a backup in the place of the database.
///
/// The backup is checked first. The old database stays beside it under another name; the key and
/// sent.journal stay as they are, so that no notice is sent twice.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hippo restore hippo-2026-11-21.db

Stop cron or the timer first, and start it again after “hippo status”.")]
pub(crate) struct Restore {
    /// The backup.
    file: PathBuf,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

/// Restores a backup.
pub(crate) async fn run(asked: Restore, globals: &Globals) -> CommandResult {
    globals.only_here(
        "restore",
        "docs/OPERATING.md says how to restore a stack's table.",
    )?;
    let home = Home::locate(globals.home.clone())?;
    home.must_be_initialized()?;
    if !confirm(
        "The backup takes the place of the database. Go on?",
        asked.yes,
    )? {
        globals.output.say("Nothing was changed.");
        return Ok(Outcome::Done);
    }
    let (file, database) = (asked.file.clone(), home.database());
    let aside = tokio::task::spawn_blocking(move || SqliteStore::restore(&file, &database))
        .await
        .map_err(|error| CommandError::Unusable(error.to_string()))?
        .map_err(|error| match error {
            RestoreError::NotThere { .. }
            | RestoreError::NotOurs { .. }
            | RestoreError::Same { .. } => CommandError::Usage(error.to_string()),
            error => CommandError::Unusable(error.to_string()),
        })?;
    // Whether it can be used is known before anybody relies on it.
    drop(open_database(&home)?);
    globals.output.document(&serde_json::json!({
        "restored": asked.file,
        "old_database": aside,
    }));
    globals
        .output
        .say(format!("Restored {}.", asked.file.display()));
    if let Some(aside) = aside {
        globals
            .output
            .say(format!("The old database is {}.", aside.display()));
    }
    if !home.key_files().private_path().exists() {
        globals.output.say(format!(
            "There is no key at {}. Put your copy of it there: without it no PIN can be read.",
            home.key_files().private_path().display()
        ));
    }
    globals.output.say(
        "Next: “hippo status” shows what is known. After a gap, the first notify-all only checks the clock.\n\
         Notices that may have been sent since the backup are held. “hippo notices resend” sends one by hand.\n\
         Delete the old database once you don't need it.",
    );
    Ok(Outcome::Done)
}
