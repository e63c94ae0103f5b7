//! The steps of those who do not have the notice: evidence of the mail service, and time.

use chrono::{DateTime, Duration, NaiveDate, Utc};

use super::recipients::RecipientState;
use super::{MAY_HAVE_LEFT, NotNow, NoticeRecord, NoticeState};
use crate::clock::is_in_future;
use crate::family::Delivery;
use crate::ids::FamilyId;

/// How long evidence is waited for after SENDING.
pub const EVIDENCE_WAIT: Duration = Duration::minutes(15);

/// Under `at_least_once` a mail of which nobody knows is sent once more, not for ever.
const MOST_DOUBTS: u32 = 2;

/// What shows that a mail left us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeftBy {
    /// The mail service says that it has taken it; it may still find that it will not send it.
    Acceptance,
    /// It came to a recipient's server, which took it, bounced it or passed on a complaint.
    Arriving,
}

impl NoticeRecord {
    /// A record of a day that passed its window without having been planned: MISSED.
    pub fn missed(family: FamilyId, date: NaiveDate, now: DateTime<Utc>) -> Self {
        Self {
            state: NoticeState::Missed,
            reason: Some("“notify-all” didn’t run that day.".to_owned()),
            ..Self::planned(family, date, now)
        }
    }

    /// To UNKNOWN: its worker's lease is over and nothing tells whether the mail left.
    pub fn doubt(&self, now: DateTime<Utc>) -> Result<Self, NotNow> {
        self.expect(&[NoticeState::Sending])?;
        if !self.lease_is_over(now) {
            return Err(NotNow::Taken);
        }
        Ok(Self {
            doubts: self.doubts + 1,
            ..self.settled(
                NoticeState::Unknown,
                self.reason.clone(),
                // The wait for evidence began with SENDING, as far as its time can be right.
                match is_in_future(self.changed_at, now) {
                    true => now,
                    false => self.changed_at,
                },
            )
        })
    }

    /// To GAVE_UP: no evidence came, and two mails would be worse than none.
    pub fn give_up(&self, now: DateTime<Utc>) -> Result<Self, NotNow> {
        self.evidence_is_overdue(now)?;
        if self.is_retry() {
            return Ok(self.sent_without_the_rest(now));
        }
        let reason = format!(
            "We can’t tell whether this email was sent, so we won’t risk sending it twice. {}",
            self.why_unknown()
        );
        Ok(self.settled(NoticeState::GaveUp, Some(reason), now))
    }

    /// Back to PENDING: no evidence came, and none would be worse than two mails.
    ///
    /// [`NotNow::Final`] if that was done before: it is sent once more, not for ever.
    pub fn send_again(&self, now: DateTime<Utc>) -> Result<Self, NotNow> {
        self.evidence_is_overdue(now)?;
        if self.doubts >= MOST_DOUBTS {
            return Err(NotNow::Final);
        }
        let reason = format!(
            "We can’t tell whether this email was sent, so we send it once more. {}",
            self.why_unknown()
        );
        let mut doubted = self.clone();
        for recipient in &mut doubted.recipients {
            recipient.in_doubt |= recipient.state == RecipientState::Sending;
        }
        let mut again = doubted.back(reason, false, now);
        for (recipient, before) in again.recipients.iter_mut().zip(&self.recipients) {
            // Evidence of the mail in doubt may still come.
            recipient.fence = before.fence;
        }
        Ok(again)
    }

    /// The step that time alone brings about: into doubt, and out of it by the family's policy.
    pub fn reconcile(&self, delivery: Delivery, now: DateTime<Utc>) -> Result<Self, NotNow> {
        match (self.state, delivery) {
            (NoticeState::Unknown, Delivery::AtMostOnce) => self.give_up(now),
            (NoticeState::Unknown, Delivery::AtLeastOnce) => match self.send_again(now) {
                Err(NotNow::Final) => self.give_up(now),
                step => step,
            },
            _ => self.doubt(now),
        }
    }

