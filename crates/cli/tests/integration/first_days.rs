//! The first days with hippo: a due notice, a mistake to correct, emails from cron.

use crate::common::{Home, json, printed, redact, stderr, stdout};
use assert_cmd::assert::Assert;
use serde_json::Value;

/// Runs a command at this time. The family of [`Home::with_card`] was added at 12:00 UTC, 07:00 in its
/// zone; its notice was due half an hour before.
fn at(home: &Home, now: &str, arguments: &[&str]) -> Assert {
    home.command(arguments)
        .env("HIPPO_NOW", now)
        .assert()
        .success()
}

fn family(status: &Assert) -> Value {
    json(status)["families"][0].clone()
}

#[test]
fn status_calls_a_notice_late_after_half_an_hour() {
    let (home, _) = Home::with_card();
    let noon = "2026-11-21T12:00:00Z";
    let due = stdout(&at(&home, noon, &["status"]));
    insta::assert_snapshot!(redact(&due));
    let conrad = family(&at(&home, noon, &["status", "--json"]));
    assert_eq!(conrad["next_notice"], "2026-11-21T11:30:00Z");
    assert_eq!(conrad["notice_is_late"], false);

    let later = "2026-11-21T12:31:00Z";
    let late = stdout(&at(&home, later, &["status"]));
    insta::assert_snapshot!(redact(&late));
    assert_eq!(
        family(&at(&home, later, &["status", "--json"]))["notice_is_late"],
        true
    );

    at(&home, later, &["notify-all"]);
    let done = stdout(&at(&home, later, &["status"]));
    insta::assert_snapshot!(redact(&done));
}

#[test]
fn paused_or_later_family_has_no_due_notice() {
    let (home, _) = Home::with_card();
    home.run(&["family", "edit", "conrad", "--time", "07:15"])
        .success();
    // A changed time counts from the next day.
    let edited = stdout(&home.run(&["status"]));
    insta::assert_snapshot!(redact(&edited));
    home.run(&["family", "edit", "conrad", "--time", "06:30"])
        .success();
    home.run(&["family", "pause", "conrad"]).success();
    let paused = stdout(&at(&home, "2026-11-21T15:00:00Z", &["status"]));
    insta::assert_snapshot!(redact(&paused));
}

#[test]
fn family_add_names_the_first_notice() {
    let home = Home::new();
    let add = |id: &str, more: &[&str]| {
        let mut arguments = vec!["family", "add", id, "--name", "X", "--to", "x@example.org"];
        arguments.extend(more);
        stdout(&home.run(&arguments).success())
    };
    insta::assert_snapshot!(add("one", &[]));
    let weekly = add("two", &["--time", "23:00", "--weekly", "monday"]);
    insta::assert_snapshot!(redact(&weekly));
    insta::assert_snapshot!(add("three", &["--daily"]));
}

#[test]
fn failed_notice_is_final_for_its_day() {
    let (home, _) = Home::with_card();
    home.run(&["family", "remove-recipient", "conrad", "PAT@example.org"])
        .success();
    home.run(&["notify-all"]).code(1);
    let status = stdout(&home.run(&["status"]).success());
    insta::assert_snapshot!(redact(&status));
    for more in [&[][..], &["--date", "2026-11-21"]] {
        let arguments = [&["notify-all", "--family", "conrad"][..], more].concat();
        let output = stdout(&home.run(&arguments).success());
        insta::assert_snapshot!(redact(&output));
    }
}

#[test]
fn scheduled_runs_print_only_failures() {
    let home = Home::new();
    for arguments in [
        &["check-cards", "--label", "all"][..],
        &["check-cards", "--label", "all"],
        &["notify-all", "--label", "tick"],
        &["notify-all", "--scheduled-time", "2026-11-21T12:00:00Z"],
        &["check-cards", "--quiet"],
    ] {
        let run = home.run(arguments).success();
        assert_eq!((stdout(&run), stderr(&run)), (String::new(), String::new()));
    }
    let (home, _) = Home::with_card();
    for arguments in [
        &["check-cards", "--label", "all"][..],
        &["check-cards", "-q", "--scope", "failed"],
    ] {
        let run = home.run(arguments).code(1);
        insta::assert_snapshot!(printed(&run));
        assert_eq!(stderr(&run), "");
    }
}

