//! A store in memory: for the tests of the jobs, and the second implementation of the contracts.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};

use super::{
    AccountStore, CardCursor, CardStore, CheckStore, FamilyStore, LibraryGate, LibraryStore,
    LoadedFamily, LoadedVisit, NoticeCursor, NoticeStore, RunStart, RunStore, Saved, Scope,
    SecretStore, StoreError, StoreResult, VisitStore,
};
use crate::card::{
    Card, CardKey, CardRecord, CardState, Fingerprint, LastCheck, LoginMark, StoredAccount,
};
use crate::check::Check;
use crate::failure::FailureKind;
use crate::family::{EmailAddress, Family, StoppedRecipient};
use crate::ids::{CardId, FamilyId, Label, LibraryId};
use crate::library::Library;
use crate::notice::record::{NoticeRecord, NoticeState};
use crate::notice::told::Told;
use crate::operator::telling::{NotedConcern, OperatorStore, Untold};
use crate::operator::{Concern, ConcernKey};
use crate::run::work::WorkReport;
use crate::run::{Job, Run, RunKey, RunOutcome};
use crate::seal::Sealed;

/// Everything in one map each, behind one lock.
#[derive(Debug, Default)]
pub struct MemoryStore {
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    families: BTreeMap<FamilyId, Family>,
    libraries: BTreeMap<LibraryId, Library>,
    left_alone: BTreeMap<LibraryId, DateTime<Utc>>,
    down: BTreeMap<LibraryId, DateTime<Utc>>,
    cards: BTreeMap<CardId, CardRecord>,
    secrets: BTreeMap<CardId, Sealed>,
    accounts: BTreeMap<CardId, StoredAccount>,
    notices: BTreeMap<(NaiveDate, FamilyId), (NoticeRecord, Option<Told>)>,
    runs: BTreeMap<RunKey, Run>,
    work: BTreeMap<(RunKey, String), WorkReport>,
    concerns: BTreeMap<ConcernKey, NotedConcern>,
}

impl Inside {
    fn record(&mut self, id: CardId) -> StoreResult<&mut CardRecord> {
        self.cards
            .get_mut(&id)
            .ok_or_else(|| StoreError::NotFound(format!("card {id}")))
    }

    fn holds_number(&self, card: &Card, fingerprint: &Fingerprint) -> bool {
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
    fn lock(&self) -> MutexGuard<'_, Inside> {
        // Every method leaves the maps whole, so that a panic elsewhere does not spoil them.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl FamilyStore for MemoryStore {
    async fn add_family(&self, family: &Family) -> StoreResult<()> {
        let mut inside = self.lock();
        if inside.families.contains_key(&family.id) {
            return Err(StoreError::AlreadyExists(format!(
                "a family “{}”",
                family.id
            )));
        }
        inside.families.insert(family.id.clone(), family.clone());
        Ok(())
    }

    async fn update_family(&self, family: &Family) -> StoreResult<()> {
        match self.lock().families.get_mut(&family.id) {
            Some(stored) => {
                let stopped = std::mem::take(&mut stored.stopped);
                *stored = Family {
                    stopped,
                    ..family.clone()
                };
                Ok(())
            }
            None => Err(StoreError::NotFound(format!("family “{}”", family.id))),
        }
    }

    async fn family(&self, id: &FamilyId) -> StoreResult<Option<Family>> {
        Ok(self.lock().families.get(id).cloned())
    }

    async fn families(&self) -> StoreResult<Vec<Family>> {
        Ok(self.lock().families.values().cloned().collect())
    }

    async fn families_page(
        &self,
        after: Option<&FamilyId>,
        limit: usize,
    ) -> StoreResult<Vec<Family>> {
        Ok(self
            .lock()
            .families
            .values()
            .filter(|family| after.is_none_or(|after| family.id > *after))
            .take(limit)
            .cloned()
            .collect())
    }

    async fn stop_recipient(&self, id: &FamilyId, stopped: &StoppedRecipient) -> StoreResult<bool> {
        let mut inside = self.lock();
        let family = inside.families.get_mut(id);
        Ok(family.is_some_and(|family| family.stop_recipient(stopped.clone())))
    }

    async fn allow_recipient(&self, id: &FamilyId, address: &EmailAddress) -> StoreResult<bool> {
        let mut inside = self.lock();
        let family = inside.families.get_mut(id);
        Ok(family.is_some_and(|family| family.allow_recipient(address)))
    }

    async fn remove_family(&self, id: &FamilyId) -> StoreResult<()> {
        let mut inside = self.lock();
        if inside.families.remove(id).is_none() {
            return Err(StoreError::NotFound(format!("family “{id}”")));
        }
        let cards: Vec<CardId> = inside
            .cards
            .values()
            .filter(|record| record.card.family == *id)
            .map(|record| record.card.id)
            .collect();
        for card in cards {
            inside.remove_card(card);
        }
        inside.notices.retain(|(_, family), _| family != id);
        Ok(())
    }
}

#[async_trait]
impl LibraryStore for MemoryStore {
    async fn add_library(&self, library: &Library) -> StoreResult<()> {
        let mut inside = self.lock();
        if inside.libraries.contains_key(&library.id) {
            return Err(StoreError::AlreadyExists(format!(
                "a library “{}”",
                library.id
            )));
        }
        inside.libraries.insert(library.id.clone(), library.clone());
        Ok(())
    }

