//! The world of the search: the record, the mails that left, what is under way, and all that can
//! happen next.

use hippo_core::family::Delivery;
use hippo_core::notice::record::recipients::RecipientState;
use hippo_core::notice::record::{NoticeRecord, NoticeState};
use hippo_core::run::tick_times::TickTimes;

use crate::exploration::desk::{Answer, Ask, date, due, family};
use crate::exploration::places::{End, Next, Places, STEP, Stored, Task, TickClock, Word};

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
    /// What of the outside does not keep its promise.
    pub(crate) sabotage: Option<Sabotage>,
}

/// A promise that the outside breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// `replace_notice` writes over any revision.
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
    fence: u8,
    word: Word,
    late: bool,
}

/// One state of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct World {
    stored: Stored,
    hour: u8,
    messages: u8,
    faults_left: u8,
    workers: [Option<Worker>; WORKERS],
    events: [Option<Event>; EVENTS],
    /// The claims whose mails left, 0 for none, and to whom, a bit each.
    mails: [(u8, u8); MAILS],
    greylists_left: u8,
    slept: bool,
    /// An event that says that a mail left.
    event_lost_or_late: bool,
    answer_lost: bool,
    /// The mail service took a mail and did not send it.
    rejected: bool,
    /// Its event that says so never came.
    rejection_lost: bool,
    /// It is noted for the operator that the family has no notice.
    noted: bool,
    /// The wrong clocks that are still to come.
    ahead_left: bool,
    behind_left: bool,
    /// A tick whose clock is wrong did more than to record its time.
    wrong_tick_acted: bool,
}

