//! `hippo schedule pause` and `resume`, and `hippo family pause --until`.

use assert_cmd::assert::Assert;
use serde_json::Value;

use crate::common::{Home, json, printed, schedule, stderr, stdout};

/// Runs a command of Ana's at another time.
fn run_as_ana_at(home: &Home, now: &str, arguments: &[&str]) -> Assert {
    let mut command = home.command(arguments);
    command.env("HIPPO_NOW", now).env("USER", "ana");
    command.assert()
}

const NOON: &str = "2026-11-21T12:00:00Z";

fn pause(home: &Home, arguments: &[&str]) -> Assert {
    let all: Vec<&str> = ["schedule", "pause"]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
    run_as_ana_at(home, NOON, &all).success()
}

fn json_at(home: &Home, now: &str, arguments: &[&str]) -> Value {
    let all: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    json(&run_as_ana_at(home, now, &all).success())
}

#[test]
fn every_command_shows_who_paused_what_until_when_and_why() {
    let home = Home::with_schedules();
    let paused = pause(
        &home,
        &[
            "--label",
            "all",
            "--until",
            "2026-12-01",
            "--why",
            "The library moves",
        ],
    );
    insta::assert_snapshot!(printed(&paused));
    pause(&home, &["tick"]);
    run_as_ana_at(
        &home,
        "2026-11-21T17:00:05Z",
        &["check-cards", "--label", "all"],
    )
    .success();
    run_as_ana_at(
        &home,
        "2026-11-21T17:00:05Z",
        &["notify-all", "--label", "tick"],
    )
    .success();
    let shown = "2026-11-21T17:10:00Z";
    for command in ["schedule list", "runs", "status"] {
        let arguments: Vec<&str> = command.split(' ').collect();
        insta::assert_snapshot!(printed(&run_as_ana_at(&home, shown, &arguments).success()));
    }
    let run = "check-cards/all/2026-11-21T17:00:00Z";
    insta::assert_snapshot!(printed(
        &run_as_ana_at(&home, shown, &["runs", "show", run]).success()
    ));
    // What is paused comes next only after its pause.
    insta::assert_snapshot!(printed(
        &run_as_ana_at(&home, shown, &["runs", "--watch"]).success()
    ));
    insta::assert_snapshot!(printed(&run_as_ana_at(&home, shown, &["doctor"]).code(1)));
    let why = "The library moves";
    let list = json_at(&home, shown, &["schedule", "list"]);
    assert_eq!(list[0]["paused"]["why"], why);
    assert_eq!(list[0]["next_run"], "2026-12-01T10:00:00Z");
    assert_eq!(list[1]["paused"], Value::Null);
    let status = json_at(&home, shown, &["status"]);
    assert_eq!(status["schedules"][0]["pause"]["by"], "ana");
    assert_eq!(status["alerts"], serde_json::json!([]));
    let show = json_at(&home, shown, &["runs", "show", run]);
    assert_eq!(
        (&show["outcome"], &show["pause"]["why"]),
        (&"skipped_paused".into(), &why.into())
    );
}

#[test]
fn pause_ends_on_its_date_and_leaves_no_missed_runs() {
    let home = Home::with_schedules();
    run_as_ana_at(
        &home,
        "2026-11-21T10:00:05Z",
        &["check-cards", "--label", "all"],
    )
    .success();
    pause(&home, &["--label", "all", "--until", "2026-12-01"]);
    // The machine was off, or its timers were.
    run_as_ana_at(
        &home,
        "2026-12-01T10:00:05Z",
        &["check-cards", "--label", "all"],
    )
    .success();
    let runs = json_at(&home, "2026-12-01T10:10:00Z", &["runs", "--label", "all"]);
    let outcomes: Vec<_> = runs
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["outcome"])
        .collect();
    assert_eq!(outcomes, ["done", "done"]);
    let list = json_at(&home, "2026-12-01T10:10:00Z", &["schedule", "list"]);
    assert_eq!(list[0]["paused"], Value::Null);
}

