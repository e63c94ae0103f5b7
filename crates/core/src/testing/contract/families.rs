use futures::future::join_all;
use rust_decimal::Decimal;

use super::Store;
use super::sample::{
    account, add_card, card, check, family, family_id, library, notice, one_card, time,
};
use crate::family::{
    Delivery, PictureSubscription, Preferences, SendWhenEmpty, StoppedRecipient, Unsubscription,
};
use crate::outbox::MailKind;
use crate::sign_in::Token;
use crate::store::StoreError;

pub(super) async fn added_family_is_read_back(store: &dyn Store) {
    let conrad = family("conrad");
    store.add_family(&conrad).await.unwrap();
    assert_eq!(store.family(&conrad.id).await.unwrap(), Some(conrad));
}

pub(super) async fn family_with_no_recipients_and_unusual_preferences_is_kept(store: &dyn Store) {
    let mut unusual = family("unusual");
    unusual.recipients.clear();
    unusual.notice_time = "23:45:00".parse().unwrap();
    unusual.paused = true;
    unusual.paused_since = Some(super::sample::date("2026-11-21"));
    unusual.paused_until = Some(super::sample::date("2026-12-01"));
    unusual.preferences = Preferences {
        due_within_days: 0,
        fines_threshold: Some(Decimal::new(10_50, 2)),
        send_when_empty: SendWhenEmpty::Weekly(chrono::Weekday::Sun),
        delivery: Delivery::AtLeastOnce,
        by_person: true,
        picture: Some(PictureSubscription {
            time: "07:15:00".parse().unwrap(),
            since: "2026-11-20T12:00:00Z".parse().unwrap(),
        }),
    };
    store.add_family(&unusual).await.unwrap();
    let mut never = family("never");
    never.preferences.fines_threshold = None;
    store.add_family(&never).await.unwrap();
    assert_eq!(store.family(&unusual.id).await.unwrap(), Some(unusual));
    assert_eq!(store.family(&never.id).await.unwrap(), Some(never));
}

pub(super) async fn duplicate_family_id_is_rejected(store: &dyn Store) {
    let first = family("conrad");
    store.add_family(&first).await.unwrap();
    let mut second = first.clone();
    second.name = "Somebody else".to_owned();
    assert!(matches!(
        store.add_family(&second).await,
        Err(StoreError::AlreadyExists(_))
    ));
    assert_eq!(store.family(&first.id).await.unwrap(), Some(first));
}

pub(super) async fn unknown_family_is_none(store: &dyn Store) {
    assert_eq!(store.family(&family_id("nobody")).await.unwrap(), None);
    assert!(store.families().await.unwrap().is_empty());
}

pub(super) async fn updated_family_is_read_back(store: &dyn Store) {
    let mut conrad = family("conrad");
    store.add_family(&conrad).await.unwrap();
    store.add_family(&family("other")).await.unwrap();
    conrad.name = "The Conrads".to_owned();
    conrad.recipients.pop();
    conrad.timezone = "Pacific/Auckland".parse().unwrap();
    conrad.notice_time = "18:00:00".parse().unwrap();
    conrad.reschedule(
        "Asia/Tokyo".parse().unwrap(),
        "07:15:00".parse().unwrap(),
        time("05:01:00"),
    );
    conrad.history.resumed_at = Some(time("05:02:00"));
    conrad.preferences.due_within_days = 7;
    conrad.pause(None, time("05:03:00"));
    store.update_family(&conrad).await.unwrap();
    assert_eq!(store.family(&conrad.id).await.unwrap(), Some(conrad));
    assert_eq!(
        store.family(&family_id("other")).await.unwrap(),
        Some(family("other"))
    );
}

pub(super) async fn unknown_family_cannot_be_updated_or_removed(store: &dyn Store) {
    let nobody = family("nobody");
    assert!(matches!(
        store.update_family(&nobody).await,
        Err(StoreError::NotFound(_))
    ));
    assert!(matches!(
        store.remove_family(&nobody.id).await,
        Err(StoreError::NotFound(_))
    ));
    assert_eq!(store.family(&nobody.id).await.unwrap(), None);
}

fn stopped(address: &str) -> StoppedRecipient {
    StoppedRecipient {
        address: address.parse().unwrap(),
        since: time("07:00:00"),
        complained: true,
    }
}

