//! A recorded check holds nothing of the patron, and is read back to the same account: as many entries, in the
//! same states, with all dates shifted by the same number of days.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use hippo_browser::test_site::TestLoginPermit;
use hippo_browser::{BrowserOptions, Limits, ReadContext};
use hippo_core::account::Account;
use hippo_core::card::CardSecret;
use hippo_core::failure::Failure;
use hippo_core::library::Library;
use hippo_core::site::LibrarySite as _;
use hippo_demo_library::{
    DemoHold, DemoLibrary, DemoLoan, Fault, Generation, Patron, Rule, Site, SystemKind,
    test_every_site,
};
use hippo_recording::har::Har;
use hippo_recording::{Recorder, Recording, RecordingProfile, read};
use hippo_systems::Sites;

const NUMBER: &str = "29715930048862";
const PIN: &str = "Canarypin86420x";

/// Words that must never be in a recording, like the number and the PIN.
const CANARIES: [&str; 13] = [
    NUMBER,
    PIN,
    "canarygiven",
    "canaryfamily",
    "canaryloan",
    "canarysub",
    "canaryauthor",
    "canaryhold",
    "canarybranch",
    "canaryreason",
    "canarymessage",
    "canarylibrary",
    "Invented Lane",
];

fn today() -> NaiveDate {
    "2026-11-21".parse().unwrap()
}

fn patron() -> Patron {
    let day = |days| today() + chrono::TimeDelta::days(days);
    let branch = "Canarybranch Square";
    let mut patron = Patron::new(NUMBER, PIN, "Canarygiven Canaryfamily")
        .with_fines_cents(1_725)
        .with_card_expires(day(20))
        .with_loan(
            DemoLoan::new("The Canaryloan & Ready", "Canaryauthor, Wren", day(-3)).renewed(2),
        )
        .with_loan(
            DemoLoan::new("Canaryloan 1984", "Canaryauthor", day(0)).with_subtitle("Canarysub"),
        )
        .with_loan(
            DemoLoan::new("Due 12-01-26 Canaryloan", "", day(9)).not_renewable("Canaryreason 4711"),
        )
        .with_hold(DemoHold::ready(
            "Canaryhold One",
            "Canaryauthor",
            branch,
            Some(day(4)),
        ))
        .with_hold(DemoHold::in_transit("Canaryhold Two", "", branch))
        .with_hold(
            DemoHold::waiting("Canaryhold In Transit", "Canaryauthor", branch, 9, 83)
                .with_expires(day(200)),
        )
        .with_hold(DemoHold::suspended(
            "Canaryhold Four",
            "",
            branch,
            Some(day(40)),
        ));
    patron
        .messages
        .push("Canarymessage: call 519 555 0199".to_owned());
    patron
}

struct DemoCard {
    demo: DemoLibrary,
    library: Library,
}

impl DemoCard {
    async fn start(system: SystemKind, generation: Generation, patron: Patron) -> Self {
        let mut site = Site::new(system, "Canarylibrary", today())
            .with_generation(generation)
            .with_patron(patron);
        site.branches.push("Canarybranch Square".to_owned());
        let date_format = site.date_format.clone();
        let demo = DemoLibrary::start(site).await.unwrap();
        let library = Library {
            id: "demo".parse().unwrap(),
            name: demo.library_name().to_owned(),
            system: system.id().parse().unwrap(),
            base_url: demo.base_url().parse().unwrap(),
            account_url: None,
            timezone: chrono_tz::America::Toronto,
            date_format: Some(date_format),
            login_hosts: Vec::new(),
            options: Default::default(),
        };
        Self { demo, library }
    }

    async fn record(&self, pin: &str) -> (Result<Account, Failure>, Recording) {
        self.record_as(NUMBER, pin).await
    }

