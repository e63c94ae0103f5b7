//! `hippo schedule pause` and `resume`: the switch that every run of a schedule reads.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use hippo_core::audit::Change;
use hippo_core::ids::Label;
use hippo_core::run::JobName;
use hippo_core::schedule::change_pause::{
    ChangePauseError, EndedPauses, begin_pause, end_pauses, read_reason,
};
use hippo_core::schedule::declaration::table::parse_instant;
use hippo_core::schedule::{Pause, describe_zone};
use serde::Serialize;

use crate::audit::record_change;
use crate::config::PERSON_LABEL;
use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::operator_name::operator_name;
use crate::output::time::moment;
use crate::pauses::{begin_sentence, describe_pause, pause_sentence, resume_command};
use crate::start_options::unknown_schedule;
use crate::suggested::HIPPO;

/// Pause a schedule, or all of them.
///
/// Its timer goes on, but its runs don't start: each is recorded as “skipped: paused”, and no later
/// run catches up on it. Runs that you start yourself still start. It works the same on AWS.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo schedule pause --all --until 2026-12-01 --why \"The library moves\"
  hippo schedule pause failed     # only the schedule with this label
  hippo schedule pause --label all

“hippo schedule list” shows the labels. To end it: “hippo schedule resume”.")]
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
/// No run catches up on what was skipped: the next run starts at its usual time.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo schedule resume --all
  hippo schedule resume failed    # only the schedule with this label

A schedule with a pause of its own stays paused after “--all”.")]
pub(crate) struct Resume {
    #[command(flatten)]
    which: Which,
}

/// Which schedules.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// The schedule's label. Write “all” as --label all, since you may mean --all.
    #[arg(value_name = "LABEL")]
    named: Option<Label>,
    /// All schedules, those that you add later too.
    #[arg(long)]
    all: bool,
    /// The schedule's label.
    #[arg(long)]
    label: Option<Label>,
}

