//! Runs the real binary against a fake Runtime API, and a fake AWS or emulators.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic when its setup fails"
)]

mod stage;

use std::ops::Range;

use chrono::{TimeDelta, Utc};
use hippo_core::audit::{Actor, AuditEntry, Change};
use hippo_core::ids::CardId;
use hippo_core::outbox::{MailKey, MailKind, OutboxRecord};
use hippo_core::run::day::Square;
use hippo_core::run::work::{Subject, WorkItem, WorkOutcome, WorkResult};
use hippo_core::run::{Counts, JobName, Run, RunOutcome, Trigger};
use hippo_core::sign_in::PersonId;
use hippo_core::store::{
    AuditStore as _, DeclaredScheduleStore as _, FamilyStore as _, FeedStore as _,
    LibraryStore as _, OutboxStore as _, RunDayStore as _, RunStore as _,
};
use hippo_core::testing::contract::sample;
use hippo_oidc::testing::{CLIENT_ID, CLIENT_SECRET, FakeIssuer};
use hippo_tests::lambda::{AwsRequest, Function};
use serde_json::{Value, json};

use self::stage::{BINARY, Browser, ROLE, Stage, VARIABLES, request};

fn start(variables: &[(&str, &str)]) -> Function {
    Function::start(BINARY.as_ref(), variables)
}

#[test]
fn missing_variables_are_named_in_one_message() {
    start(&[("LOG_LEVEL", "loud"), ("TIMEZONE", "here")]).assert_cannot_start(
        "TABLE_NAME, WEB_URL, NOTICE_QUEUE_URL, PUBLIC_KEY_PARAMETER, FINGERPRINT_KEY_PARAMETER are missing; LOG_LEVEL \
         must be error, warn, info or debug; TIMEZONE must be a name like America/Toronto",
    );
}

#[test]
fn init_reads_one_item_that_its_role_allows() {
    start(VARIABLES).assert_init_reads_within_its_rights(ROLE);
}

#[test]
fn wrong_event_fails_with_the_expected_payload() {
    start(VARIABLES).assert_refuses(
        json!({"label": "all"}),
        "Event",
        &["HTTP API event", "payload format 2.0"],
    );
}

