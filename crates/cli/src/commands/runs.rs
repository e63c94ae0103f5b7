//! `hippo runs`: lists the last runs of each job and label.

mod activity;
mod grid;
mod past;
mod retry;
pub(crate) mod show;
mod table;

use std::io::IsTerminal as _;

use clap::{Args, Subcommand};
use hippo_core::ids::Label;
use hippo_core::run::{JobName, Run, RunKey};
use hippo_core::schedule::Pause;

use serde::Serialize;

use self::activity::{ComingRun, coming_runs, describe};
use self::past::PastRuns;
use self::table::build_table;
use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::output::time::moment;
use crate::output::{count, print, print_json, stdout};
use crate::pauses::load_pauses_of;
use crate::run_view::with_work;
use crate::schedule_remarks;
use crate::suggest::did_you_mean;
use crate::suggested::HIPPO;
use crate::values::{RUN_RETENTION_DAYS, Since, job_name, run_key, since};

/// Show the last runs of each job and label.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  hippo runs
  hippo runs --job check-cards --label all --limit 10
  hippo runs --grid                       # a month at a glance
  hippo runs --failed --since 7d
  hippo runs --watch                      # until Ctrl-C
  hippo runs show check-cards/all/2026-11-21T10:00:00Z

--watch also shows what runs now and what comes next. Without a terminal it prints that
once; with --json it prints one document per line each time."
)]
pub(crate) struct Runs {
    #[command(subcommand)]
    command: Option<Command>,
    /// Only this job's runs.
    #[arg(long, value_parser = job_name())]
    job: Option<JobName>,
    /// Only this label's runs: a schedule's name, or “person”.
    #[arg(long)]
    label: Option<Label>,
    /// How many runs of each label. By default 5, or 20 with --failed or --since.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=200))]
    limit: Option<u16>,
    /// Only runs that failed, were lost or missed, or had failures.
    #[arg(long)]
    failed: bool,
    /// Only runs since a date, or of the last days, such as 7d.
    #[arg(long, value_name = "DATE", value_parser = since)]
    since: Option<Since>,
    /// Show a row for each label with a square for each run, or for each day of many runs.
    #[arg(long, conflicts_with_all = ["limit", "failed", "since", "watch"])]
    grid: bool,
    /// How many days the grid shows.
    #[arg(
        long,
        default_value_t = 30,
        requires = "grid",
        value_parser = clap::value_parser!(u16).range(1..=i64::from(RUN_RETENTION_DAYS))
    )]
    days: u16,
    /// Refresh every two seconds.
    #[arg(long, conflicts_with_all = ["failed", "since"])]
    watch: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show one run: what failed, and which cards.
    #[command(after_help = "Example:\n  hippo runs show check-cards/all/2026-11-21T10:00:00Z")]
    Show {
        /// The run's id, as “hippo runs” shows it.
        #[arg(value_parser = run_key)]
        id: RunKey,
    },
    Retry(retry::Retry),
}

impl Runs {
    fn is_wanted(&self, job: JobName, label: &Label) -> bool {
        self.job.is_none_or(|wanted| wanted == job)
            && self.label.as_ref().is_none_or(|wanted| wanted == label)
    }
}

/// How many runs of each label are listed by default.
const DEFAULT_LIMIT: u16 = 5;

/// Shows runs.
pub(crate) async fn run(args: Runs, globals: &Globals) -> CommandResult {
    let context = globals.open().await?;
    match &args.command {
        Some(Command::Show { id }) => show::show(&context, id).await,
        Some(Command::Retry(args)) => retry::retry(&context, args).await,
        None if args.watch => watch(&context, &args).await,
        None if args.grid => {
            let is_wanted = |job, label: &Label| args.is_wanted(job, label);
            grid::show(&context, args.days, is_wanted).await
        }
        None if args.failed || args.since.is_some() => {
            let wanted = PastRuns {
                since: args.since,
                only_failed: args.failed,
                limit: args.limit,
            };
            let is_wanted = |job, label: &Label| args.is_wanted(job, label);
            past::show(&context, &wanted, is_wanted).await
        }
        None => {
            let runs = last_runs(&context, &args).await?;
            context.output.print_document(&runs);
            let pauses = load_pauses_of(&context, &runs).await?;
            let text = render_runs(&context, &args, &runs, &pauses, context.output.width);
            context.output.print_line(text.trim_end());
            if let Some(label) = args.label.as_ref().filter(|_| runs.is_empty()) {
                print_nearest_label(&context, label).await?;
            }
            schedule_remarks::show(&context, &schedule_remarks::remarks(&context).await?);
            Ok(Outcome::Done)
        }
    }
}

