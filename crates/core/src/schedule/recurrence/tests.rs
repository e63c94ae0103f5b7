//! Recurrences, against recorded instants and against a search minute by minute.

use std::path::{Path, PathBuf};

use chrono::{
    DateTime, Datelike as _, Duration, NaiveDateTime, SubsecRound as _, TimeZone as _,
    Timelike as _, Utc,
};
use chrono_tz::Tz;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::Value;

use super::{Occurrence, Recurrence};
use crate::schedule::cron::{Cron, DaySelection};
use crate::schedule::expression::Expression;

const TORONTO: Tz = chrono_tz::America::Toronto;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn recurrence(expression: &str, zone: Tz) -> Recurrence {
    Recurrence {
        expression: expression.parse().unwrap(),
        zone,
    }
}

fn times(expression: &str, zone: Tz, from: &str, count: usize) -> Vec<String> {
    let recurrence = recurrence(expression, zone);
    let before = at(from) - Duration::nanoseconds(1);
    let local = |time: DateTime<Utc>| time.with_timezone(&zone).format("%a %F %R%:z").to_string();
    recurrence
        .times_after(before)
        .take(count)
        .map(local)
        .collect()
}

/// Reads a file of the recorded vectors; `None` where they are missing.
fn read_vectors(name: &str) -> Option<Vec<Value>> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = match std::env::var_os("LIBRARY_PAGES") {
        Some(pages) => workspace
            .join(PathBuf::from(pages))
            .join("../schedule-vectors"),
        None => workspace.join("../shared/schedule-vectors"),
    };
    if !folder.is_dir() {
        eprintln!("SKIPPED: there are no recorded times of schedules beside LIBRARY_PAGES");
        return None;
    }
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let cases = file["cases"].as_array().unwrap().clone();
    assert!(!cases.is_empty());
    Some(cases)
}

#[test]
fn recorded_changes_of_clocks_are_kept_to() {
    let cases = read_vectors("eventbridge_dst.json").unwrap_or_default();
    for case in &cases {
        let zone: Tz = case["zone"].as_str().unwrap().parse().unwrap();
        let recurrence = recurrence(case["cron"].as_str().unwrap(), zone);
        let local: NaiveDateTime = case["local"].as_str().unwrap().parse().unwrap();
        let noon_before = (local.date() - Duration::days(1))
            .and_hms_opt(12, 0, 0)
            .unwrap();
        let from = zone.from_local_datetime(&noon_before).earliest();
        let from = from.map_or_else(|| noon_before.and_utc(), |from| from.to_utc());
        let fired = recurrence
            .times_after(from)
            .take(3)
            .find(|time| time.with_timezone(&zone).date_naive() == local.date());
        let skipped = recurrence
            .occurrences_from(from)
            .take(3)
            .any(|occurrence| occurrence == Occurrence::Skipped(local));
        match case["eventbridge"].as_str().unwrap() {
            "skipped" => assert_eq!((fired, skipped), (None, true), "{case}"),
            instant => {
                assert_eq!((fired, skipped), (Some(at(instant)), false), "{case}");
                assert_eq!(recurrence.latest(at(instant)), Some(at(instant)), "{case}");
            }
        }
    }
}

#[test]
fn documented_examples_fire_as_documented() {
    for case in &read_vectors("aws_docs_examples.json").unwrap_or_default() {
        let expression = case["expr"].as_str().unwrap().parse::<Expression>();
        if case["valid"] == false {
            assert!(expression.is_err(), "{case}");
            continue;
        }
        let recurrence = Recurrence {
            expression: expression.unwrap(),
            zone: case["tz"].as_str().unwrap().parse().unwrap(),
        };
        let all = case["all_expected"].as_array();
        let expected = all.or(case["expected"].as_array()).unwrap();
        let expected: Vec<_> = expected
            .iter()
            .map(|time| at(time.as_str().unwrap()))
            .collect();
        let from = match (&case["from_utc"], &case["start"]) {
            (Value::String(from), _) | (_, Value::String(from)) => at(from),
            _ => at("2000-01-01T00:00:00Z"),
        };
        let fired = recurrence.occurrences_from(from).filter_map(|it| match it {
            Occurrence::At(time) => Some(time.to_utc()),
            Occurrence::Skipped(_) => None,
        });
        // With all its times known, there must be no further one.
        let more = usize::from(all.is_some());
        let fired: Vec<_> = fired.take(expected.len() + more).collect();
        assert_eq!(fired, expected, "{case}");
    }
}

