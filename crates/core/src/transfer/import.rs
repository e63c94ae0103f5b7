//! Putting everything into the store of the side to come.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt, TryStreamExt};
use secrecy::ExposeSecret;
use serde::Serialize;
use uuid::Uuid;

use super::steps::{Standing, Step, is_added_paused, standing, steps_of_new};
use super::{
    FAMILIES_AT_ONCE, MovedCard, MovedFamily, MovedLibrary, MovedNotice, Progress, Transfer,
    TransferError,
};
use crate::card::{Card, CardKey, Fingerprint};
use crate::check::Check;
use crate::ids::{CardId, LibraryId};
use crate::notice::record::{NoticeRecord, NoticeState};
use crate::notice::told::Told;
use crate::seal::{KeyRing, SealError, Sealed};
use crate::store::{LoadedFamily, Store, StoreError, StoreResult};

/// Of a document that does not agree with itself, so many faults are told.
const FAULT_LIMIT: usize = 20;

/// No family has as many notices.
const NOTICE_LIMIT: usize = 1000;

/// Whether an import writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It does.
    Write,
    /// It only says what it would do.
    DryRun,
}

/// A kind of thing that moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A library.
    Library,
    /// A family.
    Family,
    /// A card.
    Card,
    /// A notice.
    Notice,
}

/// What became of the things of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// They were not there.
    pub added: usize,
    /// They were there, and behind: an import was interrupted, or they moved away and back.
    pub completed: usize,
    /// They were there already, the same or ahead.
    pub unchanged: usize,
    /// They were there and are not the same, or cannot be there: left as they are.
    pub different: usize,
}

/// Something that was left as it is here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// What it is.
    pub part: Part,
    /// Its id; that of its family and its date for a notice.
    pub id: String,
    /// Why, as the rest of a sentence.
    pub reason: String,
}

/// What an import did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The libraries.
    pub libraries: Tally,
    /// The families.
    pub families: Tally,
    /// The cards.
    pub cards: Tally,
    /// The notices.
    pub notices: Tally,
    /// What was left as it is here; the cards and notices of a family that is left are not listed.
    pub differences: Vec<Difference>,
}

impl Report {
    fn tally(&mut self, part: Part) -> &mut Tally {
        match part {
            Part::Library => &mut self.libraries,
            Part::Family => &mut self.families,
            Part::Card => &mut self.cards,
            Part::Notice => &mut self.notices,
        }
    }

    fn differs(&mut self, part: Part, id: impl ToString, reason: impl Into<String>) {
        self.tally(part).different += 1;
        self.differences.push(Difference {
            part,
            id: id.to_string(),
            reason: reason.into(),
        });
    }

    fn take_in(&mut self, other: Self) {
        for part in [Part::Library, Part::Family, Part::Card, Part::Notice] {
            let more = *other.clone().tally(part);
            let tally = self.tally(part);
            tally.added += more.added;
            tally.completed += more.completed;
            tally.unchanged += more.unchanged;
            tally.different += more.different;
        }
        self.differences.extend(other.differences);
    }
}

/// A document that may be imported: it agrees with itself, and the keys here open every secret.
#[derive(Debug)]
pub struct Checked<'a> {
    transfer: &'a Transfer,
    ring: &'a KeyRing,
    fingerprints: BTreeMap<CardId, Fingerprint>,
}

