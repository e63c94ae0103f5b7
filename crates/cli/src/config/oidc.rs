//! `[web.oidc]`: signing in to the pages with an account that people have elsewhere.

use std::path::{Path, PathBuf};

use hippo_core::sign_in::Issuer;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::refused::Refused;
use super::secret::{read_secret_file, read_secret_variable, readable_by_others};
use crate::exit::CommandError;

/// What completes an error message about the secret.
const SECRET: &str = "the client secret of the identity provider";

/// The longest name of a provider.
const MAX_NAME_LENGTH: usize = 40;

/// An identity provider.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OidcConfig {
    /// What people call it.
    pub(crate) name: String,
    /// Its issuer.
    pub(crate) issuer: Issuer,
    /// Our id there.
    pub(crate) client_id: String,
    secret: SecretPlace,
}

/// Where the secret is.
#[derive(Debug, Clone, PartialEq)]
enum SecretPlace {
    /// A file; relative to the home.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
}

/// `[web.oidc]` before validation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OidcTable {
    issuer: String,
    client_id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    client_secret_file: Option<PathBuf>,
    #[serde(default)]
    client_secret_env: Option<String>,
    /// Exists only to be rejected with a message of its own.
    #[serde(default)]
    client_secret: Option<Refused>,
}

impl OidcTable {
    /// Checks the values; an error message completes a sentence after the file's path.
    pub(super) fn into_config(self) -> Result<OidcConfig, String> {
        if self.client_secret.is_some() {
            return Err(
                "has a secret at “web.oidc.client_secret”. A secret doesn't belong in the configuration: put it in a \
                 file that only you can read and name that with client_secret_file, or name an environment variable \
                 with client_secret_env."
                    .to_owned(),
            );
        }
        let issuer: Issuer = self
            .issuer
            .parse()
            .map_err(|error| format!("has a mistake at “web.oidc.issuer”: {error}"))?;
        if self.client_id.trim().is_empty() {
            return Err(
                "has an empty “web.oidc.client_id”. Give the id that the provider gave you."
                    .to_owned(),
            );
        }
        let secret = match (self.client_secret_file, self.client_secret_env) {
            (Some(file), None) => SecretPlace::File(file),
            (None, Some(name)) => SecretPlace::Variable(name),
            (Some(_), Some(_)) => {
                return Err(
                    "has both client_secret_file and client_secret_env at “web.oidc”. Keep one of them."
                        .to_owned(),
                );
            }
            (None, None) => {
                return Err(
                    "has no secret at “web.oidc”. Name its file with client_secret_file, or an environment variable \
                     with client_secret_env."
                        .to_owned(),
                );
            }
        };
        let name = self.name.unwrap_or_else(|| issuer.host().to_owned());
        let name = name.trim().to_owned();
        if name.is_empty() || name.chars().count() > MAX_NAME_LENGTH {
            return Err(format!(
                "has a mistake at “web.oidc.name”: write the provider's name, in 1 to {MAX_NAME_LENGTH} letters."
            ));
        }
        Ok(OidcConfig {
            name,
            issuer,
            client_id: self.client_id.trim().to_owned(),
            secret,
        })
    }
}

#[cfg_attr(
    not(feature = "oidc"),
    allow(dead_code, reason = "without the feature, the pages refuse the table")
)]
impl OidcConfig {
    /// The secret's file, if it is in one.
    pub(crate) fn secret_file(&self, home: &Path) -> Option<PathBuf> {
        match &self.secret {
            SecretPlace::File(file) => Some(home.join(file)),
            SecretPlace::Variable(_) => None,
        }
    }

    /// Returns the secret's file if others can read it.
    pub(crate) fn readable_by_others(&self, home: &Path) -> Option<PathBuf> {
        readable_by_others(self.secret_file(home)?)
    }

    /// Reads the secret.
    pub(crate) fn read_secret(&self, home: &Path) -> Result<SecretString, CommandError> {
        let secret = match &self.secret {
            SecretPlace::File(file) => read_secret_file(&home.join(file), SECRET)?,
            SecretPlace::Variable(name) => read_secret_variable(name, SECRET)?,
        };
        match secret.expose_secret().is_empty() {
            false => Ok(secret),
            true => Err(CommandError::unusable(format!(
                "The file that should hold {SECRET} is empty."
            ))),
        }
    }
}
