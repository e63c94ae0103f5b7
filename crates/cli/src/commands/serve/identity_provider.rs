//! The identity provider of the pages, as the configuration names it.

use std::sync::Arc;

use hippo_core::sign_in::IdentityProvider;

use crate::config::Config;
use crate::exit::CommandError;
use crate::home::Home;

/// Sets up the identity provider, if there is one. Reads its secret, and sends nothing.
#[cfg(feature = "oidc")]
pub(super) fn identity_provider(
    home: &Home,
    config: &Config,
) -> Result<Option<Arc<dyn IdentityProvider>>, CommandError> {
    use crate::output::print_to_stderr;
    use hippo_oidc::{HeldSecret, OidcProvider, OidcSettings, REQUEST_TIMEOUT};

    let Some(oidc) = &config.web.oidc else {
        return Ok(None);
    };
    let secret = HeldSecret(oidc.read_secret(home.directory())?);
    if let Some(path) = oidc.readable_by_others(home.directory()) {
        print_to_stderr(format!(
            "Others can read the identity provider's secret in {path}. To keep it yours: chmod 600 {path}",
            path = path.display()
        ));
    }
    let settings = OidcSettings {
        name: oidc.name.clone(),
        issuer: oidc.issuer.clone(),
        client_id: oidc.client_id.clone(),
        timeout: REQUEST_TIMEOUT,
    };
    Ok(Some(Arc::new(OidcProvider::new(
        settings,
        Arc::new(secret),
    ))))
}

/// Refuses an identity provider: this command was built without the feature.
#[cfg(not(feature = "oidc"))]
pub(super) fn identity_provider(
    _: &Home,
    config: &Config,
) -> Result<Option<Arc<dyn IdentityProvider>>, CommandError> {
    match config.web.oidc {
        None => Ok(None),
        Some(_) => Err(CommandError::unusable(
            "The configuration has [web.oidc], but this hippo was built without the feature “oidc”.",
        )),
    }
}
