//! One card's visit to its library's site: its inputs and time limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hippo_core::account::Account;
use hippo_core::card::{CardSecret, LoginOutcome};
use hippo_core::failure::{Failure, FailureKind};
use hippo_core::library::Library;
use hippo_core::site::LoginPermit;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::{Connections, Session};

/// One card's visit to its library's site.
///
/// A system that reads pages or JSON calls [`Self::browse`]. A system with its own protocol asks
/// [`Self::permit`] before it sends a login, records the login's outcome with it, and runs within
/// [`Self::within_limit`].
pub struct CardVisit<'a> {
    /// The connections that all cards share.
    pub connections: &'a Connections,
    /// The card's library.
    pub library: &'a Library,
    /// The card's number and PIN, as the library's site expects them.
    pub secret: &'a CardSecret,
    /// Permits each login, and records its outcome.
    pub permit: &'a dyn LoginPermit,
    /// Stops the visit, and reports its progress.
    pub signals: VisitSignals,
}

/// Why reading an account was interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// The caller no longer waits for the account.
    Stopped,
    /// The card's time limit passed.
    TimedOut,
}

/// The visit's side of the signals between it and its caller.
#[derive(Debug, Clone)]
pub struct VisitSignals {
    stopped: watch::Receiver<()>,
    is_read: Arc<AtomicBool>,
}

/// The caller's side of the signals. Dropping it stops the visit.
#[derive(Debug)]
pub struct VisitHandle {
    _stop: watch::Sender<()>,
    is_read: Arc<AtomicBool>,
}

impl VisitSignals {
    /// Creates both sides.
    pub fn new() -> (VisitHandle, Self) {
        let (stop, stopped) = watch::channel(());
        let is_read = Arc::<AtomicBool>::default();
        let handle = VisitHandle {
            _stop: stop,
            is_read: Arc::clone(&is_read),
        };
        (handle, Self { stopped, is_read })
    }
}

impl VisitHandle {
    /// Whether everything except the logout is done.
    pub fn is_read(&self) -> bool {
        self.is_read.load(Ordering::Acquire)
    }
}

impl CardVisit<'_> {
    /// Runs `reading` until the card's time limit passes or the caller stops waiting.
    pub async fn within_limit<T>(
        &self,
        reading: impl Future<Output = T>,
    ) -> Result<T, Interruption> {
        let mut stopped = self.signals.stopped.clone();
        tokio::select! {
            biased;
            // Nothing is ever sent, so a change means that the handle was dropped.
            _ = stopped.changed() => Err(Interruption::Stopped),
            outcome = timeout(self.connections.limits.card, reading) => {
                outcome.map_err(|_| Interruption::TimedOut)
            }
        }
    }

    /// Signals that everything except the logout is done. The logout has its own limit.
    pub fn mark_read(&self) {
        self.signals.is_read.store(true, Ordering::Release);
    }

    /// Runs a script that reads the account, in a new session. Always logs out at the end.
    pub async fn browse<S>(&self, script: S) -> Result<Account, Failure>
    where
        S: AsyncFnOnce(&mut Session<'_>) -> Result<Account, Failure>,
    {
        let mut session = Session::new(self.connections, self.library, self.secret, self.permit);
        let outcome = self.within_limit(script(&mut session)).await;
        let limit = self.connections.limits.card.as_secs_f32();
        let outcome = outcome.unwrap_or_else(|interruption| {
            Err(match interruption {
                Interruption::Stopped => Failure::not_tried("The check was stopped."),
                Interruption::TimedOut if session.is_login_sent() => {
                    Failure::site_down(format!("not read to the end within {limit} s"))
                }
                Interruption::TimedOut => {
                    Failure::site_down(format!("no login page within {limit} s"))
                }
            })
        });
        let is_of_kind = |kind| matches!(&outcome, Err(failure) if failure.kind == kind);
        let is_in_doubt = session.is_login_sent() && !session.is_logged_in();
        let recorded = if is_in_doubt && is_of_kind(FailureKind::WrongCredentials) {
            let recorded = self
                .permit
                .record_login_outcome(LoginOutcome::Refused)
                .await;
            recorded.map_err(Failure::from)
        } else {
            session.record_accepted_login().await
        };
        // Taken before the logout, which replaces the last page.
        let skeleton = if is_of_kind(FailureKind::PageChanged) {
            session.skeleton()
        } else {
            None
        };
        self.mark_read();
        session.end().await;
        recorded?;
        outcome.map_err(|failure| Failure {
            skeleton,
            ..failure
        })
    }
}
