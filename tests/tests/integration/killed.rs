//! Kills workers at every step of the outbox protocol, over the real stores.
//!
//! Two workers run at once, each a process (`examples/worker.rs`) with the real jobs over one store: SQLite with
//! `notify-all` as on one machine, and DynamoDB's emulator with `notify-all` and the queue's deliveries as on
//! AWS. One or both abort at a named step of one family's notice. The state they leave behind and the final
//! state are the rows of the protocol's table of crash points. Every family also has a mail of a second kind,
//! which must not hold up its notice, nor be held up by it.
#![cfg(unix)]

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use chrono::{DateTime, Duration, NaiveDate, Utc};
use hippo_aws::dynamodb::{DynamoDbStore, schema};
use hippo_core::alerts::Alert;
use hippo_core::family::Delivery;
use hippo_core::outbox::{MailKey, MailKind, MailState, OutboxRecord};
use hippo_core::store::Store;
use hippo_core::testing::contract::sample;
use hippo_local::sqlite::SqliteStore;
use hippo_tests::emulator::Emulator;
use hippo_tests::worker_config::{SECOND_KIND, Side, Step, StoreAt, SyncPoint, Work, WorkerConfig};
use tempfile::TempDir;
use tokio::process::{Child, Command};

const SIGABRT: i32 = 6;

/// The family whose worker is killed.
const VICTIM: &str = "abel";
/// A second family in the same run.
const NEIGHBOUR: &str = "zuse";

/// Returns the two kinds of mail; the worker is killed at a step of the first.
fn kinds() -> [MailKind; 2] {
    [MailKind::DAILY, SECOND_KIND.parse().unwrap()]
}

/// Returns a tick after 06:30 in Toronto, when the notice is due.
fn first_tick() -> DateTime<Utc> {
    "2026-11-21T11:40:00Z".parse().unwrap()
}

fn date() -> NaiveDate {
    "2026-11-21".parse().unwrap()
}

/// The recovering ticks, in minutes after the first: after a lease, and after the wait for a delivery
/// event. Later ones find nothing to do.
const RECOVERY_MINUTES: [i64; 4] = [6, 16, 31, 46];

/// Which of the two workers are killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Killed {
    /// One, while the other has read the same record and is about to replace it.
    One,
    /// Each one that reaches the step.
    Both,
}

/// A crash point and its circumstances.
#[derive(Clone, Copy)]
struct Case {
    point: (Step, Side),
    killed: Killed,
    /// Whether the mail service's events arrive.
    events: bool,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (step, side) = self.point;
        write!(f, "{:?} killed {side:?} {step:?}", self.killed)?;
        if self.events {
            f.write_str(", event")?;
        }
        Ok(())
    }
}

impl Case {
    /// Returns when the killed workers start, in minutes after the first tick.
    fn kill_minute(&self) -> i64 {
        match self.point.0 {
            Step::MarkUnknown => RECOVERY_MINUTES[0],
            Step::ResolveUnknown => RECOVERY_MINUTES[1],
            _ => 0,
        }
    }

    /// Returns the step before which both have read the record and neither has changed it.
    fn sync_before(&self) -> Step {
        match self.point.0 {
            Step::Plan | Step::MarkUnknown | Step::ResolveUnknown => self.point.0,
            _ => Step::Claim,
        }
    }

    /// Returns the stored state and the number of sent mails right after the crash.
    fn state_after_crash(&self, delivery: Delivery) -> (Option<MailState>, usize) {
        use MailState::{Claimed, GaveUp, Pending, Sending, Sent, Unknown};
        use Side::{After, Before};
        match self.point {
            (Step::Plan, Before) => (None, 0),
            (Step::Plan, After) | (Step::Enqueue, _) | (Step::Claim, Before) => (Some(Pending), 0),
            (Step::Claim, After) | (Step::Render, _) | (Step::BeginSending, Before) => {
                (Some(Claimed), 0)
            }
            (Step::BeginSending, After) | (Step::Send, Before) => (Some(Sending), 0),
            (Step::Send, After) | (Step::Finalise, Before) => (Some(Sending), 1),
            (Step::Finalise, After) => (Some(Sent), 1),
            (Step::MarkUnknown, Before) => (Some(Sending), 1),
            (Step::MarkUnknown, After) | (Step::ResolveUnknown, Before) => (Some(Unknown), 1),
            (Step::ResolveUnknown, After) => match delivery {
                Delivery::AtMostOnce => (Some(GaveUp), 1),
                Delivery::AtLeastOnce => (Some(Pending), 1),
            },
        }
    }

