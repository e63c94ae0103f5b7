//! Mistyped names, wrong encodings and output that can't be written.

use crate::common::{Home, printed, redact, schedule, stderr, stdout};
use rstest::rstest;

#[rstest]
#[case::with_a_mark(b"\xff\xfe1\x002\x00\n\x00")]
#[case::without(b"1\x002\x003\x004\x00")]
fn pin_in_utf_16_is_refused(#[case] typed: &[u8]) {
    let (home, card) = Home::with_card();
    let refused = home
        .command(&["card", "set-pin", &card, "--pin-stdin", "--no-check"])
        .write_stdin(typed)
        .assert()
        .code(2);
    insta::assert_snapshot!(printed(&refused));
}

#[test]
fn import_in_utf_16_is_refused() {
    let home = Home::new();
    let file = home.file("cards.toml", b"\xff\xfe[\x00[\x00");
    let refused = home.run(&["import", file.to_str().unwrap()]).code(2);
    insta::assert_snapshot!(printed(&refused));
}

#[cfg(target_os = "linux")]
#[rstest]
#[case::table(&["card", "list"])]
#[case::document(&["--json", "status"])]
#[case::sentence(&["family", "add", "lee", "--name", "Lee", "--to", "lee@example.org"])]
#[case::help(&["--help"])]
#[case::help_of_a_command(&["card", "add", "--help"])]
#[case::version(&["--version"])]
#[case::completions(&["completions", "bash"])]
fn unwritable_output_exits_3(#[case] arguments: &[&str]) {
    let (home, _) = Home::with_card();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_hippo"))
        .env_clear()
        .env("HIPPO_HOME", home.path())
        .env("HIPPO_NOW", "2026-11-21T12:00:00Z")
        .args(arguments)
        .stdout(
            std::fs::File::options()
                .write(true)
                .open("/dev/full")
                .unwrap(),
        )
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{message}");
    let case = arguments
        .concat()
        .replace(|c: char| !c.is_ascii_alphabetic(), "");
    insta::assert_snapshot!(format!("unwritable_{case}"), message);
}

