//! The description of a login form, and what a login page says.

use hippo_browser::reading::{
    Css, Element, ParsedPage, is_session_over, text_after_words, visible_text,
};
use hippo_browser::{Form, Page, Session, classify_words, interstitial, session_expired_failure};
use hippo_core::failure::{Failure, FailureKind};
use secrecy::ExposeSecret;

use super::alerts::find_alerts;
use super::column::WHOLE;
use super::login_words::{
    BLOCKABLE, BLOCKED, CREDENTIALS, LOCKED, NEW_PIN, OF_THE_REQUEST, OUTAGES, PLAIN_REFUSALS,
    REFUSALS, SECRETS,
};
use super::stems::Stems;

static FIELDS: Css = Css::new("input, button");

/// The maximum number of characters of a page that only gives notice of an outage.
const MAX_NOTICE_CHARS: usize = 2_000;

/// A system's login form. By default, no page has it.
#[derive(Default)]
pub(crate) struct LoginDescription {
    /// The form, or an element in it.
    pub(crate) form: Css,
    /// The form where a page of the account may have it, too: hidden, or at its top. Only on another page it means that
    /// nobody is logged in.
    pub(crate) other_form: Option<Css>,
    /// The endings of the names of the field for the number. `=code` is the whole name.
    pub(crate) number: &'static [&'static str],
    /// The endings of the names of the field for the PIN.
    pub(crate) pin: &'static [&'static str],
    /// The endings of the names of the field for the patron's name, which some forms ask for. The number is given as
    /// `Name|number` then, and there may be no PIN.
    pub(crate) name: &'static [&'static str],
    /// The button behind the field for the PIN, where the site takes the form only with the button's name, as ASP.NET
    /// does.
    pub(crate) button: Option<Css>,
    /// The elements that may have a message.
    pub(crate) messages: Css,
    /// Whether only a failed login has messages, beside the form. Then one of unknown words refuses, too, and without
    /// one, the site's own words count anywhere on the page. On a short page without the form, only an outage's do.
    pub(crate) has_only_errors: bool,
    /// What only a page for somebody who is logged in has.
    pub(crate) logged_in: Css,
    /// The stems of the words for the PIN, in the site's languages.
    pub(crate) pin_words: Stems,
    /// The site's own words that refuse a number or PIN. Common ones are known anyway.
    pub(crate) refused: &'static [&'static str],
    /// The words for a card that is blocked or expired.
    pub(crate) blocked: &'static [&'static str],
    /// The site's own words for an outage. Common ones are known anyway.
    pub(crate) outages: &'static [&'static str],
    /// The form for a new PIN that a site may have in place of the account, until the patron sets one.
    pub(crate) new_pin_form: Css,
}

impl LoginDescription {
    /// Whether a page has the login form as only the login page has it.
    pub(crate) fn is_shown(&'static self, root: Element<'_>) -> bool {
        self.form.is_in(root)
    }

    /// Whether a page has the login form in any way.
    pub(super) fn is_there(&'static self, root: Element<'_>) -> bool {
        self.is_shown(root)
            || self
                .other_form
                .as_ref()
                .is_some_and(|form| form.is_in(root))
    }

