use chrono::Duration;
use uuid::Uuid;

use super::*;
use crate::alerts::Alert;
use crate::outbox::{DELIVERY_EVENT_WAIT, LEASE_DURATION};
use crate::testing::memory::MemoryStore;
use crate::testing::world::{Broken, FailingAlertStore, TestClock, World, family};

/// Returns everything that a tick finds now.
async fn tick(world: &World) -> TickBatch {
    tick_of(world, &NotifyAllInput::default()).await
}

async fn tick_of(world: &World, input: &NotifyAllInput) -> TickBatch {
    let mut tick = NotifyTick::new(
        &world.store,
        &world.store,
        &world.store,
        MailKind::OF_NOTIFY_ALL,
        input,
        &world.clock,
    );
    let mut all = TickBatch::default();
    while let Some(found) = tick.next().await.unwrap() {
        all.free.extend(found.free);
        all.finalised.extend(found.finalised);
    }
    all
}

#[tokio::test]
async fn tick_for_an_unknown_family_fails_after_its_sweep() {
    let world = World::new().await;
    let input = NotifyAllInput {
        family: Some("connrad".parse().unwrap()),
        ..NotifyAllInput::default()
    };
    let mut tick = NotifyTick::new(
        &world.store,
        &world.store,
        &world.store,
        MailKind::OF_NOTIFY_ALL,
        &input,
        &world.clock,
    );
    let error = loop {
        match tick.next().await {
            Ok(found) => assert!(found.is_some()),
            Err(error) => break error,
        }
    };
    assert_eq!(
        error.to_string(),
        "The family that the input names doesn't exist."
    );
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Creates a world with `conrad` only, planned for today.
async fn planned() -> (World, OutboxRecord) {
    let world = World::new().await;
    world
        .store
        .remove_family(&"diaz".parse().unwrap())
        .await
        .unwrap();
    let found = tick(&world).await;
    assert_eq!((found.free.len(), found.finalised.len()), (1, 0));
    let record = today(&world.store).await;
    (world, record)
}

async fn today(store: &MemoryStore) -> OutboxRecord {
    store
        .mail(&MailKey::daily(
            "conrad".parse().unwrap(),
            date("2026-11-21"),
        ))
        .await
        .unwrap()
        .unwrap()
}

async fn replace(world: &World, before: &OutboxRecord, after: &OutboxRecord) {
    assert!(
        world
            .store
            .replace_mail(before.revision, after, None)
            .await
            .unwrap()
    );
}

/// Claims the notice and begins sending.
async fn sending(world: &World, record: &OutboxRecord) -> OutboxRecord {
    let now = world.clock.now();
    let sending = record
        .claim(Uuid::nil(), now)
        .and_then(|claimed| claimed.begin_sending("hash".into(), &[], now))
        .unwrap();
    replace(world, record, &sending).await;
    sending
}

#[tokio::test]
async fn planned_notice_is_returned_by_each_tick_until_claimed() {
    let (world, record) = planned().await;
    assert_eq!(tick(&world).await.free.len(), 1);
    let claimed = record.claim(Uuid::nil(), world.clock.now()).unwrap();
    replace(&world, &record, &claimed).await;
    assert!(tick(&world).await.free.is_empty());
    world.clock.advance(LEASE_DURATION);
    assert_eq!(tick(&world).await.free.len(), 1);
}

#[tokio::test]
async fn notice_without_an_outcome_is_unknown_then_given_up() {
    let (world, record) = planned().await;
    sending(&world, &record).await;
    world.clock.advance(LEASE_DURATION);
    let found = tick(&world).await;
    assert!(found.free.is_empty() && found.finalised.is_empty());
    assert_eq!(today(&world.store).await.state, MailState::Unknown);
    world.clock.advance(DELIVERY_EVENT_WAIT - LEASE_DURATION);
    let found = tick(&world).await;
    assert_eq!(found.finalised.len(), 1);
    assert_eq!(found.finalised[0].state, MailState::GaveUp);
    assert!(tick(&world).await.finalised.is_empty(), "finalised once");
}

#[tokio::test]
async fn late_tick_gives_a_notice_up_at_once() {
    let (world, record) = planned().await;
    sending(&world, &record).await;
    world.clock.advance(Duration::hours(2));
    let found = tick(&world).await;
    assert_eq!(found.finalised[0].state, MailState::GaveUp);
}

#[tokio::test]
async fn notice_to_resend_is_returned_at_once() {
    let (world, record) = planned().await;
    sending(&world, &record).await;
    let mut conrad = family("conrad");
    conrad.preferences.delivery = crate::family::Delivery::AtLeastOnce;
    world.store.update_family(&conrad).await.unwrap();
    world.clock.advance(DELIVERY_EVENT_WAIT);
    let found = tick(&world).await;
    assert_eq!((found.free.len(), found.finalised.len()), (1, 0));
}

#[tokio::test]
async fn unplanned_days_are_recorded_as_missed_once() {
    let (world, _) = planned().await;
    // No ticks for two and a half days; only the current day is planned.
    world.clock.set("2026-11-24T12:00:00Z");
    let found = tick(&world).await;
    let missed: Vec<String> = found
        .finalised
        .iter()
        .filter(|finalised| finalised.state == MailState::Missed)
        .map(|finalised| finalised.date.to_string())
        .collect();
    assert_eq!(missed, ["2026-11-22", "2026-11-23"]);
    assert!(
        found
            .finalised
            .iter()
            .all(|finalised| finalised.reason.is_some())
    );
    let free: Vec<String> = found
        .free
        .iter()
        .map(|notice| notice.date.to_string())
        .collect();
    // The open notice of the first day is returned too; its worker finalises it as too late.
    assert_eq!(free, ["2026-11-24", "2026-11-21"]);
    assert!(tick(&world).await.finalised.is_empty());
}

#[tokio::test]
async fn gap_between_recorded_days_is_found_by_the_next_plan() {
    let (world, _) = planned().await;
    let store = &world.store;
    world.clock.set("2026-11-23T12:00:00Z");
    let record = OutboxRecord::planned(
        MailKey::daily(world.conrad(), date("2026-11-23")),
        world.clock.now(),
    );
    assert!(store.plan_mail(&record).await.unwrap());
    world.clock.set("2026-11-24T12:00:00Z");
    let found = tick(&world).await;
    let missed: Vec<_> = found
        .finalised
        .iter()
        .map(|finalised| finalised.date)
        .collect();
    assert_eq!(missed, [date("2026-11-22")]);
}

#[tokio::test]
async fn days_before_creation_or_while_paused_are_not_missed() {
    let (world, _) = planned().await;
    let mut conrad = family("conrad");
    conrad.pause(None, world.clock.now());
    world.store.update_family(&conrad).await.unwrap();
    world.clock.set("2026-11-24T12:00:00Z");
    let open = MailKey::daily(world.conrad(), date("2026-11-21"));
    let paused = tick(&world).await;
    assert_eq!(
        (paused.free, paused.finalised.len()),
        (vec![open.clone()], 0)
    );
    conrad.resume(world.clock.now());
    world.store.update_family(&conrad).await.unwrap();
    let found = tick(&world).await;
    let today = MailKey::daily(world.conrad(), date("2026-11-24"));
    assert_eq!((found.free, found.finalised.len()), (vec![today, open], 0));
}

#[tokio::test]
async fn pause_with_an_end_is_over_without_a_command() {
    let (world, _) = planned().await;
    let mut conrad = family("conrad");
    conrad.pause(Some(date("2026-11-24")), world.clock.now());
    world.store.update_family(&conrad).await.unwrap();
    world.clock.set("2026-11-23T12:00:00Z");
    let paused = tick(&world).await;
    let dates = |found: &TickBatch| Vec::from_iter(found.free.iter().map(|key| key.date));
    // The worker of the open notice skips it.
    let open = date("2026-11-21");
    assert_eq!((dates(&paused), paused.finalised.len()), (vec![open], 0));
    world.clock.set("2026-11-24T12:00:00Z");
    let found = tick(&world).await;
    assert_eq!(
        (dates(&found), found.finalised.len()),
        (vec![date("2026-11-24"), open], 0)
    );
    // Only a day after the pause can be missed.
    world.clock.set("2026-11-26T12:00:00Z");
    let found = tick(&world).await;
    let over: Vec<_> = found.finalised.iter().map(|result| result.date).collect();
    assert!(over.contains(&date("2026-11-25")), "{over:?}");
    assert!(
        over.iter().all(|day| *day >= date("2026-11-24")),
        "{over:?}"
    );
}

#[tokio::test]
async fn last_night_of_a_pause_is_not_sent_after_midnight() {
    let world = World::new().await;
    let diaz = "diaz".parse().unwrap();
    world.store.remove_family(&diaz).await.unwrap();
    let mut conrad = family("conrad");
    conrad.notice_time = chrono::NaiveTime::from_hms_opt(23, 45, 0).unwrap();
    conrad.created_at = world.clock.now();
    conrad.pause(Some(date("2026-11-24")), world.clock.now());
    world.store.update_family(&conrad).await.unwrap();
    // 00:15 in Toronto.
    world.clock.set("2026-11-24T05:15:00Z");
    assert!(
        conrad
            .due_dates(world.clock.now())
            .contains(&date("2026-11-23"))
    );
    let found = tick(&world).await;
    assert!(found.free.is_empty() && found.finalised.is_empty());
}

/// Records a run of this job and label, and a pause of the label; `None`: of all schedules.
async fn pause_schedule(
    world: &World,
    (job, label): (JobName, &str),
    paused: Option<&str>,
    [since, until]: [&str; 2],
) {
    let run = crate::testing::contract::sample::run(job, label, "11:45:00");
    assert!(world.store.record_run(&run).await.unwrap());
    let pause = Pause {
        label: paused.map(|label| label.parse().unwrap()),
        since: since.parse().unwrap(),
        until: Some(until.parse().unwrap()),
        by: "ana".to_owned(),
        why: None,
    };
    assert!(crate::testing::contract::sample::add_pause(&world.store, &pause).await);
}

/// Returns what became of the days after a tick on the 24th: none was planned since the 21st.
async fn days_after_a_pause(world: &World) -> (Vec<String>, Vec<NaiveDate>) {
    world.clock.set("2026-11-24T12:00:00Z");
    let input = NotifyAllInput::default();
    let store = &world.store;
    let kinds = MailKind::OF_NOTIFY_ALL;
    let mut tick = NotifyTick::new(store, store, store, kinds, &input, &world.clock)
        .with_schedules_of(store, JobName::NOTIFY_ALL);
    let mut missed = Vec::new();
    while let Some(found) = tick.next().await.unwrap() {
        missed.extend(found.finalised.iter().map(|result| result.date));
    }
    let kind = MailKind::DAILY;
    let records = store.recent_mails(&kind, &world.conrad(), 10).await;
    let mut days: Vec<String> = records
        .unwrap()
        .into_iter()
        .map(|record| {
            let reason = record.reason.unwrap_or_default();
            format!("{} {} {reason}", record.date, record.state.as_str())
        })
        .collect();
    days.sort();
    let alerts = store.recent_alerts(10).await.unwrap();
    assert_eq!(alerts.len(), missed.len(), "{alerts:?}");
    (days, missed)
}

const TICK: (JobName, &str) = (JobName::NOTIFY_ALL, "tick");

#[rstest::rstest]
#[case::own(TICK, Some("tick"), ["2026-11-21T13:00:00Z", "2026-11-24T11:50:00Z"], &[])]
#[case::of_all_schedules(TICK, None, ["2026-11-21T13:00:00Z", "2026-11-24T11:50:00Z"], &[])]
#[case::begun_just_after_the_notice_was_due(
    TICK, Some("tick"), ["2026-11-22T11:40:00Z", "2026-11-24T11:50:00Z"], &[])]
