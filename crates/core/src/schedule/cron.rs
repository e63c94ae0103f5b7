//! The six fields of a `cron()` expression.

use std::collections::BTreeSet;

use chrono::{Datelike as _, Days, NaiveDate, Weekday};

/// The years that an expression may name.
const YEARS: (u32, u32) = (1970, 2199);

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// `cron(0 5 ? * MON-FRI *)`: minutes, hours, day of the month, month, day of the week, year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    /// The text between the parentheses.
    text: String,
    minutes: BTreeSet<u32>,
    hours: BTreeSet<u32>,
    days: DaySelection,
    months: BTreeSet<u32>,
    years: Option<BTreeSet<u32>>,
    /// The times of day as minutes since midnight, in order.
    times: Vec<u32>,
}

/// The days that an expression selects in a month. Days of the week are numbers from 0, Sunday.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DaySelection {
    /// Every day.
    Every,
    /// These days of the month.
    OfMonth(BTreeSet<u32>),
    /// This many days before the last day of the month.
    BeforeLast(u32),
    /// The weekday nearest this day, in the same month: `15W`.
    NearestWeekday(u32),
    /// The last weekday of the month: `LW`.
    LastWeekday,
    /// These days of the week.
    OfWeek(BTreeSet<u32>),
    /// The last such day of the week in the month: `6L`.
    LastOfWeek(u32),
    /// The nth such day of the week in the month: `2#1`.
    NthOfWeek(u32, u32),
}

/// What one field may hold.
struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    names: &'static [&'static str],
    /// Whether a range may go on from the most to the least: FRI-MON.
    wraps: bool,
}

const MINUTE: Field = Field::new("minutes", 0, 59, &[]);
const HOUR: Field = Field::new("hours", 0, 23, &[]);
const DAY: Field = Field::new("day-of-month", 1, 31, &[]);
const MONTH: Field = Field::new("month", 1, 12, &MONTHS);
const WEEKDAY: Field = Field::new("day-of-week", 1, 7, &WEEKDAYS);
const YEAR: Field = Field {
    wraps: false,
    ..Field::new("year", YEARS.0, YEARS.1, &[])
};

impl Cron {
    /// Reads the text between the parentheses, or says what is wrong with which field.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let upper = text.to_ascii_uppercase();
        let fields: Vec<&str> = upper.split_whitespace().collect();
        let [minutes, hours, day, month, weekday, year] = fields.as_slice() else {
            return Err(format!(
                "it has {} fields and needs six: minutes, hours, day of the month, month, day of the week, year",
                fields.len()
            ));
        };
        let minutes = MINUTE.read(minutes)?;
        let hours = HOUR.read(hours)?;
        let times = hours
            .iter()
            .flat_map(|hour| minutes.iter().map(move |minute| hour * 60 + minute))
            .collect();
        Ok(Self {
            text: fields.join(" "),
            days: read_days(day, weekday)?,
            months: MONTH.read(month)?,
            years: match *year {
                "*" => None,
                years => Some(YEAR.read(years)?),
            },
            minutes,
            hours,
            times,
        })
    }

    /// The text between the parentheses.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The minutes of the hour.
    pub fn minutes(&self) -> &BTreeSet<u32> {
        &self.minutes
    }

    /// The hours of the day.
    pub fn hours(&self) -> &BTreeSet<u32> {
        &self.hours
    }

    /// The days in a month.
    pub fn days(&self) -> &DaySelection {
        &self.days
    }

    /// The months, from 1.
    pub fn months(&self) -> &BTreeSet<u32> {
        &self.months
    }

    /// The years; `None` for every year.
    pub fn years(&self) -> Option<&BTreeSet<u32>> {
        self.years.as_ref()
    }

    /// The same times on every day of its months and years.
    pub(super) fn on_every_day(&self) -> Self {
        Self {
            days: DaySelection::Every,
            ..self.clone()
        }
    }

    /// The times of day as minutes since midnight, in order.
    pub(super) fn times(&self) -> &[u32] {
        &self.times
    }

    /// Whether it selects this date.
    pub(super) fn selects(&self, date: NaiveDate) -> bool {
        self.selects_month(date) && self.days.select(date)
    }

    /// Lists the dates that it selects from `first` on.
    pub(super) fn dates_from(&self, first: NaiveDate) -> impl Iterator<Item = NaiveDate> + '_ {
        let last_year = self.last_year();
        let mut next = Some(first);
        std::iter::from_fn(move || {
            loop {
                let date = next.filter(|date| date.year() <= last_year)?;
                if !self.selects_month(date) {
                    next = first_of_next_month(date);
                    continue;
                }
                next = date.succ_opt();
                if self.days.select(date) {
                    return Some(date);
                }
            }
        })
    }

    /// Lists the dates that it selects up to `last`, latest first.
    pub(super) fn dates_back_from(&self, last: NaiveDate) -> impl Iterator<Item = NaiveDate> + '_ {
        let first_year = self.first_year();
        let mut next = Some(last);
        std::iter::from_fn(move || {
            loop {
                let date = next.filter(|date| date.year() >= first_year)?;
                if !self.selects_month(date) {
                    next = date.with_day(1).and_then(|first| first.pred_opt());
                    continue;
                }
                next = date.pred_opt();
                if self.days.select(date) {
                    return Some(date);
                }
            }
        })
    }

    fn selects_month(&self, date: NaiveDate) -> bool {
        let is_year = |years: &BTreeSet<u32>| {
            u32::try_from(date.year()).is_ok_and(|year| years.contains(&year))
        };
        self.months.contains(&date.month()) && self.years.as_ref().is_none_or(is_year)
    }

    fn first_year(&self) -> i32 {
        let first = self.years.as_ref().and_then(|years| years.first());
        to_year(first.copied().unwrap_or(YEARS.0))
    }

    fn last_year(&self) -> i32 {
        let last = self.years.as_ref().and_then(|years| years.last());
        to_year(last.copied().unwrap_or(YEARS.1))
    }
}