pub(super) async fn recipient_is_stopped_once_and_only_if_listed(store: &dyn Store) {
    let mut conrad = family("conrad");
    store.add_family(&conrad).await.unwrap();
    let stop = async |address| {
        let answer = store.stop_recipient(&conrad.id, &stopped(address)).await;
        answer.unwrap()
    };
    assert!(stop("Zoe@example.org").await);
    assert!(!stop("zoe@example.org").await, "already stopped");
    assert!(!stop("nobody@example.org").await);
    let nobody = family_id("nobody");
    let gone = store
        .stop_recipient(&nobody, &stopped("zoe@example.org"))
        .await;
    assert!(!gone.unwrap());

    conrad.stopped.push(stopped("Zoe@example.org"));
    assert_eq!(
        store.family(&conrad.id).await.unwrap(),
        Some(conrad.clone())
    );
    assert_eq!(store.families().await.unwrap(), [conrad.clone()]);
    assert_eq!(conrad.reachable_recipients().len(), 1);

    let zoe = "zoe@example.org".parse().unwrap();
    assert!(!store.allow_recipient(&nobody, &zoe).await.unwrap());
    assert!(store.allow_recipient(&conrad.id, &zoe).await.unwrap());
    assert!(
        !store.allow_recipient(&conrad.id, &zoe).await.unwrap(),
        "already allowed"
    );
    conrad.stopped.clear();
    assert_eq!(store.family(&conrad.id).await.unwrap(), Some(conrad));
}

pub(super) async fn family_edit_keeps_a_concurrent_stop(store: &dyn Store) {
    let mut conrad = family("conrad");
    store.add_family(&conrad).await.unwrap();
    // The mail service reports it between the read and the write of the family.
    let zoe = stopped("zoe@example.org");
    assert!(store.stop_recipient(&conrad.id, &zoe).await.unwrap());
    conrad.name = "The Conrads".to_owned();
    conrad.paused = true;
    store.update_family(&conrad).await.unwrap();
    conrad.stopped = vec![zoe];
    assert_eq!(
        store.family(&conrad.id).await.unwrap(),
        Some(conrad.clone())
    );

    // An edit doesn't re-stop a recipient who was allowed in the meantime.
    let address = &conrad.stopped[0].address;
    assert!(store.allow_recipient(&conrad.id, address).await.unwrap());
    store.update_family(&conrad).await.unwrap();
    conrad.stopped.clear();
    assert_eq!(store.family(&conrad.id).await.unwrap(), Some(conrad));
}

pub(super) async fn concurrent_stops_and_edits_lose_no_stop(store: &dyn Store) {
    let mut conrad = family("conrad");
    conrad.recipients = (0..4)
        .map(|number| format!("r{number}@example.org").parse().unwrap())
        .collect();
    store.add_family(&conrad).await.unwrap();
    let conrad = &conrad;
    let stops = (0..4).map(|number| async move {
        let stop = stopped(&format!("r{number}@example.org"));
        assert!(store.stop_recipient(&conrad.id, &stop).await.unwrap());
    });
    let edits = (0..4).map(|number| async move {
        let mut edited = conrad.clone();
        edited.name = format!("Conrad {number}");
        store.update_family(&edited).await.unwrap();
    });
    futures::future::join(join_all(stops), join_all(edits)).await;
    let stored = store.family(&conrad.id).await.unwrap().unwrap();
    assert!(stored.reachable_recipients().is_empty());
    assert!(stored.name.starts_with("Conrad "));
}

fn unsubscription(address: &str, kind: MailKind) -> Unsubscription {
    Unsubscription {
        address: address.parse().unwrap(),
        kind,
        since: time("07:00:00"),
        link: Some(Token::generate().unwrap().hash()),
    }
}

