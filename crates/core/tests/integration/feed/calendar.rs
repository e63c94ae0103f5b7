//! Which events there are, and what they say.

use hippo_core::account::{Account, HoldState};
use hippo_core::failure::FailureKind;
use hippo_core::feed::calendar::EventKind::{
    CardExpires, Due, Overdue, PickUp, Ready, UnknownHold, Unread,
};
use hippo_core::notice::NoticeCard;
use rstest::rstest;

use super::{events, outline, source};
use crate::notice::fixture::*;

/// A card with one of everything that has a day.
fn one_of_each() -> NoticeCard {
    let overdue = loan("The Salt Roads of Winter", "Ilves, Maarja", -3);
    let puddles = loan("A Field Guide to Puddles", "Okafor, Ngozi", 2);
    let later = loan("Bread, Slowly", "", 40);
    let digital = digital_loan(loan("Night Trains", "", 2));
    let mut unknown = hold("Maps of the Moon", "", HoldState::Other);
    unknown.pickup_by = Some(in_days(5));
    unknown.note = Some("Please ask at the desk".into());
    let loans = vec![
        overdue,
        not_renewable(puddles, "Another patron is waiting for it."),
        later,
        digital,
    ];
    let holds = vec![
        ready("The Lighthouse Keeper’s Cat", "Brandt, Hanne", 4),
        ready("Missed It", "", -1),
        hold("No Last Day", "", HoldState::Ready),
        hold("Small Engines", "", HoldState::InTransit),
        unknown,
    ];
    let account = Account {
        card_expires: Some(in_days(200)),
        ..account(loans, holds)
    };
    card(1, "Ada", millbrook(), account)
}

#[test]
fn everything_with_a_day_is_on_it() {
    let events = events(&Case::from_cards([one_of_each()]));
    let place = "(Ada, Millbrook Public Library)";
    let expected = [
        (Due, "2026-11-18", "Return The Salt Roads of Winter"),
        (PickUp, "2026-11-20", "Last day to pick up Missed It"),
        (Overdue, "2026-11-21", "Overdue: The Salt Roads of Winter"),
        (Ready, "2026-11-21", "Ready to pick up: No Last Day"),
        (Due, "2026-11-23", "Return A Field Guide to Puddles"),
        (
            PickUp,
            "2026-11-25",
            "Last day to pick up The Lighthouse Keeper’s Cat",
        ),
        (UnknownHold, "2026-11-26", "Please check Maps of the Moon"),
        (Due, "2026-12-31", "Return Bread, Slowly"),
        (CardExpires, "2027-06-09", "Card expires"),
    ]
    .map(|(kind, day, summary)| (kind, day.to_owned(), format!("{summary} {place}")));
    let expected: Vec<_> = expected
        .iter()
        .map(|(kind, day, summary)| (*kind, day.clone(), summary.as_str()))
        .collect();
    assert_eq!(outline(&events), expected);
}

#[test]
fn description_words_items_as_the_mail_does() {
    let case = Case::from_cards([one_of_each()]);
    let description = |kind| {
        let events = events(&case);
        let found = events.iter().filter(|event| event.kind == kind);
        found
            .map(|event| event.description.clone())
            .collect::<Vec<_>>()
            .join("\n--\n")
    };
    insta::assert_snapshot!(description(Due));
    insta::assert_snapshot!(description(Overdue));
    insta::assert_snapshot!(description(PickUp));
    insta::assert_snapshot!(description(UnknownHold));
    insta::assert_snapshot!(description(CardExpires));
}

#[test]
fn loans_of_one_patron_at_one_library_and_day_are_one_event() {
    let two = |days| account(vec![loan("One", "", days), loan("Two", "", days)], vec![]);
    let case = Case::from_cards([
        card(1, "Ada", millbrook(), two(2)),
        // The same patron's other card.
        card(
            2,
            "Ada",
            millbrook(),
            account(vec![loan("Three", "", 2)], vec![]),
        ),
        card(3, "Ben", millbrook(), two(2)),
        card(4, "Ada", fernhill(), two(2)),
    ]);
    let events = events(&case);
    let expected = [
        "Return 2 items (Ada, Fernhill Library)",
        "Return 3 items (Ada, Millbrook Public Library)",
        "Return 2 items (Ben, Millbrook Public Library)",
    ];
    let day = "2026-11-23".to_owned();
    assert_eq!(
        outline(&events),
        expected.map(|text| (Due, day.clone(), text))
    );
    assert!(
        events[1].description.starts_with("One · can be renewed\n"),
        "{events:?}"
    );
    assert_eq!(events.iter().map(|event| event.items).sum::<usize>(), 7);
}

#[test]
fn event_is_one_whole_day_and_its_end_is_the_day_after() {
    let case = Case::from_cards([card(
        1,
        "Ada",
        millbrook(),
        account(vec![loan("One", "", 9)], vec![]),
    )]);
    let events = events(&case);
    assert_eq!(events[0].date, date("2026-11-30"));
    assert_eq!(events[0].end(), date("2026-12-01"));
}

