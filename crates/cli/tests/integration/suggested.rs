//! Suggested commands work on the home that a person gave, and the help says which one that is.

use crate::common::{Home, printed, stdout};

/// Runs the command with the home as an option instead of a variable.
fn run_with_option(home: &Home, arguments: &[&str]) -> assert_cmd::assert::Assert {
    let mut command = home.command(arguments);
    command
        .env_remove("HIPPO_HOME")
        .arg("--home")
        .arg(home.path());
    command.assert()
}

const COMMANDS: [&[&str]; 9] = [
    &["card", "retry", "x"],
    &["card", "pause", "zzzz", "--until", "2026-11-31"],
    &["status"],
    &["status", "--family", "conrd"],
    &["runs"],
    &["library", "search", "zzzzzz"],
    &["library", "add", "wccls"],
    &["card", "check", "zzzz"],
    &["schedule", "resume", "tick"],
];

#[test]
fn suggested_commands_repeat_a_given_home() {
    let (home, _) = Home::with_card();
    let mut output = String::new();
    for arguments in COMMANDS {
        output.push_str(&format!("$ hippo {}\n", arguments.join(" ")));
        output.push_str(&printed(&run_with_option(&home, arguments)));
    }
    insta::assert_snapshot!(output);
}

#[test]
fn suggested_commands_leave_out_a_home_of_the_environment() {
    let (home, _) = Home::with_card();
    for arguments in COMMANDS {
        let shown = printed(&home.run(arguments));
        assert!(!shown.contains("hippo --home"), "{shown}");
    }
}

#[cfg(unix)]
#[test]
fn copied_command_works_on_the_same_home() {
    let (home, card) = Home::with_card();
    let odd = home.path().with_file_name("it's my home");
    std::fs::rename(home.path(), &odd).unwrap();
    let hippo = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.env_remove("HIPPO_HOME").arg("--home").arg(&odd);
        stdout(&command.assert())
    };
    hippo(&["card", "pause", &card]);
    let refused = hippo(&["card", "check", &card]);
    let line = refused
        .lines()
        .find_map(|line| line.trim().strip_prefix("→ "));
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_hippo"));
    let copied = std::process::Command::new("/bin/sh")
        .args(["-c", line.unwrap()])
        .env_clear()
        .env("PATH", program.parent().unwrap())
        .output()
        .unwrap();
    assert!(copied.status.success(), "{copied:?}");
    assert!(!hippo(&["card", "list"]).contains("paused"));
}

#[test]
fn help_says_which_home_is_used_and_why() {
    let home = Home::new();
    let described = |text: String| {
        let lines = text.lines().skip_while(|line| !line.starts_with("Your "));
        let lines: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
        lines.join("\n") + "\n"
    };
    let mut output = described(printed(&home.run(&["--help"]).success()));
    output += &described(printed(&run_with_option(&home, &["--help"]).success()));
    let mut default = home.command(&["--help"]);
    default
        .env_remove("HIPPO_HOME")
        .env("HOME", home.path().join("nobody"));
    output += &described(printed(&default.assert().success()));
    let mut on_aws = home.command(&["help"]);
    on_aws.env("HIPPO_TARGET", "aws");
    output += &described(printed(&on_aws.assert().success()));
    insta::assert_snapshot!(output);
}

#[test]
fn missing_home_says_where_its_name_comes_from() {
    let home = Home::empty();
    let mut output = printed(&home.run(&["status"]).code(3));
    output += &printed(&run_with_option(&home, &["status"]).code(3));
    let mut default = home.command(&["status"]);
    default
        .env_remove("HIPPO_HOME")
        .env("HOME", home.path().join("nobody"));
    output += &printed(&default.assert().code(3));
    let made = run_with_option(&home, &["init"]).success();
    output += &stdout(&made)
        .lines()
        .rev()
        .take(3)
        .collect::<Vec<_>>()
        .join("\n");
    insta::assert_snapshot!(crate::common::redact(&output));
}
