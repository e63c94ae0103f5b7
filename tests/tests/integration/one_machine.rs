//! From a library card to the notice in the mail folder, with the real command, at every system.

use chrono::{Days, NaiveDate};
use hippo_demo_library::{DemoHold, DemoLibrary, DemoLoan, Patron, Site, SystemKind};
use hippo_tests::Home;

const NOW: &str = "2026-11-21T12:10:00Z";

fn today() -> NaiveDate {
    "2026-11-21".parse().unwrap()
}

fn in_days(days: u64) -> NaiveDate {
    today() + Days::new(days)
}

/// Starts a library with one patron: a loan due in two days, one due later, and a ready hold.
async fn library(system: SystemKind) -> DemoLibrary {
    let id = system.id();
    let patron = Patron::new("21000000004711", "2468", "Ines Calder")
        .with_loan(DemoLoan::new(
            &format!("Soon at {id}"),
            "Marsh, Ada",
            in_days(2),
        ))
        .with_loan(DemoLoan::new(
            &format!("Later at {id}"),
            "Finch, Hugo",
            in_days(12),
        ))
        .with_hold(DemoHold::ready(
            &format!("Ready at {id}"),
            "Gale, Edda",
            "Mill Street",
            Some(in_days(5)),
        ));
    let site = Site::new(system, "A Public Library", today()).with_patron(patron);
    DemoLibrary::start(site).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_system_together_makes_one_mail() {
    let mut home = Home::new();
    home.set_now(NOW);
    home.add_family("conrad");
    let mut libraries = Vec::new();
    for system in crate::TRIED_SYSTEMS {
        let library = library(system).await;
        home.add_library(system.id(), system.id(), &library.base_url());
        libraries.push(library);
        let added = home
            .run_with_input(
                &[
                    "card",
                    "add",
                    "--family",
                    "conrad",
                    "--library",
                    system.id(),
                    "--patron",
                    "Ines",
                    "--number",
                    "21000000004711",
                    "--pin-stdin",
                ],
                "2468\n",
            )
            .expect_code(0);
        assert!(
            added.stdout.contains('2'),
            "the account is shown: {}",
            added.stdout
        );
    }
    home.run(&["check-cards", "--no-delay"]).expect_code(0);
    for library in &libraries {
        assert_eq!(library.logins(), 2, "one for the card, one for the run");
        assert_eq!(library.violations().len(), 0, "no request changes state");
        assert!(library.most_in_flight() <= 2);
        assert_eq!(library.open_sessions(), 0, "every session was ended");
    }

    home.run(&["notify-all"]).expect_code(0);
    let mails = home.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].0, "2026-11-21-conrad.eml");
    assert!(mails[0].1.contains("Auto-Submitted: auto-generated"));
    assert!(
        mails[0]
            .1
            .contains("Subject: 5 due by Monday, 5 holds to pick up"),
        "{}",
        mails[0].1
    );
    let html = home.html("2026-11-21-conrad.html");
    for system in crate::TRIED_SYSTEMS {
        for title in ["Soon", "Later", "Ready"] {
            let title = format!("{title} at {}", system.id());
            assert!(html.contains(&title), "the mail does not name “{title}”");
        }
    }

    for _ in 0..2 {
        home.run(&["notify-all"]).expect_code(0);
    }
    assert_eq!(home.mails(), mails, "a second run sends no second mail");

    let status = home.run(&["status"]).expect_code(0).stdout;
    assert!(
        status.contains("conrad") && status.contains("SENT"),
        "{status}"
    );
    let status = home.run(&["status", "--json"]).expect_code(0).json();
    assert!(status.is_object());
}

