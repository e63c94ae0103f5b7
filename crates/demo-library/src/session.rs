//! Sessions, tickets, and counts of wrong PINs.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

/// One visitor's session.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// The number of the patron who logged in.
    pub(crate) patron: Option<String>,
    /// The token that this session's forms must contain.
    pub(crate) form_token: String,
    /// The token that a form may send once. `None` once it was used.
    pub(crate) one_time_token: Option<String>,
    /// The value of a second required cookie, for systems that have one.
    pub(crate) access_token: String,
    /// How many account pages this session was shown.
    pub(crate) account_pages_shown: u32,
}

/// The outcome of a login attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    Accepted,
    /// Wrong number, wrong PIN or locked out. No system says which.
    Refused,
}

/// All sessions of a site.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    sessions: HashMap<String, Session>,
    /// Login tickets, each exchanged for a session once.
    tickets: HashMap<String, String>,
    wrong_pins: HashMap<String, u32>,
    attempts: HashMap<String, usize>,
}

impl Sessions {
    /// Opens an anonymous session, or one for a patron. Returns its id and state.
    pub(crate) fn open(&mut self, patron: Option<&str>) -> (String, Session) {
        let id = random_id();
        let session = Session {
            patron: patron.map(str::to_owned),
            form_token: random_id(),
            one_time_token: None,
            access_token: random_id(),
            account_pages_shown: 0,
        };
        self.sessions.insert(id.clone(), session.clone());
        (id, session)
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Session> {
        self.sessions.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Session> {
        self.sessions.get_mut(id)
    }

    pub(crate) fn close(&mut self, id: &str) {
        self.sessions.remove(id);
    }

    pub(crate) fn close_all(&mut self) {
        self.sessions.clear();
        self.tickets.clear();
    }

    /// The number of logged-in sessions.
    pub(crate) fn logged_in(&self) -> usize {
        let with_patron = |session: &&Session| session.patron.is_some();
        self.sessions.values().filter(with_patron).count()
    }

    pub(crate) fn issue_ticket(&mut self, number: &str) -> String {
        let ticket = format!("ST-{}", random_id());
        self.tickets.insert(ticket.clone(), number.to_owned());
        ticket
    }

    pub(crate) fn use_ticket(&mut self, ticket: &str) -> Option<String> {
        self.tickets.remove(ticket)
    }

    /// Records a login attempt. `is_correct`: number, PIN and other fields are correct.
    pub(crate) fn record_attempt(
        &mut self,
        number: &str,
        is_correct: bool,
        max_wrong: u32,
    ) -> Login {
        *self.attempts.entry(number.to_owned()).or_default() += 1;
        let wrong = self.wrong_pins.entry(number.to_owned()).or_default();
        if is_correct && *wrong < max_wrong {
            *wrong = 0;
            Login::Accepted
        } else {
            *wrong += 1;
            Login::Refused
        }
    }

    pub(crate) fn wrong_pins(&self, number: &str) -> u32 {
        self.wrong_pins.get(number).copied().unwrap_or(0)
    }

    pub(crate) fn attempts(&self, number: &str) -> usize {
        self.attempts.get(number).copied().unwrap_or(0)
    }

    pub(crate) fn unlock(&mut self, number: &str) {
        self.wrong_pins.remove(number);
    }
}

/// 32 hexadecimal digits that a visitor cannot guess (SipHash with the process's random keys).
pub(crate) fn random_id() -> String {
    let part = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", part(), part())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_wrong_pins_lock_the_patron_out() {
        let mut sessions = Sessions::default();
        for _ in 0..3 {
            assert_eq!(sessions.record_attempt("7", false, 3), Login::Refused);
        }
        assert_eq!(sessions.record_attempt("7", true, 3), Login::Refused);
        assert_eq!(sessions.record_attempt("8", true, 3), Login::Accepted);
        sessions.unlock("7");
        assert_eq!(sessions.record_attempt("7", true, 3), Login::Accepted);
        assert_eq!(sessions.attempts("7"), 5);
    }

    #[test]
    fn correct_pin_resets_the_count() {
        let mut sessions = Sessions::default();
        for _ in 0..4 {
            sessions.record_attempt("7", false, 3);
            sessions.unlock("7");
            sessions.record_attempt("7", false, 3);
            assert_eq!(sessions.record_attempt("7", true, 3), Login::Accepted);
            assert_eq!(sessions.wrong_pins("7"), 0);
        }
    }

    #[test]
    fn ticket_works_once() {
        let mut sessions = Sessions::default();
        let ticket = sessions.issue_ticket("7");
        assert_eq!(sessions.use_ticket(&ticket).as_deref(), Some("7"));
        assert_eq!(sessions.use_ticket(&ticket), None);
    }

    #[test]
    fn ids_differ() {
        let first = random_id();
        assert_eq!(first.len(), 32);
        assert_ne!(first, random_id());
    }
}