impl Which {
    /// The label; `None`: all schedules. Refuses the word “all”, which may mean one or the other.
    async fn label(&self, context: &Context, verb: &str) -> Result<Option<&Label>, CommandError> {
        if self.all {
            return Ok(None);
        }
        let Some(named) = self.named.as_ref().filter(|named| named.as_str() == "all") else {
            return Ok(self.named.as_ref().or(self.label.as_ref()));
        };
        let is_one = known_labels(context)
            .await?
            .iter()
            .any(|label| label == named.as_str());
        let every = format!("{HIPPO} schedule {verb} --all");
        Err(match is_one {
            true => CommandError::usage(
                "“all” is the label of one schedule. Do you mean --all, or only that schedule?",
            )
            .try_command(every)
            .try_command(format!("{HIPPO} schedule {verb} --label all")),
            false => CommandError::usage("There is no schedule “all”. Do you mean --all?")
                .try_command(every),
        })
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
    let label = args.which.label(&context, "pause").await?;
    if let Some(label) = label {
        must_be_known(&context, label).await?;
    }
    let zone = zone_of(&context, label).await?;
    let until = args.until.as_deref();
    let until = until
        .map(|text| read_end(text, &context, zone))
        .transpose()?;
    let why = args.why.as_deref().map(read_reason).transpose();
    let why = why.map_err(|error| CommandError::usage(error.to_string()))?;
    let pause = Pause {
        label: label.cloned(),
        since: context.now(),
        until,
        by: operator_name(),
        why: why.flatten(),
    };
    let replaced = begin_pause(&*context.store, &pause).await;
    let replaced = replaced.map_err(change_error)?;
    let change = match &pause.label {
        Some(label) => Change::SchedulePaused {
            label: label.clone(),
        },
        None => Change::AllSchedulesPaused,
    };
    record_change(&context, None, change).await;
    show_pause(&context, &pause, replaced.as_ref(), zone);
    context
        .output
        .print_document(&PausedDocument { pause, replaced });
    Ok(Outcome::Done)
}

/// Resumes a schedule, or ends the pause of all.
pub(super) async fn resume(args: Resume, globals: &Globals) -> CommandResult {
    let context = globals.open().await?;
    let label = args.which.label(&context, "resume").await?;
    let ended = end_pauses(&*context.store, label, context.now()).await;
    let EndedPauses { ended, others } = ended.map_err(change_error)?;
    if let (true, Some(label)) = (ended.is_empty(), label) {
        must_be_known(&context, label).await?;
    }
    if !ended.is_empty() {
        let change = match label {
            Some(label) => Change::ScheduleResumed {
                label: label.clone(),
            },
            None => Change::AllSchedulesResumed,
        };
        record_change(&context, None, change).await;
    }
    let still_paused = match label {
        // The schedule's own pause is over, but not the pause of all schedules.
        Some(label) => others
            .into_iter()
            .filter(|pause| pause.is_for(label))
            .collect(),
        None => others,
    };
    let document = ResumedDocument {
        resumed: ended,
        still_paused,
    };
    context.output.print_document(&document);
    show_resumed(&context, label, &document);
    Ok(Outcome::Done)
}

/// Refuses a label that no schedule and no run has; the error suggests a similar one.
async fn must_be_known(context: &Context, label: &Label) -> Result<(), CommandError> {
    let known = known_labels(context).await?;
    match known.iter().any(|name| name == label.as_str()) {
        true => Ok(()),
        false => Err(unknown_schedule(label.as_str(), &known)),
    }
}

/// The labels of all declared schedules and recorded runs, sorted.
async fn known_labels(context: &Context) -> Result<Vec<String>, CommandError> {
    let mut known = Vec::new();
    for job in JobName::all() {
        known.extend(context.deployment.declared_labels(job));
        // Not every trigger has a declared schedule.
        let runs = context.store.newest_runs_by_label(job, 1).await?;
        known.extend(runs.into_iter().map(|run| run.key.label.to_string()));
    }
    // The deployed stack may have others than this version of the command.
    let saved = context.deployment.saved_schedules().await?;
    known.extend(saved.into_iter().map(|one| one.label.to_string()));
    known.retain(|name| name != PERSON_LABEL);
    known.sort();
    known.dedup();
    Ok(known)
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

/// Tells why a pause was not changed.
fn change_error(error: ChangePauseError) -> CommandError {
    match error {
        ChangePauseError::Store(error) => error.into(),
        ChangePauseError::ChangedMeanwhile => changed_meanwhile(),
    }
}

fn changed_meanwhile() -> CommandError {
    CommandError::unusable("Somebody else keeps changing this pause. Look at it, then try again.")
        .try_command(format!("{HIPPO} schedule list"))
}

fn show_pause(context: &Context, pause: &Pause, replaced: Option<&Pause>, own_zone: Tz) {
    let (now, zone) = (context.now(), context.zone());
    let until = match pause.until {
        Some(until) if own_zone == zone => format!(" until {}", moment(until, now, zone)),
        Some(until) => format!(
            " until {} {}",
            moment(until, now, own_zone),
            describe_zone(own_zone)
        ),
        None => String::new(),
    };
    let output = &context.output;
    output.print_text(match (replaced, &pause.label) {
        (None, Some(label)) => format!("Paused the schedule “{label}”{until}."),
        (None, None) => format!("Paused all schedules, and those that you add later{until}."),
        (Some(before), label) => {
            let before = describe_pause(before, "had already paused", now, zone);
            let (now_paused, them) = match label {
                Some(_) => ("It's now paused", "it"),
                None => ("They're now paused", "them"),
            };
            let until = match pause.until {
                Some(_) => until,
                None => format!(" until you resume {them}"),
            };
            format!("{}. {now_paused}{until}.", begin_sentence(&before))
        }
    });
    output.print_text("To resume:");
    output.print_line(format!("  {}", resume_command(pause)));
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
        output.print_line(format!("  → {}", resume_command(pause)));
    }
}
