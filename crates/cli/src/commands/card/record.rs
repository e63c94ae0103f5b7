//! `hippo card record`: checks one card and records its session for a bug report.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use clap::Args;
use hippo_core::card::Card;
use hippo_core::check::Check;
use hippo_core::clock::local_date;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use hippo_recording::{KeptValues, Recorder, RecordingError, RecordingProfile};
use hippo_systems::OfflineReader;
use serde::Serialize;
use uuid::Uuid;

use crate::check_one_card::{Recording, check_card};
use crate::context::Context;
use crate::exit::{CommandError, CommandResult, ErrorKind, Outcome};
use crate::home::create_private_file;
use crate::output::stdout::io_words;
use crate::output::{Output, count, print_to_stderr};
use crate::suggested::{HIPPO_HERE, quoted};
use crate::values::{CardName, card_name};

/// The most names or words that are printed in one list.
const MAX_ITEMS_SHOWN: usize = 60;

/// At least this many names with the same first word are printed as one.
const MIN_GROUP_SIZE: usize = 8;

/// Check one card and record the session, for a bug report.
///
/// Writes the requests and the site's responses as HAR 1.2. Every text and value is replaced by a
/// filler. You see what was kept before you send it to anyone. “hippo read” reads it.
///
/// Recording counts as your permission to log in once more, like “hippo card retry”.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  hippo card record 01KAK3V6ZB9V0S7YQJ4M2N8R5T session.har

Exit code 1: the card could not be checked. The session is recorded all the same.")]
pub(crate) struct RecordArgs {
    /// The card: its id, or its last four characters or more.
    #[arg(value_parser = card_name, value_name = "ID")]
    id: CardName,
    /// The new file.
    file: PathBuf,
}

/// The recording's part of the document.
#[derive(Serialize)]
struct RecordingResult<'a> {
    file: &'a Path,
    kept: Option<&'a KeptValues>,
}

/// Checks one card, and writes its session to a file.
pub(super) async fn record_card(context: &Context, args: &RecordArgs) -> CommandResult {
    if !context.deployment.can_record() {
        return Err(CommandError::usage(
            "Sessions can't be recorded on AWS. Record on your own machine: set up a home there, add the library and \
             the card, and run this command there.",
        )
        .try_command(format!("{HIPPO_HERE} init")));
    }
    let path = args.file.as_path();
    let card_record = context.card(&args.id).await?;
    let (card, state) = (card_record.card, card_record.state);
    let library = context.library(&card.library).await?;
    let file = Mutex::new(NewFile::create(path)?);
    if card.active_pause(context.now()).is_none() {
        if state.refused_since.is_some() {
            print_to_stderr(
                "The library rejected this number or PIN. We'll send them once more, because you asked for a \
                 recording.",
            );
        }
        // Recording counts as permission, like “hippo card retry”: it has to show the login.
        context.store.allow_retry(card.id).await?;
    }
    let kept_values = Mutex::new(None);
    let finish_recording = |recorder: &Recorder| -> Result<serde_json::Value, CommandError> {
        let written = write_recording(context, &library, recorder, &file)?;
        let result = serde_json::to_value(RecordingResult {
            file: path,
            kept: written.as_ref(),
        });
        *kept_values.lock().unwrap_or_else(PoisonError::into_inner) = written;
        Ok(result.unwrap_or_default())
    };
    let recording = Recording {
        recorder: Arc::default(),
        finish: &finish_recording,
    };
    recording.recorder.learn_person(&card.patron);
    let checked = check_card(context, &card, &library, Some(recording)).await;
    if let Some(rejected_since) = state.refused_since {
        restore_rejection(context, &card, rejected_since).await?;
    }
    let outcome = checked?;
    let kept_values = kept_values
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let Some(kept_values) = kept_values else {
        context
            .output
            .print_text("Recorded nothing, because nothing was sent to the library's site.");
        return Ok(Outcome::SomeFailed);
    };
    print_kept_values(context, path, &kept_values, &library);
    Ok(outcome)
}

/// Restores an earlier rejection, unless the library has accepted or rejected number and PIN again.
///
/// Otherwise a failed recording would allow automatic retries.
async fn restore_rejection(
    context: &Context,
    card: &Card,
    rejected_since: DateTime<Utc>,
) -> Result<(), CommandError> {
    let state = context
        .store
        .card(card.id)
        .await?
        .map(|record| record.state);
    let is_still_undecided = state.is_some_and(|state| {
        state.refused_since.is_none() && state.last_check.is_some_and(|last| last.failure.is_some())
    });
    if is_still_undecided {
        let rejected_check = Check {
            id: Uuid::new_v4(),
            card: card.key(),
            library: card.library.clone(),
            started_at: rejected_since,
            finished_at: context.now(),
            outcome: Err(Failure::wrong_credentials("rejected before the recording")),
        };
        context.store.save_check(&rejected_check).await?;
    }
    Ok(())
}

/// Writes the recording and returns what it kept unchanged; `None` if nothing was sent.
fn write_recording(
    context: &Context,
    library: &Library,
    recorder: &Recorder,
    file: &Mutex<NewFile>,
) -> Result<Option<KeptValues>, CommandError> {
    let system = hippo_systems::system(library.system.as_str()).ok_or_else(|| {
        CommandError::unusable(format!(
            "This version doesn't know the library's system, “{}”.",
            library.system
        ))
    })?;
    let today = local_date(context.now(), library.timezone);
    let reader = system.offline_reader();
    let profile = RecordingProfile {
        phrases: reader.map(OfflineReader::phrases).unwrap_or_default(),
        date_format: Box::new(move |page| reader?.stated_date_format(page)),
    };
    let recording = match recorder.finish(&profile, library, today) {
        Err(RecordingError::Nothing) => return Ok(None),
        recording => {
            recording.map_err(|error| CommandError::from_source(ErrorKind::Unusable, error))?
        }
    };
    file.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .write(&recording.to_json())?;
    Ok(Some(recording.kept))
}

