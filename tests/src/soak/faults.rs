//! A process whose calls of the store, the queue and the mail service may fail in every way.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hippo_core::alerts::{Alert, AlertKey};
use hippo_core::alerts::{PendingAlerts, StoredAlert};
use hippo_core::clock::Clock;
use hippo_core::email_address::EmailAddress;
use hippo_core::family::{Family, StoppedRecipient, Unsubscription};
use hippo_core::ids::FamilyId;
use hippo_core::jobs::notify::delivery_events::DeliveryEvent;
use hippo_core::mail::{Mail, MailTag, Mailer, SendOutcome};
use hippo_core::notice::last_notice::LastNotice;
use hippo_core::outbox::{AcceptedBy, MailKey, MailKind, OutboxRecord};
use hippo_core::queue::{MailQueue, QueueError};
use hippo_core::run::RunKey;
use hippo_core::store::AlertStore;
use hippo_core::store::{
    AccountStore, FamilyStore, LoadedFamily, OutboxCursor, OutboxStore, StoreError, StoreOrigin,
    StoreResult,
};
use tokio::sync::Notify;

use super::world::{Task, World};

/// A fault of any call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    CrashBefore,
    CrashAfter,
    SleepBefore,
    SleepAfter,
    /// The call was not made, and the caller learns so.
    Unavailable,
    /// The call was made, but the caller gets an error.
    AnswerLost,
}

const CALL_FAULTS: [Fault; 6] = [
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::SleepBefore,
    Fault::SleepAfter,
    Fault::Unavailable,
    Fault::AnswerLost,
];

/// The faults of a tick's calls. A tick makes a call or two for every family, so it would never finish if
/// one of a hundred crashed or slept. It crashes or sleeps at most once instead, at a random call.
const TICK_CALL_FAULTS: [Fault; 2] = [Fault::Unavailable, Fault::AnswerLost];

/// A fault of sending a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MailFault {
    Call(Fault),
    /// The mail was not accepted, and no answer came.
    SilentlyNotAccepted,
    RefusedTemporarily,
    RefusedPermanently,
    /// The mail was accepted and rejected later.
    Rejected,
}

const MAIL_FAULTS: [MailFault; 10] = [
    MailFault::Call(Fault::CrashBefore),
    MailFault::Call(Fault::CrashAfter),
    MailFault::Call(Fault::SleepBefore),
    MailFault::Call(Fault::SleepAfter),
    MailFault::Call(Fault::Unavailable),
    MailFault::Call(Fault::AnswerLost),
    MailFault::SilentlyNotAccepted,
    MailFault::RefusedTemporarily,
    MailFault::RefusedPermanently,
    MailFault::Rejected,
];

/// One worker, from its start to its end or its crash.
pub(super) struct Process<'a> {
    world: &'a World<'a>,
    pub(super) number: u64,
    /// How often each call was made, by its name and argument.
    calls_by_name: Mutex<HashMap<String, u32>>,
    call_count: AtomicU64,
    /// The faults that each call may have.
    call_faults: &'static [Fault],
    /// The faults of the process as a whole, each with the number of its call.
    process_faults: Vec<(u64, Fault)>,
    is_asleep: AtomicBool,
    woke: Notify,
    is_dead: AtomicBool,
    died: Notify,
}

const REASON: &str = "injected by the soak test";

fn unavailable() -> StoreError {
    StoreError::Unavailable(REASON.to_owned())
}

impl<'a> Process<'a> {
    /// Creates a process. `is_tick` marks one that makes a great many calls.
    pub(super) fn new(world: &'a World<'a>, is_tick: bool) -> Self {
        let number = world.new_number();
        let calls_per_tick = world.families() * 2;
        let draw_process_fault = |name: &str, faults: [Fault; 2]| {
            let drawn = world.draw_fault((number, name))?;
            let fault = faults[usize::from(drawn % 2 == 0)];
            Some((drawn / 2 % calls_per_tick, fault))
        };
        let process_faults = [
            draw_process_fault("crash", [Fault::CrashBefore, Fault::CrashAfter]),
            draw_process_fault("sleep", [Fault::SleepBefore, Fault::SleepAfter]),
        ];
        Self {
            world,
            number,
            calls_by_name: Mutex::default(),
            call_count: AtomicU64::new(0),
            call_faults: if is_tick {
                &TICK_CALL_FAULTS
            } else {
                &CALL_FAULTS
            },
            process_faults: process_faults
                .into_iter()
                .flatten()
                .filter(|_| is_tick)
                .collect(),
            is_asleep: AtomicBool::new(false),
            woke: Notify::new(),
            is_dead: AtomicBool::new(false),
            died: Notify::new(),
        }
    }

