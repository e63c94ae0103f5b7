//! What wants attention, as whole mails, and when a mail goes out for it.

use chrono::Duration;
use hippo_core::account::Account;
use hippo_core::failure::FailureKind;
use hippo_core::notice::NoticeCard;
use hippo_core::notice::digest::Occasion;
use rstest::rstest;

use crate::notice::fixture::*;
use crate::notice::snapshots::keep;

fn quiet() -> NoticeCard {
    let later = loan("Bread, Slowly: Forty Loaves", "Marchetti, Luca", 40);
    card(1, "Ada", millbrook(), account(vec![later], vec![]))
}

/// The same notice so many days later, when only the first was sent.
fn later(case: &Case, days: i64) -> Case {
    let last = case.compose().last_notice;
    let mut case = case.clone().after(last);
    case.now += Duration::days(days);
    case
}

#[test]
fn a_wrong_pin_is_told_when_it_is_new_and_a_week_later_and_not_in_between() {
    let case = Case::of([refused(quiet())]);
    keep("wrong_pin_new", &case.compose());
    assert_eq!(case.subject(), "The library rejected the PIN of one card");
    for days in [1, 3, 6] {
        assert_eq!(later(&case, days).subject(), "no mail", "after {days} days");
    }
    let again = later(&case, 7);
    keep("wrong_pin_a_week_later", &again.compose());
    assert_eq!(again.subject(), "The library rejected the PIN of one card");
}

#[test]
fn a_pin_that_is_refused_a_second_time_is_news_at_once() {
    let case = Case::of([refused(quiet())]);
    let mut second = later(&case, 3);
    second.cards[0].state.refused_since = Some(second.now - Duration::hours(1));
    assert_eq!(second.subject(), "The library rejected the PIN of one card");
}

#[test]
fn a_refused_pin_explains_why_the_card_is_not_read() {
    let mut never = refused(quiet());
    never.stored = None;
    never.state.last_success_at = None;
    for card in [refused(quiet()), never] {
        assert_eq!(Case::of([card]).compose().digest.attention.len(), 1);
    }
}

#[test]
fn what_wants_attention_is_listed_again_in_a_mail_that_goes_out_anyway() {
    let first = Case::of([refused(quiet())]);
    let mut second = later(&first, 2);
    let due = loan("How Bridges Stand Up", "Tanaka, Yuki", 2);
    second
        .cards
        .push(card(2, "Ben", fernhill(), account(vec![due], vec![])).clone());
    second.cards[1].state.last_success_at = Some(second.now);
    let composed = second.compose();
    keep("attention_again_in_a_mail_that_goes_out_anyway", &composed);
    assert_eq!(composed.mail.unwrap().subject, "1 due today");
    let third = later(&second, 6);
    assert!(third.compose().digest.attention[0].news == hippo_core::notice::attention::News::Known);
}

#[test]
fn news_that_wants_attention_is_counted_after_what_there_is_to_do() {
    let due = loan("How Bridges Stand Up", "Tanaka, Yuki", 2);
    let case = Case::of([
        refused(quiet()),
        card(2, "Ben", fernhill(), account(vec![due], vec![])),
    ]);
    assert_eq!(case.subject(), "1 due by Monday, 1 thing to look at");
}

#[test]
fn an_account_that_was_last_read_22_hours_ago_wants_attention_and_is_still_shown() {
    let due = loan("How Bridges Stand Up", "Tanaka, Yuki", 2);
    let case = Case::of([failing(
        card(1, "Ada", millbrook(), account(vec![due], vec![])),
        22,
        FailureKind::SiteDown,
    )]);
    let composed = case.compose();
    keep("not_read_for_22_hours", &composed);
    assert!(composed.mail.unwrap().text.contains("as of Friday 08:30"));
}

#[rstest]
#[case(20 * 60, "no mail")]
#[case(20 * 60 + 1, "One card hasn't been checked since yesterday")]
fn an_account_is_out_of_date_after_20_hours(#[case] minutes: i64, #[case] subject: &str) {
    let mut case = Case::of([quiet()]);
    let read_at = now() - Duration::minutes(minutes);
    case.cards[0].state.last_success_at = Some(read_at);
    case.cards[0].stored.as_mut().unwrap().read_at = read_at;
    assert_eq!(case.subject(), subject);
}

#[test]
fn a_check_that_found_nothing_changed_keeps_an_older_account_fresh() {
    let mut case = Case::of([quiet()]);
    case.cards[0].stored.as_mut().unwrap().read_at = now() - Duration::days(9);
    assert_eq!(case.subject(), "no mail");
    let as_of = case.compose().digest.sources[0].as_of;
    assert_eq!(as_of, case.cards[0].state.last_success_at);
}

#[test]
fn a_card_that_was_never_read_wants_attention() {
    let mut untried = quiet();
    untried.stored = None;
    untried.state = Default::default();
    let mut failing = failing(
        card(2, "Ben", fernhill(), empty()),
        1,
        FailureKind::PageChanged,
    );
    failing.stored = None;
    failing.state.last_success_at = None;
    let case = Case::of([untried, failing]);
    keep("never_read", &case.compose());
    assert_eq!(case.subject(), "2 cards haven't been checked yet");
}

#[test]
fn several_rejected_pins_are_one_item() {
    let ben = card(2, "Ben", fernhill(), empty());
    let case = Case::of([refused(quiet()), refused(ben)]);
    keep("two_wrong_pins", &case.compose());
    assert_eq!(case.subject(), "The library rejected the PINs of 2 cards");
    let text = case.compose().mail.unwrap().text;
    assert_eq!(text.matches("won’t try again").count(), 1);
    assert!(text.contains(
        "Ada, Millbrook Public Library
  Ben, Fernhill Library
"
    ));
}

