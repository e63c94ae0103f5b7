//! The login form, CAS's or the older catalogue's own, and what a page says with it.

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

/// A page with more words than this, in characters, is a page of its own.
const SHORT: usize = 2_000;

/// What the system says to a number, name or PIN that it does not know.
pub(super) const REFUSALS: [&str; 3] = [
    "information you submitted was invalid",
    "invalid account information",
    "cannot locate your record",
];
/// Who tried too often is shut out for a while: to try again makes it longer.
pub(super) const TOO_OFTEN: [&str; 2] = ["attempts", "too many"];
/// The staff, or the system itself, is at work in the patron's record.
pub(super) const IN_USE: &str = "record is in use by";
/// What the system says in place of an answer, or beside the form.
pub(super) const BREAKS: [&str; 4] = [
    "cas is unavailable",
    "system is unavailable",
    "system is not available",
    "not available at this time",
];
/// What it says to a patron who is blocked.
pub(super) const BLOCKED: &str = "problem with your library record";
/// The same, as libraries say it beside the form.
pub(super) const EXPIRED: [&str; 2] = ["card has expired", "account has expired"];

/// What a login page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Login {
    /// CAS's form alone.
    Asked,
    /// The catalogue's own form, with no word that we know. A library may have it at the head of any page: whether
    /// this one asks for a login, the way to it must say.
    AskedByCatalogue,
    /// A word that it refuses a number and PIN.
    Refused,
    /// It asks for a PIN to be made up first.
    NewPin,
    /// The patron's record is blocked.
    Blocked,
    /// A word that the session is over: no number or PIN was looked at.
    SessionOver,
}

impl Login {
    /// What a login page means where it came in place of the account; `asked` for the form alone.
    pub(super) fn failure(self, asked: impl FnOnce() -> Failure) -> Failure {
        match self {
            Self::Asked | Self::AskedByCatalogue | Self::SessionOver => asked(),
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

/// What a page says as a login page; `None` where it is none.
///
/// A page of the account may have a small form for others at its head: `is_account` says that
/// there is more on it. An outage that stands beside the form is that failure.
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
    // The older form says it anywhere on its page, in these words.
    let all = if is_cas {
        errors.clone()
    } else {
        element_text(root).to_lowercase()
    };
    if contains_any(&all, &REFUSALS) || contains_any(&errors, &TOO_OFTEN) {
        return Ok(Some(Login::Refused));
    }
    if is_session_over(&errors) {
        return Ok(Some(Login::SessionOver));
    }
    if let Some(kind) = classify_words(&errors) {
        return Err(Failure::new(kind, "an outage beside the login form"));
    }
    if all.contains(IN_USE) || contains_any(&errors, &BREAKS) {
        return Err(Failure::site_down("an outage beside the login form"));
    }
    if all.contains(BLOCKED) || contains_any(&errors, &EXPIRED) {
        return Ok(Some(Login::Blocked));
    }
    Ok(Some(match (is_cas, errors.is_empty()) {
        (true, true) => Login::Asked,
        (true, false) => Login::Refused,
        (false, _) => Login::AskedByCatalogue,
    }))
}

/// What a page that we do not know means as one that stands in for another.
pub(super) fn stand_in(page: &Page) -> Option<Failure> {
    if let Some(failure) = interstitial(page) {
        return Some(failure);
    }
    let words = element_text(parse_page(&page.body).ok()?.root_element()).to_lowercase();
    let is_one =
        words.chars().count() <= SHORT && (words.contains(IN_USE) || contains_any(&words, &BREAKS));
    is_one.then(|| Failure::site_down("a page that says to come back later"))
}

/// The login form of a page: CAS's, or the older catalogue's own.
pub(super) fn form(page: &Page) -> Result<Form, Failure> {
    let is_usable = |form: &Form| form.has("code") && (form.has("pin") || form.has("name"));
    let form = match Form::find_usable(page, "form#fm1", is_usable)? {
        Some(cas) => Some(cas),
        None => Form::find_usable(page, "form", is_usable)?,
    };
    form.ok_or_else(|| {
        stand_in(page).unwrap_or_else(|| {
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
    // Some libraries ask for name and number only.
    if form.has("pin") {
        form.set_secret("pin", &secret.pin);
    }
    Ok(())
}

/// The name and the number of `Name|number`.
fn split_name(number: &str) -> (Option<String>, String) {
    match number.split_once('|') {
        Some((name, number)) => (Some(name.trim().to_owned()), number.trim().to_owned()),
        None => (None, number.to_owned()),
    }
}

/// Whether the words hold one of those that are known.
pub(super) fn contains_any(words: &str, known: &[&str]) -> bool {
    known.iter().any(|known| words.contains(known))
}
