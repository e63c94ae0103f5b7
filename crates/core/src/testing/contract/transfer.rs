//! Exporting from one store and importing into another.

use chrono::{DateTime, Duration, Utc};
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::Store;
use super::sample::{
    TestKeys, account, add_sealed_card, card_pause, card, check, date, export_store, failed, family, family_id,
    import, library, library_id, mark, notice, time,
};
use crate::card::Card;
use crate::failure::FailureKind;
use crate::ids::CardId;
use crate::notice::last_notice::LastNotice;
use crate::outbox::{MailKey, MailState, OutboxRecord};
use crate::testing::memory::MemoryStore;
use crate::store::{CheckStore, FamilyStore, LibraryStore, OutboxStore, WriteMode};
use crate::transfer::{ExportedCard, ImportReport, Transfer};

/// Cards, each with a history of its own.
const CARDS: u64 = 60;

/// Deterministic pseudo-random numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn clock(&mut self) -> String {
        format!("{:02}:{:02}:00", 6 + self.below(8), self.below(60))
    }
}

async fn imported(store: &dyn Store, keys: &TestKeys, transfer: &Transfer) -> ImportReport {
    let read = Transfer::parse(&transfer.to_json().unwrap()).unwrap();
    assert_eq!(read, *transfer);
    import(store, keys, &read, WriteMode::Write).await.unwrap()
}

/// Asserts that two documents are equal except for the envelopes, which every sealing changes.
#[track_caller]
fn assert_same(one: &Transfer, other: &Transfer, keys: &TestKeys) {
    assert_eq!(one.libraries, other.libraries);
    assert_eq!(one.families.len(), other.families.len());
    for (one, other) in one.families.iter().zip(&other.families) {
        assert_eq!(one.family, other.family);
        assert_eq!(one.notices, other.notices);
        assert_eq!(one.cards.len(), other.cards.len());
        for (one, other) in one.cards.iter().zip(&other.cards) {
            let open = |card: &ExportedCard| {
                let secret = keys.open(card.id, &library(card.library.as_str()), &card.sealed).unwrap();
                let number = secret.number.expose_secret().to_owned();
                (number, secret.pin.expose_secret().to_owned())
            };
            assert_eq!(open(one), open(other));
            let same_seal = ExportedCard {
                sealed: other.sealed.clone(),
                ..one.clone()
            };
            assert_eq!(same_seal, *other);
        }
    }
}

async fn seal_and_add(store: &dyn Store, keys: &TestKeys, number: u64, card: Card) -> Card {
    let (number, pin) = (format!("2999900000{number:04}"), format!("pin-{number}"));
    add_sealed_card(store, keys, card, &number, &pin).await
}

/// Applies one random action to a card: a check, a login mark, a retry or a pause.
async fn apply_random_action(store: &dyn Store, card: &Card, dice: &mut Dice) {
    let started = dice.clock();
    match dice.below(12) {
        0..=2 => {
            let cents = i64::try_from(dice.below(3)).unwrap();
            let good = check(card, &started, Ok(account(cents)));
            store.save_check(&good).await.unwrap();
        }
        3..=4 => {
            let wrong = check(card, &started, failed(FailureKind::WrongCredentials));
            store.save_check(&wrong).await.unwrap();
        }
        5 => {
            let down = check(card, &started, failed(FailureKind::SiteDown));
            store.save_check(&down).await.unwrap();
        }
        6..=7 => {
            let skipped = check(card, &started, failed(FailureKind::NotTried));
            store.save_check(&skipped).await.unwrap();
        }
        8..=9 => {
            let mark = mark(Uuid::new_v4(), "2026-11-21");
            store.begin_login(&card.key(), &mark).await.unwrap();
        }
        10 => store.allow_retry(card.id).await.unwrap(),
        _ => {
            let pause = match dice.below(3) {
                0 => None,
                1 => Some(card_pause(None)),
                _ => Some(card_pause(Some("2026-11-30"))),
            };
            store.set_pause(card.id, pause.as_ref()).await.unwrap();
        }
    }
}

fn in_state(family: &str, day: &str, state: MailState, now: DateTime<Utc>) -> OutboxRecord {
    let planned = notice(family, day);
    let claimed = planned.claim(Uuid::new_v4(), now).unwrap();
    let sending = claimed.begin_sending("hash".to_owned(), &[], now).unwrap();
    match state {
        MailState::Pending => sending.refused_for_now("later".to_owned(), now).unwrap(),
        MailState::Claimed => claimed,
        MailState::Sending => sending.unknown("silence".to_owned()).unwrap(),
        MailState::Sent => sending.accepted("<1@here>".to_owned(), now).unwrap(),
        _ => claimed.skip(None, now).unwrap(),
    }
}

