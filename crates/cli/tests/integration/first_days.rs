//! What a person meets in the first days: a notice that is due, a mistake to mend, cron's mails.

use crate::common::{Home, json, stderr, stdout};
use assert_cmd::assert::Assert;
use serde_json::Value;

/// The family of [`Home::with_card`] was added at 12:00 UTC, which is 07:00 in its zone; its notice
/// was due half an hour before.
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
fn status_says_that_a_notice_is_due_and_after_half_an_hour_that_it_is_late() {
    let (home, _) = Home::with_card();
    let noon = "2026-11-21T12:00:00Z";
    let due = stdout(&at(&home, noon, &["status"]));
    assert!(
        due.contains("Today's notice is due since 06:30; it goes out with the next notify-all"),
        "{due}"
    );
    assert!(!due.contains("The notice is late"), "{due}");
    let seen = family(&at(&home, noon, &["status", "--json"]));
    assert_eq!(seen["next_notice"], "2026-11-21T11:30:00Z");
    assert_eq!(seen["notice_is_late"], false);

    let later = "2026-11-21T12:31:00Z";
    let late = stdout(&at(&home, later, &["status"]));
    assert!(
        late.contains("What wants a look:\n  The notice is late")
            && late.contains("→ hippo notify-all --family conrad"),
        "{late}"
    );
    assert_eq!(
        family(&at(&home, later, &["status", "--json"]))["notice_is_late"],
        true
    );

    at(&home, later, &["notify-all"]);
    let done = stdout(&at(&home, later, &["status"]));
    assert!(done.contains("due at 06:30 tomorrow"), "{done}");
    assert!(!done.contains("The notice is late"), "{done}");
}

#[test]
fn a_family_that_is_paused_or_whose_hour_is_to_come_has_no_notice_that_is_due() {
    let (home, _) = Home::with_card();
    home.run(&["family", "edit", "conrad", "--time", "07:15"])
        .success();
    // A changed hour counts from the next day on.
    let edited = stdout(&home.run(&["status"]));
    assert!(edited.contains("due since 06:30"), "{edited}");
    home.run(&["family", "edit", "conrad", "--time", "06:30"])
        .success();
    home.run(&["family", "pause", "conrad"]).success();
    let paused = stdout(&at(&home, "2026-11-21T15:00:00Z", &["status"]));
    assert!(
        paused.contains("Paused") && !paused.contains("late"),
        "{paused}"
    );
}

#[test]
fn a_new_family_is_told_when_its_first_notice_goes_out() {
    let home = Home::new();
    let add = |id: &str, more: &[&str]| {
        let mut arguments = vec!["family", "add", id, "--name", "X", "--to", "x@example.org"];
        arguments.extend(more);
        stdout(&home.run(&arguments).success())
    };
    assert!(add("one", &[]).contains("the first notice goes out with the next notify-all"));
    let weekly = add("two", &["--time", "23:00", "--weekly", "monday"]);
    assert!(
        weekly.contains("and every Monday in any case") && !weekly.contains("the first notice"),
        "{weekly}"
    );
    assert!(add("three", &["--daily"]).contains("every day."));
}

#[test]
fn a_failed_notice_says_that_nothing_more_happens_for_its_day() {
    let (home, _) = Home::with_card();
    home.run(&["family", "remove-recipient", "conrad", "PAT@example.org"])
        .success();
    home.run(&["notify-all"]).code(1);
    let status = stdout(&home.run(&["status"]).success());
    assert!(
        status.contains("2026-11-21: Nothing more happens for this day."),
        "{status}"
    );
    for more in [&[][..], &["--date", "2026-11-21"]] {
        let arguments = [&["notify-all", "--family", "conrad"][..], more].concat();
        let said = stdout(&home.run(&arguments).success());
        assert!(
            said.contains("is FAILED since") && said.contains("nothing more happens"),
            "{said}"
        );
    }
}

#[test]
fn a_schedule_prints_nothing_unless_something_failed() {
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
        assert!(stdout(&run).contains("Pat at wpl: "), "{arguments:?}");
        assert_eq!(stderr(&run), "");
    }
}

#[test]
fn a_library_is_mended_by_an_edit_and_can_be_checked_at_once() {
    let (home, _) = Home::with_card();
    home.run(&["check-cards"]).code(1);
    let alone = home.json(&["status"])["libraries_left_alone"].clone();
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
        home.json(&["status"])["libraries_left_alone"],
        serde_json::json!([])
    );
}

#[test]
fn a_library_whose_dates_need_a_format_says_so_when_it_is_added() {
    let home = Home::new();
    let add = |id: &str, system: &str, more: &[&str]| {
        let mut arguments = vec!["library", "add", id, "--system", system];
        arguments.extend(["--url", "https://library.invalid"]);
        arguments.extend(more);
        stdout(&home.run(&arguments).success())
    };
    let hint = "--date-format FORMAT";
    assert!(add("one", "sierra", &[]).contains("hippo library edit one --date-format FORMAT"));
    assert!(add("two", "enterprise", &[]).contains(hint));
    assert!(!add("three", "bibliocommons", &[]).contains(hint));
    assert!(!add("four", "sierra", &["--date-format", "%m-%d-%y"]).contains(hint));
    let says_only_if = |text: &str| text.contains("Only if");
    let koha = add("five", "koha", &[]);
    assert!(koha.contains(hint) && says_only_if(&koha), "{koha}");
    assert!(!says_only_if(&add("six", "sierra", &[])));
}