#[test]
fn mail_has_ten_messages_of_a_card_at_most_each_cut_and_without_links() {
    let messages = (0..30).map(|number| match number {
        0 => "x".repeat(800),
        _ => format!("Message {number}: see https://pay.example/{number}"),
    });
    let account = Account {
        messages: messages.collect(),
        ..empty()
    };
    let mail = Case::of([card(1, "Ada", millbrook(), account)])
        .compose()
        .mail
        .unwrap();
    assert_eq!(mail.html.matches("Message from the library").count(), 10);
    assert_eq!(
        mail.html.matches('x').count()
            - mail.html.replace(&"x".repeat(500), "").matches('x').count(),
        500
    );
    assert!(!mail.html.contains(&"x".repeat(501)));
    assert!(mail.html.contains("pay[.]example/9") && !mail.html.contains("https://pay"));
    assert!(mail.text.contains("pay[.]example/9") && !mail.text.contains("https://pay"));
}

#[test]
fn a_blocked_card_wants_attention() {
    let blocked = || failing(quiet(), 30, FailureKind::CardBlocked);
    let case = Case::of([blocked()]);
    assert!(
        case.compose()
            .mail
            .unwrap()
            .text
            .contains("on the cards we could check")
    );
    keep("blocked", &case.compose());
    assert_eq!(case.subject(), "One card is blocked");
    assert_eq!(later(&case, 1).subject(), "no mail");
}

#[test]
fn pin_that_was_not_sent_wants_attention_and_is_told_once() {
    let unsent = || failing(quiet(), 30, FailureKind::SealedForOtherHosts);
    let case = Case::of([unsent()]);
    keep("pin_not_sent", &case.compose());
    assert_eq!(case.subject(), "The PIN of one card wasn't sent");
    assert_eq!(later(&case, 1).subject(), "no mail");
    let two = Case::of([
        unsent(),
        failing(
            card(2, "Ben", millbrook(), empty()),
            30,
            FailureKind::SealedForOtherHosts,
        ),
    ]);
    assert_eq!(two.subject(), "The PINs of 2 cards weren't sent");
}

fn expiring(days: i64) -> NoticeCard {
    let account = Account {
        card_expires: Some(in_days(days)),
        ..empty()
    };
    card(1, "Ada", millbrook(), account)
}

#[rstest]
#[case(30, "One card expires on Dec 21")]
#[case(7, "One card expires on Nov 28")]
#[case(1, "One card expires tomorrow")]
#[case(0, "One card expires today")]
#[case(-1, "One card has expired")]
fn a_card_that_expires(#[case] days: i64, #[case] subject: &str) {
    let case = Case::of([expiring(days)]);
    assert_eq!(case.subject(), subject);
    keep(
        &format!("card_expires_in_{days}_days").replace('-', "minus_"),
        &case.compose(),
    );
}

#[test]
fn a_card_that_expires_is_told_at_its_stages_and_once_a_week() {
    let mut case = Case::of([expiring(32)]);
    let mut told_at = Vec::new();
    for days_left in (-9..=32).rev() {
        let composed = case.compose();
        if composed.mail.is_some() {
            told_at.push(days_left);
            case.last_notice = Some(composed.last_notice);
        }
        case = case.days_later(1);
    }
    assert_eq!(told_at, [30, 23, 16, 9, 7, 1, -1, -8]);
}

#[test]
fn fines_are_told_again_when_they_change() {
    let mut case = Case::of([quiet()]);
    case.cards[0].stored.as_mut().unwrap().account.fines = money("5.00");
    assert_eq!(case.subject(), "Fines on one card");
    let mut next = case.clone().after(case.compose().last_notice).days_later(1);
    next.cards[0].stored.as_mut().unwrap().account.fines = money("5.0");
    assert_eq!(next.subject(), "no mail", "the same amount in other digits");
    next.cards[0].stored.as_mut().unwrap().account.fines = money("5.25");
    assert_eq!(next.subject(), "Fines on one card");
    next.family.preferences.fines_threshold = None;
    assert_eq!(next.subject(), "no mail");
}

#[test]
fn several_sorts_of_trouble_are_counted_in_the_subject() {
    let mut never = card(3, "Cleo", fernhill(), empty());
    never.stored = None;
    never.state = Default::default();
    let mut owing = expiring(5);
    owing.stored.as_mut().unwrap().account.fines = money("8");
    let case = Case::of([owing, refused(card(2, "Ben", fernhill(), empty())), never]);
    let composed = case.compose();
    keep("several_sorts_of_trouble", &composed);
    assert_eq!(composed.digest.occasion, Some(Occasion::Attention));
    assert_eq!(
        composed.mail.unwrap().subject,
        "Please look at: 1 PIN rejected, 1 card not checked yet, 1 card about to expire, fines on 1 card"
    );
}

#[test]
fn a_site_that_says_nothing_of_its_loans_is_not_taken_for_an_empty_one() {
    let mut case = Case::of([
        quiet(),
        card(
            2,
            "Ben",
            fernhill(),
            account(vec![loan("Canals", "", 1)], vec![]),
        ),
    ]);
    let silent = &mut case.cards[0].stored.as_mut().unwrap().account;
    (silent.loans, silent.holds) = (None, None);
    let text = case.compose().mail.unwrap().text;
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("For Ada’s card, the site didn’t say what is out and what is on hold."));
}
