//! Each mistake is refused with its label, key and reason.

use rstest::rstest;

use super::*;

fn table(json: serde_json::Value) -> ScheduleTable {
    let mut all = serde_json::json!({
        "job": "check-cards", "label": "all", "when": "cron(0 5 * * ? *)",
    });
    let serde_json::Value::Object(keys) = json else {
        panic!("not an object")
    };
    all.as_object_mut().unwrap().extend(keys);
    serde_json::from_value(all).unwrap()
}

fn check_for(
    target: ScheduleTarget,
    tables: &[ScheduleTable],
) -> Result<Vec<Schedule>, Vec<InvalidSchedule>> {
    let checks = ScheduleChecks {
        target,
        default_zone: chrono_tz::America::Toronto,
        parse_zone: &|name| name.parse().map_err(|_| format!("“{name}” isn't a zone.")),
        read_closed_days: &|file| match file {
            "closed.toml" => Ok(ClosedDays {
                all: ["2026-12-25".parse().unwrap()].into(),
                ..ClosedDays::default()
            }),
            "libraries.toml" => Ok(ClosedDays {
                libraries: [(
                    "wpl".parse().unwrap(),
                    ["2026-12-27".parse().unwrap()].into(),
                )]
                .into(),
                ..ClosedDays::default()
            }),
            _ => Err(format!("There is no {file}.")),
        },
    };
    check_schedules(tables, &checks)
}

fn check(tables: &[ScheduleTable]) -> Result<Vec<Schedule>, Vec<InvalidSchedule>> {
    check_for(ScheduleTarget::Local, tables)
}

