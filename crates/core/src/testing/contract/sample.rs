//! Sample data of the cases.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use secrecy::SecretString;
use uuid::Uuid;

use crate::account::{Account, Hold, HoldState, Loan};
use crate::card::{Card, CardPause, CardSecret, Fingerprint, LoginMark};
use crate::check::Check;
use crate::failure::{Failure, FailureKind};
use crate::family::schedule::ScheduleHistory;
use crate::family::{Family, Preferences};
use crate::ids::{CardId, FamilyId, Label, LibraryId};
use crate::jobs::check_cards::key_cache::KeyCache;
use crate::library::Library;
use crate::outbox::{MailKey, OutboxRecord};
use crate::run::{Counts, JobName, Run, RunKey, RunOutcome, Trigger};
use crate::schedule::Pause;
use crate::seal::{
    FingerprintKey, PrivateKeySource, PrivateKeys, PublicKey, PublicKeySource, SealContext,
    SealError, Sealed,
};
use crate::store::{PauseStore, Store, WriteMode};
use crate::transfer::{CheckedTransfer, ImportReport, Transfer, TransferError, export};

/// A time on the morning of the sample day, with a fraction that a store must keep.
pub fn time(clock: &str) -> DateTime<Utc> {
    format!("2026-11-21T{clock}.000250Z").parse().unwrap()
}

/// A date.
pub fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A family's id.
pub fn family_id(id: &str) -> FamilyId {
    id.parse().unwrap()
}

/// A library's id.
pub fn library_id(id: &str) -> LibraryId {
    id.parse().unwrap()
}

/// A family with two recipients.
pub fn family(id: &str) -> Family {
    Family {
        id: family_id(id),
        name: "The Ønskes; “quoted”".to_owned(),
        recipients: vec![
            "zoe@example.org".parse().unwrap(),
            "abe@example.org".parse().unwrap(),
        ],
        timezone: "America/Toronto".parse().unwrap(),
        notice_time: "06:30:00".parse().unwrap(),
        preferences: Preferences::default(),
        paused: false,
        paused_since: None,
        paused_until: None,
        created_at: time("05:00:00"),
        history: ScheduleHistory::default(),
        stopped: Vec::new(),
        unsubscribed: Vec::new(),
    }
}

/// A library with every field filled.
pub fn library(id: &str) -> Library {
    Library {
        id: library_id(id),
        name: "Waterbury Public Library".to_owned(),
        system: "sierra".parse().unwrap(),
        base_url: "https://books.example.org/".parse().unwrap(),
        account_url: Some("https://books.example.org/me?tab=1".parse().unwrap()),
        timezone: "America/Toronto".parse().unwrap(),
        date_format: Some("%m-%d-%y".to_owned()),
        login_hosts: vec!["login.example.org".to_owned()],
        options: [("branch".to_owned(), "main".to_owned())].into(),
    }
}

/// A new card.
pub fn card(family: &str, library: &str, fingerprint: &str) -> Card {
    Card {
        id: CardId::generate(),
        family: family_id(family),
        library: library_id(library),
        patron: "Robin".to_owned(),
        fingerprint: Fingerprint(fingerprint.to_owned()),
        secret_id: Uuid::new_v4(),
        pause: None,
        created_at: time("05:01:00"),
    }
}

/// A pause until a local date in Toronto, with a reason; `None`: until a person resumes the card.
pub fn card_pause(until: Option<&str>) -> CardPause {
    CardPause {
        until: until.map(date),
        timezone: "America/Toronto".parse().unwrap(),
        why: until.map(|_| "lost in “Kitchener” 🦉".to_owned()),
    }
}

/// All the keys of one installation, in memory.
#[derive(Debug, Clone)]
pub struct TestKeys {
    /// The pairs.
    pub private: PrivateKeys,
    /// The key of the fingerprints.
    pub fingerprint: FingerprintKey,
}

impl TestKeys {
    /// New keys.
    pub fn generate() -> Self {
        Self {
            private: PrivateKeys::generate().unwrap(),
            fingerprint: FingerprintKey::generate().unwrap(),
        }
    }

    /// The same keys with a new current pair.
    pub fn rotated(&self) -> Self {
        Self {
            private: self.private.with_new_key(time("12:00:00")).unwrap(),
            ..self.clone()
        }
    }

    /// Seals for a card of a library.
    pub fn seal(&self, card: CardId, library: &Library, secret: &CardSecret) -> Sealed {
        let context = SealContext::new(card, library);
        self.private.public_key().seal(&context, secret).unwrap()
    }

    /// Opens an envelope of a card of a library.
    pub fn open(
        &self,
        card: CardId,
        library: &Library,
        sealed: &Sealed,
    ) -> Result<CardSecret, SealError> {
        self.private.open(&SealContext::new(card, library), sealed)
    }

    /// The fingerprint of a number at a library.
    pub fn fingerprint(&self, library: &LibraryId, number: &SecretString) -> Fingerprint {
        self.fingerprint.fingerprint(library, number)
    }
}

#[async_trait]
impl PrivateKeySource for TestKeys {
    async fn private_keys(&self) -> Result<PrivateKeys, SealError> {
        Ok(self.private.clone())
    }
}

#[async_trait]
impl PublicKeySource for TestKeys {
    async fn public_key(&self) -> Result<PublicKey, SealError> {
        Ok(self.private.public_key().clone())
    }

    async fn fingerprint_key(&self) -> Result<FingerprintKey, SealError> {
        Ok(self.fingerprint.clone())
    }
}