impl<'a> Checked<'a> {
    /// Looks at all of it; nothing was written when this is an error.
    pub fn new(transfer: &'a Transfer, ring: &'a KeyRing) -> Result<Self, TransferError> {
        let opens = |key| ring.keys().iter().any(|(id, _)| id == key);
        if !opens(&transfer.sealed_for) {
            let present: Vec<&str> = ring.keys().iter().map(|(id, _)| id.0.as_str()).collect();
            return Err(TransferError::SealedForAnotherKey {
                sealed_for: transfer.sealed_for.clone(),
                present: present.join(", "),
            });
        }
        let mut faults = Vec::new();
        let mut fault = |text: String| faults.push(text);
        let mut libraries = BTreeSet::new();
        for MovedLibrary { library, .. } in &transfer.libraries {
            if !libraries.insert(&library.id) {
                fault(format!("The library “{}” is in it twice.", library.id));
            }
        }
        let mut families = BTreeSet::new();
        let mut fingerprints = BTreeMap::new();
        for moved in &transfer.families {
            let family = &moved.family.id;
            if !families.insert(family) {
                fault(format!("The family “{family}” is in it twice."));
            }
            let mut numbers = BTreeSet::new();
            for card in &moved.cards {
                let of = format!("The card {} of the family “{family}”", card.id);
                if !libraries.contains(&card.library) {
                    fault(format!(
                        "{of} is of the library “{}”, which is not in it.",
                        card.library
                    ));
                }
                let fingerprint = match ring.open(card.id, &card.sealed) {
                    Ok(secret) => ring.fingerprint(&card.library, &secret.number),
                    Err(SealError::UnknownKey(key)) => {
                        fault(format!("{of} is sealed with another key, {key}."));
                        continue;
                    }
                    Err(_) => {
                        fault(format!("{of} has a number and PIN that do not open."));
                        continue;
                    }
                };
                if !numbers.insert((&card.library, fingerprint.clone())) {
                    fault(format!("{of} has the number of another of its cards."));
                }
                if fingerprints.insert(card.id, fingerprint).is_some() {
                    fault(format!("{of} is in it twice."));
                }
            }
            let mut dates = BTreeSet::new();
            for MovedNotice { record, .. } in &moved.notices {
                if record.family != *family {
                    fault(format!(
                        "A notice of {} with the family “{family}” is another's.",
                        record.date
                    ));
                }
                if !dates.insert(record.date) {
                    fault(format!(
                        "The notice of the family “{family}” of {} is in it twice.",
                        record.date
                    ));
                }
            }
        }
        if faults.is_empty() {
            return Ok(Self {
                transfer,
                ring,
                fingerprints,
            });
        }
        let more = faults.len().saturating_sub(FAULT_LIMIT);
        faults.truncate(FAULT_LIMIT);
        if more > 0 {
            faults.push(format!("And {more} more."));
        }
        Err(TransferError::Unsound(faults))
    }