#[test]
fn second_pause_replaces_the_first_and_says_so() {
    let home = Home::with_schedules();
    pause(
        &home,
        &[
            "--label",
            "all",
            "--until",
            "2026-12-01",
            "--why",
            "The library moves",
        ],
    );
    let later = "2026-11-22T12:00:00Z";
    let again = run_as_ana_at(
        &home,
        later,
        &[
            "schedule",
            "pause",
            "--label",
            "all",
            "--until",
            "2026-12-05T06:00",
        ],
    );
    insta::assert_snapshot!(printed(&again.success()));
    let list = json_at(&home, later, &["schedule", "list"]);
    assert_eq!(list[0]["paused"]["until"], "2026-12-05T11:00:00Z");
    assert_eq!(list[0]["paused"]["since"], later);
    assert_eq!(list[0]["paused"]["why"], Value::Null);
    pause(&home, &["--all"]);
    insta::assert_snapshot!(printed(&pause(
        &home,
        &["--all", "--until", "2026-11-21T23:00:00Z"]
    )));
    let replaced = ["schedule", "pause", "--all", "--json"];
    let replaced = json(&run_as_ana_at(&home, NOON, &replaced).success());
    assert_eq!(replaced["pause"]["label"], Value::Null);
    assert_eq!(replaced["replaced"]["until"], "2026-11-21T23:00:00Z");
}

#[test]
fn pause_of_all_covers_later_schedules_and_leaves_own_pauses() {
    let home = Home::with_schedules();
    insta::assert_snapshot!(printed(&pause(&home, &["--all", "--why", "Moving house"])));
    pause(&home, &["failed"]);
    let config = home.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let more = crate::common::schedule("check-cards", "later", "rate(1 hour)", "");
    std::fs::write(&config, format!("{text}\n{more}")).unwrap();
    for label in ["all", "failed", "later"] {
        let run = json_at(&home, NOON, &["check-cards", "--label", label]);
        assert_eq!(run["run"]["outcome"], "skipped_paused", "{label}");
    }
    // A run that a person starts isn't skipped.
    assert_eq!(
        json_at(&home, NOON, &["check-cards"])["run"]["outcome"],
        "done"
    );
    insta::assert_snapshot!(printed(
        &run_as_ana_at(&home, NOON, &["schedule", "list"]).success()
    ));
    // This ends the pause of “all”, but not the pause of all schedules.
    let resume = |arguments: &[&str]| {
        let all: Vec<&str> = ["schedule", "resume"]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        run_as_ana_at(&home, "2026-11-21T12:30:00Z", &all).success()
    };
    insta::assert_snapshot!(printed(&resume(&["--label", "all"])));
    insta::assert_snapshot!(printed(&resume(&["--all"])));
    insta::assert_snapshot!(printed(&resume(&["failed"])));
    insta::assert_snapshot!(printed(&resume(&["--all"])));
    let again = json(&resume(&["failed", "--json"]));
    assert_eq!(
        again,
        serde_json::json!({"resumed": [], "still_paused": []})
    );
    let run = json_at(
        &home,
        "2026-11-21T12:31:00Z",
        &["check-cards", "--label", "later"],
    );
    assert_eq!(run["run"]["outcome"], "done");
}

#[test]
fn pause_refuses_unknown_labels_and_ends_that_have_passed() {
    let home = Home::with_schedules();
    for arguments in [
        &["pause", "fialed"][..],
        &["resume", "tik"],
        &["pause", "person"],
        &["pause", "--label", "all", "--until", "2026-11-21"],
        &["pause", "--label", "all", "--until", "tomorrow"],
        &["pause"],
        &["pause", "all"],
        &["resume", "all"],
        &["pause", "all", "--all"],
    ] {
        let all: Vec<&str> = ["schedule"]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        insta::assert_snapshot!(stderr(&run_as_ana_at(&home, NOON, &all).code(2)));
    }
    let list = json_at(&home, NOON, &["schedule", "list"]);
    assert!(
        list.as_array()
            .unwrap()
            .iter()
            .all(|one| one["paused"].is_null())
    );
}