/// A secret, sealed for a card of the library `wpl` with a key of its own.
pub fn sealed(card: CardId) -> Sealed {
    let secret = CardSecret {
        number: SecretString::from("29999000000001"),
        pin: SecretString::from("4711"),
    };
    TestKeys::generate().seal(card, &library("wpl"), &secret)
}

/// Adds the family `conrad`, the library `wpl` and a card, and returns the card.
pub async fn one_card(store: &dyn Store) -> Card {
    store.add_family(&family("conrad")).await.unwrap();
    store.add_library(&library("wpl")).await.unwrap();
    add_card(store, card("conrad", "wpl", "f1")).await
}

/// Adds a card of an existing family and library.
pub async fn add_card(store: &dyn Store, card: Card) -> Card {
    store.add_card(&card, &sealed(card.id)).await.unwrap();
    card
}

/// Adds a card with this number and PIN, sealed and fingerprinted with these keys.
pub async fn add_sealed_card(
    store: &dyn Store,
    keys: &TestKeys,
    mut card: Card,
    number: &str,
    pin: &str,
) -> Card {
    let secret = CardSecret {
        number: SecretString::from(number),
        pin: SecretString::from(pin),
    };
    card.fingerprint = keys.fingerprint(&card.library, &secret.number);
    let sealed = keys.seal(card.id, &library(card.library.as_str()), &secret);
    store.add_card(&card, &sealed).await.unwrap();
    card
}

/// Exports a store with its keys, sealed to those of the destination.
pub async fn export_store(store: &dyn Store, keys: &TestKeys, destination: &TestKeys) -> Transfer {
    let (cache, recipient) = (KeyCache::new(keys), destination.private.public_key());
    export(store, &cache, recipient, time("20:00:00"), &|_| {})
        .await
        .unwrap()
}

/// Imports a document into a store.
pub async fn import(
    store: &dyn Store,
    keys: &TestKeys,
    transfer: &Transfer,
    mode: WriteMode,
) -> Result<ImportReport, TransferError> {
    let stored = store.libraries().await?;
    CheckedTransfer::new(transfer, &keys.private, &keys.fingerprint, &stored)?
        .import(store, mode, &|_| {})
        .await
}

/// An account with every field filled in one loan and one hold, of this many fines in cents.
pub fn account(cents: i64) -> Account {
    Account {
        loans: Some(vec![Loan {
            id: "33420012345678".to_owned(),
            title: "The <Owl> & the “Lantern”: a study 🦉".to_owned(),
            author: Some("Ibsdóttir, Ása".to_owned()),
            due: Some(date("2026-11-24")),
            renewals: Some(2),
            renewable: Some(false),
            renewable_reason: Some("Someone waits for it.".to_owned()),
            digital: false,
            format: Some("Book".to_owned()),
            note: None,
            url: Some("https://books.example.org/item/1".to_owned()),
        }]),
        holds: Some(vec![Hold {
            id: "h-1".to_owned(),
            title: "Rivers".to_owned(),
            author: None,
            state: HoldState::InTransit,
            position: Some(9),
            queue_length: Some(83),
            pickup_by: None,
            suspended_until: None,
            expires: Some(date("2027-11-01")),
            pickup_branch: Some("Main".to_owned()),
            digital: true,
            note: Some("large print".to_owned()),
            url: None,
        }]),
        fines: Some(rust_decimal::Decimal::new(cents, 2)),
        currency: Some("CAD".to_owned()),
        messages: vec!["Closed on Monday.".to_owned()],
        ..Account::unknown("sierra".parse().unwrap())
    }
}

/// A check that began at `started` and took ten seconds.
pub fn check(card: &Card, started: &str, outcome: Result<Account, Failure>) -> Check {
    Check {
        id: Uuid::new_v4(),
        card: card.key(),
        library: card.library.clone(),
        started_at: time(started),
        // After every earlier start of a case: a check that starts after its end has a wrong clock.
        finished_at: time("23:00:00"),
        outcome,
    }
}

/// A failure of this kind.
pub fn failed(kind: FailureKind) -> Result<Account, Failure> {
    Err(Failure::new(kind, "seen in a test"))
}

/// The mark of a check on a day.
pub fn mark(check: Uuid, day: &str) -> LoginMark {
    LoginMark {
        check,
        at: time("05:02:00"),
        day: date(day),
        is_settled: false,
    }
}

/// A planned notice.
pub fn notice(family: &str, day: &str) -> OutboxRecord {
    OutboxRecord::planned(
        MailKey::daily(family_id(family), date(day)),
        time("06:30:00"),
    )
}

/// A running run, scheduled for its start.
pub fn run(job: JobName, label: &str, started: &str) -> Run {
    Run {
        key: RunKey {
            job,
            label: label.parse::<Label>().unwrap(),
            scheduled_time: time(started),
        },
        trigger: Trigger::Schedule,
        input: serde_json::json!({"scope": "all"}),
        started_at: time(started),
        reported_at: time(started),
        finished_at: None,
        outcome: RunOutcome::Running,
        counts: Counts::default(),
    }
}

/// Adds a pause to those of its label; false if its beginning is taken.
pub async fn add_pause(store: &dyn PauseStore, pause: &Pause) -> bool {
    let mut before = store.pauses().await.unwrap();
    before.retain(|other| other.label == pause.label);
    if before.iter().any(|other| other.since == pause.since) {
        return false;
    }
    let mut after = before.clone();
    after.push(pause.clone());
    after.sort_by_key(|pause| pause.since);
    let replaced = store.replace_pauses(pause.label.as_ref(), &before, &after);
    replaced.await.unwrap()
}
