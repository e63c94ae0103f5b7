//! The history of runs: the grid, and lists of past runs.

use hippo_core::run::{Counts, Run, RunOutcome, Trigger};
use hippo_core::store::{RunDayStore as _, RunStore as _};
use hippo_local::sqlite::SqliteStore;
use serde_json::Value;

use crate::common::{Home, files, printed, redact, schedule, stdout};

fn ids(runs: &Value) -> Vec<&str> {
    let runs = runs.as_array().unwrap().iter();
    runs.map(|run| run["scheduled_time"].as_str().unwrap())
        .collect()
}

/// Runs the command at another time; any outcome will do.
fn run_at(home: &Home, now: &str, arguments: &[&str]) {
    let mut command = home.command(arguments);
    command.env("HIPPO_NOW", now).output().unwrap();
}

fn home_with_history() -> Home {
    let (home, _) = Home::with_card();
    run_at(
        &home,
        "2026-11-19T10:00:00Z",
        &["check-cards", "--label", "all"],
    );
    for minute in 0..30 {
        let now = format!("2026-11-20T11:{minute:02}:00Z");
        run_at(&home, &now, &["notify-all", "--label", "tick"]);
    }
    home
}

#[test]
fn grid_shows_squares_and_one_square_for_a_day_of_ticks() {
    let home = home_with_history();
    let grid = home.run(&["runs", "--grid", "--days", "4"]).success();
    insta::assert_snapshot!(printed(&grid));
    let grid = home.json(&["runs", "--grid"]);
    let ticks = &grid["labels"][1];
    assert_eq!(ticks["label"], "tick");
    assert_eq!(ticks["days"][0]["outcomes"][0]["count"], 30);
    assert_eq!(ticks["days"][0]["runs"], serde_json::json!([]));
}

#[test]
fn grid_of_an_unused_home_is_explained() {
    let home = Home::new();
    insta::assert_snapshot!(printed(&home.run(&["runs", "--grid"]).success()));
}

#[test]
fn failed_runs_are_listed_since_a_date() {
    let home = home_with_history();
    assert_eq!(
        ids(&home.json(&["runs", "--failed"])),
        ["2026-11-19T10:00:00Z"]
    );
    assert_eq!(
        home.json(&["runs", "--failed", "--since", "2d"]),
        serde_json::json!([])
    );
    let recent = home.json(&["runs", "--since", "2026-11-20", "--limit", "2"]);
    assert_eq!(
        ids(&recent),
        ["2026-11-20T11:29:00Z", "2026-11-20T11:28:00Z"]
    );
    let text = stdout(
        &home
            .run(&["runs", "--since", "2d", "--limit", "2"])
            .success(),
    );
    insta::assert_snapshot!(text);
    insta::assert_snapshot!(printed(
        &home.run(&["runs", "--failed", "--since", "1d"]).success()
    ));
    for wrong in [
        &["--grid", "--failed"][..],
        &["--since", "soon"],
        &["--days", "3"],
    ] {
        let arguments = [&["runs"], wrong].concat();
        home.run(&arguments).code(2);
    }
}

#[test]
fn run_without_a_square_is_shown_and_gets_one() {
    let home = Home::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = SqliteStore::open(&home.path().join("hippo.db")).unwrap();
    let at = "2026-11-21T10:00:00Z".parse().unwrap();
    let run = Run {
        key: "check-cards/all/2026-11-21T10:00:00Z".parse().unwrap(),
        trigger: Trigger::Schedule,
        input: Value::Null,
        started_at: at,
        reported_at: at,
        finished_at: Some(at),
        outcome: RunOutcome::Missed,
        counts: Counts::default(),
    };
    assert!(runtime.block_on(store.record_run(&run)).unwrap());
    let grid = stdout(&home.run(&["runs", "--grid", "--days", "1"]).success());
    insta::assert_snapshot!(grid);
    let date = at.date_naive();
    let days = runtime.block_on(store.run_days(date, date)).unwrap();
    assert_eq!(days[0].1.squares[0].outcome, RunOutcome::Missed);
}

