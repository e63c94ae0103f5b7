//! Finalises mails by the delivery events that the mail service sends later.
//!
//! Events may come early, late, twice, out of order or never.

use crate::alerts::Alert;
use crate::alerts::raise_record_alerts;
use crate::clock::Clock;
use crate::email_address::{EmailAddress, wire_form};
use crate::family::{StopReason, StoppedRecipient};
use crate::ids::FamilyId;
use crate::jobs::JobError;
use crate::mail::MailTag;
use crate::outbox::{AcceptedBy, MailState, OutboxRecord, TransitionError};
use crate::store::{AlertStore, FamilyStore, OutboxStore};

/// The most attempts to apply an event while others change the record.
const MAX_CONFLICTS: usize = 8;

/// The outcome that a delivery event reports.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DeliveryEvent {
    /// The mail was accepted.
    Accepted(AcceptedBy),
    /// The mail service accepted the mail, then rejected it.
    Rejected {
        /// The reason for the operator, without addresses or content.
        reason: String,
    },
}

/// The effect of a delivery event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventOutcome {
    /// The mail is in this state now.
    Finalised(MailState),
    /// The outcome was known already, or no longer matters.
    NothingNew,
    /// The mail no longer exists.
    Gone,
}

/// Applies a delivery event to the mail of `tag`.
///
/// Idempotent. An error is the store's: deliver the event again. The alert about a mail that was
/// not sent is raised before the failure is recorded.
pub async fn apply_delivery_event(
    outbox: &dyn OutboxStore,
    alerts: &dyn AlertStore,
    clock: &dyn Clock,
    tag: &MailTag,
    event: &DeliveryEvent,
    message_id: Option<&str>,
) -> Result<EventOutcome, JobError> {
    for _ in 0..MAX_CONFLICTS {
        let Some(record) = outbox.mail(&tag.key()).await? else {
            tracing::warn!(mail.kind = %tag.kind, family.id = %tag.family, date = %tag.date, "The mail of a delivery event no longer exists.");
            return Ok(EventOutcome::Gone);
        };
        let now = clock.now();
        let transition = match event {
            DeliveryEvent::Accepted(by) => {
                record.apply_acceptance(tag.fence, *by, message_id.map(ToOwned::to_owned), now)
            }
            DeliveryEvent::Rejected { reason } => {
                record.apply_rejection(tag.fence, reason.clone(), now)
            }
        };
        let next = match transition {
            Ok(next) => next,
            Err(TransitionError::Newer) => {
                tracing::error!(mail.kind = %tag.kind, family.id = %tag.family, date = %tag.date, "Only a newer version knows the state of a delivery event's mail.");
                return Ok(EventOutcome::NothingNew);
            }
            Err(_) => return Ok(EventOutcome::NothingNew),
        };
        raise_record_alerts(alerts, &next, now).await?;
        if outbox.replace_mail(record.revision, &next, None).await? {
            log(&record, &next);
            return Ok(EventOutcome::Finalised(next.state));
        }
    }
    Err(
        crate::store::StoreError::Unavailable("other workers keep changing the mail.".to_owned())
            .into(),
    )
}

/// The result of stopping a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopOutcome {
    /// The recipient is stopped, with this alert for the operator.
    Stopped(Alert),
    /// The recipient had been stopped before.
    AlreadyStopped,
    /// The family or the recipient does not exist.
    NoRecipient,
}

