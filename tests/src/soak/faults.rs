//! A process and everything that it calls: each call may fail, in every way that such a call can.

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
use hippo_core::family::{Family, StoppedRecipient};
use hippo_core::ids::FamilyId;
use hippo_core::jobs::notify::delivery_events::DeliveryEvent;
use hippo_core::mail::{Mail, MailAnswer, MailTag, Mailer};
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

use super::world::{Thing, World};

/// What may go wrong with any call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    CrashBefore,
    CrashAfter,
    SleepBefore,
    SleepAfter,
    /// Nothing was done, which the caller learns.
    Away,
    /// It was done, and the caller does not learn that.
    AnswerLost,
}

const CALL: [Fault; 6] = [
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::SleepBefore,
    Fault::SleepAfter,
    Fault::Away,
    Fault::AnswerLost,
];

/// A tick makes a call or two for every family: it would never come to its end if it crashed or slept at one
/// of a hundred. It does so as a whole instead, at any of them.
const CALL_OF_A_TICK: [Fault; 2] = [Fault::Away, Fault::AnswerLost];

/// What may go wrong with a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MailFault {
    Call(Fault),
    /// It was not taken, and nobody said so.
    SilentlyNotTaken,
    RefusedForNow,
    RefusedForGood,
    /// It was taken, and then not sent.
    Rejected,
}

const MAIL: [MailFault; 10] = [
    MailFault::Call(Fault::CrashBefore),
    MailFault::Call(Fault::CrashAfter),
    MailFault::Call(Fault::SleepBefore),
    MailFault::Call(Fault::SleepAfter),
    MailFault::Call(Fault::Away),
    MailFault::Call(Fault::AnswerLost),
    MailFault::SilentlyNotTaken,
    MailFault::RefusedForNow,
    MailFault::RefusedForGood,
    MailFault::Rejected,
];

/// One worker, from its start to its end or its crash.
pub(super) struct Process<'a> {
    world: &'a World<'a>,
    pub(super) number: u64,
    /// How often each call was made.
    calls: Mutex<HashMap<String, u32>>,
    /// How many calls were made.
    made: AtomicU64,
    /// What may go wrong with each call.
    ways: &'static [Fault],
    /// What will go wrong with the process as a whole, and at which call.
    fates: Vec<(u64, Fault)>,
    is_asleep: AtomicBool,
    woke: Notify,
    is_dead: AtomicBool,
    died: Notify,
}

const REASON: &str = "made so by the soak";

fn away() -> StoreError {
    StoreError::Unavailable(REASON.to_owned())
}

impl<'a> Process<'a> {
    /// Of a tick, if `is_tick`: a process of very many calls.
    pub(super) fn new(world: &'a World<'a>, is_tick: bool) -> Self {
        let number = world.new_number();
        let calls_of_a_tick = world.families() * 2;
        let fate = |name: &str, faults: [Fault; 2]| {
            let drawn = world.goes_wrong((number, name))?;
            let fault = faults[usize::from(drawn % 2 == 0)];
            Some((drawn / 2 % calls_of_a_tick, fault))
        };
        let fates = [
            fate("crash", [Fault::CrashBefore, Fault::CrashAfter]),
            fate("sleep", [Fault::SleepBefore, Fault::SleepAfter]),
        ];
        Self {
            world,
            number,
            calls: Mutex::default(),
            made: AtomicU64::new(0),
            ways: if is_tick { &CALL_OF_A_TICK } else { &CALL },
            fates: fates.into_iter().flatten().filter(|_| is_tick).collect(),
            is_asleep: AtomicBool::new(false),
            woke: Notify::new(),
            is_dead: AtomicBool::new(false),
            died: Notify::new(),
        }
    }

    /// Comes back when the process crashes.
    pub(super) async fn killed(&self) {
        self.died.notified().await;
    }

