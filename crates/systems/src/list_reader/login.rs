//! The description of a login form, and what a login page says.

use hippo_browser::reading::{Css, element_text, is_session_over, parse_page, text_after_words};
use hippo_browser::{Form, Page, Session, classify_words, interstitial, session_expired_failure};
use hippo_core::failure::{Failure, FailureKind};
use scraper::ElementRef;

static FIELDS: Css = Css::new("input, button");

/// A system's login form.
pub(crate) struct LoginDescription {
    /// The form, or an element in it.
    pub(crate) form: Css,
    /// The endings of the names of the field for the number.
    pub(crate) number: &'static [&'static str],
    /// The endings of the names of the field for the PIN.
    pub(crate) pin: &'static [&'static str],
    /// The elements that may have a message.
    pub(crate) messages: Css,
    /// The site's own words that refuse a number or PIN. Common ones are known anyway.
    pub(crate) refused: &'static [&'static str],
    /// The words for a card that is blocked or expired.
    pub(crate) blocked: &'static [&'static str],
    /// The site's own words for an outage. Common ones are known anyway.
    pub(crate) outages: &'static [&'static str],
}

impl LoginDescription {
    /// Whether a page has the login form.
    pub(super) fn is_shown(&'static self, root: ElementRef<'_>) -> bool {
        self.form.is_in(root)
    }

    /// Finds the form of a page and fills it in. Nothing was sent yet, so nothing is refused.
    pub(super) fn fill_form(
        &'static self,
        page: &Page,
        session: &Session<'_>,
    ) -> Result<Form, Failure> {
        let find = |form: &Form, endings: &[&str]| -> Option<String> {
            let names = form.names().into_iter();
            let mut names = names.filter(|name| endings.iter().any(|end| name.ends_with(end)));
            names.next().map(str::to_owned)
        };
        let is_usable =
            |form: &Form| find(form, self.number).is_some() && find(form, self.pin).is_some();
        let form = Form::find_usable(page, self.form.as_str(), is_usable)?;
        let Some(mut form) = form else {
            return Err(interstitial(page).unwrap_or_else(|| {
                let root = parse_page(&page.body);
                let said = root
                    .ok()
                    .and_then(|page| self.failure_of_words(page.root_element()));
                let is_about_the_site = |failure: &Failure| {
                    matches!(
                        failure.kind,
                        FailureKind::SiteDown | FailureKind::SiteRefused
                    )
                };
                said.filter(is_about_the_site).unwrap_or_else(|| {
                    Failure::page_changed("no login form with a number and a PIN")
                })
            }));
        };
        let secret = session.secret();
        if let (Some(number), Some(pin)) = (find(&form, self.number), find(&form, self.pin)) {
            form.set_secret(&number, &secret.number);
            form.set_secret(&pin, &secret.pin);
        }
        Ok(form)
    }

    /// Finds the name of the button behind the field for the PIN. A search form before it may have one like it.
    pub(super) fn find_button(&'static self, page: &Page, button: &'static Css) -> Option<String> {
        let page = parse_page(&page.body).ok()?;
        let is_pin = |field: &ElementRef<'_>| {
            let name = field.attr("name").unwrap_or_default();
            self.pin.iter().any(|end| name.ends_with(end))
        };
        let mut fields = FIELDS
            .all(page.root_element())
            .skip_while(|field| !is_pin(field));
        fields
            .find(|field| button.matches(*field))?
            .attr("name")
            .map(str::to_owned)
    }

    /// Returns the failure that a message of a login page means. The first message that means one counts.
    ///
    /// A refusal stops the card's checks until a person acts, so a message is taken for one only if it can mean nothing
    /// else.
    pub(super) fn failure_of_words(&'static self, root: ElementRef<'_>) -> Option<Failure> {
        let messages = self.messages.all(root).map(element_text);
        let mut failures = messages.filter_map(|message| self.failure_of_message(&message));
        failures.next()
    }

    fn failure_of_message(&self, message: &str) -> Option<Failure> {
        let has = |known: &[&str]| text_after_words(message, known).is_some();
        if is_session_over(message) {
            return Some(session_expired_failure());
        }
        if let Some(kind) = classify_words(message) {
            return Some(Failure::new(kind, "an outage beside the login form"));
        }
        if has(self.outages) || has(&OUTAGES) {
            return Some(Failure::site_down("an outage beside the login form"));
        }
        if has(&OF_THE_REQUEST) {
            return None;
        }
        if has(self.blocked) {
            return Some(Failure::new(
                FailureKind::CardBlocked,
                "the login page says that the card is blocked or expired",
            ));
        }
        (has(self.refused) || (has(&CREDENTIALS) && has(&REFUSALS)))
            .then(|| Failure::wrong_credentials("the login page refuses the number or PIN"))
    }
}