    /// Returns the final state and the number of sent mails.
    fn final_state(&self, delivery: Delivery) -> (MailState, usize) {
        use MailState::{Claimed, GaveUp, Pending, Sending, Sent, Unknown};
        let (crashed, mails) = self.state_after_crash(delivery);
        match (crashed, delivery) {
            (Some(Sending | Unknown), _) if self.events => (Sent, mails),
            (Some(Sending | Unknown), Delivery::AtMostOnce) => (GaveUp, mails),
            (None | Some(Pending | Claimed), _) | (Some(Sending | Unknown), _) => (Sent, mails + 1),
            (Some(state), _) => (state, mails),
        }
    }
}

/// Returns the cases for every step of this work, on each side of its call.
fn cases(work: Work) -> Vec<Case> {
    let mut steps = vec![
        Step::Plan,
        Step::Claim,
        Step::Render,
        Step::BeginSending,
        Step::Send,
        Step::Finalise,
        Step::MarkUnknown,
        Step::ResolveUnknown,
    ];
    if work == Work::Enqueue {
        steps.insert(1, Step::Enqueue);
    }
    let mut cases = Vec::new();
    for step in steps {
        for side in [Side::Before, Side::After] {
            for killed in [Killed::One, Killed::Both] {
                let case = Case {
                    point: (step, side),
                    killed,
                    events: false,
                };
                cases.push(case);
                let is_doubtful = matches!(
                    case.point,
                    (Step::Send, Side::After) | (Step::Finalise | Step::MarkUnknown, Side::Before)
                );
                if work == Work::Enqueue && is_doubtful {
                    cases.push(Case {
                        events: true,
                        ..case
                    });
                }
            }
        }
    }
    cases
}

/// Creates a store for each case.
enum Stores {
    Sqlite,
    DynamoDb(Emulator),
}

impl Stores {
    async fn create(&self, folder: &Path, number: usize) -> (Box<dyn Store>, StoreAt) {
        match self {
            Self::Sqlite => {
                let path = folder.join("hippo.db");
                let store = SqliteStore::open_or_create(&path).unwrap();
                (Box::new(store), StoreAt::Sqlite(path))
            }
            Self::DynamoDb(emulator) => {
                let credentials = SharedCredentialsProvider::new(Credentials::for_tests());
                let config = SdkConfig::builder()
                    .behavior_version(BehaviorVersion::latest())
                    .http_client(hippo_aws::clients::https_client())
                    .region(Region::new("ca-central-1"))
                    .endpoint_url(emulator.endpoint())
                    .credentials_provider(credentials)
                    .build();
                let client = hippo_aws::dynamodb::client(&config);
                let table = format!("libraryhippo-{number}");
                schema::create_table(&client, &table).await.unwrap();
                let store = DynamoDbStore::new(client, &table);
                (Box::new(store), StoreAt::DynamoDb { table })
            }
        }
    }
}

/// One running case: a store with two families whose notices are not empty, and a mail service.
struct Stage<'a> {
    stores: &'a Stores,
    folder: TempDir,
    store: Box<dyn Store>,
    at: StoreAt,
    work: Work,
    events: bool,
}

