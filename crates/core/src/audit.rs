//! Who changed what, and when, for the operator and for the family concerned.
//!
//! An entry names nobody: a person is a hash of the address, as for sessions.

mod describe;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{CardId, FamilyId, Label};
use crate::outbox::MailKey;
use crate::run::{JobName, RunKey};
use crate::sign_in::PersonId;

/// How long an entry is kept.
pub const AUDIT_RETENTION: TimeDelta = TimeDelta::days(90);

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its id.
    pub id: Uuid,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// Who made it.
    pub actor: Actor,
    /// The family that it concerns; `None`: the whole installation.
    pub family: Option<FamilyId>,
    /// What was changed.
    pub change: Change,
}

impl AuditEntry {
    /// Records a change that was made now.
    pub fn new(actor: Actor, family: Option<FamilyId>, change: Change, now: DateTime<Utc>) -> Self {
        Self {
            id: Uuid::new_v4(),
            at: now,
            actor,
            family,
            change,
        }
    }

    /// From when on it may be deleted.
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.at + AUDIT_RETENTION
    }
}

/// Who made a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The operator, in the console.
    Operator,
    /// The operator, with the command.
    Command,
    /// A recipient of the family, or somebody who was invited.
    Person(PersonId),
    /// Somebody with the link of an email.
    Link,
}

/// What was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[expect(missing_docs, reason = "plain data, whose names say it")]
pub enum Change {
    CardAdded { card: CardId },
    CardRemoved { card: CardId },
    CardPaused { card: CardId },
    CardResumed { card: CardId },
    PinSet { card: CardId },
    CheckStarted { card: CardId },
    MailsPaused,
    MailsResumed,
    SettingsChanged,
    RecipientAdded,
    RecipientInvited,
    InvitationWithdrawn,
    RecipientConfirmed,
    RecipientLeft,
    Resubscribed,
    Unsubscribed,
    UnsubscribingUndone,
    RecipientRemoved { person: PersonId },
    FeedMade,
    FeedRevoked,
    IdentityLinked,
    IdentitiesUnlinked,
    PersonSignedOut { person: PersonId },
    SchedulePaused { label: Label },
    ScheduleResumed { label: Label },
    AllSchedulesPaused,
    AllSchedulesResumed,
    RunStarted { job: JobName },
    RunRepeated { run: RunKey, only_failed: bool },
    NoticeResent { mail: MailKey },
}
