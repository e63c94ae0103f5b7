//! What a person should know about the schedules.

use std::collections::BTreeSet;

use hippo_core::ids::Label;
use hippo_core::run::Job;
use serde::Serialize;

use crate::config::PERSON;
use crate::context::Context;
use crate::exit::CommandError;
use crate::output::note;
use crate::suggest::did_you_mean;

/// Something about a schedule that a person should see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Remark {
    /// `paused`, or `not_declared`.
    kind: &'static str,
    job: Job,
    label: Label,
    sentence: String,
}

/// What is remarkable about schedules.
pub(crate) async fn remarks(context: &Context) -> Result<Vec<Remark>, CommandError> {
    let mut remarks = paused(context).await;
    for job in Job::ALL {
        let declared = context.deployment.declared_labels(job);
        // Where nothing is declared, nobody can tell a label that is wrong.
        if declared.is_empty() {
            continue;
        }
        let runs = context.store.newest_of_each_label(job, 1).await?;
        let labels: BTreeSet<Label> = runs.into_iter().map(|run| run.key.label).collect();
        for label in labels {
            let name = label.as_str();
            if name == PERSON || declared.iter().any(|known| known == name) {
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
            note(format!(
                "Couldn't see whether the schedules are enabled: {}.",
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

/// Prints what is remarkable about schedules.
pub(crate) fn show(context: &Context, remarks: &[Remark]) {
    for remark in remarks {
        context.output.say(&remark.sentence);
    }
}
