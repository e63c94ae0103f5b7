//! The record of one mail, and one pure function per transition of its worker.
//!
//! `PENDING → CLAIMED → SENDING → SENT | SKIPPED | FAILED`, and
//! `SENDING → UNKNOWN → SENT | GAVE_UP` when the lease expires without a delivery event. UNKNOWN
//! returns to PENDING, once, if the family prefers two mails to none. CLAIMED means that certainly
//! nothing was handed to the mail service; SENDING means that it may have been. A transition is
//! written only if the record's revision is still the one that was read.
//!
//! These are the transitions of the worker that claimed a mail; [`reconcile`](super::reconcile) has
//! the others.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::recipient::{MailRecipient, RecipientState};
use crate::clock::is_in_future;
use crate::email_address::EmailAddress;
use crate::ids::FamilyId;
use crate::mail::{MailKey, MailKind, MailTag};
use crate::sign_in::TokenHash;
use crate::unsubscribe::UnsubscribeLink;

/// The lease of a worker on a mail.
pub const LEASE_DURATION: Duration = Duration::seconds(300);

/// The most time for sending one mail; sending begins only with this much of the lease left.
pub const SEND_LIMIT: Duration = Duration::seconds(120);

/// The delay after the mail service refused a mail temporarily.
pub const REFUSED_DELAY: Duration = Duration::minutes(30);

/// The reason of a held date: the store was restored, or the family was added again.
pub const HELD_RESTORED: &str = "held: restored";

/// The reason of a mail that was skipped because its family was paused.
pub const FAMILY_PAUSED: &str = "The family was paused.";

/// The reason of a day without a mail because the schedule that sends it was paused.
pub const SCHEDULE_PAUSED: &str = "The schedule was paused.";

/// The reason of a mail that was skipped because nobody is left who wants its kind.
pub const EVERYBODY_UNSUBSCRIBED: &str = "Everybody in the family unsubscribed from this email.";

/// The most unsubscribe links that a record holds; more mails than this are never in doubt.
const MAX_UNSUBSCRIBE_LINKS: usize = 8;

/// The states in which a mail may have been sent.
pub(super) const POSSIBLY_SENT: [MailState; 2] = [MailState::Sending, MailState::Unknown];

/// The states from which a mail that was certainly not accepted returns to PENDING.
const NOT_ACCEPTED: [MailState; 3] = [MailState::Claimed, MailState::Sending, MailState::Unknown];

/// The state of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MailState {
    /// Planned; no worker has it.
    Pending,
    /// A worker has it; certainly nothing was handed to the mail service.
    Claimed,
    /// It may have been handed to the mail service.
    Sending,
    /// The mail service has it.
    Sent,
    /// There was nothing to say, or its reason says why nothing was sent.
    Skipped,
    /// It was not sent and won't be: it was refused, had no recipients, or its day passed.
    Failed,
    /// It may have been sent; a delivery event may still come.
    Unknown,
    /// It may have been sent, and won't be sent again.
    GaveUp,
    /// Its day passed before it was planned.
    Missed,
    /// A newer version's state that this version doesn't know; it is not changed.
    #[serde(other)]
    Newer,
}

impl MailState {
    /// The name in tables, JSON and stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Claimed => "CLAIMED",
            Self::Sending => "SENDING",
            Self::Sent => "SENT",
            Self::Skipped => "SKIPPED",
            Self::Failed => "FAILED",
            Self::Unknown => "UNKNOWN",
            Self::GaveUp => "GAVE_UP",
            Self::Missed => "MISSED",
            Self::Newer => "NEWER",
        }
    }

    /// Whether it is final.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Sent | Self::Skipped | Self::Failed | Self::GaveUp | Self::Missed
        )
    }
}

