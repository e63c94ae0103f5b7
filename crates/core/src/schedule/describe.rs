//! Schedules in words.

use std::collections::BTreeSet;

use chrono::Timelike as _;
use chrono_tz::Tz;

use super::cron::{Cron, DaySelection};
use super::expression::{Expression, Rate};
use super::recurrence::Recurrence;

/// More times of day than these are described by their minutes and hours.
const MAX_LISTED_TIMES: usize = 6;

/// More years than these that are evenly apart are described by their step.
const MAX_LISTED_YEARS: usize = 3;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

impl Recurrence {
    /// Describes it in words: “at 05:00, Monday to Friday, Toronto time”.
    pub fn describe(&self) -> String {
        let zone = describe_zone(self.zone);
        match &self.expression {
            Expression::Rate(rate) => describe_rate(*rate),
            Expression::At(at) => {
                let format = match at.second() {
                    0 => "%Y-%m-%d at %H:%M",
                    _ => "%Y-%m-%d at %H:%M:%S",
                };
                format!("once, on {}, {zone}", at.format(format))
            }
            Expression::Cron(cron) => {
                let parts = [
                    Some(describe_times(cron)),
                    describe_days(cron),
                    describe_years(cron),
                    Some(zone),
                ];
                parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
            }
        }
    }
}

fn describe_rate(rate: Rate) -> String {
    match rate.in_largest_unit() {
        // Not “every day”: after a change of the clocks, it fires at another time of day.
        (1, "day") => "every 24 hours".to_owned(),
        (1, unit) => format!("every {unit}"),
        (number, unit) => format!("every {number} {unit}s"),
    }
}

/// “Toronto time”, “UTC”.
pub fn describe_zone(zone: Tz) -> String {
    let name = zone.name();
    match name.rsplit_once('/') {
        Some((area, city)) if area != "Etc" => format!("{} time", city.replace('_', " ")),
        _ if name == "UTC" => name.to_owned(),
        _ => format!("{name} time"),
    }
}

fn describe_times(cron: &Cron) -> String {
    let (minutes, hours) = (cron.minutes(), cron.hours());
    let is_all_day = hours.len() == 24;
    if let (Some(step), true) = (find_step(minutes, 60), minutes.len() > 1) {
        let every = match step {
            1 => "every minute".to_owned(),
            _ => format!("every {step} minutes"),
        };
        let first_minute = minutes.first().copied().unwrap_or_default();
        let last_minute = minutes.last().copied().unwrap_or_default();
        let from_minute = match first_minute {
            0 => every.clone(),
            1 => format!("{every} from 1 minute past the hour"),
            minute => format!("{every} from {minute} minutes past the hour"),
        };
        return match find_range(hours) {
            _ if is_all_day => from_minute,
            Some((first, last)) => {
                let (first, last) = (clock(first, first_minute), clock(last, last_minute));
                format!("{every} from {first} to {last}")
            }
            None => format!("{from_minute}, {}", describe_hours(hours)),
        };
    }
    if is_all_day {
        return match to_vec(minutes).as_slice() {
            [0] => "every hour".to_owned(),
            [1] => "every hour at 1 minute past".to_owned(),
            _ => format!("every hour at {}", describe_minutes(minutes)),
        };
    }
    if minutes.len() * hours.len() <= MAX_LISTED_TIMES {
        let times: Vec<String> = cron
            .times()
            .iter()
            .map(|time| clock(time / 60, time % 60))
            .collect();
        return format!("at {}", list(&times));
    }
    if let ([minute], Some(step)) = (to_vec(minutes).as_slice(), find_even_step(hours)) {
        let every = match step {
            1 => "every hour".to_owned(),
            _ => format!("every {step} hours"),
        };
        let of = |hour: Option<&u32>| clock(hour.copied().unwrap_or_default(), *minute);
        return format!("{every} from {} to {}", of(hours.first()), of(hours.last()));
    }
    format!(
        "at {}, {}",
        describe_minutes(minutes),
        describe_hours(hours)
    )
}

/// “0 to 28 and 48 minutes past”.
fn describe_minutes(minutes: &BTreeSet<u32>) -> String {
    let minutes = write_ranges(minutes, u32::to_string);
    format!("{} minutes past", list(&minutes))
}

/// “from 07:00 to 09:59 and from 19:00 to 19:59”.
fn describe_hours(hours: &BTreeSet<u32>) -> String {
    let ranges = find_ranges(hours).into_iter();
    let ranges =
        ranges.map(|(first, last)| format!("from {} to {}", clock(first, 0), clock(last, 59)));
    list(&ranges.collect::<Vec<_>>())
}

