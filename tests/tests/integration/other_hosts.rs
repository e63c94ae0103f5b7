//! An attacker who can write the database or an export, but has no key, can't redirect a PIN.

use chrono::Days;
use hippo_demo_library::{DemoLibrary, DemoLoan, Patron, Site, SystemKind};
use hippo_tests::Home;
use serde_json::Value;

const NUMBER: &str = "21000000004711";
const PIN: &str = "canary-2468";

/// Starts a library that accepts the number and PIN; the attacker's server does so, too.
async fn library(system: SystemKind) -> DemoLibrary {
    let today = "2026-11-21".parse().unwrap();
    let patron = Patron::new(NUMBER, PIN, "Ines Calder").with_loan(DemoLoan::new(
        "The Lantern",
        "Marsh, Ada",
        today + Days::new(2),
    ));
    let site = Site::new(system, "A Public Library", today).with_patron(patron);
    DemoLibrary::start(site).await.unwrap()
}

/// Creates a home with a card at `wpl` and one at `kpl`, neither checked.
fn home(wpl: &DemoLibrary, kpl: &DemoLibrary) -> Home {
    let mut home = Home::new();
    home.set_now("2026-11-21T12:00:00Z");
    home.add_family("conrad");
    for (id, library) in [("wpl", wpl), ("kpl", kpl)] {
        home.add_library(id, library.system().id(), &library.base_url());
        home.add_card("conrad", id, "Ines", NUMBER, PIN);
    }
    home
}

/// Changes a library in the database, as an attacker without the key.
fn write_database(home: &Home, column: &str, value: &str) {
    let database = rusqlite::Connection::open(home.path().join("hippo.db")).unwrap();
    let sql = format!("UPDATE library SET {column} = ?1 WHERE id = 'wpl'");
    assert_eq!(database.execute(&sql, [value]).unwrap(), 1);
}

