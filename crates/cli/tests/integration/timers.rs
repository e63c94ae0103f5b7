//! The systemd timers in `infra/systemd`, evaluated by systemd.

use crate::common;
use std::path::Path;
use std::process::Command;

use crate::common::Home;
use chrono::{DateTime, Duration, NaiveDateTime, Utc};

/// The `OnCalendar` expression of an installed timer.
fn calendar_of(timer: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../infra/systemd")
        .join(timer);
    let text = std::fs::read_to_string(path).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("OnCalendar="));
    line.unwrap().trim().to_owned()
}

/// The next times at which a timer elapses after `from` in this zone; `None` without systemd.
fn next_elapse_times(
    zone: &str,
    from: DateTime<Utc>,
    times: usize,
    expression: &str,
) -> Option<Vec<DateTime<Utc>>> {
    let answer = Command::new("systemd-analyze")
        .env("TZ", zone)
        .args([
            "calendar",
            "--iterations",
            &times.to_string(),
            "--base-time",
        ])
        .arg(from.format("%Y-%m-%d %H:%M:%S UTC").to_string())
        .arg(expression)
        .output();
    let Ok(answer) = answer else {
        eprintln!("SKIPPED: there is no systemd-analyze on this machine.");
        return None;
    };
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    assert!(
        answer.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&answer.stderr)
    );
    let instants = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("(in UTC): "));
    let found: Vec<_> = instants
        .map(|instant| {
            NaiveDateTime::parse_from_str(instant, "%a %Y-%m-%d %H:%M:%S UTC")
                .unwrap_or_else(|error| panic!("{instant}: {error}"))
                .and_utc()
        })
        .collect();
    assert_eq!(found.len(), times, "{text}");
    Some(found)
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn ticks_stay_15_minutes_apart_across_clock_changes() {
    let expression = calendar_of("hippo-notify-all.timer");
    for (zone, from) in [
        ("America/New_York", "2026-11-01T04:50:00Z"),
        ("America/New_York", "2027-03-14T05:50:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T14:50:00Z"),
    ] {
        let Some(ticks) = next_elapse_times(zone, utc(from), 16, &expression) else {
            return;
        };
        for pair in ticks.windows(2) {
            assert_eq!(
                pair[1] - pair[0],
                Duration::minutes(15),
                "{zone}: {ticks:?}"
            );
        }
    }
}

#[test]
fn no_tick_counts_as_missed_when_clocks_go_back() {
    let expression = calendar_of("hippo-notify-all.timer");
    let zone = "America/New_York";
    let Some(ticks) = next_elapse_times(zone, utc("2026-11-01T05:20:00Z"), 9, &expression) else {
        return;
    };
    let home = Home::empty();
    home.run(&["init", "--timezone", zone]).success();
    let config = home.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(
        &config,
        format!("{text}\n[jobs.notify-all.schedules.tick]\nevery_minutes = 15\n"),
    )
    .unwrap();
    let last = ticks.last().unwrap().to_rfc3339();
    for tick in &ticks {
        home.command(&["notify-all", "--label", "tick"])
            .env("HIPPO_NOW", tick.to_rfc3339())
            .assert()
            .success();
    }
    let mut status = home.command(&["--json", "status"]);
    let status = common::json(&status.env("HIPPO_NOW", &last).assert().success());
    assert_eq!(status["alerts"], serde_json::json!([]));
    let mut runs = home.command(&["--json", "runs", "--limit", "50"]);
    let runs = common::json(&runs.env("HIPPO_NOW", &last).assert().success());
    assert_eq!(runs.as_array().unwrap().len(), ticks.len());
}

#[test]
fn checks_start_at_the_hours_in_the_readme() {
    for (timer, minute) in [
        ("hippo-check-cards@all.timer", 0),
        ("hippo-check-cards@failed.timer", 30),
    ] {
        let from = utc("2026-11-20T05:05:00Z");
        let Some(starts) = next_elapse_times("America/New_York", from, 3, &calendar_of(timer))
        else {
            return;
        };
        // 05, 12 and 18 o'clock in New York.
        let hours = [10, 17, 23].map(|hour| {
            let date = from.date_naive();
            date.and_hms_opt(hour, minute, 0).unwrap().and_utc()
        });
        assert_eq!(starts, hours, "{timer}");
    }
}
