//! `hippo runs --grid`: a row for each label, a square for each run.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike as _, Days, NaiveDate, Utc};
use hippo_core::clock::local_date;
use hippo_core::ids::Label;
use hippo_core::run::grid::{
    Grid, GridDay, GridRow, OutcomeTone, SIGN_LEGEND, SLOW_FACTOR, build_grid, seconds_words,
};
use hippo_core::run::{JobName, RunKey, RunOutcome};

use crate::context::Context;
use crate::exit::{CommandResult, Outcome};
use crate::output::count;
use crate::output::table::{Tone, paint};
use crate::run_history::load;

/// At most this many slow runs are listed.
const MAX_SLOW_LISTED: usize = 10;

/// Shows the grid of the last `days` days.
pub(super) async fn show(
    context: &Context,
    days: u16,
    is_wanted: impl Fn(JobName, &Label) -> bool,
) -> CommandResult {
    let today = local_date(context.now(), context.zone());
    let from = today - Days::new(u64::from(days.saturating_sub(1)));
    // A local date reaches into the UTC dates around it.
    let around = Days::new(1);
    let mut histories = load(context, from - around, today + around).await?;
    histories.retain(|history| is_wanted(history.job, &history.label));
    let grid = build_grid(&histories, from, today, context.zone());
    context.output.print_document(&grid);
    let text = render(&grid, context.output.width, context.output.color);
    context.output.print_line(text.trim_end());
    Ok(Outcome::Done)
}

/// The sign and tone of an outcome.
fn sign(outcome: RunOutcome) -> (&'static str, Tone) {
    let (sign, tone) = outcome.sign();
    let tone = match tone {
        OutcomeTone::Good => Tone::Good,
        OutcomeTone::Warning => Tone::Warning,
        OutcomeTone::Bad => Tone::Bad,
        OutcomeTone::Plain => Tone::Plain,
        OutcomeTone::Faint => Tone::Faint,
    };
    (sign, tone)
}

/// The legend, on as many lines as the width needs.
fn legend(width: Option<usize>) -> String {
    let mut lines: Vec<String> = Vec::new();
    for (sign, _, words) in SIGN_LEGEND {
        let part = format!("{sign} {words}");
        let fits = |line: &&mut String| {
            let taken = line.chars().count() + 3 + part.chars().count();
            width.is_none_or(|width| taken <= width)
        };
        match lines.last_mut().filter(fits) {
            Some(line) => {
                line.push_str("   ");
                line.push_str(&part);
            }
            None => lines.push(part),
        }
    }
    lines.join("\n")
}

/// What follows the sign of a slow run.
const SLOW_MARK: char = '*';

/// The squares of a day: signs and tones, and the width.
fn squares(day: &GridDay) -> (Vec<(String, Tone)>, usize) {
    let mark = |sign: (&str, Tone), is_slow: bool| {
        let mut text = sign.0.to_owned();
        text.extend(is_slow.then_some(SLOW_MARK));
        (text, sign.1)
    };
    let squares: Vec<(String, Tone)> = match day.runs.as_slice() {
        [] => {
            let worst = day.outcomes.first().map(|one| one.outcome);
            let worst = worst.map(sign).into_iter();
            worst.map(|sign| mark(sign, day.is_slow)).collect()
        }
        runs => runs
            .iter()
            .map(|run| mark(sign(run.outcome), run.is_slow))
            .collect(),
    };
    let width = squares.iter().map(|(text, _)| text.chars().count()).sum();
    (squares, width)
}

/// The narrowest column of a date: its day of the month.
const MIN_DATE_WIDTH: usize = 2;

