use chrono::TimeDelta;
use futures::future::join_all;

use super::Store;
use super::sample::{family, family_id, time};
use crate::invitation::{INVITATION_LIFETIME, Invitation};
use crate::sign_in::{PersonId, Token};
use crate::store::StoreError;

fn invitation(family: &str, address: &str, minutes: i64) -> Invitation {
    let by = PersonId::from_address(&"pat@example.org".parse().unwrap());
    let now = time("05:00:00") + TimeDelta::minutes(minutes);
    Invitation::new(family_id(family), address.parse().unwrap(), by, now)
}

async fn add(store: &dyn Store, invitation: Invitation) -> Invitation {
    assert!(store.add_invitation(&invitation).await.unwrap());
    invitation
}

async fn two_families(store: &dyn Store) {
    for id in ["conrad", "lee"] {
        store.add_family(&family(id)).await.unwrap();
    }
}

async fn find(store: &dyn Store, of: &Invitation) -> Option<Invitation> {
    store.invitation(&of.family, &of.id).await.unwrap()
}

pub(super) async fn address_has_one_open_invitation_to_a_family(store: &dyn Store) {
    two_families(store).await;
    let first = add(store, invitation("conrad", "b@example.org", 0)).await;
    // Another tab, with the address as somebody else writes it.
    let second = invitation("conrad", "B@Example.org", 1);
    assert_eq!(second.id.address_hash, first.id.address_hash);
    assert!(!store.add_invitation(&second).await.unwrap());
    assert_eq!(find(store, &second).await, None);
    assert_eq!(find(store, &first).await.as_ref(), Some(&first));
    add(store, invitation("lee", "b@example.org", 1)).await;
    add(store, invitation("conrad", "c@example.org", 1)).await;
    // Once it's over, there is a new one.
    let days = INVITATION_LIFETIME.num_minutes();
    let later = add(store, invitation("conrad", "b@example.org", days + 1)).await;
    assert_eq!(find(store, &later).await.as_ref(), Some(&later));
    assert!(store.remove_invitation(&later.family, &later.id).await.unwrap());
    add(store, second).await;
}

pub(super) async fn earlier_invitation_changes_nothing_of_a_later_one(store: &dyn Store) {
    two_families(store).await;
    let first = add(store, invitation("conrad", "b@example.org", 0)).await;
    let remove = async |it: &Invitation| store.remove_invitation(&it.family, &it.id).await.unwrap();
    assert!(remove(&first).await);
    let later = add(store, invitation("conrad", "b@example.org", 0)).await;
    assert_eq!(find(store, &first).await, None);
    let token = Token::generate().unwrap();
    let granted = first.with_token(&token, first.created_at).unwrap();
    assert!(!store.replace_invitation(0, &granted).await.unwrap());
    assert!(!remove(&first).await, "a stale page");
    assert_eq!(find(store, &later).await.as_ref(), Some(&later));
    assert!(remove(&later).await);
}

pub(super) async fn only_one_concurrent_invitation_of_an_address_wins(store: &dyn Store) {
    two_families(store).await;
    let added = join_all((0..8).map(|minutes| async move {
        let invitation = invitation("conrad", "b@example.org", minutes);
        store.add_invitation(&invitation).await.unwrap()
    }));
    assert_eq!(added.await.into_iter().filter(|added| *added).count(), 1);
    let listed = store.family_invitations(&family_id("conrad")).await;
    assert_eq!(listed.unwrap().len(), 1);
}

pub(super) async fn invitations_of_a_family_are_listed_by_when_they_were_made(store: &dyn Store) {
    two_families(store).await;
    let second = add(store, invitation("conrad", "b@example.org", 2)).await;
    let first = add(store, invitation("conrad", "c@example.org", 1)).await;
    let other = add(store, invitation("lee", "a@example.org", 0)).await;
    let listed = store.family_invitations(&family_id("conrad")).await;
    assert_eq!(listed.unwrap(), [first.clone(), second]);
    assert_eq!(find(store, &first).await.as_ref(), Some(&first));
    let foreign = Invitation {
        family: family_id("lee"),
        ..first.clone()
    };
    assert_eq!(find(store, &foreign).await, None);
    let removed = store.remove_invitation(&foreign.family, &foreign.id).await;
    assert!(!removed.unwrap(), "of another family");
    assert!(find(store, &first).await.is_some());
    let listed = store.family_invitations(&family_id("lee")).await;
    assert_eq!(listed.unwrap(), [other]);
}

pub(super) async fn invitation_to_an_unknown_family_is_rejected(store: &dyn Store) {
    let lost = invitation("nobody", "a@example.org", 0);
    let added = store.add_invitation(&lost).await;
    assert!(matches!(added, Err(StoreError::NotFound(_))), "{added:?}");
    assert_eq!(find(store, &lost).await, None);
}

pub(super) async fn invitation_is_replaced_only_at_the_expected_revision(store: &dyn Store) {
    two_families(store).await;
    let first = add(store, invitation("conrad", "a@example.org", 0)).await;
    let token = Token::generate().unwrap();
    let granted = first.with_token(&token, first.created_at).unwrap();
    let replace = async |revision| store.replace_invitation(revision, &granted).await.unwrap();
    assert!(!replace(1).await);
    assert!(replace(0).await);
    assert_eq!(find(store, &first).await.as_ref(), Some(&granted));
    let unknown = invitation("conrad", "b@example.org", 0);
    assert!(!store.replace_invitation(0, &unknown).await.unwrap());
    assert_eq!(find(store, &unknown).await, None);
}

pub(super) async fn only_one_concurrent_use_of_an_invitation_wins(store: &dyn Store) {
    two_families(store).await;
    let used = &add(store, invitation("conrad", "a@example.org", 0)).await;
    let uses = (0..8).map(|_| store.remove_invitation(&used.family, &used.id));
    let won = join_all(uses).await;
    assert_eq!(won.into_iter().filter(|won| *won.as_ref().unwrap()).count(), 1);
    assert_eq!(find(store, used).await, None);
}

pub(super) async fn invitations_of_a_removed_family_are_gone(store: &dyn Store) {
    two_families(store).await;
    let gone = add(store, invitation("conrad", "a@example.org", 0)).await;
    let other = add(store, invitation("lee", "a@example.org", 0)).await;
    store.remove_family(&gone.family).await.unwrap();
    assert_eq!(find(store, &gone).await, None);
    store.add_family(&family("conrad")).await.unwrap();
    assert_eq!(find(store, &gone).await, None);
    assert_eq!(find(store, &other).await, Some(other));
}
