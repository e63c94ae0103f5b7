//! The world of the search: the record, the mails that left, what is under way, and all that can
//! happen next.

use hippo_core::family::Delivery;
use hippo_core::outbox::RecipientState;
use hippo_core::outbox::{MailState, OutboxRecord};
use hippo_core::run::tick_times::TickTimes;

use crate::exploration::desk::{Answer, Ask, Kind, date, due, family};
use crate::exploration::places::{End, Next, Places, STEP, Stored, Task, TickClock, Word, key};

/// What a search is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// The family's policy.
    pub(crate) delivery: Delivery,
    /// How often the message comes at first, and how many workers there are.
    pub(crate) deliveries: u8,
    /// How many faults there are in all.
    pub(crate) faults: u8,
    /// How often the mail server refuses the second of two recipients for now; 0: there is one
    /// recipient. Such a server has no events.
    pub(crate) greylists: u8,
    /// Whether there is one tick whose clock is days ahead and one whose clock is days behind, at any
    /// time; then each tick compares its clock with the ticks before.
    pub(crate) wrong_clocks: bool,
    /// Whether the first tick is still to plan the notice.
    pub(crate) unplanned: bool,
    /// How many kinds of mail there are: one or two.
    pub(crate) kinds: usize,
    /// Whether faults only meet what is about the first kind.
    pub(crate) spares_second_kind: bool,
    /// What of the outside does not keep its promise.
    pub(crate) sabotage: Option<Sabotage>,
}

impl Rules {
    /// Whether a fault may meet what is about this kind, or about both.
    fn may_fail(self, kind: Option<Kind>) -> bool {
        !self.spares_second_kind || kind == Some(0)
    }
}

/// A promise that the outside breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// `replace_mail` writes over any revision.
    StoreIgnoresRevisions,
    /// The write of SENDING is answered but not kept.
    StoreForgetsSending,
    /// The mailer sends again when an answer is lost, as mail clients do by default.
    MailerTriesTwice,
    /// The mailer says that it did not send what it did.
    MailerDeniesWhatItTook,
    /// Nobody takes the events that say that a mail was rejected.
    RejectionsAreSwallowed,
    /// What is noted for the operator is not kept.
    StoreForgetsNotes,
    /// The times of the ticks are not kept.
    StoreForgetsTicks,
}

/// Workers at a time: three of messages, two of events, and two ticks beside three that sleep.
const WORKERS: usize = 10;
const EVENT_WORKERS: usize = 2;
const EVENTS: usize = 6;
const MAILS: usize = 4;

/// By then every notice must be settled.
const LAST_HOUR: u8 = 40;

/// A worker under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Worker {
    task: Task,
    place: u32,
    asleep: bool,
    /// The answer that it will wake up to.
    held: Option<u32>,
    /// The mailer took a mail of it.
    has_sent: bool,
}

/// An event that is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Event {
    kind: Kind,
    fence: u8,
    word: Word,
    late: bool,
}

/// One state of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct World {
    stored: Stored,
    hour: u8,
    faults_left: u8,
    workers: [Option<Worker>; WORKERS],
    events: [Option<Event>; EVENTS],
    kinds: [OfKind; 2],
    greylists_left: u8,
    /// The wrong clocks that are still to come.
    ahead_left: bool,
    behind_left: bool,
    /// A tick whose clock is wrong did more than to record its time.
    wrong_tick_acted: bool,
}

/// What became of the mails of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct OfKind {
    messages: u8,
    /// The claims whose mails left, 0 for none, and to whom, a bit each.
    mails: [(u8, u8); MAILS],
    slept: bool,
    /// An event that says that a mail left.
    event_lost_or_late: bool,
    answer_lost: bool,
    /// The mail service took a mail and did not send it.
    rejected: bool,
    /// Its event that says so never came.
    rejection_lost: bool,
    /// It is noted for the operator that the family has no mail.
    noted: bool,
}

