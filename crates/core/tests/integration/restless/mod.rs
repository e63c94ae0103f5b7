//! Random days: ticks that crash or overlap, clocks that jump, mailers that fall silent, families that
//! move. Whatever happens, a family has at most one mail for a local date.

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
use hippo_core::jobs::notify::run::notify_all;
use hippo_core::jobs::notify::send::NotifyPorts;
use hippo_core::library::Library;
use hippo_core::mail::{Mail, MailAnswer, Mailer};
use hippo_core::notice::last_notice::LastNotice;
use hippo_core::outbox::{MailKey, MailKind, MailState, OutboxRecord};
use hippo_core::run::ledger::{RunPlan, StartRules};
use hippo_core::run::{Job, Run, RunKey, Trigger};
use hippo_core::store::AlertStore;
use hippo_core::store::{
    AccountStore, FamilyStore, LoadedFamily, OutboxCursor, OutboxStore, StoreOrigin, StoreResult,
};
use hippo_core::testing::contract::sample;
use hippo_core::testing::memory::MemoryStore;
use proptest::prelude::*;

/// Comes back at the second poll: a place to crash at, or to let somebody else go first.
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

/// A store, a mailer and a clock with a pause before and after each call that matters.
struct Outside {
    store: MemoryStore,
    now: Mutex<DateTime<Utc>>,
    next_answer: Mutex<Option<Silence>>,
    left: Mutex<BTreeMap<(FamilyId, NaiveDate), usize>>,
}

/// What goes wrong with the next mail.
#[derive(Debug, Clone, Copy)]
enum Silence {
    Taken,
    NotTaken,
    NotSent,
    Refused,
}

#[async_trait]
impl Clock for Outside {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap()
    }

    async fn sleep(&self, _duration: Duration) {
        pause().await;
    }
}

#[async_trait]
impl Mailer for Outside {
    async fn send(&self, mail: &Mail) -> MailAnswer {
        pause().await;
        let silence = self.next_answer.lock().unwrap().take();
        let tag = mail.tag.as_ref().unwrap();
        if matches!(silence, None | Some(Silence::Taken)) {
            let key = (tag.family.clone(), tag.date);
            *self.left.lock().unwrap().entry(key).or_default() += 1;
        }
        pause().await;
        let reason = "made so by the test".to_owned();
        match silence {
            None => MailAnswer::Accepted {
                message_id: tag.message_id_local_part(),
                refused: Vec::new(),
            },
            Some(Silence::Taken | Silence::NotTaken) => MailAnswer::Unknown { reason },
            Some(Silence::NotSent) => MailAnswer::NotSent { reason },
            Some(Silence::Refused) => MailAnswer::Refused {
                reason,
                for_good: false,
            },
        }
    }
}

#[async_trait]
impl AccountStore for Outside {
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
impl OutboxStore for Outside {
    async fn origin(&self) -> StoreResult<StoreOrigin> {
        self.store.origin().await
    }

    async fn end_restore(&self) -> StoreResult<()> {
        self.store.end_restore().await
    }

    async fn sent_before(&self, key: &MailKey) -> StoreResult<Option<u64>> {
        self.store.sent_before(key).await
    }

    async fn plan_mail(&self, record: &OutboxRecord) -> StoreResult<bool> {
        pause().await;
        let put = self.store.plan_mail(record).await;
        pause().await;
        put
    }

    async fn mail(&self, key: &MailKey) -> StoreResult<Option<OutboxRecord>> {
        let found = self.store.mail(key).await;
        pause().await;
        found
    }

    async fn replace_mail(
        &self,
        revision: u64,
        record: &OutboxRecord,
        last_notice: Option<&LastNotice>,
    ) -> StoreResult<bool> {
        pause().await;
        let replaced = self.store.replace_mail(revision, record, last_notice).await;
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

/// What happens in a random day.
#[derive(Debug, Clone)]
enum Happens {
    /// A tick that crashes after so many polls, if it is not through by then.
    Tick { polls: usize },
    /// Two ticks at once, which take turns; each crashes or gets through.
    TwoTicks { polls: [usize; 2], turns: u64 },
    /// Time passes.
    Minutes(i64),
    /// The clock jumps.
    Jump(i64),
    /// A family moves, or wants its mail at another time.
    Moves(usize, Tz, u32),
    /// The next mail goes wrong.
    Mailer(Silence),
}

const FAMILIES: [&str; 2] = ["abel", "zuse"];

fn happens() -> impl Strategy<Value = Happens> {
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
    let silence = prop::sample::select(vec![
        Silence::Taken,
        Silence::NotTaken,
        Silence::NotSent,
        Silence::Refused,
    ]);
    prop_oneof![
        4 => polls().prop_map(|polls| Happens::Tick { polls }),
        3 => (polls(), polls(), any::<u64>())
            .prop_map(|(one, other, turns)| Happens::TwoTicks { polls: [one, other], turns }),
        6 => (1i64..300).prop_map(Happens::Minutes),
        2 => (-60i64..=60).prop_map(Happens::Jump),
        1 => (-6 * 24 * 60i64..=6 * 24 * 60).prop_map(Happens::Jump),
        1 => (0..FAMILIES.len(), zone, 0u32..96)
            .prop_map(|(family, zone, quarter)| Happens::Moves(family, zone, quarter)),
        3 => silence.prop_map(Happens::Mailer),
    ]
}

type Tick<'a> = Pin<Box<dyn Future<Output = Result<Run, RunError>> + 'a>>;

struct Days<'a> {
    outside: &'a Outside,
    ports: NotifyPorts<'a>,
    input: NotifyAllInput,
    ticks: std::cell::Cell<usize>,
}

impl Days<'_> {
    fn tick(&self) -> Tick<'_> {
        self.ticks.set(self.ticks.get() + 1);
        let plan = RunPlan {
            key: RunKey {
                job: Job::NotifyAll,
                label: format!("tick-{}", self.ticks.get()).parse().unwrap(),
                scheduled_time: self.outside.now(),
            },
            trigger: Trigger::Schedule,
            input: serde_json::Value::Null,
            allow_overlap: true,
            rules: StartRules::default(),
            after: None,
        };
        let ports = &self.ports;
        Box::pin(async move {
            let runs = &self.outside.store;
            notify_all(ports, runs, plan, &self.input, &|| false, &|_| {}).await
        })
    }

