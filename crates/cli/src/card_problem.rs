//! The problem of a card, found from its state.

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use hippo_core::card::{CardRecord, CardState};
use hippo_core::clock::local_date;
use hippo_core::failure::FailureKind;
use hippo_core::ids::LibraryId;
use hippo_core::jobs::check_cards::dry_run;
use hippo_core::notice::line::STALE_AFTER;
use hippo_core::notice::phrases::card_pause;
use hippo_core::notice::unchecked_pause;

use crate::context::Context;
use crate::exit::CommandError;
use crate::output::table::Tone;
use crate::output::time::{ago, moment};
use crate::problem::{CardPlace, Problem, Untried, explain_failure, what_failed};
use crate::suggested::HIPPO;

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
                what_to_do: Some(format!("{HIPPO} check-cards")),
                tone: Tone::Faint,
            });
        }
        return Some(Problem {
            kind: "paused",
            what: format!(
                "It's {}.{}",
                card_pause(pause, local_date(now, zone)),
                failure_before_pause(state, &card.library, zone, now)
            ),
            what_to_do: Some(format!("{HIPPO} card resume {}", card.id)),
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
            what_to_do: Some(format!("{HIPPO} card set-pin {}", card.id)),
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
            what_to_do: Some(format!("{HIPPO} check-cards")),
            tone: Tone::Warning,
        });
    }
    let Some(last) = &state.last_check else {
        return Some(Problem {
            kind: "never_checked",
            what: "It hasn't been checked yet.".to_owned(),
            what_to_do: Some(format!("{HIPPO} check-cards")),
            tone: Tone::Warning,
        });
    };
    if let Some((failed, failure)) = state.explaining_failure() {
        let mut failure = failure.clone();
        // The stores keep an unknown login outcome only as a login mark.
        failure.login_in_doubt |= state
            .login_mark
            .as_ref()
            .is_some_and(|mark| !mark.is_settled && failed.started_at >= mark.at);
        let untried = last
            .failure
            .as_ref()
            .filter(|_| state.earlier_failure.is_some())
            .map(|why| Untried {
                why,
                failed_at: moment(failed.started_at, now, zone),
            });
        let place = CardPlace {
            card: card.id,
            library: &card.library,
        };
        return Some(explain_failure(&failure, &place, until, untried.as_ref()));
    }
    if state.is_corrected {
        return Some(Problem {
            kind: "not_checked_again",
            what: "It hasn't been checked again yet.".to_owned(),
            what_to_do: Some(format!("{HIPPO} check-cards")),
            tone: Tone::Warning,
        });
    }
    let read = state.last_success_at.unwrap_or(last.started_at);
    (now - read > STALE_AFTER).then(|| Problem {
        kind: "stale",
        what: format!("The last successful check was {}.", ago(read, now)),
        what_to_do: Some(format!("{HIPPO} check-cards")),
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
    let before = state.failure_before_pause();
    before.map_or_else(String::new, |(failure, since)| {
        let when = moment(since.min(now), now, zone);
        format!(
            " Before the pause ({when}): {}",
            what_failed(&failure, library)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;
    use hippo_core::card::{Card, CardPause, Fingerprint, LastCheck, LoginMark};
    use hippo_core::failure::{Failure, Remedy};
    use rstest::rstest;

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
                secret_id: uuid::Uuid::nil(),
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
        let mut corrected = CardState::default();
        corrected.replace_last_check(LastCheck {
            started_at: at("2026-11-21T11:10:00Z"),
            finished_at: at("2026-11-21T11:10:00Z"),
            failure: Some(Failure::wrong_credentials("x")),
        });
        corrected.allow_retry();
        let date_format = Failure::page_changed("a date").with_remedy(Remedy::SetDateFormat);
        let cases = [
            record(untried_after(
                Failure::site_down("status 503"),
                backed_off(),
            )),
            record(untried_after(sealed, backed_off())),
            record(untried_after(date_format.clone(), backed_off())),
            record(doubtful),
            record(refused.clone()),
            record(corrected.clone()),
            paused_record(None, corrected),
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
        insta::assert_snapshot!(shown.join("\n"), @r"
        site_down: The library's site didn't answer as it should: status 503 (06:10 today). We haven't tried again since: The visit ran out of time before this card.
          → hippo check-cards --scope failed
        sealed_for_other_hosts: The library wpl has other hosts now than the PIN was sealed for, so we didn't send it (06:10 today). We haven't tried again since: The visit ran out of time before this card. If its entry is wrong, correct it with “hippo library edit wpl”. If it's right, set the PIN.
          → hippo card set-pin 01ARZ3NDEKTSV4RRFFQ69G5FAV
        page_changed: We couldn't read a page: a date (06:10 today). We haven't tried again since: The visit ran out of time before this card. FORMAT says how its pages write dates: %d.%m.%Y reads 31.12.2026, and %m/%d/%y reads 12/31/26.
          → hippo library edit wpl --date-format FORMAT
        page_changed: The site shows a page that we don't know: no table (06:10 today). We can't tell whether the login succeeded, so we won't send it again today. Record what the site sends, and report it. To just try again: “hippo card retry 01ARZ3NDEKTSV4RRFFQ69G5FAV”.
          → hippo card record 01ARZ3NDEKTSV4RRFFQ69G5FAV session.har
        wrong_credentials: The library rejected the number or PIN (Tue 3 Nov 06:10). We won't try again until you correct it, so that the card doesn't get locked.
          → hippo card set-pin 01ARZ3NDEKTSV4RRFFQ69G5FAV
        not_checked_again: It hasn't been checked again yet.
          → hippo check-cards
        paused: It's paused.
          → hippo card resume 01ARZ3NDEKTSV4RRFFQ69G5FAV
        paused: It's paused. Before the pause (Tue 3 Nov 06:10): The library rejected the number or PIN.
          → hippo card resume 01ARZ3NDEKTSV4RRFFQ69G5FAV
        paused: It's paused. Before the pause (06:10 today): We couldn't read a page: a date.
          → hippo card resume 01ARZ3NDEKTSV4RRFFQ69G5FAV
        paused: It's paused.
          → hippo card resume 01ARZ3NDEKTSV4RRFFQ69G5FAV
        ");
    }
}
