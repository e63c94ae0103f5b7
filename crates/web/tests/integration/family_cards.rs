//! What a family does with its cards: PINs, adding, removing, checks.

use axum::http::StatusCode;
use chrono::TimeDelta;
use hippo_core::audit::Change;
use hippo_core::card::Card;
use hippo_core::check::Check;
use hippo_core::failure::{Failure, FailureKind};
use hippo_core::ids::CardId;
use hippo_core::jobs::check_cards::CheckCardsInput;
use hippo_core::run::JobName;
use hippo_core::store::{
    AuditStore as _, CardStore as _, CheckStore as _, LibraryStore as _, SecretStore as _,
};
use hippo_core::testing::contract::sample;
use hippo_web::StartRequest;
use secrecy::ExposeSecret as _;

use crate::web::{BOTH, Browser, KIM, PAT, TestResponse, TestWeb};

/// A number and a PIN that must appear nowhere.
pub const NUMBER: &str = "29999000071184";
pub const PIN: &str = "canary-4711";

/// Adds a card with a known number to `conrad`.
pub async fn add_known_card(web: &TestWeb) -> Card {
    let card = sample::card("conrad", "wpl", "");
    sample::add_sealed_card(&*web.store, &web.keys, card, NUMBER, "old").await
}

pub async fn set_pin(
    browser: &mut Browser<'_>,
    card: &Card,
    number: &str,
    pin: &str,
) -> TestResponse {
    let path = format!("/family/cards/{}/pin", card.id);
    let fields = [("number", number), ("pin", pin)];
    browser.open_and_post(&path, &fields).await
}

/// Pauses a card, as its page does.
pub async fn pause_card(
    browser: &mut Browser<'_>,
    card: CardId,
    fields: &[(&str, &str)],
) -> TestResponse {
    let path = format!("/family/cards/{card}/pause");
    browser.open_and_post(&path, fields).await
}

pub async fn add_card(browser: &mut Browser<'_>, number: &str, pin: &str) -> TestResponse {
    let path = "/family/cards/add/wpl";
    let token = browser.get(path).await.hidden("form_token");
    let fields = [
        ("form_token", &*token),
        ("family", "conrad"),
        ("patron", "Ada"),
        ("number", number),
        ("pin", pin),
    ];
    browser.post(path, &fields).await
}

pub async fn stored_pin(web: &TestWeb, card: &Card) -> String {
    let sealed = web.store.secrets(&[card.id]).await.unwrap().remove(0).1;
    let opened = web.keys.open(card.id, &sample::library("wpl"), &sealed);
    opened.unwrap().pin.expose_secret().to_owned()
}

pub async fn changes(web: &TestWeb) -> Vec<Change> {
    let family = sample::family_id("conrad");
    let since = sample::time("00:00:00");
    let entries = web
        .store
        .recent_audit_entries(Some(&family), since, 99)
        .await;
    let changes = entries.unwrap().into_iter().map(|entry| entry.change);
    changes.collect()
}

/// Saves a check that begins a second after now.
async fn save_check(web: &TestWeb, card: &Card, failure: Option<FailureKind>) {
    web.wait(TimeDelta::seconds(1));
    let outcome = match failure {
        None => Ok(sample::account(7_00)),
        Some(kind) => Err(Failure::new(kind, "canary-detail")),
    };
    let check = Check {
        started_at: web.now(),
        finished_at: web.now(),
        ..sample::check(card, "16:00:00", outcome)
    };
    web.store.save_check(&check).await.unwrap();
}

