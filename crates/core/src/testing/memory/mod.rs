//! A store in memory: for the tests of the jobs, and the second implementation of the contracts.

mod alerts;
mod audit;
mod cards;
mod checks;
mod declared_schedules;
mod families;
mod feeds;
mod identities;
mod invitations;
mod libraries;
mod outbox;
mod pauses;
mod pictures;
mod run_days;
mod runs;
mod sign_ins;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use url::Url;
use uuid::Uuid;

use crate::alerts::AlertKey;
use crate::alerts::StoredAlert;
use crate::alerts::heartbeat::{HeartbeatClient, MissedHeartbeat};
use crate::audit::AuditEntry;
use crate::card::{Card, CardRecord, Fingerprint, StoredAccount};
use crate::family::Family;
use crate::feed::{Feed, FeedTokenHash};
use crate::ids::{CardId, FamilyId, Label, LibraryId};
use crate::invitation::Invitation;
use crate::library::{Library, ReadAs};
use crate::notice::last_notice::LastNotice;
use crate::outbox::{MailKey, OutboxRecord};
use crate::run::day::{DayKey, RunDay};
use crate::run::tick_times::TickTimes;
use crate::run::work::WorkItem;
use crate::run::{JobName, Run, RunKey};
use crate::schedule::Pause;
use crate::seal::Sealed;

use crate::sign_in::{IdentityId, IdentityLink, RateKey, RateLog, Session, SignInAttempt};
use crate::store::{
    ConcurrencyLimit, OutboxCursor, PictureDay, StoreError, StoreOrigin, StoreResult,
    StoredSchedule,
};

/// One map for each kind of record, behind one lock.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    /// What a competing request does before the next write.
    rival: Mutex<Option<Rival>>,
    calls: AtomicUsize,
}

/// Runs once, before a write.
struct Rival(Box<dyn FnOnce(&MemoryStore) + Send>);

impl std::fmt::Debug for Rival {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rival(…)")
    }
}

/// A day's record, and its picture.
type StoredPicture = (PictureDay, Option<Arc<[u8]>>);

#[derive(Debug, Default)]
struct State {
    families: BTreeMap<FamilyId, Family>,
    libraries: BTreeMap<LibraryId, Library>,
    backing_off: BTreeMap<LibraryId, DateTime<Utc>>,
    down: BTreeMap<LibraryId, DateTime<Utc>>,
    /// The way in which an account of each library was read.
    read_as: BTreeMap<LibraryId, ReadAs>,
    cards: BTreeMap<CardId, CardRecord>,
    secrets: BTreeMap<CardId, Sealed>,
    accounts: BTreeMap<CardId, StoredAccount>,
    outbox: BTreeMap<OutboxCursor, (OutboxRecord, Option<LastNotice>)>,
    /// The claim of each mail that reached SENDING; kept when a family is removed.
    sent: BTreeMap<MailKey, u64>,
    origin: Option<StoreOrigin>,
    tick_times: TickTimes,
    runs: BTreeMap<RunKey, Run>,
    work: BTreeMap<(RunKey, String), WorkItem>,
    run_days: BTreeMap<DayKey, RunDay>,
    pictures: BTreeMap<NaiveDate, StoredPicture>,
    alerts: BTreeMap<AlertKey, StoredAlert>,
    /// By time and id.
    audit: BTreeMap<(DateTime<Utc>, Uuid), AuditEntry>,
    feeds: BTreeMap<FeedTokenHash, Feed>,
    invitations: BTreeMap<(FamilyId, Uuid), Invitation>,
    schedules: BTreeMap<JobName, BTreeMap<Label, Option<StoredSchedule>>>,
    /// By beginning and label.
    pauses: BTreeMap<(DateTime<Utc>, Option<Label>), Pause>,
    identities: BTreeMap<IdentityId, IdentityLink>,
    /// By the hash of the token.
    sessions: BTreeMap<String, Session>,
    attempts: BTreeMap<Uuid, SignInAttempt>,
    rate_logs: BTreeMap<RateKey, RateLog>,
    /// How many more writes succeed; `None`: all.
    writes_left: Option<usize>,
    /// How many more reads succeed; `None`: all.
    reads_left: Option<usize>,
    /// How many writes succeed before one fails; `None`: none fails.
    writes_before_failure: Option<usize>,
}

