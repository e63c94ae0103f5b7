//! `hippo schedule next`: the next times of an expression or a schedule.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use chrono_tz::Tz;
use clap::Args;
use hippo_core::clock::local_date;
use hippo_core::schedule::declaration::next_run::NextRun;
use hippo_core::schedule::pause::active_pause;
use hippo_core::schedule::{Expression, Occurrence, Pause, Recurrence, Schedule};
use serde::Serialize;

use super::calendar_fields::times_of_rate;
use crate::context::{Globals, clock};
use crate::exit::{CommandError, CommandResult, Outcome};
use crate::next_run::load_schedules;
use crate::output::Output;
use crate::pauses::pause_sentence;
use crate::schedule_remarks::show_unknown_names;
use crate::suggest::find_nearest;
use crate::suggested::HIPPO;
use crate::target::Target;
use crate::timezones::{machine_timezone, parse_timezone};
use crate::values::{self, DateOrInstant};

/// Show when an expression or a schedule fires next.
///
/// Times that the clocks skip and closed days are shown as skipped.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hippo schedule next \"cron(0 5 ? * MON-FRI *)\" --timezone America/Toronto
  hippo schedule next \"cron(30 2 * * ? *)\" --from 2027-03-13
  hippo schedule next mornings --count 20 --json")]
pub(crate) struct Next {
    /// An expression of EventBridge Scheduler, or the label of a schedule.
    #[arg(value_name = "EXPRESSION|LABEL")]
    what: String,
    /// The zone of the expression's local times [default: your home's, or this machine's].
    #[arg(long, value_name = "ZONE", value_parser = parse_timezone)]
    timezone: Option<Tz>,
    /// Show the times from this date or time on [default: now].
    #[arg(long, value_name = "TIME", value_parser = values::date_or_instant)]
    from: Option<DateOrInstant>,
    /// How many times.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: u16,
}

/// A time at which a schedule fires, or would without its exceptions.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct TimeView {
    /// The instant with its offset; the local time alone if the clocks skip it.
    pub(super) time: String,
    /// Why nothing runs then.
    pub(super) skipped: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct TimesDocument {
    expression: String,
    timezone: &'static str,
    words: String,
    /// `false` for a schedule that is disabled, so that nothing runs at these times.
    enabled: bool,
    /// Empty also for a rate whose first run hasn't been.
    times: Vec<TimeView>,
}

/// Shows the times.
pub(super) async fn next(args: &Next, globals: &Globals) -> CommandResult {
    let now = clock()?.now();
    let count = args.count.into();
    let from = |zone| args.from.map_or(now, |from| from.in_zone(zone));
    if let Some((schedule, last, pauses)) = find_schedule(args, globals).await? {
        let skip_paused = |times: Vec<TimeView>| skip_paused(times, &schedule, &pauses);
        let recurrence = &schedule.recurrence;
        let on_the_clock = match globals.target {
            Target::Local => times_on_the_clock(&schedule, from(recurrence.zone), count),
            Target::Aws => None,
        };
        if let Some(times) = on_the_clock.map(skip_paused) {
            let how = Some(", counted from midnight UTC");
            show(
                globals.output,
                recurrence,
                Some(&schedule),
                Some(times),
                count,
                how,
            );
            return Ok(Outcome::Done);
        }
        let from = match (&recurrence.expression, args.from) {
            // It counts from its last run.
            (Expression::Rate(_), None) => match schedule.next_run(now, last) {
                NextRun::At(time) => Some(time),
                NextRun::Within { .. } | NextRun::Never => None,
            },
            _ => Some(from(recurrence.zone)),
        };
        let times = from.map(|from| list_times(recurrence, Some(&schedule), from, count));
        let times = times.map(skip_paused);
        show(
            globals.output,
            recurrence,
            Some(&schedule),
            times,
            count,
            None,
        );
    } else {
        let expression = read_expression(&args.what)?;
        let zone = match args.timezone {
            Some(zone) => zone,
            None => default_zone(globals).await,
        };
        let recurrence = Recurrence { expression, zone };
        let times = list_times(&recurrence, None, from(recurrence.zone), count);
        let how = matches!(recurrence.expression, Expression::Rate(_))
            .then_some(", counted from the first time here");
        show(globals.output, &recurrence, None, Some(times), count, how);
    }
    Ok(Outcome::Done)
}

