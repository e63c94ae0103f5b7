//! The notices on the real stores, with workers that are killed at every step of the protocol.
//!
//! Two workers at once, each a process of its own (`examples/worker.rs`) with the real jobs over one store:
//! SQLite with `notify-all` as on one machine, and DynamoDB's emulator with `notify-all` and the queue's
//! deliveries as on AWS. One of them, or both, abort at a named step of one family's notice. What they leave
//! behind, and how later ticks finalise it, are the rows of the protocol's table of crash points. Every family
//! has a mail of a second kind besides, which is never in the way of its notice, nor the notice in its way.
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
use hippo_tests::orders::{Meeting, Orders, SECOND_KIND, Side, Step, StoreAt, Work};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// The signal of an abort.
const SIGABRT: i32 = 6;

/// The family whose worker is killed, and one that is served beside it.
const VICTIM: &str = "abel";
const NEIGHBOUR: &str = "zuse";

/// The kinds of mail of each family; the worker is killed at a step of the first.
fn kinds() -> [MailKind; 2] {
    [MailKind::DAILY, SECOND_KIND.parse().unwrap()]
}

/// A tick after the notice of the day is due, at 06:30 in Toronto.
fn first_tick() -> DateTime<Utc> {
    "2026-11-21T11:40:00Z".parse().unwrap()
}

fn date() -> NaiveDate {
    "2026-11-21".parse().unwrap()
}

/// The ticks that settle what was left behind, in minutes after the first: after a lease, and after
/// the wait for a delivery event. Later ones find nothing to do.
const LATER: [i64; 4] = [6, 16, 31, 46];

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Killed {
    /// One, while the other has read the same record and waits to write over it.
    One,
    /// Whoever of two comes to that step.
    Both,
}

/// Where a worker is killed, and what is expected of that.
#[derive(Clone, Copy)]
struct Case {
    point: (Step, Side),
    killed: Killed,
    /// The mail service's events come, or are lost.
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
    /// How many minutes after the first tick the killed workers begin.
    fn kill_at(&self) -> i64 {
        match self.point.0 {
            Step::Doubt => LATER[0],
            Step::Decide => LATER[1],
            _ => 0,
        }
    }

    /// Before which step both have read the record and neither has changed it.
    fn meet_before(&self) -> Step {
        match self.point.0 {
            Step::Plan | Step::Doubt | Step::Decide => self.point.0,
            _ => Step::Claim,
        }
    }

    /// The table of crash points: what stands in the store, and how many mails left.
    fn left_behind(&self, delivery: Delivery) -> (Option<MailState>, usize) {
        use MailState::{Claimed, GaveUp, Pending, Sending, Sent, Unknown};
        use Side::{After, Before};
        match self.point {
            (Step::Plan, Before) => (None, 0),
            (Step::Plan, After) | (Step::Message, _) | (Step::Claim, Before) => (Some(Pending), 0),
            (Step::Claim, After) | (Step::Render, _) | (Step::BeginSending, Before) => {
                (Some(Claimed), 0)
            }
            (Step::BeginSending, After) | (Step::Send, Before) => (Some(Sending), 0),
            (Step::Send, After) | (Step::Settle, Before) => (Some(Sending), 1),
            (Step::Settle, After) => (Some(Sent), 1),
            (Step::Doubt, Before) => (Some(Sending), 1),
            (Step::Doubt, After) | (Step::Decide, Before) => (Some(Unknown), 1),
            (Step::Decide, After) => match delivery {
                Delivery::AtMostOnce => (Some(GaveUp), 1),
                Delivery::AtLeastOnce => (Some(Pending), 1),
            },
        }
    }

    /// The table of crash points: how it ends, and with how many mails.
    fn end(&self, delivery: Delivery) -> (MailState, usize) {
        use MailState::{Claimed, GaveUp, Pending, Sending, Sent, Unknown};
        let (left, mails) = self.left_behind(delivery);
        match (left, delivery) {
            (Some(Sending | Unknown), _) if self.events => (Sent, mails),
            (Some(Sending | Unknown), Delivery::AtMostOnce) => (GaveUp, mails),
            (None | Some(Pending | Claimed), _) | (Some(Sending | Unknown), _) => (Sent, mails + 1),
            (Some(state), _) => (state, mails),
        }
    }
}

