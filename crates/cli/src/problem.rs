//! Problems of a card, each with the command that helps.

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use hippo_core::card::CardRecord;
use hippo_core::clock::local_date;
use hippo_core::failure::{Failure, FailureKind};
use hippo_core::ids::{CardId, LibraryId};
use hippo_core::jobs::check_cards::dry_run;
use hippo_core::notice::line::STALE_AFTER;
use hippo_core::notice::phrases::card_pause;
use hippo_core::notice::unchecked_pause;
use hippo_core::text::clean;
use serde::Serialize;

use crate::context::Context;
use crate::exit::CommandError;
use crate::not_checked::record_command;
use crate::output::table::Tone;
use crate::output::time::{ago, moment};
use crate::remedies::command_for_card;

/// The command that retries failed checks.
pub(crate) const CHECK_FAILED: &str = "hippo check-cards --scope failed";

/// A problem of a card, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    /// A failure's kind, or `paused`, `pause_ended`, `never_checked`, `stale`.
    pub(crate) kind: &'static str,
    /// The problem in a sentence or two.
    pub(crate) what: String,
    /// The command line that helps.
    pub(crate) what_to_do: Option<String>,
    /// How urgent it looks in a table.
    #[serde(skip)]
    pub(crate) tone: Tone,
}

/// Finds a card's problem at `now`, with times in `zone`; `until` comes from [`backed_off_until`].
pub(crate) fn find_problem(
    record: &CardRecord,
    zone: Tz,
    now: DateTime<Utc>,
    until: Option<&str>,
) -> Option<Problem> {
    let card = &record.card;
    let state = &record.state.without_future(now);
    if let Some(pause) = unchecked_pause(record, now) {
        if !pause.includes(now) {
            return Some(Problem {
                kind: "pause_ended",
                what: "Its pause has ended. The next check will try it.".to_owned(),
                what_to_do: Some("hippo check-cards".to_owned()),
                tone: Tone::Faint,
            });
        }
        return Some(Problem {
            kind: "paused",
            what: with_end_mark(&format!(
                "It's {}",
                card_pause(pause, local_date(now, zone))
            )),
            what_to_do: Some(format!("hippo card pause {} --resume", card.id)),
            tone: Tone::Faint,
        });
    }
    if let Some(since) = state.refused_since {
        return Some(Problem {
            kind: FailureKind::WrongCredentials.as_str(),
            what: format!(
                "The library rejected the number or PIN ({}). We won't try again until you correct it, so that the \
                 card doesn't get locked.",
                moment(since.min(now), now, zone)
            ),
            what_to_do: Some(format!("hippo card set-pin {}", card.id)),
            tone: Tone::Bad,
        });
    }
    let from_future = record.state.last_check.as_ref();
    if let (None, Some(last)) = (&state.last_check, from_future) {
        return Some(Problem {
            kind: "clock_was_wrong",
            what: format!(
                "Its last check has the time {}, in the future, because the clock was wrong. The next check replaces \
                 it.",
                last.started_at.to_rfc3339_opts(SecondsFormat::Secs, true)
            ),
            what_to_do: Some("hippo check-cards".to_owned()),
            tone: Tone::Warning,
        });
    }
    let Some(last) = &state.last_check else {
        return Some(Problem {
            kind: "never_checked",
            what: "It hasn't been checked yet.".to_owned(),
            what_to_do: Some("hippo check-cards".to_owned()),
            tone: Tone::Warning,
        });
    };
    if let Some(failure) = &last.failure {
        let mut failure = failure.clone();
        // The stores keep an unknown login outcome only as a login mark.
        failure.login_in_doubt |= state
            .login_mark
            .as_ref()
            .is_some_and(|mark| !mark.is_settled && last.started_at >= mark.at);
        return Some(failure_problem(&failure, card.id, &card.library, until));
    }
    let read = state.last_success_at.unwrap_or(last.started_at);
    (now - read > STALE_AFTER).then(|| Problem {
        kind: "stale",
        what: format!("The last successful check was {}.", ago(read, now)),
        what_to_do: Some("hippo check-cards".to_owned()),
        tone: Tone::Warning,
    })
}

/// The end of a library's back-off; `None` if we may visit it now.
pub(crate) async fn active_back_off(
    context: &Context,
    library: &LibraryId,
) -> Result<Option<DateTime<Utc>>, CommandError> {
    Ok(dry_run::active_back_off(&*context.store, library, context.now()).await?)
}

