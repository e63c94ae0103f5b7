//! `hippo doctor` on one machine.

use crate::common::{Home, json, redact, stdout};
use serde_json::Value;

/// The verdict of each check, and the exit code.
fn diagnose(home: &Home) -> (Vec<(String, String)>, Value, Option<i32>) {
    let mut command = home.command(&["doctor", "--json"]);
    command.env_remove("HIPPO_NOW");
    let done = command.assert();
    let document = json(&done);
    let verdicts = document["findings"].as_array().unwrap().iter();
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let verdicts = verdicts
        .map(|finding| (text(finding, "check"), text(finding, "verdict")))
        .collect();
    (verdicts, document, done.get_output().status.code())
}

fn verdict_of<'a>(verdicts: &'a [(String, String)], check: &str) -> &'a str {
    let found = verdicts.iter().find(|(name, _)| name == check);
    &found.unwrap_or_else(|| panic!("{check}: {verdicts:?}")).1
}

#[test]
fn doctor_lists_problems_of_a_new_home_and_exits_1() {
    let home = Home::new();
    let (verdicts, document, code) = diagnose(&home);
    assert_eq!(code, Some(1));
    for (check, verdict) in [
        ("home", "ok"),
        ("mail", "problem"),
        ("keys", "ok"),
        ("clock", "ok"),
        ("runs of check-cards", "problem"),
        ("runs of notify-all", "problem"),
    ] {
        assert_eq!(verdict_of(&verdicts, check), verdict, "{document}");
    }
    for finding in document["findings"].as_array().unwrap() {
        assert_eq!(
            finding["advice"].is_null(),
            finding["verdict"] == "ok",
            "{finding}"
        );
    }
}

#[test]
fn doctor_finds_no_problem_once_mail_and_schedules_run() {
    let home = Home::new();
    let config = home.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let (folder, smtp) = ("transport = \"folder\"", "transport = \"smtp\"");
    assert!(text.contains(folder));
    let text = text.replace(folder, smtp) + "\n[mail.smtp]\nhost = \"mail.example.org\"\n";
    std::fs::write(&config, text).unwrap();
    for arguments in [
        ["check-cards", "--label", "all"],
        ["notify-all", "--label", "tick"],
    ] {
        let mut command = home.command(&arguments);
        command.env_remove("HIPPO_NOW").assert().success();
    }
    let (verdicts, document, code) = diagnose(&home);
    assert_eq!(code, Some(0), "{document}");
    assert!(verdicts.iter().all(|(_, verdict)| verdict == "ok"));
}

#[test]
fn doctor_warns_of_a_pause_without_an_end() {
    let home = Home::with_schedules();
    let pauses = |arguments: &[&str]| {
        let all = [&["schedule"], arguments].concat();
        home.command(&all).env("USER", "ana").assert().success();
        let (verdicts, document, _) = diagnose(&home);
        let mut findings = document["findings"].as_array().unwrap().iter();
        let found = findings.find(|finding| finding["check"] == "pauses");
        let advice = found.unwrap()["advice"].as_str().unwrap_or("–").to_owned();
        format!("{}: {advice}", verdict_of(&verdicts, "pauses"))
    };
    let said = [
        pauses(&["pause", "failed", "--until", "2099-01-01"]),
        pauses(&["pause", "failed"]),
        pauses(&["pause", "--all"]),
        pauses(&["resume", "--all"]),
        pauses(&["resume", "failed"]),
    ];
    assert_eq!(
        said,
        [
            "ok: –",
            "warning: To resume: “hippo schedule resume failed”.",
            "warning: Nothing runs until you resume: “hippo schedule resume --all”, “hippo schedule resume failed”.",
            "warning: To resume: “hippo schedule resume failed”.",
            "ok: –",
        ]
    );
}

#[test]
fn doctor_shows_a_mistake_of_the_configuration() {
    let home = Home::with_schedules();
    let config = home.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let wrong = text.replace("start_within = \"60 min\"", "start_within = \"60 mins\"");
    std::fs::write(&config, wrong).unwrap();
    insta::assert_snapshot!(redact(&stdout(&home.run(&["doctor"]).code(1))));
    assert_eq!(
        diagnose(&home).0,
        [("configuration".to_owned(), "problem".to_owned())]
    );
}

#[cfg(unix)]
#[test]
fn doctor_reports_a_readable_home_and_a_missing_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(home.path(), open).unwrap();
    std::fs::remove_file(home.path().join("hippo.key")).unwrap();
    let (verdicts, document, _) = diagnose(&home);
    assert_eq!(verdict_of(&verdicts, "home"), "problem", "{document}");
    assert_eq!(verdict_of(&verdicts, "keys"), "problem", "{document}");
}

#[test]
fn doctor_reports_a_frozen_clock() {
    let output = stdout(&Home::new().run(&["doctor"]).code(1));
    insta::assert_snapshot!(redact(&output));
}
