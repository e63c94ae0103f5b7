//! Stores the invitations to the families' emails.

use async_trait::async_trait;
use hippo_core::ids::FamilyId;
use hippo_core::invitation::{Invitation, InvitationId};
use hippo_core::store::{InvitationStore, StoreResult};
use rusqlite::params;

use super::families::{exists, family_not_found};
use super::row::{StoredRow, integer, json, time};
use super::{SqliteStore, all, first};

#[async_trait]
impl InvitationStore for SqliteStore {
    async fn add_invitation(&self, invitation: &Invitation) -> StoreResult<bool> {
        let invitation = invitation.clone();
        self.write(move |connection| {
            if !exists(connection, &invitation.family)? {
                return Err(family_not_found(&invitation.family));
            }
            connection
                .prepare_cached("DELETE FROM invitation WHERE expires_at <= ?1")?
                .execute([time(invitation.created_at)])?;
            let added = connection
                .prepare_cached("INSERT OR IGNORE INTO invitation VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
                .execute(params![
                    invitation.id.address_hash.to_string(),
                    invitation.id.nonce.to_string(),
                    invitation.family.as_str(),
                    integer(invitation.revision)?,
                    time(invitation.expires_at),
                    json(&invitation)?
                ])?;
            Ok(added > 0)
        })
        .await
    }

    async fn invitation(
        &self,
        family: &FamilyId,
        id: &InvitationId,
    ) -> StoreResult<Option<Invitation>> {
        let (family, id) = (family.clone(), *id);
        self.read(move |connection| {
            first(
                connection,
                "SELECT address_hash, invitation FROM invitation
                 WHERE address_hash = ?1 AND nonce = ?2 AND family = ?3",
                [
                    &id.address_hash.to_string(),
                    &id.nonce.to_string(),
                    family.as_str(),
                ],
                |row| StoredRow::new("invitation", "address_hash", row).json("invitation"),
            )
        })
        .await
    }

    async fn family_invitations(&self, family: &FamilyId) -> StoreResult<Vec<Invitation>> {
        let family = family.clone();
        let found: Vec<Invitation> = self
            .read(move |connection| {
                all(
                    connection,
                    "SELECT address_hash, invitation FROM invitation WHERE family = ?1",
                    [family.as_str()],
                    |row| StoredRow::new("invitation", "address_hash", row).json("invitation"),
                )
            })
            .await?;
        let mut found = found;
        found.sort_by_key(|invitation| (invitation.created_at, invitation.id));
        Ok(found)
    }

    async fn replace_invitation(
        &self,
        expected_revision: u64,
        invitation: &Invitation,
    ) -> StoreResult<bool> {
        let invitation = invitation.clone();
        self.write(move |connection| {
            let replaced = connection
                .prepare_cached(
                    "UPDATE invitation SET revision = ?5, invitation = ?6
                     WHERE address_hash = ?1 AND nonce = ?2 AND family = ?3 AND revision = ?4",
                )?
                .execute(params![
                    invitation.id.address_hash.to_string(),
                    invitation.id.nonce.to_string(),
                    invitation.family.as_str(),
                    integer(expected_revision)?,
                    integer(invitation.revision)?,
                    json(&invitation)?
                ])?;
            Ok(replaced > 0)
        })
        .await
    }

    async fn remove_invitation(&self, family: &FamilyId, id: &InvitationId) -> StoreResult<bool> {
        let (family, id) = (family.clone(), *id);
        self.write(move |connection| {
            let removed = connection
                .prepare_cached(
                    "DELETE FROM invitation WHERE address_hash = ?1 AND nonce = ?2 AND family = ?3",
                )?
                .execute([
                    &id.address_hash.to_string(),
                    &id.nonce.to_string(),
                    family.as_str(),
                ])?;
            Ok(removed > 0)
        })
        .await
    }
}
