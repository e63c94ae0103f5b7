//! The records of runs and notices, alerts, schedules and stopped recipients.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Stdio;

use crate::common::{Home, files, json, printed, redact, schedule, stderr, stdout};
use chrono::{DateTime, Duration, Utc};
use hippo_core::alerts::Alert;
use hippo_core::family::StoppedRecipient;
use hippo_core::outbox::MailState;
use hippo_core::run::ledger::LOST_AFTER;
use hippo_core::run::{Counts, JobName, Run, RunKey, RunOutcome, Trigger};
use hippo_core::store::{AlertStore as _, FamilyStore as _, RunStore as _};
use hippo_local::sqlite::SqliteStore;
use serde_json::{Value, json as document};

/// The command on a home at another time.
fn at(home: &Home, now: &str, arguments: &[&str]) -> assert_cmd::Command {
    let mut command = home.command(arguments);
    command.env("HIPPO_NOW", now);
    command
}

/// Appends to a home's configuration.
fn configure(home: &Home, more: &str) {
    let path = home.path().join("config.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        path,
        format!("{text}\n{more}\n").replace("[operator]\n#", "#"),
    )
    .unwrap();
}

fn mails(home: &Home) -> Vec<String> {
    files(&home.path().join("mail"))
        .into_iter()
        .filter(|(path, _)| path.extension().is_some_and(|kind| kind == "eml"))
        .map(|(_, bytes)| String::from_utf8(bytes).unwrap())
        .collect()
}

#[test]
fn runs_are_limited_per_label() {
    let home = Home::new();
    for minute in 10..20 {
        let time = format!("2026-11-21T12:{minute}:00Z");
        at(&home, &time, &["notify-all", "--label", "tick"])
            .assert()
            .success();
    }
    at(
        &home,
        "2026-11-21T12:00:00Z",
        &["check-cards", "--label", "all"],
    )
    .assert()
    .success();
    let ids = |arguments: &[&str]| -> Vec<String> {
        let runs = home.json(arguments);
        let run = |run: &Value| {
            let time = run["scheduled_time"].as_str().unwrap()[11..16].to_owned();
            format!(
                "{}/{} {time}",
                run["job"].as_str().unwrap(),
                run["label"].as_str().unwrap()
            )
        };
        runs.as_array().unwrap().iter().map(run).collect()
    };
    assert_eq!(
        ids(&["runs", "--limit", "2"]),
        [
            "check-cards/all 12:00",
            "notify-all/tick 12:19",
            "notify-all/tick 12:18"
        ]
    );
    assert_eq!(ids(&["runs", "--label", "all"]), ["check-cards/all 12:00"]);
    assert_eq!(ids(&["runs", "--job", "notify-all"]).len(), 5);
    let table = stdout(&home.run(&["runs", "--limit", "1"]).success());
    assert_eq!(table.lines().count(), 3, "{table}");
    for arguments in [
        &["--label", "nobody"][..],
        &["--job", "notify-all", "--label", "all"],
    ] {
        let none = home.run(&[&["runs"], arguments].concat()).success();
        insta::assert_snapshot!(printed(&none));
    }
}

#[test]
fn empty_list_of_runs_names_the_filter() {
    let home = Home::new();
    let none = stdout(&home.run(&["runs"]).success());
    insta::assert_snapshot!(redact(&none));
    home.run(&["check-cards", "--label", "all"]).success();
    let none = stdout(&home.run(&["runs", "--job", "notify-all"]).success());
    insta::assert_snapshot!(redact(&none));
}

#[test]
fn rare_label_is_listed_among_many_ticks() {
    let home = Home::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(&home.path().join("hippo.db")).unwrap();
        let first: DateTime<Utc> = "2026-11-14T10:00:00Z".parse().unwrap();
        for number in 0..=420 {
            let at = first + Duration::minutes(15 * number);
            let label = if number == 0 { "weekly" } else { "tick" };
            let run = Run {
                key: RunKey {
                    job: JobName::NOTIFY_ALL,
                    label: label.parse().unwrap(),
                    scheduled_time: at,
                },
                trigger: Trigger::Schedule,
                input: Value::Null,
                started_at: at,
                reported_at: at,
                finished_at: Some(at),
                outcome: RunOutcome::Done,
                counts: Counts::default(),
            };
            assert!(store.record_run(&run).await.unwrap());
        }
    });
    let runs = home.json(&["runs", "--limit", "1"]);
    let labels: Vec<_> = runs
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["label"].as_str().unwrap())
        .collect();
    assert_eq!(labels, ["tick", "weekly"]);
}

