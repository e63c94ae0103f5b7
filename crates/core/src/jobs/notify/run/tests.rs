use chrono::{DateTime, Duration, Utc};
use futures::FutureExt as _;
use uuid::Uuid;

use super::*;
use crate::email_address::EmailAddress;
use crate::family::{Delivery, StoppedRecipient};
use crate::mail::{RefusedRecipient, SendOutcome};
use crate::outbox::MailState;
use crate::outbox::{LEASE_DURATION, MailKey, OutboxRecord, REFUSED_DELAY};
use crate::run::harness::Harness;
use crate::run::ledger::StartRules;
use crate::run::{Run, RunKey, RunOutcome, Trigger};
use crate::store::{AlertStore as _, FamilyStore, OutboxStore};
use crate::testing::world::{Broken, World, account, family};

fn plan_tick(world: &World) -> RunPlan<'static> {
    RunPlan {
        key: RunKey {
            job: JobName::NOTIFY_ALL,
            label: format!("tick-{}", Uuid::new_v4().simple()).parse().unwrap(),
            scheduled_time: world.clock_now(),
        },
        trigger: Trigger::Schedule,
        input: serde_json::json!({}),
        allow_overlap: true,
        rules: StartRules::default(),
        hooks: None,
    }
}

async fn tick(world: &World) -> Run {
    let (ports, input) = (world.notify_ports(), NotifyAllInput::default());
    let run = notify_all(world, &ports, plan_tick(world), &input, &|_| {});
    run.await.unwrap()
}

