use chrono::Duration;
use futures::future::join_all;
use uuid::Uuid;

use super::Store;
use super::sample::{date, family, family_id, notice, time};
use crate::email_address::EmailAddress;
use crate::notice::last_notice::{AttentionItem, LastNotice};
use crate::outbox::{MailKey, MailKind, MailRecipient, MailState, OutboxRecord, RecipientState};
use crate::store::{OutboxCursor, StoreError, StoreOrigin};
use crate::unsubscribe::{UnsubscribeLink, UnsubscribeToken};

const DAY: &str = "2026-11-21";

fn last_notice(hold: &str) -> LastNotice {
    LastNotice {
        ready_holds: [hold.to_owned()].into(),
        renewable_loans: ["card/loan".to_owned()].into(),
        attention: [(
            "fines/card".to_owned(),
            AttentionItem {
                stage: "17.00".to_owned(),
                reported_on: date(DAY),
            },
        )]
        .into(),
    }
}

async fn planned(store: &dyn Store, family_id: &str, day: &str) -> OutboxRecord {
    let record = notice(family_id, day);
    if store.family(&record.family).await.unwrap().is_none() {
        store.add_family(&family(family_id)).await.unwrap();
    }
    assert!(store.plan_mail(&record).await.unwrap());
    record
}

/// Replaces `record` by `next` and returns `next`.
async fn replace(
    store: &dyn Store,
    record: &OutboxRecord,
    next: OutboxRecord,
    last_notice: Option<&LastNotice>,
) -> OutboxRecord {
    assert!(
        store
            .replace_mail(record.revision, &next, last_notice)
            .await
            .unwrap()
    );
    next
}

async fn sending(
    store: &dyn Store,
    record: &OutboxRecord,
    last_notice: Option<&LastNotice>,
) -> OutboxRecord {
    let now = time("06:31:00");
    let claimed = record.claim(Uuid::new_v4(), now).unwrap();
    let claimed = replace(store, record, claimed, None).await;
    let sending = claimed
        .begin_sending("a hash".to_owned(), &[], now)
        .unwrap();
    replace(store, &claimed, sending, last_notice).await
}

async fn sent(store: &dyn Store, record: &OutboxRecord, last_notice: Option<&LastNotice>) -> OutboxRecord {
    let sending = sending(store, record, last_notice).await;
    let accepted = sending
        .accepted("an id".to_owned(), time("06:32:00"))
        .unwrap();
    replace(store, &sending, accepted, None).await
}

/// The record in this state, whether or not the transition is allowed.
fn in_state(record: &OutboxRecord, state: MailState) -> OutboxRecord {
    OutboxRecord {
        state,
        revision: record.revision + 1,
        ..record.clone()
    }
}

pub(super) async fn notice_is_planned_once(store: &dyn Store) {
    let record = planned(store, "conrad", DAY).await;
    let mut again = record.clone();
    again.planned_at = time("06:45:00");
    assert!(!store.plan_mail(&again).await.unwrap());
    let stored = store.mail(&record.key()).await.unwrap();
    assert_eq!(stored, Some(record.clone()));

    // A final record is not planned again either.
    let claimed = record.claim(Uuid::new_v4(), time("06:31:00")).unwrap();
    let claimed = replace(store, &record, claimed, None).await;
    let skipped = claimed.skip(None, time("06:31:10")).unwrap();
    let skipped = replace(store, &claimed, skipped, None).await;
    assert!(!store.plan_mail(&again).await.unwrap());
    let stored = store.mail(&record.key()).await.unwrap();
    assert_eq!(stored, Some(skipped));

    planned(store, "conrad", "2026-11-22").await;
    planned(store, "other", DAY).await;
}