/// Every step that this work makes, killed on each side.
fn cases(work: Work) -> Vec<Case> {
    let mut steps = vec![
        Step::Plan,
        Step::Claim,
        Step::Render,
        Step::BeginSending,
        Step::Send,
        Step::Settle,
        Step::Doubt,
        Step::Decide,
    ];
    if work == Work::Enqueue {
        steps.insert(1, Step::Message);
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
                    (Step::Send, Side::After) | (Step::Settle | Step::Doubt, Side::Before)
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

/// A store of its own for each case.
enum Stores {
    Sqlite,
    DynamoDb(Emulator),
}

impl Stores {
    async fn make(&self, folder: &Path, number: usize) -> (Box<dyn Store>, StoreAt) {
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

/// One case under way: a store with two families that have something to be told, and a mail service.
struct Stage<'a> {
    stores: &'a Stores,
    folder: TempDir,
    store: Box<dyn Store>,
    at: StoreAt,
    work: Work,
    events: bool,
}

impl<'a> Stage<'a> {
    async fn set(stores: &'a Stores, work: Work, delivery: Delivery, number: usize) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("mails")).unwrap();
        let (store, at) = stores.make(folder.path(), number).await;
        store.add_library(&sample::library("wpl")).await.unwrap();
        for id in [VICTIM, NEIGHBOUR] {
            let mut family = sample::family(id);
            family.preferences.delivery = delivery;
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

    /// Orders for a worker that is not to be killed, so many minutes after the first tick.
    fn orders(&self, work: Work, minutes: i64, label: &str) -> Orders {
        Orders {
            store: self.at.clone(),
            work,
            now: (first_tick() + Duration::minutes(minutes)).to_rfc3339(),
            label: label.to_owned(),
            mails: self.file("mails"),
            family: VICTIM.to_owned(),
            abort: None,
            meeting: None,
        }
    }

    fn start(&self, orders: &Orders) -> Child {
        let mut command = Command::new(hippo_tests::example_path("worker"));
        command
            .arg(serde_json::to_string(orders).unwrap())
            // What a system keeps of a process that aborted goes with the case.
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

    /// Waits for workers; those that were not aborted must have done their work.
    async fn ends(&self, workers: Vec<Child>) -> usize {
        let ends = workers.into_iter().map(Child::wait_with_output);
        let mut aborted = 0;
        for end in futures::future::join_all(ends).await {
            let end = end.unwrap();
            if was_aborted(end.status) {
                aborted += 1;
            } else {
                let said = String::from_utf8_lossy(&end.stderr).into_owned();
                assert!(end.status.success(), "{}: {said}", end.status);
            }
        }
        aborted
    }

    /// Two workers at once that nobody kills.
    async fn tick(&self, minutes: i64) {
        let labels = [format!("one-{minutes}"), format!("other-{minutes}")];
        let orders = labels.map(|label| self.orders(self.work, minutes, &label));
        let aborted = self.ends(orders.iter().map(|orders| self.start(orders)).collect());
        assert_eq!(aborted.await, 0);
    }

    /// The same message, or event, twice at once.
    async fn twice(&self, work: Work, minutes: i64) {
        let orders = self.orders(work, minutes, "again");
        let aborted = self.ends(vec![self.start(&orders), self.start(&orders)]);
        assert_eq!(aborted.await, 0);
    }

    async fn record(&self, kind: &MailKind, family: &str) -> Option<OutboxRecord> {
        let key = MailKey::new(kind.clone(), family.parse().unwrap(), date());
        self.store.mail(&key).await.unwrap()
    }

    /// Whether it is noted for the operator that a family has no notice.
    async fn is_noted(&self, kind: &MailKind, family: &str) -> bool {
        let noted = self.store.recent_alerts(100).await.unwrap();
        noted.iter().any(|noted| match &noted.alert {
            Alert::NoNotice {
                mail, family: of, ..
            } => mail == kind && of.as_str() == family,
            _ => false,
        })
    }

    /// Both families have a record of each kind, and nothing more happens to it by itself.
    async fn is_final(&self) -> bool {
        for (kind, family) in all_mails() {
            let record = self.record(&kind, family).await;
            if !record.is_some_and(|record| record.state.is_final()) {
                return false;
            }
        }
        true
    }

    /// Whatever became of the notice of the victim, its other mail was not held up: no later tick leaves
    /// it where nobody sends it.
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

    /// The state of the victim's notice, and how many mails of it left.
    async fn stands(&self) -> (Option<MailState>, usize) {
        let record = self.record(&MailKind::DAILY, VICTIM).await;
        let mails = self.mails(&MailKind::DAILY, VICTIM);
        (record.map(|record| record.state), mails)
    }

    /// The case's workers, until they are dead: what they left behind is still there. Then whoever was
    /// not killed comes to its end.
    async fn kill(&self, case: Case) -> (Option<MailState>, usize) {
        let minutes = case.kill_at();
        match case.point.0 {
            // There must be something to doubt first.
            Step::Doubt | Step::Decide => {
                let mut orders = self.orders(self.work, 0, "before");
                orders.abort = Some((Step::Send, Side::After));
                assert_eq!(self.ends(vec![self.start(&orders)]).await, 1);
            }
            _ => {}
        }
        if case.point.0 == Step::Decide {
            self.tick(LATER[0]).await;
        }
        let mut victim = self.orders(self.work, minutes, "victim");
        victim.abort = Some(case.point);
        let mut other = self.orders(self.work, minutes, "other");
        if case.killed == Killed::Both {
            other.abort = Some(case.point);
            let workers = vec![self.start(&victim), self.start(&other)];
            assert!(self.ends(workers).await >= 1, "nobody was killed");
            return self.stands().await;
        }
        let meeting = |here: &str, until: &str| Meeting {
            before: case.meet_before(),
            here: self.file(here),
            until: self.file(until),
        };
        victim.meeting = Some(meeting("victim-is-here", "other-is-here"));
        other.meeting = Some(meeting("other-is-here", "victim-is-dead"));
        let (victim, other) = (self.start(&victim), self.start(&other));
        assert_eq!(self.ends(vec![victim]).await, 1, "it was not killed");
        let left = self.stands().await;
        std::fs::write(self.file("victim-is-dead"), "").unwrap();
        assert_eq!(self.ends(vec![other]).await, 0);
        left
    }

    /// Later ticks until nothing is open, and then everything once more.
    async fn settle(&self, case: Case) {
        if self.events {
            self.twice(Work::Events, case.kill_at() + 1).await;
        }
        for minutes in LATER {
            if minutes <= case.kill_at() {
                continue;
            }
            if self.is_final().await {
                break;
            }
            self.tick(minutes).await;
            self.assert_not_held_up().await;
        }
        assert!(self.is_final().await, "it is never finalised");
        self.twice(Work::Redeliver, 60).await;
    }
}

/// Every mail of the day: its kind and its family.
fn all_mails() -> impl Iterator<Item = (MailKind, &'static str)> {
    let of_family = |family| kinds().map(|kind| (kind, family));
    [VICTIM, NEIGHBOUR].into_iter().flat_map(of_family)
}

fn was_aborted(status: ExitStatus) -> bool {
    status.signal() == Some(SIGABRT)
}

/// What must be true of every notice, whoever was killed.
async fn assert_sound(stage: &Stage<'_>, kind: &MailKind, family: &str, delivery: Delivery) {
    let record = stage.record(kind, family).await.expect("a record");
    let mails = stage.mails(kind, family);
    let end = format!("{kind} of {family}: {:?} with {mails} mails", record.state);
    assert!(record.state.is_final(), "it is never finalised: {end}");
    match record.state {
        MailState::Sent => assert!(mails > 0, "{end}"),
        MailState::GaveUp => {
            assert!(record.reason.is_some(), "nothing says why: {end}");
            let is_noted = stage.is_noted(kind, family).await;
            assert!(is_noted, "nobody will tell the operator: {end}");
        }
        _ => panic!("no reason for that: {end}"),
    }
    // A second one only where it was doubted for good that the first had left.
    let most = match delivery {
        Delivery::AtMostOnce => 1,
        Delivery::AtLeastOnce => 1 + record.doubts as usize,
    };
    assert!(mails <= most.min(2), "{end}");
}

async fn run_case(stage: &Stage<'_>, case: Case, delivery: Delivery) {
    let left = stage.kill(case).await;
    let (state, mails) = case.end(delivery);
    // To be killed both must come to that step: one that comes later finds the notice free, and sends it.
    let came_later = case.killed == Killed::Both
        && case.point == (Step::Decide, Side::After)
        && left == (Some(state), mails);
    if !came_later {
        assert_eq!(left, case.left_behind(delivery), "what was left behind");
    }
    // Whoever had read the record before it was claimed did not get over what was written since.
    if matches!(left.0, Some(MailState::Claimed | MailState::Sent))
        || (case.kill_at() == 0 && left.0 == Some(MailState::Sending))
    {
        let stands = stage.stands().await;
        assert_eq!(stands, left, "somebody went on with an old record");
    }
    if left.0 == Some(MailState::GaveUp) {
        let is_noted = stage.is_noted(&MailKind::DAILY, VICTIM).await;
        assert!(is_noted, "nobody will tell the operator");
    }
    stage.settle(case).await;
    for (kind, family) in all_mails() {
        assert_sound(stage, &kind, family, delivery).await;
    }
    let stands = stage.stands().await;
    assert_eq!(stands, (Some(state), mails), "how it ended");
}

/// Every case, one after the other; says which one failed.
async fn run_cases(stores: &Stores, work: Work, delivery: Delivery) {
    let cases = cases(work);
    for (number, case) in cases.iter().enumerate() {
        println!("{case}, {delivery:?}");
        let mut stage = Stage::set(stores, work, delivery, number).await;
        stage.events = case.events;
        run_case(&stage, *case, delivery).await;
    }
    println!("{} cases", cases.len());
}

/// The schedule twice, two workers, a message twice: nobody is killed.
async fn run_undisturbed(stores: &Stores, work: Work) {
    for round in 0..8 {
        let stage = Stage::set(stores, work, Delivery::AtLeastOnce, round).await;
        stage.tick(0).await;
        stage.twice(Work::Redeliver, 0).await;
        for (kind, family) in all_mails() {
            let record = stage.record(&kind, family).await.expect("a record");
            let stands = (record.state, stage.mails(&kind, family));
            assert_eq!(stands, (MailState::Sent, 1), "{kind} of {family}");
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