#[test]
fn every_key_reaches_the_schedule() {
    let full = table(serde_json::json!({
        "timezone": "Europe/Berlin", "input": {"scope": "failed", "library": "wpl"},
        "start": "2026-12-01", "end": "2027-06-30T12:00:00Z", "except": "closed.toml",
        "enabled": false, "overlap": "allow", "start_within": "2 h", "catch_up": "last",
        "flexible": "5 min", "log_level": "debug", "on_failure": {"command": "notify-send"},
    }));
    let schedule = check(&[full]).unwrap().remove(0);
    let expected = Schedule {
        label: "all".parse().unwrap(),
        job: JobName::CHECK_CARDS,
        recurrence: Recurrence {
            expression: "cron(0 5 * * ? *)".parse().unwrap(),
            zone: chrono_tz::Europe::Berlin,
        },
        input: serde_json::from_str(r#"{"scope": "failed", "library": "wpl"}"#).unwrap(),
        start: Some("2026-11-30T23:00:00Z".parse().unwrap()),
        end: Some("2027-06-30T12:00:00Z".parse().unwrap()),
        closed_days: ClosedDays {
            all: ["2026-12-25".parse().unwrap()].into(),
            ..ClosedDays::default()
        },
        enabled: false,
        overlap: Some(Overlap::Allow),
        start_deadline: Some(Duration::from_secs(7200)),
        catch_up: Some(CatchUp::Last),
        flexible: Some(Duration::from_secs(300)),
        log_level: Some("debug".to_owned()),
        on_failure: OnFailure::Command("notify-send".to_owned()),
    };
    assert_eq!(schedule, expected);
    let json = serde_json::to_value(&schedule).unwrap();
    assert_eq!(
        json["recurrence"],
        serde_json::json!({"expression": "cron(0 5 * * ? *)", "timezone": "Europe/Berlin"})
    );
    assert_eq!(serde_json::from_value::<Schedule>(json).unwrap(), expected);
}

#[test]
fn short_table_has_the_defaults() {
    let schedule = check(&[table(serde_json::json!({}))]).unwrap().remove(0);
    assert_eq!(schedule.recurrence.zone, chrono_tz::America::Toronto);
    assert!(schedule.enabled && schedule.input.is_empty());
    assert_eq!(
        (schedule.overlap, schedule.start_deadline, schedule.catch_up),
        (None, None, None)
    );
    assert_eq!(schedule.on_failure, OnFailure::Mail);
}

#[rstest]
#[case::label(r#"{"label": "A B"}"#, "label", "“A B” isn't a valid id")]
#[case::person(r#"{"label": "person"}"#, "label", "another label")]
#[case::job(
    r#"{"job": "check-card"}"#,
    "job",
    "The jobs are check-cards, notify-all"
)]
#[case::when(
    r#"{"when": "every day"}"#,
    "when",
    "“every day” isn't a valid schedule"
)]
#[case::parameter(
    r#"{"when": {"parameter": "P", "default": "rate(1 hour)"}}"#,
    "when",
    "Write the expression itself"
)]
#[case::days_of_a_library(
    r#"{"job": "notify-all", "except": "libraries.toml"}"#,
    "except",
    "days of single libraries, which notify-all can't leave out"
)]
#[case::zone(r#"{"timezone": "Toronto"}"#, "timezone", "“Toronto” isn't a zone")]
#[case::input_field(r#"{"input": {"scop": "all"}}"#, "input", "“scop” isn't known here")]
#[case::input_value(
    r#"{"input": {"scope": "some"}}"#,
    "input",
    "“scope”: “some” isn't known here; write one of all, failed"
)]
#[case::input_date(
    r#"{"job": "notify-all", "input": {"date": "2026-11-21"}}"#,
    "input",
    "same day's notices"
)]
#[case::start(r#"{"start": "1 December"}"#, "start", "Write it like 2026-12-01")]
#[case::end(r#"{"end": "2026-02-30"}"#, "end", "isn't a date")]
#[case::end_first(
    r#"{"start": "2026-12-02", "end": "2026-12-02"}"#,
    "end",
    "after “start”"
)]
#[case::except(r#"{"except": "none.toml"}"#, "except", "There is no none.toml")]
#[case::no_unit(r#"{"start_within": "60"}"#, "start_within", "\"60 min\"")]
#[case::too_short(
    r#"{"start_within": "0 min"}"#,
    "start_within",
    "between 1 min and 24 h"
)]
#[case::too_long(
    r#"{"start_within": "25 h"}"#,
    "start_within",
    "between 1 min and 24 h"
)]
#[case::much_too_long(
    r#"{"start_within": "18446744073709551615 h"}"#,
    "start_within",
    "isn't a duration"
)]
#[case::flexible(
    r#"{"flexible": "1 h", "start_within": "60 min"}"#,
    "flexible",
    "shorter than “start_within”"
)]
#[case::flexible_rate(
    r#"{"when": "rate(10 minutes)", "flexible": "5 min"}"#,
    "flexible",
    "shorter than half the period"
)]
#[case::flexible_times(
    r#"{"when": "cron(0 5,6 * * ? *)", "flexible": "1 h"}"#,
    "flexible",
    "shorter than the 60 min between two times"
)]
#[case::two_digit_year(
    r#"{"end": "27-06-30"}"#,
    "end",
    "isn't a date or a time from 1970 to 2199"
)]
#[case::five_digit_year(r#"{"start": "+12026-01-05T05:00"}"#, "start", "isn't a date")]
#[case::year_of_an_instant(r#"{"start": "2226-01-05T05:00:00Z"}"#, "start", "isn't a date")]
#[case::level(r#"{"log_level": "loud"}"#, "log_level", "error, warn, info")]
#[case::command(r#"{"on_failure": {"command": " "}}"#, "on_failure", "empty")]
fn mistake_is_named_with_its_key_and_reason(
    #[case] keys: &str,
    #[case] key: &str,
    #[case] reason: &str,
) {
    let table = table(serde_json::from_str(keys).unwrap());
    let mistakes = check(std::slice::from_ref(&table)).unwrap_err();
    let [mistake] = mistakes.as_slice() else {
        panic!("{mistakes:?}")
    };
    assert_eq!((mistake.key, &mistake.label), (key, &table.label));
    assert!(mistake.reason.contains(reason), "{mistake}");
}