#[test]
fn runs_show_lists_failures_by_library_and_card() {
    let (home, card) = Home::with_card();
    home.run(&["check-cards", "--label", "all"]).code(1);
    let id = "check-cards/all/2026-11-21T12:00:00Z";
    let run = home.json(&["runs", "show", id]);
    assert_eq!(run["outcome"], "done_with_failures");
    assert_eq!(
        run["failures"],
        document!([{"kind": "site_down", "library": "wpl", "count": 1}])
    );
    assert_eq!(
        run["failed_items"],
        document!([{"family": "conrad", "card": card, "library": "wpl", "failed_with": "site_down", "patron": "Pat", "subject": "card"}])
    );
    let text = stdout(&home.run(&["runs", "show", id]).success());
    insta::assert_snapshot!(redact(&text));
}

#[test]
fn watch_prints_json_lines_and_once_without_a_terminal() {
    let home = Home::new();
    configure(
        &home,
        "[[schedule]]\njob = \"check-cards\"\nlabel = \"all\"\nwhen = \"cron(0 5 * * ? *)\"\n\
         timezone = \"America/Toronto\"",
    );
    let once = home.run(&["runs", "--watch"]).success();
    insta::assert_snapshot!(printed(&once));
    let mut watching = std::process::Command::new(env!("CARGO_BIN_EXE_hippo"))
        .env_clear()
        .env("HIPPO_HOME", home.path())
        .args(["runs", "--watch", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(first["runs"], document!([]));
    assert_eq!(first["next"][0]["label"], "all");
    at(
        &home,
        "2026-11-21T12:00:00Z",
        &["check-cards", "--label", "all"],
    )
    .assert()
    .success();
    let later = lines
        .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap())
        .find(|document| document["runs"] != document!([]))
        .unwrap();
    watching.kill().unwrap();
    watching.wait().unwrap();
    assert_eq!(later["runs"][0]["label"], "all");
}

#[test]
fn run_command_starts_a_job_with_its_input() {
    let (home, _) = Home::with_card();
    let ran = home
        .command(&[
            "run",
            "check-cards",
            "--json",
            "--input",
            r#"{"library":"wpl"}"#,
        ])
        .assert()
        .code(1);
    let ran = json(&ran);
    assert_eq!(ran["run"]["trigger"], "person");
    assert_eq!(ran["run"]["input"]["library"], "wpl");
    let planned = home.json(&[
        "run",
        "notify-all",
        "--dry-run",
        "--input",
        r#"{"family":"conrad"}"#,
    ]);
    assert_eq!(planned[0]["family"], "conrad");
    for input in [
        r#"{"famly":"conrad"}"#,
        r#"{"library":"nowhere"}"#,
        "conrad",
    ] {
        let refused = home.run(&["run", "check-cards", "--input", input]).code(2);
        insta::assert_snapshot!(printed(&refused));
    }
}

#[test]
fn job_input_must_be_an_object_and_keeps_at_once() {
    let home = Home::new();
    for input in ["[]", r#"[null,null,true]"#, "7"] {
        let refused = home.run(&["run", "notify-all", "--input", input]).code(2);
        insta::assert_snapshot!(printed(&refused));
    }
    assert_eq!(home.json(&["runs"]), document!([]));
    for (input, at_once) in [
        ("{}", true),
        (r#"{"at_once":false}"#, false),
        (r#"{"at_once":true}"#, true),
    ] {
        let ran = home.json(&["run", "notify-all", "--input", input]);
        assert_eq!(ran["run"]["input"]["at_once"], at_once, "{input}");
    }
}

#[test]
fn dry_run_lists_cards_and_stores_nothing() {
    let (home, card) = Home::with_card();
    let planned = home.json(&["check-cards", "--dry-run"]);
    assert_eq!(planned["visits"], 1);
    assert_eq!(planned["cards"][0]["card"], card.as_str());
    let output = stdout(
        &home
            .run(&["check-cards", "--dry-run", "--scope", "failed"])
            .success(),
    );
    insta::assert_snapshot!(redact(&output));
    assert_eq!(home.json(&["runs"]), document!([]));
    assert!(home.json(&["status"])["families"][0]["cards"][0]["last_checked"].is_null());
    home.run(&["card", "pause", &card]).success();
    let output = stdout(&home.run(&["check-cards", "--dry-run"]).success());
    insta::assert_snapshot!(redact(&output));
    let planned = home.json(&["check-cards", "--dry-run"]);
    assert_eq!(planned["cards"], document!([]));
    assert_eq!(planned["left_out"][0]["not_tried"], "paused");
}

#[test]
fn dry_run_excludes_cards_in_back_off() {
    let (home, card) = Home::with_card();
    // The library's host doesn't exist.
    home.run(&["check-cards"]).code(1);
    let output = stdout(&home.run(&["check-cards", "--dry-run"]).success());
    insta::assert_snapshot!(redact(&output));
    let planned = home.json(&["check-cards", "--dry-run"]);
    assert_eq!(planned["visits"], 0);
    assert_eq!(planned["cards"][0]["card"], card.as_str());
    assert_eq!(planned["cards"][0]["not_tried"], "library_backing_off");
    let status = stdout(&home.run(&["status"]).success());
    insta::assert_snapshot!(redact(&status));
}

#[test]
fn notice_is_resent_only_after_confirmation() {
    let (home, _) = Home::with_card();
    let morning = "2026-11-22T12:00:00Z";
    let early = at(&home, "2026-11-22T08:00:00Z", &["notices"])
        .assert()
        .success();
    insta::assert_snapshot!(printed(&early));
    at(&home, morning, &["notify-all"]).assert().success();
    let listed = json(
        &at(&home, morning, &["notices", "--json"])
            .assert()
            .success(),
    );
    assert_eq!(listed[0]["record"]["state"], "SENT");
    assert_eq!(mails(&home).len(), 1);

    let resend = ["notices", "resend", "conrad", "2026-11-22"];
    let asked = at(&home, morning, &resend).assert().code(2);
    insta::assert_snapshot!(printed(&asked));
    let again = at(&home, morning, &[&resend[..], &["--yes"]].concat())
        .assert()
        .success();
    insta::assert_snapshot!(printed(&again));
    assert_eq!(mails(&home).len(), 2);
    // The next tick sends no third email.
    at(&home, "2026-11-22T12:15:00Z", &["notify-all"])
        .assert()
        .success();
    assert_eq!(mails(&home).len(), 2);
    let runs = json(
        &at(&home, morning, &["runs", "--label", "person", "--json"])
            .assert()
            .success(),
    );
    assert_eq!(runs[0]["trigger"], "person");
}

#[test]
fn only_todays_existing_notice_can_be_resent() {
    let (home, _) = Home::with_card();
    at(&home, "2026-11-22T12:00:00Z", &["notify-all"])
        .assert()
        .success();
    for (family, date) in [
        ("conrad", "2026-11-22"),
        ("conrad", "2026-11-23"),
        ("nobody", "2026-11-22"),
        ("conrad", "yesterday"),
    ] {
        let command = ["notices", "resend", family, date, "--yes"];
        let refused = at(&home, "2026-11-23T20:00:00Z", &command).assert().code(2);
        insta::assert_snapshot!(printed(&refused));
    }
    assert_eq!(mails(&home).len(), 1);
}

#[test]
fn alert_is_mailed_to_the_operator_once() {
    let home = Home::new();
    configure(
        &home,
        &format!(
            "[operator]\nemail = \"op@example.org\"\n{}",
            schedule("notify-all", "tick", "rate(15 minutes)", "")
        ),
    );
    let tick = |time: &str| {
        let time = format!("2026-11-21T{time}:00Z");
        at(&home, &time, &["notify-all", "--label", "tick"])
            .assert()
            .success();
    };
    tick("10:00");
    assert!(mails(&home).is_empty());
    tick("12:00");
    tick("12:15");
    let alerts = mails(&home);
    assert_eq!(alerts.len(), 1, "{alerts:#?}");
    let alert = &alerts[0];
    assert!(alert.contains("To: op@example.org"), "{alert}");
    assert!(alert.contains("7 runs of notify-all/tick"), "{alert}");
    let status = json(
        &at(&home, "2026-11-21T12:16:00Z", &["status", "--json"])
            .assert()
            .success(),
    );
    assert_eq!(status["alerts"][0]["alert"]["kind"], "runs_missed");
    let status = at(&home, "2026-11-21T12:16:00Z", &["status"])
        .assert()
        .success();
    insta::assert_snapshot!(printed(&status));
    let missed = json(
        &at(
            &home,
            "2026-11-21T12:16:00Z",
            &["runs", "--limit", "20", "--json"],
        )
        .assert()
        .success(),
    );
    let missed = missed
        .as_array()
        .unwrap()
        .iter()
        .filter(|run| run["outcome"] == "missed");
    assert_eq!(missed.count(), 7);
}

#[test]
fn changed_schedule_has_no_missed_runs_at_its_new_times() {
    let home = Home::new();
    let config = home.path().join("config.toml");
    configure(
        &home,
        &schedule("notify-all", "tick", "cron(0 * * * ? *)", ""),
    );
    let missed_by = |hour: u32| {
        let time = format!("2026-11-21T{hour}:00:00Z");
        at(&home, &time, &["notify-all", "--label", "tick"])
            .assert()
            .success();
        let mut runs = at(&home, &time, &["runs", "--limit", "20", "--json"]);
        let runs = json(&runs.assert().success());
        let outcomes = runs.as_array().unwrap().iter().map(|run| &run["outcome"]);
        outcomes.filter(|outcome| *outcome == "missed").count()
    };
    assert_eq!(missed_by(10), 0);
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(
        &config,
        text.replace("cron(0 * * * ? *)", "rate(15 minutes)"),
    )
    .unwrap();
    assert_eq!(missed_by(12), 0);
    assert_eq!(missed_by(13), 3);
}

/// Records a run of check-cards that never ended.
fn record_lost_run(home: &Home) {
    let time: DateTime<Utc> = "2026-11-21T10:00:00Z".parse().unwrap();
    let run = Run {
        key: "check-cards/all/2026-11-21T10:00:00Z".parse().unwrap(),
        trigger: Trigger::Schedule,
        input: Value::Null,
        started_at: time,
        reported_at: time,
        finished_at: None,
        outcome: RunOutcome::Running,
        counts: Counts::default(),
    };
    let store = SqliteStore::open(&home.path().join("hippo.db")).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let started = runtime.block_on(store.start_run(&run, false, LOST_AFTER));
    started.unwrap();
}

#[cfg(unix)]
#[test]
fn nearest_table_says_how_failed_runs_reach_the_operator() {
    let told =
        r#"echo "$HIPPO_JOB $HIPPO_LABEL $HIPPO_OUTCOME $HIPPO_RUN_ID" >>"$HIPPO_HOME/told""#;
    let expected = "check-cards all lost check-cards/all/2026-11-21T10:00:00Z\n";
    let command = format!("on_failure = {{ command = '{told}' }}\n");
    let failing = format!("on_failure = {{ command = '{told}; false' }}\n");
    let log = "on_failure = \"log\"\n";
    // The keys of [operator], [jobs.check-cards] and [[schedule]].
    for (operator, job, schedule_keys, mailed, told) in [
        ("", "", "", 1, ""),
        ("", "", log, 0, ""),
        ("", "", &*command, 0, expected),
        // If the command fails, the email comes.
        ("", "", &*failing, 1, expected),
        (&*command, "", "", 0, expected),
        (log, &*command, "", 0, expected),
        (&*command, &*command, log, 0, ""),
        (log, log, "on_failure = \"mail\"", 1, ""),
    ] {
        let home = Home::new();
        let table = schedule("check-cards", "all", "rate(1 hour)", schedule_keys);
        configure(
            &home,
            &format!(
                "[operator]\nemail = \"op@example.org\"\n{operator}[jobs.check-cards]\n{job}{table}"
            ),
        );
        record_lost_run(&home);
        for hour in ["11", "12"] {
            let time = format!("2026-11-21T{hour}:00:00Z");
            at(&home, &time, &["check-cards", "--label", "all"])
                .assert()
                .success();
        }
        let keys = format!("{operator}/{job}/{schedule_keys}");
        assert_eq!(mails(&home).len(), mailed, "{keys}");
        let file = std::fs::read_to_string(home.path().join("told"));
        assert_eq!(file.unwrap_or_default(), told, "{keys}");
        let mut logs = at(&home, "2026-11-21T12:00:00Z", &["logs"]);
        let logs = stdout(&logs.assert().success());
        let is_logged = logs.contains("ERROR") && logs.contains("run-lost/check-cards/all/");
        assert_eq!(is_logged, mailed == 0 && told.is_empty(), "{keys}: {logs}");
    }
}

#[test]
fn alerts_without_an_operator_address_are_logged() {
    let home = Home::new();
    configure(
        &home,
        &schedule("notify-all", "tick", "rate(15 minutes)", ""),
    );
    let tick = |time: &str, arguments: &[&str]| {
        let time = format!("2026-11-21T{time}:00Z");
        stderr(&at(&home, &time, arguments).assert().success())
    };
    tick("10:00", &["notify-all", "--label", "tick"]);
    let output = tick("12:00", &["notify-all", "--label", "tick"]);
    // Behind the time of the log line, which is the machine's.
    let (_, line) = output.split_once(" ERROR ").unwrap();
    insta::assert_snapshot!(line);
    assert_eq!(tick("12:15", &["notify-all", "--label", "tick"]), "");
    assert_eq!(tick("12:16", &["notify-all"]), "");
}

#[test]
fn successful_scheduled_run_sends_its_heartbeat() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let read = connection.read(&mut request).unwrap();
        connection
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    let home = Home::new();
    configure(
        &home,
        &format!("[jobs.check-cards]\nheartbeat = \"http://127.0.0.1:{port}/canary-url\""),
    );
    // A person's run sends no heartbeat.
    home.run(&["check-cards"]).success();
    let ran = home.run(&["check-cards", "--label", "all"]).success();
    assert!(
        served
            .join()
            .unwrap()
            .starts_with("GET /canary-url HTTP/1.1")
    );
    assert_eq!(stderr(&ran), "");
    // If the heartbeat fails, the run still succeeds, and the log doesn't name the URL.
    let mut gone = at(
        &home,
        "2026-11-21T13:00:00Z",
        &["check-cards", "--label", "all"],
    );
    let gone = gone.env("HIPPO_LOG", "warn").assert().success();
    assert!(
        stderr(&gone).contains("The heartbeat didn't arrive"),
        "{}",
        stderr(&gone)
    );
    assert!(!stderr(&gone).contains("canary-url"), "{}", stderr(&gone));
}

#[test]
fn disabled_or_late_schedule_does_not_start() {
    let home = Home::new();
    configure(
        &home,
        &[
            schedule("check-cards", "all", "rate(1 hour)", "enabled = false"),
            schedule(
                "check-cards",
                "failed",
                "rate(1 hour)",
                "start_within = \"30 min\"",
            ),
        ]
        .concat(),
    );
    let paused = home.json(&["check-cards", "--label", "all"]);
    assert_eq!(paused["not_started"], "skipped");
    assert_eq!(paused["run"]["outcome"], "skipped_paused");
    let late = [
        "check-cards",
        "--label",
        "failed",
        "--scheduled-time",
        "2026-11-21T11:00:00Z",
    ];
    assert_eq!(home.json(&late)["run"]["outcome"], "missed");
    let in_time = [
        "check-cards",
        "--label",
        "failed",
        "--scheduled-time",
        "2026-11-21T11:45:00Z",
    ];
    assert_eq!(home.json(&in_time)["run"]["outcome"], "done");
    let alerts = &home.json(&["status"])["alerts"];
    assert_eq!(alerts[0]["alert"]["kind"], "run_too_late");
}

#[test]
fn run_with_a_label_has_the_declared_input_unless_one_is_given() {
    let home = Home::new();
    let failed = "input = { scope = \"failed\" }";
    configure(
        &home,
        &[
            schedule("check-cards", "failed", "rate(1 hour)", failed),
            schedule("check-cards", "other", "rate(1 hour)", ""),
            schedule(
                "notify-all",
                "sharp",
                "rate(1 hour)",
                "input = { at_once = true }",
            ),
        ]
        .concat(),
    );
    let input = |minute: u8, arguments: &[&str]| {
        let time = format!("2026-11-21T12:{minute:02}:00Z");
        let mut command = at(&home, &time, arguments);
        let ran = json(&command.arg("--json").assert().success());
        ran["run"]["input"].clone()
    };
    let declared = document!({"scope": "failed", "family": null, "library": null});
    let given = document!({"scope": "all", "family": null, "library": null});
    let label = ["--label", "failed"];
    assert_eq!(input(0, &[&["check-cards"][..], &label].concat()), declared);
    assert_eq!(
        input(1, &[&["run", "check-cards"][..], &label].concat()),
        declared
    );
    let scope = ["check-cards", "--scope", "all"];
    assert_eq!(input(2, &[&scope[..], &label].concat()), given);
    let json_input = ["run", "check-cards", "--input", "{}"];
    assert_eq!(input(3, &[&json_input[..], &label].concat()), given);
    assert_eq!(input(4, &["check-cards", "--label", "other"]), given);
    let sharp = ["notify-all", "--label", "sharp"];
    assert_eq!(input(5, &sharp)["at_once"], true);
    let sharp = ["run", "notify-all", "--label", "sharp", "--input", "{}"];
    assert_eq!(input(6, &sharp)["at_once"], false);
}

#[test]
fn refused_removal_of_a_library_keeps_its_alerts() {
    let (home, card) = Home::with_card();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(&home.path().join("hippo.db")).unwrap();
        let alert = Alert::LibraryDown {
            library: "wpl".parse().unwrap(),
            since: "2026-11-20T05:00:00Z".parse().unwrap(),
        };
        let now = "2026-11-21T05:00:00Z".parse().unwrap();
        let recorded = store.record_alert(&alert.key(), &alert, now).await;
        assert!(recorded.unwrap());
    });
    let alerts = || home.json(&["status"])["alerts"].as_array().unwrap().len();
    home.run(&["library", "remove", "wpl", "--yes"]).code(2);
    assert_eq!(alerts(), 1);
    home.run(&["card", "remove", &card, "--yes"]).success();
    home.run(&["library", "remove", "wpl", "--yes"]).success();
    assert_eq!(alerts(), 0);
}

