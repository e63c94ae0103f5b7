//! The login form, of CAS or the older catalogue, and its message.

use hippo_browser::reading::{Css, element_text, is_session_over, parse_page};
use hippo_browser::{Form, Page, Session, classify_words, interstitial};
use hippo_core::failure::{Failure, FailureKind};
use scraper::ElementRef;
use secrecy::{ExposeSecret, SecretString};

static CAS: Css = Css::new("form#fm1");
static FORMS: Css = Css::new("form");
static NUMBER: Css = Css::new("input[name=code]");
static PIN_OR_NAME: Css = Css::new("input[name=pin], input[name=name]");
static NEW_PIN: Css = Css::new("#ipssonewpin, input[name=pin1]");
static ERRORS: Css = Css::new("#status.errors, #fm1 .errors, .errormessage");

/// The maximum number of characters of a page that only gives notice of an outage.
const MAX_NOTICE_CHARS: usize = 2_000;

/// Phrases that refuse an unknown number, name or PIN.
pub(super) const REFUSALS: [&str; 3] = [
    "information you submitted was invalid",
    "invalid account information",
    "cannot locate your record",
];
/// Words of a lock after too many attempts: another attempt would extend it.
pub(super) const TOO_MANY_ATTEMPTS: [&str; 2] = ["attempts", "too many"];
/// The staff or the system is using the patron's record.
pub(super) const IN_USE: &str = "record is in use by";
/// Phrases of an outage, beside the form or instead of a page.
pub(super) const OUTAGES: [&str; 4] = [
    "cas is unavailable",
    "system is unavailable",
    "system is not available",
    "not available at this time",
];
/// The phrase for a blocked patron.
pub(super) const BLOCKED: &str = "problem with your library record";
/// Phrases for an expired card, as libraries show them beside the form.
pub(super) const EXPIRED: [&str; 2] = ["card has expired", "account has expired"];

/// The kind of a login page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Login {
    /// CAS's form alone.
    FormOnly,
    /// The catalogue's own form, without a known message. A library may have it at the top of any page, so the
    /// way to the page decides whether it asks for a login.
    CatalogueForm,
    /// The number and PIN were refused.
    Refused,
    /// The site asks for a new PIN.
    NewPin,
    /// The patron's record is blocked.
    Blocked,
    /// The session has expired: no number or PIN was checked.
    SessionOver,
}

impl Login {
    /// Returns the failure of a login page that came instead of the account; `asked` makes that of the form alone.
    pub(super) fn failure(self, asked: impl FnOnce() -> Failure) -> Failure {
        match self {
            Self::FormOnly | Self::CatalogueForm | Self::SessionOver => asked(),
            Self::Refused => Failure::wrong_credentials("the login form, with an error"),
            Self::NewPin => Failure::wrong_credentials(
                "the login form asks for a new PIN: set one at the library's site first",
            ),
            Self::Blocked => Failure::new(
                FailureKind::CardBlocked,
                "the login form says that there is a problem with the patron's record",
            ),
        }
    }
}

/// Classifies a login page; `None` if it isn't one.
///
/// An account page may have a small login form at its top: `is_account` says that
/// there is more on the page. An outage beside the form is that failure.
pub(super) fn login(root: ElementRef<'_>, is_account: bool) -> Result<Option<Login>, Failure> {
    let is_cas = CAS
        .first(root)
        .is_some_and(|form| NUMBER.is_in(form) || NEW_PIN.is_in(form));
    let is_login_form = |form| NUMBER.is_in(form) && PIN_OR_NAME.is_in(form);
    if !is_cas && (is_account || !FORMS.all(root).any(is_login_form)) {
        return Ok(None);
    }
    if NEW_PIN.is_in(root) {
        return Ok(Some(Login::NewPin));
    }
    let errors = ERRORS.all(root).map(element_text).collect::<Vec<_>>();
    let errors = errors.join(" ").trim().to_lowercase();
    // The older form has its messages anywhere on the page, in these words.
    let all = if is_cas {
        errors.clone()
    } else {
        element_text(root).to_lowercase()
    };
    if contains_any(&all, &REFUSALS) || contains_any(&errors, &TOO_MANY_ATTEMPTS) {
        return Ok(Some(Login::Refused));
    }
    if is_session_over(&errors) {
        return Ok(Some(Login::SessionOver));
    }
    if let Some(kind) = classify_words(&errors) {
        return Err(Failure::new(kind, "an outage beside the login form"));
    }
    if all.contains(IN_USE) || contains_any(&errors, &OUTAGES) {
        return Err(Failure::site_down("an outage beside the login form"));
    }
    if all.contains(BLOCKED) || contains_any(&errors, &EXPIRED) {
        return Ok(Some(Login::Blocked));
    }
    Ok(Some(match (is_cas, errors.is_empty()) {
        (true, true) => Login::FormOnly,
        (true, false) => Login::Refused,
        (false, _) => Login::CatalogueForm,
    }))
}

/// Returns the failure if an unknown page is an interstitial: a captcha, maintenance, an outage.
pub(super) fn interstitial_failure(page: &Page) -> Option<Failure> {
    if let Some(failure) = interstitial(page) {
        return Some(failure);
    }
    let words = element_text(parse_page(&page.body).ok()?.root_element()).to_lowercase();
    let is_notice = words.chars().count() <= MAX_NOTICE_CHARS
        && (words.contains(IN_USE) || contains_any(&words, &OUTAGES));
    is_notice.then(|| Failure::site_down("a page that gives notice of an outage"))
}

/// Finds the login form of a page: CAS's, or the older catalogue's own.
pub(super) fn form(page: &Page) -> Result<Form, Failure> {
    let is_usable = |form: &Form| form.has("code") && (form.has("pin") || form.has("name"));
    let form = match Form::find_usable(page, "form#fm1", is_usable)? {
        Some(cas) => Some(cas),
        None => Form::find_usable(page, "form", is_usable)?,
    };
    form.ok_or_else(|| {
        interstitial_failure(page).unwrap_or_else(|| {
            Failure::page_changed("no login form with the fields “code” and “pin” or “name”")
        })
    })
}

/// Puts the number and PIN into the login form.
pub(super) fn fill(form: &mut Form, session: &Session<'_>) -> Result<(), Failure> {
    let secret = session.secret();
    let (name, number) = split_name(secret.number.expose_secret());
    if form.has("name") {
        let name = name.ok_or_else(|| {
            Failure::page_changed(
                "the login form asks for the patron's name: give the card's number as “Name|number”",
            )
        })?;
        form.set_secret("name", &SecretString::from(name));
    }
    form.set_secret("code", &SecretString::from(number));
    // Some libraries ask for the name and the number only.
    if form.has("pin") {
        form.set_secret("pin", &secret.pin);
    }
    Ok(())
}

/// Splits `Name|number`.
fn split_name(number: &str) -> (Option<String>, String) {
    match number.split_once('|') {
        Some((name, number)) => (Some(name.trim().to_owned()), number.trim().to_owned()),
        None => (None, number.to_owned()),
    }
}

/// Whether the text contains one of the phrases.
pub(super) fn contains_any(words: &str, known: &[&str]) -> bool {
    known.iter().any(|known| words.contains(known))
}
