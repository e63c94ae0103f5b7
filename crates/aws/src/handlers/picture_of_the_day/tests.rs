use std::sync::Mutex;

use async_trait::async_trait;
use chrono::{NaiveDate, NaiveTime};
use hippo_core::alerts::heartbeat::Heartbeat;
use hippo_core::alerts::run_hooks::RunHooks;
use hippo_core::mail::{Mail, SendOutcome};
use hippo_core::picture::{Picture, PictureFailure, PictureFormat};
use hippo_core::run::harness::Harness;
use hippo_core::schedule::Schedule;
use hippo_core::store::{DeclaredScheduleStore as _, FamilyStore as _, RunStore as _};
use hippo_core::testing::contract::sample;
use hippo_core::testing::memory::{MemoryStore, NoHeartbeat};
use serde_json::json;

use super::*;
use crate::handlers::run_context::SavedSchedules;
use crate::handlers::testing::{TestClock, World};
use crate::schedules::Schedules;

struct TestFetcher;

#[async_trait]
impl PictureFetcher for TestFetcher {
    async fn fetch_picture(
        &self,
        _: &PictureSource,
        _: NaiveDate,
    ) -> Result<Option<Picture>, PictureFailure> {
        Ok(Some(Picture {
            title: None,
            credit: None,
            format: PictureFormat::Gif,
            bytes: b"GIF89a".as_slice().into(),
        }))
    }
}

/// Takes every mail.
struct TestMailer;

#[async_trait]
impl Mailer for TestMailer {
    async fn send(&self, _: &Mail) -> SendOutcome {
        SendOutcome::Accepted {
            message_id: "id".to_owned(),
            refused_recipients: Vec::new(),
        }
    }
}

/// 2026-11-21 07:05 in Toronto; `conrad` wants the picture at 07:00.
struct Stage {
    world: World,
    store: Arc<MemoryStore>,
    clock: Arc<TestClock>,
}

impl Stage {
    async fn new() -> Self {
        let store: Arc<MemoryStore> = Arc::default();
        let mut family = sample::family("conrad");
        let since = "2026-11-21T05:00:00Z".parse().unwrap();
        family.set_picture(NaiveTime::from_hms_opt(7, 0, 0), since);
        store.add_family(&family).await.unwrap();
        let now = "2026-11-21T12:05:00Z".parse().unwrap();
        Self {
            world: World::new().await,
            store,
            clock: Arc::new(TestClock(Mutex::new(now))),
        }
    }

    async fn handle(
        &self,
        source: Option<&PictureSource>,
        schedules: &Schedules,
        event: &Value,
    ) -> Result<Value, HandlerError> {
        let (store, clock) = (&*self.store, &*self.clock);
        let context = RunContext {
            harness: Harness::new(store, clock),
            metrics: &self.world.metrics,
            schedules: SavedSchedules::new(schedules, store),
            hooks: RunHooks {
                alerts: store,
                outbox: store,
                notifiers: None,
                heartbeat: Heartbeat {
                    client: &NoHeartbeat,
                    urls: BTreeMap::new(),
                    runs: store,
                },
                clock,
            },
        };
        let ports = Ports {
            source,
            fetcher: Arc::new(TestFetcher),
            store: self.store.clone(),
            mailer: &TestMailer,
            clock: self.clock.clone(),
            operator_contact: None,
            public_url: None,
        };
        handle(&ports, &context, event).await
    }
}

fn source() -> PictureSource {
    PictureSource::image("https://pictures.example.org/today".parse().unwrap())
}

#[tokio::test]
async fn due_picture_is_sent_once_and_counted() {
    let stage = Stage::new().await;
    for time in ["12:00", "12:15"] {
        let event = json!({"label": "picture", "scheduled_time": format!("2026-11-21T{time}:00Z")});
        let answer = stage
            .handle(Some(&source()), &Schedules::new(), &event)
            .await
            .unwrap();
        let run = format!("picture-of-the-day/picture/2026-11-21T{time}:00Z");
        assert_eq!(answer, json!({"run": run}));
    }
    assert_eq!(stage.world.published("NoticesSent"), [(1, vec![])]);
    assert_eq!(stage.world.published("Runs").len(), 2);
    let lines = stage.world.lines();
    assert!(lines.contains(r#""kind":"picture""#), "{lines}");
}

#[tokio::test]
async fn run_without_a_source_is_not_recorded() {
    let stage = Stage::new().await;
    let event = json!({"label": "picture", "scheduled_time": "2026-11-21T12:00:00Z"});
    let error = stage
        .handle(None, &Schedules::new(), &event)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("PictureUrl"), "{error}");
    let runs = stage.store.recent_runs(None, None, 10).await.unwrap();
    assert_eq!(runs, []);
}

#[tokio::test]
async fn stack_without_a_source_forgets_the_saved_schedules() {
    let stage = Stage::new().await;
    let job = JobName::PICTURE_OF_THE_DAY;
    let list = crate::schedules::ScheduleList::compiled_in().unwrap();
    let declared = list.resolve(job, chrono_tz::UTC, &|_| None).unwrap();
    let event = json!({"save_schedules": true});
    for (source, schedules, expected) in
        [(Some(source()), declared, 1), (None, Schedules::new(), 0)]
    {
        let answer = stage.handle(source.as_ref(), &schedules, &event).await;
        assert_eq!(
            answer.unwrap(),
            json!({"schedules": expected, "changed": 1})
        );
        let saved: Vec<Schedule> = stage.store.declared_schedules(job).await.unwrap();
        assert_eq!(saved.len(), expected);
    }
}

#[tokio::test]
async fn function_without_a_source_passes_its_dry_run() {
    let stage = Stage::new().await;
    let event = crate::dry_run::event();
    let answer = stage.handle(None, &Schedules::new(), &event).await;
    assert_eq!(answer.unwrap(), event);
}