pub(super) async fn recipient_unsubscribes_once_from_each_kind(store: &dyn Store) {
    let mut conrad = family("conrad");
    store.add_family(&conrad).await.unwrap();
    let daily = unsubscription("zoe@example.org", MailKind::DAILY);
    let picture = unsubscription("zoe@example.org", MailKind::PICTURE);
    let unsubscribe = async |id: &str, one: &Unsubscription| {
        store.unsubscribe(&family_id(id), one).await.unwrap()
    };
    let again = unsubscription("ZOE@example.org", MailKind::DAILY);
    let stranger = unsubscription("eve@example.org", MailKind::DAILY);
    assert!(!unsubscribe("nobody", &daily).await);
    assert!(unsubscribe("conrad", &daily).await);
    assert!(!unsubscribe("conrad", &again).await, "already unsubscribed");
    assert!(!unsubscribe("conrad", &stranger).await, "not a recipient");
    assert!(unsubscribe("conrad", &picture).await);
    conrad.unsubscribed = vec![daily.clone(), picture.clone()];
    let stored = store.family(&conrad.id).await.unwrap();
    assert_eq!(stored.as_ref(), Some(&conrad));

    let resubscribe = async |kind| {
        let resubscribed = store.resubscribe(&conrad.id, &daily.address, &kind);
        resubscribed.await.unwrap()
    };
    assert!(resubscribe(MailKind::DAILY).await);
    assert!(!resubscribe(MailKind::DAILY).await, "already subscribed");
    let stored = store.family(&conrad.id).await.unwrap().unwrap();
    assert_eq!(stored.unsubscribed, [picture]);
}

pub(super) async fn family_edits_keep_a_concurrent_unsubscription(store: &dyn Store) {
    let before = family("conrad");
    store.add_family(&before).await.unwrap();
    let daily = unsubscription("zoe@example.org", MailKind::DAILY);
    assert!(store.unsubscribe(&before.id, &daily).await.unwrap());
    let mut after = before.clone();
    after.name = "The Conrads".to_owned();
    assert!(store.replace_family(&before, &after).await.unwrap());
    store.update_family(&after).await.unwrap();
    let stored = store.family(&before.id).await.unwrap().unwrap();
    assert_eq!(stored.unsubscribed, std::slice::from_ref(&daily));

    // An edit doesn't unsubscribe anyone again either.
    let resubscribed = store.resubscribe(&before.id, &daily.address, &daily.kind);
    assert!(resubscribed.await.unwrap());
    let mut later = stored.clone();
    later.name = "Conrad".to_owned();
    assert!(store.replace_family(&stored, &later).await.unwrap());
    let stored = store.family(&before.id).await.unwrap().unwrap();
    assert_eq!((stored.unsubscribed, &*stored.name), (Vec::new(), "Conrad"));
}

pub(super) async fn concurrent_unsubscriptions_are_all_kept(store: &dyn Store) {
    let mut conrad = family("conrad");
    conrad.recipients = (0..6)
        .map(|number| format!("r{number}@example.org").parse().unwrap())
        .collect();
    store.add_family(&conrad).await.unwrap();
    let id = &conrad.id;
    let answers = join_all((0..12).map(|number| async move {
        let address = format!("r{}@example.org", number % 6);
        let unsubscription = unsubscription(&address, MailKind::DAILY);
        store.unsubscribe(id, &unsubscription).await.unwrap()
    }))
    .await;
    assert_eq!(answers.iter().filter(|done| **done).count(), 6);
    let stored = store.family(id).await.unwrap().unwrap();
    assert!(stored.subscribed_recipients(&MailKind::DAILY).is_empty());
}

pub(super) async fn concurrent_stops_are_all_kept(store: &dyn Store) {
    let mut conrad = family("conrad");
    conrad.recipients = (0..6)
        .map(|number| format!("r{number}@example.org").parse().unwrap())
        .collect();
    store.add_family(&conrad).await.unwrap();
    let id = &conrad.id;
    let answers = join_all((0..12).map(|number| async move {
        let stop = stopped(&format!("r{}@example.org", number % 6));
        store.stop_recipient(id, &stop).await.unwrap()
    }))
    .await;
    assert_eq!(answers.iter().filter(|stopped| **stopped).count(), 6);
    let stored = store.family(id).await.unwrap().unwrap();
    assert!(stored.reachable_recipients().is_empty());
}

pub(super) async fn families_are_listed_by_id(store: &dyn Store) {
    for id in ["zuse", "abel", "2-cats", "conrad"] {
        store.add_family(&family(id)).await.unwrap();
    }
    let ids: Vec<String> = store
        .families()
        .await
        .unwrap()
        .iter()
        .map(|family| family.id.to_string())
        .collect();
    assert_eq!(ids, ["2-cats", "abel", "conrad", "zuse"]);
}