#[test]
fn status_shows_the_newest_alerts_and_counts_the_rest() {
    let home = Home::new();
    configure(&home, "");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(&home.path().join("hippo.db")).unwrap();
        for number in 10..35 {
            let alert = Alert::LibraryDown {
                library: format!("library-{number}").parse().unwrap(),
                since: "2026-11-20T05:00:00Z".parse().unwrap(),
            };
            let now = format!("2026-11-21T05:{number}:00Z").parse().unwrap();
            let recorded = store.record_alert(&alert.key(), &alert, now).await;
            assert!(recorded.unwrap());
        }
        // This alert isn't true: the process stopped before it gave the notice up.
        let alert = Alert::NoNotice {
            mail: hippo_core::outbox::MailKind::DAILY,
            family: "conrad".parse().unwrap(),
            date: "2026-11-21".parse().unwrap(),
            state: MailState::GaveUp,
        };
        let now = "2026-11-21T06:00:00Z".parse().unwrap();
        let recorded = store.record_alert(&alert.key(), &alert, now).await;
        assert!(recorded.unwrap());
    });
    let status = stdout(&home.run(&["status"]).success());
    assert_eq!(status.matches("hasn't answered").count(), 10, "{status}");
    insta::assert_snapshot!(redact(&status));
    let all = home.json(&["status"])["alerts"].clone();
    assert_eq!(all.as_array().unwrap().len(), 25);
}

