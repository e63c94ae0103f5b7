//! A worker of the notices that can be killed: the real jobs over a real store, and a mail service that is
//! a folder.
//!
//! `worker ORDERS`, in the JSON of `hippo_tests::orders`. It aborts where it is told to, as a machine does
//! that loses its power: nothing is unwound, nothing is closed. Its clock stands still.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a worker that cannot begin may stop at once: that is another end than an abort"
)]

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::future::Future;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::NaiveDate;
use hippo_aws::dynamodb::DynamoDbStore;
use hippo_core::clock::Clock;
use hippo_core::ids::FamilyId;
use hippo_core::jobs::notify::NotifyAllInput;
use hippo_core::jobs::notify::delivery_events::{Evidence, settle_by_evidence};
use hippo_core::jobs::notify::enqueue::{EnqueueNoticesPorts, enqueue_notices};
use hippo_core::jobs::notify::run::{deliver, notify_all};
use hippo_core::jobs::notify::send::NotifyPorts;
use hippo_core::mail::{Mail, MailAnswer, MailTag, Mailer};
use hippo_core::notice::record::settling::LeftBy;
use hippo_core::notice::record::{NoticeRecord, NoticeState};
use hippo_core::notice::told::Told;
use hippo_core::queue::{DueNotice, NoticeQueue, QueueError};
use hippo_core::run::ledger::{RunPlan, StartRules};
use hippo_core::run::{Job, RunKey, Trigger};
use hippo_core::store::{
    AccountStore, LoadedFamily, NoticeCursor, NoticeStore, Store, StoreOrigin, StoreResult,
};
use hippo_local::clock::FrozenClock;
use hippo_local::sqlite::SqliteStore;
use hippo_tests::orders::{Orders, Side, Step, StoreAt, Work};
use uuid::Uuid;

/// More than anybody lets another wait.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() {
    let orders = std::env::args().nth(1).expect("orders");
    let orders: Orders = serde_json::from_str(&orders).expect("orders");
    let store = open(&orders.store);
    let libraries = store.libraries().await.expect("the libraries");
    let libraries: BTreeMap<_, _> = libraries
        .into_iter()
        .map(|library| (library.id.clone(), library))
        .collect();
    let clock = FrozenClock {
        at: orders.now.parse().expect("a time"),
    };
    let watched = Watched {
        store: &*store,
        orders: &orders,
        enqueued: Mutex::default(),
    };
    let ports = NotifyPorts {
        families: &*store,
        accounts: &watched,
        notices: &watched,
        alerts: &*store,
        mailer: &watched,
        clock: &clock,
        libraries: &libraries,
        operator_contact: None,
    };
    match orders.work {
        Work::NotifyAll => {
            let plan = plan(&orders, &clock);
            let input = NotifyAllInput::default();
            let run = notify_all(&ports, &*store, plan, &input, &|| false, &|_| {});
            run.await.expect("a run").expect("a run that began");
        }
        Work::Enqueue => {
            let ports_of_tick = EnqueueNoticesPorts {
                families: &*store,
                notices: &watched,
                alerts: &*store,
                runs: &*store,
                queue: &watched,
                clock: &clock,
            };
            let plan = plan(&orders, &clock);
            let input = NotifyAllInput::default();
            let run = enqueue_notices(&ports_of_tick, plan, &input, &|_| {});
            run.await.expect("a run").expect("a run that began");
            let notices = watched.enqueued.lock().unwrap().clone();
            deliver_all(&ports, notices).await;
        }
        Work::Redeliver => {
            let mut notices = Vec::new();
            for family in store.families().await.expect("the families") {
                let records = store.recent_notices(&family.id, 10).await;
                let records = records.expect("the notices").into_iter();
                notices.extend(records.map(|record| DueNotice {
                    family: record.family,
                    date: record.date,
                }));
            }
            deliver_all(&ports, notices).await;
        }
        Work::Events => {
            for tag in mails(&orders.mails) {
                let left = Evidence::Left(LeftBy::Arriving);
                let settled =
                    settle_by_evidence(&watched, &*store, &clock, &tag, &left, None).await;
                settled.expect("an event that counts");
            }
        }
    }
}

fn open(at: &StoreAt) -> Box<dyn Store> {
    match at {
        StoreAt::Sqlite(path) => Box::new(SqliteStore::open(path).expect("a database")),
        // Where DynamoDB is, the environment says.
        StoreAt::DynamoDb { table } => {
            let client = hippo_aws::dynamodb::client(&hippo_aws::clients::of_lambda());
            Box::new(DynamoDbStore::new(client, table))
        }
    }
}

fn plan<'a>(orders: &Orders, clock: &FrozenClock) -> RunPlan<'a> {
    RunPlan {
        key: RunKey {
            job: Job::NotifyAll,
            label: orders.label.parse().expect("a label"),
            scheduled_time: clock.now(),
        },
        trigger: Trigger::Schedule,
        input: serde_json::Value::Null,
        allow_overlap: true,
        rules: StartRules::default(),
        after: None,
    }
}

async fn deliver_all(ports: &NotifyPorts<'_>, notices: Vec<DueNotice>) {
    let all = notices.iter().map(|notice| async move {
        let done = deliver(ports, &notice.family, notice.date, None, false);
        done.await.expect("a notice")
    });
    futures::future::join_all(all).await;
}