#[test]
fn expressions_are_valid_as_recorded() {
    for case in &read_vectors("aws_cron_valid_invalid.json").unwrap_or_default() {
        let expression = format!("cron({})", case["cron"].as_str().unwrap());
        let parsed = expression.parse::<Expression>();
        assert_eq!(
            parsed.is_ok(),
            case["valid"] == true,
            "{expression}: {parsed:?}"
        );
    }
}

#[rstest]
#[case("cron(0 9 L * ? *)", &["Mon 2026-11-30 09:00-05:00", "Thu 2026-12-31 09:00-05:00"])]
#[case("cron(0 9 L-2 2 ? *)", &["Fri 2027-02-26 09:00-05:00", "Sun 2028-02-27 09:00-05:00"])]
#[case("cron(0 9 1W * ? *)", &["Tue 2026-12-01 09:00-05:00", "Fri 2027-01-01 09:00-05:00", "Mon 2027-02-01 09:00-05:00"])]
#[case("cron(0 9 1W 5 ? *)", &["Mon 2027-05-03 09:00-04:00", "Mon 2028-05-01 09:00-04:00"])]
#[case("cron(0 9 31W * ? *)", &["Thu 2026-12-31 09:00-05:00", "Fri 2027-01-29 09:00-05:00", "Wed 2027-03-31 09:00-04:00"])]
#[case("cron(0 9 LW 1-2 ? *)", &["Fri 2027-01-29 09:00-05:00", "Fri 2027-02-26 09:00-05:00"])]
#[case("cron(0 9 ? * FRI#5 *)", &["Fri 2027-01-29 09:00-05:00", "Fri 2027-04-30 09:00-04:00"])]
#[case("cron(0 9 ? * L-2 *)", &["Thu 2026-11-26 09:00-05:00", "Thu 2026-12-03 09:00-05:00"])]
#[case("cron(0 22-2 ? * SUN *)", &["Sun 2026-11-22 00:00-05:00", "Sun 2026-11-22 01:00-05:00", "Sun 2026-11-22 02:00-05:00", "Sun 2026-11-22 22:00-05:00"])]
#[case("cron(0 9 29 2 ? *)", &["Tue 2028-02-29 09:00-05:00", "Sun 2032-02-29 09:00-05:00"])]
#[case("cron(0 9 29 2 ? 2027,2100)", &[])]
#[case("cron(0 9 30 2 ? *)", &[])]
#[case("cron(0 9 * * ? 2025)", &[])]
#[case("at(2027-03-14T02:30:00)", &[])]
fn expression_fires_at_its_local_times(#[case] expression: &str, #[case] expected: &[&str]) {
    let count = expected.len().max(1);
    assert_eq!(
        times(expression, TORONTO, "2026-11-21T17:00:00Z", count),
        expected
    );
}

#[test]
fn times_that_the_clocks_skip_are_named() {
    let recurrence = recurrence("cron(30 1-3 * * ? *)", TORONTO);
    let occurrences: Vec<String> = recurrence
        .occurrences_from(at("2027-03-14T06:00:00Z"))
        .take(3)
        .map(|occurrence| match occurrence {
            Occurrence::At(time) => time.to_rfc3339(),
            Occurrence::Skipped(local) => format!("{local} skipped"),
        })
        .collect();
    let expected = [
        "2027-03-14T01:30:00-05:00",
        "2027-03-14 02:30:00 skipped",
        "2027-03-14T03:30:00-04:00",
    ];
    assert_eq!(occurrences, expected);
}

#[test]
fn latest_time_may_be_on_the_next_local_date() {
    // At 00:01 on the 7th it became 23:01 on the 6th again.
    let recurrence = recurrence("cron(0 0 * * ? *)", chrono_tz::America::St_Johns);
    let midnight = at("2010-11-07T02:30:00Z");
    assert_eq!(
        recurrence.latest(midnight + Duration::minutes(30)),
        Some(midnight)
    );
    assert_eq!(
        recurrence.next_after(midnight + Duration::minutes(30)),
        Some(at("2010-11-08T03:30:00Z"))
    );
}

