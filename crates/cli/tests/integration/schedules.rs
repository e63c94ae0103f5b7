//! `hippo schedule`: timers that a fake systemd gets, crontab lines, and the list.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

use crate::common::{Home, json, printed, redact, schedule, stderr, stdout};

/// A systemctl and a loginctl that write down their calls and know the enabled timers.
struct Systemd {
    directory: tempfile::TempDir,
}

const SYSTEMCTL: &str = r#"#!/bin/sh
echo "$*" >> "$SYSTEMD/calls"
[ -e "$SYSTEMD/down" ] && { echo "Failed to connect to bus: No medium found" >&2; exit 1; }
shift 3
verb=$1
shift
case "$verb" in
  enable) shift; for timer; do echo "$timer" >> "$SYSTEMD/enabled"; done ;;
  disable) shift; for timer; do sed -i "/^$timer\$/d" "$SYSTEMD/enabled"; done ;;
  show) shift; for timer; do
      echo "Id=$timer"
      if grep -qx "$timer" "$SYSTEMD/enabled" 2>/dev/null; then
        echo "UnitFileState=enabled"; echo "ActiveState=active"
        if grep -q OnUnitActiveSec "$XDG_CONFIG_HOME/systemd/user/$timer"; then
          echo "NextElapseUSecRealtime="; echo "ActiveEnterTimestamp=Fri 2026-11-20 08:00:00 EST"
          echo "LastTriggerUSec=$(cat "$SYSTEMD/last" 2>/dev/null)"
        else
          echo "NextElapseUSecRealtime=Sun 2026-11-22 05:00:00 EST"
        fi
      else
        echo "UnitFileState="; echo "ActiveState=inactive"; echo "NextElapseUSecRealtime="
      fi
      echo
    done ;;
esac
"#;

const LOGINCTL: &str = r#"#!/bin/sh
cat "$SYSTEMD/linger"
"#;

impl Systemd {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in [("systemctl", SYSTEMCTL), ("loginctl", LOGINCTL)] {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let systemd = Self { directory };
        systemd.set("linger", "Linger=no\n");
        systemd
    }

    fn set(&self, name: &str, text: &str) {
        std::fs::write(self.directory.path().join(name), text).unwrap();
    }

    /// The calls since the last time.
    fn calls(&self) -> Vec<String> {
        let path = self.directory.path().join("calls");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let _ = std::fs::remove_file(path);
        let calls = text.lines();
        calls
            .map(|call| call.replace("--user --no-pager --no-ask-password ", ""))
            .collect()
    }

    /// The command with this systemd.
    fn command(&self, home: &Home, arguments: &[&str]) -> Command {
        let mut command = home.command(arguments);
        let path = format!("{}:/usr/bin:/bin", self.directory.path().display());
        command
            .env("PATH", path)
            .env("SYSTEMD", self.directory.path())
            .env("XDG_CONFIG_HOME", self.directory.path().join("config"));
        command
    }

    fn units(&self) -> PathBuf {
        self.directory.path().join("config/systemd/user")
    }

    fn unit_names(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.units()) else {
            return Vec::new();
        };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }
}

/// Replaces the schedules of a home.
fn declare(home: &Home, schedules: &[String]) {
    let config = home.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let head = text.split("\n[[schedule]]").next().unwrap();
    std::fs::write(&config, format!("{head}\n{}", schedules.concat())).unwrap();
}

fn redact_paths(text: &str, systemd: &Systemd, home: &Home) -> String {
    let text = text
        .replace(env!("CARGO_BIN_EXE_hippo"), "HIPPO")
        .replace(&home.path().display().to_string(), "HOME")
        .replace(&systemd.units().display().to_string(), "UNITS");
    redact(&text)
}

