//! `hippo schedule pause` and `resume`: the switch that every run of a schedule reads.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use hippo_core::ids::Label;
use hippo_core::run::JobName;
use hippo_core::schedule::Pause;
use hippo_core::schedule::declaration::table::parse_instant;
use serde::Serialize;

use crate::config::PERSON_LABEL;
use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::operator_name::operator_name;
use crate::output::time::moment;
use crate::pauses::{pause_sentence, pause_words, resume_command};
use crate::suggest::nearest;

/// How often a change is tried if somebody else changes the same pause.
const MAX_ATTEMPTS: usize = 5;

/// The longest reason, in characters.
const MAX_REASON_LENGTH: usize = 200;

/// Pause a schedule, or all of them.
///
/// Its timer goes on, but its runs don't start: each is recorded as “skipped: paused”, and isn't made
/// up for later. Runs that you start yourself still start. It works the same on AWS.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo schedule pause all --until 2026-12-01 --why \"The library moves\"
  hippo schedule pause --all

To end it: “hippo schedule resume”.")]
pub(crate) struct PauseSchedule {
    #[command(flatten)]
    which: Which,
    /// Resume it then, without another command. A date is its first day with runs again; a local time
    /// is in the schedule's time zone. By default it stays paused.
    #[arg(long, value_name = "DATE|TIME")]
    until: Option<String>,
    /// Why. It's shown with the schedule.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

/// Resume a paused schedule, or end the pause of all.
///
/// What was skipped isn't made up for: the next run starts at its usual time.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo schedule resume all
  hippo schedule resume --all

A schedule with a pause of its own stays paused after “--all”.")]
pub(crate) struct Resume {
    #[command(flatten)]
    which: Which,
}

/// Which schedules.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// The schedule's label.
    label: Option<Label>,
    /// All schedules, those that you add later too.
    #[arg(long)]
    all: bool,
}

impl Which {
    /// The label; `None`: all schedules.
    fn label(&self) -> Option<&Label> {
        self.label.as_ref().filter(|_| !self.all)
    }
}

#[derive(Debug, Serialize)]
struct PausedDocument {
    pause: Pause,
    /// The pause that it replaces, as it was.
    replaced: Option<Pause>,
}

#[derive(Debug, Serialize)]
struct ResumedDocument {
    /// The pauses that ended.
    resumed: Vec<Pause>,
    /// What still pauses the schedule, or some schedules.
    still_paused: Vec<Pause>,
}

/// Pauses a schedule, or all.
pub(super) async fn pause(args: PauseSchedule, globals: &Globals) -> CommandResult {
    let context = globals.open().await?;
    let label = args.which.label();
    if let Some(label) = label {
        must_be_known(&context, label).await?;
    }
    let until = match &args.until {
        Some(text) => Some(read_end(text, &context, zone_of(&context, label).await?)?),
        None => None,
    };
    let why = args.why.as_deref().map(read_reason).transpose()?.flatten();
    let (pause, replaced) = begin_pause(&context, label, until, why).await?;
    show_pause(&context, &pause, replaced.as_ref());
    context
        .output
        .print_document(&PausedDocument { pause, replaced });
    Ok(Outcome::Done)
}

/// Resumes a schedule, or ends the pause of all.
pub(super) async fn resume(args: Resume, globals: &Globals) -> CommandResult {
    let context = globals.open().await?;
    let label = args.which.label();
    let (resumed, pauses) = end_pauses(&context, label).await?;
    if let (true, Some(label)) = (resumed.is_empty(), label) {
        must_be_known(&context, label).await?;
    }
    let still_paused = match label {
        // A schedule's own pause is over, but not that of all.
        Some(label) => pauses
            .into_iter()
            .filter(|pause| pause.is_for(label))
            .collect(),
        None => pauses,
    };
    let document = ResumedDocument {
        resumed,
        still_paused,
    };
    context.output.print_document(&document);
    show_resumed(&context, label, &document);
    Ok(Outcome::Done)
}

/// Refuses a label that no schedule and no run has; the error suggests a similar one.
async fn must_be_known(context: &Context, label: &Label) -> Result<(), CommandError> {
    let mut known = Vec::new();
    for job in JobName::all() {
        known.extend(context.deployment.declared_labels(job));
        // Not every trigger has a declared schedule.
        let runs = context.store.newest_of_each_label(job, 1).await?;
        known.extend(runs.into_iter().map(|run| run.key.label.to_string()));
    }
    known.retain(|name| name != PERSON_LABEL);
    if known.iter().any(|name| name == label.as_str()) {
        return Ok(());
    }
    let error = CommandError::usage(format!("There is no schedule “{label}”."));
    Err(error
        .did_you_mean(nearest(label.as_str(), known))
        .try_command("hippo schedule list"))
}

/// The zone of a schedule; the operator's if it isn't known, and for all schedules.
async fn zone_of(context: &Context, label: Option<&Label>) -> Result<Tz, CommandError> {
    let Some(label) = label else {
        return Ok(context.zone());
    };
    let schedules = context.deployment.schedules().await?;
    let schedule = schedules.iter().find(|one| one.label == *label);
    Ok(schedule.map_or_else(|| context.zone(), |schedule| schedule.recurrence.zone))
}

