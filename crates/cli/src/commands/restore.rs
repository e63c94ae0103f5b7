//! `hippo restore`: replaces the database with a backup.

use std::path::PathBuf;

use clap::Args;
use hippo_local::sqlite::{RestoreError, SqliteStore};

use crate::ask::confirm;
use crate::context::Globals;
use crate::deployment::local::open_database;
use crate::exit::{CommandError, CommandResult, ErrorKind, Outcome};
use crate::suggested::HIPPO;

/// Replace the database with a backup.
///
/// Checks the backup first. The old database stays beside it under another name. The key and
/// sent.journal stay as they are, so that no notice is sent twice.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hippo restore hippo-2026-11-21.db

Stop cron or the timer, and “hippo serve”, first. Start them again after “hippo status”.")]
pub(crate) struct Restore {
    /// The backup.
    file: PathBuf,
    /// Don't ask.
    #[arg(short, long)]
    yes: bool,
}

/// Restores a backup.
pub(crate) async fn run(args: Restore, globals: &Globals) -> CommandResult {
    let home = globals.local_home(
        "restore",
        "docs/OPERATING.md says how to restore a stack's table.",
    )?;
    home.must_be_initialized()?;
    if !args.file.is_file() {
        let missing = RestoreError::NotThere { path: args.file };
        return Err(CommandError::from_source(ErrorKind::Usage, missing));
    }
    if !confirm("Replace the database with the backup?", args.yes)? {
        globals.output.print_text("Nothing was changed.");
        return Ok(Outcome::Done);
    }
    let (file, database) = (args.file.clone(), home.database());
    let aside = tokio::task::spawn_blocking(move || SqliteStore::restore(&file, &database))
        .await
        .map_err(|error| CommandError::from_source(ErrorKind::Unusable, error))?
        .map_err(|error| match error {
            RestoreError::NotThere { .. }
            | RestoreError::NotOurs { .. }
            | RestoreError::Same { .. } => CommandError::from_source(ErrorKind::Usage, error),
            error => CommandError::from_source(ErrorKind::Unusable, error),
        })?;
    // Reports now whether the restored database can be opened.
    drop(open_database(&home)?);
    globals.output.print_document(&serde_json::json!({
        "restored": args.file,
        "old_database": aside,
    }));
    globals
        .output
        .print_text(format!("Restored {}.", args.file.display()));
    if let Some(aside) = aside {
        globals.output.print_text(format!(
            "The old database is {}. Delete it once you don't need it.",
            aside.display()
        ));
    }
    let keys = home.key_files();
    if !keys.private_path().exists() {
        globals.output.print_text(format!(
            "There is no key at {}. Put your copy there: without it, no PIN can be read.",
            keys.private_path().display()
        ));
    }
    if !keys.fingerprint_path().exists() {
        globals.output.print_text(format!(
            "There is no key at {}. Put your copy there: without it, no card can be added and no PIN set.",
            keys.fingerprint_path().display()
        ));
    }
    globals.output.print_text(
        format!("Next: “{HIPPO} status” shows every card. After a gap, the first notify-all only checks the clock.\n\
         We hold notices that may have been sent since the backup; “{HIPPO} notices resend” sends one."),
    );
    Ok(Outcome::Done)
}
