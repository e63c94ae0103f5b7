//! An outbox worker that can be killed: the real jobs over a real store, with a folder as mail service.
//!
//! `worker CONFIG` takes a `WorkerConfig` as JSON. It aborts where the configuration says, without unwinding
//! or closing anything, like a machine that loses power. Its clock is frozen.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a worker that can't start may panic, which is not the same as an abort"
)]

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::future::Future;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hippo_aws::dynamodb::DynamoDbStore;
use hippo_core::clock::Clock;
use hippo_core::ids::FamilyId;
use hippo_core::jobs::JobError;
use hippo_core::jobs::notify::NotifyAllInput;
use hippo_core::jobs::notify::compose::{
    ComposeInput, ComposeOutcome, ComposedMail, Composers, MailComposer,
};
use hippo_core::jobs::notify::delivery_events::{DeliveryEvent, apply_delivery_event};
use hippo_core::jobs::notify::enqueue::{EnqueueNotices, EnqueueNoticesPorts};
use hippo_core::jobs::notify::run::{NotifyAll, deliver};
use hippo_core::jobs::notify::send::NotifyPorts;
use hippo_core::mail::{Mail, MailContent, MailTag, Mailer, SendOutcome};
use hippo_core::notice::last_notice::LastNotice;
use hippo_core::outbox::AcceptedBy;
use hippo_core::outbox::{MailKey, MailKind, MailState, OutboxRecord};
use hippo_core::queue::{MailQueue, QueueError};
use hippo_core::run::harness::Harness;
use hippo_core::run::ledger::{RunPlan, StartRules};
use hippo_core::run::{JobName, RunKey, Trigger};
use hippo_core::store::{OutboxCursor, OutboxStore, Store, StoreOrigin, StoreResult};
use hippo_local::clock::FrozenClock;
use hippo_local::sqlite::SqliteStore;
use hippo_tests::worker_config::{SECOND_KIND, Side, Step, StoreAt, Work, WorkerConfig};
use uuid::Uuid;

/// Longer than one worker ever waits for another.
const TIMEOUT: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() {
    let config = std::env::args().nth(1).expect("a configuration");
    let config: WorkerConfig = serde_json::from_str(&config).expect("a configuration");
    let store = open(&config.store);
    let libraries = store.libraries().await.expect("the libraries");
    let libraries: BTreeMap<_, _> = libraries
        .into_iter()
        .map(|library| (library.id.clone(), library))
        .collect();
    let clock = FrozenClock {
        at: config.now.parse().expect("a time"),
    };
    let watched = Watched {
        store: &*store,
        config: &config,
        enqueued: Mutex::default(),
    };
    let kinds = kinds();
    let composers = Composers::default().with(kinds[1].clone(), Picture);
    let ports = NotifyPorts {
        families: &*store,
        accounts: &*store,
        outbox: &watched,
        alerts: &*store,
        composers: &composers,
        mailer: &watched,
        clock: &clock,
        libraries: &libraries,
        operator_contact: None,
        public_url: None,
    };
    let harness = Harness::new(&*store, &clock);
    match config.work {
        Work::NotifyAll => {
            let plan = plan(&config, &clock);
            let input = NotifyAllInput::default();
            let job = NotifyAll {
                ports: &ports,
                runs: &*store,
                on_progress: &|_| {},
            };
            let run = harness.run(&job, plan, &input).await;
            run.expect("a run that was started");
        }
        Work::Enqueue => {
            let ports_of_tick = EnqueueNoticesPorts {
                families: &*store,
                outbox: &watched,
                kinds: &kinds,
                alerts: &*store,
                runs: &*store,
                queue: &watched,
                clock: &clock,
            };
            let plan = plan(&config, &clock);
            let input = NotifyAllInput::default();
            let job = EnqueueNotices {
                ports: &ports_of_tick,
                on_finalised: &|_| {},
            };
            let run = harness.run(&job, plan, &input).await;
            run.expect("a run that was started");
            let notices = watched.enqueued.lock().unwrap().clone();
            deliver_all(&ports, notices).await;
        }
        Work::Redeliver => {
            let mut notices = Vec::new();
            for family in store.families().await.expect("the families") {
                for kind in &kinds {
                    let records = store.recent_mails(kind, &family.id, 10).await;
                    let records = records.expect("the mails").into_iter();
                    notices.extend(records.map(|record| record.key()));
                }
            }
            deliver_all(&ports, notices).await;
        }
        Work::Events => {
            for tag in mails(&config.mails) {
                let event = DeliveryEvent::Accepted(AcceptedBy::RecipientServer);
                let applied =
                    apply_delivery_event(&watched, &*store, &clock, &tag, &event, None).await;
                applied.expect("an applied event");
            }
        }
    }
}

