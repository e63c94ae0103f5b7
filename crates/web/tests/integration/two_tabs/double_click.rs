//! The same form twice: at once, as a double click sends it, or again after the first request stopped halfway.

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt as _;
use hippo_core::audit::{Actor, AuditEntry, Change};
use hippo_core::card::Card;
use hippo_core::check::Check;
use hippo_core::failure::FailureKind;
use hippo_core::family::Family;
use hippo_core::sign_in::limit::count_attempt;
use hippo_core::sign_in::{PIN_LIMITS, PersonId, RateKey};
use hippo_core::store::{
    AuditStore as _, CardStore as _, CheckStore as _, FamilyStore as _, NewSecret,
    SecretWriter as _, SignInStore as _,
};
use hippo_core::testing::contract::sample;
use hippo_core::testing::memory::MemoryStore;
use secrecy::SecretString;
use uuid::Uuid;

use crate::family_cards::{NUMBER, PIN, add_known_card, changes, stored_pin};
use crate::web::{BOTH, Browser, PAT, TestResponse, TestWeb};

const ADD: &str = "/family/cards/add/wpl";
const REMOVE: &str = "/family/settings/recipients/remove";
const SECRET: [(&str, &str); 2] = [("number", NUMBER), ("pin", PIN)];

fn person(address: &str) -> PersonId {
    PersonId::from_address(&address.parse().unwrap())
}

/// A page with the form of a card's PIN.
struct PinPage {
    path: String,
    page: TestResponse,
    /// Identifies the form.
    form: Uuid,
}

async fn open_pin(browser: &mut Browser<'_>, card: &Card) -> PinPage {
    let path = format!("/family/cards/{}/pin", card.id);
    let page = browser.get(&path).await;
    let form = page.hidden("form").parse().unwrap();
    PinPage { path, page, form }
}

/// Stores another number and PIN, as the request of a form does.
fn store_secret(store: &MemoryStore, card: &Card, form: Uuid) {
    let after = NewSecret {
        id: form,
        ..NewSecret::new(card.fingerprint.clone(), sample::sealed(card.id))
    };
    let replaced = store.replace_secret(card.id, card.secret_id, &after);
    assert!(replaced.now_or_never().unwrap().unwrap());
}

/// Records that a form set a card's PIN, as the end of its request does.
fn record_pin(store: &MemoryStore, card: &Card, form: Uuid, now: DateTime<Utc>) {
    let (actor, family) = (Actor::Person(person(PAT)), Some(card.family.clone()));
    let mut entry = AuditEntry::new(actor, family, Change::PinSet { card: card.id }, now);
    entry.id = form;
    let added = store.add_audit_entry(&entry).now_or_never();
    added.unwrap().unwrap();
}

/// Saves a check that began at a time, and whose PIN the library refused.
async fn refuse(web: &TestWeb, card: &Card, started_at: DateTime<Utc>) {
    let outcome = sample::failed(FailureKind::WrongCredentials);
    let check = Check {
        started_at,
        finished_at: started_at,
        ..sample::check(card, "05:00:00", outcome)
    };
    web.store.save_check(&check).await.unwrap();
}

async fn refused_since(web: &TestWeb, card: &Card) -> Option<DateTime<Utc>> {
    let record = web.store.card(card.id).await.unwrap().unwrap();
    record.state.refused_since
}

#[tokio::test]
async fn concurrent_resubmission_of_a_pin_succeeds() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    let mut browser = web.signed_in(PAT).await;
    let opened = open_pin(&mut browser, &card).await;
    let (first, form, now) = (card.clone(), opened.form, web.now());
    let rival = move |store: &MemoryStore| {
        store_secret(store, &first, form);
        record_pin(store, &first, form, now);
    };
    // The limit of PINs is counted before it.
    web.store
        .run_before_next_write(|store| store.run_before_next_write(rival));
    let mails = web.mails().len();
    let second = browser.post_from(&opened.page, &opened.path, &SECRET).await;
    assert_eq!(second.status, StatusCode::SEE_OTHER, "{}", second.body);
    assert!(second.location().ends_with("&again=yes"));
    assert_eq!(changes(&web).await, [Change::PinSet { card: card.id }]);
    // The first request does the rest.
    assert_eq!(web.mails().len(), mails);
    assert_eq!(web.jobs.0.lock().unwrap().len(), 0);
    let log = web.store.rate_log(&RateKey::pin(&card.fingerprint)).await;
    assert!(
        log.unwrap().unwrap().times.is_empty(),
        "the rival of this test took no permit, and what wasn't stored doesn't count"
    );
}

