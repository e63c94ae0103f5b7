//! The family of failures: each with its consequence, from the site to the note, at every system.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at once, its helpers too"
)]

use chrono::{Days, NaiveDate};
use hippo_demo_library::{DemoLibrary, DemoLoan, Fault, Patron, Site, SystemKind};
use hippo_tests::{Home, Ran};
use serde_json::Value;

const NUMBER: &str = "21000000004711";
const PIN: &str = "2468";

fn today() -> NaiveDate {
    "2026-11-21".parse().unwrap()
}

struct Scene {
    home: Home,
    library: DemoLibrary,
    system: SystemKind,
}

impl Scene {
    /// A family with one card, whose account was read on the evening before.
    async fn new(system: SystemKind) -> Self {
        let patron = Patron::new(NUMBER, PIN, "Ines Calder").with_loan(DemoLoan::new(
            "The Paper Lighthouse",
            "Marsh, Ada",
            today() + Days::new(2),
        ));
        let site = Site::new(system, "A Public Library", today()).with_patron(patron);
        let library = DemoLibrary::start(site).await.unwrap();
        let mut home = Home::new();
        home.set_now("2026-11-20T14:00:00Z");
        home.add_family("conrad");
        home.add_library("mill", system.id(), &library.base_url());
        let scene = Self {
            home,
            library,
            system,
        };
        scene.add_card(NUMBER, PIN, &[]).expect_code(0);
        scene
    }

    fn add_card(&self, number: &str, pin: &str, more: &[&str]) -> Ran {
        let add = [
            "card",
            "add",
            "--family",
            "conrad",
            "--library",
            "mill",
            "--patron",
            "Ines",
            "--number",
            number,
            "--pin-stdin",
        ];
        self.home
            .run_with_input(&[&add[..], more].concat(), &format!("{pin}\n"))
    }

    /// A run of the schedule on the next day, and what it says of the card.
    fn check(&mut self, time: &str) -> Value {
        self.home.set_now(&format!("2026-11-21T{time}:00Z"));
        let ran = self
            .home
            .run(&["check-cards", "--label", "all", "--no-pause", "--json"]);
        ran.json()
    }

    fn card(&self) -> Value {
        let status = self.home.run(&["status", "--json"]).expect_code(0).json();
        status["families"][0]["cards"][0].clone()
    }

    /// What the family would be told now.
    fn note(&self) -> String {
        let planned = self
            .home
            .run(&["notify-all", "--dry-run", "--json"])
            .expect_code(0)
            .json();
        planned[0]["text"].as_str().unwrap_or_default().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_fails_leaves_the_last_good_account_and_the_note_says_how_old_it_is() {
    let faults = [
        (Fault::ChangedLayout, "page_changed"),
        (Fault::Down { retry_after: None }, "site_down"),
        (Fault::Maintenance, "site_down"),
        (
            Fault::Refuse {
                retry_after: Some(1800),
            },
            "site_refused",
        ),
        (Fault::Captcha, "site_refused"),
    ];
    for system in SystemKind::ALL {
        let mut scene = Scene::new(system).await;
        for (hour, (fault, kind)) in (12..).zip(faults.clone()) {
            let what = format!("{}: {fault:?}", system.id());
            scene.library.switches().set(fault);
            let logins = scene.library.logins();
            let document = scene.check(&format!("{hour}:10"));
            assert_eq!(document["run"]["outcome"], "done_with_failures", "{what}");
            assert_eq!(document["run"]["counts"]["failed"][kind], 1, "{what}");
            assert_eq!(scene.library.logins(), logins, "{what}: nobody logged in");
            let card = scene.card();
            assert_eq!(card["failure"]["kind"], kind, "{what}");
            assert_eq!(card["account"]["out"], 1, "{what}");
            assert_eq!(card["last_success"], "2026-11-20T14:00:00Z", "{what}");
            let note = scene.note();
            assert!(note.contains("The Paper Lighthouse"), "{what}: {note}");
            assert!(
                note.contains("yesterday") || note.contains("Friday") || note.contains("20 Nov"),
                "{what}: {note}"
            );
        }
        // It is itself again, and so is the account.
        scene.library.switches().clear();
        let document = scene.check("20:10");
        assert_eq!(document["run"]["outcome"], "done", "{document}");
        assert_eq!(scene.card()["last_success"], "2026-11-21T20:10:00Z");
        assert!(
            scene.library.violations().is_empty(),
            "{}",
            scene.system.id()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_pin_is_tried_once_until_a_person_says_so_and_the_family_is_told() {
    for system in SystemKind::ALL {
        let mut scene = Scene::new(system).await;
        let id = scene.card()["id"].as_str().unwrap().to_owned();
        scene
            .home
            .run_with_input(
                &["card", "set-pin", &id, "--pin-stdin", "--no-check"],
                "9999\n",
            )
            .expect_code(0);
        let before = scene.library.login_attempts(NUMBER);
        let document = scene.check("12:10");
        assert_eq!(document["run"]["counts"]["failed"]["wrong_credentials"], 1);
        for time in ["13:10", "14:10"] {
            let document = scene.check(time);
            assert_eq!(document["run"]["counts"]["planned"], 0, "{document}");
        }
        assert_eq!(
            scene.library.login_attempts(NUMBER),
            before + 1,
            "{}",
            system.id()
        );
        let note = scene.note();
        assert!(note.contains("PIN"), "{note}");
        scene
            .home
            .run_with_input(
                &["card", "set-pin", &id, "--pin-stdin"],
                &format!("{PIN}\n"),
            )
            .expect_code(0);
        assert!(scene.card()["failure"].is_null());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_that_is_down_costs_a_run_two_requests_and_not_two_for_each_card() {
    for system in SystemKind::ALL {
        let mut scene = Scene::new(system).await;
        for card in 0..23 {
            let number = format!("210000000050{card:02}");
            scene.add_card(&number, PIN, &["--no-check"]).expect_code(0);
        }
        scene.library.switches().set(Fault::DropConnection);
        let before = scene.library.request_count();
        let document = scene.check("12:10");
        let counts = &document["run"]["counts"];
        assert_eq!(counts["planned"], 24);
        assert_eq!(counts["failed"]["site_down"], 1, "{counts}");
        assert_eq!(counts["failed"]["not_tried"], 23, "{counts}");
        let asked = scene.library.request_count() - before;
        assert!((1..=2).contains(&asked), "{}: {asked}", system.id());
    }
}