fn check(home: &mut Home, time: &str) -> Value {
    home.set_now(&format!("2026-11-21T{time}:00Z"));
    let document = home.run(&["check-cards", "--no-delay", "--json"]).json();
    document["run"]["counts"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn tampered_database_sends_no_pin_to_another_host() {
    for system in crate::TRIED_SYSTEMS {
        let (wpl, kpl) = (library(system).await, library(system).await);
        let evil = library(system).await;
        let evil_host = evil.base_url().replace("http://", "");
        let evil_host = evil_host.trim_end_matches('/');
        let good_url = wpl.base_url();
        let mut home = home(&wpl, &kpl);
        for (time, column, value, undo) in [
            ("12:10", "base_url", evil.base_url(), good_url.clone()),
            (
                "13:10",
                "login_hosts",
                format!("[\"{evil_host}\"]"),
                "[]".to_owned(),
            ),
            (
                "14:10",
                "base_url",
                good_url.replace("127.0.0.1", "localhost"),
                good_url.clone(),
            ),
        ] {
            write_database(&home, column, &value);
            let (asked, checked) = (wpl.request_count(), kpl.logins());
            let counts = check(&mut home, time);
            assert_eq!(counts["failed"]["sealed_for_other_hosts"], 1, "{counts}");
            assert_eq!(counts["done"], 1, "{counts}");
            assert_eq!(kpl.logins(), checked + 1, "the other card is checked");
            assert_eq!(wpl.request_count(), asked);
            write_database(&home, column, &undo);
        }
        assert_eq!(evil.requests().len(), 0, "no request reaches the attacker");

        write_database(&home, "base_url", &evil.base_url());
        check(&mut home, "15:10");
        // A retry does not send the PIN there either.
        let id = home.run(&["card", "list", "--json"]).json();
        let cards = id.as_array().unwrap();
        let card = cards.iter().find(|card| card["library"] == "wpl").unwrap();
        let card = card["id"].as_str().unwrap().to_owned();
        home.run(&["card", "retry", &card]).expect_code(1);
        assert_eq!(evil.requests().len(), 0, "no request reaches the attacker");
        let status = home.run(&["status"]);
        assert!(status.stdout.contains("set-pin"), "{}", status.stdout);
        home.run(&["notify-all"]).expect_code(0);
        let mails = home.mails();
        assert_eq!(mails.len(), 1);
        assert!(mails[0].1.contains("PIN not sent"), "{}", mails[0].1);

        // `library edit` corrects the entry.
        let edit = [
            "library", "edit", "wpl", "--url", &good_url, "--yes", "--json",
        ];
        let edited = home.run(&edit).expect_code(0).json();
        assert_eq!(edited["resealed"], 0, "the envelope is for this entry");
        let counts = check(&mut home, "16:10");
        assert_eq!(counts["done"], 2, "{counts}");
        assert_eq!(evil.requests().len(), 0, "no request reaches the attacker");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn set_pin_or_host_edit_allows_the_new_host() {
    let (wpl, kpl) = (
        library(SystemKind::Koha).await,
        library(SystemKind::Koha).await,
    );
    let moved = library(SystemKind::Koha).await;
    let mut home = home(&wpl, &kpl);
    let url = moved.base_url();
    let edit = ["library", "edit", "wpl", "--url", &url];
    let asked = home.run(&edit).expect_code(2);
    assert!(asked.stderr.contains(url.trim_end_matches('/')));
    let edited = home
        .run(&[&edit[..], &["--yes", "--json"]].concat())
        .expect_code(0)
        .json();
    assert_eq!(edited["resealed"], 1);
    assert_eq!(check(&mut home, "12:10")["done"], 2);
    assert_eq!((wpl.requests().len(), moved.logins()), (0, 1));

    // Something else changes the entry; a person confirms it by entering the PIN.
    write_database(&home, "base_url", &wpl.base_url());
    assert_eq!(
        check(&mut home, "13:10")["failed"]["sealed_for_other_hosts"],
        1
    );
    let cards = home.run(&["card", "list", "--json"]).json();
    let card = cards
        .as_array()
        .unwrap()
        .iter()
        .find(|card| card["library"] == "wpl")
        .unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let set = home.run_with_input(
        &["card", "set-pin", &card, "--number", NUMBER, "--pin-stdin"],
        PIN,
    );
    assert_eq!(set.code, 0, "{}{}", set.stdout, set.stderr);
    assert!(
        set.stderr.contains(wpl.base_url().trim_end_matches('/')),
        "the host is shown: {}",
        set.stderr
    );
    assert_eq!(wpl.logins(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_host_edit_can_be_run_again() {
    let (wpl, kpl) = (
        library(SystemKind::Koha).await,
        library(SystemKind::Koha).await,
    );
    let moved = library(SystemKind::Koha).await;
    let mut home = home(&wpl, &kpl);
    home.run_with_input(
        &[
            "card",
            "add",
            "--family",
            "conrad",
            "--library",
            "wpl",
            "--patron",
            "Tom",
            "--number",
            "2",
            "--pin-stdin",
            "--no-check",
        ],
        PIN,
    )
    .expect_code(0);
    let database = || rusqlite::Connection::open(home.path().join("hippo.db")).unwrap();
    let envelopes = || -> Vec<(String, Vec<u8>, Vec<u8>)> {
        let database = database();
        let mut rows = database
            .prepare("SELECT card, encapsulated_key, ciphertext FROM secret ORDER BY card")
            .unwrap();
        rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    };
    let before = envelopes();
    let url = moved.base_url();
    let edit = ["library", "edit", "wpl", "--url", &url, "--yes", "--json"];
    home.run(&edit).expect_code(0);
    // Restores the state after a crash: one card is resealed, the other card and the entry are old.
    let after = envelopes();
    let old = before
        .iter()
        .rev()
        .find(|envelope| !after.contains(envelope))
        .unwrap();
    database()
        .execute(
            "UPDATE secret SET encapsulated_key = ?2, ciphertext = ?3 WHERE card = ?1",
            rusqlite::params![old.0, old.1, old.2],
        )
        .unwrap();
    write_database(&home, "base_url", &wpl.base_url());
    let again = home.run(&edit).expect_code(0).json();
    assert_eq!(again["resealed"], 1, "{again}");
    assert_eq!(again["unopened"], serde_json::json!([]));
    let counts = check(&mut home, "12:10");
    assert_eq!(counts["failed"]["sealed_for_other_hosts"], Value::Null);
    assert_eq!(wpl.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn edited_export_is_rejected_before_any_write() {
    let (wpl, kpl) = (
        library(SystemKind::Koha).await,
        library(SystemKind::Koha).await,
    );
    let evil = library(SystemKind::Koha).await;
    let left = home(&wpl, &kpl);
    let mut new = Home::new();
    new.set_now("2026-11-21T12:00:00Z");
    let file = left.path().join("move.json");
    let name = file.to_string_lossy().into_owned();
    let key = new.path().join("hippo.pub").to_string_lossy().into_owned();
    left.run(&["export", &name, "--key", &key]).expect_code(0);
    let good = std::fs::read_to_string(&file).unwrap();
    let good_url = wpl.base_url();
    let good_url = good_url.trim_end_matches('/');
    let evil_url = evil.base_url();
    let evil_url = evil_url.trim_end_matches('/');
    let login_hosts = good.replacen(
        "\"login_hosts\": []",
        "\"login_hosts\": [\"evil.example.org\"]",
        1,
    );
    for edited in [good.replace(good_url, evil_url), login_hosts] {
        assert_ne!(edited, good);
        std::fs::write(&file, edited).unwrap();
        let refused = new.run(&["import", &name, "--yes"]).expect_code(2);
        assert!(refused.stderr.contains("don't open"), "{}", refused.stderr);
        for list in ["library", "family", "card"] {
            let there = new.run(&[list, "list", "--json"]).expect_code(0).json();
            assert_eq!(there, serde_json::json!([]));
        }
    }

    // The file is also rejected if this home has the library with other hosts.
    std::fs::write(&file, &good).unwrap();
    new.add_library("wpl", "koha", evil_url);
    let refused = new.run(&["import", &name, "--yes"]).expect_code(2);
    assert!(
        refused.stderr.contains(evil_url) && refused.stderr.contains(good_url),
        "{}",
        refused.stderr
    );
    new.run(&["library", "remove", "wpl", "--yes"])
        .expect_code(0);

    // The good file lists the hosts and asks.
    let asked = new.run(&["import", &name]).expect_code(2);
    for needed in [good_url, "--yes"] {
        assert!(asked.stderr.contains(needed), "{}", asked.stderr);
    }
    assert_eq!(new.card_ids(), Vec::<String>::new());
    let imported = new
        .run(&["import", &name, "--yes", "--json"])
        .expect_code(0);
    assert_eq!(imported.json()["login_origins"]["wpl"], good_url);
    let checked = new
        .run(&["check-cards", "--no-delay", "--json"])
        .expect_code(0)
        .json();
    assert_eq!(checked["run"]["counts"]["done"], 2);
    assert_eq!(evil.requests().len(), 0, "no request reaches the attacker");
}