#[test]
fn run_is_retried_with_its_input_as_a_persons_run() {
    let (home, _) = Home::with_card();
    let input = [
        "run",
        "check-cards",
        "--input",
        r#"{"family":"conrad"}"#,
        "--label",
        "all",
    ];
    run_at(&home, "2026-11-19T10:00:00Z", &input);
    let retried = home.run(&["runs", "retry", "check-cards/all/2026-11-19T10:00:00Z"]);
    // The library doesn't exist, so the card fails again.
    insta::assert_snapshot!(printed(&retried.code(1)));
    let run = &home.json(&["runs", "--label", "person"])[0];
    assert_eq!(run["trigger"], "person");
    assert_eq!(run["input"]["family"], "conrad");

    let failed = [
        "runs",
        "retry",
        "check-cards/all/2026-11-19T10:00:00Z",
        "--failed",
    ];
    let mut later = home.command(&failed);
    later
        .env("HIPPO_NOW", "2026-11-21T13:00:00Z")
        .assert()
        .code(1);
    let run = &home.json(&["runs", "--label", "person"])[0];
    let narrowed = serde_json::json!({"scope": "failed", "family": "conrad", "library": "wpl"});
    assert_eq!(run["input"], narrowed);
}

#[test]
fn running_unknown_and_good_runs_are_not_retried() {
    let home = Home::new();
    home.run(&["check-cards", "--label", "all"]).success();
    let id = "check-cards/all/2026-11-21T12:00:00Z";
    let nothing = home.run(&["runs", "retry", id, "--failed"]).success();
    insta::assert_snapshot!(printed(&nothing));
    let unknown = home.run(&["runs", "retry", "check-cards/al/2026-11-21T12:00:00Z"]);
    insta::assert_snapshot!(printed(&unknown.code(2)));

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = SqliteStore::open(&home.path().join("hippo.db")).unwrap();
    let mut run = runtime
        .block_on(store.run(&id.parse().unwrap()))
        .unwrap()
        .unwrap();
    run.outcome = RunOutcome::Running;
    run.finished_at = None;
    runtime.block_on(store.report_run(&run)).unwrap();
    insta::assert_snapshot!(printed(&home.run(&["runs", "retry", id]).code(2)));
}

#[test]
fn run_that_never_came_is_retried_with_the_input_of_its_label() {
    let home = home_with_history();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = SqliteStore::open(&home.path().join("hippo.db")).unwrap();
    let known = "check-cards/all/2026-11-19T10:00:00Z".parse().unwrap();
    let mut missed = runtime.block_on(store.run(&known)).unwrap().unwrap();
    missed.key.scheduled_time += chrono::Duration::hours(1);
    missed.input = Value::Null;
    missed.outcome = RunOutcome::Missed;
    assert!(runtime.block_on(store.record_run(&missed)).unwrap());
    home.run(&["runs", "retry", &missed.key.to_string()])
        .code(1);

    missed.key.label = "other".parse().unwrap();
    assert!(runtime.block_on(store.record_run(&missed)).unwrap());
    insta::assert_snapshot!(printed(
        &home
            .run(&["runs", "retry", &missed.key.to_string()])
            .code(2)
    ));
}

