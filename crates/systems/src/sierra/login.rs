//! The login form, of CAS or the older catalogue, and its message.

use std::sync::LazyLock;

use hippo_browser::reading::Css;
use hippo_browser::{Form, Page, Session};
use hippo_core::failure::Failure;
use secrecy::{ExposeSecret, SecretString};

use crate::list_reader::{AccountVisit, LoginDescription};

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

/// Finds the login form of a page: CAS's, or the older catalogue's own.
pub(super) fn find_form(page: &Page, visit: &AccountVisit<'_, '_>) -> Result<Form, Failure> {
    let is_usable = |form: &Form| form.has("code") && (form.has("pin") || form.has("name"));
    let form = match Form::find_usable(page, "form#fm1", is_usable)? {
        Some(cas) => Some(cas),
        None => Form::find_usable(page, "form", is_usable)?,
    };
    match form {
        Some(form) => Ok(form),
        None => Err(visit.failure_of(visit.kind_of(page)?, page)),
    }
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
