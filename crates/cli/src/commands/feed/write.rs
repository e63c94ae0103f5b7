//! `hippo feed write`: the calendar as a file, which needs no web server.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use hippo_core::feed::FeedSource;
use hippo_core::feed::ics::render_calendar;
use hippo_core::ids::FamilyId;

use super::title_options::TitleOptions;
use crate::context::Context;
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::count;
use crate::output::stdout::io_words;

/// Write a family's calendar to a file.
///
/// It needs no web server: run it after each check, and let your calendar read the file. It replaces the file in one step, and only you can read it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo feed write conrad library.ics
  hippo feed write conrad library.ics --no-titles")]
pub(crate) struct Write {
    /// The family.
    family: FamilyId,
    /// The file. An existing one is replaced.
    #[arg(value_name = "FILE.ics")]
    file: PathBuf,
    #[command(flatten)]
    titles: TitleOptions,
}

/// Writes the calendar.
pub(super) async fn write(context: &Context, args: Write) -> CommandResult {
    let family = context.family(&args.family).await?;
    let source = FeedSource::load(&*context.store, &family.id, context.now()).await?;
    let (_, source) = source.ok_or_else(|| {
        CommandError::usage(format!("The family {} was removed just now.", family.id))
    })?;
    let events = source.calendar(args.titles.with_titles());
    let calendar = render_calendar(source.family_name(), &events);
    replace_private_file(&args.file, &calendar).map_err(|error| {
        CommandError::unusable(format!("Can't write {}.", args.file.display()))
            .caused_by(io_words(&error))
    })?;
    context.output.print_document(&serde_json::json!({
        "family": family.id,
        "file": args.file,
        "events": events.len(),
    }));
    context.output.print_text(format!(
        "Wrote {} of {} to {}. Only you can read it.",
        count(events.len(), "event", "events"),
        family.id,
        args.file.display()
    ));
    Ok(Outcome::Done)
}

/// Writes a file that only its owner can read. A reader sees the old text or the new one.
fn replace_private_file(path: &Path, text: &str) -> std::io::Result<()> {
    if path.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // A temporary file gets mode 0600, and is deleted if it isn't renamed.
    let mut file = tempfile::Builder::new()
        .prefix(".hippo-")
        .suffix(".ics")
        .tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
