//! The login form, of CAS or the older catalogue, and its message.

use std::sync::LazyLock;

use hippo_browser::reading::{Css, element_text, parse_page, text_after_words};
use hippo_browser::{Form, Page, Session, interstitial};
use hippo_core::failure::Failure;
use secrecy::{ExposeSecret, SecretString};

use crate::list_reader::LoginDescription;

/// CAS's form, and the older catalogue's own, which may be at the top of any page.
pub(super) static LOGIN: LazyLock<LoginDescription> = LazyLock::new(|| LoginDescription {
    form: Css::new("#fm1 input[name=code], #fm1 #ipssonewpin, #fm1 input[name=pin1]"),
    other_form: Some(Css::new(
        "form:has(input[name=code]):has(input[name=pin], input[name=name])",
    )),
    messages: Css::new("#status.errors, #fm1 .errors, .errormessage, #ipssonewpin"),
    has_only_errors: true,
    refused: &[
        "information you submitted was invalid",
        "invalid account information",
        "cannot locate your record",
    ],
    blocked: &["problem with your library record"],
    outages: &[
        // The staff or the system is using the patron's record.
        "record is in use by",
        "cas is unavailable",
        "system is unavailable",
        "system is not available",
        "not available at this time",
    ],
    ..LoginDescription::default()
});

/// The maximum number of characters of a page that only gives notice of an outage.
const MAX_NOTICE_CHARS: usize = 2_000;

/// Returns the failure if an unknown page is an interstitial: a captcha, maintenance, an outage.
pub(super) fn interstitial_failure(page: &Page) -> Option<Failure> {
    if let Some(failure) = interstitial(page) {
        return Some(failure);
    }
    let words = element_text(parse_page(&page.body).ok()?.root_element());
    let is_notice = words.chars().count() <= MAX_NOTICE_CHARS
        && text_after_words(&words, LOGIN.outages).is_some();
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