    /// Puts everything into `store`.
    ///
    /// What is there and the same is left, what is behind is completed, what differs is left and
    /// told of. After an error or an interruption the same import goes on from where it was.
    pub async fn import(
        &self,
        store: &dyn Store,
        mode: Mode,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Report, TransferError> {
        let mut report = Report::default();
        let foreign = self.libraries(store, mode, &mut report).await?;
        progress(Progress::Planned(self.transfer.families.len()));
        let foreign = &foreign;
        let mut reports = stream::iter(&self.transfer.families)
            .map(|family| async move {
                let report = self.family(store, mode, foreign, family).await;
                progress(Progress::FamilyDone);
                report
            })
            .buffer_unordered(FAMILIES_AT_ONCE);
        while let Some(of_family) = reports.try_next().await? {
            report.take_in(of_family);
        }
        report.differences.sort();
        Ok(report)
    }

    /// Answers the libraries that are something else here: no PIN may go there.
    async fn libraries(
        &self,
        store: &dyn Store,
        mode: Mode,
        report: &mut Report,
    ) -> Result<BTreeSet<LibraryId>, TransferError> {
        let mut foreign = BTreeSet::new();
        for moved in &self.transfer.libraries {
            let id = &moved.library.id;
            match store.library(id).await? {
                Some(here) if here != moved.library => {
                    foreign.insert(id.clone());
                    report.differs(
                        Part::Library,
                        id,
                        "it is described in another way here; make the two the same with “hippo \
                         library edit”",
                    );
                    continue;
                }
                Some(_) => report.libraries.unchanged += 1,
                None => {
                    if mode == Mode::Write {
                        store.add_library(&moved.library).await?;
                    }
                    report.libraries.added += 1;
                }
            }
            if let Some(until) = moved.left_alone_until
                && mode == Mode::Write
            {
                store.leave_alone(id, until).await?;
            }
        }
        Ok(foreign)
    }

    async fn family(
        &self,
        store: &dyn Store,
        mode: Mode,
        foreign: &BTreeSet<LibraryId>,
        moved: &MovedFamily,
    ) -> Result<Report, TransferError> {
        let mut report = Report::default();
        let id = &moved.family.id;
        let here = store.load_family(id).await?;
        match &here {
            Some(here) if here.family != moved.family => {
                // It may be other people: neither their cards nor their notices may be mixed.
                report.differs(
                    Part::Family,
                    id,
                    "it is described in another way here; its cards and notices were left too. If \
                     it is the same family, make the two the same with “hippo family edit”, or \
                     remove the one here",
                );
                report.cards.different += moved.cards.len();
                report.notices.different += moved.notices.len();
                return Ok(report);
            }
            Some(_) => report.families.unchanged += 1,
            None => {
                if mode == Mode::Write {
                    store.add_family(&moved.family).await?;
                }
                report.families.added += 1;
            }
        }
        let secrets = match &here {
            Some(here) => {
                let ids: Vec<CardId> = here.cards.iter().map(|(card, _)| card.card.id).collect();
                store.secrets(&ids).await?.into_iter().collect()
            }
            None => BTreeMap::new(),
        };
        let to = Destination {
            store,
            mode,
            here: here.as_ref(),
            secrets,
        };
        // Before the cards, so that a tick of this side finds the day's notice as early as can be.
        notices(&to, moved, &mut report).await?;
        for card in &moved.cards {
            if foreign.contains(&card.library) {
                report.differs(
                    Part::Card,
                    card.id,
                    format!("its library, “{}”, differs", card.library),
                );
                continue;
            }
            self.card(&to, moved, card, &mut report).await?;
        }
        Ok(report)
    }

    async fn card(
        &self,
        to: &Destination<'_>,
        family: &MovedFamily,
        moved: &MovedCard,
        report: &mut Report,
    ) -> Result<(), TransferError> {
        let Some(fingerprint) = self.fingerprints.get(&moved.id) else {
            return Ok(());
        };
        let card = Card {
            id: moved.id,
            family: family.family.id.clone(),
            library: moved.library.clone(),
            patron: moved.patron.clone(),
            fingerprint: fingerprint.clone(),
            paused: is_added_paused(moved),
            created_at: moved.created_at,
        };
        let cards_here = to.here.map_or(&[][..], |here| &here.cards);
        let here = cards_here
            .iter()
            .find(|(here, _)| here.card.id == moved.id)
            .map(|(record, account)| (record, account.as_ref()));
        let Some((record, account)) = here else {
            let doubled = cards_here.iter().any(|(here, _)| {
                here.card.library == moved.library && here.card.fingerprint == *fingerprint
            });
            let added = if doubled {
                false
            } else if to.mode == Mode::DryRun {
                to.store.card(card.id).await?.is_none()
            } else {
                match to.store.add_card(&card, &moved.sealed).await {
                    Ok(()) => true,
                    Err(StoreError::AlreadyExists(_)) => false,
                    Err(error) => return Err(error.into()),
                }
            };
            if !added {
                report.differs(
                    Part::Card,
                    moved.id,
                    "there is another card of its number or id here",
                );
                return Ok(());
            }
            if self
                .take_steps(to, &card, steps_of_new(moved), report)
                .await?
            {
                report.cards.added += 1;
            }
            return Ok(());
        };
        let same_card = Card {
            paused: record.card.paused,
            ..card.clone()
        } == record.card;
        if !same_card || !self.is_same_pin(moved, to.secrets.get(&moved.id)) {
            report.differs(
                Part::Card,
                moved.id,
                "its library, patron, number or PIN is another one here; if what was exported is \
                 right, remove the card here",
            );
            return Ok(());
        }
        match standing(record.card.paused, &record.state, account, moved) {
            Standing::Same | Standing::Newer => report.cards.unchanged += 1,
            Standing::Different(reason) => report.differs(Part::Card, moved.id, reason),
            Standing::Behind(steps) => {
                if self.take_steps(to, &card, steps, report).await? {
                    report.cards.completed += 1;
                }
            }
        }
        Ok(())
    }

    /// Whether the PIN is the same; the number is if the fingerprint is.
    fn is_same_pin(&self, moved: &MovedCard, here: Option<&Sealed>) -> bool {
        let Some(here) = here else {
            return false;
        };
        let open = |sealed| self.ring.open(moved.id, sealed);
        // An interrupted import of this very document left the same bytes.
        *here == moved.sealed
            || match (open(here), open(&moved.sealed)) {
                (Ok(here), Ok(moved)) => here.pin.expose_secret() == moved.pin.expose_secret(),
                _ => false,
            }
    }

    /// False, and told of, if the store does not take the card's account.
    async fn take_steps(
        &self,
        to: &Destination<'_>,
        card: &Card,
        steps: Vec<Step>,
        report: &mut Report,
    ) -> Result<bool, TransferError> {
        if to.mode == Mode::DryRun {
            return Ok(true);
        }
        let mut taken = true;
        for step in steps {
            match take_step(to.store, card, step).await {
                Ok(()) => {}
                Err(StoreError::TooLarge(_)) => taken = false,
                Err(error) => return Err(error.into()),
            }
        }
        if !taken {
            report.differs(
                Part::Card,
                card.id,
                "its account is too large for this store and did not come along",
            );
        }
        Ok(taken)
    }
}

/// Where it goes, and what of the family is there.
struct Destination<'a> {
    store: &'a dyn Store,
    mode: Mode,
    here: Option<&'a LoadedFamily>,
    secrets: BTreeMap<CardId, Sealed>,
}

