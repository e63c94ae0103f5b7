//! What a site remembers of the requests it has seen.

use std::collections::VecDeque;
use std::time::SystemTime;

/// The log forgets the oldest requests beyond this many.
const LOG_LENGTH: usize = 50_000;

/// One request that the site has seen.
#[derive(Clone, Debug)]
pub struct RequestSeen {
    /// `GET`, `POST` …
    pub method: String,
    /// Path and query as they were sent.
    pub path: String,
    /// The status of the answer; none while there is none, and for good when the connection was cut.
    pub status: Option<u16>,
    /// When it came in.
    pub at: SystemTime,
    /// When its answer was ready.
    pub answered_at: Option<SystemTime>,
    /// The number of the patron whose session it belongs to, or who tries to log in.
    pub patron: Option<String>,
    /// The User-Agent, where one was sent.
    pub user_agent: Option<String>,
    /// The names of the cookies that came along, without their values.
    pub cookies: Vec<String>,
    /// The names of the form's fields, without their values.
    pub fields: Vec<String>,
    /// Whether it was a try to log in.
    pub is_login: bool,
    /// Whether it would have changed something at a real library: a renewal, a cancelled hold.
    pub changes_state: bool,
}

/// The last requests, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) entries: VecDeque<RequestSeen>,
    pub(crate) forgotten: usize,
}

impl Log {
    /// The number under which a request is found again.
    pub(crate) fn push(&mut self, seen: RequestSeen) -> usize {
        if self.entries.len() >= LOG_LENGTH {
            self.entries.pop_front();
            self.forgotten += 1;
        }
        self.entries.push_back(seen);
        self.forgotten + self.entries.len() - 1
    }

    /// Changes what is remembered of a request, unless it is forgotten.
    pub(crate) fn update(&mut self, number: usize, act: impl FnOnce(&mut RequestSeen)) {
        let place = number.checked_sub(self.forgotten);
        if let Some(seen) = place.and_then(|place| self.entries.get_mut(place)) {
            act(seen);
        }
    }
}
