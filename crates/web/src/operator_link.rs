//! The link by which the operator signs in without an email.

use hippo_core::sign_in::{LINK_PAGE, NoRandomness, SignInAttempt, Token};
use hippo_core::store::StoreError;

use crate::pages::sign_in::AttemptToken;
use crate::ports::WebPorts;

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
pub async fn create_operator_link(ports: &WebPorts) -> Result<String, OperatorLinkError> {
    let token = Token::generate()?;
    let attempt = SignInAttempt::for_operator(&token, ports.clock.now());
    ports.store.add_attempt(&attempt).await?;
    let id = attempt.id;
    let page = ports.settings.public_url.page(LINK_PAGE);
    Ok(format!(
        "{page}?token={}",
        AttemptToken { id, token }.to_secret_text()
    ))
}
