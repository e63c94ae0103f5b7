//! The log of requests.

use std::collections::VecDeque;
use std::time::SystemTime;

/// The most requests in the log. Older ones are dropped.
const MAX_LOGGED_REQUESTS: usize = 50_000;

/// A logged request.
#[derive(Clone, Debug)]
pub struct LoggedRequest {
    /// `GET`, `POST` …
    pub method: String,
    /// The path and query as sent.
    pub path: String,
    /// The status of the answer. `None` before the answer, and if the connection was cut.
    pub status: Option<u16>,
    /// When it arrived.
    pub at: SystemTime,
    /// When its answer was ready.
    pub answered_at: Option<SystemTime>,
    /// The number of the patron who is logged in or tries to log in.
    pub patron: Option<String>,
    /// The User-Agent, if sent.
    pub user_agent: Option<String>,
    /// The names of the cookies, without values.
    pub cookies: Vec<String>,
    /// The names of the form's fields, without values.
    pub fields: Vec<String>,
    /// Whether it was a login attempt.
    pub is_login: bool,
    /// Whether it would have changed something at a real library, such as a renewal or a cancelled hold.
    pub changes_state: bool,
}

impl LoggedRequest {
    /// Whether it was a logout, by its address.
    #[must_use]
    pub fn is_logout(&self) -> bool {
        let path = self.path.to_ascii_lowercase();
        ["logout", "logoff"].iter().any(|word| path.contains(word))
    }
}

/// The last requests, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) entries: VecDeque<LoggedRequest>,
    pub(crate) forgotten: usize,
}

impl Log {
    /// Adds a request. Returns its log number.
    pub(crate) fn push(&mut self, entry: LoggedRequest) -> usize {
        if self.entries.len() >= MAX_LOGGED_REQUESTS {
            self.entries.pop_front();
            self.forgotten += 1;
        }
        self.entries.push_back(entry);
        self.forgotten + self.entries.len() - 1
    }

    /// Changes a logged request, unless it was dropped.
    pub(crate) fn update(&mut self, number: usize, act: impl FnOnce(&mut LoggedRequest)) {
        let index = number.checked_sub(self.forgotten);
        if let Some(entry) = index.and_then(|index| self.entries.get_mut(index)) {
            act(entry);
        }
    }
}
