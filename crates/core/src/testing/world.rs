//! An in-memory world for the tests of the jobs: a store, libraries, families and a mailer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, NaiveTime, Utc};
use futures::FutureExt as _;
use secrecy::{ExposeSecret, SecretString};

use crate::account::{Account, Loan};
use crate::alerts::PendingAlerts;
use crate::alerts::StoredAlert;
use crate::alerts::{Alert, AlertKey};
use crate::card::{Card, CardRecord, CardSecret, LoginOutcome};
use crate::clock::Clock;
use crate::failure::Failure;
use crate::family::schedule::ScheduleHistory;
use crate::family::{Family, Preferences};
use crate::ids::{CardId, FamilyId, LibraryId};
use crate::jobs::StopRequest;
use crate::jobs::check_cards::CheckCardsInput;
use crate::jobs::check_cards::key_cache::KeyCache;
use crate::jobs::check_cards::plan::VisitPlanner;
use crate::jobs::check_cards::visit::{
    CheckedCard, Pace, VisitOptions, VisitPorts, VisitReport, check_visit,
};
use crate::jobs::notify::compose::Composers;
use crate::jobs::notify::send::NotifyPorts;
use crate::library::Library;
use crate::mail::{Mail, Mailer, SendOutcome};
use crate::notice::last_notice::LastNotice;
use crate::outbox::{MailKey, MailKind, OutboxRecord};
use crate::queue::Visit;
use crate::run::ledger::{RunPlan, StartRules};
use crate::run::{JobName, RunKey, Trigger};
use crate::site::{LibrarySite, LoginPermit, SiteError};
use crate::store::AlertStore;
use crate::store::{
    CardStore, FamilyStore, LibraryStore, NewSecret, OutboxCursor, OutboxStore, SecretStore,
    SecretWriter, StoreError, StoreOrigin, StoreResult,
};
use crate::testing::contract::sample::TestKeys;
use crate::testing::memory::{MemoryStore, NoConcurrencyLimit};

/// A clock that moves only when it is set, advanced or slept on.
pub(crate) struct TestClock(Mutex<DateTime<Utc>>);

impl TestClock {
    pub(crate) fn at(now: DateTime<Utc>) -> Self {
        Self(Mutex::new(now))
    }

    pub(crate) fn set(&self, time: &str) {
        *self.0.lock().unwrap() = time.parse().unwrap();
    }

    pub(crate) fn advance(&self, by: chrono::Duration) {
        *self.0.lock().unwrap() += by;
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(chrono::Duration::from_std(duration).unwrap());
    }
}

/// A site that returns its queued answers, and then empty accounts.
#[derive(Default)]
pub(crate) struct TestSite {
    answers: Mutex<BTreeMap<String, VecDeque<Result<Account, Failure>>>>,
    /// `number:pin` of each login that was sent.
    pub(crate) logins: Mutex<Vec<String>>,
    /// Hang for ever, as after a crash, right after the login was permitted.
    pub(crate) hang_after_login: std::sync::atomic::AtomicBool,
    /// Record the login as accepted first.
    pub(crate) records_login: std::sync::atomic::AtomicBool,
    visitors: Mutex<BTreeMap<LibraryId, usize>>,
    /// The highest number of concurrent visitors at one library, and at all together.
    pub(crate) most_at_one: AtomicUsize,
    pub(crate) most_at_all: AtomicUsize,
}

impl TestSite {
    /// Queues an answer for a number.
    pub(crate) fn answer(&self, number: &str, answer: Result<Account, Failure>) {
        self.answers
            .lock()
            .unwrap()
            .entry(number.to_owned())
            .or_default()
            .push_back(answer);
    }

    fn enter(&self, library: &LibraryId) {
        let mut visitors = self.visitors.lock().unwrap();
        let here = visitors.entry(library.clone()).or_default();
        *here += 1;
        self.most_at_one.fetch_max(*here, Ordering::SeqCst);
        self.most_at_all
            .fetch_max(visitors.values().sum(), Ordering::SeqCst);
    }

    fn leave(&self, library: &LibraryId) {
        *self.visitors.lock().unwrap().get_mut(library).unwrap() -= 1;
    }
}

