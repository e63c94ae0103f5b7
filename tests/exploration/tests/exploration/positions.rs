//! The position of a worker in the real code: the replies it got, and its next call.

use std::collections::HashMap;
use std::hash::Hash;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use chrono::{DateTime, Duration, Utc};
use hippo_core::family::{Delivery, Family};
use hippo_core::jobs::RunError;
use hippo_core::jobs::notify::NotifyAllInput;
use hippo_core::jobs::notify::delivery_events::{DeliveryEvent, apply_delivery_event};
use hippo_core::jobs::notify::enqueue::{EnqueueNotices, EnqueueNoticesPorts};
use hippo_core::jobs::notify::run::deliver;
use hippo_core::jobs::notify::send::NotifyPorts;
use hippo_core::mail::MailTag;
use hippo_core::outbox::{AcceptedBy, MailKey, OutboxRecord};
use hippo_core::run::harness::Harness;
use hippo_core::run::ledger::{RunPlan, StartRules};

use hippo_core::run::tick_times::TickTimes;
use hippo_core::run::{JobName, RunKey, Trigger};

use crate::scripted_ports::{
    COMPOSERS, Call, KINDS, Kind, LIBRARIES, PUBLIC_URL, Reply, ScriptedPorts, date, due, family,
};
use crate::world::Rules;

/// The time between two ticks; longer than a lease.
pub(crate) const STEP: Duration = Duration::minutes(8);

/// The instant after so many ticks.
pub(crate) fn instant(hour: u8) -> DateTime<Utc> {
    due() + STEP * i32::from(hour)
}

/// The task of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Task {
    /// Handles a message of the mail queue for this kind.
    Deliver(Kind),
    /// Runs a tick of `notify-all` with this clock.
    Tick(TickClock),
    /// Handles a delivery event about the mail of this kind and claim.
    Event(Kind, u8, EventOutcome),
}

/// The clock of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum TickClock {
    /// Correct.
    Right,
    /// Days ahead.
    Ahead,
    /// Days behind.
    Behind,
}

impl TickClock {
    /// Its error; larger than the tolerated one.
    fn error(self) -> Duration {
        match self {
            Self::Right => Duration::zero(),
            Self::Ahead => Duration::days(3),
            Self::Behind => Duration::days(-3),
        }
    }
}

impl Task {
    /// Whether it is a tick whose clock is wrong.
    pub(crate) fn has_wrong_clock(self) -> bool {
        matches!(self, Self::Tick(clock) if clock != TickClock::Right)
    }

    /// The kind that it is about, if it is about one.
    pub(crate) fn kind(self) -> Option<Kind> {
        match self {
            Self::Deliver(kind) | Self::Event(kind, ..) => Some(kind),
            Self::Tick(_) => None,
        }
    }

    /// The time on its clock at this hour.
    fn now(self, hour: u8) -> DateTime<Utc> {
        match self {
            Self::Tick(clock) => instant(hour) + clock.error(),
            Self::Deliver(_) | Self::Event(..) => instant(hour),
        }
    }
}

/// The outcome that a delivery event reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum EventOutcome {
    /// The mail service accepted the mail.
    Accepted,
    /// A recipient's server accepted the mail.
    Arrived,
    /// The mail service rejected a mail that it had accepted.
    Rejected,
}

impl EventOutcome {
    fn event(self) -> DeliveryEvent {
        match self {
            Self::Accepted => DeliveryEvent::Accepted(AcceptedBy::MailService),
            Self::Arrived => DeliveryEvent::Accepted(AcceptedBy::RecipientServer),
            Self::Rejected => DeliveryEvent::Rejected {
                reason: "Rejected by the mail service.".to_owned(),
            },
        }
    }
}

/// How a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It did its work, or had none.
    Done,
    /// It failed: its message is delivered again.
    Failed,
    /// A tick enqueued the notice.
    Enqueued,
}

/// What a worker does at a position.
#[derive(Debug, Clone)]
pub(crate) enum Next {
    /// It makes a call and waits.
    Calls(Call),
    /// It has ended.
    Over(End),
}

/// Interns values: equal values get the same number.
pub(crate) struct Interner<T> {
    numbers: HashMap<T, u32>,
    values: Vec<T>,
}

impl<T: Clone + Eq + Hash> Interner<T> {
    fn new() -> Self {
        Self {
            numbers: HashMap::new(),
            values: Vec::new(),
        }
    }

    pub(crate) fn number(&mut self, value: T) -> u32 {
        let next = u32::try_from(self.values.len()).unwrap();
        *self.numbers.entry(value).or_insert_with_key(|value| {
            self.values.push(value.clone());
            next
        })
    }

    pub(crate) fn value(&self, number: u32) -> &T {
        &self.values[number as usize]
    }
}

/// The history of a worker: its task, its start, and the numbers and hours of its replies.
#[derive(Clone, PartialEq, Eq, Hash)]
struct History {
    task: Task,
    began: u8,
    replies: Vec<(u32, u8)>,
}

/// Every position found so far.
pub(crate) struct Positions {
    pub(crate) delivery: Delivery,
    rules: Rules,
    numbers: HashMap<History, u32>,
    positions: Vec<(History, Rc<Next>)>,
    after: HashMap<(u32, u32, u8), u32>,
    pub(crate) replies: Interner<Reply>,
    pub(crate) records: Interner<OutboxRecord>,
    pub(crate) tick_times: Interner<TickTimes>,
    /// What the store did for a call before, by position and state.
    pub(crate) done: HashMap<(u32, Stored), (Stored, u32)>,
}

