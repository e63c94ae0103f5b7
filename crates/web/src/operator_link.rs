//! The link by which the operator signs in without an email.

use chrono::{DateTime, Utc};
use hippo_core::public_url::PublicUrl;
use hippo_core::sign_in::{LINK_PAGE, NoRandomness, SignInAttempt, Token};
use hippo_core::store::{SignInStore, StoreError};

use crate::pages::sign_in::AttemptToken;

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub enum OperatorLinkError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no randomness for the token.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// Makes a link that signs the operator in once, within 15 minutes. It is a secret.
pub async fn create_operator_link(
    sign_ins: &dyn SignInStore,
    public_url: &PublicUrl,
    now: DateTime<Utc>,
) -> Result<String, OperatorLinkError> {
    let token = Token::generate()?;
    let attempt = SignInAttempt::for_operator(&token, now);
    sign_ins.add_attempt(&attempt).await?;
    let id = attempt.id;
    let page = public_url.page(LINK_PAGE);
    Ok(format!(
        "{page}?token={}",
        AttemptToken { id, token }.to_secret_text()
    ))
}
