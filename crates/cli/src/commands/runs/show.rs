//! `hippo runs show`: one run with its failures.

use hippo_core::ids::{CardId, FamilyId, LibraryId};
use hippo_core::run::work::{self, FailureCount, Subject, WorkItem, WorkOutcome, count_failures};
use hippo_core::run::{JobName, Run, RunKey, Trigger};
use hippo_core::schedule::Pause;
use hippo_core::schedule::pause::find_pause;
use serde::Serialize;

use crate::context::Context;
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::left_out::{LeftOut, REMOVED_CARD, left_out, reason_words};
use crate::output::table::{Cell, Table, Tone, fixed, numbers, sentences, words};
use crate::output::time::{duration, moment};
use crate::pauses::load_pauses_of;
use crate::run_view::outcome_words;
use crate::suggest::find_nearest;
use crate::suggested::HIPPO;

/// How many runs of each label are considered for a suggestion.
const CANDIDATES_PER_LABEL: usize = 20;

/// A run with its failures.
#[derive(Serialize)]
pub(crate) struct RunDetailsDocument {
    #[serde(flatten)]
    pub(crate) run: Run,
    failures: Vec<FailureCount>,
    failed_items: Vec<FailedItem>,
    left_out: Vec<LeftOut>,
    /// What kept it from starting: who paused its schedule, when and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pause: Option<Pause>,
}

/// One card or notice that failed.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct FailedItem {
    #[serde(flatten)]
    subject: Subject,
    failed_with: String,
    /// The patron's name; `None` for a notice and for a removed card.
    patron: Option<String>,
}

/// Loads a run; the error suggests a similar id.
pub(crate) async fn find_run(context: &Context, id: &RunKey) -> Result<Run, CommandError> {
    if let Some(run) = context.store.run(id).await? {
        return Ok(run);
    }
    let runs = context
        .store
        .newest_runs_by_label(id.job, CANDIDATES_PER_LABEL)
        .await?;
    let ids = runs.iter().map(|run| run.key.to_string());
    Err(CommandError::usage(format!("There is no run {id}."))
        .did_you_mean(find_nearest(&id.to_string(), ids))
        .try_command(format!("{HIPPO} runs")))
}

/// Loads a run with its failures.
pub(crate) async fn load_details(
    context: &Context,
    id: &RunKey,
) -> Result<RunDetailsDocument, CommandError> {
    let run = find_run(context, id).await?;
    let work = context.store.work_items(id).await?;
    let pauses = load_pauses_of(context, std::slice::from_ref(&run)).await?;
    Ok(RunDetailsDocument {
        pause: find_pause(&run, &pauses).cloned(),
        failures: count_failures(&work),
        failed_items: failed_items(context, &work).await?,
        left_out: left_out(context, &work).await?,
        run: run.with_work(&work, context.now()),
    })
}

/// Shows one run.
pub(super) async fn show(context: &Context, id: &RunKey) -> CommandResult {
    let document = load_details(context, id).await?;
    context.output.print_document(&document);
    context.output.print_table(&facts(context, &document));
    if !document.failures.is_empty() {
        context.output.print_text("");
        context
            .output
            .print_table(&failures_table(&document.failures));
    }
    if document.has_problems() {
        context.output.print_text("");
    }
    print_problems(context, &document);
    Ok(Outcome::Done)
}

impl RunDetailsDocument {
    fn has_problems(&self) -> bool {
        !self.failed_items.is_empty() || !self.left_out.is_empty()
    }
}

/// Prints what failed in a run, and what it left out.
pub(crate) fn print_problems(context: &Context, document: &RunDetailsDocument) {
    let output = context.output;
    if !document.failed_items.is_empty() {
        output.print_table(&failed_items_table(&document.failed_items));
    }
    if !document.failed_items.is_empty() && !document.left_out.is_empty() {
        output.print_text("");
    }
    if !document.left_out.is_empty() {
        output.print_table(&left_out_table(&document.left_out));
    }
}

