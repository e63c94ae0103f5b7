//! The ports of a worker under search: a store, a mailer and a clock that stop at every call until
//! the search replies.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use hippo_core::alerts::PendingAlerts;
use hippo_core::alerts::StoredAlert;
use hippo_core::alerts::{Alert, AlertKey};
use hippo_core::card::{CardRecord, CardState, StoredAccount};
use hippo_core::clock::Clock;
use hippo_core::email_address::EmailAddress;
use hippo_core::family::{Delivery, Family, StoppedRecipient, Unsubscription};
use hippo_core::ids::{FamilyId, Label, LibraryId};
use hippo_core::jobs::JobError;
use hippo_core::jobs::notify::compose::{
    ComposeInput, ComposeOutcome, ComposedMail, Composers, MailComposer,
};
use hippo_core::library::Library;
use hippo_core::mail::{Mail, MailContent, Mailer, PreparedMail, RefusedRecipient, SendOutcome};
use hippo_core::notice::last_notice::LastNotice;
use hippo_core::outbox::{MailKey, MailKind, OutboxRecord};
use hippo_core::public_url::PublicUrl;
use hippo_core::queue::{MailQueue, QueueError};
use hippo_core::run::day::{DayKey, RunDay, Square};
use hippo_core::run::tick_times::TickTimes;
use hippo_core::run::work::WorkItem;
use hippo_core::run::{JobName, Run, RunKey};
use hippo_core::schedule::Pause;
use hippo_core::store::AlertStore;
use hippo_core::store::{
    AccountStore, FamilyStore, LoadedFamily, OutboxCursor, OutboxStore, PauseStore, RunDayStore,
    RunStart, RunStore, StoreError, StoreOrigin, StoreResult,
};
use hippo_core::testing::contract::sample;
use uuid::Uuid;

use crate::world::Rules;

/// A call to a port that a worker waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    /// Reads the record of a kind.
    Mail(Kind),
    /// The records that are not final.
    Open,
    /// Creates a record of this kind and date, if there is none.
    Plan(Kind, NaiveDate),
    /// Replaces the record of its kind, if its revision is this one.
    Replace(u64, Box<OutboxRecord>),
    /// Raises the alert that the family has no mail of this kind.
    RaiseAlert(Kind),
    /// Calls which recipients the mail server refuses temporarily.
    Prepare,
    /// Sends the mail of this kind and claim to these recipients, as bits.
    Send(Kind, u64, u8),
    /// Enqueues the mails of these kinds, as bits; only with two kinds.
    Enqueue(u8),
    /// Reads the tick times.
    TickTimes,
    /// Replaces the tick times, if they are these.
    ReplaceTickTimes(Box<TickTimes>, Box<TickTimes>),
}

impl Call {
    /// Whether it may change anything.
    pub(crate) fn has_effect(&self) -> bool {
        matches!(
            self,
            Self::Plan(..)
                | Self::Replace(..)
                | Self::RaiseAlert(_)
                | Self::Send(..)
                | Self::Enqueue(_)
                | Self::ReplaceTickTimes(..)
        )
    }

    /// The kind that it is about, if it is about one.
    pub(crate) fn kind(&self) -> Option<Kind> {
        match self {
            Self::Mail(kind)
            | Self::Plan(kind, _)
            | Self::RaiseAlert(kind)
            | Self::Send(kind, ..) => Some(*kind),
            Self::Replace(_, record) => Some(kind_number(&record.kind)),
            _ => None,
        }
    }

    /// Whether it is about a notice; a tick with a wrong clock must not make such a call.
    pub(crate) fn is_about_notices(&self) -> bool {
        !matches!(self, Self::TickTimes | Self::ReplaceTickTimes(..))
    }
}

/// The reply to a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Reply {
    /// The record, if it is there.
    Mail(Option<Box<OutboxRecord>>),
    /// The records that are not final.
    Open(Vec<OutboxRecord>),
    /// Whether it was written.
    Wrote(bool),
    /// The tick times.
    TickTimes(Box<TickTimes>),
    /// The store is unavailable, or its reply was lost.
    Away,
    /// The mailer accepted the mail.
    Accepted,
    /// The server knows the recipients, and may have refused the second temporarily.
    Prepared {
        /// It did.
        greylisted: bool,
    },
    /// No reply: the mailer may have accepted the mail.
    Silence,
    /// The mailer could not be reached.
    NotSent,
    /// The mailer refused the mail.
    Refused {
        /// Permanently.
        is_permanent: bool,
    },
}

