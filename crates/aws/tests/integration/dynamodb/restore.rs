//! Tests a table restored under another name: mails that may have been sent aren't sent again.

use std::sync::Mutex;

use async_trait::async_trait;
use chrono::{DateTime, Duration, NaiveDate, Utc};
use hippo_aws::dynamodb::{DynamoDbStore, schema};
use hippo_core::alerts::Alert;
use hippo_core::clock::Clock;
use hippo_core::jobs::notify::NotifyAllInput;
use hippo_core::jobs::notify::enqueue::{EnqueueNotices, EnqueueNoticesPorts};
use hippo_core::outbox::{MailKey, MailKind, MailState};
use hippo_core::queue::{MailQueue, QueueError};
use hippo_core::run::harness::Harness;
use hippo_core::run::ledger::{RunPlan, StartRules};
use hippo_core::run::{JobName, RunKey, Trigger};
use hippo_core::store::{AlertStore as _, FamilyStore as _, OutboxStore as _, StoreOrigin};
use hippo_core::testing::contract::sample;
use uuid::Uuid;

use crate::dynamodb::emulator::{Fresh, fresh};

const RESTORED: &str = "libraryhippo-restored";

#[derive(Default)]
struct TestQueue(Mutex<Vec<MailKey>>);

#[async_trait]
impl MailQueue for TestQueue {
    async fn send(&self, _: &RunKey, notices: &[MailKey]) -> Result<(), QueueError> {
        self.0.lock().unwrap().extend_from_slice(notices);
        Ok(())
    }
}

struct TestClock(DateTime<Utc>);

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }

    async fn sleep(&self, _: std::time::Duration) {}
}

/// Runs a tick at `now`. Returns the mails that it enqueues.
async fn tick(store: &DynamoDbStore, now: DateTime<Utc>) -> Vec<MailKey> {
    let queue = TestQueue::default();
    let ports = EnqueueNoticesPorts {
        families: store,
        outbox: store,
        kinds: MailKind::OF_NOTIFY_ALL,
        alerts: store,
        runs: store,
        queue: &queue,
        clock: &TestClock(now),
    };
    let plan = RunPlan {
        key: RunKey {
            job: JobName::NOTIFY_ALL,
            label: "tick".parse().unwrap(),
            scheduled_time: now,
        },
        trigger: Trigger::Schedule,
        input: serde_json::json!({}),
        allow_overlap: true,
        rules: StartRules::default(),
        hooks: None,
    };
    let job = EnqueueNotices {
        ports: &ports,
        on_finalised: &|_| {},
    };
    let harness = Harness::new(store, ports.clock);
    let input = NotifyAllInput::default();
    harness.run(&job, plan, &input).await.unwrap();
    queue.0.into_inner().unwrap()
}

/// Copies every item into a new table, like a DynamoDB restore.
async fn copy(store: &Fresh) -> DynamoDbStore {
    schema::create_table(&store.client, RESTORED).await.unwrap();
    let scan = store.client.scan().table_name(store.table_name());
    for item in scan.send().await.unwrap().items.unwrap() {
        let put = store.client.put_item().table_name(RESTORED);
        put.set_item(Some(item)).send().await.unwrap();
    }
    DynamoDbStore::new(store.client.clone(), RESTORED)
}

async fn restore_alerts(store: &DynamoDbStore) -> Vec<Alert> {
    let stored = store.recent_alerts(100).await.unwrap().into_iter();
    stored
        .map(|stored| stored.alert)
        .filter(|alert| matches!(alert, Alert::StoreRestored { .. }))
        .collect()
}

#[tokio::test]
async fn restored_table_resends_nothing_and_raises_one_alert() {
    let Some(store) = fresh().await else { return };
    let family = sample::family("conrad");
    store.add_family(&family).await.unwrap();
    // After the family's time of day in its own zone.
    let now: DateTime<Utc> = "2026-11-21T12:00:00Z".parse().unwrap();
    let day: NaiveDate = "2026-11-21".parse().unwrap();
    let planned = tick(&store, now).await;
    assert_eq!(planned.len(), 1, "{planned:?}");
    assert_eq!(store.origin().await.unwrap(), StoreOrigin::Known);
    let restored = copy(&store).await;

    // It is sent after the copy, so the restored table doesn't have it.
    let record = store
        .mail(&MailKey::daily(family.id.clone(), day))
        .await
        .unwrap()
        .unwrap();
    let claimed = record.claim(Uuid::new_v4(), now).unwrap();
    let sending = claimed.begin_sending("00ff".to_owned(), &[], now).unwrap();
    let sent = sending.accepted("id".to_owned(), now).unwrap();
    for (before, after) in [(&record, &claimed), (&claimed, &sending), (&sending, &sent)] {
        let replaced = store.replace_mail(before.revision, after, None).await;
        assert!(replaced.unwrap());
    }

    for minutes in [15, 30, 45, 24 * 60] {
        let now = now + Duration::minutes(minutes);
        let enqueued = tick(&restored, now).await;
        let days: Vec<NaiveDate> = enqueued.iter().map(|notice| notice.date).collect();
        let next_day = minutes == 24 * 60;
        assert!(!days.contains(&day), "after {minutes} minutes");
        assert_eq!(days.len(), usize::from(next_day), "after {minutes} minutes");
        assert_eq!(restore_alerts(&restored).await.len(), 1);
        assert_eq!(restored.origin().await.unwrap(), StoreOrigin::Known);
    }
    let held = restored
        .mail(&MailKey::daily(family.id.clone(), day))
        .await
        .unwrap()
        .unwrap();
    assert!(held.is_held(), "{held:?}");
    // The next invocation finds the table's own name.
    let reopened = DynamoDbStore::new(store.client.clone(), RESTORED);
    assert_eq!(reopened.origin().await.unwrap(), StoreOrigin::Known);
    // The original table has sent it, and raises no alert.
    let original = store
        .mail(&MailKey::daily(family.id.clone(), day))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(original.state, MailState::Sent);
    assert!(restore_alerts(&store).await.is_empty());
}
