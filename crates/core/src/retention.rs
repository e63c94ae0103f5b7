//! How long what has ended stays on record.

use chrono::TimeDelta;

/// How long runs, final mails, delivered alerts and ended pauses stay on record. The outbox's protocol needs it.
pub const RETENTION: TimeDelta = TimeDelta::days(35);
