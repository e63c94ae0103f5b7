//! Stores the invitations to a family's emails. Each family has one partition.

use async_trait::async_trait;
use hippo_core::ids::FamilyId;
use hippo_core::invitation::{Invitation, InvitationId};
use hippo_core::store::{InvitationStore, StoreResult};

use super::DynamoDbStore;
use super::expression::Expression;
use super::families::{family_exists, family_not_found};
use super::item::{Item, number, text};
use super::keys::{self, Key};
use super::table::{Query, TransactionOutcome, TransactionStep, WriteOutcome};

#[async_trait]
impl InvitationStore for DynamoDbStore {
    async fn add_invitation(&self, invitation: &Invitation) -> StoreResult<bool> {
        let now = number(invitation.created_at.timestamp());
        let none_is_open = Expression::new("attribute_not_exists(#pk) OR #expires_at <= :now");
        let none_is_open = none_is_open.value(":now", now);
        let steps = [
            TransactionStep::Check(Key::family(&invitation.family), family_exists()),
            TransactionStep::Put(invitation_item(invitation)?, none_is_open),
        ];
        match self.table.transact(&steps).await? {
            TransactionOutcome::Done => Ok(true),
            TransactionOutcome::ConditionFailed(refusals)
                if refusals.iter().any(|refusal| refusal.step == 0) =>
            {
                Err(family_not_found(&invitation.family))
            }
            TransactionOutcome::ConditionFailed(_) => Ok(false),
        }
    }

    async fn invitation(
        &self,
        family: &FamilyId,
        id: &InvitationId,
    ) -> StoreResult<Option<Invitation>> {
        let item = self.table.get(&Key::invitation(family, id)).await?;
        let found = item.map(|item| self.read_undamaged(&item, Item::data::<Invitation>));
        Ok(found.transpose()?.flatten().filter(|found| found.id == *id))
    }

    async fn family_invitations(&self, family: &FamilyId) -> StoreResult<Vec<Invitation>> {
        let items = self.table.query(&invitations_query(family)).await?;
        let mut found: Vec<Invitation> = self.read_all_undamaged(&items, Item::data)?;
        found.sort_by_key(|invitation| (invitation.created_at, invitation.id));
        Ok(found)
    }

    async fn replace_invitation(
        &self,
        expected_revision: u64,
        invitation: &Invitation,
    ) -> StoreResult<bool> {
        let unchanged = Expression::new("#revision = :revision AND #nonce = :nonce")
            .value(":revision", number(expected_revision))
            .value(":nonce", text(invitation.id.nonce.simple().to_string()));
        let item = invitation_item(invitation)?;
        let written = self.table.put(item, &unchanged).await?;
        // If an earlier attempt succeeded but its response was lost, this returns false, and no email is
        // sent for it.
        Ok(matches!(written, WriteOutcome::Done))
    }

    async fn remove_invitation(&self, family: &FamilyId, id: &InvitationId) -> StoreResult<bool> {
        let is_same =
            Expression::new("#nonce = :nonce").value(":nonce", text(id.nonce.simple().to_string()));
        let steps = [TransactionStep::Delete(
            Key::invitation(family, id),
            is_same,
        )];
        let done = self.table.transact(&steps).await?;
        Ok(matches!(done, TransactionOutcome::Done))
    }
}

impl DynamoDbStore {
    /// Removes a family's invitations.
    pub(super) async fn remove_invitations(&self, family: &FamilyId) -> StoreResult<()> {
        let items = self.table.query(&invitations_query(family)).await?;
        let keys: Vec<Key> = items.iter().filter_map(Item::key).collect();
        self.table.delete_all(&keys).await
    }
}

fn invitations_query(family: &FamilyId) -> Query {
    let keys = Expression::new("#pk = :pk").value(":pk", text(keys::invitations(family)));
    Query::table(keys)
}

fn invitation_item(invitation: &Invitation) -> StoreResult<Item> {
    let key = Key::invitation(&invitation.family, &invitation.id);
    Ok(Item::new(&key)
        .with_data(invitation)?
        .with_text("nonce", invitation.id.nonce.simple().to_string())
        .with("revision", number(invitation.revision))
        .with("expires_at", number(invitation.expires_at.timestamp())))
}