/// The tags of the mails that left, by the names of their files.
fn mails(folder: &Path) -> Vec<MailTag> {
    let files = std::fs::read_dir(folder).expect("the mails");
    let mut tags = Vec::new();
    for file in files {
        let name = file.expect("a mail").file_name();
        let name = name.into_string().expect("a name in UTF-8");
        let mut parts = name.split('.');
        let mut part = || parts.next().expect("a part of the name");
        tags.push(MailTag {
            family: part().parse().expect("a family"),
            date: part().parse().expect("a date"),
            fence: part().parse().expect("a fence"),
        });
    }
    tags
}

/// The store, the queue and the mail service, with somebody who watches every call.
struct Watched<'a> {
    store: &'a dyn Store,
    orders: &'a Orders,
    enqueued: Mutex<Vec<DueNotice>>,
}

impl Watched<'_> {
    /// Makes a call, unless the worker is to be dead by then.
    async fn at<T>(&self, step: Step, family: &FamilyId, call: impl Future<Output = T>) -> T {
        if family.as_str() != self.orders.family {
            return call.await;
        }
        self.meet(step).await;
        self.abort_at(step, Side::Before);
        let answer = call.await;
        self.abort_at(step, Side::After);
        answer
    }

    fn abort_at(&self, step: Step, side: Side) {
        if self.orders.abort == Some((step, side)) {
            std::process::abort();
        }
    }

    async fn meet(&self, step: Step) {
        let Some(meeting) = &self.orders.meeting else {
            return;
        };
        if meeting.before != step {
            return;
        }
        std::fs::write(&meeting.here, "").expect("a file that says so");
        let since = Instant::now();
        while !meeting.until.exists() {
            assert!(since.elapsed() < PATIENCE, "nobody came before {step:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[async_trait]
impl Mailer for Watched<'_> {
    async fn send(&self, mail: &Mail) -> MailAnswer {
        let tag = mail.tag.as_ref().expect("a mail with a tag");
        let take = async {
            let MailTag {
                family,
                date,
                fence,
            } = tag;
            // What was written outlives its process, if not the machine: there is no need to flush.
            let name = format!("{family}.{date}.{fence}.{}", Uuid::new_v4());
            let mut options = OpenOptions::new();
            let file = options.write(true).create_new(true);
            file.open(self.orders.mails.join(name)).expect("a new mail");
        };
        self.at(Step::Send, &tag.family, take).await;
        MailAnswer::Accepted {
            message_id: tag.message_id_local_part(),
            refused: Vec::new(),
        }
    }
}

#[async_trait]
impl NoticeQueue for Watched<'_> {
    async fn send(&self, _run: &RunKey, notices: &[DueNotice]) -> Result<(), QueueError> {
        let ours = |notice: &&DueNotice| notice.family.as_str() == self.orders.family;
        let take = async { self.enqueued.lock().unwrap().extend_from_slice(notices) };
        match notices.iter().find(ours) {
            Some(notice) => self.at(Step::Message, &notice.family, take).await,
            None => take.await,
        }
        Ok(())
    }
}

#[async_trait]
impl AccountStore for Watched<'_> {
    async fn load_family(&self, family: &FamilyId) -> StoreResult<Option<LoadedFamily>> {
        let call = self.store.load_family(family);
        self.at(Step::Render, family, call).await
    }
}

#[async_trait]
impl NoticeStore for Watched<'_> {
    async fn origin(&self) -> StoreResult<StoreOrigin> {
        self.store.origin().await
    }

    async fn end_restore(&self) -> StoreResult<()> {
        self.store.end_restore().await
    }

    async fn sent_before(&self, family: &FamilyId, date: NaiveDate) -> StoreResult<Option<u64>> {
        self.store.sent_before(family, date).await
    }

    async fn plan_notice(&self, record: &NoticeRecord) -> StoreResult<bool> {
        let call = self.store.plan_notice(record);
        self.at(Step::Plan, &record.family, call).await
    }

    async fn notice(
        &self,
        family: &FamilyId,
        date: NaiveDate,
    ) -> StoreResult<Option<NoticeRecord>> {
        self.store.notice(family, date).await
    }

    async fn replace_notice(
        &self,
        revision: u64,
        record: &NoticeRecord,
        told: Option<&Told>,
    ) -> StoreResult<bool> {
        let step = match record.state {
            NoticeState::Claimed => Step::Claim,
            // With what it tells, or once more with a reason.
            NoticeState::Sending if told.is_some() => Step::Arm,
            NoticeState::Unknown => Step::Doubt,
            // The mail service here takes every mail: only doubt leads back.
            NoticeState::GaveUp | NoticeState::Pending => Step::Decide,
            _ => Step::Settle,
        };
        let call = self.store.replace_notice(revision, record, told);
        self.at(step, &record.family, call).await
    }

    async fn open_notices(
        &self,
        after: Option<&NoticeCursor>,
        limit: usize,
    ) -> StoreResult<Vec<NoticeRecord>> {
        self.store.open_notices(after, limit).await
    }

    async fn last_told(&self, family: &FamilyId) -> StoreResult<Option<Told>> {
        self.store.last_told(family).await
    }

    async fn recent_notices(
        &self,
        family: &FamilyId,
        limit: usize,
    ) -> StoreResult<Vec<NoticeRecord>> {
        self.store.recent_notices(family, limit).await
    }
}
