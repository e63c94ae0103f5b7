//! What ends when somebody stops being a recipient of a family.

use crate::email_address::EmailAddress;
use crate::family::Family;
use crate::store::{FamilyStore, FeedStore, InvitationStore, StoreResult};

/// Withdraws the invitations and revokes the feeds that former recipients made, and forgets what
/// `removed` unsubscribed from: whoever is invited again starts anew.
///
/// `family` is the family without them.
pub async fn forget_recipient<S>(
    store: &S,
    family: &Family,
    removed: &EmailAddress,
) -> StoreResult<()>
where
    S: FamilyStore + FeedStore + InvitationStore + ?Sized,
{
    // First what gives access.
    for feed in store.family_feeds(&family.id).await? {
        if feed.is_by_a_former_recipient_of(family) {
            store.revoke_feed(&family.id, &feed.token).await?;
        }
    }
    for invitation in store.family_invitations(&family.id).await? {
        if !invitation.is_by_a_recipient_of(family) {
            store.remove_invitation(&family.id, invitation.id).await?;
        }
    }
    store.allow_every_mail(&family.id, removed).await?;
    Ok(())
}
