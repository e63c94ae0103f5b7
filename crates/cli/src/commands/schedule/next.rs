//! `hippo schedule next`: the next times of an expression or a schedule.

use chrono::{DateTime, Duration, NaiveDate, SecondsFormat, Utc};
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
use crate::next_run::{describe_period, load_schedules};
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
    times: Vec<TimeView>,
    /// For a rate that counts from its last run, if that is too long ago to tell the times: the next run starts at most
    /// this many minutes after `next_run_after`.
    next_run_within_minutes: Option<i64>,
    next_run_after: Option<DateTime<Utc>>,
}

/// What is known of the next times.
enum NextTimes {
    /// They are these; a phrase may say how they're counted.
    Listed(Vec<TimeView>, Option<&'static str>),
    /// The first is at most one period of a rate after this time.
    Within {
        after: DateTime<Utc>,
        period: Duration,
        has_run: bool,
    },
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
            let times = NextTimes::Listed(times, Some(", counted from midnight UTC"));
            show(globals, recurrence, Some(&schedule), times, count);
            return Ok(Outcome::Done);
        }
        let from = from(recurrence.zone);
        let list = |from| skip_paused(list_times(recurrence, Some(&schedule), from, count));
        let times = match &recurrence.expression {
            Expression::Rate(rate) => match schedule.next_run(now, last) {
                NextRun::At(next) => {
                    let first = first_from(next, rate.minutes(), from);
                    NextTimes::Listed(list(first), Some(", counted from its last run"))
                }
                NextRun::Within { after, period } => NextTimes::Within {
                    after,
                    period,
                    has_run: last.is_some(),
                },
                NextRun::Never => NextTimes::Listed(Vec::new(), None),
            },
            _ => NextTimes::Listed(list(from), None),
        };
        show(globals, recurrence, Some(&schedule), times, count);
    } else {
        let expression = read_expression(&args.what)?;
        let zone = match args.timezone {
            Some(zone) => zone,
            None => default_zone(globals).await,
        };
        let recurrence = Recurrence { expression, zone };
        let times = list_times(&recurrence, None, from(recurrence.zone), count);
        let counting = matches!(recurrence.expression, Expression::Rate(_))
            .then_some(", counted from the first time here");
        let times = NextTimes::Listed(times, counting);
        show(globals, &recurrence, None, times, count);
    }
    Ok(Outcome::Done)
}

/// The first time from `from` on of a rate with a run at `next`.
fn first_from(next: DateTime<Utc>, minutes: u32, from: DateTime<Utc>) -> DateTime<Utc> {
    let period = i64::from(minutes) * 60;
    let behind = (from - next).num_seconds().max(0);
    let periods = behind.div_euclid(period) + i64::from(behind.rem_euclid(period) > 0);
    next + Duration::seconds(periods * period)
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

/// Shows the times.
fn show(
    globals: &Globals,
    recurrence: &Recurrence,
    schedule: Option<&Schedule>,
    times: NextTimes,
    count: usize,
) {
    let output = globals.output;
    let (times, counting, within) = match times {
        NextTimes::Listed(times, counting) => (times, counting, None),
        NextTimes::Within {
            after,
            period,
            has_run,
        } => (Vec::new(), None, Some((after, period, has_run))),
    };
    let document = TimesDocument {
        expression: recurrence.expression.to_string(),
        timezone: recurrence.zone.name(),
        words: recurrence.describe(),
        enabled: schedule.is_none_or(|schedule| schedule.enabled),
        times,
        next_run_within_minutes: within.map(|(_, period, _)| period.num_minutes()),
        next_run_after: within.map(|(after, ..)| after),
    };
    output.print_document(&document);
    let mut words = document.words.clone();
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if !document.enabled {
        output.print_text("This schedule is disabled, so nothing runs at these times.");
    }
    if let Some((after, period, has_run)) = within {
        let now = clock().map_or(after, |clock| clock.now());
        let period = describe_period(period.num_minutes(), after, now, recurrence.zone);
        output.print_text(match has_run {
            true => format!("{words}, counted from its last run. The next is due {period}."),
            false => format!("{words}, counted from its first run. It's due {period}."),
        });
        return;
    }
    words.push_str(counting.unwrap_or_default());
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
