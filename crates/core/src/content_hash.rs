//! A hash of what a page showed, so that a form can say which version it was opened with.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Hashes what is stored of something: the hash differs once anything in it changed.
pub fn content_hash(content: &impl Serialize) -> String {
    let json = serde_json::to_vec(content).unwrap_or_default();
    let hash = Sha256::digest(&json);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
