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

/// The path and the words of the pages on which a patron chooses a user name and agrees to the terms at the first
/// login.
const SETUP_PATH: &str = "/user/registration";
const SETUP_WORDS: &str = "account setup";

static SETUP_FORM: Css = Css::new(r#"form[action*="/user/registration"]"#);
/// The elements in which such a page describes itself; links elsewhere may lead to help with the setup.
static SETUP_TEXT: Css = Css::new("title, h1, h2, form, button, input[type=submit]");

/// The number of these elements that are read.
const MAX_SETUP_PARTS: usize = 50;

/// Whether this is the path of such a page.
pub(super) fn is_setup_path(path: &str) -> bool {
    path.contains(SETUP_PATH)
}

/// Returns the failure if the page asks the patron to set up the account.
pub(super) fn find_setup_failure(body: &str) -> Option<Failure> {
    let has_words = |text: &str| text.to_lowercase().contains(SETUP_WORDS);
    if !body.to_ascii_lowercase().contains(SETUP_PATH) && !has_words(body) {
        return None;
    }
    let page = parse_page(body).ok()?;
    let root = page.root_element();
    let names_setup = |element: ElementRef<'_>| {
        has_words(&element_text(element)) || element.attr("value").is_some_and(has_words)
    };
    let mut texts = SETUP_TEXT.all(root).take(MAX_SETUP_PARTS);
    let is_setup = SETUP_FORM.is_in(root) || texts.any(names_setup);
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
    let markers = ["loginForm", "login_form", "user_pin"];
    if !markers.iter().any(|marker| body.contains(marker)) {
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
        let has_words = !message.is_empty() && message != "[]";
        has_words.then(|| classify_message(&message, MARKED_AS_ERROR.matches(element)))?
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
    let field = |names: [&str; 2]| names.iter().find_map(|name| answer.get(name));
    if field(["logged_in", "success"])?.as_bool()? {
        return Some(Ok(()));
    }
    let messages = field(["messages", "errors"]).and_then(Value::as_array);
    let refusal = most_specific(messages.into_iter().flatten().filter_map(|message| {
        let is_error = message.get("type").is_none_or(|kind| kind == "error");
        refusal_in(message, is_error)
    }));
    let without_reason =
        || Failure::wrong_credentials("the site refused the login without a reason");
    Some(Err(refusal.unwrap_or_else(without_reason)))
}

/// Extracts the text of an HTML fragment.
pub(super) fn text_of_html(html: &str) -> String {
    if !html.contains(['<', '&']) {
        return clean(html);
    }
    let fragment = parse_fragment(html);
    fragment.map_or_else(
        |_| String::new(),
        |piece| element_text(piece.root_element()),
    )
}

/// Returns a message that is a text, or the first of these fields that has one.
pub(super) fn message_in<'a>(message: &'a Value, fields: &[&str]) -> Option<&'a str> {
    let in_field = |field| message.get(field)?.as_str();
    message
        .as_str()
        .or_else(|| fields.iter().find_map(in_field))
}

/// Returns the first failure that is more specific than `page_changed`.
fn most_specific(mut failures: impl Iterator<Item = Failure>) -> Option<Failure> {
    let first = failures.next()?;
    if first.kind != FailureKind::PageChanged {
        return Some(first);
    }
    let other = failures.find(|failure| failure.kind != FailureKind::PageChanged);
    other.or(Some(first))
}

fn refusal_in(error: &Value, is_error: bool) -> Option<Failure> {
    if matches!(error, Value::Null | Value::Bool(false)) {
        return None;
    }
    let message = message_in(error, &["message", "key", "text"]).unwrap_or_default();
    if message.is_empty() && !is_error {
        return None;
    }
    classify_message(&text_of_html(message), is_error)
}

/// The words for what a login names.
const CARD: &[&str] = &["card", "account", "membership", "barcode"];
const SECRET: &[&str] = &[
    "pin",
    "password",
    "user name",
    "username",
    "barcode",
    "card number",
];
const LOGIN: &[&str] = &["number", "log in", "login", "sign in"];
const SESSION: &[&str] = &["session", "cookie", "token"];

/// The words for what is wrong.
const LOCKED: &[&str] = &["locked", "too many", "attempts"];
const WRONG: &[&str] = &[
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
];
const OUTAGE: &[&str] = &[
    "unavailable",
    "maintenance",
    "offline",
    "later",
    "technical",
    "outage",
    "timed out",
];
const BLOCKED: &[&str] = &[
    "blocked",
    "barred",
    "suspended",
    "has expired",
    "is expired",
];
const TRY_AGAIN: &[&str] = &["try again"];

/// Lists the words by which a message is classified.
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    let lists = [
        CARD, SECRET, LOGIN, SESSION, LOCKED, WRONG, OUTAGE, BLOCKED, TRY_AGAIN,
    ];
    lists.into_iter().flatten().copied()
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
    let names_credentials = has(CARD) || has(SECRET) || has(LOGIN);
    // “Invalid session, please log in again”, unless it names what was sent.
    let is_of_login = has(SECRET) || (names_credentials && !has(SESSION));
    Some(if has(LOCKED) {
        Failure::wrong_credentials("the site says that logins are locked")
    } else if has(WRONG) && is_of_login {
        Failure::wrong_credentials("the site refused the login")
    } else if is_session_over(&message) {
        session_expired_failure()
    } else if has(OUTAGE) {
        Failure::site_down("the site doesn't accept logins now")
    } else if has(CARD) && has(BLOCKED) {
        Failure::new(
            FailureKind::CardBlocked,
            "the site says that the card is blocked or expired",
        )
    } else if has(SESSION) {
        Failure::page_changed("the site says that the form's session or token has expired")
    } else if is_error || (names_credentials && has(TRY_AGAIN)) {
        Failure::wrong_credentials("the site refused the login")
    } else {
        return None;
    })
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