#[test]
fn install_creates_a_timer_per_schedule_and_explains_linger() {
    let (systemd, home) = (Systemd::new(), Home::with_schedules());
    let shown = systemd.command(&home, &["schedule", "install", "--dry-run"]);
    let shown = stdout(&{ shown }.assert().success());
    insta::assert_snapshot!(redact_paths(&shown, &systemd, &home));
    assert!(systemd.unit_names().is_empty() && systemd.calls().is_empty());
    let installed = systemd.command(&home, &["schedule", "install"]).assert();
    let installed = stdout(&installed.success());
    insta::assert_snapshot!(redact_paths(&installed, &systemd, &home));
    let timers = "hippo-all.timer hippo-failed.timer hippo-tick.timer";
    assert_eq!(
        systemd.calls(),
        [
            "daemon-reload".to_owned(),
            "daemon-reload".to_owned(),
            format!("enable --now {timers}"),
            format!("restart {timers}"),
        ]
    );
    let text = std::fs::read_to_string(systemd.units().join("hippo-all.timer")).unwrap();
    assert!(shown.contains(&text), "{text}");
    // Again: nothing changes.
    systemd.set("linger", "Linger=yes\n");
    let again = systemd.command(&home, &["schedule", "install"]).assert();
    insta::assert_snapshot!(stdout(&again.success()));
    assert!(
        systemd
            .calls()
            .iter()
            .all(|call| !call.starts_with("restart"))
    );
}

#[test]
fn install_removes_only_our_units_of_schedules_that_are_gone() {
    let (systemd, home) = (Systemd::new(), Home::with_schedules());
    let install = || systemd.command(&home, &["schedule", "install"]).assert();
    install().success();
    let foreign = systemd.units().join("hippo-other.timer");
    std::fs::write(&foreign, "[Timer]\n").unwrap();
    let other_home = Home::with_schedules();
    declare(
        &other_home,
        &[schedule("check-cards", "theirs", "rate(1 hour)", "")],
    );
    let theirs = systemd.command(&other_home, &["schedule", "install"]);
    { theirs }.assert().success();
    declare(
        &home,
        &[
            schedule(
                "check-cards",
                "all",
                "cron(0 6 * * ? *)",
                "flexible = \"5 min\"",
            ),
            schedule("notify-all", "tick", "rate(15 minutes)", "enabled = false"),
            schedule(
                "check-cards",
                "odd",
                "rate(7 minutes)",
                "catch_up = \"none\"",
            ),
        ],
    );
    systemd.calls();
    install().success();
    let calls = systemd.calls();
    assert_eq!(
        calls[1],
        "disable --now hippo-failed.timer hippo-tick.timer"
    );
    assert_eq!(calls[4], "restart hippo-all.timer hippo-odd.timer");
    assert_eq!(
        systemd.unit_names(),
        [
            "hippo-all.service",
            "hippo-all.timer",
            "hippo-odd.service",
            "hippo-odd.timer",
            "hippo-other.timer",
            "hippo-theirs.service",
            "hippo-theirs.timer"
        ]
    );
    let read = |name: &str| std::fs::read_to_string(systemd.units().join(name)).unwrap();
    assert!(read("hippo-all.timer").contains("RandomizedDelaySec=300s"));
    assert!(read("hippo-odd.timer").contains("OnUnitActiveSec=7min"));
    assert!(read("hippo-odd.timer").contains("Persistent=false"));
    // remove takes this home's units alone.
    let removed = systemd.command(&home, &["schedule", "remove"]).assert();
    insta::assert_snapshot!(stdout(&removed.success()));
    assert_eq!(
        systemd.unit_names(),
        [
            "hippo-other.timer",
            "hippo-theirs.service",
            "hippo-theirs.timer"
        ]
    );
    assert_eq!(std::fs::read_to_string(foreign).unwrap(), "[Timer]\n");
    let none = systemd.command(&home, &["schedule", "remove"]).assert();
    insta::assert_snapshot!(printed(&none.success()));
}

#[test]
fn unit_of_another_origin_or_home_is_never_replaced() {
    let (systemd, home) = (Systemd::new(), Home::with_schedules());
    std::fs::create_dir_all(systemd.units()).unwrap();
    let foreign = systemd.units().join("hippo-failed.service");
    std::fs::write(&foreign, "[Service]\n").unwrap();
    let refused = systemd.command(&home, &["schedule", "install"]).assert();
    insta::assert_snapshot!(redact_paths(&stderr(&refused.code(2)), &systemd, &home));
    assert_eq!(systemd.unit_names(), ["hippo-failed.service"]);
    assert!(systemd.calls().is_empty());
    std::fs::remove_file(foreign).unwrap();
    systemd
        .command(&home, &["schedule", "install"])
        .assert()
        .success();
    let other = Home::with_schedules();
    let refused = systemd.command(&other, &["schedule", "install"]).assert();
    insta::assert_snapshot!(redact_paths(&stderr(&refused.code(2)), &systemd, &home));
}

