//! The dry run of a function, which shows that it starts and may read its table. It changes nothing.

use serde_json::{Value, json};

/// The event of a dry run, which starts no run.
pub fn event() -> Value {
    json!({"dry_run": true})
}

/// Whether an event asks for a dry run.
#[cfg(feature = "functions")]
pub(crate) fn is_requested(received: &Value) -> bool {
    *received == event()
}