/// A kind of mail: its position in [`KINDS`].
pub(crate) type Kind = u8;

/// The daily notice, and a second kind.
pub(crate) static KINDS: LazyLock<[MailKind; 2]> =
    LazyLock::new(|| [MailKind::DAILY, MailKind::PICTURE]);

/// The position of a kind.
fn kind_number(kind: &MailKind) -> Kind {
    u8::from(*kind != MailKind::DAILY)
}

/// Its recipients; the second where recipients are refused for now.
const RECIPIENTS: [&str; 2] = ["pat@example.org", "sam@example.org"];

/// The family that everything is about.
pub(crate) fn family(delivery: Delivery) -> Family {
    let mut family = sample::family("conrad");
    family.preferences.delivery = delivery;
    family.set_picture(Some(family.notice_time), family.created_at);
    family
}

/// The local date that everything is about.
pub(crate) fn date() -> NaiveDate {
    sample::date("2026-11-21")
}

/// When the family's notice is due: the hour 0 of the search.
pub(crate) fn due() -> DateTime<Utc> {
    "2026-11-21T11:30:00Z".parse().unwrap()
}

/// The ports of one worker.
pub(crate) struct ScriptedPorts {
    family: Family,
    greylists: bool,
    doubts_clocks: bool,
    has_two_kinds: bool,
    has_enqueued: AtomicBool,
    /// The parts of a tick make their calls one after the other.
    turn: futures::lock::Mutex<()>,
    inside: Mutex<Inside>,
}

struct Inside {
    now: DateTime<Utc>,
    pending: Option<Call>,
    reply: Option<Reply>,
    waiting: Option<Waker>,
}

impl ScriptedPorts {
    pub(crate) fn new(rules: Rules, now: DateTime<Utc>) -> Self {
        let greylists = rules.greylists > 0;
        let mut family = family(rules.delivery);
        family.recipients = RECIPIENTS[..if greylists { 2 } else { 1 }]
            .iter()
            .map(|address| address.parse().unwrap())
            .collect();
        Self {
            family,
            greylists,
            doubts_clocks: rules.wrong_clocks,
            has_two_kinds: rules.kinds == 2,
            turn: futures::lock::Mutex::new(()),
            has_enqueued: AtomicBool::new(false),
            inside: Mutex::new(Inside {
                now,
                pending: None,
                reply: None,
                waiting: None,
            }),
        }
    }

    /// The call that the worker waits for.
    pub(crate) fn pending_call(&self) -> Option<Call> {
        self.inside.lock().unwrap().pending.clone()
    }

    /// Whether a tick has enqueued the notice; it does not return from there.
    pub(crate) fn has_enqueued(&self) -> bool {
        self.has_enqueued.load(Ordering::Relaxed)
    }

    /// Replies to the call at a time.
    pub(crate) fn reply(&self, reply: Reply, now: DateTime<Utc>) {
        let mut inside = self.inside.lock().unwrap();
        inside.now = now;
        inside.pending = None;
        inside.reply = Some(reply);
        if let Some(waiting) = inside.waiting.take() {
            waiting.wake();
        }
    }