#[test]
fn run_that_its_schedule_excludes_is_skipped_with_the_reason() {
    let home = Home::new();
    let daily = "cron(0 5 * * ? *)";
    configure(
        &home,
        &[
            schedule("check-cards", "early", daily, "start = \"2026-11-22\""),
            schedule("check-cards", "over", daily, "end = \"2026-11-21\""),
            schedule("check-cards", "closed", daily, "except = \"closed.toml\""),
        ]
        .concat(),
    );
    std::fs::write(home.path().join("closed.toml"), "all = [\"2026-11-21\"]\n").unwrap();
    let outcome = |now: &str, label: &str| {
        let ran = at(&home, now, &["check-cards", "--label", label, "--json"])
            .assert()
            .success();
        json(&ran)["run"]["outcome"].as_str().unwrap().to_owned()
    };
    // 05:00 in Toronto.
    let saturday = "2026-11-21T10:00:00Z";
    assert_eq!(outcome(saturday, "early"), "skipped_outside_dates");
    assert_eq!(outcome(saturday, "over"), "skipped_outside_dates");
    assert_eq!(outcome(saturday, "closed"), "skipped_closed");
    let sunday = "2026-11-22T10:00:00Z";
    assert_eq!(outcome(sunday, "early"), "done");
    assert_eq!(outcome(sunday, "over"), "skipped_outside_dates");
    assert_eq!(outcome(sunday, "closed"), "done");
    let alerts = home.json(&["status"])["alerts"].clone();
    assert_eq!(alerts, serde_json::json!([]));
}