#[async_trait]
impl LibrarySite for TestSite {
    async fn check(
        &self,
        library: &Library,
        secret: &CardSecret,
        permit: &dyn LoginPermit,
    ) -> Result<Account, SiteError> {
        let number = secret.number.expose_secret().to_owned();
        permit.permit_login().await?;
        self.logins
            .lock()
            .unwrap()
            .push(format!("{number}:{}", secret.pin.expose_secret()));
        if self.records_login.load(Ordering::SeqCst) {
            permit.record_login_outcome(LoginOutcome::Accepted).await?;
        }
        if self.hang_after_login.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.enter(&library.id);
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        self.leave(&library.id);
        let answer = self
            .answers
            .lock()
            .unwrap()
            .get_mut(&number)
            .and_then(VecDeque::pop_front);
        Ok(answer.unwrap_or_else(|| Ok(account(&[])))?)
    }
}

/// A mailer that returns its queued answers, and then accepts every mail.
#[derive(Default)]
pub(crate) struct TestMailer {
    pub(crate) answers: Mutex<VecDeque<SendOutcome>>,
    pub(crate) mails: Mutex<Vec<Mail>>,
}

#[async_trait]
impl Mailer for TestMailer {
    async fn send(&self, mail: &Mail) -> SendOutcome {
        tokio::task::yield_now().await;
        self.mails.lock().unwrap().push(mail.clone());
        self.answers
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or_else(|| SendOutcome::Accepted {
                message_id: "<1@example.org>".to_owned(),
                refused_recipients: Vec::new(),
            })
    }
}

/// A visit without pauses that nobody stops.
pub(crate) const NO_DELAY: VisitOptions<'static> = VisitOptions::new(Pace::NONE);

pub(crate) fn run_key() -> RunKey {
    RunKey {
        job: JobName::CHECK_CARDS,
        label: "all".parse().unwrap(),
        scheduled_time: "2026-11-21T10:00:00Z".parse().unwrap(),
    }
}

/// A run of a schedule.
pub(crate) fn run_plan() -> RunPlan<'static> {
    RunPlan {
        key: run_key(),
        trigger: Trigger::Schedule,
        input: serde_json::json!({}),
        allow_overlap: false,
        rules: StartRules::default(),
        hooks: None,
    }
}

/// Asked to stop from the second login on, without any grace.
pub(crate) struct StopAtSecondLogin<'a>(pub(crate) &'a World);

#[async_trait]
impl StopRequest for StopAtSecondLogin<'_> {
    fn is_requested(&self) -> bool {
        self.0.logins().len() > 1
    }

    async fn wait_for_grace_end(&self) {
        while !self.is_requested() {
            tokio::task::yield_now().await;
        }
    }
}

/// A store, a clock, a site and a post office.
pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) clock: TestClock,
    pub(crate) site: TestSite,
    pub(crate) mailer: TestMailer,
    pub(crate) libraries: BTreeMap<LibraryId, Library>,
    pub(crate) composers: Composers,
    pub(crate) keys: TestKeys,
}

/// An account with these loans (title, due) and no holds.
pub(crate) fn account(loans: &[(&str, &str)]) -> Account {
    Account {
        loans: Some(
            loans
                .iter()
                .map(|(title, due)| Loan {
                    id: (*title).to_owned(),
                    title: (*title).to_owned(),
                    author: None,
                    due: Some(due.parse().unwrap()),
                    renewals: None,
                    renewable: Some(true),
                    renewable_reason: None,
                    digital: false,
                    format: None,
                    note: None,
                    url: None,
                })
                .collect(),
        ),
        holds: Some(Vec::new()),
        ..Account::unknown("sierra".parse().unwrap())
    }
}

pub(crate) fn family(id: &str) -> Family {
    Family {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        recipients: vec!["pat@example.org".parse().unwrap()],
        timezone: chrono_tz::America::Toronto,
        notice_time: NaiveTime::from_hms_opt(6, 30, 0).unwrap(),
        preferences: Preferences::default(),
        paused: false,
        paused_since: None,
        paused_until: None,
        created_at: "2026-11-20T12:00:00Z".parse().unwrap(),
        history: ScheduleHistory::default(),
        stopped: Vec::new(),
        unsubscribed: Vec::new(),
    }
}

pub(crate) fn library(id: &str) -> Library {
    Library {
        id: id.parse().unwrap(),
        name: format!("Library {id}"),
        system: "sierra".parse().unwrap(),
        base_url: "https://books.example.org".parse().unwrap(),
        account_url: None,
        timezone: chrono_tz::America::Toronto,
        date_format: None,
        login_hosts: Vec::new(),
        options: BTreeMap::new(),
    }
}

