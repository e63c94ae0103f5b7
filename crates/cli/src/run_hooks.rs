//! The steps after a run on this machine: alerts to the operator, and the heartbeat.

use std::collections::BTreeMap;

use hippo_core::alerts::heartbeat::Heartbeat;
use hippo_core::alerts::notifier::{LogNotifier, MailNotifier, Notifier, Notifiers};
use hippo_core::alerts::run_hooks::RunHooks;
use hippo_core::clock::Clock;
use hippo_core::email_address::EmailAddress;
use hippo_core::ids::Label;
use hippo_core::mail::Mailer;
use hippo_core::public_url::PublicUrl;
use hippo_core::run::JobName;
use hippo_core::schedule::OnFailure;
use hippo_core::store::Store;
use hippo_heartbeat::HttpHeartbeat;

use crate::config::Jobs;
use crate::exit::CommandError;
use crate::failure_command::FailureCommand;
use crate::home::Home;
use crate::remedies::help_for_alert;

/// Delivers alerts and sends the heartbeat after a run.
pub(crate) struct LocalRunHooks<'a> {
    jobs: &'a Jobs,
    store: &'a dyn Store,
    clock: &'a dyn Clock,
    mailer: Option<(EmailAddress, Box<dyn Mailer>)>,
    // The notifiers of failed runs; `None` emails them.
    by_label: BTreeMap<Label, Option<Box<dyn Notifier>>>,
    by_job: BTreeMap<JobName, Option<Box<dyn Notifier>>>,
    for_failed_runs: Option<Box<dyn Notifier>>,
    is_unattended: bool,
    public_url: Option<PublicUrl>,
}

impl<'a> LocalRunHooks<'a> {
    /// Prepares the hooks of a run; `is_unattended` means that nobody is watching.
    pub(crate) fn new(
        home: &Home,
        jobs: &'a Jobs,
        store: &'a dyn Store,
        clock: &'a dyn Clock,
        mailer: Result<Box<dyn Mailer>, CommandError>,
        is_unattended: bool,
        public_url: Option<PublicUrl>,
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
            by_label: jobs
                .failures
                .by_label
                .iter()
                .map(|(label, on_failure)| (label.clone(), notifier(on_failure, home)))
                .collect(),
            by_job: jobs
                .failures
                .by_job
                .iter()
                .map(|(job, on_failure)| (*job, notifier(on_failure, home)))
                .collect(),
            for_failed_runs: notifier(&jobs.failures.all, home),
            is_unattended,
            public_url,
        }
    }

    /// The notifier by email, if the operator's address is configured.
    pub(crate) fn operator_mail(&'a self) -> Option<MailNotifier<'a>> {
        let (address, mailer) = self.mailer.as_ref()?;
        Some(MailNotifier {
            mailer: &**mailer,
            address: address.clone(),
            clock: self.clock,
            help: Some(help_for_alert),
            public_url: self.public_url.as_ref(),
        })
    }

    /// Without an email address, a scheduled run logs its alerts, because cron emails the log. A
    /// person's run doesn't log them.
    pub(crate) fn to_run_hooks(&'a self, mail: Option<&'a MailNotifier<'a>>) -> RunHooks<'a> {
        let default = mail.map_or(&LogNotifier as &dyn Notifier, |mail| mail);
        let notifies = mail.is_some() || self.is_unattended;
        RunHooks {
            alerts: self.store,
            outbox: self.store,
            notifiers: notifies.then(|| Notifiers {
                by_label: self
                    .by_label
                    .iter()
                    .map(|(label, own)| (label.clone(), own.as_deref()))
                    .collect(),
                by_job: self
                    .by_job
                    .iter()
                    .map(|(job, own)| (*job, own.as_deref()))
                    .collect(),
                for_failed_runs: self.for_failed_runs.as_deref(),
                default,
            }),
            heartbeat: Heartbeat {
                client: &HttpHeartbeat,
                urls: self.jobs.heartbeats.clone(),
                runs: self.store,
            },
            clock: self.clock,
        }
    }
}

/// The notifier of failed runs; `None` if they are emailed.
fn notifier(on_failure: &OnFailure, home: &Home) -> Option<Box<dyn Notifier>> {
    match on_failure {
        OnFailure::Mail => None,
        OnFailure::Log => Some(Box::new(LogNotifier)),
        OnFailure::Command(command) => {
            let folder = home.directory().to_owned();
            Some(Box::new(FailureCommand::new(command, folder)))
        }
    }
}