#[test]
fn late_start_counts_for_the_last_scheduled_time() {
    let home = Home::new();
    configure(
        &home,
        &schedule(
            "check-cards",
            "all",
            "cron(0 5,12,18 * * ? *)",
            "start_within = \"60 min\"",
        ),
    );
    let started = |now: &str| {
        let ran = at(&home, now, &["check-cards", "--label", "all", "--json"])
            .assert()
            .success();
        let message = stderr(&ran);
        (json(&ran), message)
    };
    // 05:00 in Toronto, then a minute late: no run was missed, and no alert is raised.
    let (first, _) = started("2026-11-21T10:00:00Z");
    assert_eq!(first["run"]["scheduled_time"], "2026-11-21T10:00:00Z");
    let (late, message) = started("2026-11-21T17:01:02Z");
    assert_eq!(late["run"]["scheduled_time"], "2026-11-21T17:00:00Z");
    assert_eq!(
        (late["run"]["outcome"].as_str(), message.as_str()),
        (Some("done"), "")
    );
    // The machine slept and is too late for 18:00.
    let (missed, message) = started("2026-11-22T00:43:00Z");
    assert_eq!(message, "");
    assert_eq!(missed["not_started"], "skipped");
    assert_eq!(missed["run"]["outcome"], "missed");
    let (next, _) = started("2026-11-22T10:00:30Z");
    assert_eq!(next["run"]["outcome"], "done");
    let runs = home.json(&["runs", "--label", "all"]);
    let outcomes: Vec<_> = runs
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["outcome"])
        .collect();
    assert_eq!(outcomes, ["done", "missed", "done", "done"]);
    // A start between scheduled times isn't a new run, and a message explains why.
    let (other, message) = started("2026-11-22T14:00:00Z");
    assert_eq!(other["not_started"], "already_ran");
    insta::assert_snapshot!(redact(&message));
}