impl World {
    /// 2026-11-21 06:40 in Toronto, families `conrad` and `diaz`, libraries `wpl` and `kpl`.
    pub(crate) async fn new() -> Self {
        let world = Self {
            store: MemoryStore::default(),
            clock: TestClock::at("2026-11-21T11:40:00Z".parse().unwrap()),
            site: TestSite::default(),
            mailer: TestMailer::default(),
            libraries: ["wpl", "kpl"]
                .map(|id| (id.parse().unwrap(), library(id)))
                .into(),
            composers: Composers::default(),
            keys: TestKeys::generate(),
        };
        for library in world.libraries.values() {
            world.store.add_library(library).await.unwrap();
        }
        for id in ["conrad", "diaz"] {
            world.store.add_family(&family(id)).await.unwrap();
        }
        world
    }

    pub(crate) async fn add_card(
        &self,
        family: &str,
        library: &str,
        secret: (&str, &str),
    ) -> CardId {
        let id = CardId::generate();
        let number = SecretString::from(secret.0);
        let library: LibraryId = library.parse().unwrap();
        let card = Card {
            id,
            family: family.parse().unwrap(),
            fingerprint: self.keys.fingerprint(&library, &number),
            library,
            patron: "Pat".to_owned(),
            secret_id: uuid::Uuid::new_v4(),
            pause: None,
            created_at: self.clock.now(),
        };
        let pin = SecretString::from(secret.1);
        let library = self.store.library(&card.library).await.unwrap().unwrap();
        let sealed = self.keys.seal(id, &library, &CardSecret { number, pin });
        self.store.add_card(&card, &sealed).await.unwrap();
        id
    }

    /// Flips a bit of a card's envelope.
    pub(crate) async fn break_secret(&self, card: CardId) {
        let mut sealed = self.store.secrets(&[card]).await.unwrap().remove(0).1;
        sealed.ciphertext[0] ^= 1;
        let record = self.record(card).await;
        let broken = NewSecret::resealed(&record.card, sealed);
        let replaced = self.store.replace_secret(card, broken.id, &broken);
        assert!(replaced.await.unwrap());
    }

    /// Sets a card's PIN from code that is not async.
    pub(crate) fn set_pin_now(&self, card: CardId, secret: (&str, &str)) {
        let secret = CardSecret {
            number: SecretString::from(secret.0),
            pin: SecretString::from(secret.1),
        };
        let record = self.record(card).now_or_never().unwrap();
        let library = self.store.library(&record.card.library);
        let library = library.now_or_never().unwrap().unwrap().unwrap();
        let sealed = self.keys.seal(card, &library, &secret);
        let new = NewSecret::new(record.card.fingerprint, sealed);
        let replaced = self.store.replace_secret(card, record.card.secret_id, &new);
        assert!(replaced.now_or_never().unwrap().unwrap());
    }

    pub(crate) async fn record(&self, card: CardId) -> CardRecord {
        self.store.card(card).await.unwrap().unwrap()
    }

    pub(crate) async fn with_visit_ports<T>(
        &self,
        work: impl AsyncFnOnce(&VisitPorts<'_>) -> T,
    ) -> T {
        let keys = KeyCache::new(&self.keys);
        let ports = VisitPorts {
            visits: &self.store,
            libraries: &self.store,
            checks: &self.store,
            keys: &keys,
            site: &self.site,
            concurrency_limit: &NoConcurrencyLimit,
            clock: &self.clock,
        };
        work(&ports).await
    }

    /// Checks all cards that may be checked, one visit after the other.
    pub(crate) async fn check_all(&self) -> Vec<CheckedCard> {
        let mut checked = Vec::new();
        for visit in self.plan(&CheckCardsInput::default(), 10).await {
            checked.extend(self.check_visit(&visit, NO_DELAY).await.checked);
        }
        checked
    }

    /// Makes a visit that meets no fault of ours.
    pub(crate) async fn check_visit(
        &self,
        visit: &Visit,
        options: VisitOptions<'_>,
    ) -> VisitReport {
        let report = self.with_visit_ports(async |ports| check_visit(ports, visit, options).await);
        let report = report.await;
        assert!(report.ending.is_ok(), "{report:?}");
        report
    }

    /// The visits of a run that starts now.
    pub(crate) async fn plan(&self, input: &CheckCardsInput, size: usize) -> Vec<Visit> {
        VisitPlanner::new(&self.store, input, &run_key(), self.clock.now(), size)
            .plan_all()
            .await
            .unwrap()
    }

    /// A visit, planned now, of cards of one library.
    pub(crate) async fn visit(&self, library: &str, cards: &[CardId]) -> Visit {
        let mut keys = Vec::new();
        for card in cards {
            keys.push(self.record(*card).await.card.key());
        }
        Visit {
            library: library.parse().unwrap(),
            cards: keys,
            planned_at: self.clock.now(),
            run: run_key(),
        }
    }

    pub(crate) fn notify_ports(&self) -> NotifyPorts<'_> {
        NotifyPorts {
            families: &self.store,
            accounts: &self.store,
            outbox: &self.store,
            alerts: &self.store,
            composers: &self.composers,
            mailer: &self.mailer,
            clock: &self.clock,
            libraries: &self.libraries,
            operator_contact: None,
            public_url: None,
        }
    }

