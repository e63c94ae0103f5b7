//! `hippo schedule list`: the declared schedules, their last run and their next one.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;
use hippo_core::ids::Label;
use hippo_core::run::{JobName, Run};
use hippo_core::schedule::declaration::next_run::NextRun;
use hippo_core::schedule::pause::active_pause;
use hippo_core::schedule::{Pause, Schedule};
use serde::Serialize;

use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::next_run::{describe_period, find_next_run, load_schedules};
use crate::output::table::{Cell, Table, Tone, fixed, sentences};
use crate::output::time::moment;
use crate::run_view::{outcome_cell, with_work};
use crate::schedule_remarks::{
    describe_rare_schedules, disabled_remarks, show, show_active_pauses, show_unknown_names,
};

/// Show each schedule, its last run and its next one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo schedule list
  hippo schedule list --json")]
pub(crate) struct List {}

/// A schedule with its runs.
#[derive(Debug, Serialize)]
struct ScheduleView {
    label: Label,
    job: JobName,
    expression: String,
    timezone: Tz,
    /// The expression and the zone in words.
    words: String,
    enabled: bool,
    /// What keeps its runs from starting: who paused it, or all schedules, when and why.
    paused: Option<Pause>,
    last_run: Option<Run>,
    /// When the next run starts, if that is known.
    next_run: Option<DateTime<Utc>>,
    /// The next run starts at most this many minutes after `next_run_after`.
    next_run_within_minutes: Option<i64>,
    next_run_after: Option<DateTime<Utc>>,
}

/// Shows the schedules.
pub(super) async fn list(globals: &Globals) -> CommandResult {
    let context = globals.open().await?;
    let (schedules, disabled) = load_schedules(&context).await?;
    let mut newest = newest_runs(&context, &schedules).await?;
    let pauses = context.store.pauses().await?;
    let mut views = Vec::with_capacity(schedules.len());
    for schedule in &schedules {
        let last = newest.remove(&(schedule.job, schedule.label.clone()));
        let last = match last {
            Some(run) => Some(with_work(&context, run).await?),
            None => None,
        };
        let last_time = last.as_ref().map(|run| run.key.scheduled_time);
        let next = find_next_run(&context, schedule, last_time, &pauses);
        views.push(view(schedule, last, &pauses, context.now(), next));
    }
    context.output.print_document(&views);
    if views.is_empty() {
        context
            .output
            .print_text("No schedule is declared. Add a [[schedule]] table to config.toml.");
        return Ok(Outcome::Done);
    }
    context
        .output
        .print_table(&build_table(&context, &views, &pauses));
    let is_local = context.deployment.stack().is_none();
    if !is_local {
        show(&context, &disabled_remarks(disabled));
    }
    show_active_pauses(&context, &pauses);
    show_unknown_names(&context, &schedules).await?;
    for sentence in describe_rare_schedules(&schedules, context.now(), is_local) {
        context.output.print_text(sentence);
    }
    Ok(Outcome::Done)
}

/// The newest run of each label, with one read for each job.
async fn newest_runs(
    context: &Context,
    schedules: &[Schedule],
) -> Result<BTreeMap<(JobName, Label), Run>, CommandError> {
    let mut newest = BTreeMap::new();
    for job in JobName::all() {
        if !schedules.iter().any(|schedule| schedule.job == job) {
            continue;
        }
        for run in context.store.newest_runs_by_label(job, 1).await? {
            newest.insert((job, run.key.label.clone()), run);
        }
    }
    Ok(newest)
}

fn view(
    schedule: &Schedule,
    last: Option<Run>,
    pauses: &[Pause],
    now: DateTime<Utc>,
    next: NextRun,
) -> ScheduleView {
    let (next_run, after, period) = match next {
        NextRun::At(time) => (Some(time), None, None),
        NextRun::Within { after, period } => (None, Some(after), Some(period.num_minutes())),
        NextRun::Never => (None, None, None),
    };
    ScheduleView {
        label: schedule.label.clone(),
        job: schedule.job,
        expression: schedule.recurrence.expression.to_string(),
        timezone: schedule.recurrence.zone,
        words: schedule.recurrence.describe(),
        enabled: schedule.enabled,
        paused: active_pause(pauses, &schedule.label, now).cloned(),
        last_run: last,
        next_run,
        next_run_within_minutes: period,
        next_run_after: after,
    }
}

fn build_table(context: &Context, views: &[ScheduleView], pauses: &[Pause]) -> Table {
    let now = context.now();
    let mut table = Table::new([
        fixed("LABEL"),
        fixed("JOB"),
        sentences("WHEN"),
        fixed("ZONE").dispensable(),
        fixed("LAST RUN").dispensable_at_last(),
        sentences("OUTCOME"),
        fixed("NEXT RUN"),
    ]);
    for view in views {
        let (last, outcome) = match &view.last_run {
            None => ("–".into(), "–".into()),
            Some(run) => (
                Cell::from(moment(run.started_at, now, view.timezone)),
                outcome_cell(run, pauses, now, context.zone()),
            ),
        };
        table.row([
            view.label.as_str().into(),
            view.job.as_str().into(),
            view.words.as_str().into(),
            view.timezone.name().into(),
            last,
            outcome,
            next_cell(context, view),
        ]);
    }
    table
}

fn next_cell(context: &Context, view: &ScheduleView) -> Cell {
    // As in its words, and on the pages.
    let (now, zone) = (context.now(), view.timezone);
    if !view.enabled {
        return Cell::new("disabled", Tone::Warning);
    }
    if view.paused.is_some() && view.next_run.is_none() && view.next_run_after.is_none() {
        return Cell::new("paused", Tone::Warning);
    }
    match (
        view.next_run,
        view.next_run_within_minutes,
        view.next_run_after,
    ) {
        (Some(time), ..) => moment(time, now, zone).into(),
        (None, Some(minutes), Some(after)) => describe_period(minutes, after, now, zone).into(),
        _ => Cell::new("never", Tone::Warning),
    }
}
