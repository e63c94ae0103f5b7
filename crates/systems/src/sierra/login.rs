//! The login form, of CAS or the older catalogue, and its message.

use hippo_browser::reading::{Css, element_text, is_session_over, parse_page};
use hippo_browser::{Form, Page, Session, classify_words, interstitial, session_expired_failure};
use hippo_core::failure::{Failure, FailureKind};
use scraper::ElementRef;
use secrecy::{ExposeSecret, SecretString};

use super::kind::list_kinds;
use super::summary::Summary;
use crate::list_reader::{LoginDescription, PageKind};

/// CAS's form. The older catalogue's own form may be at the top of any page.
pub(super) static LOGIN: LoginDescription = LoginDescription {
    form: Css::new("#fm1 input[name=code], #fm1 #ipssonewpin, #fm1 input[name=pin1]"),
    number: &["code"],
    pin: &["pin"],
    messages: Css::new("#status.errors, #fm1 .errors, .errormessage"),
    refused: &[
        "information you submitted was invalid",
        "invalid account information",
        "cannot locate your record",
    ],
    blocked: &["card has expired", "account has expired"],
    outages: &[
        "cas is unavailable",
        "system is unavailable",
        "system is not available",
        "not available at this time",
    ],
};

static FORMS: Css = Css::new("form");
static NUMBER: Css = Css::new("input[name=code]");
static PIN_OR_NAME: Css = Css::new("input[name=pin], input[name=name]");
static NEW_PIN: Css = Css::new("#ipssonewpin, input[name=pin1]");

/// The maximum number of characters of a page that only gives notice of an outage.
const MAX_NOTICE_CHARS: usize = 2_000;

/// Words of a lock after too many attempts: another attempt would extend it.
pub(super) const TOO_MANY_ATTEMPTS: [&str; 2] = ["attempts", "too many"];
/// The staff or the system is using the patron's record.
pub(super) const IN_USE: &str = "record is in use by";
/// The phrase for a blocked patron.
pub(super) const BLOCKED: &str = "problem with your library record";

/// Tells what a page is. An account page may have the catalogue's own form at its top.
pub(super) fn classify(root: ElementRef<'_>) -> PageKind {
    let is_cas = LOGIN.form.is_in(root);
    if !is_cas && (Summary::find(root).is_some() || list_kinds(root).next().is_some()) {
        return PageKind::Account;
    }
    let is_login_form = |form| NUMBER.is_in(form) && PIN_OR_NAME.is_in(form);
    if !is_cas && !FORMS.all(root).any(is_login_form) {
        return PageKind::Unknown;
    }
    if NEW_PIN.is_in(root) {
        return PageKind::Failed(Failure::wrong_credentials(
            "the login form asks for a new PIN: set one at the library's site first",
        ));
    }
    let errors: Vec<String> = LOGIN.messages.all(root).map(element_text).collect();
    let errors = errors.join(" ").trim().to_lowercase();
    // The older form has its messages anywhere on the page, in these words.
    let all = if is_cas {
        errors.clone()
    } else {
        element_text(root).to_lowercase()
    };
    let refused = || Failure::wrong_credentials("the login form, with an error");
    let outage = |kind| Failure::new(kind, "an outage beside the login form");
    PageKind::Failed(
        if contains_any(&all, LOGIN.refused) || contains_any(&errors, &TOO_MANY_ATTEMPTS) {
            refused()
        } else if is_session_over(&errors) {
            session_expired_failure()
        } else if let Some(kind) = classify_words(&errors) {
            outage(kind)
        } else if all.contains(IN_USE) || contains_any(&errors, LOGIN.outages) {
            outage(FailureKind::SiteDown)
        } else if all.contains(BLOCKED) || contains_any(&errors, LOGIN.blocked) {
            Failure::new(
                FailureKind::CardBlocked,
                "the login form says that there is a problem with the patron's record",
            )
        } else if is_cas && !errors.is_empty() {
            refused()
        } else {
            return PageKind::Login;
        },
    )
}

/// Returns the failure if an unknown page is an interstitial: a captcha, maintenance, an outage.
pub(super) fn interstitial_failure(page: &Page) -> Option<Failure> {
    if let Some(failure) = interstitial(page) {
        return Some(failure);
    }
    let words = element_text(parse_page(&page.body).ok()?.root_element()).to_lowercase();
    let is_notice = words.chars().count() <= MAX_NOTICE_CHARS
        && (words.contains(IN_USE) || contains_any(&words, LOGIN.outages));
    is_notice.then(|| Failure::site_down("a page that gives notice of an outage"))
}

/// Finds the login form of a page: CAS's, or the older catalogue's own.
pub(super) fn find_form(page: &Page) -> Result<Form, Failure> {
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

/// Puts the number and PIN into the login form. If it asks for the name, too, the number is `Name|number`.
pub(super) fn fill_form(form: &mut Form, session: &Session<'_>) -> Result<(), Failure> {
    let secret = session.secret();
    let given = secret.number.expose_secret();
    let (name, number) = match given.split_once('|') {
        Some((name, number)) => (Some(name.trim()), number.trim()),
        None => (None, given),
    };
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

/// Whether the text contains one of the phrases.
fn contains_any(words: &str, known: &[&str]) -> bool {
    known.iter().any(|known| words.contains(known))
}