async fn take_step(store: &dyn Store, card: &Card, step: Step) -> StoreResult<()> {
    match step {
        Step::Pause(paused) => store.set_paused(card.id, paused).await,
        Step::AllowRetry => store.allow_retry(card.id).await,
        Step::BeginLogin(mark) => {
            // Refused only if a check of this side has begun meanwhile; its own mark is as good.
            let _ = store.begin_login(&card.key(), &mark).await?;
            Ok(())
        }
        Step::Save {
            started_at,
            finished_at,
            outcome,
        } => {
            let check = Check {
                // Not that of any mark, so that none is taken away.
                id: Uuid::new_v4(),
                card: CardKey {
                    family: card.family.clone(),
                    card: card.id,
                },
                library: card.library.clone(),
                started_at,
                finished_at,
                outcome,
            };
            // One that is newer here stays.
            let _ = store.save_check(&check).await?;
            Ok(())
        }
    }
}

async fn notices(
    to: &Destination<'_>,
    moved: &MovedFamily,
    report: &mut Report,
) -> Result<(), TransferError> {
    let family = &moved.family.id;
    let here: BTreeMap<_, NoticeRecord> = match to.here {
        Some(_) => {
            let recent = to.store.recent_notices(family, NOTICE_LIMIT).await?;
            recent.into_iter().map(|here| (here.date, here)).collect()
        }
        None => BTreeMap::new(),
    };
    let newest_sent_here = here
        .values()
        .rfind(|here| here.state == NoticeState::Sent)
        .map(|here| here.date);
    // The newest first: it is the one that a tick of this side would make again.
    for MovedNotice { record, told } in moved.notices.iter().rev() {
        let Some(stored) = here.get(&record.date) else {
            if put_notice(to, record, told.as_ref()).await? {
                report.notices.added += 1;
            } else {
                report.differs(
                    Part::Notice,
                    format!("{family} {}", record.date),
                    "it is planned here meanwhile",
                );
            }
            continue;
        };
        if stored == record {
            // Interrupted between the record and what was told with it?
            let is_missing = match told {
                Some(told) if newest_sent_here == Some(record.date) => {
                    to.store.last_told(family).await?.as_ref() != Some(told)
                }
                _ => false,
            };
            if is_missing {
                replace(to, stored.revision, record, told.as_ref()).await?;
                report.notices.completed += 1;
            } else {
                report.notices.unchanged += 1;
            }
        } else if record.state.is_final() && !stored.state.is_final() {
            // It was open when the family moved away, and was settled there: it must not be sent again.
            let settled = NoticeRecord {
                revision: record.revision.max(stored.revision + 1),
                ..record.clone()
            };
            replace(to, stored.revision, &settled, told.as_ref()).await?;
            report.notices.completed += 1;
        } else if stored.planned_at == record.planned_at && stored.revision >= record.revision {
            report.notices.unchanged += 1;
        } else {
            report.differs(
                Part::Notice,
                format!("{family} {}", record.date),
                "it went another way here",
            );
        }
    }
    Ok(())
}

async fn put_notice(
    to: &Destination<'_>,
    record: &NoticeRecord,
    told: Option<&Told>,
) -> Result<bool, TransferError> {
    if to.mode == Mode::DryRun {
        return Ok(true);
    }
    if !to.store.plan_notice(record).await? {
        return Ok(false);
    }
    if told.is_some() {
        replace(to, record.revision, record, told).await?;
    }
    Ok(true)
}

async fn replace(
    to: &Destination<'_>,
    revision: u64,
    record: &NoticeRecord,
    told: Option<&Told>,
) -> Result<(), TransferError> {
    if to.mode == Mode::Write {
        // A worker of this side that was faster knows more.
        let _ = to.store.replace_notice(revision, record, told).await?;
    }
    Ok(())
}
