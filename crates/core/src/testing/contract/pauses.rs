use futures::future::join_all;

use super::Store;
use super::sample::{add_pause, time};
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

/// Replaces one label's pauses; the first pause given names the label.
async fn replace(store: &dyn Store, before: &[Pause], after: &[Pause]) -> bool {
    let label = before.iter().chain(after).next().unwrap().label.clone();
    let replaced = store.replace_pauses(label.as_ref(), before, after);
    replaced.await.unwrap()
}

async fn list_pauses(store: &dyn Store) -> Vec<Pause> {
    store.pauses().await.unwrap()
}

pub(super) async fn pauses_are_ordered_by_start(store: &dyn Store) {
    assert_eq!(list_pauses(store).await, []);
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
        assert!(add_pause(store, pause).await);
    }
    assert_eq!(list_pauses(store).await, expected);
}

pub(super) async fn replacing_pauses_fails_if_others_are_stored(
    store: &dyn Store,
) {
    let first = pause(Some("tick"), "05:00:00", None);
    let resumed = Pause {
        until: Some(time("05:30:00")),
        ..first.clone()
    };
    let second = pause(Some("tick"), "06:00:00", None);
    let all = pause(None, "05:00:00", None);
    assert!(!replace(store, std::slice::from_ref(&first), &[]).await, "there is none yet");
    assert!(replace(store, &[], std::slice::from_ref(&first)).await);
    // Another tab saw no pause, and tries to add one.
    assert!(!replace(store, &[], std::slice::from_ref(&second)).await);
    assert!(add_pause(store, &all).await, "a pause of all schedules doesn't conflict");
    assert_eq!(list_pauses(store).await, [all.clone(), first.clone()]);
    let both = [resumed.clone(), second.clone()];
    assert!(replace(store, std::slice::from_ref(&first), &both).await);
    // Another tab saw only the first, and tries to end it.
    assert!(!replace(store, std::slice::from_ref(&first), std::slice::from_ref(&resumed)).await);
    assert_eq!(list_pauses(store).await, [all.clone(), resumed, second]);
    assert!(replace(store, &both, &[]).await);
    assert_eq!(list_pauses(store).await, [all]);
    assert!(replace(store, &[], &both).await, "the label has no pauses again");
}

pub(super) async fn only_one_concurrent_change_of_pauses_wins(store: &dyn Store) {
    for (before, number) in [(None, 0), (Some(pause(None, "05:00:00", None)), 1)] {
        let before: Vec<Pause> = before.into_iter().collect();
        let begun = |minute: usize| pause(None, &format!("06:0{minute}:00"), None);
        let changes = (0..8).map(|minute| {
            let (before, after) = (before.clone(), [before.clone(), vec![begun(minute)]].concat());
            async move { replace(store, &before, &after).await }
        });
        let won = join_all(changes).await;
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "{number}");
        let winner = won.iter().position(|won| *won).unwrap();
        let stored = list_pauses(store).await;
        assert_eq!(stored.last(), Some(&begun(winner)));
        assert_eq!(stored.len(), number + 1);
        let next = [pause(None, "05:00:00", None)];
        assert!(replace(store, &stored, &next).await);
    }
}

pub(super) async fn pause_that_ended_long_ago_is_deleted(store: &dyn Store) {
    let ended = pause(Some("tick"), "05:00:00", Some("05:29:59"));
    let recent = pause(Some("tick"), "05:00:01", Some("05:30:00"));
    let open = pause(None, "05:00:00", None);
    for pause in [&ended, &recent, &open] {
        assert!(add_pause(store, pause).await);
    }
    store.delete_history_before(time("05:30:00")).await.unwrap();
    assert_eq!(list_pauses(store).await, [open, recent]);
}
