//! Remarks on the schedules: disabled and paused ones, and labels that no schedule declares.

use std::collections::BTreeSet;

use hippo_core::ids::Label;
use hippo_core::run::JobName;
use hippo_core::schedule::{Pause, Schedule};
use serde::Serialize;

use crate::config::PERSON_LABEL;
use crate::context::Context;
use crate::exit::CommandError;
use crate::output::print_to_stderr;
use crate::pauses::{pause_sentence, resume_command};
use crate::suggest::did_you_mean;

/// A remark on a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Remark {
    /// `disabled`, `paused`, `unknown_library` or `not_declared`.
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
    let mut remarks = disabled(context).await;
    remarks.extend(paused(context).await?);
    remarks.extend(unknown_libraries(context).await?);
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

/// Collects a warning about each closed day of a library that doesn't exist.
async fn unknown_libraries(context: &Context) -> Result<Vec<Remark>, CommandError> {
    // What can't be read is the doctor's business.
    let schedules = context.deployment.schedules().await.unwrap_or_default();
    let sentences = describe_unknown_libraries(context, &schedules).await?;
    let remark = |sentence| Remark {
        kind: "unknown_library",
        job: None,
        label: None,
        sentence,
        pause: None,
        command: None,
    };
    Ok(sentences.into_iter().map(remark).collect())
}

/// Names the libraries of the schedules' closed days that don't exist, each in a sentence.
pub(crate) async fn describe_unknown_libraries(
    context: &Context,
    schedules: &[Schedule],
) -> Result<Vec<String>, CommandError> {
    if schedules
        .iter()
        .all(|one| one.closed_days.libraries.is_empty())
    {
        return Ok(Vec::new());
    }
    let known = context.libraries().await?;
    let mut sentences = Vec::new();
    for schedule in schedules {
        let named = schedule.closed_days.libraries.keys();
        for library in named.filter(|library| !known.contains_key(*library)) {
            let meant = did_you_mean(library.as_str(), known.keys().map(|id| id.as_str()));
            sentences.push(format!(
                "The schedule “{}” has closed days of the library “{library}”, which doesn't exist.{meant}",
                schedule.label
            ));
        }
    }
    Ok(sentences)
}

/// Prints the warnings about the closed days of these schedules.
pub(crate) async fn show_unknown_libraries(
    context: &Context,
    schedules: &[Schedule],
) -> Result<(), CommandError> {
    for sentence in describe_unknown_libraries(context, schedules).await? {
        context.output.print_text(sentence);
    }
    Ok(())
}

/// The disabled schedules.
async fn disabled(context: &Context) -> Vec<Remark> {
    let disabled = match context.deployment.disabled_schedules().await {
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