/// Returns the daily notice and the second kind.
fn kinds() -> [MailKind; 2] {
    [MailKind::DAILY, SECOND_KIND.parse().expect("a kind")]
}

/// Composes the mails of the second kind.
struct Picture;

#[async_trait]
impl MailComposer for Picture {
    async fn compose(&self, _input: &ComposeInput<'_>) -> Result<ComposeOutcome, JobError> {
        let words = "A picture".to_owned();
        Ok(ComposeOutcome::Send(Box::new(ComposedMail {
            content: MailContent {
                subject: words.clone(),
                text: words.clone(),
                html: words,
                picture: None,
            },
            last_notice: None,
        })))
    }
}

fn open(at: &StoreAt) -> Box<dyn Store> {
    match at {
        StoreAt::Sqlite(path) => Box::new(SqliteStore::open(path).expect("a database")),
        // The environment gives the region and the endpoint.
        StoreAt::DynamoDb { table } => {
            let client = hippo_aws::dynamodb::client(&hippo_aws::clients::load_lambda_config());
            Box::new(DynamoDbStore::new(client, table))
        }
    }
}

fn plan<'a>(config: &WorkerConfig, clock: &FrozenClock) -> RunPlan<'a> {
    RunPlan {
        key: RunKey {
            job: JobName::NOTIFY_ALL,
            label: config.label.parse().expect("a label"),
            scheduled_time: clock.now(),
        },
        trigger: Trigger::Schedule,
        input: serde_json::Value::Null,
        allow_overlap: true,
        rules: StartRules::default(),
        hooks: None,
    }
}

async fn deliver_all(ports: &NotifyPorts<'_>, notices: Vec<MailKey>) {
    let all = notices.iter().map(|key| async move {
        let done = deliver(ports, key, None, false);
        done.await.expect("a notice")
    });
    futures::future::join_all(all).await;
}

/// Returns the tags of the sent mails, read from their file names.
fn mails(folder: &Path) -> Vec<MailTag> {
    let files = std::fs::read_dir(folder).expect("the mails");
    let mut tags = Vec::new();
    for file in files {
        let name = file.expect("a mail").file_name();
        let name = name.into_string().expect("a name in UTF-8");
        let mut parts = name.split('.');
        let mut part = || parts.next().expect("a part of the name");
        tags.push(MailTag {
            kind: part().parse().expect("a kind"),
            family: part().parse().expect("a family"),
            date: part().parse().expect("a date"),
            fence: part().parse().expect("a fence"),
        });
    }
    tags
}

/// The store, the queue and the mail service; aborts or waits at the calls that the configuration names.
struct Watched<'a> {
    store: &'a dyn Store,
    config: &'a WorkerConfig,
    enqueued: Mutex<Vec<MailKey>>,
}

