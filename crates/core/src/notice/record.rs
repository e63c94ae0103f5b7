//! How far the sending of a notice got: its record, and one pure function per transition.
//!
//! `PENDING → CLAIMED → SENDING → SENT | SKIPPED | FAILED`, and
//! `SENDING → (lease over, no evidence) UNKNOWN → SENT | GAVE_UP` (or `→ PENDING`, once, where the
//! family would rather have two mails than none). CLAIMED means that surely nothing was handed to
//! the mail service; SENDING means that it may have been. Every transition is made on the record as
//! it was read and written only if its revision is still the same.
//!
//! Here are the steps of the worker that has a notice; [`settling`] has those of everybody else.

pub mod recipients;
pub mod settling;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::is_in_future;
use crate::family::EmailAddress;
use crate::ids::FamilyId;
use recipients::{NoticeRecipient, RecipientState};

/// How long a worker may hold a notice.
pub const LEASE: Duration = Duration::seconds(300);

/// How long a mailer may take over one mail; arming needs that much of the lease to be left.
pub const SEND_LIMIT: Duration = Duration::seconds(120);

/// How long a notice waits after the mail service refused it for now.
pub const REFUSED_DELAY: Duration = Duration::minutes(30);

/// Why a date is not sent that a restored store, or a family that was added again, lacks.
pub const HELD_RESTORED: &str = "held: restored";

/// The kind of the mails that these records are about.
pub const NOTICE_KIND: &str = "daily";

/// The states in which a mail may have been handed over.
const MAY_HAVE_LEFT: [NoticeState; 2] = [NoticeState::Sending, NoticeState::Unknown];

/// The states from which a mail that was surely not accepted goes back.
const NOT_ACCEPTED: [NoticeState; 3] = [
    NoticeState::Claimed,
    NoticeState::Sending,
    NoticeState::Unknown,
];

/// How far a notice got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NoticeState {
    /// Planned; nobody works on it.
    Pending,
    /// A worker has it; surely nothing was handed to the mail service.
    Claimed,
    /// It may have been handed to the mail service.
    Sending,
    /// The mail service has it.
    Sent,
    /// There was nothing to say.
    Skipped,
    /// The mail service will not have it.
    Failed,
    /// Nobody knows whether it left; evidence may still come.
    Unknown,
    /// Nobody knows whether it left, and it is not tried again.
    GaveUp,
    /// Its day passed before it was planned.
    Missed,
    /// Written by a newer version, in a state that this one does not know: it is left alone.
    #[serde(other)]
    Newer,
}

impl NoticeState {
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

    /// Nothing more will happen to it by itself.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Sent | Self::Skipped | Self::Failed | Self::GaveUp | Self::Missed
        )
    }
}

/// How far one family's notice for one local date got. Kept for at least 35 days.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NoticeRecord {
    /// The family.
    pub family: FamilyId,
    /// The family's local date; computed once, when it was planned.
    pub date: NaiveDate,
    /// How far it got.
    pub state: NoticeState,
    /// +1 with every write; a write is made only over the revision that was read.
    pub revision: u64,
    /// The worker that has it.
    pub owner: Option<Uuid>,
    /// +1 with every claim.
    pub fence: u64,
    /// Until when the worker has it.
    pub lease_until: Option<DateTime<Utc>>,
    /// Not to be claimed before: the mail service refused it for now.
    pub not_before: Option<DateTime<Utc>>,
    /// How often a mail was about to be handed to the mail service.
    pub attempts: u32,
    /// How often nobody knew whether it had left.
    #[serde(default)]
    pub doubts: u32,
    /// The first claim of which evidence counts: a person asked for another mail after those before.
    #[serde(default)]
    pub evidence_from: u64,
    /// Whom it is for, and how far it got with each; empty before the first mail is made.
    #[serde(default)]
    pub recipients: Vec<NoticeRecipient>,
    /// How often the recipients that were refused for now were tried again after the others had the mail.
    #[serde(default)]
    pub retries: u32,
    /// Until when they are tried again: the end of the local day on which the others got it.
    #[serde(default)]
    pub retry_until: Option<DateTime<Utc>>,
    /// SHA-256 of the rendered mail, in hexadecimal.
    pub body_hash: Option<String>,
    /// The `Message-ID` under which it went.
    pub message_id: Option<String>,
    /// Why it is in this state, for the operator.
    pub reason: Option<String>,
    /// When it was planned.
    pub planned_at: DateTime<Utc>,
    /// When it came into this state; for UNKNOWN, when it came into SENDING, where the doubt began.
    pub changed_at: DateTime<Utc>,
}