#[test]
fn without_systemd_nothing_is_written_and_cron_is_named() {
    let (systemd, home) = (Systemd::new(), Home::with_schedules());
    systemd.set("down", "");
    let refused = systemd.command(&home, &["schedule", "install"]).assert();
    insta::assert_snapshot!(stderr(&refused.code(3)));
    let mut none = systemd.command(&home, &["schedule", "install"]);
    let refused = none.env("PATH", "/nowhere").assert().code(3);
    insta::assert_snapshot!(stderr(&refused));
    assert!(systemd.unit_names().is_empty());
}

/// What the doctor says of the schedules: the verdict, what it found, and the advice.
fn diagnose(systemd: &Systemd, home: &Home, path: Option<&str>) -> String {
    let mut command = systemd.command(home, &["doctor", "--json"]);
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let document = json(&command.assert().code(1));
    let mut findings = document["findings"].as_array().unwrap().iter();
    let found = findings.find(|finding| finding["check"] == "schedules");
    let found = found.unwrap_or_else(|| panic!("{document}"));
    let text = |name: &str| found[name].as_str().unwrap_or("–").to_owned();
    format!("{}: {} {}", text("verdict"), text("found"), text("advice"))
}

#[test]
fn doctor_asks_for_timers_unless_something_else_starts_the_runs() {
    let (systemd, home) = (Systemd::new(), Home::with_schedules());
    let mut said = vec![
        diagnose(&systemd, &home, None),
        diagnose(&systemd, &home, Some("/nowhere")),
    ];
    let install = || {
        let mut command = systemd.command(&home, &["schedule", "install"]);
        command.assert().success();
    };
    install();
    said.push(diagnose(&systemd, &home, None));
    systemd.set("enabled", "");
    said.push(diagnose(&systemd, &home, None));
    let changed = schedule("notify-all", "tick", "rate(1 hour)", "");
    declare(&home, &[changed]);
    said.push(diagnose(&systemd, &home, None));
    install();
    let mut remove = systemd.command(&home, &["schedule", "remove"]);
    remove.assert().success();
    // One run may have been typed; two of different times come from cron.
    for now in ["2026-11-21T11:00:05Z", "2026-11-21T12:00:00Z"] {
        let mut tick = systemd.command(&home, &["notify-all", "--label", "tick"]);
        tick.env("HIPPO_NOW", now).assert().success();
        said.push(diagnose(&systemd, &home, Some("/nowhere")));
    }
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn status_shows_installed_stale_missing_and_left_over_timers() {
    let (systemd, home) = (Systemd::new(), Home::with_schedules());
    let status = || systemd.command(&home, &["schedule", "status"]).assert();
    insta::assert_snapshot!(redact_paths(&printed(&status().code(1)), &systemd, &home));
    systemd
        .command(&home, &["schedule", "install"])
        .assert()
        .success();
    systemd.set("linger", "Linger=yes\n");
    insta::assert_snapshot!(printed(&status().success()));
    declare(
        &home,
        &[
            schedule("check-cards", "all", "cron(0 6 * * ? *)", ""),
            schedule("check-cards", "failed", "rate(1 hour)", "enabled = false"),
            schedule("check-cards", "new", "rate(1 hour)", ""),
            schedule("check-cards", "off", "rate(1 hour)", "enabled = false"),
        ],
    );
    insta::assert_snapshot!(printed(&status().code(1)));
    let document = systemd.command(&home, &["schedule", "status", "--json"]);
    let document = json(&{ document }.assert().code(1));
    assert_eq!(document["timers"][0]["state"], "stale");
    assert_eq!(document["lingers"], true);
}

#[test]
fn timer_that_counts_says_from_when_it_fires_next() {
    let (systemd, home) = (Systemd::new(), Home::with_schedules());
    let counted = schedule("check-cards", "all", "rate(7 hours)", "");
    declare(&home, &[counted]);
    systemd
        .command(&home, &["schedule", "install"])
        .assert()
        .success();
    let next = || {
        let mut status = systemd.command(&home, &["schedule", "status", "--json"]);
        json(&status.assert().success())["timers"][0]["next"].clone()
    };
    assert_eq!(next(), "7 hours after Fri 2026-11-20 08:00:00 EST");
    systemd.set("last", "Fri 2026-11-20 15:00:00 EST\n");
    assert_eq!(next(), "7 hours after Fri 2026-11-20 15:00:00 EST");
}

#[test]
fn services_name_a_home_only_if_it_is_not_the_default_one() {
    let (systemd, home) = (Systemd::new(), Home::with_schedules());
    let show = |arguments: &[&str]| {
        let mut command = systemd.command(&home, arguments);
        command.env("XDG_DATA_HOME", home.path().parent().unwrap());
        stdout(&command.assert().success())
    };
    assert!(show(&["schedule", "install", "--dry-run"]).contains("Environment=\"HIPPO_HOME="));
    let default = home.path().parent().unwrap().join("libraryhippo");
    std::fs::rename(home.path(), &default).unwrap();
    let arguments = [
        "--home",
        default.to_str().unwrap(),
        "schedule",
        "install",
        "--dry-run",
    ];
    let shown = show(&arguments);
    assert!(
        shown.contains("ExecStart=") && !shown.contains("HIPPO_HOME="),
        "{shown}"
    );
}

#[test]
fn crontab_says_what_cron_cannot_do() {
    let home = Home::with_schedules();
    let weekdays = "timezone = \"Europe/Berlin\"";
    declare(
        &home,
        &[
            schedule("check-cards", "all", "cron(0 5,12,18 * * ? *)", ""),
            schedule("check-cards", "berlin", "cron(30 5 * * ? *)", weekdays),
            schedule("check-cards", "ninety", "rate(90 minutes)", ""),
            schedule(
                "notify-all",
                "tick",
                "rate(15 minutes)",
                "flexible = \"5 min\"",
            ),
            schedule("check-cards", "seven", "rate(7 minutes)", ""),
            schedule("check-cards", "once", "at(2026-12-01T05:00:00)", ""),
            schedule("check-cards", "off", "rate(1 hour)", "enabled = false"),
        ],
    );
    let mut command = home.command(&["schedule", "print", "--cron"]);
    let lines = stdout(&command.env("TZ", "America/Toronto").assert().success());
    let lines = lines
        .replace(env!("CARGO_BIN_EXE_hippo"), "HIPPO")
        .replace(&home.path().display().to_string(), "HOME");
    insta::assert_snapshot!(lines);
}

#[test]
fn rate_times_and_unknown_libraries_closed_days_are_shown() {
    let home = Home::with_schedules();
    home.run(&["library", "add", "wccls"]).success();
    let closed = home.path().join("closed-days.toml");
    let days = "all = [\"2026-12-25\"]\n[libraries]\nwcls = [\"2026-12-26\"]\n";
    std::fs::write(closed, days).unwrap();
    declare(
        &home,
        &[
            schedule(
                "check-cards",
                "tick",
                "rate(8 hours)",
                "except = \"closed-days.toml\"",
            ),
            schedule("check-cards", "seven", "rate(7 minutes)", ""),
        ],
    );
    for command in ["next tick", "next seven", "next rate(15minutes)", "list"] {
        let arguments: Vec<&str> = ["schedule"].into_iter().chain(command.split(' ')).collect();
        insta::assert_snapshot!(printed(&home.run(&arguments)));
    }
    let tick = home.run(&["schedule", "next", "tick", "--from", "2026-12-24"]);
    insta::assert_snapshot!(printed(&tick.success()));
    insta::assert_snapshot!(printed(&home.run(&["doctor"]).code(1)));
}

#[test]
fn next_times_of_an_uneven_rate_count_from_its_last_run() {
    let home = Home::with_schedules();
    declare(
        &home,
        &[schedule("check-cards", "odd", "rate(25 minutes)", "")],
    );
    let show = |now: &str, arguments: &[&str]| {
        let mut command = home.command(arguments);
        printed(&command.env("HIPPO_NOW", now).assert().success())
    };
    let mut shown = vec![show("2026-11-21T11:00:00Z", &["schedule", "next", "odd"])];
    show("2026-11-21T12:00:00Z", &["check-cards", "--label", "odd"]);
    for (now, more) in [
        ("12:10", &[][..]),
        ("12:10", &["--from", "2026-11-21T13:03:00Z"]),
        ("12:40", &[]),
    ] {
        let next = [&["schedule", "next", "odd", "--count", "2"][..], more].concat();
        shown.push(show(&format!("2026-11-21T{now}:00Z"), &next));
    }
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn expression_uses_the_homes_zone_by_default() {
    let home = Home::with_schedules();
    let next = |more: &[&str]| {
        let arguments = [
            &["schedule", "next", "cron(0 5 * * ? *)", "--count", "1"],
            more,
        ]
        .concat();
        printed(&home.run(&arguments).success())
    };
    insta::assert_snapshot!(next(&[]) + &next(&["--timezone", "Europe/Berlin"]));
}

#[test]
fn list_shows_the_last_and_the_next_run_of_each_schedule() {
    let home = Home::with_schedules();
    let run = |now: &str, arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.env("HIPPO_NOW", now).assert().success();
    };
    run("2026-11-21T10:00:00Z", &["check-cards", "--label", "all"]);
    run("2026-11-21T11:50:00Z", &["notify-all", "--label", "tick"]);
    let list = home.run(&["schedule", "list"]).success();
    insta::assert_snapshot!(printed(&list));
    let list = home.json(&["schedule", "list"]);
    assert_eq!(list[0]["next_run"], "2026-11-21T17:00:00Z");
    assert_eq!(list[0]["last_run"]["outcome"], "done");
    assert_eq!(list[1]["last_run"], serde_json::Value::Null);
    assert_eq!(list[2]["next_run"], "2026-11-21T12:15:00Z");
    declare(
        &home,
        &[
            schedule(
                "notify-all",
                "tick",
                "rate(2 hours)",
                "start = \"2026-11-25\"",
            ),
            schedule("check-cards", "never", "at(2026-01-01T05:00:00)", ""),
            schedule("check-cards", "off", "rate(1 hour)", "enabled = false"),
        ],
    );
    insta::assert_snapshot!(printed(&home.run(&["schedule", "list"]).success()));
    declare(&home, &[]);
    insta::assert_snapshot!(printed(&home.run(&["schedule", "list"]).success()));
}

#[test]
fn next_times_are_shown_also_without_a_home() {
    let home = Home::empty();
    let zone = ["--timezone", "America/Toronto"];
    let next = |arguments: &[&str]| home.run(&[&["schedule", "next"], arguments, &zone].concat());
    let skipped = [
        "cron(30 1-3 * * ? *)",
        "--from",
        "2027-03-14",
        "--count",
        "3",
    ];
    insta::assert_snapshot!(printed(&next(&skipped).success()));
    let as_json = [&skipped[..], &["--json"]].concat();
    insta::assert_snapshot!(printed(&next(&as_json).success()));
    let last = [
        "cron(0 9 LW * ? 2026)",
        "--from",
        "2026-11-21T12:00:00-05:00",
    ];
    insta::assert_snapshot!(printed(&next(&last).success()));
    insta::assert_snapshot!(printed(
        &next(&["rate(36 hours)", "--from", "2026-11-21"]).success()
    ));
    insta::assert_snapshot!(printed(&next(&["cron(0 9 30 2 ? *)"]).success()));
    insta::assert_snapshot!(stderr(&next(&["cron(0 25 * * ? *)"]).code(2)));
}

#[test]
fn next_times_stay_within_dates_and_show_closed_days() {
    let home = Home::with_schedules();
    std::fs::write(
        home.path().join("closed-days.toml"),
        "all = [\"2026-12-25\"]",
    )
    .unwrap();
    let dates = "start = \"2026-12-24\"\nend = \"2026-12-27\"\nexcept = \"closed-days.toml\"";
    declare(
        &home,
        &[schedule(
            "check-cards",
            "mornings",
            "cron(0 5 * * ? *)",
            dates,
        )],
    );
    insta::assert_snapshot!(printed(
        &home.run(&["schedule", "next", "mornings"]).success()
    ));
    insta::assert_snapshot!(stderr(&home.run(&["schedule", "next", "morning"]).code(2)));
    let zone = ["schedule", "next", "mornings", "--timezone", "UTC"];
    insta::assert_snapshot!(stderr(&home.run(&zone).code(2)));
}

#[test]
fn schedule_commands_for_timers_refuse_a_stack() {
    let home = Home::empty();
    let refused = home
        .run(&["--target", "aws", "schedule", "install"])
        .code(2);
    insta::assert_snapshot!(stderr(&refused));
    assert!(!Path::new("hippo-all.timer").exists());
}

#[test]
fn no_tick_counts_as_missed_when_clocks_go_back() {
    let home = Home::with_schedules();
    // 00:30 to 02:30 in Toronto, with the hour from 01:00 twice.
    let ticks: Vec<String> = (0..13)
        .map(|tick| {
            let minutes = 4 * 60 + 30 + tick * 15;
            format!("2026-11-01T{:02}:{:02}:02Z", minutes / 60, minutes % 60)
        })
        .collect();
    for tick in &ticks {
        let mut command = home.command(&["run", "notify-all", "--label", "tick"]);
        command.env("HIPPO_NOW", tick).assert().success();
    }
    let at_the_end = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        json(&command.env("HIPPO_NOW", &ticks[12]).assert().success())
    };
    let status = at_the_end(&["--json", "status"]);
    assert_eq!(status["alerts"], serde_json::json!([]));
    let runs = at_the_end(&["--json", "runs", "--limit", "50"]);
    assert_eq!(runs.as_array().unwrap().len(), ticks.len());
}