/// The end of a library's back-off, in words; `None` if we may visit it now.
pub(crate) async fn backed_off_until(
    context: &Context,
    library: &LibraryId,
) -> Result<Option<String>, CommandError> {
    let until = active_back_off(context, library).await?;
    Ok(until.map(|until| moment(until, context.now(), context.zone())))
}

/// Explains a failed check to a person; `until` comes from [`backed_off_until`].
pub(crate) fn failure_problem(
    failure: &Failure,
    card: CardId,
    library: &LibraryId,
    until: Option<&str>,
) -> Problem {
    let detail = with_end_mark(&clean(&failure.detail));
    let later = until.map_or_else(String::new, |until| {
        format!(" We'll try again after {until}.")
    });
    let remedy = failure
        .remedy
        .and_then(|remedy| command_for_card(remedy, card, library));
    let again = || Some(CHECK_FAILED.to_owned());
    let (what, what_to_do) = match failure.kind {
        FailureKind::WrongCredentials => (
            "The library rejected the number or PIN.".to_owned(),
            Some(format!("hippo card set-pin {card}")),
        ),
        FailureKind::SealedForOtherHosts => (
            format!(
                "The library {library} has other hosts now than the PIN was sealed for, so we didn't send it. If its \
                 entry is wrong, correct it with “hippo library edit {library}”. If it's right, set the PIN."
            ),
            Some(format!("hippo card set-pin {card}")),
        ),
        FailureKind::CardBlocked => (
            format!("The library has blocked or expired the card: {detail} Ask the library."),
            None,
        ),
        FailureKind::SessionExpired => (
            format!("The library ended the session too early: {detail}"),
            again(),
        ),
        FailureKind::PageChanged if remedy.is_some() => {
            (format!("We couldn't read a page: {detail}"), remedy)
        }
        FailureKind::PageChanged if failure.login_in_doubt => (
            format!(
                "The site shows a page that we don't know: {detail} We can't tell whether the login succeeded, so we \
                 won't send it again today. Record what the site sends, and report it. To just try again: “hippo card \
                 retry {card}”."
            ),
            Some(record_command(card)),
        ),
        FailureKind::PageChanged => (
            format!(
                "The site shows a page that we don't know: {detail} If this goes on, record it with “{}” and report \
                 it.",
                record_command(card)
            ),
            again(),
        ),
        FailureKind::SiteRefused => (
            format!("The library's site turned us away: {detail}{later}"),
            again(),
        ),
        FailureKind::SiteDown => (
            format!("The library's site didn't answer as it should: {detail}{later}"),
            remedy.or_else(again),
        ),
        FailureKind::NotTried if remedy.is_some() => (
            format!(
                "{detail} “{}” tries it too, and records what the site sends.",
                record_command(card)
            ),
            remedy,
        ),
        FailureKind::NotTried => (format!("We didn't check it. {detail}"), again()),
    };
    Problem {
        kind: failure.kind.as_str(),
        what,
        what_to_do,
        tone: Tone::Bad,
    }
}

