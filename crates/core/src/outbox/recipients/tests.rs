use chrono::Duration;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::family::Delivery;
use crate::outbox::{AcceptedBy, DELIVERY_EVENT_WAIT, MailKey};
use crate::outbox::{LEASE_DURATION, MailState};
use crate::testing::contract::sample;

fn start() -> DateTime<Utc> {
    "2026-11-21T11:30:00Z".parse().unwrap()
}

fn two_recipients() -> Family {
    let mut family = sample::family("conrad");
    family.recipients = ["pat@example.org", "sam@example.org"]
        .map(|address| address.parse().unwrap())
        .to_vec();
    family
}

fn refused(family: &Family, index: usize, is_permanent: bool) -> RefusedRecipient {
    RefusedRecipient {
        address: family.recipients[index].clone(),
        is_permanent,
        reason: if is_permanent { "550" } else { "451" }.to_owned(),
    }
}

/// Claims `record` and begins sending; the mail server refuses these recipients.
fn sending(
    record: &OutboxRecord,
    family: &Family,
    refusals: &[RefusedRecipient],
    now: DateTime<Utc>,
) -> OutboxRecord {
    let claimed = record.claim(Uuid::nil(), now).unwrap();
    let for_now: Vec<EmailAddress> = refusals
        .iter()
        .filter(|refused| !refused.is_permanent)
        .map(|refused| refused.address.clone())
        .collect();
    let mut sending = claimed
        .with_recipients_of(family)
        .with_refusals(refusals)
        .begin_sending("hash".into(), &for_now, now)
        .unwrap();
    sending
        .retry_until
        .get_or_insert(start() + Duration::hours(17));
    sending
}

fn greylisted(family: &Family) -> OutboxRecord {
    let planned = OutboxRecord::planned(
        MailKey::daily(family.id.clone(), "2026-11-21".parse().unwrap()),
        start(),
    );
    sending(&planned, family, &[refused(family, 1, false)], start())
        .accepted("id".into(), start())
        .unwrap()
}

fn states(record: &OutboxRecord) -> Vec<RecipientState> {
    record
        .recipients
        .iter()
        .map(|recipient| recipient.state)
        .collect()
}

#[test]
fn only_the_greylisted_recipient_is_retried() {
    let family = two_recipients();
    let sent = greylisted(&family);
    assert_eq!(sent.state, MailState::Sent);
    assert!(!sent.is_over());
    assert_eq!(sent.pending_recipients(), family.recipients[1..]);
    assert!(
        sent.reason
            .as_deref()
            .unwrap()
            .contains("recipient 2 (451)")
    );

    assert_eq!(sent.check_claimable(start()), Err(TransitionError::Waiting));
    let later = start() + REFUSED_DELAY;
    let again = sending(&sent, &family, &[], later);
    assert_eq!(again.fence, sent.fence + 1);
    assert_eq!(
        states(&again),
        [RecipientState::Accepted, RecipientState::Sending]
    );
    let done = again.accepted("id2".into(), later).unwrap();
    assert_eq!(states(&done), [RecipientState::Accepted; 2]);
    assert!(done.is_over());
    assert_eq!(done.reason, None);
}

#[test]
fn recipient_is_given_up_after_three_retries() {
    let family = two_recipients();
    let mut record = greylisted(&family);
    let mut now = start();
    for retry in 1..=MAX_RETRIES {
        assert!(!record.is_over(), "retry {retry}");
        now += REFUSED_DELAY;
        let claimed = record.claim(Uuid::nil(), now).unwrap();
        record = claimed.refused_for_now("451".into(), now).unwrap();
        assert_eq!(record.state, MailState::Sent);
    }
    assert!(record.is_over());
    assert_eq!(
        states(&record),
        [RecipientState::Accepted, RecipientState::Refused]
    );
    assert_eq!(
        record.claim(Uuid::nil(), now + LEASE_DURATION),
        Err(TransitionError::Final)
    );
}

#[test]
fn recipient_is_given_up_when_the_local_day_ends() {
    let family = two_recipients();
    let sent = greylisted(&family);
    let midnight = sent.retry_until.unwrap();
    let before = midnight - Duration::seconds(1);
    assert!(sent.claim(Uuid::nil(), before).is_ok());
    assert_eq!(
        sent.give_up_recipients(before),
        Err(TransitionError::Waiting)
    );
    assert_eq!(
        sent.claim(Uuid::nil(), midnight),
        Err(TransitionError::Final)
    );
    let over = sent.give_up_recipients(midnight).unwrap();
    assert!(over.is_over());
    assert_eq!(over.unreached_recipients().count(), 1);
}

