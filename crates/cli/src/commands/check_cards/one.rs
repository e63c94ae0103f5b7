//! One card, at once; and its session, recorded for a bug report.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use hippo_core::card::Card;
use hippo_core::check::Check;
use hippo_core::clock::local_date;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use hippo_recording::{KeptValues, Recorder, RecordingError, RecordingProfile};
use hippo_systems::OfflineReader;
use serde::Serialize;
use uuid::Uuid;

use crate::args::CardName;
use crate::checking::{Recorded, check_alone, check_recorded};
use crate::context::{Context, Place};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::home::new_private_file;
use crate::output::stdout::io_words;
use crate::output::{count, note};

/// How many of the names and words are shown; the file has all.
const SHOWN: usize = 60;

/// So many names that begin with the same word are shown as one.
const LARGE_FAMILY: usize = 8;

/// The part of the document that tells of the recording.
#[derive(Serialize)]
struct Document<'a> {
    file: &'a Path,
    kept: Option<&'a KeptValues>,
}

/// Checks one card, and writes its session to a file if asked to.
pub(super) async fn check(
    context: &Context,
    card: &CardName,
    record: Option<&Path>,
) -> CommandResult {
    if record.is_some() && matches!(context.place, Place::Aws(_)) {
        return Err(CommandError::Usage(
            "A stack's visits run on AWS, where none is recorded. Record it on a machine of yours: “hippo init”, \
             add the library and the card there, and run “hippo check-cards --card ID --record FILE”."
                .to_owned(),
        ));
    }
    let record_of_card = context.card(card).await?;
    let (card, state) = (record_of_card.card, record_of_card.state);
    let library = context.library(&card.library).await?;
    let Some(path) = record else {
        return check_alone(context, &card, &library).await;
    };
    let file = Mutex::new(NewFile::create(path)?);
    if !card.paused {
        if state.refused_since.is_some() {
            note(
                "The library refused this number or PIN; they are sent once more, since you ask for a recording.",
            );
        }
        // It is a person's word, as “hippo card retry” is: the login in doubt is what is to be recorded.
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
    let recorded = Recorded {
        recorder: Arc::default(),
        finish: &finish,
    };
    recorded.recorder.learn_person(&card.patron);
    let checked = check_recorded(context, &card, &library, Some(recorded)).await;
    if let Some(since) = state.refused_since {
        keep_refused(context, &card, since).await?;
    }
    let outcome = checked?;
    let kept = kept.into_inner().unwrap_or_else(PoisonError::into_inner);
    let Some(kept) = kept else {
        context
            .output
            .say("Nothing was recorded: the library's site was asked for nothing.");
        return Ok(Outcome::SomeFailed);
    };
    show(context, path, &kept, &library);
    Ok(outcome)
}

/// Puts a refusal back on record, unless the library has answered number and PIN anew: they were sent
/// for the recording alone, and are not to be sent again by themselves.
async fn keep_refused(
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
            outcome: Err(Failure::wrong_credentials("refused before the recording")),
        };
        context.store.save_check(&refusal).await?;
    }
    Ok(())
}