/// What happens next, for the trace of a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happens {
    MessageComes,
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
    /// The notice is planned, its message sent.
    pub(crate) fn first(rules: Rules, places: &mut Places) -> Self {
        let record = NoticeRecord::planned(family(rules.delivery).id, date(), due());
        let times = TickTimes {
            last: Some(due() - STEP),
            gap_seconds: STEP.num_seconds(),
            ..TickTimes::default()
        };
        Self {
            stored: Stored {
                record: places.records.number(record),
                planned: !rules.unplanned,
                tick_times: places.tick_times.number(times),
            },
            hour: 0,
            messages: if rules.unplanned { 0 } else { rules.deliveries },
            faults_left: rules.faults,
            workers: [None; WORKERS],
            events: [None; EVENTS],
            mails: [(0, 0); MAILS],
            greylists_left: rules.greylists,
            slept: false,
            event_lost_or_late: rules.greylists > 0,
            answer_lost: false,
            rejected: false,
            rejection_lost: false,
            noted: false,
            ahead_left: rules.wrong_clocks,
            behind_left: rules.wrong_clocks,
            wrong_tick_acted: false,
        }
    }

    /// The most mails that one recipient has.
    fn mails(&self) -> usize {
        (0..2).map(|bit| self.mails_to(bit)).max().unwrap_or(0)
    }

    fn mails_to(&self, bit: usize) -> usize {
        let to_it = |(_, recipients): &&(u8, u8)| recipients >> bit & 1 == 1;
        self.mails.iter().filter(to_it).count()
    }

    /// A mail was doubted, it was sent once more, and one of the two was rejected: the record has room
    /// for the evidence of one claim, and may tell of the other. Only where two mails are better than
    /// none is a mail sent once more at all.
    fn may_tell_of_the_other(&self, places: &Places) -> bool {
        let record = places.records.thing(self.stored.record);
        places.delivery == Delivery::AtLeastOnce && self.rejected && record.doubts > 0
    }

    /// How it stands, in words.
    pub(crate) fn end(&self, places: &Places) -> String {
        let state = places.records.thing(self.stored.record).state.as_str();
        match self.mails() {
            mails if self.may_tell_of_the_other(places) => {
                let plural = if mails == 1 { "" } else { "s" };
                format!("{state}, {mails} mail{plural}, one of two claims rejected")
            }
            0 if self.rejection_lost => format!("{state}, 0 mails, rejected and not heard of"),
            1 => format!("{state}, 1 mail"),
            mails => format!("{state}, {mails} mails"),
        }
    }

    /// What is wrong with it, whatever comes next.
    pub(crate) fn violation(&self, rules: Rules, places: &Places) -> Option<String> {
        let state = places.records.thing(self.stored.record).state;
        let mails = self.mails();
        let end = self.end(places);
        if self.wrong_tick_acted {
            return Some(format!("a tick acted whose clock is wrong ({end})"));
        }
        let may_be_two = rules.delivery == Delivery::AtLeastOnce
            && (self.slept || (self.answer_lost && self.event_lost_or_late));
        if mails > 2 || (mails == 2 && !may_be_two) {
            return Some(format!("{mails} mails left ({end})"));
        }
        if state == NoticeState::Sent && mails == 0 && !self.rejected {
            return Some(format!("it says that a mail left, and none did ({end})"));
        }
        if matches!(state, NoticeState::GaveUp | NoticeState::Failed) && !self.noted {
            return Some(format!("nobody will tell the alerts ({end})"));
        }
        let record = places.records.thing(self.stored.record);
        let someone_has_none =
            state == NoticeState::Sent && record.unreached_recipients().next().is_some();
        if someone_has_none && !self.noted {
            return Some(format!("nobody will tell of a recipient ({end})"));
        }
        if self.hour > LAST_HOUR {
            return Some(format!("it is never settled ({end})"));
        }
        None
    }

    /// What is wrong with it when nothing more can happen.
    pub(crate) fn violation_at_the_end(&self, places: &Places) -> Option<String> {
        let record = places.records.thing(self.stored.record);
        let end = self.end(places);
        for (bit, recipient) in record.recipients.iter().enumerate() {
            let has_it = self.mails_to(bit) > 0;
            let says_so = recipient.state == RecipientState::Accepted;
            let says_not = recipient.state == RecipientState::Refused;
            if record.state == NoticeState::Sent
                && !self.rejected
                && (says_so && !has_it || says_not && has_it)
            {
                return Some(format!("it is wrong about a recipient ({end}): {record:?}"));
            }
        }
        if !record.is_over() {
            return Some(format!("it stays as it is for ever ({end})"));
        }
        let of_the_other = self.may_tell_of_the_other(places);
        if matches!(record.state, NoticeState::Failed | NoticeState::Skipped)
            && self.mails() > 0
            && !of_the_other
        {
            return Some(format!("it says that no mail left, and one did ({end})"));
        }
        // The mail service said that it had taken it: only its own word can tell that it did not send it.
        if record.state == NoticeState::Sent
            && self.mails() == 0
            && !self.rejection_lost
            && !of_the_other
        {
            return Some(format!(
                "it says that a mail left, and its rejection was heard of ({end})"
            ));
        }
        if record.state != NoticeState::Sent && record.reason.is_none() {
            return Some(format!("nothing says why ({end})"));
        }
        // The evidence of its event, or the worker's own, must have counted.
        let known = !self.event_lost_or_late || !self.answer_lost;
        if self.mails() > 0 && record.state != NoticeState::Sent && known && !of_the_other {
            return Some(format!("a mail left and its evidence was there ({end})"));
        }
        None
    }

    /// Everything that can happen next.
    pub(crate) fn next(&self, rules: Rules, places: &mut Places, out: &mut Vec<(Happens, Self)>) {
        let busy = |task: fn(&Task) -> bool| {
            let workers = self.workers.iter().flatten();
            workers.filter(|worker| task(&worker.task)).count()
        };
        if self.messages > 0 && busy(|task| *task == Task::Deliver) < usize::from(rules.deliveries)
        {
            let mut world = *self;
            world.messages -= 1;
            world.begin(Task::Deliver, places);
            out.push((Happens::MessageComes, world.in_order()));
        }
        for (index, event) in distinct(&self.events) {
            if busy(|task| matches!(task, Task::Event(..))) < EVENT_WORKERS {
                let mut world = *self;
                world.events[index] = None;
                let swallowed = event.word == Word::Rejected
                    && rules.sabotage == Some(Sabotage::RejectionsAreSwallowed);
                if !swallowed {
                    world.begin(Task::Event(event.fence, event.word), places);
                }
                out.push((Happens::EventComes, world.in_order()));
            }
            if self.faults_left > 0 {
                self.event_faults(index, event, out);
            }
        }
        for (index, worker) in distinct(&self.workers) {
            self.steps(rules, places, index, worker, out);
        }
        let record = places.records.thing(self.stored.record);
        let all_asleep = self.workers.iter().flatten().all(|worker| worker.asleep);
        let all_late = self.events.iter().flatten().all(|event| event.late);
        // A message that comes later is as good as one that a tick sends.
        if !record.is_over() && all_asleep && all_late && self.messages == 0 {
            let mut world = *self;
            world.hour += 1;
            world.begin(Task::Tick(TickClock::Right), places);
            out.push((Happens::TimePasses, world.in_order()));
        }
        self.wrong_ticks(places, out);
        for (_, world) in out {
            world.spare_faults(places);
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
    fn spare_faults(&mut self, places: &Places) {
        let rejections = self.events.iter().flatten();
        let rejecting = |worker: &Worker| matches!(worker.task, Task::Event(_, Word::Rejected));
        let record = places.records.thing(self.stored.record);
        let settled = record.state == NoticeState::Sent
            && record.is_over()
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
        lost.event_lost_or_late |= event.word == Word::Arrived;
        // Even if it was doubled, and the other one comes.
        lost.rejection_lost |= event.word == Word::Rejected;
        out.push((Happens::EventIsLost, lost.in_order()));
        if !event.late {
            let mut late = self.with_fault();
            late.events[index] = Some(Event {
                late: true,
                ..event
            });
            late.event_lost_or_late |= event.word == Word::Arrived;
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
        if self.faults_left == 0 {
            return;
        }
        let hurt = |mut world: Self| {
            world.faults_left -= 1;
            world.answer_lost |= world.workers[index].is_some_and(|worker| worker.has_sent);
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
            world.event_lost_or_late |= matches!(task, Task::Event(_, Word::Arrived));
            // Whoever wakes before the mailer is called looks at the clock first.
            world.slept |= world.workers[index].is_some_and(|worker| worker.has_sent)
                || (held.is_none() && matches!(ask, Ask::Send(..)));
            world.in_order()
        };
        out.push((Happens::FallsAsleep(task), asleep(*self, None)));
        let has_effect = match ask {
            Ask::Plan(_) => !self.stored.planned,
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
        if let Ask::Send(fence, recipients) = *ask {
            let lost = match rules.sabotage {
                Some(Sabotage::MailerDeniesWhatItTook) => Answer::NotSent,
                _ => Answer::Silence,
            };
            let mut taken = done;
            if rules.sabotage == Some(Sabotage::MailerTriesTwice) {
                taken.send_mail(u8::try_from(fence).unwrap(), recipients, rules);
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
                    self.rejected_later(index, u8::try_from(fence).unwrap(), places),
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
            Ask::Note => {
                world.noted |= rules.sabotage != Some(Sabotage::StoreForgetsNotes);
                // Whether it is news is said to the log alone.
                Answer::Wrote(true)
            }
            Ask::Prepare => Answer::Prepared { greylisted: false },
            Ask::Send(fence, recipients) => {
                world.send_mail(u8::try_from(*fence).unwrap(), *recipients, rules);
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
    fn rejected_later(&self, index: usize, fence: u8, places: &mut Places) -> Self {
        let mut world = self.with_fault();
        world.rejected = true;
        for word in [Word::Accepted, Word::Rejected] {
            world.send_event(Event {
                fence,
                word,
                late: false,
            });
        }
        let accepted = places.answers.number(Answer::Accepted);
        world.resume(index, accepted, places);
        world.in_order()
    }

    fn send_mail(&mut self, fence: u8, recipients: u8, rules: Rules) {
        if let Some(free) = self.mails.iter_mut().find(|(mail, _)| *mail == 0) {
            *free = (fence, recipients);
        }
        if rules.greylists > 0 {
            return;
        }
        self.send_event(Event {
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
            Next::Over(End::HandsOut) => self.comes_again(Task::Deliver),
        }
        self.workers[index] = None;
    }

    /// A worker did not do its work: who sent it sends it again.
    fn comes_again(&mut self, task: Task) {
        match task {
            Task::Deliver => self.messages = (self.messages + 1).min(3),
            Task::Event(fence, word) => self.send_event(Event {
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
        self.mails.sort_unstable();
        self
    }
}

impl Stored {
    /// What the store holds after a call, and the number of its answer.
    fn execute(self, rules: Rules, places: &mut Places, ask: &Ask) -> (Self, u32) {
        let mut stored = self;
        let record = places.records.thing(self.record).clone();
        let answer = match ask {
            Ask::Notice => Answer::Notice(self.planned.then(|| Box::new(record))),
            Ask::Open => {
                let is_open = self.planned && !record.is_over();
                Answer::Notice(is_open.then(|| Box::new(record)))
            }
            Ask::Plan(planned) => {
                let is_new = *planned != date() || !self.planned;
                stored.planned = true;
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
                    || next.state != NoticeState::Sending;
                if same && kept {
                    stored.record = places.records.number((**next).clone());
                }
                Answer::Wrote(same)
            }
            Ask::Note | Ask::Prepare | Ask::Send(..) => unreachable!("not asked of it"),
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