#[test]
fn pausing_a_family_drops_waiting_recipients() {
    let family = two_recipients();
    let sent = greylisted(&family);
    let midnight = sent.retry_until.unwrap();
    let before = midnight - Duration::seconds(1);
    assert_eq!(
        sent.drop_waiting_recipients(before),
        Err(TransitionError::Waiting)
    );
    let claimed = sent.claim(Uuid::nil(), before).unwrap();
    let skipped = claimed.without_waiting_recipients().skip(None, before);
    for over in [skipped, sent.drop_waiting_recipients(midnight)] {
        let over = over.unwrap();
        assert!(over.is_over());
        assert_eq!(over.state, MailState::Sent);
        assert_eq!(over.unreached_recipients().count(), 0);
        assert_eq!(states(&over), [RecipientState::Accepted]);
    }
    // A mail that nobody has is skipped for all of them.
    let key = MailKey::daily(family.id.clone(), "2026-11-21".parse().unwrap());
    let planned = OutboxRecord::planned(key, start());
    let claimed = planned.claim(Uuid::nil(), start()).unwrap();
    let claimed = claimed.with_recipients_of(&family);
    assert_eq!(claimed.without_waiting_recipients(), claimed);
}

#[test]
fn record_is_given_up_after_a_crash_in_the_last_retry() {
    let family = two_recipients();
    let mut record = greylisted(&family);
    let mut now = start();
    for _ in 0..MAX_RETRIES {
        now += REFUSED_DELAY;
        record = record.claim(Uuid::nil(), now).unwrap();
    }
    assert_eq!(
        record.give_up_recipients(now),
        Err(TransitionError::Waiting)
    );
    now += LEASE_DURATION;
    assert_eq!(record.claim(Uuid::nil(), now), Err(TransitionError::Final));
    let over = record.give_up_recipients(now).unwrap();
    assert_eq!((over.state, over.is_over()), (MailState::Sent, true));
}

#[test]
fn doubt_about_a_retry_leaves_the_notice_sent() {
    let family = two_recipients();
    let later = start() + REFUSED_DELAY;
    let doubtful = sending(&greylisted(&family), &family, &[], later)
        .doubt(later + LEASE_DURATION)
        .unwrap()
        .reconcile(Delivery::AtMostOnce, later + DELIVERY_EVENT_WAIT)
        .unwrap();
    assert_eq!(doubtful.state, MailState::Sent);
    assert!(doubtful.is_over());
    assert_eq!(
        states(&doubtful),
        [RecipientState::Accepted, RecipientState::Unknown]
    );
}

/// Under `at_least_once`, with the last retry in doubt.
#[test]
fn unknown_last_retry_is_reported_as_unknown() {
    let family = two_recipients();
    let mut record = greylisted(&family);
    let mut now = start();
    for _ in 1..MAX_RETRIES {
        now += REFUSED_DELAY;
        let claimed = record.claim(Uuid::nil(), now).unwrap();
        record = claimed.refused_for_now("451".into(), now).unwrap();
    }
    now += REFUSED_DELAY;
    let over = in_doubt(&record, &family, now);
    assert!(over.is_over());
    assert_eq!(
        states(&over),
        [RecipientState::Accepted, RecipientState::Unknown]
    );
    assert_eq!(
        over.reason.as_deref(),
        Some("We can’t tell whether recipient 2 got the email.")
    );
}

/// Later results don't remove the doubt about an earlier mail.
#[test]
fn doubtful_recipient_is_not_reported_as_refused() {
    let family = two_recipients();
    let mut now = start() + REFUSED_DELAY;
    let again = in_doubt(&greylisted(&family), &family, now);
    assert_eq!(
        again.reason.as_deref(),
        Some("We can’t tell whether recipient 2 got the email; we’ll try again.")
    );
    now = now + DELIVERY_EVENT_WAIT + REFUSED_DELAY;
    let sending = sending(&again, &family, &[], now);
    let not_sent = sending.not_sent("no connection".into(), now).unwrap();
    let midnight = not_sent.retry_until.unwrap();
    for over in [
        not_sent.give_up_recipients(midnight).unwrap(),
        sending.failed("550".into(), now).unwrap(),
    ] {
        assert_eq!(
            states(&over),
            [RecipientState::Accepted, RecipientState::Unknown]
        );
    }
}

