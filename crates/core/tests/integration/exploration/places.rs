//! Where in the real code a worker is: the list of the answers that it got, and what it asks next.

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
use hippo_core::jobs::notify::enqueue::{EnqueueNoticesPorts, enqueue_notices};
use hippo_core::jobs::notify::run::deliver;
use hippo_core::jobs::notify::send::NotifyPorts;
use hippo_core::mail::MailTag;
use hippo_core::outbox::{AcceptedBy, MailKey, OutboxRecord};
use hippo_core::run::ledger::{RunPlan, StartRules};

use hippo_core::run::tick_times::TickTimes;
use hippo_core::run::{Job, RunKey, Trigger};

use crate::exploration::desk::{
    Answer, Ask, COMPOSERS, Desk, KINDS, Kind, LIBRARIES, date, due, family,
};
use crate::exploration::world::Rules;

/// How long the time between two ticks is: more than a lease.
pub(crate) const STEP: Duration = Duration::minutes(8);

/// The instant after so many ticks.
pub(crate) fn instant(hour: u8) -> DateTime<Utc> {
    due() + STEP * i32::from(hour)
}

/// What a worker is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Task {
    /// A message of the queue of mails, of this kind.
    Deliver(Kind),
    /// A tick of `notify-all` by this clock.
    Tick(TickClock),
    /// A delivery event about the mail of this kind and claim.
    Event(Kind, u8, Word),
}

/// Which time the clock of a tick tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum TickClock {
    /// The time that it is.
    Right,
    /// One of days ahead.
    Ahead,
    /// One of days ago.
    Behind,
}

impl TickClock {
    /// How far it is off: further than what a clock is trusted with.
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

    /// The one kind that it is about, if it is.
    pub(crate) fn kind(self) -> Option<Kind> {
        match self {
            Self::Deliver(kind) | Self::Event(kind, ..) => Some(kind),
            Self::Tick(_) => None,
        }
    }

    /// What its clock tells at this hour.
    fn now(self, hour: u8) -> DateTime<Utc> {
        match self {
            Self::Tick(clock) => instant(hour) + clock.error(),
            Self::Deliver(_) | Self::Event(..) => instant(hour),
        }
    }
}

/// What an event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Word {
    /// The mail service has taken it.
    Accepted,
    /// It came to a recipient's server.
    Arrived,
    /// The mail service will not send what it has taken.
    Rejected,
}

impl Word {
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
    /// With its work done, or nothing to do.
    Done,
    /// With an error: its message comes again.
    Failed,
    /// A tick that hands the notice out.
    HandsOut,
}

/// What a worker does at a place.
#[derive(Debug, Clone)]
pub(crate) enum Next {
    /// It asks, and waits.
    Asks(Ask),
    /// It is through.
    Over(End),
}

/// Gives equal things the same number.
pub(crate) struct Numbers<T> {
    numbers: HashMap<T, u32>,
    things: Vec<T>,
}

impl<T: Clone + Eq + Hash> Numbers<T> {
    fn new() -> Self {
        Self {
            numbers: HashMap::new(),
            things: Vec::new(),
        }
    }

    pub(crate) fn number(&mut self, thing: T) -> u32 {
        let next = u32::try_from(self.things.len()).unwrap();
        *self.numbers.entry(thing).or_insert_with_key(|thing| {
            self.things.push(thing.clone());
            next
        })
    }

    pub(crate) fn thing(&self, number: u32) -> &T {
        &self.things[number as usize]
    }
}

/// A worker's place: what it is there for, when it began, and the numbers and hours of the answers.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Way {
    task: Task,
    began: u8,
    answers: Vec<(u32, u8)>,
}

/// Every place that was found so far.
pub(crate) struct Places {
    pub(crate) delivery: Delivery,
    rules: Rules,
    numbers: HashMap<Way, u32>,
    places: Vec<(Way, Rc<Next>)>,
    after: HashMap<(u32, u32, u8), u32>,
    pub(crate) answers: Numbers<Answer>,
    pub(crate) records: Numbers<OutboxRecord>,
    pub(crate) tick_times: Numbers<TickTimes>,
    /// What the store did before, at a place and in a state.
    pub(crate) done: HashMap<(u32, Stored), (Stored, u32)>,
}

/// What the store holds, as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Stored {
    /// Of each kind.
    pub(crate) records: [u32; 2],
    pub(crate) planned: [bool; 2],
    pub(crate) tick_times: u32,
}

