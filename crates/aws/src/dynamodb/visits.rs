//! Loads the data of a visit or a notice in one request.

use async_trait::async_trait;
use hippo_core::card::CardKey;
use hippo_core::ids::{FamilyId, LibraryId};
use hippo_core::library::{Library, ReadAs};
use hippo_core::store::{AccountStore, LoadedFamily, LoadedVisit, StoreResult, VisitStore};

use super::DynamoDbStore;
use super::cards::record;
use super::expression::Expression;
use super::families;
use super::item::{Item, text};
use super::keys::{self, Key};
use super::libraries::{parse_back_off_until, parse_down_since, parse_read_as};
use super::sealed;
use super::table::Query;

#[async_trait]
impl VisitStore for DynamoDbStore {
    /// Costs one request for up to 49 cards.
    async fn load_visit(
        &self,
        library: &LibraryId,
        cards: &[CardKey],
    ) -> StoreResult<Option<LoadedVisit>> {
        let mut keys = vec![Key::library(library), Key::library_state(library)];
        for card in cards {
            keys.push(Key::head(card));
            keys.push(Key::secret(card.card));
        }
        let found = self.table.get_all(keys).await?;
        let find = |key: Key| found.iter().find(|item| item.is(&key));
        let Some(item) = find(Key::library(library)) else {
            return Ok(None);
        };
        let state = find(Key::library_state(library));
        let Some(library) = self.read_undamaged(item, Item::data::<Library>)? else {
            return Ok(None);
        };
        let mut loaded = LoadedVisit {
            was_read: state.and_then(parse_read_as) == Some(ReadAs::from_entry(&library)),
            library,
            back_off_until: state.map(parse_back_off_until).transpose()?.flatten(),
            down_since: state.map(parse_down_since).transpose()?.flatten(),
            cards: Vec::with_capacity(cards.len()),
        };
        for card in cards {
            let head = find(Key::head(card)).map(|item| self.read_undamaged(item, record));
            let secret = find(Key::secret(card.card))
                .map(|item| self.read_undamaged(item, |_| sealed::find_sealed(&found, card.card)));
            let secret = secret.transpose()?.flatten().flatten();
            loaded.cards.extend(head.transpose()?.flatten().zip(secret));
        }
        Ok(Some(loaded))
    }
}

#[async_trait]
impl AccountStore for DynamoDbStore {
    /// Costs one query for each megabyte.
    async fn load_family(&self, family: &FamilyId) -> StoreResult<Option<LoadedFamily>> {
        let keys = Expression::new("#pk = :pk AND #sk BETWEEN :first AND :last")
            .value(":pk", text(keys::family(family)))
            .value(":first", text(keys::ACCOUNTS))
            .value(":last", text(keys::META));
        let found = self.table.query(&Query::table(keys)).await?;
        let meta = Key::family(family);
        let Some(family) = found
            .iter()
            .find(|item| item.is(&meta))
            .map(|item| self.read_undamaged(item, families::read_family))
            .transpose()?
            .flatten()
            .flatten()
        else {
            return Ok(None);
        };
        Ok(Some(LoadedFamily {
            family,
            cards: self.cards_and_accounts(&found).await?,
        }))
    }
}