#[case::over_while_the_notice_was_due(
    TICK, Some("tick"), ["2026-11-21T13:00:00Z", "2026-11-23T15:00:00Z"], &["2026-11-23"])]
#[case::begun_on_the_second_day(
    TICK, Some("tick"), ["2026-11-23T05:00:00Z", "2026-11-24T11:50:00Z"], &["2026-11-22"])]
#[case::of_another_schedule(
    TICK, Some("all"), ["2026-11-21T13:00:00Z", "2026-11-24T11:50:00Z"], &["2026-11-22", "2026-11-23"])]
#[case::of_another_job(
    (JobName::CHECK_CARDS, "tick"), Some("tick"), ["2026-11-21T13:00:00Z", "2026-11-24T11:50:00Z"],
    &["2026-11-22", "2026-11-23"])]
#[tokio::test]
async fn day_in_a_pause_of_the_schedule_is_skipped_not_missed(
    #[case] run: (JobName, &str),
    #[case] paused: Option<&str>,
    #[case] pause: [&str; 2],
    #[case] expected: &[&str],
) {
    let (world, _) = planned().await;
    pause_schedule(&world, run, paused, pause).await;
    let (days, missed) = days_after_a_pause(&world).await;
    let expected: Vec<NaiveDate> = expected.iter().map(|day| date(day)).collect();
    assert_eq!(missed, expected);
    let between = ["2026-11-22", "2026-11-23"].map(|day| match expected.contains(&date(day)) {
        true => format!("{day} MISSED “notify-all” didn’t run that day."),
        false => format!("{day} SKIPPED The schedule was paused."),
    });
    let mut all = vec!["2026-11-21 PENDING ".to_owned()];
    all.extend(between);
    all.push("2026-11-24 PENDING ".to_owned());
    assert_eq!(days, all);
}

