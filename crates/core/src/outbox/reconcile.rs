//! The transitions that need no claim: by delivery events, by time and by a person.

use chrono::{DateTime, Duration, Utc};

use super::recipient::{MailRecipient, RecipientState};
use super::record::{MailState, OutboxRecord, POSSIBLY_SENT, TransitionError};
use crate::clock::is_in_future;
use crate::family::Delivery;
use crate::mail::MailKey;

/// The wait for a delivery event after SENDING.
pub const DELIVERY_EVENT_WAIT: Duration = Duration::minutes(15);

/// A mail is given up after this many unknown outcomes, even under `at_least_once`.
const MAX_UNKNOWN_OUTCOMES: u32 = 2;

/// The party that accepted a mail, from its delivery event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AcceptedBy {
    /// The mail service; it may still reject the mail.
    MailService,
    /// A recipient's server: it accepted or bounced the mail, or passed on a complaint.
    RecipientServer,
}

impl OutboxRecord {
    /// Creates the record of a day that passed unplanned: MISSED.
    pub fn missed(key: MailKey, now: DateTime<Utc>) -> Self {
        Self {
            state: MailState::Missed,
            reason: Some(format!("“{}” didn’t run that day.", key.kind.job_name())),
            ..Self::planned(key, now)
        }
    }

    /// To UNKNOWN: its worker's lease is over and the outcome is not known.
    pub fn doubt(&self, now: DateTime<Utc>) -> Result<Self, TransitionError> {
        self.expect(&[MailState::Sending])?;
        if !self.lease_is_over(now) {
            return Err(TransitionError::Taken);
        }
        Ok(Self {
            doubts: self.doubts + 1,
            ..self.release(
                MailState::Unknown,
                self.reason.clone(),
                // The wait for a delivery event began with SENDING, unless that time is in the
                // future.
                match is_in_future(self.changed_at, now) {
                    true => now,
                    false => self.changed_at,
                },
            )
        })
    }

    /// To GAVE_UP: no delivery event came, and the family prefers no mail to two.
    pub fn give_up(&self, now: DateTime<Utc>) -> Result<Self, TransitionError> {
        self.expect_overdue_event(now)?;
        if self.is_retry() {
            return Ok(self.sent_without_the_rest(now));
        }
        let reason = format!(
            "We can’t tell whether this email was sent, so we won’t risk sending it twice. {}",
            self.unknown_reason()
        );
        Ok(self.release(MailState::GaveUp, Some(reason), now))
    }

    /// Back to PENDING: no delivery event came, and the family prefers two mails to none.
    ///
    /// [`TransitionError::Final`] if an earlier outcome was unknown too.
    pub fn send_again(&self, now: DateTime<Utc>) -> Result<Self, TransitionError> {
        self.expect_overdue_event(now)?;
        if self.doubts >= MAX_UNKNOWN_OUTCOMES {
            return Err(TransitionError::Final);
        }
        let reason = format!(
            "We can’t tell whether this email was sent, so we send it once more. {}",
            self.unknown_reason()
        );
        let mut doubted = self.clone();
        for recipient in &mut doubted.recipients {
            recipient.in_doubt |= recipient.state == RecipientState::Sending;
        }
        let mut again = doubted.release_unsent(reason, false, now);
        for (recipient, before) in again.recipients.iter_mut().zip(&self.recipients) {
            // The fence stays, because a delivery event of the mail in doubt may still come.
            recipient.fence = before.fence;
        }
        Ok(again)
    }

    /// Applies the transition that is due by time: to UNKNOWN, and from it by the family's policy.
    pub fn reconcile(
        &self,
        delivery: Delivery,
        now: DateTime<Utc>,
    ) -> Result<Self, TransitionError> {
        match (self.state, delivery) {
            (MailState::Unknown, Delivery::AtMostOnce) => self.give_up(now),
            (MailState::Unknown, Delivery::AtLeastOnce) => match self.send_again(now) {
                Err(TransitionError::Final) => self.give_up(now),
                result => result,
            },
            _ => self.doubt(now),
        }
    }