    async fn record_as(&self, number: &str, pin: &str) -> (Result<Account, Failure>, Recording) {
        let recorder = Arc::new(Recorder::default());
        let sites = Sites::new(BrowserOptions {
            limits: Limits {
                response: Duration::from_secs(2),
                pause_before_retry: Duration::from_millis(1),
                ..Limits::default()
            },
            observer: Some(recorder.clone()),
            ..BrowserOptions::default()
        })
        .unwrap();
        let secret = CardSecret {
            number: number.to_owned().into(),
            pin: pin.to_owned().into(),
        };
        let outcome = sites
            .check(&self.library, &secret, &TestLoginPermit::default())
            .await;
        let outcome = outcome.map_err(Failure::from);
        let profile = recording_profile(self.library.system.as_str());
        let recording = recorder.finish(&profile, &self.library, today()).unwrap();
        (outcome, recording)
    }
}

/// Returns what a recording of this system keeps.
pub(crate) fn recording_profile(system: &str) -> RecordingProfile {
    let reader = hippo_systems::offline_reader(system).unwrap();
    RecordingProfile {
        phrases: reader.phrases(),
        date_format: Box::new(|page| reader.stated_date_format(page)),
    }
}

/// Reads a recording as `hippo read` does.
pub(crate) fn read_recording(
    system: &str,
    har: &Har,
    context: &ReadContext<'_>,
) -> Result<Account, Failure> {
    let reader = hippo_systems::offline_reader(system).unwrap();
    read(har, &|pages| reader.read(pages, context))
}

/// Reads a recording from its text.
fn read_back(text: &str) -> Result<Account, Failure> {
    let har: Har = serde_json::from_str(text).unwrap();
    let library = har.log.library.clone().unwrap();
    let base_url = library.base_url.parse().unwrap();
    read_recording(&library.system, &har, &library.context(&base_url))
}

fn assert_no_canary(text: &str) {
    let lower = text.to_lowercase();
    for canary in CANARIES {
        let canary = canary.to_lowercase();
        if let Some(start) = lower.find(&canary) {
            panic!(
                "{canary}: {}",
                lower
                    .get(start.saturating_sub(300)..start + 100)
                    .unwrap_or(canary.as_str())
            );
        }
    }
}

/// Returns the distinct differences in days between two accounts' dates; both must have the same dates.
fn date_shifts(before: &Account, after: &Account) -> BTreeSet<i64> {
    let mut date_shifts = BTreeSet::new();
    let mut add = |one: Option<NaiveDate>, other: Option<NaiveDate>| match (one, other) {
        (Some(one), Some(other)) => {
            date_shifts.insert((other - one).num_days());
        }
        (one, other) => assert_eq!(one, other),
    };
    let both = |account: &Account| {
        (
            account.loans.clone().unwrap(),
            account.holds.clone().unwrap(),
        )
    };
    let ((loans, holds), (new_loans, new_holds)) = (both(before), both(after));
    for (one, other) in loans.iter().zip(&new_loans) {
        add(one.due, other.due);
    }
    for (one, other) in holds.iter().zip(&new_holds) {
        add(one.pickup_by, other.pickup_by);
        add(one.expires, other.expires);
        add(one.suspended_until, other.suspended_until);
    }
    add(before.card_expires, after.card_expires);
    date_shifts
}

/// Describes an account by what a recording keeps; texts become their lengths.
fn shape(account: &Account) -> Vec<String> {
    let length = |text: &Option<String>| text.as_ref().map(|text| text.chars().count());
    let loans = account.loans.iter().flatten().map(|loan| {
        format!(
            "{} {:?} {:?} {:?} {:?} {} {}",
            loan.title.chars().count(),
            length(&loan.author),
            loan.renewals,
            loan.renewable,
            length(&loan.renewable_reason),
            loan.digital,
            loan.url.is_some(),
        )
    });
    let holds = account.holds.iter().flatten().map(|hold| {
        format!(
            "{} {:?} {:?} {:?} {:?} {:?} {}",
            hold.title.chars().count(),
            length(&hold.author),
            hold.state,
            hold.position,
            hold.queue_length,
            length(&hold.pickup_branch),
            hold.url.is_some(),
        )
    });
    let rest = format!(
        "{:?} {:?} {}",
        account.declared,
        account.fines,
        account.messages.len()
    );
    loans.chain(holds).chain([rest]).collect()
}

