//! Demo libraries and a database with the real jobs and sites; only the clock is simulated.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use hippo_browser::{BrowserOptions, Limits, PrivateAddresses};
use hippo_core::card::{Card, CardRecord, CardSecret};
use hippo_core::clock::Clock;
use hippo_core::family::schedule::ScheduleHistory;
use hippo_core::family::{Family, Preferences};
use hippo_core::ids::{CardId, FamilyId, LibraryId};
use hippo_core::jobs::check_cards::CheckCardsInput;
use hippo_core::jobs::check_cards::key_cache::KeyCache;
use hippo_core::jobs::check_cards::run::{CheckCards, CheckOptions, CheckProgress, RunPorts};
use hippo_core::jobs::check_cards::visit::{
    CheckedCard, Pace, VisitOptions, VisitPorts, check_visit,
};
use hippo_core::library::Library;
use hippo_core::queue::Visit;
use hippo_core::run::harness::Harness;
use hippo_core::run::ledger::{RunPlan, StartRules};
use hippo_core::run::{JobName, Run, RunKey, Trigger};
use hippo_core::seal::SealContext;
use hippo_core::store::{CardStore as _, FamilyStore as _, LibraryStore as _};
use hippo_demo_library::{DemoHold, DemoLibrary, DemoLoan, Patron, Site};
use hippo_local::concurrency_limit::FileConcurrencyLimit;
use hippo_local::key_files::KeyFiles;
use hippo_local::sqlite::SqliteStore;
use hippo_systems::Sites;
use rusqlite::OpenFlags;
use tempfile::TempDir;

const PIN: &str = "4711";

/// Returns the date of the demo libraries.
pub(crate) fn today() -> NaiveDate {
    "2026-11-21".parse().unwrap()
}

/// Limits that only a hanging check reaches.
pub(crate) const PATIENT: Limits = Limits {
    connect: Duration::from_secs(10),
    response: Duration::from_secs(60),
    card: Duration::from_secs(100),
    log_out: Duration::from_secs(5),
    pause_before_retry: Duration::from_millis(1),
};

/// A clock that a test moves.
pub(crate) struct ManualClock(Mutex<DateTime<Utc>>);

impl ManualClock {
    pub(crate) fn advance(&self, by: chrono::Duration) {
        *self.0.lock().unwrap() += by;
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(chrono::Duration::from_std(duration).unwrap());
    }
}

/// A row of the account table: the card, the time it was read, and the stored text.
pub(crate) type Row = (String, String, String);

pub(crate) struct World {
    folder: TempDir,
    pub(crate) store: SqliteStore,
    pub(crate) clock: ManualClock,
    keys: KeyFiles,
    sites: Sites,
}

/// Returns the id of the only family.
pub(crate) fn family_id() -> FamilyId {
    "conrad".parse().unwrap()
}

/// Creates a patron with this number, two loans and a hold.
pub(crate) fn patron(number: &str) -> Patron {
    Patron::new(number, PIN, "Jo Doe")
        .with_loan(DemoLoan::new(
            &format!("Lamps of {number}"),
            "Reed, Bo",
            today(),
        ))
        .with_loan(DemoLoan::new("Knots", "Ash, Pip", today()))
        .with_hold(DemoHold::waiting("Fog", "Ash, Pip", "Oak Park", 9, 83))
}

fn sites(limits: Limits) -> Sites {
    let sites = Sites::new(BrowserOptions {
        limits,
        // A redirect into the local network must not be followed, not even by this test.
        private_addresses: PrivateAddresses::LoopbackOnly,
        ..BrowserOptions::default()
    });
    sites.unwrap()
}

