//! Attention items as whole mails, and when one is sent for them.

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

/// The same notice this many days later, if only the first was sent.
fn later(case: &Case, days: i64) -> Case {
    let last = case.compose().last_notice;
    let mut case = case.clone().after(last);
    case.now += Duration::days(days);
    case
}

#[test]
fn wrong_pin_is_mailed_when_new_and_weekly() {
    let case = Case::from_cards([refused(quiet())]);
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
fn mail_links_to_the_pages_if_there_are_any() {
    let ben = card(2, "Ben", fernhill(), empty());
    let case = Case::from_cards([refused(quiet()), refused(ben)]).with_pages();
    keep("two_wrong_pins_with_pages", &case.compose());
    let one = Case::from_cards([refused(quiet())]).with_pages();
    let mail = one.compose().mail.unwrap();
    let page = format!(
        "https://hippo.example.org/family/cards/{}/pin",
        one.cards[0].card.id
    );
    assert!(
        mail.text
            .contains(&format!("Correct the number or PIN:\n  {page}\n")),
        "{}",
        mail.text
    );
    assert_eq!(mail.html.matches(&page).count(), 1);
}

#[test]
fn pin_rejected_again_is_mailed_at_once() {
    let case = Case::from_cards([refused(quiet())]);
    let mut second = later(&case, 3);
    second.cards[0].state.refused_since = Some(second.now - Duration::hours(1));
    assert_eq!(second.subject(), "The library rejected the PIN of one card");
}

#[test]
fn rejected_pin_explains_the_missing_check() {
    let mut never = refused(quiet());
    never.stored = None;
    never.state.last_success_at = None;
    for card in [refused(quiet()), never] {
        assert_eq!(Case::from_cards([card]).compose().digest.attention.len(), 1);
    }
}

#[test]
fn attention_is_listed_in_every_mail() {
    let first = Case::from_cards([refused(quiet())]);
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
fn new_attention_is_counted_after_things_to_do() {
    let due = loan("How Bridges Stand Up", "Tanaka, Yuki", 2);
    let case = Case::from_cards([
        refused(quiet()),
        card(2, "Ben", fernhill(), account(vec![due], vec![])),
    ]);
    assert_eq!(case.subject(), "1 due by Monday, 1 thing to look at");
}

#[test]
fn account_read_22_hours_ago_is_flagged_and_shown() {
    let due = loan("How Bridges Stand Up", "Tanaka, Yuki", 2);
    let case = Case::from_cards([failing(
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
fn account_is_stale_after_20_hours(#[case] minutes: i64, #[case] subject: &str) {
    let mut case = Case::from_cards([quiet()]);
    let read_at = now() - Duration::minutes(minutes);
    case.cards[0].state.last_success_at = Some(read_at);
    case.cards[0].stored.as_mut().unwrap().read_at = read_at;
    assert_eq!(case.subject(), subject);
}

#[test]
fn check_without_changes_keeps_the_account_fresh() {
    let mut case = Case::from_cards([quiet()]);
    case.cards[0].stored.as_mut().unwrap().read_at = now() - Duration::days(9);
    assert_eq!(case.subject(), "no mail");
    let as_of = case.compose().digest.sources[0].as_of;
    assert_eq!(as_of, case.cards[0].state.last_success_at);
}

#[test]
fn never_checked_card_needs_attention() {
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
    let case = Case::from_cards([untried, failing]);
    keep("never_read", &case.compose());
    assert_eq!(case.subject(), "2 cards haven't been checked yet");
}

#[test]
fn several_rejected_pins_are_one_item() {
    let ben = card(2, "Ben", fernhill(), empty());
    let case = Case::from_cards([refused(quiet()), refused(ben)]);
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
fn messages_of_a_card_are_capped_truncated_and_unlinked() {
    let messages = (0..30).map(|number| match number {
        0 => "x".repeat(800),
        _ => format!("Message {number}: see https://pay.example/{number}"),
    });
    let account = Account {
        messages: messages.collect(),
        ..empty()
    };
    let mail = Case::from_cards([card(1, "Ada", millbrook(), account)])
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
fn blocked_card_needs_attention() {
    let blocked = || failing(quiet(), 30, FailureKind::CardBlocked);
    let case = Case::from_cards([blocked()]);
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
fn unsent_pin_is_mailed_once() {
    let unsent = || failing(quiet(), 30, FailureKind::SealedForOtherHosts);
    let case = Case::from_cards([unsent()]);
    keep("pin_not_sent", &case.compose());
    assert_eq!(case.subject(), "The PIN of one card wasn't sent");
    assert_eq!(later(&case, 1).subject(), "no mail");
    let two = Case::from_cards([
        unsent(),
        failing(
            card(2, "Ben", millbrook(), empty()),
            30,
            FailureKind::SealedForOtherHosts,
        ),
    ]);
    assert_eq!(two.subject(), "The PINs of 2 cards weren't sent");
}

#[test]
fn rejected_card_without_pages_names_the_contact() {
    let case = Case::from_cards([refused(quiet())]);
    let contact = "To have this corrected, write to hippo@example.org.";
    let mail = case.compose().mail.unwrap();
    for part in [&mail.text, &mail.html] {
        assert_eq!(part.matches(contact).count(), 1, "{part}");
    }
    let with_pages = case.with_pages().compose().mail.unwrap();
    assert!(!with_pages.text.contains("To have this corrected"));
}

#[test]
fn failed_checks_are_admitted_above_the_list() {
    let due = loan("How Bridges Stand Up", "Tanaka, Yuki", 2);
    let failing_at = |number, patron, library, kind| {
        let account = account(vec![due.clone()], vec![]);
        failing(card(number, patron, library, account), 10, kind)
    };
    let case = Case::from_cards([
        failing_at(1, "Ada", millbrook(), FailureKind::SiteDown),
        failing_at(2, "Ben", millbrook(), FailureKind::SiteDown),
        failing_at(3, "Cleo", fernhill(), FailureKind::PageChanged),
        failing_at(4, "Dan", fernhill(), FailureKind::NotTried),
        failing_at(5, "Eve", harbour(), FailureKind::CardBlocked),
        // Its lines say how old they are.
        failing(
            card(6, "Fay", harbour(), account(vec![due.clone()], vec![])),
            30,
            FailureKind::SiteDown,
        ),
    ]);
    keep("failed_checks_are_admitted_first", &case.compose());
}

#[test]
fn message_about_the_expiry_is_a_part_of_it() {
    let message = "Your card is good until 12/11/2026.";
    let mut case = Case::from_cards([expiring(20)]);
    let add = |case: &mut Case, words: &str| {
        let stored = case.cards[0].stored.as_mut().unwrap();
        stored.account.messages.push(words.into());
    };
    add(&mut case, message);
    assert_eq!(case.subject(), "One card expires on Dec 11");
    keep("card_expires_as_a_message_says", &case.compose());
    add(&mut case, "We are closed on 12/12/2026.");
    assert_eq!(
        case.subject(),
        "Please look at: 1 card about to expire, 1 library message"
    );
    // Another card that doesn't expire has the message for itself.
    let mut ben = card(2, "Ben", millbrook(), empty());
    ben.stored
        .as_mut()
        .unwrap()
        .account
        .messages
        .push(message.into());
    case.cards.push(ben);
    let text = case.compose().mail.unwrap().text;
    assert_eq!(text.matches("Message from the library").count(), 2);
    assert!(text.contains("Ben, Millbrook Public Library"), "{text}");
}

#[rstest]
#[case(
    "Renewal limit reached: This item cannot be renewed.",
    "cannot be renewed: Renewal limit reached\n"
)]
#[case("This item cannot be renewed", "cannot be renewed\n")]
#[case("This item can’t be renewed: on hold", "cannot be renewed: on hold\n")]
#[case(
    "It cannot be renewed yet",
    "cannot be renewed: It cannot be renewed yet\n"
)]
#[case(
    "Too late. Not renewable. Cannot be renewed.",
    "cannot be renewed: Too late\n"
)]
fn reason_does_not_repeat_that_it_cannot_be_renewed(#[case] reason: &str, #[case] words: &str) {
    let due = not_renewable(loan("Canals", "", 1), reason);
    let case = Case::from_cards([card(1, "Ada", millbrook(), account(vec![due], vec![]))]);
    let text = case.compose().mail.unwrap().text;
    assert!(text.contains(words), "{text}");
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
fn expiring_card_matches_snapshots(#[case] days: i64, #[case] subject: &str) {
    let case = Case::from_cards([expiring(days)]);
    assert_eq!(case.subject(), subject);
    keep(
        &format!("card_expires_in_{days}_days").replace('-', "minus_"),
        &case.compose(),
    );
}

#[test]
fn expiring_card_is_mailed_at_each_stage_and_weekly() {
    let mut case = Case::from_cards([expiring(32)]);
    let mut mailed_at = Vec::new();
    for days_left in (-9..=32).rev() {
        let composed = case.compose();
        if composed.mail.is_some() {
            mailed_at.push(days_left);
            case.last_notice = Some(composed.last_notice);
        }
        case = case.days_later(1);
    }
    assert_eq!(mailed_at, [30, 23, 16, 9, 7, 1, -1, -8]);
}

#[test]
fn changed_fines_are_mailed_again() {
    let mut case = Case::from_cards([quiet()]);
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
fn subject_counts_several_kinds_of_trouble() {
    let mut never = card(3, "Cleo", fernhill(), empty());
    never.stored = None;
    never.state = Default::default();
    let mut owing = expiring(5);
    owing.stored.as_mut().unwrap().account.fines = money("8");
    let case = Case::from_cards([owing, refused(card(2, "Ben", fernhill(), empty())), never]);
    let composed = case.compose();
    keep("several_sorts_of_trouble", &composed);
    assert_eq!(composed.digest.occasion, Some(Occasion::Attention));
    assert_eq!(
        composed.mail.unwrap().subject,
        "Please look at: 1 PIN rejected, 1 card not checked yet, 1 card about to expire, fines on 1 card"
    );
}

#[test]
fn unknown_loans_are_not_treated_as_none() {
    let mut case = Case::from_cards([
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
    assert!(words.contains(
        "The site didn’t list the loans or holds on Ada’s card (Millbrook Public Library)."
    ));
}
