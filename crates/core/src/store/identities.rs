//! The links of identities to people.

use async_trait::async_trait;

use super::StoreResult;
use crate::sign_in::{IdentityId, IdentityLink, PersonId};

/// Stores which identity signs in which person.
///
/// A link that waits and whose time is over may be deleted at any time, or be there for days.
#[async_trait]
pub trait IdentityStore: Send + Sync {
    /// Returns the link of an identity.
    async fn identity_link(&self, identity: &IdentityId) -> StoreResult<Option<IdentityLink>>;

    /// Replaces a link if it is still `before`, in one conditional write; true if it was replaced.
    async fn replace_identity_link(
        &self,
        before: Option<&IdentityLink>,
        after: &IdentityLink,
    ) -> StoreResult<bool>;

    /// Counts the identities that sign in a person.
    async fn count_identities(&self, person: &PersonId) -> StoreResult<usize>;

    /// Removes every link to a person.
    async fn unlink_identities(&self, person: &PersonId) -> StoreResult<()>;
}