/// A store with families, libraries, cards of every history, and notices in every state.
async fn used_store(keys: &TestKeys) -> MemoryStore {
    let store = MemoryStore::default();
    for id in ["wpl", "kpl"] {
        store.add_library(&library(id)).await.unwrap();
    }
    store
        .back_off(&library_id("kpl"), time("21:00:00"), time("05:50:00"))
        .await
        .unwrap();
    for id in ["conrad", "other", "without-cards"] {
        store.add_family(&family(id)).await.unwrap();
    }
    let mut dice = Dice(20_261_121);
    for number in 0..CARDS {
        let family = ["conrad", "other"][usize::try_from(number % 2).unwrap()];
        let library = ["wpl", "kpl"][usize::try_from(dice.below(2)).unwrap()];
        let card = seal_and_add(&store, keys, number, card(family, library, "")).await;
        for _ in 0..dice.below(12) {
            apply_random_action(&store, &card, &mut dice).await;
        }
    }
    let last_notice = LastNotice {
        ready_holds: ["card/hold".to_owned()].into(),
        ..LastNotice::default()
    };
    let states = [
        ("2026-11-21", MailState::Sending),
        ("2026-11-20", MailState::Claimed),
        ("2026-11-19", MailState::Pending),
        ("2026-11-18", MailState::Skipped),
        ("2026-11-17", MailState::Sent),
        ("2026-11-16", MailState::Sent),
    ];
    for (day, state) in states {
        let record = in_state("conrad", day, state, time("06:31:00"));
        assert!(store.plan_mail(&record).await.unwrap());
    }
    // The newest sent mail has no last notice on record; the one before has.
    let sent = store
        .mail(&MailKey::daily(family_id("conrad"), date("2026-11-16")))
        .await
        .unwrap()
        .unwrap();
    let replaced = store.replace_mail(sent.revision, &sent, Some(&last_notice)).await;
    assert!(replaced.unwrap());
    store
}

pub(super) async fn imported_store_exports_the_same(store: &dyn Store) {
    let (source_keys, destination_keys) = (TestKeys::generate(), TestKeys::generate());
    let source = used_store(&source_keys).await;
    let moved = export_store(&source, &source_keys, &destination_keys).await;
    let report = imported(store, &destination_keys, &moved).await;
    assert_eq!(report.differences, []);
    assert_eq!(report.cards.added, usize::try_from(CARDS).unwrap());
    assert_eq!(report.notices.added, 6);

    let again = export_store(store, &destination_keys, &destination_keys).await;
    assert_same(&again, &moved, &destination_keys);
    let conrad = family_id("conrad");
    let last_notice = store.last_sent_notice(&conrad).await.unwrap();
    assert_eq!(last_notice, source.last_sent_notice(&conrad).await.unwrap());
    assert!(last_notice.is_some());
}

pub(super) async fn second_import_changes_nothing(store: &dyn Store) {
    let (source_keys, destination_keys) = (TestKeys::generate(), TestKeys::generate());
    let source = used_store(&source_keys).await;
    let moved = export_store(&source, &source_keys, &destination_keys).await;
    imported(store, &destination_keys, &moved).await;
    let before = export_store(store, &destination_keys, &destination_keys).await;
    // A second export seals everything again; the content is equal.
    let report = imported(store, &destination_keys, &export_store(&source, &source_keys, &destination_keys).await).await;
    assert_eq!(report.differences, []);
    assert_eq!(report.cards.unchanged, usize::try_from(CARDS).unwrap());
    assert_eq!(report.notices.unchanged, 6);
    let after = export_store(store, &destination_keys, &destination_keys).await;
    assert_same(&after, &before, &destination_keys);
}

pub(super) async fn import_keeps_what_is_newer_and_takes_it_back(store: &dyn Store) {
    let (source_keys, destination_keys) = (TestKeys::generate(), TestKeys::generate());
    let source = used_store(&source_keys).await;
    let moved = export_store(&source, &source_keys, &destination_keys).await;
    imported(store, &destination_keys, &moved).await;
    // The destination checks every card and finalises a notice; then the old document is imported again.
    let conrad = family_id("conrad");
    for (record, _) in store.load_family(&conrad).await.unwrap().unwrap().cards {
        let good = check(&record.card, "19:00:00", Ok(account(9_99)));
        store.save_check(&good).await.unwrap();
    }
    let open = store
        .mail(&MailKey::daily(conrad.clone(), date("2026-11-19")))
        .await
        .unwrap();
    let open = open.unwrap().without_delay();
    let later = time("20:00:00") + Duration::minutes(5);
    let claimed = open.claim(Uuid::new_v4(), later).unwrap();
    let skipped = OutboxRecord {
        revision: open.revision + 1,
        ..claimed.skip(None, later).unwrap()
    };
    let replaced = store.replace_mail(open.revision, &skipped, None).await;
    assert!(replaced.unwrap());
    let lived_on = export_store(store, &destination_keys, &source_keys).await;
    let report = imported(store, &destination_keys, &moved).await;
    assert_eq!(report.differences, []);
    assert_eq!((report.cards.completed, report.notices.completed), (0, 0));
    let still = export_store(store, &destination_keys, &source_keys).await;
    assert_same(&still, &lived_on, &source_keys);

    // Move everything back to the unchanged source.
    let report = imported(&source, &source_keys, &lived_on).await;
    assert_eq!(report.differences, []);
    assert!(report.cards.completed >= 20, "{report:?}");
    assert_eq!(report.notices.completed, 1);
    let back = export_store(&source, &source_keys, &source_keys).await;
    assert_same(&back, &lived_on, &source_keys);
}

