//! What doesn't depend on the store; the stores' contract has the rest.

use rstest::rstest;
use uuid::Uuid;

use super::*;
use crate::card::Card;
use crate::failure::FailureKind;
use crate::jobs::check_cards::key_cache::KeyCache;
use crate::outbox::MailState;
use crate::store::{
    CardStore, CheckStore, FamilyStore, LibraryStore, OutboxStore, SecretStore, Store, WriteMode,
};
use crate::testing::contract::sample::{self, TestKeys, export_store, import};
use crate::testing::memory::MemoryStore;

const NUMBER: &str = "29999123456789";
const PIN: &str = "canary-4711";

fn check<'a>(
    transfer: &'a Transfer,
    keys: &'a TestKeys,
) -> Result<CheckedTransfer<'a>, TransferError> {
    CheckedTransfer::new(transfer, &keys.private, &keys.fingerprint, &[])
}

async fn add_card(store: &dyn Store, keys: &TestKeys, family: &str, number: &str) -> Card {
    let card = sample::card(family, "wpl", "");
    sample::add_sealed_card(store, keys, card, number, PIN).await
}

/// A family with two cards and a sent notice. One card was read once, then refused; the other was
/// refused and may be tried again. Both are paused, and a login of each was begun and never settled.
async fn used_store(keys: &TestKeys) -> MemoryStore {
    let store = MemoryStore::default();
    store.add_library(&sample::library("wpl")).await.unwrap();
    store.add_family(&sample::family("conrad")).await.unwrap();
    let card = add_card(&store, keys, "conrad", NUMBER).await;
    let good = sample::check(&card, "06:00:00", Ok(sample::account(5)));
    store.save_check(&good).await.unwrap();
    let mark = sample::mark(Uuid::new_v4(), "2026-11-21");
    assert!(store.begin_login(&card.key(), &mark).await.unwrap());
    let holiday = sample::card_pause(Some("2026-11-30"));
    store.set_pause(card.id, Some(&holiday)).await.unwrap();
    for (time, kind) in [
        ("07:00:00", FailureKind::WrongCredentials),
        ("08:00:00", FailureKind::SiteDown),
    ] {
        let check = sample::check(&card, time, sample::failed(kind));
        store.save_check(&check).await.unwrap();
    }
    let retried = add_card(&store, keys, "conrad", &format!("{NUMBER}0")).await;
    let wrong = sample::failed(FailureKind::WrongCredentials);
    let wrong = sample::check(&retried, "07:00:00", wrong);
    store.save_check(&wrong).await.unwrap();
    store.allow_retry(retried.id).await.unwrap();
    assert!(store.begin_login(&retried.key(), &mark).await.unwrap());
    let open = sample::card_pause(None);
    store.set_pause(retried.id, Some(&open)).await.unwrap();
    let sent = OutboxRecord {
        state: MailState::Sent,
        revision: 3,
        ..sample::notice("conrad", "2026-11-21")
    };
    store.plan_mail(&sent).await.unwrap();
    let last_notice = LastNotice {
        ready_holds: ["card/hold".to_owned()].into(),
        ..LastNotice::default()
    };
    store
        .replace_mail(3, &sent, Some(&last_notice))
        .await
        .unwrap();
    store
}

