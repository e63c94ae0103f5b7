//! What ends when somebody stops being a recipient of a family.

use crate::email_address::EmailAddress;
use crate::family::Family;
use crate::sign_in::{PersonId, find_grant};
use crate::store::{
    FamilyStore, FeedStore, IdentityStore, InvitationStore, SignInStore, StoreResult,
};

/// Withdraws the invitations and revokes the feeds that former recipients made, and forgets what
/// `removed` unsubscribed from: a person who is invited again starts over.
///
/// `family` is the family without them.
pub async fn forget_recipient<S>(
    store: &S,
    operators: &[EmailAddress],
    family: &Family,
    removed: &EmailAddress,
) -> StoreResult<()>
where
    S: FamilyStore + FeedStore + IdentityStore + InvitationStore + SignInStore + ?Sized,
{
    // First what gives access.
    end_sign_ins(store, operators, removed).await?;
    for feed in store.family_feeds(&family.id).await? {
        if feed.has_creator_left(family) {
            store.revoke_feed(&family.id, &feed.token_hash).await?;
        }
    }
    for invitation in store.family_invitations(&family.id).await? {
        if !invitation.is_inviter_still_recipient(family) {
            store.remove_invitation(&family.id, &invitation.id).await?;
        }
    }
    store.allow_every_mail(&family.id, removed).await?;
    Ok(())
}

/// Ends the sessions of somebody who may no longer sign in, and unlinks the accounts to sign in with.
///
/// Else they would open again with the same address, which may have another owner by then.
pub async fn end_sign_ins<S>(
    store: &S,
    operators: &[EmailAddress],
    removed: &EmailAddress,
) -> StoreResult<()>
where
    S: FamilyStore + IdentityStore + SignInStore + ?Sized,
{
    let person = PersonId::from_address(removed);
    match find_grant(store, operators, &person).await? {
        Some(_) => Ok(()),
        None => sign_out_everywhere(store, &person).await,
    }
}

/// Ends every session of a person, and unlinks every account that signs them in.
pub async fn sign_out_everywhere<S>(store: &S, person: &PersonId) -> StoreResult<()>
where
    S: IdentityStore + SignInStore + ?Sized,
{
    // A linked account could begin a session again, and a session could link one in the meantime.
    store.unlink_identities(person).await?;
    store.remove_sessions(person).await?;
    store.unlink_identities(person).await
}
