//! A session recorded for a bug report: nothing of the patron is in the file, and `hippo read` reads it.

use crate::common::{Home, json, shown, stdout, steady};
use chrono::NaiveDate;
use hippo_demo_library::{DemoHold, DemoLibrary, DemoLoan, Fault, Patron, Rule, Site, SystemKind};
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
        let asked = ["card", "record", &self.card, "session.har"];
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
fn recorded_session_is_private_masked_and_readable(
    #[case] system: SystemKind,
) {
    let at = At::start(system);
    let run = at.record(&[]).success();
    let said = stdout(&run);
    insta::assert_snapshot!(format!("recorded_{}", system.id()), steady(&said));
    let file = std::fs::read_to_string(at.file()).unwrap();
    let port = at.site.base_url().rsplit(':').next().unwrap().to_owned();
    for canary in [NUMBER, PIN, "canary", "127.0.0.1", &port] {
        assert!(!file.to_lowercase().contains(canary), "{canary}");
    }
    // What is shown of the recording is of the recording; the account above it is the person's own.
    let (_, shown) = said.split_once("Kept unchanged").unwrap();
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
fn record_never_overwrites_a_file() {
    let at = At::start(SystemKind::Sierra);
    std::fs::write(at.file(), "mine").unwrap();
    let run = at.record(&[]).code(2);
    insta::assert_snapshot!(shown(&run));
    assert_eq!(std::fs::read_to_string(at.file()).unwrap(), "mine");
    assert_eq!(at.site.request_count(), 0);
}

#[test]
fn record_retries_a_refused_pin_but_not_a_paused_card() {
    let at = At::start(SystemKind::Sierra);
    at.site
        .update_patron(NUMBER, |patron| patron.pin = "another".to_owned());
    at.record(&[]).code(1);
    let read = json(&at.home.run(&["read", "sierra", "session.har"]).code(1));
    assert_eq!(read["failure"]["kind"], "wrong_credentials");
    std::fs::remove_file(at.file()).unwrap();
    let run = at.record(&[]).code(1);
    insta::assert_snapshot!(shown(&run));
    assert!(at.file().exists());
    std::fs::remove_file(at.file()).unwrap();
    at.home.run(&["card", "pause", &at.card]).success();
    let asked = at.site.request_count();
    let run = at.record(&[]).code(1);
    insta::assert_snapshot!(shown(&run));
    assert!(!at.file().exists());
    assert_eq!(at.site.request_count(), asked);
    // What the library said of it is not forgotten by that.
    at.home
        .run(&["card", "pause", &at.card, "--resume"])
        .success();
    let status = stdout(&at.home.run(&["status"]).success());
    insta::assert_snapshot!(steady(&status));
}

#[test]
fn failed_recording_keeps_an_earlier_refusal() {
    let at = At::start(SystemKind::Sierra);
    let is_planned = || {
        let plan = json(
            &at.home
                .run(&["check-cards", "--dry-run", "--json"])
                .success(),
        );
        !plan["cards"].as_array().unwrap().is_empty()
    };
    assert!(is_planned());
    let pin = |pin: &str| {
        let changed = at
            .site
            .update_patron(NUMBER, |patron| patron.pin = pin.to_owned());
        assert!(changed);
    };
    let old = at.site.patron(NUMBER).unwrap().pin;
    pin("another");
    at.home.run(&["card", "check", &at.card]).code(1);
    assert!(!is_planned(), "refused");
    // The site does not even get the PIN.
    at.site.switches().set(Fault::Down { retry_after: None });
    at.record(&[]).code(1);
    assert!(
        !is_planned(),
        "nobody said that it is to be tried again by itself"
    );
    let status = stdout(&at.home.run(&["status"]).success());
    insta::assert_snapshot!(steady(&status));
    std::fs::remove_file(at.file()).unwrap();
    // Once it is taken, it is tried again by itself, too.
    at.site.switches().clear();
    pin(&old);
    at.home
        .command(&["card", "record", &at.card, "session.har"])
        .env("HIPPO_NOW", "2026-11-21T13:00:00Z")
        .assert()
        .success();
    assert!(is_planned());
}

#[rstest]
#[case(SystemKind::Bibliocommons)]
#[case(SystemKind::Sierra)]
#[case(SystemKind::Enterprise)]
#[case(SystemKind::Koha)]
fn card_with_an_unknown_login_outcome_can_be_recorded(#[case] system: SystemKind) {
    let at = At::start(system);
    let changed = Rule::new(Fault::Status(422)).only_method("POST");
    at.site.switches().add(changed);
    let run = at.home.run(&["card", "check", &at.card]).code(1);
    let command = format!("hippo card record {} session.har", at.card);
    insta::assert_snapshot!(format!("login_in_doubt_{}", system.id()), shown(&run));
    // By itself it is left alone, for the reason that is true.
    let run = at.home.run(&["card", "check", &at.card]).code(1);
    insta::assert_snapshot!(format!("login_in_doubt_again_{}", system.id()), shown(&run));
    // So it is in the status; and a person's word is enough.
    let status = stdout(&at.home.run(&["status", "--json"]).success());
    assert!(status.contains(&command), "{status}");
    at.record(&[]).code(1);
    let read = json(&at.home.run(&["read", system.id(), "session.har"]).code(1));
    assert_eq!(read["failure"]["kind"], "page_changed", "{read}");
    let file = std::fs::read_to_string(at.file()).unwrap();
    assert!(file.contains("422") && !file.to_lowercase().contains("canary"));
}

#[test]
fn recording_is_read_only_by_its_own_system() {
    let at = At::start(SystemKind::Koha);
    let said = stdout(&at.record(&[]).success());
    insta::assert_snapshot!(steady(&said));
    let run = at.home.run(&["read", "sierra", "session.har"]).code(2);
    insta::assert_snapshot!(shown(&run));
}

#[test]
fn record_lists_site_specific_names_first() {
    let at = At::start(SystemKind::Bibliocommons);
    let said = stdout(&at.record(&[]).success());
    let (_, shown) = said.split_once("Kept unchanged").unwrap();
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains("that only this site has:"), "{shown}");
    assert!(
        shown.contains("any site has (--json lists them)"),
        "{shown}"
    );
    let (_, own) = shown.split_once("that only this site has:").unwrap();
    let (own, _) = own.split_once("other name").unwrap();
    for known in ["currentUserId", "holds,", "csrf-token"] {
        assert!(!own.contains(known), "{known}: {own}");
    }
}

#[test]
fn record_json_holds_account_and_kept_names() {
    let at = At::start(SystemKind::Koha);
    let document: Value = json(&at.record(&["--json"]).success());
    assert_eq!(document["checked"], true);
    assert_eq!(document["account"]["out"], 1);
    let kept = &document["recording"]["kept"];
    assert!(kept["requests"].as_u64().unwrap() > 2, "{kept}");
    assert!(kept["cookies"][0].as_str().is_some(), "{kept}");
}

#[test]
fn card_check_checks_one_card() {
    let at = At::start(SystemKind::Sierra);
    let run = at.home.run(&["card", "check", &at.card[22..]]).success();
    insta::assert_snapshot!(shown(&run));
}

#[test]
fn truncated_recording_is_refused() {
    let home = Home::empty();
    home.file("half.har", "{\"log\": {\"entries\": [");
    let run = home.run(&["read", "koha", "half.har"]).code(2);
    insta::assert_snapshot!(shown(&run));
}
