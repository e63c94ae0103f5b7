//! `hippo export`: writes everything to one file, for another deployment.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use hippo_core::jobs::check_cards::key_cache::KeyCache;
use hippo_core::seal::{PublicKey, SealError};
use hippo_core::transfer::{self, Transfer, TransferCounts};
use hippo_local::key_files::read_public_key;
use serde::Serialize;

use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::count;
use crate::output::progress::ProgressBar;
use crate::suggested::{HIPPO, HIPPO_HERE};
use crate::target::Target;

/// Export everything to a file, to move it to AWS, back, or to another machine.
///
/// Numbers and PINs are sealed for the destination, never written in plain text. The file includes
/// accounts and the notices of the last 35 days, so that nobody gets a notice twice. It doesn't include
/// runs.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("destination").required(true).args(["for_target", "key"]),
    after_help = "\
Examples:
  hippo export move.json --for aws                 # to AWS; then:
      hippo --target aws import move.json
  hippo export move.json --target aws --for local  # from AWS; then:
      hippo import move.json
  hippo export move.json --key other.pub      # another machine's hippo.pub"
)]
pub(crate) struct Export {
    /// The new file.
    file: PathBuf,
    /// Export for the home on this machine, or for the stack on AWS.
    #[arg(
        long = "for",
        id = "for_target",
        value_enum,
        hide_possible_values = true,
        value_name = "local|aws"
    )]
    for_target: Option<Target>,
    /// Export for another machine: a copy of its hippo.pub.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

#[derive(Serialize)]
struct ExportResult<'a> {
    export: &'a Path,
    sealed_to: String,
    #[serde(flatten)]
    contents: TransferCounts,
}

/// Exports everything.
pub(crate) async fn run(export: Export, globals: &Globals) -> CommandResult {
    if std::fs::symlink_metadata(&export.file).is_ok() {
        return Err(file_exists_error(&export.file));
    }
    if export.for_target == Some(globals.target) {
        return Err(CommandError::usage(
            "The source and the destination are the same. Name the other one with --for. For another home, give a \
             copy of its hippo.pub with --key.",
        ));
    }
    let context = globals.open().await?;
    let recipient = destination_key(&export, globals).await?;
    let transfer = export_store(&context, &recipient).await?;
    if let Some(row) = context.store.damaged_rows().first() {
        return Err(CommandError::unusable(format!(
            "Wrote nothing: {} in {} is damaged and would be missing. “{HIPPO} status” says what to do.",
            row.id, row.table
        )));
    }
    write_new_file(&export.file, &transfer)?;
    print_result(&context, &export, &transfer);
    Ok(Outcome::Done)
}

/// The public key of the destination.
async fn destination_key(export: &Export, globals: &Globals) -> Result<PublicKey, CommandError> {
    let key = match (&export.key, export.for_target) {
        (Some(path), _) => read_public_key(path).map_err(|error| match error {
            // Its own message is about the key file of a home.
            SealError::NoKey(_) => SealError::NoKey(format!(
                "Can't read the key file {}. Copy hippo.pub from the home of the other machine.",
                path.display()
            )),
            error => error,
        })?,
        (None, target) => {
            let other = globals.open_deployment(target.unwrap_or_default()).await?;
            other.keys().public_key().await?
        }
    };
    Ok(key)
}

/// Reads the store and seals its cards for the recipient.
async fn export_store(context: &Context, recipient: &PublicKey) -> Result<Transfer, CommandError> {
    let progress = ProgressBar::new("families");
    let keys = KeyCache::new(&*context.keys);
    Ok(
        transfer::export(&*context.store, &keys, recipient, context.now(), &|step| {
            progress.show_transfer(step)
        })
        .await?,
    )
}

/// Writes a new file that only its owner can read, atomically.
fn write_new_file(path: &Path, transfer: &Transfer) -> Result<(), CommandError> {
    let text = transfer.to_json()?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let write_error = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => file_exists_error(path),
        _ => CommandError::unusable(format!("Can't write {}.", path.display())).caused_by(error),
    };
    // A temporary file is private from the start.
    let mut file = tempfile::Builder::new()
        .prefix(".move-")
        .tempfile_in(folder)
        .map_err(write_error)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.as_file().sync_all())
        .map_err(write_error)?;
    file.persist_noclobber(path)
        .map_err(|error| write_error(error.error))?;
    Ok(())
}

fn file_exists_error(path: &Path) -> CommandError {
    CommandError::usage(format!(
        "{} already exists. Name another file.",
        path.display()
    ))
}

fn print_result(context: &Context, export: &Export, transfer: &Transfer) {
    let contents = transfer.counts();
    context.output.print_document(&ExportResult {
        export: &export.file,
        sealed_to: transfer.sealed_to.to_string(),
        contents,
    });
    let file = export.file.display();
    context.output.print_text(format!(
        "Exported {}, {}, {} and {} to {file}. Numbers and PINs are sealed to the key {}.",
        count(contents.libraries, "library", "libraries"),
        count(contents.families, "family", "families"),
        count(contents.cards, "card", "cards"),
        count(contents.notices, "notice", "notices"),
        transfer.sealed_to,
    ));
    let unfinished_notices = contents.open_notices;
    if unfinished_notices > 0 {
        context.output.print_text(format!(
            "{} unfinished. If a run is still going here, wait until it ends, and export again.",
            count(unfinished_notices, "notice is", "notices are")
        ));
    }
    let import = match export.for_target {
        Some(Target::Aws) => format!("run “hippo --target aws import {file}”"),
        Some(Target::Local) => format!("run “{HIPPO_HERE} import {file}”"),
        None => format!("take it to the other machine and run “hippo import {file}” there"),
    };
    context.output.print_text(format!(
        "Next: if schedules still run here, stop them and export again. Then {import}. The file names people and \
         what they read, so delete it when everything works there."
    ));
}
