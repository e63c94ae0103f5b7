//! How much a family may have and try, and what needs a recent sign-in.

use axum::http::StatusCode;
use chrono::TimeDelta;
use futures::FutureExt as _;
use hippo_core::card::{Card, CardSecret};
use hippo_core::store::{CardStore as _, FamilyStore as _};
use hippo_core::testing::contract::sample;

use crate::family_cards::{NUMBER, add_card, add_known_card, set_pin};
use crate::web::{PAT, TestWeb};

#[tokio::test]
async fn family_types_twenty_numbers_a_day() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    let mut browser = web.signed_in(PAT).await;
    for number in 0..19 {
        let answer = add_card(&mut browser, &format!("3000{number}"), "1").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{number}");
    }
    let answer = set_pin(&mut browser, &card, "30100", "1").await;
    assert!(answer.body.contains("isn’t the number that we have"));
    let words = "You typed too many numbers today";
    let answer = set_pin(&mut browser, &card, "30101", "1").await;
    assert!(answer.body.contains(words), "{}", answer.body);
    let answer = add_card(&mut browser, "30102", "1").await;
    assert!(answer.body.contains(words), "{}", answer.body);
    // The card's own number can still be typed.
    let answer = set_pin(&mut browser, &card, NUMBER, "1").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn card_whose_pin_was_set_three_times_is_not_added_again() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    let mut browser = web.signed_in(PAT).await;
    for pin in ["1", "2", "3"] {
        let answer = set_pin(&mut browser, &card, NUMBER, pin).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{pin}");
    }
    web.store.remove_card(card.id).await.unwrap();
    let answer = add_card(&mut browser, NUMBER, "4").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("Try again tomorrow"));
}

#[tokio::test]
async fn family_has_a_hundred_cards_and_twenty_recipients_at_most() {
    let web = TestWeb::new().await;
    for number in 1..100 {
        let card = sample::card("conrad", "wpl", &format!("other-{number}"));
        sample::add_card(&*web.store, card).await;
    }
    let id = sample::family_id("conrad");
    let mut family = web.store.family(&id).await.unwrap().unwrap();
    for number in 2..20 {
        let address = format!("{number}@example.org");
        family.recipients.push(address.parse().unwrap());
    }
    web.store.update_family(&family).await.unwrap();
    let mut browser = web.signed_in(PAT).await;
    let answer = add_card(&mut browser, NUMBER, "1").await;
    assert!(answer.body.contains("has 100 cards"), "{}", answer.body);
    let fields = [("family", "conrad"), ("address", "more@example.org")];
    let path = "/family/settings/recipients/invite";
    let answer = browser.post_with_token(path, &fields).await;
    assert!(answer.body.contains("at most 20"), "{}", answer.body);
}

#[tokio::test]
async fn card_is_added_and_removed_only_after_a_recent_sign_in() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let remove = format!("/family/cards/{}/remove", web.card.id);
    web.wait(TimeDelta::minutes(61));
    let before = cards(&web).await;
    let fields = [
        ("family", "conrad"),
        ("patron", "Ada"),
        ("number", NUMBER),
        ("pin", "1"),
    ];
    for path in ["/family/cards/add/wpl", &remove] {
        let page = browser.get(path).await;
        assert_eq!(page.location(), "/sign-in?again=yes", "{path}");
        let answer = browser.post_with_token(path, &fields).await;
        assert_eq!(answer.location(), "/sign-in?again=yes", "{path}");
    }
    assert_eq!(cards(&web).await, before);
}

async fn cards(web: &TestWeb) -> Vec<Card> {
    let family = sample::family_id("conrad");
    let cards = web.store.family_cards(&family).await.unwrap();
    cards.into_iter().map(|record| record.card).collect()
}

#[tokio::test]
async fn number_of_another_card_uses_up_no_pin_of_that_card() {
    const OTHER: &str = "28888";
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    let other = sample::card("conrad", "wpl", "");
    let other = sample::add_sealed_card(&*web.store, &web.keys, other, OTHER, "old").await;
    let mut browser = web.signed_in(PAT).await;
    let path = format!("/family/cards/{}/pin", card.id);
    for _ in 0..3 {
        let fields = [("number", OTHER), ("pin", "1"), ("new_number", "yes")];
        let answer = browser.open_and_post(&path, &fields).await;
        assert!(
            answer.body.contains("already has a card"),
            "{}",
            answer.body
        );
    }
    for pin in ["1", "2", "3"] {
        let answer = set_pin(&mut browser, &other, OTHER, pin).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{pin}");
    }
}

#[tokio::test]
async fn card_that_another_request_added_first_uses_up_no_pin() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let mut card = sample::card("conrad", "wpl", "");
    let secret = CardSecret {
        number: NUMBER.into(),
        pin: "old".into(),
    };
    card.fingerprint = web.keys.fingerprint(&card.library, &secret.number);
    let sealed = web.keys.seal(card.id, &sample::library("wpl"), &secret);
    let rival = card.clone();
    // The permits of a number and a PIN come before the card.
    web.store.run_before_next_write(|store| {
        store.run_before_next_write(|store| {
            store.run_before_next_write(move |store| {
                let added = store.add_card(&rival, &sealed).now_or_never();
                added.unwrap().unwrap();
            });
        });
    });
    let answer = add_card(&mut browser, NUMBER, "1").await;
    assert!(
        answer.body.contains("already has a card"),
        "{}",
        answer.body
    );
    for pin in ["1", "2", "3"] {
        let answer = set_pin(&mut browser, &card, NUMBER, pin).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{pin}");
    }
}

#[tokio::test]
async fn new_number_that_could_not_be_stored_uses_up_no_number() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    let mut browser = web.signed_in(PAT).await;
    let path = format!("/family/cards/{}/pin", card.id);
    for number in 0..20 {
        let number = format!("3000{number}");
        let fields = [("number", &*number), ("pin", "1"), ("new_number", "yes")];
        // After the permits of a number and a PIN.
        web.store.fail_write_after(2);
        let answer = browser.open_and_post(&path, &fields).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{number}");
    }
    let fields = [("number", "30100"), ("pin", "1"), ("new_number", "yes")];
    let answer = browser.open_and_post(&path, &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
}

#[tokio::test]
async fn pin_or_card_that_could_not_be_stored_uses_up_nothing() {
    let web = TestWeb::new().await;
    let card = add_known_card(&web).await;
    let mut browser = web.signed_in(PAT).await;
    for number in 0..21 {
        // After the permits of a number and a PIN.
        web.store.fail_write_after(2);
        let answer = add_card(&mut browser, &format!("3000{number}"), "1").await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{number}");
    }
    for _ in 0..3 {
        web.store.fail_write_after(2);
        let answer = add_card(&mut browser, "30000", "1").await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        // The card's own number needs no permit of a number.
        web.store.fail_write_after(1);
        let answer = set_pin(&mut browser, &card, NUMBER, "1").await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.body.contains("Nothing is lost"), "{}", answer.body);
    }
    for pin in ["1", "2", "3"] {
        let answer = set_pin(&mut browser, &card, NUMBER, pin).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{pin}");
    }
    let answer = add_card(&mut browser, "30000", "1").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}
