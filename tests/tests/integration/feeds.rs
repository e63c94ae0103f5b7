//! Real calendar readers read what we write, and the documented sensors read `now.json`.

use std::path::{Path, PathBuf};
use std::process::Command;

use hippo_core::account::{Account, Hold, HoldState, Loan};
use hippo_core::card::{CardState, LastCheck, StoredAccount};
use hippo_core::family::Family;
use hippo_core::feed::FeedSource;
use hippo_core::feed::calendar::CalendarEvent;
use hippo_core::feed::ics::render_calendar;
use hippo_core::notice::NoticeCard;
use hippo_core::testing::contract::sample;
use hippo_tests::python_tools::find_programs;
use serde::Deserialize;
use serde_json::{Value, json};

const DOCUMENTATION: &str = include_str!("../../../docs/FEEDS.md");

/// Titles that break a careless writer or reader.
const HOSTILE: [&str; 9] = [
    "Line one\r\nEND:VEVENT\r\nBEGIN:VALARM",
    "a,b;c:d\\n\\,\\;\\",
    "\"quoted\" 'and' <b>bold</b> & more",
    "עברית، العربية \u{202e}evil\u{202c} mixed",
    "👩\u{200d}👩\u{200d}👧\u{200d}👦🦉🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    "e\u{301}\u{302} combining",
    "=?utf-8?B?SGVsbG8=?= %0d%0a ^n ^' {{ value }}",
    "🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉🦉 a b a b a b a b a b a b a b a b a b a b",
    "\\",
];

/// An event as a reader read it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct ReadEvent {
    uid: String,
    start: String,
    /// The day after its last.
    end: String,
    summary: String,
    description: String,
    url: String,
}

impl From<&CalendarEvent> for ReadEvent {
    fn from(event: &CalendarEvent) -> Self {
        let url = event.place.account_url.as_ref();
        Self {
            uid: event.uid(),
            start: event.date.to_string(),
            end: event.end().to_string(),
            summary: event.summary.clone(),
            description: event.description.clone(),
            url: url.map(ToString::to_string).unwrap_or_default(),
        }
    }
}

fn loan(title: &str, author: &str, due: &str) -> Loan {
    Loan {
        id: format!("{title}{due}"),
        title: title.to_owned(),
        author: Some(author.to_owned()),
        due: Some(sample::date(due)),
        renewals: None,
        renewable: Some(false),
        renewable_reason: Some(title.to_owned()),
        digital: false,
        format: None,
        note: Some(title.to_owned()),
        url: None,
    }
}

/// A card that was checked successfully on the sample day.
fn card(patron: &str, account: Account) -> NoticeCard {
    let read_at = sample::time("10:10:00");
    let mut card = sample::card("conrad", "wpl", patron);
    card.patron = patron.to_owned();
    NoticeCard {
        card,
        state: CardState {
            last_check: Some(LastCheck {
                started_at: read_at,
                finished_at: read_at,
                failure: None,
            }),
            last_success_at: Some(read_at),
            ..CardState::default()
        },
        library: sample::library("wpl"),
        stored: Some(StoredAccount { read_at, account }),
    }
}

fn source(family: &Family, cards: Vec<NoticeCard>) -> FeedSource {
    FeedSource::new(family, cards, sample::time("17:00:00"))
}

/// A family with hostile titles, each on a day of its own and all on one, and a card that was never read.
fn hostile() -> FeedSource {
    let mut loans = Vec::new();
    for (day, title) in (10..).zip(HOSTILE) {
        loans.push(loan(title, title, &format!("2026-12-{day}")));
        loans.push(loan(title, "", "2026-12-01"));
    }
    let long = "Ünd, immer; weiter ".repeat(200);
    loans.push(loan(&long, &long, "2026-12-02"));
    let hold = Hold {
        state: HoldState::Ready,
        pickup_by: Some(sample::date("2026-12-03")),
        ..sample::account(0).holds.unwrap().remove(0)
    };
    let account = Account {
        loans: Some(loans),
        holds: Some(vec![hold]),
        card_expires: Some(sample::date("2027-01-31")),
        ..sample::account(0)
    };
    let mut never_read = card("Ben", sample::account(0));
    never_read.stored = None;
    never_read.state = CardState::default();
    let mut family = sample::family("conrad");
    family.name = "Conrads, Zoë; & \\ Co".to_owned();
    source(
        &family,
        vec![card("Zoë, the \\ reader; 🦉", account), never_read],
    )
}

/// Runs a program, and returns what it prints.
fn run(program: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    // Readers must not depend on the machine's language or folders.
    command.env("PYTHONUTF8", "1").args(arguments);
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", program.display());
    String::from_utf8(output.stdout).unwrap()
}

