//! What follows a run on this machine: the operator is told once, and a good run gives a sign of life.

use hippo_core::alerts::after_run::AfterRun;
use hippo_core::alerts::heartbeat::Heartbeat;
use hippo_core::alerts::notifier::LogNotifier;
use hippo_core::alerts::notifier::MailNotifier;
use hippo_core::alerts::notifier::Notifier;
use hippo_core::alerts::notifier::Notifiers;
use hippo_core::family::EmailAddress;
use hippo_core::mail::Mailer;
use hippo_local::ping::HttpPing;

use crate::config::Jobs;
use crate::context::Context;
use crate::exit::CommandError;

/// What follows a run.
pub(crate) struct Following<'a> {
    context: &'a Context,
    jobs: &'a Jobs,
    mailer: Option<(EmailAddress, Box<dyn Mailer>)>,
    is_schedule: bool,
}

impl<'a> Following<'a> {
    /// Ready to tell by the mail service of this home; `is_schedule`: no person is looking.
    pub(crate) fn new(context: &'a Context, is_schedule: bool) -> Result<Self, CommandError> {
        let jobs = &context.here()?.config.jobs;
        let mailer = jobs.operator.clone().and_then(|address| {
            context
                .mailer()
                // Cards can be checked without it.
                .inspect_err(|error| {
                    tracing::error!(%error, "The operator can only be told by the log.");
                })
                .ok()
                .map(|mailer| (address, mailer))
        });
        Ok(Self {
            context,
            jobs,
            mailer,
            is_schedule,
        })
    }

    /// The mail to the operator, if there is somebody to write to.
    pub(crate) fn mail(&'a self) -> Option<MailNotifier<'a>> {
        let (address, mailer) = self.mailer.as_ref()?;
        Some(MailNotifier {
            mailer: &**mailer,
            address: address.clone(),
            clock: &*self.context.clock,
        })
    }

    /// What follows a run: all is told by mail, or to the log where a schedule started the run, since
    /// cron mails it. A person who is looking at the answer is not told it twice.
    pub(crate) fn after(&'a self, mail: Option<&'a MailNotifier<'a>>) -> AfterRun<'a> {
        let store = &*self.context.store;
        let heartbeat = Heartbeat {
            ping: &HttpPing,
            urls: self.jobs.heartbeats.clone(),
            runs: store,
        };
        let notifier = mail.map_or(&LogNotifier as &dyn Notifier, |mail| mail);
        let is_told = mail.is_some() || self.is_schedule;
        AfterRun {
            alerts: store,
            outbox: store,
            notifiers: is_told.then(|| Notifiers::all(notifier)),
            heartbeat,
            clock: &*self.context.clock,
        }
    }
}