#[tokio::test]
async fn resubmitted_pin_succeeds_without_a_second_permit() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    let mut browser = web.signed_in(PAT).await;
    let opened = open_pin(&mut browser, &card).await;
    let number = SecretString::from("28888");
    let fingerprint = web.keys.fingerprint(&card.library, &number);
    let (first, form, now) = (card.clone(), opened.form, web.now());
    // It is another number, which is counted before the PIN.
    web.store.run_before_next_write(move |store| {
        let key = RateKey::pin(&fingerprint);
        for _ in 0..3 {
            let taken = count_attempt(store, &key, &PIN_LIMITS, now).now_or_never();
            assert!(taken.unwrap().unwrap());
        }
        store_secret(store, &first, form);
        record_pin(store, &first, form, now);
    });
    let fields = [("number", "28888"), ("pin", PIN), ("new_number", "yes")];
    let second = browser.post_from(&opened.page, &opened.path, &fields).await;
    assert_eq!(second.status, StatusCode::SEE_OTHER, "{}", second.body);
    assert!(second.location().ends_with("&again=yes"));
}

#[tokio::test]
async fn resubmitted_pin_form_finishes_the_first_request() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    refuse(&web, &card, sample::time("16:00:00")).await;
    let mut browser = web.signed_in(PAT).await;
    let opened = open_pin(&mut browser, &card).await;
    // The first request stops after it stored the PIN.
    store_secret(&web.store, &card, opened.form);
    let mails = web.mails().len();
    for number in 0..2 {
        let answer = browser.post_from(&opened.page, &opened.path, &SECRET).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        assert!(answer.location().ends_with("&again=yes"));
        let expected = [Change::PinSet { card: card.id }];
        assert_eq!(changes(&web).await, expected, "{number}");
        assert_eq!(
            web.mails().len() - mails,
            2,
            "{number}: one to each recipient"
        );
        assert_eq!(web.jobs.0.lock().unwrap().len(), 1, "{number}");
        assert_eq!(refused_since(&web, &card).await, None, "{number}");
    }
}

#[tokio::test]
async fn form_that_claims_to_be_sent_again_is_limited_like_any_pin() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    refuse(&web, &card, sample::time("16:00:00")).await;
    let mut browser = web.signed_in(PAT).await;
    let opened = open_pin(&mut browser, &card).await;
    let key = RateKey::pin(&card.fingerprint);
    for _ in 0..3 {
        let taken = count_attempt(&*web.store, &key, &PIN_LIMITS, web.now()).await;
        assert!(taken.unwrap());
    }
    let mails = web.mails().len();
    let (version, token) = (card.secret_id.to_string(), opened.page.hidden("form_token"));
    let fields = [
        ("form_token", &*token),
        ("version", &*version),
        ("form", &*version),
        ("number", NUMBER),
        ("pin", PIN),
    ];
    let answer = browser.post(&opened.path, &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert!(refused_since(&web, &card).await.is_some());
    assert_eq!(web.jobs.0.lock().unwrap().len(), 0);
    assert_eq!(web.mails().len(), mails);
    assert_eq!(changes(&web).await, []);
}