pub(super) async fn missed_day_is_recorded_as_final(store: &dyn Store) {
    store.add_family(&family("conrad")).await.unwrap();
    let missed = OutboxRecord::missed(
        MailKey::daily(family_id("conrad"), date(DAY)),
        time("06:30:00"),
    );
    assert!(store.plan_mail(&missed).await.unwrap());
    assert!(store.open_mails(None, 10).await.unwrap().is_empty());
    let stored = store.mail(&missed.key()).await.unwrap();
    assert_eq!(stored, Some(missed));
}

pub(super) async fn notice_of_an_unknown_family_is_rejected(store: &dyn Store) {
    let record = notice("nobody", DAY);
    assert!(matches!(
        store.plan_mail(&record).await,
        Err(StoreError::NotFound(_))
    ));
    let stored = store.mail(&record.key()).await.unwrap();
    assert_eq!(stored, None);
    assert!(store.open_mails(None, 10).await.unwrap().is_empty());
}

/// The links of a mail to one recipient, and of one to several.
fn unsubscribe_links() -> Vec<UnsubscribeLink> {
    let to: [EmailAddress; 2] =
        ["zoe@example.org", "abe@example.org"].map(|address| address.parse().unwrap());
    let key = MailKey::daily(family_id("conrad"), date(DAY));
    let link = |to| UnsubscribeToken::generate(key.clone()).unwrap().link(to);
    vec![link(&to[..1]), link(&to)]
}

pub(super) async fn notice_is_read_back(store: &dyn Store) {
    let record = planned(store, "conrad", DAY).await;
    let full = OutboxRecord {
        state: MailState::Sending,
        revision: 1,
        owner: Some(Uuid::new_v4()),
        fence: 7,
        lease_until: Some(time("06:36:00")),
        not_before: Some(time("07:00:00")),
        attempts: 3,
        doubts: 2,
        events_from: 5,
        recipients: vec![waiting_recipient()],
        retries: 2,
        retry_until: Some(time("23:00:00")),
        unsubscribe_links: unsubscribe_links(),
        body_hash: Some("00ff".to_owned()),
        message_id: Some("daily.conrad.2026-11-21.7@example.org".to_owned()),
        reason: Some("no answer to the final dot".to_owned()),
        changed_at: time("06:33:00"),
        ..record.clone()
    };
    replace(store, &record, full.clone(), None).await;
    let stored = store.mail(&full.key()).await.unwrap();
    assert_eq!(stored, Some(full.clone()));
    for state in [
        MailState::Unknown,
        MailState::GaveUp,
        MailState::Missed,
        MailState::Failed,
    ] {
        let before = store.mail(&full.key()).await.unwrap().unwrap();
        let after = replace(store, &before, in_state(&before, state), None).await;
        let stored = store.mail(&full.key()).await.unwrap();
        assert_eq!(stored, Some(after.to_stored().into_owned()));
    }
    let elsewhere = store
        .mail(&MailKey::daily(full.family.clone(), date("2026-11-22")))
        .await;
    assert_eq!(elsewhere.unwrap(), None);
}

fn waiting_recipient() -> MailRecipient {
    MailRecipient {
        number: 2,
        address: Some("sam@example.org".parse().unwrap()),
        state: RecipientState::Pending,
        fence: 3,
        reason: Some("451 4.7.1".to_owned()),
        in_doubt: true,
    }
}

pub(super) async fn sent_notice_with_a_waiting_recipient_is_open(store: &dyn Store) {
    let record = planned(store, "conrad", DAY).await;
    let sent = sent(store, &record, Some(&last_notice("first"))).await;
    assert!(store.open_mails(None, 10).await.unwrap().is_empty());
    let waiting = OutboxRecord {
        recipients: vec![waiting_recipient()],
        ..in_state(&sent, MailState::Sent)
    };
    let waiting = replace(store, &sent, waiting, None).await;
    let open = store.open_mails(None, 10).await.unwrap();
    assert_eq!(open, std::slice::from_ref(&waiting));
    // Its last notice stays the reference for the next one.
    let last = store.last_sent_notice(&record.family).await.unwrap();
    assert_eq!(last, Some(last_notice("first")));
    let mut over = in_state(&waiting, MailState::Sent);
    over.recipients[0].state = RecipientState::Accepted;
    replace(store, &waiting, over, None).await;
    assert!(store.open_mails(None, 10).await.unwrap().is_empty());
}

