//! Sessions of the web pages, attempts to sign in, and their limits.

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreResult;

use crate::sign_in::{PersonId, RateKey, RateLog, Session, SignInAttempt, TokenHash};

/// Stores sessions, attempts to sign in, and their limits.
///
/// An expired record may be deleted at any time, or be there for days: callers check the time.
#[async_trait]
pub trait SignInStore: Send + Sync {
    /// Adds a session.
    async fn add_session(&self, session: &Session) -> StoreResult<()>;

    /// Returns the session of a token's hash.
    async fn session(&self, hash: &TokenHash) -> StoreResult<Option<Session>>;

    /// Replaces a session; false if it was removed.
    async fn replace_session(&self, session: &Session) -> StoreResult<bool>;

    /// Removes a session; does nothing if it is gone.
    async fn remove_session(&self, session: &Session) -> StoreResult<()>;

    /// Removes every session of a person.
    async fn remove_sessions(&self, person: &PersonId) -> StoreResult<()>;

    /// Adds an attempt to sign in.
    async fn add_attempt(&self, attempt: &SignInAttempt) -> StoreResult<()>;

    /// Returns an attempt.
    async fn attempt(&self, id: Uuid) -> StoreResult<Option<SignInAttempt>>;

    /// Replaces an attempt if its stored revision is still `expected_revision`, in one conditional write; true
    /// if it was replaced.
    async fn replace_attempt(
        &self,
        expected_revision: u64,
        attempt: &SignInAttempt,
    ) -> StoreResult<bool>;

    /// Returns when something happened lately.
    async fn rate_log(&self, key: &RateKey) -> StoreResult<Option<RateLog>>;

    /// Replaces a log if it is still `before`, in one conditional write; true if it was replaced.
    async fn replace_rate_log(
        &self,
        before: Option<&RateLog>,
        after: &RateLog,
    ) -> StoreResult<bool>;
}