#[test]
fn page_without_data_is_served_without_the_table() {
    let function = start(VARIABLES);
    function.until_next();
    let answer = function.invoke(request("GET", "/about", "")).unwrap();
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let page = answer["body"].as_str().unwrap();
    assert!(page.contains("LibraryHippo"), "{page}");
    let policy = answer["headers"]["content-security-policy"].as_str();
    assert!(policy.unwrap().contains("default-src 'none'"), "{answer}");
    assert!(answer["headers"]["strict-transport-security"].is_string());
    // Another name for the API, and a request that no browser makes.
    let mut other = request("GET", "/about", "");
    other["headers"]["host"] = json!("evil.example");
    assert_eq!(function.invoke(other).unwrap()["statusCode"], 421);
    let odd = function
        .invoke(request("GET", "/f/<a b>?#/\u{1}", ""))
        .unwrap();
    assert_eq!(odd["statusCode"], 404, "{odd}");
    // Only the read of the init.
    assert_eq!(function.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn role_allows_signing_in_and_reading_the_family() {
    let Some(stage) = Stage::new().await else {
        return;
    };
    let function = stage.start();
    let mut browser = Browser::new(&function);
    let redirected = browser.get("/family");
    assert_eq!(redirected["headers"]["location"], "/sign-in");
    let form = browser.form("/sign-in");
    let asked = browser.post(
        "/sign-in",
        &format!("form_token={form}&address=zoe%40example.org"),
    );
    assert_eq!(asked["headers"]["location"], "/sign-in/code", "{asked}");

    // The message waits for notify-family, which answers it here.
    let message = stage.received().await;
    assert_eq!(message["message"], "sign_in");
    assert_eq!(message["address"], "zoe@example.org");
    let link = stage.grant(&message).await;
    let page = browser.get(&link);
    assert_eq!(page["statusCode"], 200, "{page}");
    let used = browser.press_button("/sign-in/link", &page);
    let cookies = used["cookies"].to_string();
    assert!(
        cookies.contains("__Host-hippo=") && cookies.contains("Secure"),
        "{used}"
    );
    let family = browser.get("/family");
    let body = family["body"].as_str().unwrap();
    assert!(body.contains("The Conrads"), "{body}");
    assert_eq!(browser.get("/family/settings")["statusCode"], 200);
    assert_eq!(browser.get("/family/cards")["statusCode"], 200);

    // A feed is added, read and revoked.
    let form = browser.form("/family/feeds");
    let made = browser.post(
        "/family/feeds",
        &format!("form_token={form}&family=conrad&label=Phone&titles=yes"),
    );
    let made = made["body"].as_str().unwrap();
    let token = made
        .split("/f/")
        .nth(1)
        .and_then(|rest| rest.split('/').next());
    let path = format!("/f/{}/due.ics", token.unwrap_or_else(|| panic!("{made}")));
    let feed = Browser::new(&function).get(&path);
    assert_eq!(
        feed["headers"]["content-type"],
        "text/calendar; charset=utf-8"
    );
    assert!(
        feed["body"]
            .as_str()
            .unwrap()
            .starts_with("BEGIN:VCALENDAR")
    );
    let feeds = stage
        .store
        .family_feeds(&"conrad".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(feeds.len(), 1);

    let out = browser.post("/sign-out", "everywhere=yes");
    assert_eq!(out["statusCode"], 303, "{out}");
    assert_eq!(browser.get("/family")["headers"]["location"], "/sign-in");
    function.assert_table_requests_are_within_its_rights(ROLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn network_is_that_of_the_api_and_not_of_a_header() {
    let Some(stage) = Stage::new().await else {
        return;
    };
    let function = stage.start();
    let ask = |forwarded: &str| {
        let mut browser = Browser::new(&function);
        browser.forwarded_for = forwarded.to_owned();
        let form = browser.form("/sign-in");
        let number = forwarded.replace('.', "-");
        let body = format!("form_token={form}&address=a{number}%40example.org");
        browser.post("/sign-in", &body)["statusCode"].clone()
    };
    let statuses: Vec<Value> = (1..=11).map(|n| ask(&format!("198.51.{n}.7"))).collect();
    let (allowed, refused) = statuses.split_at(10);
    assert!(allowed.iter().all(|status| *status == 303), "{statuses:?}");
    assert_eq!(refused, [429]);
}

/// A schedule and two days of its runs.
async fn add_label(stage: &Stage, number: usize) {
    let job = JobName::CHECK_CARDS;
    let label = format!("label-{number}");
    let mut schedules = stage.store.declared_schedules(job).await.unwrap();
    schedules.push(stage::schedule(job, &label));
    stage
        .store
        .save_schedules(job, &schedules, Utc::now())
        .await
        .unwrap();
    for day in 0..2 {
        let time = Utc::now() - TimeDelta::days(day);
        let run = Run {
            key: format!("{job}/{label}/{}", time.format("%Y-%m-%dT05:00:00Z"))
                .parse()
                .unwrap(),
            trigger: Trigger::Schedule,
            input: json!({"scope": "all"}),
            started_at: time,
            reported_at: time,
            finished_at: Some(time),
            outcome: RunOutcome::Done,
            counts: Counts::default(),
        };
        let squares = [Square::from(&run)];
        stage
            .store
            .upsert_squares(&(&run.key).into(), &squares)
            .await
            .unwrap();
        stage.store.record_run(&run).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn console_needs_a_fixed_number_of_requests_and_starts_one_run() {
    let Some(stage) = Stage::new().await else {
        return;
    };
    let function = stage.start();
    let mut browser = Browser::new(&function);
    let page = browser.get(&stage.operator_link().await);
    browser.press_button("/sign-in/link", &page);
    let mut counts = Vec::new();
    let mut units = Vec::new();
    for labels in [0..1, 1..50] {
        for number in labels {
            add_label(&stage, number).await;
        }
        let before = function.asked().len();
        let console = browser.get("/console");
        let body = console["body"].as_str().unwrap();
        assert!(body.contains("label-0"), "{body}");
        let asked = function.asked().split_off(before);
        counts.push(asked.len());
        units.push(asked.iter().map(|request| request.units).sum::<f64>());
    }
    assert!(counts[0] == counts[1] && counts[0] < 40, "{counts:?}");
    // A label adds what its runs and days take, and no request: 24.5 and 35.5 units were measured.
    assert!(units[0] > 0.0 && units[0] <= 30.0, "{units:?}");
    assert!(units[0] < units[1] && units[1] <= 42.0, "{units:?}");

    let page = browser.get("/console/schedules/run?label=label-0");
    let body = page["body"].as_str().unwrap();
    let form = stage::hidden(body, "form_token");
    let version = stage::hidden(body, "run_version");
    let start = format!("form_token={form}&label=label-0&run_version={version}");
    let started = browser.post("/console/schedules/run", &start);
    assert_eq!(
        started["headers"]["location"], "/console?started=yes",
        "{started}"
    );
    let again = browser.post("/console/schedules/run", &start);
    let location = &again["headers"]["location"];
    assert_eq!(location, "/console?started=before", "{again}");
    let asked = function.asked();
    let calls = asked
        .iter()
        .filter(|request| request.line.contains("/functions/"));
    let calls: Vec<_> = calls.collect();
    assert_eq!(calls.len(), 1);
    assert!(
        calls[0].line.contains("/functions/the-check-cards/"),
        "{calls:?}"
    );
    assert_eq!(calls[0].body["label"], "person");
    assert_eq!(calls[0].body["scope"], "all");

    for path in [
        "/console/notices",
        "/console/libraries",
        "/console/families",
    ] {
        assert_eq!(browser.get(path)["statusCode"], 200, "{path}");
    }
    let day = Utc::now().format("%Y-%m-%dT05:00:00Z");
    let run = browser.get(&format!("/console/runs/check-cards/label-0/{day}"));
    assert_eq!(run["statusCode"], 200, "{run}");
    let unpaused = hippo_core::schedule::change_pause::pause_version(None);
    let pause = format!("form_token={form}&label=label-0&version={unpaused}&until=&why=moving");
    let paused = browser.post("/console/schedules/pause", &pause);
    assert_eq!(paused["statusCode"], 303, "{paused}");
    let shown = browser.get("/console/schedules")["body"].to_string();
    assert!(shown.contains("the console"), "{shown}");
    function.assert_table_requests_are_within_its_rights(ROLE);
}

/// Adds families with daily mails and changes, and runs with their failures.
async fn fill_lists(stage: &Stage, families: Range<usize>, days: Range<i64>) {
    let now = Utc::now();
    for number in families.clone() {
        let id = format!("family-{number:03}");
        stage.store.add_family(&sample::family(&id)).await.unwrap();
        let id = sample::family_id(&id);
        let person = PersonId::from_address(&"zoe@example.org".parse().unwrap());
        for _ in 0..4 {
            let change = Change::SettingsChanged;
            let actor = Actor::Person(person.clone());
            let entry = AuditEntry::new(actor, Some(id.clone()), change, now);
            stage.store.add_audit_entry(&entry).await.unwrap();
        }
    }
    // A page of notices has fewer families.
    for number in 0..30 {
        let id = sample::family_id(&format!("family-{number:03}"));
        for day in days.clone() {
            let date = (now - TimeDelta::days(day)).date_naive();
            let key = MailKey::new(MailKind::DAILY, id.clone(), date);
            let mail = OutboxRecord::planned(key, now);
            assert!(stage.store.plan_mail(&mail).await.unwrap());
        }
    }
    for day in days {
        for hour in [5, 12, 18] {
            let time = now - TimeDelta::days(day);
            let key = format!(
                "check-cards/all/{}",
                time.format(&format!("%Y-%m-%dT{hour:02}:00:00Z"))
            );
            let run = Run {
                key: key.parse().unwrap(),
                trigger: Trigger::Schedule,
                input: json!({"scope": "all"}),
                started_at: time,
                reported_at: time,
                finished_at: Some(time),
                outcome: RunOutcome::DoneWithFailures,
                counts: Counts::default(),
            };
            stage.store.record_run(&run).await.unwrap();
            let result = WorkResult {
                subject: Subject::Card {
                    family: sample::family_id("family-000"),
                    card: CardId::generate(),
                    library: sample::library_id("wpl"),
                },
                outcome: WorkOutcome::from("site_down".to_owned()),
            };
            let work = WorkItem {
                item_id: WorkItem::inline_item_id("all"),
                results: vec![result; 20],
            };
            stage.store.save_work_item(&run.key, &work).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_the_console_take_a_bounded_number_of_requests() {
    let Some(stage) = Stage::new().await else {
        return;
    };
    stage
        .store
        .add_library(&sample::library("wpl"))
        .await
        .unwrap();
    let function = stage.start();
    let mut browser = Browser::new(&function);
    let page = browser.get(&stage.operator_link().await);
    browser.press_button("/sign-in/link", &page);
    let paths = [
        "/console/notices",
        "/console/families",
        "/console/libraries",
        "/console/audit",
    ];
    let mut measured = Vec::new();
    // Each page is full at first. Then there is twice as much of everything.
    for (families, days) in [(0..60, 0..15), (60..120, 15..30)] {
        fill_lists(&stage, families, days).await;
        for path in paths {
            let before = function.asked().len();
            let answer = browser.get(path);
            assert_eq!(answer["statusCode"], 200, "{path}");
            let body = answer["body"].as_str().unwrap();
            assert!(body.len() < 160_000, "{path} has {} bytes", body.len());
            let asked = function.asked().split_off(before);
            let units = asked.iter().map(|request| request.units).sum::<f64>();
            measured.push((path, asked.len(), units));
        }
    }
    let (small, large) = measured.split_at(paths.len());
    // What was measured, with a little room for the units.
    let limits = [(52, 80.0), (52, 58.0), (43, 48.0), (27, 40.0)];
    for ((small, large), (requests, units)) in small.iter().zip(large).zip(limits) {
        assert_eq!(small.1, large.1, "{measured:?}");
        assert!(large.1 <= requests && large.2 <= units, "{measured:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_run_reads_the_table() {
    let Some(stage) = Stage::new().await else {
        return;
    };
    let function = stage.start();
    let answer = function.invoke(json!({"dry_run": true}));
    assert_eq!(answer, Ok(json!({"dry_run": true})));
    function.assert_table_requests_are_within_its_rights(ROLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn role_allows_signing_in_with_an_account() {
    let Some(stage) = Stage::new().await else {
        return;
    };
    stage.put_secret("/hippo/oidc-secret", CLIENT_SECRET).await;
    let issuer = FakeIssuer::start(Utc::now()).await;
    let function = stage.start_with(&[
        ("OIDC_ISSUER", issuer.issuer().as_str()),
        ("OIDC_CLIENT_ID", CLIENT_ID),
        ("OIDC_SECRET_PARAMETER", "/hippo/oidc-secret"),
        ("OIDC_NAME", "Home"),
    ]);
    let use_provider = |browser: &mut Browser<'_>| {
        let page = browser.get("/sign-in")["body"].to_string();
        assert!(page.contains("Sign in with Home"), "{page}");
        let begun = browser.get("/sign-in/oidc");
        let url = begun["headers"]["location"].as_str().unwrap();
        let back = issuer.authorize(&url.parse().unwrap());
        browser.get(&format!("{}?{}", back.path(), back.query().unwrap()))
    };
    function.until_next();
    // Init asks for neither the provider nor its secret.
    assert_eq!(issuer.state().requests.len(), 0);
    assert!(!function.asked().iter().any(is_of_ssm));
    let mut browser = Browser::new(&function);
    let unknown = use_provider(&mut browser);
    assert!(
        unknown["body"].to_string().contains("One more step"),
        "{unknown}"
    );
    let secrets = function.asked().into_iter().filter(is_of_ssm);
    let secrets: Vec<Value> = secrets
        .map(|request| request.body["Name"].clone())
        .collect();
    assert_eq!(secrets, ["/hippo/oidc-secret"]);

    // By email, once.
    let form = browser.form("/sign-in");
    let body = format!("form_token={form}&address=zoe%40example.org");
    browser.post("/sign-in", &body);
    let link = stage.grant(&stage.received().await).await;
    let page = browser.get(&link);
    let used = browser.press_button("/sign-in/link", &page);
    assert_eq!(used["headers"]["location"], "/sign-in/oidc/link", "{used}");
    let form = browser.form("/sign-in/oidc/link");
    let body = format!("form_token={form}&answer=yes");
    let linked = browser.post("/sign-in/oidc/link", &body);
    assert_eq!(linked["statusCode"], 303, "{linked}");

    let mut phone = Browser::new(&function);
    let signed_in = use_provider(&mut phone);
    assert_eq!(signed_in["headers"]["location"], "/", "{signed_in}");
    let family = phone.get("/family")["body"].to_string();
    assert!(family.contains("The Conrads"), "{family}");
    let form = phone.form("/family/settings");
    let body = format!("form_token={form}");
    let unlinked = phone.post("/sign-in/oidc/unlink", &body);
    assert_eq!(
        unlinked["headers"]["location"],
        "/family/settings?saved=unlinked"
    );
    let unknown = use_provider(&mut Browser::new(&function));
    assert!(
        unknown["body"].to_string().contains("One more step"),
        "{unknown}"
    );

    // A person who leaves is signed out everywhere.
    let zoe = PersonId::from_address(&"zoe@example.org".parse().unwrap());
    let form = phone.form("/family/settings");
    let body = format!("form_token={form}&family=conrad&person={zoe}");
    let left = phone.post("/family/settings/recipients/remove", &body);
    assert_eq!(left["headers"]["location"], "/", "{left}");
    for browser in [&mut phone, &mut browser] {
        let page = browser.get("/family");
        assert_eq!(page["headers"]["location"], "/sign-in", "{page}");
    }
    function.assert_table_requests_are_within_its_rights(ROLE);
}

fn is_of_ssm(request: &AwsRequest) -> bool {
    request.operation.starts_with("AmazonSSM.")
}