/// The time between two refreshes.
const REFRESH: std::time::Duration = std::time::Duration::from_secs(2);

/// Loads the last runs of each job and label, with their workers' reports; the newest of each label
/// first.
async fn last_runs(context: &Context, args: &Runs) -> Result<Vec<Run>, CommandError> {
    let jobs = args.job.map_or_else(JobName::all, |job| vec![job]);
    let limit = usize::from(args.limit.unwrap_or(DEFAULT_LIMIT));
    let mut last = Vec::new();
    for job in jobs {
        let store = &context.store;
        last.extend(match &args.label {
            Some(label) => store.recent_runs(Some(job), Some(label), limit).await?,
            None => store.newest_runs_by_label(job, limit).await?,
        });
    }
    let mut runs = Vec::with_capacity(last.len());
    for run in last {
        runs.push(with_work(context, run).await?);
    }
    Ok(runs)
}

/// What `--watch` shows.
#[derive(Serialize)]
struct WatchDocument {
    runs: Vec<Run>,
    next: Vec<ComingRun>,
    #[serde(skip)]
    pauses: Vec<Pause>,
}

impl WatchDocument {
    async fn load(context: &Context, args: &Runs) -> Result<Self, CommandError> {
        let runs = last_runs(context, args).await?;
        let is_wanted = |job, label: &Label| args.is_wanted(job, label);
        let next = coming_runs(context, &runs, is_wanted).await?;
        let pauses = load_pauses_of(context, &runs).await?;
        Ok(Self { runs, next, pauses })
    }
}

/// Redraws the table and what comes next in place until the person stops it.
async fn watch(context: &Context, args: &Runs) -> CommandResult {
    let json = context.output.json;
    let is_terminal = std::io::stdout().is_terminal();
    if is_terminal && !json {
        // Clears the screen once; the earlier output stays in the scrollback.
        print("\x1b[2J");
    }
    loop {
        let document = WatchDocument::load(context, args).await?;
        let activity = describe(
            &document.runs,
            &document.next,
            context.now(),
            context.zone(),
        );
        if json {
            print_json(&document);
        } else if !is_terminal {
            let table = render_runs(context, args, &document.runs, &document.pauses, None);
            print(&format!("{table}\n{activity}"));
            return Ok(Outcome::Done);
        } else {
            // The window may have been resized.
            let size = terminal_size::terminal_size();
            let width = size.map(|(width, _)| usize::from(width.0).max(40));
            let height = size.map(|(_, height)| usize::from(height.0));
            let width = width.or(context.output.width);
            let render_runs =
                |runs: &[Run]| render_runs(context, args, runs, &document.pauses, width);
            let at = moment(context.now(), context.now(), context.zone());
            let foot =
                format!("\n{activity}\n{at}, refreshed every two seconds. Press Ctrl-C to stop.\n");
            print(&redraw_in_place(&render_screen(
                &document.runs,
                height,
                &foot,
                render_runs,
            )));
        }
        if stdout::has_failed() {
            return Ok(Outcome::Done);
        }
        tokio::time::sleep(REFRESH).await;
    }
}

