//! The login form, and the pages in its place.

use hippo_browser::reading::{Css, Element, element_text, parse_page};
use hippo_core::failure::Failure;
use serde_json::Value;

use crate::json_reader::read_message;
use crate::list_reader::{LoginDescription, Stems, most_specific};

pub(super) static LOGIN: LoginDescription = LoginDescription {
    // The search forms at the top of the page have no PIN.
    form: Css::new(
        r#"form.loginForm, form[data-js="login_form"], form:has(input[name="user_pin"])"#,
    ),
    other_form: None,
    number: &["name"],
    pin: &["user_pin"],
    name: &[],
    button: None,
    // The library's general notices (`cp_system_message`) are elsewhere.
    messages: Css::new(
        r#".errorSpace .errors, [data-test-id="top-message-container"] .top_message, .loginForm .error"#,
    ),
    has_only_errors: false,
    logged_in: Css::new(":not(*)"),
    pin_words: Stems(""),
    refused: &[],
    blocked: &[
        "blocked",
        "barred",
        "suspended",
        "has expired",
        "is expired",
    ],
    outages: &[
        "unavailable",
        "maintenance",
        "offline",
        "later",
        "technical",
        "outage",
        "timed out",
    ],
    new_pin_form: Css::new(":not(*)"),
};

pub(super) static ERRORS: Css = Css::new(".error, .errors, .top_message.error, [data-type=error]");

/// The fields that may have a message's text.
pub(super) const MESSAGE_TEXTS: &[&str] = &["message", "key", "text"];

static TOKEN: Css = Css::new(r#"meta[name="csrf-token"]"#);

/// Returns the token from the page's head, which some libraries expect with a form that lacks it.
pub(super) fn find_token(body: &str) -> Option<String> {
    let page = parse_page(body).ok()?;
    let token = TOKEN.first(page.root_element())?.attr("content")?;
    Some(token.to_owned())
}

/// Returns the failure that an answer to a script's login means: `{"logged_in": false, "messages": [{"key": …}]}`.
pub(super) fn refusal_in_json(body: &str) -> Option<Failure> {
    let answer: Value = serde_json::from_str(body).ok()?;
    if answer.get("logged_in")?.as_bool()? {
        return None;
    }
    let messages = answer.get("messages").and_then(Value::as_array);
    let words = messages
        .into_iter()
        .flatten()
        .map(|message| read_message(message, MESSAGE_TEXTS));
    let refusal = most_specific(words.map(|words| LOGIN.failure_of_error(&words)));
    Some(refusal.unwrap_or_else(|| LOGIN.failure_of_error("")))
}

/// The elements in which a page describes itself; links elsewhere may lead to help with the setup.
static HEADINGS: Css = Css::new("title, h1, h2, form, button");
static SETUP: Css =
    Css::new(r#"form[action*="/user/registration"], input[type=submit][value*="account setup" i]"#);

/// The number of these elements that are read.
const MAX_HEADINGS: usize = 50;

/// Whether a page asks the patron to set up the account.
pub(super) fn is_setup(root: Element<'_>) -> bool {
    let names_setup = |heading| {
        element_text(heading)
            .to_lowercase()
            .contains("account setup")
    };
    let mut headings = HEADINGS.all(root).take(MAX_HEADINGS);
    SETUP.is_in(root) || headings.any(names_setup)
}

#[cfg(test)]
mod tests {
    use hippo_core::failure::FailureKind;
    use rstest::rstest;

    use super::*;

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

    fn kind_on(page: &str) -> Option<FailureKind> {
        let page = parse_page(page).unwrap();
        let root = page.root_element();
        assert!(LOGIN.is_shown(root));
        let failure = LOGIN.failure_of_errors(root, &ERRORS);
        failure.map(|failure| failure.kind)
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
        assert_eq!(kind_on(&top_message(class, message)), expected);
    }

    #[test]
    fn page_without_the_form_is_no_login_page() {
        for page in ["<p>loginForm</p>", "<form><input name=q></form>"] {
            let page = parse_page(page).unwrap();
            assert!(!LOGIN.is_shown(page.root_element()));
        }
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
        let refusal = refusal_in_json(body);
        assert_eq!(refusal.map(|failure| failure.kind), expected);
    }

    #[test]
    fn html_page_is_no_json_response() {
        assert!(refusal_in_json("<!DOCTYPE html>").is_none());
        assert!(refusal_in_json("{}").is_none());
    }
}
