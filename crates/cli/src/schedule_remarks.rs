//! Remarks on the schedules: disabled and paused ones, and labels that no schedule declares.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use hippo_core::ids::Label;
use hippo_core::run::JobName;
use hippo_core::schedule::declaration::next_run::NextRun;
use hippo_core::schedule::{Expression, Pause, Schedule};
use hippo_core::store::Store;
use serde::Serialize;
use serde_json::Value;

use crate::commands::schedule::units::divides_day;
use crate::config::PERSON_LABEL;
use crate::context::Context;
use crate::deployment::DisabledSchedules;
use crate::exit::CommandError;
use crate::output::print_to_stderr;
use crate::pauses::{pause_sentence, resume_command};
use crate::suggest::did_you_mean;

/// A remark on a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Remark {
    /// `disabled`, `paused`, `unknown_library`, `unknown_input` or `not_declared`.
    kind: &'static str,
    /// `None`: of every job.
    job: Option<JobName>,
    /// `None`: of every label.
    label: Option<Label>,
    sentence: String,
    /// Who paused it, when and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pause: Option<Pause>,
    /// The command that helps.
    #[serde(skip)]
    command: Option<String>,
}

/// Collects the remarks on all schedules.
pub(crate) async fn remarks(context: &Context) -> Result<Vec<Remark>, CommandError> {
    let mut remarks = disabled_remarks(context.deployment.disabled_schedules().await);
    remarks.extend(paused(context).await?);
    let schedules = context.deployment.saved_schedules().await?;
    remarks.extend(unknown_names(&*context.store, &schedules).await?);
    for job in JobName::all() {
        let declared = context.deployment.declared_labels(job);
        // Without declared schedules, a wrong label can't be recognised.
        if declared.is_empty() {
            continue;
        }
        let runs = context.store.newest_runs_by_label(job, 1).await?;
        let labels: BTreeSet<Label> = runs.into_iter().map(|run| run.key.label).collect();
        for label in labels {
            let name = label.as_str();
            if name == PERSON_LABEL || declared.iter().any(|known| known == name) {
                continue;
            }
            let meant = did_you_mean(name, &declared);
            remarks.push(Remark {
                kind: "not_declared",
                sentence: format!(
                    "Runs of {job} have the label “{name}”, but no schedule declares it.{meant}"
                ),
                job: Some(job),
                label: Some(label),
                pause: None,
                command: None,
            });
        }
    }
    Ok(remarks)
}

/// Collects a remark on each library of the schedules' closed days, and each library, family and card of
/// their inputs, that doesn't exist.
pub(crate) async fn unknown_names(
    store: &dyn Store,
    schedules: &[Schedule],
) -> Result<Vec<Remark>, CommandError> {
    let names_something = |one: &Schedule| {
        let named = INPUT_NAMES.iter().any(|name| one.input.contains_key(*name));
        named || !one.closed_days.libraries.is_empty()
    };
    if !schedules.iter().any(names_something) {
        return Ok(Vec::new());
    }
    let libraries = ids(store.libraries().await?, |one| one.id.to_string());
    let families = ids(store.families().await?, |one| one.id.to_string());
    let no_cards = BTreeSet::new();
    let mut remarks = Vec::new();
    for schedule in schedules {
        let label = &schedule.label;
        let mut add = |kind, sentence| {
            remarks.push(Remark {
                kind,
                job: Some(schedule.job),
                label: Some(label.clone()),
                sentence,
                pause: None,
                command: None,
            });
        };
        for library in schedule.closed_days.libraries.keys() {
            if !libraries.contains(library.as_str()) {
                let meant = did_you_mean(library.as_str(), &libraries);
                let sentence = format!(
                    "The schedule “{label}” has closed days of the library “{library}”, which doesn't exist.{meant}"
                );
                add("unknown_library", sentence);
            }
        }
        for name in INPUT_NAMES {
            let Some(id) = schedule.input.get(name).and_then(Value::as_str) else {
                continue;
            };
            let known = match name {
                "library" => &libraries,
                "family" => &families,
                _ => &no_cards,
            };
            let exists = match id.parse() {
                Ok(card) if name == "card" => store.card(card).await?.is_some(),
                _ => known.contains(id),
            };
            if !exists {
                let meant = did_you_mean(id, known);
                let sentence = format!(
                    "The input of the schedule “{label}” names the {name} “{id}”, which doesn't exist.{meant}"
                );
                add(UNKNOWN_INPUT, sentence);
            }
        }
    }
    Ok(remarks)
}

/// The fields of an input that name something in the store.
const INPUT_NAMES: [&str; 3] = ["library", "family", "card"];

