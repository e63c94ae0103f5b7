//! The state of the search: the records, the sent mails, the running workers, and every transition.

use hippo_core::family::Delivery;
use hippo_core::outbox::RecipientState;
use hippo_core::outbox::{MailState, OutboxRecord};
use hippo_core::run::tick_times::TickTimes;

use crate::positions::{End, EventOutcome, Next, Positions, STEP, Stored, Task, TickClock, key};
use crate::scripted_ports::{Call, Kind, Reply, date, due, family};

/// The parameters of a search.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// The family's policy.
    pub(crate) delivery: Delivery,
    /// How often the message is delivered at first, and the number of workers.
    pub(crate) deliveries: u8,
    /// The total number of faults.
    pub(crate) faults: u8,
    /// How often the mail server temporarily refuses the second of two recipients; 0: there is one
    /// recipient. Such a server sends no events.
    pub(crate) greylists: u8,
    /// Whether one tick has a clock that is days ahead and one a clock that is days behind, at any
    /// time. Each tick then compares its clock with earlier ticks.
    pub(crate) wrong_clocks: bool,
    /// Whether the first tick has yet to plan the notice.
    pub(crate) unplanned: bool,
    /// How many kinds of mail there are: one or two.
    pub(crate) kinds: usize,
    /// Whether faults affect the first kind only.
    pub(crate) spares_second_kind: bool,
    /// The promise that is broken, if any.
    pub(crate) sabotage: Option<Sabotage>,
}

impl Rules {
    /// Whether a fault may affect this kind; `None`: both kinds.
    fn may_fail(self, kind: Option<Kind>) -> bool {
        !self.spares_second_kind || kind == Some(0)
    }
}

/// A promise that an outside service breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// `replace_mail` overwrites any revision.
    StoreIgnoresRevisions,
    /// The write of SENDING is confirmed but not stored.
    StoreForgetsSending,
    /// The mailer sends again when a reply is lost, as mail clients do by default.
    MailerTriesTwice,
    /// The mailer denies having sent a mail that it sent.
    MailerDeniesWhatItTook,
    /// The events of rejected mails are never handled.
    RejectionsAreSwallowed,
    /// Alerts are not stored.
    StoreForgetsAlerts,
    /// Tick times are not stored.
    StoreForgetsTicks,
}

/// Workers at a time: three for messages, two for events, two ticks and three that sleep.
const WORKERS: usize = 10;
const EVENT_WORKERS: usize = 2;
const EVENTS: usize = 6;
const MAILS: usize = 4;

/// Every notice must be finalised by this hour.
const LAST_HOUR: u8 = 40;

/// A running worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Worker {
    task: Task,
    position: u32,
    asleep: bool,
    /// The reply it gets when it wakes.
    held: Option<u32>,
    /// The mailer accepted a mail from it.
    has_sent: bool,
}

/// A delivery event on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Event {
    kind: Kind,
    fence: u8,
    outcome: EventOutcome,
    late: bool,
}

/// One state of the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct World {
    stored: Stored,
    hour: u8,
    faults_left: u8,
    workers: [Option<Worker>; WORKERS],
    events: [Option<Event>; EVENTS],
    kinds: [KindState; 2],
    greylists_left: u8,
    /// Which wrong clocks are still to come.
    ahead_left: bool,
    behind_left: bool,
    /// A tick with a wrong clock did more than record its time.
    wrong_tick_acted: bool,
}

/// The state of the mails of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct KindState {
    messages: u8,
    /// The claims whose mails were sent (0: none), and the recipients as bits.
    mails: [(u8, u8); MAILS],
    slept: bool,
    /// The event of a sent mail was lost or late.
    event_lost_or_late: bool,
    reply_lost: bool,
    /// The mail service accepted a mail and did not send it.
    rejected: bool,
    /// The event of that rejection never came.
    rejection_lost: bool,
    /// An alert says that the family has no mail.
    has_alert: bool,
}

impl KindState {
    /// The highest number of mails that one recipient got.
    fn mails(&self) -> usize {
        (0..2).map(|bit| self.mails_to(bit)).max().unwrap_or(0)
    }

