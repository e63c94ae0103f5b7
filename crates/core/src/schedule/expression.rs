//! EventBridge Scheduler's expressions: `rate()`, `cron()` and `at()`.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike as _, NaiveDateTime, Timelike as _};

use super::cron::Cron;

/// EventBridge Scheduler takes no longer expression.
const MAX_EXPRESSION_CHARS: usize = 256;

const HOUR: u32 = 60;
const DAY: u32 = 24 * HOUR;

/// An expression of EventBridge Scheduler.
///
/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// This many minutes apart, regardless of clock changes.
    Rate(Rate),
    /// At the local times that six fields describe.
    Cron(Cron),
    /// Once, at a local time.
    At(NaiveDateTime),
}

/// `rate(15 minutes)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    minutes: u32,
}

impl Rate {
    /// The minutes from one run to the next; at least 1.
    pub fn minutes(self) -> u32 {
        self.minutes
    }

    /// The rate in its largest whole unit: 90 and `minute`, 2 and `hour`.
    pub(super) fn in_largest_unit(self) -> (u32, &'static str) {
        match self.minutes {
            minutes if minutes % DAY == 0 => (minutes / DAY, "day"),
            minutes if minutes % HOUR == 0 => (minutes / HOUR, "hour"),
            minutes => (minutes, "minute"),
        }
    }
}

/// An expression that EventBridge Scheduler would refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{expression}” isn't a valid schedule: {reason}.")]
pub struct InvalidExpression {
    /// The expression as given.
    pub expression: String,
    /// The field and what is wrong with it.
    pub reason: String,
}

impl FromStr for Expression {
    type Err = InvalidExpression;

    fn from_str(text: &str) -> Result<Self, InvalidExpression> {
        parse(text.trim()).map_err(|reason| InvalidExpression {
            expression: crate::text::cut(&crate::text::clean(text), MAX_EXPRESSION_CHARS),
            reason: crate::text::clean(&reason),
        })
    }
}

fn parse(text: &str) -> Result<Expression, String> {
    if text.len() > MAX_EXPRESSION_CHARS {
        return Err(format!(
            "it has more than {MAX_EXPRESSION_CHARS} characters"
        ));
    }
    let inside = |kind: &str| {
        let rest = text.strip_prefix(kind)?;
        rest.strip_prefix('(')?.strip_suffix(')')
    };
    if let Some(rate) = inside("rate") {
        parse_rate(rate).map(Expression::Rate)
    } else if let Some(cron) = inside("cron") {
        Cron::parse(cron).map(Expression::Cron)
    } else if let Some(at) = inside("at") {
        parse_at(at).map(Expression::At)
    } else {
        Err(describe_other(text))
    }
}

/// Says what to write in place of something that isn't an expression.
fn describe_other(text: &str) -> String {
    let begins = |kind: &&str| text.starts_with(kind);
    if ["rate(", "cron(", "at("].iter().any(begins) && !text.contains(')') {
        return "the closing “)” is missing".to_owned();
    }
    match from_crontab(text) {
        Some(cron) => format!("write it as {cron}"),
        None => "write rate(…), cron(…) or at(…)".to_owned(),
    }
}

/// Translates the five fields of a crontab; `None` if it has others, or counts the days of the week.
fn from_crontab(text: &str) -> Option<String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields.as_slice() else {
        return None;
    };
    let days = match (*day, *weekday) {
        (day, "*") => format!("{day} {month} ?"),
        // A crontab counts them from another day.
        ("*", weekday) if !weekday.contains(|c: char| c.is_ascii_digit()) => {
            format!("? {month} {weekday}")
        }
        _ => return None,
    };
    let cron = format!("{minute} {hour} {days} *");
    Cron::parse(&cron).ok()?;
    Some(format!("cron({cron})"))
}

fn parse_rate(text: &str) -> Result<Rate, String> {
    let mut words = text.split_whitespace();
    let (Some(number), Some(unit), None) = (words.next(), words.next(), words.next()) else {
        return Err("write a number and a unit, as in rate(15 minutes)".to_owned());
    };
    let unit = match unit {
        "minute" | "minutes" => 1,
        "hour" | "hours" => HOUR,
        "day" | "days" => DAY,
        _ => {
            return Err(format!(
                "the unit is “{unit}”, but must be minutes, hours or days"
            ));
        }
    };
    let is_whole = number.bytes().all(|digit| digit.is_ascii_digit());
    let minutes = number.parse::<u32>().ok().filter(|_| is_whole);
    let minutes = minutes.and_then(|number| number.checked_mul(unit));
    match minutes {
        Some(minutes) if minutes > 0 => Ok(Rate { minutes }),
        _ => Err(format!(
            "“{number}” must be a whole number from 1 to {}",
            u32::MAX / unit
        )),
    }
}

