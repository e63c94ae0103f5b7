//! A table that was restored under another name: what it may have sent is not sent again.

use std::sync::Mutex;

use async_trait::async_trait;
use chrono::{DateTime, Duration, NaiveDate, Utc};
use hippo_aws::dynamodb::{DynamoDbStore, schema};
use hippo_core::alerts::Alert;
use hippo_core::clock::Clock;
use hippo_core::jobs::notify::NotifyAllInput;
use hippo_core::jobs::notify::enqueue::{EnqueueNoticesPorts, enqueue_notices};
use hippo_core::outbox::{MailKey, MailKind, MailState};
use hippo_core::queue::{MailQueue, QueueError};
use hippo_core::run::ledger::{RunPlan, StartRules};
use hippo_core::run::{Job, RunKey, Trigger};
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

/// What a tick at `now` hands out.
async fn tick(store: &DynamoDbStore, now: DateTime<Utc>) -> Vec<MailKey> {
    let queue = TestQueue::default();
    let ports = EnqueueNoticesPorts {
        families: store,
        outbox: store,
        kinds: MailKind::ALL,
        alerts: store,
        runs: store,
        queue: &queue,
        clock: &TestClock(now),
    };
    let plan = RunPlan {
        key: RunKey {
            job: Job::NotifyAll,
            label: "tick".parse().unwrap(),
            scheduled_time: now,
        },
        trigger: Trigger::Schedule,
        input: serde_json::json!({}),
        allow_overlap: true,
        rules: StartRules::default(),
        after: None,
    };
    enqueue_notices(&ports, plan, &NotifyAllInput::default(), &|_| {})
        .await
        .unwrap();
    queue.0.into_inner().unwrap()
}

/// Copies every item into a new table, as a backup of DynamoDB does.
async fn copy(store: &Fresh) -> DynamoDbStore {
    schema::create_table(&store.client, RESTORED).await.unwrap();
    let scan = store.client.scan().table_name(store.table_name());
    for item in scan.send().await.unwrap().items.unwrap() {
        let put = store.client.put_item().table_name(RESTORED);
        put.set_item(Some(item)).send().await.unwrap();
    }
    DynamoDbStore::new(store.client.clone(), RESTORED)
}

async fn alerts_of_restores(store: &DynamoDbStore) -> Vec<Alert> {
    let noted = store.recent_alerts(100).await.unwrap().into_iter();
    noted
        .map(|noted| noted.alert)
        .filter(|alert| matches!(alert, Alert::StoreRestored { .. }))
        .collect()
}

#[tokio::test]
async fn table_of_another_name_sends_nothing_again_and_is_told_once() {
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

    // It is sent after the copy was made, so that the copy does not know.
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
        assert_eq!(alerts_of_restores(&restored).await.len(), 1);
        assert_eq!(restored.origin().await.unwrap(), StoreOrigin::Known);
    }
    let held = restored
        .mail(&MailKey::daily(family.id.clone(), day))
        .await
        .unwrap()
        .unwrap();
    assert!(held.is_held(), "{held:?}");
    // Who reads the table anew, as the next invocation does, finds its own name.
    let anew = DynamoDbStore::new(store.client.clone(), RESTORED);
    assert_eq!(anew.origin().await.unwrap(), StoreOrigin::Known);
    // The table that was copied has sent it, and has nothing to tell.
    let kept = store
        .mail(&MailKey::daily(family.id.clone(), day))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(kept.state, MailState::Sent);
    assert!(alerts_of_restores(&store).await.is_empty());
}
