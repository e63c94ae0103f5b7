//! Failures of checks in words, each with the command that helps.

use hippo_core::failure::{Failure, FailureKind, Remedy};
use hippo_core::ids::{CardId, LibraryId};
use hippo_core::text::clean;
use serde::Serialize;

use crate::not_checked::record_command;
use crate::output::table::Tone;
use crate::remedies::{command_for_card, explain_placeholder};
use crate::suggested::HIPPO;

/// The command that retries failed checks.
pub(crate) fn check_failed_command() -> String {
    format!("{HIPPO} check-cards --scope failed")
}

/// A problem of a card, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    /// A failure's kind, or `paused`, `pause_ended`, `never_checked`, `not_checked_again`, `stale`.
    pub(crate) kind: &'static str,
    /// The problem in a sentence or two.
    pub(crate) what: String,
    /// The command line that helps.
    pub(crate) what_to_do: Option<String>,
    /// How urgent it looks in a table.
    #[serde(skip)]
    pub(crate) tone: Tone,
}

/// A card that wasn't tried again after its failure.
pub(crate) struct Untried<'a> {
    /// Why it wasn't tried.
    pub(crate) why: &'a Failure,
    /// When it failed, in words.
    pub(crate) failed_at: String,
}

/// A card and its library.
pub(crate) struct CardPlace<'a> {
    pub(crate) card: CardId,
    pub(crate) library: &'a LibraryId,
}

impl CardPlace<'_> {
    fn command(&self, remedy: Remedy) -> Option<String> {
        command_for_card(remedy, self.card, self.library)
    }
}

