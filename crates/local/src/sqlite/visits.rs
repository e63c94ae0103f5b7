//! Loads what a visit or a notice needs, in one request.

use std::collections::BTreeMap;

use async_trait::async_trait;
use hippo_core::card::CardKey;
use hippo_core::ids::{FamilyId, LibraryId};
use hippo_core::library::ReadAs;
use hippo_core::store::{AccountStore, LoadedFamily, LoadedVisit, StoreResult, VisitStore};

use super::{SqliteStore, cards, checks, families, libraries, sealed};

#[async_trait]
impl VisitStore for SqliteStore {
    async fn load_visit(
        &self,
        library: &LibraryId,
        cards: &[CardKey],
    ) -> StoreResult<Option<LoadedVisit>> {
        let (library, keys) = (library.clone(), cards.to_vec());
        self.read(move |connection| {
            let Some((library, state)) = libraries::find_library_with_state(connection, &library)?
            else {
                return Ok(None);
            };
            let mut loaded = LoadedVisit {
                was_read: state.read_as == Some(ReadAs::from_entry(&library)),
                library,
                back_off_until: state.back_off_until,
                down_since: state.down_since,
                cards: Vec::with_capacity(keys.len()),
            };
            for key in keys {
                let record = cards::find_card(connection, key.card)?
                    .filter(|record| record.card.family == key.family);
                let secret = sealed::secret_of(connection, key.card)?;
                loaded.cards.extend(record.zip(secret));
            }
            Ok(Some(loaded))
        })
        .await
    }
}

#[async_trait]
impl AccountStore for SqliteStore {
    async fn load_family(&self, family: &FamilyId) -> StoreResult<Option<LoadedFamily>> {
        let family = family.clone();
        self.read(move |connection| {
            let Some(loaded) = families::find_family(connection, &family)? else {
                return Ok(None);
            };
            let accounts = checks::accounts(connection, &family)?;
            let lost = checks::lost_accounts(connection, &family, &accounts)?;
            let mut accounts: BTreeMap<_, _> = accounts.into_iter().collect();
            let cards = cards::list_family_cards(connection, &family)?.into_iter();
            let cards = cards.map(|mut record| {
                if lost.contains(&record.card.id) {
                    record.state.mark_account_damaged();
                }
                let account = accounts.remove(&record.card.id);
                (record, account)
            });
            Ok(Some(LoadedFamily {
                family: loaded,
                cards: cards.collect(),
            }))
        })
        .await
    }
}
