use chrono::{DateTime, TimeDelta, Utc};

use super::Store;
use super::sample::{family_id, time};
use crate::audit::{AUDIT_RETENTION, Actor, AuditEntry, Change};
use crate::ids::{CardId, FamilyId};
use crate::sign_in::PersonId;

fn entry(family: Option<&str>, at: DateTime<Utc>, change: Change) -> AuditEntry {
    let person = PersonId::from_address(&"pat@example.org".parse().unwrap());
    let (actor, family) = match family {
        Some(family) => (Actor::Person(person), Some(family_id(family))),
        None => (Actor::Operator, None),
    };
    AuditEntry::new(actor, family, change, at)
}

async fn add(store: &dyn Store, entry: AuditEntry) -> AuditEntry {
    store.add_audit_entry(&entry).await.unwrap();
    entry
}

async fn list(store: &dyn Store, family: Option<&FamilyId>, limit: usize) -> Vec<AuditEntry> {
    let since = time("05:00:00");
    store
        .recent_audit_entries(family, since, limit)
        .await
        .unwrap()
}

pub(super) async fn entries_are_listed_newest_first(store: &dyn Store) {
    assert_eq!(list(store, None, 9).await, []);
    let card = CardId::generate();
    let label = "tick".parse().unwrap();
    let changes = [
        (Some("conrad"), Change::PinSet { card }),
        (None, Change::SchedulePaused { label }),
        (Some("lee"), Change::SettingsChanged),
        (None, Change::AllSchedulesResumed),
    ];
    let mut expected = Vec::new();
    for (minutes, (family, change)) in (0..).zip(changes) {
        let at = time("05:00:00") + TimeDelta::minutes(minutes);
        expected.push(add(store, entry(family, at, change)).await);
    }
    expected.reverse();
    assert_eq!(list(store, None, 9).await, expected);
    assert_eq!(list(store, None, 2).await, expected[..2]);
}

pub(super) async fn entries_of_a_family_are_its_own(store: &dyn Store) {
    let mut expected = Vec::new();
    for (at, family) in [
        ("05:00:00", Some("conrad")),
        ("05:01:00", Some("conrad-2")),
        ("05:02:00", None),
        ("05:03:00", Some("conrad")),
    ] {
        let entry = add(store, entry(family, time(at), Change::FeedMade)).await;
        if family == Some("conrad") {
            expected.insert(0, entry);
        }
    }
    let family = family_id("conrad");
    assert_eq!(list(store, Some(&family), 9).await, expected);
    assert_eq!(list(store, Some(&family), 1).await, expected[..1]);
    assert_eq!(list(store, Some(&family_id("lee")), 9).await, []);
}

pub(super) async fn entry_that_is_added_twice_is_listed_once(store: &dyn Store) {
    let once = entry(Some("conrad"), time("05:00:00"), Change::FeedMade);
    // Another one of the same moment.
    let other = entry(Some("conrad"), time("05:00:00"), Change::FeedMade);
    for entry in [&once, &once, &other] {
        store.add_audit_entry(entry).await.unwrap();
    }
    assert_eq!(list(store, None, 9).await.len(), 2);
    assert_eq!(list(store, Some(&family_id("conrad")), 9).await.len(), 2);
}

pub(super) async fn old_entry_is_not_listed(store: &dyn Store) {
    let old = time("05:00:00") - TimeDelta::seconds(1);
    add(store, entry(Some("conrad"), old, Change::FeedMade)).await;
    let new = add(store, entry(Some("conrad"), time("05:00:00"), Change::FeedRevoked)).await;
    for family in [None, Some(&family_id("conrad"))] {
        assert_eq!(list(store, family, 9).await, std::slice::from_ref(&new));
    }
    assert_eq!(new.expires_at(), new.at + AUDIT_RETENTION);
}