/// Renders the runs that fit on a screen of `height` lines, and counts the rest.
///
/// A screen that scrolls couldn't be redrawn in place.
fn render_screen(
    runs: &[Run],
    height: Option<usize>,
    foot: &str,
    render_runs: impl Fn(&[Run]) -> String,
) -> String {
    // The cursor needs the last line.
    let room = height.map_or(usize::MAX, |height| height.saturating_sub(1));
    let mut shown = runs.len().min(room);
    loop {
        let text = render_runs(runs.get(..shown).unwrap_or(runs));
        let more = match runs.len() - shown {
            0 => String::new(),
            left_out => format!(
                "{} more (--limit shows fewer).\n",
                count(left_out, "run", "runs")
            ),
        };
        let screen = format!("{text}{more}{foot}");
        if shown <= 1 || screen.lines().count() <= room {
            return screen;
        }
        shown -= 1;
    }
}

/// Draws a screen over the last one, and clears the rest of each line and everything below.
fn redraw_in_place(screen: &str) -> String {
    let lines = screen.replace('\n', "\x1b[K\n");
    format!("\x1b[H{lines}\x1b[J")
}

/// Suggests a label that is similar to one without runs.
async fn print_nearest_label(context: &Context, label: &Label) -> Result<(), CommandError> {
    let mut labels = Vec::new();
    for job in JobName::all() {
        let runs = context.store.newest_runs_by_label(job, 1).await?;
        labels.extend(runs.into_iter().map(|run| run.key.label.to_string()));
    }
    // Another job may have runs of this very label.
    labels.retain(|known| known != label.as_str());
    let meant = did_you_mean(label.as_str(), labels);
    if !meant.is_empty() {
        context.output.print_text(meant.trim());
    }
    Ok(())
}

/// The message for an empty list.
fn empty_message(args: &Runs) -> String {
    let runs = match args.job {
        None => "No run".to_owned(),
        Some(job) => format!("No run of {job}"),
    };
    match (&args.label, args.job) {
        (Some(label), _) => {
            format!("{runs} has the label “{label}”. “{HIPPO} runs” shows all labels.\n")
        }
        (None, Some(_)) => format!("{runs} is on record.\n"),
        (None, None) => "No job has run yet.\n".to_owned(),
    }
}

fn render_runs(
    context: &Context,
    args: &Runs,
    runs: &[Run],
    pauses: &[Pause],
    width: Option<usize>,
) -> String {
    if runs.is_empty() {
        return empty_message(args);
    }
    build_table(runs, pauses, context.now(), context.zone()).render(width, context.output.color)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, Utc};
    use hippo_core::run::{Counts, RunOutcome, Trigger};

    fn run(began: DateTime<Utc>) -> Run {
        Run {
            key: "check-cards/all/2026-11-21T10:00:00Z".parse().unwrap(),
            trigger: Trigger::Schedule,
            input: serde_json::Value::Null,
            started_at: began,
            reported_at: began,
            finished_at: None,
            outcome: RunOutcome::Running,
            counts: Counts::default(),
        }
    }

    #[test]
    fn screen_replaces_the_last_one() {
        assert_eq!(redraw_in_place("a\nb\n"), "\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[J");
    }

    #[test]
    fn screen_shows_runs_that_fit_and_counts_the_rest() {
        let began = "2026-11-21T10:00:00Z".parse().unwrap();
        let runs: Vec<Run> = (0..4).map(|_| run(began)).collect();
        let render_runs = |runs: &[Run]| format!("head\n{}", "one\ntwo\n".repeat(runs.len()));
        let foot = "\n05:00 today, refreshed. Press Ctrl-C to stop.\n";
        let whole = render_screen(&runs, None, foot, render_runs);
        assert_eq!(whole.lines().count(), 11, "{whole}");
        assert!(whole.ends_with("Press Ctrl-C to stop.\n"), "{whole}");
        for (height, shown) in [(12, 4), (11, 3), (10, 2), (9, 2), (7, 1)] {
            let drawn = render_screen(&runs, Some(height), foot, render_runs);
            // The cursor takes one more line.
            assert!(drawn.lines().count() < height, "{drawn}");
            assert_eq!(drawn.matches("one").count(), shown, "{height}:\n{drawn}");
            let left_out = count(4 - shown, "run", "runs");
            assert_eq!(
                drawn.contains(&format!("{left_out} more")),
                shown < 4,
                "{drawn}"
            );
        }
    }
}