    /// To SENT: a delivery event reports that the mail of claim `fence` was accepted.
    ///
    /// It applies even if another worker has the record, or if the mail was given up or is about to
    /// be resent.
    ///
    /// - [`TransitionError::AlreadySent`] is success.
    /// - Only a FAILED of the same claim outweighs the mail service's acceptance: the service
    ///   accepted the mail and then rejected it.
    /// - A claim from before a person requested another mail is ignored
    ///   ([`TransitionError::Final`]). The new mail is still sent.
    /// - If a later mail is being sent to a recipient who was not in the accepted one, the state
    ///   stays and only the recipients change.
    pub fn apply_acceptance(
        &self,
        fence: u64,
        by: AcceptedBy,
        message_id: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<Self, TransitionError> {
        match self.state {
            MailState::Sent => Err(TransitionError::AlreadySent),
            MailState::Newer => Err(TransitionError::Newer),
            // The mail that is being sent now is for recipients who were not in that one.
            _ if self.is_retry() && fence < self.fence => Err(TransitionError::AlreadySent),
            _ if self.predates_resend(fence) => Err(TransitionError::Final),
            MailState::Failed if by == AcceptedBy::MailService && fence == self.fence => {
                Err(TransitionError::Final)
            }
            _ => Ok(self.mark_accepted(fence, message_id, now)),
        }
    }

    /// Marks the recipients of claim `fence` as accepted: SENT, unless a later mail is being sent
    /// to a recipient who was not in that one.
    fn mark_accepted(&self, fence: u64, message_id: Option<String>, now: DateTime<Utc>) -> Self {
        let mut accepted = Self {
            message_id: message_id.or_else(|| self.message_id.clone()),
            ..self.clone()
        };
        for recipient in &mut accepted.recipients {
            // A later mail overwrites the fence of a recipient whose mail is in doubt.
            let was_included =
                recipient.fence == fence || (fence < self.fence && recipient.in_doubt);
            if was_included && recipient.state != RecipientState::Refused {
                recipient.state = RecipientState::Accepted;
                recipient.reason = None;
            }
        }
        let is_sending = |recipient: &MailRecipient| recipient.state == RecipientState::Sending;
        if !accepted.recipients.iter().any(is_sending) {
            return accepted.sent_to(&[], now);
        }
        if accepted.may_have_left() {
            // Its worker or a timeout decides the outcome of the rest.
            return accepted.next(accepted.state, accepted.changed_at);
        }
        accepted.sent_without_the_rest(now)
    }

    /// To FAILED: a delivery event reports that the mail of claim `fence` was rejected after all.
    ///
    /// [`TransitionError::WrongState`] if another claim has followed: this outcome no longer
    /// matters.
    pub fn apply_rejection(
        &self,
        fence: u64,
        reason: String,
        now: DateTime<Utc>,
    ) -> Result<Self, TransitionError> {
        match self.state {
            MailState::Newer => Err(TransitionError::Newer),
            MailState::Failed => Err(TransitionError::Final),
            MailState::Sending | MailState::Unknown | MailState::GaveUp | MailState::Sent
                if fence == self.fence =>
            {
                let mut rejected = self.clone();
                for recipient in &mut rejected.recipients {
                    if recipient.fence == fence && recipient.state != RecipientState::Refused {
                        recipient.state = RecipientState::Refused;
                        recipient.reason = Some(reason.clone());
                    }
                }
                if rejected.is_retry() {
                    return Ok(rejected.sent_to(&[], now));
                }
                Ok(self.release(MailState::Failed, Some(reason), now))
            }
            _ => Err(TransitionError::WrongState),
        }
    }

    /// Whether a person requested another mail since the claim `fence`.
    pub fn predates_resend(&self, fence: u64) -> bool {
        fence < self.events_from
    }

    /// Back to PENDING at a person's request, from any state unless a worker has it.
    ///
    /// The outcome of earlier mails no longer matters.
    pub fn resend(&self, now: DateTime<Utc>) -> Result<Self, TransitionError> {
        match self.state {
            MailState::Newer => Err(TransitionError::Newer),
            MailState::Claimed | MailState::Sending if !self.lease_is_over(now) => {
                Err(TransitionError::Taken)
            }
            _ => Ok(Self {
                not_before: None,
                doubts: 0,
                recipients: Vec::new(),
                retries: 0,
                retry_until: None,
                events_from: self.fence + 1,
                ..self.release(
                    MailState::Pending,
                    Some("A person asked for it to be sent again.".to_owned()),
                    now,
                )
            }),
        }
    }

    fn expect_overdue_event(&self, now: DateTime<Utc>) -> Result<(), TransitionError> {
        self.expect(&[MailState::Unknown])?;
        let waits = now < self.changed_at + DELIVERY_EVENT_WAIT;
        if waits && !is_in_future(self.changed_at, now) {
            return Err(TransitionError::Waiting);
        }
        Ok(())
    }

    fn unknown_reason(&self) -> &str {
        self.reason
            .as_deref()
            .unwrap_or("The program stopped while sending.")
    }

    /// Whether it may have been sent without a known outcome.
    pub fn may_have_left(&self) -> bool {
        POSSIBLY_SENT.contains(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::{LEASE_DURATION, MailKey};
    use uuid::Uuid;

    fn now() -> DateTime<Utc> {
        "2026-11-21T11:30:00Z".parse().unwrap()
    }

    fn sending() -> OutboxRecord {
        let date = "2026-11-21".parse().unwrap();
        OutboxRecord::planned(MailKey::daily("conrad".parse().unwrap(), date), now())
            .claim(Uuid::nil(), now())
            .and_then(|claimed| claimed.begin_sending("hash".into(), &[], now()))
            .unwrap()
    }

    fn unknown() -> OutboxRecord {
        sending().doubt(now() + LEASE_DURATION).unwrap()
    }

    fn overdue() -> DateTime<Utc> {
        now() + DELIVERY_EVENT_WAIT
    }

    #[test]
    fn doubt_lasts_from_lease_end_to_15_minutes_after_sending() {
        let early = sending().doubt(now() + LEASE_DURATION - Duration::seconds(1));
        assert_eq!(early, Err(TransitionError::Taken));
        let unknown = unknown();
        assert_eq!(
            (unknown.state, unknown.doubts, unknown.owner),
            (MailState::Unknown, 1, None)
        );
        let just_before = overdue() - Duration::seconds(1);
        for delivery in [Delivery::AtMostOnce, Delivery::AtLeastOnce] {
            let early = unknown.reconcile(delivery, just_before);
            assert_eq!(early, Err(TransitionError::Waiting));
        }
    }

    #[test]
    fn lease_and_delay_from_future_count_as_over() {
        let ahead = Duration::days(3);
        let date = "2026-11-21".parse().unwrap();
        let planned = OutboxRecord::planned(
            MailKey::daily("conrad".parse().unwrap(), date),
            now() + ahead,
        );
        let claimed = planned.claim(Uuid::nil(), now() + ahead).unwrap();
        assert_eq!(claimed.check_claimable(now()), Ok(()));
        // A clock that is behind by less than the tolerance doesn't end the lease.
        let slow = now() + ahead - Duration::seconds(59);
        assert_eq!(claimed.check_claimable(slow), Err(TransitionError::Taken));
        let sending = claimed
            .begin_sending("hash".into(), &[], now() + ahead)
            .unwrap();
        let refused = sending.refused_for_now("busy".into(), now() + ahead);
        assert_eq!(refused.unwrap().check_claimable(now()), Ok(()));
        // A possibly sent mail is reconciled; its wait for delivery events begins now.
        assert_eq!(sending.check_claimable(now()), Err(TransitionError::Taken));
        let unknown = sending.doubt(now()).unwrap();
        assert_eq!(unknown.changed_at, now());
        let early = unknown.give_up(now() + DELIVERY_EVENT_WAIT - Duration::seconds(1));
        assert_eq!(early, Err(TransitionError::Waiting));
        assert!(unknown.give_up(overdue()).is_ok());
    }

    #[test]
    fn reported_doubt_keeps_its_reason_and_time() {
        let reported = sending().unknown("no answer to the final dot".into());
        let unknown = reported.unwrap().doubt(now() + LEASE_DURATION).unwrap();
        let given_up = unknown.reconcile(Delivery::AtMostOnce, overdue()).unwrap();
        assert_eq!(given_up.state, MailState::GaveUp);
        assert!(given_up.reason.unwrap().contains("final dot"));
    }

    #[test]
    fn at_most_once_gives_up_with_a_reason() {
        let given_up = unknown()
            .reconcile(Delivery::AtMostOnce, overdue())
            .unwrap();
        assert_eq!(given_up.state, MailState::GaveUp);
        assert!(given_up.reason.is_some());
    }

    #[test]
    fn at_least_once_resends_once_then_gives_up() {
        let again = unknown()
            .reconcile(Delivery::AtLeastOnce, overdue())
            .unwrap();
        assert_eq!(again.check_claimable(overdue()), Ok(()));
        let unknown = again
            .claim(Uuid::nil(), overdue())
            .and_then(|claimed| claimed.begin_sending("hash".into(), &[], overdue()))
            .and_then(|sending| sending.doubt(overdue() + LEASE_DURATION))
            .unwrap();
        let second = unknown.reconcile(Delivery::AtLeastOnce, overdue() + DELIVERY_EVENT_WAIT);
        assert_eq!(second.unwrap().state, MailState::GaveUp);
    }

    #[test]
    fn doubted_notice_never_ends_as_failed_or_skipped() {
        let again = unknown().send_again(overdue()).unwrap();
        let claimed = again.claim(Uuid::nil(), overdue()).unwrap();
        let sending = claimed
            .begin_sending("hash".into(), &[], overdue())
            .unwrap();
        let refused = sending.failed("Refused.".into(), overdue()).unwrap();
        for (ended, reason) in [
            (
                refused,
                "We can’t tell whether an earlier attempt was sent. Refused.",
            ),
            (
                claimed.skip(None, overdue()).unwrap(),
                "We can’t tell whether an earlier attempt was sent.",
            ),
        ] {
            assert_eq!(ended.state, MailState::GaveUp);
            assert_eq!(ended.reason.as_deref(), Some(reason));
        }
    }

    #[test]
    fn acceptance_finalises_every_state() {
        let given_up = unknown().give_up(overdue()).unwrap();
        let again = unknown().send_again(overdue()).unwrap();
        let claimed = again.claim(Uuid::nil(), overdue()).unwrap();
        for record in [sending(), unknown(), given_up, again, claimed] {
            for by in [AcceptedBy::MailService, AcceptedBy::RecipientServer] {
                let sent = record
                    .apply_acceptance(1, by, Some("id".into()), overdue())
                    .unwrap();
                assert_eq!(sent.state, MailState::Sent);
                assert_eq!((sent.owner, sent.reason.as_deref()), (None, None));
                assert_eq!(sent.message_id.as_deref(), Some("id"));
                let twice = sent.apply_acceptance(1, by, None, overdue());
                assert_eq!(twice, Err(TransitionError::AlreadySent));
            }
        }
    }

    #[test]
    fn rejection_wins_in_either_event_order() {
        let accepted = sending().apply_acceptance(1, AcceptedBy::MailService, None, now());
        let rejected = accepted
            .unwrap()
            .apply_rejection(1, "Rejected.".into(), now());
        let first = sending().apply_rejection(1, "Rejected.".into(), now());
        for failed in [rejected.unwrap(), first.unwrap()] {
            assert_eq!(failed.state, MailState::Failed);
            let late = failed.apply_acceptance(1, AcceptedBy::MailService, None, now());
            assert_eq!(late, Err(TransitionError::Final));
        }
    }

    #[test]
    fn older_accepted_claim_outweighs_a_newer_failure() {
        let again = unknown().send_again(overdue()).unwrap();
        let claimed = again.claim(Uuid::nil(), overdue()).unwrap();
        let failed = claimed.failed("no recipients".into(), overdue()).unwrap();
        let sent = failed.apply_acceptance(1, AcceptedBy::MailService, None, overdue());
        assert_eq!(sent.unwrap().state, MailState::Sent);
        // A rejection of the older claim doesn't change the newer one.
        let rejected = claimed.apply_rejection(1, "Rejected.".into(), overdue());
        assert_eq!(rejected, Err(TransitionError::WrongState));
    }

    #[test]
    fn worker_past_its_lease_still_reports_its_result() {
        let sent = unknown().accepted("id".into(), overdue()).unwrap();
        assert_eq!(sent.state, MailState::Sent);
        let not_sent = unknown().not_sent("no connection".into(), overdue());
        assert_eq!(not_sent.unwrap().check_claimable(overdue()), Ok(()));
    }

    #[test]
    fn missed_day_is_final_with_a_reason() {
        let date = "2026-11-21".parse().unwrap();
        let missed = OutboxRecord::missed(MailKey::daily("conrad".parse().unwrap(), date), now());
        assert!(missed.state.is_final() && missed.reason.is_some());
    }

    #[test]
    fn unclaimed_notice_can_be_resent_on_request() {
        let given_up = unknown().give_up(overdue()).unwrap();
        let again = given_up.resend(overdue()).unwrap();
        assert_eq!(again.check_claimable(overdue()), Ok(()));
        assert_eq!(sending().resend(now()), Err(TransitionError::Taken));
    }

    #[test]
    fn late_event_of_the_old_mail_keeps_the_resend() {
        let old = sending().accepted("old".into(), now()).unwrap();
        let again = old.resend(overdue()).unwrap();
        let claimed = again.claim(Uuid::nil(), overdue()).unwrap();
        let sending = claimed
            .begin_sending("hash".into(), &[], overdue())
            .unwrap();
        for record in [&again, &claimed, &sending] {
            for by in [AcceptedBy::MailService, AcceptedBy::RecipientServer] {
                let late = record.apply_acceptance(old.fence, by, Some("old".into()), overdue());
                assert_eq!(late, Err(TransitionError::Final), "{:?}", record.state);
            }
            let late = record.apply_rejection(old.fence, "Rejected.".into(), overdue());
            assert_eq!(late, Err(TransitionError::WrongState));
        }
        let new =
            sending.apply_acceptance(sending.fence, AcceptedBy::RecipientServer, None, overdue());
        assert_eq!(new.unwrap().state, MailState::Sent);
    }
}