fn read_end(text: &str, context: &Context, zone: Tz) -> Result<DateTime<Utc>, CommandError> {
    let end = parse_instant(text, zone).map_err(CommandError::usage)?;
    if end <= context.now() {
        let end = moment(end, context.now(), zone);
        return Err(CommandError::usage(format!(
            "--until {text} has passed: the pause would have ended at {end}. Give a later date or time."
        )));
    }
    Ok(end)
}

/// Reads a reason; `None` if it is empty.
fn read_reason(text: &str) -> Result<Option<String>, CommandError> {
    let reason = hippo_core::text::clean(text);
    if reason.chars().count() > MAX_REASON_LENGTH {
        return Err(CommandError::usage(format!(
            "The reason is too long. Give at most {MAX_REASON_LENGTH} characters."
        )));
    }
    Ok(Some(reason).filter(|reason| !reason.is_empty()))
}

/// Begins a pause, and ends the active one of the same label; returns both.
///
/// The earlier one stays on record with its own author.
async fn begin_pause(
    context: &Context,
    label: Option<&Label>,
    until: Option<DateTime<Utc>>,
    why: Option<String>,
) -> Result<(Pause, Option<Pause>), CommandError> {
    let now = context.now();
    let pause = Pause {
        label: label.cloned(),
        since: now,
        until,
        by: operator_name(),
        why,
    };
    for _ in 0..MAX_ATTEMPTS {
        let mut pauses = context.store.pauses().await?;
        pauses.retain(|other| other.label == pause.label);
        let same = pauses.iter().find(|other| other.since == now);
        if !context.store.replace_pause(same, &pause).await? {
            continue;
        }
        pauses.retain(|other| other.includes(now));
        // There are several if two people paused it at the same time.
        for before in pauses.iter().filter(|before| before.since != now) {
            let after = Pause {
                until: Some(now),
                ..before.clone()
            };
            // If this is refused, somebody else has just ended it.
            context.store.replace_pause(Some(before), &after).await?;
        }
        return Ok((pause, pauses.pop()));
    }
    Err(changed_meanwhile())
}

/// Ends the active pauses of a label, or of all schedules; also returns the other active ones.
async fn end_pauses(
    context: &Context,
    label: Option<&Label>,
) -> Result<(Vec<Pause>, Vec<Pause>), CommandError> {
    let now = context.now();
    let mut resumed = Vec::new();
    for _ in 0..MAX_ATTEMPTS {
        let active = context.store.pauses().await?;
        let active = active.into_iter().filter(|pause| pause.includes(now));
        let (mine, others): (Vec<Pause>, Vec<Pause>) =
            active.partition(|pause| pause.label.as_ref() == label);
        if mine.is_empty() {
            return Ok((resumed, others));
        }
        for before in mine {
            let after = Pause {
                until: Some(now),
                ..before.clone()
            };
            if context.store.replace_pause(Some(&before), &after).await? {
                resumed.push(after);
            }
        }
    }
    Err(changed_meanwhile())
}

fn changed_meanwhile() -> CommandError {
    CommandError::unusable("Somebody else keeps changing this pause. Look at it, then try again.")
        .try_command("hippo schedule list")
}

fn show_pause(context: &Context, pause: &Pause, replaced: Option<&Pause>) {
    let (now, zone) = (context.now(), context.zone());
    let until = match pause.until {
        Some(until) => format!(" until {}", moment(until, now, zone)),
        None => String::new(),
    };
    let output = &context.output;
    output.print_text(match (replaced, &pause.label) {
        (None, Some(label)) => format!("Paused the schedule “{label}”{until}."),
        (None, None) => format!("Paused all schedules, and those that you add later{until}."),
        (Some(before), label) => {
            let before = pause_words(before, "had already paused", now, zone);
            let (now_paused, them) = match label {
                Some(_) => ("It's now paused", "it"),
                None => ("They're now paused", "them"),
            };
            let until = match pause.until {
                Some(_) => until,
                None => format!(" until you resume {them}"),
            };
            format!("{before}. {now_paused}{until}.")
        }
    });
    output.print_text("To resume:");
    output.print_line(format!("  {}", resume_command(pause, context)));
}

fn show_resumed(context: &Context, label: Option<&Label>, document: &ResumedDocument) {
    let output = &context.output;
    output.print_text(match (label, document.resumed.is_empty()) {
        (Some(label), false) => format!("Resumed the schedule “{label}”."),
        (Some(label), true) => {
            format!("The schedule “{label}” isn't paused on its own. Nothing was changed.")
        }
        (None, false) => "Ended the pause of all schedules.".to_owned(),
        (None, true) => "There is no pause of all schedules. Nothing was changed.".to_owned(),
    });
    for pause in &document.still_paused {
        output.print_text(pause_sentence(pause, context));
        output.print_line(format!("  → {}", resume_command(pause, context)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_is_one_clean_line_of_limited_length() {
        let read = |text: &str| read_reason(text).ok();
        assert_eq!(read(" a\n\x1b[31mb "), Some(Some("a [31mb".to_owned())));
        assert_eq!(read("  "), Some(None));
        assert_eq!(read(&"é".repeat(200)), Some(Some("é".repeat(200))));
        assert_eq!(read(&"é".repeat(201)), None);
    }
}
