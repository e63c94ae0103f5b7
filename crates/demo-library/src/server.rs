//! The running server: takes requests, keeps the log, hands each to its system.

use std::cell::RefCell;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::connection::{CuttableListener, Cutter};
use crate::delivery::{self, Delivery};
use crate::desk::Desk;
use crate::fault::Fault;
use crate::filler::Filler;
use crate::handle::handle;
use crate::log::{Log, RequestSeen};
use crate::page::{Asked, Page};
use crate::patrons::Patrons;
use crate::session::Sessions;
use crate::site::{Patron, Site, SystemKind};
use crate::switches::Switches;
use crate::{bibliocommons, enterprise, koha, sierra};

/// A demo library that serves on 127.0.0.1 until it is dropped.
///
/// It needs a tokio runtime with I/O and time, and lives no longer than that.
pub struct DemoLibrary {
    address: SocketAddr,
    server: Arc<Server>,
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

    /// Starts a library on this port of 127.0.0.1; 0 takes a free one.
    ///
    /// # Errors
    /// The port is taken or not allowed.
    pub async fn start_on(port: u16, site: Site) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let (stop, mut stopping) = watch::channel(false);
        let server = Arc::new(Server::new(site, stop.subscribe()));
        let listener = CuttableListener {
            listener,
            stopped: Arc::clone(&server.stopped),
        };
        let service = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&server))
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
            server,
            stop,
        })
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// The site's address: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The software that it pretends to run.
    #[must_use]
    pub fn system(&self) -> SystemKind {
        self.server.site.system
    }

    /// The library's name.
    #[must_use]
    pub fn library_name(&self) -> &str {
        &self.server.site.library_name
    }

    /// The switches, which act from the next request on.
    #[must_use]
    pub fn switches(&self) -> &Switches {
        &self.server.switches
    }

    /// The requests seen so far, oldest first; the last 50,000 are kept.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestSeen> {
        lock(&self.server.log).entries.iter().cloned().collect()
    }

    /// How many requests were seen, the forgotten ones included.
    #[must_use]
    pub fn request_count(&self) -> usize {
        let log = lock(&self.server.log);
        log.forgotten + log.entries.len()
    }

    /// Empties the log and the counts of logins, requests and requests in flight.
    pub fn forget_requests(&self) {
        *lock(&self.server.log) = Log::default();
        self.server.logins.store(0, Ordering::SeqCst);
        let now = self.server.in_flight.load(Ordering::SeqCst);
        self.server.most_in_flight.store(now, Ordering::SeqCst);
    }

    /// The requests that would have changed something at a real library.
    #[must_use]
    pub fn violations(&self) -> Vec<RequestSeen> {
        let log = lock(&self.server.log);
        let violations = log.entries.iter().filter(|seen| seen.changes_state);
        violations.cloned().collect()
    }

    /// The most requests that were being answered at one moment.
    #[must_use]
    pub fn most_in_flight(&self) -> usize {
        self.server.most_in_flight.load(Ordering::SeqCst)
    }

    /// How many login forms were sent in.
    #[must_use]
    pub fn logins(&self) -> usize {
        self.server.logins.load(Ordering::SeqCst)
    }

    /// How many sessions are logged in now.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.server.with_sessions(|sessions| sessions.logged_in())
    }

    /// Ends all sessions at once.
    pub fn end_all_sessions(&self) {
        self.server.with_sessions(Sessions::close_all);
    }

    /// How often a login was tried with this number.
    #[must_use]
    pub fn login_attempts(&self, number: &str) -> usize {
        self.server
            .with_sessions(|sessions| sessions.attempts(number))
    }

    /// How many wrong PINs in a row this number has had.
    #[must_use]
    pub fn wrong_pins(&self, number: &str) -> u32 {
        self.server
            .with_sessions(|sessions| sessions.wrong_pins(number))
    }

    /// Whether this number is locked out.
    #[must_use]
    pub fn is_locked(&self, number: &str) -> bool {
        self.wrong_pins(number) >= self.server.switches.settings().max_wrong_pins
    }

    /// Forgives a number its wrong PINs.
    pub fn unlock(&self, number: &str) {
        self.server
            .with_sessions(|sessions| sessions.unlock(number));
    }

    /// Puts a patron in the place of the one with the same number, or adds one.
    pub fn set_account(&self, patron: Patron) {
        lock(&self.server.patrons).put(patron);
    }

    /// Changes a patron's data; `false` when the number is not known.
    pub fn update_patron(&self, number: &str, change: impl FnOnce(&mut Patron)) -> bool {
        lock(&self.server.patrons).update(number, change)
    }

    /// A patron's data as they are now.
    #[must_use]
    pub fn patron(&self, number: &str) -> Option<Patron> {
        let (_, patron) = self.server.patron(number)?;
        Some(Patron::clone(&patron))
    }
}

/// Says where it is, and nothing of its patrons.
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
        self.server.stopped.store(true, Ordering::SeqCst);
        self.stop.send_replace(true);
    }
}

/// What all requests of a library share.
pub(crate) struct Server {
    /// The library; its patrons are kept apart.
    pub(crate) site: Site,
    pub(crate) filler: Filler,
    pub(crate) switches: Switches,
    patrons: Mutex<Patrons>,
    sessions: Mutex<Sessions>,
    log: Mutex<Log>,
    logins: AtomicUsize,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    stopped: Arc<AtomicBool>,
    stopping: watch::Receiver<bool>,
}

