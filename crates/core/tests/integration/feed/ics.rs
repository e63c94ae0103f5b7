//! The calendar's text: what a parser reads is what was written.

use std::str::FromStr as _;

use hippo_core::account::Account;
use hippo_core::feed::calendar::CalendarEvent;
use hippo_core::feed::ics::render_calendar;
use hippo_core::text::clean;
use icalendar::{Calendar, CalendarComponent, Component as _, DatePerhapsTime};
use proptest::prelude::*;

use super::events;
use crate::notice::fixture::*;
use crate::notice::properties::a_case;

/// Titles that break a careless writer or parser.
const HOSTILE: [&str; 10] = [
    "Line one\r\nEND:VEVENT\r\nBEGIN:VALARM",
    "a,b;c:d\\n\\,\\;\\",
    "\"quoted\" 'and' <b>bold</b> & more",
    "עברית، العربية \u{202e}evil\u{202c} mixed",
    "👩\u{200d}👩\u{200d}👧\u{200d}👦🦉🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    "e\u{301}\u{302} combining",
    "=?utf-8?B?SGVsbG8=?= %0d%0a",
    "\u{feff}bom \u{2028}separator\u{2029}s",
    "\\",
    // The crate that reads this doesn't end when it writes it.
    "🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉 a b a b a b a b a b a b a b a b a b a b a b a b a b a b a b a b a b",
];

/// A case with each hostile title on a day of its own, and all of them on one.
fn hostile() -> Case {
    let alone = (10..)
        .zip(HOSTILE)
        .map(|(day, title)| loan(title, title, day));
    let together = HOSTILE.iter().map(|title| loan(title, "", 5));
    let long = "Ünd, immer; weiter ".repeat(200);
    let long = [loan(&long, &long, 6)];
    let loans = alone.chain(together).chain(long).collect();
    let mut case = Case::from_cards([
        card(
            1,
            "Zoë, the \\ reader; 🦉",
            millbrook(),
            account(loans, vec![]),
        ),
        refused(card(2, "Ben", fernhill(), empty())),
    ]);
    case.family.name = "Conrads, Zoë; & \\ Co".into();
    case
}

fn render(events: &[CalendarEvent]) -> String {
    render_calendar("Conrads, Zoë; & \\ Co", events)
}

/// What the parser of the crate reads, as [`CalendarEvent`]s have it.
fn parsed(text: &str) -> Vec<(String, String, String, String, String)> {
    let calendar = Calendar::from_str(text).unwrap();
    let events = calendar.components.iter().map(|component| match component {
        CalendarComponent::Event(event) => event,
        other => panic!("{other:?}"),
    });
    let date = |date: Option<DatePerhapsTime>| match date {
        Some(DatePerhapsTime::Date(date)) => date.to_string(),
        other => panic!("{other:?}"),
    };
    events
        .map(|event| {
            (
                event.get_uid().unwrap().to_owned(),
                date(event.get_start()),
                date(event.get_end()),
                event.get_summary().unwrap().to_owned(),
                event.get_description().unwrap_or_default().to_owned(),
            )
        })
        .collect()
}

fn written(events: &[CalendarEvent]) -> Vec<(String, String, String, String, String)> {
    events
        .iter()
        .map(|event| {
            (
                event.uid(),
                event.date.to_string(),
                event.end().to_string(),
                event.summary.clone(),
                event.description.clone(),
            )
        })
        .collect()
}

/// Fails unless every line is one that RFC 5545 allows.
fn check_lines(text: &str) {
    assert!(text.ends_with("END:VCALENDAR\r\n"));
    for line in text.strip_suffix("\r\n").unwrap().split("\r\n") {
        assert!(line.len() <= 75, "{} bytes: {line}", line.len());
        assert!(!line.contains(char::is_control), "{line:?}");
        assert!(!line.is_empty());
    }
}

#[test]
fn calendar_of_one_card_is_written_as_before() {
    let loans = vec![loan("A Field Guide to Puddles", "Okafor, Ngozi", 2)];
    let account = Account {
        card_expires: Some(in_days(200)),
        ..account(loans, vec![ready("The Lighthouse Keeper’s Cat", "", 4)])
    };
    let events = events(&Case::from_cards([card(1, "Ada", millbrook(), account)]));
    let text = render_calendar("The Conrads", &events);
    check_lines(&text);
    insta::assert_snapshot!(text.replace("\r\n", "\n"));
}

#[test]
fn calendar_without_events_is_a_calendar() {
    let text = render(&[]);
    check_lines(&text);
    assert_eq!(parsed(&text), []);
}

#[test]
fn hostile_titles_survive_the_round_trip() {
    let events = events(&hostile());
    assert!(events.len() > HOSTILE.len());
    let text = render(&events);
    check_lines(&text);
    assert_eq!(parsed(&text), written(&events));
    assert_eq!(text.matches("BEGIN:VEVENT").count(), events.len());
    assert!(!text.contains("BEGIN:VALARM\r\n"));
    for title in HOSTILE {
        let is_title = |line: &str| line.split(" · ").next() == Some(&clean(title));
        let has_title = |event: &CalendarEvent| event.description.lines().any(is_title);
        assert!(events.iter().any(has_title), "{title}");
    }
}

#[test]
fn family_name_survives_the_round_trip() {
    let text = render(&[]);
    let calendar = Calendar::from_str(&text).unwrap();
    let name = calendar.property_value("X-WR-CALNAME");
    assert_eq!(name, Some("Library (Conrads, Zoë; & \\ Co)"));
    let unfolded = text.replace("\r\n ", "");
    for name in ["NAME", "X-WR-CALNAME"] {
        let line = format!("\r\n{name}:Library (Conrads\\, Zoë\\; & \\\\ Co)\r\n");
        assert!(unfolded.contains(&line), "{unfolded}");
    }
}

proptest! {
    #[test]
    fn every_calendar_is_read_as_it_was_written(case in a_case()) {
        let events = events(&case);
        let text = render(&events);
        check_lines(&text);
        prop_assert_eq!(parsed(&text), written(&events));
    }

    #[test]
    fn any_title_survives_the_round_trip(title in any::<String>(), padding in 0..80_usize) {
        let title = format!("{}{title}", "x".repeat(padding));
        let card = card(1, "Ada", millbrook(), account(vec![loan(&title, &title, 2)], vec![]));
        let events = events(&Case::from_cards([card]));
        let text = render(&events);
        check_lines(&text);
        prop_assert_eq!(parsed(&text), written(&events));
    }
}
