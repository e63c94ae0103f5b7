//! The numbers of `now.json`.

use hippo_core::account::{Account, HoldState};
use hippo_core::failure::FailureKind;
use hippo_core::library::CURRENCY_OPTION;
use hippo_core::notice::NoticeCard;
use rstest::rstest;
use serde_json::{Value, json};

use super::source;
use crate::notice::fixture::*;

fn now_json(cards: impl IntoIterator<Item = NoticeCard>) -> Value {
    let text = source(&Case::from_cards(cards)).now().to_json().unwrap();
    assert!(text.ends_with("}\n"), "{text}");
    serde_json::from_str(&text).unwrap()
}

fn with_fines(number: u128, amount: &str, currency: Option<&str>) -> NoticeCard {
    let account = Account {
        fines: money(amount),
        currency: currency.map(str::to_owned),
        ..empty()
    };
    card(number, "Ada", millbrook(), account)
}

#[test]
fn document_counts_what_the_mail_lists() {
    let loans = vec![
        loan("Late", "", -3),
        loan("Soon", "", 0),
        loan("Also soon", "", 3),
        loan("Later", "", 4),
        digital_loan(loan("Digital", "", 1)),
    ];
    let holds = vec![
        ready("Ready", "", 4),
        hold("No last day", "", HoldState::Ready),
        hold("What?", "", HoldState::Other),
        waiting("Waiting", "", 3, None),
    ];
    let mut first = card(1, "Ada", millbrook(), account(loans, holds));
    let first_account = &mut first.stored.as_mut().unwrap().account;
    first_account.fines = money("4.50");
    first_account.currency = Some("CAD".into());
    let second = failing(with_fines(2, "-1", Some("CAD")), 22, FailureKind::SiteDown);
    assert_eq!(
        now_json([first, second]),
        json!({
            "version": 1,
            "date": "2026-11-21",
            "as_of": "2026-11-20T13:30:00Z",
            "cards": 2,
            "stale_cards": 1,
            "loans": 5,
            "overdue": 1,
            "due": 2,
            "next_due": "2026-11-21",
            "ready": 2,
            "next_pickup": "2026-11-25",
            "unknown_holds": 1,
            "fines": "4.50",
            "currency": "CAD",
            "attention": 2,
        })
    );
}

#[test]
fn document_is_flat() {
    let document = now_json([card(1, "Ada", millbrook(), empty())]);
    let is_flat = |value: &Value| !value.is_array() && !value.is_object();
    assert!(document.as_object().unwrap().values().all(is_flat));
}

#[test]
fn unknown_is_null_and_nothing_is_zero() {
    let known = now_json([card(1, "Ada", millbrook(), empty())]);
    let counts = ["loans", "overdue", "due", "ready", "unknown_holds"];
    for field in counts {
        assert_eq!(known[field], 0, "{field}");
    }
    assert_eq!(
        (&known["fines"], &known["stale_cards"]),
        (&json!("0.00"), &json!(0))
    );

    // One card that was never read makes the sums unknown.
    let mut never = card(2, "Ben", millbrook(), empty());
    never.stored = None;
    never.state = Default::default();
    let cards = [
        card(
            1,
            "Ada",
            millbrook(),
            account(vec![loan("One", "", -1)], vec![]),
        ),
        never,
    ];
    let unknown = now_json(cards);
    let dates = ["as_of", "next_due", "next_pickup", "fines", "currency"];
    for field in counts.into_iter().chain(dates) {
        assert_eq!(unknown[field], Value::Null, "{field}");
    }
    assert_eq!(
        (&unknown["cards"], &unknown["stale_cards"]),
        (&json!(2), &json!(1))
    );
}

#[rstest]
#[case(|account: &mut Account| account.loans = None, &["loans", "overdue", "due", "next_due"])]
#[case(|account: &mut Account| account.holds = None, &["ready", "next_pickup", "unknown_holds"])]
#[case(|account: &mut Account| account.fines = None, &["fines", "currency"])]
fn what_a_site_does_not_say_is_null(#[case] leave_out: fn(&mut Account), #[case] unknown: &[&str]) {
    let full = Account {
        fines: money("2"),
        currency: Some("CAD".into()),
        ..account(vec![loan("One", "", 2)], vec![ready("Two", "", 2)])
    };
    let mut partial = full.clone();
    leave_out(&mut partial);
    let cards = [
        card(1, "Ada", millbrook(), full),
        card(2, "Ben", millbrook(), partial),
    ];
    let document = now_json(cards);
    for (field, value) in document.as_object().unwrap() {
        assert_eq!(
            value.is_null(),
            unknown.contains(&field.as_str()),
            "{field}"
        );
    }
}

#[rstest]
#[case::sum(&[("4.50", Some("CAD")), ("0.05", Some("CAD"))], json!("4.55"), json!("CAD"))]
#[case::credit_is_not_a_fine(&[("-9", Some("CAD")), ("2", Some("CAD"))], json!("2.00"), json!("CAD"))]
#[case::unknown_currency(&[("1", None), ("2", None)], json!("3.00"), Value::Null)]
#[case::partly_unknown_currency(&[("1", None), ("2", Some("CAD"))], Value::Null, Value::Null)]
#[case::two_currencies(&[("1", Some("EUR")), ("2", Some("CAD"))], Value::Null, Value::Null)]
#[case::currency_of_nothing(&[("0", Some("EUR")), ("2", Some("CAD"))], json!("2.00"), json!("CAD"))]
fn fines_are_added_within_one_currency(
    #[case] cards: &[(&str, Option<&str>)],
    #[case] fines: Value,
    #[case] currency: Value,
) {
    let cards = (1..).zip(cards);
    let cards = cards.map(|(number, (amount, currency))| with_fines(number, amount, *currency));
    let document = now_json(cards);
    assert_eq!(
        (&document["fines"], &document["currency"]),
        (&fines, &currency)
    );
}

#[test]
fn currency_of_the_librarys_entry_counts() {
    let mut card = with_fines(1, "3", None);
    let option = (CURRENCY_OPTION.to_owned(), "EUR".to_owned());
    card.library.options = [option].into();
    assert_eq!(now_json([card])["currency"], "EUR");
}

#[test]
fn overdue_loan_is_not_the_next_due_one() {
    let loans = vec![loan("Late", "", -3), loan("Later", "", 9)];
    let document = now_json([card(1, "Ada", millbrook(), account(loans, vec![]))]);
    assert_eq!(document["next_due"], "2026-11-30");
}