fn render(grid: &Grid, width: Option<usize>, color: bool) -> String {
    if grid.labels.is_empty() {
        return format!("No run is on record since {}.\n", grid.from);
    }
    let names: Vec<String> = grid
        .labels
        .iter()
        .map(|row| format!("{}/{}", row.job, row.label))
        .collect();
    let medians: Vec<String> = grid.labels.iter().map(median_words).collect();
    let longest = |texts: &[String], head: &str| {
        let widths = texts.iter().map(|text| text.chars().count());
        widths.fold(head.len(), usize::max)
    };
    let (name_width, median_width) = (longest(&names, "LABEL"), longest(&medians, "MEDIAN"));
    let margin = name_width + 2 + median_width + 1;
    let dates: Vec<NaiveDate> = grid
        .from
        .iter_days()
        .take_while(|date| *date <= grid.to)
        .collect();
    let date_width = |date: &NaiveDate| {
        let days = grid.labels.iter().flat_map(|row| &row.days);
        let widths = days
            .filter(|day| day.date == *date)
            .map(|day| squares(day).1);
        widths.fold(MIN_DATE_WIDTH, usize::max)
    };
    let mut columns: Vec<(NaiveDate, usize)> = Vec::new();
    let mut taken = margin;
    for date in dates.iter().rev() {
        let column = date_width(date);
        taken += column + 1;
        // At least the newest day is shown.
        if width.is_some_and(|width| taken > width) && !columns.is_empty() {
            break;
        }
        columns.push((*date, column));
    }
    columns.reverse();

    let mut text = String::new();
    let head = months_and_days(&columns);
    let _ = writeln!(
        text,
        "{}{}",
        " ".repeat(margin),
        paint(&head.0, Tone::Faint, color)
    );
    let labels = format!(
        "{:name_width$}  {:>median_width$} {}",
        "LABEL", "MEDIAN", head.1
    );
    let _ = writeln!(text, "{}", paint(labels.trim_end(), Tone::Faint, color));
    for ((row, name), median) in grid.labels.iter().zip(&names).zip(&medians) {
        let mut line = format!("{name:name_width$}  {median:>median_width$}");
        let mut gap = 1;
        for (date, column) in &columns {
            let day = row.days.iter().find(|day| day.date == *date);
            let (squares, width) = day.map(squares).unwrap_or_default();
            if !squares.is_empty() {
                line.push_str(&" ".repeat(gap));
                gap = 0;
            }
            for (sign, tone) in squares {
                line.push_str(&paint(&sign, tone, color));
            }
            gap += column - width + 1;
        }
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(text, "\n{}", legend(width));
    let left_out = dates.len() - columns.len();
    if left_out > 0 {
        let days = count(left_out, "older day", "older days");
        let verb = if left_out == 1 { "is" } else { "are" };
        let _ = writeln!(text, "{days} {verb} left out. A wider terminal shows more.");
    }
    text.push_str(&slow_runs(grid, columns.first().map(|(date, _)| *date)));
    text
}

fn median_words(row: &GridRow) -> String {
    row.median_seconds.map(seconds_words).unwrap_or_default()
}

/// The two lines above the squares: the months, and the days of the month.
fn months_and_days(columns: &[(NaiveDate, usize)]) -> (String, String) {
    let (mut months, mut days) = (String::new(), String::new());
    let mut at = 0;
    for (index, (date, width)) in columns.iter().enumerate() {
        if index == 0 || date.day() == 1 {
            // The name of the first month may need the next one's column.
            if index > 0 && months.len() >= at {
                months.truncate(at.saturating_sub(1));
            }
            months.push_str(&" ".repeat(at.saturating_sub(months.len())));
            months.push_str(&date.format("%b").to_string());
        }
        days.push_str(&format!("{:<width$} ", date.day()));
        at += width + 1;
    }
    (months, days.trim_end().to_owned())
}

/// Lists the slow runs of the shown days, newest first.
fn slow_runs(grid: &Grid, since: Option<NaiveDate>) -> String {
    let mut slow: Vec<(DateTime<Utc>, String)> = Vec::new();
    for row in &grid.labels {
        let days = row
            .days
            .iter()
            .filter(|day| since.is_none_or(|since| day.date >= since));
        let runs = days.flat_map(|day| day.runs.iter().chain(&day.slow_runs));
        for run in runs.filter(|run| run.is_slow) {
            let took = run.seconds.map(seconds_words).unwrap_or_default();
            let line = format!("  {} took {took} (median {})", run.id, median_words(row));
            let time = run.id.parse::<RunKey>().map(|key| key.scheduled_time);
            slow.push((time.unwrap_or_default(), line));
        }
    }
    slow.sort_by(|one, other| other.cmp(one));
    if slow.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{SLOW_MARK} took more than {SLOW_FACTOR} times the median:\n");
    for (_, line) in slow.iter().take(MAX_SLOW_LISTED) {
        let _ = writeln!(text, "{line}");
    }
    if slow.len() > MAX_SLOW_LISTED {
        let _ = writeln!(text, "  and {} more", slow.len() - MAX_SLOW_LISTED);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Duration;
    use hippo_core::run::history::PastRun;

    use crate::run_history::LabelHistory;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn past(time: DateTime<Utc>, outcome: RunOutcome, seconds: Option<u32>) -> PastRun {
        PastRun {
            scheduled_time: time,
            outcome,
            seconds,
            is_tick: false,
        }
    }

    fn history(job: JobName, label: &str, runs: Vec<PastRun>) -> LabelHistory {
        LabelHistory {
            job,
            label: label.parse().unwrap(),
            runs,
        }
    }

    /// Thirty days that end on 5 December in Toronto, after a change of clocks.
    fn sample() -> Grid {
        use RunOutcome::{Done, DoneWithFailures, Failed, Lost, Missed, Running, SkippedPaused};
        let first = at("2026-11-06T10:00:00Z");
        let outcomes = [
            Done,
            Done,
            DoneWithFailures,
            Done,
            Done,
            Failed,
            Done,
            Missed,
            Missed,
            Done,
            Done,
            SkippedPaused,
            SkippedPaused,
            Done,
            Done,
            Done,
            Lost,
            Done,
            Done,
            Done,
            Done,
            Done,
            DoneWithFailures,
            Done,
            Done,
            Done,
            Done,
            Done,
            Done,
            Running,
        ];
        let all = (0..).zip(outcomes).map(|(day, outcome)| {
            let began = matches!(outcome, Done | DoneWithFailures | Failed | Lost);
            let seconds = if day == 20 {
                1_900
            } else {
                180 + u32::try_from(day).unwrap()
            };
            past(
                first + Duration::days(day),
                outcome,
                began.then_some(seconds),
            )
        });
        let failed = (0..30).flat_map(|day| {
            [10, 15].map(|hour| {
                let time = first + Duration::days(day) + Duration::hours(hour - 10 + 4);
                past(time, Done, Some(20))
            })
        });
        let person = [3, 7].map(|hour| {
            past(
                at("2026-12-01T02:30:00Z") + Duration::hours(hour),
                Done,
                Some(2),
            )
        });
        let ticks = (0..30 * 96).map(|tick| PastRun {
            is_tick: true,
            ..past(
                first + Duration::minutes(tick * 15),
                if tick == 1000 { DoneWithFailures } else { Done },
                Some(0),
            )
        });
        let histories = [
            history(JobName::CHECK_CARDS, "all", all.collect()),
            history(JobName::CHECK_CARDS, "failed", failed.collect()),
            history(JobName::CHECK_CARDS, "person", person.to_vec()),
            history(JobName::NOTIFY_ALL, "tick", ticks.collect()),
        ];
        let (from, to) = ("2026-11-06".parse().unwrap(), "2026-12-05".parse().unwrap());
        build_grid(&histories, from, to, chrono_tz::America::Toronto)
    }

    #[test]
    fn wide_terminal_shows_every_day() {
        insta::assert_snapshot!(render(&sample(), Some(160), false));
    }

    #[test]
    fn narrow_terminal_shows_the_newest_days_and_counts_the_rest() {
        let text = render(&sample(), Some(60), false);
        assert!(
            text.lines().all(|line| line.chars().count() <= 60),
            "{text}"
        );
        insta::assert_snapshot!(text);
    }

    #[test]
    fn slow_run_of_a_day_with_one_square_is_listed() {
        let first = at("2026-12-05T10:00:00Z");
        let ticks = (0..30).map(|tick| PastRun {
            is_tick: true,
            ..past(
                first + Duration::minutes(tick * 15),
                RunOutcome::Done,
                Some(if tick == 7 { 95 } else { 1 }),
            )
        });
        let histories = [history(JobName::NOTIFY_ALL, "tick", ticks.collect())];
        let date = "2026-12-05".parse().unwrap();
        let grid = build_grid(&histories, date, date, chrono_tz::UTC);
        let text = render(&grid, None, false);
        assert!(text.contains("✓*"), "{text}");
        let line = "  notify-all/tick/2026-12-05T11:45:00Z took ";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn signs_are_coloured_only_on_request() {
        assert!(!render(&sample(), None, false).contains('\x1b'));
        let colored = render(&sample(), None, true);
        assert!(colored.contains("\x1b[32m✓\x1b[0m"), "{colored}");
        assert!(colored.contains("\x1b[31m✗\x1b[0m"), "{colored}");
    }
}