#[test]
fn undeclared_label_can_be_paused_once_it_has_run() {
    let home = Home::new();
    let refused = run_as_ana_at(&home, NOON, &["schedule", "pause", "night"]);
    insta::assert_snapshot!(stderr(&refused.code(2)));
    run_as_ana_at(&home, NOON, &["check-cards", "--label", "night"]).success();
    pause(&home, &["night", "--until", "2026-11-22"]);
    let next = "2026-11-21T13:00:00Z";
    let run = json_at(&home, next, &["check-cards", "--label", "night"]);
    assert_eq!(run["run"]["outcome"], "skipped_paused");
    let after = "2026-11-22T05:00:00Z";
    let run = json_at(&home, after, &["check-cards", "--label", "night"]);
    assert_eq!(run["run"]["outcome"], "done");
}

#[test]
fn family_pause_ends_on_the_given_day() {
    let (home, _) = Home::with_card();
    let family = |now: &str, arguments: &[&str]| {
        let all: Vec<&str> = ["family"]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        run_as_ana_at(&home, now, &all)
    };
    let paused = family(NOON, &["pause", "conrad", "--until", "2026-12-01"]);
    insta::assert_snapshot!(printed(&paused.success()));
    insta::assert_snapshot!(printed(&family(NOON, &["list"]).success()));
    insta::assert_snapshot!(printed(&run_as_ana_at(&home, NOON, &["status"]).success()));
    insta::assert_snapshot!(printed(&run_as_ana_at(&home, NOON, &["notices"]).success()));
    for (day, is_paused) in [("20", false), ("21", true), ("30", true)] {
        let notices = json_at(
            &home,
            NOON,
            &["notices", "--date", &format!("2026-11-{day}")],
        );
        assert_eq!(notices[0]["paused"], is_paused, "{day}");
    }
    let planned_at = |now: &str| {
        let mut command = home.command(&["notify-all", "--json"]);
        let run = json(&command.env("HIPPO_NOW", now).assert().success());
        run["run"]["counts"]["planned"].clone()
    };
    assert_eq!(planned_at("2026-11-21T12:10:00Z"), 0);
    // One run a day: a longer gap would put the clock in doubt.
    for day in 22..31 {
        assert_eq!(planned_at(&format!("2026-11-{day}T12:00:00Z")), 0);
    }
    assert_eq!(planned_at("2026-12-01T11:29:00Z"), 0);
    assert_eq!(planned_at("2026-12-01T11:31:00Z"), 1);
    let after = "2026-12-01T12:00:00Z";
    let list = json(&family(after, &["list", "--json"]).success());
    assert_eq!(
        (&list[0]["paused"], &list[0]["paused_until"]),
        (&false.into(), &Value::Null)
    );
    let status = json_at(&home, after, &["status"]);
    assert_eq!(status["families"][0]["paused"], false);
    assert_eq!(status["alerts"], serde_json::json!([]));
    for wrong in ["2026-12-01", "2026-11-30", "soon"] {
        let refused = family(after, &["pause", "conrad", "--until", wrong]).code(2);
        insta::assert_snapshot!(stderr(&refused));
    }
}