    /// Which of these ways the next call of this name goes wrong, if it does.
    fn draw<T: Copy>(&self, call: &str, about: &str, ways: &[T]) -> Option<T> {
        self.world.note(|report| report.calls += 1);
        let name = format!("{call} {about}");
        let times = {
            let mut calls = self.calls.lock().unwrap();
            let times = calls.entry(name.clone()).or_default();
            *times += 1;
            *times
        };
        let drawn = self.world.goes_wrong((self.number, name, times))?;
        let index = usize::try_from(drawn % ways.len() as u64).unwrap();
        Some(ways[index])
    }

    /// A call of the store or the queue.
    async fn call<T, E>(
        &self,
        name: &str,
        about: &str,
        away: impl Fn() -> E,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.awake().await;
        let made = self.made.fetch_add(1, Ordering::Relaxed);
        let fate = self.fates.iter().find(|(call, _)| *call == made);
        let drawn = self.draw(name, about, self.ways);
        let Some(fault) = fate.map(|(_, fault)| *fault).or(drawn) else {
            let answer = call.await;
            self.awake().await;
            return answer;
        };
        self.world.fault(format!("{name}: {fault:?}"));
        self.hurt(fault, call, away).await
    }

    async fn hurt<T, E>(
        &self,
        fault: Fault,
        call: impl Future<Output = Result<T, E>>,
        away: impl Fn() -> E,
    ) -> Result<T, E> {
        match fault {
            Fault::CrashBefore => self.crash().await,
            Fault::CrashAfter => {
                let _ = call.await;
                self.crash().await
            }
            Fault::SleepBefore => {
                self.sleep_for_long().await;
                call.await
            }
            Fault::SleepAfter => {
                let answer = call.await;
                self.sleep_for_long().await;
                answer
            }
            Fault::Away => Err(away()),
            Fault::AnswerLost => {
                let _ = call.await;
                Err(away())
            }
        }
    }

    async fn crash<T>(&self) -> T {
        self.is_dead.store(true, Ordering::Relaxed);
        self.died.notify_one();
        std::future::pending().await
    }

