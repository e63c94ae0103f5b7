//! Whole mails, to be read by a person.

use chrono::{NaiveDate, Weekday};
use hippo_core::account::{Account, Hold, HoldState, Loan};
use hippo_core::card::CardPause;
use hippo_core::family::SendWhenEmpty;
use hippo_core::notice::{Composed, PausedCard};
use rstest::rstest;

use crate::notice::accounts;
use crate::notice::fixture::*;

/// Snapshots both parts of the mail.
pub(crate) fn keep(name: &str, composed: &Composed) {
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        match &composed.mail {
            None => insta::assert_snapshot!(format!("{name}_text"), "(no mail)"),
            Some(mail) => {
                let text = format!("Subject: {}\n\n{}", mail.subject, mail.text);
                insta::assert_snapshot!(format!("{name}_text"), text);
                insta::assert_snapshot!(format!("{name}_html"), mail.html);
            }
        }
    });
}

#[test]
fn nothing_to_say_sends_no_mail() {
    let account = account(
        vec![loan("Bread, Slowly: Forty Loaves", "Marchetti, Luca", 4)],
        vec![waiting("Night Trains", "Duval, Claire", 9, Some(83))],
    );
    let case = Case::from_cards([card(1, "Ada", millbrook(), account)]);
    keep("nothing_to_say", &case.compose());
    assert_eq!(case.subject(), "no mail");
}

#[test]
fn one_of_each() {
    keep(
        "one_of_each",
        &Case::from_cards(accounts::one_of_each()).compose(),
    );
}

#[test]
fn two_patrons_at_three_libraries() {
    let case = Case::from_cards(accounts::two_patrons_at_three_libraries());
    keep("two_patrons_at_three_libraries", &case.compose());
}

/// `scripts/picture` makes the README's picture of this one.
#[test]
fn example_of_the_readme() {
    let (yesterday, today) = accounts::example();
    let last = Case::from_cards(yesterday).compose().last_notice;
    keep("example", &Case::from_cards(today).after(last).compose());
}

#[test]
fn plurals() {
    let account = account(
        vec![
            loan("Beetles", "", -2),
            loan("Canals", "", -1),
            loan("Dumplings", "", 0),
            loan("Echoes", "", 0),
            loan("Ferns", "", 1),
            loan("Geysers", "", 3),
        ],
        vec![
            ready("Hats", "", 0),
            ready("Ink", "", 1),
            Hold {
                pickup_by: None,
                ..ready("Jam", "", 0)
            },
            ready("Kites", "", 2),
        ],
    );
    let composed = Case::from_cards([card(1, "Ada", millbrook(), account)]).compose();
    keep("plurals", &composed);
    assert_eq!(
        composed.mail.unwrap().subject,
        "2 overdue, 2 due today, 2 due by Tuesday, 4 holds to pick up"
    );
}

#[rstest]
#[case::already_tomorrow_there("Europe/Berlin", "1 overdue")]
#[case::still_today_there("America/Toronto", "1 due today")]
fn familys_local_day_decides_at_midnight(#[case] zone: &str, #[case] subject: &str) {
    let account = account(
        vec![loan("The Salt Roads of Winter", "Ilves, Maarja", 0)],
        vec![],
    );
    let mut case = Case::from_cards([card(1, "Ada", millbrook(), account)]);
    case.family.timezone = zone.parse().unwrap();
    // One minute past midnight in Berlin, one minute past six in the evening in Toronto.
    case.now = at("2026-11-21T23:01:00Z");
    let composed = case.compose();
    assert_eq!(composed.mail.as_ref().unwrap().subject, subject);
    keep(&format!("midnight_{}", zone.replace('/', "_")), &composed);
}

#[test]
fn daily_mail_is_sent_when_empty() {
    let account = account(
        vec![loan("Bread, Slowly: Forty Loaves", "Marchetti, Luca", 4)],
        vec![waiting("Night Trains", "Duval, Claire", 9, Some(83))],
    );
    let mut case = Case::from_cards([card(1, "Ada", millbrook(), account)]);
    case.family.preferences.send_when_empty = SendWhenEmpty::Daily;
    keep("daily_send_when_empty", &case.compose());
    assert_eq!(case.subject(), "Nothing to do today");
}

