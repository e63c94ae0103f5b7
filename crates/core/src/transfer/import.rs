//! Putting everything into the store of the side to come.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt, TryStreamExt};
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::destination::Destination;
use super::notices::notices;
use super::steps::{Standing, Step, is_added_paused, standing, steps_of_new};
use super::{
    Checked, MAX_CONCURRENT_FAMILIES, Mode, MovedCard, MovedFamily, Part, Progress, Report,
    TransferError,
};
use crate::card::{Card, CardKey};
use crate::check::Check;
use crate::ids::{CardId, LibraryId};
use crate::seal::{SealContext, Sealed};
use crate::store::{Store, StoreError, StoreResult};

impl Checked<'_> {
    /// Writes everything to `store`.
    ///
    /// What is the same is left, what is behind is completed, and what differs is left and
    /// reported. After an error or an interruption, the same import goes on from there.
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
                        "it is described differently here. Make the two the same",
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
            if let Some(until) = moved.back_off_until
                && mode == Mode::Write
            {
                store.back_off(id, until, self.transfer.made_at).await?;
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
                    "it is described differently here, so its cards and notices were left out too. \
                     If it is the same family, make the two the same, or remove the one here",
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
                    "another card here has its number or id",
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
                "its library, patron, number or PIN differs here. If the export is right, remove \
                 the card here",
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

    /// Whether the PIN is the same. The number is, if the fingerprint is.
    fn is_same_pin(&self, moved: &MovedCard, here: Option<&Sealed>) -> bool {
        let Some(here) = here else {
            return false;
        };
        let Some(library) = self.library(&moved.library) else {
            return false;
        };
        // The library here has the same hosts, or there would be no import.
        let context = SealContext::new(moved.id, library);
        let open = |sealed| self.keys.open(&context, sealed);
        // An interrupted import of this very document left the same bytes.
        *here == moved.sealed
            || match (open(here), open(&moved.sealed)) {
                (Ok(here), Ok(moved)) => here.pin.expose_secret() == moved.pin.expose_secret(),
                _ => false,
            }
    }

    /// False, and reported, if the store refuses the card's account.
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
                "its account is too large for this store and was left out",
            );
        }
        Ok(taken)
    }
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