    /// While a process sleeps all of it sleeps, and once it is dead nothing of it goes on.
    async fn awake(&self) {
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

    /// For up to forty minutes: past a lease, and past the wait for evidence.
    async fn sleep_for_long(&self) {
        if self.is_asleep.swap(true, Ordering::Relaxed) {
            return self.awake().await;
        }
        let minutes = 1 + i64::try_from(self.world.new_number() % 40).unwrap();
        let until = self.world.now() + chrono::Duration::minutes(minutes);
        self.world.sleep_until(self.number, until).await;
        self.is_asleep.store(false, Ordering::Relaxed);
        self.woke.notify_waiters();
    }

    /// A mail leaves; what the mail service tells of it comes later.
    fn leave(&self, tag: &MailTag) {
        let notice = (tag.family.clone(), tag.date);
        self.world
            .note(|report| *report.left.entry(notice).or_default() += 1);
        self.event(tag, DeliveryEvent::Accepted(AcceptedBy::MailService), 0);
        self.event(tag, DeliveryEvent::Accepted(AcceptedBy::RecipientServer), 2);
    }

    fn event(&self, tag: &MailTag, event: DeliveryEvent, minutes: i64) {
        let at = self.world.now() + chrono::Duration::minutes(minutes);
        self.world.send(Thing::Event(tag.clone(), event), at);
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
    async fn send(&self, mail: &Mail) -> MailAnswer {
        self.awake().await;
        let tag = mail.tag.as_ref().unwrap();
        let about = tag.message_id_local_part();
        let accepted = || MailAnswer::Accepted {
            message_id: about.clone(),
            refused: Vec::new(),
        };
        let reason = || REASON.to_owned();
        let fault = self.draw("send", &about, &MAIL);
        if let Some(fault) = fault {
            self.world.fault(format!("send: {fault:?}"));
        }
        let take = async {
            self.leave(tag);
            Ok(accepted())
        };
        match fault {
            None => {
                self.leave(tag);
                accepted()
            }
            Some(MailFault::Call(fault)) => {
                let answer = self.hurt(fault, take, || fault).await;
                answer.unwrap_or_else(|fault| match fault {
                    Fault::Away => MailAnswer::NotSent { reason: reason() },
                    _ => MailAnswer::Unknown { reason: reason() },
                })
            }
            Some(MailFault::SilentlyNotTaken) => MailAnswer::Unknown { reason: reason() },
            Some(MailFault::RefusedForNow) => MailAnswer::Refused {
                reason: reason(),
                for_good: false,
            },
            Some(MailFault::RefusedForGood) => MailAnswer::Refused {
                reason: reason(),
                for_good: true,
            },
            Some(MailFault::Rejected) => {
                self.event(tag, DeliveryEvent::Accepted(AcceptedBy::MailService), 0);
                let reason = "Rejected by the mail service.".to_owned();
                self.event(tag, DeliveryEvent::Rejected { reason }, 1);
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
                let message = Thing::Message(notice.clone());
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
        self.call("load_family", family.as_str(), away, call).await
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

    async fn family(&self, id: &FamilyId) -> StoreResult<Option<Family>> {
        let call = self.world.store.family(id);
        self.call("family", id.as_str(), away, call).await
    }

    async fn families(&self) -> StoreResult<Vec<Family>> {
        let call = self.world.store.families();
        self.call("families", "", away, call).await
    }

    async fn families_page(
        &self,
        after: Option<&FamilyId>,
        limit: usize,
    ) -> StoreResult<Vec<Family>> {
        let call = self.world.store.families_page(after, limit);
        self.call("families_page", "", away, call).await
    }

    async fn stop_recipient(&self, id: &FamilyId, stopped: &StoppedRecipient) -> StoreResult<bool> {
        self.world.store.stop_recipient(id, stopped).await
    }

    async fn allow_recipient(&self, id: &FamilyId, address: &EmailAddress) -> StoreResult<bool> {
        self.world.store.allow_recipient(id, address).await
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
        self.call("raise_alert", key.as_str(), away, call).await
    }

    async fn claim_alert(&self, key: &AlertKey, now: DateTime<Utc>) -> StoreResult<bool> {
        self.world.store.claim_alert(key, now).await
    }

    async fn mark_alert_delivered(&self, key: &AlertKey, at: DateTime<Utc>) -> StoreResult<()> {
        self.world.store.mark_alert_delivered(key, at).await
    }

    async fn withdraw_alert(&self, noted: &StoredAlert) -> StoreResult<()> {
        self.world.store.withdraw_alert(noted).await
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

    async fn sent_before(&self, key: &MailKey) -> StoreResult<Option<u64>> {
        self.world.store.sent_before(key).await
    }

    async fn plan_mail(&self, record: &OutboxRecord) -> StoreResult<bool> {
        let about = record.key().to_string();
        let call = self.world.store.plan_mail(record);
        self.call("plan_mail", &about, away, call).await
    }

    async fn mail(&self, key: &MailKey) -> StoreResult<Option<OutboxRecord>> {
        let call = self.world.store.mail(key);
        self.call("mail", &key.to_string(), away, call).await
    }

    async fn replace_mail(
        &self,
        revision: u64,
        record: &OutboxRecord,
        last_notice: Option<&LastNotice>,
    ) -> StoreResult<bool> {
        let about = record.key().to_string();
        let call = self.world.store.replace_mail(revision, record, last_notice);
        self.call("replace_mail", &about, away, call).await
    }

    async fn open_mails(
        &self,
        after: Option<&OutboxCursor>,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>> {
        let call = self.world.store.open_mails(after, limit);
        self.call("open_mails", "", away, call).await
    }

    async fn last_sent_notice(&self, family: &FamilyId) -> StoreResult<Option<LastNotice>> {
        let call = self.world.store.last_sent_notice(family);
        self.call("last_sent_notice", family.as_str(), away, call)
            .await
    }

    async fn recent_mails(
        &self,
        kind: &MailKind,
        family: &FamilyId,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>> {
        let call = self.world.store.recent_mails(kind, family, limit);
        self.call("recent_mails", family.as_str(), away, call).await
    }
}