/// The record of one mail, kept for at least 35 days.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OutboxRecord {
    /// Its kind.
    pub kind: MailKind,
    /// The family.
    pub family: FamilyId,
    /// The family's local date; computed once, when it was planned.
    pub date: NaiveDate,
    /// Its state.
    pub state: MailState,
    /// Increases with every write; a write replaces only the revision that was read.
    pub revision: u64,
    /// The worker that has it.
    pub owner: Option<Uuid>,
    /// Increases with every claim.
    pub fence: u64,
    /// The end of the worker's lease.
    pub lease_until: Option<DateTime<Utc>>,
    /// It can't be claimed before this: the mail service refused it temporarily.
    pub not_before: Option<DateTime<Utc>>,
    /// The number of attempts to send it.
    pub attempts: u32,
    /// The number of times that its outcome was unknown.
    #[serde(default)]
    pub doubts: u32,
    /// The first claim whose delivery events count; a person's resend request raises it.
    #[serde(default)]
    pub events_from: u64,
    /// The recipients with their states; empty before the first mail is composed.
    #[serde(default)]
    pub recipients: Vec<MailRecipient>,
    /// The retries of temporarily refused recipients after the others had the mail.
    #[serde(default)]
    pub retries: u32,
    /// The end of these retries: the end of the local day of the first attempt.
    #[serde(default)]
    pub retry_until: Option<DateTime<Utc>>,
    /// The unsubscribe links in its mails, the newest last.
    #[serde(default)]
    pub unsubscribe_links: Vec<UnsubscribeLink>,
    /// SHA-256 of the rendered mail, in hexadecimal.
    pub body_hash: Option<String>,
    /// Its `Message-ID`.
    pub message_id: Option<String>,
    /// The reason for this state, for the operator.
    pub reason: Option<String>,
    /// When it was planned.
    pub planned_at: DateTime<Utc>,
    /// When it entered this state; for UNKNOWN, when it entered SENDING.
    pub changed_at: DateTime<Utc>,
}

/// The reason why a transition is impossible; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransitionError {
    /// It is final.
    #[error("the mail is final")]
    Final,
    /// Another worker has it, or it may have been sent.
    #[error("another worker has the mail")]
    Taken,
    /// It waits: the mail service refused it temporarily, or a delivery event may still come.
    #[error("the mail is waiting for a retry or a delivery event")]
    Waiting,
    /// It is already SENT, which is success.
    #[error("the mail was already sent")]
    AlreadySent,
    /// A newer version wrote it, in a state that this version doesn't know.
    #[error("the mail was written by a newer version")]
    Newer,
    /// Too little is left of the lease.
    #[error("too little time is left to send")]
    LeaseTooShort,
    /// The transition is not possible from the record's state.
    #[error("the mail is in the wrong state for this")]
    WrongState,
}

/// Whether `until` is after `now` and plausible.
///
/// An end more than `longest` ahead was written by a wrong clock and counts as past.
fn is_ahead(until: DateTime<Utc>, longest: Duration, now: DateTime<Utc>) -> bool {
    now < until && !is_in_future(until, now + longest)
}

impl OutboxRecord {
    /// A new record: PENDING.
    pub fn planned(key: MailKey, now: DateTime<Utc>) -> Self {
        Self {
            kind: key.kind,
            family: key.family,
            date: key.date,
            state: MailState::Pending,
            revision: 0,
            owner: None,
            fence: 0,
            lease_until: None,
            not_before: None,
            attempts: 0,
            doubts: 0,
            events_from: 0,
            recipients: Vec::new(),
            retries: 0,
            retry_until: None,
            unsubscribe_links: Vec::new(),
            body_hash: None,
            message_id: None,
            reason: None,
            planned_at: now,
            changed_at: now,
        }
    }

    /// Creates a held record (SKIPPED) for a date whose record was lost and whose mail may have
    /// been sent.
    ///
    /// `fence` is the claim under which it was sent; 0 if unknown.
    pub fn held(key: MailKey, fence: u64, now: DateTime<Utc>) -> Self {
        Self::planned(key, now).hold(fence, now)
    }

    /// Creates the record (SKIPPED) of a date that passed while the schedule was paused.
    pub fn skipped_by_pause(key: MailKey, now: DateTime<Utc>) -> Self {
        let reason = Some(SCHEDULE_PAUSED.to_owned());
        Self::planned(key, now).release(MailState::Skipped, reason, now)
    }

    /// The tag that identifies the mail of this claim.
    pub fn tag(&self) -> MailTag {
        MailTag {
            kind: self.kind.clone(),
            family: self.family.clone(),
            date: self.date,
            fence: self.fence,
        }
    }

    /// Its key.
    pub fn key(&self) -> MailKey {
        MailKey::new(self.kind.clone(), self.family.clone(), self.date)
    }

    /// To SKIPPED and held: it may have been sent under the claim `fence` or a later one.
    #[must_use]
    pub fn hold(&self, fence: u64, now: DateTime<Utc>) -> Self {
        Self {
            fence: self.fence.max(fence),
            not_before: None,
            ..self.release(MailState::Skipped, Some(HELD_RESTORED.to_owned()), now)
        }
    }

    /// Whether it is held because it may have been sent before.
    pub fn is_held(&self) -> bool {
        self.state == MailState::Skipped && self.reason.as_deref() == Some(HELD_RESTORED)
    }