#[test]
fn a_site_that_does_not_answer_is_not_said_to_run_something_else() {
    let run = Home::empty()
        .run(&["library", "detect", "https://library.invalid"])
        .code(1);
    let said = stdout(&run);
    assert!(said.contains("could not be looked at"), "{said}");
    assert!(!said.contains("tells a system"), "{said}");
    assert!(!said.contains("--url"), "{said}");
    assert!(!said.contains("catalogue"), "{said}");
}

#[test]
fn wrong_usage_in_json_is_a_document_too() {
    let home = Home::new();
    for (arguments, expected) in [
        (&["--json"][..], "A command is missing"),
        (&["family", "--json"], "A command is missing"),
        (&["nothing", "--json"], "unrecognized subcommand"),
        (&["--json", "card", "list", "--famly", "x"], "--famly"),
        (&["--json", "check-cards", "--concurrency", "65"], "1..=64"),
        (&["card", "retry", "x", "--json"], "is not a card's id"),
    ] {
        let run = home.run(arguments).code(2);
        assert_eq!(stdout(&run), "");
        let error: Value = serde_json::from_str(&stderr(&run)).unwrap();
        assert_eq!(error["error"]["kind"], "usage");
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.contains(expected), "{message}");
        assert!(!message.starts_with("error"), "{message}");
    }
    // The help is asked for, and no error.
    let help = home.run(&["--json", "--help"]).success();
    assert!(stdout(&help).contains("Usage"));
}

#[test]
fn a_failure_in_json_leaves_standard_error_to_errors() {
    let (home, _) = Home::with_card();
    let run = home.run(&["check-cards", "--json"]).code(1);
    assert_eq!(stderr(&run), "");
    let run = home.run(&["check-cards", "--json", "-v"]).code(1);
    assert_ne!(stderr(&run), "");
}

#[test]
fn a_card_is_named_by_the_end_of_its_id_too() {
    let (home, card) = Home::with_card();
    let ending = &card[card.len() - 6..];
    home.run(&["card", "pause", &ending.to_lowercase()])
        .success();
    assert_eq!(home.json(&["card", "list"])[0]["paused"], true);
    assert!(stderr(&home.run(&["card", "pause", &card[23..]]).code(2)).contains("last four"));
    assert!(stderr(&home.run(&["card", "pause", "UUUU"]).code(2)).contains("no card"));
    home.run(&["card", "remove", ending, "--yes"]).success();
    assert_eq!(home.json(&["card", "list"]), serde_json::json!([]));
}

#[test]
fn an_address_is_the_same_whatever_the_case_of_its_letters() {
    let (home, _) = Home::with_card();
    home.run(&["family", "add-recipient", "conrad", "Pat@Example.org"])
        .code(2);
    home.run(&["family", "edit", "conrad"]).code(2);
    home.run(&["family", "edit", "conrad", "--due-within-days", "-1"])
        .code(2);
}

#[test]
fn a_home_without_a_name_is_refused_and_an_empty_variable_is_none() {
    let home = Home::new();
    let run = home.run(&["--home", "", "status"]).code(2);
    assert!(stderr(&run).contains("--home names no directory"));
    let run = home
        .command(&["status"])
        .env("HIPPO_HOME", "")
        .env("HOME", home.path())
        .assert()
        .code(3);
    assert!(stderr(&run).contains("hippo init"));
}

#[cfg(unix)]
#[test]
fn a_directory_that_others_can_look_into_is_closed_when_it_becomes_a_home() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::empty();
    std::fs::create_dir(home.path()).unwrap();
    let mode = || std::fs::metadata(home.path()).unwrap().permissions().mode() & 0o777;
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let made = stdout(&home.run(&["init"]).success());
    assert!(made.contains("now only you can"), "{made}");
    assert_eq!(mode(), 0o700);
}

#[test]
fn the_files_that_sending_needs_must_be_there() {
    let home = Home::new();
    let config = home.path().join("config.toml");
    let text = "[mail]\nfrom = \"a@example.org\"\ntransport = \"smtp\"\n[mail.smtp]\n\
                host = \"smtp.example.org\"\nuser = \"a\"\npassword_file = \"secret\"\n";
    std::fs::write(&config, text).unwrap();
    let run = home.run(&["status"]).code(3);
    assert!(stderr(&run).contains("mail.smtp.password_file"));
    std::fs::write(home.path().join("secret"), "x").unwrap();
    home.run(&["status"]).success();
    // While mails go to a folder, nothing of it is needed.
    std::fs::remove_file(home.path().join("secret")).unwrap();
    std::fs::write(&config, text.replace("\"smtp\"", "\"folder\"")).unwrap();
    home.run(&["status"]).success();
}

#[test]
fn init_refuses_a_contact_that_no_request_could_carry() {
    let home = Home::empty();
    let run = home.run(&["init", "--contact", "Zoë"]).code(2);
    assert!(stderr(&run).contains("--contact"));
    assert!(!home.path().exists());
}