#[test]
fn paused_notify_all_skips_its_days_without_an_alert() {
    let (home, _) = Home::with_card();
    let config = home.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let tick = crate::common::schedule("notify-all", "tick", "rate(15 minutes)", "");
    std::fs::write(&config, format!("{text}\n{tick}")).unwrap();
    let run = |day: u32| {
        let now = format!("2026-11-{day}T12:00:05Z");
        let run = json_at(&home, &now, &["notify-all", "--label", "tick"]);
        run["run"]["outcome"].as_str().unwrap().to_owned()
    };
    assert_eq!(run(21), "done");
    pause(&home, &["tick", "--until", "2026-11-24T11:50:00Z"]);
    assert_eq!(
        [22, 23, 24].map(run),
        ["skipped_paused", "skipped_paused", "done"]
    );
    let now = "2026-11-24T12:10:00Z";
    for day in ["2026-11-22", "2026-11-24"] {
        let notices = run_as_ana_at(&home, now, &["notices", "--date", day]).success();
        insta::assert_snapshot!(printed(&notices));
    }
    assert_eq!(
        json_at(&home, now, &["status"])["alerts"],
        serde_json::json!([])
    );
}

#[test]
fn pausing_a_family_skips_its_waiting_notice_until_resent() {
    // A card that was never checked causes a notice.
    let (home, _) = Home::with_card();
    let folder = home.path().join("mail");
    // A file in place of the mail folder: no email can be written until it's removed.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::write(&folder, "not a folder").unwrap();
    let state = |time: &str, arguments: &[&str]| {
        let all: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let ran = json(&run_as_ana_at(
            &home,
            &format!("2026-11-21T{time}:00Z"),
            &all,
        ));
        ran["notices"][0]["state"].clone()
    };
    assert_eq!(state("11:31", &["notify-all"]), "PENDING");
    pause_family(&home, "11:41", &[]);
    let notify_at = |time: &str| {
        run_as_ana_at(
            &home,
            &format!("2026-11-21T{time}:00Z"),
            &["notify-all", "--quiet"],
        )
    };
    notify_at("12:15").success();
    let notices = run_as_ana_at(&home, "2026-11-21T12:16:00Z", &["notices"]).success();
    insta::assert_snapshot!(printed(&notices));
    let resume = ["family", "resume", "conrad"];
    let resumed = run_as_ana_at(&home, "2026-11-21T12:18:00Z", &resume).success();
    insta::assert_snapshot!(printed(&resumed));
    let again = run_as_ana_at(&home, "2026-11-21T12:18:00Z", &resume).success();
    assert_eq!(
        stdout(&again),
        "The family conrad isn't paused. Nothing was changed.\n"
    );
    std::fs::remove_file(&folder).unwrap();
    let resend = ["notices", "resend", "conrad", "2026-11-21", "--yes"];
    assert_eq!(state("12:19", &resend), "SENT");
}

/// Pauses the family at a time of the 21st.
fn pause_family(home: &Home, time: &str, arguments: &[&str]) -> Assert {
    let all: Vec<&str> = ["family", "pause", "conrad"]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
    run_as_ana_at(home, &format!("2026-11-21T{time}:00Z"), &all).success()
}

#[test]
fn next_and_watch_know_pauses_and_dates() {
    let home = Home::with_schedules();
    let config = home.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let head = text.split("\n[[schedule]]").next().unwrap();
    let schedules = [
        schedule("check-cards", "a", "cron(0 5 * * ? *)", ""),
        schedule("notify-all", "rate", "rate(15 minutes)", ""),
        schedule(
            "check-cards",
            "seven",
            "rate(7 minutes)",
            "start = \"2026-12-20\"",
        ),
        schedule("check-cards", "odd", "rate(11 minutes)", ""),
    ];
    std::fs::write(&config, format!("{head}\n{}", schedules.concat())).unwrap();
    for label in ["a", "odd"] {
        pause(&home, &[label, "--until", "2026-11-23", "--why", "Moving"]);
    }
    let shown = "2026-11-21T12:10:00Z";
    for command in ["schedule next a --count 3", "schedule list", "runs --watch"] {
        let arguments: Vec<&str> = command.split(' ').collect();
        insta::assert_snapshot!(printed(&run_as_ana_at(&home, shown, &arguments).success()));
    }
    let next = json_at(&home, shown, &["schedule", "next", "a"]);
    assert_eq!(next["times"][0]["skipped"], "paused");
    assert_eq!(next["times"][1]["skipped"], Value::Null);
}