#[test]
fn weekly_summary_is_sent_when_empty() {
    let account = account(
        vec![loan("How Bridges Stand Up", "Tanaka, Yuki", 10)],
        vec![],
    );
    let mut case = Case::from_cards([card(1, "Ada", millbrook(), account)]);
    case.family.preferences.send_when_empty = SendWhenEmpty::Weekly(Weekday::Sun);
    assert_eq!(case.subject(), "no mail", "today is a Saturday");
    case.family.preferences.send_when_empty = SendWhenEmpty::Weekly(Weekday::Sat);
    keep("weekly_send_when_empty", &case.compose());
    assert_eq!(case.subject(), "Weekly summary: nothing to do today");
}

#[test]
fn family_without_cards_gets_no_mail() {
    let mut case = Case::from_cards([]);
    for wish in [
        SendWhenEmpty::Never,
        SendWhenEmpty::Daily,
        SendWhenEmpty::Weekly(Weekday::Sat),
    ] {
        case.family.preferences.send_when_empty = wish;
        assert_eq!(case.subject(), "no mail");
    }
}

#[test]
fn awkward_text_is_escaped() {
    let composed = Case::from_cards(accounts::awkward_words()).compose();
    keep("awkward_words", &composed);
    let mail = composed.mail.unwrap();
    assert!(!mail.html.contains("<script") && !mail.html.contains("<img"));
    assert!(!mail.text.contains('\u{1b}') && !mail.html.contains('\u{202e}'));
    assert!(mail.text.contains("ספר הטיולים הגדול") && mail.html.contains("ספר הטיולים הגדול"));
    assert!(mail.text.contains('🦛') && mail.html.contains('🦛'));
}

#[test]
fn sixty_loans() {
    let composed = Case::from_cards(accounts::sixty_loans()).compose();
    keep("sixty_loans", &composed);
    let digest = composed.digest;
    assert_eq!(digest.take_back.len() + digest.later.loans.len(), 60);
    // Well below the 102 KB after which a large mail service cuts a mail off.
    assert!(composed.mail.unwrap().html.len() < 60_000);
}

#[test]
fn long_mail_is_grouped_by_person_if_preferred() {
    let mut case = Case::from_cards(accounts::sixty_loans());
    case.family.preferences.by_person = true;
    let composed = case.compose();
    assert!(composed.digest.take_back.len() > 15);
    keep("by_person", &composed);
}

#[test]
fn short_mail_is_not_grouped_by_person() {
    let mut case = Case::from_cards(accounts::one_of_each());
    let ungrouped = case.compose().mail.unwrap();
    case.family.preferences.by_person = true;
    let mail = case.compose().mail.unwrap();
    assert_eq!((mail.text, mail.html), (ungrouped.text, ungrouped.html));
}

#[test]
fn titles_link_to_records_and_renew_to_the_account() {
    let record = |name: &str| Some(format!("https://millbrook.example.org/record/{name}"));
    let with_url = |mut loan: Loan, url| {
        loan.url = url;
        loan
    };
    let loans = vec![
        with_url(loan("Salt", "", 1), record("salt")),
        with_url(
            not_renewable(loan("Puddles", "", 1), "On hold"),
            record("puddles"),
        ),
        with_url(
            loan("Script", "", 1),
            Some(String::from("javascript:alert(1)")),
        ),
        with_url(
            loan("Stranger", "", 1),
            Some(String::from("https://me:pw@example.org/")),
        ),
    ];
    let otters = Hold {
        url: record("otters"),
        ..ready("Otters", "", 3)
    };
    let case = Case::from_cards([card(1, "Ada", millbrook(), account(loans, vec![otters]))]);
    let mail = case.compose().mail.unwrap();
    for name in ["salt", "puddles", "otters"] {
        let link = format!("<a href=\"https://millbrook.example.org/record/{name}\"");
        assert_eq!(mail.html.matches(&link).count(), 1, "{name}");
    }
    assert!(!mail.html.contains("javascript:") && !mail.html.contains("me:pw"));
    // All except the one that cannot be renewed.
    let renew =
        "<a href=\"https://millbrook.example.org/account\" style=\"color:#0b4f94\">Renew</a>";
    assert_eq!(mail.html.matches(renew).count(), 3);
    assert_eq!(mail.text.matches("can be renewed").count(), 3);
}

#[test]
fn digital_items_are_returned_automatically() {
    let account = account(
        vec![
            digital_loan(loan("Overdue E-book", "", -1)),
            digital_loan(loan("The Listening Wood (audiobook)", "Hart, Jo", 1)),
            loan("How Bridges Stand Up", "Tanaka, Yuki", 1),
        ],
        vec![Hold {
            digital: true,
            pickup_branch: None,
            ..ready("Night Trains (e-book)", "Duval, Claire", 2)
        }],
    );
    let composed = Case::from_cards([card(1, "Ada", fernhill(), account)]).compose();
    keep("digital", &composed);
    assert_eq!(
        composed.mail.unwrap().subject,
        "1 due tomorrow, 1 hold to borrow online"
    );
    assert_eq!(composed.digest.take_back.len(), 1);
}

