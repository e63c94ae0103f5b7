//! The interface of a deployment: a home on this machine, or a stack on AWS.

#[cfg(feature = "aws")]
pub(crate) mod aws;
pub(crate) mod local;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use hippo_core::card::Card;
use hippo_core::check::Check;
use hippo_core::email_address::EmailAddress;
use hippo_core::ids::Label;
use hippo_core::jobs::check_cards::CheckCardsInput;
use hippo_core::jobs::check_cards::visit::CheckedCard;
use hippo_core::jobs::notify::NotifyAllInput;
use hippo_core::jobs::notify::send::MailResult;
use hippo_core::mail::Mailer;
use hippo_core::queue::Visit;
use hippo_core::run::harness::OnProgress;
use hippo_core::run::not_started::NotStarted;
use hippo_core::run::{JobName, Run, RunKey};
use hippo_core::schedule::Schedule;
use hippo_core::store::Store;
use hippo_recording::Recorder;
use serde_json::Value;
use url::Url;

use crate::config::PERSON_LABEL;
use crate::exit::CommandError;
use crate::finding::Finding;
use crate::home::SecretsLock;
use crate::key_store::KeyStore;
use crate::run_log::read::{LogCursor, LogQuery, NewLines};

/// Who starts a run, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StartedBy {
    /// A schedule started the command.
    Schedule,
    /// A person wants a run now.
    Person,
    /// A person wants the run of a past scheduled time.
    Backfill,
}

/// A request to run a job.
#[derive(Debug, Clone)]
pub(crate) struct RunRequest<I> {
    pub(crate) key: RunKey,
    pub(crate) started_by: StartedBy,
    /// The job's input.
    pub(crate) input: I,
}

impl<I> RunRequest<I> {
    /// Whether a schedule started the command, and not a person.
    pub(crate) fn is_scheduled(&self) -> bool {
        self.started_by == StartedBy::Schedule
    }

    /// Whether it may get another key if a run has this one.
    fn may_change_key(&self) -> bool {
        self.started_by == StartedBy::Person
    }

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
    /// Whether to check a library's cards without a delay between them.
    pub(crate) no_delay: bool,
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
    /// The run is done.
    Done {
        run: Run,
        checked: Vec<CheckedCard>,
        /// On how many missed runs we caught up before it.
        made_up_for: usize,
    },
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
    /// The run is done, and its record says what became of its notices.
    #[cfg_attr(
        not(feature = "aws"),
        expect(dead_code, reason = "only a stack on AWS has functions")
    )]
    Recorded { run: RunKey, notices: u64 },
    /// The run enqueued its notices.
    #[cfg_attr(
        not(feature = "aws"),
        expect(dead_code, reason = "only a stack on AWS has queues")
    )]
    Enqueued { run: RunKey, notices: u64 },
    /// No run was started.
    NotStarted(NotStarted),
}

/// The result of a request to run a job that has no command of its own.
#[derive(Debug)]
pub(crate) enum JobAnswer {
    /// The run is done.
    Done { run: Run, summary: Value },
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

/// What keeps pictures of the day from being sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PictureProblem {
    /// What is missing, as a sentence.
    pub(crate) found: &'static str,
    /// What to do.
    pub(crate) advice: &'static str,
}

impl From<PictureProblem> for CommandError {
    fn from(problem: PictureProblem) -> Self {
        Self::unusable(problem.found).advice(problem.advice)
    }
}

/// The disabled schedules, and how to enable them.
#[derive(Debug, Default)]
pub(crate) struct DisabledSchedules {
    /// Each job and label.
    pub(crate) schedules: Vec<(JobName, Label)>,
    /// Completes the sentence “The schedule …”: where it is disabled, and how to enable it.
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

    /// Where the web pages and feeds are read; an error if they aren't.
    fn public_url(&self) -> Result<Url, CommandError>;

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

    /// Says that emails reach nobody, and what to do; `None`: they are sent.
    fn mail_folder_advice(&self) -> Option<String>;

    /// A warning about the mail configuration, if there is one.
    fn mail_warning(&self) -> Option<String>;

    /// What keeps pictures of the day from being sent, and what to do about it; `None`: nothing.
    fn picture_problem(&self) -> Option<PictureProblem>;

    /// Runs the doctor's checks of this kind of deployment; `recipients` are those of all families.
    async fn diagnose(&self, recipients: &[EmailAddress]) -> Vec<Finding>;

    /// The declared schedules, in their order. Fails if a new stack's aren't saved yet.
    async fn schedules(&self) -> Result<Vec<Schedule>, CommandError>;

    /// The declared schedules that are saved; none of a new stack's.
    async fn saved_schedules(&self) -> Result<Vec<Schedule>, CommandError> {
        self.schedules().await
    }

    /// A job's declared schedule, if the declarations are known here.
    fn declared_schedule(&self, job: JobName, label: &Label) -> Option<&Schedule>;

    /// The labels of a job's declared schedules.
    fn declared_labels(&self, job: JobName) -> Vec<String>;

    /// The disabled schedules, or why they can't be read.
    async fn disabled_schedules(&self) -> Result<DisabledSchedules, String>;

    /// A schedule's last scheduled time up to `now`, if its times are known.
    fn last_scheduled_time(
        &self,
        job: JobName,
        label: &Label,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>>;

    /// The label of a scheduled run without one: the job's first.
    fn default_label(&self, job: JobName) -> String {
        let mut labels = self.declared_labels(job).into_iter();
        labels.next().unwrap_or_else(|| "all".to_owned())
    }

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

    /// The log lines since the cursor's last use, oldest first.
    async fn new_log_lines(
        &self,
        query: &LogQuery,
        cursor: &mut LogCursor,
    ) -> Result<NewLines, CommandError>;

    /// The time between two looks for new log lines.
    fn log_poll_interval(&self) -> Duration;

    /// Runs `notify-all`.
    async fn notify_all(&self, request: NotifyAllRequest) -> Result<NotifyAllAnswer, CommandError>;

    /// Runs a job that has no command of its own; `on_progress` is called with its counts so far.
    async fn run_job(
        &self,
        request: RunRequest<Value>,
        on_progress: OnProgress<'_>,
    ) -> Result<JobAnswer, CommandError>;
}

/// Plans a visit for this card alone.
pub(crate) fn visit_to(card: &Card, planned_at: DateTime<Utc>) -> Result<Visit, CommandError> {
    Ok(Visit {
        library: card.library.clone(),
        cards: vec![card.key()],
        planned_at,
        run: RunKey {
            job: JobName::CHECK_CARDS,
            label: PERSON_LABEL.parse()?,
            scheduled_time: planned_at,
        },
    })
}
