use std::sync::Mutex;

use async_trait::async_trait;
use chrono::Duration;
use rstest::rstest;

use super::*;
use crate::alerts::heartbeat::MissedHeartbeat;
use crate::clock::Clock as _;
use crate::outbox::MailKind;
use crate::run::Counts;
use crate::run::work::{Subject, WorkItem, WorkResult};
use crate::testing::world::World;

#[derive(Default)]
struct FakeClient(Mutex<Vec<String>>);

#[async_trait]
impl HeartbeatClient for FakeClient {
    async fn send(&self, url: &Url) -> Result<(), MissedHeartbeat> {
        self.0.lock().unwrap().push(url.to_string());
        Ok(())
    }
}

const URL: &str = "https://alive.example.org/x?create=1";

fn heartbeat<'a>(world: &'a World, client: &'a FakeClient, start_fail: bool) -> Heartbeat<'a> {
    Heartbeat {
        client,
        urls: [(
            JobName::CHECK_CARDS,
            HeartbeatUrl {
                url: URL.parse().unwrap(),
                start_fail,
            },
        )]
        .into(),
        runs: &world.store,
    }
}

fn run(world: &World, outcome: RunOutcome, done: u32, failed: u32) -> Run {
    let now = world.clock.now();
    let mut counts = Counts {
        planned: done + failed,
        done,
        ..Counts::default()
    };
    for _ in 0..failed {
        counts.add_failure("site_down");
    }
    Run {
        key: format!("check-cards/all/{}", now.format("%Y-%m-%dT%H:%M:%SZ"))
            .parse()
            .unwrap(),
        trigger: Trigger::Schedule,
        input: serde_json::Value::Null,
        started_at: now,
        reported_at: now,
        finished_at: Some(now),
        outcome,
        counts,
    }
}

#[rstest]
#[case::all_done(RunOutcome::Done, 3, 0, Some(URL))]
#[case::nothing_to_do(RunOutcome::Done, 0, 0, Some(URL))]
#[case::some_failed(RunOutcome::DoneWithFailures, 1, 2, Some(URL))]
#[case::every_card_failed(
    RunOutcome::DoneWithFailures,
    0,
    3,
    Some("https://alive.example.org/x/fail?create=1")
)]
#[case::the_run_failed(
    RunOutcome::Failed,
    3,
    0,
    Some("https://alive.example.org/x/fail?create=1")
)]
#[case::too_late(RunOutcome::Missed, 0, 0, None)]
#[case::paused(RunOutcome::SkippedPaused, 0, 0, None)]
#[case::a_person_stopped_it(RunOutcome::Interrupted, 2, 0, None)]
#[tokio::test]
async fn heartbeat_follows_good_runs_only(
    #[case] outcome: RunOutcome,
    #[case] done: u32,
    #[case] failed: u32,
    #[case] expected: Option<&str>,
) {
    let world = World::new().await;
    let run = run(&world, outcome, done, failed);
    for start_fail in [true, false] {
        let pings = FakeClient::default();
        let heartbeat = heartbeat(&world, &pings, start_fail);
        heartbeat.send_end(&run, world.clock.now()).await;
        let by_person = Run {
            trigger: Trigger::Person,
            ..run.clone()
        };
        heartbeat.send_end(&by_person, world.clock.now()).await;
        let expected = expected.filter(|url| start_fail || *url == URL);
        assert_eq!(*pings.0.lock().unwrap(), Vec::from_iter(expected));
    }
}

#[tokio::test]
async fn start_signal_is_sent_only_where_enabled() {
    let world = World::new().await;
    let run = run(&world, RunOutcome::Running, 0, 0);
    for (start_fail, expected) in [
        (false, vec![]),
        (true, vec!["https://alive.example.org/x/start?create=1"]),
    ] {
        let pings = FakeClient::default();
        heartbeat(&world, &pings, start_fail).send_start(&run).await;
        assert_eq!(*pings.0.lock().unwrap(), expected);
    }
}

#[rstest]
#[case::every_card_failed(&["site_down", "site_down"], false)]
#[case::one_was_read(&["site_down", "done"], true)]
#[case::still_going(&["done"], true)]
#[case::nothing_reported_yet(&[], true)]
#[tokio::test]
async fn heartbeat_of_a_run_with_workers_follows_the_previous_run(
    #[case] outcomes: &[&str],
    #[case] is_good: bool,
    #[values(0, 20)] backfilled: u32,
) {
    let world = World::new().await;
    let enqueued = |mut run: Run| {
        run.counts.add_enqueued(2);
        run
    };
    let before = enqueued(run(&world, RunOutcome::Done, 0, 0));
    assert!(
        crate::store::RunStore::record_run(&world.store, &before)
            .await
            .unwrap()
    );
    for (number, outcome) in outcomes.iter().enumerate() {
        let work = WorkItem {
            item_id: number.to_string(),
            results: vec![WorkResult {
                subject: Subject::Mail {
                    kind: MailKind::DAILY,
                    family: format!("family-{number}").parse().unwrap(),
                    date: "2026-11-21".parse().unwrap(),
                },
                outcome: (*outcome).to_owned().into(),
            }],
        };
        world
            .store
            .save_work_item(&before.key, &work)
            .await
            .unwrap();
    }
    for _ in 0..backfilled {
        world.clock.advance(Duration::minutes(1));
        let by_person = Run {
            trigger: Trigger::Person,
            ..run(&world, RunOutcome::Done, 1, 0)
        };
        let stored = crate::store::RunStore::record_run(&world.store, &by_person);
        assert!(stored.await.unwrap());
    }
    world.clock.advance(Duration::hours(7));
    let pings = FakeClient::default();
    let after = enqueued(run(&world, RunOutcome::Done, 0, 0));
    heartbeat(&world, &pings, false)
        .send_end(&after, world.clock.now())
        .await;
    assert_eq!(pings.0.lock().unwrap().len(), usize::from(is_good));
}

#[rstest]
#[case("https://hc.example.org/abc", "https://hc.example.org/abc/fail")]
#[case("https://hc.example.org/abc/", "https://hc.example.org/abc/fail")]
#[case(
    "https://hc.example.org/abc?rid=1#x",
    "https://hc.example.org/abc/fail?rid=1#x"
)]
#[case("https://hc.example.org", "https://hc.example.org/fail")]
fn signal_is_appended_to_the_path(#[case] url: &str, #[case] expected: &str) {
    assert_eq!(
        signal_url(&url.parse().unwrap(), Signal::Fail).as_str(),
        expected
    );
}