fn to_year(year: u32) -> i32 {
    i32::try_from(year).unwrap_or(i32::MAX)
}

fn first_of_next_month(date: NaiveDate) -> Option<NaiveDate> {
    let (year, month) = match date.month() {
        12 => (date.year().checked_add(1)?, 1),
        month => (date.year(), month + 1),
    };
    NaiveDate::from_ymd_opt(year, month, 1)
}

impl DaySelection {
    /// Whether a date in a selected month is selected.
    fn select(&self, date: NaiveDate) -> bool {
        let last = u32::from(date.num_days_in_month());
        let weekday = date.weekday().num_days_from_sunday();
        match self {
            Self::Every => true,
            Self::OfMonth(days) => days.contains(&date.day()),
            Self::BeforeLast(before) => date.day() + before == last,
            Self::NearestWeekday(day) => nearest_weekday(date, *day) == Some(date),
            Self::LastWeekday => nearest_weekday(date, last) == Some(date),
            Self::OfWeek(days) => days.contains(&weekday),
            Self::LastOfWeek(day) => weekday == *day && date.day() + 7 > last,
            Self::NthOfWeek(day, nth) => weekday == *day && (date.day() - 1) / 7 + 1 == *nth,
        }
    }
}

/// The weekday nearest a day of `date`'s month, in the same month; `None` if the month has no such day.
fn nearest_weekday(date: NaiveDate, day: u32) -> Option<NaiveDate> {
    let wanted = date.with_day(day)?;
    let is_last = day == u32::from(date.num_days_in_month());
    match wanted.weekday() {
        Weekday::Sat if day == 1 => wanted.checked_add_days(Days::new(2)),
        Weekday::Sat => wanted.pred_opt(),
        Weekday::Sun if is_last => wanted.checked_sub_days(Days::new(2)),
        Weekday::Sun => wanted.succ_opt(),
        _ => Some(wanted),
    }
}

/// Reads the two fields for days, of which one must be `?`.
fn read_days(day: &str, weekday: &str) -> Result<DaySelection, String> {
    match (day, weekday) {
        ("?", "?") => Err(
            "only one of day-of-month and day-of-week may be “?”; write “*” in the other for every day"
                .to_owned(),
        ),
        (day, "?") => read_days_of_month(day),
        ("?", weekday) => read_days_of_week(weekday),
        _ => Err("one of day-of-month and day-of-week must be “?”".to_owned()),
    }
}

fn read_days_of_month(text: &str) -> Result<DaySelection, String> {
    match text {
        "*" => return Ok(DaySelection::Every),
        "L" => return Ok(DaySelection::BeforeLast(0)),
        "LW" => return Ok(DaySelection::LastWeekday),
        _ => {}
    }
    if let Some(before) = text.strip_prefix("L-") {
        return match read_number(before) {
            Some(before) if (1..DAY.most).contains(&before) => Ok(DaySelection::BeforeLast(before)),
            _ => Err(DAY.refuse(text, "after “L-” there must be a number from 1 to 30")),
        };
    }
    if let Some(day) = text.strip_suffix('W') {
        return match read_number(day) {
            Some(day) if DAY.holds(day) => Ok(DaySelection::NearestWeekday(day)),
            _ => Err(DAY.refuse(text, "before “W” there must be one day from 1 to 31")),
        };
    }
    if text.contains(['L', 'W']) {
        return Err(DAY.refuse(
            text,
            "L and W can't be part of a list, and are written as L, L-3, LW or 15W",
        ));
    }
    Ok(DaySelection::OfMonth(DAY.read(text)?))
}

