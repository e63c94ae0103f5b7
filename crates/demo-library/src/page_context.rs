//! The context for rendering a page of any system: the visitor, their account, and the current faults.

use std::cell::RefCell;
use std::sync::Arc;

use crate::page::{Page, SiteRequest};
use crate::session::{Login, Session, Sessions};
use crate::site::{Patron, Site};
use crate::state::SiteState;
use crate::switches::Settings;

/// The context for answering one request.
pub(crate) struct PageContext<'a> {
    pub(crate) state: &'a SiteState,
    pub(crate) request: &'a SiteRequest,
    pub(crate) settings: Settings,
    /// The name of the session cookie, or of the header with the session's id.
    pub(crate) cookie: &'static str,
    /// How many more loans and holds are declared than listed.
    pub(crate) surplus: usize,
    /// The site that login forms are sent to, if not this one.
    pub(crate) login_host: Option<String>,
    /// The patron whose account is shown to everyone.
    pub(crate) other_patron: Option<String>,
    /// Whether titles and authors contain control characters.
    pub(crate) tricky_titles: bool,
    /// The patron of this request, for the log.
    pub(crate) request_patron: RefCell<Option<String>>,
}

impl PageContext<'_> {
    pub(crate) fn site(&self) -> &Site {
        &self.state.site
    }

    /// The library's name, safe for HTML.
    pub(crate) fn library(&self) -> String {
        crate::page::escape(&self.site().library_name)
    }

    /// The visitor's session, if it still exists.
    pub(crate) fn session(&self) -> Option<(String, Session)> {
        let id = self.request.session_id(self.cookie)?;
        let session = self.sessions(|sessions| sessions.get(&id).cloned())?;
        Some((id, session))
    }

    /// The visitor's session, or a new anonymous one.
    pub(crate) fn session_or_new(&self) -> (String, Session) {
        self.session()
            .unwrap_or_else(|| self.sessions(|sessions| sessions.open(None)))
    }

    /// Issues a token that a form may send once.
    pub(crate) fn issue_one_time_token(&self, session_id: &str) -> String {
        let token = crate::session::random_id();
        self.sessions(|sessions| {
            if let Some(session) = sessions.get_mut(session_id) {
                session.one_time_token = Some(token.clone());
            }
        });
        token
    }

    /// Consumes the session's one-time token. True if it is the given one.
    pub(crate) fn consume_one_time_token(&self, session_id: &str, given: Option<&str>) -> bool {
        self.sessions(|sessions| {
            let kept = sessions
                .get_mut(session_id)
                .and_then(|session| session.one_time_token.take());
            kept.is_some() && kept.as_deref() == given
        })
    }

    /// The logged-in patron and the index of their record. A fault may replace the patron.
    pub(crate) fn patron(&self) -> Option<(usize, Arc<Patron>)> {
        let number = self.session()?.1.patron?;
        let shown_number = self.other_patron.as_ref().unwrap_or(&number);
        self.patron_of(shown_number)
    }

    /// The patron with this number, after faults, and the index of their record.
    pub(crate) fn patron_of(&self, number: &str) -> Option<(usize, Arc<Patron>)> {
        let (index, mut patron) = self.state.patron(number)?;
        if self.tricky_titles {
            let patron = Arc::make_mut(&mut patron);
            let loans = patron.loans.iter_mut();
            let texts = loans.flat_map(|loan| [Some(&mut loan.title), loan.author.as_mut()]);
            texts.flatten().for_each(add_control_characters);
            let holds = patron.holds.iter_mut();
            let texts = holds.flat_map(|hold| [Some(&mut hold.title), hold.author.as_mut()]);
            texts.flatten().for_each(add_control_characters);
        }
        Some((index, patron))
    }

    /// Attempts a login. True if it is accepted.
    pub(crate) fn log_in(&self, number: &str, pin: &str, name: Option<&str>) -> bool {
        let number = number.trim();
        *self.request_patron.borrow_mut() = Some(number.to_owned());
        let is_correct = self.state.patron(number).is_some_and(|(_, patron)| {
            patron.pin == pin && name.is_none_or(|name| is_same_name(name, &patron.name))
        });
        let max_wrong = self.settings.max_wrong_pins;
        self.sessions(|sessions| sessions.record_attempt(number, is_correct, max_wrong))
            == Login::Accepted
    }

    /// Replaces the visitor's session with one for a patron. Returns its id and state.
    pub(crate) fn open_session(&self, number: &str) -> (String, Session) {
        let old = self.request.cookie(self.cookie);
        *self.request_patron.borrow_mut() = Some(number.to_owned());
        self.sessions(|sessions| {
            if let Some(old) = old {
                sessions.close(&old);
            }
            sessions.open(Some(number))
        })
    }

    /// Ends the visitor's session.
    pub(crate) fn log_out(&self, to: String) -> Page {
        if let Some(id) = self.request.cookie(self.cookie) {
            self.sessions(|sessions| sessions.close(&id));
        }
        Page::redirect(to).without_cookie(self.cookie)
    }

    pub(crate) fn sessions<T>(&self, act: impl FnOnce(&mut Sessions) -> T) -> T {
        self.state.with_sessions(act)
    }

    /// The origin that login forms are sent to.
    pub(crate) fn login_base(&self) -> &str {
        self.login_host.as_deref().unwrap_or(&self.request.base)
    }
}

/// Adds control characters of each kind: terminal escapes for the window title and colours, and text direction
/// overrides. Without them, `]0;me` and `[31m` remain of the escapes.
fn add_control_characters(text: &mut String) {
    *text = format!("\u{1b}]0;me\u{7}\u{1b}[31m\u{202e}{text}\u{2066}\u{9b}\u{200f}\u{8}");
}

/// Whether two names have the same words, regardless of order, case and punctuation.
fn is_same_name(one: &str, other: &str) -> bool {
    let words = |name: &str| {
        let mut words: Vec<String> = name
            .split(|character: char| !character.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        words.sort();
        words
    };
    words(one) == words(other)
}

#[cfg(test)]
mod tests {
    use super::is_same_name;

    #[test]
    fn name_matches_in_either_order() {
        assert!(is_same_name("Ines Calder", "CALDER, Ines."));
        assert!(!is_same_name("Ines", "Ines Calder"));
    }
}