    async fn update_library(&self, library: &Library) -> StoreResult<()> {
        let mut inside = self.lock();
        let Some(stored) = inside.libraries.get_mut(&library.id) else {
            return Err(StoreError::NotFound(format!("library “{}”", library.id)));
        };
        let has_moved = stored.base_url != library.base_url;
        stored.clone_from(library);
        if has_moved {
            inside.left_alone.remove(&library.id);
            inside.down.remove(&library.id);
        }
        Ok(())
    }

    async fn library(&self, id: &LibraryId) -> StoreResult<Option<Library>> {
        Ok(self.lock().libraries.get(id).cloned())
    }

    async fn libraries(&self) -> StoreResult<Vec<Library>> {
        Ok(self.lock().libraries.values().cloned().collect())
    }

    async fn remove_library(&self, id: &LibraryId) -> StoreResult<()> {
        let mut inside = self.lock();
        if inside
            .cards
            .values()
            .any(|record| record.card.library == *id)
        {
            return Err(StoreError::InUse(format!(
                "The library “{id}” still has cards; remove them first."
            )));
        }
        inside.left_alone.remove(id);
        inside.down.remove(id);
        match inside.libraries.remove(id) {
            Some(_) => Ok(()),
            None => Err(StoreError::NotFound(format!("library “{id}”"))),
        }
    }

    async fn leave_alone(&self, id: &LibraryId, until: DateTime<Utc>) -> StoreResult<()> {
        let mut inside = self.lock();
        if !inside.libraries.contains_key(id) {
            return Err(StoreError::NotFound(format!("library “{id}”")));
        }
        let stored = inside.left_alone.entry(id.clone()).or_insert(until);
        *stored = until.max(*stored);
        Ok(())
    }

    async fn note_down(&self, id: &LibraryId, since: DateTime<Utc>) -> StoreResult<DateTime<Utc>> {
        let mut inside = self.lock();
        if !inside.libraries.contains_key(id) {
            return Err(StoreError::NotFound(format!("library “{id}”")));
        }
        let stored = inside.down.entry(id.clone()).or_insert(since);
        *stored = (*stored).min(since);
        Ok(*stored)
    }

    async fn note_up(&self, id: &LibraryId) -> StoreResult<()> {
        self.lock().down.remove(id);
        Ok(())
    }