fn describe_days(cron: &Cron) -> Option<String> {
    let months = cron.months();
    let in_months = |days: String| match months.len() {
        12 => format!("{days} of the month"),
        1 => format!("{days} of {}", describe_months(months)),
        _ => format!("{days} of the month, in {}", describe_months(months)),
    };
    let days = match cron.days() {
        DaySelection::Every => return describe_every_day(cron),
        DaySelection::OfWeek(days) => {
            let days = describe_weekdays(days);
            return Some(match months.len() {
                12 => days,
                _ => format!("{days}, in {}", describe_months(months)),
            });
        }
        DaySelection::OfMonth(days) => {
            let days: Vec<String> = write_ranges(days, |day| ordinal(*day));
            format!("on the {}", list(&days))
        }
        DaySelection::BeforeLast(0) => "on the last day".to_owned(),
        DaySelection::BeforeLast(1) => "on the day before the last day".to_owned(),
        DaySelection::BeforeLast(before) => format!("{before} days before the last day"),
        DaySelection::NearestWeekday(day) => {
            format!("on the weekday nearest the {}", ordinal(*day))
        }
        DaySelection::LastWeekday => "on the last weekday".to_owned(),
        DaySelection::LastOfWeek(day) => format!("on the last {}", weekday(*day)),
        DaySelection::NthOfWeek(day, nth) => {
            let nth = match nth {
                1 => "first",
                2 => "second",
                3 => "third",
                4 => "fourth",
                _ => "fifth",
            };
            format!("on the {nth} {}", weekday(*day))
        }
    };
    Some(in_months(days))
}

fn describe_every_day(cron: &Cron) -> Option<String> {
    let months = cron.months();
    if months.len() < 12 {
        return Some(format!("every day in {}", describe_months(months)));
    }
    // “every 10 minutes” is every day without saying so.
    (cron.hours().len() < 24).then(|| "every day".to_owned())
}

fn describe_weekdays(days: &BTreeSet<u32>) -> String {
    if days.len() == 7 {
        return "every day".to_owned();
    }
    // The one day that is in and follows one that is out, if there is just one.
    let begins: Vec<u32> = days
        .iter()
        .copied()
        .filter(|day| !days.contains(&((day + 6) % 7)))
        .collect();
    match (begins.as_slice(), u32::try_from(days.len())) {
        ([first], Ok(count)) if count > 2 => {
            let last = (first + count - 1) % 7;
            format!("{} to {}", weekday(*first), weekday(last))
        }
        _ => {
            // A week that begins on Monday.
            let mut days = to_vec(days);
            days.sort_by_key(|day| (day + 6) % 7);
            let names: Vec<String> = days
                .iter()
                .map(|day| format!("{}s", weekday(*day)))
                .collect();
            list(&names)
        }
    }
}

fn describe_months(months: &BTreeSet<u32>) -> String {
    let name = |month: &u32| {
        let index = usize::try_from(month.saturating_sub(1)).unwrap_or_default();
        MONTHS.get(index).copied().unwrap_or_default().to_owned()
    };
    list(&write_ranges(months, name))
}

fn describe_years(cron: &Cron) -> Option<String> {
    let years = cron.years()?;
    if let (Some(step), Some(first), Some(last)) =
        (find_even_step(years), years.first(), years.last())
        && years.len() > MAX_LISTED_YEARS
        && step > 1
    {
        return Some(format!("every {step} years from {first} to {last}"));
    }
    let years = write_ranges(years, ToString::to_string);
    Some(format!("in {}", list(&years)))
}

fn weekday(day: u32) -> &'static str {
    let index = usize::try_from(day).unwrap_or_default();
    WEEKDAYS.get(index).copied().unwrap_or_default()
}

fn clock(hour: u32, minute: u32) -> String {
    format!("{hour:02}:{minute:02}")
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// Writes three or more numbers in a row as “first to last”.
fn write_ranges(numbers: &BTreeSet<u32>, name: impl Fn(&u32) -> String) -> Vec<String> {
    let write = |(first, last): (u32, u32)| match last - first {
        0 => vec![name(&first)],
        1 => vec![name(&first), name(&last)],
        _ => vec![format!("{} to {}", name(&first), name(&last))],
    };
    find_ranges(numbers).into_iter().flat_map(write).collect()
}

/// The first and last numbers of each run of numbers without a gap.
fn find_ranges(numbers: &BTreeSet<u32>) -> Vec<(u32, u32)> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    ranges
}

