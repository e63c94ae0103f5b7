//! Properties of every notice, for any accounts.

use chrono::Duration;
use hippo_core::account::{Account, Hold, HoldState, Loan};
use hippo_core::failure::FailureKind;
use hippo_core::family::SendWhenEmpty;
use hippo_core::notice::NoticeCard;
use hippo_core::notice::attention::AttentionKind;
use hippo_core::notice::digest::Occasion;
use hippo_core::text::clean;
use proptest::prelude::*;

use crate::notice::fixture::*;

/// Text as pages may have it: several scripts, markup, control characters, or empty.
fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z ]{1,30}",
        "[<>&\"'/=;a-z ]{0,20}",
        any::<String>(),
        Just("<script>alert(1)</script>".to_owned()),
        Just("ספר & 🦛".to_owned()),
    ]
}

fn a_loan() -> impl Strategy<Value = Loan> {
    (
        words(),
        proptest::option::of(words()),
        proptest::option::weighted(0.9, -400..400_i64),
        any::<Option<bool>>(),
        proptest::option::of(words()),
        proptest::bool::weighted(0.2),
        0..1000_u32,
    )
        .prop_map(|(title, reason, days, renewable, note, digital, id)| Loan {
            id: id.to_string(),
            renewable,
            renewable_reason: reason,
            note,
            digital,
            // Most dates are near today, where the rules differ.
            due: days.map(|days| in_days(if days % 3 == 0 { days } else { days % 6 })),
            ..loan(&title, "", 0)
        })
}

fn a_hold() -> impl Strategy<Value = Hold> {
    let state = prop_oneof![
        3 => Just(HoldState::Ready),
        1 => Just(HoldState::InTransit),
        1 => Just(HoldState::Waiting),
        1 => Just(HoldState::Suspended),
        1 => Just(HoldState::Other),
    ];
    (
        words(),
        words(),
        state,
        any::<Option<u8>>(),
        any::<Option<u8>>(),
        proptest::option::of(words()),
        proptest::option::of(words()),
        any::<bool>(),
        0..1000_u32,
    )
        .prop_map(
            |(title, author, state, position, days, branch, note, digital, id)| Hold {
                id: id.to_string(),
                position: position.map(u32::from),
                queue_length: days.map(u32::from),
                pickup_by: days.map(|days| in_days(i64::from(days) % 12 - 3)),
                suspended_until: days.map(|days| in_days(i64::from(days))),
                pickup_branch: branch,
                note,
                digital,
                ..hold(&title, &author, state)
            },
        )
}

fn a_card() -> impl Strategy<Value = NoticeCard> {
    (
        any::<u64>(),
        "[A-Z][a-z]{1,8}|[<&\"a-z]{1,6}",
        prop_oneof![Just(millbrook()), Just(fernhill()), Just(harbour())],
        proptest::option::weighted(0.9, proptest::collection::vec(a_loan(), 0..6)),
        proptest::option::weighted(0.9, proptest::collection::vec(a_hold(), 0..4)),
        proptest::option::of(-2000..2000_i64),
        proptest::collection::vec(words(), 0..2),
        0..6_u8,
    )
        .prop_map(
            |(id, patron, library, loans, holds, fines, messages, health)| {
                let account = Account {
                    loans,
                    holds,
                    fines: fines.map(|cents| rust_decimal::Decimal::new(cents, 2)),
                    messages,
                    ..empty()
                };
                let card = card(u128::from(id), &patron, library, account);
                match health {
                    0 => refused(card),
                    1 => failing(card, 22, FailureKind::SiteDown),
                    2 => failing(card, 3, FailureKind::PageChanged),
                    _ => card,
                }
            },
        )
}

pub(crate) fn a_case() -> impl Strategy<Value = Case> {
    let wish = prop_oneof![Just(SendWhenEmpty::Never), Just(SendWhenEmpty::Daily)];
    (proptest::collection::vec(a_card(), 0..4), wish).prop_map(|(cards, wish)| {
        let mut case = Case::from_cards(cards);
        case.family.preferences.send_when_empty = wish;
        case
    })
}

/// The visible text of the HTML: tags dropped, entities decoded.
fn visible_text(html: &str) -> String {
    let body = html
        .split_once("<body")
        .unwrap()
        .1
        .split_once('>')
        .unwrap()
        .1;
    let mut visible_text = String::new();
    let mut in_tag = false;
    for c in body.chars() {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => in_tag = false,
            _ if in_tag => {}
            c => visible_text.push(c),
        }
    }
    unescaped(&visible_text)
}

fn unescaped(html: &str) -> String {
    [
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#38;", "&"),
    ]
    .iter()
    .fold(html.to_owned(), |text, (entity, plain)| {
        text.replace(entity, plain)
    })
}

/// Keeps letters and digits only, to compare the content without the layout.
fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// The counts in a subject, by the word that follows.
fn counted(subject: &str, word: &str) -> usize {
    subject
        .split(", ")
        .filter_map(|part| part.split_once(' '))
        .filter(|(_, rest)| rest.starts_with(word))
        .map(|(number, _)| number.parse::<usize>().unwrap())
        .sum()
}

