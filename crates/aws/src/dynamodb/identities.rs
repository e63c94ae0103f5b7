//! Stores which identity belongs to which person: a link under the identity, and a pointer in the
//! person's partition.

use async_trait::async_trait;
use hippo_core::sign_in::{IdentityId, IdentityLink, PersonId};
use hippo_core::store::{IdentityStore, StoreResult};

use super::DynamoDbStore;
use super::expression::Expression;
use super::item::{Item, json, number, text};
use super::keys::{self, Key};
use super::table::{Query, TransactionOutcome, TransactionStep};

#[async_trait]
impl IdentityStore for DynamoDbStore {
    async fn identity_link(&self, identity: &IdentityId) -> StoreResult<Option<IdentityLink>> {
        let item = self.table.get(&Key::identity(identity)).await?;
        let found = item.map(|item| self.read_undamaged(&item, Item::data));
        Ok(found.transpose()?.flatten())
    }

    async fn replace_identity_link(
        &self,
        before: Option<&IdentityLink>,
        after: &IdentityLink,
    ) -> StoreResult<bool> {
        let mut item = Item::new(&Key::identity(&after.identity)).with_data(after)?;
        if let Some(until) = after.pending_until() {
            item = item.with("expires_at", number(until.timestamp()));
        }
        let unchanged = match before {
            None => Expression::absent(),
            Some(before) => {
                Expression::new("#data = :before").value(":before", text(json(before)?))
            }
        };
        let mut steps = vec![TransactionStep::Put(item, unchanged)];
        // An existing link can move to another person.
        if let Some(person) = before.and_then(IdentityLink::person)
            && after.person() != Some(person)
        {
            let pointer = Key::identity_of(person, &after.identity);
            steps.push(TransactionStep::Delete(pointer, Expression::default()));
        }
        if let Some(person) = after.person() {
            let pointer = Item::new(&Key::identity_of(person, &after.identity));
            steps.push(TransactionStep::Put(pointer, Expression::default()));
        }
        // If an earlier attempt succeeded but its response was lost, this returns false, and the person
        // signs in again.
        let done = self.table.transact(&steps).await?;
        Ok(matches!(done, TransactionOutcome::Done))
    }

    async fn count_identities(&self, person: &PersonId) -> StoreResult<usize> {
        Ok(self.identities_of(person).await?.len())
    }

    async fn unlink_identities(&self, person: &PersonId) -> StoreResult<()> {
        let identities = self.identities_of(person).await?;
        // Deletes the links first: if this is interrupted, the pointers still list them for another call.
        let links: Vec<Key> = identities.iter().map(Key::identity).collect();
        self.table.delete_all(&links).await?;
        let pointers = identities.iter().map(|id| Key::identity_of(person, id));
        self.table.delete_all(&pointers.collect::<Vec<_>>()).await
    }
}

impl DynamoDbStore {
    /// Lists the identities of a person.
    async fn identities_of(&self, person: &PersonId) -> StoreResult<Vec<IdentityId>> {
        let keys = Expression::new("#pk = :pk AND begins_with(#sk, :identities)")
            .value(":pk", text(keys::person(person)))
            .value(":identities", text(keys::IDENTITIES));
        let pointers = self.table.query(&Query::table(keys)).await?;
        let ids = pointers
            .iter()
            .filter_map(|item| item.id_after(keys::IDENTITIES));
        Ok(ids.map(IdentityId::from_stored).collect())
    }
}
