//! Why a card wasn't checked.

use chrono::{DateTime, Utc};
use hippo_core::card::CardRecord;
use hippo_core::ids::CardId;
use hippo_core::jobs::check_cards::visit::LOGIN_IN_PROGRESS_LIMIT;

use crate::suggested::HIPPO;

/// Why a card wasn't checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotCheckedReason {
    /// It is paused.
    Paused,
    /// The library rejected its number or PIN.
    Rejected,
    /// The outcome of its last login is unknown.
    LoginInDoubt,
    /// Another check of it is running or was interrupted.
    InProgress,
    Removed,
    /// It was changed while it waited.
    Changed,
}

/// Why a visit leaves a card out before it contacts the library; `None` if it doesn't.
pub(crate) fn reason_left_out(record: &CardRecord, now: DateTime<Utc>) -> Option<NotCheckedReason> {
    let state = &record.state.without_future(now);
    if record.card.active_pause(now).is_some() {
        return Some(NotCheckedReason::Paused);
    }
    if state.refused_since.is_some() {
        return Some(NotCheckedReason::Rejected);
    }
    let mark = state
        .login_mark
        .as_ref()
        .filter(|mark| now < mark.at + LOGIN_IN_PROGRESS_LIMIT)?;
    let has_ended = state
        .last_check
        .as_ref()
        .is_some_and(|last| last.started_at >= mark.at);
    Some(if has_ended {
        NotCheckedReason::LoginInDoubt
    } else {
        NotCheckedReason::InProgress
    })
}

/// Finds out from the store why a card wasn't checked.
pub(crate) fn reason_not_checked(
    record: Option<&CardRecord>,
    now: DateTime<Utc>,
) -> NotCheckedReason {
    match record {
        None => NotCheckedReason::Removed,
        Some(record) => reason_left_out(record, now).unwrap_or(NotCheckedReason::Changed),
    }
}

impl NotCheckedReason {
    /// Explains what happened, with the commands that help.
    pub(crate) fn explain(self, card: CardId) -> (&'static str, Vec<String>) {
        match self {
            Self::Paused => (
                "It's paused. To check it again, resume it.",
                vec![format!("{HIPPO} card resume {card}")],
            ),
            Self::Rejected => (
                "The library rejected its number or PIN, and we won't send them again until you say so. Set the \
                 right PIN, or try the same one once more.",
                vec![
                    format!("{HIPPO} card set-pin {card}"),
                    format!("{HIPPO} card retry {card}"),
                ],
            ),
            Self::LoginInDoubt => (
                "We don't know whether the last login succeeded, so we won't send it again today. You can record a \
                 new login, or just try again.",
                vec![record_command(card), format!("{HIPPO} card retry {card}")],
            ),
            Self::InProgress => (
                "Another check of it is running, or was interrupted. Try again in two minutes.",
                vec![format!("{HIPPO} status")],
            ),
            Self::Removed => ("It was removed.", vec![format!("{HIPPO} card list")]),
            Self::Changed => (
                "It was changed while it waited for its turn. Try again.",
                vec![format!("{HIPPO} card check {card}")],
            ),
        }
    }
}

/// The command that checks a card even after an unknown login outcome, and records the session.
pub(crate) fn record_command(card: CardId) -> String {
    format!("{HIPPO} card record {card} session.har")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Tz;
    use hippo_core::card::{Card, CardPause, CardState, Fingerprint, LastCheck, LoginMark};
    use hippo_core::failure::Failure;
    use rstest::rstest;
    use uuid::Uuid;

    fn record(state: CardState) -> CardRecord {
        CardRecord {
            card: Card {
                id: CardId::generate(),
                family: "conrad".parse().unwrap(),
                library: "wpl".parse().unwrap(),
                patron: "Pat".to_owned(),
                fingerprint: Fingerprint(String::new()),
                secret_id: uuid::Uuid::nil(),
                pause: None,
                created_at: now(),
            },
            state,
        }
    }

    fn now() -> DateTime<Utc> {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn marked(minutes_ago: i64, is_checked: bool) -> CardState {
        let at = now() - chrono::Duration::minutes(minutes_ago);
        CardState {
            login_mark: Some(LoginMark {
                check: Uuid::nil(),
                at,
                day: at.date_naive(),
                is_settled: false,
            }),
            last_check: is_checked.then(|| LastCheck {
                started_at: at,
                finished_at: at,
                failure: Some(Failure::page_changed("x")),
            }),
            ..CardState::default()
        }
    }

    #[test]
    fn unchecked_card_gets_its_reason() {
        let mut paused = record(CardState::default());
        paused.card.pause = Some(CardPause::new(None, None, Tz::UTC, now()).unwrap());
        let rejected = CardState {
            refused_since: Some(now()),
            ..CardState::default()
        };
        let reason = |record: &CardRecord| reason_not_checked(Some(record), now());
        assert_eq!(reason(&paused), NotCheckedReason::Paused);
        assert_eq!(reason(&record(rejected)), NotCheckedReason::Rejected);
        assert_eq!(
            reason(&record(marked(1, false))),
            NotCheckedReason::InProgress
        );
        assert_eq!(
            reason(&record(marked(1, true))),
            NotCheckedReason::LoginInDoubt
        );
        assert_eq!(
            reason(&record(CardState::default())),
            NotCheckedReason::Changed
        );
        assert_eq!(reason_not_checked(None, now()), NotCheckedReason::Removed);
    }

    #[rstest]
    #[case(1, true)]
    #[case(4, false)]
    fn login_mark_excludes_a_card_temporarily(#[case] minutes_ago: i64, #[case] is_left_out: bool) {
        let record = record(marked(minutes_ago, false));
        assert_eq!(reason_left_out(&record, now()).is_some(), is_left_out);
    }
}
