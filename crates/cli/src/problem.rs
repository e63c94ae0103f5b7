//! Problems of a card, each with the command that helps.

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use hippo_core::card::{CardRecord, CardState};
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
            )) + &failure_before_pause(state, &card.library, zone, now),
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
    if let Some((failed, failure)) = state.last_failure() {
        let mut failure = failure.clone();
        // The stores keep an unknown login outcome only as a login mark.
        failure.login_in_doubt |= state
            .login_mark
            .as_ref()
            .is_some_and(|mark| !mark.is_settled && failed.started_at >= mark.at);
        let problem = failure_problem(&failure, card.id, &card.library, until);
        let untried = last
            .failure
            .as_ref()
            .filter(|_| state.last_failed.is_some());
        return Some(match untried {
            Some(untried) => {
                let command = untried
                    .remedy
                    .and_then(|remedy| command_for_card(remedy, card.id, &card.library));
                let when = moment(failed.started_at, now, zone);
                problem.not_tried_since(&when, untried, &failure, command)
            }
            None => problem,
        });
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

/// Says why the last check before a pause failed; empty if it didn't.
fn failure_before_pause(
    state: &CardState,
    library: &LibraryId,
    zone: Tz,
    now: DateTime<Utc>,
) -> String {
    let rejected = Failure::wrong_credentials("");
    let (since, failure) = match (state.refused_since, state.last_failure()) {
        (Some(since), _) => (since.min(now), &rejected),
        (None, Some((last, failure))) if failure.kind != FailureKind::NotTried => {
            (last.started_at, failure)
        }
        _ => return String::new(),
    };
    let when = moment(since, now, zone);
    format!(" Before that ({when}): {}", what_failed(failure, library))
}

impl Problem {
    /// Adds when this failure was, and why the card wasn't tried again since.
    fn not_tried_since(
        self,
        when: &str,
        untried: &Failure,
        failure: &Failure,
        command: Option<String>,
    ) -> Self {
        let why = match failure.login_in_doubt {
            // The failure says it already.
            true => ".".to_owned(),
            false => format!(": {}", with_end_mark(&clean(&untried.detail))),
        };
        Self {
            what: format!(
                "{} That was {when}. We haven't tried again since{why}",
                self.what
            ),
            what_to_do: command
                .filter(|_| !failure.login_in_doubt)
                .or(self.what_to_do),
            ..self
        }
    }
}

/// Says what failed, in one sentence.
fn what_failed(failure: &Failure, library: &LibraryId) -> String {
    let detail = with_end_mark(&clean(&failure.detail));
    match failure.kind {
        FailureKind::WrongCredentials => "The library rejected the number or PIN.".to_owned(),
        FailureKind::SealedForOtherHosts => format!(
            "The library {library} has other hosts now than the PIN was sealed for, so we didn't send it."
        ),
        FailureKind::CardBlocked => {
            format!("The library has blocked or expired the card: {detail}")
        }
        FailureKind::SessionExpired => {
            format!("The library ended the session too early: {detail}")
        }
        FailureKind::PageChanged if failure.remedy.is_some() => {
            format!("We couldn't read a page: {detail}")
        }
        FailureKind::PageChanged => format!("The site shows a page that we don't know: {detail}"),
        FailureKind::SiteRefused => format!("The library's site turned us away: {detail}"),
        FailureKind::SiteDown => {
            format!("The library's site didn't answer as it should: {detail}")
        }
        FailureKind::NotTried if failure.remedy.is_some() => detail,
        FailureKind::NotTried => format!("We didn't check it. {detail}"),
    }
}

/// Explains a failed check to a person; `until` comes from [`backed_off_until`].
pub(crate) fn failure_problem(
    failure: &Failure,
    card: CardId,
    library: &LibraryId,
    until: Option<&str>,
) -> Problem {
    let remedy = failure
        .remedy
        .and_then(|remedy| command_for_card(remedy, card, library));
    let again = || Some(CHECK_FAILED.to_owned());
    let set_pin = || Some(format!("hippo card set-pin {card}"));
    let record = record_command(card);
    let (advice, what_to_do) = match failure.kind {
        FailureKind::WrongCredentials => (None, set_pin()),
        FailureKind::SealedForOtherHosts => (
            Some(format!(
                "If its entry is wrong, correct it with “hippo library edit {library}”. If it's right, set the PIN."
            )),
            set_pin(),
        ),
        FailureKind::CardBlocked => (Some("Ask the library.".to_owned()), None),
        FailureKind::SessionExpired => (None, again()),
        FailureKind::PageChanged if remedy.is_some() => (None, remedy),
        FailureKind::PageChanged if failure.login_in_doubt => (
            Some(format!(
                "We can't tell whether the login succeeded, so we won't send it again today. Record what the site \
                 sends, and report it. To just try again: “hippo card retry {card}”."
            )),
            Some(record),
        ),
        FailureKind::PageChanged => (
            Some(format!(
                "If this goes on, record it with “{record}” and report it."
            )),
            again(),
        ),
        FailureKind::SiteRefused | FailureKind::SiteDown => (
            until.map(|until| format!("We'll try again after {until}.")),
            remedy.or_else(again),
        ),
        FailureKind::NotTried if remedy.is_some() => (
            Some(format!(
                "“{record}” tries it too, and records what the site sends."
            )),
            remedy,
        ),
        FailureKind::NotTried => (None, again()),
    };
    let mut what = what_failed(failure, library);
    if let Some(advice) = advice {
        what = format!("{what} {advice}");
    }
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
    use chrono::NaiveDate;
    use hippo_core::card::{Card, CardPause, Fingerprint, LastCheck, LoginMark};
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
        let until = "2026-11-21".parse().unwrap();
        let record = paused_record(Some(until), CardState::default());
        assert_eq!(find_problem(&record, ZONE, now, None).unwrap().kind, kind);
    }

    const ZONE: Tz = chrono_tz::America::Toronto;

    fn record(state: CardState) -> CardRecord {
        CardRecord {
            card: Card {
                id: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap(),
                family: "conrad".parse().unwrap(),
                library: "wpl".parse().unwrap(),
                patron: "Pat".to_owned(),
                fingerprint: Fingerprint(String::new()),
                pause: None,
                created_at: at("2026-11-20T12:00:00Z"),
            },
            state,
        }
    }

    fn paused_record(until: Option<NaiveDate>, state: CardState) -> CardRecord {
        let mut record = record(state);
        let pause = CardPause::new(until, None, ZONE, record.card.created_at);
        record.card.pause = Some(pause.unwrap());
        record
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// A card that failed at 11:10 UTC, and wasn't tried half an hour later.
    fn untried_after(failure: Failure, untried: Failure) -> CardState {
        let mut state = CardState::default();
        let checks = [
            ("2026-11-21T11:10:00Z", failure),
            ("2026-11-21T11:40:00Z", untried),
        ];
        for (started, failure) in checks {
            state.replace_last_check(LastCheck {
                started_at: at(started),
                finished_at: at(started),
                failure: Some(failure),
            });
        }
        state
    }

    #[test]
    fn untried_check_hides_no_failure() {
        let backed_off = || Failure::not_tried("The visit ran out of time before this card.");
        let in_doubt = || {
            Failure::not_tried("We don't know whether the last login succeeded")
                .with_remedy(Remedy::RetryCard)
        };
        let mut doubtful = untried_after(Failure::page_changed("no table"), in_doubt());
        doubtful.login_mark = Some(LoginMark {
            check: uuid::Uuid::nil(),
            at: at("2026-11-21T11:10:00Z"),
            day: at("2026-11-21T11:10:00Z").date_naive(),
            is_settled: false,
        });
        let sealed = Failure::new(FailureKind::SealedForOtherHosts, "x");
        let refused = CardState {
            refused_since: Some(at("2026-11-03T11:10:00Z")),
            ..untried_after(Failure::wrong_credentials("x"), backed_off())
        };
        let date_format = Failure::page_changed("a date").with_remedy(Remedy::SetDateFormat);
        let cases = [
            record(untried_after(
                Failure::site_down("status 503"),
                backed_off(),
            )),
            record(untried_after(sealed, backed_off())),
            record(untried_after(date_format.clone(), in_doubt())),
            record(doubtful),
            record(refused.clone()),
            paused_record(None, refused),
            paused_record(None, untried_after(date_format, backed_off())),
            paused_record(None, CardState::default()),
        ];
        let now = at("2026-11-21T12:00:00Z");
        let shown = cases.map(|record| {
            let problem = find_problem(&record, ZONE, now, None).unwrap();
            let what_to_do = problem.what_to_do.unwrap_or_default();
            format!("{}: {}\n  → {what_to_do}", problem.kind, problem.what)
        });
        insta::assert_snapshot!(shown.join("\n"), @"");
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