#[tokio::test]
async fn new_pin_is_sealed_tried_and_mailed() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    let mut browser = web.signed_in(PAT).await;
    let mails = web.mails().len();
    let answer = set_pin(&mut browser, &card, "2 9999 0000 71184", PIN).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(stored_pin(&web, &card).await, PIN);
    let StartRequest::Job { job, input } = web.jobs.0.lock().unwrap().pop().unwrap() else {
        panic!("not a job");
    };
    assert_eq!(job, JobName::CHECK_CARDS);
    let input: CheckCardsInput = serde_json::from_value(input.into()).unwrap();
    assert_eq!(input, CheckCardsInput::for_card(&card));
    assert_eq!(changes(&web).await, [Change::PinSet { card: card.id }]);
    let sent = web.mails().split_off(mails);
    let recipients: Vec<&str> = sent.iter().map(|mail| mail.to[0].as_str()).collect();
    assert_eq!(recipients, [PAT, BOTH]);
    for mail in &sent {
        assert!(mail.text.contains("changed the PIN"), "{}", mail.text);
        assert!(!mail.text.contains(NUMBER) && !mail.text.contains(PIN));
    }
    let settings = browser.get("/family/settings").await;
    assert!(settings.body.contains("You set a card’s PIN"));
}

#[tokio::test]
async fn page_waits_for_the_check_and_says_how_it_went() {
    for (failure, words) in [
        (None, "It worked"),
        (
            Some(FailureKind::WrongCredentials),
            "The library rejected the number or PIN",
        ),
        (
            Some(FailureKind::SiteDown),
            "the library’s site didn’t answer",
        ),
    ] {
        let web = TestWeb::new().await;
        let card = add_known_card(&web).await;
        // A check of the old PIN doesn't count.
        save_check(&web, &card, Some(FailureKind::WrongCredentials)).await;
        web.wait(TimeDelta::seconds(1));
        let mut browser = web.signed_in(PAT).await;
        let answer = set_pin(&mut browser, &card, NUMBER, PIN).await;
        let page = answer.location().to_owned();
        let waiting = browser.get(&page).await;
        assert!(waiting.body.contains("Logging in at"), "{}", waiting.body);
        assert!(waiting.body.contains("http-equiv=\"refresh\""));
        save_check(&web, &card, failure).await;
        let done = browser.get(&page).await;
        assert!(done.body.contains(words), "{words}: {}", done.body);
        assert!(!done.body.contains("refresh"));
        assert!(!done.body.contains("canary"));
    }
}

#[tokio::test]
async fn page_stops_waiting_after_three_minutes() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    let mut browser = web.signed_in(PAT).await;
    let answer = set_pin(&mut browser, &card, NUMBER, PIN).await;
    let page = answer.location().to_owned();
    web.wait(TimeDelta::minutes(3) + TimeDelta::seconds(1));
    let late = browser.get(&page).await;
    assert!(late.body.contains("is taking longer than usual"));
    assert!(!late.body.contains("refresh"));
    for since in ["since=-1", "since=x", "since=9223372036854775807", ""] {
        let path = format!("/family/cards/{}/check?{since}", card.id);
        let answer = browser.get(&path).await;
        assert!(!answer.status.is_server_error(), "{since}");
    }
}

#[tokio::test]
async fn pin_is_set_three_times_a_day_however_the_card_is_added() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    let mut browser = web.signed_in(PAT).await;
    for pin in ["1", "2"] {
        let answer = set_pin(&mut browser, &card, NUMBER, pin).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{pin}");
    }
    // Removing and adding it doesn't help.
    web.store.remove_card(card.id).await.unwrap();
    let answer = add_card(&mut browser, NUMBER, "3").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let card = conrads_cards(&web).await.pop().unwrap();
    let answer = set_pin(&mut browser, &card, NUMBER, "4").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("Try again tomorrow"));
    assert_eq!(stored_pin(&web, &card).await, "3");
    web.wait(TimeDelta::days(1));
    let mut browser = web.signed_in(PAT).await;
    let answer = set_pin(&mut browser, &card, NUMBER, "5").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}

async fn conrads_cards(web: &TestWeb) -> Vec<Card> {
    let family = sample::family_id("conrad");
    let cards = web.store.family_cards(&family).await.unwrap();
    cards.into_iter().map(|record| record.card).collect()
}

