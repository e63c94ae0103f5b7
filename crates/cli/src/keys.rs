//! Where the keys are kept that seal numbers and PINs.

use async_trait::async_trait;
use hippo_core::seal::{KeyRing, KeySource};
use hippo_local::key_file::KeyFile;

use crate::exit::CommandError;

/// Where the keys are kept, and can be put anew.
#[async_trait]
pub(crate) trait KeyPlace: KeySource {
    /// Puts these in the place of the present ones, in one step.
    async fn replace(&self, ring: &KeyRing) -> Result<(), CommandError>;

    /// Where it is, for people.
    fn shown(&self) -> String;
}

#[async_trait]
impl KeyPlace for KeyFile {
    async fn replace(&self, ring: &KeyRing) -> Result<(), CommandError> {
        Self::replace(self, ring).map_err(|error| CommandError::Unusable(error.to_string()))
    }

    fn shown(&self) -> String {
        self.path().display().to_string()
    }
}
