//! One card's visit to its library's site: what a system is given, and how long it may take.

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
/// A system that reads pages or JSON visits by [`Self::browse`]. One with a protocol of its own asks
/// [`Self::permit`] before it sends a login, settles the login through it, and keeps to the limits by
/// [`Self::within_limit`].
pub struct CardVisit<'a> {
    /// The connections that all cards share.
    pub connections: &'a Connections,
    /// The card's library.
    pub library: &'a Library,
    /// The card's number and PIN, as the library's site wants them.
    pub secret: &'a CardSecret,
    /// Asked before each login, and told what became of it.
    pub permit: &'a dyn LoginPermit,
    /// Ends the visit, and says how far it is.
    pub signals: VisitSignals,
}

/// Why the reading of an account ended before it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// Nobody waits for the account any longer.
    Stopped,
    /// The card's time is over.
    TimedOut,
}

/// The visit's end of what it and its caller tell each other.
#[derive(Debug, Clone)]
pub struct VisitSignals {
    stopped: watch::Receiver<()>,
    is_read: Arc<AtomicBool>,
}

/// The caller's end of what a visit and it tell each other; the visit is stopped when it is dropped.
#[derive(Debug)]
pub struct VisitHandle {
    _stop: watch::Sender<()>,
    is_read: Arc<AtomicBool>,
}

impl VisitSignals {
    /// Both ends.
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
    /// Whether all but the logout is done.
    pub fn is_read(&self) -> bool {
        self.is_read.load(Ordering::Acquire)
    }
}

impl CardVisit<'_> {
    /// Runs the reading of an account, until the card's time is over or nobody waits for it.
    pub async fn within_limit<T>(
        &self,
        reading: impl Future<Output = T>,
    ) -> Result<T, Interruption> {
        let mut stopped = self.signals.stopped.clone();
        tokio::select! {
            biased;
            // Nothing is ever sent: the other end is gone.
            _ = stopped.changed() => Err(Interruption::Stopped),
            outcome = timeout(self.connections.limits.card, reading) => {
                outcome.map_err(|_| Interruption::TimedOut)
            }
        }
    }

    /// Says that all but the logout is done, which has a limit of its own.
    pub fn mark_read(&self) {
        self.signals.is_read.store(true, Ordering::Release);
    }

    /// Reads the account by this script in a session of its own, and logs out however it ends.
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
        let settled = if is_in_doubt && is_of_kind(FailureKind::WrongCredentials) {
            let settled = self.permit.settle_login(LoginOutcome::Refused).await;
            settled.map_err(Failure::from)
        } else {
            session.settle_login().await
        };
        // The logout ends what the pages showed.
        let skeleton = if is_of_kind(FailureKind::PageChanged) {
            session.skeleton()
        } else {
            None
        };
        self.mark_read();
        session.end().await;
        settled?;
        outcome.map_err(|failure| Failure {
            skeleton,
            ..failure
        })
    }
}
