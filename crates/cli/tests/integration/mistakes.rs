//! What a person mistypes, pipes in wrongly or has no room for, and what the command says then.

use crate::common::{Home, shown, stderr, stdout, steady};
use rstest::rstest;

#[rstest]
#[case::with_a_mark(b"\xff\xfe1\x002\x00\n\x00")]
#[case::without(b"1\x002\x003\x004\x00")]
fn pin_in_utf_16_is_refused_with_words(#[case] typed: &[u8]) {
    let (home, card) = Home::with_card();
    let refused = home
        .command(&["card", "set-pin", &card, "--pin-stdin", "--no-check"])
        .write_stdin(typed)
        .assert()
        .code(2);
    insta::assert_snapshot!(shown(&refused));
}

#[test]
fn import_in_utf_16_is_refused_with_words() {
    let home = Home::new();
    let file = home.file("cards.toml", b"\xff\xfe[\x00[\x00");
    let refused = home.run(&["import", file.to_str().unwrap()]).code(2);
    insta::assert_snapshot!(shown(&refused));
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
fn output_that_cannot_be_written_ends_with_a_sentence(#[case] arguments: &[&str]) {
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
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("Couldn't write the output: the disk is full"),
        "{said}"
    );
}

#[cfg(unix)]
#[test]
fn reader_that_goes_away_ends_nothing() {
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
fn mistyped_name_is_answered_with_the_nearest() {
    let (home, _) = Home::with_card();
    let mut said = String::new();
    for arguments in [
        &["status", "--family", "conrd"][..],
        &["check-cards", "--library", "wlp"],
        &["family", "edit", "conrad", "--timezone", "America/Torono"],
        &["family", "edit", "conrad", "--timezone", "EST"],
        &["run", "check-card"],
        &["library", "add", "wccl"],
    ] {
        said.push_str(&shown(&home.run(arguments).code(2)));
    }
    insta::assert_snapshot!(said);
}

#[test]
fn mistyped_card_and_label_are_answered_with_the_nearest() {
    let (home, card) = Home::with_card();
    let mut ending: String = card[card.len() - 6..].to_owned();
    let last = if ending.ends_with('0') { "1" } else { "0" };
    ending.replace_range(5..6, last);
    let refused = home.run(&["card", "retry", &ending]).code(2);
    let nearest = format!("Did you mean “{}”?", &card[card.len() - 6..]);
    assert!(stderr(&refused).contains(&nearest), "{}", stderr(&refused));
    home.run(&["notify-all", "--label", "tick"]).success();
    let none = home.run(&["runs", "--label", "tik"]).success();
    insta::assert_snapshot!(shown(&none));
}

#[test]
fn what_edit_says_of_the_next_notice_is_what_status_says() {
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
    for said in [at(now, &edit), at(now, &["status"])] {
        insta::assert_snapshot!(steady(&said));
    }
    let sent = at("2026-11-22T04:30:00Z", &["notify-all"]);
    insta::assert_snapshot!(steady(&sent));
    let status = at("2026-11-22T04:31:00Z", &["status"]);
    insta::assert_snapshot!(steady(&status));
}

#[test]
fn library_that_is_added_says_what_it_runs_and_what_to_type() {
    let home = Home::new();
    let added = stdout(&home.run(&["library", "add", "wccls"]).success());
    insta::assert_snapshot!(steady(&added));
}

#[test]
fn number_with_a_leading_zero_is_to_be_written_in_quotes() {
    let (home, _) = Home::with_card();
    let file = home.file(
        "cards.toml",
        "[[card]]\nfamily = \"conrad\"\nlibrary = \"wpl\"\npatron = \"Sam\"\nnumber = 0123456789\n",
    );
    let refused = home.run(&["import", file.to_str().unwrap()]).code(2);
    insta::assert_snapshot!(shown(&refused));
    assert!(
        !stderr(&refused).contains("0123456789"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn import_says_which_entries_to_drop() {
    let (home, _) = Home::with_card();
    let file = home.file(
        "cards.toml",
        "[[family]]\nid = \"conrad\"\nname = \"The Conrads\"\nto = [\"pat@example.org\"]\n",
    );
    let refused = home.run(&["import", file.to_str().unwrap()]).code(2);
    let said = stderr(&refused);
    insta::assert_snapshot!(steady(&said));
}

#[test]
fn schedule_that_is_suspended_and_label_that_none_declares_are_named() {
    let home = Home::new();
    let config = home.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let schedules = "[jobs.check-cards.schedules.all]\npaused = true\n[jobs.notify-all.schedules.tick]\nevery_minutes = 15\n";
    std::fs::write(&config, format!("{text}\n{schedules}")).unwrap();
    home.run(&["check-cards", "--label", "all"]).success();
    home.run(&["notify-all", "--label", "tik"]).success();
    for command in ["status", "runs"] {
        let said = stdout(&home.run(&[command]).success());
        insta::assert_snapshot!(steady(&said));
    }
    let remarks = home.json(&["status"])["schedules"].clone();
    assert_eq!(remarks[0]["kind"], "paused");
    assert_eq!(remarks[1]["kind"], "not_declared");
}

#[test]
fn ids_are_completed_as_the_home_has_them() {
    let (home, card) = Home::with_card();
    for (kind, expected) in [
        ("family", "conrad"),
        ("library", "wpl"),
        ("card", card.as_str()),
    ] {
        let said = stdout(&home.run(&["completions", "--ids", kind]).success());
        assert_eq!(said.lines().collect::<Vec<_>>(), [expected]);
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
        let said = stdout(&home.run(&["completions", shell]).success());
        let script = home.file(&format!("hippo.{shell}"), said);
        let directory = std::path::Path::new(hippo).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let completed = std::process::Command::new(shell)
            .env("HIPPO_HOME", home.path())
            .env("PATH", format!("{}:{path}", directory.display()))
            .arg("-c")
            .arg(asks.replace("SCRIPT", &script.display().to_string()))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&completed.stdout);
        assert_eq!(said.trim(), "conrad", "{shell}: {completed:?}");
    }
}

#[test]
fn run_and_system_that_are_mistyped_are_suggested() {
    let home = Home::new();
    let time = "2026-11-21T10:00:00Z";
    home.run(&["check-cards", "--label", "night", "--scheduled-time", time])
        .success();
    let id = format!("check-cards/nigth/{time}");
    let said = stderr(&home.run(&["runs", "show", &id]).code(2));
    insta::assert_snapshot!(steady(&said));
    let said = stderr(&home.run(&["read", "seirra", "x.html"]).code(2));
    insta::assert_snapshot!(steady(&said));
}