#[tokio::test]
async fn second_pin_is_tried_once_after_the_first_is_rejected() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    let mut browser = web.signed_in(PAT).await;
    let opened = open_pin(&mut browser, &card).await;
    browser.post_from(&opened.page, &opened.path, &SECRET).await;
    let mails = web.mails().len();
    // A check of the PIN before ends after that.
    refuse(&web, &card, sample::time("16:59:00")).await;
    web.jobs.0.lock().unwrap().clear();
    browser.post_from(&opened.page, &opened.path, &SECRET).await;
    assert_eq!(refused_since(&web, &card).await, None);
    assert_eq!(web.jobs.0.lock().unwrap().len(), 1);
    // The library refuses the new one, too: it isn't tried again.
    web.wait(TimeDelta::seconds(5));
    refuse(&web, &card, web.now()).await;
    web.jobs.0.lock().unwrap().clear();
    browser.post_from(&opened.page, &opened.path, &SECRET).await;
    assert_eq!(refused_since(&web, &card).await, Some(web.now()));
    assert_eq!(web.jobs.0.lock().unwrap().len(), 0);
    assert_eq!(web.mails().len(), mails);
    assert_eq!(changes(&web).await, [Change::PinSet { card: card.id }]);
}

#[tokio::test]
async fn form_of_a_pin_without_its_ids_is_not_understood() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    let mut browser = web.signed_in(PAT).await;
    let opened = open_pin(&mut browser, &card).await;
    let version = opened.page.hidden("version");
    for (version, form) in [(&*version, "x"), ("", &*opened.form.to_string())] {
        let fields = [
            ("version", version),
            ("form", form),
            ("number", NUMBER),
            ("pin", PIN),
        ];
        let answer = browser.post_with_token(&opened.path, &fields).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.body.contains("fill in the form again"));
    }
    assert_eq!(stored_pin(&web, &card).await, "old");
}

#[tokio::test]
async fn resubmitted_card_form_finishes_the_first_request() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let page = browser.get(ADD).await;
    // The first request stops after it added the card.
    let card = Card {
        patron: "Ada".to_owned(),
        created_at: web.now(),
        ..sample::card("conrad", "wpl", "")
    };
    let card = sample::add_sealed_card(&*web.store, &web.keys, card, NUMBER, PIN).await;
    let mails = web.mails().len();
    let fields = [("patron", "Ada"), SECRET[0], SECRET[1]];
    for number in 0..2 {
        let answer = browser.post_from(&page, ADD, &fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        let expected = [Change::CardAdded { card: card.id }];
        assert_eq!(changes(&web).await, expected, "{number}");
        assert_eq!(
            web.mails().len() - mails,
            2,
            "{number}: one to each recipient"
        );
        assert_eq!(web.jobs.0.lock().unwrap().len(), 1, "{number}");
    }
}