pub(super) async fn paging_lists_every_family_once(store: &dyn Store) {
    for id in ["zuse", "abel", "2-cats", "conrad", "conrad-2"] {
        store.add_family(&family(id)).await.unwrap();
    }
    for limit in 1..=6 {
        let mut seen = Vec::new();
        loop {
            let page = store.families_page(seen.last(), limit).await.unwrap();
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            seen.extend(page.into_iter().map(|family| family.id));
        }
        let ids: Vec<&str> = seen.iter().map(|id| id.as_str()).collect();
        let expected = ["2-cats", "abel", "conrad", "conrad-2", "zuse"];
        assert_eq!(ids, expected, "in pages of {limit}");
    }
}

pub(super) async fn removing_a_family_removes_all_its_data(store: &dyn Store) {
    let gone = one_card(store).await;
    store.add_family(&family("stays")).await.unwrap();
    let stays = add_card(store, card("stays", "wpl", "f2")).await;
    for card in [&gone, &stays] {
        store
            .save_check(&check(card, "05:10:00", Ok(account(0))))
            .await
            .unwrap();
    }
    for id in ["conrad", "stays"] {
        store.plan_mail(&notice(id, "2026-11-21")).await.unwrap();
    }

    store.remove_family(&gone.family).await.unwrap();

    assert_eq!(store.family(&gone.family).await.unwrap(), None);
    assert_eq!(store.card(gone.id).await.unwrap(), None);
    assert!(store.family_cards(&gone.family).await.unwrap().is_empty());
    assert!(
        store
            .family_accounts(&gone.family)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        store
            .recent_mails(&MailKind::DAILY, &gone.family, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(store.open_mails(None, 10).await.unwrap().len(), 1);
    assert_eq!(store.cards_with_secrets().await.unwrap(), [stays.id]);
    assert_eq!(store.family_accounts(&stays.family).await.unwrap().len(), 1);

    // A new family with the same id inherits nothing.
    store.add_family(&family("conrad")).await.unwrap();
    assert!(store.family_cards(&gone.family).await.unwrap().is_empty());
    assert!(
        store
            .family_accounts(&gone.family)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        store
            .recent_mails(&MailKind::DAILY, &gone.family, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(store.libraries().await.unwrap(), [library("wpl")]);
}

pub(super) async fn only_one_concurrent_add_of_a_family_wins(store: &dyn Store) {
    let conrad = family("conrad");
    let answers = join_all((0..8).map(|_| store.add_family(&conrad))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(store.families().await.unwrap(), [conrad]);
}

pub(super) async fn replacing_a_family_fails_if_it_changed(store: &dyn Store) {
    let before = family("conrad");
    let mut after = before.clone();
    after.preferences.due_within_days = 7;
    assert!(
        !store.replace_family(&before, &after).await.unwrap(),
        "there is none yet"
    );
    store.add_family(&before).await.unwrap();
    // A stop in between is kept, and doesn't make the edit fail.
    let stopped = StoppedRecipient {
        address: "zoe@example.org".parse().unwrap(),
        since: time("06:00:00"),
        complained: false,
    };
    assert!(store.stop_recipient(&before.id, &stopped).await.unwrap());
    assert!(store.replace_family(&before, &after).await.unwrap());
    let mut other = before.clone();
    other.name = "Somebody else".to_owned();
    assert!(
        !store.replace_family(&before, &other).await.unwrap(),
        "it changed"
    );
    after.stopped = vec![stopped];
    assert_eq!(store.family(&before.id).await.unwrap(), Some(after));
}

pub(super) async fn only_one_concurrent_edit_of_a_family_wins(store: &dyn Store) {
    let before = family("conrad");
    store.add_family(&before).await.unwrap();
    let edited = |days: u16| {
        let mut family = before.clone();
        family.preferences.due_within_days = 10 + days;
        family
    };
    let edits = (0..8).map(|days| {
        let (before, after) = (before.clone(), edited(days));
        async move { store.replace_family(&before, &after).await.unwrap() }
    });
    let won = join_all(edits).await;
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    let winner = won.iter().position(|won| *won).unwrap();
    let winner = edited(u16::try_from(winner).unwrap());
    assert_eq!(store.family(&before.id).await.unwrap(), Some(winner));
}