/// Sends a retry with an unknown outcome and reconciles it under `at_least_once`.
fn in_doubt(record: &OutboxRecord, family: &Family, now: DateTime<Utc>) -> OutboxRecord {
    sending(record, family, &[], now)
        .doubt(now + LEASE_DURATION)
        .and_then(|doubtful| doubtful.reconcile(Delivery::AtLeastOnce, now + DELIVERY_EVENT_WAIT))
        .unwrap()
}

#[test]
fn permanently_refused_recipient_is_not_retried() {
    let family = two_recipients();
    let planned = OutboxRecord::planned(
        MailKey::daily(family.id.clone(), sample::date("2026-11-21")),
        start(),
    );
    let sent = sending(&planned, &family, &[refused(&family, 1, true)], start())
        .accepted("id".into(), start())
        .unwrap();
    assert!(sent.is_over());
    assert_eq!(
        states(&sent),
        [RecipientState::Accepted, RecipientState::Refused]
    );
}

#[test]
fn former_recipient_no_longer_waits() {
    let mut family = two_recipients();
    let sent = greylisted(&family);
    family.recipients.pop();
    let later = start() + REFUSED_DELAY;
    let claimed = sent.claim(Uuid::nil(), later).unwrap();
    let claimed = claimed.with_recipients_of(&family);
    assert!(claimed.pending_recipients().is_empty());
    let over = claimed.failed("nobody is left".into(), later).unwrap();
    assert_eq!((over.state, over.is_over()), (MailState::Sent, true));
    assert_eq!(over.unreached_recipients().count(), 0);
}

#[test]
fn recipient_added_after_sending_gets_no_mail() {
    let mut family = two_recipients();
    let sent = greylisted(&family);
    family.recipients.push("lee@example.org".parse().unwrap());
    let later = start() + REFUSED_DELAY;
    let claimed = sent.claim(Uuid::nil(), later).unwrap();
    let claimed = claimed.with_recipients_of(&family);
    assert_eq!(claimed.pending_recipients(), family.recipients[1..2]);
}

/// The outcome of one claim.
#[derive(Debug, Clone, Copy)]
enum Attempt {
    CrashesClaimed,
    RefusedBefore { is_permanent: bool },
    Accepted { event: bool },
    NotSent,
    RefusedAtTheEnd { is_permanent: bool },
    Silence { taken: bool, event: bool },
}

fn attempts() -> impl Strategy<Value = (Attempt, u8, u8)> {
    let one = prop_oneof![
        Just(Attempt::CrashesClaimed),
        any::<bool>().prop_map(|is_permanent| Attempt::RefusedBefore { is_permanent }),
        any::<bool>().prop_map(|event| Attempt::Accepted { event }),
        Just(Attempt::NotSent),
        any::<bool>().prop_map(|is_permanent| Attempt::RefusedAtTheEnd { is_permanent }),
        any::<(bool, bool)>().prop_map(|(taken, event)| Attempt::Silence { taken, event }),
    ];
    // Bits: which recipients are refused for now, which for good.
    (one, 0_u8..8, 0_u8..8)
}