/// Prints what the recording kept unchanged, so that a person can judge it before sending the file.
fn print_kept_values(context: &Context, path: &Path, kept_values: &KeptValues, library: &Library) {
    let output = &context.output;
    output.print_text(format!(
        "\nRecorded the session in {}, which only you can read: {} to {}.",
        path.display(),
        count(kept_values.requests, "request", "requests"),
        count(kept_values.hosts, "host (renamed)", "hosts (renamed)"),
    ));
    output.print_text(
        "Titles, names, numbers, addresses, cookies and all other texts and values are replaced by fillers of the \
         same length. Kept unchanged:",
    );
    print_list(output, "words", words_by_frequency(kept_values));
    print_list(
        output,
        "parts of addresses",
        kept_values.url_parts.iter().cloned().collect(),
    );
    print_list(
        output,
        "names of cookies",
        kept_values.cookies.iter().cloned().collect(),
    );
    let unrecognised = kept_values.unrecognised_names();
    let recognised = kept_values.names.len() - unrecognised.len();
    print_list(
        output,
        "unrecognised names of classes, ids, fields and keys",
        group_names(&unrecognised),
    );
    output.print_indented(
        "  ",
        &format!(
            "{} (--json lists them)",
            count(recognised, "recognised name", "recognised names")
        ),
    );
    output.print_indented(
        "  ",
        &format!(
            "{} and sums of money; {}, all shifted by the same number of days; the library's time zone and date format",
            count(
                kept_values.counts_and_sums,
                "number of up to three digits",
                "numbers of up to three digits"
            ),
            count(kept_values.dates, "date", "dates"),
        ),
    );
    output.print_text(
        "Look through the file before you send it: nothing in it should identify you. To read it as the check did:",
    );
    output.print_line(format!(
        "  hippo read {} {}",
        library.system,
        quoted(&path.to_string_lossy())
    ));
}

/// Lists the kept words with their counts, the most frequent first.
fn words_by_frequency(kept_values: &KeptValues) -> Vec<String> {
    let mut words: Vec<(&String, &usize)> = kept_values.phrases.iter().collect();
    words.sort_by_key(|(word, times)| (Reverse(**times), word.to_lowercase()));
    words
        .into_iter()
        .map(|(word, times)| format!("{word} ({times})"))
        .collect()
}

/// Prints the first items of a list, and how many more there are.
fn print_list(output: &Output, name: &str, items: Vec<String>) {
    let more = items.len().saturating_sub(MAX_ITEMS_SHOWN);
    let mut shown: String = items
        .into_iter()
        .take(MAX_ITEMS_SHOWN)
        .collect::<Vec<_>>()
        .join(", ");
    if more > 0 {
        shown.push_str(&format!(", and {more} more (--json lists them)"));
    }
    if shown.is_empty() {
        shown.push_str("none");
    }
    output.print_indented("  ", &format!("{name}: {shown}"));
}

/// Groups names with the same first word, such as `bib… (214)`.
///
/// Single names come first, because a name with a patron's data would be among them.
fn group_names(names: &[&str]) -> Vec<String> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in names {
        let first = name.split(['.', '_', '-']).next().unwrap_or_default();
        groups.entry(first).or_default().push(name);
    }
    let mut single_names = Vec::new();
    let mut group_counts = Vec::new();
    for (first, names) in groups {
        let is_dotted = names.iter().all(|name| name.contains('.'));
        if names.len() >= MIN_GROUP_SIZE || (is_dotted && names.len() > 1) {
            group_counts.push(format!("{first}… ({})", names.len()));
        } else {
            single_names.extend(names.into_iter().map(str::to_owned));
        }
    }
    single_names.extend(group_counts);
    single_names
}

/// A file that is created before the visit, and deleted if nothing is recorded.
struct NewFile {
    path: PathBuf,
    file: std::fs::File,
    is_written: bool,
}

impl NewFile {
    fn create(path: &Path) -> Result<Self, CommandError> {
        let file = create_private_file(path).map_err(|error| {
            if error.kind() == std::io::ErrorKind::AlreadyExists {
                CommandError::usage(format!(
                    "{} already exists. Name a new file.",
                    path.display()
                ))
            } else {
                CommandError::usage(format!("Can't write {}.", path.display()))
                    .caused_by(io_words(&error))
            }
        })?;
        Ok(Self {
            path: path.to_owned(),
            file,
            is_written: false,
        })
    }

    /// Writes the text; from now on the file stays.
    fn write(&mut self, text: &str) -> Result<(), CommandError> {
        self.file.write_all(text.as_bytes()).map_err(|error| {
            CommandError::unusable(format!("Can't write {}.", self.path.display()))
                .caused_by(io_words(&error))
        })?;
        self.is_written = true;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_written
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            print_to_stderr(format!(
                "Can't remove the empty file {}: {error}.",
                self.path.display()
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_common_prefix_are_grouped() {
        let many: Vec<String> = (b'a'..b'k')
            .map(|n| format!("bib_{}", char::from(n)))
            .collect();
        let mut names: Vec<&str> = many.iter().map(String::as_str).collect();
        names.extend(["FORMAT.bk", "FORMAT.dvd", "okafor", "user_a", "user_b"]);
        let expected = ["okafor", "user_a", "user_b", "FORMAT… (2)", "bib… (10)"];
        assert_eq!(group_names(&names), expected);
    }
}
