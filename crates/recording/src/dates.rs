//! Moves all dates in text by the same number of days.
//!
//! A date far from today is a birthday or means “never”. Moved, it would reveal the number of days, so it is
//! replaced with another far date.

use std::fmt::Write as _;

use chrono::format::{Item, StrftimeItems};
use chrono::{
    Datelike as _, Days, FixedOffset, NaiveDate, NaiveDateTime, Offset as _, TimeZone as _,
};
use chrono_tz::Tz;

use super::filler::Filler;

/// Years with four digits.
const VALID_YEARS: std::ops::RangeInclusive<i32> = 1000..=9999;

/// Up to how many years before and after today dates are shifted.
const NEAR_YEARS: (i32, i32) = (6, 8);

/// The first and last day of a year further away than this are treated as far dates.
const NEAR_AT_NEW_YEAR: i32 = 2;

/// Formats that are tried after the library's own.
const COMMON_FORMATS: [&str; 8] = [
    "%Y-%m-%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d-%m-%Y", "%m/%d/%y", "%m-%d-%y",
];

const SECONDS_PER_DAY: u32 = 86_400;

/// Finds and moves dates.
pub(super) struct Dates {
    formats: Vec<String>,
    days: i64,
    zone: Tz,
    today: NaiveDate,
}

impl Dates {
    /// Moves dates in these formats, in this order, and in common formats, by `days`.
    pub(super) fn new(formats: &[&str], days: i64, zone: Tz, today: NaiveDate) -> Self {
        let mut all: Vec<String> = Vec::new();
        for format in formats {
            if StrftimeItems::new(format).any(|item| matches!(item, Item::Error)) {
                continue;
            }
            all.push((*format).to_owned());
            all.push(if format.contains("%y") {
                format.replace("%y", "%Y")
            } else {
                format.replace("%Y", "%y")
            });
        }
        all.extend(COMMON_FORMATS.map(str::to_owned));
        Self {
            formats: all,
            days,
            zone,
            today,
        }
    }

    /// Moves the date at the beginning of a text. Returns its length in bytes, including a time of day, and its
    /// replacement.
    pub(super) fn at(&self, text: &str, filler: &Filler) -> Option<(usize, String)> {
        // A letter after it means that it isn't a date.
        let (date, format, length) = self.formats.iter().find_map(|format| {
            let (date, after) = NaiveDate::parse_and_remainder(text, format).ok()?;
            let ends =
                !after.starts_with(|c: char| c.is_ascii_digit() || c.is_alphabetic() && c != 'T');
            let length = text.len() - after.len();
            (ends && VALID_YEARS.contains(&date.year())).then_some((date, format, length))
        })?;
        let source = text.get(..length)?;
        // A date without leading zeros keeps that form.
        let padded = format_date(date, format)?;
        let format = if padded == source {
            format.clone()
        } else {
            format.replace("%m", "%-m").replace("%d", "%-d")
        };
        match TimeOfDay::at(text.get(length..)?) {
            None => Some((length, format_date(self.shift_date(date, filler), &format)?)),
            Some(clock) => {
                let (date, time) = self.shift_moment(date, &clock, filler)?;
                Some((
                    length + clock.text.len(),
                    format_date(date, &format)? + &time,
                ))
            }
        }
    }

    fn shift_date(&self, date: NaiveDate, filler: &Filler) -> NaiveDate {
        let away = date.year() - self.today.year();
        let is_new_year = matches!((date.month(), date.day()), (1, 1) | (12, 31));
        let is_near = (-NEAR_YEARS.0..=NEAR_YEARS.1).contains(&away)
            && !(is_new_year && away.abs() > NEAR_AT_NEW_YEAR);
        let days = Days::new(self.days.unsigned_abs());
        let shifted = if self.days < 0 {
            date.checked_sub_days(days)
        } else {
            date.checked_add_days(days)
        };
        shifted
            .filter(|_| is_near)
            .or_else(|| self.far_date(date, filler))
            .unwrap_or(self.today)
    }

    /// Another far date. It works with two-digit years if the original did.
    fn far_date(&self, date: NaiveDate, filler: &Filler) -> Option<NaiveDate> {
        let now = self.today.year();
        let year = date.year();
        let years = if year < 1970 {
            1900..1970
        } else if year <= now {
            1971..now - 2 * NEAR_YEARS.0
        } else if year < 2069 {
            (now + 2 * NEAR_YEARS.1).min(2066)..2069
        } else if year < 2200 {
            2100..2199
        } else {
            9000..9999
        };
        let number = |what: &str, end: i32| -> u32 {
            filler.number_of(
                &format!("{what} of {date}"),
                u32::try_from(end).unwrap_or(1),
            )
        };
        let year = years.start + i32::try_from(number("year", years.end - years.start)).ok()?;
        NaiveDate::from_ymd_opt(year, 1 + number("month", 12), 1 + number("day", 28))
    }

