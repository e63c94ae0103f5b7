//! The pause, the number and the PIN of a card.

use axum::http::StatusCode;
use futures::FutureExt as _;
use hippo_core::audit::Change;
use hippo_core::card::{Card, CardPause};
use hippo_core::ids::CardId;
use hippo_core::store::{CardStore as _, NewSecret, SecretWriter as _};
use hippo_core::testing::contract::sample;
use hippo_core::testing::memory::MemoryStore;

use crate::family_cards::{NUMBER, PIN, add_known_card, changes, pause_card, set_pin, stored_pin};
use crate::web::{BOTH, Browser, PAT, TestWeb};

async fn pause_of(web: &TestWeb) -> Option<CardPause> {
    let record = web.store.card(web.card.id).await.unwrap();
    record.unwrap().card.pause
}

fn pause_path(web: &TestWeb) -> String {
    format!("/family/cards/{}/pause", web.card.id)
}

#[tokio::test]
async fn card_paused_in_another_tab_is_a_conflict() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let path = pause_path(&web);
    let [first, second] = [browser.get(&path).await, browser.get(&path).await];
    let fields = [("until", "2026-11-24"), ("why", "lost <b>")];
    let answer = browser.post_from(&first, &path, &fields).await;
    assert_eq!(answer.location(), "/family/cards");
    let stored = pause_of(&web).await;

    let fields = [("until", "2026-12-01"), ("why", "on a trip")];
    let conflict = browser.post_from(&second, &path, &fields).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    let words = "This card has been paused until Tuesday, Nov 24 (“lost &#60;b&#62;”) since you opened this page. \
                 Nothing was changed. Check the form and send it again.";
    assert!(conflict.body.contains(words), "{}", conflict.body);
    for typed in ["value=\"2026-12-01\"", "value=\"on a trip\""] {
        assert!(
            conflict.body.contains(typed),
            "what was typed stays: {}",
            conflict.body
        );
    }
    assert_eq!(pause_of(&web).await, stored);
    let expected = [Change::CardPaused { card: web.card.id }];
    assert_eq!(changes(&web).await, expected);

    let answer = browser.post_from(&conflict, &path, &fields).await;
    assert_eq!(answer.location(), "/family/cards");
    let pause = pause_of(&web).await.unwrap();
    assert_eq!(pause.until, Some(sample::date("2026-12-01")));
    assert_eq!(pause.why.as_deref(), Some("on a trip"));
}

#[tokio::test]
async fn resubmitted_pause_changes_nothing() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let path = pause_path(&web);
    let page = browser.get(&path).await;
    let fields = [("until", "2026-11-24"), ("why", "lost")];
    for _ in 0..2 {
        let answer = browser.post_from(&page, &path, &fields).await;
        assert_eq!(answer.location(), "/family/cards");
    }
    let cards = browser.get("/family/cards").await;
    let resume = format!("/family/cards/{}/resume", web.card.id);
    for _ in 0..2 {
        let answer = browser.post_from(&cards, &resume, &[]).await;
        assert_eq!(answer.location(), "/family/cards");
    }
    assert_eq!(pause_of(&web).await, None);
    assert_eq!(changes(&web).await.len(), 2);
}

#[tokio::test]
async fn invalid_conflicting_form_is_a_conflict_once_it_is_valid() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let path = pause_path(&web);
    let page = browser.get(&path).await;
    pause_card(&mut browser, web.card.id, &[("why", "lost")]).await;
    let fields = [("until", "soon")];
    let invalid = browser.post_from(&page, &path, &fields).await;
    assert_eq!(invalid.status, StatusCode::UNPROCESSABLE_ENTITY);
    let fields = [("until", "2026-12-01")];
    let conflict = browser.post_from(&invalid, &path, &fields).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    assert!(conflict.body.contains("has been paused (“lost”)"));
}

#[tokio::test]
async fn resuming_another_pause_is_a_conflict() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    pause_card(&mut browser, web.card.id, &[("until", "2026-11-24")]).await;
    let cards = browser.get("/family/cards").await;
    let resume = format!("/family/cards/{}/resume", web.card.id);
    // Another tab prolongs the pause.
    let mut other = web.signed_in(BOTH).await;
    other.post("/sign-in/family", &[("family", "conrad")]).await;
    pause_card(&mut other, web.card.id, &[("until", "2026-12-24")]).await;
    let stored = pause_of(&web).await;
    let conflict = browser.post_from(&cards, &resume, &[]).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    let words = "Robin: This card has been paused until Thursday, Dec 24 since you opened this page. Nothing was \
                 changed. Check it, and press the button again.";
    assert!(conflict.body.contains(words), "{}", conflict.body);
    assert_eq!(pause_of(&web).await, stored);
    browser.post_from(&conflict, &resume, &[]).await;
    assert_eq!(pause_of(&web).await, None);
}

/// Pauses a card, as another request does.
fn pause_at_once(store: &MemoryStore, card: CardId) {
    let pause = sample::card_pause(None);
    let replaced = store.replace_card_pause(card, None, Some(&pause));
    assert!(replaced.now_or_never().unwrap().unwrap());
}

