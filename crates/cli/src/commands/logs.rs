//! `hippo logs`: the log lines of runs.

use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use clap::Args;
use hippo_core::clock::local_date;
use hippo_core::run::{JobName, RunKey, RunOutcome};
use hippo_core::text::clean;

use crate::commands::runs::show::find_run;
use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::table::{Tone, paint};
use crate::output::{print, print_json, print_to_stderr, stdout};
use crate::run_log::read::{LogCursor, LogQuery, NewLines, SourcedLine};
use crate::run_view::with_work;
use crate::values::{Since, job_name, logs_since, run_key};

/// Show the log lines of runs.
///
/// On one machine they are kept for 14 days, and at most 1,000 lines of each run. On AWS they are
/// kept in CloudWatch for the stack's LogRetentionInDays.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo logs
  hippo logs --job check-cards --since 7d
  hippo logs check-cards/all/2026-11-21T10:00:00Z
  hippo logs -f                           # until Ctrl-C

With -f --json it prints one document per line.")]
pub(crate) struct Logs {
    /// Only this run's lines.
    #[arg(value_name = "RUN_ID", value_parser = run_key)]
    run: Option<RunKey>,
    /// Only this job's lines.
    #[arg(long, value_parser = job_name())]
    job: Option<JobName>,
    /// Only lines since a date, or of the last days, such as 7d. By default those of the last 24 hours, or
    /// all of the run.
    #[arg(long, value_name = "DATE", value_parser = logs_since)]
    since: Option<Since>,
    /// Go on and show new lines, until Ctrl-C or the end of the run that is named.
    #[arg(short, long)]
    follow: bool,
}

/// Shows the lines.
pub(crate) async fn run(args: Logs, globals: &Globals) -> CommandResult {
    let context = globals.open().await?;
    let query = query(&context, &args).await;
    let mut cursor = LogCursor::default();
    let new = context
        .deployment
        .new_log_lines(&query, &mut cursor)
        .await?;
    if args.follow {
        let run = args.run.as_ref();
        return follow(&context, &query, run, cursor, new).await;
    }
    context.output.print_document(&new.lines);
    if new.lines.is_empty() && !new.has_more {
        show_none(&context, &args).await?;
    }
    show(&context, &new.lines);
    if new.has_more {
        print_to_stderr(
            "There are more lines than one command reads. Choose fewer with --job or a later --since, or follow all \
             of them with -f.",
        );
    }
    Ok(Outcome::Done)
}

/// How long before a run its lines may be logged.
const TIME_BEFORE_RUN: chrono::Duration = chrono::Duration::days(1);

/// How long after a run its dead letters may be replayed.
const REPLAY_TIME: chrono::Duration = chrono::Duration::days(15);

/// How long the steps after a run's end may take to log something on this machine.
const LOCAL_DELAY: Duration = Duration::from_secs(2);

/// How long CloudWatch takes at most, as a rule, until it finds a new line.
const CLOUDWATCH_DELAY: Duration = Duration::from_secs(20);

/// Stops following after this many failed reads in a row. The client has retried each already.
const MAX_FAILED_READS: u32 = 5;

async fn query(context: &Context, args: &Logs) -> LogQuery {
    let (now, zone) = (context.now(), context.zone());
    // The search only takes longer without it.
    let run = match &args.run {
        Some(run) if !args.follow => context.store.run(run).await.ok().flatten(),
        _ => None,
    };
    // One that still runs goes on writing.
    let ended_at = run.and_then(|run| run.finished_at);
    LogQuery {
        job: args.job,
        run: args.run.clone(),
        since: match (args.since, &args.run) {
            (Some(since), _) => midnight(since, now, zone),
            (None, Some(run)) => run.scheduled_time - TIME_BEFORE_RUN,
            (None, None) => now - chrono::Duration::days(1),
        },
        until: ended_at.map(|ended_at| ended_at + REPLAY_TIME),
    }
}