pub(super) async fn addresses_are_deleted_once_a_notice_is_over(store: &dyn Store) {
    let record = planned(store, "conrad", DAY).await;
    let sent = sent(store, &record, None).await;
    let waiting = OutboxRecord {
        recipients: vec![waiting_recipient()],
        ..in_state(&sent, MailState::Sent)
    };
    let waiting = replace(store, &sent, waiting, None).await;
    let stored = store.mail(&record.key()).await.unwrap();
    assert_eq!(stored, Some(waiting.clone()), "it is tried again");
    let mut over = in_state(&waiting, MailState::Sent);
    over.recipients[0].state = RecipientState::Refused;
    replace(store, &waiting, over, None).await;
    let stored = store.mail(&record.key()).await.unwrap();
    let recipient = &stored.unwrap().recipients[0];
    assert_eq!(recipient.address, None);
    assert_eq!((recipient.number, recipient.state), (2, RecipientState::Refused));
}

pub(super) async fn removed_family_leaves_no_address_behind(store: &dyn Store) {
    let record = planned(store, "conrad", DAY).await;
    let sent = sent(store, &record, Some(&last_notice("first"))).await;
    let waiting = OutboxRecord {
        attempts: 1,
        recipients: vec![waiting_recipient()],
        ..in_state(&sent, MailState::Sent)
    };
    replace(store, &sent, waiting, None).await;
    store.remove_family(&record.family).await.unwrap();
    let left = store.mail(&record.key()).await.unwrap();
    for recipient in left.into_iter().flat_map(|left| left.recipients) {
        assert_eq!(recipient.address, None);
    }
}

pub(super) async fn notice_is_replaced_only_at_the_expected_revision(store: &dyn Store) {
    let record = planned(store, "conrad", DAY).await;
    let now = time("06:31:00");
    let mine = record.claim(Uuid::new_v4(), now).unwrap();
    let theirs = record.claim(Uuid::new_v4(), now).unwrap();
    let mine = replace(store, &record, mine, None).await;
    let late = last_notice("late");
    assert!(
        !store
            .replace_mail(record.revision, &theirs, Some(&late))
            .await
            .unwrap()
    );
    assert!(
        !store
            .replace_mail(mine.revision + 1, &theirs, None)
            .await
            .unwrap()
    );
    let stored = store.mail(&record.key()).await.unwrap();
    assert_eq!(stored, Some(mine.clone()));

    // The loser's last notice is not stored either.
    let sending = mine.begin_sending("a hash".to_owned(), &[], now).unwrap();
    let sending = replace(store, &mine, sending, None).await;
    let accepted = sending.accepted("an id".to_owned(), now).unwrap();
    replace(store, &sending, accepted, None).await;
    assert_eq!(store.last_sent_notice(&record.family).await.unwrap(), None);
}

pub(super) async fn unplanned_notice_is_not_replaced(store: &dyn Store) {
    store.add_family(&family("conrad")).await.unwrap();
    let record = notice("conrad", DAY);
    let claimed = record.claim(Uuid::new_v4(), time("06:31:00")).unwrap();
    assert!(
        !store
            .replace_mail(record.revision, &claimed, None)
            .await
            .unwrap()
    );
    let stored = store.mail(&record.key()).await.unwrap();
    assert_eq!(stored, None);
}

pub(super) async fn only_one_concurrent_notice_claim_wins(store: &dyn Store) {
    let record = planned(store, "conrad", DAY).await;
    let answers = join_all((0..16).map(|_| async {
        let claimed = record.claim(Uuid::new_v4(), time("06:31:00")).unwrap();
        let won = store
            .replace_mail(record.revision, &claimed, None)
            .await
            .unwrap();
        won.then_some(claimed)
    }))
    .await;
    let winners: Vec<_> = answers.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1);
    let stored = store.mail(&record.key()).await.unwrap();
    assert_eq!(stored.as_ref(), winners.first());
}