/// Why a transition cannot be made; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotNow {
    /// It is final.
    #[error("the notice is final")]
    Final,
    /// Another worker has it, or it may have been sent already.
    #[error("the notice is in other hands")]
    Taken,
    /// It waits: the mail service refused it for now, or evidence may still come.
    #[error("the notice waits before anything more is done")]
    Waiting,
    /// It is SENT already: whoever says so again is right.
    #[error("the notice is sent already")]
    AlreadySent,
    /// It is in a state that this version does not know.
    #[error("the notice was written by a newer version")]
    Newer,
    /// Too little is left of the lease.
    #[error("too little time is left to send")]
    LeaseTooShort,
    /// The record is not in the state from which this transition leads.
    #[error("the notice is not in the state for this step")]
    WrongState,
}

/// Whether an end lies ahead of `now` and can be right: one further ahead than the longest such
/// time was written by a wrong clock, and counts as over.
fn is_ahead(until: DateTime<Utc>, longest: Duration, now: DateTime<Utc>) -> bool {
    now < until && !is_in_future(until, now + longest)
}

impl NoticeRecord {
    /// A new record: PENDING.
    pub fn planned(family: FamilyId, date: NaiveDate, now: DateTime<Utc>) -> Self {
        Self {
            family,
            date,
            state: NoticeState::Pending,
            revision: 0,
            owner: None,
            fence: 0,
            lease_until: None,
            not_before: None,
            attempts: 0,
            doubts: 0,
            evidence_from: 0,
            recipients: Vec::new(),
            retries: 0,
            retry_until: None,
            body_hash: None,
            message_id: None,
            reason: None,
            planned_at: now,
            changed_at: now,
        }
    }

    /// A new record of a date that may have been sent by what the store forgot: SKIPPED, and held.
    /// `fence` is the claim under which it was sent, as far as that is known.
    pub fn held(family: FamilyId, date: NaiveDate, fence: u64, now: DateTime<Utc>) -> Self {
        Self::planned(family, date, now).hold(fence, now)
    }

    /// To SKIPPED and held: it may have been sent already under the claim `fence`, or a later one than
    /// its own.
    #[must_use]
    pub fn hold(&self, fence: u64, now: DateTime<Utc>) -> Self {
        Self {
            fence: self.fence.max(fence),
            not_before: None,
            ..self.settled(NoticeState::Skipped, Some(HELD_RESTORED.to_owned()), now)
        }
    }

    /// Whether it is held since it may have been sent before.
    pub fn is_held(&self) -> bool {
        self.state == NoticeState::Skipped && self.reason.as_deref() == Some(HELD_RESTORED)
    }

    /// The same record, free at once: a person does not wait out a delay.
    #[must_use]
    pub fn without_delay(&self) -> Self {
        Self {
            not_before: None,
            ..self.clone()
        }
    }

    /// Whether [`NoticeRecord::claim`] would give it to somebody now.
    pub fn is_free(&self, now: DateTime<Utc>) -> Result<(), NotNow> {
        if self.retries_are_over(now) {
            return Err(NotNow::Final);
        }
        match self.state {
            _ if self.is_over() => Err(NotNow::Final),
            NoticeState::Pending | NoticeState::Sent
                if self
                    .not_before
                    .is_some_and(|until| is_ahead(until, REFUSED_DELAY, now)) =>
            {
                Err(NotNow::Waiting)
            }
            NoticeState::Pending | NoticeState::Sent => Ok(()),
            NoticeState::Claimed if self.lease_is_over(now) => Ok(()),
            NoticeState::Newer => Err(NotNow::Newer),
            _ => Err(NotNow::Taken),
        }
    }

    /// To CLAIMED, if it is PENDING, SENT with recipients that wait, or CLAIMED with its lease over.
    pub fn claim(&self, owner: Uuid, now: DateTime<Utc>) -> Result<Self, NotNow> {
        self.is_free(now)?;
        Ok(Self {
            owner: Some(owner),
            fence: self.fence + 1,
            retries: self.retries + u32::from(self.is_retry()),
            lease_until: Some(now + LEASE),
            not_before: None,
            reason: None,
            ..self.next(NoticeState::Claimed, now)
        })
    }

    /// To SKIPPED: there is nothing to say.
    pub fn skip(&self, now: DateTime<Utc>) -> Result<Self, NotNow> {
        self.expect(&[NoticeState::Claimed])?;
        if self.is_retry() {
            return Ok(self.sent_without_the_rest(now));
        }
        Ok(self
            .not_sent_again(None, now)
            .unwrap_or_else(|| self.settled(NoticeState::Skipped, None, now)))
    }