impl OfKind {
    /// The most mails that one recipient has.
    fn mails(&self) -> usize {
        (0..2).map(|bit| self.mails_to(bit)).max().unwrap_or(0)
    }

    fn mails_to(&self, bit: usize) -> usize {
        let to_it = |(_, recipients): &&(u8, u8)| recipients >> bit & 1 == 1;
        self.mails.iter().filter(to_it).count()
    }
}

/// What happens next, for the trace of a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happens {
    MessageComes(Kind),
    EventComes,
    TimePasses,
    TickComesByWrongClock(TickClock),
    GoesOn(Task),
    Wakes(Task),
    Crashes(Task),
    CrashesAfter(Task),
    FindsTheStoreAway(Task),
    LosesTheAnswer(Task),
    MailNotTaken(Task),
    MailRefused(Task),
    MailIsRejectedLater(Task),
    FallsAsleep(Task),
    FallsAsleepAfter(Task),
    SecondIsRefusedForNow(Task),
    EventIsLost,
    EventIsLate,
    EventIsDoubled,
}

impl World {
    /// The mails are planned, their messages sent.
    pub(crate) fn first(rules: Rules, places: &mut Places) -> Self {
        let family = family(rules.delivery);
        let record = |kind| OutboxRecord::planned(key(kind, &family), due());
        let times = TickTimes {
            last: Some(due() - STEP),
            gap_seconds: STEP.num_seconds(),
            ..TickTimes::default()
        };
        let of_kind = OfKind {
            messages: if rules.unplanned { 0 } else { rules.deliveries },
            mails: [(0, 0); MAILS],
            slept: false,
            event_lost_or_late: rules.greylists > 0,
            answer_lost: false,
            rejected: false,
            rejection_lost: false,
            noted: false,
        };
        let of_none = OfKind {
            messages: 0,
            ..of_kind
        };
        Self {
            stored: Stored {
                records: [0, 1].map(|kind| places.records.number(record(kind))),
                planned: [!rules.unplanned, !rules.unplanned && rules.kinds == 2],
                tick_times: places.tick_times.number(times),
            },
            hour: 0,
            faults_left: rules.faults,
            workers: [None; WORKERS],
            events: [None; EVENTS],
            kinds: [of_kind, if rules.kinds == 2 { of_kind } else { of_none }],
            greylists_left: rules.greylists,
            ahead_left: rules.wrong_clocks,
            behind_left: rules.wrong_clocks,
            wrong_tick_acted: false,
        }
    }

    /// What became of the mails of a kind.
    fn of(&mut self, kind: Kind) -> &mut OfKind {
        &mut self.kinds[usize::from(kind)]
    }

