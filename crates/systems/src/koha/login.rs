//! The login form, older and newer, and what a page says with it.

use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::messages::is_hidden;
use crate::browser::{Form, Page, Session, interstitial, meaning_of_words};
use crate::reading::{Css, element_text};

static PLACE: Css = Css::new("#opac-auth");
static FORM: Css = Css::new("form#auth");
static SECRET: Css = Css::new("input[type=password]");
static ALERT: Css = Css::new(".alert");

/// Where the form is looked for: the page's own, then the one that hides on every page for its
/// script to show. Other forms (the search) hold no such fields.
const FORMS: [&str; 3] = ["form#auth", "#opac-auth form", "form#modalAuth"];

/// The names of the fields for number and PIN, newest first: from 24.05, and before.
const FIELDS: [(&str, &str); 2] = [("login_userid", "login_password"), ("userid", "password")];

/// What a login page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Login {
    /// The form alone.
    Asked,
    /// A word beside the form. Koha says the same of a wrong PIN and of a patron locked out.
    Refused,
    /// A word in place of the form: the password has expired, or is to be set first.
    NoForm,
}

/// What a page says that nobody is logged in to; `None` where it is no login page.
///
/// A captcha or an outage that stands beside the form is that failure.
pub(super) fn login(root: ElementRef<'_>) -> Result<Option<Login>, Failure> {
    let form = FORM.first(root);
    let around_form = || form?.parent().and_then(ElementRef::wrap);
    let Some(place) = PLACE.first(root).or_else(around_form) else {
        return Ok(None);
    };
    let words: Vec<String> = ALERT
        .all(place)
        .filter(|alert| !is_hidden(*alert))
        .map(element_text)
        .filter(|words| !words.is_empty())
        .collect();
    if let Some(kind) = meaning_of_words(&words.join(" ")) {
        return Err(Failure::new(kind, "an outage beside the login form"));
    }
    let has_form = form.is_some() || SECRET.is_in(place);
    Ok(match (has_form, words.is_empty()) {
        (true, true) => Some(Login::Asked),
        (true, false) => Some(Login::Refused),
        (false, false) => Some(Login::NoForm),
        (false, true) => None,
    })
}

/// The login form with the number and PIN in it; its hidden fields, the token among them, travel
/// along.
pub(super) fn filled(page: &Page, session: &Session<'_>) -> Result<Form, Failure> {
    for css in FORMS {
        for mut form in Form::find_all(page, css)? {
            let fields = FIELDS
                .iter()
                .find(|(number, pin)| form.has(number) && form.has(pin));
            if let Some((number, pin)) = fields {
                let secret = session.secret();
                form.set_secret(number, &secret.number);
                form.set_secret(pin, &secret.pin);
                return Ok(form);
            }
        }
    }
    Err(interstitial(page).unwrap_or_else(|| {
        Failure::page_changed("no login form with fields for a number and a password that we know")
    }))
}