#[test]
fn rate_ends_where_time_does() {
    let recurrence = recurrence("rate(100 days)", TORONTO);
    assert_eq!(recurrence.next_after(DateTime::<Utc>::MAX_UTC), None);
    assert_eq!(
        recurrence
            .occurrences_from(DateTime::<Utc>::MAX_UTC)
            .count(),
        1
    );
    assert!(
        recurrence
            .between(DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MAX_UTC)
            .is_empty()
    );
}

/// Whether the cron selects a local time: another reading of the fields, day by day of its month.
fn selects(cron: &Cron, local: NaiveDateTime) -> bool {
    let date = local.date();
    let days_of_month: Vec<_> = (1..=31).filter_map(|day| date.with_day(day)).collect();
    let is_weekday = |day: &&chrono::NaiveDate| day.weekday().number_from_monday() <= 5;
    let of_week = |weekday: u32| {
        let is_weekday =
            move |day: &&chrono::NaiveDate| day.weekday().num_days_from_sunday() == weekday;
        days_of_month
            .iter()
            .filter(is_weekday)
            .copied()
            .collect::<Vec<_>>()
    };
    let is_day = match cron.days() {
        DaySelection::Every => true,
        DaySelection::OfMonth(days) => days.contains(&date.day()),
        DaySelection::BeforeLast(before) => {
            days_of_month
                .iter()
                .rev()
                .nth(usize::try_from(*before).unwrap())
                == Some(&date)
        }
        DaySelection::NearestWeekday(day) => {
            let wanted = date.with_day(*day);
            let distance =
                |day: &&chrono::NaiveDate| wanted.map(|wanted| (**day - wanted).num_days().abs());
            wanted.is_some()
                && days_of_month.iter().filter(is_weekday).min_by_key(distance) == Some(&date)
        }
        DaySelection::LastWeekday => days_of_month.iter().rfind(is_weekday) == Some(&date),
        DaySelection::OfWeek(days) => days.contains(&date.weekday().num_days_from_sunday()),
        DaySelection::LastOfWeek(day) => of_week(*day).last() == Some(&date),
        DaySelection::NthOfWeek(day, nth) => {
            of_week(*day).get(usize::try_from(*nth).unwrap() - 1) == Some(&date)
        }
    };
    let is_year = cron
        .years()
        .is_none_or(|years| years.contains(&u32::try_from(date.year()).unwrap()));
    is_day
        && is_year
        && cron.months().contains(&date.month())
        && cron.hours().contains(&local.hour())
        && cron.minutes().contains(&local.minute())
}

