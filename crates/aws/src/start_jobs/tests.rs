use std::sync::Mutex;

use async_trait::async_trait;
use axum::http::StatusCode;
use hippo_core::run::work::{Subject, WorkItem, WorkOutcome, WorkResult};
use hippo_core::run::{Counts, Trigger};
use hippo_core::store::RunStore as _;
use hippo_core::testing::memory::MemoryStore;
use serde_json::json;

use super::*;
use crate::testing::{Fake, config, fake};

struct TestClock(Mutex<DateTime<Utc>>);

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, _: std::time::Duration) {}
}

struct World {
    lambda: Fake,
    store: Arc<MemoryStore>,
    clock: Arc<TestClock>,
    starter: JobStarter,
}

fn at(time: &str) -> DateTime<Utc> {
    format!("2026-11-21T{time}Z").parse().unwrap()
}

fn fields(input: Value) -> Map<String, Value> {
    input.as_object().unwrap().clone()
}

impl World {
    /// A function for each job but the pictures; AWS answers with this status.
    async fn new(status: StatusCode) -> Self {
        let lambda = fake(move |_, _| (status, "{}".to_owned())).await;
        let store = Arc::<MemoryStore>::default();
        let clock = Arc::new(TestClock(Mutex::new(at("10:00:00.123"))));
        let functions = [JobName::CHECK_CARDS, JobName::NOTIFY_ALL];
        let functions = functions.map(|job| (job, format!("stack-{job}")));
        let starter = JobStarter::new(
            &config(&lambda.url),
            functions.into(),
            store.clone(),
            store.clone(),
            clock.clone(),
        );
        Self {
            lambda,
            store,
            clock,
            starter,
        }
    }

    fn set_time(&self, time: &str) {
        *self.clock.0.lock().unwrap() = at(time);
    }

    async fn start(&self, job: JobName, input: Value) -> Result<RunKey, CannotStart> {
        self.starter.start(job, &fields(input)).await
    }

    /// The events that the functions were started with.
    fn events(&self) -> Vec<Value> {
        let bodies = self.lambda.bodies().into_iter();
        bodies
            .map(|body| serde_json::from_slice(&body).unwrap())
            .collect()
    }

    async fn record(&self, key: &str, outcome: RunOutcome, input: Value) -> Run {
        let run = Run {
            key: key.parse().unwrap(),
            trigger: Trigger::Person,
            input,
            started_at: at("10:00:00"),
            reported_at: at("10:00:00"),
            finished_at: None,
            outcome,
            counts: Counts::default(),
        };
        assert!(self.store.record_run(&run).await.unwrap());
        run
    }
}

#[tokio::test]
async fn job_is_started_as_a_persons_run_with_its_whole_input() {
    let world = World::new(StatusCode::ACCEPTED).await;
    let started = world.start(JobName::CHECK_CARDS, json!({"scope": "failed"}));
    let run = started.await.unwrap();
    assert_eq!(
        run.to_string(),
        "check-cards/person/2026-11-21T10:00:00.123Z"
    );
    let given = json!({"at_once": true, "family": "lee"});
    world.start(JobName::NOTIFY_ALL, given).await.unwrap();
    let time = "2026-11-21T10:00:00.123Z";
    assert_eq!(
        world.events(),
        [
            json!({"label": "person", "scheduled_time": time, "scope": "failed", "family": null, "library": null}),
            json!({"label": "person", "scheduled_time": time, "at_once": false, "family": "lee", "date": null}),
        ]
    );
}

#[tokio::test]
async fn same_request_within_a_minute_starts_nothing() {
    let world = World::new(StatusCode::ACCEPTED).await;
    let start = |input| world.start(JobName::CHECK_CARDS, input);
    start(json!({})).await.unwrap();
    // Even if the first one isn't on record yet, and over the boundary of a second or minute.
    for time in ["10:00:00.123", "10:00:01", "10:01:00"] {
        world.set_time(time);
        let again = start(json!({"scope": "all"})).await;
        assert_eq!(again, Err(CannotStart::StillRunning), "{time}");
    }
    start(json!({"scope": "failed"})).await.unwrap();
    world.set_time("10:01:01");
    start(json!({})).await.unwrap();
    assert_eq!(world.events().len(), 3);
}

#[tokio::test]
async fn check_of_one_card_always_starts_to_try_a_second_pin() {
    let world = World::new(StatusCode::ACCEPTED).await;
    let card = hippo_core::ids::CardId::generate();
    for time in ["10:00:00", "10:00:20"] {
        world.set_time(time);
        let started = world.start(JobName::CHECK_CARDS, json!({"card": card}));
        started.await.unwrap();
    }
    assert_eq!(world.events().len(), 2);
}

#[tokio::test]
async fn clicks_at_the_same_time_start_one_run() {
    let world = World::new(StatusCode::ACCEPTED).await;
    let start = || world.start(JobName::CHECK_CARDS, json!({}));
    let (one, other, third) = futures::join!(start(), start(), start());
    let started = [one, other, third].iter().filter(|one| one.is_ok()).count();
    assert_eq!((started, world.events().len()), (1, 1));
}

#[tokio::test]
async fn run_that_is_going_is_not_started_again_until_it_is_silent() {
    let world = World::new(StatusCode::ACCEPTED).await;
    let input = json!({"scope": "all", "family": null, "library": null});
    let key = "check-cards/person/2026-11-21T10:00:00Z";
    world.record(key, RunOutcome::Running, input).await;
    world.set_time("10:10:00");
    let again = world.start(JobName::CHECK_CARDS, json!({})).await;
    assert_eq!(again, Err(CannotStart::StillRunning));
    world.set_time("10:10:01");
    world.start(JobName::CHECK_CARDS, json!({})).await.unwrap();
}

#[tokio::test]
async fn run_starts_again_for_what_failed_in_it() {
    let world = World::new(StatusCode::ACCEPTED).await;
    let key = "check-cards/all/2026-11-21T10:00:00Z";
    let run = world
        .record(key, RunOutcome::DoneWithFailures, json!({"scope": "all"}))
        .await;
    let work = WorkItem {
        item_id: "visit".to_owned(),
        results: vec![WorkResult {
            subject: Subject::Card {
                family: "lee".parse().unwrap(),
                card: hippo_core::ids::CardId::generate(),
                library: "kpl".parse().unwrap(),
            },
            outcome: WorkOutcome::Failed("site_down".to_owned()),
        }],
    };
    world.store.save_work_item(&run.key, &work).await.unwrap();
    world.starter.start_again(&run.key, true).await.unwrap();
    let event = &world.events()[0];
    assert_eq!(
        (&event["scope"], &event["family"], &event["library"]),
        (&json!("failed"), &json!("lee"), &json!("kpl"))
    );
}

#[tokio::test]
async fn job_without_a_function_and_wrong_input_are_refused() {
    let world = World::new(StatusCode::ACCEPTED).await;
    for (job, input, expected) in [
        (JobName::PICTURE_OF_THE_DAY, json!({}), "no function"),
        (JobName::CHECK_CARDS, json!({"scoop": 1}), "“scoop”"),
    ] {
        let error = world.start(job, input).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert_eq!(world.events(), Vec::<Value>::new());
}

#[tokio::test]
async fn refusal_of_aws_is_reported_and_not_retried() {
    let world = World::new(StatusCode::FORBIDDEN).await;
    let error = world.start(JobName::CHECK_CARDS, json!({})).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("stack-check-cards"), "{error}");
    assert_eq!(world.events().len(), 1);
}