#[test]
fn library_edit_ends_the_back_off() {
    let (home, _) = Home::with_card();
    home.run(&["check-cards"]).code(1);
    let alone = home.json(&["status"])["libraries_backing_off"].clone();
    assert_eq!(alone[0]["library"], "wpl");
    for (arguments, code) in [
        (&["library", "edit", "wpl"][..], 2),
        (&["library", "edit", "wpl", "--date-format", "%m/%d"], 2),
        (
            &["library", "edit", "wpl", "--url", "http://a.example.org"],
            2,
        ),
        (&["library", "edit", "wpl", "--option", "speed=9"], 2),
        (&["library", "edit", "nowhere", "--name", "X"], 2),
        (&["library", "edit", "wpl", "--name", "wpl"], 0),
    ] {
        home.run(arguments).code(code);
    }
    let edited = home.json(&[
        "library",
        "edit",
        "wpl",
        "--url",
        "https://elsewhere.invalid",
        "--date-format",
        "%m-%d-%y",
        "--login-host",
        "login.example.org",
        "--yes",
    ]);
    assert_eq!(edited["base_url"], "https://elsewhere.invalid/");
    assert_eq!(
        edited["account_url"],
        "https://elsewhere.invalid/patroninfo"
    );
    let listed = &home.json(&["library", "list"])[0];
    for (field, value) in listed.as_object().unwrap() {
        assert_eq!(edited[field], *value, "{field}");
    }
    assert_eq!(
        home.json(&["status"])["libraries_backing_off"],
        serde_json::json!([])
    );
}

#[test]
fn library_add_warns_when_a_date_format_is_needed() {
    let home = Home::new();
    let add = |id: &str, system: &str, more: &[&str]| {
        let mut arguments = vec!["library", "add", id, "--system", system];
        arguments.extend(["--url", "https://library.invalid"]);
        arguments.extend(more);
        stdout(&home.run(&arguments).success())
    };
    for (id, system) in [("one", "sierra"), ("two", "enterprise"), ("three", "koha")] {
        insta::assert_snapshot!(add(id, system, &[]));
    }
    insta::assert_snapshot!(add("four", "bibliocommons", &[]));
    insta::assert_snapshot!(add("five", "sierra", &["--date-format", "%m-%d-%y"]));
}

#[test]
fn detect_reports_an_unreachable_site_as_such() {
    let run = Home::empty()
        .run(&["library", "detect", "https://library.invalid"])
        .code(1);
    let output = stdout(&run);
    insta::assert_snapshot!(redact(&output));
}

#[test]
fn usage_errors_are_json_with_json_flag() {
    let home = Home::new();
    let mut messages = Vec::new();
    for arguments in [
        &["--json"][..],
        &["family", "--json"],
        &["nothing", "--json"],
        &["--json", "card", "list", "--famly", "x"],
        &["--json", "check-cards", "--concurrency", "65"],
        &["card", "retry", "x", "--json"],
    ] {
        let run = home.run(arguments).code(2);
        assert_eq!(stdout(&run), "");
        let error: Value = serde_json::from_str(&stderr(&run)).unwrap();
        assert_eq!(error["error"]["kind"], "usage");
        messages.push(error["error"]["message"].as_str().unwrap().to_owned());
    }
    insta::assert_snapshot!(messages.join("\n---\n"));
    // Help that was asked for isn't an error.
    let help = home.run(&["--json", "--help"]).success();
    insta::assert_snapshot!(printed(&help));
}

#[test]
fn json_failures_leave_standard_error_empty() {
    let (home, _) = Home::with_card();
    let run = home.run(&["check-cards", "--json"]).code(1);
    assert_eq!(stderr(&run), "");
    let run = home.run(&["check-cards", "--json", "-v"]).code(1);
    assert_ne!(stderr(&run), "");
}

#[test]
fn end_of_a_card_id_is_accepted() {
    let (home, card) = Home::with_card();
    let ending = &card[card.len() - 6..];
    home.run(&["card", "pause", &ending.to_lowercase()])
        .success();
    assert_eq!(home.json(&["card", "list"])[0]["paused"], true);
    let short = printed(&home.run(&["card", "pause", &card[23..]]).code(2));
    insta::assert_snapshot!(short.replace(&card[23..], "XXX"));
    insta::assert_snapshot!(printed(&home.run(&["card", "pause", "UUUU"]).code(2)));
    home.run(&["card", "remove", ending, "--yes"]).success();
    assert_eq!(home.json(&["card", "list"]), serde_json::json!([]));
}