    async fn call(&self, call: Call) -> Reply {
        let _turn = self.turn.lock().await;
        self.inside.lock().unwrap().pending = Some(call);
        std::future::poll_fn(|context| {
            let mut inside = self.inside.lock().unwrap();
            match inside.reply.take() {
                Some(reply) => Poll::Ready(reply),
                None => {
                    inside.waiting = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    async fn write(&self, call: Call) -> StoreResult<bool> {
        match self.call(call).await {
            Reply::Wrote(wrote) => Ok(wrote),
            _ => Err(away()),
        }
    }
}

fn away() -> StoreError {
    StoreError::Unavailable("made so by the search".to_owned())
}

#[async_trait]
impl Clock for ScriptedPorts {
    fn now(&self) -> DateTime<Utc> {
        self.inside.lock().unwrap().now
    }

    async fn sleep(&self, _duration: Duration) {}
}

#[async_trait]
impl Mailer for ScriptedPorts {
    async fn prepare<'a>(
        &'a self,
        mail: &'a Mail,
    ) -> Result<Box<dyn PreparedMail + 'a>, SendOutcome> {
        let mut refused = Vec::new();
        if self.greylists {
            match self.call(Call::Prepare).await {
                Reply::Prepared { greylisted: false } => {}
                Reply::Prepared { greylisted: true } => {
                    refused.extend(
                        mail.to
                            .iter()
                            .filter(|to| to.as_str() == RECIPIENTS[1])
                            .map(|address| RefusedRecipient {
                                address: address.clone(),
                                is_permanent: false,
                                reason: "451".to_owned(),
                            }),
                    );
                }
                _ => {
                    return Err(SendOutcome::NotSent {
                        reason: "made so by the search".to_owned(),
                    });
                }
            }
        }
        if refused.len() == mail.to.len() {
            return Err(SendOutcome::Refused {
                reason: "451".to_owned(),
                is_permanent: false,
            });
        }
        Ok(Box::new(ScriptedMail {
            scripted: self,
            mail,
            refused,
        }))
    }

    async fn send(&self, mail: &Mail) -> SendOutcome {
        self.prepare(mail).await.unwrap().commit().await
    }
}

struct ScriptedMail<'a> {
    scripted: &'a ScriptedPorts,
    mail: &'a Mail,
    refused: Vec<RefusedRecipient>,
}

#[async_trait]
impl PreparedMail for ScriptedMail<'_> {
    fn refused_recipients(&self) -> &[RefusedRecipient] {
        &self.refused
    }

    async fn commit(self: Box<Self>) -> SendOutcome {
        let tag = self.mail.tag.as_ref().unwrap();
        let reason = || "made so by the search".to_owned();
        let is_in = |address: &str| {
            let in_mail = self.mail.to.iter().any(|to| to.as_str() == address);
            in_mail && !self.refused.iter().any(|to| to.address.as_str() == address)
        };
        let recipients = u8::from(is_in(RECIPIENTS[0])) | u8::from(is_in(RECIPIENTS[1])) << 1;
        match self
            .scripted
            .call(Call::Send(kind_number(&tag.kind), tag.fence, recipients))
            .await
        {
            Reply::Accepted => SendOutcome::Accepted {
                message_id: tag.message_id_local_part(),
                refused_recipients: Vec::new(),
            },
            Reply::NotSent => SendOutcome::NotSent { reason: reason() },
            Reply::Refused { is_permanent } => SendOutcome::Refused {
                reason: reason(),
                is_permanent,
            },
            _ => SendOutcome::Unknown { reason: reason() },
        }
    }
}

#[async_trait]
impl OutboxStore for ScriptedPorts {
    async fn origin(&self) -> StoreResult<StoreOrigin> {
        Ok(StoreOrigin::Known)
    }

    async fn end_restore(&self) -> StoreResult<()> {
        unreachable!("nothing is restored here");
    }

    async fn last_sent_fence(&self, _key: &MailKey) -> StoreResult<Option<u64>> {
        Ok(None)
    }

    async fn plan_mail(&self, record: &OutboxRecord) -> StoreResult<bool> {
        self.write(Call::Plan(kind_number(&record.kind), record.date))
            .await
    }

    async fn mail(&self, key: &MailKey) -> StoreResult<Option<OutboxRecord>> {
        match self.call(Call::Mail(kind_number(&key.kind))).await {
            Reply::Mail(record) => Ok(record.map(|record| *record)),
            _ => Err(away()),
        }
    }

    async fn replace_mail(
        &self,
        expected_revision: u64,
        record: &OutboxRecord,
        _last_notice: Option<&LastNotice>,
    ) -> StoreResult<bool> {
        let mut record = record.clone();
        // The owner is random and never compared. One fixed owner makes equal states equal.
        record.owner = record.owner.map(|_| Uuid::nil());
        // So is the token in the unsubscribe link, and with it the body.
        for link in &mut record.unsubscribe_links {
            link.token = "0".repeat(64).parse().unwrap();
        }
        record.body_hash = record.body_hash.map(|_| "body".to_owned());
        self.write(Call::Replace(expected_revision, Box::new(record)))
            .await
    }