fn parse_at(text: &str) -> Result<NaiveDateTime, String> {
    const FORMAT: &str = "%Y-%m-%dT%H:%M:%S";
    NaiveDateTime::parse_from_str(text, FORMAT)
        .ok()
        // Chrono also reads fewer digits and leap seconds.
        .filter(|at| at.nanosecond() == 0 && at.format(FORMAT).to_string() == text)
        .filter(|at| (1970..=2199).contains(&at.year()))
        .ok_or_else(|| {
            "write an existing date and time without a zone, as in at(2027-01-31T09:00:00)"
                .to_owned()
        })
}

impl fmt::Display for Expression {
    /// The text that EventBridge Scheduler takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(rate) => match rate.in_largest_unit() {
                (1, unit) => write!(f, "rate(1 {unit})"),
                (number, unit) => write!(f, "rate({number} {unit}s)"),
            },
            Self::Cron(cron) => write!(f, "cron({})", cron.text()),
            Self::At(at) => write!(f, "at({})", at.format("%Y-%m-%dT%H:%M:%S")),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("rate(15 minutes)", "rate(15 minutes)")]
    #[case("rate(1 days)", "rate(1 day)")]
    #[case("rate(120 minute)", "rate(2 hours)")]
    #[case(" rate( 90  minutes ) ", "rate(90 minutes)")]
    #[case("at(2027-01-31T09:00:00)", "at(2027-01-31T09:00:00)")]
    #[case("cron(0 5 ? * Mon-Fri *)", "cron(0 5 ? * MON-FRI *)")]
    #[case("cron( 0  5 ? * 2#1 * )", "cron(0 5 ? * 2#1 *)")]
    fn expression_is_written_as_eventbridge_takes_it(#[case] text: &str, #[case] expected: &str) {
        let expression: Expression = text.parse().unwrap();
        assert_eq!(expression.to_string(), expected);
        assert_eq!(expected.parse(), Ok(expression));
    }

    #[test]
    fn invalid_expression_is_refused_with_the_field_and_the_reason() {
        let long = format!("cron({} 5 * * ? *)", "1,".repeat(200));
        let texts = [
            "",
            "every day",
            "0 5 * * *",
            "*/15 8-17 * 1-6 MON-FRI",
            "0 5 * * 1-5",
            "cron(0 5 ? * MON-FRI *",
            "Rate(5 minutes)",
            "rate(5 minutes",
            "rate(5)",
            "rate(5 weeks)",
            "rate(0 minutes)",
            "rate(-5 minutes)",
            "rate(+5 minutes)",
            "rate(1.5 hours)",
            "rate(9999999 days)",
            "rate(5 minutes and more)",
            "at(2027-02-29T09:00:00)",
            "at(2027-1-31T09:00:00)",
            "at(2027-01-31 09:00)",
            "at(2027-01-31T09:00:00Z)",
            "at(2027-01-31T23:59:60)",
            "at(2200-01-31T09:00:00)",
            "at(+12027-01-31T09:00:00)",
            "cron(0 5 * * ?)",
            "cron(0 5 * * * *)",
            "cron(0 5 ? * ? *)",
            "cron(0 5 1 * MON *)",
            "cron(60 5 * * ? *)",
            "cron(5/155 5 * * ? *)",
            "cron(*/0 5 * * ? *)",
            "cron(/5 5 * * ? *)",
            "cron(? 5 * * ? *)",
            "cron(0, 5 * * ? *)",
            "cron(-5 5 * * ? *)",
            "cron(+5 5 * * ? *)",
            "cron(0 24 * * ? *)",
            "cron(0 5,24 * * ? *)",
            "cron(\u{1b}[31m 5 * * ? *)",
            "cron(0 5 32W * ? *)",
            "cron(0 5 W * ? *)",
            "cron(0 5 L-31 * ? *)",
            "cron(0 5 3L * ? *)",
            "cron(0 5 1,L * ? *)",
            "cron(0 5 0 * ? *)",
            "cron(0 5 * 13 ? *)",
            "cron(0 5 * JANUARY ? *)",
            "cron(0 5 ? * 8 *)",
            "cron(0 5 ? * 2#6 *)",
            "cron(0 5 ? * 2#1,3#1 *)",
            "cron(0 5 ? * MONL,TUEL *)",
            "cron(0 5 ? * L-7 *)",
            "cron(0 5 * * ? 1969)",
            "cron(0 5 * * ? 2200)",
            "cron(0 5 * * ? 2028-2026)",
            "cron(99999999999999999999 5 * * ? *)",
            &long,
        ];
        let errors: Vec<String> = texts
            .iter()
            .map(|text| text.parse::<Expression>().unwrap_err().to_string())
            .collect();
        insta::assert_snapshot!(errors.join("\n"));
    }
}
