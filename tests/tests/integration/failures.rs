//! Each kind of failure and its consequence, from the site to the notice, at every system.

use std::time::Duration;

use chrono::{Days, NaiveDate};
use hippo_demo_library::{DemoHold, DemoLibrary, DemoLoan, Fault, Patron, Rule, Site, SystemKind};
use hippo_tests::{CommandOutput, Home};
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
    /// Creates a family with one card that was read the evening before.
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

    fn add_card(&self, number: &str, pin: &str, more: &[&str]) -> CommandOutput {
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

    /// Runs `check-cards` at a time of the next day and returns its document.
    fn check(&mut self, time: &str) -> Value {
        self.check_at(&format!("2026-11-21T{time}:00Z"))
    }

    fn check_at(&mut self, now: &str) -> Value {
        self.home.set_now(now);
        let ran = self
            .home
            .run(&["check-cards", "--label", "all", "--no-delay", "--json"]);
        ran.json()
    }

    fn card(&self) -> Value {
        let status = self.home.run(&["status", "--json"]).expect_code(0).json();
        status["families"][0]["cards"][0].clone()
    }

    /// Returns the text of the notice that would be sent now.
    fn notice(&self) -> String {
        let planned = self
            .home
            .run(&["notify-all", "--dry-run", "--json"])
            .expect_code(0)
            .json();
        planned[0]["text"].as_str().unwrap_or_default().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_check_keeps_the_account_and_the_notice_dates_it() {
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
    for system in crate::TRIED_SYSTEMS {
        let mut scene = Scene::new(system).await;
        for (hour, (fault, kind)) in (12..).zip(faults.clone()) {
            let what = format!("{}: {fault:?}", system.id());
            scene.library.switches().set(fault);
            let logins = scene.library.logins();
            let document = scene.check(&format!("{hour}:10"));
            assert_eq!(document["run"]["outcome"], "done_with_failures", "{what}");
            assert_eq!(document["run"]["counts"]["failed"][kind], 1, "{what}");
            assert_eq!(scene.library.logins(), logins, "{what}: no login");
            let card = scene.card();
            assert_eq!(card["failure"]["kind"], kind, "{what}");
            assert_eq!(card["account"]["out"], 1, "{what}");
            assert_eq!(card["last_success"], "2026-11-20T14:00:00Z", "{what}");
            let notice = scene.notice();
            assert!(notice.contains("The Paper Lighthouse"), "{what}: {notice}");
            assert!(
                notice.contains("yesterday")
                    || notice.contains("Friday")
                    || notice.contains("20 Nov"),
                "{what}: {notice}"
            );
        }
        // The site recovers, and the next check succeeds.
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
async fn rejected_pin_is_tried_once_until_a_person_retries() {
    for system in crate::TRIED_SYSTEMS {
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
        let notice = scene.notice();
        assert!(notice.contains("PIN"), "{notice}");
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
async fn library_outage_costs_two_requests_per_run() {
    for system in crate::TRIED_SYSTEMS {
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

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_login_waits_a_day_or_for_a_person() {
    for system in crate::TRIED_SYSTEMS {
        for by_person in [true, false] {
            let what = system.id();
            let mut scene = Scene::new(system).await;
            scene.library.clear_requests();
            let hang = Rule::new(Fault::Hang).only_for_method("POST");
            scene.library.switches().add(hang);
            scene.home.set_now("2026-11-21T12:10:00Z");
            let arguments = ["check-cards", "--label", "all", "--no-delay"];
            let mut child = scene.home.command(&arguments).spawn().unwrap();
            let posted = || {
                scene
                    .library
                    .requests()
                    .iter()
                    .any(|request| request.method == "POST")
            };
            while !posted() {
                assert!(
                    child.try_wait().unwrap().is_none(),
                    "{what}: the command ended"
                );
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            child.kill().unwrap();
            child.wait().unwrap();

            scene.library.switches().clear();
            scene.library.clear_requests();
            for time in ["13:10", "14:10"] {
                let document = scene.check(time);
                let counts = &document["run"]["counts"];
                assert_eq!(counts["failed"]["not_tried"], 1, "{what}: {counts}");
            }
            assert_eq!(scene.library.logins(), 0, "{what}");
            let card = scene.card();
            assert_eq!(card["account"]["out"], 1, "{what}");
            assert_eq!(card["last_success"], "2026-11-20T14:00:00Z", "{what}");
            assert!(scene.notice().contains("The Paper Lighthouse"), "{what}");
            if by_person {
                let id = card["id"].as_str().unwrap().to_owned();
                scene.home.run(&["card", "retry", &id]).expect_code(0);
            } else {
                let document = scene.check_at("2026-11-22T12:10:00Z");
                assert_eq!(document["run"]["outcome"], "done", "{what}: {document}");
            }
            assert_eq!(scene.library.logins(), 1, "{what}");
            assert!(scene.card()["failure"].is_null(), "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blocked_card_is_read_and_quotes_the_library() {
    for system in crate::TRIED_SYSTEMS {
        let what = system.id();
        let mut scene = Scene::new(system).await;
        scene.library.update_patron(NUMBER, |patron| {
            patron.blocked = Some("Please see the desk about a lost book.".to_owned());
            patron.card_expires = Some(today() - Days::new(3));
        });
        let document = scene.check("12:10");
        assert_eq!(document["run"]["outcome"], "done", "{what}: {document}");
        let card = scene.card();
        assert_eq!(card["account"]["out"], 1, "{what}");
        let notice = scene.notice();
        assert!(notice.contains("The Paper Lighthouse"), "{what}: {notice}");
        assert!(
            notice.contains("see the desk about a lost book"),
            "{what}: {notice}"
        );
        // Enterprise's lists don't show when a card expires.
        let shows_expiry = system != SystemKind::Enterprise;
        assert_eq!(notice.contains("expired"), shows_expiry, "{what}: {notice}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_session_logs_in_once_more_then_fails() {
    for system in crate::TRIED_SYSTEMS {
        // If the account is one page, no later request needs the session.
        if system.has_one_page() {
            continue;
        }
        let what = system.id();
        let mut scene = Scene::new(system).await;
        // With a hold, every system has one more page to fetch.
        let hold = DemoHold::waiting("Fog over Ferry Lane", "Ash, Pip", "Oak Park", 9, 83);
        scene
            .library
            .update_patron(NUMBER, |patron| patron.holds.push(hold));
        scene.library.clear_requests();
        let once = Rule::new(Fault::ForgetSession).times(1);
        scene.library.switches().add(once);
        let document = scene.check("12:10");
        assert_eq!(document["run"]["outcome"], "done", "{what}: {document}");
        assert_eq!(scene.library.logins(), 2, "{what}");
        assert_eq!(
            scene.card()["last_success"],
            "2026-11-21T12:10:00Z",
            "{what}"
        );

        scene.library.clear_requests();
        scene.library.switches().set(Fault::ForgetSession);
        let document = scene.check("13:10");
        let failed = &document["run"]["counts"]["failed"];
        assert_eq!(failed["session_expired"], 1, "{what}: {failed}");
        assert_eq!(scene.library.logins(), 2, "{what}");
        let card = scene.card();
        assert_eq!(card["failure"]["kind"], "session_expired", "{what}");
        assert_eq!(card["account"]["out"], 1, "{what}");
        assert_eq!(card["last_success"], "2026-11-21T12:10:00Z", "{what}");
        assert!(scene.notice().contains("The Paper Lighthouse"), "{what}");
        // This failure does not stop the next check from logging in.
        scene.library.switches().clear();
        let document = scene.check("14:10");
        assert_eq!(document["run"]["outcome"], "done", "{what}: {document}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fines_without_a_currency_say_how_to_name_it() {
    let patron = Patron::new(NUMBER, PIN, "Ines Calder").with_fines_cents(150);
    let site = Site::new(SystemKind::Sierra, "A Public Library", today()).with_patron(patron);
    let library = DemoLibrary::start(site).await.unwrap();
    let mut home = Home::new();
    home.set_now("2026-11-20T14:00:00Z");
    home.add_family("conrad");
    home.add_library("mill", SystemKind::Sierra.id(), &library.base_url());
    home.add_card("conrad", "mill", "Ines", NUMBER, PIN);
    let id = home.card_ids().remove(0);
    let command = "hippo library edit mill --currency CAD";
    let unnamed = home.run(&["card", "check", &id]).expect_code(0).stdout;
    assert!(unnamed.contains("fines 1.50."), "{unnamed}");
    assert!(unnamed.contains(command), "{unnamed}");
    home.run(&["library", "edit", "mill", "--currency", "CAD"])
        .expect_code(0);
    let named = home.run(&["card", "check", &id]).expect_code(0).stdout;
    assert!(named.contains("fines 1.50 CAD"), "{named}");
    assert!(!named.contains(command), "{named}");
}