test_every_site!(recording_has_no_personal_data_and_reads_the_same);

async fn recording_has_no_personal_data_and_reads_the_same(
    system: SystemKind,
    generation: Generation,
) {
    let card = DemoCard::start(system, generation, patron()).await;
    let (outcome, recording) = card.record(PIN).await;
    let account = outcome.unwrap();
    let text = recording.to_json();
    if let Ok(folder) = std::env::var("KEEP_RECORDINGS") {
        std::fs::write(
            format!("{folder}/{}-{generation:?}.har", system.id()),
            &text,
        )
        .unwrap();
    }
    assert_no_canary(&text);
    let reread = read_back(&text).unwrap();
    assert_eq!(shape(&reread), shape(&account));
    let date_shifts = date_shifts(&account, &reread);
    assert!(
        date_shifts.len() == 1 && !date_shifts.contains(&0),
        "{date_shifts:?}"
    );
}

test_every_site!(recording_of_a_failure_reads_as_the_same_failure);

async fn recording_of_a_failure_reads_as_the_same_failure(
    system: SystemKind,
    generation: Generation,
) {
    let card = DemoCard::start(system, generation, patron()).await;
    let (outcome, recording) = card.record("Canarypin-wrong").await;
    let text = recording.to_json();
    assert_no_canary(&text);
    assert_eq!(
        read_back(&text).unwrap_err().kind,
        outcome.unwrap_err().kind
    );
    for fault in [
        Fault::ChangedLayout,
        Fault::Captcha,
        Fault::Maintenance,
        Fault::HalfPage,
        Fault::Down { retry_after: None },
        Fault::Refuse {
            retry_after: Some(60),
        },
        Fault::DropConnection,
        Fault::BinaryBody,
        Fault::RedirectLoop,
        Fault::EmptyBody,
    ] {
        card.demo.switches().clear();
        card.demo.unlock(NUMBER);
        card.demo.end_all_sessions();
        card.demo
            .switches()
            .add(Rule::new(fault.clone()).only_for_patrons());
        let (outcome, recording) = card.record(PIN).await;
        let text = recording.to_json();
        assert_no_canary(&text);
        let kind = outcome.map(|_| ()).map_err(|failure| failure.kind);
        let reread = read_back(&text);
        let detail = reread.as_ref().err().map(ToString::to_string);
        assert_eq!(
            reread.map(|_| ()).map_err(|failure| failure.kind),
            kind,
            "{fault:?} {detail:?}"
        );
    }
}

test_every_site!(user_name_and_pin_of_zeros_are_replaced);

async fn user_name_and_pin_of_zeros_are_replaced(system: SystemKind, generation: Generation) {
    for pin in ["0000", "000000"] {
        user_name_and_pin_are_replaced(system, generation, pin).await;
    }
}

async fn user_name_and_pin_are_replaced(system: SystemKind, generation: Generation, pin: &str) {
    let mut patron = patron();
    patron.number = "ada.okafor".to_owned();
    patron.pin = pin.to_owned();
    let card = DemoCard::start(system, generation, patron).await;
    let (outcome, recording) = card.record_as("ada.okafor", pin).await;
    let text = recording.to_json();
    assert!(!text.to_lowercase().contains("okafor"));
    let sent: Vec<&str> = recording
        .har
        .log
        .entries
        .iter()
        .filter_map(|entry| entry.request.post_data.as_ref())
        .flat_map(|form| form.params.iter().map(|field| field.value.as_str()))
        .collect();
    assert!(
        !sent.is_empty() && !sent.iter().any(|value| value.contains(pin)),
        "{sent:?}"
    );
    let reread = read_back(&text).unwrap();
    assert_eq!(shape(&reread), shape(&outcome.unwrap()));
}
