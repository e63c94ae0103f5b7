//! Sessions recorded for a bug report: they hold no personal data, and `hippo read` reads them.

use crate::common::{Home, json, printed, redact, stdout};
use chrono::NaiveDate;
use hippo_demo_library::{DemoHold, DemoLibrary, DemoLoan, Fault, Patron, Rule, Site, SystemKind};
use rstest::rstest;
use serde_json::Value;

const NUMBER: &str = "29000000001234";
const PIN: &str = "canary-246813";

/// A home with one card at a demo library.
struct Fixture {
    home: Home,
    card: String,
    site: DemoLibrary,
    _runtime: tokio::runtime::Runtime,
}

impl Fixture {
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
#[case(SystemKind::SymphonyWs)]
fn recorded_session_is_private_masked_and_readable(#[case] system: SystemKind) {
    let fixture = Fixture::start(system);
    let run = fixture.record(&[]).success();
    let output = stdout(&run);
    insta::assert_snapshot!(format!("recorded_{}", system.id()), redact(&output));
    let file = std::fs::read_to_string(fixture.file()).unwrap();
    let port = fixture
        .site
        .base_url()
        .rsplit(':')
        .next()
        .unwrap()
        .to_owned();
    for canary in [NUMBER, PIN, "canary", "127.0.0.1", &port] {
        assert!(!file.to_lowercase().contains(canary), "{canary}");
    }
    // The account above this line is the person's own; the summary of the recording names nobody.
    let (_, summary) = output.split_once("Kept unchanged").unwrap();
    assert!(!summary.to_lowercase().contains("canary"), "{summary}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(fixture.file())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let read = json(
        &fixture
            .home
            .run(&["read", system.id(), "session.har"])
            .success(),
    );
    assert_eq!(read["loans"].as_array().unwrap().len(), 1);
    assert_eq!(read["holds"][0]["state"], "ready");
    assert_eq!(
        read["loans"][0]["title"].as_str().unwrap().len(),
        "The Canarytitle".len()
    );
}

#[test]
fn record_never_overwrites_a_file() {
    let fixture = Fixture::start(SystemKind::Sierra);
    std::fs::write(fixture.file(), "mine").unwrap();
    let run = fixture.record(&[]).code(2);
    insta::assert_snapshot!(printed(&run));
    assert_eq!(std::fs::read_to_string(fixture.file()).unwrap(), "mine");
    assert_eq!(fixture.site.request_count(), 0);
}

#[test]
fn record_retries_a_refused_pin_but_not_a_paused_card() {
    let fixture = Fixture::start(SystemKind::Sierra);
    fixture
        .site
        .update_patron(NUMBER, |patron| patron.pin = "another".to_owned());
    fixture.record(&[]).code(1);
    let read = json(&fixture.home.run(&["read", "sierra", "session.har"]).code(1));
    assert_eq!(read["failure"]["kind"], "wrong_credentials");
    std::fs::remove_file(fixture.file()).unwrap();
    let run = fixture.record(&[]).code(1);
    insta::assert_snapshot!(printed(&run));
    assert!(fixture.file().exists());
    std::fs::remove_file(fixture.file()).unwrap();
    fixture
        .home
        .run(&["card", "pause", &fixture.card])
        .success();
    let asked = fixture.site.request_count();
    let run = fixture.record(&[]).code(1);
    insta::assert_snapshot!(printed(&run));
    assert!(!fixture.file().exists());
    assert_eq!(fixture.site.request_count(), asked);
    // The rejection is still on record.
    fixture
        .home
        .run(&["card", "resume", &fixture.card])
        .success();
    let status = stdout(&fixture.home.run(&["status"]).success());
    insta::assert_snapshot!(redact(&status));
}

#[test]
fn failed_recording_keeps_an_earlier_refusal() {
    let fixture = Fixture::start(SystemKind::Sierra);
    let is_planned = || {
        let plan = json(
            &fixture
                .home
                .run(&["check-cards", "--dry-run", "--json"])
                .success(),
        );
        !plan["cards"].as_array().unwrap().is_empty()
    };
    assert!(is_planned());
    let pin = |pin: &str| {
        let changed = fixture
            .site
            .update_patron(NUMBER, |patron| patron.pin = pin.to_owned());
        assert!(changed);
    };
    let old = fixture.site.patron(NUMBER).unwrap().pin;
    pin("another");
    fixture.home.run(&["card", "check", &fixture.card]).code(1);
    assert!(!is_planned(), "refused");
    // The site is down and never gets the PIN.
    fixture
        .site
        .switches()
        .set(Fault::Down { retry_after: None });
    fixture.record(&[]).code(1);
    assert!(!is_planned(), "a recording doesn't allow automatic retries");
    let status = stdout(&fixture.home.run(&["status"]).success());
    insta::assert_snapshot!(redact(&status));
    std::fs::remove_file(fixture.file()).unwrap();
    // After a successful login, automatic checks include the card again.
    fixture.site.switches().clear();
    pin(&old);
    fixture
        .home
        .command(&["card", "record", &fixture.card, "session.har"])
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
#[case(SystemKind::SymphonyWs)]
fn card_with_an_unknown_login_outcome_can_be_recorded(#[case] system: SystemKind) {
    let fixture = Fixture::start(system);
    let changed = Rule::new(Fault::Status(422)).only_for_method("POST");
    fixture.site.switches().add(changed);
    let run = fixture.home.run(&["card", "check", &fixture.card]).code(1);
    let command = format!("hippo card record {} session.har", fixture.card);
    insta::assert_snapshot!(format!("login_in_doubt_{}", system.id()), printed(&run));
    // A second check leaves the card out and names the true reason.
    let run = fixture.home.run(&["card", "check", &fixture.card]).code(1);
    insta::assert_snapshot!(
        format!("login_in_doubt_again_{}", system.id()),
        printed(&run)
    );
    // The status suggests recording, and recording works without another confirmation.
    let status = stdout(&fixture.home.run(&["status", "--json"]).success());
    assert!(status.contains(&command), "{status}");
    fixture.record(&[]).code(1);
    let read = json(
        &fixture
            .home
            .run(&["read", system.id(), "session.har"])
            .code(1),
    );
    assert_eq!(read["failure"]["kind"], "page_changed", "{read}");
    let file = std::fs::read_to_string(fixture.file()).unwrap();
    assert!(file.contains("422") && !file.to_lowercase().contains("canary"));
}

#[test]
fn recording_is_read_only_by_its_own_system() {
    let fixture = Fixture::start(SystemKind::Koha);
    let output = stdout(&fixture.record(&[]).success());
    insta::assert_snapshot!(redact(&output));
    let run = fixture.home.run(&["read", "sierra", "session.har"]).code(2);
    insta::assert_snapshot!(printed(&run));
}

#[test]
fn recording_with_a_bad_address_is_refused() {
    let fixture = Fixture::start(SystemKind::Koha);
    fixture.record(&[]).success();
    let file = std::fs::read_to_string(fixture.file()).unwrap();
    let mut recording: Value = serde_json::from_str(&file).unwrap();
    let library = recording.pointer_mut("/log/_library").unwrap();
    library["baseUrl"] = "library".into();
    std::fs::write(fixture.file(), recording.to_string()).unwrap();
    let run = fixture.home.run(&["read", "koha", "session.har"]).code(2);
    insta::assert_snapshot!(printed(&run));
    let url = ["--base-url", "https://library.example"];
    let read = [&["read", "koha", "session.har"][..], &url].concat();
    fixture.home.run(&read).success();
}

#[test]
fn record_lists_unrecognised_names_first() {
    let fixture = Fixture::start(SystemKind::Bibliocommons);
    let output = stdout(&fixture.record(&[]).success());
    let (_, summary) = output.split_once("Kept unchanged").unwrap();
    let summary = summary.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, names) = summary
        .split_once("unrecognised names of classes, ids, fields and keys:")
        .unwrap();
    let (unrecognised, _) = names
        .split_once("recognised names (--json lists them)")
        .unwrap();
    for known in ["currentUserId", "holds,", "csrf-token"] {
        assert!(!unrecognised.contains(known), "{known}: {unrecognised}");
    }
}

#[test]
fn record_json_holds_account_and_kept_names() {
    let fixture = Fixture::start(SystemKind::Koha);
    let document: Value = json(&fixture.record(&["--json"]).success());
    assert_eq!(document["checked"], true);
    assert_eq!(document["account"]["out"], 1);
    let kept = &document["recording"]["kept"];
    assert!(kept["requests"].as_u64().unwrap() > 2, "{kept}");
    assert!(kept["cookies"][0].as_str().is_some(), "{kept}");
}

#[test]
fn card_check_checks_one_card() {
    let fixture = Fixture::start(SystemKind::Sierra);
    let run = fixture
        .home
        .run(&["card", "check", &fixture.card[22..]])
        .success();
    insta::assert_snapshot!(printed(&run));
}

#[test]
fn truncated_recording_is_refused() {
    let home = Home::empty();
    home.file("half.har", "{\"log\": {\"entries\": [");
    let run = home.run(&["read", "koha", "half.har"]).code(2);
    insta::assert_snapshot!(printed(&run));
}
