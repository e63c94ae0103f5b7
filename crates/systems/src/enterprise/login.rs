//! The login form, and its message about the last login.

use hippo_browser::reading::{Css, is_session_over, non_empty_text, visible_text};
use hippo_browser::{classify_words, session_expired_failure};
use hippo_core::failure::{Failure, FailureKind};
use scraper::ElementRef;

use crate::list_reader::LoginDescription;

/// The login form, visible or not.
pub(super) const FORM: &str = "form#loginPageForm, form.loginPageForm";

pub(super) static LOGIN: LoginDescription = LoginDescription {
    form: Css::new(FORM),
    number: &["j_username"],
    pin: &["j_password"],
    messages: Css::visible("[class*=error], [id*=error], [class*=Error], [id*=Error]"),
    refused: &REFUSALS,
    blocked: &BLOCKED,
    outages: &[],
};

/// Phrases of a refused login. The form's text before a login is not judged by them.
pub(super) const REFUSALS: [&str; 7] = [
    "incorrect",
    "invalid",
    "login failed",
    "not recognized",
    "try again",
    "unable to authenticate",
    "unsuccessful",
];

/// Phrases of an expired session: the number and the PIN were not checked.
pub(super) const SESSION_PHRASES: [&str; 3] = ["session", "timed out", "cookies"];

/// The parts of a login: a message that calls one of them invalid is a refusal, whatever else it advises.
pub(super) const LOGIN_PHRASES: [&str; 7] = [
    "barcode",
    "card number",
    "password",
    "pin",
    "user id",
    "user name",
    "username",
];

/// What a library may have blocked, and the words for it: then the PIN is right.
pub(super) const BLOCKABLE: [&str; 7] = [
    "account",
    "card",
    "membership",
    "patron",
    "privilege",
    "privileges",
    "user",
];
pub(super) const BLOCKED: [&str; 6] = [
    "barred",
    "blocked",
    "delinquent",
    "expired",
    "frozen",
    "suspended",
];

/// Phrases with which the site asks the patron to change the PIN.
pub(super) const NEW_PIN: [&str; 6] = [
    "pin has expired",
    "pin must be changed",
    "must change your pin",
    "password has expired",
    "password must be changed",
    "must change your password",
];

/// Returns the failure that the message of a page with the login form means; `None` if it has none.
pub(super) fn failure_of_form(root: ElementRef<'_>) -> Option<Failure> {
    let errors: Vec<String> = LOGIN
        .messages
        .all(root)
        .filter_map(non_empty_text)
        .collect();
    if errors.is_empty() {
        return refusal_in(&visible_text(root).to_lowercase());
    }
    let words = errors.join(" ").to_lowercase();
    Some(failure_of_message(&words).unwrap_or_else(refused))
}

/// Returns the failure that a fragment means which a script puts in the form's place; `None` if it isn't about a login.
pub(super) fn failure_of_fragment(root: ElementRef<'_>) -> Option<Failure> {
    let words = visible_text(root).to_lowercase();
    // The caller recognises a captcha or an outage from the page.
    if classify_words(&words).is_some() {
        return None;
    }
    failure_of_message(&words).or_else(|| refusal_in(&words))
}

/// Returns a refusal stated in plain words; `None` if the words describe a captcha or an outage.
fn refusal_in(words: &str) -> Option<Failure> {
    if !contains_any(words, &REFUSALS) || classify_words(words).is_some() {
        return None;
    }
    // “Your session has timed out. Please try again.”
    Some(if is_session_over(words) {
        session_expired_failure()
    } else {
        refused()
    })
}

/// Returns the failure that a lower-case message means, if it is more than a plain refusal.
fn failure_of_message(words: &str) -> Option<Failure> {
    let has = |known: &[&str]| contains_any(words, known);
    let names = |known: &[&str]| {
        let mut words = words.split(|c: char| !c.is_alphanumeric());
        words.any(|word| known.contains(&word))
    };
    if let Some(kind) = classify_words(words) {
        let detail = "the login form again, with an outage message";
        return Some(Failure::new(kind, detail));
    }
    if has(&NEW_PIN) {
        return Some(Failure::wrong_credentials(
            "the site asks for a new PIN before it lets the patron in",
        ));
    }
    let names_login = has(&["incorrect", "not recognized", "unable to authenticate"])
        || (has(&["invalid", "login failed", "unsuccessful"]) && has(&LOGIN_PHRASES));
    if is_session_over(words) && !names_login {
        return Some(session_expired_failure());
    }
    if has(&SESSION_PHRASES) && !names_login {
        return Some(Failure::page_changed(
            "the site says that the login form's session has expired",
        ));
    }
    (names(&BLOCKABLE) && names(&BLOCKED) && !has(&REFUSALS)).then(|| {
        Failure::new(
            FailureKind::CardBlocked,
            "the site says that the card is blocked or expired",
        )
    })
}

fn contains_any(words: &str, known: &[&str]) -> bool {
    known.iter().any(|known| words.contains(known))
}

fn refused() -> Failure {
    Failure::wrong_credentials("the login form again, with an error")
}