async fn failed_items(
    context: &Context,
    work: &[WorkItem],
) -> Result<Vec<FailedItem>, CommandError> {
    let mut items = Vec::new();
    for (subject, outcome) in work::results(work) {
        if let WorkOutcome::Failed(kind) = outcome {
            let patron = match subject {
                Subject::Card { card, .. } => context.store.card(*card).await?,
                Subject::Mail { .. } => None,
            };
            items.push(FailedItem {
                subject: subject.clone(),
                failed_with: kind.clone(),
                patron: patron.map(|record| hippo_core::text::clean(&record.card.patron)),
            });
        }
    }
    Ok(items)
}

fn facts(context: &Context, document: &RunDetailsDocument) -> Table {
    let run = &document.run;
    let pauses = document.pause.as_slice();
    let now = context.now();
    let at = |time| moment(time, now, context.zone());
    let mut table = Table::headless([fixed(""), sentences("")]);
    let mut row =
        |name: &str, value: String| table.row([Cell::new(name, Tone::Faint), Cell::from(value)]);
    row("id", run.key.to_string());
    row("outcome", outcome_words(context, run, pauses));
    row("started by", trigger_words(run.trigger).to_owned());
    row("input", run.input.to_string());
    row("scheduled", at(run.key.scheduled_time));
    row("started", at(run.started_at));
    row("last report", at(run.reported_at));
    row(
        "ended",
        run.finished_at.map_or_else(|| "not yet".to_owned(), at),
    );
    row("took", duration(run.duration(now)));
    row("planned", run.counts.planned.to_string());
    row("done", run.counts.done.to_string());
    // Those that wait for a person aren't planned, so they aren't counted.
    let left_out = u32::try_from(document.left_out.len()).unwrap_or(u32::MAX);
    match run.key.job == JobName::CHECK_CARDS {
        true => row("skipped", left_out.max(run.counts.skipped).to_string()),
        false => row("skipped", run.counts.skipped.to_string()),
    }
    for (kind, failures) in &run.counts.failed {
        row("failed", format!("{failures} {kind}"));
    }
    table
}

fn failures_table(failures: &[FailureCount]) -> Table {
    let mut table = Table::new([fixed("FAILED WITH"), words("LIBRARY"), numbers("HOW MANY")]);
    for one in failures {
        table.row([
            Cell::new(one.kind.as_str(), Tone::Bad),
            one.library.as_ref().map_or("", LibraryId::as_str).into(),
            one.count.to_string().into(),
        ]);
    }
    table
}

fn failed_items_table(items: &[FailedItem]) -> Table {
    let mut table = Table::new([
        words("FAMILY"),
        words("WHAT"),
        words("LIBRARY"),
        fixed("ID"),
        fixed("FAILED WITH"),
    ]);
    for one in items {
        let (family, what, library, id): (&FamilyId, String, Option<&LibraryId>, Option<&CardId>) =
            match &one.subject {
                Subject::Card {
                    family,
                    card,
                    library,
                } => {
                    let patron = one.patron.clone();
                    let what = patron.unwrap_or_else(|| REMOVED_CARD.to_owned());
                    (family, what, Some(library), Some(card))
                }
                Subject::Mail { kind, family, date } => {
                    (family, format!("the {kind} email for {date}"), None, None)
                }
            };
        table.row([
            family.as_str().into(),
            what.into(),
            library.map_or("", LibraryId::as_str).into(),
            id.map(ToString::to_string).unwrap_or_default().into(),
            Cell::new(one.failed_with.as_str(), Tone::Bad),
        ]);
    }
    table
}

fn left_out_table(left_out: &[LeftOut]) -> Table {
    let mut table = Table::new([
        words("FAMILY"),
        words("PATRON"),
        words("LIBRARY"),
        fixed("ID"),
        sentences("LEFT OUT"),
    ]);
    for one in left_out {
        table.row([
            one.family.as_str().into(),
            one.patron.as_deref().unwrap_or(REMOVED_CARD).into(),
            one.library.as_str().into(),
            one.card.to_string().into(),
            Cell::new(reason_words(one.reason), Tone::Faint),
        ]);
    }
    table
}

fn trigger_words(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Schedule => "a schedule",
        Trigger::Retry => "a schedule that retries what failed",
        Trigger::Person => "a person",
        Trigger::Newer => "something that this version doesn't know",
    }
}