/// The content of the store, as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Stored {
    /// The record of each kind.
    pub(crate) records: [u32; 2],
    pub(crate) planned: [bool; 2],
    pub(crate) tick_times: u32,
}

/// The key of the family's mail of a kind.
pub(crate) fn key(kind: Kind, family: &Family) -> MailKey {
    MailKey::new(KINDS[usize::from(kind)].clone(), family.id.clone(), date())
}

impl Positions {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            delivery: rules.delivery,
            rules,
            numbers: HashMap::new(),
            positions: Vec::new(),
            after: HashMap::new(),
            replies: Interner::new(),
            records: Interner::new(),
            tick_times: Interner::new(),
            done: HashMap::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.positions.len()
    }

    pub(crate) fn next(&self, position: u32) -> Rc<Next> {
        Rc::clone(&self.positions[position as usize].1)
    }

    /// Whether a worker at this position has no reply yet.
    pub(crate) fn is_first(&self, position: u32) -> bool {
        self.positions[position as usize].0.replies.is_empty()
    }

    /// The position of a worker that starts at this hour.
    pub(crate) fn first(&mut self, task: Task, began: u8) -> u32 {
        self.position(History {
            task,
            began,
            replies: Vec::new(),
        })
    }

    /// The position after this reply at this hour.
    pub(crate) fn after(&mut self, position: u32, reply: u32, hour: u8) -> u32 {
        if let Some(known) = self.after.get(&(position, reply, hour)) {
            return *known;
        }
        let mut history = self.positions[position as usize].0.clone();
        history.replies.push((reply, hour));
        let found = self.position(history);
        self.after.insert((position, reply, hour), found);
        found
    }

    fn position(&mut self, history: History) -> u32 {
        if let Some(known) = self.numbers.get(&history) {
            return *known;
        }
        let next = self.run(&history);
        let number = u32::try_from(self.positions.len()).unwrap();
        self.numbers.insert(history.clone(), number);
        self.positions.push((history, Rc::new(next)));
        number
    }

    /// Runs the real code over the replies.
    fn run(&self, history: &History) -> Next {
        let scripted = ScriptedPorts::new(self.rules, history.task.now(history.began));
        let family = family(self.delivery);
        let work = async {
            match history.task {
                Task::Deliver(kind) => {
                    let key = key(kind, &family);
                    let ports = NotifyPorts {
                        families: &scripted,
                        accounts: &scripted,
                        outbox: &scripted,
                        alerts: &scripted,
                        composers: &COMPOSERS,
                        mailer: &scripted,
                        clock: &scripted,
                        libraries: &LIBRARIES,
                        operator_contact: None,
                        public_url: Some(&PUBLIC_URL),
                    };
                    let result = deliver(&ports, &key, None, false).await;
                    result.map_or(End::Failed, |_| End::Done)
                }
                Task::Tick(_) => {
                    let ports = EnqueueNoticesPorts {
                        families: &scripted,
                        outbox: &scripted,
                        kinds: &KINDS[..self.rules.kinds],
                        alerts: &scripted,
                        runs: &scripted,
                        queue: &scripted,
                        clock: &scripted,
                    };
                    let plan = RunPlan {
                        key: RunKey {
                            job: JobName::NOTIFY_ALL,
                            label: "tick".parse().unwrap(),
                            scheduled_time: history.task.now(history.began),
                        },
                        trigger: Trigger::Schedule,
                        input: serde_json::Value::Null,
                        allow_overlap: true,
                        rules: StartRules::default(),
                        hooks: None,
                    };
                    let input = NotifyAllInput::default();
                    let job = EnqueueNotices {
                        ports: &ports,
                        on_finalised: &|_| {},
                    };
                    let harness = Harness::new(&scripted, &scripted);
                    match harness.run(&job, plan, &input).await {
                        Err(RunError::Job(_)) => End::Failed,
                        Ok(_) | Err(RunError::NotStarted(_)) => End::Done,
                    }
                }
                Task::Event(kind, fence, outcome) => {
                    let tag = MailTag {
                        kind: KINDS[usize::from(kind)].clone(),
                        family: family.id.clone(),
                        date: date(),
                        fence: fence.into(),
                    };
                    let event = outcome.event();
                    let settled =
                        apply_delivery_event(&scripted, &scripted, &scripted, &tag, &event, None)
                            .await;
                    settled.map_or(End::Failed, |_| End::Done)
                }
            }
        };
        let mut work = pin!(work);
        let mut context = Context::from_waker(Waker::noop());
        for (reply, hour) in &history.replies {
            assert!(work.as_mut().poll(&mut context).is_pending());
            scripted.reply(self.replies.value(*reply).clone(), history.task.now(*hour));
        }
        match work.as_mut().poll(&mut context) {
            Poll::Ready(end) => Next::Over(end),
            Poll::Pending if scripted.has_enqueued() => Next::Over(End::Enqueued),
            Poll::Pending => Next::Calls(
                scripted
                    .pending_call()
                    .expect("a pending worker waits for a call"),
            ),
        }
    }
}