pub(super) async fn only_one_concurrent_notice_plan_wins(store: &dyn Store) {
    store.add_family(&family("conrad")).await.unwrap();
    let record = notice("conrad", DAY);
    let answers = join_all((0..16).map(|_| store.plan_mail(&record))).await;
    let wins = answers.into_iter().map(Result::unwrap).filter(|won| *won);
    assert_eq!(wins.count(), 1);
}

pub(super) async fn open_notices_are_listed_oldest_first(store: &dyn Store) {
    let states = [
        ("2026-11-10", MailState::Pending, true),
        ("2026-11-11", MailState::Claimed, true),
        ("2026-11-12", MailState::Sending, true),
        ("2026-11-13", MailState::Sent, false),
        ("2026-11-14", MailState::Skipped, false),
        ("2026-11-15", MailState::Failed, false),
        ("2026-11-16", MailState::Unknown, true),
        ("2026-11-17", MailState::GaveUp, false),
        ("2026-11-18", MailState::Missed, false),
        ("2026-11-19", MailState::Newer, true),
    ];
    let mut open = Vec::new();
    // Newest first, so that the order of writing is not the order asked for.
    for (day, state, is_open) in states.into_iter().rev() {
        let record = planned(store, "conrad", day).await;
        let record = replace(store, &record, in_state(&record, state), None).await;
        assert_eq!(record.state.is_final(), !is_open);
        if is_open {
            open.push(record);
        }
    }
    for id in ["zuse", "abel"] {
        open.push(planned(store, id, "2026-11-12").await);
    }
    open.sort_by_key(|record| (record.date, record.family.clone()));
    assert_eq!(store.open_mails(None, 100).await.unwrap(), open);
}

pub(super) async fn paging_lists_every_open_notice_once(store: &dyn Store) {
    let mut open = Vec::new();
    for day in ["2026-11-22", "2026-11-21"] {
        for id in ["zuse", "abel", "conrad", "conrad-2"] {
            open.push(planned(store, id, day).await);
        }
    }
    open.sort_by_key(|record| (record.date, record.family.clone()));
    for limit in 1..=9 {
        let mut seen: Vec<OutboxRecord> = Vec::new();
        loop {
            let after = seen.last().map(OutboxCursor::from);
            let page = store.open_mails(after.as_ref(), limit).await.unwrap();
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            seen.extend(page);
        }
        assert_eq!(seen, open, "in pages of {limit}");
    }

    // The next page starts after a record that is no longer listed.
    let first = &open[0];
    replace(store, first, in_state(first, MailState::Sent), None).await;
    let after = OutboxCursor::from(first);
    let page = store.open_mails(Some(&after), 1).await.unwrap();
    assert_eq!(page, open[1..2]);
}

pub(super) async fn last_notice_is_that_of_the_newest_sent(store: &dyn Store) {
    let conrad = family_id("conrad");
    store.add_family(&family("conrad")).await.unwrap();
    assert_eq!(store.last_sent_notice(&conrad).await.unwrap(), None);

    // The newer date is sent first.
    for day in ["2026-11-20", "2026-11-19"] {
        let record = planned(store, "conrad", day).await;
        sent(store, &record, Some(&last_notice(day))).await;
    }
    assert_eq!(
        store.last_sent_notice(&conrad).await.unwrap(),
        Some(last_notice("2026-11-20"))
    );

    // Mails that may have been sent, were refused or were skipped do not count.
    let unsure = planned(store, "conrad", "2026-11-21").await;
    sending(store, &unsure, Some(&last_notice("2026-11-21"))).await;
    let failed = planned(store, "conrad", "2026-11-22").await;
    let sending = sending(store, &failed, Some(&last_notice("2026-11-22"))).await;
    let refused = sending.failed("550".to_owned(), time("06:32:00")).unwrap();
    replace(store, &sending, refused, None).await;
    assert_eq!(
        store.last_sent_notice(&conrad).await.unwrap(),
        Some(last_notice("2026-11-20"))
    );

    store.add_family(&family("other")).await.unwrap();
    assert_eq!(
        store.last_sent_notice(&family_id("other")).await.unwrap(),
        None
    );
}