async fn notify_all(
    world: &World,
    ports: &NotifyPorts<'_>,
    plan: RunPlan<'_>,
    input: &NotifyAllInput,
    on_progress: &(dyn Fn(NotifyProgress<'_>) + Send + Sync),
) -> Result<Run, RunError> {
    let job = NotifyAll {
        ports,
        runs: &world.store,
        on_progress,
    };
    let harness = Harness::new(&world.store, &world.clock);
    Ok(harness.run(&job, plan, input).await?.run)
}

impl World {
    fn clock_now(&self) -> DateTime<Utc> {
        use crate::clock::Clock as _;
        self.clock.now()
    }

    async fn todays_notice(&self) -> OutboxRecord {
        self.store
            .mail(&MailKey::daily(
                self.conrad(),
                "2026-11-21".parse().unwrap(),
            ))
            .await
            .unwrap()
            .unwrap()
    }
}

/// Creates a world in which conrad has an overdue loan and diaz has no cards.
async fn world_with_overdue_loan() -> World {
    let world = World::new().await;
    world.add_card("conrad", "wpl", ("1", "p")).await;
    world
        .site
        .answer("1", Ok(account(&[("Emma", "2026-11-20")])));
    world.check_all().await;
    world
}

#[tokio::test]
async fn notice_is_sent_once_over_many_ticks() {
    let world = world_with_overdue_loan().await;
    let run = tick(&world).await;
    assert_eq!((run.counts.done, run.counts.skipped), (1, 1));
    for _ in 0..5 {
        world.clock.advance(Duration::minutes(15));
        assert_eq!(tick(&world).await.counts.planned, 0);
    }
    assert_eq!(world.mails(), 1);
    assert_eq!(world.todays_notice().await.state, MailState::Sent);
}

#[tokio::test]
async fn concurrent_runs_send_one_mail() {
    let world = world_with_overdue_loan().await;
    let (one, other) = tokio::join!(tick(&world), tick(&world));
    assert_eq!(world.mails(), 1);
    assert_eq!(one.counts.done + other.counts.done, 1);
}

#[tokio::test]
async fn empty_notice_is_recorded_as_skipped() {
    let world = World::new().await;
    tick(&world).await;
    assert_eq!(world.mails(), 0);
    assert_eq!(world.todays_notice().await.state, MailState::Skipped);
}

#[tokio::test]
async fn notice_is_not_sent_before_its_time() {
    let world = world_with_overdue_loan().await;
    world.clock.set("2026-11-21T11:29:00Z");
    tick(&world).await;
    assert_eq!(world.mails(), 0);
}

#[tokio::test]
async fn unsent_mail_is_sent_by_the_next_tick() {
    let world = world_with_overdue_loan().await;
    world
        .mailer
        .answers
        .lock()
        .unwrap()
        .push_back(SendOutcome::NotSent {
            reason: "no connection".to_owned(),
        });
    let run = tick(&world).await;
    assert_eq!(run.counts.failed["PENDING"], 1);
    assert_eq!(run.outcome, RunOutcome::DoneWithFailures);
    assert_eq!(
        world.todays_notice().await.reason.as_deref(),
        Some("no connection")
    );
    assert_eq!(tick(&world).await.counts.done, 1);
    assert_eq!(world.mails(), 2);
}

#[tokio::test]
async fn temporary_refusal_waits_and_permanent_refusal_fails() {
    let world = world_with_overdue_loan().await;
    for is_permanent in [false, true] {
        world
            .mailer
            .answers
            .lock()
            .unwrap()
            .push_back(SendOutcome::Refused {
                reason: "450".to_owned(),
                is_permanent,
            });
    }
    tick(&world).await;
    tick(&world).await;
    assert_eq!(world.mails(), 1);
    world.clock.advance(REFUSED_DELAY);
    tick(&world).await;
    assert_eq!(world.mails(), 2);
    assert_eq!(world.todays_notice().await.state, MailState::Failed);
    world.clock.advance(REFUSED_DELAY);
    tick(&world).await;
    assert_eq!(world.mails(), 2);
}

/// Makes the mailer's next answer unknown: the mail may have been accepted.
fn queue_unknown_answer(world: &World) {
    world
        .mailer
        .answers
        .lock()
        .unwrap()
        .push_back(SendOutcome::Unknown {
            reason: "silence after the message".to_owned(),
        });
}

#[tokio::test]
async fn possibly_sent_mail_is_given_up_and_not_resent() {
    let world = world_with_overdue_loan().await;
    queue_unknown_answer(&world);
    let run = tick(&world).await;
    assert_eq!(run.counts.failed["SENDING"], 1);
    let mut given_up = 0;
    for _ in 0..10 {
        world.clock.advance(Duration::minutes(15));
        given_up += tick(&world)
            .await
            .counts
            .failed
            .get("GAVE_UP")
            .copied()
            .unwrap_or(0);
    }
    assert_eq!((world.mails(), given_up), (1, 1));
    let record = world.todays_notice().await;
    assert_eq!(record.state, MailState::GaveUp);
    let reason = record.reason.unwrap();
    assert!(reason.contains("silence after the message"), "{reason}");
}

#[tokio::test]
async fn at_least_once_resends_exactly_once() {
    let world = world_with_overdue_loan().await;
    let mut conrad = family("conrad");
    conrad.preferences.delivery = Delivery::AtLeastOnce;
    world.store.update_family(&conrad).await.unwrap();
    for _ in 0..3 {
        queue_unknown_answer(&world);
    }
    for _ in 0..20 {
        tick(&world).await;
        world.clock.advance(Duration::minutes(15));
    }
    assert_eq!(world.mails(), 2);
    assert_eq!(world.todays_notice().await.state, MailState::GaveUp);
}

#[tokio::test]
async fn crash_after_claim_recovers_when_the_lease_expires() {
    let world = world_with_overdue_loan().await;
    let date = "2026-11-21".parse().unwrap();
    let record = OutboxRecord::planned(MailKey::daily(world.conrad(), date), world.clock_now());
    assert!(world.store.plan_mail(&record).await.unwrap());
    let claimed = record.claim(Uuid::new_v4(), world.clock_now()).unwrap();
    assert!(world.store.replace_mail(0, &claimed, None).await.unwrap());
    tick(&world).await;
    assert_eq!(world.mails(), 0, "the worker may still be alive");
    world.clock.advance(LEASE_DURATION);
    tick(&world).await;
    assert_eq!(world.mails(), 1);
}

#[tokio::test]
async fn family_without_recipients_fails_with_a_remedy() {
    let world = world_with_overdue_loan().await;
    let mut conrad = family("conrad");
    conrad.recipients.clear();
    world.store.update_family(&conrad).await.unwrap();
    tick(&world).await;
    let record = world.todays_notice().await;
    assert_eq!(record.state, MailState::Failed);
    assert!(record.reason.unwrap().contains("Add one"));
}

#[tokio::test]
async fn family_with_only_stopped_recipients_fails_with_a_remedy() {
    let world = world_with_overdue_loan().await;
    let stopped = StoppedRecipient {
        address: "pat@example.org".parse().unwrap(),
        since: world.clock_now(),
        complained: true,
    };
    let conrad = world.conrad();
    let is_stopped = world.store.stop_recipient(&conrad, &stopped).await;
    assert!(is_stopped.unwrap());
    tick(&world).await;
    let record = world.todays_notice().await;
    assert_eq!(record.state, MailState::Failed);
    let reason = record.reason.unwrap();
    assert!(reason.contains("Allow one again"), "{reason}");
    assert_eq!(world.mails(), 0);
}

#[tokio::test]
async fn notice_of_a_past_day_fails_with_its_reason() {
    let world = world_with_overdue_loan().await;
    world
        .mailer
        .answers
        .lock()
        .unwrap()
        .push_back(SendOutcome::NotSent {
            reason: "no connection".to_owned(),
        });
    tick(&world).await;
    world.clock.set("2026-11-22T12:00:00Z");
    tick(&world).await;
    let record = world.todays_notice().await;
    assert_eq!(record.state, MailState::Failed);
    assert!(record.reason.unwrap().contains("no connection"));
    assert_eq!(
        world.mails(),
        2,
        "the failed one, and the one of the next day"
    );
}

#[tokio::test]
async fn last_notice_is_stored_only_for_sent_mail() {
    let world = world_with_overdue_loan().await;
    world
        .mailer
        .answers
        .lock()
        .unwrap()
        .push_back(SendOutcome::NotSent {
            reason: "no connection".to_owned(),
        });
    tick(&world).await;
    assert_eq!(
        world.store.last_sent_notice(&world.conrad()).await.unwrap(),
        None
    );
    tick(&world).await;
    assert!(
        world
            .store
            .last_sent_notice(&world.conrad())
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn paused_family_gets_no_notice() {
    let world = world_with_overdue_loan().await;
    let mut conrad = family("conrad");
    conrad.paused = true;
    world.store.update_family(&conrad).await.unwrap();
    tick(&world).await;
    assert_eq!(world.mails(), 0);
}

#[tokio::test]
async fn paused_family_gets_no_open_notice() {
    let world = world_with_overdue_loan().await;
    world
        .mailer
        .answers
        .lock()
        .unwrap()
        .push_back(SendOutcome::NotSent {
            reason: "no connection".to_owned(),
        });
    tick(&world).await;
    let mut conrad = family("conrad");
    conrad.paused = true;
    world.store.update_family(&conrad).await.unwrap();
    tick(&world).await;
    assert_eq!(world.mails(), 1);
}

#[tokio::test]
async fn pause_drops_a_waiting_recipient_without_an_alert() {
    let world = world_with_overdue_loan().await;
    let mut conrad = family("conrad");
    let sam: EmailAddress = "sam@example.org".parse().unwrap();
    conrad.recipients.push(sam.clone());
    world.store.update_family(&conrad).await.unwrap();
    let accepted = SendOutcome::Accepted {
        message_id: "<1@here>".to_owned(),
        refused_recipients: vec![RefusedRecipient {
            address: sam,
            is_permanent: false,
            reason: "451".to_owned(),
        }],
    };
    world.mailer.answers.lock().unwrap().push_back(accepted);
    tick(&world).await;
    conrad.pause(None, world.clock_now());
    world.store.update_family(&conrad).await.unwrap();
    world.clock.advance(chrono::Duration::hours(1));
    tick(&world).await;
    let open = world.store.open_mails(None, 9).await.unwrap();
    assert_eq!(open, [], "nobody waits for it any more");
    assert_eq!(world.mails(), 1);
    let alerts = world.store.recent_alerts(9).await.unwrap();
    assert!(alerts.is_empty(), "{alerts:?}");
}

#[tokio::test]
async fn manual_send_ignores_the_retry_delay() {
    let world = world_with_overdue_loan().await;
    world
        .mailer
        .answers
        .lock()
        .unwrap()
        .push_back(SendOutcome::Refused {
            reason: "535".to_owned(),
            is_permanent: false,
        });
    tick(&world).await;
    tick(&world).await;
    assert_eq!(world.mails(), 1);
    let plan = RunPlan {
        key: RunKey {
            job: JobName::NOTIFY_ALL,
            label: "person".parse().unwrap(),
            scheduled_time: world.clock_now(),
        },
        trigger: Trigger::Person,
        input: serde_json::json!({}),
        allow_overlap: true,
        rules: StartRules::default(),
        hooks: None,
    };
    let input = NotifyAllInput {
        at_once: true,
        ..NotifyAllInput::default()
    };
    let ports = world.notify_ports();
    let run = notify_all(&world, &ports, plan, &input, &|_| {});
    let run = run.await.unwrap();
    assert_eq!(run.counts.done, 1);
    assert_eq!(world.todays_notice().await.state, MailState::Sent);
}

#[tokio::test]
async fn unreadable_notices_of_one_family_do_not_block_others() {
    let world = world_with_overdue_loan().await;
    world.store.add_family(&family("abel")).await.unwrap();
    let broken = Broken {
        inside: &world.store,
        family: "abel".parse().unwrap(),
    };
    let ports = NotifyPorts {
        outbox: &broken,
        ..world.notify_ports()
    };
    let plan = plan_tick(&world);
    let input = NotifyAllInput::default();
    let run = notify_all(&world, &ports, plan, &input, &|_| {});
    assert!(run.await.is_err(), "the run reports the missing notice");
    assert_eq!(world.mails(), 1);
}

#[tokio::test]
async fn long_run_reports_progress_every_minute() {
    let world = World::new().await;
    for number in 0..60 {
        let id = format!("family-{number}");
        world.store.add_family(&family(&id)).await.unwrap();
    }
    let plan = plan_tick(&world);
    let key = plan.key.clone();
    let longest = std::sync::Mutex::new(Duration::zero());
    // Each mail is slow.
    let progress = |_: NotifyProgress<'_>| {
        world.clock.advance(Duration::seconds(40));
        let run = world.store.run(&key).now_or_never().unwrap().unwrap();
        let silent = world.clock_now() - run.unwrap().reported_at;
        let mut longest = longest.lock().unwrap();
        *longest = silent.max(*longest);
    };
    let (ports, input) = (world.notify_ports(), NotifyAllInput::default());
    let run = notify_all(&world, &ports, plan, &input, &progress);
    assert_eq!(run.await.unwrap().counts.skipped, 62);
    let longest = longest.into_inner().unwrap();
    assert!(longest < Duration::minutes(2), "silent for {longest}");
}

#[tokio::test]
async fn newer_versions_notice_does_not_fail_the_run() {
    let world = world_with_overdue_loan().await;
    tick(&world).await;
    let record = world.todays_notice().await;
    let newer = OutboxRecord {
        state: MailState::Newer,
        revision: record.revision + 1,
        ..record.clone()
    };
    let replaced = world.store.replace_mail(record.revision, &newer, None);
    assert!(replaced.await.unwrap());
    for _ in 0..2 {
        world.clock.advance(chrono::Duration::minutes(15));
        let run = tick(&world).await;
        assert_eq!(run.outcome, crate::run::RunOutcome::Done);
        assert_eq!(run.counts.failures(), 0);
    }
}

/// The notice of 23:50 is sent by the first tick after midnight, or hours later.
#[tokio::test]
async fn notice_sent_after_midnight_uses_the_sending_day() {
    for leaves_at in ["2026-11-21T05:00:00Z", "2026-11-21T10:45:00Z"] {
        let world = World::new().await;
        let mut conrad = family("conrad");
        conrad.notice_time = "23:50:00".parse().unwrap();
        world.store.update_family(&conrad).await.unwrap();
        world.add_card("conrad", "wpl", ("1", "p")).await;
        let loans = account(&[("Fog", "2026-11-20"), ("Emma", "2026-11-21")]);
        world.site.answer("1", Ok(loans));
        world.clock.set("2026-11-21T04:40:00Z");
        world.check_all().await;
        assert_eq!(tick(&world).await.counts.done, 0, "it is not due yet");
        world.clock.set(leaves_at);
        tick(&world).await;
        let subject = world.mailer.mails.lock().unwrap()[0].subject.clone();
        assert_eq!(subject, "1 overdue, 1 due today", "{leaves_at}");
        let date = "2026-11-20".parse().unwrap();
        let record = world
            .store
            .mail(&MailKey::daily(world.conrad(), date))
            .await
            .unwrap();
        assert_eq!(record.unwrap().state, MailState::Sent);
    }
}

/// The first attempt is composed before midnight and not sent.
#[tokio::test]
async fn retry_after_midnight_is_composed_for_the_new_day() {
    let world = World::new().await;
    let mut conrad = family("conrad");
    conrad.notice_time = "23:30:00".parse().unwrap();
    world.store.update_family(&conrad).await.unwrap();
    world.add_card("conrad", "wpl", ("1", "p")).await;
    world
        .site
        .answer("1", Ok(account(&[("Fog", "2026-11-20")])));
    world.clock.set("2026-11-21T04:40:00Z");
    world.check_all().await;
    world
        .mailer
        .answers
        .lock()
        .unwrap()
        .push_back(SendOutcome::NotSent {
            reason: "no connection".to_owned(),
        });
    tick(&world).await;
    let date = "2026-11-20".parse().unwrap();
    let hash = || async {
        let record = world
            .store
            .mail(&MailKey::daily(world.conrad(), date))
            .await
            .unwrap();
        record.unwrap().body_hash
    };
    let before = hash().await;
    world.clock.set("2026-11-21T05:00:00Z");
    tick(&world).await;
    let subjects: Vec<String> = world
        .mailer
        .mails
        .lock()
        .unwrap()
        .iter()
        .map(|mail| mail.subject.clone())
        .collect();
    assert_eq!(subjects, ["1 due today", "1 overdue"]);
    assert!(before.is_some() && before != hash().await);
}
