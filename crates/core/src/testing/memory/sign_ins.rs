//! The sessions and sign-ins.

use async_trait::async_trait;
use uuid::Uuid;

use super::MemoryStore;

use crate::sign_in::{PersonId, RateKey, RateLog, Session, SignInAttempt, TokenHash};
use crate::store::{SignInStore, StoreResult};

#[async_trait]
impl SignInStore for MemoryStore {
    async fn add_session(&self, session: &Session) -> StoreResult<()> {
        self.write()?
            .sessions
            .insert(session.hash.to_string(), session.clone());
        Ok(())
    }

    async fn session(&self, hash: &TokenHash) -> StoreResult<Option<Session>> {
        Ok(self.read()?.sessions.get(&hash.to_string()).cloned())
    }

    async fn replace_session(&self, session: &Session) -> StoreResult<bool> {
        let mut state = self.write()?;
        let stored = state.sessions.get_mut(&session.hash.to_string());
        Ok(stored.map(|stored| *stored = session.clone()).is_some())
    }

    async fn remove_session(&self, session: &Session) -> StoreResult<()> {
        self.write()?.sessions.remove(&session.hash.to_string());
        Ok(())
    }

    async fn remove_sessions(&self, person: &PersonId) -> StoreResult<()> {
        let mut state = self.write()?;
        state
            .sessions
            .retain(|_, session| session.person != *person);
        Ok(())
    }

    async fn add_attempt(&self, attempt: &SignInAttempt) -> StoreResult<()> {
        self.write()?.attempts.insert(attempt.id, attempt.clone());
        Ok(())
    }

    async fn attempt(&self, id: Uuid) -> StoreResult<Option<SignInAttempt>> {
        Ok(self.read()?.attempts.get(&id).cloned())
    }

    async fn replace_attempt(
        &self,
        expected_revision: u64,
        attempt: &SignInAttempt,
    ) -> StoreResult<bool> {
        let mut state = self.write()?;
        let stored = state.attempts.get_mut(&attempt.id);
        let stored = stored.filter(|stored| stored.revision == expected_revision);
        Ok(stored.map(|stored| *stored = attempt.clone()).is_some())
    }

    async fn rate_log(&self, key: &RateKey) -> StoreResult<Option<RateLog>> {
        Ok(self.read()?.rate_logs.get(key).cloned())
    }

    async fn replace_rate_log(
        &self,
        before: Option<&RateLog>,
        after: &RateLog,
    ) -> StoreResult<bool> {
        let mut state = self.write()?;
        let is_unchanged = state.rate_logs.get(&after.key) == before;
        if is_unchanged {
            state.rate_logs.insert(after.key.clone(), after.clone());
        }
        Ok(is_unchanged)
    }
}