    /// Waits until the process crashes.
    pub(super) async fn wait_for_crash(&self) {
        self.died.notified().await;
    }

    /// Picks one of `faults` for the next call of this name, if it has one.
    fn pick_fault<T: Copy>(&self, call: &str, about: &str, faults: &[T]) -> Option<T> {
        self.world.update_report(|report| report.calls += 1);
        let name = format!("{call} {about}");
        let times = {
            let mut calls = self.calls_by_name.lock().unwrap();
            let times = calls.entry(name.clone()).or_default();
            *times += 1;
            *times
        };
        let drawn = self.world.draw_fault((self.number, name, times))?;
        let index = usize::try_from(drawn % faults.len() as u64).unwrap();
        Some(faults[index])
    }

    /// Makes a call of the store or the queue, or fails it.
    async fn call<T, E>(
        &self,
        name: &str,
        about: &str,
        unavailable: impl Fn() -> E,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.wait_until_awake().await;
        let number = self.call_count.fetch_add(1, Ordering::Relaxed);
        let fault = self.process_faults.iter().find(|(call, _)| *call == number);
        let drawn = self.pick_fault(name, about, self.call_faults);
        let Some(fault) = fault.map(|(_, fault)| *fault).or(drawn) else {
            let answer = call.await;
            self.wait_until_awake().await;
            return answer;
        };
        self.world.count_fault(format!("{name}: {fault:?}"));
        self.apply_fault(fault, call, unavailable).await
    }

    async fn apply_fault<T, E>(
        &self,
        fault: Fault,
        call: impl Future<Output = Result<T, E>>,
        unavailable: impl Fn() -> E,
    ) -> Result<T, E> {
        match fault {
            Fault::CrashBefore => self.crash().await,
            Fault::CrashAfter => {
                let _ = call.await;
                self.crash().await
            }
            Fault::SleepBefore => {
                self.sleep_past_lease().await;
                call.await
            }
            Fault::SleepAfter => {
                let answer = call.await;
                self.sleep_past_lease().await;
                answer
            }
            Fault::Unavailable => Err(unavailable()),
            Fault::AnswerLost => {
                let _ = call.await;
                Err(unavailable())
            }
        }
    }

    async fn crash<T>(&self) -> T {
        self.is_dead.store(true, Ordering::Relaxed);
        self.died.notify_one();
        std::future::pending().await
    }

    /// Waits while the process sleeps, and forever once it has crashed.
    async fn wait_until_awake(&self) {
        if self.is_dead.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        loop {
            let woke = self.woke.notified();
            if !self.is_asleep.load(Ordering::Relaxed) {
                return;
            }
            woke.await;
        }
    }

    /// Sleeps for up to 40 minutes: past a lease, and past the wait for a delivery event.
    async fn sleep_past_lease(&self) {
        if self.is_asleep.swap(true, Ordering::Relaxed) {
            return self.wait_until_awake().await;
        }
        let minutes = 1 + i64::try_from(self.world.new_number() % 40).unwrap();
        let until = self.world.now() + chrono::Duration::minutes(minutes);
        self.world.sleep_until(self.number, until).await;
        self.is_asleep.store(false, Ordering::Relaxed);
        self.woke.notify_waiters();
    }

    /// Sends a mail, and schedules the mail service's events for it.
    fn send_mail(&self, tag: &MailTag) {
        let notice = (tag.family.clone(), tag.date);
        self.world
            .update_report(|report| *report.mails_sent.entry(notice).or_default() += 1);
        self.schedule_event(tag, DeliveryEvent::Accepted(AcceptedBy::MailService), 0);
        self.schedule_event(tag, DeliveryEvent::Accepted(AcceptedBy::RecipientServer), 2);
    }

