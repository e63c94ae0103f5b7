//! The state of a running library: patrons, sessions, switches, logged requests.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::filler::Filler;
use crate::log::{Log, LoggedRequest};
use crate::patrons::Patrons;
use crate::session::Sessions;
use crate::site::{Patron, Site};
use crate::switches::Switches;

/// The state that all requests of a library share.
pub(crate) struct SiteState {
    /// The library without its patrons, which are in `patrons`.
    pub(crate) site: Site,
    pub(crate) filler: Filler,
    pub(crate) switches: Switches,
    pub(crate) patrons: Mutex<Patrons>,
    sessions: Mutex<Sessions>,
    pub(crate) log: Mutex<Log>,
    pub(crate) logins: AtomicUsize,
    pub(crate) in_flight: AtomicUsize,
    pub(crate) most_in_flight: AtomicUsize,
    pub(crate) stopped: Arc<AtomicBool>,
    stopping: watch::Receiver<bool>,
}

impl SiteState {
    pub(crate) fn new(mut site: Site, stopping: watch::Receiver<bool>) -> Self {
        let mut patrons = Patrons::default();
        for patron in std::mem::take(&mut site.patrons) {
            patrons.upsert(patron);
        }
        Self {
            filler: Filler::new(site.filler_bytes),
            site,
            switches: Switches::default(),
            patrons: Mutex::new(patrons),
            sessions: Mutex::default(),
            log: Mutex::default(),
            logins: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
            stopped: Arc::default(),
            stopping,
        }
    }

    /// A patron and the index of their record.
    pub(crate) fn patron(&self, number: &str) -> Option<(usize, Arc<Patron>)> {
        lock(&self.patrons).find(number)
    }

    pub(crate) fn with_sessions<T>(&self, act: impl FnOnce(&mut Sessions) -> T) -> T {
        act(&mut lock(&self.sessions))
    }

    /// Counts an account page that was shown to this session.
    pub(crate) fn count_shown(&self, session_id: Option<&str>) {
        self.with_sessions(|sessions| {
            if let Some(session) = session_id.and_then(|id| sessions.get_mut(id)) {
                session.account_pages_shown += 1;
            }
        });
    }

    /// Logs a request. Returns its log number.
    pub(crate) fn push(&self, entry: LoggedRequest) -> usize {
        lock(&self.log).push(entry)
    }

    pub(crate) fn update(&self, log_number: usize, act: impl FnOnce(&mut LoggedRequest)) {
        lock(&self.log).update(log_number, act);
    }

    /// Waits until the server stops, or for `time`.
    pub(crate) async fn wait(&self, time: Option<Duration>) {
        let mut stopping = self.stopping.clone();
        let stopped = stopping.wait_for(|stopped| *stopped);
        match time {
            None => {
                let _ = stopped.await;
            }
            Some(time) => {
                let _ = tokio::time::timeout(time, stopped).await;
            }
        }
    }

    pub(crate) fn track_in_flight(self: &Arc<Self>) -> InFlightGuard {
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_in_flight.fetch_max(now, Ordering::SeqCst);
        InFlightGuard(Arc::clone(self))
    }
}

/// Counts a request as in flight until dropped, even if the client disconnects.
pub(crate) struct InFlightGuard(Arc<SiteState>);

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Locks a mutex, even if a test thread panicked while it held the lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