    async fn left_alone_until(&self, id: &LibraryId) -> StoreResult<Option<DateTime<Utc>>> {
        Ok(self.lock().left_alone.get(id).copied())
    }
}

#[async_trait]
impl CardStore for MemoryStore {
    async fn add_card(&self, card: &Card, secret: &Sealed) -> StoreResult<()> {
        let mut inside = self.lock();
        if !inside.families.contains_key(&card.family) {
            return Err(StoreError::NotFound(format!("family “{}”", card.family)));
        }
        if !inside.libraries.contains_key(&card.library) {
            return Err(StoreError::NotFound(format!("library “{}”", card.library)));
        }
        if inside.cards.contains_key(&card.id) || inside.holds_number(card, &card.fingerprint) {
            return Err(StoreError::AlreadyExists(format!(
                "a card of that number in the family “{}”",
                card.family
            )));
        }
        inside.secrets.insert(card.id, secret.clone());
        inside.cards.insert(
            card.id,
            CardRecord {
                card: card.clone(),
                state: CardState::default(),
            },
        );
        Ok(())
    }

    async fn card(&self, id: CardId) -> StoreResult<Option<CardRecord>> {
        Ok(self.lock().cards.get(&id).cloned())
    }

    async fn cards_of(&self, family: &FamilyId) -> StoreResult<Vec<CardRecord>> {
        Ok(self
            .lock()
            .cards
            .values()
            .filter(|record| record.card.family == *family)
            .cloned()
            .collect())
    }

    async fn cards_to_check(
        &self,
        scope: Scope,
        after: Option<&CardCursor>,
        limit: usize,
    ) -> StoreResult<Vec<CardRecord>> {
        let inside = self.lock();
        let mut found: Vec<(CardCursor, &CardRecord)> = inside
            .cards
            .values()
            .filter(|record| !record.card.paused && record.state.refused_since.is_none())
            .filter(|record| match scope {
                Scope::All => true,
                Scope::Failed => record
                    .state
                    .last_check
                    .as_ref()
                    .is_none_or(|check| check.failure.is_some()),
            })
            .map(|record| {
                let cursor = CardCursor {
                    library: record.card.library.clone(),
                    fingerprint: record.card.fingerprint.clone(),
                    card: record.card.id,
                };
                (cursor, record)
            })
            .filter(|(cursor, _)| after.is_none_or(|after| cursor > after))
            .collect();
        found.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(found
            .into_iter()
            .take(limit)
            .map(|(_, record)| record.clone())
            .collect())
    }

    async fn set_paused(&self, id: CardId, paused: bool) -> StoreResult<()> {
        self.lock().record(id)?.card.paused = paused;
        Ok(())
    }

    async fn allow_retry(&self, id: CardId) -> StoreResult<()> {
        let mut inside = self.lock();
        let state = &mut inside.record(id)?.state;
        state.refused_since = None;
        state.login_mark = None;
        Ok(())
    }

    async fn remove_card(&self, id: CardId) -> StoreResult<()> {
        if self.lock().remove_card(id) {
            Ok(())
        } else {
            Err(StoreError::NotFound(format!("card {id}")))
        }
    }
}

#[async_trait]
impl SecretStore for MemoryStore {
    async fn secrets(&self, cards: &[CardId]) -> StoreResult<Vec<(CardId, Sealed)>> {
        let inside = self.lock();
        Ok(cards
            .iter()
            .filter_map(|card| Some((*card, inside.secrets.get(card)?.clone())))
            .collect())
    }

    async fn replace_secret(
        &self,
        card: CardId,
        fingerprint: &Fingerprint,
        secret: &Sealed,
    ) -> StoreResult<()> {
        let mut inside = self.lock();
        let stored = inside.record(card)?.card.clone();
        if inside.holds_number(&stored, fingerprint) {
            return Err(StoreError::AlreadyExists(format!(
                "a card of that number in the family “{}”",
                stored.family
            )));
        }
        inside.record(card)?.card.fingerprint = fingerprint.clone();
        inside.secrets.insert(card, secret.clone());
        Ok(())
    }

    async fn cards_with_secrets(&self) -> StoreResult<Vec<CardId>> {
        Ok(self.lock().secrets.keys().copied().collect())
    }
}

#[async_trait]
impl CheckStore for MemoryStore {
    async fn begin_login(&self, card: &CardKey, mark: &LoginMark) -> StoreResult<bool> {
        let mut inside = self.lock();
        let record = inside.record(card.card)?;
        let waits = record.card.paused || record.state.refused_since.is_some();
        let state = &mut record.state;
        let refused = waits
            || state
                .login_mark
                .as_ref()
                .is_some_and(|open| open.day == mark.day && open.check != mark.check);
        if !refused {
            state.login_mark = Some(mark.clone());
        }
        Ok(!refused)
    }

