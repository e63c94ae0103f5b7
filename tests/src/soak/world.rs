//! The simulated world: its clock, its scheduled tasks, and the processes that run or sleep.

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
use hippo_core::jobs::notify::enqueue::{EnqueueNotices, EnqueueNoticesPorts};
use hippo_core::jobs::notify::run::deliver;
use hippo_core::jobs::notify::send::NotifyPorts;
use hippo_core::library::Library;
use hippo_core::mail::MailTag;
use hippo_core::outbox::{MailKey, MailKind};
use hippo_core::run::harness::Harness;
use hippo_core::run::ledger::{RunPlan, StartRules};
use hippo_core::run::{JobName, RunKey, Trigger};
use hippo_core::store::Store;
use tokio::sync::{Notify, oneshot};

use super::Soak;
use super::faults::Process;
use super::report::Report;

/// The time between two runs of `notify-all`.
const TICK: Duration = Duration::minutes(15);

/// How often a task is tried before it is given up.
const MAX_ATTEMPTS: u8 = 3;

/// A unit of work for one process.
#[derive(Debug, Clone)]
pub(super) enum Task {
    /// A run of `notify-all`.
    Tick(DateTime<Utc>),
    /// A message of the queue of notices.
    Message(MailKey),
    /// An event of the mail service.
    Event(MailTag, DeliveryEvent),
}