    fn schedule_event(&self, tag: &MailTag, event: DeliveryEvent, minutes: i64) {
        let at = self.world.now() + chrono::Duration::minutes(minutes);
        self.world.send(Task::Event(tag.clone(), event), at);
    }
}

#[async_trait]
impl Clock for Process<'_> {
    fn now(&self) -> DateTime<Utc> {
        self.world.now()
    }

    async fn sleep(&self, _duration: Duration) {
        tokio::task::yield_now().await;
    }
}

#[async_trait]
impl Mailer for Process<'_> {
    async fn send(&self, mail: &Mail) -> SendOutcome {
        self.wait_until_awake().await;
        let tag = mail.tag.as_ref().unwrap();
        let about = tag.message_id_local_part();
        let accepted = || SendOutcome::Accepted {
            message_id: about.clone(),
            refused_recipients: Vec::new(),
        };
        let reason = || REASON.to_owned();
        let fault = self.pick_fault("send", &about, &MAIL_FAULTS);
        if let Some(fault) = fault {
            self.world.count_fault(format!("send: {fault:?}"));
        }
        let take = async {
            self.send_mail(tag);
            Ok(accepted())
        };
        match fault {
            None => {
                self.send_mail(tag);
                accepted()
            }
            Some(MailFault::Call(fault)) => {
                let answer = self.apply_fault(fault, take, || fault).await;
                answer.unwrap_or_else(|fault| match fault {
                    Fault::Unavailable => SendOutcome::NotSent { reason: reason() },
                    _ => SendOutcome::Unknown { reason: reason() },
                })
            }
            Some(MailFault::SilentlyNotAccepted) => SendOutcome::Unknown { reason: reason() },
            Some(MailFault::RefusedTemporarily) => SendOutcome::Refused {
                reason: reason(),
                is_permanent: false,
            },
            Some(MailFault::RefusedPermanently) => SendOutcome::Refused {
                reason: reason(),
                is_permanent: true,
            },
            Some(MailFault::Rejected) => {
                self.schedule_event(tag, DeliveryEvent::Accepted(AcceptedBy::MailService), 0);
                let reason = "Rejected by the mail service.".to_owned();
                self.schedule_event(tag, DeliveryEvent::Rejected { reason }, 1);
                accepted()
            }
        }
    }
}

#[async_trait]
impl MailQueue for Process<'_> {
    async fn send(&self, _run: &RunKey, notices: &[MailKey]) -> Result<(), QueueError> {
        let error = || QueueError {
            unsent: notices.len(),
            asked: notices.len(),
            reason: REASON.to_owned(),
        };
        let take = async {
            for notice in notices {
                let message = Task::Message(notice.clone());
                self.world.send(message, self.world.now());
            }
            Ok(())
        };
        self.call("queue", "", error, take).await
    }
}

#[async_trait]
impl AccountStore for Process<'_> {
    async fn load_family(&self, family: &FamilyId) -> StoreResult<Option<LoadedFamily>> {
        let call = self.world.store.load_family(family);
        self.call("load_family", family.as_str(), unavailable, call)
            .await
    }
}

#[async_trait]
impl FamilyStore for Process<'_> {
    async fn add_family(&self, family: &Family) -> StoreResult<()> {
        self.world.store.add_family(family).await
    }

    async fn update_family(&self, family: &Family) -> StoreResult<()> {
        self.world.store.update_family(family).await
    }

    async fn replace_family(&self, before: &Family, after: &Family) -> StoreResult<bool> {
        self.world.store.replace_family(before, after).await
    }

    async fn family(&self, id: &FamilyId) -> StoreResult<Option<Family>> {
        let call = self.world.store.family(id);
        self.call("family", id.as_str(), unavailable, call).await
    }

    async fn families(&self) -> StoreResult<Vec<Family>> {
        let call = self.world.store.families();
        self.call("families", "", unavailable, call).await
    }

    async fn families_page(
        &self,
        after: Option<&FamilyId>,
        limit: usize,
    ) -> StoreResult<Vec<Family>> {
        let call = self.world.store.families_page(after, limit);
        self.call("families_page", "", unavailable, call).await
    }

    async fn stop_recipient(&self, id: &FamilyId, stopped: &StoppedRecipient) -> StoreResult<bool> {
        self.world.store.stop_recipient(id, stopped).await
    }

    async fn allow_recipient(&self, id: &FamilyId, address: &EmailAddress) -> StoreResult<bool> {
        self.world.store.allow_recipient(id, address).await
    }

    async fn unsubscribe(
        &self,
        id: &FamilyId,
        unsubscription: &Unsubscription,
    ) -> StoreResult<bool> {
        self.world.store.unsubscribe(id, unsubscription).await
    }

    async fn resubscribe(
        &self,
        id: &FamilyId,
        address: &EmailAddress,
        kind: &MailKind,
    ) -> StoreResult<bool> {
        self.world.store.resubscribe(id, address, kind).await
    }

    async fn remove_family(&self, id: &FamilyId) -> StoreResult<()> {
        self.world.store.remove_family(id).await
    }
}

