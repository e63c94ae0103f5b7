//! Stores the links of identities to people.

use async_trait::async_trait;
use hippo_core::sign_in::{IdentityId, IdentityLink, PersonId};
use hippo_core::store::{IdentityStore, StoreResult};
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::row::{StoredRow, json, time};
use super::{SqliteStore, first};

#[async_trait]
impl IdentityStore for SqliteStore {
    async fn identity_link(&self, identity: &IdentityId) -> StoreResult<Option<IdentityLink>> {
        let identity = identity.clone();
        self.read(move |connection| find_link(connection, &identity))
            .await
    }

    async fn replace_identity_link(
        &self,
        before: Option<&IdentityLink>,
        after: &IdentityLink,
    ) -> StoreResult<bool> {
        let (before, after) = (before.cloned(), after.clone());
        self.write(move |connection| {
            if find_link(connection, &after.identity)? != before {
                return Ok(false);
            }
            connection
                .prepare_cached("INSERT OR REPLACE INTO identity VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![
                    after.identity.as_str(),
                    after.person().map(PersonId::as_str),
                    after.pending_until().map(time),
                    json(&after)?
                ])?;
            Ok(true)
        })
        .await
    }

    async fn count_identities(&self, person: &PersonId) -> StoreResult<usize> {
        let person = person.to_string();
        self.read(move |connection| {
            let count: i64 = connection
                .prepare_cached("SELECT count(*) FROM identity WHERE person = ?1")?
                .query_row([person], |row| row.get(0))?;
            Ok(usize::try_from(count).unwrap_or_default())
        })
        .await
    }

    async fn unlink_identities(&self, person: &PersonId) -> StoreResult<()> {
        let person = person.to_string();
        self.write(move |connection| {
            connection
                .prepare_cached("DELETE FROM identity WHERE person = ?1")?
                .execute([person])?;
            Ok(())
        })
        .await
    }
}

fn find_link(
    connection: &Connection,
    identity: &IdentityId,
) -> Result<Option<IdentityLink>, Fault> {
    first(
        connection,
        "SELECT identity, link FROM identity WHERE identity = ?1",
        [identity.as_str()],
        |row| StoredRow::new("identity", "identity", row).json("link"),
    )
}