    /// Finds the form of a page. Where a page may have it elsewhere, any form with its fields is it. Nothing was sent yet,
    /// so nothing is refused.
    pub(crate) fn find_form(
        &'static self,
        page: &Page,
        html: &ParsedPage,
    ) -> Result<Form, Failure> {
        let is_usable = |form: &Form| {
            let has = |names| find_field(form, names).is_some();
            has(self.number) && (has(self.pin) || has(self.name))
        };
        let find = |css| Form::find_usable_in(html.html(), &page.url, css, is_usable);
        let mut form = find(self.form.as_str())?;
        if form.is_none() && self.other_form.is_some() {
            form = find("form")?;
        }
        let Some(mut form) = form else {
            return Err(interstitial(page).unwrap_or_else(|| {
                let said = self.failure_of_page(html.root_element());
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
        if let Some(button) = self.find_button(html.root_element()) {
            form.press(&button);
        }
        Ok(form)
    }

    /// Fills in a form that was found.
    pub(crate) fn fill_in(&self, form: &mut Form, session: &Session<'_>) -> Result<(), Failure> {
        let secret = session.secret();
        let mut number = secret.number.clone();
        if !self.name.is_empty()
            && let Some((name, rest)) = secret.number.expose_secret().split_once('|')
        {
            number = rest.trim().into();
            if let Some(field) = find_field(form, self.name) {
                form.set_secret(&field, &name.trim().into());
            }
        } else if find_field(form, self.name).is_some() {
            return Err(Failure::page_changed(
                "the login form asks for the patron's name: give the card's number as “Name|number”",
            ));
        }
        for (names, value) in [(self.number, &number), (self.pin, &secret.pin)] {
            if let Some(field) = find_field(form, names) {
                form.set_secret(&field, value);
            }
        }
        Ok(())
    }

    /// Finds the name of the button behind the field for the PIN. A search form before it may have one like it.
    fn find_button(&'static self, root: Element<'_>) -> Option<String> {
        let button = self.button.as_ref()?;
        let is_pin = |field: &Element<'_>| {
            let name = field.attr("name").unwrap_or_default();
            self.pin.iter().any(|end| name.ends_with(end))
        };
        let mut fields = FIELDS.all(root).skip_while(|field| !is_pin(field));
        fields
            .find(|field| button.matches(*field))?
            .attr("name")
            .map(str::to_owned)
    }

    /// Returns the failure that the messages of a page mean. The first message that means one counts.
    ///
    /// A refusal stops the card's checks until a person acts, so a message is taken for one only if it can mean nothing
    /// else.
    pub(super) fn failure_of_page(&'static self, root: Element<'_>) -> Option<Failure> {
        if self.new_pin_form.is_in(root) {
            return Some(new_pin());
        }
        if self.has_only_errors && !self.is_there(root) {
            let text = visible_text(root);
            let is_notice = text.chars().count() <= MAX_NOTICE_CHARS
                && text_after_words(&text, self.outages).is_some();
            return is_notice.then(outage);
        }
        let messages = match find_alerts(&self.messages, root) {
            Ok(alerts) => alerts.into_iter().map(visible_text),
            Err(failure) => return Some(failure),
        };
        let messages: Vec<_> = messages.filter(|message| !message.is_empty()).collect();
        let mut failures = messages
            .iter()
            .filter_map(|message| self.failure_of_message(message));
        if let Some(failure) = failures.next() {
            return Some(failure);
        }
        if !self.has_only_errors {
            return None;
        }
        if messages.is_empty() || !self.is_shown(root) {
            return self.failure_of_own_words(&visible_text(root));
        }
        Some(refusal())
    }

    /// Returns the failure that the messages of a page mean, on a site that marks some of them as errors. The first
    /// message that means more than a changed page counts.
    pub(crate) fn failure_of_errors(
        &'static self,
        root: Element<'_>,
        errors: &'static Css,
    ) -> Option<Failure> {
        let failures = self.messages.all(root).filter_map(|element| {
            let message = visible_text(element);
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
            .unwrap_or_else(refusal)
    }

    /// Returns the failure that a message means.
    pub(crate) fn failure_of_message(&self, message: &str) -> Option<Failure> {
        let has = |known: &[&str]| text_after_words(message, known).is_some();
        if has(&LOCKED) {
            return Some(refusal());
        }
        if is_session_over(message) {
            return Some(session_expired_failure());
        }
        if let Some(kind) = classify_words(message) {
            return Some(Failure::new(kind, "an outage beside the login form"));
        }
        // Plain words count, even if “Please try again later” follows.
        if sentences(message).any(refuses_plainly) {
            return Some(refusal());
        }
        if has(self.outages) || has(&OUTAGES) {
            return Some(outage());
        }
        // One sentence may refuse the login, and another advise to allow cookies.
        let is_of_request = |text: &&str| text_after_words(text, &OF_THE_REQUEST).is_some();
        let (of_request, rest): (Vec<_>, Vec<_>) = sentences(message).partition(is_of_request);
        let rest = rest.join(" ");
        let has = |known: &[&str]| text_after_words(&rest, known).is_some();
        if has(&NEW_PIN) {
            return Some(new_pin());
        }
        if has(self.blocked) {
            return Some(blocked());
        }
        if has(self.refused) || (has(&CREDENTIALS) && has(&REFUSALS)) {
            return Some(refusal());
        }
        if !self.has_only_errors {
            return None;
        }
        if !of_request.is_empty() {
            return failure_of_request(message);
        }
        (has(&BLOCKABLE) && has(&BLOCKED)).then(blocked)
    }

    /// Returns the failure that the site's own words mean, anywhere in a text with other words.
    fn failure_of_own_words(&self, text: &str) -> Option<Failure> {
        let has = |known: &[&str]| text_after_words(text, known).is_some();
        let refuses = |sentence: &str| {
            text_after_words(sentence, self.refused).is_some() && classify_words(sentence).is_none()
        };
        if sentences(text).any(refuses) {
            Some(if is_session_over(text) {
                session_expired_failure()
            } else {
                refusal()
            })
        } else if has(self.outages) {
            Some(outage())
        } else {
            has(self.blocked).then(blocked)
        }
    }
}

/// Finds the name of the first field whose name has one of these endings.
fn find_field(form: &Form, endings: &[&str]) -> Option<String> {
    let is_named = |name: &&str| {
        endings.iter().any(|end| match end.strip_prefix(WHOLE) {
            Some(whole) => *name == whole,
            None => name.ends_with(end),
        })
    };
    form.names().into_iter().find(is_named).map(str::to_owned)
}

/// Whether a sentence calls a number or PIN wrong, and can mean nothing else.
fn refuses_plainly(sentence: &str) -> bool {
    let has = |known: &[&str]| text_after_words(sentence, known).is_some();
    has(&SECRETS) && has(&PLAIN_REFUSALS) && !has(&OF_THE_REQUEST)
}

/// Returns the failure of a message about the request itself: the site didn't check the PIN.
fn failure_of_request(message: &str) -> Option<Failure> {
    let is_of_request = text_after_words(message, &OF_THE_REQUEST).is_some();
    let expired = "the site says that the login form's session has expired";
    is_of_request.then(|| Failure::page_changed(expired))
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

fn refusal() -> Failure {
    Failure::wrong_credentials("the login page refuses the number or PIN")
}

fn new_pin() -> Failure {
    Failure::wrong_credentials(
        "the login page asks for a new PIN: set one at the library's site first",
    )
}

fn outage() -> Failure {
    Failure::site_down("an outage beside the login form")
}

fn blocked() -> Failure {
    Failure::new(
        FailureKind::CardBlocked,
        "the login page says that the card is blocked or expired",
    )
}

/// Splits a text into its sentences. Behind the dot of an abbreviation, no word has a capital letter.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let is_end = |(at, _): &(usize, &str)| {
            let after = rest.get(at + 1..).unwrap_or_default();
            after.starts_with(' ') && after.trim_start().starts_with(char::is_uppercase)
        };
        let end = rest.match_indices(['.', '!', '?']).find(is_end);
        let end = end.map_or(rest.len(), |(at, _)| at + 1);
        let (sentence, after) = rest.split_at_checked(end)?;
        rest = after.trim_start();
        (!sentence.is_empty()).then_some(sentence)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use hippo_browser::reading::parse_page;
    use rstest::rstest;

    static LOGIN: LazyLock<LoginDescription> = LazyLock::new(|| LoginDescription {
        form: Css::new("form"),
        messages: Css::new("p"),
        refused: &["come to the desk"],
        blocked: &["abgelaufen", "blocked"],
        outages: &["wartungsarbeiten"],
        ..LoginDescription::default()
    });

    /// A login with messages that only a failure has, and a form that may be on any page.
    static ERRORS: LazyLock<LoginDescription> = LazyLock::new(|| LoginDescription {
        form: Css::new("form#login"),
        other_form: Some(Css::new("form")),
        messages: Css::visible("p.error"),
        has_only_errors: true,
        refused: &["invalid"],
        outages: &["closed"],
        ..LoginDescription::default()
    });

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
    #[case(
        "Invalid user name. Allow cookies.",
        Some(FailureKind::WrongCredentials)
    )]
    #[case("Ausweisnr. ungültig", Some(FailureKind::WrongCredentials))]
    #[case("Your PIN has expired.", Some(FailureKind::WrongCredentials))]
    #[case(
        "Too many attempts. Try again later.",
        Some(FailureKind::WrongCredentials)
    )]
    #[case(
        "Too many failed logins. Try again later.",
        Some(FailureKind::WrongCredentials)
    )]
    #[case("<b hidden>Wrong PIN.</b>", None)]
    #[case(
        "Your PIN is incorrect. Please try again later.",
        Some(FailureKind::WrongCredentials)
    )]
    #[case(
        "Your account is locked. Please try again later.",
        Some(FailureKind::WrongCredentials)
    )]
    #[case("Ihre Sitzung ist ungültig. Bitte geben Sie das Passwort ein.", None)]
    fn message_means_a_refusal_last(#[case] message: &str, #[case] kind: Option<FailureKind>) {
        let page = parse_page(&format!("<p>{message}</p>")).unwrap();
        let failure = LOGIN.failure_of_page(page.root_element());
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
        static MARKED: Css = Css::new(".error");
        let page = parse_page(messages).unwrap();
        let failure = LOGIN.failure_of_errors(page.root_element(), &MARKED);
        assert_eq!(failure.map(|failure| failure.kind), kind);
    }

    #[rstest]
    #[case::in_any_language(
        "<p class=error>Nej.</p><form id=login>",
        Some(FailureKind::WrongCredentials)
    )]
    #[case::beside_the_other_form("<p class=error>Nej.</p><form>", None)]
    #[case::without_a_form("<p class=error>Invalid address.</p>", None)]
    #[case::notice("<i>We are closed today.</i>", Some(FailureKind::SiteDown))]
    #[case::hidden("<p class=error hidden>Nej.</p><form id=login>", None)]
    #[case::about_the_card(
        "<p class=error>Your card is frozen.</p><form id=login>",
        Some(FailureKind::CardBlocked)
    )]
    #[case::about_the_request(
        "<p class=error>Unknown token.</p><form id=login>",
        Some(FailureKind::PageChanged)
    )]
    #[case::own_words("<i>It is invalid.</i><form>", Some(FailureKind::WrongCredentials))]
    #[case::robot("<i>Invalid: prove that you are human.</i><form>", None)]
    #[case::other_words("<i>If your PIN is wrong, ask us.</i><form id=login>", None)]
    fn error_refuses_beside_the_form_only(#[case] page: &str, #[case] kind: Option<FailureKind>) {
        let page = parse_page(page).unwrap();
        let failure = ERRORS.failure_of_page(page.root_element());
        assert_eq!(failure.map(|failure| failure.kind), kind);
    }
}
