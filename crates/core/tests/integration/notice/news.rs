//! What is new or has changed since the last notice that was sent.

use hippo_core::account::HoldState;
use hippo_core::notice::last_notice::LastNotice;

use crate::notice::accounts;
use crate::notice::fixture::*;
use crate::notice::snapshots::keep;

#[test]
fn newly_non_renewable_loan_is_marked_once() {
    let before = Case::from_cards([card(
        1,
        "Ada",
        millbrook(),
        account(
            vec![
                loan("How Bridges Stand Up", "Tanaka, Yuki", 3),
                loan("Canals", "", 20),
            ],
            vec![],
        ),
    )]);
    let mut after = before
        .clone()
        .after(before.compose().last_notice)
        .days_later(1);
    for loan in after.cards[0]
        .stored
        .as_mut()
        .unwrap()
        .account
        .loans
        .iter_mut()
        .flatten()
    {
        *loan = not_renewable(loan.clone(), "On hold for another patron.");
    }
    let composed = after.compose();
    keep("became_non_renewable", &composed);
    assert!(composed.digest.take_back[0].became_non_renewable);
    assert!(
        composed
            .mail
            .unwrap()
            .text
            .contains("can no longer be renewed")
    );
    let third = after
        .clone()
        .after(composed.last_notice)
        .days_later(1)
        .compose();
    assert!(!third.digest.take_back[0].became_non_renewable);
    assert!(
        third
            .mail
            .unwrap()
            .text
            .contains("cannot be renewed: On hold for another patron")
    );
}

#[test]
fn first_notice_marks_nothing_as_new() {
    let composed = Case::from_cards(accounts::one_of_each()).compose();
    assert!(composed.digest.pick_up.iter().all(|line| !line.new));
    assert!(!composed.mail.unwrap().text.contains("[New]"));
}

#[test]
fn newly_ready_hold_is_marked_as_new() {
    let on_its_way = hold(
        "The Otter Who Could Count",
        "Lindqvist, Eva",
        HoldState::InTransit,
    );
    let here = ready("A Short History of Fog", "Walsh, Aoife", 6);
    let before = Case::from_cards([card(
        1,
        "Ada",
        millbrook(),
        account(vec![], vec![on_its_way.clone(), here]),
    )]);
    let mut after = before
        .clone()
        .after(before.compose().last_notice)
        .days_later(1);
    for hold in after.cards[0]
        .stored
        .as_mut()
        .unwrap()
        .account
        .holds
        .iter_mut()
        .flatten()
    {
        hold.state = HoldState::Ready;
    }
    let composed = after.compose();
    keep("a_new_hold", &composed);
    let new: Vec<(&str, bool)> = composed
        .digest
        .pick_up
        .iter()
        .map(|line| (line.title.as_str(), line.new))
        .collect();
    assert_eq!(
        new,
        [
            ("A Short History of Fog", false),
            ("The Otter Who Could Count", true)
        ]
    );
}

#[test]
fn data_missing_for_a_day_is_not_news_when_it_returns() {
    let full = Case::from_cards([card(
        1,
        "Ada",
        millbrook(),
        account(vec![loan("Canals", "", 1)], vec![ready("Ink", "", 5)]),
    )]);
    let last = full.compose().last_notice;
    let mut silent = full.clone().after(last.clone());
    let account = &mut silent.cards[0].stored.as_mut().unwrap().account;
    (account.loans, account.holds) = (None, None);
    let kept = silent.compose().last_notice;
    assert_eq!(kept, last);
    assert!(!full.clone().after(kept).compose().digest.pick_up[0].new);
}

#[test]
fn equal_hold_ids_of_two_cards_are_distinct() {
    let cards = [1, 2].map(|number| {
        card(
            number,
            "Ada",
            millbrook(),
            account(vec![], vec![ready("Ink", "", 5)]),
        )
    });
    let last = Case::from_cards(cards[..1].to_vec()).compose().last_notice;
    let digest = Case::from_cards(cards).after(last).compose().digest;
    let new: Vec<bool> = digest.pick_up.iter().map(|line| line.new).collect();
    assert_eq!(new.iter().filter(|new| **new).count(), 1);
}

#[test]
fn last_notice_reads_its_json_and_an_older_form() {
    let last = Case::from_cards(accounts::one_of_each())
        .compose()
        .last_notice;
    let json = serde_json::to_string(&last).unwrap();
    assert_eq!(serde_json::from_str::<LastNotice>(&json).unwrap(), last);
    assert_eq!(
        serde_json::from_str::<LastNotice>("{}").unwrap(),
        LastNotice::default()
    );
}

#[test]
fn digest_serialises_to_json() {
    let digest = Case::from_cards(accounts::one_of_each()).compose().digest;
    let json = serde_json::to_value(&digest).unwrap();
    assert_eq!(json["take_back"][0]["title"], "The Salt Roads of Winter");
    assert_eq!(json["take_back"][0]["patron"], "Ada");
    assert_eq!(json["take_back"][0]["days_left"], -3);
    assert_eq!(json["attention"][0]["kind"], "unknown_hold");
    assert_eq!(json["attention"][1]["kind"], "card_expires");
    assert_eq!(json["occasion"], "to_do");
}
