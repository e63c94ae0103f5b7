//! The description of a login form, and what a login page says.

use hippo_browser::reading::{Css, element_text, is_session_over, parse_page, text_after_words};
use hippo_browser::{Form, Page, Session, classify_words, interstitial, session_expired_failure};
use hippo_core::failure::{Failure, FailureKind};
use scraper::ElementRef;

/// A system's login form.
pub(crate) struct LoginDescription {
    /// The form, or an element in it, as a CSS selector.
    pub(crate) form: &'static str,
    /// The same, for a page that is already parsed.
    pub(crate) is_form: Css,
    /// The endings of the names of the field for the number.
    pub(crate) number: &'static [&'static str],
    /// The endings of the names of the field for the PIN.
    pub(crate) pin: &'static [&'static str],
    /// The elements that may have a message.
    pub(crate) messages: Css,
    /// The words that refuse a number or PIN, or too many attempts.
    pub(crate) refused: &'static [&'static str],
    /// The words for a card that is blocked or expired.
    pub(crate) blocked: &'static [&'static str],
    /// The words for an outage.
    pub(crate) outages: &'static [&'static str],
}

impl LoginDescription {
    /// Finds the form of a page and fills it in.
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
        let form = Form::find_usable(page, self.form, is_usable)?;
        let Some(mut form) = form else {
            return Err(interstitial(page).unwrap_or_else(|| {
                let root = parse_page(&page.body);
                let said = root
                    .ok()
                    .and_then(|page| self.failure_of_words(page.root_element()));
                said.unwrap_or_else(|| {
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

    /// Returns the failure of a page that is read in place of one of the account. `None` if it is no login page.
    pub(super) fn failure_of_page(&'static self, root: ElementRef<'_>) -> Option<Failure> {
        if let Some(failure) = self.failure_of_words(root) {
            return Some(failure);
        }
        self.is_form
            .is_in(root)
            .then(|| Failure::page_changed("the login form: nobody is logged in"))
    }

    /// Returns the failure that the messages of a login page mean.
    pub(super) fn failure_of_words(&'static self, root: ElementRef<'_>) -> Option<Failure> {
        let words: Vec<String> = self.messages.all(root).map(element_text).collect();
        let words = words.join(" ");
        let has = |known: &[&str]| text_after_words(&words, known).is_some();
        if is_session_over(&words) {
            return Some(session_expired_failure());
        }
        if has(self.refused) {
            return Some(Failure::wrong_credentials(
                "the login page refuses the number or PIN",
            ));
        }
        if has(self.blocked) {
            return Some(Failure::new(
                FailureKind::CardBlocked,
                "the login page says that the card is blocked or expired",
            ));
        }
        if has(self.outages) {
            return Some(Failure::site_down("an outage beside the login form"));
        }
        let kind = classify_words(&words)?;
        Some(Failure::new(kind, "an outage beside the login form"))
    }
}