impl<'a> Stage<'a> {
    async fn new(stores: &'a Stores, work: Work, delivery: Delivery, number: usize) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("mails")).unwrap();
        let (store, at) = stores.create(folder.path(), number).await;
        store.add_library(&sample::library("wpl")).await.unwrap();
        for id in [VICTIM, NEIGHBOUR] {
            let mut family = sample::family(id);
            family.preferences.delivery = delivery;
            family.set_picture(Some(family.notice_time), family.created_at);
            store.add_family(&family).await.unwrap();
            let card = sample::add_card(&*store, sample::card(id, "wpl", id)).await;
            let account = sample::account(1_000);
            let check = sample::check(&card, "06:00:00", Ok(account));
            store.save_check(&check).await.unwrap();
        }
        Self {
            stores,
            folder,
            store,
            at,
            work,
            events: false,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the configuration of a worker that is not killed, starting `minutes` after the first tick.
    fn config(&self, work: Work, minutes: i64, label: &str) -> WorkerConfig {
        WorkerConfig {
            store: self.at.clone(),
            work,
            now: (first_tick() + Duration::minutes(minutes)).to_rfc3339(),
            label: label.to_owned(),
            mails: self.file("mails"),
            family: VICTIM.to_owned(),
            abort: None,
            sync_point: None,
        }
    }

    fn start(&self, config: &WorkerConfig) -> Child {
        let mut command = Command::new(hippo_tests::example_path("worker"));
        command
            .arg(serde_json::to_string(config).unwrap())
            // A core dump is deleted with the folder.
            .current_dir(self.folder.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Stores::DynamoDb(emulator) = self.stores {
            command
                .env("AWS_REGION", "ca-central-1")
                .env("AWS_ACCESS_KEY_ID", "nobody")
                .env("AWS_SECRET_ACCESS_KEY", "nothing")
                .env("AWS_ENDPOINT_URL", emulator.endpoint());
        }
        command.spawn().unwrap()
    }

    /// Waits for workers and counts the aborted ones. The others must have succeeded.
    async fn wait_for(&self, workers: Vec<Child>) -> usize {
        let outputs = workers.into_iter().map(Child::wait_with_output);
        let mut aborted = 0;
        for output in futures::future::join_all(outputs).await {
            let output = output.unwrap();
            if was_aborted(output.status) {
                aborted += 1;
            } else {
                let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(output.status.success(), "{}: {stderr}", output.status);
            }
        }
        aborted
    }

    /// Runs two workers at once without a kill.
    async fn tick(&self, minutes: i64) {
        let labels = [format!("one-{minutes}"), format!("other-{minutes}")];
        let configs = labels.map(|label| self.config(self.work, minutes, &label));
        let aborted = self.wait_for(configs.iter().map(|config| self.start(config)).collect());
        assert_eq!(aborted.await, 0);
    }

    /// Delivers the same messages or events twice at once.
    async fn run_twice(&self, work: Work, minutes: i64) {
        let config = self.config(work, minutes, "again");
        let aborted = self.wait_for(vec![self.start(&config), self.start(&config)]);
        assert_eq!(aborted.await, 0);
    }

    async fn record(&self, kind: &MailKind, family: &str) -> Option<OutboxRecord> {
        let key = MailKey::new(kind.clone(), family.parse().unwrap(), date());
        self.store.mail(&key).await.unwrap()
    }

    /// Whether an alert says that a family got no notice.
    async fn has_alert(&self, kind: &MailKind, family: &str) -> bool {
        let alerts = self.store.recent_alerts(100).await.unwrap();
        alerts.iter().any(|stored| match &stored.alert {
            Alert::NoNotice {
                mail, family: of, ..
            } => mail == kind && of.as_str() == family,
            _ => false,
        })
    }

    /// Whether both families have a final record of each kind.
    async fn is_final(&self) -> bool {
        for (kind, family) in all_mails() {
            let record = self.record(&kind, family).await;
            if !record.is_some_and(|record| record.state.is_final()) {
                return false;
            }
        }
        true
    }

    /// Asserts that the victim's other mail isn't left unsent, whatever happens to its notice.
    async fn assert_not_held_up(&self) {
        let [_, second] = kinds();
        let record = self.record(&second, VICTIM).await.expect("a record");
        assert!(
            !matches!(record.state, MailState::Pending | MailState::Claimed),
            "one kind holds up the other: {:?}",
            record.state
        );
    }

    fn mails(&self, kind: &MailKind, family: &str) -> usize {
        let prefix = format!("{kind}.{family}.{}.", date());
        let mails = std::fs::read_dir(self.file("mails")).unwrap();
        mails
            .filter(|mail| {
                let name = mail.as_ref().unwrap().file_name();
                name.to_str().unwrap().starts_with(&prefix)
            })
            .count()
    }

    /// Returns the state of the victim's notice and the number of its sent mails.
    async fn outcome(&self) -> (Option<MailState>, usize) {
        let record = self.record(&MailKind::DAILY, VICTIM).await;
        let mails = self.mails(&MailKind::DAILY, VICTIM);
        (record.map(|record| record.state), mails)
    }

    /// Runs the case's workers until they are killed and returns the outcome at that moment. Then lets the
    /// other worker finish.
    async fn kill(&self, case: Case) -> (Option<MailState>, usize) {
        let minutes = case.kill_minute();
        match case.point.0 {
            // These steps need a mail in doubt.
            Step::MarkUnknown | Step::ResolveUnknown => {
                let mut config = self.config(self.work, 0, "before");
                config.abort = Some((Step::Send, Side::After));
                assert_eq!(self.wait_for(vec![self.start(&config)]).await, 1);
            }
            _ => {}
        }
        if case.point.0 == Step::ResolveUnknown {
            self.tick(RECOVERY_MINUTES[0]).await;
        }
        let mut victim = self.config(self.work, minutes, "victim");
        victim.abort = Some(case.point);
        let mut other = self.config(self.work, minutes, "other");
        if case.killed == Killed::Both {
            other.abort = Some(case.point);
            let workers = vec![self.start(&victim), self.start(&other)];
            assert!(self.wait_for(workers).await >= 1, "no worker was killed");
            return self.outcome().await;
        }
        let sync_point = |arrived: &str, awaited: &str| SyncPoint {
            before: case.sync_before(),
            arrived_file: self.file(arrived),
            awaited_file: self.file(awaited),
        };
        victim.sync_point = Some(sync_point("victim-is-here", "other-is-here"));
        other.sync_point = Some(sync_point("other-is-here", "victim-is-dead"));
        let (victim, other) = (self.start(&victim), self.start(&other));
        assert_eq!(
            self.wait_for(vec![victim]).await,
            1,
            "the victim was not killed"
        );
        let crashed = self.outcome().await;
        std::fs::write(self.file("victim-is-dead"), "").unwrap();
        assert_eq!(self.wait_for(vec![other]).await, 0);
        crashed
    }

    /// Runs later ticks until every mail is final, then redelivers every message.
    async fn recover(&self, case: Case) {
        if self.events {
            self.run_twice(Work::Events, case.kill_minute() + 1).await;
        }
        for minutes in RECOVERY_MINUTES {
            if minutes <= case.kill_minute() {
                continue;
            }
            if self.is_final().await {
                break;
            }
            self.tick(minutes).await;
            self.assert_not_held_up().await;
        }
        assert!(self.is_final().await, "a mail is never finalised");
        self.run_twice(Work::Redeliver, 60).await;
    }
}

/// Returns the kind and the family of every mail of the day.
fn all_mails() -> impl Iterator<Item = (MailKind, &'static str)> {
    let of_family = |family| kinds().map(|kind| (kind, family));
    [VICTIM, NEIGHBOUR].into_iter().flat_map(of_family)
}

fn was_aborted(status: ExitStatus) -> bool {
    status.signal() == Some(SIGABRT)
}

/// Asserts what must hold for every mail, whichever worker was killed.
async fn assert_sound(stage: &Stage<'_>, kind: &MailKind, family: &str, delivery: Delivery) {
    let record = stage.record(kind, family).await.expect("a record");
    let mails = stage.mails(kind, family);
    let end = format!("{kind} of {family}: {:?} with {mails} mails", record.state);
    assert!(record.state.is_final(), "never finalised: {end}");
    match record.state {
        MailState::Sent => assert!(mails > 0, "{end}"),
        MailState::GaveUp => {
            assert!(record.reason.is_some(), "no reason on record: {end}");
            let has_alert = stage.has_alert(kind, family).await;
            assert!(has_alert, "no alert: {end}");
        }
        _ => panic!("unexpected state: {end}"),
    }
    // A second mail is sent only if the first stayed in doubt.
    let most = match delivery {
        Delivery::AtMostOnce => 1,
        Delivery::AtLeastOnce => 1 + record.doubts as usize,
    };
    assert!(mails <= most.min(2), "{end}");
}

async fn run_case(stage: &Stage<'_>, case: Case, delivery: Delivery) {
    let crashed = stage.kill(case).await;
    let (state, mails) = case.final_state(delivery);
    // Only a worker that reaches the step is killed: a later one finds the notice free and sends it.
    let came_later = case.killed == Killed::Both
        && case.point == (Step::ResolveUnknown, Side::After)
        && crashed == (Some(state), mails);
    if !came_later {
        assert_eq!(crashed, case.state_after_crash(delivery), "after the crash");
    }
    // The other worker, which had read the old record, must not have replaced the new one.
    if matches!(crashed.0, Some(MailState::Claimed | MailState::Sent))
        || (case.kill_minute() == 0 && crashed.0 == Some(MailState::Sending))
    {
        let outcome = stage.outcome().await;
        assert_eq!(outcome, crashed, "a worker replaced a newer record");
    }
    if crashed.0 == Some(MailState::GaveUp) {
        let has_alert = stage.has_alert(&MailKind::DAILY, VICTIM).await;
        assert!(has_alert, "no alert");
    }
    stage.recover(case).await;
    for (kind, family) in all_mails() {
        assert_sound(stage, &kind, family, delivery).await;
    }
    let outcome = stage.outcome().await;
    assert_eq!(outcome, (Some(state), mails), "at the end");
}

/// Runs every case in turn and prints its name first.
async fn run_cases(stores: &Stores, work: Work, delivery: Delivery) {
    let cases = cases(work);
    for (number, case) in cases.iter().enumerate() {
        println!("{case}, {delivery:?}");
        let mut stage = Stage::new(stores, work, delivery, number).await;
        stage.events = case.events;
        run_case(&stage, *case, delivery).await;
    }
    println!("{} cases", cases.len());
}

/// Runs two workers and redelivers each message twice, without a kill.
async fn run_undisturbed(stores: &Stores, work: Work) {
    for round in 0..8 {
        let stage = Stage::new(stores, work, Delivery::AtLeastOnce, round).await;
        stage.tick(0).await;
        stage.run_twice(Work::Redeliver, 0).await;
        for (kind, family) in all_mails() {
            let record = stage.record(&kind, family).await.expect("a record");
            let outcome = (record.state, stage.mails(&kind, family));
            assert_eq!(outcome, (MailState::Sent, 1), "{kind} of {family}");
        }
    }
}

#[tokio::test]
async fn sqlite_at_most_once_never_sends_twice_after_a_kill() {
    run_cases(&Stores::Sqlite, Work::NotifyAll, Delivery::AtMostOnce).await;
}

#[tokio::test]
async fn sqlite_at_least_once_sends_twice_only_in_doubt() {
    run_cases(&Stores::Sqlite, Work::NotifyAll, Delivery::AtLeastOnce).await;
}

#[tokio::test]
async fn sqlite_concurrent_workers_send_one_mail() {
    run_undisturbed(&Stores::Sqlite, Work::NotifyAll).await;
}

#[tokio::test]
async fn dynamodb_at_most_once_never_sends_twice_after_a_kill() {
    let Some(emulator) = Emulator::start() else {
        return;
    };
    let stores = Stores::DynamoDb(emulator);
    run_cases(&stores, Work::Enqueue, Delivery::AtMostOnce).await;
}

#[tokio::test]
async fn dynamodb_at_least_once_sends_twice_only_in_doubt() {
    let Some(emulator) = Emulator::start() else {
        return;
    };
    let stores = Stores::DynamoDb(emulator);
    run_cases(&stores, Work::Enqueue, Delivery::AtLeastOnce).await;
}

#[tokio::test]
async fn dynamodb_concurrent_workers_send_one_mail() {
    let Some(emulator) = Emulator::start() else {
        return;
    };
    run_undisturbed(&Stores::DynamoDb(emulator), Work::Enqueue).await;
}
