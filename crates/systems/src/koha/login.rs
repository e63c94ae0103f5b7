//! The login form, older and newer, and what a page says with it.

use std::collections::HashSet;

use hippo_browser::reading::{Css, element_text, is_session_over, parse_page};
use hippo_browser::{Form, Page, Session, classify_words, interstitial};
use hippo_core::failure::{Failure, FailureKind};
use scraper::ElementRef;

use super::messages::{check_alert_count, is_hidden};

static PLACE: Css = Css::new("#opac-auth");
static FORM: Css = Css::new("form#auth");
static SECRET: Css = Css::new("input[type=password]");
static ALERT: Css = Css::new(".alert");
static MAINTENANCE: Css = Css::new("#opac-maintenance-message");
static CONSENTS: Css = Css::new("#patronconsents");

/// Where the form is looked for: the page's own, then the one that hides on every page for its
/// script to show. Other forms (the search) hold no such fields.
const FORMS: [&str; 3] = ["form#auth", "#opac-auth form", "form#modalAuth"];

/// The names of the fields for number and PIN, newest first: from 24.05, and before.
const FIELDS: [(&str, &str); 2] = [("login_userid", "login_password"), ("userid", "password")];

/// “Password” as it begins, in languages of Koha's: a refusal speaks of it in each.
const PASSWORDS: [&str; 30] = [
    "passwor",
    "passord",
    "kennwort",
    "mot de passe",
    "contraseñ",
    "contrasen",
    "contrasin",
    "senha",
    "palavra-passe",
    "wachtwoord",
    "lösenord",
    "adgangskode",
    "kodeord",
    "salasana",
    "heslo",
    "hesla",
    "hasło",
    "hasła",
    "jelsz",
    "şifre",
    "parol",
    "lozink",
    "κωδικ",
    "парол",
    "סיסמ",
    "كلمة",
    "密码",
    "密碼",
    "パスワード",
    "비밀번호",
];

/// What a login page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Login {
    /// The form alone.
    Asked,
    /// A word beside the form. Koha says the same of a wrong PIN and of a patron locked out, and in the
    /// same place that a session was forgotten; only the words differ.
    Refused {
        /// It speaks of the password.
        is_of_password: bool,
        /// It says that the session is over.
        is_of_session: bool,
    },
    /// A word in place of the form: the password has expired, or is to be set first.
    NoForm,
}

/// What a page says that nobody is logged in to; `None` where it is no login page. What was `preexisting_messages`
/// there before a login was sent does not count.
///
/// A captcha or an outage that stands beside the form is that failure, and so is a page of Koha's that stands
/// in for all others.
pub(super) fn login(
    root: ElementRef<'_>,
    preexisting_messages: &[String],
) -> Result<Option<Login>, Failure> {
    if let Some(failure) = stand_in(root) {
        return Err(failure);
    }
    let Some(place) = place(root) else {
        return Ok(None);
    };
    let preexisting_messages: HashSet<&str> =
        preexisting_messages.iter().map(String::as_str).collect();
    let mut words = alerts(place)?;
    words.retain(|words| !preexisting_messages.contains(words.as_str()));
    let words = words.join(" ");
    if let Some(kind) = classify_words(&words) {
        return Err(Failure::new(kind, "an outage beside the login form"));
    }
    let has_form = FORM.is_in(root) || SECRET.is_in(place);
    Ok(match (has_form, words.is_empty()) {
        (true, true) => Some(Login::Asked),
        (true, false) => Some(Login::Refused {
            is_of_password: speaks_of_password(&words),
            is_of_session: is_session_over(&words),
        }),
        (false, false) => Some(Login::NoForm),
        (false, true) => None,
    })
}

/// What a page means that Koha shows in place of every other, in the library's own words: that the catalogue
/// is closed, or that the patron must first agree to how the library keeps their data.
fn stand_in(root: ElementRef<'_>) -> Option<Failure> {
    if MAINTENANCE.is_in(root) {
        return Some(Failure::site_down("the catalogue's page of maintenance"));
    }
    CONSENTS.is_in(root).then(|| {
        Failure::new(
            FailureKind::CardBlocked,
            "the library asks the patron for a consent before it shows the account",
        )
    })
}

/// What stands beside the login form on a page for strangers, for [`login`].
pub(super) fn messages_beside_form(body: &str) -> Vec<String> {
    let Ok(page) = parse_page(body) else {
        return Vec::new();
    };
    place(page.root_element())
        .and_then(|place| alerts(place).ok())
        .unwrap_or_default()
}

/// The box of the login form, or what is around the form.
fn place(root: ElementRef<'_>) -> Option<ElementRef<'_>> {
    let around_form = || FORM.first(root)?.parent().and_then(ElementRef::wrap);
    PLACE.first(root).or_else(around_form)
}

/// The words that the site says beside the form; those within it are the library's, on how to log in.
fn alerts(place: ElementRef<'_>) -> Result<Vec<String>, Failure> {
    let is_of_form = |alert: ElementRef<'_>| {
        alert
            .ancestors()
            .take_while(|around| around.id() != place.id())
            .filter_map(ElementRef::wrap)
            .any(|around| {
                around.value().name() == "form" || around.attr("id") == Some("nologininstructions")
            })
    };
    let mut words = Vec::new();
    for (place, alert) in ALERT.all(place).enumerate() {
        check_alert_count(place + 1)?;
        if !is_hidden(alert) && !is_of_form(alert) {
            words.push(element_text(alert));
        }
    }
    words.retain(|words| !words.is_empty());
    Ok(words)
}

fn speaks_of_password(words: &str) -> bool {
    let words = words.to_lowercase();
    PASSWORDS.iter().any(|stem| words.contains(stem))
        || words
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| word == "pin")
}

/// The login form with the number and PIN in it; its hidden fields, the token among them, travel
/// along.
pub(super) fn filled(page: &Page, session: &Session<'_>) -> Result<Form, Failure> {
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
    let stand_in = stand_in(html.root_element()).or_else(|| interstitial(page));
    Err(stand_in.unwrap_or_else(|| {
        Failure::page_changed("no login form with fields for a number and a password that we know")
    }))
}
