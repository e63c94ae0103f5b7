//! The login form, older and newer, and its messages.

use std::sync::LazyLock;

use hippo_browser::classify_words;
use hippo_browser::reading::{Css, non_empty_text};
use hippo_browser::{Page, Session};
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::phrases::PASSWORDS;
use crate::list_reader::{LoginDescription, find_alerts};

pub(super) static LOGIN: LazyLock<LoginDescription> = LazyLock::new(|| LoginDescription {
    // Another form is hidden on every page until its script shows it. The box is there without a form if the password has
    // expired, or must be set first.
    form: Css::new(
        ":root:not(:has(#userdetails, #patronconsents)) :is(form#auth, #opac-auth form, #opac-auth)",
    ),
    // From 24.05, `login_` is before both.
    number: &["userid"],
    pin: &["password"],
    // Not the library's login instructions, within the form and below it.
    messages: Css::visible(
        ":is(#opac-auth, :has(> form#auth)) .alert:not(form .alert, #nologininstructions .alert)",
    ),
    has_only_errors: true,
    ..LoginDescription::default()
});

/// Returns the messages beside the login form of a page, for [`find_refusal`].
pub(super) fn messages_beside_form(root: ElementRef<'_>) -> Result<Vec<String>, Failure> {
    let alerts = find_alerts(&LOGIN.messages, root)?.into_iter();
    Ok(alerts.filter_map(non_empty_text).collect())
}

/// Returns the failure of a login page that answers the login. Messages that were there before it
/// (`preexisting_messages`) don't count.
///
/// Koha shows the same message for a wrong PIN and a locked patron, and shows a forgotten session in the same place; only
/// the words differ.
pub(super) fn find_refusal(
    page: &Page,
    root: ElementRef<'_>,
    preexisting_messages: &[String],
    session: &Session<'_>,
) -> Result<Failure, Failure> {
    let mut messages = messages_beside_form(root)?;
    messages.retain(|words| !preexisting_messages.contains(words));
    let message = messages.join(" ");
    Ok(if let Some(kind) = classify_words(&message) {
        Failure::new(kind, "an outage beside the login form")
    } else if message.is_empty() {
        session.failure_for_login_page(page, "the account")
    } else if session.was_redirected() && !names_password(&message) {
        // Koha refuses in the response itself, and redirects a patron whom it accepted. A message at the target of the
        // redirect, unless it names the password, means that the session was lost on the way: whether the PIN was
        // right is in doubt.
        Failure::page_changed(
            "the login led to the login form, with a message that doesn't name a password",
        )
    } else {
        Failure::wrong_credentials("the login page again, with a message")
    })
}

fn names_password(words: &str) -> bool {
    let mut each = words.split(|c: char| !c.is_alphanumeric());
    PASSWORDS.are_in(words) || each.any(|word| word.eq_ignore_ascii_case("pin"))
}
