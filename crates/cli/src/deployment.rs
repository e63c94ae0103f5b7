//! Where LibraryHippo runs, and what a command can ask of it there.

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

use crate::config::PERSON;
use crate::exit::CommandError;
use crate::finding::Finding;
use crate::home::SecretsLock;
use crate::key_store::KeyStore;

/// A run of a job that a command asks for.
#[derive(Debug, Clone)]
pub(crate) struct RunRequest<I> {
    /// The run.
    pub(crate) key: RunKey,
    /// Whether a schedule started the command, and not a person.
    pub(crate) is_schedule: bool,
    /// What the job is asked to do.
    pub(crate) input: I,
}

impl<I> RunRequest<I> {
    /// Moves the run a millisecond on: a person who asks twice within a second means two runs.
    fn next_key(&mut self) {
        self.key.scheduled_time += chrono::Duration::milliseconds(1);
    }
}

/// A run of `check-cards` that a command asks for.
#[derive(Debug, Clone)]
pub(crate) struct CheckCardsRequest {
    /// The run.
    pub(crate) run: RunRequest<CheckCardsInput>,
    /// How many libraries are visited at a time; `None`: as configured.
    pub(crate) concurrency: Option<u16>,
    /// Whether to check a library's cards without a pause between them.
    pub(crate) no_pause: bool,
}

/// A run of `notify-all` that a command asks for.
#[derive(Debug, Clone)]
pub(crate) struct NotifyAllRequest {
    /// The run.
    pub(crate) run: RunRequest<NotifyAllInput>,
    /// Whether to send also what waits since the mail server refused it; `None`: if a person asks.
    pub(crate) at_once: Option<bool>,
}

/// How a run of `check-cards` went.
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
        /// The run.
        run: RunKey,
        /// How many cards will be checked.
        cards: u64,
        /// In how many visits.
        visits: u64,
    },
    /// No run was started.
    NotStarted(NotStarted),
}

/// How a run of `notify-all` went.
#[derive(Debug)]
pub(crate) enum NotifyAllAnswer {
    /// It is done.
    Done {
        /// The run.
        run: Run,
        /// How far each notice got.
        notices: Vec<MailResult>,
    },
    /// Its notices are in a queue.
    #[cfg_attr(
        not(feature = "aws"),
        expect(dead_code, reason = "only a stack on AWS has queues")
    )]
    Enqueued {
        /// The run.
        run: RunKey,
        /// How many will be sent.
        notices: u64,
    },
    /// No run was started.
    NotStarted(NotStarted),
}

/// How the check of one card went.
#[derive(Debug)]
pub(crate) enum CheckCardAnswer {
    /// It is done.
    Checked(Box<Check>),
    /// The visit left the card out.
    LeftOut,
    /// A person, or the system, stopped it.
    Stopped,
    /// It isn't done yet, and nobody has to wait for it.
    #[cfg_attr(
        not(feature = "aws"),
        expect(dead_code, reason = "only a stack on AWS has queues")
    )]
    Queued,
}

/// The schedules that are paused, and where.
#[derive(Debug, Default)]
pub(crate) struct PausedSchedules {
    /// Each job and label.
    pub(crate) schedules: Vec<(Job, Label)>,
    /// The end of a sentence: where it is paused, and how to resume it.
    pub(crate) how: &'static str,
}

/// Where LibraryHippo runs: a home on this machine, or a stack on AWS.
///
/// Commands wait for one thing at a time, so the futures need not be `Send`.
#[async_trait(?Send)]
pub(crate) trait Deployment {
    /// The stack's name; `None` on this machine.
    fn stack(&self) -> Option<&str>;

    /// The operator's time zone.
    fn timezone(&self) -> Tz;

    /// Whom an email names for questions.
    fn contact(&self) -> Option<&str>;

    /// What is remembered.
    fn store(&self) -> Arc<dyn Store>;

    /// Where the keys are.
    fn keys(&self) -> Box<dyn KeyStore>;

    /// Makes the keys that are missing; returns the names of those.
    async fn create_missing_keys(&self) -> Result<Vec<&'static str>, CommandError>;

    /// Whether everyday commands hold the private key, and so can open a card's number.
    fn holds_private_key(&self) -> bool;

    /// Says what the old key is still needed for, once it is forgotten.
    fn old_key_advice(&self) -> String;

    /// Waits for the right to write numbers and PINs, where there is a lock for it.
    fn lock_secrets(&self) -> Result<Option<SecretsLock>, CommandError>;

    /// The mail service.
    fn mailer(&self) -> Result<Box<dyn Mailer>, CommandError>;

    /// Where emails go, for people.
    fn mail_destination(&self) -> String;

    /// What a person should change about the way emails go.
    fn mail_warning(&self) -> Option<String>;

    /// Checks what is particular to this deployment; these are all the recipients.
    async fn diagnose(&self, recipients: &[EmailAddress]) -> Vec<Finding>;

    /// The labels with which schedules of a job are declared.
    fn declared_labels(&self, job: Job) -> Vec<String>;

    /// The schedules that are paused, or why nobody can tell.
    async fn paused_schedules(&self) -> Result<PausedSchedules, String>;

    /// The last time at which a schedule should have started a run, where its times are known.
    fn last_scheduled_time(
        &self,
        job: Job,
        label: &Label,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>>;

    /// The label of a scheduled run whose schedule gives none.
    fn default_label(&self, job: Job) -> &'static str;

    /// Whether a check can be recorded here.
    fn can_record(&self) -> bool;

    /// Checks one card now; `recorder` sees what is sent and answered, where that is possible.
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

/// A visit to this card alone.
pub(crate) fn visit_to(card: &Card, planned_at: DateTime<Utc>) -> Result<Visit, CommandError> {
    Ok(Visit {
        library: card.library.clone(),
        cards: vec![card.key()],
        planned_at,
        run: RunKey {
            job: Job::CheckCards,
            label: PERSON.parse()?,
            scheduled_time: planned_at,
        },
    })
}