/// Words for what a person types to log in.
pub(super) const CREDENTIALS: [&str; 35] = [
    "angaben",
    "anmeldedaten",
    "zugangsdaten",
    "benutzernummer",
    "benutzerkennung",
    "benutzername",
    "benutzernamen",
    "ausweisnummer",
    "ausweisnr",
    "lesernummer",
    "kundennummer",
    "kennung",
    "kennwort",
    "passwort",
    "pin",
    "login",
    "log in",
    "logon",
    "log on",
    "logging in",
    "sign in",
    "password",
    "user name",
    "username",
    "user id",
    "barcode",
    "bar code",
    "card number",
    "library card",
    "credentials",
    "patron",
    "borrower",
    "account information",
    "login information",
    "information you submitted",
];

/// Words that refuse them, if they stand beside them.
pub(super) const REFUSALS: [&str; 27] = [
    "falsch",
    "falsche",
    "falscher",
    "falsches",
    "ungültig",
    "ungültige",
    "ungültiger",
    "ungültiges",
    "nicht gültig",
    "nicht korrekt",
    "nicht richtig",
    "nicht bekannt",
    "unbekannt",
    "stimmt nicht",
    "stimmen nicht",
    "stimmen ihre",
    "fehlversuche",
    "incorrect",
    "invalid",
    "not valid",
    "not correct",
    "wrong",
    "does not match",
    "do not match",
    "could not be found",
    "unsuccessful",
    "failed",
];

/// Words for an outage, whatever the site.
pub(super) const OUTAGES: [&str; 12] = [
    "try again later",
    "an error occurred",
    "an error has occurred",
    "später erneut",
    "später noch einmal",
    "technischer fehler",
    "technisches problem",
    "derzeit nicht",
    "nicht erreichbar",
    "nicht verfügbar",
    "wartungsarbeiten",
    "datensicherung",
];

/// Words about the request itself, which no number or PIN could mend.
pub(super) const OF_THE_REQUEST: [&str; 14] = [
    "sitzung", "session", "formular", "form has", "form was", "token", "anfrage", "anfragen",
    "request", "requests", "postback", "csrf", "cookie", "cookies",
];

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use scraper::Html;

    static LOGIN: LoginDescription = LoginDescription {
        form: Css::new("form"),
        number: &[],
        pin: &[],
        messages: Css::new("p"),
        refused: &["come to the desk"],
        blocked: &["abgelaufen", "blocked"],
        outages: &["wartungsarbeiten"],
    };

    #[rstest]
    #[case("Das Passwort ist falsch.", Some(FailureKind::WrongCredentials))]
    #[case("Invalid barcode or PIN", Some(FailureKind::WrongCredentials))]
    #[case(
        "Stimmen Ihre Anmeldedaten nicht?",
        Some(FailureKind::WrongCredentials)
    )]
    #[case("Please come to the desk.", Some(FailureKind::WrongCredentials))]
    #[case("Ihr Ausweis ist abgelaufen.", Some(FailureKind::CardBlocked))]
    #[case(
        "Your login failed. Please try again later.",
        Some(FailureKind::SiteDown)
    )]
    #[case(
        "Ihre Anmeldedaten sind derzeit nicht prüfbar.",
        Some(FailureKind::SiteDown)
    )]
    #[case("Too many requests", Some(FailureKind::SiteRefused))]
    #[case("Ihre Sitzung ist abgelaufen.", Some(FailureKind::SessionExpired))]
    #[case("Ihre Sitzung ist ungültig. Login nötig.", None)]
    #[case("The form has expired. Log in again.", None)]
    #[case("Invalid postback", None)]
    #[case("Unbekannter Fehler", None)]
    #[case("Ursache unbekannt", None)]
    #[case("Falsch zurückgestellte Medien bitte abgeben", None)]
    #[case("Forgot your PIN?", None)]
    fn message_means_a_refusal_last(#[case] message: &str, #[case] kind: Option<FailureKind>) {
        let page = Html::parse_document(&format!("<p>{message}</p>"));
        let failure = LOGIN.failure_of_words(page.root_element());
        assert_eq!(failure.map(|failure| failure.kind), kind);
    }
}