/// Writes the recording; `None`: there is nothing to record.
fn finish(
    context: &Context,
    library: &Library,
    recorder: &Recorder,
    file: &Mutex<NewFile>,
) -> Result<Option<KeptValues>, CommandError> {
    let system = hippo_systems::system(library.system.as_str()).ok_or_else(|| {
        CommandError::Unusable(format!(
            "This version does not know the system “{}” of the library.",
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
        recording => recording.map_err(|error| CommandError::Unusable(error.to_string()))?,
    };
    file.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .keep(&recording.to_json())?;
    Ok(Some(recording.kept))
}

fn show(context: &Context, path: &Path, kept: &KeptValues, library: &Library) {
    let output = &context.output;
    output.say(format!(
        "\nThe session is in {}, which only you can read: {} to {}.",
        path.display(),
        count(kept.requests, "request", "requests"),
        count(
            kept.hosts,
            "host, named by an example",
            "hosts, named by examples"
        ),
    ));
    output.say(
        "Titles, names, numbers, addresses, cookies and all other texts and values are fillers of the same length. \
         Kept as they were:",
    );
    let mut words: Vec<(&String, &usize)> = kept.words.iter().collect();
    words.sort_by_key(|(word, times)| (std::cmp::Reverse(**times), word.to_lowercase()));
    let list = |what: &str, all: Vec<String>| {
        let more = all.len().saturating_sub(SHOWN);
        let mut shown: String = all.into_iter().take(SHOWN).collect::<Vec<_>>().join(", ");
        if more > 0 {
            shown.push_str(&format!(", and {more} more (all of them: --json)"));
        }
        if shown.is_empty() {
            shown.push_str("none");
        }
        output.say_folded("  ", &format!("{what}: {shown}"));
    };
    list(
        "words",
        words
            .into_iter()
            .map(|(word, times)| format!("{word} ({times})"))
            .collect(),
    );
    list(
        "parts of addresses",
        kept.addresses.iter().cloned().collect(),
    );
    list("names of cookies", kept.cookies.iter().cloned().collect());
    let own = kept.names_that_nobody_knows();
    let others = kept.names.len() - own.len();
    list(
        "names of classes, ids, fields and keys that are this site's own",
        folded(&own),
    );
    output.say_folded(
        "  ",
        &format!(
            "{} that readers look for or any site has (all of them: --json)",
            count(others, "other name", "other names")
        ),
    );
    output.say_folded(
        "  ",
        &format!(
            "{} and sums of money; {}, all moved by the same number of days; the library's time zone and the way it \
             writes dates",
            count(kept.counts, "number of up to three digits", "numbers of up to three digits"),
            count(kept.dates, "date", "dates"),
        ),
    );
    output.say(
        "Look through the file before you send it: it is text, and what it shows of you must be nothing. This reads \
         it as the check did:",
    );
    output.say_whole(format!(
        "  hippo read {} {}",
        library.system,
        path.display()
    ));
}

/// The names, those of one family as one: `bib.* (214)`; the single ones first, since a person's word would be one.
fn folded(names: &[&str]) -> Vec<String> {
    let mut families: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in names {
        let first = name.split(['.', '_', '-']).next().unwrap_or_default();
        families.entry(first).or_default().push(name);
    }
    let mut single = Vec::new();
    let mut several = Vec::new();
    for (first, names) in families {
        let is_dotted = names.iter().all(|name| name.contains('.'));
        if names.len() >= LARGE_FAMILY || (is_dotted && names.len() > 1) {
            several.push(format!("{first}… ({})", names.len()));
        } else {
            single.extend(names.into_iter().map(str::to_owned));
        }
    }
    single.extend(several);
    single
}

/// A file that is made before the visit, so that none is in vain, and goes again where nothing is recorded.
struct NewFile {
    path: PathBuf,
    file: std::fs::File,
    is_kept: bool,
}

impl NewFile {
    fn create(path: &Path) -> Result<Self, CommandError> {
        let file = new_private_file(path).map_err(|error| {
            CommandError::Usage(if error.kind() == std::io::ErrorKind::AlreadyExists {
                format!("{} is there already; name a new file.", path.display())
            } else {
                format!(
                    "{} cannot be written: {}.",
                    path.display(),
                    io_words(&error)
                )
            })
        })?;
        Ok(Self {
            path: path.to_owned(),
            file,
            is_kept: false,
        })
    }

    fn keep(&mut self, text: &str) -> Result<(), CommandError> {
        self.file.write_all(text.as_bytes()).map_err(|error| {
            CommandError::Unusable(format!(
                "{} cannot be written: {}.",
                self.path.display(),
                io_words(&error)
            ))
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
            note(format!(
                "{} is empty and cannot be removed: {error}.",
                self.path.display()
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_family_are_shown_as_one_behind_the_single_ones() {
        let many: Vec<String> = (b'a'..b'k')
            .map(|n| format!("bib_{}", char::from(n)))
            .collect();
        let mut names: Vec<&str> = many.iter().map(String::as_str).collect();
        names.extend(["FORMAT.bk", "FORMAT.dvd", "okafor", "user_a", "user_b"]);
        let expected = ["okafor", "user_a", "user_b", "FORMAT… (2)", "bib… (10)"];
        assert_eq!(folded(&names), expected);
    }
}