/// Stops a recipient and raises an alert.
///
/// Idempotent: the alert is raised first, so that a crash in between repeats the alert instead of
/// losing it. `address` may be the family's spelling or the envelope's. Must not be called for
/// temporary bounces.
pub async fn stop_recipient(
    families: &dyn FamilyStore,
    alerts: &dyn AlertStore,
    clock: &dyn Clock,
    family: &FamilyId,
    address: &EmailAddress,
    reason: StopReason,
) -> Result<StopOutcome, JobError> {
    let Some(found) = families.family(family).await? else {
        return Ok(StopOutcome::NoRecipient);
    };
    let recipients = found.recipients.iter().zip(1..);
    let is_match = |known: &EmailAddress| {
        let wire = wire_form(known);
        known.is_same_mailbox(address)
            || wire.is_some_and(|wire| wire.eq_ignore_ascii_case(address.as_str()))
    };
    let Some((recipient, number)) = recipients.into_iter().find(|(known, _)| is_match(known))
    else {
        return Ok(StopOutcome::NoRecipient);
    };
    if found.is_stopped(recipient) {
        return Ok(StopOutcome::AlreadyStopped);
    }
    let now = clock.now();
    let alert = Alert::RecipientStopped {
        family: family.clone(),
        number,
        reason,
        day: now.date_naive(),
    };
    alerts.record_alert(&alert.key(), &alert, now).await?;
    let stopped = StoppedRecipient {
        address: recipient.clone(),
        since: now,
        complained: reason == StopReason::Complained,
    };
    if !families.stop_recipient(family, &stopped).await? {
        return Ok(StopOutcome::AlreadyStopped);
    }
    tracing::warn!(family.id = %family, recipient = number, reason = reason.as_str(), "A recipient was stopped.");
    Ok(StopOutcome::Stopped(alert))
}

