//! `hippo run JOB --from DATE`: the runs of past scheduled times.

use assert_cmd::assert::Assert;
use serde_json::json as document;

use crate::common::{Home, json, printed, schedule};

fn at(home: &Home, now: &str, arguments: &[&str]) -> Assert {
    let mut command = home.command(arguments);
    command.env("HIPPO_NOW", now).assert()
}

/// A home without cards, whose mornings ran on the 19th only.
fn home_with_missed_mornings() -> Home {
    let home = Home::new();
    let mornings = schedule(
        "check-cards",
        "mornings",
        "cron(0 5 * * ? *)",
        "except = \"closed.toml\"\ninput = { scope = \"failed\" }\n",
    );
    let noon = schedule("check-cards", "noon", "cron(0 12 * * ? *)", "");
    let hourly = schedule("check-cards", "hourly", "cron(0 * * * ? *)", "");
    let ticks = schedule("notify-all", "tick", "rate(15 minutes)", "");
    let write = |name: &str, text: String| std::fs::write(home.path().join(name), text).unwrap();
    write("closed.toml", "all = [\"2026-11-17\"]\n".to_owned());
    let config = std::fs::read_to_string(home.path().join("config.toml")).unwrap();
    write(
        "config.toml",
        format!("{config}\n{mornings}\n{noon}\n{hourly}\n{ticks}"),
    );
    let mornings = ["check-cards", "--label", "mornings"];
    at(&home, "2026-11-19T10:00:01Z", &mornings).success();
    // Too long after the 20th and the 21st.
    at(&home, "2026-11-22T10:00:01Z", &mornings).success();
    home
}

const NOW: &str = "2026-11-22T15:00:00Z";

fn backfill(home: &Home, arguments: &[&str]) -> Assert {
    let all: Vec<&str> = ["run", "check-cards", "--label", "mornings"]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
    at(home, NOW, &all)
}

#[test]
fn backfill_runs_each_time_that_had_no_run_once() {
    let home = home_with_missed_mornings();
    let days = ["--from", "2026-11-16", "--to", "2026-11-21"];
    let planned = backfill(&home, &[&days[..], &["--dry-run"]].concat()).success();
    insta::assert_snapshot!(printed(&planned));
    let ran = backfill(&home, &days).success();
    insta::assert_snapshot!(printed(&ran));
    let again = backfill(&home, &days).success();
    insta::assert_snapshot!(printed(&again));

    let runs = at(&home, NOW, &["runs", "--json"]).success();
    let runs = json(&runs);
    let newest = &runs[0];
    assert_eq!(newest["scheduled_time"], "2026-11-21T10:00:00Z");
    assert_eq!(newest["trigger"], "person");
    assert_eq!(newest["input"]["scope"], "failed");
    insta::assert_snapshot!(printed(
        &at(&home, NOW, &["runs", "--grid", "--days", "8"]).success()
    ));
}

#[test]
fn doctor_still_sees_scheduled_runs_after_a_backfill() {
    let home = home_with_missed_mornings();
    backfill(&home, &["--from", "2026-11-16"]).success();
    let doctor = json(&at(&home, NOW, &["doctor", "--json"]));
    let mut findings = doctor["findings"].as_array().unwrap().iter();
    let runs = findings.find(|finding| finding["check"] == "runs of check-cards");
    assert_eq!(runs.unwrap()["verdict"], "ok", "{doctor}");
}

#[test]
fn backfill_is_one_json_document() {
    let home = home_with_missed_mornings();
    let from = ["--from", "2026-11-20", "--json"];
    let planned = json(&backfill(&home, &[&from[..], &["--dry-run"]].concat()).success());
    let expected = document!({
        "job": "check-cards", "label": "mornings", "runs": [],
        "remaining": ["2026-11-20T10:00:00Z", "2026-11-21T10:00:00Z"], "had_a_run": 1,
    });
    assert_eq!(planned, expected);
    let ran = json(&backfill(&home, &from).success());
    assert_eq!(ran["runs"][1]["scheduled_time"], "2026-11-21T10:00:00Z");
    assert_eq!(ran["runs"][1]["outcome"], "done");
    assert_eq!(ran["remaining"], document!([]));
}

#[test]
fn days_and_schedules_that_cannot_be_backfilled_are_refused() {
    let home = home_with_missed_mornings();
    for arguments in [
        "check-cards --from 2026-11-20",
        "check-cards --label morning --from 2026-11-20",
        "notify-all --from 2026-11-20",
        "picture-of-the-day --from 2026-11-20",
        "check-cards --label noon --from 2026-11-23",
        "check-cards --label noon --from 2026-11-21 --to 2026-11-20",
        "check-cards --label noon --from 2025-01-01",
        "check-cards --label noon --from=-262143-01-01",
        "check-cards --label hourly --from 2026-11-10 --to +262142-12-31",
        "check-cards --label noon --to 2026-11-20",
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let refused = at(&home, NOW, &[&["run"], &arguments[..]].concat()).code(2);
        insta::assert_snapshot!(printed(&refused));
    }
    let runs = json(&at(&home, NOW, &["runs", "--json"]).success());
    assert_eq!(runs.as_array().unwrap().len(), 4, "{runs}");
}

#[test]
fn log_of_a_backfilled_run_is_kept_as_long_as_any() {
    let home = home_with_missed_mornings();
    let from = ["--from", "2026-11-01", "--to", "2026-11-04"];
    backfill(&home, &from).success();
    let log = |now: &str| {
        let id = "check-cards/mornings/2026-11-01T10:00:00Z";
        let lines = at(&home, now, &["logs", id, "--json"]);
        String::from_utf8(lines.get_output().stdout.clone()).unwrap()
    };
    assert!(log(NOW).contains("A run began."), "{}", log(NOW));
    for (now, is_kept) in [
        ("2026-12-05T10:00:00Z", true),
        ("2026-12-07T10:00:00Z", false),
    ] {
        at(&home, now, &["check-cards", "--label", "mornings"]);
        assert_eq!(log(now).contains("A run began."), is_kept, "{now}");
    }
}
