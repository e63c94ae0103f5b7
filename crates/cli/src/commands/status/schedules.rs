//! The last run of each job, and what is remarkable about schedules.

use std::collections::BTreeSet;

use hippo_core::ids::Label;
use hippo_core::run::{Counts, Job, Run, RunOutcome};
use serde::Serialize;

use crate::aws::SCHEDULES;
use crate::commands::runs::outcome_words;
use crate::config::PERSON;
use crate::context::{Context, Place};
use crate::exit::CommandError;
use crate::output::time::{ago, moment};
use crate::output::{count, note};
use crate::suggest::did_you_mean;

/// So many of the newest runs of a label are looked at.
const ONE: usize = 1;

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
        let declared = declared(context, job);
        // Where nothing is declared, nobody can tell a label that is wrong.
        if declared.is_empty() {
            continue;
        }
        let runs = context.store.newest_of_each_label(job, ONE).await?;
        let labels: BTreeSet<Label> = runs.into_iter().map(|run| run.key.label).collect();
        for label in labels {
            let name = label.as_str();
            if name == PERSON || declared.iter().any(|known| known == name) {
                continue;
            }
            let meant = did_you_mean(name, &declared);
            remarks.push(Remark {
                kind: "not_declared",
                sentence: format!("No schedule of {job} is declared with the label “{name}”, but runs have it.{meant}"),
                job,
                label,
            });
        }
    }
    Ok(remarks)
}

/// The schedules whose runs do not begin.
async fn paused(context: &Context) -> Vec<Remark> {
    let (found, why) = match &context.place {
        Place::Here(here) => (
            here.config.jobs.paused(),
            "is paused in config.toml: its runs do not begin.",
        ),
        Place::Aws(stack) => match stack.disabled_schedules().await {
            Ok(found) => (
                found,
                "is disabled in EventBridge: its runs do not begin. “hippo --on aws doctor” says how to enable it.",
            ),
            Err(reason) => {
                note(format!(
                    "Could not see whether the schedules are enabled: {}.",
                    reason.trim_end_matches('.')
                ));
                return Vec::new();
            }
        },
    };
    let remark = |(job, label)| Remark {
        kind: "paused",
        sentence: format!("The schedule “{label}” of {job} {why}"),
        job,
        label,
    };
    found.into_iter().map(remark).collect()
}

/// The labels that schedules of a job are declared with.
fn declared(context: &Context, job: Job) -> Vec<String> {
    match &context.place {
        Place::Here(here) => here.config.jobs.labels(job),
        Place::Aws(_) => SCHEDULES
            .iter()
            .filter(|(of, _)| *of == job)
            .map(|(_, label)| (*label).to_owned())
            .collect(),
    }
}

/// Prints what is remarkable about schedules.
pub(crate) fn show(context: &Context, remarks: &[Remark]) {
    for remark in remarks {
        context.output.say(&remark.sentence);
    }
}

/// Prints the last run of each job.
pub(super) fn show_runs(context: &Context, runs: &[Run]) {
    for run in runs {
        let work = match work_words(run) {
            Some(work) => format!(": {work}"),
            None => String::new(),
        };
        context.output.say(format!(
            "Last {}: {} ({}), {}{work}.",
            run.key.job,
            moment(run.started_at, context.now(), context.zone()),
            ago(run.started_at, context.now()),
            outcome_words(context, run),
        ));
    }
    if runs.is_empty() {
        context
            .output
            .say("No job has run yet; “hippo check-cards” checks every card.");
    }
}

/// What a run did, as its counts say; `None`: it did not begin, or had nothing to do.
fn work_words(run: &Run) -> Option<String> {
    let begun = !matches!(
        run.outcome,
        RunOutcome::Missed
            | RunOutcome::SkippedStillRunning
            | RunOutcome::SkippedPaused
            | RunOutcome::Newer
    );
    (begun && run.counts.planned > 0).then(|| counts_words(run.key.job, &run.counts))
}

/// `checked 4 of 7 cards, 1 failed, 2 left out`: the same wherever a run's counts are told.
pub(crate) fn counts_words(job: Job, counts: &Counts) -> String {
    let planned = usize::try_from(counts.planned).unwrap_or(usize::MAX);
    let mut words = match job {
        Job::CheckCards => format!(
            "checked {} of {}",
            counts.done,
            count(planned, "card", "cards")
        ),
        Job::NotifyAll => format!(
            "sent {} of {}",
            counts.done,
            count(planned, "notice", "notices")
        ),
    };
    if counts.failures() > 0 {
        words.push_str(&format!(", {} failed", counts.failures()));
    }
    if counts.skipped > 0 {
        words.push_str(&match job {
            Job::CheckCards => format!(", {} left out", counts.skipped),
            Job::NotifyAll => format!(", {} had nothing to say", counts.skipped),
        });
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_card_is_not_counted_as_checked() {
        let mut counts = Counts {
            planned: 7,
            done: 4,
            skipped: 2,
            ..Counts::default()
        };
        counts.add_failure("site_down");
        assert_eq!(
            counts_words(Job::CheckCards, &counts),
            "checked 4 of 7 cards, 1 failed, 2 left out"
        );
        assert_eq!(
            counts_words(Job::NotifyAll, &counts),
            "sent 4 of 7 notices, 1 failed, 2 had nothing to say"
        );
    }
}
