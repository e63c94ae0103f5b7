//! Secrets that the configuration names and doesn't hold.

use std::path::{Path, PathBuf};

use hippo_core::card::trim_invisible;
use secrecy::SecretString;
use zeroize::Zeroize as _;

use crate::exit::CommandError;
use crate::text_input::read_text_file;

/// Reads a secret from an environment variable. `what` completes an error message: `the password`.
pub(super) fn read_secret_variable(name: &str, what: &str) -> Result<SecretString, CommandError> {
    match std::env::var(name) {
        Ok(secret) if !trim_invisible(&secret).is_empty() => {
            Ok(SecretString::from(trim_invisible(&secret)))
        }
        _ => Err(CommandError::unusable(format!(
            "The environment variable {name}, which should hold {what}, isn't set."
        ))),
    }
}

/// Reads a secret from a file. `what` completes an error message: `the password`.
pub(super) fn read_secret_file(path: &Path, what: &str) -> Result<SecretString, CommandError> {
    let mut text = read_text_file(path).map_err(|error| {
        CommandError::unusable(format!("Can't read {what} from {}.", path.display()))
            .caused_by(error)
    })?;
    let secret = SecretString::from(trim_invisible(&text));
    text.zeroize();
    Ok(secret)
}

/// Returns the path of a secret's file if others can read it.
///
/// Unlike a key file it still works, because it may be mounted like that.
pub(super) fn readable_by_others(path: PathBuf) -> Option<PathBuf> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&path).ok()?.permissions().mode();
        (mode & 0o077 != 0).then_some(path)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}