proptest! {
    /// Nobody gets two mails, and each recipient without one is reported.
    #[test]
    fn no_recipient_gets_two_mails(attempts in prop::collection::vec(attempts(), 1..12)) {
        let mut family = two_recipients();
        family.recipients.push("lee@example.org".parse().unwrap());
        let mut record = OutboxRecord::planned(MailKey::daily(family.id.clone(), sample::date("2026-11-21")), start());
        let mut now = start();
        let mut mails = [0; 3];
        for (attempt, for_now, is_permanent) in attempts {
            now += REFUSED_DELAY;
            if record.retries_are_over(now) {
                record = record.give_up_recipients(now).unwrap();
            }
            let Ok(claimed) = record.claim(Uuid::nil(), now) else { break };
            let claimed = claimed.with_recipients_of(&family);
            let refusals: Vec<RefusedRecipient> = (0..3)
                .filter(|index| (for_now | is_permanent) >> index & 1 == 1)
                .map(|index| refused(&family, index, is_permanent >> index & 1 == 1))
                .filter(|refused| claimed.pending_recipients().contains(&refused.address))
                .collect();
            let is_everyone_refused = refusals.len() == claimed.pending_recipients().len();
            record = match attempt {
                Attempt::CrashesClaimed => { now += LEASE_DURATION; claimed }
                Attempt::RefusedBefore { is_permanent: true } => claimed.failed("550".into(), now).unwrap(),
                Attempt::RefusedBefore { .. } => claimed.refused_for_now("451".into(), now).unwrap(),
                _ if is_everyone_refused => claimed.refused_for_now("451".into(), now).unwrap(),
                attempt => {
                    let for_now: Vec<EmailAddress> = refusals
                        .iter()
                        .filter(|refused| !refused.is_permanent)
                        .map(|refused| refused.address.clone())
                        .collect();
                    let mut sending = claimed
                        .with_refusals(&refusals)
                        .begin_sending("hash".into(), &for_now, now)
                        .unwrap();
                    sending.retry_until.get_or_insert(start() + Duration::hours(9));
                    let mut take = || {
                        for (mails, recipient) in mails.iter_mut().zip(&sending.recipients) {
                            *mails += i32::from(recipient.state == RecipientState::Sending);
                        }
                    };
                    let event = |record: &OutboxRecord| {
                        record
                            .apply_acceptance(sending.fence, AcceptedBy::RecipientServer, None, now)
                            .unwrap_or_else(|_| record.clone())
                    };
                    match attempt {
                        Attempt::Accepted { event: true } => {
                            take();
                            let sent = event(&sending);
                            prop_assert!(sent.accepted("id".into(), now).is_err());
                            sent
                        }
                        Attempt::Accepted { .. } => { take(); sending.accepted("id".into(), now).unwrap() }
                        Attempt::NotSent => sending.not_sent("no connection".into(), now).unwrap(),
                        Attempt::RefusedAtTheEnd { is_permanent: true } => {
                            sending.failed("554".into(), now).unwrap()
                        }
                        Attempt::RefusedAtTheEnd { .. } => {
                            sending.refused_for_now("451".into(), now).unwrap()
                        }
                        Attempt::Silence { taken, event: comes } => {
                            if taken { take(); }
                            let doubtful = sending.doubt(now + LEASE_DURATION).unwrap();
                            let reconciled = doubtful
                                .reconcile(Delivery::AtMostOnce, now + DELIVERY_EVENT_WAIT)
                                .unwrap();
                            if taken && comes { event(&reconciled) } else { reconciled }
                        }
                        Attempt::CrashesClaimed | Attempt::RefusedBefore { .. } => unreachable!("above"),
                    }
                }
            };
        }
        prop_assert!(mails.iter().all(|mails| *mails <= 1), "{mails:?} {record:?}");
        if record.state == MailState::Sent && record.is_over() {
            for (mails, recipient) in mails.iter().zip(&record.recipients) {
                let is_reported = matches!(
                    recipient.state,
                    RecipientState::Refused | RecipientState::Unknown
                );
                prop_assert!(*mails == 1 || is_reported, "{record:?}");
                prop_assert!(recipient.state != RecipientState::Accepted || *mails == 1);
            }
        }
    }
}

/// The first mail went to the first recipient alone and is in doubt; the second mail is for both.
#[test]
fn acceptance_of_doubtful_mail_counts_for_its_own_recipients() {
    let family = two_recipients();
    let planned = OutboxRecord::planned(
        MailKey::daily(family.id.clone(), sample::date("2026-11-21")),
        start(),
    );
    let first = sending(&planned, &family, &[refused(&family, 1, false)], start());
    let overdue = start() + DELIVERY_EVENT_WAIT;
    let again = first
        .doubt(start() + LEASE_DURATION)
        .and_then(|unknown| unknown.send_again(overdue))
        .unwrap();
    let second = sending(&again, &family, &[], overdue);
    let accepted_first = second
        .apply_acceptance(first.fence, AcceptedBy::MailService, None, overdue)
        .unwrap();
    let states = |record: &OutboxRecord| -> Vec<RecipientState> {
        record.recipients.iter().map(|one| one.state).collect()
    };
    assert_eq!(
        (accepted_first.state, states(&accepted_first)),
        (
            MailState::Sending,
            vec![RecipientState::Accepted, RecipientState::Sending]
        )
    );
    // The outcome of the second mail comes from its worker, or never.
    let accepted = accepted_first.accepted("id".into(), overdue).unwrap();
    assert_eq!(states(&accepted), [RecipientState::Accepted; 2]);
    let unknown = accepted_first.doubt(overdue + LEASE_DURATION).unwrap();
    let given_up = unknown
        .reconcile(Delivery::AtLeastOnce, overdue + DELIVERY_EVENT_WAIT)
        .unwrap();
    assert_eq!(
        (given_up.state, states(&given_up)),
        (
            MailState::Sent,
            vec![RecipientState::Accepted, RecipientState::Unknown]
        )
    );
}