#[rstest]
#[case::pin_rejected(refused(quiet()), "Number or PIN rejected")]
#[case::unread_for_22_hours(
    failing(quiet(), 22, FailureKind::SiteDown),
    "Not checked since Friday 08:30"
)]
#[case::failing_for_3_hours(failing(quiet(), 3, FailureKind::SiteDown), "Couldn’t check this card")]
#[case::never_read(never_read(), "Not checked yet")]
#[case::loans_unknown(silent(|account| account.loans = None), "The library’s site doesn’t say everything")]
#[case::holds_unknown(silent(|account| account.holds = None), "The library’s site doesn’t say everything")]
fn card_that_is_not_known_is_an_event_today(#[case] card: NoticeCard, #[case] title: &str) {
    let events = events(&Case::from_cards([card]));
    let summary = format!("{title} (Ada, Millbrook Public Library)");
    let expected = (Unread, "2026-11-21".to_owned(), summary.as_str());
    assert_eq!(outline(&events), [expected]);
    assert!(!events[0].description.is_empty());
}

#[rstest]
#[case::read(quiet())]
#[case::not_tried_lately(failing(quiet(), 19, FailureKind::NotTried))]
fn checked_card_without_items_has_no_event(#[case] card: NoticeCard) {
    assert_eq!(outline(&events(&Case::from_cards([card]))), []);
}

#[test]
fn account_read_twenty_hours_ago_is_not_stale_yet() {
    let mut case = Case::from_cards([quiet()]);
    let read_at = case.cards[0].state.last_success_at.unwrap();
    case.now = read_at + chrono::Duration::hours(20);
    assert_eq!(outline(&events(&case)), []);
    case.now += chrono::Duration::seconds(1);
    assert_eq!(events(&case)[0].kind, Unread);
    assert_eq!(source(&case).now().stale_cards, 1);
}

#[test]
fn problem_of_a_card_does_not_hide_what_was_known_of_it() {
    let loans = vec![loan("One", "", 2)];
    let card = card(1, "Ada", millbrook(), account(loans, vec![]));
    let events = events(&Case::from_cards([failing(
        card,
        22,
        FailureKind::PageChanged,
    )]));
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [Unread, Due]);
    // It says how old that is.
    assert!(
        events[1]
            .description
            .ends_with("As of Friday, Nov 20, 08:30."),
        "{}",
        events[1].description
    );
}

#[test]
fn feed_without_titles_shows_no_library_text_about_items() {
    let mut card = one_of_each();
    let account = &mut card.stored.as_mut().unwrap().account;
    for loan in account.loans.iter_mut().flatten() {
        loan.title = "canary title".into();
        loan.author = Some("canary author".into());
        loan.note = Some("canary note".into());
        loan.renewable_reason = Some("canary reason".into());
    }
    for hold in account.holds.iter_mut().flatten() {
        hold.title = "canary title".into();
        hold.author = Some("canary author".into());
        hold.note = Some("canary note".into());
        hold.pickup_branch = Some("canary branch".into());
    }
    let case = Case::from_cards([card]);
    let shown = |with_titles| {
        let events = source(&case).calendar(with_titles);
        (
            outline(&events).len(),
            serde_json::to_string(&events).unwrap(),
        )
    };
    let (with, without) = (shown(true), shown(false));
    assert_eq!(with.0, without.0);
    assert!(with.1.contains("canary title"));
    assert!(!without.1.contains("canary"), "{}", without.1);
    assert!(without.1.contains("Return 1 item (Ada"), "{}", without.1);
}

#[test]
fn digital_hold_is_borrowed_and_not_picked_up() {
    let mut hold = ready("Night Trains", "", 2);
    hold.digital = true;
    let card = card(1, "Ada", millbrook(), account(vec![], vec![hold]));
    let events = events(&Case::from_cards([card]));
    let summary = "Last day to borrow online: Night Trains (Ada, Millbrook Public Library)";
    assert_eq!(events[0].summary, summary);
    assert!(!events[0].description.contains("at Central"), "{events:?}");
}

#[test]
fn expired_card_says_so() {
    let account = Account {
        card_expires: Some(in_days(-1)),
        ..empty()
    };
    let events = events(&Case::from_cards([card(1, "Ada", millbrook(), account)]));
    assert_eq!(
        events[0].summary,
        "Card expired (Ada, Millbrook Public Library)"
    );
}

#[test]
fn very_many_items_are_counted_in_a_description() {
    let long = "A very long title ".repeat(20);
    let loans = (0..400).map(|number| loan(&format!("{long}{number}"), "", 2));
    let card = card(1, "Ada", millbrook(), account(loans.collect(), vec![]));
    let events = events(&Case::from_cards([card]));
    assert_eq!(events[0].items, 400);
    let lines: Vec<&str> = events[0].description.lines().collect();
    let shown = lines.len() - 2;
    assert_eq!(lines[shown], format!("and {} items more", 400 - shown));
    assert!(events[0].description.len() < 21_000);
}

/// A card with an account in which there is nothing.
fn quiet() -> NoticeCard {
    card(1, "Ada", millbrook(), empty())
}

fn never_read() -> NoticeCard {
    let mut card = quiet();
    card.stored = None;
    card.state = Default::default();
    card
}

/// A card whose site leaves something out.
fn silent(leave_out: impl Fn(&mut Account)) -> NoticeCard {
    let mut account = empty();
    leave_out(&mut account);
    card(1, "Ada", millbrook(), account)
}