/// The key of the family's mail of a kind.
pub(crate) fn key(kind: Kind, family: &Family) -> MailKey {
    MailKey::new(KINDS[usize::from(kind)].clone(), family.id.clone(), date())
}

impl Places {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            delivery: rules.delivery,
            rules,
            numbers: HashMap::new(),
            places: Vec::new(),
            after: HashMap::new(),
            answers: Numbers::new(),
            records: Numbers::new(),
            tick_times: Numbers::new(),
            done: HashMap::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn next(&self, place: u32) -> Rc<Next> {
        Rc::clone(&self.places[place as usize].1)
    }

    /// Whether a worker at this place got no answer yet.
    pub(crate) fn is_first(&self, place: u32) -> bool {
        self.places[place as usize].0.answers.is_empty()
    }

    /// Where a worker begins at this hour.
    pub(crate) fn first(&mut self, task: Task, began: u8) -> u32 {
        self.place(Way {
            task,
            began,
            answers: Vec::new(),
        })
    }

    /// Where it is when it got this answer at this hour.
    pub(crate) fn after(&mut self, place: u32, answer: u32, hour: u8) -> u32 {
        if let Some(known) = self.after.get(&(place, answer, hour)) {
            return *known;
        }
        let mut way = self.places[place as usize].0.clone();
        way.answers.push((answer, hour));
        let found = self.place(way);
        self.after.insert((place, answer, hour), found);
        found
    }

    fn place(&mut self, way: Way) -> u32 {
        if let Some(known) = self.numbers.get(&way) {
            return *known;
        }
        let next = self.run(&way);
        let number = u32::try_from(self.places.len()).unwrap();
        self.numbers.insert(way.clone(), number);
        self.places.push((way, Rc::new(next)));
        number
    }

    /// Runs the real code over the answers.
    fn run(&self, way: &Way) -> Next {
        let desk = Desk::new(self.rules, way.task.now(way.began));
        let family = family(self.delivery);
        let work = async {
            match way.task {
                Task::Deliver(kind) => {
                    let key = key(kind, &family);
                    let ports = NotifyPorts {
                        families: &desk,
                        accounts: &desk,
                        outbox: &desk,
                        alerts: &desk,
                        composers: &COMPOSERS,
                        mailer: &desk,
                        clock: &desk,
                        libraries: &LIBRARIES,
                        operator_contact: None,
                    };
                    let result = deliver(&ports, &key, None, false).await;
                    result.map_or(End::Failed, |_| End::Done)
                }
                Task::Tick(_) => {
                    let ports = EnqueueNoticesPorts {
                        families: &desk,
                        outbox: &desk,
                        kinds: &KINDS[..self.rules.kinds],
                        alerts: &desk,
                        runs: &desk,
                        queue: &desk,
                        clock: &desk,
                    };
                    let plan = RunPlan {
                        key: RunKey {
                            job: Job::NotifyAll,
                            label: "tick".parse().unwrap(),
                            scheduled_time: way.task.now(way.began),
                        },
                        trigger: Trigger::Schedule,
                        input: serde_json::Value::Null,
                        allow_overlap: true,
                        rules: StartRules::default(),
                        after: None,
                    };
                    let input = NotifyAllInput::default();
                    match enqueue_notices(&ports, plan, &input, &|_| {}).await {
                        Err(RunError::Job(_)) => End::Failed,
                        Ok(_) | Err(RunError::NotStarted(_)) => End::Done,
                    }
                }
                Task::Event(kind, fence, word) => {
                    let tag = MailTag {
                        kind: KINDS[usize::from(kind)].clone(),
                        family: family.id.clone(),
                        date: date(),
                        fence: fence.into(),
                    };
                    let event = word.event();
                    let settled =
                        apply_delivery_event(&desk, &desk, &desk, &tag, &event, None).await;
                    settled.map_or(End::Failed, |_| End::Done)
                }
            }
        };
        let mut work = pin!(work);
        let mut context = Context::from_waker(Waker::noop());
        for (answer, hour) in &way.answers {
            assert!(work.as_mut().poll(&mut context).is_pending());
            desk.answer(self.answers.thing(*answer).clone(), way.task.now(*hour));
        }
        match work.as_mut().poll(&mut context) {
            Poll::Ready(end) => Next::Over(end),
            Poll::Pending if desk.has_handed_out() => Next::Over(End::HandsOut),
            Poll::Pending => Next::Asks(desk.asked().expect("it waits for nothing")),
        }
    }
}
