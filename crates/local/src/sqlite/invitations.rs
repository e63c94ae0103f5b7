//! Stores the invitations to the families' emails.

use async_trait::async_trait;
use hippo_core::ids::FamilyId;
use hippo_core::invitation::Invitation;
use hippo_core::store::{InvitationStore, StoreResult};
use rusqlite::params;
use uuid::Uuid;

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
                .prepare_cached("INSERT OR IGNORE INTO invitation VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![
                    invitation.id.to_string(),
                    invitation.family.as_str(),
                    integer(invitation.revision)?,
                    time(invitation.expires_at),
                    json(&invitation)?
                ])?;
            Ok(added > 0)
        })
        .await
    }

    async fn invitation(&self, family: &FamilyId, id: Uuid) -> StoreResult<Option<Invitation>> {
        let family = family.clone();
        self.read(move |connection| {
            first(
                connection,
                "SELECT id, invitation FROM invitation WHERE id = ?1 AND family = ?2",
                [&id.to_string(), family.as_str()],
                |row| StoredRow::new("invitation", "id", row).json("invitation"),
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
                    "SELECT id, invitation FROM invitation WHERE family = ?1",
                    [family.as_str()],
                    |row| StoredRow::new("invitation", "id", row).json("invitation"),
                )
            })
            .await?;
        let mut found = found;
        found.sort_by_key(|invitation| (invitation.created_at, invitation.id));
        Ok(found)
    }

    async fn replace_invitation(
        &self,
        revision: u64,
        invitation: &Invitation,
    ) -> StoreResult<bool> {
        let invitation = invitation.clone();
        self.write(move |connection| {
            let replaced = connection
                .prepare_cached(
                    "UPDATE invitation SET revision = ?4, invitation = ?5
                     WHERE id = ?1 AND family = ?2 AND revision = ?3",
                )?
                .execute(params![
                    invitation.id.to_string(),
                    invitation.family.as_str(),
                    integer(revision)?,
                    integer(invitation.revision)?,
                    json(&invitation)?
                ])?;
            Ok(replaced > 0)
        })
        .await
    }

    async fn remove_invitation(&self, family: &FamilyId, id: Uuid) -> StoreResult<bool> {
        let family = family.clone();
        self.write(move |connection| {
            let removed = connection
                .prepare_cached("DELETE FROM invitation WHERE id = ?1 AND family = ?2")?
                .execute([&id.to_string(), family.as_str()])?;
            Ok(removed > 0)
        })
        .await
    }
}
