//! How a card's checks go, in plain words for its family.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use super::cards::unchecked_pause;
use super::line::STALE_AFTER;
use super::phrases::{self, moment};
use crate::card::{CardPause, CardRecord, CardState};
use crate::clock::local_date;
use crate::failure::FailureKind;

/// How a card's checks go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardStatus {
    /// One or two sentences.
    pub words: String,
    /// Whether a person should do something.
    pub needs_attention: bool,
    /// When the account that we have was read, in words.
    pub as_of: Option<String>,
}

impl CardStatus {
    /// Words a card's state at `now`, with times in the family's zone.
    pub fn from_record(record: &CardRecord, zone: Tz, now: DateTime<Utc>) -> Self {
        let state = record.state.without_future(now);
        let today = local_date(now, zone);
        let at = |instant| moment(instant, zone, today);
        let as_of = state.last_success_at.map(at);
        let read_at = state.last_success_at.unwrap_or(record.card.created_at);
        let is_stale = now - read_at > STALE_AFTER;
        let (words, needs_attention) = if let Some(pause) = unchecked_pause(record, now) {
            let before = failure_before_pause(&state, at);
            (pause_sentences(pause, today, now) + &before, false)
        } else if let Some(since) = state.refused_since {
            (
                format!(
                    "The library rejected the number or PIN ({}). We won’t try again until it’s \
                     corrected, so that the card doesn’t get locked.",
                    at(since.min(now))
                ),
                true,
            )
        } else if let Some((last, failure)) = state.explaining_failure() {
            let untried = match &state.earlier_failure {
                Some(_) => " We haven’t tried again since.",
                None => "",
            };
            (
                format!(
                    "We couldn’t check this card ({}): {}.{untried}{}",
                    at(last.started_at),
                    phrases::failure(failure.kind),
                    next_step(failure.kind)
                ),
                is_stale || !matches!(failure.kind, FailureKind::NotTried | FailureKind::SiteDown),
            )
        } else if state.is_corrected {
            (
                "Not checked again yet. The next check will try it.".to_owned(),
                false,
            )
        } else if let Some(last) = &state.last_check {
            if now - last.started_at > STALE_AFTER {
                (
                    format!(
                        "Not checked since {}, so this may be out of date.",
                        at(last.started_at)
                    ),
                    true,
                )
            } else {
                ("The last check worked.".to_owned(), false)
            }
        } else {
            (
                "Not checked yet. The next check will try it.".to_owned(),
                false,
            )
        };
        Self {
            words,
            needs_attention,
            as_of,
        }
    }
}

/// Says until when and why a card is paused, or that it wasn't checked since.
fn pause_sentences(pause: &CardPause, today: NaiveDate, now: DateTime<Utc>) -> String {
    if !pause.includes(now) {
        return "Not checked yet since its pause. The next check will try it.".to_owned();
    }
    let mut words = phrases::card_pause(pause, today);
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let rest = match pause.until {
        Some(_) => "",
        None => " We don’t check this card.",
    };
    format!("{words}.{rest}")
}

/// Says why the last check before a pause failed; empty if it didn't.
fn failure_before_pause(state: &CardState, at: impl Fn(DateTime<Utc>) -> String) -> String {
    let before = state.failure_before_pause();
    before.map_or_else(String::new, |(failure, since)| {
        let what = phrases::failure(failure.kind);
        format!(" Before the pause, {what} ({}).", at(since))
    })
}