    /// Whether it was skipped because its family was paused.
    pub fn is_skipped_for_paused_family(&self) -> bool {
        self.state == MailState::Skipped && self.reason.as_deref() == Some(FAMILY_PAUSED)
    }

    /// Adds the unsubscribe link of the mail that is about to be sent. Those of earlier mails stay, since
    /// they may have been sent.
    #[must_use]
    pub fn with_unsubscribe_link(&self, link: UnsubscribeLink) -> Self {
        let mut record = self.clone();
        let links = &mut record.unsubscribe_links;
        if links.len() >= MAX_UNSUBSCRIBE_LINKS {
            links.remove(0);
        }
        links.push(link);
        record
    }

    /// The unsubscribe link with this token.
    pub fn unsubscribe_link(&self, token: &TokenHash) -> Option<&UnsubscribeLink> {
        self.unsubscribe_links
            .iter()
            .find(|link| link.token == *token)
    }

    /// Removes the delay: a person's request ignores it.
    #[must_use]
    pub fn without_delay(&self) -> Self {
        Self {
            not_before: None,
            ..self.clone()
        }
    }

    /// Whether [`OutboxRecord::claim`] would succeed now.
    pub fn check_claimable(&self, now: DateTime<Utc>) -> Result<(), TransitionError> {
        if self.retries_are_over(now) {
            return Err(TransitionError::Final);
        }
        match self.state {
            _ if self.is_over() => Err(TransitionError::Final),
            MailState::Pending | MailState::Sent
                if self
                    .not_before
                    .is_some_and(|until| is_ahead(until, REFUSED_DELAY, now)) =>
            {
                Err(TransitionError::Waiting)
            }
            MailState::Pending | MailState::Sent => Ok(()),
            MailState::Claimed if self.lease_is_over(now) => Ok(()),
            MailState::Newer => Err(TransitionError::Newer),
            _ => Err(TransitionError::Taken),
        }
    }

    /// To CLAIMED, if it is PENDING, SENT with waiting recipients, or CLAIMED with an expired
    /// lease.
    pub fn claim(&self, owner: Uuid, now: DateTime<Utc>) -> Result<Self, TransitionError> {
        self.check_claimable(now)?;
        Ok(Self {
            owner: Some(owner),
            fence: self.fence + 1,
            retries: self.retries + u32::from(self.is_retry()),
            lease_until: Some(now + LEASE_DURATION),
            not_before: None,
            reason: None,
            ..self.next(MailState::Claimed, now)
        })
    }