#[tokio::test]
async fn last_card_that_a_family_may_have_is_added_once() {
    let web = TestWeb::new().await;
    for number in 1..99 {
        let card = sample::card("conrad", "wpl", &format!("other-{number}"));
        sample::add_card(&*web.store, card).await;
    }
    let mut browser = web.signed_in(PAT).await;
    let page = browser.get(ADD).await;
    let fields = [("patron", "Ada"), SECRET[0], SECRET[1]];
    for again in [false, true] {
        let answer = browser.post_from(&page, ADD, &fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        assert_eq!(answer.location().ends_with("&again=yes"), again);
    }
    let fields = [("patron", "Ada"), ("number", "28888"), ("pin", PIN)];
    let more = browser.post_from(&page, ADD, &fields).await;
    assert!(more.body.contains("Your family has 100 cards."));
}

fn conrad(store: &MemoryStore) -> Family {
    let id = sample::family_id("conrad");
    let family = store.family(&id).now_or_never().unwrap();
    family.unwrap().unwrap()
}

/// Changes `conrad`, as a request that comes first does.
fn change_first(web: &TestWeb, change: impl FnOnce(&mut Family) + Send + 'static) {
    web.store.run_before_next_write(move |store| {
        let before = conrad(store);
        let mut after = before.clone();
        change(&mut after);
        let replaced = store.replace_family(&before, &after).now_or_never();
        assert!(replaced.unwrap().unwrap());
    });
}

/// The fields of a form.
type Fields<'a> = &'a [(&'a str, &'a str)];

/// Changes a family, as a form of the settings does.
type FamilyChange = fn(&mut Family, DateTime<Utc>);

#[tokio::test]
async fn concurrent_resubmission_of_settings_and_pauses_succeeds() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let settings = [
        ("time", "08:15"),
        ("timezone", "America/Toronto"),
        ("due_within_days", "5"),
        ("send_when_empty", "never"),
        ("fines_threshold", ""),
    ];
    let pause = [("from", "2026-11-24"), ("until", "2026-12-01")];
    let forms: [(&str, Fields<'_>, FamilyChange); 3] = [
        ("/family/settings", &settings, |family, now| {
            family.reschedule(
                chrono_tz::America::Toronto,
                "08:15:00".parse().unwrap(),
                now,
            );
            family.preferences.due_within_days = 5;
            family.preferences.fines_threshold = None;
        }),
        ("/family/settings/pause", &pause, |family, now| {
            let until = Some(sample::date("2026-12-01"));
            family.pause_from(sample::date("2026-11-24"), until, now);
        }),
        ("/family/settings/resume", &[], |family, now| {
            family.resume(now)
        }),
    ];
    for (path, fields, change) in forms {
        let page = browser.get("/family/settings").await;
        let now = web.now();
        change_first(&web, move |family| change(family, now));
        web.wait(TimeDelta::milliseconds(20));
        let second = browser.post_from(&page, path, fields).await;
        assert_eq!(second.location(), "/family/settings?saved=yes", "{path}");
        assert_eq!(changes(&web).await, [], "the first request records it");
    }
}

#[tokio::test]
async fn concurrent_removals_of_a_recipient_send_one_email() {
    let web = TestWeb::new().await;
    for (address, next) in [(PAT, "/family/settings?saved=yes"), (BOTH, "/")] {
        let mut browser = web.signed_in(address).await;
        browser
            .post("/sign-in/family", &[("family", "conrad")])
            .await;
        let person = person(BOTH);
        let fields = [("family", "conrad"), ("person", person.as_str())];
        change_first(&web, |family| {
            family.recipients.retain(|address| address.as_str() != BOTH);
        });
        let mails = web.mails().len();
        let second = browser.post_with_token(REMOVE, &fields).await;
        assert_eq!(second.location(), next, "{}", second.body);
        assert_eq!(changes(&web).await, []);
        assert_eq!(web.mails().len(), mails);
        let mut family = conrad(&web.store);
        family.recipients.push(BOTH.parse().unwrap());
        web.store.update_family(&family).await.unwrap();
    }
}

#[tokio::test]
async fn leaving_a_family_twice_succeeds() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(BOTH).await;
    browser
        .post("/sign-in/family", &[("family", "conrad")])
        .await;
    let (both, pat) = (person(BOTH), person(PAT));
    for _ in 0..2 {
        let fields = [("family", "conrad"), ("person", both.as_str())];
        let answer = browser.post_with_token(REMOVE, &fields).await;
        assert_eq!(answer.location(), "/", "{}", answer.body);
    }
    // A former recipient removes nobody else, and learns nothing.
    for (family, person) in [("conrad", &pat), ("nowhere", &both)] {
        let fields = [("family", family), ("person", person.as_str())];
        let refused = browser.post_with_token(REMOVE, &fields).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{family}");
    }
    assert_eq!(changes(&web).await, [Change::RecipientLeft]);
}

#[tokio::test]
async fn form_of_a_card_removed_at_the_same_time_is_a_conflict() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let path = format!("/family/cards/{}/pause", web.card.id);
    let page = browser.get(&path).await;
    let (card, now) = (web.card.clone(), web.now());
    web.store.run_before_next_write(move |store: &MemoryStore| {
        store.remove_card(card.id).now_or_never().unwrap().unwrap();
        let change = Change::CardRemoved { card: card.id };
        let entry = AuditEntry::new(Actor::Command, Some(card.family), change, now);
        let added = store.add_audit_entry(&entry);
        added.now_or_never().unwrap().unwrap();
    });
    let response = browser.post_from(&page, &path, &[]).await;
    assert_eq!(response.status, StatusCode::GONE);
    assert!(
        response.body.contains("This card was removed"),
        "{}",
        response.body
    );
}