    pub(crate) fn conrad(&self) -> FamilyId {
        "conrad".parse().unwrap()
    }

    pub(crate) fn logins(&self) -> Vec<String> {
        self.site.logins.lock().unwrap().clone()
    }

    pub(crate) fn mails(&self) -> usize {
        self.mailer.mails.lock().unwrap().len()
    }
}

/// A store in which one family's notices cannot be read or planned.
pub(crate) struct Broken<'a> {
    pub(crate) inside: &'a MemoryStore,
    pub(crate) family: FamilyId,
}

impl Broken<'_> {
    fn ask(&self, family: &FamilyId) -> StoreResult<()> {
        if *family == self.family {
            return Err(StoreError::Unusable("made so by the test".to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl OutboxStore for Broken<'_> {
    async fn origin(&self) -> StoreResult<StoreOrigin> {
        self.inside.origin().await
    }

    async fn end_restore(&self) -> StoreResult<()> {
        self.inside.end_restore().await
    }

    async fn last_sent_fence(&self, key: &MailKey) -> StoreResult<Option<u64>> {
        self.inside.last_sent_fence(key).await
    }

    async fn plan_mail(&self, record: &OutboxRecord) -> StoreResult<bool> {
        self.ask(&record.family)?;
        self.inside.plan_mail(record).await
    }

    async fn mail(&self, key: &MailKey) -> StoreResult<Option<OutboxRecord>> {
        self.ask(&key.family)?;
        self.inside.mail(key).await
    }

    async fn replace_mail(
        &self,
        expected_revision: u64,
        record: &OutboxRecord,
        last_notice: Option<&LastNotice>,
    ) -> StoreResult<bool> {
        self.inside
            .replace_mail(expected_revision, record, last_notice)
            .await
    }

    async fn open_mails(
        &self,
        after: Option<&OutboxCursor>,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>> {
        self.inside.open_mails(after, limit).await
    }

    async fn last_sent_notice(&self, family: &FamilyId) -> StoreResult<Option<LastNotice>> {
        self.inside.last_sent_notice(family).await
    }

    async fn recent_mails(
        &self,
        kind: &MailKind,
        family: &FamilyId,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>> {
        self.inside.recent_mails(kind, family, limit).await
    }
}

/// An alert store that fails every write.
pub(crate) struct FailingAlertStore<'a>(pub(crate) &'a MemoryStore);

#[async_trait]
impl AlertStore for FailingAlertStore<'_> {
    async fn record_alert(&self, _: &AlertKey, _: &Alert, _: DateTime<Utc>) -> StoreResult<bool> {
        Err(StoreError::Unavailable("made so by the test".to_owned()))
    }

    async fn claim_alert(&self, key: &AlertKey, now: DateTime<Utc>) -> StoreResult<bool> {
        self.0.claim_alert(key, now).await
    }

    async fn mark_alert_delivered(&self, key: &AlertKey, at: DateTime<Utc>) -> StoreResult<()> {
        self.0.mark_alert_delivered(key, at).await
    }

    async fn withdraw_alert(&self, stored: &StoredAlert) -> StoreResult<()> {
        self.0.withdraw_alert(stored).await
    }

    async fn alert(&self, key: &AlertKey) -> StoreResult<Option<StoredAlert>> {
        self.0.alert(key).await
    }

    async fn pending_alerts(&self) -> StoreResult<PendingAlerts> {
        self.0.pending_alerts().await
    }

    async fn recent_alerts(&self, limit: usize) -> StoreResult<Vec<StoredAlert>> {
        self.0.recent_alerts(limit).await
    }
}