impl Task {
    /// The delay before a failed task is retried, like Lambda's retry, SQS's visibility timeout and
    /// EventBridge's retry.
    fn retry_delay(&self) -> Duration {
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

/// A task, and how often it was tried.
#[derive(Debug, Clone)]
struct ScheduledTask {
    task: Task,
    attempts: u8,
}

pub(super) struct World<'a> {
    pub(super) store: &'a dyn Store,
    libraries: &'a BTreeMap<LibraryId, Library>,
    soak: Soak,
    faults_until: DateTime<Utc>,
    state: Mutex<WorldState>,
    fell_asleep: Notify,
}

struct WorldState {
    now: DateTime<Utc>,
    agenda: BTreeMap<(DateTime<Utc>, u64), ScheduledTask>,
    sleepers: BTreeMap<(DateTime<Utc>, u64), oneshot::Sender<()>>,
    asleep: BTreeSet<u64>,
    /// The last number given to a process or a task.
    number: u64,
    report: Report,
}

type RunningTask<'w> = Pin<Box<dyn Future<Output = (ScheduledTask, bool)> + 'w>>;

impl<'a> World<'a> {
    pub(super) fn new(
        soak: Soak,
        store: &'a dyn Store,
        libraries: &'a BTreeMap<LibraryId, Library>,
        now: DateTime<Utc>,
        faults_until: DateTime<Utc>,
    ) -> Self {
        let state = WorldState {
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
            state: Mutex::new(state),
            fell_asleep: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, WorldState> {
        self.state.lock().unwrap()
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.state().now
    }

    pub(super) fn families(&self) -> u64 {
        self.soak.families.max(1) as u64
    }

    pub(super) fn report(&self) -> Report {
        self.state().report.clone()
    }

    pub(super) fn update_report(&self, update: impl FnOnce(&mut Report)) {
        update(&mut self.state().report);
    }

    /// Draws a number that selects a fault, if there is one. Equal questions give equal answers.
    pub(super) fn draw_fault(&self, question: impl Hash) -> Option<u64> {
        if self.now() >= self.faults_until {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        (self.soak.seed, question).hash(&mut hasher);
        let drawn = hasher.finish();
        (drawn % 1_000_000 < self.soak.faults_in_a_million).then_some(drawn / 1_000_000)
    }

    pub(super) fn count_fault(&self, name: String) {
        self.update_report(|report| *report.faults.entry(name).or_default() += 1);
    }

    /// Runs every task until `end`, and then until no task is left.
    pub(super) async fn run_until(&self, end: DateTime<Utc>) {
        let mut next_tick = self.now();
        let mut running: FuturesUnordered<RunningTask<'_>> = FuturesUnordered::new();
        loop {
            while running.len() > self.state().asleep.len() {
                tokio::select! {
                    biased;
                    Some((due, done)) = running.next() => {
                        if !done {
                            self.retry_later(due);
                        }
                    }
                    () = self.fell_asleep.notified() => {}
                }
            }
            let next = self.next_instant();
            if next_tick < end && next.is_none_or(|next| next_tick <= next) {
                self.send(Task::Tick(next_tick), next_tick);
                next_tick += TICK;
                continue;
            }
            let Some(now) = next else {
                assert!(running.is_empty(), "a process sleeps forever");
                return;
            };
            for due in self.advance(now) {
                running.push(Box::pin(self.run_in_process(due)));
            }
        }
    }

    /// Returns when the next task is due or the next sleeper wakes.
    fn next_instant(&self) -> Option<DateTime<Utc>> {
        let state = self.state();
        let due = state.agenda.keys().next();
        let wakes = state.sleepers.keys().next();
        due.into_iter().chain(wakes).map(|(at, _)| *at).min()
    }

    /// Sets the clock, wakes the sleepers whose time has come and returns the tasks that are due.
    fn advance(&self, now: DateTime<Utc>) -> Vec<ScheduledTask> {
        let mut state = self.state();
        state.now = state.now.max(now);
        while let Some(sleeper) = state.sleepers.first_entry()
            && sleeper.key().0 <= now
        {
            let ((_, process), alarm) = sleeper.remove_entry();
            state.asleep.remove(&process);
            // A process that has crashed no longer listens.
            let _ = alarm.send(());
        }
        let later = state.agenda.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut state.agenda, later);
        due.into_values().collect()
    }

    /// Schedules a task, which may be lost, doubled or late.
    pub(super) fn send(&self, task: Task, at: DateTime<Utc>) {
        let name = task.name();
        let number = self.new_number();
        let later = |drawn: u64| Duration::minutes(1 + i64::try_from(drawn % 300).unwrap());
        let due = ScheduledTask { task, attempts: 0 };
        match self.draw_fault((name, number)) {
            None => self.schedule(due, at),
            Some(drawn) => match drawn % 3 {
                0 => {
                    self.count_fault(format!("{name} lost"));
                    self.record_loss(&due);
                }
                1 => {
                    self.count_fault(format!("{name} doubled"));
                    self.schedule(due.clone(), at);
                    // Half of the copies come at once, half later.
                    let second = match drawn / 3 % 2 {
                        0 => at,
                        _ => at + later(drawn / 6),
                    };
                    self.schedule(due, second);
                }
                _ => {
                    self.count_fault(format!("{name} late"));
                    self.schedule(due, at + later(drawn / 3));
                }
            },
        }
    }

    fn schedule(&self, due: ScheduledTask, at: DateTime<Utc>) {
        let number = self.new_number();
        self.state().agenda.insert((at, number), due);
    }

    fn retry_later(&self, mut due: ScheduledTask) {
        due.attempts += 1;
        if due.attempts >= MAX_ATTEMPTS {
            self.count_fault(format!(
                "{} given up after {MAX_ATTEMPTS} tries",
                due.task.name()
            ));
            self.record_loss(&due);
            return;
        }
        let at = self.now() + due.task.retry_delay();
        self.schedule(due, at);
    }

    /// Remembers a rejection whose event is lost for good.
    fn record_loss(&self, due: &ScheduledTask) {
        if let Task::Event(tag, DeliveryEvent::Rejected { .. }) = &due.task {
            let notice = (tag.family.clone(), tag.date);
            self.update_report(|report| {
                report.lost_rejections.insert(notice);
            });
        }
    }

    pub(super) fn new_number(&self) -> u64 {
        let mut state = self.state();
        state.number += 1;
        state.number
    }

    /// Puts a process to sleep until `at`.
    pub(super) async fn sleep_until(&self, process: u64, at: DateTime<Utc>) {
        let (alarm, wakes) = oneshot::channel();
        {
            let mut state = self.state();
            state.sleepers.insert((at, process), alarm);
            state.asleep.insert(process);
        }
        self.fell_asleep.notify_one();
        let _ = wakes.await;
    }

    /// Runs a task in a new process. Returns whether it was done.
    async fn run_in_process(&self, due: ScheduledTask) -> (ScheduledTask, bool) {
        let process = Process::new(self, matches!(due.task, Task::Tick(_)));
        let done = tokio::select! {
            biased;
            () = process.wait_for_crash() => false,
            done = self.run_task(&process, &due.task) => done,
        };
        // The process may have ended while one of its calls was asleep.
        self.state().asleep.remove(&process.number);
        (due, done)
    }

    async fn run_task(&self, process: &Process<'_>, task: &Task) -> bool {
        match task {
            Task::Tick(scheduled) => {
                let ports = EnqueueNoticesPorts {
                    families: process,
                    outbox: process,
                    kinds: MailKind::OF_NOTIFY_ALL,
                    alerts: process,
                    // For the notices, a run that the ledger rejects is a lost tick.
                    runs: self.store,
                    queue: process,
                    clock: process,
                };
                let plan = RunPlan {
                    key: RunKey {
                        job: JobName::NOTIFY_ALL,
                        label: "all".parse().unwrap(),
                        scheduled_time: *scheduled,
                    },
                    trigger: Trigger::Schedule,
                    input: serde_json::Value::Null,
                    allow_overlap: false,
                    rules: StartRules::default(),
                    hooks: None,
                };
                let input = NotifyAllInput::default();
                let job = EnqueueNotices {
                    ports: &ports,
                    on_finalised: &|_| {},
                };
                let harness = Harness::new(self.store, process);
                let run = harness.run(&job, plan, &input).await;
                !matches!(run, Err(RunError::Job(_)))
            }
            Task::Message(key) => {
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
                    public_url: None,
                };
                let sent = deliver(&ports, key, None, false).await;
                sent.is_ok()
            }
            Task::Event(tag, event) => {
                let id = tag.message_id_local_part();
                let applied =
                    apply_delivery_event(process, process, process, tag, event, Some(&id));
                applied.await.is_ok()
            }
        }
    }
}
