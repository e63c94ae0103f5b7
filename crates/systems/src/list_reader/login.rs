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
    pub(crate) fn is_shown(&'static self, root: ElementRef<'_>) -> bool {
        self.form.is_in(root)
    }

    /// Finds the form of a page and fills it in. Nothing was sent yet, so nothing is refused.
    pub(crate) fn fill_form(
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

    /// Returns the failure that a message of a login page means, on a site that marks errors. The first message that
    /// means more than a changed page counts.
    pub(crate) fn failure_of_errors(
        &'static self,
        root: ElementRef<'_>,
        errors: &'static Css,
    ) -> Option<Failure> {
        let failures = self.messages.all(root).filter_map(|element| {
            let message = element_text(element);
            if !message.contains(char::is_alphanumeric) {
                None
            } else if errors.matches(element) {
                Some(self.failure_of_error(&message))
            } else {
                self.failure_of_message(&message)
                    .or_else(|| failure_of_request(&message))
            }
        });
        most_specific(failures)
    }

    /// Returns the failure that a message means by which the site refuses a login, in whatever words.
    pub(crate) fn failure_of_error(&self, message: &str) -> Failure {
        let failure = self.failure_of_message(message);
        failure
            .or_else(|| failure_of_request(message))
            .unwrap_or_else(|| Failure::wrong_credentials("the site refuses the login"))
    }

    fn failure_of_message(&self, message: &str) -> Option<Failure> {
        let has = |known: &[&str]| text_after_words(message, known).is_some();
        if is_session_over(message) {
            return Some(session_expired_failure());
        }
        if let Some(kind) = classify_words(message) {
            return Some(Failure::new(kind, "an outage beside the login form"));
        }
        // Another login would make it worse.
        if has(&LOCKED) {
            return Some(Failure::wrong_credentials(
                "the login page says that logins are locked",
            ));
        }
        let refused = || Failure::wrong_credentials("the login page refuses the number or PIN");
        // Plain words count, even if they end with “Please try again later”.
        if has(&SECRETS) && has(&PLAIN_REFUSALS) && !has(&OF_THE_FORM) {
            return Some(refused());
        }
        if has(self.outages) || has(&OUTAGES) {
            return Some(Failure::site_down("an outage beside the login form"));
        }
        if is_about_request(message) {
            return None;
        }
        if has(self.blocked) {
            return Some(Failure::new(
                FailureKind::CardBlocked,
                "the login page says that the card is blocked or expired",
            ));
        }
        (has(self.refused) || (has(&CREDENTIALS) && has(&REFUSALS))).then(refused)
    }
}

fn is_about_request(message: &str) -> bool {
    [&OF_THE_FORM[..], &OF_THE_REQUEST]
        .iter()
        .any(|words| text_after_words(message, words).is_some())
}

/// Returns the failure of a message about the request itself: the site didn't check the PIN.
fn failure_of_request(message: &str) -> Option<Failure> {
    is_about_request(message).then(|| {
        Failure::page_changed("the site says that the form's session or token has expired")
    })
}

/// Returns the first failure that is more specific than `page_changed`.
pub(crate) fn most_specific(mut failures: impl Iterator<Item = Failure>) -> Option<Failure> {
    let first = failures.next()?;
    if first.kind != FailureKind::PageChanged {
        return Some(first);
    }
    let other = failures.find(|failure| failure.kind != FailureKind::PageChanged);
    other.or(Some(first))
}

/// Words for what nobody but the patron knows, or types only to log in.
pub(super) const SECRETS: [&str; 8] = [
    "kennwort",
    "passwort",
    "pin",
    "password",
    "user name",
    "username",
    "barcode",
    "card number",
];

/// Words that refuse one of them, and can mean nothing else beside it.
pub(super) const PLAIN_REFUSALS: [&str; 10] = [
    "falsch",
    "ungültig",
    "nicht korrekt",
    "nicht richtig",
    "incorrect",
    "invalid",
    "not valid",
    "wrong",
    "does not match",
    "do not match",
];

/// Words of a lock after too many logins.
pub(super) const LOCKED: [&str; 2] = ["locked", "attempts"];

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

/// Words about the form and its session, which no number or PIN could mend.
pub(super) const OF_THE_FORM: [&str; 7] = [
    "sitzung", "session", "formular", "form has", "form was", "token", "csrf",
];

/// Words about the request itself, which may also be mere advice: “Are cookies allowed?”
pub(super) const OF_THE_REQUEST: [&str; 7] = [
    "anfrage", "anfragen", "request", "requests", "postback", "cookie", "cookies",
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
    #[case(
        "Your PIN is incorrect. Please try again later.",
        Some(FailureKind::WrongCredentials)
    )]
    #[case(
        "Your account is locked. Please try again later.",
        Some(FailureKind::WrongCredentials)
    )]
    #[case(
        "Your PIN does not match. Are cookies allowed?",
        Some(FailureKind::WrongCredentials)
    )]
    #[case("Ihre Sitzung ist ungültig. Bitte geben Sie das Passwort ein.", None)]
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

    #[rstest]
    #[case(
        "<p class=error>Identifiant refusé.",
        Some(FailureKind::WrongCredentials)
    )]
    #[case("<p>Identifiant refusé.", None)]
    #[case("<p class=error>[]", None)]
    #[case(
        "<p class=error>Logins are closed: datensicherung",
        Some(FailureKind::SiteDown)
    )]
    #[case("<p>Your login session is invalid.", Some(FailureKind::PageChanged))]
    #[case("<p>Stale token.<p>Wrong PIN.", Some(FailureKind::WrongCredentials))]
    fn marked_error_is_a_refusal_in_any_words(
        #[case] messages: &str,
        #[case] kind: Option<FailureKind>,
    ) {
        static ERRORS: Css = Css::new(".error");
        let page = Html::parse_document(messages);
        let failure = LOGIN.failure_of_errors(page.root_element(), &ERRORS);
        assert_eq!(failure.map(|failure| failure.kind), kind);
    }
}