/// The zone of the home's or the stack's schedules; without one, this machine's.
async fn default_zone(globals: &Globals) -> Tz {
    let deployment = globals.open_deployment(globals.target).await;
    deployment.map_or_else(|_| machine_timezone(), |deployment| deployment.timezone())
}

/// Lists at most `count` of a schedule's [`clock_times`].
fn times_on_the_clock(
    schedule: &Schedule,
    from: DateTime<Utc>,
    count: usize,
) -> Option<Vec<TimeView>> {
    let zone = schedule.recurrence.zone;
    let times = clock_times(schedule, from)?.take(count);
    let times = times.map(|time| Occurrence::At(time.with_timezone(&zone)));
    Some(times.map(|time| view(time, Some(schedule))).collect())
}

/// The times from `from` on of a rate that divides a day, as its timer on one machine has them: counted
/// from midnight UTC. `None` for any other expression.
pub(crate) fn clock_times(
    schedule: &Schedule,
    from: DateTime<Utc>,
) -> Option<impl Iterator<Item = DateTime<Utc>>> {
    let Expression::Rate(rate) = &schedule.recurrence.expression else {
        return None;
    };
    times_of_rate(rate.minutes())?;
    let period = i64::from(rate.minutes()) * 60;
    let begin = schedule.start.map_or(from, |start| start.max(from));
    let first = begin.timestamp().div_euclid(period) * period;
    let end = schedule.end;
    let times = (0..).map_while(move |number| DateTime::from_timestamp(first + number * period, 0));
    Some(
        times
            .skip_while(move |time| *time < begin)
            .take_while(move |time| end.is_none_or(|end| *time < end)),
    )
}

fn read_expression(text: &str) -> Result<Expression, CommandError> {
    text.parse::<Expression>()
        .map_err(|error| CommandError::usage(error.to_string()))
}

/// Marks the times in which the schedule is paused as skipped.
fn skip_paused(times: Vec<TimeView>, schedule: &Schedule, pauses: &[Pause]) -> Vec<TimeView> {
    let is_paused = |time: &str| {
        let time = DateTime::parse_from_rfc3339(time).ok()?.to_utc();
        active_pause(pauses, &schedule.label, time)
    };
    let skip = |view: TimeView| TimeView {
        skipped: view
            .skipped
            .or_else(|| is_paused(&view.time).map(|_| "paused")),
        ..view
    };
    times.into_iter().map(skip).collect()
}

/// The declared schedule of a label, the scheduled time of its last run, and all pauses; `None` if an
/// expression was given.
async fn find_schedule(
    args: &Next,
    globals: &Globals,
) -> Result<Option<(Schedule, Option<DateTime<Utc>>, Vec<Pause>)>, CommandError> {
    if args.what.contains(['(', ' ']) {
        return Ok(None);
    }
    if args.timezone.is_some() {
        return Err(CommandError::usage(
            "A schedule has its own time zone. Use --timezone only with an expression.",
        ));
    }
    let context = globals.open().await?;
    let (schedules, _) = load_schedules(&context).await?;
    let found = schedules
        .iter()
        .find(|schedule| schedule.label.as_str() == args.what);
    let Some(schedule) = found else {
        let labels = schedules.iter().map(|schedule| schedule.label.as_str());
        let error = CommandError::usage(format!("No schedule is called “{}”.", args.what));
        return Err(error
            .did_you_mean(find_nearest(&args.what, labels))
            .try_command(format!("{HIPPO} schedule list")));
    };
    show_unknown_names(&context, std::slice::from_ref(schedule)).await?;
    let pauses = context.store.pauses().await?;
    if let Some(pause) = active_pause(&pauses, &schedule.label, context.now()) {
        context.output.print_text(pause_sentence(pause, &context));
    }
    let (job, label) = (Some(schedule.job), Some(&schedule.label));
    let runs = context.store.recent_runs(job, label, 1).await?;
    let last = runs.first().map(|run| run.key.scheduled_time);
    Ok(Some((schedule.clone(), last, pauses)))
}