const UNKNOWN_INPUT: &str = "unknown_input";

fn ids<T>(all: Vec<T>, id: impl Fn(&T) -> String) -> BTreeSet<String> {
    all.iter().map(id).collect()
}

/// The sentences of the remarks on closed days and inputs of [`unknown_names`].
pub(crate) struct UnknownNames {
    pub(crate) closed_days: Vec<String>,
    pub(crate) inputs: Vec<String>,
}

/// Names what doesn't exist in closed days and inputs, each in a sentence.
pub(crate) async fn describe_unknown_names(
    store: &dyn Store,
    schedules: &[Schedule],
) -> Result<UnknownNames, CommandError> {
    let remarks = unknown_names(store, schedules).await?.into_iter();
    let (inputs, closed_days): (Vec<Remark>, Vec<Remark>) =
        remarks.partition(|remark| remark.kind == UNKNOWN_INPUT);
    let sentences = |remarks: Vec<Remark>| remarks.into_iter().map(|remark| remark.sentence);
    Ok(UnknownNames {
        closed_days: sentences(closed_days).collect(),
        inputs: sentences(inputs).collect(),
    })
}

/// Prints the remarks on what doesn't exist in the closed days and inputs of these schedules.
pub(crate) async fn show_unknown_names(
    context: &Context,
    schedules: &[Schedule],
) -> Result<(), CommandError> {
    show(context, &unknown_names(&*context.store, schedules).await?);
    Ok(())
}

/// A longer period that doesn't divide a day may be longer than the machine is on.
const MAX_UPTIME_MINUTES: u32 = 12 * 60;

/// Names the enabled schedules that never fire again, and those that one machine may never run.
pub(crate) fn describe_rare_schedules(
    schedules: &[Schedule],
    now: DateTime<Utc>,
    is_local: bool,
) -> Vec<String> {
    let enabled = schedules.iter().filter(|schedule| schedule.enabled);
    let describe = |schedule: &Schedule| {
        let label = &schedule.label;
        match &schedule.recurrence.expression {
            _ if schedule.next_run(now, None) == NextRun::Never => {
                Some(format!("The schedule “{label}” never fires again."))
            }
            Expression::Rate(rate)
                if is_local
                    && rate.minutes() > MAX_UPTIME_MINUTES
                    && !divides_day(rate.minutes()) =>
            {
                let when = schedule.recurrence.describe();
                let period = when.strip_prefix("every ").unwrap_or(&when);
                Some(format!(
                    "The schedule “{label}” waits {period} from each start of this machine, so it may never run. \
                     Write a cron() to be sure."
                ))
            }
            _ => None,
        }
    };
    enabled.filter_map(describe).collect()
}

/// Makes a remark on each disabled schedule.
pub(crate) fn disabled_remarks(disabled: Result<DisabledSchedules, String>) -> Vec<Remark> {
    let disabled = match disabled {
        Ok(disabled) => disabled,
        Err(reason) => {
            print_to_stderr(format!(
                "Can't tell whether the schedules are enabled: {}.",
                reason.trim_end_matches('.')
            ));
            return Vec::new();
        }
    };
    let how = disabled.how;
    let remark = |(job, label)| Remark {
        kind: "disabled",
        sentence: format!("The schedule “{label}” of {job} {how}"),
        job: Some(job),
        label: Some(label),
        pause: None,
        command: None,
    };
    disabled.schedules.into_iter().map(remark).collect()
}

/// The pauses that go on.
async fn paused(context: &Context) -> Result<Vec<Remark>, CommandError> {
    let pauses = context.store.pauses().await?;
    Ok(pause_remarks(context, &pauses))
}

/// Makes a remark on each pause that goes on.
fn pause_remarks(context: &Context, pauses: &[Pause]) -> Vec<Remark> {
    let now = context.now();
    let active = pauses.iter().filter(|pause| pause.includes(now));
    active
        .map(|pause| Remark {
            kind: "paused",
            job: None,
            label: pause.label.clone(),
            sentence: pause_sentence(pause, context),
            command: Some(resume_command(pause)),
            pause: Some(pause.clone()),
        })
        .collect()
}

/// Prints the pauses that go on.
pub(crate) fn show_active_pauses(context: &Context, pauses: &[Pause]) {
    show(context, &pause_remarks(context, pauses));
}

/// Prints the remarks.
pub(crate) fn show(context: &Context, remarks: &[Remark]) {
    for remark in remarks {
        context.output.print_text(&remark.sentence);
        if let Some(command) = &remark.command {
            context.output.print_line(format!("  → {command}"));
        }
    }
}