#[tokio::test]
async fn unknown_state_raises_an_alert_and_is_not_changed() {
    let (world, record) = planned().await;
    let newer = OutboxRecord {
        state: MailState::Newer,
        revision: 1,
        ..record.clone()
    };
    replace(&world, &record, &newer).await;
    for times in 1..=3 {
        world.clock.advance(Duration::minutes(15));
        let found = tick(&world).await;
        assert!(
            found.finalised.is_empty(),
            "it is not a failure of the tick"
        );
        assert_eq!(today(&world.store).await, newer);
        let alerts = world.store.recent_alerts(10).await.unwrap();
        assert_eq!((alerts.len(), alerts[0].times), (1, times));
        let expected = Alert::NewerNotice {
            mail: MailKind::DAILY,
            family: world.conrad(),
            date: date("2026-11-21"),
        };
        assert_eq!(alerts[0].alert, expected);
    }
}

/// Creates a world in which a tick days later finds each kind of final failure.
async fn world_with_failures() -> World {
    let (world, record) = planned().await;
    sending(&world, &record).await;
    let mut diaz = family("diaz");
    diaz.pause(None, world.clock.now());
    let open = OutboxRecord::planned(
        MailKey::daily(diaz.id.clone(), date("2026-11-21")),
        world.clock.now(),
    );
    world.store.add_family(&diaz).await.unwrap();
    world.store.plan_mail(&open).await.unwrap();
    world.clock.set("2026-11-23T12:00:00Z");
    world
}

