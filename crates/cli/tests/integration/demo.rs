//! `hippo demo` from end to end.

use crate::common::{Home, files, json, stdout};

#[test]
fn demo_sends_notices_and_a_picture_and_leaves_no_files() {
    let home = Home::empty();
    let temporary = home.path().with_file_name("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let run = home
        .command(&["demo"])
        .env("TMPDIR", &temporary)
        .assert()
        .success();
    let output = stdout(&run);
    for expected in [
        "wrong_credentials",
        "site_down",
        "1 overdue",
        "Picture of the day: A hippo at sunset",
        "SENT",
        "hippo demo --keep",
    ] {
        assert!(output.contains(expected), "{expected} is not in:\n{output}");
    }
    assert!(files(&temporary).is_empty());
    assert!(!home.path().exists());
    // No path of the deleted directory is printed.
    let gone = temporary.to_str().unwrap();
    assert!(!output.contains(gone), "{output}");
}

#[test]
fn kept_demo_is_an_ordinary_home() {
    let home = Home::empty();
    let keep = home.path();
    let run = home
        .command(&["demo", "--json", "--keep", keep.to_str().unwrap()])
        .assert()
        .success();
    let status = json(&run);
    let cards: Vec<&serde_json::Value> = status["families"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|family| family["cards"].as_array().unwrap())
        .collect();
    assert_eq!(cards.len(), 6);
    assert_eq!(
        cards
            .iter()
            .filter(|card| card["problem"].is_null())
            .count(),
        4
    );
    let mails = files(&keep.join("mail"));
    assert_eq!(
        mails
            .iter()
            .filter(|(path, _)| path.extension().is_some_and(|end| end == "eml"))
            .count(),
        3
    );
    insta::assert_snapshot!(
        "status_of_the_demo",
        redact_ids(&stdout(&home.run(&["status"]).success()))
    );
    assert_eq!(home.json(&["card", "list"]).as_array().unwrap().len(), 6);
    home.command(&["demo", "--keep", keep.to_str().unwrap()])
        .assert()
        .code(2);
}

#[cfg(unix)]
#[test]
fn served_demo_can_be_checked_until_it_is_stopped() {
    use std::io::{BufRead as _, BufReader};
    let home = Home::empty();
    let keep = home.path();
    let mut demo = std::process::Command::new(env!("CARGO_BIN_EXE_hippo"))
        .args(["demo", "--serve", "--keep", keep.to_str().unwrap()])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let is_last =
        |line: &str| line.starts_with("  → hippo --home ") && line.ends_with(" check-cards");
    assert!(lines.any(|line| is_last(&line.unwrap())));
    let mut check = home.command(&["check-cards", "--library", "riverside", "--json"]);
    let checked = json(&check.env_remove("HIPPO_NOW").assert().success());
    let pid = demo.id().to_string();
    let stopped = std::process::Command::new("kill").arg(&pid).status();
    assert!(stopped.unwrap().success());
    assert!(demo.wait().unwrap().success());
    assert_eq!(checked["cards"][0]["patron"], "Ines");
    assert_eq!(checked["cards"][0]["failure"], serde_json::Value::Null);
}

/// Replaces card ids, which differ from run to run.
fn redact_ids(text: &str) -> String {
    let is_id = |word: &str| word.len() == 26 && word.starts_with("01");
    text.split(' ')
        .map(|word| {
            let id = word.split_whitespace().next().unwrap_or_default();
            if is_id(id) {
                word.replace(id, "CARD")
            } else {
                word.to_owned()
            }
        })
        .collect::<Vec<_>>()
        .join(" ")
}