    /// Moves a date with a time, by the library's local day, and replaces the time.
    fn shift_moment(
        &self,
        date: NaiveDate,
        clock: &TimeOfDay<'_>,
        filler: &Filler,
    ) -> Option<(NaiveDate, String)> {
        let second = filler.number_of(clock.text, SECONDS_PER_DAY);
        let at = |day: NaiveDate, second: u32| {
            day.and_hms_opt(second / 3600, second / 60 % 60, second % 60)
        };
        let Some(offset) = clock.offset else {
            let moment = at(self.shift_date(date, filler), second)?;
            return Some((moment.date(), clock.written(moment, filler, "")));
        };
        let offset = FixedOffset::east_opt(offset)?;
        let before = offset
            .from_local_datetime(&date.and_time(clock.time?))
            .single()?;
        let here = before.with_timezone(&self.zone);
        let day = self.shift_date(here.date_naive(), filler);
        // A time may not exist on a day, when the clocks go forward.
        let moment = [second, SECONDS_PER_DAY / 2]
            .into_iter()
            .find_map(|second| self.zone.from_local_datetime(&at(day, second)?).earliest())?;
        let offset = if here.offset().fix() == offset && !clock.is_utc {
            moment.offset().fix()
        } else {
            offset
        };
        let moment = moment.with_timezone(&offset).naive_local();
        let zone = if clock.is_utc {
            "Z".to_owned()
        } else if clock.has_colon {
            offset.to_string()
        } else {
            offset.to_string().replace(':', "")
        };
        Some((moment.date(), clock.written(moment, filler, &zone)))
    }
}

fn format_date(date: NaiveDate, format: &str) -> Option<String> {
    let mut text = String::new();
    write!(text, "{}", date.format(format)).ok()?;
    Some(text)
}

/// The time after a date: `T23:59:00.000-05:00`, ` 23:59`.
struct TimeOfDay<'a> {
    text: &'a str,
    time: Option<chrono::NaiveTime>,
    has_seconds: bool,
    /// The number of decimals of the seconds.
    fraction: usize,
    /// The offset east of UTC, in seconds.
    offset: Option<i32>,
    is_utc: bool,
    has_colon: bool,
}

impl<'a> TimeOfDay<'a> {
    fn at(text: &'a str) -> Option<Self> {
        let mut rest = text.strip_prefix(['T', ' '])?;
        let hour = two_digits(&mut rest)?;
        rest = rest.strip_prefix(':')?;
        let minute = two_digits(&mut rest)?;
        let mut second = None;
        if let Some(after) = rest.strip_prefix(':') {
            rest = after;
            second = Some(two_digits(&mut rest)?);
        }
        let mut fraction = 0;
        if let Some(after) = rest.strip_prefix('.').filter(|_| second.is_some()) {
            let end = after
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(after.len());
            fraction = end;
            rest = after.get(end..)?;
        }
        let mut clock = Self {
            text: "",
            time: chrono::NaiveTime::from_hms_opt(hour, minute, second.unwrap_or(0)),
            has_seconds: second.is_some(),
            fraction,
            offset: None,
            is_utc: false,
            has_colon: true,
        };
        if let Some(after) = rest.strip_prefix('Z') {
            (clock.offset, clock.is_utc) = (Some(0), true);
            rest = after;
        } else if let Some(mut after) = rest.strip_prefix(['+', '-']) {
            let is_west = rest.starts_with('-');
            if let Some(hours) = two_digits(&mut after) {
                let with_colon = after.strip_prefix(':');
                clock.has_colon = with_colon.is_some();
                after = with_colon.unwrap_or(after);
                if let Some(minutes) = two_digits(&mut after) {
                    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
                    clock.offset = Some(if is_west { -seconds } else { seconds });
                    rest = after;
                }
            }
        }
        clock.text = text.get(..text.len() - rest.len())?;
        (!rest.starts_with(char::is_alphanumeric)).then_some(clock)
    }

    /// Formats another time like this one.
    fn written(&self, moment: NaiveDateTime, filler: &Filler, zone: &str) -> String {
        let mut text: String = self.text.chars().take(1).collect();
        text.push_str(&moment.format("%H:%M").to_string());
        if self.has_seconds {
            text.push_str(&moment.format(":%S").to_string());
        }
        if self.fraction > 0 {
            text.push('.');
            for place in 0..self.fraction {
                let digit = filler.number_of(&format!("digit {place} of {}", self.text), 10);
                text.push(char::from_digit(digit, 10).unwrap_or('7'));
            }
        }
        text + zone
    }
}

