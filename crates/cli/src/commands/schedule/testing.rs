//! What systemd makes of units and calendar lines.

use std::process::Command;

use chrono::{DateTime, NaiveDateTime, Utc};

use super::units::Unit;

/// Said where a test needs systemd and there is none.
const NO_SYSTEMD: &str = "SKIPPED: there is no systemd-analyze on this machine.";

/// Asserts that systemd finds no mistake in a unit.
pub(super) fn check_by_systemd(unit: &Unit) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(&unit.name);
    std::fs::write(&path, &unit.text).unwrap();
    let answer = Command::new("systemd-analyze")
        .env("XDG_RUNTIME_DIR", directory.path())
        .args(["verify", "--user"])
        .arg(path)
        .output();
    let Ok(answer) = answer else {
        return eprintln!("{NO_SYSTEMD}");
    };
    let is_valid = answer.status.success() && answer.stderr.is_empty();
    assert!(is_valid, "{answer:?}\n{}", unit.text);
}

/// The next times of calendar lines after `from`, by systemd itself; `None` without it.
pub(super) fn next_by_systemd(lines: &[String], from: DateTime<Utc>) -> Option<Vec<DateTime<Utc>>> {
    let mut times = Vec::new();
    for line in lines {
        let calendar = line.strip_prefix("OnCalendar=").unwrap();
        let answer = Command::new("systemd-analyze")
            .env("TZ", "UTC")
            .args(["calendar", "--iterations=12", "--base-time"])
            .arg(from.format("%Y-%m-%d %H:%M:%S UTC").to_string())
            .arg(calendar)
            .output();
        let Ok(answer) = answer else {
            eprintln!("{NO_SYSTEMD}");
            return None;
        };
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        assert!(answer.status.success(), "{calendar}: {answer:?}");
        let is_time = |line: &&str| line.contains("Next elapse: ") || line.contains("Iter. #");
        let lines = text.lines().filter(is_time);
        times.extend(lines.filter(|line| !line.ends_with("never")).map(|line| {
            let (_, time) = line.split_once(": ").unwrap();
            let time = NaiveDateTime::parse_from_str(time, "%a %Y-%m-%d %H:%M:%S UTC");
            time.unwrap_or_else(|error| panic!("{line}: {error}"))
                .and_utc()
        }));
    }
    times.sort_unstable();
    Some(times)
}