    /// To SENDING, with the hash of what will be sent; durable before the mail is handed over.
    ///
    /// All recipients that wait are in the mail, but those that were refused for now just before.
    pub fn arm(
        &self,
        body_hash: String,
        refused_for_now: &[EmailAddress],
        now: DateTime<Utc>,
    ) -> Result<Self, NotNow> {
        self.expect(&[NoticeState::Claimed])?;
        if !self.has_time_to_send(now) {
            return Err(NotNow::LeaseTooShort);
        }
        Ok(Self {
            attempts: self.attempts + 1,
            body_hash: Some(body_hash),
            recipients: self.begin_with_recipients(refused_for_now),
            ..self.next(NoticeState::Sending, now)
        })
    }

    /// Whether enough of the lease is left for a mailer to come back within it.
    pub fn has_time_to_send(&self, now: DateTime<Utc>) -> bool {
        self.lease_until
            .is_some_and(|until| now + SEND_LIMIT <= until)
    }

    /// To SENT: the mail service told its worker that it has the mail.
    ///
    /// A worker whose notice was settled meanwhile still knows: see
    /// [`NoticeRecord::evidence_left`].
    pub fn accepted(&self, message_id: String, now: DateTime<Utc>) -> Result<Self, NotNow> {
        self.expect(&MAY_HAVE_LEFT)?;
        Ok(Self {
            message_id: Some(message_id),
            ..self.sent_to(&[RecipientState::Sending], now)
        })
    }

    /// Back to PENDING after a delay: for certain not sent, refused for now.
    pub fn refused_for_now(&self, reason: String, now: DateTime<Utc>) -> Result<Self, NotNow> {
        self.expect(&NOT_ACCEPTED)?;
        Ok(self.back(reason, true, now))
    }

    /// Back to PENDING: proven not to have been handed over.
    pub fn not_sent(&self, reason: String, now: DateTime<Utc>) -> Result<Self, NotNow> {
        self.expect(&NOT_ACCEPTED)?;
        Ok(self.back(reason, false, now))
    }

    /// Stays SENDING, with the reason: nobody knows; evidence or time decides.
    pub fn unknown(&self, reason: String) -> Result<Self, NotNow> {
        self.expect(&[NoticeState::Sending])?;
        Ok(Self {
            reason: Some(reason),
            // The wait for evidence began with SENDING.
            ..self.next(NoticeState::Sending, self.changed_at)
        })
    }

    /// To FAILED: it cannot be sent, for certain. Where others have the mail: SENT, without the rest;
    /// where an earlier attempt is in doubt: GAVE_UP.
    pub fn failed(&self, reason: String, now: DateTime<Utc>) -> Result<Self, NotNow> {
        self.expect(&[
            NoticeState::Pending,
            NoticeState::Claimed,
            NoticeState::Sending,
            NoticeState::Unknown,
        ])?;
        if self.is_retry() {
            return Ok(self.back(reason, false, now).sent_without_the_rest(now));
        }
        Ok(self
            .not_sent_again(Some(&reason), now)
            .unwrap_or_else(|| self.settled(NoticeState::Failed, Some(reason), now)))
    }

    /// To GAVE_UP, where an earlier mail of this notice may have left: nobody may say that none did.
    fn not_sent_again(&self, reason: Option<&str>, now: DateTime<Utc>) -> Option<Self> {
        let earlier = "We can’t tell whether an earlier attempt was sent.";
        let reason = reason.map_or_else(
            || earlier.to_owned(),
            |reason| format!("{earlier} {reason}"),
        );
        (self.doubts > 0).then(|| self.settled(NoticeState::GaveUp, Some(reason), now))
    }

    fn expect(&self, states: &[NoticeState]) -> Result<(), NotNow> {
        match self.state {
            state if states.contains(&state) => Ok(()),
            NoticeState::Sent => Err(NotNow::AlreadySent),
            NoticeState::Newer => Err(NotNow::Newer),
            state if state.is_final() => Err(NotNow::Final),
            _ => Err(NotNow::WrongState),
        }
    }

    fn lease_is_over(&self, now: DateTime<Utc>) -> bool {
        self.lease_until
            .is_none_or(|until| !is_ahead(until, LEASE, now))
    }

    fn settled(&self, state: NoticeState, reason: Option<String>, now: DateTime<Utc>) -> Self {
        Self {
            owner: None,
            lease_until: None,
            reason,
            ..self.next(state, now)
        }
    }