#[tokio::test]
async fn every_failure_raises_an_alert() {
    let world = world_with_failures().await;
    let found = tick(&world).await;
    let mut expected: Vec<Option<Alert>> = Vec::new();
    for result in &found.finalised {
        let record = world.store.mail(&result.key()).await;
        expected.push(Alert::for_notice(&record.unwrap().unwrap()));
    }
    expected.sort_by_key(|alert| alert.as_ref().map(Alert::key));
    let mut alerts: Vec<Option<Alert>> = world
        .store
        .recent_alerts(10)
        .await
        .unwrap()
        .into_iter()
        .map(|recorded| Some(recorded.alert))
        .collect();
    alerts.sort_by_key(|alert| alert.as_ref().map(Alert::key));
    assert_eq!(alerts, expected);
    let states: BTreeSet<&str> = found
        .finalised
        .iter()
        .map(|finalised| finalised.state.as_str())
        .collect();
    assert_eq!(states, ["GAVE_UP", "MISSED"].into());
}

#[tokio::test]
async fn lease_that_began_during_a_tick_is_not_doubted() {
    let world = World::new().await;
    let planned = tick(&world).await.free;
    assert!(!planned.is_empty());
    let input = NotifyAllInput::default();
    let store = &world.store;
    let mut tick = NotifyTick::new(
        store,
        store,
        store,
        MailKind::OF_NOTIFY_ALL,
        &input,
        &world.clock,
    );
    // The machine sleeps; meanwhile a worker of another run begins sending.
    world.clock.advance(Duration::hours(1));
    let now = world.clock.now();
    for key in &planned {
        let record = store.mail(key).await.unwrap().unwrap();
        let claimed = record.claim(Uuid::nil(), now).unwrap();
        let sending = claimed.begin_sending("hash".to_owned(), &[], now).unwrap();
        assert!(
            store
                .replace_mail(record.revision, &sending, None)
                .await
                .unwrap()
        );
    }
    while tick.next().await.unwrap().is_some() {}
    for key in &planned {
        let record = store.mail(key).await.unwrap().unwrap();
        assert_eq!(record.state, MailState::Sending);
    }
}

