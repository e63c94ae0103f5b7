//! `hippo export`: everything for another side, in one file.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use hippo_core::jobs::check_cards::keys::Keys;
use hippo_core::seal::{PublicKey, SealError};
use hippo_core::transfer::{self, Contents, Transfer, TransferError};
use hippo_local::key_files::read_public_key;
use serde::Serialize;

use crate::args::Side;
use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::home::Home;
use crate::output::count;
use crate::output::progress::Progress;

/// Write everything to a file for another side: from one machine to AWS and back, or to another machine.
///
/// Numbers and PINs are sealed for the other side; they stand in no file in plain text. Accounts and
/// the notices of the last 35 days come along, so that nobody is told twice. Runs do not.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("other_side").required(true).args(["for_side", "key"]),
    after_help = "\
Examples:
  hippo export move.json --for aws            # this machine to AWS; then there:
      hippo --on aws import move.json
  hippo export move.json --on aws --for here  # AWS to this machine; then here:
      hippo import move.json
  hippo export move.json --key other.pub      # another machine's hippo.pub"
)]
pub(crate) struct Export {
    /// The new file.
    file: PathBuf,
    /// Seal for the home on this machine, or for the stack on AWS.
    #[arg(
        long = "for",
        id = "for_side",
        value_enum,
        hide_possible_values = true,
        value_name = "here|aws"
    )]
    for_side: Option<Side>,
    /// Seal to the public key of another machine: a copy of its hippo.pub.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

#[derive(Serialize)]
struct Document<'a> {
    export: &'a Path,
    sealed_for: String,
    #[serde(flatten)]
    contents: Contents,
}

impl From<TransferError> for CommandError {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::Store(error) => error.into(),
            TransferError::SealedForAnotherKey { .. }
            | TransferError::Card { .. }
            | TransferError::NoLibrary { .. }
            | TransferError::NoSecret { .. } => Self::Unusable(error.to_string()),
            TransferError::NotATransfer
            | TransferError::Newer { .. }
            | TransferError::CutOff { .. }
            | TransferError::Malformed { .. }
            | TransferError::Unsound(_)
            | TransferError::OtherHosts(_) => Self::Usage(error.to_string()),
        }
    }
}

/// Exports everything.
pub(crate) async fn run(export: Export, globals: &Globals) -> CommandResult {
    if std::fs::symlink_metadata(&export.file).is_ok() {
        return Err(already_there(&export.file));
    }
    if export.for_side == Some(globals.side) {
        return Err(CommandError::Usage(
            "That is the side that is exported. Name the other one with --for; for another home, give a copy of \
             its hippo.pub with --key."
                .to_owned(),
        ));
    }
    let context = globals.open().await?;
    let recipient = other_side(&export, globals).await?;
    let transfer = read(&context, &recipient).await?;
    if let Some(row) = context.store.damaged_rows().first() {
        return Err(CommandError::Unusable(format!(
            "Nothing was written: {} in {} is damaged and would be missing. “hippo status” says what to do.",
            row.id, row.table
        )));
    }
    write(&export.file, &transfer)?;
    say(&context, &export, &transfer);
    Ok(Outcome::Done)
}

/// The public key of the other side.
async fn other_side(export: &Export, globals: &Globals) -> Result<PublicKey, CommandError> {
    let key = match (&export.key, export.for_side) {
        (Some(path), _) => read_public_key(path).map_err(|error| match error {
            // What it says of a key file that is not there is meant for the file of a home.
            SealError::NoKey(_) => SealError::NoKey(format!(
                "The key file {} cannot be read. Copy hippo.pub from the home of the other machine.",
                path.display()
            )),
            error => error,
        })?,
        (None, Some(Side::Aws)) => globals.open_stack().await?.keys().public_key().await?,
        (None, _) => {
            let home = Home::locate(globals.home.clone())?;
            home.must_exist()?;
            home.key_files().read_public_key()?
        }
    };
    Ok(key)
}

async fn read(context: &Context, recipient: &PublicKey) -> Result<Transfer, CommandError> {
    let progress = Progress::new("families");
    let keys = Keys::new(&*context.keys);
    Ok(
        transfer::export(&*context.store, &keys, recipient, context.now(), &|step| {
            show(&progress, step)
        })
        .await?,
    )
}

/// Shows how far an export or an import got.
pub(crate) fn show(progress: &Progress, step: transfer::Progress) {
    match step {
        transfer::Progress::Planned(families) => progress.planned(families),
        transfer::Progress::FamilyDone => progress.one_done(),
    }
}

/// A new file for its owner alone: all of it, or none.
fn write(path: &Path, transfer: &Transfer) -> Result<(), CommandError> {
    let text = transfer.to_json()?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let not_written = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => already_there(path),
        _ => CommandError::Unusable(format!("{} cannot be written: {error}.", path.display())),
    };
    // A temporary file is its owner's alone from its first byte.
    let mut file = tempfile::Builder::new()
        .prefix(".move-")
        .tempfile_in(folder)
        .map_err(not_written)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.as_file().sync_all())
        .map_err(not_written)?;
    file.persist_noclobber(path)
        .map_err(|error| not_written(error.error))?;
    Ok(())
}

fn already_there(path: &Path) -> CommandError {
    CommandError::Usage(format!(
        "{} is there already and was left as it is. Name another file.",
        path.display()
    ))
}

fn say(context: &Context, export: &Export, transfer: &Transfer) {
    let contents = transfer.counts();
    context.output.document(&Document {
        export: &export.file,
        sealed_for: transfer.sealed_for.to_string(),
        contents,
    });
    let file = export.file.display();
    context.output.say(format!(
        "Exported {}, {}, {} and {} to {file}; numbers and PINs are sealed for the key {}.",
        count(contents.libraries, "library", "libraries"),
        count(contents.families, "family", "families"),
        count(contents.cards, "card", "cards"),
        count(contents.notices, "notice", "notices"),
        transfer.sealed_for,
    ));
    if contents.open_mails > 0 {
        context.output.say(format!(
            "{} not settled yet. If a run is going on here, wait for its end and export again.",
            count(contents.open_mails, "notice is", "notices are")
        ));
    }
    let import = match export.for_side {
        Some(Side::Aws) => format!("run “hippo --on aws import {file}”"),
        Some(Side::Here) => format!("run “hippo import {file}”"),
        None => format!("take it to the other machine and run “hippo import {file}” there"),
    };
    context.output.say(format!(
        "Next: if schedules still run here, stop them and export again. Then {import}. The file names people and \
         what they read: remove it when all is well there."
    ));
}
