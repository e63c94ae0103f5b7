//! Kills the real command at random moments while it sends over a slow SMTP connection.
//!
//! Each day some families are due at once, and `hippo notify-all` is killed while it sends. Then it runs again at later
//! times until no mail is open. `HIPPO_KILLS` sets the number of days, with one kill each; `HIPPO_SEED` repeats an earlier
//! run.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, Utc};
use hippo_core::outbox::{MailKey, MailState, OutboxRecord};
use hippo_core::store::{CheckStore as _, FamilyStore as _, LibraryStore as _, OutboxStore as _};
use hippo_core::testing::contract::sample;
use hippo_local::sqlite::SqliteStore;
use hippo_tests::smtp::{Numbers, Smtp};
use hippo_tests::{Home, finish};

const SIGKILL: i32 = 9;

/// The transport of the mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Destination {
    Smtp,
    Folder,
}

/// The number of families that are due each day.
const FAMILIES: usize = 5;

/// The longest pause of the server in one conversation.
const MAX_PAUSE: Duration = Duration::from_millis(300);

/// The later runs, in minutes after the first: after a lease, and after the wait for a delivery event.
const RECOVERY_MINUTES: [i64; 4] = [6, 16, 31, 46];

/// The counts of all days.
#[derive(Debug, Default)]
struct Tally {
    kills: usize,
    mails: usize,
    sent: usize,
    given_up: usize,
    /// Mails that were SENDING when the worker was killed.
    in_doubt: usize,
    /// Mails that were given up although the server never received the whole message.
    given_up_unsent: usize,
}

fn family_id(number: usize) -> String {
    format!("family-{number}")
}

fn day(number: u64) -> NaiveDate {
    let first: NaiveDate = "2026-11-21".parse().unwrap();
    first.checked_add_days(chrono::Days::new(number)).unwrap()
}

/// Returns a tick after 06:30 in Toronto, when the notices of a day are due.
fn tick(number: u64, minutes: i64) -> DateTime<Utc> {
    let at = day(number).and_hms_opt(11, 40, 0).unwrap().and_utc();
    at + chrono::Duration::minutes(minutes)
}

/// Creates a home whose families get a notice every day.
async fn home(destination: Destination, smtp: &Smtp) -> Home {
    let home = Home::new();
    let transport = match destination {
        Destination::Smtp => format!(
            "transport = \"smtp\"\n[mail.smtp]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n",
            smtp.port()
        ),
        Destination::Folder => "transport = \"folder\"\n".to_owned(),
    };
    let config = format!(
        "timezone = \"America/Toronto\"\n[mail]\nfrom = \"hippo@example.org\"\n{transport}"
    );
    std::fs::write(home.path().join("config.toml"), config).unwrap();
    let store = store(&home);
    store.add_library(&sample::library("wpl")).await.unwrap();
    for number in 0..FAMILIES {
        let id = family_id(number);
        let mut family = sample::family(&id);
        family.recipients = vec![format!("{id}@example.org").parse().unwrap()];
        store.add_family(&family).await.unwrap();
        // The loan is overdue from the first day on.
        let card = sample::add_card(&store, sample::card(&id, "wpl", &id)).await;
        let check = sample::check(&card, "06:00:00", Ok(sample::account(0)));
        store.save_check(&check).await.unwrap();
    }
    home
}

fn store(home: &Home) -> SqliteStore {
    SqliteStore::open(&home.path().join("hippo.db")).unwrap()
}

/// Returns each family's record of a day.
async fn records(home: &Home, day: NaiveDate) -> BTreeMap<String, Option<OutboxRecord>> {
    let store = store(home);
    let mut records = BTreeMap::new();
    for number in 0..FAMILIES {
        let id = family_id(number);
        let key = MailKey::daily(id.parse().unwrap(), day);
        records.insert(id, store.mail(&key).await.unwrap());
    }
    records
}

/// Counts the received mails by family and day, from their `Message-ID`.
fn count_received(
    home: &Home,
    smtp: &Smtp,
    destination: Destination,
) -> BTreeMap<(String, NaiveDate), usize> {
    let mails: Vec<String> = match destination {
        Destination::Smtp => smtp.mails(),
        Destination::Folder => home.mails().into_iter().map(|(_, mail)| mail).collect(),
    };
    let mut counts = BTreeMap::new();
    for mail in mails {
        let id = mail
            .lines()
            .find_map(|line| line.strip_prefix("Message-ID: <daily."))
            .expect("a Message-ID");
        let mut parts = id.split('.');
        let family = parts.next().unwrap().to_owned();
        let date = parts.next().unwrap().parse().unwrap();
        *counts.entry((family, date)).or_default() += 1;
    }
    counts
}