    /// To SENT: the mail service shows that the mail of claim `fence` left.
    ///
    /// Whoever has the notice now, and even if it was given up or is about to be sent once more: a
    /// mail is on its way. [`NotNow::AlreadySent`] is success. Only a FAILED of the same claim
    /// stands against an acceptance: the service accepted and then rejected it. And of a claim from
    /// before a person asked for another mail, nothing counts ([`NotNow::Final`]): that one is to
    /// leave all the same.
    pub fn evidence_left(
        &self,
        fence: u64,
        by: LeftBy,
        message_id: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<Self, NotNow> {
        match self.state {
            NoticeState::Sent => Err(NotNow::AlreadySent),
            NoticeState::Newer => Err(NotNow::Newer),
            // What is under way now is for the recipients that were not in that mail.
            _ if self.is_retry() && fence < self.fence => Err(NotNow::AlreadySent),
            _ if self.is_of_old(fence) => Err(NotNow::Final),
            NoticeState::Failed if by == LeftBy::Acceptance && fence == self.fence => {
                Err(NotNow::Final)
            }
            _ => {
                let mut left = self.clone();
                for recipient in &mut left.recipients {
                    let was_in_it = if fence == self.fence {
                        recipient.fence == fence
                    } else {
                        // Whoever is in a later mail was in the doubtful one, too.
                        recipient.fence > 0
                    };
                    if was_in_it && recipient.state != RecipientState::Refused {
                        recipient.state = RecipientState::Accepted;
                    }
                }
                Ok(Self {
                    message_id: message_id.or_else(|| self.message_id.clone()),
                    ..left.sent_to(&[], now)
                })
            }
        }
    }

    /// To FAILED: the mail service shows that it did not send the mail of claim `fence` after all.
    ///
    /// [`NotNow::WrongState`] if that claim is over: what became of it does not matter any more.
    pub fn evidence_rejected(
        &self,
        fence: u64,
        reason: String,
        now: DateTime<Utc>,
    ) -> Result<Self, NotNow> {
        match self.state {
            NoticeState::Newer => Err(NotNow::Newer),
            NoticeState::Failed => Err(NotNow::Final),
            NoticeState::Sending
            | NoticeState::Unknown
            | NoticeState::GaveUp
            | NoticeState::Sent
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
                Ok(self.settled(NoticeState::Failed, Some(reason), now))
            }
            _ => Err(NotNow::WrongState),
        }
    }

    /// Whether a person asked for another mail since the claim `fence`.
    pub fn is_of_old(&self, fence: u64) -> bool {
        fence < self.evidence_from
    }

    /// Back to PENDING, since a person decided so; whatever state it is in, unless somebody has it.
    ///
    /// What becomes of the mails before does not matter from now on.
    pub fn resend(&self, now: DateTime<Utc>) -> Result<Self, NotNow> {
        match self.state {
            NoticeState::Newer => Err(NotNow::Newer),
            NoticeState::Claimed | NoticeState::Sending if !self.lease_is_over(now) => {
                Err(NotNow::Taken)
            }
            _ => Ok(Self {
                not_before: None,
                doubts: 0,
                recipients: Vec::new(),
                retries: 0,
                retry_until: None,
                evidence_from: self.fence + 1,
                ..self.settled(
                    NoticeState::Pending,
                    Some("A person asked for it to be sent again.".to_owned()),
                    now,
                )
            }),
        }
    }

    fn evidence_is_overdue(&self, now: DateTime<Utc>) -> Result<(), NotNow> {
        self.expect(&[NoticeState::Unknown])?;
        let waits = now < self.changed_at + EVIDENCE_WAIT;
        if waits && !is_in_future(self.changed_at, now) {
            return Err(NotNow::Waiting);
        }
        Ok(())
    }

    fn why_unknown(&self) -> &str {
        self.reason
            .as_deref()
            .unwrap_or("The program stopped while sending.")
    }

