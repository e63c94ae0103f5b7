//! What follows a run on this machine: the operator's alerts, and the heartbeat of a good run.

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

/// What follows a run.
pub(crate) struct LocalAfterRun<'a> {
    jobs: &'a Jobs,
    store: &'a dyn Store,
    clock: &'a dyn Clock,
    mailer: Option<(EmailAddress, Box<dyn Mailer>)>,
    is_schedule: bool,
}

impl<'a> LocalAfterRun<'a> {
    /// Alerts go out by `mailer`; `is_schedule`: no person is looking.
    pub(crate) fn new(
        jobs: &'a Jobs,
        store: &'a dyn Store,
        clock: &'a dyn Clock,
        mailer: Result<Box<dyn Mailer>, CommandError>,
        is_schedule: bool,
    ) -> Self {
        let mailer = jobs.operator.clone().and_then(|address| {
            mailer
                // Cards can be checked without it.
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

    /// The email to the operator, if an address is configured.
    pub(crate) fn operator_mail(&'a self) -> Option<MailNotifier<'a>> {
        let (address, mailer) = self.mailer.as_ref()?;
        Some(MailNotifier {
            mailer: &**mailer,
            address: address.clone(),
            clock: self.clock,
        })
    }

    /// What follows a run: alerts are emailed, or logged where a schedule started the run, since
    /// cron emails that. A person who is looking at the answer isn't told twice.
    pub(crate) fn after(&'a self, mail: Option<&'a MailNotifier<'a>>) -> AfterRun<'a> {
        let notifier = mail.map_or(&LogNotifier as &dyn Notifier, |mail| mail);
        let is_told = mail.is_some() || self.is_schedule;
        AfterRun {
            alerts: self.store,
            outbox: self.store,
            notifiers: is_told.then(|| Notifiers::all(notifier)),
            heartbeat: Heartbeat {
                ping: &HttpHeartbeat,
                urls: self.jobs.heartbeats.clone(),
                runs: self.store,
            },
            clock: self.clock,
        }
    }
}
