//! Remarks on the schedules: paused ones, and labels that no schedule declares.

use std::collections::BTreeSet;

use hippo_core::ids::Label;
use hippo_core::run::Job;
use serde::Serialize;

use crate::config::PERSON_LABEL;
use crate::context::Context;
use crate::exit::CommandError;
use crate::output::print_to_stderr;
use crate::suggest::did_you_mean;

/// A remark on a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Remark {
    /// `paused`, or `not_declared`.
    kind: &'static str,
    job: Job,
    label: Label,
    sentence: String,
}

/// Collects the remarks on all schedules.
pub(crate) async fn remarks(context: &Context) -> Result<Vec<Remark>, CommandError> {
    let mut remarks = paused(context).await;
    for job in Job::ALL {
        let declared = context.deployment.declared_labels(job);
        // Without declared schedules, a wrong label can't be recognised.
        if declared.is_empty() {
            continue;
        }
        let runs = context.store.newest_of_each_label(job, 1).await?;
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
                job,
                label,
            });
        }
    }
    Ok(remarks)
}

/// The schedules whose runs don't start.
async fn paused(context: &Context) -> Vec<Remark> {
    let paused = match context.deployment.paused_schedules().await {
        Ok(paused) => paused,
        Err(reason) => {
            print_to_stderr(format!(
                "Can't tell whether the schedules are enabled: {}.",
                reason.trim_end_matches('.')
            ));
            return Vec::new();
        }
    };
    let how = paused.how;
    let remark = |(job, label)| Remark {
        kind: "paused",
        sentence: format!("The schedule “{label}” of {job} {how}"),
        job,
        label,
    };
    paused.schedules.into_iter().map(remark).collect()
}

/// Prints the remarks.
pub(crate) fn show(context: &Context, remarks: &[Remark]) {
    for remark in remarks {
        context.output.print_text(&remark.sentence);
    }
}