#[tokio::test]
async fn other_number_is_refused_unless_it_is_new() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    let mut browser = web.signed_in(PAT).await;
    let answer = set_pin(&mut browser, &card, "28888", PIN).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("isn’t the number that we have"));
    for secret in ["28888", PIN] {
        assert!(!answer.body.contains(secret));
    }
    assert_eq!(stored_pin(&web, &card).await, "old");
    let path = format!("/family/cards/{}/pin", card.id);
    let fields = [("number", "28888"), ("pin", PIN), ("new_number", "yes")];
    let answer = browser.open_and_post(&path, &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(stored_pin(&web, &card).await, PIN);
    // Its old number is free now.
    let answer = add_card(&mut browser, NUMBER, PIN).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    // And the new one is taken.
    let answer = add_card(&mut browser, "2-8888", PIN).await;
    assert!(
        answer.body.contains("already has a card"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn old_sign_in_is_renewed_and_leads_back() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    let path = format!("/family/cards/{}/pin", card.id);
    let mut browser = web.signed_in(PAT).await;
    let token = browser.get(&path).await.hidden("form_token");
    web.wait(TimeDelta::minutes(61));
    let fields = [("form_token", &*token), ("number", NUMBER), ("pin", PIN)];
    let answer = browser.post(&path, &fields).await;
    assert_eq!(answer.location(), "/sign-in?again=yes");
    assert_eq!(stored_pin(&web, &card).await, "old");
    let answer = browser.get(&path).await;
    assert_eq!(answer.location(), "/sign-in?again=yes");
    assert!(
        browser
            .get(answer.location())
            .await
            .body
            .contains("sign in again")
    );
    browser.ask_for_mail(PAT).await;
    let code = web.mailed_code();
    assert_eq!(browser.type_code(&code).await.location(), path);
    assert_eq!(browser.get(&path).await.status, StatusCode::OK);
    // Once only.
    browser.ask_for_mail(PAT).await;
    let code = web.mailed_code();
    assert_eq!(browser.type_code(&code).await.location(), "/");
}

#[tokio::test]
async fn card_is_added_to_a_library_that_is_searched() {
    let web = TestWeb::new().await;
    let mut other = sample::library("kit");
    other.name = "Kitchener <b>Public</b>".to_owned();
    web.store.add_library(&other).await.unwrap();
    let mut browser = web.signed_in(PAT).await;
    let found = browser.get("/family/cards/add?q=KITCH+publ").await;
    assert!(found.body.contains("/family/cards/add/kit"));
    assert!(!found.body.contains("/family/cards/add/wpl"));
    assert!(!found.body.contains("<b>Public"));
    let none = browser.get("/family/cards/add?q=nowhere").await;
    assert!(none.body.contains("No library has these words"));
    let answer = add_card(&mut browser, NUMBER, PIN).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let page = browser.get(answer.location()).await;
    assert!(page.body.contains("Logging in at"));
    let card = conrads_cards(&web).await.pop().unwrap();
    assert_eq!(card.patron, "Ada");
    assert_eq!(stored_pin(&web, &card).await, PIN);
    assert_eq!(changes(&web).await, [Change::CardAdded { card: card.id }]);
    web.wait(TimeDelta::minutes(3));
    let again = add_card(&mut browser, NUMBER, PIN).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.body.contains("already has a card"), "{}", again.body);
    for path in ["/family/cards/add/nowhere", "/family/cards/add/%3Cb%3E"] {
        assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn invalid_card_is_named_and_the_secrets_are_not_shown_again() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let path = "/family/cards/add/wpl";
    let token = browser.get(path).await.hidden("form_token");
    for (patron, number, pin, words) in [
        (" ", NUMBER, PIN, "whose card it is"),
        ("Ada", " ", PIN, "Type the number"),
        ("Ada", NUMBER, "\u{200b}", "Type the PIN"),
        ("Ada", NUMBER, "1\u{0}2", "Type the PIN"),
    ] {
        let fields = [
            ("form_token", &*token),
            ("family", "conrad"),
            ("patron", patron),
            ("number", number),
            ("pin", pin),
        ];
        let answer = browser.post(path, &fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{words}");
        assert!(answer.body.contains(words), "{words}");
        assert!(!answer.body.contains(NUMBER) && !answer.body.contains(PIN));
    }
    assert_eq!(conrads_cards(&web).await.len(), 1);
}

#[tokio::test]
async fn card_is_removed_after_a_page_that_asks() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let path = format!("/family/cards/{}/remove", web.card.id);
    let page = browser.get(&path).await;
    assert!(page.body.contains("Remove this card?"));
    assert_eq!(conrads_cards(&web).await.len(), 1);
    let answer = browser.post_from(&page, &path, &[]).await;
    assert_eq!(answer.location(), "/family/cards");
    assert!(conrads_cards(&web).await.is_empty());
    let expected = [Change::CardRemoved { card: web.card.id }];
    assert_eq!(changes(&web).await, expected);
    // A second tab.
    let answer = browser.post_from(&page, &path, &[]).await;
    assert_eq!(answer.location(), "/family/cards");
    assert_eq!(changes(&web).await, expected);
}

#[tokio::test]
async fn card_is_checked_once_an_hour_at_a_persons_wish() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let cards = browser.get("/family/cards").await;
    assert!(cards.body.contains("Check now"));
    let token = cards.hidden("form_token");
    let path = format!("/family/cards/{}/check", web.card.id);
    let fields = [("form_token", &*token)];
    let answer = browser.post(&path, &fields).await;
    assert!(
        browser
            .get(answer.location())
            .await
            .body
            .contains("Logging in at")
    );
    // A second click.
    web.wait(TimeDelta::minutes(2));
    let again = browser.post(&path, &fields).await;
    assert_eq!(again.location(), answer.location());
    web.wait(TimeDelta::minutes(1));
    let again = browser.post(&path, &fields).await;
    assert_eq!(again.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(web.jobs.0.lock().unwrap().len(), 1);
    web.jobs.0.lock().unwrap().clear();
    web.wait(TimeDelta::hours(1));
    let answer = browser.post(&path, &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    // A paused card has no button, and its page says so.
    pause_card(&mut browser, web.card.id, &[]).await;
    assert!(
        !browser
            .get("/family/cards")
            .await
            .body
            .contains("Check now")
    );
    let page = browser.get(answer.location()).await;
    assert!(page.body.contains("The card is paused"), "{}", page.body);
}

#[tokio::test]
async fn card_pages_of_another_family_are_not_found() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    let mut browser = web.signed_in(KIM).await;
    let token = browser.get("/sign-in").await.hidden("form_token");
    let fields = [("form_token", &*token), ("number", NUMBER), ("pin", PIN)];
    for page in ["pin", "check", "remove", "pause"] {
        let path = format!("/family/cards/{}/{page}", card.id);
        let answer = browser.post(&path, &fields).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{page}");
    }
    assert_eq!(stored_pin(&web, &card).await, "old");
    assert_eq!(changes(&web).await, []);
}

#[tokio::test]
async fn link_of_an_email_leads_to_its_page_after_signing_in() {
    let web = TestWeb::new().await;
    let path = format!("/family/cards/{}/pin", web.card.id);
    let mut browser = web.browser();
    let answer = browser.get(&path).await;
    assert_eq!(answer.location(), "/sign-in");
    browser.ask_for_mail(PAT).await;
    let answer = browser.type_code(&web.mailed_code()).await;
    assert_eq!(answer.location(), path);
}

#[tokio::test]
async fn rejected_card_asks_for_what_was_mistyped() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    let mut browser = web.signed_in(PAT).await;
    let path = format!("/family/cards/{}/pin", card.id);
    const CORRECT: &str = "<h1>Correct the number or PIN</h1>";
    const NEW_NUMBER: &str = "The library gave this card a new number";
    let page = browser.get(&path).await.body;
    assert!(
        !page.contains(CORRECT) && page.contains(NEW_NUMBER),
        "{page}"
    );
    save_check(&web, &card, Some(FailureKind::WrongCredentials)).await;
    let page = browser.get(&path).await.body;
    assert!(
        page.contains(CORRECT) && !page.contains(NEW_NUMBER),
        "{page}"
    );
    assert!(browser.get("/family").await.body.contains(&path));
    // The number never worked, so another one needs no box.
    let answer = set_pin(&mut browser, &card, "28888", PIN).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(stored_pin(&web, &card).await, PIN);
}

#[tokio::test]
async fn cards_page_lists_what_needs_attention_of_a_card() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    web.wait(TimeDelta::seconds(1));
    let mut account = sample::account(7_00);
    account.messages = vec!["We move to <b>Main Street</b>.".to_owned()];
    let check = Check {
        started_at: web.now(),
        finished_at: web.now(),
        ..sample::check(&card, "16:00:00", Ok(account))
    };
    web.store.save_check(&check).await.unwrap();
    let mut browser = web.signed_in(PAT).await;
    let page = browser.get("/family/cards").await.body;
    assert!(page.contains("The last check worked."), "{page}");
    assert!(page.contains("Fines of "), "{page}");
    let message = "Message from the library: We move to &#60;b&#62;Main Street&#60;/b&#62;.";
    assert!(page.contains(message), "{page}");
}

