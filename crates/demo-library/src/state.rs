//! What a running library shares: its patrons, its sessions, its switches, the requests that it has seen.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::filler::Filler;
use crate::log::{Log, RequestSeen};
use crate::patrons::Patrons;
use crate::session::Sessions;
use crate::site::{Patron, Site};
use crate::switches::Switches;

/// What all requests of a library share.
pub(crate) struct SiteState {
    /// The library; its patrons are kept apart.
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

    /// A patron and the place of their record.
    pub(crate) fn patron(&self, number: &str) -> Option<(usize, Arc<Patron>)> {
        lock(&self.patrons).find(number)
    }

    pub(crate) fn with_sessions<T>(&self, act: impl FnOnce(&mut Sessions) -> T) -> T {
        act(&mut lock(&self.sessions))
    }

    /// Counts one more page that showed this session to be logged in.
    pub(crate) fn count_shown(&self, session_id: Option<&str>) {
        self.with_sessions(|sessions| {
            if let Some(session) = session_id.and_then(|id| sessions.get_mut(id)) {
                session.shown += 1;
            }
        });
    }

    /// Puts a request on record; the number under which it is found again.
    pub(crate) fn push(&self, seen: RequestSeen) -> usize {
        lock(&self.log).push(seen)
    }

    pub(crate) fn update(&self, number_in_log: usize, act: impl FnOnce(&mut RequestSeen)) {
        lock(&self.log).update(number_in_log, act);
    }

    /// Waits for the server's end, or for as long as that.
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

    pub(crate) fn take_off(self: &Arc<Self>) -> Flight {
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_in_flight.fetch_max(now, Ordering::SeqCst);
        Flight(Arc::clone(self))
    }
}

/// A request that is being answered; it lands when dropped, also when the client goes away.
pub(crate) struct Flight(Arc<SiteState>);

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A lock that a panicking test thread cannot spoil for the others.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