#[async_trait]
impl AlertStore for Process<'_> {
    async fn record_alert(
        &self,
        key: &AlertKey,
        alert: &Alert,
        now: DateTime<Utc>,
    ) -> StoreResult<bool> {
        let call = self.world.store.record_alert(key, alert, now);
        self.call("raise_alert", key.as_str(), unavailable, call)
            .await
    }

    async fn claim_alert(&self, key: &AlertKey, now: DateTime<Utc>) -> StoreResult<bool> {
        self.world.store.claim_alert(key, now).await
    }

    async fn mark_alert_delivered(&self, key: &AlertKey, at: DateTime<Utc>) -> StoreResult<()> {
        self.world.store.mark_alert_delivered(key, at).await
    }

    async fn withdraw_alert(&self, alert: &StoredAlert) -> StoreResult<()> {
        self.world.store.withdraw_alert(alert).await
    }

    async fn alert(&self, key: &AlertKey) -> StoreResult<Option<StoredAlert>> {
        self.world.store.alert(key).await
    }

    async fn pending_alerts(&self) -> StoreResult<PendingAlerts> {
        self.world.store.pending_alerts().await
    }

    async fn recent_alerts(&self, limit: usize) -> StoreResult<Vec<StoredAlert>> {
        self.world.store.recent_alerts(limit).await
    }
}

#[async_trait]
impl OutboxStore for Process<'_> {
    async fn origin(&self) -> StoreResult<StoreOrigin> {
        self.world.store.origin().await
    }

    async fn end_restore(&self) -> StoreResult<()> {
        self.world.store.end_restore().await
    }

    async fn last_sent_fence(&self, key: &MailKey) -> StoreResult<Option<u64>> {
        self.world.store.last_sent_fence(key).await
    }

    async fn plan_mail(&self, record: &OutboxRecord) -> StoreResult<bool> {
        let about = record.key().to_string();
        let call = self.world.store.plan_mail(record);
        self.call("plan_mail", &about, unavailable, call).await
    }

    async fn mail(&self, key: &MailKey) -> StoreResult<Option<OutboxRecord>> {
        let call = self.world.store.mail(key);
        self.call("mail", &key.to_string(), unavailable, call).await
    }

    async fn replace_mail(
        &self,
        expected_revision: u64,
        record: &OutboxRecord,
        last_notice: Option<&LastNotice>,
    ) -> StoreResult<bool> {
        let about = record.key().to_string();
        let call = self
            .world
            .store
            .replace_mail(expected_revision, record, last_notice);
        self.call("replace_mail", &about, unavailable, call).await
    }

    async fn open_mails(
        &self,
        after: Option<&OutboxCursor>,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>> {
        let call = self.world.store.open_mails(after, limit);
        self.call("open_mails", "", unavailable, call).await
    }

    async fn last_sent_notice(&self, family: &FamilyId) -> StoreResult<Option<LastNotice>> {
        let call = self.world.store.last_sent_notice(family);
        self.call("last_sent_notice", family.as_str(), unavailable, call)
            .await
    }

    async fn recent_mails(
        &self,
        kind: &MailKind,
        family: &FamilyId,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>> {
        let call = self.world.store.recent_mails(kind, family, limit);
        self.call("recent_mails", family.as_str(), unavailable, call)
            .await
    }
}
