//! Random days: ticks crash or overlap, clocks jump, mailers fail, families move. A family must still
//! get at most one mail per local date.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use futures::FutureExt as _;
use hippo_core::alerts::Alert;
use hippo_core::card::{CardRecord, CardState, StoredAccount};
use hippo_core::clock::Clock;
use hippo_core::ids::{FamilyId, LibraryId};
use hippo_core::jobs::RunError;
use hippo_core::jobs::notify::NotifyAllInput;
use hippo_core::jobs::notify::compose::Composers;
use hippo_core::jobs::notify::run::NotifyAll;
use hippo_core::jobs::notify::send::NotifyPorts;
use hippo_core::library::Library;
use hippo_core::mail::{Mail, Mailer, SendOutcome};
use hippo_core::notice::last_notice::LastNotice;
use hippo_core::outbox::{MailKey, MailKind, MailState, OutboxRecord};
use hippo_core::run::harness::Harness;
use hippo_core::run::ledger::{RunPlan, StartRules};
use hippo_core::run::{JobName, Run, RunKey, Trigger};
use hippo_core::store::AlertStore;
use hippo_core::store::{
    AccountStore, FamilyStore, LoadedFamily, OutboxCursor, OutboxStore, StoreOrigin, StoreResult,
};
use hippo_core::testing::contract::sample;
use hippo_core::testing::memory::MemoryStore;
use proptest::prelude::*;

/// Returns at the second poll, so that the caller can crash here or another tick can go first.
async fn pause() {
    let mut paused = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut paused, true) {
            Poll::Ready(())
        } else {
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

/// A store, a mailer and a clock that pause before and after each relevant call.
struct FakePorts {
    store: MemoryStore,
    now: Mutex<DateTime<Utc>>,
    next_answer: Mutex<Option<MailFault>>,
    sent: Mutex<BTreeMap<(FamilyId, NaiveDate), usize>>,
}

/// The fault of the next mail.
#[derive(Debug, Clone, Copy)]
enum MailFault {
    Taken,
    NotTaken,
    NotSent,
    Refused,
}

#[async_trait]
impl Clock for FakePorts {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap()
    }

    async fn sleep(&self, _duration: Duration) {
        pause().await;
    }
}

#[async_trait]
impl Mailer for FakePorts {
    async fn send(&self, mail: &Mail) -> SendOutcome {
        pause().await;
        let fault = self.next_answer.lock().unwrap().take();
        let tag = mail.tag.as_ref().unwrap();
        if matches!(fault, None | Some(MailFault::Taken)) {
            let key = (tag.family.clone(), tag.date);
            *self.sent.lock().unwrap().entry(key).or_default() += 1;
        }
        pause().await;
        let reason = "made so by the test".to_owned();
        match fault {
            None => SendOutcome::Accepted {
                message_id: tag.message_id_local_part(),
                refused_recipients: Vec::new(),
            },
            Some(MailFault::Taken | MailFault::NotTaken) => SendOutcome::Unknown { reason },
            Some(MailFault::NotSent) => SendOutcome::NotSent { reason },
            Some(MailFault::Refused) => SendOutcome::Refused {
                reason,
                is_permanent: false,
            },
        }
    }
}

#[async_trait]
impl AccountStore for FakePorts {
    async fn load_family(&self, family: &FamilyId) -> StoreResult<Option<LoadedFamily>> {
        let record = CardRecord {
            card: sample::card(family.as_str(), "wpl", "a fingerprint"),
            state: CardState::default(),
        };
        let stored = StoredAccount {
            read_at: self.now(),
            account: sample::account(0),
        };
        let family = self.store.family(family).await?;
        Ok(family.map(|family| LoadedFamily {
            family,
            cards: vec![(record, Some(stored))],
        }))
    }
}

#[async_trait]
impl OutboxStore for FakePorts {
    async fn origin(&self) -> StoreResult<StoreOrigin> {
        self.store.origin().await
    }

    async fn end_restore(&self) -> StoreResult<()> {
        self.store.end_restore().await
    }

    async fn last_sent_fence(&self, key: &MailKey) -> StoreResult<Option<u64>> {
        self.store.last_sent_fence(key).await
    }

    async fn plan_mail(&self, record: &OutboxRecord) -> StoreResult<bool> {
        pause().await;
        let planned = self.store.plan_mail(record).await;
        pause().await;
        planned
    }