fn log(before: &OutboxRecord, after: &OutboxRecord) {
    tracing::info!(
        mail.kind = %after.kind,
        family.id = %after.family,
        date = %after.date,
        before = before.state.as_str(),
        state = after.state.as_str(),
        reason = after.reason.as_deref(),
        "A delivery event finalised a mail."
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Remedy;
    use crate::outbox::{DELIVERY_EVENT_WAIT, LEASE_DURATION, MailKey, MailKind};
    use crate::testing::world::{FailingAlertStore, World};
    use uuid::Uuid;

    /// A notice of today that is SENDING, and its tag.
    async fn sending(world: &World) -> MailTag {
        let now = world.clock.now();
        let date = "2026-11-21".parse().unwrap();
        let record = OutboxRecord::planned(MailKey::daily(world.conrad(), date), now);
        world.store.plan_mail(&record).await.unwrap();
        let sending = record
            .claim(Uuid::nil(), now)
            .and_then(|claimed| claimed.begin_sending("hash".into(), &[], now))
            .unwrap();
        assert!(world.store.replace_mail(0, &sending, None).await.unwrap());
        sending.tag()
    }

    async fn apply_event(world: &World, tag: &MailTag, event: &DeliveryEvent) -> EventOutcome {
        let (store, clock) = (&world.store, &world.clock);
        apply_delivery_event(store, store, clock, tag, event, Some("an id"))
            .await
            .unwrap()
    }

    fn rejected() -> DeliveryEvent {
        DeliveryEvent::Rejected {
            reason: "Rejected by the mail service.".to_owned(),
        }
    }

    const DELIVERED: DeliveryEvent = DeliveryEvent::Accepted(AcceptedBy::RecipientServer);

    #[tokio::test]
    async fn event_finalises_a_notice_once() {
        let world = World::new().await;
        let tag = sending(&world).await;
        let sent = EventOutcome::Finalised(MailState::Sent);
        assert_eq!(apply_event(&world, &tag, &DELIVERED).await, sent);
        assert_eq!(
            apply_event(&world, &tag, &DELIVERED).await,
            EventOutcome::NothingNew
        );
        let record = world.store.mail(&tag.key()).await.unwrap();
        assert_eq!(record.unwrap().message_id.as_deref(), Some("an id"));
    }

    #[tokio::test]
    async fn event_after_giving_up_still_counts() {
        let world = World::new().await;
        let tag = sending(&world).await;
        let record = world.store.mail(&tag.key()).await.unwrap().unwrap();
        let unknown = record.doubt(world.clock.now() + LEASE_DURATION).unwrap();
        let given_up = unknown
            .give_up(world.clock.now() + DELIVERY_EVENT_WAIT)
            .unwrap();
        assert!(
            world
                .store
                .replace_mail(record.revision, &given_up, None)
                .await
                .unwrap()
        );
        let sent = EventOutcome::Finalised(MailState::Sent);
        assert_eq!(apply_event(&world, &tag, &DELIVERED).await, sent);
    }

    #[tokio::test]
    async fn late_event_of_the_old_mail_keeps_the_resend() {
        let world = World::new().await;
        world.add_card("conrad", "wpl", ("1", "p")).await;
        let overdue = crate::testing::world::account(&[("Emma", "2026-11-20")]);
        world.site.answer("1", Ok(overdue));
        world.check_all().await;
        let old = sending(&world).await;
        apply_event(
            &world,
            &old,
            &DeliveryEvent::Accepted(AcceptedBy::MailService),
        )
        .await;
        let stored = async || {
            let record = world.store.mail(&old.key()).await;
            record.unwrap().unwrap()
        };
        let sent = stored().await;
        let again = sent.resend(world.clock.now()).unwrap();
        let written = world.store.replace_mail(sent.revision, &again, None);
        assert!(written.await.unwrap());
        assert_eq!(
            apply_event(&world, &old, &DELIVERED).await,
            EventOutcome::NothingNew
        );
        let ports = world.notify_ports();
        let key = old.key();
        let second = crate::jobs::notify::send::send_mail(&ports, &key, true);
        let second = second.await.unwrap().unwrap();
        assert_eq!((second.state, world.mails()), (MailState::Sent, 1));
    }

    #[tokio::test]
    async fn rejection_finalises_the_notice_as_not_sent() {
        let world = World::new().await;
        let tag = sending(&world).await;
        let failed = EventOutcome::Finalised(MailState::Failed);
        let (store, clock, event) = (&world.store, &world.clock, rejected());
        let without = FailingAlertStore(store);
        let unalerted = apply_delivery_event(store, &without, clock, &tag, &event, None).await;
        assert!(unalerted.is_err(), "the event comes again");
        assert_eq!(apply_event(&world, &tag, &event).await, failed);
        assert_eq!(
            apply_event(&world, &tag, &event).await,
            EventOutcome::NothingNew
        );
        let alerts = store.recent_alerts(10).await.unwrap();
        let expected = Alert::NoNotice {
            mail: MailKind::DAILY,
            family: tag.family,
            date: tag.date,
            state: MailState::Failed,
        };
        assert_eq!((alerts.len(), &alerts[0].alert), (1, &expected));
    }

    #[tokio::test]
    async fn event_of_a_deleted_notice_is_ignored() {
        let world = World::new().await;
        let mut tag = sending(&world).await;
        tag.date = "2026-11-20".parse().unwrap();
        assert_eq!(
            apply_event(&world, &tag, &DELIVERED).await,
            EventOutcome::Gone
        );
    }

    #[tokio::test]
    async fn complaint_stops_the_recipient_and_informs_the_others() {
        let world = World::new().await;
        let mut conrad = crate::testing::world::family("conrad");
        conrad.recipients.push("sam@example.org".parse().unwrap());
        world.store.update_family(&conrad).await.unwrap();
        let pat = "Pat@example.org".parse().unwrap();
        let stop = || {
            let (store, clock) = (&world.store, &world.clock);
            stop_recipient(
                store,
                store,
                clock,
                &conrad.id,
                &pat,
                StopReason::Complained,
            )
        };
        let StopOutcome::Stopped(alert) = stop().await.unwrap() else {
            panic!("the recipient is stopped");
        };
        assert!(matches!(alert, Alert::RecipientStopped { number: 1, .. }));
        assert_eq!(
            stop().await.unwrap(),
            StopOutcome::AlreadyStopped,
            "no news"
        );
        let alerts = world.store.recent_alerts(10).await.unwrap();
        assert_eq!((alerts.len(), &alerts[0].alert), (1, &alert));

        world.add_card("conrad", "wpl", ("1", "p")).await;
        let overdue = crate::testing::world::account(&[("Emma", "2026-11-20")]);
        world.site.answer("1", Ok(overdue));
        world.check_all().await;
        let date = "2026-11-21".parse().unwrap();
        let record = OutboxRecord::planned(MailKey::daily(world.conrad(), date), world.clock.now());
        world.store.plan_mail(&record).await.unwrap();
        let ports = world.notify_ports();
        let sent = crate::jobs::notify::send::send_mail(&ports, &record.key(), false).await;
        assert_eq!(sent.unwrap().unwrap().state, MailState::Sent);
        let mails = world.mailer.mails.lock().unwrap().clone();
        let to: Vec<&str> = mails[0].to.iter().map(EmailAddress::as_str).collect();
        assert_eq!(to, ["sam@example.org"]);
        for part in [&mails[0].text, &mails[0].html] {
            assert!(part.contains("We no longer write to pat@example.org"));
        }
    }

    #[tokio::test]
    async fn complaint_of_a_non_recipient_is_ignored() {
        let world = World::new().await;
        for (family, address) in [("conrad", "zoe@example.org"), ("nobody", "pat@example.org")] {
            let (family, address) = (family.parse().unwrap(), address.parse().unwrap());
            let (store, clock) = (&world.store, &world.clock);
            let stopping =
                stop_recipient(store, store, clock, &family, &address, StopReason::Bounced).await;
            assert_eq!(stopping.unwrap(), StopOutcome::NoRecipient);
        }
        assert!(world.store.recent_alerts(10).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn recipient_matches_by_envelope_address() {
        let world = World::new().await;
        let mut conrad = crate::testing::world::family("conrad");
        conrad.recipients = vec!["pat@bücher.example".parse().unwrap()];
        world.store.update_family(&conrad).await.unwrap();
        let wire = "pat@xn--bcher-kva.example".parse().unwrap();
        let (store, clock) = (&world.store, &world.clock);
        let stopping =
            stop_recipient(store, store, clock, &conrad.id, &wire, StopReason::Bounced).await;
        assert!(matches!(stopping.unwrap(), StopOutcome::Stopped(_)));
        let stopped = store.family(&conrad.id).await.unwrap().unwrap();
        assert!(stopped.is_stopped(&conrad.recipients[0]));
    }

    /// The operator allows an address again but leaves it on the suppression list.
    #[tokio::test]
    async fn suppression_and_complaint_of_one_day_stay_distinct() {
        let world = World::new().await;
        let (conrad, pat) = (world.conrad(), "pat@example.org".parse().unwrap());
        let (store, clock) = (&world.store, &world.clock);
        for reason in [StopReason::Complained, StopReason::Suppressed] {
            let stopping = stop_recipient(store, store, clock, &conrad, &pat, reason).await;
            assert!(matches!(stopping.unwrap(), StopOutcome::Stopped(_)));
            assert!(store.allow_recipient(&conrad, &pat).await.unwrap());
        }
        let alerts = store.recent_alerts(10).await.unwrap();
        let suppressed = alerts
            .iter()
            .map(|alert| &alert.alert)
            .find(|alert| alert.sentence().contains("suppression list"))
            .unwrap();
        assert_eq!(alerts.len(), 2);
        assert!(suppressed.sentence().starts_with("Recipient 1 of conrad"));
        assert!(suppressed.remedies() == [Remedy::AllowRecipient]);
    }

    #[tokio::test]
    async fn recipient_is_stopped_only_after_its_alert() {
        let world = World::new().await;
        let (conrad, pat) = (world.conrad(), "pat@example.org".parse().unwrap());
        let (store, clock) = (&world.store, &world.clock);
        let failed = stop_recipient(
            store,
            &FailingAlertStore(store),
            clock,
            &conrad,
            &pat,
            StopReason::Bounced,
        )
        .await;
        assert!(failed.is_err(), "the event comes again");
        let again = stop_recipient(store, store, clock, &conrad, &pat, StopReason::Bounced).await;
        assert!(matches!(again.unwrap(), StopOutcome::Stopped(_)));
    }
}