impl State {
    fn card_record_mut(&mut self, id: CardId) -> StoreResult<&mut CardRecord> {
        self.cards
            .get_mut(&id)
            .ok_or_else(|| StoreError::NotFound(format!("card {id}")))
    }

    /// Refuses a card whose family or library isn't there.
    fn require_owners(&self, card: &Card) -> StoreResult<()> {
        if !self.families.contains_key(&card.family) {
            return Err(StoreError::NotFound(format!("family “{}”", card.family)));
        }
        if !self.libraries.contains_key(&card.library) {
            return Err(StoreError::NotFound(format!("library “{}”", card.library)));
        }
        Ok(())
    }

    fn is_number_taken(&self, card: &Card, fingerprint: &Fingerprint) -> bool {
        self.cards.values().any(|record| {
            let other = &record.card;
            other.id != card.id
                && other.family == card.family
                && other.library == card.library
                && other.fingerprint == *fingerprint
        })
    }

    fn remove_card(&mut self, id: CardId) -> bool {
        self.secrets.remove(&id);
        self.accounts.remove(&id);
        self.cards.remove(&id).is_some()
    }
}

impl MemoryStore {
    /// Turns it into a restored store without the records of these mails; unless it `has_sent_fences`,
    /// their claims are gone too.
    pub fn restore(&self, has_sent_fences: bool, lost: &[MailKey]) {
        let mut state = self.lock();
        state.origin = Some(StoreOrigin::Restored { has_sent_fences });
        for key in lost {
            state.outbox.remove(&OutboxCursor::from(key));
        }
        if !has_sent_fences {
            state.sent.clear();
        }
    }

    /// Lets only so many more writes succeed, as if the machine stopped then; `None`: all.
    pub fn limit_writes(&self, writes: Option<usize>) {
        self.lock().writes_left = writes;
    }

    /// Lets only so many more reads succeed, as if the store had become unavailable after them; `None`: all.
    pub fn limit_reads(&self, reads: Option<usize>) {
        self.lock().reads_left = reads;
    }

    /// Lets one write fail, after so many others, as if the store had become unavailable for a moment.
    pub fn fail_write_after(&self, writes: usize) {
        self.lock().writes_before_failure = Some(writes);
    }

    /// Runs this once, just before the next write, as if another request were faster.
    pub fn run_before_next_write(&self, rival: impl FnOnce(&Self) + Send + 'static) {
        let mut waiting = self.rival.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting = Some(Rival(Box::new(rival)));
    }

    /// How often its methods were called.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    fn write(&self) -> StoreResult<MutexGuard<'_, State>> {
        let rival = self
            .rival
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(Rival(act)) = rival {
            act(self);
        }
        let mut state = self.lock();
        match &mut state.writes_left {
            None => {}
            Some(0) => return Err(StoreError::Unavailable("the writes are limited".to_owned())),
            Some(left) => *left -= 1,
        }
        if let Some(before) = state.writes_before_failure {
            state.writes_before_failure = before.checked_sub(1);
            if before == 0 {
                return Err(StoreError::Unavailable("a write failed".to_owned()));
            }
        }
        Ok(state)
    }

    fn read(&self) -> StoreResult<MutexGuard<'_, State>> {
        let mut state = self.lock();
        match &mut state.reads_left {
            None => {}
            Some(0) => return Err(StoreError::Unavailable("the reads are limited".to_owned())),
            Some(left) => *left -= 1,
        }
        Ok(state)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        // Every method leaves the maps consistent, so a panic elsewhere cannot damage them.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A heartbeat client that sends nothing.
#[derive(Debug, Default)]
pub struct NoHeartbeat;

#[async_trait]
impl HeartbeatClient for NoHeartbeat {
    async fn send(&self, _url: &Url) -> Result<(), MissedHeartbeat> {
        Ok(())
    }
}

/// Never limits anything.
#[derive(Debug, Default)]
pub struct NoConcurrencyLimit;

#[async_trait]
impl ConcurrencyLimit for NoConcurrencyLimit {
    async fn acquire_permit(&self, _library: &LibraryId) -> StoreResult<Box<dyn Send + Sync>> {
        Ok(Box::new(()))
    }
}
