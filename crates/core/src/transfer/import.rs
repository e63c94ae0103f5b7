//! Imports everything into the store of the destination.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt, TryStreamExt};
use secrecy::ExposeSecret;

use super::notices::import_notices;
use super::{
    Checked, MAX_CONCURRENT_FAMILIES, MovedCard, MovedFamily, Part, Progress, Report, TransferError,
};
use crate::card::{Card, CardRecord};
use crate::ids::{CardId, FamilyId, LibraryId};
use crate::seal::{SealContext, Sealed};
use crate::store::{CardConflict, CardCopy, RestoreOutcome, Store, StoreError, WriteMode};

impl Checked<'_> {
    /// Writes everything to `store`.
    ///
    /// What is the same is left, what is behind is completed, and what differs is left and
    /// reported. After an error or an interruption, the same import goes on from there.
    pub async fn import(
        &self,
        store: &dyn Store,
        mode: WriteMode,
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
            .buffer_unordered(MAX_CONCURRENT_FAMILIES);
        while let Some(of_family) = reports.try_next().await? {
            report.take_in(of_family);
        }
        report.differences.sort();
        Ok(report)
    }

    /// Imports the libraries. Returns those that differ here: no PIN may go there.
    async fn libraries(
        &self,
        store: &dyn Store,
        mode: WriteMode,
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
                        "it is described differently here. Make the two the same",
                    );
                    continue;
                }
                Some(_) => report.libraries.unchanged += 1,
                None => {
                    if mode == WriteMode::Write {
                        store.add_library(&moved.library).await?;
                    }
                    report.libraries.added += 1;
                }
            }
            if let Some(until) = moved.back_off_until
                && mode == WriteMode::Write
            {
                store.back_off(id, until, self.transfer.made_at).await?;
            }
        }
        Ok(foreign)
    }

    async fn family(
        &self,
        store: &dyn Store,
        mode: WriteMode,
        foreign: &BTreeSet<LibraryId>,
        moved: &MovedFamily,
    ) -> Result<Report, TransferError> {
        let mut report = Report::default();
        let id = &moved.family.id;
        match store.family(id).await? {
            Some(here) if here != moved.family => {
                // It may be other people: neither their cards nor their notices may be mixed.
                report.differs(
                    Part::Family,
                    id,
                    "it is described differently here, so its cards and notices were left out too. \
                     If it is the same family, make the two the same, or remove the one here",
                );
                report.cards.different += moved.cards.len();
                report.notices.different += moved.notices.len();
                return Ok(report);
            }
            Some(_) => report.families.unchanged += 1,
            None => {
                if mode == WriteMode::Write {
                    store.add_family(&moved.family).await?;
                }
                report.families.added += 1;
            }
        }
        // Before the cards, so that a tick of this side finds the day's notice as early as can be.
        import_notices(store, mode, moved, &mut report).await?;
        let ids: Vec<CardId> = moved.cards.iter().map(|card| card.id).collect();
        let mut secrets: BTreeMap<CardId, Sealed> =
            store.secrets(&ids).await?.into_iter().collect();
        for card in &moved.cards {
            if foreign.contains(&card.library) {
                report.differs(
                    Part::Card,
                    card.id,
                    format!("its library, “{}”, differs", card.library),
                );
                continue;
            }
            if let Some(copy) = self.copy(id, card, secrets.remove(&card.id)) {
                import_card(store, mode, copy, &mut report).await?;
            }
        }
        Ok(report)
    }

    /// A card as it will be stored. Keeps the secret that is here if it has the same PIN.
    fn copy(&self, family: &FamilyId, moved: &MovedCard, here: Option<Sealed>) -> Option<CardCopy> {
        let card = Card {
            id: moved.id,
            family: family.clone(),
            library: moved.library.clone(),
            patron: moved.patron.clone(),
            fingerprint: self.fingerprints.get(&moved.id)?.clone(),
            paused: moved.paused,
            created_at: moved.created_at,
        };
        let here = here.filter(|here| self.is_same_pin(moved, here));
        Some(CardCopy {
            record: CardRecord {
                card,
                state: moved.state.clone(),
            },
            secret: here.unwrap_or_else(|| moved.sealed.clone()),
            account: moved.account.clone(),
        })
    }

    /// Whether the PIN is the same. The number is, if the fingerprint is.
    fn is_same_pin(&self, moved: &MovedCard, here: &Sealed) -> bool {
        let Some(library) = self.library(&moved.library) else {
            return false;
        };
        // The library here has the same hosts, or there would be no import.
        let context = SealContext::new(moved.id, library);
        let open = |sealed| self.keys.open(&context, sealed);
        match (open(here), open(&moved.sealed)) {
            (Ok(here), Ok(moved)) => here.pin.expose_secret() == moved.pin.expose_secret(),
            _ => false,
        }
    }
}

async fn import_card(
    store: &dyn Store,
    mode: WriteMode,
    copy: CardCopy,
    report: &mut Report,
) -> Result<(), TransferError> {
    let id = copy.record.card.id;
    let outcome = match store.restore_card(&copy, mode).await {
        Err(StoreError::TooLarge(_)) if copy.account.is_some() => {
            store.restore_card(&copy.without_account(), mode).await?;
            let reason = "its account is too large for this store and was left out";
            report.differs(Part::Card, id, reason);
            return Ok(());
        }
        outcome => outcome?,
    };
    match outcome {
        RestoreOutcome::Added => report.cards.added += 1,
        RestoreOutcome::Completed => report.cards.completed += 1,
        RestoreOutcome::Unchanged => report.cards.unchanged += 1,
        RestoreOutcome::Conflict(conflict) => report.differs(Part::Card, id, reason(conflict)),
    }
    Ok(())
}

/// Why a card was left as it is, as the rest of a sentence.
fn reason(conflict: CardConflict) -> &'static str {
    match conflict {
        CardConflict::Taken => "another card here has its number or id",
        CardConflict::OtherCard => {
            "its library, patron, number or PIN differs here. If the export is right, remove the \
             card here"
        }
        CardConflict::Paused => "it is paused on one side and not on the other",
        CardConflict::RetryAllowed => "it may be tried again here",
        CardConflict::OtherAccount => "its account differs here",
    }
}
