use futures::future::join_all;

use super::Store;
use super::sample::{date, family, family_id, time};
use crate::feed::{Feed, FeedToken};
use crate::sign_in::PersonId;
use crate::store::StoreError;

/// A feed of a family, made at this time.
fn feed(family: &str, label: &str, made: &str) -> Feed {
    let token = FeedToken::generate().unwrap();
    let label = label.parse().unwrap();
    Feed::new(&token, family_id(family), label, true, time(made))
}

/// Adds the families `conrad` and `lee`.
async fn two_families(store: &dyn Store) {
    for id in ["conrad", "lee"] {
        store.add_family(&family(id)).await.unwrap();
    }
}

async fn add(store: &dyn Store, feed: Feed) -> Feed {
    store.add_feed(&feed).await.unwrap();
    feed
}

async fn find(store: &dyn Store, feed: &Feed) -> Option<Feed> {
    store.feed(&feed.token_hash).await.unwrap()
}

async fn mark_used(store: &dyn Store, feed: &Feed, day: &str) -> bool {
    store.mark_feed_used(&feed.token_hash, date(day)).await.unwrap()
}

pub(super) async fn feed_is_found_by_its_token(store: &dyn Store) {
    two_families(store).await;
    let phone = add(store, feed("conrad", "phone; “new” 🦉", "05:00:00")).await;
    let wall = Feed {
        shows_titles: false,
        created_by: Some(PersonId::from_address(&"pat@example.org".parse().unwrap())),
        ..feed("lee", "wall", "05:00:00")
    };
    let wall = add(store, wall).await;
    let unknown = feed("conrad", "phone", "05:00:00");
    for (feed, expected) in [(&phone, Some(&phone)), (&wall, Some(&wall)), (&unknown, None)] {
        assert_eq!(find(store, feed).await.as_ref(), expected);
    }
}

pub(super) async fn feed_of_an_unknown_family_is_rejected(store: &dyn Store) {
    let lost = feed("nobody", "phone", "05:00:00");
    let added = store.add_feed(&lost).await;
    assert!(matches!(added, Err(StoreError::NotFound(_))), "{added:?}");
    assert_eq!(find(store, &lost).await, None);
}

pub(super) async fn second_feed_of_a_token_is_rejected(store: &dyn Store) {
    two_families(store).await;
    let first = add(store, feed("conrad", "phone", "05:00:00")).await;
    let second = Feed {
        family: family_id("lee"),
        ..first.clone()
    };
    let added = store.add_feed(&second).await;
    assert!(matches!(added, Err(StoreError::AlreadyExists(_))), "{added:?}");
    assert_eq!(find(store, &first).await, Some(first));
    assert_eq!(store.family_feeds(&second.family).await.unwrap(), []);
}

pub(super) async fn feeds_of_a_family_are_listed_by_when_they_were_made(store: &dyn Store) {
    two_families(store).await;
    let mut feeds = vec![
        feed("conrad", "first", "05:00:00"),
        feed("conrad", "second", "05:00:00"),
        feed("conrad", "third", "06:00:00"),
    ];
    for feed in feeds.iter().rev() {
        store.add_feed(feed).await.unwrap();
    }
    add(store, feed("lee", "other", "05:30:00")).await;
    feeds.sort_by_key(|feed| (feed.created_at, feed.token_hash.clone()));
    let listed = store.family_feeds(&family_id("conrad")).await.unwrap();
    assert_eq!(listed, feeds);
}

pub(super) async fn use_of_a_feed_is_stored_once_a_day(store: &dyn Store) {
    two_families(store).await;
    let phone = add(store, feed("conrad", "phone", "05:00:00")).await;
    let wall = add(store, feed("conrad", "wall", "05:00:01")).await;
    for (day, is_stored, last_used) in [
        ("2026-11-21", true, "2026-11-21"),
        ("2026-11-21", false, "2026-11-21"),
        // A reader in another time zone, or with a clock that is a little behind.
        ("2026-11-20", false, "2026-11-21"),
        ("2026-11-22", true, "2026-11-22"),
        // A wrong clock, and then a correct one.
        ("2027-11-22", true, "2027-11-22"),
        ("2026-11-23", true, "2026-11-23"),
    ] {
        assert_eq!(mark_used(store, &phone, day).await, is_stored, "{day}");
        let expected = Feed {
            last_used: Some(date(last_used)),
            ..phone.clone()
        };
        assert_eq!(find(store, &phone).await.as_ref(), Some(&expected));
        let listed = store.family_feeds(&phone.family).await.unwrap();
        assert_eq!(listed, [expected, wall.clone()]);
    }
    let unknown = feed("conrad", "phone", "05:00:00");
    assert!(!mark_used(store, &unknown, "2026-11-21").await);
    assert_eq!(find(store, &unknown).await, None);
}

pub(super) async fn only_one_concurrent_use_of_a_day_is_stored(store: &dyn Store) {
    two_families(store).await;
    let phone = &add(store, feed("conrad", "phone", "05:00:00")).await;
    let uses = (0..8).map(|_| mark_used(store, phone, "2026-11-21"));
    let stored = join_all(uses).await;
    assert_eq!(stored.iter().filter(|stored| **stored).count(), 1);
}

pub(super) async fn revoked_feed_is_gone(store: &dyn Store) {
    two_families(store).await;
    let phone = add(store, feed("conrad", "phone", "05:00:00")).await;
    let wall = add(store, feed("conrad", "wall", "05:00:01")).await;
    let revoke = async |family: &str, feed: &Feed| {
        let family = family_id(family);
        store.revoke_feed(&family, &feed.token_hash).await.unwrap()
    };
    assert!(!revoke("lee", &phone).await, "it belongs to another family");
    assert_eq!(find(store, &phone).await.as_ref(), Some(&phone));
    assert!(revoke("conrad", &phone).await);
    assert_eq!(find(store, &phone).await, None);
    assert!(!revoke("conrad", &phone).await);
    assert!(!mark_used(store, &phone, "2026-11-21").await);
    assert_eq!(find(store, &phone).await, None);
    assert_eq!(store.family_feeds(&phone.family).await.unwrap(), [wall]);
}

pub(super) async fn feeds_of_a_removed_family_are_gone_for_good(store: &dyn Store) {
    two_families(store).await;
    let phone = add(store, feed("conrad", "phone", "05:00:00")).await;
    let other = add(store, feed("lee", "phone", "05:00:00")).await;
    store.remove_family(&phone.family).await.unwrap();
    assert_eq!(find(store, &phone).await, None);
    // Another family may get the same id; the old links must not show it.
    store.add_family(&family("conrad")).await.unwrap();
    assert_eq!(find(store, &phone).await, None);
    assert_eq!(store.family_feeds(&phone.family).await.unwrap(), []);
    assert_eq!(find(store, &other).await, Some(other));
}
