//! The interface of a deployment: a home on this machine, or a stack on AWS.

#[cfg(feature = "aws")]
pub(crate) mod aws;
pub(crate) mod local;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use hippo_core::card::Card;
use hippo_core::check::Check;
use hippo_core::email_address::EmailAddress;
use hippo_core::ids::Label;
use hippo_core::jobs::check_cards::CheckCardsInput;
use hippo_core::jobs::check_cards::run::CheckedCards;
use hippo_core::jobs::check_cards::visit::Visit;
use hippo_core::jobs::notify::NotifyAllInput;
use hippo_core::jobs::notify::send::MailResult;
use hippo_core::mail::Mailer;
use hippo_core::run::not_started::NotStarted;
use hippo_core::run::{Job, Run, RunKey};
use hippo_core::store::Store;
use hippo_recording::Recorder;

use crate::config::PERSON_LABEL;
use crate::exit::CommandError;
use crate::finding::Finding;
use crate::home::SecretsLock;
use crate::key_store::KeyStore;

/// A request to run a job.
#[derive(Debug, Clone)]
pub(crate) struct RunRequest<I> {
    pub(crate) key: RunKey,
    /// Whether a schedule started the command, and not a person.
    pub(crate) is_schedule: bool,
    /// The job's input.
    pub(crate) input: I,
}

impl<I> RunRequest<I> {
    /// Moves the scheduled time on by a millisecond, so that a person can start two runs within a
    /// second.
    fn next_key(&mut self) {
        self.key.scheduled_time += chrono::Duration::milliseconds(1);
    }
}

/// A request to run `check-cards`.
#[derive(Debug, Clone)]
pub(crate) struct CheckCardsRequest {
    pub(crate) run: RunRequest<CheckCardsInput>,
    /// How many libraries to visit at a time, if not as configured.
    pub(crate) concurrency: Option<u16>,
    /// Whether to check a library's cards without a pause between them.
    pub(crate) no_pause: bool,
}

/// A request to run `notify-all`.
#[derive(Debug, Clone)]
pub(crate) struct NotifyAllRequest {
    pub(crate) run: RunRequest<NotifyAllInput>,
    /// Whether to retry notices that the mail server refused; by default only if a person asks.
    pub(crate) at_once: Option<bool>,
}

/// The result of a request to run `check-cards`.
#[derive(Debug)]
pub(crate) enum CheckCardsAnswer {
    /// It is done.
    Done(CheckedCards),
    /// Its visits are in a queue.
    #[cfg_attr(
        not(feature = "aws"),
        expect(dead_code, reason = "only a stack on AWS has queues")
    )]
    Enqueued {
        run: RunKey,
        cards: u64,
        visits: u64,
    },
    /// No run was started.
    NotStarted(NotStarted),
}

/// The result of a request to run `notify-all`.
#[derive(Debug)]
pub(crate) enum NotifyAllAnswer {
    /// The run is done.
    Done { run: Run, notices: Vec<MailResult> },
    /// The run enqueued its notices.
    #[cfg_attr(
        not(feature = "aws"),
        expect(dead_code, reason = "only a stack on AWS has queues")
    )]
    Enqueued { run: RunKey, notices: u64 },
    /// No run was started.
    NotStarted(NotStarted),
}

/// The result of a request to check one card.
#[derive(Debug)]
pub(crate) enum CheckCardAnswer {
    /// The check is done.
    Checked(Box<Check>),
    /// The visit left the card out.
    LeftOut,
    /// A signal stopped the check.
    Stopped,
    /// The check is still queued and goes on without the command.
    #[cfg_attr(
        not(feature = "aws"),
        expect(dead_code, reason = "only a stack on AWS has queues")
    )]
    Queued,
}

/// The paused schedules, and how to resume them.
#[derive(Debug, Default)]
pub(crate) struct PausedSchedules {
    /// Each job and label.
    pub(crate) schedules: Vec<(Job, Label)>,
    /// Completes the sentence “The schedule …”: where it is paused, and how to resume it.
    pub(crate) how: &'static str,
}

/// A home on this machine, or a stack on AWS.
///
/// Commands await one thing at a time, so the futures need not be `Send`.
#[async_trait(?Send)]
pub(crate) trait Deployment {
    /// The stack's name; `None` on this machine.
    fn stack(&self) -> Option<&str>;

    /// The operator's time zone.
    fn timezone(&self) -> Tz;

    /// The operator's address, for questions from families.
    fn contact(&self) -> Option<&str>;

    fn store(&self) -> Arc<dyn Store>;

    fn keys(&self) -> Box<dyn KeyStore>;

    /// Creates the missing keys and returns their names.
    async fn create_missing_keys(&self) -> Result<Vec<&'static str>, CommandError>;

    /// Whether everyday commands hold the private key and can read a card's number.
    fn holds_private_key(&self) -> bool;

    /// Explains what still needs the old key after a rotation.
    fn old_key_advice(&self) -> String;

    /// Waits for the right to write numbers and PINs; `None` if the deployment has no lock.
    fn lock_secrets(&self) -> Result<Option<SecretsLock>, CommandError>;

    fn mailer(&self) -> Result<Box<dyn Mailer>, CommandError>;

    /// Describes to people where emails go.
    fn mail_destination(&self) -> String;

    /// A warning about the mail configuration, if there is one.
    fn mail_warning(&self) -> Option<String>;

    /// Runs the doctor's checks of this kind of deployment; `recipients` are those of all families.
    async fn diagnose(&self, recipients: &[EmailAddress]) -> Vec<Finding>;

    /// The labels of a job's declared schedules.
    fn declared_labels(&self, job: Job) -> Vec<String>;

    /// The paused schedules, or why they can't be read.
    async fn paused_schedules(&self) -> Result<PausedSchedules, String>;

    /// A schedule's last scheduled time up to `now`, if its times are known.
    fn last_scheduled_time(
        &self,
        job: Job,
        label: &Label,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>>;

    /// The label of a scheduled run without one.
    fn default_label(&self, job: Job) -> &'static str;

    /// Whether a check can be recorded.
    fn can_record(&self) -> bool;

    /// Checks one card now; `recorder` observes every request and response.
    async fn check_card(
        &self,
        card: &Card,
        recorder: Option<Arc<Recorder>>,
    ) -> Result<CheckCardAnswer, CommandError>;

    /// Runs `check-cards`.
    async fn check_cards(
        &self,
        request: CheckCardsRequest,
    ) -> Result<CheckCardsAnswer, CommandError>;

    /// Runs `notify-all`.
    async fn notify_all(&self, request: NotifyAllRequest) -> Result<NotifyAllAnswer, CommandError>;
}

/// Plans a visit for this card alone.
pub(crate) fn visit_to(card: &Card, planned_at: DateTime<Utc>) -> Result<Visit, CommandError> {
    Ok(Visit {
        library: card.library.clone(),
        cards: vec![card.key()],
        planned_at,
        run: RunKey {
            job: Job::CheckCards,
            label: PERSON_LABEL.parse()?,
            scheduled_time: planned_at,
        },
    })
}