/// Lists at most `count` times; those of a schedule within its dates.
pub(super) fn list_times(
    recurrence: &Recurrence,
    schedule: Option<&Schedule>,
    from: DateTime<Utc>,
    count: usize,
) -> Vec<TimeView> {
    let start = schedule.and_then(|schedule| schedule.start);
    let end = schedule.and_then(|schedule| schedule.end);
    let is_over =
        |occurrence: &Occurrence| end.is_some_and(|end| occurrence.instant(recurrence.zone) >= end);
    recurrence
        .occurrences_from(start.map_or(from, |start| start.max(from)))
        .take_while(|occurrence| !is_over(occurrence))
        .take(count)
        .map(|occurrence| view(occurrence, schedule))
        .collect()
}

fn view(occurrence: Occurrence, schedule: Option<&Schedule>) -> TimeView {
    match occurrence {
        Occurrence::Skipped(local) => TimeView {
            time: local.format("%Y-%m-%dT%H:%M:%S").to_string(),
            skipped: Some("the clocks go forward"),
        },
        Occurrence::At(time) => {
            let date = local_date(time.to_utc(), time.timezone());
            let closed = schedule.map(|schedule| &schedule.closed_days.all);
            TimeView {
                time: time.to_rfc3339_opts(SecondsFormat::Secs, false),
                skipped: closed
                    .is_some_and(|days| days.contains(&date))
                    .then_some("closed"),
            }
        }
    }
}

/// Shows the times; `None` if they count from a first run that hasn't been. `how` says how they're counted.
fn show(
    output: Output,
    recurrence: &Recurrence,
    schedule: Option<&Schedule>,
    times: Option<Vec<TimeView>>,
    count: usize,
    how: Option<&str>,
) {
    let is_known = times.is_some();
    let document = TimesDocument {
        expression: recurrence.expression.to_string(),
        timezone: recurrence.zone.name(),
        words: recurrence.describe(),
        enabled: schedule.is_none_or(|schedule| schedule.enabled),
        times: times.unwrap_or_default(),
    };
    output.print_document(&document);
    let mut words = document.words.clone();
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if !document.enabled {
        output.print_text("This schedule is disabled, so nothing runs at these times.");
    }
    if !is_known {
        output.print_text(format!(
            "{words}, counted from its first run, which hasn't been."
        ));
        return;
    }
    words.push_str(how.unwrap_or_default());
    output.print_text(format!("{words}:"));
    for view in &document.times {
        let skipped = view.skipped.map(|reason| format!("skipped: {reason}"));
        output.print_line(format!("  {}", format_time(&view.time, skipped.as_deref())));
    }
    if document.times.is_empty() {
        output.print_text("It doesn't fire.");
    } else if document.times.len() < count {
        output.print_text("It doesn't fire after that.");
    }
}

/// “Mon 2026-11-30 05:00:00 -05:00”.
fn format_time(time: &str, skipped: Option<&str>) -> String {
    let weekday = |date: &str| {
        date.parse::<NaiveDate>()
            .map(|date| date.format("%a ").to_string())
    };
    let (date, time) = time.split_once('T').unwrap_or((time, ""));
    let (clock, offset) = time.split_at_checked(8).unwrap_or((time, ""));
    let line = format!(
        "{}{date} {clock} {offset:6}",
        weekday(date).unwrap_or_default()
    );
    match skipped {
        Some(skipped) => format!("{line}  {skipped}"),
        None => line.trim_end().to_owned(),
    }
}