/// Runs one day: kills a run after `kill_after`, then runs again until every mail is final.
async fn run_day(
    home: &mut Home,
    smtp: &Smtp,
    destination: Destination,
    number: u64,
    kill_after: Duration,
    tally: &mut Tally,
) {
    let day = day(number);
    home.set_now(&tick(number, 0).to_rfc3339());
    let mut child = home.command(&["notify-all"]).spawn().unwrap();
    thread::sleep(kill_after);
    // A run that has already ended is not killed.
    let _ = child.kill();
    let ended = child.wait_with_output().unwrap();
    tally.kills += usize::from(ended.status.signal() == Some(SIGKILL));
    let at_kill = records(home, day).await;

    for minutes in RECOVERY_MINUTES {
        home.set_now(&tick(number, minutes).to_rfc3339());
        finish(home.command(&["notify-all"]).spawn().unwrap());
        let is_over = |record: &Option<OutboxRecord>| {
            record
                .as_ref()
                .is_some_and(|record| record.state.is_final())
        };
        if records(home, day).await.values().all(is_over) {
            break;
        }
    }

    if destination == Destination::Smtp {
        // The slow server may not have read all that the killed run wrote.
        thread::sleep(MAX_PAUSE);
    }
    let received = count_received(home, smtp, destination);
    for (family, record) in records(home, day).await {
        let record = record.expect("a record");
        let key = (family.clone(), day);
        let mails = received.get(&key).copied().unwrap_or_default();
        let before = at_kill[&family].as_ref().map(|record| record.state);
        let end = format!(
            "{family} of {day}, killed after {kill_after:?} in {before:?}: {:?} with {mails} mails",
            record.state
        );
        tally.mails += 1;
        let was_in_doubt = before == Some(MailState::Sending);
        tally.in_doubt += usize::from(was_in_doubt);
        match record.state {
            MailState::Sent => {
                assert_eq!(mails, 1, "{end}");
                tally.sent += 1;
            }
            MailState::GaveUp => {
                assert!(mails <= 1, "{end}");
                assert!(was_in_doubt, "given up without a durable SENDING: {end}");
                // With a folder, the files tell whether it was sent.
                assert_eq!(destination, Destination::Smtp, "{end}");
                tally.given_up += 1;
                tally.given_up_unsent += usize::from(mails == 0);
            }
            _ => panic!("{end}"),
        }
    }
}

async fn run(destination: Destination, default_kills: u64) {
    let days = std::env::var("HIPPO_KILLS").map_or(default_kills, |days| days.parse().unwrap());
    let seed = std::env::var("HIPPO_SEED").map_or_else(
        |_| u64::try_from(Utc::now().timestamp_micros()).unwrap(),
        |seed| seed.parse().unwrap(),
    );
    println!("HIPPO_SEED={seed}");
    let mut numbers = Numbers::new(seed);
    let smtp = Smtp::start_slow(MAX_PAUSE, seed);
    let mut home = home(destination, &smtp).await;
    // Measures a day without a kill.
    home.set_now(&tick(0, 0).to_rfc3339());
    let began = Instant::now();
    finish(home.command(&["notify-all"]).spawn().unwrap()).expect_code(0);
    let longest = u64::try_from(began.elapsed().as_micros()).unwrap();
    assert_eq!(count_received(&home, &smtp, destination).len(), FAMILIES);

    let mut tally = Tally::default();
    let began = Instant::now();
    for number in 1..=days {
        let kill_after = Duration::from_micros(numbers.below(longest));
        run_day(
            &mut home,
            &smtp,
            destination,
            number,
            kill_after,
            &mut tally,
        )
        .await;
    }
    println!(
        "{destination:?}: {tally:?} in {:.1} s",
        began.elapsed().as_secs_f64()
    );
    assert_eq!(tally.sent + tally.given_up, tally.mails);
    assert!(tally.kills > 0, "no run was killed");
    // A share is meaningful only for many mails.
    if tally.mails >= 500 {
        assert!(tally.given_up_unsent * 50 <= tally.mails, "{tally:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_smtp_command_sends_once_or_gives_up_in_doubt() {
    run(Destination::Smtp, 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_mail_folder_command_sends_every_mail_once() {
    run(Destination::Folder, 6).await;
}