    fn mails_to(&self, bit: usize) -> usize {
        let to_it = |(_, recipients): &&(u8, u8)| recipients >> bit & 1 == 1;
        self.mails.iter().filter(to_it).count()
    }
}

/// A transition, for the trace of a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transition {
    MessageArrives(Kind),
    EventArrives,
    TimePasses,
    TickWithWrongClock(TickClock),
    Continues(Task),
    Wakes(Task),
    Crashes(Task),
    CrashesAfter(Task),
    StoreUnavailable(Task),
    ReplyLost(Task),
    MailNotTaken(Task),
    MailRefused(Task),
    MailRejectedLater(Task),
    FallsAsleep(Task),
    FallsAsleepAfter(Task),
    SecondRecipientGreylisted(Task),
    EventLost,
    EventLate,
    EventDoubled,
}

impl World {
    /// The first state: mails are planned and their messages sent.
    pub(crate) fn first(rules: Rules, positions: &mut Positions) -> Self {
        let family = family(rules.delivery);
        let record = |kind| OutboxRecord::planned(key(kind, &family), due());
        let times = TickTimes {
            last: Some(due() - STEP),
            gap_seconds: STEP.num_seconds(),
            ..TickTimes::default()
        };
        let kind_state = KindState {
            messages: if rules.unplanned { 0 } else { rules.deliveries },
            mails: [(0, 0); MAILS],
            slept: false,
            event_lost_or_late: rules.greylists > 0,
            reply_lost: false,
            rejected: false,
            rejection_lost: false,
            has_alert: false,
        };
        let of_none = KindState {
            messages: 0,
            ..kind_state
        };
        Self {
            stored: Stored {
                records: [0, 1].map(|kind| positions.records.number(record(kind))),
                planned: [!rules.unplanned, !rules.unplanned && rules.kinds == 2],
                tick_times: positions.tick_times.number(times),
            },
            hour: 0,
            faults_left: rules.faults,
            workers: [None; WORKERS],
            events: [None; EVENTS],
            kinds: [
                kind_state,
                if rules.kinds == 2 {
                    kind_state
                } else {
                    of_none
                },
            ],
            greylists_left: rules.greylists,
            ahead_left: rules.wrong_clocks,
            behind_left: rules.wrong_clocks,
            wrong_tick_acted: false,
        }
    }

    /// The state of the mails of a kind.
    fn kind_state(&mut self, kind: Kind) -> &mut KindState {
        &mut self.kinds[usize::from(kind)]
    }

