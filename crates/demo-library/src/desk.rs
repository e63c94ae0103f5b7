//! What the pages of every system are made with: the visitor, their account, and the faults of the moment.

use std::cell::RefCell;
use std::sync::Arc;

use crate::page::{Asked, Page};
use crate::session::{Login, Session, Sessions};
use crate::site::{Patron, Site};
use crate::state::SiteState;
use crate::switches::Settings;

/// One request at the desk of a site.
pub(crate) struct Desk<'a> {
    pub(crate) state: &'a SiteState,
    pub(crate) asked: &'a Asked,
    pub(crate) settings: Settings,
    /// The name of the cookie that holds the session's id.
    pub(crate) cookie: &'static str,
    /// How many more loans and holds are stated than listed.
    pub(crate) surplus: usize,
    /// Where login forms are sent instead of here.
    pub(crate) login_host: Option<String>,
    /// Whose account is shown to everyone.
    pub(crate) other_patron: Option<String>,
    /// Whether titles and authors have signs that no title has.
    pub(crate) tricky_titles: bool,
    /// The patron whom this request alerts, for the log.
    pub(crate) patron_seen: RefCell<Option<String>>,
}

impl Desk<'_> {
    pub(crate) fn site(&self) -> &Site {
        &self.state.site
    }

    /// The library's name, safe for HTML.
    pub(crate) fn library(&self) -> String {
        crate::page::escape(&self.site().library_name)
    }

    /// The visitor's session, if the site still knows it.
    pub(crate) fn session(&self) -> Option<(String, Session)> {
        let id = self.asked.cookie(self.cookie)?;
        let session = self.sessions(|sessions| sessions.get(&id).cloned())?;
        Some((id, session))
    }

    /// The visitor's session, or a new one for nobody.
    pub(crate) fn session_or_new(&self) -> (String, Session) {
        self.session()
            .unwrap_or_else(|| self.sessions(|sessions| sessions.open(None)))
    }

    /// Gives the session a value that a form may carry once.
    pub(crate) fn one_use_token(&self, session_id: &str) -> String {
        let token = crate::session::random_id();
        self.sessions(|sessions| {
            if let Some(session) = sessions.get_mut(session_id) {
                session.one_use = Some(token.clone());
            }
        });
        token
    }

    /// Takes the session's one-use value if it is this one.
    pub(crate) fn take_one_use(&self, session_id: &str, given: Option<&str>) -> bool {
        self.sessions(|sessions| {
            let kept = sessions
                .get_mut(session_id)
                .and_then(|session| session.one_use.take());
            kept.is_some() && kept.as_deref() == given
        })
    }

    /// The patron who is logged in, and the place of their record; a fault may put another in their place.
    pub(crate) fn patron(&self) -> Option<(usize, Arc<Patron>)> {
        let number = self.session()?.1.patron?;
        let shown = self.other_patron.as_ref().unwrap_or(&number);
        self.patron_of(shown)
    }

    /// The patron with this number, as this request is to see them, and the place of their record.
    pub(crate) fn patron_of(&self, number: &str) -> Option<(usize, Arc<Patron>)> {
        let (place, mut patron) = self.state.patron(number)?;
        if self.tricky_titles {
            let patron = Arc::make_mut(&mut patron);
            let loans = patron.loans.iter_mut();
            let texts = loans.flat_map(|loan| [Some(&mut loan.title), loan.author.as_mut()]);
            texts.flatten().for_each(make_tricky);
            let holds = patron.holds.iter_mut();
            let texts = holds.flat_map(|hold| [Some(&mut hold.title), hold.author.as_mut()]);
            texts.flatten().for_each(make_tricky);
        }
        Some((place, patron))
    }

    /// Judges a number and PIN; the answer is whether they open the account.
    pub(crate) fn log_in(&self, number: &str, pin: &str, name: Option<&str>) -> bool {
        let number = number.trim();
        *self.patron_seen.borrow_mut() = Some(number.to_owned());
        let right = self.state.patron(number).is_some_and(|(_, patron)| {
            patron.pin == pin && name.is_none_or(|name| same_name(name, &patron.name))
        });
        let max_wrong = self.settings.max_wrong_pins;
        self.sessions(|sessions| sessions.judge(number, right, max_wrong)) == Login::Accepted
    }

    /// Ends the visitor's session for nobody and opens one for a patron; its id and state.
    pub(crate) fn open_session(&self, number: &str) -> (String, Session) {
        let old = self.asked.cookie(self.cookie);
        *self.patron_seen.borrow_mut() = Some(number.to_owned());
        self.sessions(|sessions| {
            if let Some(old) = old {
                sessions.close(&old);
            }
            sessions.open(Some(number))
        })
    }

    /// Ends the visitor's session.
    pub(crate) fn log_out(&self, to: String) -> Page {
        if let Some(id) = self.asked.cookie(self.cookie) {
            self.sessions(|sessions| sessions.close(&id));
        }
        Page::redirect(to).without_cookie(self.cookie)
    }

    pub(crate) fn sessions<T>(&self, act: impl FnOnce(&mut Sessions) -> T) -> T {
        self.state.with_sessions(act)
    }

    /// The scheme and host that login forms are sent to.
    pub(crate) fn login_base(&self) -> &str {
        self.login_host.as_deref().unwrap_or(&self.asked.base)
    }
}

/// Puts a text between signs that name a terminal's window, colour its text and turn a line around; one of each
/// kind of control sign. All but the signs themselves is what a terminal would have swallowed: `]0;me` and `[31m`.
fn make_tricky(text: &mut String) {
    *text = format!("\u{1b}]0;me\u{7}\u{1b}[31m\u{202e}{text}\u{2066}\u{9b}\u{200f}\u{8}");
}

/// Whether two names have the same words, in any order and case, whatever the signs between them.
fn same_name(one: &str, other: &str) -> bool {
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
    use super::same_name;

    #[test]
    fn a_name_is_known_in_either_order() {
        assert!(same_name("Ines Calder", "CALDER, Ines."));
        assert!(!same_name("Ines", "Ines Calder"));
    }
}