fn script(name: &str) -> String {
    format!("{}/feeds/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Writes a file, and returns its path as text.
fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn calendar_programs() -> Option<PathBuf> {
    find_programs("calendar", "khal")
}

#[test]
fn pythons_icalendar_reads_every_event_as_it_was_written() {
    let Some(programs) = calendar_programs() else {
        return;
    };
    let source = hostile();
    let events = source.calendar(true);
    assert!(events.len() > HOSTILE.len() + 3, "{events:?}");
    let folder = tempfile::tempdir().unwrap();
    let calendar = render_calendar(source.family_name(), &events);
    let calendar = file(folder.path(), "library.ics", &calendar);
    let read = run(
        &programs.join("python"),
        &[&script("read_calendar.py"), &calendar],
    );
    let stamps: Vec<Value> = serde_json::from_str(&read).unwrap();
    let read: Vec<ReadEvent> = serde_json::from_str(&read).unwrap();
    let written: Vec<ReadEvent> = events.iter().map(ReadEvent::from).collect();
    assert_eq!(read, written);
    for (event, stamp) in events.iter().zip(&stamps) {
        let expected = event.known_at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        assert_eq!(stamp["stamp"], expected);
    }
}

#[test]
fn khal_imports_every_event_once_and_updates_it() {
    let Some(programs) = calendar_programs() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let path = folder.display();
    let locale = "timeformat = %H:%M\ndateformat = %Y-%m-%d\nlongdateformat = %Y-%m-%d\n\
         datetimeformat = %Y-%m-%d %H:%M\nlongdatetimeformat = %Y-%m-%d %H:%M\n\
         default_timezone = UTC\nlocal_timezone = UTC\n";
    let config = format!(
        "[calendars]\n[[family]]\npath = {path}/events\ntype = calendar\n\
         [sqlite]\npath = {path}/khal.db\n[locale]\n{locale}[default]\ndefault_calendar = family\n"
    );
    std::fs::create_dir(folder.join("events")).unwrap();
    let config = file(folder, "config", &config);
    let khal = |arguments: &[&str]| {
        let all: Vec<&str> = ["-c", &config]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        run(&programs.join("khal"), &all)
    };
    let source = hostile();
    let import = |with_titles: bool| {
        let events = source.calendar(with_titles);
        let calendar = render_calendar(source.family_name(), &events);
        let calendar = file(folder, "library.ics", &calendar);
        khal(&["import", "--batch", "-a", "family", &calendar]);
        events
    };
    let list = || {
        let fields = [
            "uid",
            "title",
            "start-date-long",
            "end-date-long",
            "description",
            "url",
            "all-day",
        ];
        let fields = fields.iter().flat_map(|field| ["--json", field]);
        let days = ["2026-11-01", "120d"];
        let all: Vec<&str> = ["list"].into_iter().chain(fields).chain(days).collect();
        let mut found = Vec::new();
        // A line for each day.
        for line in khal(&all).lines() {
            let day: Vec<Value> = serde_json::from_str(line).unwrap();
            found.extend(day);
        }
        found
    };
    // The second import is that of another day: it replaces the events of the same id.
    for with_titles in [true, false] {
        let events = import(with_titles);
        let read = list();
        assert_eq!(read.len(), events.len(), "{read:?}");
        for event in &events {
            let uid = event.uid();
            let found = read.iter().find(|read| read["uid"] == uid).unwrap();
            assert_eq!(found["title"], event.summary);
            assert_eq!(found["description"], event.description);
            // It shows the last day, not the day after it.
            assert_eq!(found["start-date-long"], event.date.to_string());
            assert_eq!(found["end-date-long"], event.date.to_string());
            assert_eq!(found["all-day"], "True");
        }
    }
}

/// The first block of a language in the documentation.
fn documented(language: &str) -> &'static str {
    let start = format!("\n```{language}\n");
    let (_, rest) = DOCUMENTATION.split_once(&start).unwrap();
    rest.split("\n```").next().unwrap()
}

#[test]
fn documented_sensors_show_a_real_document() {
    let Some(programs) = calendar_programs() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let states = |source: &FeedSource| -> Value {
        let document = source.now().to_json().unwrap();
        let document = file(folder.path(), "now.json", &document);
        let sensors = file(folder.path(), "configuration.yaml", documented("yaml"));
        let rendered = run(
            &programs.join("python"),
            &[&script("render_sensors.py"), &sensors, &document],
        );
        serde_json::from_str(&rendered).unwrap()
    };
    let loans = vec![
        loan("Late", "", "2026-11-18"),
        loan("Soon", "", "2026-11-23"),
        loan("Later", "", "2026-12-23"),
    ];
    let account = Account {
        loans: Some(loans),
        ..sample::account(4_50)
    };
    let known = source(&sample::family("conrad"), vec![card("Ada", account)]);
    assert_eq!(
        states(&known),
        json!({
            "library_overdue": "1",
            "library_due": "1",
            "library_next_due": "2026-11-23",
            "library_ready": "0",
            "library_fines": "4.50",
            "library_stale": "False",
        })
    );
    // What isn't known makes a sensor unavailable, and never zero.
    assert_eq!(
        states(&hostile()),
        json!({
            "library_overdue": null,
            "library_due": null,
            "library_next_due": null,
            "library_ready": null,
            "library_fines": null,
            "library_stale": "True",
        })
    );
}

#[test]
fn documented_document_has_the_fields_of_a_real_one() {
    let real = source(
        &sample::family("conrad"),
        vec![card("Ada", sample::account(4_50))],
    )
    .now();
    let real = serde_json::to_value(real).unwrap();
    let shown: Value = serde_json::from_str(documented("json")).unwrap();
    let fields = |document: &Value| -> Vec<String> {
        document.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(fields(&shown), fields(&real));
    for (name, value) in shown.as_object().unwrap() {
        let is_same_type = std::mem::discriminant(value) == std::mem::discriminant(&real[name]);
        assert!(is_same_type || real[name].is_null(), "{name}");
        assert!(
            DOCUMENTATION.contains(&format!("`{name}`")),
            "{name} is not explained"
        );
    }
}