    fn happen(&self, happens: &Happens) {
        let mut context = Context::from_waker(Waker::noop());
        match happens {
            Happens::Tick { polls } => {
                let mut tick = pin!(self.tick());
                // Dropped where it stands: a crash.
                let _through = (0..*polls).any(|_| tick.as_mut().poll(&mut context).is_ready());
            }
            Happens::TwoTicks { polls, turns } => {
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
            Happens::Minutes(minutes) | Happens::Jump(minutes) => {
                *self.outside.now.lock().unwrap() += chrono::Duration::minutes(*minutes);
            }
            Happens::Moves(family, zone, quarter) => {
                let id = FAMILIES[*family].parse().unwrap();
                let store = &self.outside.store;
                let found = store.family(&id).now_or_never().unwrap().unwrap();
                let mut family = found.unwrap();
                let time = NaiveTime::from_hms_opt(quarter / 4, quarter % 4 * 15, 0).unwrap();
                family.reschedule(*zone, time, self.outside.now());
                let updated = store.update_family(&family).now_or_never();
                updated.unwrap().unwrap();
            }
            Happens::Mailer(silence) => {
                *self.outside.next_answer.lock().unwrap() = Some(*silence);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn family_gets_at_most_one_mail_per_local_date(
        days in prop::collection::vec(happens(), 1..60),
    ) {
        let outside = Outside {
            store: MemoryStore::default(),
            now: Mutex::new("2026-11-21T11:40:00Z".parse().unwrap()),
            next_answer: Mutex::new(None),
            left: Mutex::default(),
        };
        for id in FAMILIES {
            let family = sample::family(id);
            outside.store.add_family(&family).now_or_never().unwrap().unwrap();
        }
        let library: Library = sample::library("wpl");
        let libraries: BTreeMap<LibraryId, Library> = [(library.id.clone(), library)].into();
        let composers = Composers::default();
        let world = Days {
            ports: NotifyPorts {
                families: &outside.store,
                accounts: &outside,
                outbox: &outside,
                alerts: &outside.store,
                composers: &composers,
                mailer: &outside,
                clock: &outside,
                libraries: &libraries,
                operator_contact: None,
            },
            outside: &outside,
            input: NotifyAllInput::default(),
            ticks: std::cell::Cell::new(0),
        };
        for happens in &days {
            world.happen(happens);
        }
        let left = outside.left.lock().unwrap().clone();
        for ((family, date), mails) in &left {
            prop_assert!(*mails <= 1, "{family} has {mails} mails for {date}");
        }
        // Two days of ticks later nothing hangs.
        *outside.next_answer.lock().unwrap() = None;
        for _ in 0..12 {
            world.happen(&Happens::Minutes(240));
            world.happen(&Happens::Tick { polls: 1_000_000 });
        }
        world.happen(&Happens::Minutes(20));
        world.happen(&Happens::Tick { polls: 1_000_000 });
        let today = outside.now().date_naive() - chrono::Duration::days(1);
        let noted = outside.store.recent_alerts(10_000).now_or_never().unwrap().unwrap();
        for id in FAMILIES {
            let id = id.parse().unwrap();
            let records = outside.store.recent_mails(&MailKind::DAILY, &id, 100).now_or_never();
            for record in records.unwrap().unwrap() {
                prop_assert!(
                    record.state.is_final() || record.date >= today,
                    "{:?} of {} never ends", record.state, record.date
                );
                let mails = left.get(&(record.family.clone(), record.date)).copied();
                if matches!(record.state, MailState::Failed | MailState::Missed) {
                    prop_assert_eq!(mails, None, "it says that no mail left");
                }
                prop_assert!(record.state == MailState::Sent || record.reason.is_some());
                let is_noted = noted.iter().any(|noted| match &noted.alert {
                    Alert::NoNotice { family, date, .. } => {
                        (family, *date) == (&record.family, record.date)
                    }
                    _ => false,
                });
                let is_bad = Alert::of_notice(&record).is_some();
                prop_assert!(is_noted || !is_bad, "nobody tells the alerts: {record:?}");
            }
        }
    }
}