#[tokio::test]
async fn pause_that_two_requests_store_at_once_is_the_first_ones() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let card = web.card.id;
    web.store
        .run_before_next_write(move |store| pause_at_once(store, card));
    let conflict = pause_card(&mut browser, card, &[("why", "on a trip")]).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    assert!(
        conflict
            .body
            .contains("This card has been paused since you opened this page.")
    );
    assert_eq!(pause_of(&web).await, Some(sample::card_pause(None)));
}

/// Opens the page of a card's PIN.
async fn open_pin(browser: &mut Browser<'_>, card: &Card) -> (String, crate::web::TestResponse) {
    let path = format!("/family/cards/{}/pin", card.id);
    let page = browser.get(&path).await;
    (path, page)
}

#[tokio::test]
async fn pin_set_in_another_tab_is_a_conflict() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    let mut browser = web.signed_in(PAT).await;
    let (path, page) = open_pin(&mut browser, &card).await;
    let mut other = web.signed_in(BOTH).await;
    other.post("/sign-in/family", &[("family", "conrad")]).await;
    let answer = set_pin(&mut other, &card, NUMBER, "first-pin").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let mails = web.mails().len();

    let fields = [("number", NUMBER), ("pin", PIN)];
    let conflict = browser.post_from(&page, &path, &fields).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    let words = format!(
        "This card’s number or PIN has been changed since you opened this page. {BOTH} set a card’s PIN (12:00). \
         Yours wasn’t saved. If yours is right, type it again."
    );
    assert!(conflict.body.contains(&words), "{}", conflict.body);
    for secret in [NUMBER, PIN, "first-pin"] {
        assert!(!conflict.body.contains(secret), "{secret}");
    }
    assert_eq!(stored_pin(&web, &card).await, "first-pin");
    assert_eq!(changes(&web).await, [Change::PinSet { card: card.id }]);
    assert_eq!(web.mails().len(), mails);
    assert_eq!(
        web.jobs.0.lock().unwrap().len(),
        1,
        "the site is asked once"
    );

    web.jobs.0.lock().unwrap().clear();
    let answer = browser.post_from(&conflict, &path, &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(stored_pin(&web, &card).await, PIN);
}

#[tokio::test]
async fn removing_a_card_whose_pin_changed_is_a_conflict() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    let mut browser = web.signed_in(PAT).await;
    let path = format!("/family/cards/{}/remove", card.id);
    let page = browser.get(&path).await;
    set_pin(&mut browser, &card, NUMBER, PIN).await;

    let conflict = browser.post_from(&page, &path, &[]).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    let words = "This card’s number or PIN has been changed since you opened this page. You set a card’s PIN (12:00). \
                 The card wasn’t removed. If you still want to remove it, press the button again.";
    assert!(conflict.body.contains(words), "{}", conflict.body);
    assert_eq!(stored_pin(&web, &card).await, PIN);

    let answer = browser.post_from(&conflict, &path, &[]).await;
    assert_eq!(answer.location(), "/family/cards");
    assert_eq!(web.store.card(card.id).await.unwrap(), None);
}

#[tokio::test]
async fn pin_that_is_sent_twice_is_set_once() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    let mut browser = web.signed_in(PAT).await;
    let (path, page) = open_pin(&mut browser, &card).await;
    let fields = [("number", NUMBER), ("pin", PIN)];
    let first = browser.post_from(&page, &path, &fields).await;
    let (mails, waiting) = (web.mails().len(), first.location().to_owned());
    let second = browser.post_from(&page, &path, &fields).await;
    assert_eq!(second.location(), format!("{waiting}&again=yes"));
    let waits = browser.get(second.location()).await;
    assert!(waits.body.contains("Logging in at"));
    assert!(
        waits
            .body
            .contains("You sent this form twice, so we kept the first one.")
    );
    assert!(!browser.get(&waiting).await.body.contains("form twice"));
    assert_eq!(stored_pin(&web, &card).await, PIN);
    assert_eq!(changes(&web).await, [Change::PinSet { card: card.id }]);
    assert_eq!(web.mails().len(), mails);
    assert_eq!(web.jobs.0.lock().unwrap().len(), 1);
    // It doesn't count as a second PIN of the day.
    for pin in ["2", "3"] {
        let answer = set_pin(&mut browser, &card, NUMBER, pin).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{pin}");
    }
}

#[tokio::test]
async fn pin_that_two_requests_set_at_once_is_the_first_ones() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    let mut browser = web.signed_in(PAT).await;
    let first = NewSecret::new(card.fingerprint.clone(), sample::sealed(card.id));
    let (id, before) = (card.id, card.secret_id);
    let set = move |store: &MemoryStore| {
        let replaced = store.replace_secret(id, before, &first);
        assert!(replaced.now_or_never().unwrap().unwrap());
    };
    // The limit of PINs is counted before it.
    web.store
        .run_before_next_write(|store| store.run_before_next_write(set));
    let mails = web.mails().len();
    let conflict = set_pin(&mut browser, &card, NUMBER, PIN).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT, "{}", conflict.body);
    assert!(conflict.body.contains("Yours wasn’t saved."));
    assert!(!conflict.body.contains(PIN) && !conflict.body.contains(NUMBER));
    assert_eq!(changes(&web).await, []);
    assert_eq!(web.mails().len(), mails);
    let stored = web.store.card(card.id).await.unwrap().unwrap().card;
    assert_ne!(stored.secret_id, card.secret_id);
}