#[test]
fn input_that_names_nothing_is_refused_by_install_and_remarked_elsewhere() {
    let (systemd, home) = (Systemd::new(), Home::with_schedules());
    home.run(&["library", "add", "wccls"]).success();
    let card = "input = { card = \"01JDDDDDDDDDDDDDDDDDDDDDDD\" }";
    declare(
        &home,
        &[
            schedule(
                "check-cards",
                "lib",
                "rate(8 hours)",
                "input = { library = \"wcls\" }",
            ),
            schedule("check-cards", "card", "rate(8 hours)", card),
            schedule(
                "notify-all",
                "fam",
                "rate(8 hours)",
                "input = { family = \"lee\" }",
            ),
            schedule(
                "check-cards",
                "good",
                "rate(8 hours)",
                "input = { library = \"wccls\" }",
            ),
        ],
    );
    let refused = systemd.command(&home, &["schedule", "install"]).assert();
    insta::assert_snapshot!(stderr(&refused.code(2)));
    assert!(systemd.unit_names().is_empty() && systemd.calls().is_empty());
    for command in ["schedule list", "schedule next fam"] {
        let arguments: Vec<&str> = command.split(' ').collect();
        insta::assert_snapshot!(printed(&home.run(&arguments).success()));
    }
    let status = home.json(&["status"]);
    assert_eq!(status["schedules"][0]["kind"], "unknown_input");
    insta::assert_snapshot!(printed(&home.run(&["doctor"]).code(1)));
}

#[test]
fn schedules_that_never_or_rarely_run_are_remarked() {
    let (systemd, home) = (Systemd::new(), Home::with_schedules());
    declare(
        &home,
        &[
            schedule("check-cards", "past", "at(2026-01-01T05:00:00)", ""),
            schedule(
                "check-cards",
                "over",
                "rate(1 hour)",
                "end = \"2026-11-01\"",
            ),
            schedule("check-cards", "fortnight", "rate(14 days)", ""),
            schedule(
                "check-cards",
                "off",
                "at(2026-01-01T05:00:00)",
                "enabled = false",
            ),
            schedule("check-cards", "good", "cron(0 5 * * ? *)", ""),
        ],
    );
    insta::assert_snapshot!(printed(&home.run(&["schedule", "list"]).success()));
    let installed = systemd.command(&home, &["schedule", "install"]).assert();
    let installed = redact_paths(&stdout(&installed.success()), &systemd, &home);
    insta::assert_snapshot!(installed);
    insta::assert_snapshot!(printed(&home.run(&["doctor"]).code(1)));
}