impl Server {
    fn new(mut site: Site, stopping: watch::Receiver<bool>) -> Self {
        let mut patrons = Patrons::default();
        for patron in std::mem::take(&mut site.patrons) {
            patrons.put(patron);
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

    /// Answers one request, as far as that can be said without waiting.
    pub(crate) fn answer(
        &self,
        asked: &Asked,
        number_in_log: usize,
        path_and_query: &str,
    ) -> Answer {
        let settings = self.switches.settings();
        let cookie = self.cookie();
        let session_id = asked.cookie(cookie);
        let session = self.with_sessions(|sessions| sessions.get(session_id.as_deref()?).cloned());
        let was_shown = session
            .as_ref()
            .is_some_and(|session| session.patron.is_some() && session.shown > 0);
        let is_login = self.is_login(asked);
        if is_login {
            self.logins.fetch_add(1, Ordering::SeqCst);
        }
        let is_used = |fault: &Fault| match fault {
            Fault::ForgetSession => was_shown,
            Fault::RedirectLogin { .. } => is_login,
            _ => true,
        };
        let method = asked.method.as_str();
        let is_patron = session
            .as_ref()
            .is_some_and(|session| session.patron.is_some());
        let faults = self
            .switches
            .faults_for(method, path_and_query, is_patron, is_used);
        if let Some(id) = &session_id
            && faults.contains(&Fault::ForgetSession)
        {
            self.with_sessions(|sessions| sessions.close(id));
        }
        let mut delay = settings.delay;
        let mut drip = Duration::ZERO;
        let mut desk = Desk {
            server: self,
            asked,
            cookie,
            surplus: 0,
            login_host: None,
            other_patron: None,
            tricky_titles: faults.contains(&Fault::TrickyTitles),
            patron_seen: RefCell::new(session.and_then(|session| session.patron)),
            settings,
        };
        for fault in &faults {
            match fault {
                Fault::Slow(more) => delay += *more,
                Fault::Drip(pause) => drip = *pause,
                Fault::WrongCounts => desk.surplus = 3,
                Fault::LoginFormElsewhere(base) => desk.login_host = Some(base.clone()),
                Fault::OtherPatron(number) => desk.other_patron = Some(number.clone()),
                _ => {}
            }
        }
        let changes_state = match self.site.system {
            SystemKind::Bibliocommons => bibliocommons::changes_state(asked),
            SystemKind::Sierra => sierra::changes_state(asked),
            SystemKind::Enterprise => enterprise::changes_state(asked),
            SystemKind::Koha => koha::changes_state(asked),
        };
        let delivery = delivery::instead(&faults, asked, self.site.system).unwrap_or_else(|| {
            let page = if changes_state {
                Page::html("<html><body><p>Your change was recorded.</p></body></html>".to_owned())
            } else {
                self.page_of_system(&desk)
            };
            if page.shows_account {
                self.count_shown(session_id.as_deref());
            }
            let latin_1 = desk.settings.latin_1;
            delivery::spoilt(page, &faults, cookie, self.site.system, latin_1)
        });
        let patron = desk.patron_seen.take();
        self.note(number_in_log, |seen| {
            seen.patron = patron;
            seen.is_login = is_login;
            seen.changes_state = changes_state;
        });
        Answer {
            delivery,
            delay,
            drip,
        }
    }

    fn count_shown(&self, session_id: Option<&str>) {
        self.with_sessions(|sessions| {
            if let Some(session) = session_id.and_then(|id| sessions.get_mut(id)) {
                session.shown += 1;
            }
        });
    }

    fn is_login(&self, asked: &Asked) -> bool {
        asked.method == axum::http::Method::POST
            && match self.site.system {
                SystemKind::Bibliocommons => bibliocommons::is_login_path(&asked.path),
                SystemKind::Sierra => sierra::is_login_path(&asked.path),
                SystemKind::Enterprise => enterprise::is_login_path(&asked.path),
                SystemKind::Koha => koha::is_login(asked),
            }
    }

    /// The name of the cookie that holds a session's id.
    pub(crate) fn cookie(&self) -> &'static str {
        match self.site.system {
            SystemKind::Bibliocommons => bibliocommons::COOKIE,
            SystemKind::Sierra => sierra::COOKIE,
            SystemKind::Enterprise => enterprise::COOKIE,
            SystemKind::Koha => koha::COOKIE,
        }
    }

    pub(crate) fn page_of_system(&self, desk: &Desk<'_>) -> Page {
        match self.site.system {
            SystemKind::Bibliocommons => bibliocommons::page(desk),
            SystemKind::Sierra => sierra::page(desk),
            SystemKind::Enterprise => enterprise::page(desk),
            SystemKind::Koha => koha::page(desk),
        }
    }

    /// Puts a request on record; the number under which it is found again.
    pub(crate) fn push(&self, seen: RequestSeen) -> usize {
        lock(&self.log).push(seen)
    }

    pub(crate) fn note(&self, number_in_log: usize, act: impl FnOnce(&mut RequestSeen)) {
        lock(&self.log).note(number_in_log, act);
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

/// What becomes of a request, and how fast.
pub(crate) struct Answer {
    pub(crate) delivery: Delivery,
    pub(crate) delay: Duration,
    /// The pause before each byte.
    pub(crate) drip: Duration,
}

/// A request that is being answered; it lands when dropped, also when the client goes away.
pub(crate) struct Flight(Arc<Server>);

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A lock that a panicking test thread cannot spoil for the others.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
