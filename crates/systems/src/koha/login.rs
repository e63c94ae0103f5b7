//! The login form, older and newer, and its messages.

use hippo_browser::reading::{Css, element_text, is_session_over, parse_page};
use hippo_browser::{Form, Page, Session, classify_words, interstitial, session_expired_failure};
use hippo_core::failure::{Failure, FailureKind};
use scraper::ElementRef;

use super::messages::{find_alerts, is_hidden};
use super::phrases::PASSWORDS;

static LOGIN_BOX: Css = Css::new("#opac-auth");
static FORM: Css = Css::new("form#auth");
static SECRET: Css = Css::new("input[type=password]");
static ALERTS: Css = Css::new(".alert");
/// The library's login instructions, within the form and below it.
static INSTRUCTIONS: Css = Css::new("form .alert, #nologininstructions .alert");
static MAINTENANCE: Css = Css::new("#opac-maintenance-message");
static CONSENTS: Css = Css::new("#patronconsents");

/// The selectors of the form: the page's own, then the hidden one on every page that its script shows.
/// Other forms (the search) have no such fields.
const FORMS: [&str; 3] = ["form#auth", "#opac-auth form", "form#modalAuth"];

/// The names of the fields for number and PIN, newest first: from 24.05, and before.
const FIELDS: [(&str, &str); 2] = [("login_userid", "login_password"), ("userid", "password")];

/// The kind of a login page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Login {
    /// The form alone.
    FormOnly,
    /// A message beside the form. Koha shows the same message for a wrong PIN and a locked patron, and shows a
    /// forgotten session in the same place; only the words differ.
    Refused {
        /// Whether the message names the password.
        names_password: bool,
        /// Whether the message says that the session has expired.
        names_session: bool,
    },
    /// A message instead of the form: the password has expired, or must be set first.
    NoForm,
}

impl Login {
    /// Returns the failure that the page means for a number and PIN that were sent.
    pub(super) fn refusal(self) -> Failure {
        Failure::wrong_credentials(match self {
            Self::NoForm => "a message instead of the login form, as for an expired password",
            _ => "the login form again, with a message",
        })
    }

    /// Returns the failure of a saved page.
    pub(super) fn failure(self) -> Failure {
        match self {
            Self::FormOnly => Failure::page_changed("the login form: nobody is logged in"),
            Self::Refused {
                names_session: true,
                ..
            } => session_expired_failure(),
            _ => self.refusal(),
        }
    }
}

/// Classifies a login page; `None` if it isn't one. Messages that were there before the login
/// (`preexisting_messages`) don't count.
///
/// A captcha or an outage beside the form is that failure, and so is a page that Koha shows instead of
/// all others.
pub(super) fn login(
    root: ElementRef<'_>,
    preexisting_messages: &[String],
) -> Result<Option<Login>, Failure> {
    if let Some(failure) = interstitial_failure(root) {
        return Err(failure);
    }
    let Some(login_box) = login_box(root) else {
        return Ok(None);
    };
    let mut words = messages(login_box)?;
    words.retain(|words| !preexisting_messages.contains(words));
    let words = words.join(" ");
    if let Some(kind) = classify_words(&words) {
        return Err(Failure::new(kind, "an outage beside the login form"));
    }
    let has_form = FORM.is_in(root) || SECRET.is_in(login_box);
    Ok(match (has_form, words.is_empty()) {
        (true, true) => Some(Login::FormOnly),
        (true, false) => Some(Login::Refused {
            names_password: names_password(&words),
            names_session: is_session_over(&words),
        }),
        (false, false) => Some(Login::NoForm),
        (false, true) => None,
    })
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

/// Returns the messages beside the login form of a page before the login, for [`login`].
pub(super) fn messages_beside_form(body: &str) -> Vec<String> {
    let page = parse_page(body).ok();
    let login_box = page
        .as_ref()
        .and_then(|page| login_box(page.root_element()));
    login_box
        .and_then(|login_box| messages(login_box).ok())
        .unwrap_or_default()
}

/// Finds the box of the login form, or the form's parent.
fn login_box(root: ElementRef<'_>) -> Option<ElementRef<'_>> {
    let around_form = || FORM.first(root)?.parent().and_then(ElementRef::wrap);
    LOGIN_BOX.first(root).or_else(around_form)
}

fn messages(login_box: ElementRef<'_>) -> Result<Vec<String>, Failure> {
    let mut shown = find_alerts(login_box, &ALERTS)?;
    shown.retain(|alert| !is_hidden(*alert) && !INSTRUCTIONS.matches(*alert));
    let words = shown.into_iter().map(element_text);
    Ok(words.filter(|words| !words.is_empty()).collect())
}

fn names_password(words: &str) -> bool {
    let mut each = words.split(|c: char| !c.is_alphanumeric());
    PASSWORDS.are_in(words) || each.any(|word| word.eq_ignore_ascii_case("pin"))
}

/// Fills the login form with the number and PIN; its hidden fields, such as the token, are kept.
pub(super) fn fill_login_form(page: &Page, session: &Session<'_>) -> Result<Form, Failure> {
    let fields_of = |form: &Form| {
        FIELDS
            .iter()
            .find(|(number, pin)| form.has(number) && form.has(pin))
    };
    for css in FORMS {
        let form = Form::find_usable(page, css, |form| fields_of(form).is_some())?;
        if let Some(mut form) = form
            && let Some((number, pin)) = fields_of(&form)
        {
            let secret = session.secret();
            form.set_secret(number, &secret.number);
            form.set_secret(pin, &secret.pin);
            return Ok(form);
        }
    }
    let html = parse_page(&page.body)?;
    let interstitial_failure =
        interstitial_failure(html.root_element()).or_else(|| interstitial(page));
    Err(interstitial_failure.unwrap_or_else(|| {
        Failure::page_changed("no login form with known fields for a number and a password")
    }))
}