#[tokio::test]
async fn failed_notice_is_recorded_only_after_its_alert() {
    let world = world_with_failures().await;
    let (input, store) = (NotifyAllInput::default(), &world.store);
    let without = FailingAlertStore(store);
    let mut tick = NotifyTick::new(
        store,
        store,
        &without,
        MailKind::OF_NOTIFY_ALL,
        &input,
        &world.clock,
    );
    let mut faults = 0;
    loop {
        match tick.next().await {
            Ok(Some(found)) => assert!(found.finalised.is_empty(), "{:?}", found.finalised),
            Ok(None) => break,
            Err(_) => faults += 1,
        }
    }
    assert_eq!(faults, 1, "the tick reports the error once");
    for id in ["conrad", "diaz"] {
        let records = store
            .recent_mails(&MailKind::DAILY, &id.parse().unwrap(), 10)
            .await
            .unwrap();
        for record in records {
            assert!(!record.state.is_final(), "{record:?}");
        }
    }
    // The next tick finds them again.
    let found = tick_of(&world, &input).await;
    assert_eq!(found.finalised.len(), 2);
}

#[tokio::test]
async fn tick_for_one_family_ignores_the_others() {
    let world = World::new().await;
    tick(&world).await;
    let input = NotifyAllInput {
        family: Some(world.conrad()),
        ..NotifyAllInput::default()
    };
    let found = tick_of(&world, &input).await;
    assert_eq!(found.free.len(), 1);
    assert_eq!(found.free[0].family, world.conrad());
}

#[tokio::test]
async fn families_beyond_one_page_are_planned_and_reconciled() {
    let world = World::new().await;
    for number in 0..250 {
        let id = format!("family-{number:03}");
        world.store.add_family(&family(&id)).await.unwrap();
    }
    assert_eq!(tick(&world).await.free.len(), 252);
    assert_eq!(tick(&world).await.free.len(), 252, "they are still open");
}

