//! `hippo card record`: checks one card and records its session for a bug report.

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
use crate::output::{count, print_to_stderr};
use crate::values::{CardName, card_name};

/// The most names or words that are printed in one list.
const MAX_WORDS_SHOWN: usize = 60;

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
pub(crate) struct Record {
    /// The card: its id, or its last four characters or more.
    #[arg(value_parser = card_name, value_name = "ID")]
    id: CardName,
    /// The new file.
    file: PathBuf,
}

/// The recording's part of the document.
#[derive(Serialize)]
struct Document<'a> {
    file: &'a Path,
    kept: Option<&'a KeptValues>,
}

/// Checks one card, and writes its session to a file.
pub(super) async fn record(context: &Context, args: &Record) -> CommandResult {
    if !context.deployment.can_record() {
        return Err(CommandError::usage(
            "Sessions can't be recorded on AWS. Record it on a machine of yours: make a home there, add the library \
             and the card, and run this again.",
        )
        .try_command("hippo init"));
    }
    let path = args.file.as_path();
    let record = context.card(&args.id).await?;
    let (card, state) = (record.card, record.state);
    let library = context.library(&card.library).await?;
    let file = Mutex::new(NewFile::create(path)?);
    if !card.paused {
        if state.refused_since.is_some() {
            print_to_stderr(
                "The library rejected this number or PIN. We'll send them once more, because you asked for a \
                 recording.",
            );
        }
        // Recording counts as permission, like “hippo card retry”: it has to show the login.
        context.store.allow_retry(card.id).await?;
    }
    let kept = Mutex::new(None);
    let finish = |recorder: &Recorder| -> Result<serde_json::Value, CommandError> {
        let found = finish(context, &library, recorder, &file)?;
        let view = serde_json::to_value(Document {
            file: path,
            kept: found.as_ref(),
        });
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(view.unwrap_or_default())
    };
    let recording = Recording {
        recorder: Arc::default(),
        finish: &finish,
    };
    recording.recorder.learn_person(&card.patron);
    let checked = check_card(context, &card, &library, Some(recording)).await;
    if let Some(since) = state.refused_since {
        keep_rejection(context, &card, since).await?;
    }
    let outcome = checked?;
    let kept = kept.into_inner().unwrap_or_else(PoisonError::into_inner);
    let Some(kept) = kept else {
        context
            .output
            .print_text("Recorded nothing, because nothing was sent to the library's site.");
        return Ok(Outcome::SomeFailed);
    };
    show(context, path, &kept, &library);
    Ok(outcome)
}

/// Restores an earlier rejection, unless the library has answered number and PIN again.
///
/// Otherwise a failed recording would allow automatic retries.
async fn keep_rejection(
    context: &Context,
    card: &Card,
    since: DateTime<Utc>,
) -> Result<(), CommandError> {
    let state = context
        .store
        .card(card.id)
        .await?
        .map(|record| record.state);
    let is_unanswered = state.is_some_and(|state| {
        state.refused_since.is_none() && state.last_check.is_some_and(|last| last.failure.is_some())
    });
    if is_unanswered {
        let refusal = Check {
            id: Uuid::new_v4(),
            card: card.key(),
            library: card.library.clone(),
            started_at: since,
            finished_at: context.now(),
            outcome: Err(Failure::wrong_credentials("rejected before the recording")),
        };
        context.store.save_check(&refusal).await?;
    }
    Ok(())
}

/// Writes the recording; returns `None` if nothing was sent.
fn finish(
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
        .keep(&recording.to_json())?;
    Ok(Some(recording.kept))
}

fn show(context: &Context, path: &Path, kept: &KeptValues, library: &Library) {
    let output = &context.output;
    output.print_text(format!(
        "\nRecorded the session in {}, which only you can read: {} to {}.",
        path.display(),
        count(kept.requests, "request", "requests"),
        count(kept.hosts, "host (renamed)", "hosts (renamed)"),
    ));
    output.print_text(
        "Titles, names, numbers, addresses, cookies and all other texts and values are replaced by fillers of the \
         same length. Kept unchanged:",
    );
    let mut phrases: Vec<(&String, &usize)> = kept.phrases.iter().collect();
    phrases.sort_by_key(|(phrase, times)| (std::cmp::Reverse(**times), phrase.to_lowercase()));
    let list = |what: &str, all: Vec<String>| {
        let more = all.len().saturating_sub(MAX_WORDS_SHOWN);
        let mut shown: String = all
            .into_iter()
            .take(MAX_WORDS_SHOWN)
            .collect::<Vec<_>>()
            .join(", ");
        if more > 0 {
            shown.push_str(&format!(", and {more} more (--json lists them)"));
        }
        if shown.is_empty() {
            shown.push_str("none");
        }
        output.print_indented("  ", &format!("{what}: {shown}"));
    };
    list(
        "words",
        phrases
            .into_iter()
            .map(|(phrase, times)| format!("{phrase} ({times})"))
            .collect(),
    );
    list(
        "parts of addresses",
        kept.url_parts.iter().cloned().collect(),
    );
    list("names of cookies", kept.cookies.iter().cloned().collect());
    let own = kept.unrecognised_names();
    let others = kept.names.len() - own.len();
    list(
        "names of classes, ids, fields and keys that only this site has",
        group_names(&own),
    );
    output.print_indented(
        "  ",
        &format!(
            "{} that the readers look for or that any site has (--json lists them)",
            count(others, "other name", "other names")
        ),
    );
    output.print_indented(
        "  ",
        &format!(
            "{} and sums of money; {}, all moved by the same number of days; the library's time zone and date format",
            count(kept.counts_and_sums, "number of up to three digits", "numbers of up to three digits"),
            count(kept.dates, "date", "dates"),
        ),
    );
    output.print_text(
        "Look through the file before you send it. It's text, and must show nothing about you. This reads it like \
         the check did:",
    );
    output.print_line(format!(
        "  hippo read {} {}",
        library.system,
        path.display()
    ));
}

/// Groups names with the same first word, such as `bib… (214)`.
///
/// Single names come first, because a patron's word would be among them.
fn group_names(names: &[&str]) -> Vec<String> {
    let mut families: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in names {
        let first = name.split(['.', '_', '-']).next().unwrap_or_default();
        families.entry(first).or_default().push(name);
    }
    let mut single = Vec::new();
    let mut several = Vec::new();
    for (first, names) in families {
        let is_dotted = names.iter().all(|name| name.contains('.'));
        if names.len() >= MIN_GROUP_SIZE || (is_dotted && names.len() > 1) {
            several.push(format!("{first}… ({})", names.len()));
        } else {
            single.extend(names.into_iter().map(str::to_owned));
        }
    }
    single.extend(several);
    single
}

/// A file that is created before the visit, and deleted if nothing is recorded.
struct NewFile {
    path: PathBuf,
    file: std::fs::File,
    is_kept: bool,
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
            is_kept: false,
        })
    }

    fn keep(&mut self, text: &str) -> Result<(), CommandError> {
        self.file.write_all(text.as_bytes()).map_err(|error| {
            CommandError::unusable(format!("Can't write {}.", self.path.display()))
                .caused_by(io_words(&error))
        })?;
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_kept
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