pub(super) async fn last_notice_stays_when_a_later_write_has_none(store: &dyn Store) {
    let record = planned(store, "conrad", DAY).await;
    let first = sending(store, &record, Some(&last_notice("first"))).await;
    let again = first
        .not_sent("no connection".to_owned(), time("06:32:00"))
        .unwrap();
    let again = replace(store, &first, again, None).await;
    sent(store, &again, Some(&last_notice("second"))).await;
    assert_eq!(
        store.last_sent_notice(&record.family).await.unwrap(),
        Some(last_notice("second"))
    );
}

pub(super) async fn recent_notices_are_newest_first_and_limited(store: &dyn Store) {
    let first = date("2026-10-30");
    for days in [3, 0, 4, 1, 2] {
        let day = (first + Duration::days(days)).to_string();
        planned(store, "conrad", &day).await;
    }
    planned(store, "other", "2026-12-24").await;
    let days = |records: Vec<OutboxRecord>| -> Vec<i64> {
        records
            .iter()
            .map(|record| (record.date - first).num_days())
            .collect()
    };
    let conrad = family_id("conrad");
    assert_eq!(
        days(
            store
                .recent_mails(&MailKind::DAILY, &conrad, 3)
                .await
                .unwrap()
        ),
        [4, 3, 2]
    );
    assert_eq!(
        store
            .recent_mails(&MailKind::DAILY, &conrad, 100)
            .await
            .unwrap()
            .len(),
        5
    );
}

pub(super) async fn sent_date_outlives_its_family(store: &dyn Store) {
    let record = planned(store, "conrad", DAY).await;
    let unsent = planned(store, "conrad", "2026-11-22").await;
    sent(store, &record, Some(&last_notice("a"))).await;
    store.remove_family(&record.family).await.unwrap();
    store.add_family(&family("conrad")).await.unwrap();
    assert!(!store.plan_mail(&notice("conrad", DAY)).await.unwrap());
    let kept = store.mail(&record.key()).await.unwrap();
    let kept = kept.unwrap();
    assert!(kept.state.is_final());
    // A person may still resend it, under a claim that was never used.
    let again = kept.resend(time("07:00:00")).unwrap();
    let again = again.claim(Uuid::new_v4(), time("07:00:00")).unwrap();
    assert!(again.fence > 1);
    // Its last notice is gone with the family, and unsent mails may be sent.
    assert_eq!(store.last_sent_notice(&record.family).await.unwrap(), None);
    assert!(store.plan_mail(&unsent).await.unwrap());
}

pub(super) async fn sent_date_is_not_recorded_as_missed(store: &dyn Store) {
    let record = planned(store, "conrad", DAY).await;
    sent(store, &record, None).await;
    store.remove_family(&record.family).await.unwrap();
    store.add_family(&family("conrad")).await.unwrap();
    let missed = OutboxRecord::missed(record.key(), time("09:00:00"));
    assert!(!store.plan_mail(&missed).await.unwrap());
    let kept = store.mail(&record.key()).await.unwrap();
    assert_ne!(kept.map(|kept| kept.state), Some(MailState::Missed));
}

pub(super) async fn store_in_continuous_use_is_known(store: &dyn Store) {
    assert_eq!(store.origin().await.unwrap(), StoreOrigin::Known);
    let record = planned(store, "conrad", DAY).await;
    sent(store, &record, None).await;
    assert_eq!(store.origin().await.unwrap(), StoreOrigin::Known);
    store.end_restore().await.unwrap();
    assert_eq!(store.origin().await.unwrap(), StoreOrigin::Known);
}