    async fn save_check(&self, check: &Check) -> StoreResult<Saved> {
        let mut inside = self.lock();
        let Ok(record) = inside.record(check.card.card) else {
            return Ok(Saved::CardGone);
        };
        let state = &mut record.state;
        let failure = check.outcome.as_ref().err();
        if !failure.is_some_and(|failure| failure.login_in_doubt)
            && state
                .login_mark
                .as_ref()
                .is_some_and(|mark| mark.check == check.id)
        {
            state.login_mark = None;
        }
        if failure.is_some_and(|failure| failure.kind == FailureKind::WrongCredentials)
            && state
                .last_success_at
                .is_none_or(|success| success < check.started_at)
        {
            state.refused_since.get_or_insert(check.started_at);
        }
        let tried = state.last_check.as_ref().filter(|last| {
            let failure = last.failure.as_ref();
            failure.is_none_or(|failure| failure.kind != FailureKind::NotTried)
        });
        let newest = tried.map(|last| last.started_at).max(state.last_success_at);
        if newest.is_some_and(|newest| newest > check.started_at) {
            return Ok(Saved::Older);
        }
        state.last_check =
            Some(LastCheck {
                started_at: check.started_at,
                finished_at: check.finished_at,
                failure: check.outcome.as_ref().err().map(|failure| {
                    crate::failure::Failure::new(failure.kind, failure.detail.clone())
                }),
            });
        if let Ok(account) = &check.outcome {
            state.refused_since = None;
            state.last_success_at = Some(check.started_at);
            inside.accounts.insert(
                check.card.card,
                StoredAccount {
                    read_at: check.started_at,
                    account: account.clone(),
                },
            );
        }
        Ok(Saved::Stored)
    }

    async fn accounts_of(&self, family: &FamilyId) -> StoreResult<Vec<(CardId, StoredAccount)>> {
        let inside = self.lock();
        Ok(inside
            .accounts
            .iter()
            .filter(|(card, _)| {
                inside
                    .cards
                    .get(card)
                    .is_some_and(|record| record.card.family == *family)
            })
            .map(|(card, account)| (*card, account.clone()))
            .collect())
    }
}

#[async_trait]
impl VisitStore for MemoryStore {
    async fn load_visit(
        &self,
        library: &LibraryId,
        cards: &[CardKey],
    ) -> StoreResult<Option<LoadedVisit>> {
        let inside = self.lock();
        Ok(inside.libraries.get(library).map(|found| LoadedVisit {
            library: found.clone(),
            left_alone_until: inside.left_alone.get(library).copied(),
            down_since: inside.down.get(library).copied(),
            cards: cards
                .iter()
                .filter_map(|key| {
                    let record = inside.cards.get(&key.card)?;
                    let secret = inside.secrets.get(&key.card)?;
                    (record.card.family == key.family).then(|| (record.clone(), secret.clone()))
                })
                .collect(),
        }))
    }
}

#[async_trait]
impl AccountStore for MemoryStore {
    async fn load_family(&self, family: &FamilyId) -> StoreResult<Option<LoadedFamily>> {
        let inside = self.lock();
        Ok(inside.families.get(family).map(|found| LoadedFamily {
            family: found.clone(),
            cards: inside
                .cards
                .values()
                .filter(|record| record.card.family == *family)
                .map(|record| {
                    (
                        record.clone(),
                        inside.accounts.get(&record.card.id).cloned(),
                    )
                })
                .collect(),
        }))
    }
}

#[async_trait]
impl NoticeStore for MemoryStore {
    async fn plan_notice(&self, record: &NoticeRecord) -> StoreResult<bool> {
        let mut inside = self.lock();
        if !inside.families.contains_key(&record.family) {
            return Err(StoreError::NotFound(format!("family “{}”", record.family)));
        }
        let key = (record.date, record.family.clone());
        if inside.notices.contains_key(&key) {
            return Ok(false);
        }
        inside.notices.insert(key, (record.clone(), None));
        Ok(true)
    }

