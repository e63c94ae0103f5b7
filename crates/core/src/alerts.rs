//! Alerts: what needs the operator, delivered once each.
//!
//! An [`Alert`] is an allow-list: it holds ids, dates, counts and the skeleton of a page, and nothing
//! else. [`raise_alerts`] records one; [`run_hooks`] delivers what is pending after each run, through
//! a [`notifier`]. [`heartbeat`] tells an outside service that runs go well.

mod alert;
mod confirm;
pub mod heartbeat;
mod mail;
pub mod notifier;
mod raise;
pub mod run_hooks;
mod stored;
mod withdraw;
mod wording;

pub use alert::{Alert, AlertKey, RunFault};
pub use confirm::{Confirmation, confirm_alert};
pub use mail::AlertHelp;
pub use raise::{end_page_alert, page_alerts, raise_alerts, raise_record_alerts};
pub use stored::{CLAIM_TIMEOUT, PendingAlerts, StoredAlert};
pub use withdraw::withdraw_library_alerts;

#[cfg(test)]
mod tests;