/// Every minute in which it fires: each minute of UTC is looked at on the zone's clock.
fn fires_by_search(
    recurrence: &Recurrence,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Vec<DateTime<Utc>> {
    let Expression::Cron(cron) = &recurrence.expression else {
        panic!("only cron")
    };
    let minute = Duration::minutes(1);
    std::iter::successors(Some(from), |time| Some(*time + minute))
        .take_while(|time| *time < to)
        .filter(|time| {
            let local = time.with_timezone(&recurrence.zone).naive_local();
            let first = recurrence
                .zone
                .from_local_datetime(&local)
                .earliest()
                .unwrap();
            first == *time && selects(cron, local)
        })
        .collect()
}

fn expressions() -> impl Strategy<Value = String> {
    let minutes = prop_oneof![
        "[0-5]?[0-9]",
        "[0-5]?[0-9]/[1-9]",
        "[0-9]-[0-5]?[0-9]",
        Just("*".to_owned())
    ];
    let hours = prop_oneof![
        "[0-9],1[0-9]",
        "2[0-3]-[0-9]",
        "[0-3]",
        Just("*".to_owned())
    ];
    let days = prop_oneof![
        Just("* * ?".to_owned()),
        "(1?[0-9]W|2[0-9]|3[01]W?|L|LW|L-[1-9]) \\* \\?".prop_map(|it| it.replace("0W", "1W")),
        "[1-9],1[0-9]-2[0-9] (\\*|10-3|JAN-DEC/2) \\?",
        "\\? \\* ([1-7]|[1-7]L|[1-7]#[1-5]|FRI-MON|[1-7]-[1-7]|L)",
    ];
    let years = prop_oneof![Just("*".to_owned()), Just("2026-2027".to_owned())];
    (minutes, hours, days, years)
        .prop_map(|(minute, hour, days, year)| format!("cron({minute} {hour} {days} {year})"))
}

fn zones() -> impl Strategy<Value = Tz> {
    prop::sample::select(vec![
        TORONTO,
        chrono_tz::UTC,
        chrono_tz::Europe::Berlin,
        chrono_tz::Australia::Lord_Howe,
        chrono_tz::America::Santiago,
        chrono_tz::Africa::Casablanca,
        chrono_tz::Asia::Beirut,
        chrono_tz::America::Scoresbysund,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn times_are_those_of_a_search_minute_by_minute(
        expression in expressions(),
        zone in zones(),
        start in 0_i64..2 * 365 * 24 * 60,
    ) {
        let from = at("2026-01-01T00:00:00Z") + Duration::minutes(start);
        let to = from + Duration::days(12);
        let recurrence = recurrence(&expression, zone);
        let searched = fires_by_search(&recurrence, from, to);
        let before = from - Duration::nanoseconds(1);
        prop_assert_eq!(&recurrence.between(before, to), &searched);
        let fired: Vec<_> = recurrence.occurrences_from(from).filter_map(|it| match it {
            Occurrence::At(time) => Some(time.to_utc()),
            Occurrence::Skipped(_) => None,
        }).take_while(|time| *time < to).collect();
        prop_assert_eq!(&fired, &searched);
        let latest = recurrence.latest(to - Duration::nanoseconds(1)).filter(|latest| *latest >= from);
        prop_assert_eq!(latest, searched.last().copied());
        // The first and the last date are only partly searched.
        let date_of = |time: &DateTime<Utc>| time.with_timezone(&zone).date_naive();
        let whole_dates = date_of(&from).iter_days().skip(1).take_while(|date| *date < date_of(&to));
        for date in whole_dates {
            let fires = searched.iter().any(|time| date_of(time) == date);
            prop_assert_eq!(recurrence.fires_on(date), fires, "{}", date);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![
        expressions(),
        "rate\\([1-9][0-9]{0,3} (minute|hour|day)s?\\)",
        "at\\(20[0-9]{2}-0[1-9]-[0-2][0-9]T[0-2][0-9]:[0-5][0-9]:00\\)",
        "cron\\([0-9*?/,#LW-]{1,6} [0-9*/,-]{1,6} [?*] [0-9A-Z*/,#-]{1,6} [?*] \\*\\)",
        ".{0,40}",
    ]) {
        if let Ok(expression) = text.parse::<Expression>() {
            let recurrence = Recurrence { expression, zone: TORONTO };
            let now = Utc::now().trunc_subsecs(0);
            let next = recurrence.next_after(now);
            prop_assert!(next.is_none_or(|next| next > now));
            prop_assert!(!recurrence.describe().is_empty());
            let again: Expression = recurrence.expression.to_string().parse().unwrap();
            prop_assert_eq!(again, recurrence.expression);
        }
    }
}

#[test]
fn timer_of_every_day_tells_its_own_last_time() {
    let last = recurrence("cron(50 23 LW 11-12 ? *)", TORONTO);
    for (now, expected) in [
        // Ten past midnight on 1 December: the timer of 30 November, a Monday, starts late.
        ("2026-12-01T05:10:00Z", Some("2026-12-01T04:50:00Z")),
        ("2026-11-30T05:10:00Z", Some("2026-11-30T04:50:00Z")),
        // In another month it doesn't fire at all.
        ("2026-10-15T12:00:00Z", Some("2026-01-01T04:50:00Z")),
    ] {
        assert_eq!(last.latest_on_any_day(at(now)), expected.map(at), "{now}");
    }
    let rate = recurrence("rate(1 hour)", TORONTO);
    assert_eq!(rate.latest_on_any_day(at("2026-12-01T05:10:00Z")), None);
}

#[test]
fn expression_is_kept_in_the_upper_case_that_aws_reads() {
    for (written, kept) in [
        ("cron(0 5 l * ? *)", "cron(0 5 L * ? *)"),
        ("cron(0 5 15w jan ? *)", "cron(0 5 15W JAN ? *)"),
        ("cron(0  5 ? * mon-fri *)", "cron(0 5 ? * MON-FRI *)"),
    ] {
        let expression: Expression = written.parse().unwrap();
        assert_eq!(expression.to_string(), kept);
    }
    for refused in ["cron(0 5 L-0 * ? *)", "cron(0 5 ? * L-0 *)"] {
        assert!(refused.parse::<Expression>().is_err(), "{refused}");
    }
}