#[cfg(unix)]
#[test]
fn closed_pipe_is_not_an_error() {
    let (home, _) = Home::with_card();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_hippo"))
        .env_clear()
        .env("HIPPO_HOME", home.path())
        .args(["card", "list"])
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn mistyped_names_are_suggested() {
    let (home, _) = Home::with_card();
    let mut output = String::new();
    for arguments in [
        &["status", "--family", "conrd"][..],
        &["check-cards", "--library", "wlp"],
        &["family", "edit", "conrad", "--timezone", "America/Torono"],
        &["family", "edit", "conrad", "--timezone", "EST"],
        &["run", "check-card"],
        &["library", "add", "wccl"],
    ] {
        output.push_str(&printed(&home.run(arguments).code(2)));
    }
    insta::assert_snapshot!(output);
}

#[test]
fn mistyped_cards_and_labels_are_suggested() {
    let (home, card) = Home::with_card();
    let mut ending: String = card[card.len() - 6..].to_owned();
    let last = if ending.ends_with('0') { "1" } else { "0" };
    ending.replace_range(5..6, last);
    let refused = home.run(&["card", "retry", &ending]).code(2);
    let refused = printed(&refused).replace(&ending, "WRONG");
    insta::assert_snapshot!(refused.replace(&card[card.len() - 6..], "RIGHT"));
    home.run(&["notify-all", "--label", "tick"]).success();
    let none = home.run(&["runs", "--label", "tik"]).success();
    insta::assert_snapshot!(printed(&none));
}

#[test]
fn edit_and_status_agree_on_the_next_notice() {
    let home = Home::new();
    let at = |now: &str, arguments: &[&str]| {
        let mut command = home.command(arguments);
        stdout(&command.env("HIPPO_NOW", now).assert().success())
    };
    at(
        "2026-11-21T05:00:00Z",
        &[
            "family",
            "add",
            "reed",
            "--name",
            "Reed",
            "--to",
            "reed@example.org",
            "--daily",
            "--timezone",
            "America/Los_Angeles",
            "--time",
            "20:00",
        ],
    );
    at("2026-11-22T04:15:00Z", &["notify-all"]);
    let now = "2026-11-22T04:20:00Z";
    let edit = [
        "family",
        "edit",
        "reed",
        "--timezone",
        "Pacific/Auckland",
        "--time",
        "06:30",
    ];
    for output in [at(now, &edit), at(now, &["status"])] {
        insta::assert_snapshot!(redact(&output));
    }
    let sent = at("2026-11-22T04:30:00Z", &["notify-all"]);
    insta::assert_snapshot!(redact(&sent));
    let status = at("2026-11-22T04:31:00Z", &["status"]);
    insta::assert_snapshot!(redact(&status));
}

#[test]
fn library_add_explains_what_a_card_needs() {
    let home = Home::new();
    let added = stdout(&home.run(&["library", "add", "wccls"]).success());
    insta::assert_snapshot!(redact(&added));
}

#[test]
fn unquoted_number_with_a_leading_zero_is_refused() {
    let (home, _) = Home::with_card();
    let file = home.file(
        "cards.toml",
        "[[card]]\nfamily = \"conrad\"\nlibrary = \"wpl\"\npatron = \"Sam\"\nnumber = 0123456789\n",
    );
    let refused = home.run(&["import", file.to_str().unwrap()]).code(2);
    insta::assert_snapshot!(printed(&refused));
    assert!(
        !stderr(&refused).contains("0123456789"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn import_names_entries_that_exist() {
    let (home, _) = Home::with_card();
    let file = home.file(
        "cards.toml",
        "[[family]]\nid = \"conrad\"\nname = \"The Conrads\"\nto = [\"pat@example.org\"]\n",
    );
    let refused = home.run(&["import", file.to_str().unwrap()]).code(2);
    let output = stderr(&refused);
    insta::assert_snapshot!(redact(&output));
}

#[test]
fn disabled_and_undeclared_schedules_are_shown() {
    let home = Home::new();
    let config = home.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let schedules = [
        schedule("check-cards", "all", "rate(1 hour)", "enabled = false"),
        schedule("notify-all", "tick", "rate(15 minutes)", ""),
    ]
    .concat();
    std::fs::write(&config, format!("{text}\n{schedules}")).unwrap();
    home.run(&["check-cards", "--label", "all"]).success();
    // A label of an earlier declaration.
    let now = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, now.replace("label = \"tick\"", "label = \"tik\"")).unwrap();
    home.run(&["notify-all", "--label", "tik"]).success();
    std::fs::write(&config, now).unwrap();
    for command in ["status", "runs"] {
        let output = stdout(&home.run(&[command]).success());
        insta::assert_snapshot!(redact(&output));
    }
    let remarks = home.json(&["status"])["schedules"].clone();
    assert_eq!(remarks[0]["kind"], "disabled");
    assert_eq!(remarks[1]["kind"], "not_declared");
}

#[test]
fn label_that_no_schedule_of_the_job_declares_starts_no_run() {
    let home = Home::with_schedules();
    let mut shown = String::new();
    for arguments in [
        &["run", "check-cards", "--label", "nope"][..],
        &["check-cards", "--label", "fialed"],
        &["check-cards", "--label", "tick"],
        &["notify-all", "--label", "tik", "--dry-run"],
        &["run", "picture-of-the-day", "--label", "picture"],
    ] {
        shown.push_str(&printed(&home.run(arguments).code(2)));
    }
    insta::assert_snapshot!(shown);
    assert_eq!(home.json(&["runs"]), serde_json::json!([]));
}

#[test]
fn shells_complete_ids_from_the_home() {
    let (home, card) = Home::with_card();
    for (kind, expected) in [
        ("family", "conrad"),
        ("library", "wpl"),
        ("card", card.as_str()),
    ] {
        let message = stdout(&home.run(&["completions", "--ids", kind]).success());
        assert_eq!(message.lines().collect::<Vec<_>>(), [expected]);
    }
    let hippo = env!("CARGO_BIN_EXE_hippo");
    for (shell, asks) in [
        (
            "bash",
            "source SCRIPT; COMP_WORDS=(hippo family edit co); COMP_CWORD=3; _hippo_with_ids; \
             echo \"${COMPREPLY[*]}\"",
        ),
        (
            "zsh",
            "compdef() { : }; compadd() { print -l ${(P)2} }; source SCRIPT; \
             words=(hippo family edit co) CURRENT=4; _hippo",
        ),
        ("fish", "source SCRIPT; complete -C 'hippo family edit co'"),
    ] {
        let version = std::process::Command::new(shell).arg("--version").output();
        if !version.is_ok_and(|version| version.status.success()) {
            eprintln!("SKIPPED: there is no {shell} on this machine.");
            continue;
        }
        let message = stdout(&home.run(&["completions", shell]).success());
        let script = home.file(&format!("hippo.{shell}"), message);
        let directory = std::path::Path::new(hippo).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let completed = std::process::Command::new(shell)
            .env("HIPPO_HOME", home.path())
            .env("PATH", format!("{}:{path}", directory.display()))
            .arg("-c")
            .arg(asks.replace("SCRIPT", &script.display().to_string()))
            .output()
            .unwrap();
        let message = String::from_utf8_lossy(&completed.stdout);
        assert_eq!(message.trim(), "conrad", "{shell}: {completed:?}");
    }
}

#[test]
fn mistyped_runs_and_systems_are_suggested() {
    let home = Home::new();
    let time = "2026-11-21T10:00:00Z";
    home.run(&["check-cards", "--label", "night", "--scheduled-time", time])
        .success();
    let id = format!("check-cards/nigth/{time}");
    let output = stderr(&home.run(&["runs", "show", &id]).code(2));
    insta::assert_snapshot!(redact(&output));
    let output = stderr(&home.run(&["read", "seirra", "x.html"]).code(2));
    insta::assert_snapshot!(redact(&output));
}