    /// To SKIPPED: there is nothing to say, or nothing can be said for this reason.
    pub fn skip(
        &self,
        reason: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<Self, TransitionError> {
        self.expect(&[MailState::Claimed])?;
        if self.is_retry() {
            return Ok(self.sent_without_the_rest(now));
        }
        Ok(self
            .give_up_if_doubted(reason.as_deref(), now)
            .unwrap_or_else(|| self.release(MailState::Skipped, reason, now)))
    }

    /// To SENDING, with the hash of the mail; must be durable before the mail is sent.
    ///
    /// All waiting recipients are in the mail, except those refused temporarily just before.
    pub fn begin_sending(
        &self,
        body_hash: String,
        refused_for_now: &[EmailAddress],
        now: DateTime<Utc>,
    ) -> Result<Self, TransitionError> {
        self.expect(&[MailState::Claimed])?;
        if !self.has_time_to_send(now) {
            return Err(TransitionError::LeaseTooShort);
        }
        Ok(Self {
            attempts: self.attempts + 1,
            body_hash: Some(body_hash),
            recipients: self.recipients_in_sending(refused_for_now),
            ..self.next(MailState::Sending, now)
        })
    }

    /// Whether enough of the lease is left for a mailer to finish.
    pub fn has_time_to_send(&self, now: DateTime<Utc>) -> bool {
        self.lease_until
            .is_some_and(|until| now + SEND_LIMIT <= until)
    }

    /// To SENT: the mail service confirmed to the worker that it accepted the mail.
    ///
    /// If the mail was finalised in the meantime, use [`OutboxRecord::apply_acceptance`].
    pub fn accepted(
        &self,
        message_id: String,
        now: DateTime<Utc>,
    ) -> Result<Self, TransitionError> {
        self.expect(&POSSIBLY_SENT)?;
        Ok(Self {
            message_id: Some(message_id),
            ..self.sent_to(&[RecipientState::Sending], now)
        })
    }

    /// Back to PENDING after a delay: certainly not sent, refused temporarily, or not composed yet.
    pub fn refused_for_now(
        &self,
        reason: String,
        now: DateTime<Utc>,
    ) -> Result<Self, TransitionError> {
        self.expect(&NOT_ACCEPTED)?;
        Ok(self.release_unsent(reason, true, now))
    }

    /// Back to PENDING: proven not to have been sent.
    pub fn not_sent(&self, reason: String, now: DateTime<Utc>) -> Result<Self, TransitionError> {
        self.expect(&NOT_ACCEPTED)?;
        Ok(self.release_unsent(reason, false, now))
    }

    /// Stays SENDING, with the reason; a delivery event or a timeout finalises it.
    pub fn unknown(&self, reason: String) -> Result<Self, TransitionError> {
        self.expect(&[MailState::Sending])?;
        Ok(Self {
            reason: Some(reason),
            // The wait for a delivery event began with SENDING.
            ..self.next(MailState::Sending, self.changed_at)
        })
    }

    /// To FAILED: it was certainly not sent, and won't be.
    ///
    /// If some recipients have the mail: SENT, without the rest. If an earlier attempt is in doubt:
    /// GAVE_UP.
    pub fn failed(&self, reason: String, now: DateTime<Utc>) -> Result<Self, TransitionError> {
        self.expect(&[
            MailState::Pending,
            MailState::Claimed,
            MailState::Sending,
            MailState::Unknown,
        ])?;
        if self.is_retry() {
            return Ok(self
                .release_unsent(reason, false, now)
                .sent_without_the_rest(now));
        }
        Ok(self
            .give_up_if_doubted(Some(&reason), now)
            .unwrap_or_else(|| self.release(MailState::Failed, Some(reason), now)))
    }

    /// How often we tried to send it, also if the mail service refused it before it had the mail.
    pub fn tries(&self) -> u64 {
        let attempts = u64::from(self.attempts);
        let is_refused = matches!(self.state, MailState::Pending | MailState::Failed)
            && self.reason.is_some()
            && !self.is_held();
        match is_refused {
            // Each claim ended with a try.
            true => attempts.max(self.fence),
            false => attempts,
        }
    }

    /// To GAVE_UP, if an earlier attempt may have been sent.
    fn give_up_if_doubted(&self, reason: Option<&str>, now: DateTime<Utc>) -> Option<Self> {
        let earlier = "We can’t tell whether an earlier attempt was sent.";
        let reason = reason.map_or_else(
            || earlier.to_owned(),
            |reason| format!("{earlier} {reason}"),
        );
        (self.doubts > 0).then(|| self.release(MailState::GaveUp, Some(reason), now))
    }

    pub(super) fn expect(&self, states: &[MailState]) -> Result<(), TransitionError> {
        match self.state {
            state if states.contains(&state) => Ok(()),
            MailState::Sent => Err(TransitionError::AlreadySent),
            MailState::Newer => Err(TransitionError::Newer),
            state if state.is_final() => Err(TransitionError::Final),
            _ => Err(TransitionError::WrongState),
        }
    }

    pub(super) fn lease_is_over(&self, now: DateTime<Utc>) -> bool {
        self.lease_until
            .is_none_or(|until| !is_ahead(until, LEASE_DURATION, now))
    }

    pub(super) fn release(
        &self,
        state: MailState,
        reason: Option<String>,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            owner: None,
            lease_until: None,
            reason,
            ..self.next(state, now)
        }
    }

