//! The login form, and what the site says with it of the last login.

use hippo_browser::reading::{Css, element_text, is_session_over};
use hippo_browser::{classify_words, session_is_over};
use hippo_core::failure::{Failure, FailureKind};
use scraper::ElementRef;

use super::shown::{is_hidden, shown_words};

static FORM: Css = Css::new("form#loginPageForm, form.loginPageForm");
static ERROR: Css = Css::new("[class*=error], [id*=error], [class*=Error], [id*=Error]");

/// Words of a login that was refused. What the form says before a login is not judged by them.
pub(super) const REFUSALS: [&str; 7] = [
    "incorrect",
    "invalid",
    "login failed",
    "not recognized",
    "try again",
    "unable to authenticate",
    "unsuccessful",
];

/// Words of a session that is over: the number and the PIN were not looked at.
pub(super) const OF_SESSION: [&str; 3] = ["session", "timed out", "cookies"];

/// What a login is made of: where it is called invalid, it is refused, whatever else is advised.
pub(super) const OF_LOGIN: [&str; 7] = [
    "barcode",
    "card number",
    "password",
    "pin",
    "user id",
    "user name",
    "username",
];

/// What a library may have closed, and the words for it: then the PIN is right.
pub(super) const CLOSED: [&str; 7] = [
    "account",
    "card",
    "membership",
    "patron",
    "privilege",
    "privileges",
    "user",
];
pub(super) const CLOSES: [&str; 6] = [
    "barred",
    "blocked",
    "delinquent",
    "expired",
    "frozen",
    "suspended",
];

/// What the site asks of the patron before it lets them in.
pub(super) const NEW_PIN: [&str; 6] = [
    "pin has expired",
    "pin must be changed",
    "must change your pin",
    "password has expired",
    "password must be changed",
    "must change your password",
];

/// Whether the page has the login form, shown or not.
pub(super) fn has_form(root: ElementRef<'_>) -> bool {
    FORM.is_in(root)
}

/// Whether the page shows the login form.
pub(super) fn shows_form(root: ElementRef<'_>) -> bool {
    FORM.all(root).any(|form| !is_hidden(form))
}

/// What a page with the login form says of the last login; `None`: nothing.
pub(super) fn words_beside_form(root: ElementRef<'_>) -> Option<Failure> {
    let errors: Vec<String> = ERROR
        .all(root)
        .filter(|error| !is_hidden(*error))
        .map(element_text)
        .filter(|words| !words.is_empty())
        .collect();
    if errors.is_empty() {
        return refusal_in(&shown_words(root));
    }
    let words = errors.join(" ");
    Some(meaning(&words.to_lowercase()).unwrap_or_else(refused))
}

/// What the piece of a page says that script puts in the form's place; `None`: nothing of a login.
pub(super) fn words_of_piece(root: ElementRef<'_>) -> Option<Failure> {
    let words = shown_words(root);
    match meaning(&words) {
        // A captcha or an outage is told from the page that it stands on.
        Some(failure) if is_of_site(&failure) => None,
        Some(failure) => Some(failure),
        None => refusal_in(&words),
    }
}

/// A refusal that is said in plain words; they are none where a captcha or an outage is spoken of.
fn refusal_in(words: &str) -> Option<Failure> {
    if !is_refused(words) || classify_words(words).is_some() {
        return None;
    }
    // “Your session has timed out. Please try again.”
    Some(if is_session_over(words) {
        session_is_over()
    } else {
        refused()
    })
}

/// What else than a refusal the words are, which are in lower case.
fn meaning(words: &str) -> Option<Failure> {
    let has = |known: &[&str]| known.iter().any(|known| words.contains(known));
    let names = |known: &[&str]| {
        words
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| known.contains(&word))
    };
    if let Some(kind) = classify_words(words) {
        let detail = "the login form again, with an outage as its error";
        return Some(Failure::new(kind, detail));
    }
    if has(&NEW_PIN) {
        return Some(Failure::wrong_credentials(
            "the site asks for a new PIN before it lets the patron in",
        ));
    }
    let is_of_login = has(&["incorrect", "not recognized", "unable to authenticate"])
        || (has(&["invalid", "login failed", "unsuccessful"]) && has(&OF_LOGIN));
    if is_session_over(words) && !is_of_login {
        return Some(session_is_over());
    }
    if has(&OF_SESSION) && !is_of_login {
        return Some(Failure::page_changed(
            "the site says that the login form's session is over",
        ));
    }
    if names(&CLOSED) && names(&CLOSES) && !is_refused(words) {
        return Some(Failure::new(
            FailureKind::CardBlocked,
            "the site says at the login that the card is blocked or expired",
        ));
    }
    None
}

fn is_of_site(failure: &Failure) -> bool {
    matches!(
        failure.kind,
        FailureKind::SiteDown | FailureKind::SiteRefused
    )
}

fn is_refused(words: &str) -> bool {
    REFUSALS.iter().any(|known| words.contains(known))
}

fn refused() -> Failure {
    Failure::wrong_credentials("the login form again, with an error")
}
