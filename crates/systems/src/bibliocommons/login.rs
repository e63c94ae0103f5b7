//! Pages and answers that are seen without being logged in.

use hippo_browser::reading::{Css, element_text, is_session_over, parse_page, parse_piece};
use hippo_browser::session_is_over;
use hippo_core::failure::{Failure, FailureKind};
use hippo_core::text::clean;
use scraper::ElementRef;
use serde_json::Value;

/// A login form, and what it says of the login before.
#[derive(Debug)]
pub(super) enum LoginPage {
    /// Nothing: it asks for a login.
    Asked,
    /// Why the login was refused.
    Refused(Failure),
}

/// The login form; the search forms of the page's head have no PIN.
pub(super) const FORM: &str =
    r#"form.loginForm, form[data-js="login_form"], form:has(input[name="user_pin"])"#;

static LOGIN_FORM: Css = Css::new(FORM);

/// Where the login page says what was wrong with the last try. The notices of the library to
/// everybody (`cp_system_message`) stand elsewhere.
static SAID: Css = Css::new(
    r#".errorSpace .errors, [data-test-id="top-message-container"] .top_message, .loginForm .error"#,
);
static TOKEN: Css = Css::new(r#"meta[name="csrf-token"]"#);
static MARKED_AS_ERROR: Css = Css::new(".error, .errors, .top_message.error, [data-type=error]");

/// Words of the pages on which a patron who logs in for the first time chooses a user name and agrees
/// to the terms.
pub(super) const SETUP: [&str; 1] = ["account setup"];

static SETUP_FORM: Css = Css::new(r#"form[action*="/user/registration"]"#);
/// Where such a page says what it is; a link elsewhere may well lead to help with it.
static SETUP_SAID: Css = Css::new("title, h1, h2, form, button, input[type=submit]");

/// So many of its parts are looked at.
const MAX_SAID_PARTS: usize = 50;

/// Where such a page is.
pub(super) fn is_setup_place(path: &str) -> bool {
    path.contains("/user/registration")
}

/// The failure that a page stands for on which the account is to be set up, if it is one.
pub(super) fn setup_instead(body: &str) -> Option<Failure> {
    let lower = body.to_ascii_lowercase();
    let may_be =
        lower.contains("/user/registration") || SETUP.iter().any(|words| lower.contains(words));
    if !may_be {
        return None;
    }
    let page = parse_page(body).ok()?;
    let root = page.root_element();
    let says_it = |element: ElementRef<'_>| {
        let words = element_text(element).to_lowercase();
        let button = element.attr("value").unwrap_or_default().to_lowercase();
        SETUP
            .iter()
            .any(|known| words.contains(known) || button.contains(known))
    };
    let is_setup = SETUP_FORM.is_in(root) || SETUP_SAID.all(root).take(MAX_SAID_PARTS).any(says_it);
    (is_setup && !LOGIN_FORM.is_in(root)).then(to_be_set_up)
}

pub(super) fn to_be_set_up() -> Failure {
    Failure::new(
        FailureKind::CardBlocked,
        "the site asks the patron to set up the account first: to choose a user name and agree to its terms",
    )
}

/// What a page without an account is, if it is one of the login's: the form, with or without the
/// reason why the last login was refused (`auth.loginError` of the page's state among them).
pub(super) fn classify_login_page(body: &str, login_error: Option<&Value>) -> Option<LoginPage> {
    if let Some(failure) = login_error.and_then(|error| refusal_in(error, true)) {
        return Some(LoginPage::Refused(failure));
    }
    // The tree of the page is built only where there is a chance of finding the form in it.
    if !["loginForm", "login_form", "user_pin"]
        .iter()
        .any(|sign| body.contains(sign))
    {
        return None;
    }
    let page = parse_page(body).ok()?;
    let root = page.root_element();
    if !LOGIN_FORM.is_in(root) {
        return None;
    }
    let refusal = most_telling(SAID.all(root).filter_map(|element| {
        let said = element_text(element);
        // The page prints an empty list where it has nothing to say.
        if said.is_empty() || said == "[]" {
            return None;
        }
        meaning(&said, MARKED_AS_ERROR.matches(element))
    }));
    Some(refusal.map_or(LoginPage::Asked, LoginPage::Refused))
}

/// The token of the page's head, which some libraries want with the form that does not hold it.
pub(super) fn token(body: &str) -> Option<String> {
    let page = parse_page(body).ok()?;
    let token = TOKEN.first(page.root_element())?.attr("content")?;
    Some(token.to_owned())
}

/// The answer to a login that came as JSON: `{"logged_in": false, "messages": [{"type": "error", …}]}`.
///
/// `None`: it is no such answer. One that is refused without a reason is refused all the same.
pub(super) fn json_answer(body: &str) -> Option<Result<(), Failure>> {
    let answer: Value = serde_json::from_str(body.trim_start()).ok()?;
    let logged_in = answer
        .get("logged_in")
        .or_else(|| answer.get("success"))?
        .as_bool()?;
    if logged_in {
        return Some(Ok(()));
    }
    let messages = answer.get("messages").or_else(|| answer.get("errors"));
    let messages = messages.and_then(Value::as_array).into_iter().flatten();
    let refusal = most_telling(messages.filter_map(|message| {
        let is_error = message.get("type").is_none_or(|kind| kind == "error");
        refusal_in(message, is_error)
    }));
    Some(Err(refusal.unwrap_or_else(|| {
        refused("the site refused the login without a reason")
    })))
}

/// The words of an HTML text.
pub(super) fn text_of_html(html: &str) -> String {
    if html.contains(['<', '&']) {
        parse_piece(html)
            .map(|piece| element_text(piece.root_element()))
            .unwrap_or_default()
    } else {
        clean(html)
    }
}

/// The first failure that says more than that the form was not taken.
fn most_telling(failures: impl Iterator<Item = Failure>) -> Option<Failure> {
    let mut first = None;
    for failure in failures {
        if failure.kind != FailureKind::PageChanged {
            return Some(failure);
        }
        first = first.or(Some(failure));
    }
    first
}

fn refusal_in(error: &Value, is_error: bool) -> Option<Failure> {
    let said = match error {
        Value::Null | Value::Bool(false) => return None,
        Value::String(said) => said.as_str(),
        error => ["message", "key", "text"]
            .iter()
            .find_map(|field| error.get(field)?.as_str())
            .unwrap_or_default(),
    };
    if said.is_empty() && !is_error {
        return None;
    }
    meaning(&text_of_html(said), is_error)
}

/// What the site's own words about a login mean; `None` where they do not speak of a refusal.
///
/// A lock counts as a refusal: trying again would make it worse. So do plain words about number or
/// PIN, however politely they go on (“Please try again later”). Words of an outage do not, even
/// where they are marked as an error: nobody's PIN is wrong then. What the browser did wrong is
/// `page_changed`: the site did not look at the PIN.
fn meaning(said: &str, is_error: bool) -> Option<Failure> {
    // “Something went wrong” tells nothing of a PIN.
    let said = said.to_lowercase().replace("went wrong", "failed");
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let of_card = has(&["card", "account", "membership", "barcode"]);
    let names_secret = has(&[
        "pin",
        "password",
        "user name",
        "username",
        "barcode",
        "card number",
    ]);
    let of_credentials = of_card || names_secret || has(&["number", "log in", "login", "sign in"]);
    let is_wrong = has(&[
        "incorrect",
        "invalid",
        "wrong",
        "not recogni",
        "not know",
        "not match",
        "n't match",
        "n't recogni",
        "n't know",
        "not valid",
        "not found",
        "mismatch",
    ]);
    // “Invalid session, please log in again”, unless it names what we sent.
    let is_of_browser = has(&["session", "cookie", "token"]);
    if has(&["locked", "too many", "attempts"]) {
        return Some(refused("the site says that logins are locked"));
    }
    if is_wrong && (names_secret || (of_credentials && !is_of_browser)) {
        return Some(refused("the site refused the login"));
    }
    if is_session_over(&said) {
        return Some(session_is_over());
    }
    if has(&[
        "unavailable",
        "maintenance",
        "offline",
        "later",
        "technical",
        "outage",
        "timed out",
    ]) {
        return Some(Failure::site_down(
            "the site says that nobody can log in now",
        ));
    }
    if of_card
        && has(&[
            "blocked",
            "barred",
            "suspended",
            "has expired",
            "is expired",
        ])
    {
        return Some(Failure::new(
            FailureKind::CardBlocked,
            "the site says at the login that the card is blocked or expired",
        ));
    }
    if is_of_browser {
        return Some(Failure::page_changed(
            "the site says that the form's session or token is over",
        ));
    }
    if is_error || (of_credentials && has(&["try again"])) {
        return Some(refused("the site refused the login"));
    }
    None
}

fn refused(detail: &str) -> Failure {
    Failure::wrong_credentials(detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn form(said: &str) -> String {
        format!(
            r#"<form id="search"><input name="q"></form>
            <div class="alert cp_system_message critical">The wrong branch is closed, try again. Invalid PIN.</div>
            <div class="errorSpace messaging"><div class="errors">[]</div></div>{said}
            <form class="loginForm left" method="post"><input name="name"><input type="password" name="user_pin"></form>"#
        )
    }

    fn top_message(class: &str, said: &str) -> String {
        form(&format!(
            r#"<div class="messaging" data-test-id="top-message-container"><div class="{class}"><a name=""></a>{said}</div></div>"#
        ))
    }

    fn kind_of(seen: Option<LoginPage>) -> Option<FailureKind> {
        match seen.unwrap() {
            LoginPage::Refused(failure) => Some(failure.kind),
            LoginPage::Asked => None,
        }
    }

    #[rstest]
    #[case(
        "top_message",
        "Your barcode or PIN is incorrect.",
        Some(FailureKind::WrongCredentials)
    )]
    #[case(
        "top_message error",
        "Identifiant refusé.",
        Some(FailureKind::WrongCredentials)
    )]
    #[case(
        "top_message error",
        "Your account is locked, try again later.",
        Some(FailureKind::WrongCredentials)
    )]
    #[case(
        "top_message error",
        "Your session has expired. Please log in again.",
        Some(FailureKind::SessionExpired)
    )]
    #[case(
        "top_message",
        "Your login session is invalid. Please log in again.",
        Some(FailureKind::PageChanged)
    )]
    #[case(
        "top_message error",
        "Your PIN is incorrect. Please try again later.",
        Some(FailureKind::WrongCredentials)
    )]
    #[case(
        "top_message",
        "Invalid barcode. Contact technical support if you need help.",
        Some(FailureKind::WrongCredentials)
    )]
    #[case(
        "top_message",
        "Your PIN does not match. Are cookies allowed?",
        Some(FailureKind::WrongCredentials)
    )]
    #[case(
        "top_message error",
        "Something went wrong. Please log in later.",
        Some(FailureKind::SiteDown)
    )]
    #[case(
        "top_message error",
        "The card has expired.",
        Some(FailureKind::CardBlocked)
    )]
    #[case(
        "top_message error",
        "The catalogue is unavailable. Please try again later.",
        Some(FailureKind::SiteDown)
    )]
    #[case(
        "top_message",
        "Please log in with your card number to see this page.",
        None
    )]
    #[case("top_message", "", None)]
    fn the_words_beside_the_form_say_why_a_login_was_refused(
        #[case] class: &str,
        #[case] said: &str,
        #[case] expected: Option<FailureKind>,
    ) {
        assert_eq!(
            kind_of(classify_login_page(&top_message(class, said), None)),
            expected
        );
    }

    #[test]
    fn the_state_of_a_page_may_say_it_instead() {
        let error: Value = serde_json::from_str(r#"{"message":"No such card and PIN."}"#).unwrap();
        assert_eq!(
            kind_of(classify_login_page("", Some(&error))),
            Some(FailureKind::WrongCredentials)
        );
        assert!(classify_login_page("", Some(&Value::Null)).is_none());
    }

    #[test]
    fn a_page_without_the_form_is_none_of_the_logins() {
        assert!(classify_login_page("<p>loginForm</p>", None).is_none());
        assert!(classify_login_page("<form><input name=q></form>", None).is_none());
    }

    #[rstest]
    #[case(r#"{"logged_in":true,"messages":[]}"#, None)]
    #[case(
        r#"{"logged_in":false,"messages":[{"type":"error","key":"Unknown card or PIN."}]}"#,
        Some(FailureKind::WrongCredentials)
    )]
    #[case(
        r#"{"logged_in":false,"messages":[{"type":"error","key":"Logins are offline."}]}"#,
        Some(FailureKind::SiteDown)
    )]
    #[case(
        r#"{"logged_in":false,"messages":[]}"#,
        Some(FailureKind::WrongCredentials)
    )]
    #[case(
        r#"{"logged_in":false,"messages":[{"type":"error","key":"Invalid token."}]}"#,
        Some(FailureKind::PageChanged)
    )]
    #[case(
        r#"{"logged_in":false,"messages":[{"key":"Token is over."},{"key":"Wrong PIN."}]}"#,
        Some(FailureKind::WrongCredentials)
    )]
    fn a_login_may_be_answered_by_json(#[case] body: &str, #[case] expected: Option<FailureKind>) {
        let answer = json_answer(body).unwrap();
        assert_eq!(answer.err().map(|failure| failure.kind), expected);
    }

    #[test]
    fn a_page_is_no_json_answer() {
        assert!(json_answer("<!DOCTYPE html>").is_none());
        assert!(json_answer("{}").is_none());
    }
}