    async fn open_mails(
        &self,
        after: Option<&OutboxCursor>,
        _limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>> {
        assert_eq!(after, None, "two mails make no second page");
        match self.call(Call::Open).await {
            Reply::Open(records) => Ok(records),
            _ => Err(away()),
        }
    }

    async fn last_sent_notice(&self, _family: &FamilyId) -> StoreResult<Option<LastNotice>> {
        Ok(None)
    }

    async fn recent_mails(
        &self,
        _kind: &MailKind,
        _family: &FamilyId,
        _limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>> {
        unreachable!("no day passes here");
    }
}

#[async_trait]
impl RunDayStore for ScriptedPorts {
    async fn upsert_squares(&self, _day: &DayKey, _squares: &[Square]) -> StoreResult<()> {
        Ok(())
    }

    async fn run_days(
        &self,
        _from: NaiveDate,
        _to: NaiveDate,
    ) -> StoreResult<Vec<(DayKey, RunDay)>> {
        unreachable!("no history is read here");
    }

    async fn days_of_label(
        &self,
        _job: JobName,
        _label: &Label,
        _from: NaiveDate,
        _to: NaiveDate,
    ) -> StoreResult<Vec<(DayKey, RunDay)>> {
        unreachable!("no history is read here");
    }
}

/// No schedule is paused here.
#[async_trait]
impl PauseStore for ScriptedPorts {
    async fn pauses(&self) -> StoreResult<Vec<Pause>> {
        Ok(Vec::new())
    }

    async fn replace_pauses(
        &self,
        _label: Option<&Label>,
        _before: &[Pause],
        _after: &[Pause],
    ) -> StoreResult<bool> {
        unreachable!("nothing is paused here");
    }
}

/// Runs are not under test: each run starts, and none is recorded.
#[async_trait]
impl RunStore for ScriptedPorts {
    async fn start_run(&self, _run: &Run, _: bool, _: Duration) -> StoreResult<RunStart> {
        Ok(RunStart::Started)
    }

    async fn record_run(&self, _run: &Run) -> StoreResult<bool> {
        Ok(true)
    }

    async fn report_run(&self, _run: &Run) -> StoreResult<()> {
        Ok(())
    }

    async fn save_work_item(&self, _run: &RunKey, _work: &WorkItem) -> StoreResult<()> {
        Ok(())
    }

    async fn work_items(&self, _run: &RunKey) -> StoreResult<Vec<WorkItem>> {
        unreachable!("work items are not read here");
    }

    async fn tick_times(&self) -> StoreResult<TickTimes> {
        if !self.doubts_clocks {
            return Ok(TickTimes::default());
        }
        match self.call(Call::TickTimes).await {
            Reply::TickTimes(times) => Ok(*times),
            _ => Err(away()),
        }
    }

    async fn replace_tick_times(&self, before: &TickTimes, after: &TickTimes) -> StoreResult<bool> {
        if !self.doubts_clocks {
            return Ok(true);
        }
        let (before, after) = (Box::new(before.clone()), Box::new(after.clone()));
        self.write(Call::ReplaceTickTimes(before, after)).await
    }

    async fn run(&self, _key: &RunKey) -> StoreResult<Option<Run>> {
        Ok(None)
    }

    async fn recent_runs(
        &self,
        _job: Option<JobName>,
        _label: Option<&Label>,
        _limit: usize,
    ) -> StoreResult<Vec<Run>> {
        Ok(Vec::new())
    }

    async fn delete_history_before(&self, _before: DateTime<Utc>) -> StoreResult<()> {
        unreachable!("nothing is forgotten here");
    }
}

/// With one kind, a tick ends when it enqueues the mail: the next tick would do the rest as well.
#[async_trait]
impl MailQueue for ScriptedPorts {
    async fn send(&self, _run: &RunKey, mails: &[MailKey]) -> Result<(), QueueError> {
        if !self.has_two_kinds {
            self.has_enqueued.store(true, Ordering::Relaxed);
            return std::future::pending().await;
        }
        let kinds = mails.iter().map(|key| 1 << kind_number(&key.kind));
        match self.call(Call::Enqueue(kinds.sum())).await {
            Reply::Wrote(_) => Ok(()),
            _ => Err(QueueError {
                unsent: mails.len(),
                asked: mails.len(),
                reason: "made so by the search".to_owned(),
            }),
        }
    }
}

#[async_trait]
impl AlertStore for ScriptedPorts {
    async fn record_alert(
        &self,
        _key: &AlertKey,
        alert: &Alert,
        _now: DateTime<Utc>,
    ) -> StoreResult<bool> {
        let (Alert::NoNotice { mail, .. } | Alert::RecipientUnreached { mail, .. }) = alert else {
            unreachable!("nothing else goes wrong here: {alert:?}");
        };
        self.write(Call::RaiseAlert(kind_number(mail))).await
    }

    async fn claim_alert(&self, _key: &AlertKey, _now: DateTime<Utc>) -> StoreResult<bool> {
        unreachable!("no alert is delivered here");
    }

    async fn mark_alert_delivered(&self, _key: &AlertKey, _at: DateTime<Utc>) -> StoreResult<()> {
        unreachable!("no alert is delivered here");
    }

    async fn withdraw_alert(&self, _noted: &StoredAlert) -> StoreResult<()> {
        unreachable!("no alert is delivered here");
    }

    async fn alert(&self, _key: &AlertKey) -> StoreResult<Option<StoredAlert>> {
        unreachable!("no alert is delivered here");
    }

    async fn pending_alerts(&self) -> StoreResult<PendingAlerts> {
        unreachable!("no alert is delivered here");
    }

    async fn recent_alerts(&self, _limit: usize) -> StoreResult<Vec<StoredAlert>> {
        unreachable!("no alert is delivered here");
    }
}

#[async_trait]
impl FamilyStore for ScriptedPorts {
    async fn add_family(&self, _family: &Family) -> StoreResult<()> {
        unreachable!("nobody changes the family here");
    }

    async fn update_family(&self, _family: &Family) -> StoreResult<()> {
        unreachable!("nobody changes the family here");
    }

    async fn replace_family(&self, _before: &Family, _after: &Family) -> StoreResult<bool> {
        unreachable!("nobody changes the family here");
    }

    async fn family(&self, _id: &FamilyId) -> StoreResult<Option<Family>> {
        Ok(Some(self.family.clone()))
    }

    async fn families(&self) -> StoreResult<Vec<Family>> {
        Ok(vec![self.family.clone()])
    }

    async fn stop_recipient(
        &self,
        _id: &FamilyId,
        _stopped: &StoppedRecipient,
    ) -> StoreResult<bool> {
        unreachable!("nobody changes the family here");
    }

    async fn allow_recipient(&self, _id: &FamilyId, _address: &EmailAddress) -> StoreResult<bool> {
        unreachable!("nobody changes the family here");
    }

    async fn unsubscribe(
        &self,
        _id: &FamilyId,
        _unsubscription: &Unsubscription,
    ) -> StoreResult<bool> {
        unreachable!("nobody changes the family here");
    }

    async fn resubscribe(
        &self,
        _id: &FamilyId,
        _address: &EmailAddress,
        _kind: &MailKind,
    ) -> StoreResult<bool> {
        unreachable!("nobody changes the family here");
    }

    async fn remove_family(&self, _id: &FamilyId) -> StoreResult<()> {
        unreachable!("nobody changes the family here");
    }
}

#[async_trait]
impl AccountStore for ScriptedPorts {
    async fn load_family(&self, _family: &FamilyId) -> StoreResult<Option<LoadedFamily>> {
        Ok(Some(LoadedFamily {
            family: self.family.clone(),
            cards: vec![CARD.clone()],
        }))
    }
}

/// One card with a loan that is due soon, so that there is something to send.
static CARD: LazyLock<(CardRecord, Option<StoredAccount>)> = LazyLock::new(|| {
    let record = CardRecord {
        card: sample::card("conrad", "wpl", "a fingerprint"),
        state: CardState::default(),
    };
    let stored = StoredAccount {
        read_at: due(),
        account: sample::account(0),
    };
    (record, Some(stored))
});

/// Where the pages are, so that each mail has a link of its own.
pub(crate) static PUBLIC_URL: LazyLock<PublicUrl> =
    LazyLock::new(|| "https://hippo.example.org".parse().unwrap());

/// Its library.
pub(crate) static LIBRARIES: LazyLock<BTreeMap<LibraryId, Library>> = LazyLock::new(|| {
    let library = sample::library("wpl");
    BTreeMap::from([(library.id.clone(), library)])
});

/// The composers of the kinds of mail.
pub(crate) static COMPOSERS: LazyLock<Composers> =
    LazyLock::new(|| Composers::default().with(KINDS[1].clone(), Picture));

/// Composes the mails of the second kind.
struct Picture;

#[async_trait]
impl MailComposer for Picture {
    async fn compose(&self, _input: &ComposeInput<'_>) -> Result<ComposeOutcome, JobError> {
        let words = "A picture".to_owned();
        Ok(ComposeOutcome::Send(Box::new(ComposedMail {
            content: MailContent {
                subject: words.clone(),
                text: words.clone(),
                html: words,
                picture: None,
            },
            last_notice: None,
        })))
    }
}
