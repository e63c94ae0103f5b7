use chrono::Duration;
use futures::FutureExt as _;

use super::*;
use crate::jobs::RunError;
use crate::jobs::notify::NotifyAllInput;
use crate::jobs::notify::run::NotifyAll;
use crate::outbox::{HELD_RESTORED, MailKey, MailState};
use crate::run::harness::Harness;
use crate::run::ledger::{RunPlan, StartRules};
use crate::run::not_started::NotStarted;
use crate::run::{JobName, Run, RunKey, RunOutcome, Trigger};
use crate::store::{FamilyStore, OutboxStore};
use crate::testing::world::{World, account};

const TODAY: &str = "2026-11-21";

fn today() -> NaiveDate {
    TODAY.parse().unwrap()
}

async fn tick(world: &World) -> Result<Run, NotStarted> {
    use crate::clock::Clock as _;
    let plan = RunPlan {
        key: RunKey {
            job: JobName::NOTIFY_ALL,
            label: "tick".parse().unwrap(),
            scheduled_time: world.clock.now(),
        },
        trigger: Trigger::Schedule,
        input: serde_json::json!({}),
        allow_overlap: true,
        rules: StartRules::default(),
        hooks: None,
    };
    let input = NotifyAllInput::default();
    let ports = world.notify_ports();
    let job = NotifyAll {
        ports: &ports,
        runs: &world.store,
        on_progress: &|_| {},
    };
    let harness = Harness::new(&world.store, &world.clock);
    match harness.run(&job, plan, &input).await {
        Ok(finished) => Ok(finished.run),
        Err(RunError::NotStarted(why)) => Err(why),
        Err(RunError::Job(error)) => panic!("{error}"),
    }
}

async fn tick_and_advance(world: &World) {
    tick(world).await.unwrap();
    world.clock.advance(Duration::minutes(15));
}

/// Creates a world in which both families get a notice every day.
async fn world_with_daily_notices() -> World {
    let world = World::new().await;
    for (family, number) in [("conrad", "1"), ("diaz", "2")] {
        world.add_card(family, "wpl", (number, "p")).await;
        let overdue = account(&[("Emma", "2026-11-20")]);
        world.site.answer(number, Ok(overdue));
    }
    world.check_all().await;
    world
}

async fn record(world: &World, date: NaiveDate) -> OutboxRecord {
    let record = world
        .store
        .mail(&MailKey::daily(world.conrad(), date))
        .await;
    record.unwrap().unwrap()
}

fn alerts(world: &World) -> Vec<Alert> {
    let recent = world.store.recent_alerts(100).now_or_never().unwrap();
    let recent = recent.unwrap().into_iter();
    recent.map(|recorded| recorded.alert).collect()
}

#[tokio::test]
async fn restored_store_without_journal_sends_nothing_today() {
    let world = world_with_daily_notices().await;
    tick_and_advance(&world).await;
    assert_eq!(world.mails(), 2);
    world
        .store
        .restore(false, &[MailKey::daily(world.conrad(), today())]);
    for _ in 0..3 {
        tick_and_advance(&world).await;
    }
    assert_eq!(world.mails(), 2);
    let held = record(&world, today()).await;
    assert_eq!(held.state, MailState::Skipped);
    assert_eq!(held.reason.as_deref(), Some(HELD_RESTORED));
    let alerts = alerts(&world);
    assert!(
        matches!(alerts.as_slice(), [Alert::StoreRestored { held: 1, .. }]),
        "{alerts:?}"
    );
}

#[tokio::test]
async fn restored_store_with_journal_holds_only_what_was_sent() {
    let world = world_with_daily_notices().await;
    tick_and_advance(&world).await;
    let mut late = crate::testing::world::family("late");
    late.notice_time = "20:00:00".parse().unwrap();
    world.store.add_family(&late).await.unwrap();
    world.add_card("late", "kpl", ("3", "p")).await;
    world
        .store
        .restore(true, &[MailKey::daily(world.conrad(), today())]);
    tick_and_advance(&world).await;
    assert_eq!(world.mails(), 2);
    assert!(record(&world, today()).await.is_held());
    // It wasn't due or sent before the restore, so it is sent on time.
    world.clock.set("2026-11-22T01:30:00Z");
    tick_and_advance(&world).await;
    let late = world
        .store
        .mail(&MailKey::daily(late.id.clone(), today()))
        .await
        .unwrap()
        .unwrap();
    assert!(!late.is_held());
}

