//! Benchmarks composing a notice, building its mail and opening a sealed card secret.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a benchmark may panic when its setup fails"
)]

use chrono::{DateTime, Duration, Utc};
use criterion::{Criterion, criterion_group, criterion_main};
use hippo_core::account::{Account, Loan};
use hippo_core::card::{CardSecret, CardState, StoredAccount};
use hippo_core::mail::mime::{Sender, build};
use hippo_core::mail::{Mail, MailKind, MailTag};
use hippo_core::notice::{NoticeCard, NoticeInput, compose};
use hippo_core::schedule::Recurrence;
use hippo_core::seal::{PrivateKeys, SealContext};
use hippo_core::testing::contract::sample;
use secrecy::SecretString;

/// Creates an account with 60 loans, a third of them due.
fn account() -> Account {
    let today: chrono::NaiveDate = "2026-11-21".parse().unwrap();
    let loans = (0..60)
        .map(|number| Loan {
            id: number.to_string(),
            title: format!("The {number}th Book of Quite Ordinary Length"),
            author: Some("Ambler, Ada".to_owned()),
            due: Some(today + chrono::Duration::days(number % 3 * 10 - 1)),
            renewals: Some(1),
            renewable: Some(number % 2 == 0),
            renewable_reason: None,
            digital: false,
            format: None,
            note: None,
            url: None,
        })
        .collect();
    Account {
        loans: Some(loans),
        holds: Some(Vec::new()),
        ..Account::unknown("sierra".parse().unwrap())
    }
}

fn parts(criterion: &mut Criterion) {
    let family = sample::family("conrad");
    let library = sample::library("wpl");
    let card = sample::card("conrad", "wpl", "a");
    let now = "2026-11-21T11:30:00Z".parse().unwrap();
    let cards = [NoticeCard {
        card: card.clone(),
        state: CardState {
            last_success_at: Some(now),
            ..CardState::default()
        },
        library,
        stored: Some(StoredAccount {
            read_at: now,
            account: account(),
        }),
    }];
    let input = NoticeInput {
        family: &family,
        date: "2026-11-21".parse().unwrap(),
        today: "2026-11-21".parse().unwrap(),
        now,
        cards: &cards,
        paused: &[],
        last_notice: None,
        operator_contact: None,
        links: None,
    };
    criterion.bench_function("compose a notice of 60 loans", |bencher| {
        bencher.iter(|| compose(&input).unwrap());
    });

    let rendered = compose(&input).unwrap().mail.unwrap();
    let mail = Mail {
        to: vec!["pat@example.org".parse().unwrap()],
        subject: rendered.subject,
        text: rendered.text,
        html: rendered.html,
        picture: None,
        date: now,
        message: None,
        tag: Some(MailTag {
            kind: MailKind::DAILY,
            family: family.id.clone(),
            date: input.date,
            fence: 1,
        }),
        unsubscribe: None,
    };
    let sender = Sender::new("hippo@example.org".parse().unwrap());
    criterion.bench_function("build its mail", |bencher| {
        bencher.iter(|| build(&mail, &sender).unwrap());
    });

    let keys = PrivateKeys::generate().unwrap();
    let secret = CardSecret {
        number: SecretString::from("29999000000001"),
        pin: SecretString::from("4711"),
    };
    let context = SealContext::new(card.id, &sample::library("wpl"));
    let sealed = keys.public_key().seal(&context, &secret).unwrap();
    criterion.bench_function("open a sealed number and PIN", |bencher| {
        bencher.iter(|| keys.open(&context, &sealed).unwrap());
    });
}

/// The next time of a schedule, and the times of a year.
fn schedules(criterion: &mut Criterion) {
    let now: DateTime<Utc> = "2026-11-21T11:30:00Z".parse().unwrap();
    let recurrence = |expression: &str| Recurrence {
        expression: expression.parse().unwrap(),
        zone: chrono_tz::America::Toronto,
    };
    for (name, expression) in [
        ("daily", "cron(0 5 * * ? *)"),
        ("in the last year", "cron(59 23 31 12 ? 2199)"),
        ("never, on 31 June", "cron(* * 31 4,6,9,11 ? *)"),
        ("never, as the clocks skip it", "cron(* 2 ? 3 1#2 *)"),
    ] {
        let next = || {
            let parsed = recurrence(expression);
            parsed.next_after(now)
        };
        criterion.bench_function(
            &format!("read a schedule and find its next run: {name}"),
            |bencher| {
                bencher.iter(next);
            },
        );
    }
    let minutes = recurrence("cron(* * * * ? *)");
    criterion.bench_function("list a year of minutes", |bencher| {
        bencher.iter(|| minutes.between(now, now + Duration::days(365)).len());
    });
}

criterion_group!(benches, parts, schedules);
criterion_main!(benches);