proptest! {
    #[test]
    fn subject_counts_what_the_mail_lists(case in a_case()) {
        let composed = case.compose();
        if composed.digest.occasion == Some(Occasion::ToDo) {
            let subject = composed.mail.unwrap().subject;
            let digest = composed.digest;
            let overdue = digest.overdue().count();
            prop_assert_eq!(counted(&subject, "overdue"), overdue, "{}", subject);
            prop_assert_eq!(counted(&subject, "due"), digest.take_back.len() - overdue, "{}", subject);
            prop_assert_eq!(counted(&subject, "hold"), digest.pick_up.len(), "{}", subject);
        }
    }

    #[test]
    fn subject_is_one_short_line_without_scraped_text(case in a_case()) {
        if let Some(mail) = case.compose().mail {
            prop_assert!(mail.subject.is_ascii() && mail.subject.len() < 150);
            let ours = |c: char| c.is_ascii_alphanumeric() || " ,:'".contains(c);
            prop_assert!(mail.subject.chars().all(ours), "{}", mail.subject);
        }
    }

    #[test]
    fn both_parts_name_everything_to_do(case in a_case()) {
        let composed = case.compose();
        if let Some(mail) = composed.mail {
            let (text, html) = (letters(&mail.text), letters(&visible_text(&mail.html)));
            let loans = composed.digest.take_back.iter().map(|line| &line.title);
            let holds = composed.digest.pick_up.iter().map(|line| &line.title);
            let attention = composed.digest.attention.iter().filter_map(|item| match &item.kind {
                AttentionKind::UnknownHold { hold } | AttentionKind::MissedHold { hold, .. } => {
                    Some(&hold.title)
                }
                _ => None,
            });
            for title in loans.chain(holds).chain(attention) {
                prop_assert!(text.contains(&letters(title)) && html.contains(&letters(title)));
            }
        }
    }

    #[test]
    fn text_and_html_have_the_same_content(case in a_case()) {
        if let Some(mail) = case.compose().mail {
            // The text writes out the links that the HTML puts behind the libraries' names.
            let links = |line: &&str| !line.trim_start().starts_with("https://");
            let text: Vec<&str> = mail.text.lines().filter(links).collect();
            // Each link in the HTML matches an action in the text.
            let html = mail.html.replace(">Renew</a>", ">can be renewed</a>");
            prop_assert_eq!(letters(&text.join("\n")), letters(&visible_text(&html)));
        }
    }

    #[test]
    fn text_is_wrapped_without_trailing_spaces(case in a_case()) {
        if let Some(mail) = case.compose().mail {
            for line in mail.text.lines() {
                prop_assert_eq!(line.trim_end(), line);
                let words = line.trim_start_matches(['*', '-', ' ']);
                prop_assert!(line.chars().count() <= 76 || !words.contains(' '), "{}", line);
            }
        }
    }

    #[test]
    fn scraped_text_never_becomes_markup(case in a_case()) {
        // Titles stay distinct, so that the same lines come out.
        let plain = |c: char| match c {
            c if c.is_ascii_alphanumeric() || c == ' ' => c.to_string(),
            c => format!("x{:x}x", u32::from(c)),
        };
        let mut harmless = case.clone();
        for card in &mut harmless.cards {
            let words = |text: &mut String| *text = clean(text).chars().map(plain).collect::<String>();
            words(&mut card.card.patron);
            let Some(stored) = &mut card.stored else { continue };
            stored.account.messages.iter_mut().for_each(words);
            for loan in stored.account.loans.iter_mut().flatten() {
                words(&mut loan.title);
                loan.renewable_reason.as_mut().map(words);
                loan.note.as_mut().map(words);
            }
            for hold in stored.account.holds.iter_mut().flatten() {
                words(&mut hold.title);
                hold.author.as_mut().map(words);
                hold.pickup_branch.as_mut().map(words);
                hold.note.as_mut().map(words);
            }
        }
        if let (Some(mail), Some(other)) = (case.compose().mail, harmless.compose().mail) {
            let tags = |html: &str| html.matches('<').count();
            prop_assert_eq!(tags(&mail.html), tags(&other.html));
            prop_assert!(!mail.html.contains("<script"));
        }
    }

    #[test]
    fn order_of_cards_makes_no_difference(case in a_case()) {
        let mut turned = case.clone();
        turned.cards.reverse();
        let ids: std::collections::BTreeSet<_> = case.cards.iter().map(|card| card.card.id).collect();
        prop_assume!(ids.len() == case.cards.len());
        prop_assert_eq!(case.compose(), case.compose());
        prop_assert_eq!(case.compose().last_notice, turned.compose().last_notice);
        prop_assert_eq!(case.compose().mail, turned.compose().mail);
    }

    #[test]
    fn next_day_mail_needs_something_to_do(mut case in a_case()) {
        case.family.preferences.send_when_empty = SendWhenEmpty::Never;
        let last = case.compose().last_notice;
        let mut next = case.after(last);
        // A day later in the family's timezone; no check ran since.
        next.now += Duration::days(1);
        for card in &mut next.cards {
            if card.newest_check_gave_an_account() {
                card.state.last_success_at = Some(next.now);
            }
        }
        let composed = next.compose();
        let to_do = !composed.digest.take_back.is_empty() || !composed.digest.pick_up.is_empty();
        let is_missed = composed.digest.attention.iter().any(|item| {
            matches!(item.kind, AttentionKind::MissedHold { .. })
        });
        prop_assert_eq!(composed.mail.is_some(), to_do || is_missed || next.has_newly_gone_stale());
    }
}

trait Newest {
    fn newest_check_gave_an_account(&self) -> bool;
}

impl Newest for NoticeCard {
    fn newest_check_gave_an_account(&self) -> bool {
        self.state
            .last_check
            .as_ref()
            .is_some_and(|check| check.failure.is_none())
    }
}

impl Case {
    /// A card that failed three hours before the first notice is stale by the second.
    fn has_newly_gone_stale(&self) -> bool {
        self.cards.iter().any(|card| {
            let failure = card
                .state
                .last_check
                .as_ref()
                .and_then(|check| check.failure.as_ref());
            failure.is_some_and(|failure| failure.kind == FailureKind::PageChanged)
        })
    }
}
