//! Pages and responses for a visitor who is not logged in.

use hippo_browser::reading::{Css, element_text, is_session_over, parse_fragment, parse_page};
use hippo_browser::session_expired_failure;
use hippo_core::failure::{Failure, FailureKind};
use hippo_core::text::clean;
use scraper::ElementRef;
use serde_json::Value;

/// A login form, and its message about the last login.
#[derive(Debug)]
pub(super) enum LoginPage {
    /// The form alone, without a message.
    FormOnly,
    /// The login was refused, and why.
    Refused(Failure),
}

/// The login form; the search forms at the top of the page have no PIN.
pub(super) const FORM: &str =
    r#"form.loginForm, form[data-js="login_form"], form:has(input[name="user_pin"])"#;

static LOGIN_FORM: Css = Css::new(FORM);

/// The elements with the reason for a refused login. The library's general notices (`cp_system_message`) are
/// elsewhere.
static MESSAGES: Css = Css::new(
    r#".errorSpace .errors, [data-test-id="top-message-container"] .top_message, .loginForm .error"#,
);
static TOKEN: Css = Css::new(r#"meta[name="csrf-token"]"#);
static MARKED_AS_ERROR: Css = Css::new(".error, .errors, .top_message.error, [data-type=error]");

/// Phrases of the pages on which a patron chooses a user name and agrees to the terms at the first
/// login.
pub(super) const SETUP: [&str; 1] = ["account setup"];

static SETUP_FORM: Css = Css::new(r#"form[action*="/user/registration"]"#);
/// The elements in which such a page describes itself; links elsewhere may lead to help with the setup.
static SETUP_TEXT: Css = Css::new("title, h1, h2, form, button, input[type=submit]");

/// The number of these elements that are read.
const MAX_SETUP_PARTS: usize = 50;

/// Whether this is the path of such a page.
pub(super) fn is_setup_path(path: &str) -> bool {
    path.contains("/user/registration")
}

/// Returns the failure if the page asks the patron to set up the account.
pub(super) fn find_setup_failure(body: &str) -> Option<Failure> {
    let lower = body.to_ascii_lowercase();
    let may_be =
        lower.contains("/user/registration") || SETUP.iter().any(|words| lower.contains(words));
    if !may_be {
        return None;
    }
    let page = parse_page(body).ok()?;
    let root = page.root_element();
    let names_setup = |element: ElementRef<'_>| {
        let words = element_text(element).to_lowercase();
        let button = element.attr("value").unwrap_or_default().to_lowercase();
        SETUP
            .iter()
            .any(|known| words.contains(known) || button.contains(known))
    };
    let is_setup =
        SETUP_FORM.is_in(root) || SETUP_TEXT.all(root).take(MAX_SETUP_PARTS).any(names_setup);
    (is_setup && !LOGIN_FORM.is_in(root)).then(setup_required)
}

pub(super) fn setup_required() -> Failure {
    Failure::new(
        FailureKind::CardBlocked,
        "the site asks the patron to set up the account first: choose a user name and agree to its terms",
    )
}

/// Classifies a page without an account as a login page: the form, with or without the reason for
/// refusing the last login (from the page's state: `auth.loginError`).
pub(super) fn classify_login_page(body: &str, login_error: Option<&Value>) -> Option<LoginPage> {
    if let Some(failure) = login_error.and_then(|error| refusal_in(error, true)) {
        return Some(LoginPage::Refused(failure));
    }
    // The page is parsed only if it may contain the form.
    if !["loginForm", "login_form", "user_pin"]
        .iter()
        .any(|marker| body.contains(marker))
    {
        return None;
    }
    let page = parse_page(body).ok()?;
    let root = page.root_element();
    if !LOGIN_FORM.is_in(root) {
        return None;
    }
    let refusal = most_specific(MESSAGES.all(root).filter_map(|element| {
        let message = element_text(element);
        // The page prints an empty list if there is no message.
        if message.is_empty() || message == "[]" {
            return None;
        }
        classify_message(&message, MARKED_AS_ERROR.matches(element))
    }));
    Some(refusal.map_or(LoginPage::FormOnly, LoginPage::Refused))
}

/// Returns the token from the page's head, which some libraries expect with a form that lacks it.
pub(super) fn find_token(body: &str) -> Option<String> {
    let page = parse_page(body).ok()?;
    let token = TOKEN.first(page.root_element())?.attr("content")?;
    Some(token.to_owned())
}

/// Parses the JSON response to a login: `{"logged_in": false, "messages": [{"type": "error", …}]}`.
///
/// `None` if it is not such a response. A login refused without a reason is still refused.
pub(super) fn parse_json_response(body: &str) -> Option<Result<(), Failure>> {
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
    let refusal = most_specific(messages.filter_map(|message| {
        let is_error = message.get("type").is_none_or(|kind| kind == "error");
        refusal_in(message, is_error)
    }));
    Some(Err(refusal.unwrap_or_else(|| {
        refused("the site refused the login without a reason")
    })))
}

/// Extracts the text of an HTML fragment.
pub(super) fn text_of_html(html: &str) -> String {
    if html.contains(['<', '&']) {
        parse_fragment(html)
            .map(|piece| element_text(piece.root_element()))
            .unwrap_or_default()
    } else {
        clean(html)
    }
}

/// Returns the first failure that is more specific than `page_changed`.
fn most_specific(failures: impl Iterator<Item = Failure>) -> Option<Failure> {
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
    let message = match error {
        Value::Null | Value::Bool(false) => return None,
        Value::String(message) => message.as_str(),
        error => ["message", "key", "text"]
            .iter()
            .find_map(|field| error.get(field)?.as_str())
            .unwrap_or_default(),
    };
    if message.is_empty() && !is_error {
        return None;
    }
    classify_message(&text_of_html(message), is_error)
}

/// Classifies the site's message about a login; `None` if it doesn't mean a refusal.
///
/// A lock counts as a refusal, because another login would make it worse. So do plain words about the number or
/// PIN, even if they end with “Please try again later”. A message about an outage doesn't, even if it is
/// marked as an error: it says nothing about the PIN. A fault of the browser is `page_changed`: the site
/// didn't check the PIN.
fn classify_message(message: &str, is_error: bool) -> Option<Failure> {
    // “Something went wrong” says nothing about a PIN.
    let message = message.to_lowercase().replace("went wrong", "failed");
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let names_card = has(&["card", "account", "membership", "barcode"]);
    let names_secret = has(&[
        "pin",
        "password",
        "user name",
        "username",
        "barcode",
        "card number",
    ]);
    let names_credentials =
        names_card || names_secret || has(&["number", "log in", "login", "sign in"]);
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
    // “Invalid session, please log in again”, unless it names what was sent.
    let names_session = has(&["session", "cookie", "token"]);
    if has(&["locked", "too many", "attempts"]) {
        return Some(refused("the site says that logins are locked"));
    }
    if is_wrong && (names_secret || (names_credentials && !names_session)) {
        return Some(refused("the site refused the login"));
    }
    if is_session_over(&message) {
        return Some(session_expired_failure());
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
        return Some(Failure::site_down("the site doesn't accept logins now"));
    }
    if names_card
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
            "the site says that the card is blocked or expired",
        ));
    }
    if names_session {
        return Some(Failure::page_changed(
            "the site says that the form's session or token has expired",
        ));
    }
    if is_error || (names_credentials && has(&["try again"])) {
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

    fn form(message: &str) -> String {
        format!(
            r#"<form id="search"><input name="q"></form>
            <div class="alert cp_system_message critical">The wrong branch is closed, try again. Invalid PIN.</div>
            <div class="errorSpace messaging"><div class="errors">[]</div></div>{message}
            <form class="loginForm left" method="post"><input name="name"><input type="password" name="user_pin"></form>"#
        )
    }

    fn top_message(class: &str, message: &str) -> String {
        form(&format!(
            r#"<div class="messaging" data-test-id="top-message-container"><div class="{class}"><a name=""></a>{message}</div></div>"#
        ))
    }

    fn kind_of(login_page: Option<LoginPage>) -> Option<FailureKind> {
        match login_page.unwrap() {
            LoginPage::Refused(failure) => Some(failure.kind),
            LoginPage::FormOnly => None,
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
    fn message_beside_the_form_decides_the_failure(
        #[case] class: &str,
        #[case] message: &str,
        #[case] expected: Option<FailureKind>,
    ) {
        assert_eq!(
            kind_of(classify_login_page(&top_message(class, message), None)),
            expected
        );
    }

    #[test]
    fn login_error_of_the_page_state_is_a_refusal() {
        let error: Value = serde_json::from_str(r#"{"message":"No such card and PIN."}"#).unwrap();
        assert_eq!(
            kind_of(classify_login_page("", Some(&error))),
            Some(FailureKind::WrongCredentials)
        );
        assert!(classify_login_page("", Some(&Value::Null)).is_none());
    }

    #[test]
    fn page_without_the_form_is_no_login_page() {
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
    fn json_response_decides_the_failure(
        #[case] body: &str,
        #[case] expected: Option<FailureKind>,
    ) {
        let answer = parse_json_response(body).unwrap();
        assert_eq!(answer.err().map(|failure| failure.kind), expected);
    }

    #[test]
    fn html_page_is_no_json_response() {
        assert!(parse_json_response("<!DOCTYPE html>").is_none());
        assert!(parse_json_response("{}").is_none());
    }
}