#[test]
fn fines_and_credits() {
    let owing = |amount: &str, currency: Option<&str>| Account {
        fines: money(amount),
        currency: currency.map(Into::into),
        ..empty()
    };
    let composed = Case::from_cards([
        card(1, "Ada", millbrook(), owing("12.50", Some("CAD"))),
        card(2, "Ben", millbrook(), owing("4.99", Some("CAD"))),
        card(3, "Cleo", fernhill(), owing("-3", None)),
        card(4, "Dan", fernhill(), owing("5", None)),
    ])
    .compose();
    keep("fines_and_credits", &composed);
    assert_eq!(composed.mail.unwrap().subject, "Fines on 2 cards");
    assert_eq!(composed.digest.later.balances.len(), 2);
}

#[test]
fn each_library_message_appears_once() {
    let telling = |messages: &[&str]| Account {
        messages: messages.iter().map(ToString::to_string).collect(),
        ..empty()
    };
    let composed = Case::from_cards([
        card(
            1,
            "Ben",
            millbrook(),
            telling(&["We are closed on Monday.", "Your card needs a new photo."]),
        ),
        card(
            2,
            "Ada",
            millbrook(),
            telling(&["We are closed on Monday."]),
        ),
        card(3, "Ada", fernhill(), telling(&["Welcome back."])),
    ])
    .compose();
    keep("messages", &composed);
    assert_eq!(composed.digest.attention.len(), 3);
    assert_eq!(composed.mail.unwrap().subject, "3 library messages");
}

#[test]
fn library_without_account_page_links_to_its_front_page() {
    let mut library = millbrook();
    library.account_url = Some("javascript:alert(1)".parse().unwrap());
    let account = account(
        vec![loan("Canals", "", 0)],
        vec![hold("Ink", "", HoldState::Waiting)],
    );
    let mail = Case::from_cards([card(1, "Ada", library, account)])
        .compose()
        .mail
        .unwrap();
    assert!(!mail.html.contains("javascript:") && !mail.text.contains("javascript:"));
    assert!(
        mail.html
            .contains(r#"<a href="https://millbrook.example.org/""#)
    );
}

#[test]
fn paused_cards_are_only_mentioned() {
    let paused = |patron: &str, until: Option<NaiveDate>, why: Option<&str>| PausedCard {
        patron: patron.to_owned(),
        library_name: "Fernhill Library".to_owned(),
        pause: CardPause {
            until,
            timezone: chrono_tz::America::Toronto,
            why: why.map(ToOwned::to_owned),
        },
        has_ended: false,
    };
    let all_paused = vec![
        paused(
            "Ben",
            Some(in_days(43)),
            Some("lost <b>again</b>, see www.example.com"),
        ),
        paused("Cleo", None, None),
        PausedCard {
            has_ended: true,
            ..paused("Dora", Some(in_days(0)), Some("lost"))
        },
    ];
    let account = account(vec![loan("Canals", "", 0)], vec![]);
    let mut case = Case::from_cards([card(1, "Ada", millbrook(), account)]);
    case.paused.clone_from(&all_paused);
    let composed = case.compose();
    keep("paused_cards", &composed);
    // They are never a reason for a mail.
    let mut case = Case::from_cards([]);
    case.paused = all_paused;
    assert_eq!(case.compose().mail, None);
}

#[test]
fn empty_notice_does_not_claim_paused_cards_were_checked() {
    for (name, setting) in [
        ("daily_with_paused_card", SendWhenEmpty::Daily),
        (
            "weekly_with_paused_card",
            SendWhenEmpty::Weekly(Weekday::Sat),
        ),
    ] {
        let account = account(vec![loan("How Bridges Stand Up", "", 10)], vec![]);
        let mut case = Case::from_cards([card(1, "Ada", millbrook(), account)]);
        case.paused = vec![PausedCard {
            patron: "Ben".to_owned(),
            library_name: "Fernhill Library".to_owned(),
            pause: CardPause {
                until: None,
                timezone: chrono_tz::America::Toronto,
                why: None,
            },
            has_ended: false,
        }];
        case.family.preferences.send_when_empty = setting;
        keep(name, &case.compose());
    }
}
