//! No output or file of a run shows a PIN or a card number.

use std::path::Path;

use hippo_demo_library::{DemoLibrary, DemoLoan, Fault, Patron, Site, SystemKind};
use hippo_tests::{CommandOutput, Home};

const PIN: &str = "canary-pin-90817263";
const WRONG_PIN: &str = "canary-wrong-55443322";
const NUMBER: &str = "29555444333222";

fn assert_no_secret(what: &str, text: &[u8]) {
    for secret in [PIN, WRONG_PIN, NUMBER] {
        let found = text
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!found, "{what} shows a secret");
    }
}

fn assert_run_shows_no_secret(what: &str, ran: &CommandOutput) {
    assert_no_secret(&format!("{what}, standard output"), ran.stdout.as_bytes());
    assert_no_secret(&format!("{what}, standard error"), ran.stderr.as_bytes());
}

fn assert_files_show_no_secret(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_files_show_no_secret(&path);
        } else {
            assert_no_secret(&path.display().to_string(), &std::fs::read(&path).unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_stay_out_of_logs_errors_mails_and_files() {
    let mut home = Home::new();
    home.set_variable("HIPPO_LOG", "trace");
    home.add_family("conrad");
    let today = chrono::Utc::now().date_naive();
    for system in SystemKind::ALL {
        let patron = Patron::new(NUMBER, PIN, "Canary Patron").with_loan(DemoLoan::new(
            "Due today",
            "Finch, Hugo",
            today,
        ));
        let site = Site::new(system, "A Public Library", today).with_patron(patron);
        let library = DemoLibrary::start(site).await.unwrap();
        let id = system.id();
        home.add_library(id, id, &library.base_url());
        let arguments = [
            "card",
            "add",
            "--family",
            "conrad",
            "--library",
            id,
            "--patron",
            "Ines",
            "--number",
            NUMBER,
            "--pin-stdin",
        ];
        let added = home.run_with_input(&arguments, WRONG_PIN);
        assert_run_shows_no_secret("card add with a wrong PIN", &added);
        assert_eq!(added.code, 1);
        assert!(
            added.stderr.contains("TRACE") || added.stderr.contains("DEBUG"),
            "the log is on"
        );
        let duplicate = home.run_with_input(&arguments, PIN);
        assert_run_shows_no_secret("card add twice", &duplicate);
        assert_eq!(duplicate.code, 2);

        let cards = home.run(&["card", "list", "--json"]).expect_code(0);
        assert_run_shows_no_secret("card list", &cards);
        let card = home.card_ids().pop().unwrap();
        let set = home.run_with_input(&["card", "set-pin", &card, "--pin-stdin"], PIN);
        assert_run_shows_no_secret("card set-pin", &set);
        assert_eq!(set.code, 0, "{}\n{}", set.stdout, set.stderr);

        for fault in [
            Fault::ChangedLayout,
            Fault::HalfPage,
            Fault::Maintenance,
            Fault::DropConnection,
            Fault::RedirectLoop,
            Fault::ForgetSession,
            Fault::BinaryBody,
            Fault::EmptyBody,
        ] {
            library.switches().set(fault);
            let again = home.run(&["card", "retry", &card]);
            assert_run_shows_no_secret("card retry at a faulty site", &again);
        }
        library.switches().clear();
        // The library may be backed off after the faults.
        let run = home.run(&["check-cards", "--no-delay", "-v"]);
        assert_run_shows_no_secret("check-cards", &run);
    }
    for arguments in [
        vec!["notify-all"],
        vec!["notify-all", "--dry-run"],
        vec!["status"],
        vec!["status", "--json"],
        vec!["runs", "--json"],
        vec!["key", "rotate"],
        vec!["status", "--json"],
        vec!["mail", "test", "pat@example.org"],
        vec!["card", "add", "--pin", PIN],
    ] {
        let ran = home.run(&arguments);
        if !arguments.contains(&"--pin") {
            assert_run_shows_no_secret(&arguments.join(" "), &ran);
        }
    }
    let backup = home.path().join("backup.db");
    home.run(&["backup", &backup.to_string_lossy()])
        .expect_code(0);
    let logs = std::fs::read_dir(home.path().join("logs")).unwrap();
    assert!(logs.count() > 1, "the runs' logs are among the files");
    assert_files_show_no_secret(&home.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn number_and_pin_printed_by_a_page_are_masked() {
    const PRINTED: &str = "2 9555-4443 33222";
    const SHORT_PIN: &str = "8391";
    let mut home = Home::new();
    home.set_variable("HIPPO_LOG", "trace");
    home.add_family("conrad");
    let today = chrono::Utc::now().date_naive();
    for system in SystemKind::ALL {
        let mut patron = Patron::new(NUMBER, SHORT_PIN, "Canary Patron").with_loan(
            DemoLoan::new(&format!("Echo {NUMBER}"), PRINTED, today)
                .not_renewable(&format!("Card {NUMBER}, PIN {SHORT_PIN}")),
        );
        patron.messages = vec![format!(
            "Card {NUMBER} ({PRINTED}) with the PIN {SHORT_PIN} is blocked; {SHORT_PIN}."
        )];
        let site = Site::new(system, "A Public Library", today).with_patron(patron);
        let library = DemoLibrary::start(site).await.unwrap();
        let id = system.id();
        home.add_library(id, id, &library.base_url());
        let arguments = [
            "card",
            "add",
            "--family",
            "conrad",
            "--library",
            id,
            "--patron",
            "Ines",
            "--number",
            NUMBER,
            "--pin-stdin",
        ];
        let added = home.run_with_input(&arguments, SHORT_PIN).expect_code(0);
        no_secret(id, &format!("{}{}", added.stdout, added.stderr));
    }
    for arguments in [
        &["check-cards", "--no-delay", "-v"][..],
        &["notify-all"],
        &["status"],
        &["status", "--json"],
        &["card", "list", "--json"],
        &["runs", "--json"],
    ] {
        let ran = home.run(arguments);
        no_secret(
            &arguments.join(" "),
            &format!("{}{}", ran.stdout, ran.stderr),
        );
        if arguments == ["status", "--json"] {
            assert!(ran.stdout.contains("••••3222"), "{}", ran.stdout);
            assert!(
                ran.stdout.contains("with the PIN •••• is blocked"),
                "{}",
                ran.stdout
            );
        }
    }
    no_secret_in_files(&home.path());

    fn no_secret(what: &str, text: &str) {
        let sentence = format!("PIN {SHORT_PIN}");
        for secret in [NUMBER, PRINTED, &sentence, "blocked; 8391"] {
            assert!(!text.contains(secret), "{what} shows “{secret}”: {text}");
        }
    }

    fn no_secret_in_files(folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                no_secret_in_files(&path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                no_secret(
                    &path.display().to_string(),
                    &String::from_utf8_lossy(&bytes),
                );
            }
        }
    }
}