#[tokio::test]
async fn check_that_cannot_be_started_is_said_and_counts_nowhere() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let token = browser.get("/family/cards").await.hidden("form_token");
    let path = format!("/family/cards/{}/check", web.card.id);
    let fields = [("form_token", &*token)];
    web.break_jobs(true);
    let answer = browser.post(&path, &fields).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.body.contains("We couldn’t start the check"));
    assert!(!answer.body.contains("canary"), "{}", answer.body);
    assert_eq!(changes(&web).await, []);
    web.break_jobs(false);
    let answer = browser.post(&path, &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let card = web.card.id;
    assert_eq!(changes(&web).await, [Change::CheckStarted { card }]);
}

#[tokio::test]
async fn new_pin_whose_check_cannot_be_started_is_saved_and_the_page_says_so() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    let mut browser = web.signed_in(PAT).await;
    web.break_jobs(true);
    let answer = set_pin(&mut browser, &card, NUMBER, PIN).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(stored_pin(&web, &card).await, PIN);
    let path = answer.location().to_owned();
    let page = browser.get(&path).await;
    let words = "The number and PIN are saved, but we couldn’t start a check.";
    assert!(page.body.contains(words), "{}", page.body);
    assert!(!page.body.contains("refresh"), "{}", page.body);
    // The next scheduled check.
    save_check(&web, &card, None).await;
    assert!(browser.get(&path).await.body.contains("It worked"));
}

#[tokio::test]
async fn stale_page_checks_no_rejected_or_paused_card() {
    for (is_paused, words) in [
        (false, "The library rejected the number or PIN"),
        (true, "The card is paused"),
    ] {
        let web = TestWeb::new().await;
        let card = add_known_card(&web).await;
        let mut browser = web.signed_in(PAT).await;
        let token = browser.get("/family/cards").await.hidden("form_token");
        match is_paused {
            true => drop(pause_card(&mut browser, card.id, &[]).await),
            false => save_check(&web, &card, Some(FailureKind::WrongCredentials)).await,
        }
        web.wait(TimeDelta::minutes(5));
        let path = format!("/family/cards/{}/check", card.id);
        for _ in 0..2 {
            let answer = browser.post(&path, &[("form_token", &*token)]).await;
            let page = browser.get(answer.location()).await;
            assert!(page.body.contains(words), "{}", page.body);
            assert!(!page.body.contains("Logging in at"), "{}", page.body);
        }
        assert!(web.jobs.0.lock().unwrap().is_empty());
    }
}