    async fn mail(&self, key: &MailKey) -> StoreResult<Option<OutboxRecord>> {
        let found = self.store.mail(key).await;
        pause().await;
        found
    }

    async fn replace_mail(
        &self,
        expected_revision: u64,
        record: &OutboxRecord,
        last_notice: Option<&LastNotice>,
    ) -> StoreResult<bool> {
        pause().await;
        let replaced = self
            .store
            .replace_mail(expected_revision, record, last_notice)
            .await;
        pause().await;
        replaced
    }

    async fn open_mails(
        &self,
        after: Option<&OutboxCursor>,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>> {
        let found = self.store.open_mails(after, limit).await;
        pause().await;
        found
    }

    async fn last_sent_notice(&self, family: &FamilyId) -> StoreResult<Option<LastNotice>> {
        self.store.last_sent_notice(family).await
    }

    async fn recent_mails(
        &self,
        kind: &MailKind,
        family: &FamilyId,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>> {
        self.store.recent_mails(kind, family, limit).await
    }
}

/// An action of a random day.
#[derive(Debug, Clone)]
enum Action {
    /// A tick that crashes after this many polls, unless it ends before.
    Tick { polls: usize },
    /// Two ticks that take turns; each crashes or ends.
    TwoTicks { polls: [usize; 2], turns: u64 },
    /// Time passes.
    Minutes(i64),
    /// The clock jumps.
    Jump(i64),
    /// A family changes its timezone and time of day.
    Reschedule(usize, Tz, u32),
    /// The next mail goes wrong.
    Mailer(MailFault),
}

const FAMILIES: [&str; 2] = ["abel", "zuse"];

fn action() -> impl Strategy<Value = Action> {
    let polls = || prop_oneof![3 => Just(100_000usize), 2 => 0usize..120];
    let zone = prop::sample::select(
        [
            "America/Toronto",
            "Asia/Kathmandu",
            "Pacific/Kiritimati",
            "Pacific/Honolulu",
        ]
        .map(|zone| zone.parse::<Tz>().unwrap())
        .to_vec(),
    );
    let fault = prop::sample::select(vec![
        MailFault::Taken,
        MailFault::NotTaken,
        MailFault::NotSent,
        MailFault::Refused,
    ]);
    prop_oneof![
        4 => polls().prop_map(|polls| Action::Tick { polls }),
        3 => (polls(), polls(), any::<u64>())
            .prop_map(|(one, other, turns)| Action::TwoTicks { polls: [one, other], turns }),
        6 => (1i64..300).prop_map(Action::Minutes),
        2 => (-60i64..=60).prop_map(Action::Jump),
        1 => (-6 * 24 * 60i64..=6 * 24 * 60).prop_map(Action::Jump),
        1 => (0..FAMILIES.len(), zone, 0u32..96)
            .prop_map(|(family, zone, quarter)| Action::Reschedule(family, zone, quarter)),
        3 => fault.prop_map(Action::Mailer),
    ]
}

type Tick<'a> = Pin<Box<dyn Future<Output = Result<Run, RunError>> + 'a>>;

struct Days<'a> {
    fake: &'a FakePorts,
    ports: NotifyPorts<'a>,
    input: NotifyAllInput,
    ticks: std::cell::Cell<usize>,
}

impl Days<'_> {
    fn tick(&self) -> Tick<'_> {
        self.ticks.set(self.ticks.get() + 1);
        let plan = RunPlan {
            key: RunKey {
                job: JobName::NOTIFY_ALL,
                label: format!("tick-{}", self.ticks.get()).parse().unwrap(),
                scheduled_time: self.fake.now(),
            },
            trigger: Trigger::Schedule,
            input: serde_json::Value::Null,
            allow_overlap: true,
            rules: StartRules::default(),
            hooks: None,
        };
        let ports = &self.ports;
        Box::pin(async move {
            let runs = &self.fake.store;
            let job = NotifyAll {
                ports,
                runs,
                on_progress: &|_| {},
            };
            let harness = Harness::new(runs, ports.clock);
            Ok(harness.run(&job, plan, &self.input).await?.run)
        })
    }

    fn perform(&self, action: &Action) {
        let mut context = Context::from_waker(Waker::noop());
        match action {
            Action::Tick { polls } => {
                let mut tick = pin!(self.tick());
                // Dropping the tick is a crash.
                let _through = (0..*polls).any(|_| tick.as_mut().poll(&mut context).is_ready());
            }
            Action::TwoTicks { polls, turns } => {
                let mut left = *polls;
                let mut ticks = [Some(self.tick()), Some(self.tick())];
                for turn in 0.. {
                    let mut who = usize::from(turns.rotate_right(turn % 64) & 1 == 1);
                    if ticks[who].is_none() {
                        who = 1 - who;
                    }
                    let Some(tick) = &mut ticks[who] else {
                        break;
                    };
                    let through = tick.as_mut().poll(&mut context).is_ready();
                    left[who] = left[who].saturating_sub(1);
                    if through || left[who] == 0 {
                        ticks[who] = None;
                    }
                }
            }
            Action::Minutes(minutes) | Action::Jump(minutes) => {
                *self.fake.now.lock().unwrap() += chrono::Duration::minutes(*minutes);
            }
            Action::Reschedule(family, zone, quarter) => {
                let id = FAMILIES[*family].parse().unwrap();
                let store = &self.fake.store;
                let found = store.family(&id).now_or_never().unwrap().unwrap();
                let mut family = found.unwrap();
                let time = NaiveTime::from_hms_opt(quarter / 4, quarter % 4 * 15, 0).unwrap();
                family.reschedule(*zone, time, self.fake.now());
                let updated = store.update_family(&family).now_or_never();
                updated.unwrap().unwrap();
            }
            Action::Mailer(fault) => {
                *self.fake.next_answer.lock().unwrap() = Some(*fault);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn family_gets_at_most_one_mail_per_local_date(
        days in prop::collection::vec(action(), 1..60),
    ) {
        let fake = FakePorts {
            store: MemoryStore::default(),
            now: Mutex::new("2026-11-21T11:40:00Z".parse().unwrap()),
            next_answer: Mutex::new(None),
            sent: Mutex::default(),
        };
        for id in FAMILIES {
            let family = sample::family(id);
            fake.store.add_family(&family).now_or_never().unwrap().unwrap();
        }
        let library: Library = sample::library("wpl");
        let libraries: BTreeMap<LibraryId, Library> = [(library.id.clone(), library)].into();
        let composers = Composers::default();
        let world = Days {
            ports: NotifyPorts {
                families: &fake.store,
                accounts: &fake,
                outbox: &fake,
                alerts: &fake.store,
                composers: &composers,
                mailer: &fake,
                clock: &fake,
                libraries: &libraries,
                operator_contact: None,
                public_url: None,
            },
            fake: &fake,
            input: NotifyAllInput::default(),
            ticks: std::cell::Cell::new(0),
        };
        for action in &days {
            world.perform(action);
        }
        let sent = fake.sent.lock().unwrap().clone();
        for ((family, date), mails) in &sent {
            prop_assert!(*mails <= 1, "{family} has {mails} mails for {date}");
        }
        // After two more days of ticks every mail is final.
        *fake.next_answer.lock().unwrap() = None;
        for _ in 0..12 {
            world.perform(&Action::Minutes(240));
            world.perform(&Action::Tick { polls: 1_000_000 });
        }
        world.perform(&Action::Minutes(20));
        world.perform(&Action::Tick { polls: 1_000_000 });
        let today = fake.now().date_naive() - chrono::Duration::days(1);
        let stored = fake.store.recent_alerts(10_000).now_or_never().unwrap().unwrap();
        for id in FAMILIES {
            let id = id.parse().unwrap();
            let records = fake.store.recent_mails(&MailKind::DAILY, &id, 100).now_or_never();
            for record in records.unwrap().unwrap() {
                prop_assert!(
                    record.state.is_final() || record.date >= today,
                    "{:?} of {} never ends", record.state, record.date
                );
                let mails = sent.get(&(record.family.clone(), record.date)).copied();
                if matches!(record.state, MailState::Failed | MailState::Missed) {
                    prop_assert_eq!(mails, None, "the record says that no mail was sent");
                }
                prop_assert!(record.state == MailState::Sent || record.reason.is_some());
                let has_alert = stored.iter().any(|stored| match &stored.alert {
                    Alert::NoNotice { family, date, .. } => {
                        (family, *date) == (&record.family, record.date)
                    }
                    _ => false,
                });
                let is_bad = Alert::for_notice(&record).is_some();
                prop_assert!(has_alert || !is_bad, "no alert was raised: {record:?}");
            }
        }
    }
}
