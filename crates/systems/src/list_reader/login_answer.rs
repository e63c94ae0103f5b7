//! Reads the answer to a login that may be the account itself.

use hippo_browser::reading::{Element, non_empty_text, parse_page};
use hippo_browser::{Page, classify_words};
use hippo_core::failure::Failure;
use url::Url;

use super::alerts::find_alerts;
use super::description::PageKind;
use super::login::LoginDescription;
use super::visit::AccountVisit;

impl LoginDescription {
    /// Returns the messages of a login page.
    fn messages(&'static self, root: Element<'_>) -> Result<Vec<String>, Failure> {
        let alerts = find_alerts(&self.messages, root)?.into_iter();
        Ok(alerts.filter_map(non_empty_text).collect())
    }

    /// Whether a message names the PIN.
    fn names_pin(&self, message: &str) -> bool {
        let mut words = message.split(|c: char| !c.is_alphanumeric());
        self.pin_words.are_in(message) || words.any(|word| word.eq_ignore_ascii_case("pin"))
    }
}

impl AccountVisit<'_, '_> {
    /// Logs in on a page, and adds the answer if it is one of the account. It may also be another page of the site for
    /// somebody who is logged in.
    pub(crate) async fn log_in_to_account(
        &mut self,
        page: &Page,
        logout: &Url,
    ) -> Result<(), Failure> {
        let earlier = self
            .login
            .messages(parse_page(&page.body)?.root_element())?;
        let answer = self.log_in_on(page, logout).await?;
        let parsed = parse_page(&answer.body)?;
        let root = parsed.root_element();
        if self.login.logged_in.is_in(root) {
            self.session.mark_logged_in();
        }
        match self.kind_of(&answer)? {
            PageKind::Account => self.add(&answer),
            kind @ PageKind::Broken => Err(self.failure_of(kind, &answer)),
            _ if self.session.is_logged_in() => Ok(()),
            _ if self.login.is_shown(root) => Err(self.find_refusal(&answer, root, &earlier)?),
            // For example the plain text of a rejected token (status 403).
            _ => Err(self.failure_of(PageKind::Unknown, &answer)),
        }
    }

    /// Returns the failure of a login page that answers the login. Messages that were there before it (`earlier`) don't
    /// count.
    ///
    /// A site in many languages may show the same message for a wrong PIN and a locked patron, and one about a forgotten
    /// session in the same place; only the words differ.
    fn find_refusal(
        &self,
        page: &Page,
        root: Element<'_>,
        earlier: &[String],
    ) -> Result<Failure, Failure> {
        let mut messages = self.login.messages(root)?;
        messages.retain(|words| !earlier.contains(words));
        let message = messages.join(" ");
        Ok(if let Some(kind) = classify_words(&message) {
            Failure::new(kind, "an outage beside the login form")
        } else if message.is_empty() {
            self.session.failure_for_login_page(page, "the account")
        } else if self.session.was_redirected() && !self.login.names_pin(&message) {
            // Such a site refuses in the response itself, and redirects a patron whom it accepted. A message at the
            // target of the redirect, unless it names the PIN, means that the session was lost on the way: whether the
            // PIN was right is in doubt.
            Failure::page_changed(
                "the login led to the login form, with a message that doesn't name a password",
            )
        } else {
            Failure::wrong_credentials("the login page again, with a message")
        })
    }
}