/// Says what failed, in one sentence.
pub(crate) fn what_failed(failure: &Failure, library: &LibraryId) -> String {
    let detail = with_end_mark(&clean(&failure.detail));
    match failure.kind {
        FailureKind::WrongCredentials => "The library rejected the number or PIN.".to_owned(),
        FailureKind::SealedForOtherHosts => format!(
            "The library {library} has other hosts now than the PIN was sealed for, so we didn't send it."
        ),
        FailureKind::CardBlocked => {
            format!("The library says that the card is blocked or has expired: {detail}")
        }
        FailureKind::SessionExpired => {
            format!("The library ended the session too early: {detail}")
        }
        FailureKind::PageChanged
            if failure
                .remedy
                .is_some_and(|remedy| remedy != Remedy::DetectSystem) =>
        {
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

/// Explains a failed check to a person; `until` comes from [`crate::card_problem::backed_off_until`].
pub(crate) fn failure_problem(
    failure: &Failure,
    card: CardId,
    library: &LibraryId,
    until: Option<&str>,
) -> Problem {
    let place = CardPlace { card, library };
    explain_failure(failure, &place, until, None)
}

/// Explains a failed check to a person, and why it wasn't tried again.
pub(crate) fn explain_failure(
    failure: &Failure,
    place: &CardPlace<'_>,
    until: Option<&str>,
    untried: Option<&Untried<'_>>,
) -> Problem {
    let mut what = what_failed(failure, place.library);
    if let Some(untried) = untried {
        what = format!("{} ({}).", what.trim_end_matches('.'), untried.failed_at);
        // A login in doubt says it in its advice.
        if !failure.login_in_doubt {
            let why = with_end_mark(&clean(&untried.why.detail));
            what.push_str(&format!(" We haven't tried again since: {why}"));
        }
    }
    let (advice, command) = advise(failure, place, until);
    if let Some(advice) = advice {
        what = format!("{what} {advice}");
    }
    let next = untried
        .filter(|_| !failure.login_in_doubt)
        .and_then(|untried| place.command(untried.why.remedy?));
    Problem {
        kind: failure.kind.as_str(),
        what,
        what_to_do: next.or(command),
        tone: Tone::Bad,
    }
}

/// Says what a person can do about a failure, and the command for it.
fn advise(
    failure: &Failure,
    place: &CardPlace<'_>,
    until: Option<&str>,
) -> (Option<String>, Option<String>) {
    let (card, library) = (place.card, place.library);
    let remedy = failure.remedy.and_then(|remedy| place.command(remedy));
    let again = || Some(check_failed_command());
    let set_pin = || Some(format!("{HIPPO} card set-pin {card}"));
    let record = record_command(card);
    let may_be_another_system = failure.remedy == Some(Remedy::DetectSystem);
    match failure.kind {
        FailureKind::WrongCredentials => (None, set_pin()),
        FailureKind::SealedForOtherHosts => (
            Some(format!(
                "If its entry is wrong, correct it with “{HIPPO} library edit {library}”. If it's right, set the PIN."
            )),
            set_pin(),
        ),
        FailureKind::CardBlocked => (
            Some("Ask the library to unblock or renew the card.".to_owned()),
            None,
        ),
        FailureKind::SessionExpired => (None, again()),
        FailureKind::PageChanged if failure.login_in_doubt => {
            let detect = remedy.filter(|_| may_be_another_system);
            let detect = detect.map_or_else(String::new, |detect| {
                format!(
                    " We haven't read a page of this library since its entry was added or changed: “{detect}” finds out whether its entry names the right \
                     system."
                )
            });
            (
                Some(format!(
                    "We can't tell whether the login succeeded, so we won't send it again today. Record what the site \
                     sends, and report it. To just try again: “{HIPPO} card retry {card}”.{detect}"
                )),
                Some(record),
            )
        }
        FailureKind::PageChanged if may_be_another_system => (
            Some(format!(
                "We haven't read a page of this library since its entry was added or changed, so its site may run another system. \
                 Find out, and correct it with “{HIPPO} library edit {library} --system SYSTEM”."
            )),
            remedy,
        ),
        FailureKind::PageChanged if remedy.is_some() => {
            let placeholder = failure.remedy.and_then(explain_placeholder);
            (placeholder.map(str::to_owned), remedy)
        }
        FailureKind::PageChanged => (
            Some(format!(
                "If this goes on, record it with “{record}” and report it."
            )),
            again(),
        ),
        FailureKind::SiteRefused | FailureKind::SiteDown => (
            until.map(|until| format!("We'll try again after {until}.")),
            remedy.or_else(|| again().filter(|_| until.is_none())),
        ),
        FailureKind::NotTried if remedy.is_some() => (
            Some(format!(
                "“{record}” tries it too, and records what the site sends."
            )),
            remedy,
        ),
        // Until then, it wouldn't be tried again.
        FailureKind::NotTried if until.is_some() => (
            until.map(|until| format!("We'll try again after {until}.")),
            None,
        ),
        FailureKind::NotTried => (None, again()),
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
            let problem = problem(&failure);
            let what_to_do = problem.what_to_do.unwrap();
            assert_eq!(what_to_do, format!("hippo library edit wpl {option}"));
            let explains_format = problem.what.contains("%d.%m.%Y reads 31.12.2026");
            let is_read = failure.kind == FailureKind::PageChanged;
            assert_eq!(explains_format, is_read && remedy == Remedy::SetDateFormat);
        }
    }

    #[test]
    fn library_that_was_never_read_may_run_another_system() {
        let library = "wpl".parse().unwrap();
        let card = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        let failure = Failure::page_changed("no form").with_remedy(Remedy::DetectSystem);
        let shown = [failure.clone(), failure.login_in_doubt()].map(|failure| {
            let problem = failure_problem(&failure, card, &library, None);
            format!("{}\n  → {}", problem.what, problem.what_to_do.unwrap())
        });
        insta::assert_snapshot!(shown.join("\n"), @r"
        The site shows a page that we don't know: no form. We haven't read a page of this library since its entry was added or changed, so its site may run another system. Find out, and correct it with “hippo library edit wpl --system SYSTEM”.
          → hippo library detect wpl
        The site shows a page that we don't know: no form. We can't tell whether the login succeeded, so we won't send it again today. Record what the site sends, and report it. To just try again: “hippo card retry 01ARZ3NDEKTSV4RRFFQ69G5FAV”. We haven't read a page of this library since its entry was added or changed: “hippo library detect wpl” finds out whether its entry names the right system.
          → hippo card record 01ARZ3NDEKTSV4RRFFQ69G5FAV session.har
        ");
    }

    #[test]
    fn advice_follows_the_remedy_and_not_the_detail() {
        let detail = "The login goes to another host; see --login-host and hippo card retry";
        let what_to_do = problem(&Failure::page_changed(detail)).what_to_do;
        assert_eq!(what_to_do, Some(check_failed_command()));
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
        card_blocked: The library says that the card is blocked or has expired: the reason. Ask the library to unblock or renew the card.
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
        assert_eq!(sure.what_to_do, Some(check_failed_command()));
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
        assert_eq!(problem.what_to_do, Some(check_failed_command()));
    }
}