#[test]
fn stopped_recipient_is_listed_and_can_be_allowed() {
    let (home, _) = Home::with_card();
    stop(&home, "pat@example.org");
    let list = stdout(&home.run(&["family", "list"]).success());
    insta::assert_snapshot!(redact(&list));
    let allow = ["family", "allow-recipient", "conrad", "PAT@example.org"];
    home.run(&allow).success();
    let list = stdout(&home.run(&["family", "list"]).success());
    insta::assert_snapshot!(redact(&list));
    let refused = home.run(&allow).code(2);
    insta::assert_snapshot!(printed(&refused));
    let stranger = ["family", "allow-recipient", "conrad", "zoe@example.org"];
    let refused = home.run(&stranger).code(2);
    insta::assert_snapshot!(printed(&refused));
}

#[test]
fn family_edit_names_the_first_day_of_a_new_time() {
    let (home, _) = Home::with_card();
    let edited = home
        .run(&["family", "edit", "conrad", "--time", "05:00"])
        .success();
    insta::assert_snapshot!(printed(&edited));
    let renamed = home
        .run(&["family", "edit", "conrad", "--name", "Conrad"])
        .success();
    assert_eq!(stdout(&renamed), "Changed the family conrad.\n");
}

#[test]
fn clock_that_went_back_raises_an_alert() {
    let home = Home::new();
    at(
        &home,
        "2026-11-21T12:00:00Z",
        &["notify-all", "--label", "tick"],
    )
    .assert()
    .success();
    let back = at(
        &home,
        "2026-11-21T11:30:00Z",
        &["notify-all", "--label", "tick"],
    )
    .assert()
    .success();
    let logged = stderr(&back);
    let (_, logged) = logged.trim_start().split_once(' ').unwrap();
    insta::assert_snapshot!(logged);
    let alert = &home.json(&["status"])["alerts"][0];
    assert_eq!(alert["alert"]["seconds"], -1800);
}