    fn next(&self, state: NoticeState, now: DateTime<Utc>) -> Self {
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
    use super::settling::LeftBy;
    use super::*;
    use crate::family::Delivery;

    fn now() -> DateTime<Utc> {
        "2026-11-21T11:30:00Z".parse().unwrap()
    }

    fn pending() -> NoticeRecord {
        NoticeRecord::planned(
            "conrad".parse().unwrap(),
            "2026-11-21".parse().unwrap(),
            now(),
        )
    }

    #[test]
    fn a_notice_goes_from_pending_to_sent() {
        let claimed = pending().claim(Uuid::nil(), now()).unwrap();
        let sending = claimed.arm("hash".into(), &[], now()).unwrap();
        let sent = sending.accepted("id".into(), now()).unwrap();
        assert_eq!(sent.state, NoticeState::Sent);
        assert_eq!((sent.revision, sent.fence, sent.attempts), (3, 1, 1));
        assert_eq!(sent.claim(Uuid::nil(), now()), Err(NotNow::Final));
    }

    #[test]
    fn a_claimed_notice_is_free_again_when_its_lease_is_over() {
        let claimed = pending().claim(Uuid::nil(), now()).unwrap();
        assert_eq!(claimed.claim(Uuid::nil(), now()), Err(NotNow::Taken));
        let again = claimed.claim(Uuid::nil(), now() + LEASE).unwrap();
        assert_eq!(again.fence, 2);
    }

    #[test]
    fn a_notice_that_may_have_been_sent_is_never_free_again() {
        let sending = pending()
            .claim(Uuid::nil(), now())
            .and_then(|claimed| claimed.arm("hash".into(), &[], now()))
            .unwrap();
        for record in [sending.clone(), sending.unknown("silence".into()).unwrap()] {
            assert_eq!(
                record.claim(Uuid::nil(), now() + Duration::days(3)),
                Err(NotNow::Taken)
            );
        }
    }

    #[test]
    fn arming_needs_enough_of_the_lease_to_send() {
        let claimed = pending().claim(Uuid::nil(), now()).unwrap();
        let late = now() + LEASE - SEND_LIMIT;
        assert!(claimed.arm("hash".into(), &[], late).is_ok());
        assert_eq!(
            claimed.arm("hash".into(), &[], late + Duration::seconds(1)),
            Err(NotNow::LeaseTooShort)
        );
    }

    #[test]
    fn a_refusal_for_now_waits_and_a_mail_that_was_not_sent_does_not() {
        let sending = pending()
            .claim(Uuid::nil(), now())
            .and_then(|claimed| claimed.arm("hash".into(), &[], now()))
            .unwrap();
        let refused = sending.refused_for_now("450".into(), now()).unwrap();
        assert_eq!(refused.is_free(now()), Err(NotNow::Waiting));
        assert_eq!(refused.is_free(now() + REFUSED_DELAY), Ok(()));
        let not_sent = sending.not_sent("no connection".into(), now()).unwrap();
        assert_eq!(not_sent.is_free(now()), Ok(()));
        assert_eq!(not_sent.reason.as_deref(), Some("no connection"));
    }

    #[test]
    fn a_state_that_a_newer_version_wrote_is_read_and_left_alone() {
        let mut json = serde_json::to_value(pending()).unwrap();
        json["state"] = "POSTPONED".into();
        // Nor does an older version's record know every field, or this one every field of a newer.
        for unknown_then in ["doubts", "evidence_from"] {
            json.as_object_mut().unwrap().remove(unknown_then);
        }
        json["postponed_by"] = "a person".into();
        let newer: NoticeRecord = serde_json::from_value(json).unwrap();
        assert_eq!(newer.state, NoticeState::Newer);
        assert!(!newer.state.is_final());
        let late = now() + Duration::days(3);
        for refused in [
            newer.claim(Uuid::nil(), late),
            newer.skip(late),
            newer.arm("hash".into(), &[], late),
            newer.accepted("id".into(), late),
            newer.failed("why".into(), late),
            newer.not_sent("why".into(), late),
            newer.doubt(late),
            newer.reconcile(Delivery::AtLeastOnce, late),
            newer.evidence_left(1, LeftBy::Arriving, None, late),
            newer.evidence_rejected(0, "why".into(), late),
        ] {
            assert_eq!(refused, Err(NotNow::Newer));
        }
    }

    #[test]
    fn a_step_out_of_turn_is_refused() {
        assert_eq!(pending().skip(now()), Err(NotNow::WrongState));
        assert_eq!(
            pending().arm("hash".into(), &[], now()),
            Err(NotNow::WrongState)
        );
        assert_eq!(
            pending().accepted("id".into(), now()),
            Err(NotNow::WrongState)
        );
    }
}
