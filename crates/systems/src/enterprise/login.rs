//! The login form, and the fragment that a script may put in its place.

use std::sync::LazyLock;

use hippo_browser::reading::{Css, parse_page, visible_text};
use hippo_core::failure::Failure;

use super::pages::ACCOUNT;
use crate::list_reader::{LoginDescription, PageKind, ScriptAnswer, classify_page};

/// The login form, visible or not.
const FORM: &str = "form#loginPageForm, form.loginPageForm";

pub(super) static LOGIN: LazyLock<LoginDescription> = LazyLock::new(|| LoginDescription {
    form: Css::visible(FORM),
    // Hidden on a patron's page until a dialog shows it.
    other_form: Some(Css::new(FORM)),
    number: &["j_username"],
    pin: &["j_password"],
    // Older sites take the form only with its button, as a person sends it.
    button: Some(Css::new("[name=submit_0]")),
    messages: Css::visible("[class*=error i], [id*=error i]"),
    has_only_errors: true,
    refused: &[
        "incorrect",
        "invalid",
        "login failed",
        "not recognized",
        "try again",
        "unable to authenticate",
        "unsuccessful",
    ],
    ..LoginDescription::default()
});

/// Tells what a response to the login is that redirects nowhere. Only a login form, or the fragment that a script puts
/// in its place, can be about the number and PIN.
pub(super) fn classify_answer(answer: &ScriptAnswer<'_>) -> Result<PageKind, Failure> {
    let page = parse_page(&answer.html)?;
    let root = page.root_element();
    Ok(match classify_page(&ACCOUNT, &LOGIN, root) {
        PageKind::Unknown if answer.is_fragment => LOGIN
            .failure_of_message(&visible_text(root))
            .map_or(PageKind::Unknown, PageKind::Failed),
        kind => kind,
    })
}