/// Stops emails to a recipient of the family conrad.
fn stop(home: &Home, address: &str) {
    let stopped = StoppedRecipient {
        address: address.parse().unwrap(),
        since: "2026-11-21T12:00:00Z".parse().unwrap(),
        complained: false,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let was_stopped = runtime.block_on(async {
        let store = SqliteStore::open(&home.path().join("hippo.db")).unwrap();
        let conrad = "conrad".parse().unwrap();
        store.stop_recipient(&conrad, &stopped).await.unwrap()
    });
    assert!(was_stopped);
}

#[test]
fn recipient_counts_exclude_stopped_addresses() {
    let (home, _) = Home::with_card();
    home.run(&["family", "add-recipient", "conrad", "sam@example.org"])
        .success();
    stop(&home, "pat@example.org");
    let run_next_morning = |arguments: &[&str]| {
        let morning = "2026-11-22T12:00:00Z";
        stdout(&at(&home, morning, arguments).assert().success())
    };
    let dry_run = ["notify-all", "--dry-run"];
    for output in [run_next_morning(&dry_run), run_next_morning(&["status"])] {
        insta::assert_snapshot!(redact(&output));
    }
    stop(&home, "sam@example.org");
    let output = run_next_morning(&dry_run);
    insta::assert_snapshot!(redact(&output));
    let output = run_next_morning(&["status"]);
    insta::assert_snapshot!(redact(&output));
    let status = home.json(&["status"]);
    assert_eq!(status["families"][0]["recipients"], 0);
    assert_eq!(status["families"][0]["stopped"], 2);
    // The real run does what the dry run showed.
    let sent = at(&home, "2026-11-22T12:00:00Z", &["notify-all"])
        .assert()
        .code(1);
    insta::assert_snapshot!(printed(&sent));
    let families = home.json(&["family", "list"]);
    let stopped = families[0]["stopped"].as_array().unwrap();
    assert_eq!(stopped.len(), 2, "family list names the stopped addresses");
}

#[test]
fn stopped_recipient_survives_edits_until_readded() {
    let (home, _) = Home::with_card();
    stop(&home, "pat@example.org");
    for edit in [
        &["family", "edit", "conrad", "--name", "Conrad"][..],
        &["family", "pause", "conrad"],
        &["family", "resume", "conrad"],
        &["family", "add-recipient", "conrad", "sam@example.org"],
    ] {
        home.run(edit).success();
        let list = stdout(&home.run(&["family", "list"]).success());
        insta::assert_snapshot!(redact(&list));
    }
    let removed = home.json(&["family", "remove-recipient", "conrad", "pat@example.org"]);
    assert_eq!(removed["stopped"], document!([]));
    home.run(&["family", "add-recipient", "conrad", "pat@example.org"])
        .success();
    let list = stdout(&home.run(&["family", "list"]).success());
    insta::assert_snapshot!(redact(&list));
}

#[test]
fn last_weekday_that_starts_after_midnight_counts_for_its_own_day() {
    let home = Home::new();
    configure(
        &home,
        &schedule(
            "check-cards",
            "last",
            "cron(50 23 LW * ? *)",
            "flexible = \"30 min\"",
        ),
    );
    // 23:50 in Toronto, started at 00:10. 30 November 2026 is a Monday.
    for (now, scheduled, outcome) in [
        (
            "2026-11-30T05:10:00Z",
            "2026-11-30T04:50:00Z",
            "skipped_not_today",
        ),
        ("2026-12-01T05:10:00Z", "2026-12-01T04:50:00Z", "done"),
        (
            "2026-12-02T05:10:00Z",
            "2026-12-02T05:10:00Z",
            "skipped_not_today",
        ),
    ] {
        let ran = at(&home, now, &["check-cards", "--label", "last", "--json"]);
        let run = json(&{ ran }.assert().success())["run"].clone();
        assert_eq!(run["scheduled_time"], scheduled, "{run}");
        assert_eq!(run["outcome"], outcome, "{run}");
    }
}

#[test]
fn run_whose_input_names_nothing_is_on_record_and_raises_an_alert() {
    let (home, _) = Home::with_card();
    let inputs = [
        ("check-cards", "library", "input = { library = \"wlp\" }"),
        ("check-cards", "family", "input = { family = \"connrad\" }"),
        ("notify-all", "notices", "input = { family = \"connrad\" }"),
    ];
    let schedules =
        inputs.map(|(job, label, input)| schedule(job, label, "cron(0 7 * * ? *)", input));
    configure(&home, &schedules.concat());
    for (job, label, _) in inputs {
        let failed = at(&home, "2026-11-21T12:00:00Z", &[job, "--label", label]).assert();
        let message = stderr(&failed.code(3));
        insta::assert_snapshot!(format!("unknown_{label}"), message.lines().last().unwrap());
        let run = home.json(&["runs", "--label", label])[0].clone();
        assert_eq!(
            (&run["outcome"], &run["scheduled_time"]),
            (&"failed".into(), &"2026-11-21T12:00:00Z".into())
        );
        // Before a run, a person hears of it at once.
        at(
            &home,
            "2026-11-21T12:00:00Z",
            &[job, "--label", label, "--dry-run"],
        )
        .assert()
        .code(2);
    }
    let alerts = home.json(&["status"])["alerts"].clone();
    let kinds: Vec<_> = alerts
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["alert"]["kind"])
        .collect();
    assert_eq!(kinds, ["run_failed"; 3], "{alerts}");
    at(
        &home,
        "2026-11-21T12:00:00Z",
        &["check-cards", "--library", "wlp"],
    )
    .assert()
    .code(2);
}

#[test]
fn run_that_makes_up_for_others_shows_its_own_cards_once() {
    let (home, _) = Home::with_card();
    configure(
        &home,
        &schedule(
            "check-cards",
            "all",
            "cron(0 5 * * ? *)",
            "catch_up = \"all\"",
        ),
    );
    // The library doesn't exist, so the card fails.
    for (now, quiet) in [
        ("2026-11-19T10:00:00Z", true),
        ("2026-11-22T10:00:00Z", false),
    ] {
        let ran = at(&home, now, &["check-cards", "--label", "all", "--no-delay"]).assert();
        let ran = ran.code(1);
        if !quiet {
            insta::assert_snapshot!(redact(&stdout(&ran)));
        }
    }
    assert_eq!(
        home.json(&["runs", "--label", "all"])
            .as_array()
            .unwrap()
            .len(),
        4
    );
}