fn read_days_of_week(text: &str) -> Result<DaySelection, String> {
    // The week ends on Saturday.
    const LAST: u32 = 6;
    if text == "*" {
        return Ok(DaySelection::Every);
    }
    if text == "L" {
        return Ok(DaySelection::OfWeek([LAST].into()));
    }
    if let Some(before) = text.strip_prefix("L-") {
        return match read_number(before) {
            Some(before @ 1..=LAST) => Ok(DaySelection::OfWeek([LAST - before].into())),
            _ => Err(WEEKDAY.refuse(text, "after “L-” there must be a number from 1 to 6")),
        };
    }
    let one_day = |day: &str| {
        let number = WEEKDAY.read_one(day).filter(|day| WEEKDAY.holds(*day))?;
        Some(number - 1)
    };
    if let Some((day, nth)) = text.split_once('#') {
        let nth = read_number(nth).filter(|nth| (1..=5).contains(nth));
        return match (one_day(day), nth) {
            (Some(day), Some(nth)) => Ok(DaySelection::NthOfWeek(day, nth)),
            _ => Err(WEEKDAY.refuse(
                text,
                "“#” stands between one day of the week and a number from 1 to 5, as in 2#1",
            )),
        };
    }
    if let Some(day) = text.strip_suffix('L') {
        return one_day(day).map(DaySelection::LastOfWeek).ok_or_else(|| {
            WEEKDAY.refuse(
                text,
                "before “L” there must be one day of the week, as in 6L",
            )
        });
    }
    let days = WEEKDAY.read(text)?;
    let days = days.into_iter().map(|day| day - 1).collect();
    Ok(DaySelection::OfWeek(days))
}

/// Reads digits; no sign.
fn read_number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

impl Field {
    const fn new(
        name: &'static str,
        least: u32,
        most: u32,
        names: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            least,
            most,
            names,
            wraps: true,
        }
    }

    fn refuse(&self, text: &str, reason: &str) -> String {
        format!("the {} field is “{text}”: {reason}", self.name)
    }

    fn holds(&self, number: u32) -> bool {
        (self.least..=self.most).contains(&number)
    }

    /// Reads a number or a name, which may be outside the field.
    fn read_one(&self, text: &str) -> Option<u32> {
        let named = self
            .names
            .iter()
            .zip(self.least..)
            .find(|(name, _)| **name == text);
        named
            .map(|(_, number)| number)
            .or_else(|| read_number(text))
    }

    /// Reads a list of numbers, names, ranges and steps.
    fn read(&self, text: &str) -> Result<BTreeSet<u32>, String> {
        let mut selected = BTreeSet::new();
        for part in text.split(',') {
            self.select(part, &mut selected)
                .map_err(|reason| format!("the {} field {reason}", self.name))?;
        }
        Ok(selected)
    }

    fn select(&self, part: &str, selected: &mut BTreeSet<u32>) -> Result<(), String> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (part, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (self.least, self.most),
            Some((first, last)) => (self.read_within(first)?, self.read_within(last)?),
            None => {
                let first = self.read_within(range)?;
                (first, if step.is_some() { self.most } else { first })
            }
        };
        let size = self.most - self.least + 1;
        let step = match step.map(read_number) {
            None => 1,
            Some(Some(step)) if (1..=self.most).contains(&step) => step,
            Some(_) => return Err(format!("needs a step from 1 to {}", self.most)),
        };
        if last < first && !self.wraps {
            return Err(format!("goes from {first} back to {last}"));
        }
        let last = if last < first { last + size } else { last };
        let mut number = first;
        while number <= last {
            selected.insert((number - self.least) % size + self.least);
            number += step;
        }
        Ok(())
    }

    fn read_within(&self, text: &str) -> Result<u32, String> {
        let number = self.read_one(text).filter(|number| self.holds(*number));
        number.ok_or_else(|| {
            let (least, most) = (self.least, self.most);
            let range = match (self.names.first(), self.names.last()) {
                (Some(first), Some(last)) => format!("{least} to {most}, or {first} to {last}"),
                _ => format!("{least} to {most}"),
            };
            match text {
                "" => format!("lacks a number from {range}"),
                "?" => "may not be “?”, which only a field for days may".to_owned(),
                _ => format!("has “{text}”, but takes {range}"),
            }
        })
    }
}