impl Watched<'_> {
    /// Makes a call, with its configured wait and abort.
    async fn run_step<T>(&self, step: Step, key: &MailKey, call: impl Future<Output = T>) -> T {
        if !self.is_watched(key) {
            return call.await;
        }
        self.wait_at_sync_point(step).await;
        self.abort_at(step, Side::Before);
        let answer = call.await;
        self.abort_at(step, Side::After);
        answer
    }

    fn is_watched(&self, key: &MailKey) -> bool {
        key.kind == MailKind::DAILY && key.family.as_str() == self.config.family
    }

    fn abort_at(&self, step: Step, side: Side) {
        if self.config.abort == Some((step, side)) {
            std::process::abort();
        }
    }

    async fn wait_at_sync_point(&self, step: Step) {
        let Some(sync_point) = &self.config.sync_point else {
            return;
        };
        if sync_point.before != step {
            return;
        }
        std::fs::write(&sync_point.arrived_file, "").expect("a new file");
        let since = Instant::now();
        while !sync_point.awaited_file.exists() {
            assert!(
                since.elapsed() < TIMEOUT,
                "no other worker came before {step:?}"
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[async_trait]
impl Mailer for Watched<'_> {
    async fn send(&self, mail: &Mail) -> SendOutcome {
        let tag = mail.tag.as_ref().expect("a mail with a tag");
        let take = async {
            // Written data survives the process, so no flush is needed.
            let name = format!("{}.{}", tag.message_id_local_part(), Uuid::new_v4());
            let mut options = OpenOptions::new();
            let file = options.write(true).create_new(true);
            file.open(self.config.mails.join(name)).expect("a new mail");
        };
        self.run_step(Step::Send, &tag.key(), take).await;
        SendOutcome::Accepted {
            message_id: tag.message_id_local_part(),
            refused_recipients: Vec::new(),
        }
    }
}

#[async_trait]
impl MailQueue for Watched<'_> {
    async fn send(&self, _run: &RunKey, mails: &[MailKey]) -> Result<(), QueueError> {
        let take = async { self.enqueued.lock().unwrap().extend_from_slice(mails) };
        match mails.iter().find(|key| self.is_watched(key)) {
            Some(key) => self.run_step(Step::Enqueue, key, take).await,
            None => take.await,
        }
        Ok(())
    }
}

#[async_trait]
impl OutboxStore for Watched<'_> {
    async fn origin(&self) -> StoreResult<StoreOrigin> {
        self.store.origin().await
    }

    async fn end_restore(&self) -> StoreResult<()> {
        self.store.end_restore().await
    }

    async fn last_sent_fence(&self, key: &MailKey) -> StoreResult<Option<u64>> {
        self.store.last_sent_fence(key).await
    }

    async fn plan_mail(&self, record: &OutboxRecord) -> StoreResult<bool> {
        let call = self.store.plan_mail(record);
        self.run_step(Step::Plan, &record.key(), call).await
    }

    async fn mail(&self, key: &MailKey) -> StoreResult<Option<OutboxRecord>> {
        self.store.mail(key).await
    }

    async fn replace_mail(
        &self,
        expected_revision: u64,
        record: &OutboxRecord,
        last_notice: Option<&LastNotice>,
    ) -> StoreResult<bool> {
        let step = match record.state {
            MailState::Claimed => Step::Claim,
            // The first SENDING has the notice; a second one has a reason.
            MailState::Sending if last_notice.is_some() => Step::BeginSending,
            MailState::Unknown => Step::MarkUnknown,
            // This mail service accepts every mail, so only doubt leads back to PENDING.
            MailState::GaveUp | MailState::Pending => Step::ResolveUnknown,
            _ => Step::Finalise,
        };
        let call = self
            .store
            .replace_mail(expected_revision, record, last_notice);
        self.run_step(step, &record.key(), call).await
    }

    async fn open_mails(
        &self,
        after: Option<&OutboxCursor>,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>> {
        self.store.open_mails(after, limit).await
    }

    async fn last_sent_notice(&self, family: &FamilyId) -> StoreResult<Option<LastNotice>> {
        // Only the composer of the daily notice asks for this.
        if family.as_str() == self.config.family {
            self.wait_at_sync_point(Step::Render).await;
            self.abort_at(Step::Render, Side::Before);
        }
        let last = self.store.last_sent_notice(family).await;
        if family.as_str() == self.config.family {
            self.abort_at(Step::Render, Side::After);
        }
        last
    }

    async fn recent_mails(
        &self,
        kind: &MailKind,
        family: &FamilyId,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>> {
        self.store.recent_mails(kind, family, limit).await
    }
}