#[tokio::test]
async fn days_that_a_restored_store_lacks_are_not_missed() {
    let world = world_with_daily_notices().await;
    let days: Vec<NaiveDate> = today().iter_days().take(4).collect();
    let mut lost = Vec::new();
    for day in &days {
        tick_and_advance(&world).await;
        lost.push(MailKey::daily(world.conrad(), *day));
        world
            .clock
            .advance(Duration::hours(24) - Duration::minutes(15));
    }
    world.clock.advance(Duration::minutes(-24 * 60 + 30));
    world.store.restore(true, &lost[1..]);
    tick_and_advance(&world).await;
    for day in &days[1..] {
        assert!(record(&world, *day).await.is_held(), "{day}");
    }
    let missed = alerts(&world)
        .into_iter()
        .any(|alert| matches!(alert, Alert::NoNotice { .. }));
    assert!(!missed);
}

#[tokio::test]
async fn open_notice_in_the_backup_is_held() {
    let world = world_with_daily_notices().await;
    let planned = OutboxRecord::planned(
        MailKey::daily(world.conrad(), today()),
        "2026-11-21T11:30:00Z".parse().unwrap(),
    );
    world.store.plan_mail(&planned).await.unwrap();
    world.store.restore(false, &[]);
    tick_and_advance(&world).await;
    assert_eq!(world.mails(), 0);
    assert!(record(&world, today()).await.is_held());
}

#[tokio::test]
async fn held_notice_is_sent_on_request() {
    let world = world_with_daily_notices().await;
    tick_and_advance(&world).await;
    world
        .store
        .restore(true, &[MailKey::daily(world.conrad(), today())]);
    tick_and_advance(&world).await;
    let held = record(&world, today()).await;
    assert_eq!(held.fence, 1, "the claim that sent it is kept");
    let again = held.resend(world.notify_ports().clock.now()).unwrap();
    let replaced = world.store.replace_mail(held.revision, &again, None).await;
    assert!(replaced.unwrap());
    tick_and_advance(&world).await;
    assert_eq!(world.mails(), 3);
    assert_eq!(record(&world, today()).await.state, MailState::Sent);
}

#[tokio::test]
async fn readded_family_gets_no_second_mail_that_day() {
    let world = world_with_daily_notices().await;
    tick_and_advance(&world).await;
    let family = world.store.family(&world.conrad()).await.unwrap().unwrap();
    world.store.remove_family(&family.id).await.unwrap();
    world.store.add_family(&family).await.unwrap();
    world.add_card("conrad", "wpl", ("1", "p")).await;
    tick_and_advance(&world).await;
    assert_eq!(world.mails(), 2);
    assert!(record(&world, today()).await.state.is_final());
    let tomorrow = today().succ_opt().unwrap();
    world.clock.set("2026-11-22T11:40:00Z");
    tick_and_advance(&world).await;
    assert!(!record(&world, tomorrow).await.is_held());
}

#[tokio::test]
async fn tick_with_a_doubtful_clock_plans_and_sends_nothing() {
    let world = world_with_daily_notices().await;
    tick_and_advance(&world).await;
    world.clock.set("2026-11-24T11:40:00Z");
    let skipped = tick(&world).await.unwrap_err();
    let NotStarted::Skipped(run) = skipped else {
        panic!("{skipped:?}");
    };
    assert_eq!(run.outcome, RunOutcome::SkippedClockInDoubt);
    assert_eq!(world.mails(), 2);
    for date in ["2026-11-22", "2026-11-23", "2026-11-24"] {
        let date = date.parse().unwrap();
        let record = world
            .store
            .mail(&MailKey::daily(world.conrad(), date))
            .await
            .unwrap();
        assert_eq!(record, None, "{date}");
    }
    // The clock was wrong: today continues as usual.
    world.clock.set("2026-11-21T12:10:00Z");
    tick_and_advance(&world).await;
    assert_eq!(world.mails(), 2);
    assert_eq!(record(&world, today()).await.state, MailState::Sent);
}

#[tokio::test]
async fn long_downtime_costs_one_tick() {
    let world = world_with_daily_notices().await;
    tick_and_advance(&world).await;
    world.clock.set("2026-11-24T11:40:00Z");
    tick(&world).await.unwrap_err();
    world.clock.advance(Duration::minutes(15));
    tick_and_advance(&world).await;
    let now = record(&world, "2026-11-24".parse().unwrap()).await;
    assert_eq!(now.state, MailState::Sent);
    let passed = record(&world, "2026-11-23".parse().unwrap()).await;
    assert_eq!(passed.state, MailState::Missed);
}