/// Ends the text with exactly one punctuation mark.
fn with_end_mark(text: &str) -> String {
    let text = text.trim_end_matches(['.', ' ']);
    let end = if text.ends_with(['?', '!', '…']) {
        ""
    } else {
        "."
    };
    format!("{text}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hippo_core::card::{Card, CardPause, CardState, Fingerprint};
    use hippo_core::failure::Remedy;
    use rstest::rstest;

    fn problem(failure: &Failure) -> Problem {
        let library = "wpl".parse().unwrap();
        let card = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        failure_problem(failure, card, &library, None)
    }

    #[rstest]
    #[case(Remedy::SetDateFormat, "--date-format FORMAT")]
    #[case(Remedy::SetUrl, "--url URL")]
    #[case(Remedy::AddLoginHost, "--login-host HOST")]
    fn library_remedy_is_an_edit(#[case] remedy: Remedy, #[case] option: &str) {
        for failure in [Failure::page_changed("x"), Failure::site_down("x")] {
            let failure = failure.with_remedy(remedy);
            let what_to_do = problem(&failure).what_to_do.unwrap();
            assert_eq!(what_to_do, format!("hippo library edit wpl {option}"));
        }
    }

    #[test]
    fn advice_follows_the_remedy_and_not_the_detail() {
        let detail = "The login goes to another host; see --login-host and hippo card retry";
        let what_to_do = problem(&Failure::page_changed(detail)).what_to_do;
        assert_eq!(what_to_do.as_deref(), Some(CHECK_FAILED));
    }

    #[rstest]
    #[case::lasts("2026-11-21T04:59:00Z", "paused")]
    #[case::just_ended("2026-11-21T05:00:00Z", "pause_ended")]
    #[case::ended_long_ago("2026-11-22T01:00:00Z", "never_checked")]
    fn card_is_not_overdue_for_a_check_right_after_its_pause(
        #[case] now: DateTime<Utc>,
        #[case] kind: &str,
    ) {
        let created_at = "2026-11-20T12:00:00Z".parse().unwrap();
        let until = "2026-11-21".parse().unwrap();
        let zone = chrono_tz::America::Toronto;
        let record = CardRecord {
            card: Card {
                id: CardId::generate(),
                family: "conrad".parse().unwrap(),
                library: "wpl".parse().unwrap(),
                patron: "Pat".to_owned(),
                fingerprint: Fingerprint(String::new()),
                secret_id: uuid::Uuid::nil(),
                pause: Some(CardPause::new(Some(until), None, zone, created_at).unwrap()),
                created_at,
            },
            state: CardState::default(),
        };
        assert_eq!(find_problem(&record, zone, now, None).unwrap().kind, kind);
    }

    #[test]
    fn every_failure_reads_as_a_sentence() {
        let sentences = FailureKind::ALL.map(|kind| {
            format!(
                "{kind}: {}",
                problem(&Failure::new(kind, "the reason")).what
            )
        });
        insta::assert_snapshot!(sentences.join("\n"), @r"
        wrong_credentials: The library rejected the number or PIN.
        sealed_for_other_hosts: The library wpl has other hosts now than the PIN was sealed for, so we didn't send it. If its entry is wrong, correct it with “hippo library edit wpl”. If it's right, set the PIN.
        card_blocked: The library has blocked or expired the card: the reason. Ask the library.
        page_changed: The site shows a page that we don't know: the reason. If this goes on, record it with “hippo card record 01ARZ3NDEKTSV4RRFFQ69G5FAV session.har” and report it.
        site_refused: The library's site turned us away: the reason.
        site_down: The library's site didn't answer as it should: the reason.
        session_expired: The library ended the session too early: the reason.
        not_tried: We didn't check it. the reason.
        ");
    }

    #[test]
    fn changed_page_asks_for_a_recording() {
        let sure = problem(&Failure::page_changed("no table"));
        assert!(sure.what.contains("hippo card record"), "{}", sure.what);
        assert_eq!(sure.what_to_do.as_deref(), Some(CHECK_FAILED));
        let in_doubt = problem(&Failure::page_changed("no table").login_in_doubt());
        assert!(in_doubt.what.contains("whether the login succeeded"));
        assert!(in_doubt.what.contains("hippo card retry"));
        let what_to_do = in_doubt.what_to_do.unwrap();
        assert!(what_to_do.starts_with("hippo card record"), "{what_to_do}");
    }

    #[test]
    fn back_off_shows_when_it_ends() {
        let library = "wpl".parse().unwrap();
        let refused = Failure::new(FailureKind::SiteRefused, "x");
        for failure in [Failure::site_down("status 503"), refused] {
            let what = |until| failure_problem(&failure, CardId::generate(), &library, until).what;
            let message = what(Some("14:32 today"));
            assert!(
                message.ends_with("We'll try again after 14:32 today."),
                "{message}"
            );
            assert!(!what(None).contains("after"), "{}", what(None));
        }
    }

    #[rstest]
    #[case("status 503 at /login", "status 503 at /login.")]
    #[case("status 503.", "status 503.")]
    #[case("which page is this?", "which page is this?")]
    fn detail_gets_one_end_mark(#[case] detail: &str, #[case] expected: &str) {
        let problem = problem(&Failure::site_down(detail));
        assert!(problem.what.ends_with(expected), "{}", problem.what);
        assert_eq!(problem.what_to_do.as_deref(), Some(CHECK_FAILED));
    }
}