    /// Whether it may have been handed to the mail service, and nobody knows.
    pub fn may_have_left(&self) -> bool {
        MAY_HAVE_LEFT.contains(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::record::LEASE;
    use uuid::Uuid;

    fn now() -> DateTime<Utc> {
        "2026-11-21T11:30:00Z".parse().unwrap()
    }

    fn sending() -> NoticeRecord {
        let date = "2026-11-21".parse().unwrap();
        NoticeRecord::planned("conrad".parse().unwrap(), date, now())
            .claim(Uuid::nil(), now())
            .and_then(|claimed| claimed.arm("hash".into(), &[], now()))
            .unwrap()
    }

    fn unknown() -> NoticeRecord {
        sending().doubt(now() + LEASE).unwrap()
    }

    fn overdue() -> DateTime<Utc> {
        now() + EVIDENCE_WAIT
    }

    #[test]
    fn doubt_begins_when_the_lease_is_over_and_ends_fifteen_minutes_after_sending() {
        let early = sending().doubt(now() + LEASE - Duration::seconds(1));
        assert_eq!(early, Err(NotNow::Taken));
        let unknown = unknown();
        assert_eq!(
            (unknown.state, unknown.doubts, unknown.owner),
            (NoticeState::Unknown, 1, None)
        );
        let just_before = overdue() - Duration::seconds(1);
        for delivery in [Delivery::AtMostOnce, Delivery::AtLeastOnce] {
            let early = unknown.reconcile(delivery, just_before);
            assert_eq!(early, Err(NotNow::Waiting));
        }
    }

    #[test]
    fn lease_and_delay_from_future_count_as_over() {
        let ahead = Duration::days(3);
        let date = "2026-11-21".parse().unwrap();
        let planned = NoticeRecord::planned("conrad".parse().unwrap(), date, now() + ahead);
        let claimed = planned.claim(Uuid::nil(), now() + ahead).unwrap();
        assert_eq!(claimed.is_free(now()), Ok(()));
        // A clock that is behind by less than the tolerance does not take it from its worker.
        let slow = now() + ahead - Duration::seconds(59);
        assert_eq!(claimed.is_free(slow), Err(NotNow::Taken));
        let sending = claimed.arm("hash".into(), &[], now() + ahead).unwrap();
        let refused = sending.refused_for_now("busy".into(), now() + ahead);
        assert_eq!(refused.unwrap().is_free(now()), Ok(()));
        // What may have left goes to reconcile, and waits for evidence from now on.
        assert_eq!(sending.is_free(now()), Err(NotNow::Taken));
        let unknown = sending.doubt(now()).unwrap();
        assert_eq!(unknown.changed_at, now());
        let early = unknown.give_up(now() + EVIDENCE_WAIT - Duration::seconds(1));
        assert_eq!(early, Err(NotNow::Waiting));
        assert!(unknown.give_up(overdue()).is_ok());
    }

    #[test]
    fn a_doubt_that_was_told_keeps_its_reason_and_its_time() {
        let told = sending().unknown("no answer to the final dot".into());
        let unknown = told.unwrap().doubt(now() + LEASE).unwrap();
        let given_up = unknown.reconcile(Delivery::AtMostOnce, overdue()).unwrap();
        assert_eq!(given_up.state, NoticeState::GaveUp);
        assert!(given_up.reason.unwrap().contains("final dot"));
    }

    #[test]
    fn under_at_most_once_it_is_given_up_with_a_reason() {
        let given_up = unknown()
            .reconcile(Delivery::AtMostOnce, overdue())
            .unwrap();
        assert_eq!(given_up.state, NoticeState::GaveUp);
        assert!(given_up.reason.is_some());
    }

    #[test]
    fn under_at_least_once_it_is_sent_once_more_and_then_given_up() {
        let again = unknown()
            .reconcile(Delivery::AtLeastOnce, overdue())
            .unwrap();
        assert_eq!(again.is_free(overdue()), Ok(()));
        let unknown = again
            .claim(Uuid::nil(), overdue())
            .and_then(|claimed| claimed.arm("hash".into(), &[], overdue()))
            .and_then(|sending| sending.doubt(overdue() + LEASE))
            .unwrap();
        let second = unknown.reconcile(Delivery::AtLeastOnce, overdue() + EVIDENCE_WAIT);
        assert_eq!(second.unwrap().state, NoticeState::GaveUp);
    }

    #[test]
    fn notice_whose_earlier_mail_may_have_left_never_ends_as_not_sent() {
        let again = unknown().send_again(overdue()).unwrap();
        let claimed = again.claim(Uuid::nil(), overdue()).unwrap();
        let sending = claimed.arm("hash".into(), &[], overdue()).unwrap();
        let refused = sending.failed("Refused.".into(), overdue()).unwrap();
        for (ended, reason) in [
            (
                refused,
                "We can’t tell whether an earlier attempt was sent. Refused.",
            ),
            (
                claimed.skip(overdue()).unwrap(),
                "We can’t tell whether an earlier attempt was sent.",
            ),
        ] {
            assert_eq!(ended.state, NoticeState::GaveUp);
            assert_eq!(ended.reason.as_deref(), Some(reason));
        }
    }

    #[test]
    fn evidence_that_it_left_settles_every_state() {
        let given_up = unknown().give_up(overdue()).unwrap();
        let again = unknown().send_again(overdue()).unwrap();
        let claimed = again.claim(Uuid::nil(), overdue()).unwrap();
        for record in [sending(), unknown(), given_up, again, claimed] {
            for by in [LeftBy::Acceptance, LeftBy::Arriving] {
                let sent = record
                    .evidence_left(1, by, Some("id".into()), overdue())
                    .unwrap();
                assert_eq!(sent.state, NoticeState::Sent);
                assert_eq!((sent.owner, sent.reason.as_deref()), (None, None));
                assert_eq!(sent.message_id.as_deref(), Some("id"));
                let twice = sent.evidence_left(1, by, None, overdue());
                assert_eq!(twice, Err(NotNow::AlreadySent));
            }
        }
    }

    #[test]
    fn a_rejected_mail_did_not_leave_whichever_of_its_events_comes_first() {
        let accepted = sending().evidence_left(1, LeftBy::Acceptance, None, now());
        let rejected = accepted
            .unwrap()
            .evidence_rejected(1, "Rejected.".into(), now());
        let first = sending().evidence_rejected(1, "Rejected.".into(), now());
        for failed in [rejected.unwrap(), first.unwrap()] {
            assert_eq!(failed.state, NoticeState::Failed);
            let late = failed.evidence_left(1, LeftBy::Acceptance, None, now());
            assert_eq!(late, Err(NotNow::Final));
        }
    }

    #[test]
    fn a_mail_of_an_older_claim_left_even_if_a_newer_one_failed() {
        let again = unknown().send_again(overdue()).unwrap();
        let claimed = again.claim(Uuid::nil(), overdue()).unwrap();
        let failed = claimed.failed("no recipients".into(), overdue()).unwrap();
        let sent = failed.evidence_left(1, LeftBy::Acceptance, None, overdue());
        assert_eq!(sent.unwrap().state, NoticeState::Sent);
        // Nor does a rejection of the older one concern the newer.
        let rejected = claimed.evidence_rejected(1, "Rejected.".into(), overdue());
        assert_eq!(rejected, Err(NotNow::WrongState));
    }

    #[test]
    fn a_worker_that_slept_past_its_lease_still_tells_what_it_knows() {
        let sent = unknown().accepted("id".into(), overdue()).unwrap();
        assert_eq!(sent.state, NoticeState::Sent);
        let not_sent = unknown().not_sent("no connection".into(), overdue());
        assert_eq!(not_sent.unwrap().is_free(overdue()), Ok(()));
    }

    #[test]
    fn a_missed_day_is_final_and_says_why() {
        let date = "2026-11-21".parse().unwrap();
        let missed = NoticeRecord::missed("conrad".parse().unwrap(), date, now());
        assert!(missed.state.is_final() && missed.reason.is_some());
    }

    #[test]
    fn a_person_may_have_anything_sent_again_that_nobody_has() {
        let given_up = unknown().give_up(overdue()).unwrap();
        let again = given_up.resend(overdue()).unwrap();
        assert_eq!(again.is_free(overdue()), Ok(()));
        assert_eq!(sending().resend(now()), Err(NotNow::Taken));
    }

    #[test]
    fn what_becomes_of_the_old_mail_does_not_keep_back_the_one_that_a_person_asked_for() {
        let old = sending().accepted("old".into(), now()).unwrap();
        let again = old.resend(overdue()).unwrap();
        let claimed = again.claim(Uuid::nil(), overdue()).unwrap();
        let sending = claimed.arm("hash".into(), &[], overdue()).unwrap();
        for record in [&again, &claimed, &sending] {
            for by in [LeftBy::Acceptance, LeftBy::Arriving] {
                let late = record.evidence_left(old.fence, by, Some("old".into()), overdue());
                assert_eq!(late, Err(NotNow::Final), "{:?}", record.state);
            }
            let late = record.evidence_rejected(old.fence, "Rejected.".into(), overdue());
            assert_eq!(late, Err(NotNow::WrongState));
        }
        let new = sending.evidence_left(sending.fence, LeftBy::Arriving, None, overdue());
        assert_eq!(new.unwrap().state, NoticeState::Sent);
    }
}