fn two_digits(text: &mut &str) -> Option<u32> {
    let digits = text.get(..2)?;
    let number = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())??;
    *text = text.get(2..)?;
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_browser::reading::parse_iso_date;
    use rstest::rstest;

    const ZONE: Tz = chrono_tz::America::Toronto;

    fn today() -> NaiveDate {
        "2026-11-21".parse().unwrap()
    }

    fn filler() -> Filler {
        Filler::new(Vec::new()).unwrap()
    }

    fn dates(days: i64) -> Dates {
        Dates::new(&["%m-%d-%y"], days, ZONE, today())
    }

    #[rstest]
    #[case("2026-11-21", "2026-11-22")]
    #[case("11/21/26, x", "11/22/26")]
    #[case("2/3/27", "2/4/27")]
    #[case("30.12.2026", "31.12.2026")]
    #[case("11-21-26", "11-22-26")]
    fn date_is_shifted_in_its_format(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(dates(1).at(text, &filler()).unwrap().1, expected);
    }

    #[rstest]
    #[case("519-555-1234")]
    #[case("0000-00-00")]
    #[case("Monday")]
    #[case("12 of 83")]
    fn other_numbers_are_not_dates(#[case] text: &str) {
        assert_eq!(dates(1).at(text, &filler()), None);
    }

    #[rstest]
    #[case("05/12/2026", "06/12/2026")]
    #[case("31/12/2026", "01/01/2027")]
    fn given_format_precedes_common_formats(#[case] text: &str, #[case] expected: &str) {
        let dates = Dates::new(&["%d/%m/%Y", "%m/%d/%Y"], 1, ZONE, today());
        assert_eq!(dates.at(text, &filler()).unwrap().1, expected);
    }

    #[rstest]
    #[case("1970-01-01")]
    #[case("1969-12-31")]
    #[case("1984-05-06")]
    #[case("2037-12-31")]
    #[case("2030-12-31")]
    #[case("2099-12-31")]
    #[case("2199-12-31")]
    #[case("9999-12-31")]
    #[case("12-31-99")]
    #[case("01/01/1900")]
    fn far_date_is_replaced_independently_of_the_shift(#[case] text: &str) {
        // Independent of the shift, and different for each filler.
        let one = filler();
        let (length, filled) = dates(30).at(text, &one).unwrap();
        assert_eq!((length, filled.len()), (text.len(), text.len()));
        assert_eq!(dates(-200).at(text, &one).unwrap().1, filled);
        let others: std::collections::BTreeSet<String> = (0..8)
            .map(|_| dates(30).at(text, &filler()).unwrap().1)
            .collect();
        assert!(others.len() > 4, "{others:?}");
        // It is still far away, on the same side of today.
        let format = dates(1)
            .formats
            .into_iter()
            .find(|format| NaiveDate::parse_from_str(text, format).is_ok())
            .unwrap();
        let [before, after] =
            [text, &filled].map(|text| NaiveDate::parse_from_str(text, &format).unwrap());
        assert_eq!(before < today(), after < today(), "{filled}");
        assert!((after - today()).num_days().abs() > 5 * 365, "{filled}");
    }

    #[rstest]
    #[case("2026-11-30T23:59:00-05:00 and")]
    #[case("2026-11-30T04:59:59.000Z")]
    #[case("2026-07-01T03:30:00.000Z")]
    #[case("2026-07-01T12:00:00-0400")]
    #[case("2026-12-31 23:59:00")]
    #[case("2026-12-31T23:59")]
    #[case("2026-03-08T02:30:00")]
    fn time_of_day_is_replaced_on_the_shifted_local_day(#[case] text: &str) {
        let plain = text.trim_end_matches(" and");
        for days in [-400, -120, 1, 31, 180, 365] {
            let filler = filler();
            let (length, filled) = dates(days).at(text, &filler).unwrap();
            assert_eq!((length, filled.len()), (plain.len(), plain.len()));
            let day = |text: &str| parse_iso_date(text, ZONE).unwrap();
            assert_eq!(
                day(&filled),
                day(plain) + chrono::TimeDelta::days(days),
                "{days} {filled}"
            );
        }
        let times: std::collections::BTreeSet<String> = (0..8)
            .map(|_| dates(1).at(text, &filler()).unwrap().1[10..16].to_owned())
            .collect();
        assert!(times.len() > 4, "{times:?}");
    }
}