/// What happens next, or what a person can do.
fn next_step(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::WrongCredentials => {
            " We won’t try again until it’s corrected, so that the card doesn’t get locked."
        }
        FailureKind::CardBlocked => " Please ask at the desk.",
        FailureKind::SealedForOtherHosts => {
            " Please ask the person who runs LibraryHippo to check the address."
        }
        FailureKind::PageChanged => " The person who runs LibraryHippo knows about it.",
        FailureKind::SessionExpired
        | FailureKind::SiteRefused
        | FailureKind::SiteDown
        | FailureKind::NotTried => " We’ll try again with the next check.",
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::card::LastCheck;
    use crate::failure::Failure;
    use crate::testing::contract::sample;

    fn now() -> DateTime<Utc> {
        "2026-11-21T17:00:00Z".parse().unwrap()
    }

    fn status(pause: Option<CardPause>, state: CardState) -> CardStatus {
        let mut card = sample::card("conrad", "wpl", "f");
        card.pause = pause;
        let record = CardRecord { card, state };
        CardStatus::from_record(&record, chrono_tz::America::Toronto, now())
    }

    fn checked(at: &str, failure: Option<FailureKind>) -> CardState {
        let at: DateTime<Utc> = at.parse().unwrap();
        CardState {
            last_check: Some(LastCheck {
                started_at: at,
                finished_at: at,
                failure: failure.map(|kind| Failure::new(kind, "canary-detail")),
            }),
            last_success_at: Some(at),
            ..CardState::default()
        }
    }

    /// A check that failed, and one that wasn't tried half an hour later.
    fn untried_after(at: &str, kind: FailureKind) -> CardState {
        let mut state = checked(at, Some(kind));
        let later = at.parse::<DateTime<Utc>>().unwrap() + chrono::Duration::minutes(30);
        state.replace_last_check(LastCheck {
            started_at: later,
            finished_at: later,
            failure: Some(Failure::not_tried("canary-detail")),
        });
        state
    }

    #[rstest]
    #[case(FailureKind::WrongCredentials)]
    #[case(FailureKind::SealedForOtherHosts)]
    fn corrected_failure_is_not_repeated(#[case] kind: FailureKind) {
        for mut state in [
            checked("2026-11-16T10:10:00Z", Some(kind)),
            untried_after("2026-11-16T10:10:00Z", kind),
        ] {
            state.allow_retry();
            let words = |state: &CardState| {
                let paused = status(Some(sample::card_pause(None)), state.clone()).words;
                status(None, state.clone()).words + &paused
            };
            let (before, known) = (words(&state), phrases::failure(kind));
            assert!(!before.contains(known), "{before}");
            assert!(before.contains("next check"), "{before}");
            let at = now();
            state.replace_last_check(LastCheck {
                started_at: at,
                finished_at: at,
                failure: Some(Failure::not_tried("canary-detail")),
            });
            let after = words(&state);
            assert!(!after.contains(known), "{after}");
            assert!(
                after.contains("We’ll try again with the next check."),
                "{after}"
            );
        }
    }

    #[test]
    fn paused_card_keeps_its_failure() {
        let until = || Some(sample::card_pause(Some("2027-01-03")));
        let refused = CardState {
            refused_since: Some(now()),
            ..CardState::default()
        };
        let untried = checked("2026-11-21T10:10:00Z", Some(FailureKind::NotTried));
        let words = [
            refused,
            untried_after("2026-11-20T10:10:00Z", FailureKind::PageChanged),
            untried,
        ]
        .map(|state| status(until(), state).words);
        insta::assert_snapshot!(words.join("\n"), @r"
        Paused (lost in “Kitchener” 🦉), checked again from Sunday, Jan 3. Before the pause, the library rejected the number or PIN (12:00).
        Paused (lost in “Kitchener” 🦉), checked again from Sunday, Jan 3. Before the pause, the library’s site looks different, and we couldn’t read it (Friday 05:10).
        Paused (lost in “Kitchener” 🦉), checked again from Sunday, Jan 3.
        ");
    }

    #[rstest]
    #[case::fine(checked("2026-11-21T10:10:00Z", None), "The last check worked.", false)]
    #[case::never(CardState::default(), "Not checked yet", false)]
    #[case::stale(
        checked("2026-11-20T10:10:00Z", None),
        "Not checked since Friday 05:10",
        true
    )]
    #[case::down(
        checked("2026-11-21T10:10:00Z", Some(FailureKind::SiteDown)),
        "We couldn’t check this card (05:10): the library’s site didn’t answer. We’ll try again",
        false
    )]
    #[case::blocked(
        checked("2026-11-21T10:10:00Z", Some(FailureKind::CardBlocked)),
        "Please ask at the desk.",
        true
    )]
    #[case::refused(
        CardState { refused_since: Some(now()), ..CardState::default() },
        "The library rejected the number or PIN (12:00).",
        true
    )]
    #[case::blocked_and_not_tried_since(
        untried_after("2026-11-21T10:10:00Z", FailureKind::CardBlocked),
        "We couldn’t check this card (05:10): the library has blocked the card. We haven’t tried again since. \
         Please ask at the desk.",
        true
    )]
    #[case::not_tried_after_an_account(
        checked("2026-11-21T10:10:00Z", Some(FailureKind::NotTried)),
        "We couldn’t check this card (05:10): we didn’t try it this time. We’ll try again with the next check.",
        false
    )]
    fn state_is_worded(
        #[case] state: CardState,
        #[case] words: &str,
        #[case] needs_attention: bool,
    ) {
        let status = status(None, state);
        assert!(status.words.contains(words), "{}", status.words);
        assert!(!status.words.contains("canary"));
        assert_eq!(status.needs_attention, needs_attention);
    }

    #[test]
    fn paused_card_says_nothing_else() {
        let old = || checked("2026-11-01T10:10:00Z", None);
        let pause = |until: Option<&str>, why: Option<&str>| CardPause {
            why: why.map(ToOwned::to_owned),
            ..sample::card_pause(until)
        };
        for (pause, words) in [
            (pause(None, None), "Paused. We don’t check this card."),
            (
                pause(Some("2027-01-03"), Some("lost")),
                "Paused (lost), checked again from Sunday, Jan 3.",
            ),
            (
                pause(Some("2027-01-03"), None),
                "Paused, checked again from Sunday, Jan 3.",
            ),
            (
                pause(None, Some("Where is it?")),
                "Paused (Where is it?). We don’t check this card.",
            ),
        ] {
            let status = status(Some(pause), old());
            assert_eq!(status.words, words);
            assert!(!status.needs_attention);
        }
        let long_ended = pause(Some("2026-11-20"), None);
        assert!(status(Some(long_ended), old()).needs_attention);
        let ended = status(Some(pause(Some("2026-11-21"), None)), old());
        assert!(!ended.needs_attention);
        let words = "Not checked yet since its pause. The next check will try it.";
        assert_eq!(ended.words, words);
    }

    #[test]
    fn every_failure_says_what_happens_next() {
        for kind in FailureKind::ALL {
            let status = status(None, checked("2026-11-21T10:10:00Z", Some(kind)));
            assert!(status.words.ends_with('.'), "{}", status.words);
            assert!(!next_step(kind).is_empty());
        }
    }
}