#[test]
fn check_cards_leaves_out_closed_libraries() {
    let declared = table(serde_json::json!({"except": "libraries.toml"}));
    let schedule = check(&[declared]).unwrap().remove(0);
    assert_eq!(schedule.closed_days.libraries.len(), 1);
}

#[test]
fn all_mistakes_are_named_at_once() {
    let tables = [
        table(serde_json::json!({"when": "x", "start_within": "1 s"})),
        table(serde_json::json!({"job": "notify-all"})),
    ];
    let mistakes = check(&tables).unwrap_err();
    let places: Vec<_> = mistakes.iter().map(|one| (one.index, one.key)).collect();
    assert_eq!(places, [(0, "when"), (0, "start_within"), (1, "label")]);
}

#[test]
fn parameter_is_accepted_on_aws_and_command_refused() {
    let parameter = serde_json::json!({"parameter": "CheckSchedule", "default": "rate(1 hour)"});
    let declared = table(serde_json::json!({ "when": parameter }));
    assert_eq!(declared.when.expression(), "rate(1 hour)");
    assert!(check_for(ScheduleTarget::Aws, &[declared]).is_ok());
    let command = table(serde_json::json!({"on_failure": {"command": "true"}}));
    let mistakes = check_for(ScheduleTarget::Aws, &[command]).unwrap_err();
    assert_eq!(mistakes[0].key, "on_failure");
}

#[test]
fn delay_within_the_gap_between_two_times_is_accepted() {
    let delayed = |when: &str, flexible: &str| {
        table(serde_json::json!({ "when": when, "flexible": flexible }))
    };
    for (when, flexible) in [
        ("rate(10 minutes)", "4 min"),
        ("cron(0 5,6 * * ? *)", "59 min"),
        // 23:00 and 01:00 of the same day, once a month.
        ("cron(0 1,23 1 * ? *)", "12 h"),
        ("at(2027-01-31T09:00:00)", "24 h"),
    ] {
        let checked = check(&[delayed(when, flexible)]);
        assert!(checked.is_ok(), "{when}: {checked:?}");
    }
    // On AWS, a run comes with its scheduled time.
    let often = delayed("rate(10 minutes)", "24 h");
    assert!(check_for(ScheduleTarget::Aws, &[often]).is_ok());
}

#[test]
fn local_date_begins_at_its_first_instant() {
    // The clocks skip midnight on this day.
    let instant = parse_instant("2018-11-04", chrono_tz::America::Sao_Paulo).unwrap();
    assert_eq!(instant.to_rfc3339(), "2018-11-04T03:00:00+00:00");
    let twice = parse_instant("2026-11-01T01:30", chrono_tz::America::Toronto).unwrap();
    assert_eq!(twice.to_rfc3339(), "2026-11-01T05:30:00+00:00");
}

#[test]
fn unknown_key_and_wrong_date_are_refused_when_read() {
    let read = |json: &str| serde_json::from_str::<ClosedDaysTable>(json).map(ClosedDays::from);
    let days = read(r#"{"all": ["2026-12-25"], "libraries": {"wpl": ["2026-12-26"]}}"#).unwrap();
    assert!(days.all.contains(&"2026-12-25".parse().unwrap()));
    assert_eq!(days.libraries.len(), 1);
    let error = read(r#"{"all": ["25 December"]}"#).unwrap_err();
    assert!(error.to_string().contains("isn't a date"), "{error}");
    for year in ["26", "+12026", "1969"] {
        assert!(
            read(&format!(r#"{{"all": ["{year}-12-25"]}}"#)).is_err(),
            "{year}"
        );
    }
    assert!(read(r#"{"al": []}"#).is_err());
    let unknown = r#"{"job": "check-cards", "label": "a", "when": "rate(1 hour)", "labl": 1}"#;
    assert!(serde_json::from_str::<ScheduleTable>(unknown).is_err());
}