#[test]
fn log_lines_of_runs_are_kept_and_shown() {
    let (home, _) = Home::with_card();
    run_at(
        &home,
        "2026-11-21T10:00:00Z",
        &["check-cards", "--label", "all"],
    );
    run_at(
        &home,
        "2026-11-21T11:00:00Z",
        &["notify-all", "--label", "tick"],
    );
    let all = stdout(&home.run(&["logs"]).success());
    insta::assert_snapshot!(redact(&all));
    let of_job = home.json(&["logs", "--job", "notify-all"]);
    let sources: Vec<&Value> = of_job
        .as_array()
        .unwrap()
        .iter()
        .map(|line| &line["source"])
        .collect();
    assert!(!sources.is_empty());
    assert!(
        sources
            .iter()
            .all(|source| **source == "notify-all/tick/2026-11-21T11:00:00Z")
    );
    let of_run = home.json(&["logs", "check-cards/all/2026-11-21T10:00:00Z"]);
    assert!(
        of_run
            .as_array()
            .unwrap()
            .iter()
            .any(|line| line["level"] == "WARN"),
        "{of_run}"
    );
    let logs = files(&home.path().join("logs"));
    assert_eq!(logs.len(), 2);
    for (_, bytes) in logs {
        let text = String::from_utf8(bytes).unwrap();
        for secret in ["canary-4711", "29000000001234", "Pat", "example.org"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    let mut tomorrow = home.command(&["logs"]);
    let none = tomorrow
        .env("HIPPO_NOW", "2026-11-23T12:00:00Z")
        .assert()
        .success();
    insta::assert_snapshot!(printed(&none));
    home.run(&["logs", "check-cards/all/2026-11-21T10:00:01Z"])
        .code(2);
    run_at(
        &home,
        "2026-12-05T10:00:01Z",
        &["check-cards", "--label", "late"],
    );
    assert_eq!(
        files(&home.path().join("logs")).len(),
        2,
        "those of old runs are gone"
    );
}

#[test]
fn lines_of_a_run_follow_the_level_of_its_schedule() {
    for (keys, expected) in [
        ("", vec!["INFO", "WARN", "INFO"]),
        ("log_level = \"warn\"", vec!["WARN"]),
    ] {
        let (home, _) = Home::with_card();
        let config = home.path().join("config.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let table = schedule("check-cards", "all", "rate(1 hour)", keys);
        std::fs::write(&config, format!("{text}\n{table}")).unwrap();
        let arguments = ["check-cards", "--label", "all"];
        run_at(&home, "2026-11-21T10:00:00Z", &arguments);
        let lines = home.json(&["logs"]);
        let levels: Vec<&str> = lines
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["level"].as_str().unwrap())
            .collect();
        assert_eq!(levels, expected, "{lines}");
    }
}

#[test]
fn debug_lines_of_a_run_are_kept_without_a_secret() {
    let (home, _) = Home::with_card();
    let config = home.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let keys = "log_level = \"trace\"";
    let table = schedule("check-cards", "all", "rate(1 hour)", keys);
    std::fs::write(&config, format!("{text}\n{table}")).unwrap();
    let arguments = ["check-cards", "--label", "all"];
    run_at(&home, "2026-11-21T10:00:00Z", &arguments);
    let lines = home.json(&["logs"]).to_string();
    assert!(lines.contains("\"DEBUG\""), "{lines}");
    for secret in ["canary-4711", "29000000001234", "Pat", "example.org"] {
        assert!(!lines.contains(secret), "{lines}");
    }
}

#[cfg(unix)]
#[test]
fn followed_log_shows_new_lines_until_interrupted() {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;
    let home = Home::new();
    let mut following = std::process::Command::new(env!("CARGO_BIN_EXE_hippo"))
        .env_clear()
        .env("HIPPO_HOME", home.path())
        .args(["logs", "-f"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Until its first look, it can't tell new lines from old ones, but it shows both.
    let mut command = home.command(&["check-cards", "--label", "all"]);
    command.env_remove("HIPPO_NOW").assert().success();
    let lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let began = lines
        .map(Result::unwrap)
        .find(|line| line.contains("A run began."));
    assert!(began.is_some());
    let interrupted = std::process::Command::new("kill")
        .args(["-INT", &following.id().to_string()])
        .status();
    assert!(interrupted.unwrap().success());
    assert_eq!(following.wait().unwrap().code(), Some(0));
}

#[test]
fn followed_log_of_a_run_ends_with_the_run() {
    let (home, _) = Home::with_card();
    let arguments = ["check-cards", "--label", "all"];
    run_at(&home, "2026-11-21T10:00:00Z", &arguments);
    let id = "check-cards/all/2026-11-21T10:00:00Z";
    let mut follow = home.command(&["logs", "-f", id]);
    let follow = follow.timeout(std::time::Duration::from_secs(60));
    let lines = stdout(&follow.assert().success());
    assert!(lines.contains("A run began."), "{lines}");
    assert!(lines.contains("A run ended."), "{lines}");
}

#[test]
fn runs_of_a_busy_day_are_found_whatever_their_second_is() {
    let (home, _) = Home::with_card();
    for hour in 0..13 {
        for minute in ["07:13", "37:43"] {
            // The library doesn't exist, so the card fails.
            let now = format!("2026-11-20T{hour:02}:{minute}Z");
            run_at(&home, &now, &["check-cards"]);
        }
    }
    let failed = home.json(&["runs", "--failed", "--limit", "3"]);
    assert_eq!(
        ids(&failed),
        [
            "2026-11-20T12:37:43Z",
            "2026-11-20T12:07:13Z",
            "2026-11-20T11:37:43Z"
        ]
    );
    insta::assert_snapshot!(printed(
        &home.run(&["runs", "--failed", "--limit", "3"]).success()
    ));
    assert_eq!(
        ids(&home.json(&["runs", "--since", "7d", "--limit", "200"])).len(),
        26
    );
}
