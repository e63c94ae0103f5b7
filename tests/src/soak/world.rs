//! The simulated world: its time, what is under way in it, and who works or sleeps.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard};

use chrono::{DateTime, Duration, Utc};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use hippo_core::ids::LibraryId;
use hippo_core::jobs::RunError;
use hippo_core::jobs::notify::NotifyAllInput;
use hippo_core::jobs::notify::compose::Composers;
use hippo_core::jobs::notify::delivery_events::{DeliveryEvent, apply_delivery_event};
use hippo_core::jobs::notify::enqueue::{EnqueueNoticesPorts, enqueue_notices};
use hippo_core::jobs::notify::run::deliver;
use hippo_core::jobs::notify::send::NotifyPorts;
use hippo_core::library::Library;
use hippo_core::mail::MailTag;
use hippo_core::outbox::{MailKey, MailKind};
use hippo_core::run::ledger::{RunPlan, StartRules};
use hippo_core::run::{Job, RunKey, Trigger};
use hippo_core::store::Store;
use tokio::sync::{Notify, oneshot};

use super::Soak;
use super::faults::Process;
use super::report::Report;

/// How often `notify-all` comes.
const TICK: Duration = Duration::minutes(15);

/// How often something comes again that was not done.
const MAX_ATTEMPTS: u8 = 3;

/// Something that is on its way.
#[derive(Debug, Clone)]
pub(super) enum Thing {
    /// A run of `notify-all`.
    Tick(DateTime<Utc>),
    /// A message of the queue of notices.
    Message(MailKey),
    /// An event of the mail service.
    Event(MailTag, DeliveryEvent),
}

impl Thing {
    /// After how many minutes it comes again when it was not done: as Lambda tries again, as SQS shows
    /// a message again, and as EventBridge sends an event again.
    fn again_after(&self) -> Duration {
        Duration::minutes(match self {
            Self::Tick(_) => 1,
            Self::Message(_) => 6,
            Self::Event(..) => 2,
        })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Tick(_) => "tick",
            Self::Message(_) => "message",
            Self::Event(..) => "event",
        }
    }
}

/// A thing, and how often it was tried.
#[derive(Debug, Clone)]
struct Due {
    thing: Thing,
    tries: u8,
}

pub(super) struct World<'a> {
    pub(super) store: &'a dyn Store,
    libraries: &'a BTreeMap<LibraryId, Library>,
    soak: Soak,
    faults_until: DateTime<Utc>,
    inside: Mutex<Inside>,
    fell_asleep: Notify,
}

struct Inside {
    now: DateTime<Utc>,
    agenda: BTreeMap<(DateTime<Utc>, u64), Due>,
    sleepers: BTreeMap<(DateTime<Utc>, u64), oneshot::Sender<()>>,
    asleep: BTreeSet<u64>,
    /// Numbers everything that begins or is sent.
    number: u64,
    report: Report,
}

type Working<'w> = Pin<Box<dyn Future<Output = (Due, bool)> + 'w>>;

