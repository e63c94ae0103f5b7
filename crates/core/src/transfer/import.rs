//! Imports everything into the store of the destination.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt, TryStreamExt};
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::notices::import_notices;
use super::{
    CheckedTransfer, ExportedCard, ExportedFamily, ImportReport, MAX_CONCURRENT_FAMILIES,
    TransferError, TransferPart, TransferProgress,
};
use crate::card::{Card, CardRecord};
use crate::ids::{CardId, FamilyId, LibraryId};
use crate::seal::{SealContext, Sealed};
use crate::store::{CardConflict, CardCopy, RestoreOutcome, Store, StoreError, WriteMode};

impl CheckedTransfer<'_> {
    /// Writes everything to `store`, or only reports what it would write.
    ///
    /// A stored record that differs stays as it is and is reported. After an error or an
    /// interruption, the same import continues.
    pub async fn import(
        &self,
        store: &dyn Store,
        mode: WriteMode,
        progress: &(dyn Fn(TransferProgress) + Send + Sync),
    ) -> Result<ImportReport, TransferError> {
        let mut report = ImportReport::default();
        let differing = self.import_libraries(store, mode, &mut report).await?;
        progress(TransferProgress::Planned(self.transfer.families.len()));
        let differing = &differing;
        let mut reports = stream::iter(&self.transfer.families)
            .map(|family| async move {
                let report = self.import_family(store, mode, differing, family).await;
                progress(TransferProgress::FamilyDone);
                report
            })
            .buffer_unordered(MAX_CONCURRENT_FAMILIES);
        while let Some(family_report) = reports.try_next().await? {
            report.merge(family_report);
        }
        report.differences.sort();
        Ok(report)
    }

    /// Imports the libraries. Returns those that differ: no PIN may be sent to them.
    async fn import_libraries(
        &self,
        store: &dyn Store,
        mode: WriteMode,
        report: &mut ImportReport,
    ) -> Result<BTreeSet<LibraryId>, TransferError> {
        let mut differing = BTreeSet::new();
        for exported in &self.transfer.libraries {
            let id = &exported.library.id;
            match store.library(id).await? {
                Some(stored) if stored != exported.library => {
                    differing.insert(id.clone());
                    report.add_difference(
                        TransferPart::Library,
                        id,
                        "it is described differently here. Make the two the same",
                    );
                    continue;
                }
                Some(_) => report.libraries.unchanged += 1,
                None => {
                    if mode == WriteMode::Write {
                        store.add_library(&exported.library).await?;
                    }
                    report.libraries.added += 1;
                }
            }
            if let Some(until) = exported.back_off_until
                && mode == WriteMode::Write
            {
                store.back_off(id, until, self.transfer.exported_at).await?;
            }
        }
        Ok(differing)
    }

    async fn import_family(
        &self,
        store: &dyn Store,
        mode: WriteMode,
        differing: &BTreeSet<LibraryId>,
        exported: &ExportedFamily,
    ) -> Result<ImportReport, TransferError> {
        let mut report = ImportReport::default();
        let id = &exported.family.id;
        match store.family(id).await? {
            Some(stored) if stored != exported.family => {
                // These may be different people, so nothing is merged.
                report.add_difference(
                    TransferPart::Family,
                    id,
                    "it is described differently here, so its cards and notices were left out too. \
                     If it is the same family, make the two the same, or remove the one here",
                );
                report.cards.different += exported.cards.len();
                report.notices.different += exported.notices.len();
                return Ok(report);
            }
            Some(_) => report.families.unchanged += 1,
            None => {
                if mode == WriteMode::Write {
                    store.add_family(&exported.family).await?;
                }
                report.families.added += 1;
            }
        }
        // Before the cards, so that a tick finds the day's notice early.
        import_notices(store, mode, exported, &mut report).await?;
        let ids: Vec<CardId> = exported.cards.iter().map(|card| card.id).collect();
        let mut secrets: BTreeMap<CardId, Sealed> =
            store.secrets(&ids).await?.into_iter().collect();
        for card in &exported.cards {
            if differing.contains(&card.library) {
                report.add_difference(
                    TransferPart::Card,
                    card.id,
                    format!("its library, “{}”, differs", card.library),
                );
                continue;
            }
            if let Some(copy) = self.build_card_copy(id, card, secrets.remove(&card.id)) {
                import_card(store, mode, copy, &mut report).await?;
            }
        }
        Ok(report)
    }

    /// Builds the card as it will be stored, with the stored secret if that has the same PIN.
    fn build_card_copy(
        &self,
        family: &FamilyId,
        exported: &ExportedCard,
        stored: Option<Sealed>,
    ) -> Option<CardCopy> {
        let card = Card {
            id: exported.id,
            family: family.clone(),
            library: exported.library.clone(),
            patron: exported.patron.clone(),
            fingerprint: self.fingerprints.get(&exported.id)?.clone(),
            secret_id: Uuid::new_v4(),
            pause: exported.pause.clone(),
            created_at: exported.created_at,
        };
        let stored = stored.filter(|stored| self.is_same_pin(exported, stored));
        Some(CardCopy {
            record: CardRecord {
                card,
                state: exported.state.clone(),
            },
            secret: stored.unwrap_or_else(|| exported.sealed.clone()),
            account: exported.account.clone(),
        })
    }

    /// Whether the stored secret has the same PIN. If the fingerprints are equal, so are the numbers.
    fn is_same_pin(&self, exported: &ExportedCard, stored: &Sealed) -> bool {
        let Some(library) = self.library(&exported.library) else {
            return false;
        };
        // `CheckedTransfer::new` made sure that the stored library has the same hosts.
        let context = SealContext::new(exported.id, library);
        let open = |sealed| self.keys.open(&context, sealed);
        match (open(stored), open(&exported.sealed)) {
            (Ok(stored), Ok(exported)) => {
                stored.pin.expose_secret() == exported.pin.expose_secret()
            }
            _ => false,
        }
    }
}

async fn import_card(
    store: &dyn Store,
    mode: WriteMode,
    copy: CardCopy,
    report: &mut ImportReport,
) -> Result<(), TransferError> {
    let id = copy.record.card.id;
    let outcome = match store.restore_card(&copy, mode).await {
        Err(StoreError::TooLarge(_)) if copy.account.is_some() => {
            store.restore_card(&copy.without_account(), mode).await?;
            let reason = "its account is too large for this store and was left out";
            report.add_difference(TransferPart::Card, id, reason);
            return Ok(());
        }
        outcome => outcome?,
    };
    match outcome {
        RestoreOutcome::Added => report.cards.added += 1,
        RestoreOutcome::Completed => report.cards.completed += 1,
        RestoreOutcome::Unchanged => report.cards.unchanged += 1,
        RestoreOutcome::Conflict(conflict) => {
            report.add_difference(TransferPart::Card, id, describe_conflict(conflict))
        }
    }
    Ok(())
}

/// The reason of a conflict, as the rest of a sentence.
fn describe_conflict(conflict: CardConflict) -> &'static str {
    match conflict {
        CardConflict::Taken => "another card here has its number or id",
        CardConflict::OtherCard => {
            "its library, patron, number or PIN differs here. If the export is right, remove the \
             card here"
        }
        CardConflict::Pause => "its pause differs here",
        CardConflict::RetryAllowed => "another try of it was allowed here",
        CardConflict::OtherAccount => "its account differs here",
    }
}
