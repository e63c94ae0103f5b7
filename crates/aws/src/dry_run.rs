//! The dry run of a function, which shows that it starts and may read its table.

use serde_json::{Value, json};

/// The event of a dry run, which changes nothing.
pub fn event() -> Value {
    json!({"dry_run": true})
}

/// Whether an event asks for a dry run.
#[cfg(feature = "functions")]
pub(crate) fn is_requested(received: &Value) -> bool {
    *received == event()
}
