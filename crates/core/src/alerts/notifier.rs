//! The notifiers, which deliver alerts to the operator.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use async_trait::async_trait;
use futures::FutureExt as _;

use super::alert::Alert;
use super::mail::{AlertHelp, compose_alert_mail};
use crate::clock::Clock;
use crate::email_address::EmailAddress;
use crate::ids::Label;
use crate::mail::{Mail, Mailer, MessageKind, SendOutcome};
use crate::public_url::PublicUrl;
use crate::run::JobName;

/// The alerts could not be delivered. The message is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The alerts couldn't be delivered: {0}")]
pub struct DeliveryFailed(pub String);

/// Delivers alerts to the operator: by a mail, an alarm, a ticket.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Delivers all of these; after an error none of them counts as delivered.
    async fn notify(&self, alerts: &[Alert]) -> Result<(), DeliveryFailed>;
}

/// The notifiers: those of failed runs, and the default one for everything else.
///
/// A failed run has the notifier of its label, or else of its job, or else the one for all failed
/// runs. `None` stands for the default one, which also takes over if the chosen one fails.
pub struct Notifiers<'a> {
    /// The notifiers of the failed runs of single labels.
    pub by_label: BTreeMap<Label, Option<&'a dyn Notifier>>,
    /// The notifiers of the failed runs of single jobs.
    pub by_job: BTreeMap<JobName, Option<&'a dyn Notifier>>,
    /// The notifier of all other failed runs.
    pub for_failed_runs: Option<&'a dyn Notifier>,
    /// The notifier of all other alerts.
    pub default: &'a dyn Notifier,
}

/// Whose failed runs a group of alerts is about.
pub(super) type FailureGroup = (JobName, Label);

impl<'a> Notifiers<'a> {
    /// One notifier for every alert.
    pub fn all(default: &'a dyn Notifier) -> Self {
        Self {
            by_label: BTreeMap::new(),
            by_job: BTreeMap::new(),
            for_failed_runs: None,
            default,
        }
    }

    /// Finds the notifier of failed runs, unless it is the default one.
    fn find_notifier(&self, (job, label): &FailureGroup) -> Option<&'a dyn Notifier> {
        let of_label = self.by_label.get(label);
        let chosen = of_label.or_else(|| self.by_job.get(job)).copied();
        chosen.unwrap_or(self.for_failed_runs)
    }

    /// The group of an alert about a failed run with a notifier of its own.
    pub(super) fn failure_group(&self, alert: &Alert) -> Option<FailureGroup> {
        let (run, _) = alert.failed_run()?;
        let group = (run.job, run.label.clone());
        self.find_notifier(&group).is_some().then_some(group)
    }

    /// Delivers the alerts of one group through its own notifier, or through the default one if there
    /// is none or it fails.
    pub(super) async fn notify(
        &self,
        group: Option<&FailureGroup>,
        alerts: &[Alert],
    ) -> Result<(), DeliveryFailed> {
        if let Some((job, label)) = group
            && let Some(own) = group.and_then(|group| self.find_notifier(group))
        {
            // A notifier of its own may be foreign code, which may panic.
            match AssertUnwindSafe(own.notify(alerts)).catch_unwind().await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => {
                    tracing::error!(%job, %label, %error, "The notifier of a failed run failed; the default one takes over.");
                }
                Err(_) => {
                    tracing::error!(%job, %label, "The notifier of a failed run panicked; the default one takes over.");
                }
            }
        }
        self.default.notify(alerts).await
    }
}

/// Writes alerts to the log; the default without an operator's address.
pub struct LogNotifier;

#[async_trait]
impl Notifier for LogNotifier {
    async fn notify(&self, alerts: &[Alert]) -> Result<(), DeliveryFailed> {
        for alert in alerts {
            tracing::error!(key = %alert.key(), advice = alert.advice(), "{}", alert.sentence());
        }
        Ok(())
    }
}

/// Sends one mail to the operator with all alerts that are new.
pub struct MailNotifier<'a> {
    /// The mail service.
    pub mailer: &'a dyn Mailer,
    /// The recipient.
    pub address: EmailAddress,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// Finds the command lines that help against an alert; `None`: the mail names none.
    pub help: Option<fn(&Alert) -> AlertHelp>,
    /// The base URL of the web pages, if there are any.
    pub public_url: Option<&'a PublicUrl>,
}

#[async_trait]
impl Notifier for MailNotifier<'_> {
    async fn notify(&self, alerts: &[Alert]) -> Result<(), DeliveryFailed> {
        let help = |alert: &Alert| {
            self.help
                .map_or_else(AlertHelp::default, |help| help(alert))
        };
        let content = compose_alert_mail(alerts, help, self.public_url)
            .map_err(|error| DeliveryFailed(error.to_string()))?;
        let address = self.address.clone();
        let mail = Mail::for_message(MessageKind::Alert, address, content, self.clock.now());
        match self.mailer.send(&mail).await {
            SendOutcome::Accepted { .. } => Ok(()),
            SendOutcome::Refused { reason, .. }
            | SendOutcome::NotSent { reason }
            // An alert that comes twice is better than none.
            | SendOutcome::Unknown { reason } => Err(DeliveryFailed(reason)),
        }
    }
}
