//! The days of a label's runs, small enough to load a month of every label at once.
//!
//! A day has one square for each run. A label that runs more often than [`MAX_SQUARES`] times a day gets
//! ticks instead: a time, an outcome and a rounded duration for each run. Both are keyed by the run's
//! scheduled time, so a run that reports twice changes its own square and is never counted twice.

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Timelike as _, Utc};
use serde::{Deserialize, Serialize};

use super::work::WorkItem;
use super::{JobName, Run, RunKey, RunOutcome};
use crate::ids::Label;

/// A day with more runs than this is stored as ticks. Some squares of a day are less than 4 KB.
pub const MAX_SQUARES: usize = 24;

/// The key of a label's day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DayKey {
    /// The UTC date of the scheduled times.
    pub date: NaiveDate,
    /// The job.
    pub job: JobName,
    /// Which of the job's schedules.
    pub label: Label,
}

impl From<&RunKey> for DayKey {
    fn from(run: &RunKey) -> Self {
        Self {
            date: run.scheduled_time.date_naive(),
            job: run.job,
            label: run.label.clone(),
        }
    }
}

/// What the history keeps of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Square {
    /// When it was scheduled to start.
    pub scheduled_time: DateTime<Utc>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// How long it took, in whole seconds; `None` if it didn't start or hasn't ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    /// How many of its cards or mails failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// Whether its workers may still report, which can change its outcome.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_open: bool,
    /// When the run last reported; a later report replaces this square.
    pub reported_at: DateTime<Utc>,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl From<&Run> for Square {
    fn from(run: &Run) -> Self {
        let took = run.finished_at.map(|end| end - run.started_at);
        Self {
            scheduled_time: run.key.scheduled_time,
            outcome: run.outcome,
            // A run that didn't start is recorded as ended at the moment it would have started.
            seconds: took
                .filter(|took| !took.is_zero())
                .map(|took| u32::try_from(took.num_seconds().max(0)).unwrap_or(u32::MAX)),
            failures: run.counts.failures(),
            is_open: run.outcome == RunOutcome::Done && run.counts.enqueued > 0,
            reported_at: run.reported_at,
        }
    }
}

impl Square {
    /// The square of a run with its workers' reports; open while some are missing.
    pub fn with_work(run: Run, work: &[WorkItem], now: DateTime<Utc>) -> Self {
        let run = run.with_work(work, now);
        Self {
            is_open: run.outcome == RunOutcome::Running,
            ..Self::from(&run)
        }
    }

    fn supersedes(&self, other: &Self) -> bool {
        let order = |one: &Self| (one.reported_at, !one.is_open, certainty(one.outcome));
        order(self) >= order(other)
    }

    /// The time of its tick.
    fn tick_time(&self) -> NaiveTime {
        let time = self.scheduled_time.time();
        time - Duration::nanoseconds(i64::from(time.nanosecond() % 1_000_000))
    }
}

/// Orders outcomes of one run that were reported at the same time: a lost run may still end.
fn certainty(outcome: RunOutcome) -> u8 {
    match outcome {
        RunOutcome::Running => 0,
        RunOutcome::Lost => 1,
        _ => 2,
    }
}

/// One run of a label that runs many times a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayTick {
    /// The time of the UTC day for which it was scheduled, to the millisecond.
    pub time: NaiveTime,
    /// How it ended.
    pub outcome: RunOutcome,
    /// How long it took, rounded down by at most a fifth; `None` as for [`Square::seconds`].
    pub seconds: Option<u32>,
}

/// The ticks of one outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TickSum {
    outcome: RunOutcome,
    /// Those of whole seconds. Each takes four characters: three for its second, one for its duration.
    ticks: String,
    /// The others, such as a person's. Two more characters say the millisecond.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    fractions: String,
}

impl TickSum {
    fn new(outcome: RunOutcome) -> Self {
        Self {
            outcome,
            ticks: String::new(),
            fractions: String::new(),
        }
    }

