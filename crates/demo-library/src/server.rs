//! A running demo library.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::connection::{CuttableListener, Cutter};
use crate::handle::handle;
use crate::log::{Log, LoggedRequest};
use crate::session::Sessions;
use crate::site::{Patron, Site, SystemKind};
use crate::state::{SiteState, lock};
use crate::switches::Switches;

/// A demo library that serves on 127.0.0.1 until it is dropped.
///
/// It needs a tokio runtime with I/O and time, and stops with it.
pub struct DemoLibrary {
    address: SocketAddr,
    state: Arc<SiteState>,
    stop: watch::Sender<bool>,
}

impl DemoLibrary {
    /// Starts a library on a free port.
    ///
    /// # Errors
    /// The loopback address cannot be bound.
    pub async fn start(site: Site) -> std::io::Result<Self> {
        Self::start_on(0, site).await
    }

    /// Starts a library on this port of 127.0.0.1. 0 means a free one.
    ///
    /// # Errors
    /// The port is taken or not allowed.
    pub async fn start_on(port: u16, site: Site) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let (stop, mut stopping) = watch::channel(false);
        let state = Arc::new(SiteState::new(site, stop.subscribe()));
        let listener = CuttableListener {
            listener,
            stopped: Arc::clone(&state.stopped),
        };
        let service = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&state))
            .into_make_service_with_connect_info::<Cutter>();
        tokio::spawn(async move {
            let stopped = async move {
                let _ = stopping.wait_for(|stopped| *stopped).await;
            };
            let _ = axum::serve(listener, service)
                .with_graceful_shutdown(stopped)
                .await;
        });
        Ok(Self {
            address,
            state,
            stop,
        })
    }

    pub(crate) fn state(&self) -> &SiteState {
        &self.state
    }

    /// The site's address: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The system that it imitates.
    #[must_use]
    pub fn system(&self) -> SystemKind {
        self.state.site.system
    }

    /// The library's name.
    #[must_use]
    pub fn library_name(&self) -> &str {
        &self.state.site.library_name
    }

    /// The switches. They apply from the next request on.
    #[must_use]
    pub fn switches(&self) -> &Switches {
        &self.state.switches
    }

    /// The logged requests, oldest first. The last 50,000 are kept.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        lock(&self.state.log).entries.iter().cloned().collect()
    }

    /// The number of requests, including dropped ones.
    #[must_use]
    pub fn request_count(&self) -> usize {
        let log = lock(&self.state.log);
        log.forgotten + log.entries.len()
    }

    /// Clears the log and the counts of logins, requests and requests in flight.
    pub fn clear_requests(&self) {
        *lock(&self.state.log) = Log::default();
        self.state.logins.store(0, Ordering::SeqCst);
        let now = self.state.in_flight.load(Ordering::SeqCst);
        self.state.most_in_flight.store(now, Ordering::SeqCst);
    }

    /// The requests that would have changed something at a real library.
    #[must_use]
    pub fn violations(&self) -> Vec<LoggedRequest> {
        let log = lock(&self.state.log);
        let violations = log.entries.iter().filter(|entry| entry.changes_state);
        violations.cloned().collect()
    }

    /// The most requests in flight at once.
    #[must_use]
    pub fn most_in_flight(&self) -> usize {
        self.state.most_in_flight.load(Ordering::SeqCst)
    }

    /// The number of login forms that were sent.
    #[must_use]
    pub fn logins(&self) -> usize {
        self.state.logins.load(Ordering::SeqCst)
    }

    /// The number of logged-in sessions.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.state.with_sessions(|sessions| sessions.logged_in())
    }

    /// Ends all sessions.
    pub fn end_all_sessions(&self) {
        self.state.with_sessions(Sessions::close_all);
    }

    /// The number of login attempts with this number.
    #[must_use]
    pub fn login_attempts(&self, number: &str) -> usize {
        self.state
            .with_sessions(|sessions| sessions.attempts(number))
    }

    /// The number of wrong PINs in a row for this number.
    #[must_use]
    pub fn wrong_pins(&self, number: &str) -> u32 {
        self.state
            .with_sessions(|sessions| sessions.wrong_pins(number))
    }

    /// Whether this number is locked out.
    #[must_use]
    pub fn is_locked(&self, number: &str) -> bool {
        self.wrong_pins(number) >= self.state.switches.settings().max_wrong_pins
    }

    /// Resets a number's wrong PINs.
    pub fn unlock(&self, number: &str) {
        self.state.with_sessions(|sessions| sessions.unlock(number));
    }

    /// Adds a patron, or replaces the one with the same number.
    pub fn set_account(&self, patron: Patron) {
        lock(&self.state.patrons).upsert(patron);
    }

    /// Changes a patron's data. False if the number is unknown.
    pub fn update_patron(&self, number: &str, change: impl FnOnce(&mut Patron)) -> bool {
        lock(&self.state.patrons).update(number, change)
    }

    /// A patron's current data.
    #[must_use]
    pub fn patron(&self, number: &str) -> Option<Patron> {
        let (_, patron) = self.state.patron(number)?;
        Some(Patron::clone(&patron))
    }
}

/// Shows no patron data.
impl fmt::Debug for DemoLibrary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DemoLibrary")
            .field("base_url", &self.base_url())
            .field("system", &self.system())
            .finish_non_exhaustive()
    }
}

impl Drop for DemoLibrary {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        self.stop.send_replace(true);
    }
}