    pub(super) fn next(&self, state: MailState, now: DateTime<Utc>) -> Self {
        Self {
            state,
            revision: self.revision + 1,
            changed_at: now,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::AcceptedBy;
    use super::*;
    use crate::family::Delivery;
    use crate::outbox::MailKey;

    fn now() -> DateTime<Utc> {
        "2026-11-21T11:30:00Z".parse().unwrap()
    }

    fn pending() -> OutboxRecord {
        OutboxRecord::planned(
            MailKey::daily("conrad".parse().unwrap(), "2026-11-21".parse().unwrap()),
            now(),
        )
    }

    #[test]
    fn notice_goes_from_pending_to_sent() {
        let claimed = pending().claim(Uuid::nil(), now()).unwrap();
        let sending = claimed.begin_sending("hash".into(), &[], now()).unwrap();
        let sent = sending.accepted("id".into(), now()).unwrap();
        assert_eq!(sent.state, MailState::Sent);
        assert_eq!((sent.revision, sent.fence, sent.attempts), (3, 1, 1));
        assert_eq!(sent.claim(Uuid::nil(), now()), Err(TransitionError::Final));
    }

    #[test]
    fn refused_mail_counts_as_tried() {
        let claimed = pending().claim(Uuid::nil(), now()).unwrap();
        assert_eq!(claimed.tries(), 0);
        // The mail server wasn't there, so nothing was sent.
        let refused = claimed.not_sent("refused".into(), now()).unwrap();
        assert_eq!((refused.attempts, refused.tries()), (0, 1));
        let claimed = refused.claim(Uuid::nil(), now()).unwrap();
        let failed = claimed.failed("refused".into(), now()).unwrap();
        assert_eq!(failed.tries(), 2);
        let skipped = pending().claim(Uuid::nil(), now()).unwrap();
        let skipped = skipped.skip(None, now()).unwrap();
        assert_eq!(skipped.tries(), 0);
        assert_eq!(pending().hold(3, now()).tries(), 0);
    }

    #[test]
    fn notice_is_claimable_after_its_lease_expires() {
        let claimed = pending().claim(Uuid::nil(), now()).unwrap();
        assert_eq!(
            claimed.claim(Uuid::nil(), now()),
            Err(TransitionError::Taken)
        );
        let again = claimed.claim(Uuid::nil(), now() + LEASE_DURATION).unwrap();
        assert_eq!(again.fence, 2);
    }

    #[test]
    fn possibly_sent_notice_is_never_claimable() {
        let sending = pending()
            .claim(Uuid::nil(), now())
            .and_then(|claimed| claimed.begin_sending("hash".into(), &[], now()))
            .unwrap();
        for record in [sending.clone(), sending.unknown("silence".into()).unwrap()] {
            assert_eq!(
                record.claim(Uuid::nil(), now() + Duration::days(3)),
                Err(TransitionError::Taken)
            );
        }
    }

    #[test]
    fn sending_begins_only_with_enough_lease_left() {
        let claimed = pending().claim(Uuid::nil(), now()).unwrap();
        let late = now() + LEASE_DURATION - SEND_LIMIT;
        assert!(claimed.begin_sending("hash".into(), &[], late).is_ok());
        assert_eq!(
            claimed.begin_sending("hash".into(), &[], late + Duration::seconds(1)),
            Err(TransitionError::LeaseTooShort)
        );
    }

    #[test]
    fn temporary_refusal_waits_and_unsent_mail_does_not() {
        let sending = pending()
            .claim(Uuid::nil(), now())
            .and_then(|claimed| claimed.begin_sending("hash".into(), &[], now()))
            .unwrap();
        let refused = sending.refused_for_now("450".into(), now()).unwrap();
        assert_eq!(
            refused.check_claimable(now()),
            Err(TransitionError::Waiting)
        );
        assert_eq!(refused.check_claimable(now() + REFUSED_DELAY), Ok(()));
        let not_sent = sending.not_sent("no connection".into(), now()).unwrap();
        assert_eq!(not_sent.check_claimable(now()), Ok(()));
        assert_eq!(not_sent.reason.as_deref(), Some("no connection"));
    }

    #[test]
    fn state_of_a_newer_version_is_read_and_not_changed() {
        let mut json = serde_json::to_value(pending()).unwrap();
        json["state"] = "POSTPONED".into();
        // Records of older versions lack fields; those of newer versions have unknown ones.
        for later_field in ["doubts", "events_from"] {
            json.as_object_mut().unwrap().remove(later_field);
        }
        json["postponed_by"] = "a person".into();
        let newer: OutboxRecord = serde_json::from_value(json).unwrap();
        assert_eq!(newer.state, MailState::Newer);
        assert!(!newer.state.is_final());
        let late = now() + Duration::days(3);
        for refused in [
            newer.claim(Uuid::nil(), late),
            newer.skip(None, late),
            newer.begin_sending("hash".into(), &[], late),
            newer.accepted("id".into(), late),
            newer.failed("why".into(), late),
            newer.not_sent("why".into(), late),
            newer.doubt(late),
            newer.reconcile(Delivery::AtLeastOnce, late),
            newer.apply_acceptance(1, AcceptedBy::RecipientServer, None, late),
            newer.apply_rejection(0, "why".into(), late),
        ] {
            assert_eq!(refused, Err(TransitionError::Newer));
        }
    }

    #[test]
    fn transition_from_a_wrong_state_is_refused() {
        assert_eq!(
            pending().skip(None, now()),
            Err(TransitionError::WrongState)
        );
        assert_eq!(
            pending().begin_sending("hash".into(), &[], now()),
            Err(TransitionError::WrongState)
        );
        assert_eq!(
            pending().accepted("id".into(), now()),
            Err(TransitionError::WrongState)
        );
    }
}
