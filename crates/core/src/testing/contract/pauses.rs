use futures::future::join_all;

use super::Store;
use super::sample::time;
use crate::schedule::Pause;

fn pause(label: Option<&str>, since: &str, until: Option<&str>) -> Pause {
    Pause {
        label: label.map(|label| label.parse().unwrap()),
        since: time(since),
        until: until.map(time),
        by: "ana".to_owned(),
        why: Some("moving house".to_owned()),
    }
}

async fn add(store: &dyn Store, pause: &Pause) -> bool {
    store.replace_pause(None, pause).await.unwrap()
}

async fn replace(store: &dyn Store, before: &Pause, after: &Pause) -> bool {
    store.replace_pause(Some(before), after).await.unwrap()
}

async fn listed(store: &dyn Store) -> Vec<Pause> {
    store.pauses().await.unwrap()
}

pub(super) async fn pauses_are_listed_by_when_they_began(store: &dyn Store) {
    assert_eq!(listed(store).await, []);
    let without_reason = Pause {
        why: None,
        ..pause(Some("all"), "05:30:00", None)
    };
    let expected = [
        pause(None, "05:00:00", Some("05:10:00")),
        pause(Some("tick"), "05:00:00", None),
        without_reason,
        pause(Some("tick"), "06:00:00", None),
    ];
    for pause in expected.iter().rev() {
        assert!(add(store, pause).await);
    }
    assert_eq!(listed(store).await, expected);
}

pub(super) async fn pause_is_replaced_only_over_the_expected_one(store: &dyn Store) {
    let first = pause(Some("tick"), "05:00:00", None);
    let longer = Pause {
        until: Some(time("07:00:00")),
        why: None,
        ..first.clone()
    };
    assert!(!replace(store, &first, &longer).await, "there is none yet");
    assert!(add(store, &first).await);
    assert!(!add(store, &longer).await, "there is one already");
    assert_eq!(listed(store).await, std::slice::from_ref(&first));
    assert!(replace(store, &first, &longer).await);
    let resumed = Pause {
        until: Some(time("06:00:00")),
        ..first.clone()
    };
    assert!(!replace(store, &first, &resumed).await, "it changed");
    assert_eq!(listed(store).await, [longer]);
}

pub(super) async fn one_of_many_concurrent_changes_of_a_pause_wins(store: &dyn Store) {
    let first = pause(None, "05:00:00", None);
    add(store, &first).await;
    let changed = |number: usize| Pause {
        by: format!("person-{number}"),
        ..first.clone()
    };
    let changes = (0..8).map(|number| {
        let (first, changed) = (first.clone(), changed(number));
        async move { replace(store, &first, &changed).await }
    });
    let won = join_all(changes).await;
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    let winner = won.iter().position(|won| *won).unwrap();
    assert_eq!(listed(store).await, [changed(winner)]);
}

pub(super) async fn pause_that_ended_long_ago_is_deleted(store: &dyn Store) {
    let ended = pause(Some("tick"), "05:00:00", Some("05:29:59"));
    let recent = pause(Some("tick"), "05:00:01", Some("05:30:00"));
    let open = pause(None, "05:00:00", None);
    for pause in [&ended, &recent, &open] {
        add(store, pause).await;
    }
    store.forget_before(time("05:30:00")).await.unwrap();
    assert_eq!(listed(store).await, [open, recent]);
}