    fn push(&mut self, tick: DayTick) {
        let second = tick.time.num_seconds_from_midnight();
        let millisecond = tick.time.nanosecond() / 1_000_000;
        let ticks = match millisecond {
            0 => &mut self.ticks,
            _ => &mut self.fractions,
        };
        ticks.extend([second / 4096, second / 64 % 64, second % 64].map(digit));
        if millisecond > 0 {
            ticks.extend([millisecond / 64, millisecond % 64].map(digit));
        }
        let duration = tick.seconds.map(|seconds| digit(duration_step(seconds)));
        ticks.push(duration.unwrap_or(NO_DURATION));
    }

    fn ticks(&self) -> impl Iterator<Item = DayTick> {
        let whole = self.ticks.as_bytes().chunks_exact(4);
        let fractions = self.fractions.as_bytes().chunks_exact(6);
        let chunks = whole.chain(fractions);
        chunks.filter_map(|chunk| {
            let (time, duration) = chunk.split_at_checked(chunk.len() - 1)?;
            let (second, millisecond) = time.split_at_checked(3)?;
            let millisecond = number(millisecond)?;
            Some(DayTick {
                time: NaiveTime::from_num_seconds_from_midnight_opt(
                    number(second)?,
                    millisecond * 1_000_000,
                )?,
                outcome: self.outcome,
                seconds: duration
                    .first()
                    .copied()
                    .and_then(digit_value)
                    .map(step_seconds),
            })
        })
    }
}

/// A label's day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunDay {
    /// The runs, ordered by their scheduled time. In a day of ticks, only those whose workers may still
    /// report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub squares: Vec<Square>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sums: Vec<TickSum>,
}

impl RunDay {
    /// Upserts a run's square; returns whether the day changed. An older report changes nothing.
    pub fn upsert(&mut self, square: Square) -> bool {
        let before = self.clone();
        let time = square.scheduled_time;
        let is_same = |known: &Square| known.scheduled_time == time;
        match self.squares.iter_mut().find(|known| is_same(known)) {
            Some(known) if square.supersedes(known) => *known = square,
            Some(_) => return false,
            None => {
                if !self.sums.is_empty() && !self.remove_tick(&square) {
                    return false;
                }
                self.squares.push(square);
                self.squares.sort_by_key(|known| known.scheduled_time);
            }
        }
        self.sum_up();
        *self != before
    }

    /// The ticks, ordered by time.
    pub fn ticks(&self) -> Vec<DayTick> {
        let mut ticks: Vec<DayTick> = self.sums.iter().flat_map(TickSum::ticks).collect();
        ticks.sort_by_key(|tick| tick.time);
        ticks
    }

    /// Removes the tick of the square's time; false if it must stay, since it tells more.
    fn remove_tick(&mut self, square: &Square) -> bool {
        let time = square.tick_time();
        let known = self.ticks().into_iter().find(|tick| tick.time == time);
        let Some(known) = known else { return true };
        if certainty(square.outcome) < certainty(known.outcome) {
            return false;
        }
        for sum in &mut self.sums {
            let mut rest = TickSum::new(sum.outcome);
            let others = sum.ticks().filter(|tick| tick.time != time);
            others.for_each(|tick| rest.push(tick));
            *sum = rest;
        }
        // An empty sum stays: it shows that this is a day of ticks.
        true
    }

    /// Turns the squares of a busy day into ticks.
    fn sum_up(&mut self) {
        if self.sums.is_empty() && self.squares.len() <= MAX_SQUARES {
            return;
        }
        let (open, settled): (Vec<_>, Vec<_>) = std::mem::take(&mut self.squares)
            .into_iter()
            .partition(|square| square.is_open);
        let surplus = open.len().saturating_sub(MAX_SQUARES);
        let mut open = open.into_iter();
        let oldest: Vec<Square> = open.by_ref().take(surplus).collect();
        self.squares = open.collect();
        for square in settled.into_iter().chain(oldest) {
            self.add_tick(&square);
        }
    }