#[tokio::test]
async fn document_and_debug_output_hold_no_number_and_no_pin() {
    let (source_keys, destination_keys) = (TestKeys::generate(), TestKeys::generate());
    let transfer = export_store(
        &used_store(&source_keys).await,
        &source_keys,
        &destination_keys,
    )
    .await;
    let text = transfer.to_json().unwrap();
    for secret in [NUMBER, PIN, "canary", &NUMBER[4..]] {
        assert!(!text.contains(secret));
        assert!(!text.contains(&hex(secret)));
    }
    assert!(text.contains("zoe@example.org"), "people do stand in it");
    let checked = check(&transfer, &destination_keys).unwrap();
    let shown = format!("{transfer:?} {:?} {checked:?}", transfer.families);
    for secret in [NUMBER, PIN, "zoe@", "Robin", "Ønskes", "Lantern"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    // The source's key opens nothing; the destination's key does.
    let card = &transfer.families[0].cards[0];
    let wpl = sample::library("wpl");
    assert!(source_keys.open(card.id, &wpl, &card.sealed).is_err());
    assert!(destination_keys.open(card.id, &wpl, &card.sealed).is_ok());
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn document_for_another_key_is_refused_with_both_keys() {
    let (source_keys, destination_keys) = (TestKeys::generate(), TestKeys::generate());
    let transfer = export_store(
        &used_store(&source_keys).await,
        &source_keys,
        &destination_keys,
    )
    .await;
    let store = MemoryStore::default();
    let error = import(&store, &source_keys, &transfer, WriteMode::Write)
        .await
        .unwrap_err();
    assert!(matches!(error, TransferError::SealedForAnotherKey { .. }));
    let message = error.to_string();
    assert!(
        message.contains(&destination_keys.private.current().0)
            && message.contains(&source_keys.private.current().0)
    );
    assert_eq!(store.libraries().await.unwrap(), []);
}

#[tokio::test]
async fn export_opens_after_rotation_while_the_old_key_is_kept() {
    let (source_keys, destination_keys) = (TestKeys::generate(), TestKeys::generate());
    let transfer = export_store(
        &used_store(&source_keys).await,
        &source_keys,
        &destination_keys,
    )
    .await;
    let both = destination_keys.rotated();
    assert!(check(&transfer, &both).is_ok());
    let new = TestKeys {
        private: both.private.with_current_key_only(),
        ..both
    };
    assert!(check(&transfer, &new).is_err());
}

#[tokio::test]
async fn broken_document_is_refused_without_repeating_its_text() {
    let (source_keys, destination_keys) = (TestKeys::generate(), TestKeys::generate());
    let transfer = export_store(
        &used_store(&source_keys).await,
        &source_keys,
        &destination_keys,
    )
    .await;
    let text = transfer.to_json().unwrap();
    let whole = text.trim_end().len();
    for length in (0..whole).filter(|length| text.is_char_boundary(*length)) {
        let error = Transfer::parse(&text[..length]).unwrap_err();
        assert!(matches!(error, TransferError::CutOff { .. }), "{error:?}");
    }
    let spoilt = text.replace("\"zoe@example.org\"", "\"zoe-at-example\"");
    let error = Transfer::parse(&spoilt).unwrap_err();
    assert!(matches!(error, TransferError::Malformed { .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("zoe"));
}

#[rstest]
#[case("{}")]
#[case(r#"{"format":"another","version":1}"#)]
#[case(r#"{"libraries":[],"families":[]}"#)]
#[case("[1]")]
fn document_of_another_format_is_refused(#[case] text: &str) {
    assert!(matches!(
        Transfer::parse(text),
        Err(TransferError::NotATransfer)
    ));
}

#[test]
fn newer_version_is_refused_even_with_unknown_fields() {
    let text = format!(r#"{{"format":"{FORMAT}","version":2,"families":"elsewhere"}}"#);
    let error = Transfer::parse(&text).unwrap_err();
    assert!(matches!(error, TransferError::Newer { version: 2 }));
    assert!(error.to_string().contains("Update this one"));
}

#[rstest]
#[case("\n  {\"format\": 1}", true)]
#[case("[[library]]\nid = \"wpl\"", false)]
#[case("# {\n", false)]
#[case("", false)]
fn first_character_tells_a_document_from_toml(#[case] text: &str, #[case] expected: bool) {
    assert_eq!(is_transfer(text), expected);
}

#[tokio::test]
async fn every_contradiction_in_a_document_is_found() {
    let (source_keys, destination_keys) = (TestKeys::generate(), TestKeys::generate());
    let good = export_store(
        &used_store(&source_keys).await,
        &source_keys,
        &destination_keys,
    )
    .await;
    let broken = |change: &dyn Fn(&mut Transfer)| {
        let mut transfer = good.clone();
        change(&mut transfer);
        transfer
    };
    let cases = [
        (
            "is of the library “wpl”, which isn't in the file",
            broken(&|transfer| transfer.libraries.clear()),
        ),
        (
            "don't open",
            broken(&|transfer| transfer.families[0].cards[0].sealed.ciphertext[0] ^= 1),
        ),
        (
            "sealed with another key",
            broken(&|transfer| {
                transfer.families[0].cards[0].sealed.key = source_keys.private.current()
            }),
        ),
        (
            "don't open",
            broken(&|transfer| transfer.families[0].cards[0].id = CardId::generate()),
        ),
        (
            "don't open for the hosts of “wpl” in the file, https://evil.example.org",
            broken(&|transfer| {
                transfer.libraries[0].library.base_url =
                    "https://evil.example.org".parse().unwrap();
                transfer.libraries[0].library.login_hosts.clear();
            }),
        ),
        (
            "don't open",
            broken(&|transfer| {
                let hosts = &mut transfer.libraries[0].library.login_hosts;
                hosts.push("evil.example.org".to_owned());
            }),
        ),
        (
            "belongs to another family",
            broken(&|transfer| {
                transfer.families[0].notices[0].record.family = sample::family_id("other");
            }),
        ),
        (
            "The family “conrad” is in the file twice",
            broken(&|transfer| transfer.families.extend_from_within(..)),
        ),
        (
            "The library “wpl” is in the file twice",
            broken(&|transfer| transfer.libraries.extend_from_within(..)),
        ),
        (
            "has the same number as another card",
            broken(&|transfer| transfer.families[0].cards.extend_from_within(..1)),
        ),
        (
            "for 2026-11-21 is in the file twice",
            broken(&|transfer| transfer.families[0].notices.extend_from_within(..)),
        ),
    ];
    for (expected, transfer) in cases {
        let error = check(&transfer, &destination_keys).unwrap_err();
        let message = error.to_string();
        assert!(matches!(error, TransferError::Unsound(_)), "{message}");
        assert!(message.contains(expected), "{expected}: {message}");
        assert!(!message.contains(PIN) && !message.contains(NUMBER));
    }
}

#[tokio::test]
async fn library_with_other_hosts_stops_the_import() {
    let (source_keys, destination_keys) = (TestKeys::generate(), TestKeys::generate());
    let transfer = export_store(
        &used_store(&source_keys).await,
        &source_keys,
        &destination_keys,
    )
    .await;
    let store = MemoryStore::default();
    let mut moved_site = sample::library("wpl");
    moved_site.base_url = "https://elsewhere.example.org".parse().unwrap();
    store.add_library(&moved_site).await.unwrap();
    let error = import(&store, &destination_keys, &transfer, WriteMode::Write)
        .await
        .unwrap_err();
    assert!(matches!(error, TransferError::OtherHosts(_)), "{error}");
    let message = error.to_string();
    for host in ["books.example.org", "elsewhere.example.org"] {
        assert!(message.contains(host), "{message}");
    }
    assert_eq!(store.families().await.unwrap(), []);

    // The same hosts in another spelling are accepted. Other differences of the entry are only reported.
    let mut same_hosts = sample::library("wpl");
    same_hosts.login_hosts = vec!["LOGIN.example.org:443".to_owned()];
    store.update_library(&same_hosts).await.unwrap();
    let report = import(&store, &destination_keys, &transfer, WriteMode::Write)
        .await
        .unwrap();
    assert_eq!(report.libraries.different, 1);
}

#[tokio::test]
async fn login_origins_are_those_of_libraries_with_cards() {
    let (source_keys, destination_keys) = (TestKeys::generate(), TestKeys::generate());
    let store = used_store(&source_keys).await;
    store.add_library(&sample::library("unused")).await.unwrap();
    let transfer = export_store(&store, &source_keys, &destination_keys).await;
    let origins = check(&transfer, &destination_keys).unwrap().login_origins();
    let stated: Vec<String> = origins
        .iter()
        .map(|(library, origins)| format!("{library}: {origins}"))
        .collect();
    assert_eq!(
        stated,
        ["wpl: https://books.example.org, https://login.example.org"]
    );
}

#[tokio::test]
async fn next_import_completes_one_interrupted_at_any_write() {
    let (source_keys, destination_keys) = (TestKeys::generate(), TestKeys::generate());
    let source = used_store(&source_keys).await;
    let transfer = export_store(&source, &source_keys, &destination_keys).await;
    let mut interrupted = 0;
    loop {
        let store = MemoryStore::default();
        store.limit_writes(Some(interrupted));
        let first = import(&store, &destination_keys, &transfer, WriteMode::Write).await;
        store.limit_writes(None);
        if first.is_ok() {
            break;
        }
        let report = import(&store, &destination_keys, &transfer, WriteMode::Write)
            .await
            .unwrap();
        assert_eq!(report.differences, [], "after {interrupted} writes");
        let moved = export_store(&store, &destination_keys, &destination_keys).await;
        let (moved, expected) = (&moved.families[0], &transfer.families[0]);
        assert_eq!(
            moved.notices, expected.notices,
            "after {interrupted} writes"
        );
        for (moved, expected) in moved.cards.iter().zip(&expected.cards) {
            assert_eq!(moved.state, expected.state, "after {interrupted} writes");
            assert_eq!(moved.pause, expected.pause, "after {interrupted} writes");
            assert_eq!(moved.account, expected.account);
        }
        interrupted += 1;
    }
    assert!(interrupted > 5, "{interrupted} writes only");
}

#[tokio::test]
async fn dry_run_reports_the_same_and_writes_nothing() {
    let (source_keys, destination_keys) = (TestKeys::generate(), TestKeys::generate());
    let transfer = export_store(
        &used_store(&source_keys).await,
        &source_keys,
        &destination_keys,
    )
    .await;
    let store = MemoryStore::default();
    let dry_run = async || {
        store.limit_writes(Some(0));
        let report = import(&store, &destination_keys, &transfer, WriteMode::DryRun).await;
        store.limit_writes(None);
        report.unwrap()
    };
    let planned = dry_run().await;
    assert_eq!((planned.families.added, planned.cards.added), (1, 2));
    let done = import(&store, &destination_keys, &transfer, WriteMode::Write).await;
    assert_eq!(planned, done.unwrap());
    let again = dry_run().await;
    assert_eq!((again.cards.added, again.cards.unchanged), (0, 2));
}

#[tokio::test]
async fn import_keeps_a_retry_allowed_at_the_destination() {
    let (source_keys, destination_keys) = (TestKeys::generate(), TestKeys::generate());
    let source = MemoryStore::default();
    source.add_library(&sample::library("wpl")).await.unwrap();
    source.add_family(&sample::family("conrad")).await.unwrap();
    let card = add_card(&source, &source_keys, "conrad", NUMBER).await;
    let wrong = sample::failed(FailureKind::WrongCredentials);
    source
        .save_check(&sample::check(&card, "06:00:00", wrong))
        .await
        .unwrap();
    let transfer = export_store(&source, &source_keys, &destination_keys).await;
    let store = MemoryStore::default();
    import(&store, &destination_keys, &transfer, WriteMode::Write)
        .await
        .unwrap();
    let state = store.card(card.id).await.unwrap().unwrap().state;
    assert!(state.refused_since.is_some());
    store.allow_retry(card.id).await.unwrap();
    let report = import(&store, &destination_keys, &transfer, WriteMode::Write)
        .await
        .unwrap();
    assert_eq!(report.differences.len(), 1);
    let state = store.card(card.id).await.unwrap().unwrap().state;
    assert_eq!(state.refused_since, None);
}

#[tokio::test]
async fn export_stops_and_names_the_card_that_does_not_open() {
    let (source_keys, destination_keys) = (TestKeys::generate(), TestKeys::generate());
    let store = used_store(&source_keys).await;
    let stranger = TestKeys::generate();
    let keys = KeyCache::new(&stranger);
    let now = sample::time("20:00:00");
    let error = export(
        &store,
        &keys,
        destination_keys.private.public_key(),
        now,
        &|_| {},
    )
    .await
    .unwrap_err();
    let card = store.cards_with_secrets().await.unwrap()[0];
    let message = error.to_string();
    assert!(
        message.contains(&card.to_string()) && message.contains("“conrad”"),
        "{message}"
    );
}

#[tokio::test]
async fn old_notices_are_exported_only_if_open_or_last_sent() {
    let keys = TestKeys::generate();
    let store = MemoryStore::default();
    store.add_family(&sample::family("conrad")).await.unwrap();
    for (day, state) in [
        ("2026-08-01", MailState::Sent),
        ("2026-08-02", MailState::Sent),
        ("2026-08-03", MailState::Sending),
        ("2026-08-04", MailState::Skipped),
        ("2026-10-17", MailState::Skipped),
        ("2026-11-20", MailState::Skipped),
    ] {
        let record = OutboxRecord {
            state,
            ..sample::notice("conrad", day)
        };
        store.plan_mail(&record).await.unwrap();
    }
    let moved = export_store(&store, &keys, &keys).await;
    let dates: Vec<String> = moved.families[0]
        .notices
        .iter()
        .map(|notice| notice.record.date.to_string())
        .collect();
    assert_eq!(
        dates,
        ["2026-08-02", "2026-08-03", "2026-10-17", "2026-11-20"]
    );
}

#[tokio::test]
async fn thousand_families_are_exported_and_imported() {
    let (source_keys, destination_keys) = (TestKeys::generate(), TestKeys::generate());
    let source = MemoryStore::default();
    source.add_library(&sample::library("wpl")).await.unwrap();
    for index in 0..1000 {
        let id = format!("family-{index}");
        source.add_family(&sample::family(&id)).await.unwrap();
        let card = add_card(&source, &source_keys, &id, &format!("2999{index:04}")).await;
        let good = sample::check(&card, "06:00:00", Ok(sample::account(index)));
        source.save_check(&good).await.unwrap();
    }
    let transfer = export_store(&source, &source_keys, &destination_keys).await;
    let read = Transfer::parse(&transfer.to_json().unwrap()).unwrap();
    let store = MemoryStore::default();
    let report = import(&store, &destination_keys, &read, WriteMode::Write)
        .await
        .unwrap();
    assert_eq!((report.families.added, report.cards.added), (1000, 1000));
}
