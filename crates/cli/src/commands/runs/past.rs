//! `hippo runs --failed` and `--since`: runs found through the daily history.

use chrono::Days;
use futures::{StreamExt as _, TryStreamExt as _};
use hippo_core::clock::local_date;
use hippo_core::ids::Label;
use hippo_core::run::{JobName, Run, RunKey, RunOutcome};

use super::table::build_table;
use crate::context::Context;
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::count;
use crate::pauses::load_pauses_of;
use crate::run_history::load;
use crate::run_view::with_work;
use crate::values::{RUN_RETENTION_DAYS, Since};

/// How many runs of each label are listed by default.
const DEFAULT_LIMIT: u16 = 20;

/// How many runs are loaded at a time.
const MAX_CONCURRENCY: usize = 8;

/// Which past runs are shown.
pub(super) struct PastRuns {
    /// The first day; `None`: as far back as there is a history.
    pub(super) since: Option<Since>,
    /// Only runs that failed, were lost or missed, or had failures.
    pub(super) only_failed: bool,
    /// How many of each label; `None`: [`DEFAULT_LIMIT`].
    pub(super) limit: Option<u16>,
}

/// Shows the matching runs, newest of each label first.
pub(super) async fn show(
    context: &Context,
    wanted: &PastRuns,
    is_wanted: impl Fn(JobName, &Label) -> bool,
) -> CommandResult {
    let zone = context.zone();
    let today = local_date(context.now(), zone);
    let first = wanted
        .since
        .unwrap_or(Since::Days(RUN_RETENTION_DAYS))
        .first_date(today);
    let limit = usize::from(wanted.limit.unwrap_or(DEFAULT_LIMIT));
    // A local date reaches into the UTC dates around it.
    let around = Days::new(1);
    let mut runs = Vec::new();
    let mut left_out = Vec::new();
    let mut has_match = false;
    for history in load(context, first - around, today + around).await? {
        if !is_wanted(history.job, &history.label) {
            continue;
        }
        let keys: Vec<RunKey> = history
            .runs
            .iter()
            .rev()
            .filter(|run| local_date(run.scheduled_time, zone) >= first)
            .filter(|run| !wanted.only_failed || needs_attention(run.outcome))
            .map(|run| history.key(run))
            .collect();
        let shown = keys.get(..limit).unwrap_or(&keys);
        let found = load_runs(context, shown).await?;
        has_match |= !keys.is_empty();
        if found.len() < shown.len() {
            let gone = shown.len() - found.len();
            left_out.push(format!(
                "The details of {} of {}/{} are no longer stored.",
                count(gone, "run", "runs"),
                history.job,
                history.label,
            ));
        }
        if shown.len() < keys.len() {
            let more = keys.len() - shown.len();
            left_out.push(format!(
                "{} of {}/{} {} shown. --limit shows up to 200 of each label.",
                count(more, "older run", "older runs"),
                history.job,
                history.label,
                if more == 1 { "isn't" } else { "aren't" },
            ));
        }
        runs.extend(found);
    }
    context.output.print_document(&runs);
    if !has_match {
        let what = if wanted.only_failed {
            "No run failed"
        } else {
            "No job has run"
        };
        context.output.print_text(format!("{what} since {first}."));
    } else if !runs.is_empty() {
        let pauses = load_pauses_of(context, &runs).await?;
        context
            .output
            .print_table(&build_table(&runs, &pauses, context.now(), zone));
    }
    for line in left_out {
        context.output.print_text(line);
    }
    Ok(Outcome::Done)
}

fn needs_attention(outcome: RunOutcome) -> bool {
    matches!(
        outcome,
        RunOutcome::DoneWithFailures | RunOutcome::Failed | RunOutcome::Lost | RunOutcome::Missed
    )
}

async fn load_runs(context: &Context, keys: &[RunKey]) -> Result<Vec<Run>, CommandError> {
    let runs: Vec<Option<Run>> = futures::stream::iter(keys)
        .map(|key| async move {
            match context.store.run(key).await? {
                Some(run) => with_work(context, run).await.map(Some),
                None => Ok::<_, CommandError>(None),
            }
        })
        .buffered(MAX_CONCURRENCY)
        .try_collect()
        .await?;
    Ok(runs.into_iter().flatten().collect())
}
