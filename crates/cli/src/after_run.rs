//! The steps after a run on this machine: alerts to the operator, and the heartbeat.

use hippo_core::alerts::after_run::AfterRun;
use hippo_core::alerts::heartbeat::Heartbeat;
use hippo_core::alerts::notifier::{LogNotifier, MailNotifier, Notifier, Notifiers};
use hippo_core::clock::Clock;
use hippo_core::email_address::EmailAddress;
use hippo_core::mail::Mailer;
use hippo_core::store::Store;
use hippo_heartbeat::HttpHeartbeat;

use crate::config::Jobs;
use crate::exit::CommandError;

/// Delivers alerts and sends the heartbeat after a run.
pub(crate) struct LocalAfterRun<'a> {
    jobs: &'a Jobs,
    store: &'a dyn Store,
    clock: &'a dyn Clock,
    mailer: Option<(EmailAddress, Box<dyn Mailer>)>,
    is_schedule: bool,
}

impl<'a> LocalAfterRun<'a> {
    /// Prepares the steps after a run; `is_schedule` means that nobody is watching.
    pub(crate) fn new(
        jobs: &'a Jobs,
        store: &'a dyn Store,
        clock: &'a dyn Clock,
        mailer: Result<Box<dyn Mailer>, CommandError>,
        is_schedule: bool,
    ) -> Self {
        let mailer = jobs.operator.clone().and_then(|address| {
            mailer
                // Checks work without a mailer.
                .inspect_err(|error| {
                    tracing::error!(%error, "Alerts only reach the log.");
                })
                .ok()
                .map(|mailer| (address, mailer))
        });
        Self {
            jobs,
            store,
            clock,
            mailer,
            is_schedule,
        }
    }

    /// The notifier by email, if the operator's address is configured.
    pub(crate) fn operator_mail(&'a self) -> Option<MailNotifier<'a>> {
        let (address, mailer) = self.mailer.as_ref()?;
        Some(MailNotifier {
            mailer: &**mailer,
            address: address.clone(),
            clock: self.clock,
        })
    }

    /// Builds the core's configuration of these steps.
    ///
    /// Without an email address, a scheduled run logs its alerts, because cron emails the log. A
    /// person's run doesn't log them.
    pub(crate) fn to_after_run(&'a self, mail: Option<&'a MailNotifier<'a>>) -> AfterRun<'a> {
        let notifier = mail.map_or(&LogNotifier as &dyn Notifier, |mail| mail);
        let notifies = mail.is_some() || self.is_schedule;
        AfterRun {
            alerts: self.store,
            outbox: self.store,
            notifiers: notifies.then(|| Notifiers::all(notifier)),
            heartbeat: Heartbeat {
                ping: &HttpHeartbeat,
                urls: self.jobs.heartbeats.clone(),
                runs: self.store,
            },
            clock: self.clock,
        }
    }
}