#[test]
fn addresses_ignore_case() {
    let (home, _) = Home::with_card();
    home.run(&["family", "add-recipient", "conrad", "Pat@Example.org"])
        .code(2);
    home.run(&["family", "edit", "conrad"]).code(2);
    home.run(&["family", "edit", "conrad", "--due-within-days", "-1"])
        .code(2);
}

#[test]
fn empty_home_option_is_refused_and_variable_ignored() {
    let home = Home::new();
    let run = home.run(&["--home", "", "status"]).code(2);
    insta::assert_snapshot!(printed(&run));
    let run = home
        .command(&["status"])
        .env("HIPPO_HOME", "")
        .env("HOME", home.path())
        .assert()
        .code(3);
    insta::assert_snapshot!(printed(&run));
}

#[cfg(unix)]
#[test]
fn init_makes_a_readable_directory_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::empty();
    std::fs::create_dir(home.path()).unwrap();
    let mode = || std::fs::metadata(home.path()).unwrap().permissions().mode() & 0o777;
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let made = stdout(&home.run(&["init"]).success());
    insta::assert_snapshot!(redact(&made));
    assert_eq!(mode(), 0o700);
}

#[test]
fn missing_password_file_is_reported() {
    let home = Home::new();
    let config = home.path().join("config.toml");
    let text = "[mail]\nfrom = \"a@example.org\"\ntransport = \"smtp\"\n[mail.smtp]\n\
                host = \"smtp.example.org\"\nuser = \"a\"\npassword_file = \"secret\"\n";
    std::fs::write(&config, text).unwrap();
    let run = home.run(&["status"]).code(3);
    insta::assert_snapshot!(printed(&run));
    std::fs::write(home.path().join("secret"), "x").unwrap();
    home.run(&["status"]).success();
    // Emails to a folder need no password.
    std::fs::remove_file(home.path().join("secret")).unwrap();
    std::fs::write(&config, text.replace("\"smtp\"", "\"folder\"")).unwrap();
    home.run(&["status"]).success();
}

#[test]
fn init_refuses_a_contact_that_is_not_a_plain_address() {
    let home = Home::empty();
    for contact in ["Zoë", "nonsense"] {
        let run = home.run(&["init", "--contact", contact]).code(2);
        insta::assert_snapshot!(printed(&run));
    }
    assert!(!home.path().exists());
}

#[test]
fn status_names_the_last_run_that_had_something_to_do() {
    let (home, card) = Home::with_card();
    at(&home, "2026-11-21T12:00:00Z", &["notify-all"]);
    let last = |now| {
        let status = at(&home, now, &["status", "--json"]);
        let document = json(&status);
        let times = |list: &str| -> Vec<String> {
            let runs = document[list].as_array().unwrap().iter();
            runs.map(|run| run["scheduled_time"].as_str().unwrap().to_owned())
                .collect()
        };
        (times("runs"), times("runs_with_work"))
    };
    let (sent, tick) = ("2026-11-21T12:00:00Z", "2026-11-21T12:15:00Z");
    assert_eq!(last(tick), (vec![sent.to_owned()], vec![]));
    at(&home, tick, &["notify-all"]);
    assert_eq!(last(tick), (vec![tick.to_owned()], vec![sent.to_owned()]));
    let text = stdout(&at(&home, "2026-11-21T12:20:00Z", &["status"]));
    insta::assert_snapshot!(redact(&text));
    assert!(!card.is_empty());
}

#[test]
fn notice_that_the_mail_server_did_not_take_was_tried() {
    let (home, _) = Home::with_card();
    let config = home.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replacen("transport = \"folder\"", "transport = \"smtp\"", 1);
    // Nothing listens there.
    let server = "\n[mail.smtp]\nhost = \"127.0.0.1\"\nport = 9\ntls = \"none\"\n";
    std::fs::write(&config, format!("{text}{server}")).unwrap();
    let now = "2026-11-21T12:00:00Z";
    home.command(&["notify-all"])
        .env("HIPPO_NOW", now)
        .assert()
        .code(1);
    let notices = stdout(&at(&home, now, &["notices"]));
    let row = notices.lines().nth(1).unwrap();
    assert!(row.contains(" PENDING "), "{notices}");
    assert_eq!(
        row.split_whitespace().filter(|word| *word == "1").count(),
        1,
        "{notices}"
    );
}