/// The first and last of numbers without a gap.
fn find_range(numbers: &BTreeSet<u32>) -> Option<(u32, u32)> {
    match find_ranges(numbers).as_slice() {
        [range] => Some(*range),
        _ => None,
    }
}

/// The difference of numbers that are evenly apart.
fn find_even_step(numbers: &BTreeSet<u32>) -> Option<u32> {
    let numbers = to_vec(numbers);
    let step = match numbers.as_slice() {
        [first, second, ..] => second - first,
        _ => return None,
    };
    let is_even = numbers
        .iter()
        .zip(numbers.iter().skip(1))
        .all(|(a, b)| b - a == step);
    is_even.then_some(step)
}

/// The difference of numbers that are evenly apart around a circle of `size`.
fn find_step(numbers: &BTreeSet<u32>, size: u32) -> Option<u32> {
    let step = find_even_step(numbers)?;
    let around = numbers.first()? + size - numbers.last()?;
    (around == step).then_some(step)
}

fn to_vec(numbers: &BTreeSet<u32>) -> Vec<u32> {
    numbers.iter().copied().collect()
}

/// “a”, “a and b”, “a, b and c”.
fn list(items: &[impl ToString]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    match items.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_described_in_words() {
        let texts = [
            "rate(15 minutes)",
            "rate(1 hour)",
            "rate(1 days)",
            "rate(36 hours)",
            "rate(14 days)",
            "at(2027-01-31T09:00:00)",
            "at(2027-01-31T09:00:30)",
            "cron(0 5 ? * MON-FRI *)",
            "cron(0 5 * * ? *)",
            "cron(0 5,12,18 * * ? *)",
            "cron(30 5,17 ? * TUE,SUN *)",
            "cron(* * * * ? *)",
            "cron(0/10 * * * ? *)",
            "cron(1/10 * * * ? *)",
            "cron(7/15 * * * ? *)",
            "cron(0 * * * ? *)",
            "cron(1 * * * ? *)",
            "cron(15,40 * ? * SAT *)",
            "cron(0/15 8-17 ? * FRI-MON *)",
            "cron(5/15 8-17 ? * FRI-MON *)",
            "cron(0/20 7,19 * * ? *)",
            "cron(0/20 7 * * ? *)",
            "cron(0 8-22/2 * * ? *)",
            "cron(0 8-20 * * ? *)",
            "cron(3,7,9 8-20/3 * * ? *)",
            "cron(0/7 9-17 ? * MON-FRI *)",
            "cron(31 6-3,12-13 * * ? *)",
            "cron(0-28,48,50,51 6-8,20 * * ? *)",
            "cron(0-28,48 * * * ? *)",
            "cron(0 22-2 ? * SUN,SAT *)",
            "cron(0 9 1 * ? *)",
            "cron(0 9 1,15 JAN,JUL ? *)",
            "cron(0 9 2-7,13,22,23 * ? 2027-2030)",
            "cron(0 9 L * ? *)",
            "cron(0 9 L-1 * ? *)",
            "cron(0 9 L-3 * ? *)",
            "cron(0 9 15W * ? *)",
            "cron(0 9 LW 3-5 ? *)",
            "cron(0 9 ? * 6L 2027)",
            "cron(0 9 ? * TUE#2 *)",
            "cron(0 9 ? 12 L 2027,2029)",
            "cron(0 9 * 6-8 ? *)",
            "cron(0 9 1 1 ? 2027/2)",
            "cron(0 9 1 1 ? 2027-2040/4)",
        ];
        let words: Vec<String> = texts
            .iter()
            .map(|text| {
                let recurrence = Recurrence {
                    expression: text.parse().unwrap(),
                    zone: chrono_tz::America::Toronto,
                };
                format!("{text:40} {}", recurrence.describe())
            })
            .collect();
        insta::assert_snapshot!(words.join("\n"));
    }

    #[test]
    fn zone_is_named_by_its_city() {
        for (zone, words) in [
            (chrono_tz::UTC, "UTC"),
            (
                chrono_tz::America::Argentina::Buenos_Aires,
                "Buenos Aires time",
            ),
            (chrono_tz::Etc::GMTPlus5, "Etc/GMT+5 time"),
            (chrono_tz::EST5EDT, "EST5EDT time"),
        ] {
            assert_eq!(describe_zone(zone), words);
        }
    }
}
