//! A session recorded for a bug report: nothing of the patron is in the file, and `hippo read` reads it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    dead_code,
    unreachable_pub,
    reason = "a test may stop at once; not each uses all that is common"
)]

mod common;

use chrono::NaiveDate;
use common::{Home, json, stderr, stdout};
use hippo_demo_library::{DemoHold, DemoLibrary, DemoLoan, Patron, Site, SystemKind};
use rstest::rstest;
use serde_json::Value;

const NUMBER: &str = "29000000001234";
const PIN: &str = "canary-246813";

/// A home with one card at a library of this system, and the card's id.
struct At {
    home: Home,
    card: String,
    site: DemoLibrary,
    _runtime: tokio::runtime::Runtime,
}

impl At {
    fn start(system: SystemKind) -> Self {
        let today = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
        let patron = Patron::new(NUMBER, PIN, "Pat Canaryname")
            .with_loan(DemoLoan::new(
                "The Canarytitle",
                "Canaryauthor, Wren",
                today,
            ))
            .with_hold(DemoHold::ready("Nine Canaryholds", "", "Mill Street", None));
        let site = Site::new(system, "Canarylibrary", today).with_patron(patron);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let site = runtime.block_on(DemoLibrary::start(site)).unwrap();
        let home = Home::new();
        let url = site.base_url();
        let format = system.usual_date_format();
        home.run(&[
            "library",
            "add",
            "mill",
            "--system",
            system.id(),
            "--url",
            &url,
            "--date-format",
            format,
        ])
        .success();
        home.run(&[
            "family",
            "add",
            "conrad",
            "--name",
            "The Conrads",
            "--to",
            "pat@example.org",
        ])
        .success();
        let added = home
            .command(&[
                "--json",
                "card",
                "add",
                "--family",
                "conrad",
                "--library",
                "mill",
                "--patron",
                "Pat",
                "--number",
                NUMBER,
                "--pin-stdin",
                "--no-check",
            ])
            .write_stdin(format!("{PIN}\n"))
            .assert()
            .success();
        let card = json(&added)["card"].as_str().unwrap().to_owned();
        Self {
            home,
            card,
            site,
            _runtime: runtime,
        }
    }

    fn record(&self, more: &[&str]) -> assert_cmd::assert::Assert {
        let asked = [
            "check-cards",
            "--card",
            &self.card,
            "--record",
            "session.har",
        ];
        self.home.run(&[&asked, more].concat())
    }

    fn file(&self) -> std::path::PathBuf {
        self.home.path().parent().unwrap().join("session.har")
    }
}

#[rstest]
#[case(SystemKind::Bibliocommons)]
#[case(SystemKind::Sierra)]
#[case(SystemKind::Enterprise)]
#[case(SystemKind::Koha)]
fn a_recorded_session_is_the_owners_alone_holds_nothing_of_theirs_and_is_read_back(
    #[case] system: SystemKind,
) {
    let at = At::start(system);
    let run = at.record(&[]).success();
    let said = stdout(&run);
    assert!(said.contains("It worked: 1 out"), "{said}");
    assert!(
        said.contains("Look through the file before you send it"),
        "{said}"
    );
    let file = std::fs::read_to_string(at.file()).unwrap();
    let port = at.site.base_url().rsplit(':').next().unwrap().to_owned();
    for canary in [NUMBER, PIN, "canary", "127.0.0.1", &port] {
        assert!(!file.to_lowercase().contains(canary), "{canary}");
    }
    // What is shown of the recording is of the recording; the account above it is the person's own.
    let (_, shown) = said.split_once("Kept as they were").unwrap();
    assert!(!shown.to_lowercase().contains("canary"), "{shown}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(at.file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let read = json(&at.home.run(&["read", system.id(), "session.har"]).success());
    assert_eq!(read["loans"].as_array().unwrap().len(), 1);
    assert_eq!(read["holds"][0]["state"], "ready");
    assert_eq!(
        read["loans"][0]["title"].as_str().unwrap().len(),
        "The Canarytitle".len()
    );
}

#[test]
fn a_file_that_is_there_is_not_written_over_and_the_site_is_not_asked() {
    let at = At::start(SystemKind::Sierra);
    std::fs::write(at.file(), "mine").unwrap();
    let run = at.record(&[]).code(2);
    assert!(stderr(&run).contains("name a new file"), "{}", stderr(&run));
    assert_eq!(std::fs::read_to_string(at.file()).unwrap(), "mine");
    assert_eq!(at.site.request_count(), 0);
}

#[test]
fn a_refused_pin_is_recorded_too_and_a_card_that_is_left_alone_leaves_no_file() {
    let at = At::start(SystemKind::Sierra);
    at.site
        .update_patron(NUMBER, |patron| patron.pin = "another".to_owned());
    at.record(&[]).code(1);
    let read = json(&at.home.run(&["read", "sierra", "session.har"]).code(1));
    assert_eq!(read["failure"]["kind"], "wrong_credentials");
    std::fs::remove_file(at.file()).unwrap();
    let run = at.record(&[]).code(1);
    assert!(stdout(&run).contains("not checked"), "{}", stdout(&run));
    assert!(!at.file().exists());
}

#[test]
fn with_json_one_document_tells_of_the_account_and_of_what_was_kept() {
    let at = At::start(SystemKind::Koha);
    let document: Value = json(&at.record(&["--json"]).success());
    assert_eq!(document["checked"], true);
    assert_eq!(document["account"]["out"], 1);
    let kept = &document["recording"]["kept"];
    assert!(kept["requests"].as_u64().unwrap() > 2, "{kept}");
    assert!(kept["cookies"][0].as_str().is_some(), "{kept}");
}

#[test]
fn one_card_is_checked_without_a_recording_too() {
    let at = At::start(SystemKind::Sierra);
    let run = at
        .home
        .run(&["check-cards", "--card", &at.card[22..]])
        .success();
    assert!(stdout(&run).contains("It worked"), "{}", stdout(&run));
}

#[rstest]
#[case(&["--record", "x.har"])]
#[case(&["--card", "01KAK3V6ZB9V0S7YQJ4M2N8R5T", "--scope", "failed"])]
#[case(&["--card", "01KAK3V6ZB9V0S7YQJ4M2N8R5T", "--library", "wpl"])]
fn options_that_contradict_each_other_are_refused(#[case] options: &[&str]) {
    Home::empty()
        .run(&[&["check-cards"], options].concat())
        .code(2);
}

#[test]
fn a_recording_that_breaks_off_is_said_to_be_none() {
    let home = Home::empty();
    home.file("half.har", "{\"log\": {\"entries\": [");
    let run = home.run(&["read", "koha", "half.har"]).code(2);
    assert!(stderr(&run).contains("no HAR 1.2 file"), "{}", stderr(&run));
}