impl World {
    /// Creates a world with [`PATIENT`] limits.
    pub(crate) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open_or_create(&folder.path().join("hippo.db")).unwrap();
        let keys = KeyFiles::in_folder(folder.path());
        keys.create_pair().unwrap();
        keys.create_fingerprint_key().unwrap();
        let clock = ManualClock(Mutex::new("2026-11-21T11:40:00Z".parse().unwrap()));
        let family = Family {
            id: family_id(),
            name: "Conrad".to_owned(),
            recipients: Vec::new(),
            timezone: "America/Toronto".parse().unwrap(),
            notice_time: NaiveTime::from_hms_opt(6, 30, 0).unwrap(),
            preferences: Preferences::default(),
            paused: false,
            paused_since: None,
            paused_until: None,
            created_at: clock.now(),
            history: ScheduleHistory::default(),
            stopped: Vec::new(),
            unsubscribed: Vec::new(),
        };
        store.add_family(&family).await.unwrap();
        Self {
            folder,
            store,
            clock,
            keys,
            sites: sites(PATIENT),
        }
    }

    /// Sets the limits of all later checks.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.sites = sites(limits);
    }

    /// Adds a demo library with a card for each patron. Returns the card ids in the order of the patrons.
    pub(crate) async fn add_library(&self, id: &str, site: Site) -> (DemoLibrary, Vec<CardId>) {
        let numbers: Vec<String> = site
            .patrons
            .iter()
            .map(|patron| patron.number.clone())
            .collect();
        let date_format = site.date_format.clone();
        let demo = DemoLibrary::start(site).await.unwrap();
        let library = Library {
            id: id.parse().unwrap(),
            name: demo.library_name().to_owned(),
            system: demo.system().id().parse().unwrap(),
            base_url: demo.base_url().parse().unwrap(),
            account_url: None,
            timezone: "America/Toronto".parse().unwrap(),
            date_format: Some(date_format),
            login_hosts: Vec::new(),
            options: BTreeMap::new(),
        };
        self.store.add_library(&library).await.unwrap();
        let mut cards = Vec::new();
        for number in numbers {
            let card = CardId::generate();
            let secret = CardSecret {
                number: number.into(),
                pin: PIN.to_owned().into(),
            };
            let fingerprint = self
                .keys
                .read_fingerprint_key()
                .unwrap()
                .fingerprint(&library.id, &secret.number);
            let sealed = self
                .keys
                .read_public_key()
                .unwrap()
                .seal(&SealContext::new(card, &library), &secret)
                .unwrap();
            let card = Card {
                id: card,
                family: family_id(),
                library: library.id.clone(),
                patron: "Jo".to_owned(),
                fingerprint,
                secret_id: uuid::Uuid::new_v4(),
                pause: None,
                created_at: self.clock.now(),
            };
            self.store.add_card(&card, &sealed).await.unwrap();
            cards.push(card.id);
        }
        (demo, cards)
    }

    async fn with_ports<T>(&self, work: impl AsyncFnOnce(&VisitPorts<'_>) -> T) -> T {
        let keys = KeyCache::new(&self.keys);
        let ports = VisitPorts {
            visits: &self.store,
            libraries: &self.store,
            checks: &self.store,
            keys: &keys,
            site: &self.sites,
            concurrency_limit: &FileConcurrencyLimit::new(self.folder.path().join("gates")),
            clock: &self.clock,
        };
        work(&ports).await
    }

    /// Makes a visit for these cards of a library.
    pub(crate) async fn visit(&self, library: &str, cards: &[CardId]) -> Vec<CheckedCard> {
        let visit = Visit {
            library: library.parse().unwrap(),
            cards: cards
                .iter()
                .map(|card| hippo_core::card::CardKey {
                    family: family_id(),
                    card: *card,
                })
                .collect(),
            planned_at: self.clock.now(),
            run: self.run_key(),
        };
        self.clock.advance(chrono::Duration::seconds(1));
        let options = VisitOptions::new(Pace::NONE);
        let report = self
            .with_ports(async |ports| check_visit(ports, &visit, options).await)
            .await;
        report.ending.unwrap();
        report.checked
    }

    /// Runs `check-cards` over all cards and calls `on_checked` after each one.
    pub(crate) async fn check_cards(
        &self,
        concurrency: usize,
        on_checked: &(dyn Fn(&CheckedCard) + Send + Sync),
    ) -> Run {
        let plan = RunPlan {
            key: self.run_key(),
            trigger: Trigger::Person,
            input: serde_json::Value::Null,
            allow_overlap: false,
            rules: StartRules::default(),
            hooks: None,
        };
        let on_progress = |progress: CheckProgress<'_>| {
            if let CheckProgress::Checked(card) = progress {
                on_checked(card);
            }
        };
        let options = CheckOptions {
            concurrency,
            pace: Pace::NONE,
            on_progress: Some(&on_progress),
        };
        let run_ports = RunPorts {
            cards: &self.store,
            alerts: &self.store,
        };
        self.with_ports(async |ports| {
            let job = CheckCards::new(ports, &run_ports, options);
            let harness = Harness::new(&self.store, ports.clock);
            let input = CheckCardsInput::default();
            harness.run(&job, plan, &input).await.unwrap().run
        })
        .await
    }

    fn run_key(&self) -> RunKey {
        RunKey {
            job: JobName::CHECK_CARDS,
            label: "all".parse().unwrap(),
            scheduled_time: self.clock.now(),
        }
    }

    pub(crate) async fn record(&self, card: CardId) -> CardRecord {
        self.store.card(card).await.unwrap().unwrap()
    }

    pub(crate) async fn back_off_until(&self, library: &str) -> Option<DateTime<Utc>> {
        let id: LibraryId = library.parse().unwrap();
        self.store.back_off_until(&id).await.unwrap()
    }

    /// Reads the account rows from the database, by card.
    pub(crate) fn rows(&self) -> BTreeMap<String, Row> {
        let path = self.store.path();
        let file =
            rusqlite::Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let mut statement = file
            .prepare("SELECT card, read_at, account FROM account")
            .unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        rows.unwrap()
            .map(|row: Result<Row, _>| row.unwrap())
            .map(|row| (row.0.clone(), row))
            .collect()
    }
}