impl<'a> World<'a> {
    pub(super) fn new(
        soak: Soak,
        store: &'a dyn Store,
        libraries: &'a BTreeMap<LibraryId, Library>,
        now: DateTime<Utc>,
        faults_until: DateTime<Utc>,
    ) -> Self {
        let inside = Inside {
            now,
            agenda: BTreeMap::new(),
            sleepers: BTreeMap::new(),
            asleep: BTreeSet::new(),
            number: 0,
            report: Report::default(),
        };
        Self {
            store,
            libraries,
            soak,
            faults_until,
            inside: Mutex::new(inside),
            fell_asleep: Notify::new(),
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.inside().now
    }

    /// How many families there are.
    pub(super) fn families(&self) -> u64 {
        self.soak.families.max(1) as u64
    }

    pub(super) fn report(&self) -> Report {
        self.inside().report.clone()
    }

    pub(super) fn note(&self, note: impl FnOnce(&mut Report)) {
        note(&mut self.inside().report);
    }

    /// Whether something goes wrong, and a number that tells how. Equal questions have equal answers.
    pub(super) fn goes_wrong(&self, question: impl Hash) -> Option<u64> {
        if self.now() >= self.faults_until {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        (self.soak.seed, question).hash(&mut hasher);
        let drawn = hasher.finish();
        (drawn % 1_000_000 < self.soak.faults_in_a_million).then_some(drawn / 1_000_000)
    }

    pub(super) fn fault(&self, name: String) {
        self.note(|report| *report.faults.entry(name).or_default() += 1);
    }

    /// Lets time pass, and all that happens in it, until nothing is under way.
    pub(super) async fn go_on_until(&self, end: DateTime<Utc>) {
        let mut next_tick = self.now();
        let mut working: FuturesUnordered<Working<'_>> = FuturesUnordered::new();
        loop {
            while working.len() > self.inside().asleep.len() {
                tokio::select! {
                    biased;
                    Some((due, done)) = working.next() => {
                        if !done {
                            self.comes_again(due);
                        }
                    }
                    () = self.fell_asleep.notified() => {}
                }
            }
            let next = self.next_instant();
            if next_tick < end && next.is_none_or(|next| next_tick <= next) {
                self.send(Thing::Tick(next_tick), next_tick);
                next_tick += TICK;
                continue;
            }
            let Some(now) = next else {
                assert!(working.is_empty(), "somebody sleeps for ever");
                return;
            };
            for due in self.advance(now) {
                working.push(Box::pin(self.work(due)));
            }
        }
    }

    /// When something happens next.
    fn next_instant(&self) -> Option<DateTime<Utc>> {
        let inside = self.inside();
        let due = inside.agenda.keys().next();
        let wakes = inside.sleepers.keys().next();
        due.into_iter().chain(wakes).map(|(at, _)| *at).min()
    }

    /// It is that late: who slept until then wakes up; what is due then.
    fn advance(&self, now: DateTime<Utc>) -> Vec<Due> {
        let mut inside = self.inside();
        inside.now = inside.now.max(now);
        while let Some(sleeper) = inside.sleepers.first_entry()
            && sleeper.key().0 <= now
        {
            let ((_, process), alarm) = sleeper.remove_entry();
            inside.asleep.remove(&process);
            // Whoever died in the meantime does not hear it.
            let _ = alarm.send(());
        }
        let later = inside.agenda.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut inside.agenda, later);
        due.into_values().collect()
    }

    /// Sends a thing on its way, on which it may be lost, doubled or late.
    pub(super) fn send(&self, thing: Thing, at: DateTime<Utc>) {
        let name = thing.name();
        let number = self.new_number();
        let later = |drawn: u64| Duration::minutes(1 + i64::try_from(drawn % 300).unwrap());
        let due = Due { thing, tries: 0 };
        match self.goes_wrong((name, number)) {
            None => self.put(due, at),
            Some(drawn) => match drawn % 3 {
                0 => {
                    self.fault(format!("{name} lost"));
                    self.lost(&due);
                }
                1 => {
                    self.fault(format!("{name} doubled"));
                    self.put(due.clone(), at);
                    // As often at once as later.
                    let second = match drawn / 3 % 2 {
                        0 => at,
                        _ => at + later(drawn / 6),
                    };
                    self.put(due, second);
                }
                _ => {
                    self.fault(format!("{name} late"));
                    self.put(due, at + later(drawn / 3));
                }
            },
        }
    }

    fn put(&self, due: Due, at: DateTime<Utc>) {
        let number = self.new_number();
        self.inside().agenda.insert((at, number), due);
    }

    fn comes_again(&self, mut due: Due) {
        due.tries += 1;
        if due.tries >= MAX_ATTEMPTS {
            self.fault(format!(
                "{} given up after {MAX_ATTEMPTS} tries",
                due.thing.name()
            ));
            self.lost(&due);
            return;
        }
        let at = self.now() + due.thing.again_after();
        self.put(due, at);
    }

    /// Nobody hears of it any more.
    fn lost(&self, due: &Due) {
        if let Thing::Event(tag, DeliveryEvent::Rejected { .. }) = &due.thing {
            let notice = (tag.family.clone(), tag.date);
            self.note(|report| {
                report.unheard.insert(notice);
            });
        }
    }

    pub(super) fn new_number(&self) -> u64 {
        let mut inside = self.inside();
        inside.number += 1;
        inside.number
    }

    /// Comes back when it is that late, to a process that sleeps until then.
    pub(super) async fn sleep_until(&self, process: u64, at: DateTime<Utc>) {
        let (alarm, wakes) = oneshot::channel();
        {
            let mut inside = self.inside();
            inside.sleepers.insert((at, process), alarm);
            inside.asleep.insert(process);
        }
        self.fell_asleep.notify_one();
        let _ = wakes.await;
    }

    /// A process that takes one thing; whether its work was done.
    async fn work(&self, due: Due) -> (Due, bool) {
        let process = Process::new(self, matches!(due.thing, Thing::Tick(_)));
        let done = tokio::select! {
            biased;
            () = process.killed() => false,
            done = self.take(&process, &due.thing) => done,
        };
        // It may have ended while one of its calls still slept.
        self.inside().asleep.remove(&process.number);
        (due, done)
    }

    async fn take(&self, process: &Process<'_>, thing: &Thing) -> bool {
        match thing {
            Thing::Tick(scheduled) => {
                let ports = EnqueueNoticesPorts {
                    families: process,
                    outbox: process,
                    kinds: MailKind::ALL,
                    alerts: process,
                    // To the notices, a run that the ledger does not take is a tick that is lost.
                    runs: self.store,
                    queue: process,
                    clock: process,
                };
                let plan = RunPlan {
                    key: RunKey {
                        job: Job::NotifyAll,
                        label: "all".parse().unwrap(),
                        scheduled_time: *scheduled,
                    },
                    trigger: Trigger::Schedule,
                    input: serde_json::Value::Null,
                    allow_overlap: false,
                    rules: StartRules::default(),
                    after: None,
                };
                let input = NotifyAllInput::default();
                let run = enqueue_notices(&ports, plan, &input, &|_| {}).await;
                !matches!(run, Err(RunError::Job(_)))
            }
            Thing::Message(key) => {
                let composers = Composers::default();
                let ports = NotifyPorts {
                    families: process,
                    accounts: process,
                    outbox: process,
                    alerts: process,
                    composers: &composers,
                    mailer: process,
                    clock: process,
                    libraries: self.libraries,
                    operator_contact: None,
                };
                let sent = deliver(&ports, key, None, false).await;
                sent.is_ok()
            }
            Thing::Event(tag, evidence) => {
                let id = tag.message_id_local_part();
                let settled =
                    apply_delivery_event(process, process, process, tag, evidence, Some(&id));
                settled.await.is_ok()
            }
        }
    }
}
