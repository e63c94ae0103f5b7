//! The login form, older and newer, and its messages.

use hippo_browser::reading::{Css, is_session_over, parse_page};
use hippo_browser::{classify_words, session_expired_failure};
use hippo_core::failure::{Failure, FailureKind};
use scraper::ElementRef;

use super::phrases::PASSWORDS;
use crate::list_reader::{LoginDescription, PageKind, read_alerts};

pub(super) static LOGIN: LoginDescription = LoginDescription {
    // The page's own form, or else the hidden one on every page that its script shows.
    form: Css::new(
        "form#auth, #opac-auth form, body:not(:has(form#auth, #opac-auth form)) form#modalAuth",
    ),
    // From 24.05, `login_` is before both.
    number: &["userid"],
    pin: &["password"],
    // Not the library's login instructions, within the form and below it.
    messages: Css::visible(
        ":is(#opac-auth, :has(> form#auth)) .alert:not(form .alert, #nologininstructions .alert)",
    ),
    refused: &[],
    blocked: &[],
    outages: &[],
};

static FORM: Css = Css::new("form#auth, #opac-auth input[type=password]");
static MAINTENANCE: Css = Css::new("#opac-maintenance-message");
static CONSENTS: Css = Css::new("#patronconsents");

/// A login page: the form, a message instead of it (the password has expired, or must be set first), or both.
///
/// Koha shows the same message for a wrong PIN and a locked patron, and shows a forgotten session in the same place; only
/// the words differ.
pub(super) struct LoginPage {
    has_form: bool,
    message: String,
}

impl LoginPage {
    /// Finds the login page; `None` for another page. Messages that were there before the login
    /// (`preexisting_messages`) don't count.
    ///
    /// A captcha or an outage beside the form is that failure, and so is a page that Koha shows instead of all others.
    pub(super) fn find(
        root: ElementRef<'_>,
        preexisting_messages: &[String],
    ) -> Result<Option<Self>, Failure> {
        if let Some(failure) = interstitial_failure(root) {
            return Err(failure);
        }
        let mut messages = read_alerts(&LOGIN.messages, root)?;
        messages.retain(|words| !preexisting_messages.contains(words));
        let message = messages.join(" ");
        if let Some(kind) = classify_words(&message) {
            return Err(Failure::new(kind, "an outage beside the login form"));
        }
        let has_form = FORM.is_in(root);
        Ok((has_form || !message.is_empty()).then_some(Self { has_form, message }))
    }

    /// Whether it is the form alone.
    pub(super) fn is_form_alone(&self) -> bool {
        self.message.is_empty()
    }

    /// Whether its message names the password, or stands instead of the form.
    pub(super) fn is_about_password(&self) -> bool {
        let mut words = self.message.split(|c: char| !c.is_alphanumeric());
        !self.has_form
            || PASSWORDS.are_in(&self.message)
            || words.any(|word| word.eq_ignore_ascii_case("pin"))
    }

    /// Returns the failure that the message means for a number and PIN that were sent.
    pub(super) fn refusal(&self) -> Failure {
        Failure::wrong_credentials(if self.has_form {
            "the login form again, with a message"
        } else {
            "a message instead of the login form, as for an expired password"
        })
    }

    /// Tells what a saved page is.
    pub(super) fn kind(&self) -> PageKind {
        if self.is_form_alone() {
            PageKind::Login
        } else if is_session_over(&self.message) {
            PageKind::Failed(session_expired_failure())
        } else {
            PageKind::Failed(self.refusal())
        }
    }
}

/// Classifies a page that Koha shows instead of every other: the catalogue
/// is closed, or the patron must first agree to how the library keeps their data.
fn interstitial_failure(root: ElementRef<'_>) -> Option<Failure> {
    if MAINTENANCE.is_in(root) {
        return Some(Failure::site_down("the catalogue's maintenance page"));
    }
    CONSENTS.is_in(root).then(|| {
        Failure::new(
            FailureKind::CardBlocked,
            "the library asks the patron for consent before it shows the account",
        )
    })
}

/// Returns the messages beside the login form of a page before the login, for [`LoginPage::find`].
pub(super) fn messages_beside_form(body: &str) -> Vec<String> {
    let page = parse_page(body).ok();
    let messages = page.and_then(|page| read_alerts(&LOGIN.messages, page.root_element()).ok());
    messages.unwrap_or_default()
}
