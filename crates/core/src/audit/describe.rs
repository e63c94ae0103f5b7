//! Changes in plain words.

use super::Change;
use crate::ids::CardId;

impl Change {
    /// The card that was changed, if one was.
    pub fn card(&self) -> Option<CardId> {
        match self {
            Self::CardAdded { card }
            | Self::CardRemoved { card }
            | Self::CardPaused { card }
            | Self::CardResumed { card }
            | Self::PinSet { card }
            | Self::CheckStarted { card } => Some(*card),
            _ => None,
        }
    }

    /// The change in words, without who made it and without the card's name: `paused a card`.
    pub fn describe(&self) -> String {
        let words = match self {
            Self::CardAdded { .. } => "added a card",
            Self::CardRemoved { .. } => "removed a card",
            Self::CardPaused { .. } => "paused a card",
            Self::CardResumed { .. } => "resumed a card",
            Self::PinSet { .. } => "set a card’s PIN",
            Self::CheckStarted { .. } => "started a check of a card",
            Self::MailsPaused => "paused the emails",
            Self::MailsResumed => "resumed the emails",
            Self::SettingsChanged => "changed the settings",
            Self::RecipientAdded => "added a recipient",
            Self::RecipientInvited => "invited somebody to the emails",
            Self::InvitationWithdrawn => "withdrew an invitation",
            Self::RecipientConfirmed => "accepted an invitation",
            Self::Unsubscribed => "turned off a recipient’s emails",
            Self::UnsubscribingUndone => "turned them on again",
            Self::Resubscribed => "turned a recipient’s emails back on",
            Self::RecipientLeft => "left the family",
            Self::RecipientRemoved { .. } => "removed a recipient",
            Self::FeedMade => "made a feed",
            Self::FeedRevoked => "revoked a feed",
            Self::IdentityLinked => "linked an account to sign in with",
            Self::IdentitiesUnlinked => "unlinked the accounts to sign in with",
            Self::PersonSignedOut { .. } => {
                "signed somebody out everywhere, and unlinked their accounts"
            }
            Self::AllSchedulesPaused => "paused all schedules",
            Self::AllSchedulesResumed => "resumed all schedules",
            Self::SchedulePaused { label } => return format!("paused the schedule “{label}”"),
            Self::ScheduleResumed { label } => return format!("resumed the schedule “{label}”"),
            Self::RunStarted { job } => return format!("started {job}"),
            Self::RunRepeated {
                run,
                only_failed: true,
            } => return format!("reran what failed in {run}"),
            Self::RunRepeated { run, .. } => return format!("reran {run}"),
            Self::NoticeResent { mail } => {
                return format!("sent the {} notice of {} again", mail.kind, mail.date);
            }
        };
        words.to_owned()
    }
}