pub(super) async fn removed_family_is_imported_with_its_last_notice(store: &dyn Store) {
    let (source_keys, destination_keys) = (TestKeys::generate(), TestKeys::generate());
    let conrad = family_id("conrad");
    let moved = export_store(&used_store(&source_keys).await, &source_keys, &destination_keys).await;
    imported(store, &destination_keys, &moved).await;
    let last_notice = store.last_sent_notice(&conrad).await.unwrap();
    assert!(last_notice.is_some());
    store.remove_family(&conrad).await.unwrap();
    let report = imported(store, &destination_keys, &moved).await;
    assert_eq!(report.differences, []);
    assert_eq!(store.last_sent_notice(&conrad).await.unwrap(), last_notice);
    for day in ["2026-11-16", "2026-11-17"] {
        let sent = store
            .mail(&MailKey::daily(conrad.clone(), date(day)))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(sent.state, MailState::Sent);
    }
}

pub(super) async fn import_reports_and_keeps_what_differs(store: &dyn Store) {
    let (source_keys, destination_keys) = (TestKeys::generate(), TestKeys::generate());
    let source = MemoryStore::default();
    for id in ["kpl", "wpl"] {
        source.add_library(&library(id)).await.unwrap();
        store.add_library(&library(id)).await.unwrap();
    }
    let other_entry = crate::library::Library {
        date_format: Some("%d/%m/%Y".to_owned()),
        ..library("kpl")
    };
    store.update_library(&other_entry).await.unwrap();
    for id in ["conrad", "other", "third"] {
        source.add_family(&family(id)).await.unwrap();
    }
    let others = crate::family::Family {
        name: "Other people".to_owned(),
        ..family("other")
    };
    store.add_family(&others).await.unwrap();
    store.add_family(&family("conrad")).await.unwrap();

    let of_kpl = seal_and_add(&source, &source_keys, 1, card("conrad", "kpl", "")).await;
    let another_pin = seal_and_add(&source, &source_keys, 2, card("conrad", "wpl", "")).await;
    let another_card = seal_and_add(&source, &source_keys, 3, card("conrad", "wpl", "")).await;
    let awake = seal_and_add(&source, &source_keys, 4, card("conrad", "wpl", "")).await;
    seal_and_add(&source, &source_keys, 5, card("other", "wpl", "")).await;
    let good = seal_and_add(&source, &source_keys, 6, card("third", "wpl", "")).await;
    let read = check(&good, "08:00:00", Ok(account(5)));
    source.save_check(&read).await.unwrap();

    add_sealed_card(store, &destination_keys, another_pin.clone(), "29999000000002", "another").await;
    seal_and_add(store, &destination_keys, 3, card("conrad", "wpl", "")).await;
    let paused = Card {
        pause: Some(card_pause(None)),
        ..awake.clone()
    };
    seal_and_add(store, &destination_keys, 4, paused).await;

    let before = export_store(store, &destination_keys, &destination_keys).await;
    let moved = export_store(&source, &source_keys, &destination_keys).await;
    let report = imported(store, &destination_keys, &moved).await;
    let mut reported: Vec<String> = report.differences.iter().map(|one| one.id.clone()).collect();
    let mut expected = vec!["kpl".to_owned(), "other".to_owned()];
    for card in [&of_kpl, &another_pin, &another_card, &awake] {
        expected.push(card.id.to_string());
    }
    reported.sort();
    expected.sort();
    assert_eq!(reported, expected);
    assert_eq!((report.cards.added, report.cards.different), (1, 5));
    let mut after = export_store(store, &destination_keys, &destination_keys).await;
    after.families.retain(|one| one.family.id != family_id("third"));
    assert_same(&after, &before, &destination_keys);
    let third = store.card(good.id).await.unwrap().unwrap();
    assert_eq!(third.state.last_success_at, Some(read.started_at));
    assert!(store.card(CardId::generate()).await.unwrap().is_none());
}