    fn record<'a>(&self, kind: usize, positions: &'a Positions) -> &'a OutboxRecord {
        positions.records.value(self.stored.records[kind])
    }

    /// Whether the record may describe the other of two claims.
    ///
    /// After a doubt a mail is sent again (at least once only); if one of the two is rejected, the
    /// record has room for the events of one claim.
    fn may_describe_other_claim(&self, kind: usize, positions: &Positions) -> bool {
        let is_rejected = self.kinds[kind].rejected;
        let doubts = self.record(kind, positions).doubts;
        positions.delivery == Delivery::AtLeastOnce && is_rejected && doubts > 0
    }

    /// The end state, in words.
    pub(crate) fn end(&self, rules: Rules, positions: &Positions) -> String {
        let ends: Vec<String> = (0..rules.kinds)
            .map(|kind| self.end_of(kind, positions))
            .collect();
        ends.join(" | ")
    }

    fn end_of(&self, kind: usize, positions: &Positions) -> String {
        let state = self.record(kind, positions).state.as_str();
        match self.kinds[kind].mails() {
            mails if self.may_describe_other_claim(kind, positions) => {
                let plural = if mails == 1 { "" } else { "s" };
                format!("{state}, {mails} mail{plural}, one of two claims rejected")
            }
            0 if self.kinds[kind].rejection_lost => {
                format!("{state}, 0 mails, rejection event lost")
            }
            1 => format!("{state}, 1 mail"),
            mails => format!("{state}, {mails} mails"),
        }
    }

    /// The rule that this state breaks at once.
    pub(crate) fn violation(&self, rules: Rules, positions: &Positions) -> Option<String> {
        if self.wrong_tick_acted {
            let end = self.end(rules, positions);
            return Some(format!("a tick acted whose clock is wrong ({end})"));
        }
        if self.hour > LAST_HOUR {
            let end = self.end(rules, positions);
            return Some(format!("it is never finalised ({end})"));
        }
        (0..rules.kinds).find_map(|kind| self.violation_of(kind, rules, positions))
    }

    fn violation_of(&self, kind: usize, rules: Rules, positions: &Positions) -> Option<String> {
        let record = self.record(kind, positions);
        let state = record.state;
        let kind_state = &self.kinds[kind];
        let mails = kind_state.mails();
        let end = self.end(rules, positions);
        let may_be_two = rules.delivery == Delivery::AtLeastOnce
            && (kind_state.slept || (kind_state.reply_lost && kind_state.event_lost_or_late));
        if mails > 2 || (mails == 2 && !may_be_two) {
            return Some(format!("{mails} mails left ({end})"));
        }
        if state == MailState::Sent && mails == 0 && !kind_state.rejected {
            return Some(format!("it says that a mail left, and none did ({end})"));
        }
        if matches!(state, MailState::GaveUp | MailState::Failed) && !kind_state.has_alert {
            return Some(format!("nobody will tell the operator ({end})"));
        }
        let someone_has_none =
            state == MailState::Sent && record.unreached_recipients().next().is_some();
        if someone_has_none && !kind_state.has_alert {
            return Some(format!("nobody will tell of a recipient ({end})"));
        }
        if kind == 1 && rules.spares_second_kind && self.hour > 0 && state != MailState::Sent {
            return Some(format!("one kind holds up the other ({end})"));
        }
        None
    }

    /// The rule that this state breaks when nothing more can happen.
    pub(crate) fn violation_at_the_end(
        &self,
        rules: Rules,
        positions: &Positions,
    ) -> Option<String> {
        (0..rules.kinds).find_map(|kind| self.violation_at_the_end_of(kind, rules, positions))
    }

    fn violation_at_the_end_of(
        &self,
        kind: usize,
        rules: Rules,
        positions: &Positions,
    ) -> Option<String> {
        let record = self.record(kind, positions);
        let kind_state = &self.kinds[kind];
        let mails = kind_state.mails();
        let end = self.end(rules, positions);
        for (bit, recipient) in record.recipients.iter().enumerate() {
            let has_it = kind_state.mails_to(bit) > 0;
            let says_so = recipient.state == RecipientState::Accepted;
            let says_not = recipient.state == RecipientState::Refused;
            if record.state == MailState::Sent
                && !kind_state.rejected
                && (says_so && !has_it || says_not && has_it)
            {
                return Some(format!("it is wrong about a recipient ({end}): {record:?}"));
            }
        }
        if !record.is_over() {
            return Some(format!("it stays as it is for ever ({end})"));
        }
        let of_the_other = self.may_describe_other_claim(kind, positions);
        if matches!(record.state, MailState::Failed | MailState::Skipped)
            && mails > 0
            && !of_the_other
        {
            return Some(format!("it says that no mail left, and one did ({end})"));
        }
        // The mail service accepted the mail: only its own event can show that it did not send it.
        if record.state == MailState::Sent
            && mails == 0
            && !kind_state.rejection_lost
            && !of_the_other
        {
            return Some(format!(
                "it says that a mail left, and its rejection event arrived ({end})"
            ));
        }
        if record.state != MailState::Sent && record.reason.is_none() {
            return Some(format!("nothing says why ({end})"));
        }
        // The delivery event or the worker's own reply must have counted.
        let known = !kind_state.event_lost_or_late || !kind_state.reply_lost;
        if mails > 0 && record.state != MailState::Sent && known && !of_the_other {
            return Some(format!("a mail left and its event was there ({end})"));
        }
        None
    }

    /// Every possible transition.
    pub(crate) fn next(
        &self,
        rules: Rules,
        positions: &mut Positions,
        out: &mut Vec<(Transition, Self)>,
    ) {
        let busy = |task: fn(&Task) -> bool| {
            let workers = self.workers.iter().flatten();
            workers.filter(|worker| task(&worker.task)).count()
        };
        for kind in [0, 1] {
            let delivering = self.workers.iter().flatten();
            let delivering = delivering.filter(|worker| worker.task == Task::Deliver(kind));
            if self.kinds[usize::from(kind)].messages > 0
                && delivering.count() < usize::from(rules.deliveries)
            {
                let mut world = *self;
                world.kind_state(kind).messages -= 1;
                world.begin(Task::Deliver(kind), positions);
                out.push((Transition::MessageArrives(kind), world.canonical()));
            }
        }
        for (index, event) in distinct(&self.events) {
            if busy(|task| matches!(task, Task::Event(..))) < EVENT_WORKERS {
                let mut world = *self;
                world.events[index] = None;
                let swallowed = event.outcome == EventOutcome::Rejected
                    && rules.sabotage == Some(Sabotage::RejectionsAreSwallowed);
                if !swallowed {
                    world.begin(
                        Task::Event(event.kind, event.fence, event.outcome),
                        positions,
                    );
                }
                out.push((Transition::EventArrives, world.canonical()));
            }
            if self.faults_left > 0 && rules.may_fail(Some(event.kind)) {
                self.event_faults(index, event, out);
            }
        }
        for (index, worker) in distinct(&self.workers) {
            self.transitions(rules, positions, index, worker, out);
        }
        let all_over = (0..rules.kinds).all(|kind| self.record(kind, positions).is_over());
        let no_messages = self.kinds.iter().all(|kind_state| kind_state.messages == 0);
        let all_asleep = self.workers.iter().flatten().all(|worker| worker.asleep);
        let all_late = self.events.iter().flatten().all(|event| event.late);
        // A message that is delivered later equals one that a tick sends.
        if !all_over && all_asleep && all_late && no_messages {
            let mut world = *self;
            world.hour += 1;
            world.begin(Task::Tick(TickClock::Right), positions);
            out.push((Transition::TimePasses, world.canonical()));
        }
        self.wrong_ticks(positions, out);
        for (_, world) in out {
            world.spare_faults(rules, positions);
        }
    }

    /// Adds ticks with wrong clocks, one after the other, so that none confirms another.
    fn wrong_ticks(&self, positions: &mut Positions, out: &mut Vec<(Transition, Self)>) {
        let is_under_way = |worker: &Worker| worker.task.has_wrong_clock() && !worker.asleep;
        if self.workers.iter().flatten().any(is_under_way) {
            return;
        }
        let clocks = [
            (TickClock::Ahead, self.ahead_left),
            (TickClock::Behind, self.behind_left),
        ];
        for (clock, _) in clocks.into_iter().filter(|(_, is_left)| *is_left) {
            let mut world = *self;
            match clock {
                TickClock::Ahead => world.ahead_left = false,
                _ => world.behind_left = false,
            }
            world.begin(Task::Tick(clock), positions);
            out.push((Transition::TickWithWrongClock(clock), world.canonical()));
        }
    }

    /// Drops the remaining faults once they cannot change the outcome: every mail is recorded as sent,
    /// and no worker is about to send another or to reject one.
    fn spare_faults(&mut self, rules: Rules, positions: &Positions) {
        let rejections = self.events.iter().flatten();
        let rejecting =
            |worker: &Worker| matches!(worker.task, Task::Event(_, _, EventOutcome::Rejected));
        let is_sent = |kind| {
            let record = self.record(kind, positions);
            record.state == MailState::Sent && record.is_over()
        };
        let settled = (0..rules.kinds).all(is_sent)
            && rejections
                .into_iter()
                .all(|event| event.outcome != EventOutcome::Rejected)
            && !self.workers.iter().flatten().any(rejecting);
        let may_send = |worker: &Worker| {
            worker.held.is_some()
                || matches!(
                    &*positions.next(worker.position),
                    Next::Calls(Call::Send(..))
                )
        };
        if settled && !self.workers.iter().flatten().any(may_send) {
            self.faults_left = 0;
        }
    }

    fn event_faults(&self, index: usize, event: Event, out: &mut Vec<(Transition, Self)>) {
        let mut lost = self.with_fault();
        lost.events[index] = None;
        lost.kind_state(event.kind).event_lost_or_late |= event.outcome == EventOutcome::Arrived;
        // Even if it was doubled and its copy arrives.
        lost.kind_state(event.kind).rejection_lost |= event.outcome == EventOutcome::Rejected;
        out.push((Transition::EventLost, lost.canonical()));
        if !event.late {
            let mut late = self.with_fault();
            late.events[index] = Some(Event {
                late: true,
                ..event
            });
            late.kind_state(event.kind).event_lost_or_late |=
                event.outcome == EventOutcome::Arrived;
            out.push((Transition::EventLate, late.canonical()));
        }
        let mut doubled = self.with_fault();
        doubled.send_event(event);
        out.push((Transition::EventDoubled, doubled.canonical()));
    }

    /// Every transition of one worker.
    fn transitions(
        &self,
        rules: Rules,
        positions: &mut Positions,
        index: usize,
        worker: Worker,
        out: &mut Vec<(Transition, Self)>,
    ) {
        let task = worker.task;
        let set = |mut world: Self, worker: Option<Worker>| {
            world.workers[index] = worker;
            world
        };
        if worker.asleep {
            let awake = Worker {
                asleep: false,
                held: None,
                ..worker
            };
            let mut world = set(*self, Some(awake));
            if let Some(reply) = worker.held {
                world.resume(index, reply, positions);
            }
            out.push((Transition::Wakes(task), world.canonical()));
            return;
        }
        let next = positions.next(worker.position);
        let Next::Calls(call) = &*next else {
            unreachable!("a finished worker is removed");
        };
        // Without a fault.
        let (done, reply) = self.execute(rules, positions, index, call);
        let mut world = done;
        world.resume(index, reply, positions);
        out.push((Transition::Continues(task), world.canonical()));
        if *call == Call::Prepare && self.greylists_left > 0 {
            let mut world = *self;
            world.greylists_left -= 1;
            let reply = positions
                .replies
                .number(Reply::Prepared { greylisted: true });
            world.resume(index, reply, positions);
            out.push((
                Transition::SecondRecipientGreylisted(task),
                world.canonical(),
            ));
        }
        let about = call.kind().or(task.kind());
        if self.faults_left == 0 || !rules.may_fail(about) {
            return;
        }
        let hurt = |mut world: Self| {
            world.faults_left -= 1;
            if let Some(kind) = task.kind() {
                world.kind_state(kind).reply_lost |=
                    world.workers[index].is_some_and(|worker| worker.has_sent);
            }
            world
        };
        let crashed = |world: Self| {
            let mut world = hurt(world);
            world.workers[index] = None;
            world.redeliver(task);
            world.canonical()
        };
        // A crash before the first call equals a later delivery of the message or event.
        let has_begun = matches!(task, Task::Tick(_)) || !positions.is_first(worker.position);
        if has_begun {
            out.push((Transition::Crashes(task), crashed(*self)));
        }
        let asleep = |mut world: Self, held: Option<u32>| {
            if let Some(worker) = &mut world.workers[index] {
                worker.asleep = true;
                worker.held = held;
            }
            world.faults_left -= 1;
            if let Some(kind) = task.kind() {
                // A worker that wakes before it calls the mailer checks the clock first.
                let slept = world.workers[index].is_some_and(|worker| worker.has_sent)
                    || (held.is_none() && matches!(call, Call::Send(..)));
                let kind_state = world.kind_state(kind);
                kind_state.slept |= slept;
                kind_state.event_lost_or_late |=
                    matches!(task, Task::Event(_, _, EventOutcome::Arrived));
            }
            world.canonical()
        };
        out.push((Transition::FallsAsleep(task), asleep(*self, None)));
        let has_effect = match call {
            Call::Plan(kind, _) => !self.stored.planned[usize::from(*kind)],
            _ => call.has_effect(),
        };
        if has_effect {
            out.push((Transition::CrashesAfter(task), crashed(done)));
            out.push((
                Transition::FallsAsleepAfter(task),
                asleep(done, Some(reply)),
            ));
        }
        let mut answered = |transition, world: Self, reply: Reply| {
            let mut world = hurt(world);
            let reply = positions.replies.number(reply);
            world.resume(index, reply, positions);
            out.push((transition, world.canonical()));
        };
        if let Call::Send(kind, fence, recipients) = *call {
            let lost = match rules.sabotage {
                Some(Sabotage::MailerDeniesWhatItTook) => Reply::NotSent,
                _ => Reply::Silence,
            };
            let mut taken = done;
            if rules.sabotage == Some(Sabotage::MailerTriesTwice) {
                taken.send_mail(kind, u8::try_from(fence).unwrap(), recipients, rules);
            }
            answered(Transition::ReplyLost(task), taken, lost);
            answered(Transition::MailNotTaken(task), *self, Reply::Silence);
            answered(Transition::MailNotTaken(task), *self, Reply::NotSent);
            for is_permanent in [false, true] {
                let refused = Reply::Refused { is_permanent };
                answered(Transition::MailRefused(task), *self, refused);
            }
            // When a promise is broken on purpose, only that violation is searched for.
            if rules
                .sabotage
                .is_none_or(|broken| broken == Sabotage::RejectionsAreSwallowed)
                && rules.greylists == 0
            {
                out.push((
                    Transition::MailRejectedLater(task),
                    self.rejected_later(index, kind, u8::try_from(fence).unwrap(), positions),
                ));
            }
        } else if has_begun {
            answered(Transition::StoreUnavailable(task), *self, Reply::Away);
            if has_effect {
                answered(Transition::ReplyLost(task), done, Reply::Away);
            }
        }
    }

    /// The state after a call was executed, and the reply that the worker has yet to get.
    fn execute(
        &self,
        rules: Rules,
        positions: &mut Positions,
        index: usize,
        call: &Call,
    ) -> (Self, u32) {
        let mut world = *self;
        world.wrong_tick_acted |= call.is_about_notices()
            && self.workers[index].is_some_and(|worker| worker.task.has_wrong_clock());
        let reply = match call {
            Call::RaiseAlert(kind) => {
                world.kind_state(*kind).has_alert |=
                    rules.sabotage != Some(Sabotage::StoreForgetsAlerts);
                // Whether the alert is new goes to the log only.
                Reply::Wrote(true)
            }
            Call::Prepare => Reply::Prepared { greylisted: false },
            Call::Enqueue(kinds) => {
                for kind in [0, 1] {
                    if kinds >> kind & 1 == 1 {
                        world.redeliver(Task::Deliver(kind));
                    }
                }
                Reply::Wrote(true)
            }
            Call::Send(kind, fence, recipients) => {
                world.send_mail(*kind, u8::try_from(*fence).unwrap(), *recipients, rules);
                if let Some(worker) = &mut world.workers[index] {
                    worker.has_sent = true;
                }
                Reply::Accepted
            }
            _ => {
                let position = self.workers[index].map_or(0, |worker| worker.position);
                let key = (position, self.stored);
                let known = positions.done.get(&key).copied();
                let (stored, reply) = known.unwrap_or_else(|| {
                    let done = self.stored.execute(rules, positions, call);
                    positions.done.insert(key, done);
                    done
                });
                world.stored = stored;
                return (world, reply);
            }
        };
        (world, positions.replies.number(reply))
    }

    /// The state after the mail service accepted a mail that it will reject.
    fn rejected_later(
        &self,
        index: usize,
        kind: Kind,
        fence: u8,
        positions: &mut Positions,
    ) -> Self {
        let mut world = self.with_fault();
        world.kind_state(kind).rejected = true;
        for outcome in [EventOutcome::Accepted, EventOutcome::Rejected] {
            world.send_event(Event {
                kind,
                fence,
                outcome,
                late: false,
            });
        }
        let accepted = positions.replies.number(Reply::Accepted);
        world.resume(index, accepted, positions);
        world.canonical()
    }

    fn send_mail(&mut self, kind: Kind, fence: u8, recipients: u8, rules: Rules) {
        if let Some(free) = self
            .kind_state(kind)
            .mails
            .iter_mut()
            .find(|(mail, _)| *mail == 0)
        {
            *free = (fence, recipients);
        }
        if rules.greylists > 0 {
            return;
        }
        self.send_event(Event {
            kind,
            fence,
            outcome: EventOutcome::Arrived,
            late: false,
        });
    }

    fn send_event(&mut self, event: Event) {
        let free = self.events.iter_mut().find(|event| event.is_none());
        *free.expect("there is room for every event") = Some(event);
    }

    fn begin(&mut self, task: Task, positions: &mut Positions) {
        let position = positions.first(task, self.hour);
        let worker = Worker {
            task,
            position,
            asleep: false,
            held: None,
            has_sent: false,
        };
        let free = self.workers.iter_mut().find(|worker| worker.is_none());
        *free.expect("there is room for every worker") = Some(worker);
    }

    /// Gives a worker its reply and runs it to its next call or its end.
    fn resume(&mut self, index: usize, reply: u32, positions: &mut Positions) {
        let Some(worker) = &mut self.workers[index] else {
            unreachable!("only a worker gets a reply");
        };
        worker.position = positions.after(worker.position, reply, self.hour);
        let task = worker.task;
        match &*positions.next(worker.position) {
            Next::Calls(_) => return,
            Next::Over(End::Done) => {}
            Next::Over(End::Failed) => self.redeliver(task),
            Next::Over(End::Enqueued) => self.redeliver(Task::Deliver(0)),
        }
        self.workers[index] = None;
    }

    /// Delivers the message or event of a worker that failed again.
    fn redeliver(&mut self, task: Task) {
        match task {
            Task::Deliver(kind) => {
                let messages = &mut self.kind_state(kind).messages;
                *messages = (*messages + 1).min(3);
            }
            Task::Event(kind, fence, outcome) => self.send_event(Event {
                kind,
                fence,
                outcome,
                late: false,
            }),
            Task::Tick(_) => {}
        }
    }

    fn with_fault(&self) -> Self {
        Self {
            faults_left: self.faults_left - 1,
            ..*self
        }
    }

    /// The state in a canonical order, so that equal states compare equal.
    fn canonical(mut self) -> Self {
        self.workers.sort_unstable();
        self.events.sort_unstable();
        for kind_state in &mut self.kinds {
            kind_state.mails.sort_unstable();
        }
        self
    }
}