    async fn notice(
        &self,
        family: &FamilyId,
        date: NaiveDate,
    ) -> StoreResult<Option<NoticeRecord>> {
        let key = (date, family.clone());
        Ok(self
            .lock()
            .notices
            .get(&key)
            .map(|(record, _)| record.clone()))
    }

    async fn replace_notice(
        &self,
        revision: u64,
        record: &NoticeRecord,
        told: Option<&Told>,
    ) -> StoreResult<bool> {
        let key = (record.date, record.family.clone());
        match self.lock().notices.get_mut(&key) {
            Some((stored, stored_told)) if stored.revision == revision => {
                *stored = record.clone();
                if let Some(told) = told {
                    *stored_told = Some(told.clone());
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn open_notices(
        &self,
        after: Option<&NoticeCursor>,
        limit: usize,
    ) -> StoreResult<Vec<NoticeRecord>> {
        Ok(self
            .lock()
            .notices
            .values()
            .map(|(record, _)| record)
            .filter(|record| !record.state.is_final())
            .filter(|record| after.is_none_or(|after| NoticeCursor::from(*record) > *after))
            .take(limit)
            .cloned()
            .collect())
    }

    async fn last_told(&self, family: &FamilyId) -> StoreResult<Option<Told>> {
        Ok(self
            .lock()
            .notices
            .values()
            .rev()
            .filter(|(record, _)| record.family == *family && record.state == NoticeState::Sent)
            .find_map(|(_, told)| told.clone()))
    }

    async fn recent_notices(
        &self,
        family: &FamilyId,
        limit: usize,
    ) -> StoreResult<Vec<NoticeRecord>> {
        Ok(self
            .lock()
            .notices
            .values()
            .rev()
            .filter(|(record, _)| record.family == *family)
            .take(limit)
            .map(|(record, _)| record.clone())
            .collect())
    }
}

#[async_trait]
impl RunStore for MemoryStore {
    async fn start_run(
        &self,
        run: &Run,
        allow_overlap: bool,
        silence: Duration,
    ) -> StoreResult<RunStart> {
        let mut inside = self.lock();
        if let Some(stored) = inside.runs.get(&run.key) {
            return Ok(RunStart::AlreadyRan(stored.clone()));
        }
        let silent_since = run.started_at - silence;
        let mut going = None;
        for other in inside.runs.values_mut().filter(|other| {
            other.key.job == run.key.job
                && other.key.label == run.key.label
                && other.outcome == RunOutcome::Running
        }) {
            if other.reported_at < silent_since {
                other.outcome = RunOutcome::Lost;
                other.finished_at = Some(other.reported_at);
            } else {
                going = Some(other.clone());
            }
        }
        let (stored, start) = match going {
            Some(going) if !allow_overlap => {
                let skipped = Run {
                    outcome: RunOutcome::SkippedStillRunning,
                    finished_at: Some(run.started_at),
                    ..run.clone()
                };
                (skipped, RunStart::StillRunning(going))
            }
            _ => (run.clone(), RunStart::Started),
        };
        inside.runs.insert(run.key.clone(), stored);
        Ok(start)
    }

    async fn record_run(&self, run: &Run) -> StoreResult<bool> {
        let mut inside = self.lock();
        if inside.runs.contains_key(&run.key) {
            return Ok(false);
        }
        inside.runs.insert(run.key.clone(), run.clone());
        Ok(true)
    }

    async fn report_run(&self, run: &Run) -> StoreResult<()> {
        match self.lock().runs.get_mut(&run.key) {
            Some(stored) => {
                stored.reported_at = run.reported_at;
                stored.finished_at = run.finished_at;
                stored.outcome = run.outcome;
                stored.counts = run.counts.clone();
                Ok(())
            }
            None => Err(StoreError::NotFound(format!("run {}", run.key))),
        }
    }

    async fn report_work(&self, run: &RunKey, work: &WorkReport) -> StoreResult<()> {
        let key = (run.clone(), work.piece.clone());
        self.lock().work.insert(key, work.clone());
        Ok(())
    }

    async fn work_of(&self, run: &RunKey) -> StoreResult<Vec<WorkReport>> {
        let inside = self.lock();
        let of_run = inside.work.iter().filter(|((key, _), _)| key == run);
        Ok(of_run.map(|(_, work)| work.clone()).collect())
    }

    async fn run(&self, key: &RunKey) -> StoreResult<Option<Run>> {
        Ok(self.lock().runs.get(key).cloned())
    }

    async fn recent_runs(
        &self,
        job: Option<Job>,
        label: Option<&Label>,
        limit: usize,
    ) -> StoreResult<Vec<Run>> {
        let mut runs: Vec<Run> = self
            .lock()
            .runs
            .values()
            .filter(|run| job.is_none_or(|job| job == run.key.job))
            .filter(|run| label.is_none_or(|label| *label == run.key.label))
            .cloned()
            .collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.started_at));
        runs.truncate(limit);
        Ok(runs)
    }

    async fn forget_before(&self, before: DateTime<Utc>) -> StoreResult<()> {
        let mut inside = self.lock();
        let Inside { runs, work, .. } = &mut *inside;
        runs.retain(|_, run| run.started_at >= before);
        work.retain(|(run, _), _| runs.contains_key(run));
        inside.concerns.retain(|_, noted| noted.last_seen >= before);
        inside
            .notices
            .retain(|_, (record, _)| record.planned_at >= before || !record.state.is_final());
        Ok(())
    }
}

#[async_trait]
impl OperatorStore for MemoryStore {
    async fn note_concern(
        &self,
        key: &ConcernKey,
        concern: &Concern,
        now: DateTime<Utc>,
    ) -> StoreResult<bool> {
        let mut inside = self.lock();
        let before = inside.concerns.remove(key);
        let is_news = before.is_none();
        let noted = match before {
            Some(noted) => noted.seen_again(now),
            None => NotedConcern::new(concern.clone(), now),
        };
        inside.concerns.insert(key.clone(), noted);
        Ok(is_news)
    }

    async fn set_out_to_tell(&self, key: &ConcernKey, now: DateTime<Utc>) -> StoreResult<bool> {
        let mut inside = self.lock();
        let Some(next) = inside
            .concerns
            .get(key)
            .and_then(|noted| noted.set_out(now))
        else {
            return Ok(false);
        };
        inside.concerns.insert(key.clone(), next);
        Ok(true)
    }

    async fn concern_told(&self, key: &ConcernKey, at: DateTime<Utc>) -> StoreResult<()> {
        if let Some(noted) = self.lock().concerns.get_mut(key) {
            noted.told_at.get_or_insert(at);
        }
        Ok(())
    }

    async fn withdraw_concern(&self, noted: &NotedConcern) -> StoreResult<()> {
        let (key, mut inside) = (noted.concern.key(), self.lock());
        if inside.concerns.get(&key) == Some(noted) {
            inside.concerns.remove(&key);
        }
        Ok(())
    }

    async fn untold_concerns(&self) -> StoreResult<Untold> {
        let inside = self.lock();
        let untold = inside.concerns.values();
        let mut noted: Vec<NotedConcern> = untold
            .filter(|noted| noted.told_at.is_none())
            .cloned()
            .collect();
        noted.sort_by_key(|noted| noted.last_seen);
        Ok(Untold { noted, newer: 0 })
    }

    async fn recent_concerns(&self, limit: usize) -> StoreResult<Vec<NotedConcern>> {
        let mut noted: Vec<NotedConcern> = self.lock().concerns.values().cloned().collect();
        noted.sort_by_key(|noted| std::cmp::Reverse(noted.last_seen));
        noted.truncate(limit);
        Ok(noted)
    }
}

/// A gate that is always open.
#[derive(Debug, Default)]
pub struct OpenGate;

#[async_trait]
impl LibraryGate for OpenGate {
    async fn enter(&self, _library: &LibraryId) -> StoreResult<Box<dyn Send + Sync>> {
        Ok(Box::new(()))
    }
}