#[tokio::test(flavor = "multi_thread")]
async fn all_80_loans_are_in_the_mail() {
    for system in crate::TRIED_SYSTEMS {
        let site = Site::generated(system, 1, 80, 60, today());
        let library = DemoLibrary::start(site).await.unwrap();
        let mut home = Home::new();
        home.set_now(NOW);
        home.add_family("conrad");
        home.add_library("big", system.id(), &library.base_url());
        home.add_card(
            "conrad",
            "big",
            "Ines",
            &hippo_demo_library::generated_number(0),
            &hippo_demo_library::generated_pin(0),
        );
        let checked = home
            .run(&["check-cards", "--no-delay", "--json"])
            .expect_code(0)
            .json();
        let text = checked.to_string();
        assert!(text.contains("80"), "{}: {text}", system.id());
        home.run(&["notify-all"]).expect_code(0);
        let html = home.html("2026-11-21-conrad.html");
        let parts = (1..=80)
            .filter(|part| html.contains(&format!(", part {part}<")))
            .count();
        assert_eq!(parts, 80, "{}", system.id());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_pin_is_reported_and_not_retried() {
    let library = library(SystemKind::Sierra).await;
    let mut home = Home::new();
    home.set_now(NOW);
    home.add_family("conrad");
    home.add_library("wpl", "sierra", &library.base_url());
    let added = home.run_with_input(
        &[
            "card",
            "add",
            "--family",
            "conrad",
            "--library",
            "wpl",
            "--patron",
            "Ines",
            "--number",
            "21000000004711",
            "--pin-stdin",
        ],
        "0000\n",
    );
    let output = format!("{}{}", added.stdout, added.stderr);
    assert_eq!(added.code, 1, "{output}");
    assert!(output.contains("set-pin"), "{output}");
    for _ in 0..3 {
        home.run(&["check-cards", "--no-delay"]);
    }
    assert_eq!(library.logins(), 1);
    home.run(&["notify-all"]).expect_code(0);
    assert_eq!(home.mails().len(), 1, "the family gets a notice");

    let id = home.card_ids().remove(0);
    home.run_with_input(&["card", "set-pin", &id, "--pin-stdin"], "2468\n")
        .expect_code(0);
    assert_eq!(library.logins(), 2);
    home.run(&["check-cards", "--no-delay"]).expect_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn library_outage_keeps_the_last_account_in_the_mail() {
    let library = library(SystemKind::Bibliocommons).await;
    let mut home = Home::new();
    home.set_now(NOW);
    home.add_family("conrad");
    home.add_library("wpl", "bibliocommons", &library.base_url());
    home.add_card("conrad", "wpl", "Ines", "21000000004711", "2468");
    home.run(&["check-cards", "--no-delay"]).expect_code(0);

    home.set_now("2026-11-22T12:10:00Z");
    drop(library);
    let failed = home.run(&["check-cards", "--no-delay"]).expect_code(1);
    assert!(failed.stdout.contains("site_down"), "{}", failed.stdout);
    home.run(&["notify-all"]).expect_code(0);
    let mails = home.mails();
    assert_eq!(mails.len(), 1);
    assert!(
        mails[0].1.contains("Soon at bibliocommons"),
        "{}",
        mails[0].1
    );
}

/// A family with one hold and nothing else, at a library that can give it any status.
struct HoldScene {
    home: Home,
    library: DemoLibrary,
}

impl HoldScene {
    const NUMBER: &str = "21000000004711";
    const TITLE: &str = "The Otter Who Could Count";

    async fn new(system: SystemKind, hold: DemoHold) -> Self {
        let patron = Patron::new(Self::NUMBER, "2468", "Ines Calder").with_hold(hold);
        let site = Site::new(system, "A Public Library", today()).with_patron(patron);
        let library = DemoLibrary::start(site).await.unwrap();
        let mut home = Home::new();
        home.set_now(NOW);
        home.add_family("conrad");
        home.add_library("mill", system.id(), &library.base_url());
        home.add_card("conrad", "mill", "Ines", Self::NUMBER, "2468");
        Self { home, library }
    }

    /// Checks the card and runs `notify-all` on each of these days.
    fn run_days(&mut self, days: std::ops::Range<u64>) {
        for day in days {
            self.home.set_now(&format!("{}T12:10:00Z", in_days(day)));
            self.home.run(&["check-cards", "--no-delay"]).expect_code(0);
            self.home.run(&["notify-all"]).expect_code(0);
        }
    }

    /// Returns the day, subject and HTML of each mail.
    fn mails(&self) -> Vec<(u64, String, String)> {
        let mails = self.home.mails();
        let mail_of_day = |day: u64| {
            let name = format!("{}-conrad", in_days(day));
            let (_, mail) = mails
                .iter()
                .find(|(file, _)| *file == format!("{name}.eml"))?;
            let subject = mail.lines().find_map(|line| line.strip_prefix("Subject: "));
            let html = self.home.html(&format!("{name}.html"));
            Some((day, subject.unwrap().to_owned(), html))
        };
        (0..30).filter_map(mail_of_day).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missed_hold_is_mailed_once_in_twenty_days() {
    let last_day = Some(in_days(1));
    let hold = DemoHold::ready(HoldScene::TITLE, "Gale, Edda", "Mill Street", last_day);
    let mut scene = HoldScene::new(SystemKind::Sierra, hold).await;
    scene.run_days(0..20);
    let mails = scene.mails();
    let subjects: Vec<(u64, &str)> = mails
        .iter()
        .map(|(day, subject, _)| (*day, subject.as_str()))
        .collect();
    assert_eq!(
        subjects,
        [
            (0, "1 hold to pick up"),
            (1, "1 hold to pick up"),
            (2, "One hold is past its last day"),
        ]
    );
    let html = &mails[2].2;
    assert!(
        html.contains(HoldScene::TITLE) && html.contains("wasn’t picked up by Sunday, Nov 22"),
        "{html}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_hold_status_is_mailed_on_change_and_weekly() {
    for system in [SystemKind::Sierra, SystemKind::Enterprise] {
        let waiting = DemoHold::waiting(HoldScene::TITLE, "Gale, Edda", "Mill Street", 1, 1);
        let hold = waiting.with_status("Ready soon");
        let mut scene = HoldScene::new(system, hold).await;
        scene.run_days(0..3);
        scene.library.update_patron(HoldScene::NUMBER, |patron| {
            patron.holds[0].status = Some("Call the desk".to_owned());
        });
        scene.run_days(3..12);
        let quoted: Vec<(u64, bool, bool)> = scene
            .mails()
            .iter()
            .map(|(day, subject, html)| {
                assert_eq!(subject, "Please check one hold");
                let quotes = |words: &str| html.contains(&format!("The library says: {words}"));
                (*day, quotes("Ready soon"), quotes("Call the desk"))
            })
            .collect();
        assert_eq!(
            quoted,
            [(0, true, false), (3, false, true), (10, false, true)],
            "{}",
            system.id()
        );
    }
}