impl Stored {
    /// The content of the store after a call, and the number of its reply.
    fn execute(self, rules: Rules, positions: &mut Positions, call: &Call) -> (Self, u32) {
        let mut stored = self;
        let about = usize::from(call.kind().unwrap_or_default());
        let record = positions.records.value(self.records[about]).clone();
        let reply = match call {
            Call::Mail(_) => Reply::Mail(self.planned[about].then(|| Box::new(record))),
            Call::Open => {
                let planned = (0..rules.kinds).filter(|kind| self.planned[*kind]);
                let records = planned.map(|kind| positions.records.value(self.records[kind]));
                Reply::Open(
                    records
                        .filter(|record| !record.is_over())
                        .cloned()
                        .collect(),
                )
            }
            Call::Plan(_, planned) => {
                let is_new = *planned != date() || !self.planned[about];
                stored.planned[about] = true;
                Reply::Wrote(is_new)
            }
            Call::TickTimes if rules.sabotage == Some(Sabotage::StoreForgetsTicks) => {
                Reply::TickTimes(Box::default())
            }
            Call::TickTimes => {
                let times = positions.tick_times.value(self.tick_times);
                Reply::TickTimes(Box::new(times.clone()))
            }
            Call::ReplaceTickTimes(before, after) => {
                let same = positions.tick_times.value(self.tick_times) == &**before
                    || rules.sabotage == Some(Sabotage::StoreForgetsTicks);
                if same {
                    stored.tick_times = positions.tick_times.number((**after).clone());
                }
                Reply::Wrote(same)
            }
            Call::Replace(revision, next) => {
                let same = record.revision == *revision
                    || rules.sabotage == Some(Sabotage::StoreIgnoresRevisions);
                let kept = rules.sabotage != Some(Sabotage::StoreForgetsSending)
                    || next.state != MailState::Sending;
                if same && kept {
                    stored.records[about] = positions.records.number((**next).clone());
                }
                Reply::Wrote(same)
            }
            Call::RaiseAlert(_) | Call::Prepare | Call::Send(..) | Call::Enqueue(_) => {
                unreachable!("not asked of it")
            }
        };
        (stored, positions.replies.number(reply))
    }
}

/// The distinct entries, with their indexes.
fn distinct<T: Copy + PartialEq, const N: usize>(
    all: &[Option<T>; N],
) -> impl Iterator<Item = (usize, T)> + use<T, N> {
    let all = *all;
    (0..N).filter_map(move |index| {
        let one = all[index]?;
        (index == 0 || all[index - 1] != Some(one)).then_some((index, one))
    })
}