/// Runs every tick twice over several days around a clock change, with families at many times of
/// day.
#[rstest::rstest]
#[case::gap("America/Toronto", "2026-03-08T07:00:00Z", &["2026-03-07", "2026-03-08", "2026-03-09"])]
#[case::overlap("Africa/Cairo", "2026-10-29T21:00:00Z", &["2026-10-28", "2026-10-29", "2026-10-30"])]
#[case::missing("Pacific/Apia", "2011-12-30T10:00:00Z", &["2011-12-29", "2011-12-31"])]
#[tokio::test]
async fn each_date_is_planned_once(
    #[case] zone: &str,
    #[case] transition: &str,
    #[case] dates: &[&str],
) {
    let world = World::new().await;
    for id in ["conrad", "diaz"] {
        let id = id.parse().unwrap();
        world.store.remove_family(&id).await.unwrap();
    }
    world.clock.set(transition);
    let (start, end) = (
        world.clock.now() - Duration::hours(48),
        world.clock.now() + Duration::hours(56),
    );
    for quarter in (0..96).step_by(7) {
        let mut family = family(&format!("at-{quarter:02}"));
        family.timezone = zone.parse().unwrap();
        family.notice_time =
            chrono::NaiveTime::from_hms_opt(quarter / 4, quarter % 4 * 15, 0).unwrap();
        family.created_at = start - Duration::days(1);
        world.store.add_family(&family).await.unwrap();
    }
    let input = NotifyAllInput::default();
    let mut planned = std::collections::BTreeMap::<MailKey, usize>::new();
    let mut now = start;
    while now <= end {
        for _ in 0..2 {
            let clock = TestClock::at(now);
            let mut tick = NotifyTick::new(
                &world.store,
                &world.store,
                &world.store,
                MailKind::OF_NOTIFY_ALL,
                &input,
                &clock,
            );
            let mut finalised = Vec::new();
            while let Some(found) = tick.next().await.unwrap() {
                finalised.extend(found.finalised);
            }
            for notice in tick.planned {
                *planned.entry(notice).or_default() += 1;
            }
            let too_early = |finalised: &MailResult| finalised.date < date(dates[0]);
            assert!(finalised.iter().all(too_early), "{finalised:?}");
        }
        now += Duration::minutes(15);
    }
    let first = date(dates[0]);
    let last = date(dates[dates.len() - 1]);
    for quarter in (0..96).step_by(7) {
        let id = format!("at-{quarter:02}");
        let found: Vec<(String, usize)> = planned
            .iter()
            .filter(|(notice, _)| notice.family.as_str() == id)
            .filter(|(notice, _)| (first..=last).contains(&notice.date))
            .map(|(notice, times)| (notice.date.to_string(), *times))
            .collect();
        let expected: Vec<(String, usize)> =
            dates.iter().map(|date| ((*date).to_owned(), 1)).collect();
        assert_eq!(found, expected, "{id}");
    }
}

#[tokio::test]
async fn unreadable_notices_of_one_family_do_not_block_others() {
    let world = World::new().await;
    let broken = Broken {
        inside: &world.store,
        family: world.conrad(),
    };
    let open = OutboxRecord::planned(
        MailKey::daily("zuse".parse().unwrap(), date("2026-11-20")),
        world.clock.now(),
    );
    world.store.add_family(&family("zuse")).await.unwrap();
    world.store.plan_mail(&open).await.unwrap();
    let input = NotifyAllInput::default();
    let mut tick = NotifyTick::new(
        &world.store,
        &broken,
        &world.store,
        MailKind::OF_NOTIFY_ALL,
        &input,
        &world.clock,
    );
    let mut free = BTreeSet::new();
    let fault = loop {
        match tick.next().await {
            Ok(Some(found)) => free.extend(found.free),
            Ok(None) => panic!("the tick must report that conrad’s notice was not planned"),
            Err(fault) => break fault,
        }
    };
    assert!(matches!(fault, JobError::Store(StoreError::Unusable(_))));
    let notice = |id: &str, day: &str| MailKey::daily(id.parse().unwrap(), date(day));
    let expected = [
        notice("diaz", "2026-11-21"),
        notice("zuse", "2026-11-20"),
        notice("zuse", "2026-11-21"),
    ];
    assert_eq!(free, expected.into());
    assert!(
        matches!(tick.next().await, Ok(None)),
        "the error is reported once"
    );
}