/// The beginning of the first local date.
fn midnight(since: Since, now: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
    let date = since.first_date(local_date(now, zone));
    let local = date.and_time(NaiveTime::MIN);
    // Where clocks change at midnight, the day begins an hour later.
    zone.from_local_datetime(&local)
        .earliest()
        .map_or_else(|| local.and_utc(), |midnight| midnight.to_utc())
}

async fn show_none(context: &Context, args: &Logs) -> Result<(), CommandError> {
    let output = context.output;
    match &args.run {
        Some(run) => {
            find_run(context, run).await?;
            output.print_text(format!("No log line of the run {run} is kept."));
        }
        None => {
            output.print_text("No job has logged anything in that time. Give an earlier --since.")
        }
    }
    Ok(())
}

/// Shows these lines and all that come, until Ctrl-C. Those of one run end with the run.
async fn follow(
    context: &Context,
    query: &LogQuery,
    run: Option<&RunKey>,
    mut cursor: LogCursor,
    mut new: NewLines,
) -> CommandResult {
    let mut stop = std::pin::pin!(tokio::signal::ctrl_c());
    let mut failed_reads = 0;
    let mut ended: Option<Instant> = None;
    loop {
        let is_last = ended.is_some_and(|ended| ended.elapsed() >= last_lines_delay(context));
        if ended.is_none()
            && let Some(run) = run
            && has_ended(context, run).await
        {
            // Its last lines may not be there yet.
            ended = Some(Instant::now());
        }
        if context.output.json {
            new.lines.iter().for_each(print_json);
        } else {
            show(context, &new.lines);
        }
        if stdout::has_failed() || (is_last && !new.has_more) {
            return Ok(Outcome::Done);
        }
        // A search that found nothing waits too, so that it can't use up the service's limit.
        let pause = match new.has_more && !new.lines.is_empty() {
            true => Duration::ZERO,
            false => context.deployment.log_poll_interval(),
        };
        let read = tokio::select! {
            _ = &mut stop => return Ok(Outcome::Done),
            read = async {
                tokio::time::sleep(pause).await;
                context.deployment.new_log_lines(query, &mut cursor).await
            } => read,
        };
        failed_reads = if read.is_err() { failed_reads + 1 } else { 0 };
        new = match read {
            // The cursor hasn't moved, so nothing is left out.
            Err(_) if failed_reads < MAX_FAILED_READS => NewLines::default(),
            read => read?,
        };
    }
}

/// Whether a run is over, with all that its workers report.
async fn has_ended(context: &Context, key: &RunKey) -> bool {
    // A store that doesn't answer may do so at the next look.
    let Ok(Some(run)) = context.store.run(key).await else {
        return false;
    };
    let Ok(run) = with_work(context, run).await else {
        return false;
    };
    run.outcome != RunOutcome::Running
}

/// How long the last lines of a run take to be readable.
fn last_lines_delay(context: &Context) -> Duration {
    match context.deployment.stack() {
        Some(_) => CLOUDWATCH_DELAY,
        None => LOCAL_DELAY,
    }
}

fn show(context: &Context, lines: &[SourcedLine]) {
    let output = context.output;
    if output.json || output.quiet {
        return;
    }
    for line in lines {
        print(&render(line, context.zone(), output.color));
    }
}

fn render(line: &SourcedLine, zone: Tz, color: bool) -> String {
    let entry = &line.line;
    let tone = match entry.level.as_str() {
        "ERROR" => Tone::Bad,
        "WARN" => Tone::Warning,
        _ => Tone::Faint,
    };
    let at = entry.at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S");
    let level = paint(&format!("{:5}", clean(&entry.level)), tone, color);
    let mut text = format!("{at} {level} {}", clean(&entry.message));
    let mut fields = String::new();
    // A line about the run itself names it already.
    if entry.fields.get("run.id").and_then(|id| id.as_str()) != Some(&line.source) {
        fields.push_str(&format!(" {}", clean(&line.source)));
    }
    for (name, value) in &entry.fields {
        let value = match value.as_str() {
            Some(value) => clean(value),
            None => value.to_string(),
        };
        fields.push_str(&format!(" {}={value}", clean(name)));
    }
    text.push_str(&paint(&fields, Tone::Faint, color));
    text.push('\n');
    text
}