    fn record<'a>(&self, kind: usize, places: &'a Places) -> &'a OutboxRecord {
        places.records.thing(self.stored.records[kind])
    }

    /// A mail was doubted, it was sent once more, and one of the two was rejected: the record has room
    /// for the events of one claim, and may tell of the other. Only where two mails are better than
    /// none is a mail sent once more at all.
    fn may_tell_of_the_other(&self, kind: usize, places: &Places) -> bool {
        let is_rejected = self.kinds[kind].rejected;
        let doubts = self.record(kind, places).doubts;
        places.delivery == Delivery::AtLeastOnce && is_rejected && doubts > 0
    }

    /// How it stands, in words.
    pub(crate) fn end(&self, rules: Rules, places: &Places) -> String {
        let ends: Vec<String> = (0..rules.kinds)
            .map(|kind| self.end_of(kind, places))
            .collect();
        ends.join(" | ")
    }

    fn end_of(&self, kind: usize, places: &Places) -> String {
        let state = self.record(kind, places).state.as_str();
        match self.kinds[kind].mails() {
            mails if self.may_tell_of_the_other(kind, places) => {
                let plural = if mails == 1 { "" } else { "s" };
                format!("{state}, {mails} mail{plural}, one of two claims rejected")
            }
            0 if self.kinds[kind].rejection_lost => {
                format!("{state}, 0 mails, rejected and not heard of")
            }
            1 => format!("{state}, 1 mail"),
            mails => format!("{state}, {mails} mails"),
        }
    }

    /// What is wrong with it, whatever comes next.
    pub(crate) fn violation(&self, rules: Rules, places: &Places) -> Option<String> {
        if self.wrong_tick_acted {
            let end = self.end(rules, places);
            return Some(format!("a tick acted whose clock is wrong ({end})"));
        }
        if self.hour > LAST_HOUR {
            let end = self.end(rules, places);
            return Some(format!("it is never finalised ({end})"));
        }
        (0..rules.kinds).find_map(|kind| self.violation_of(kind, rules, places))
    }

    fn violation_of(&self, kind: usize, rules: Rules, places: &Places) -> Option<String> {
        let record = self.record(kind, places);
        let state = record.state;
        let of_kind = &self.kinds[kind];
        let mails = of_kind.mails();
        let end = self.end(rules, places);
        let may_be_two = rules.delivery == Delivery::AtLeastOnce
            && (of_kind.slept || (of_kind.answer_lost && of_kind.event_lost_or_late));
        if mails > 2 || (mails == 2 && !may_be_two) {
            return Some(format!("{mails} mails left ({end})"));
        }
        if state == MailState::Sent && mails == 0 && !of_kind.rejected {
            return Some(format!("it says that a mail left, and none did ({end})"));
        }
        if matches!(state, MailState::GaveUp | MailState::Failed) && !of_kind.noted {
            return Some(format!("nobody will tell the operator ({end})"));
        }
        let someone_has_none =
            state == MailState::Sent && record.unreached_recipients().next().is_some();
        if someone_has_none && !of_kind.noted {
            return Some(format!("nobody will tell of a recipient ({end})"));
        }
        if kind == 1 && rules.spares_second_kind && self.hour > 0 && state != MailState::Sent {
            return Some(format!("one kind holds up the other ({end})"));
        }
        None
    }

    /// What is wrong with it when nothing more can happen.
    pub(crate) fn violation_at_the_end(&self, rules: Rules, places: &Places) -> Option<String> {
        (0..rules.kinds).find_map(|kind| self.violation_at_the_end_of(kind, rules, places))
    }

    fn violation_at_the_end_of(
        &self,
        kind: usize,
        rules: Rules,
        places: &Places,
    ) -> Option<String> {
        let record = self.record(kind, places);
        let of_kind = &self.kinds[kind];
        let mails = of_kind.mails();
        let end = self.end(rules, places);
        for (bit, recipient) in record.recipients.iter().enumerate() {
            let has_it = of_kind.mails_to(bit) > 0;
            let says_so = recipient.state == RecipientState::Accepted;
            let says_not = recipient.state == RecipientState::Refused;
            if record.state == MailState::Sent
                && !of_kind.rejected
                && (says_so && !has_it || says_not && has_it)
            {
                return Some(format!("it is wrong about a recipient ({end}): {record:?}"));
            }
        }
        if !record.is_over() {
            return Some(format!("it stays as it is for ever ({end})"));
        }
        let of_the_other = self.may_tell_of_the_other(kind, places);
        if matches!(record.state, MailState::Failed | MailState::Skipped)
            && mails > 0
            && !of_the_other
        {
            return Some(format!("it says that no mail left, and one did ({end})"));
        }
        // The mail service said that it had taken it: only its own word can tell that it did not send it.
        if record.state == MailState::Sent && mails == 0 && !of_kind.rejection_lost && !of_the_other
        {
            return Some(format!(
                "it says that a mail left, and its rejection was heard of ({end})"
            ));
        }
        if record.state != MailState::Sent && record.reason.is_none() {
            return Some(format!("nothing says why ({end})"));
        }
        // Its delivery event, or the worker's own word, must have counted.
        let known = !of_kind.event_lost_or_late || !of_kind.answer_lost;
        if mails > 0 && record.state != MailState::Sent && known && !of_the_other {
            return Some(format!("a mail left and its event was there ({end})"));
        }
        None
    }

    /// Everything that can happen next.
    pub(crate) fn next(&self, rules: Rules, places: &mut Places, out: &mut Vec<(Happens, Self)>) {
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
                world.of(kind).messages -= 1;
                world.begin(Task::Deliver(kind), places);
                out.push((Happens::MessageComes(kind), world.in_order()));
            }
        }
        for (index, event) in distinct(&self.events) {
            if busy(|task| matches!(task, Task::Event(..))) < EVENT_WORKERS {
                let mut world = *self;
                world.events[index] = None;
                let swallowed = event.word == Word::Rejected
                    && rules.sabotage == Some(Sabotage::RejectionsAreSwallowed);
                if !swallowed {
                    world.begin(Task::Event(event.kind, event.fence, event.word), places);
                }
                out.push((Happens::EventComes, world.in_order()));
            }
            if self.faults_left > 0 && rules.may_fail(Some(event.kind)) {
                self.event_faults(index, event, out);
            }
        }
        for (index, worker) in distinct(&self.workers) {
            self.steps(rules, places, index, worker, out);
        }
        let all_over = (0..rules.kinds).all(|kind| self.record(kind, places).is_over());
        let no_messages = self.kinds.iter().all(|of_kind| of_kind.messages == 0);
        let all_asleep = self.workers.iter().flatten().all(|worker| worker.asleep);
        let all_late = self.events.iter().flatten().all(|event| event.late);
        // A message that comes later is as good as one that a tick sends.
        if !all_over && all_asleep && all_late && no_messages {
            let mut world = *self;
            world.hour += 1;
            world.begin(Task::Tick(TickClock::Right), places);
            out.push((Happens::TimePasses, world.in_order()));
        }
        self.wrong_ticks(places, out);
        for (_, world) in out {
            world.spare_faults(rules, places);
        }
    }

    /// One after the other, so that none confirms another.
    fn wrong_ticks(&self, places: &mut Places, out: &mut Vec<(Happens, Self)>) {
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
            world.begin(Task::Tick(clock), places);
            out.push((Happens::TickComesByWrongClock(clock), world.in_order()));
        }
    }

    /// Once it is on record that the mail left, and nobody is about to send another or to say that it
    /// was rejected, no fault can change what became of it: what is left to do is done without.
    fn spare_faults(&mut self, rules: Rules, places: &Places) {
        let rejections = self.events.iter().flatten();
        let rejecting = |worker: &Worker| matches!(worker.task, Task::Event(_, _, Word::Rejected));
        let is_sent = |kind| {
            let record = self.record(kind, places);
            record.state == MailState::Sent && record.is_over()
        };
        let settled = (0..rules.kinds).all(is_sent)
            && rejections
                .into_iter()
                .all(|event| event.word != Word::Rejected)
            && !self.workers.iter().flatten().any(rejecting);
        let may_send = |worker: &Worker| {
            worker.held.is_some()
                || matches!(&*places.next(worker.place), Next::Asks(Ask::Send(..)))
        };
        if settled && !self.workers.iter().flatten().any(may_send) {
            self.faults_left = 0;
        }
    }

    fn event_faults(&self, index: usize, event: Event, out: &mut Vec<(Happens, Self)>) {
        let mut lost = self.with_fault();
        lost.events[index] = None;
        lost.of(event.kind).event_lost_or_late |= event.word == Word::Arrived;
        // Even if it was doubled, and the other one comes.
        lost.of(event.kind).rejection_lost |= event.word == Word::Rejected;
        out.push((Happens::EventIsLost, lost.in_order()));
        if !event.late {
            let mut late = self.with_fault();
            late.events[index] = Some(Event {
                late: true,
                ..event
            });
            late.of(event.kind).event_lost_or_late |= event.word == Word::Arrived;
            out.push((Happens::EventIsLate, late.in_order()));
        }
        let mut doubled = self.with_fault();
        doubled.send_event(event);
        out.push((Happens::EventIsDoubled, doubled.in_order()));
    }

    /// All that one worker can do, and all that can happen to it.
    fn steps(
        &self,
        rules: Rules,
        places: &mut Places,
        index: usize,
        worker: Worker,
        out: &mut Vec<(Happens, Self)>,
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
            if let Some(answer) = worker.held {
                world.resume(index, answer, places);
            }
            out.push((Happens::Wakes(task), world.in_order()));
            return;
        }
        let next = places.next(worker.place);
        let Next::Asks(ask) = &*next else {
            unreachable!("a worker that is through is gone");
        };
        // Without a fault.
        let (done, answer) = self.execute(rules, places, index, ask);
        let mut world = done;
        world.resume(index, answer, places);
        out.push((Happens::GoesOn(task), world.in_order()));
        if *ask == Ask::Prepare && self.greylists_left > 0 {
            let mut world = *self;
            world.greylists_left -= 1;
            let answer = places.answers.number(Answer::Prepared { greylisted: true });
            world.resume(index, answer, places);
            out.push((Happens::SecondIsRefusedForNow(task), world.in_order()));
        }
        let about = ask.kind().or(task.kind());
        if self.faults_left == 0 || !rules.may_fail(about) {
            return;
        }
        let hurt = |mut world: Self| {
            world.faults_left -= 1;
            if let Some(kind) = task.kind() {
                world.of(kind).answer_lost |=
                    world.workers[index].is_some_and(|worker| worker.has_sent);
            }
            world
        };
        let crashed = |world: Self| {
            let mut world = hurt(world);
            world.workers[index] = None;
            world.comes_again(task);
            world.in_order()
        };
        // To crash before the first call is not to have come, which a later message or event is too.
        let has_begun = matches!(task, Task::Tick(_)) || !places.is_first(worker.place);
        if has_begun {
            out.push((Happens::Crashes(task), crashed(*self)));
        }
        let asleep = |mut world: Self, held: Option<u32>| {
            if let Some(worker) = &mut world.workers[index] {
                worker.asleep = true;
                worker.held = held;
            }
            world.faults_left -= 1;
            if let Some(kind) = task.kind() {
                // Whoever wakes before the mailer is called looks at the clock first.
                let slept = world.workers[index].is_some_and(|worker| worker.has_sent)
                    || (held.is_none() && matches!(ask, Ask::Send(..)));
                let of_kind = world.of(kind);
                of_kind.slept |= slept;
                of_kind.event_lost_or_late |= matches!(task, Task::Event(_, _, Word::Arrived));
            }
            world.in_order()
        };
        out.push((Happens::FallsAsleep(task), asleep(*self, None)));
        let has_effect = match ask {
            Ask::Plan(kind, _) => !self.stored.planned[usize::from(*kind)],
            _ => ask.has_effect(),
        };
        if has_effect {
            out.push((Happens::CrashesAfter(task), crashed(done)));
            out.push((Happens::FallsAsleepAfter(task), asleep(done, Some(answer))));
        }
        let mut answered = |happens, world: Self, answer: Answer| {
            let mut world = hurt(world);
            let answer = places.answers.number(answer);
            world.resume(index, answer, places);
            out.push((happens, world.in_order()));
        };
        if let Ask::Send(kind, fence, recipients) = *ask {
            let lost = match rules.sabotage {
                Some(Sabotage::MailerDeniesWhatItTook) => Answer::NotSent,
                _ => Answer::Silence,
            };
            let mut taken = done;
            if rules.sabotage == Some(Sabotage::MailerTriesTwice) {
                taken.send_mail(kind, u8::try_from(fence).unwrap(), recipients, rules);
            }
            answered(Happens::LosesTheAnswer(task), taken, lost);
            answered(Happens::MailNotTaken(task), *self, Answer::Silence);
            answered(Happens::MailNotTaken(task), *self, Answer::NotSent);
            for for_good in [false, true] {
                let refused = Answer::Refused { for_good };
                answered(Happens::MailRefused(task), *self, refused);
            }
            // Where a promise is broken on purpose, it is that one which is to be found.
            if rules
                .sabotage
                .is_none_or(|broken| broken == Sabotage::RejectionsAreSwallowed)
                && rules.greylists == 0
            {
                out.push((
                    Happens::MailIsRejectedLater(task),
                    self.rejected_later(index, kind, u8::try_from(fence).unwrap(), places),
                ));
            }
        } else if has_begun {
            answered(Happens::FindsTheStoreAway(task), *self, Answer::Away);
            if has_effect {
                answered(Happens::LosesTheAnswer(task), done, Answer::Away);
            }
        }
    }

    /// The world after a call was carried out, and the answer, which the worker has not got yet.
    fn execute(&self, rules: Rules, places: &mut Places, index: usize, ask: &Ask) -> (Self, u32) {
        let mut world = *self;
        world.wrong_tick_acted |= ask.is_about_notices()
            && self.workers[index].is_some_and(|worker| worker.task.has_wrong_clock());
        let answer = match ask {
            Ask::Note(kind) => {
                world.of(*kind).noted |= rules.sabotage != Some(Sabotage::StoreForgetsNotes);
                // Whether it is news is said to the log alone.
                Answer::Wrote(true)
            }
            Ask::Prepare => Answer::Prepared { greylisted: false },
            Ask::Enqueue(kinds) => {
                for kind in [0, 1] {
                    if kinds >> kind & 1 == 1 {
                        world.comes_again(Task::Deliver(kind));
                    }
                }
                Answer::Wrote(true)
            }
            Ask::Send(kind, fence, recipients) => {
                world.send_mail(*kind, u8::try_from(*fence).unwrap(), *recipients, rules);
                if let Some(worker) = &mut world.workers[index] {
                    worker.has_sent = true;
                }
                Answer::Accepted
            }
            _ => {
                let place = self.workers[index].map_or(0, |worker| worker.place);
                let key = (place, self.stored);
                let known = places.done.get(&key).copied();
                let (stored, answer) = known.unwrap_or_else(|| {
                    let done = self.stored.execute(rules, places, ask);
                    places.done.insert(key, done);
                    done
                });
                world.stored = stored;
                return (world, answer);
            }
        };
        (world, places.answers.number(answer))
    }

    /// The world after the mail service said that it had taken a mail which it will not send.
    fn rejected_later(&self, index: usize, kind: Kind, fence: u8, places: &mut Places) -> Self {
        let mut world = self.with_fault();
        world.of(kind).rejected = true;
        for word in [Word::Accepted, Word::Rejected] {
            world.send_event(Event {
                kind,
                fence,
                word,
                late: false,
            });
        }
        let accepted = places.answers.number(Answer::Accepted);
        world.resume(index, accepted, places);
        world.in_order()
    }

    fn send_mail(&mut self, kind: Kind, fence: u8, recipients: u8, rules: Rules) {
        if let Some(free) = self.of(kind).mails.iter_mut().find(|(mail, _)| *mail == 0) {
            *free = (fence, recipients);
        }
        if rules.greylists > 0 {
            return;
        }
        self.send_event(Event {
            kind,
            fence,
            word: Word::Arrived,
            late: false,
        });
    }

    fn send_event(&mut self, event: Event) {
        let free = self.events.iter_mut().find(|event| event.is_none());
        *free.expect("as many places as events") = Some(event);
    }

    fn begin(&mut self, task: Task, places: &mut Places) {
        let place = places.first(task, self.hour);
        let worker = Worker {
            task,
            place,
            asleep: false,
            held: None,
            has_sent: false,
        };
        let free = self.workers.iter_mut().find(|worker| worker.is_none());
        *free.expect("as many places as workers") = Some(worker);
    }

    /// A worker gets its answer and runs to its next call, or to its end.
    fn resume(&mut self, index: usize, answer: u32, places: &mut Places) {
        let Some(worker) = &mut self.workers[index] else {
            unreachable!("only a worker gets an answer");
        };
        worker.place = places.after(worker.place, answer, self.hour);
        let task = worker.task;
        match &*places.next(worker.place) {
            Next::Asks(_) => return,
            Next::Over(End::Done) => {}
            Next::Over(End::Failed) => self.comes_again(task),
            Next::Over(End::HandsOut) => self.comes_again(Task::Deliver(0)),
        }
        self.workers[index] = None;
    }

    /// A worker did not do its work: who sent it sends it again.
    fn comes_again(&mut self, task: Task) {
        match task {
            Task::Deliver(kind) => {
                let messages = &mut self.of(kind).messages;
                *messages = (*messages + 1).min(3);
            }
            Task::Event(kind, fence, word) => self.send_event(Event {
                kind,
                fence,
                word,
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

    /// The same world, however it was come by.
    fn in_order(mut self) -> Self {
        self.workers.sort_unstable();
        self.events.sort_unstable();
        for of_kind in &mut self.kinds {
            of_kind.mails.sort_unstable();
        }
        self
    }
}

impl Stored {
    /// What the store holds after a call, and the number of its answer.
    fn execute(self, rules: Rules, places: &mut Places, ask: &Ask) -> (Self, u32) {
        let mut stored = self;
        let about = usize::from(ask.kind().unwrap_or_default());
        let record = places.records.thing(self.records[about]).clone();
        let answer = match ask {
            Ask::Mail(_) => Answer::Mail(self.planned[about].then(|| Box::new(record))),
            Ask::Open => {
                let planned = (0..rules.kinds).filter(|kind| self.planned[*kind]);
                let records = planned.map(|kind| places.records.thing(self.records[kind]));
                Answer::Open(
                    records
                        .filter(|record| !record.is_over())
                        .cloned()
                        .collect(),
                )
            }
            Ask::Plan(_, planned) => {
                let is_new = *planned != date() || !self.planned[about];
                stored.planned[about] = true;
                Answer::Wrote(is_new)
            }
            Ask::TickTimes if rules.sabotage == Some(Sabotage::StoreForgetsTicks) => {
                Answer::TickTimes(Box::default())
            }
            Ask::TickTimes => {
                let times = places.tick_times.thing(self.tick_times);
                Answer::TickTimes(Box::new(times.clone()))
            }
            Ask::ReplaceTickTimes(before, after) => {
                let same = places.tick_times.thing(self.tick_times) == &**before
                    || rules.sabotage == Some(Sabotage::StoreForgetsTicks);
                if same {
                    stored.tick_times = places.tick_times.number((**after).clone());
                }
                Answer::Wrote(same)
            }
            Ask::Replace(revision, next) => {
                let same = record.revision == *revision
                    || rules.sabotage == Some(Sabotage::StoreIgnoresRevisions);
                let kept = rules.sabotage != Some(Sabotage::StoreForgetsSending)
                    || next.state != MailState::Sending;
                if same && kept {
                    stored.records[about] = places.records.number((**next).clone());
                }
                Answer::Wrote(same)
            }
            Ask::Note(_) | Ask::Prepare | Ask::Send(..) | Ask::Enqueue(_) => {
                unreachable!("not asked of it")
            }
        };
        (stored, places.answers.number(answer))
    }
}

/// The ones that are there, each of several equal ones once.
fn distinct<T: Copy + PartialEq, const N: usize>(
    all: &[Option<T>; N],
) -> impl Iterator<Item = (usize, T)> + use<T, N> {
    let all = *all;
    (0..N).filter_map(move |index| {
        let one = all[index]?;
        (index == 0 || all[index - 1] != Some(one)).then_some((index, one))
    })
}
