//! Parses EventBridge's schedules, to find missed runs.

use std::collections::BTreeMap;

use chrono::NaiveTime;
use chrono_tz::Tz;
use hippo_core::run::schedule::Schedule;

/// A job's schedules by label. For labels without one, missed runs can't be found.
pub type Schedules = BTreeMap<String, Schedule>;

/// Parses an expression of EventBridge Scheduler.
///
/// Supports `rate(…)`, and `cron(…)` with the same times every day. `None` for all others, whose
/// missed runs can't be found.
/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>
pub fn parse_expression(expression: &str, zone: Tz) -> Option<Schedule> {
    let inside = |kind: &str| {
        expression
            .trim()
            .strip_prefix(kind)?
            .strip_prefix('(')?
            .strip_suffix(')')
    };
    if let Some(rate) = inside("rate") {
        let (number, unit) = rate.trim().split_once(' ')?;
        let minutes = match unit.trim().trim_end_matches('s') {
            "minute" => 1,
            "hour" => 60,
            "day" => 24 * 60,
            _ => return None,
        };
        let number: u32 = number.parse().ok().filter(|number| *number > 0)?;
        return number.checked_mul(minutes).map(Schedule::EveryMinutes);
    }
    let fields: Vec<&str> = inside("cron")?.split_whitespace().collect();
    let [minutes, hours, day, "*", weekday, "*"] = fields.as_slice() else {
        return None;
    };
    if !matches!((*day, *weekday), ("*", "?") | ("?", "*")) {
        return None;
    }
    let numbers = |list: &str| {
        let numbers = list.split(',').map(|number| number.parse::<u32>().ok());
        numbers.collect::<Option<Vec<u32>>>()
    };
    let (minutes, hours) = (numbers(minutes)?, numbers(hours)?);
    let times = hours
        .iter()
        .flat_map(|hour| minutes.iter().map(|minute| (*hour, *minute)))
        .map(|(hour, minute)| NaiveTime::from_hms_opt(hour, minute, 0))
        .collect::<Option<Vec<NaiveTime>>>()?;
    Some(Schedule::Daily { zone, times })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const TORONTO: Tz = chrono_tz::America::Toronto;

    #[rstest]
    #[case("rate(15 minutes)", 15)]
    #[case("rate(1 hour)", 60)]
    #[case("rate(2 days)", 2880)]
    fn rate_is_converted_to_minutes(#[case] expression: &str, #[case] minutes: u32) {
        assert_eq!(
            parse_expression(expression, TORONTO),
            Some(Schedule::EveryMinutes(minutes))
        );
    }

    #[test]
    fn daily_cron_times_are_local() {
        let at = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
        let expected = |times: &[NaiveTime]| {
            Some(Schedule::Daily {
                zone: TORONTO,
                times: times.to_vec(),
            })
        };
        assert_eq!(
            parse_expression("cron(30 5,12,18 * * ? *)", TORONTO),
            expected(&[at(5, 30), at(12, 30), at(18, 30)])
        );
        assert_eq!(
            parse_expression("cron(0,30 5 ? * * *)", TORONTO),
            expected(&[at(5, 0), at(5, 30)])
        );
    }

    #[rstest]
    #[case("cron(0 5 ? * MON-FRI *)")]
    #[case("cron(0 5 1 * ? *)")]
    #[case("cron(*/5 * * * ? *)")]
    #[case("cron(0 25 * * ? *)")]
    #[case("at(2026-11-21T10:00:00)")]
    #[case("rate(0 minutes)")]
    #[case("rate(4294967295 days)")]
    #[case("")]
    fn other_expressions_are_not_parsed(#[case] expression: &str) {
        assert_eq!(parse_expression(expression, TORONTO), None);
    }
}