    fn add_tick(&mut self, square: &Square) {
        if !self.remove_tick(square) {
            return;
        }
        let outcome = square.outcome;
        let tick = DayTick {
            time: square.tick_time(),
            outcome,
            seconds: square.seconds,
        };
        match self.sums.iter_mut().find(|sum| sum.outcome == outcome) {
            Some(sum) => sum.push(tick),
            None => {
                let mut sum = TickSum::new(outcome);
                sum.push(tick);
                self.sums.push(sum);
            }
        }
    }
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The character of a tick without a duration.
const NO_DURATION: char = '-';

fn digit(value: u32) -> char {
    let index = usize::try_from(value).unwrap_or(usize::MAX);
    let last = DIGITS.len() - 1;
    DIGITS
        .get(index.min(last))
        .map_or('/', |byte| *byte as char)
}

fn digit_value(digit: u8) -> Option<u32> {
    let index = DIGITS.iter().position(|known| *known == digit)?;
    u32::try_from(index).ok()
}

/// The number of these digits, highest first.
fn number(digits: &[u8]) -> Option<u32> {
    let mut values = digits.iter().map(|digit| digit_value(*digit));
    values.try_fold(0, |sum, value| Some(sum * 64 + value?))
}

/// The step of a duration: four for each doubling, so 64 steps reach 18 hours.
fn duration_step(seconds: u32) -> u32 {
    let value = seconds.saturating_add(1);
    let octave = value.ilog2();
    let above = u64::from(value - (1 << octave));
    let quarter = u32::try_from((above * 4) >> octave).unwrap_or_default();
    octave * 4 + quarter
}

/// The shortest duration of a step, in seconds.
fn step_seconds(step: u32) -> u32 {
    let octave = step / 4;
    let base: u64 = 1 << octave.min(31);
    let quarter = u64::from(step % 4);
    let value = base + (base * quarter).div_ceil(4);
    u32::try_from(value - 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Duration;
    use proptest::prelude::*;

    fn at(minute: i64) -> DateTime<Utc> {
        "2026-11-21T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + Duration::minutes(minute)
    }

    fn square(minute: i64, outcome: RunOutcome, reported: i64) -> Square {
        Square {
            scheduled_time: at(minute),
            outcome,
            seconds: Some(90),
            failures: 0,
            is_open: false,
            reported_at: at(minute) + Duration::seconds(reported),
        }
    }

    fn outcomes(day: &RunDay) -> Vec<RunOutcome> {
        let ticks = day.ticks();
        let mut outcomes: Vec<_> = day.squares.iter().map(|square| square.outcome).collect();
        outcomes.extend(ticks.iter().map(|tick| tick.outcome));
        outcomes
    }

    #[test]
    fn lost_run_that_ends_later_replaces_its_square_in_any_order() {
        let lost = square(600, RunOutcome::Lost, 10);
        let done = square(600, RunOutcome::Done, 3_000);
        for order in [[&lost, &done, &lost], [&done, &lost, &done]] {
            let mut day = RunDay::default();
            for square in order {
                day.upsert(square.clone());
            }
            assert_eq!(day.squares, std::slice::from_ref(&done));
        }
    }

    #[test]
    fn open_square_is_settled_without_a_later_report() {
        let open = Square {
            is_open: true,
            ..square(600, RunOutcome::Done, 10)
        };
        let settled = Square {
            failures: 2,
            ..square(600, RunOutcome::DoneWithFailures, 10)
        };
        let mut day = RunDay::default();
        assert!(day.upsert(open.clone()));
        assert!(day.upsert(settled.clone()));
        assert!(!day.upsert(open), "an old report opens nothing");
        assert_eq!(day.squares, [settled]);
    }

    #[test]
    fn busy_day_becomes_ticks_and_keeps_open_squares() {
        let mut day = RunDay::default();
        let open = Square {
            is_open: true,
            ..square(15, RunOutcome::Done, 10)
        };
        day.upsert(open.clone());
        for minute in (30..30 + 24 * 15).step_by(15) {
            day.upsert(square(minute, RunOutcome::Done, 10));
        }
        assert_eq!((day.squares.len(), day.ticks().len()), (1, 24));
        day.upsert(Square {
            is_open: false,
            ..open
        });
        assert_eq!((day.squares.len(), day.ticks().len()), (0, 25));
        assert_eq!(day.ticks()[0].time, at(15).time());
    }

    #[test]
    fn tick_keeps_the_second_and_millisecond_of_its_time() {
        let mut day = RunDay::default();
        // EventBridge's rates fire at the second of their creation; a person starts two in a minute.
        let times: Vec<DateTime<Utc>> = (0..40)
            .map(|number| at(35 * number) + Duration::seconds(13))
            .chain([
                at(600) + Duration::milliseconds(59_001),
                at(1439) + Duration::seconds(59),
            ])
            .collect();
        for time in &times {
            for outcome in [RunOutcome::Running, RunOutcome::DoneWithFailures] {
                let seconds = (outcome != RunOutcome::Running).then_some(90);
                day.upsert(Square {
                    scheduled_time: *time,
                    seconds,
                    ..square(0, outcome, 10)
                });
            }
        }
        let mut expected: Vec<NaiveTime> = times.iter().map(DateTime::time).collect();
        expected.sort_unstable();
        let json = serde_json::to_string(&day).unwrap();
        let ticks = serde_json::from_str::<RunDay>(&json).unwrap().ticks();
        assert_eq!(
            ticks.iter().map(|tick| tick.time).collect::<Vec<_>>(),
            expected
        );
        assert!(
            ticks
                .iter()
                .all(|tick| tick.outcome == RunOutcome::DoneWithFailures)
        );
    }

    #[test]
    fn day_of_every_minute_stays_under_six_kilobytes() {
        let mut day = RunDay::default();
        for minute in 0..1440 {
            day.upsert(square(minute, RunOutcome::Done, 10));
        }
        assert_eq!(day.ticks().len(), 1440);
        let json = serde_json::to_string(&day).unwrap();
        assert!(json.len() < 6_000, "{}", json.len());
        assert_eq!(serde_json::from_str::<RunDay>(&json).unwrap(), day);
    }

    #[test]
    fn day_of_24_squares_stays_under_five_kilobytes() {
        let mut day = RunDay::default();
        for hour in 0..24 {
            let failures = 1_000;
            day.upsert(Square {
                failures,
                is_open: true,
                ..square(hour * 60, RunOutcome::Done, 10)
            });
        }
        assert_eq!(day.squares.len(), MAX_SQUARES);
        assert!(serde_json::to_string(&day).unwrap().len() < 5_000);
    }

    #[test]
    fn run_that_did_not_start_has_no_duration() {
        let key: RunKey = "check-cards/all/2026-11-21T10:00:00Z".parse().unwrap();
        let mut run = Run {
            key: key.clone(),
            trigger: crate::run::Trigger::Schedule,
            input: serde_json::Value::Null,
            started_at: at(600),
            reported_at: at(600),
            finished_at: Some(at(600)),
            outcome: RunOutcome::Missed,
            counts: crate::run::Counts::default(),
        };
        assert_eq!(Square::from(&run).seconds, None);
        run.outcome = RunOutcome::Done;
        run.finished_at = Some(at(602));
        assert_eq!(Square::from(&run).seconds, Some(120));
    }

    proptest! {
        #[test]
        fn duration_is_rounded_down_by_at_most_a_fifth(seconds in 0_u32..60_000) {
            let rounded = step_seconds(duration_step(seconds));
            prop_assert!(rounded <= seconds, "{rounded} {seconds}");
            prop_assert!(u64::from(seconds - rounded) * 5 <= u64::from(seconds) + 5, "{rounded} {seconds}");
        }

        #[test]
        fn reports_in_any_order_and_number_count_each_run_once(
            count in 1_i64..60,
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..200),
        ) {
            let reports: Vec<Square> = (0..count)
                .flat_map(|run| [
                    square(run * 20, RunOutcome::Running, 0),
                    square(run * 20, RunOutcome::Lost, 0),
                    square(run * 20, RunOutcome::Done, 60),
                ])
                .collect();
            let mut day = RunDay::default();
            for square in order.iter().map(|index| index.get(&reports)).chain(&reports) {
                day.upsert(square.clone());
            }
            let outcomes = outcomes(&day);
            prop_assert_eq!(outcomes.len(), usize::try_from(count).unwrap());
            prop_assert!(outcomes.iter().all(|outcome| *outcome == RunOutcome::Done));
        }
    }
}
