//! A deployed stack on AWS.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use hippo_aws::dynamodb::{self, DynamoDbStore};
use hippo_aws::operator::dead_letters::{DeadLetterQueue, DeadLetters, ReplayOptions};
use hippo_aws::operator::doctor::{self, Doctor};
use hippo_aws::operator::jobs::{
    CheckCardsReply, Functions, JobEvent, JobReply, NotifyAllReply, Reply,
};
use hippo_aws::operator::logs::{self, FunctionLine, FunctionLogs};
use hippo_aws::operator::stack::{self, Outputs};
use hippo_aws::queue::SqsVisitQueue;
use hippo_aws::ses::SesMailer;
use hippo_aws::ssm::{KeyParameters, SsmClient};
use hippo_aws::{SdkConfig, clients, schedules};
use hippo_core::card::Card;
use hippo_core::check::Check;
use hippo_core::clock::{Clock, is_in_future};
use hippo_core::email_address::EmailAddress;
use hippo_core::ids::Label;
use hippo_core::jobs::notify::NotifyAllInput;
use hippo_core::mail::Mailer;
use hippo_core::queue::VisitQueue as _;
use hippo_core::run::harness::OnProgress;
use hippo_core::run::not_started::NotStarted;
use hippo_core::run::{JobName, RunKey, RunOutcome};
use hippo_core::schedule::Schedule;
use hippo_core::seal::{PrivateKeys, PublicKey};
use hippo_core::store::{DeclaredScheduleStore as _, RunStore as _, Store};
use hippo_recording::Recorder;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use super::{
    CheckCardAnswer, CheckCardsAnswer, CheckCardsRequest, Deployment, DisabledSchedules, JobAnswer,
    NotifyAllAnswer, NotifyAllRequest, PictureProblem, RunRequest, StartedBy, visit_to,
};
use crate::exit::{CommandError, ErrorKind};
use crate::finding::{Finding, Verdict};
use crate::home::SecretsLock;
use crate::key_store::KeyStore;
use crate::not_checked::reason_left_out;
use crate::output::progress::ProgressBar;
use crate::run_log::LogLine;
use crate::run_log::read::{LogCursor, LogQuery, NewLines, SourcedLine};
use crate::suggested::HIPPO;

pub(crate) use hippo_aws::operator::dead_letters::{LetterReport, ReplayOutcome};

/// How long the command waits for a check, including a cold start and a slow library.
const CHECK_TIMEOUT: Duration = Duration::from_secs(100);

/// The stack sends no pictures.
const NO_PICTURE_SOURCE: PictureProblem = PictureProblem {
    found: "The stack doesn't say where the picture of the day comes from.",
    advice: "Set PictureUrl and PictureKind in samconfig.toml, then run “make deploy”.",
};

/// The stack is older than its function of pictures.
const NO_PICTURE_FUNCTION: PictureProblem = PictureProblem {
    found: "The stack has no function for picture-of-the-day.",
    advice: "Set PictureUrl and PictureKind in samconfig.toml, then run “make deploy” with this version.",
};

/// The time between two reads of the table.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The result of starting a run with a function.
enum StartedRun<R> {
    /// It started, with this reply.
    Started(R),
    /// No run was started.
    NotStarted(NotStarted),
}

/// A deployed stack.
pub(crate) struct AwsDeployment {
    name: String,
    config: SdkConfig,
    outputs: Outputs,
    store: Arc<DynamoDbStore>,
    logs: FunctionLogs,
    clock: Arc<dyn Clock>,
}

impl AwsDeployment {
    /// Opens the stack of this name, in the given or the default region.
    pub(crate) async fn open(
        name: &str,
        region: Option<String>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CommandError> {
        let config = clients::load_operator_config(region).await;
        let outputs = stack::outputs(&config, name).await.map_err(unusable)?;
        let client = dynamodb::client(&config);
        Ok(Self {
            name: name.to_owned(),
            store: Arc::new(DynamoDbStore::new(client, &outputs.table)),
            logs: FunctionLogs::new(&config, name, outputs.jobs.keys().copied()),
            config,
            outputs,
            clock,
        })
    }

    /// Replays the dead letters of every queue.
    ///
    /// Returns about how many more are hidden behind those that stay.
    pub(crate) async fn replay_dead_letters(
        &self,
        dry_run: bool,
        discard_unreadable: bool,
        report_letter: &mut dyn FnMut(LetterReport),
    ) -> Result<usize, CommandError> {
        let letters = DeadLetters::new(&self.config, &self.outputs);
        let options = ReplayOptions {
            dry_run,
            discard_unreadable,
        };
        let mut behind = 0;
        for queue in DeadLetterQueue::ALL {
            behind += letters
                .replay(queue, options, report_letter)
                .await
                .map_err(unusable)?;
        }
        Ok(behind)
    }

    fn key_parameters(&self) -> KeyParameters {
        KeyParameters::new(
            &SsmClient::new(&self.config),
            &self.outputs.key_parameter,
            &self.outputs.public_key_parameter,
            &self.outputs.fingerprint_key_parameter,
        )
    }

    /// Starts a run with a job's function. A person's run gets a key that no run has yet.
    async fn start_run<I: Serialize, R: DeserializeOwned>(
        &self,
        function: &str,
        mut request: RunRequest<I>,
    ) -> Result<StartedRun<R>, CommandError> {
        let functions = Functions::new(&self.config);
        loop {
            let event = JobEvent::new(&request.key, &request.input)
                .backfill(request.started_by == StartedBy::Backfill);
            let reply = functions.call(function, &event).await.map_err(unusable)?;
            let why = match reply {
                Reply::Started(reply) => return Ok(StartedRun::Started(reply)),
                Reply::NotStarted { not_started, run } => {
                    self.not_started(&not_started, &run).await?
                }
            };
            match why {
                NotStarted::AlreadyRan(_) if request.may_change_key() => request.next_key(),
                why => return Ok(StartedRun::NotStarted(why)),
            }
        }
    }

    /// Shows the counts that the label's newest run reports, while it runs.
    async fn watch_counts(
        &self,
        job: JobName,
        label: &Label,
        on_progress: OnProgress<'_>,
    ) -> Infallible {
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            match self.store.recent_runs(Some(job), Some(label), 1).await {
                Ok(runs) => runs
                    .iter()
                    .filter(|run| run.outcome == RunOutcome::Running)
                    .for_each(|run| on_progress(&run.counts)),
                // The next look may succeed, and the function's answer needs none.
                Err(error) => tracing::debug!(%error, "A run couldn't be read."),
            }
        }
    }

    /// Explains why a function started no run, with the recorded run.
    async fn not_started(&self, why: &str, run: &RunKey) -> Result<NotStarted, CommandError> {
        let Some(run) = self.store().run(run).await? else {
            return Err(CommandError::unusable(format!(
                "The run {run} isn't in the table yet. Look again in a minute."
            ))
            .try_command(format!("{HIPPO} runs")));
        };
        NotStarted::from_name(why, run).ok_or_else(|| {
            CommandError::unusable(format!(
                "The function gave a reason that this version doesn't know: {why}."
            ))
        })
    }

    /// Waits for a check that started after `last`; returns `None` if the card was removed.
    async fn newer_check(
        &self,
        card: &Card,
        last: Option<DateTime<Utc>>,
    ) -> Result<Option<Check>, CommandError> {
        let store = self.store();
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            let Some(record) = store.card(card.id).await? else {
                return Ok(None);
            };
            let Some(check) = record.state.last_check.filter(|check| {
                Some(check.started_at) > last && !is_in_future(check.started_at, self.clock.now())
            }) else {
                continue;
            };
            let outcome = match check.failure {
                Some(failure) => Err(failure),
                None => {
                    let accounts = store.family_accounts(&card.family).await?;
                    let account = accounts.into_iter().find(|(id, _)| *id == card.id);
                    let Some((_, stored)) = account else {
                        continue;
                    };
                    Ok(stored.account)
                }
            };
            return Ok(Some(Check {
                id: Uuid::nil(),
                card: card.key(),
                library: card.library.clone(),
                started_at: check.started_at,
                finished_at: check.finished_at,
                outcome,
            }));
        }
    }
}

impl AwsDeployment {
    /// Sends pictures with their function, which sends them all before it replies. Shows its progress.
    async fn send_pictures(
        &self,
        mut request: RunRequest<NotifyAllInput>,
        at_once: Option<bool>,
    ) -> Result<NotifyAllAnswer, CommandError> {
        if let Some(problem) = self.picture_problem() {
            return Err(problem.into());
        }
        let function = self.outputs.jobs.get(&JobName::PICTURE_OF_THE_DAY);
        let Some(function) = function else {
            return Err(NO_PICTURE_FUNCTION.into());
        };
        request.input.at_once = at_once.unwrap_or(!request.is_scheduled());
        let key = request.key.clone();
        let started = tokio::select! {
            started = self.start_run(function, request) => started?,
            never = self.show_progress(&key) => match never {},
        };
        match started {
            StartedRun::Started(JobReply { run, .. }) => {
                let recorded = self.store.run(&run).await?;
                let counts = recorded.map(|run| run.counts).unwrap_or_default();
                // The run finalises those of earlier days without having planned them.
                let settled = counts.done + counts.failures() + counts.skipped;
                let notices = counts.planned.max(settled).into();
                Ok(NotifyAllAnswer::Recorded { run, notices })
            }
            StartedRun::NotStarted(why) => Ok(NotifyAllAnswer::NotStarted(why)),
        }
    }

    /// Shows the counts that a run stores as it goes on, until it is dropped.
    async fn show_progress(&self, run: &RunKey) -> Infallible {
        let bar = ProgressBar::new("pictures");
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            // It is only a progress bar: the function's reply tells what went wrong.
            if let Ok(Some(run)) = self.store.run(run).await {
                let settled = run.counts.done + run.counts.failures() + run.counts.skipped;
                bar.set_total(run.counts.planned as usize);
                bar.set_position(settled as usize);
            }
        }
    }
}

#[async_trait(?Send)]
impl Deployment for AwsDeployment {
    fn stack(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn timezone(&self) -> Tz {
        self.outputs.timezone
    }

    fn contact(&self) -> Option<&str> {
        self.outputs.contact.as_deref()
    }

    fn public_url(&self) -> Result<Url, CommandError> {
        self.outputs.web_url.clone().ok_or_else(|| {
            CommandError::usage("This stack has no web pages.")
                .advice("Set Web=true in samconfig.toml, then run “make deploy”.")
        })
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::<DynamoDbStore>::clone(&self.store)
    }

    fn keys(&self) -> Box<dyn KeyStore> {
        Box::new(self.key_parameters())
    }

    async fn create_missing_keys(&self) -> Result<Vec<&'static str>, CommandError> {
        let made = self.key_parameters().create_missing().await;
        Ok(match made.map_err(unusable)? {
            true => vec!["key"],
            false => Vec::new(),
        })
    }

    fn holds_private_key(&self) -> bool {
        false
    }

    fn old_key_advice(&self) -> String {
        format!(
            "A table that you restore to an earlier time needs it. It is an earlier version of {}.",
            self.key_parameters().location()
        )
    }

    /// There is no lock: one operator at a time rotates the key, and the rotation looks through all
    /// cards again before it drops the old key.
    fn lock_secrets(&self) -> Result<Option<SecretsLock>, CommandError> {
        Ok(None)
    }

    fn mailer(&self) -> Result<Box<dyn Mailer>, CommandError> {
        Ok(Box::new(SesMailer::new(
            clients::ses_client(&self.config),
            self.outputs.sender(),
            Some(self.outputs.configuration_set.clone()),
        )))
    }

    fn mail_destination(&self) -> String {
        "Amazon SES".to_owned()
    }

    fn mail_folder_advice(&self) -> Option<String> {
        None
    }

    fn mail_warning(&self) -> Option<String> {
        None
    }

    fn picture_problem(&self) -> Option<PictureProblem> {
        if !self.outputs.jobs.contains_key(&JobName::PICTURE_OF_THE_DAY) {
            return Some(NO_PICTURE_FUNCTION);
        }
        (!self.outputs.has_picture_source).then_some(NO_PICTURE_SOURCE)
    }

    async fn diagnose(&self, recipients: &[EmailAddress]) -> Vec<Finding> {
        let doctor = Doctor::new(&self.config, &self.outputs);
        let mut found = doctor.check_mail(recipients).await;
        found.push(doctor.check_subscription().await);
        found.push(doctor.check_schedules().await);
        found.extend(doctor.check_functions().await);
        found.into_iter().map(Finding::from).collect()
    }

    async fn schedules(&self) -> Result<Vec<Schedule>, CommandError> {
        let schedules = self.saved_schedules().await?;
        if schedules.is_empty() {
            return Err(CommandError::usage(
                "The stack's schedules aren't known yet. “make deploy” saves them, or else the first run of each \
                 function.",
            ));
        }
        Ok(schedules)
    }

    async fn saved_schedules(&self) -> Result<Vec<Schedule>, CommandError> {
        let mut schedules = Vec::new();
        for job in JobName::all() {
            schedules.extend(self.store.declared_schedules(job).await?);
        }
        Ok(schedules)
    }

    fn declared_schedule(&self, _: JobName, _: &Label) -> Option<&Schedule> {
        None
    }

    fn declared_labels(&self, job: JobName) -> Vec<String> {
        schedules::jobs_and_labels()
            .into_iter()
            .filter(|(declared_job, _)| *declared_job == job)
            .map(|(_, label)| label.to_string())
            .collect()
    }

    async fn disabled_schedules(&self) -> Result<DisabledSchedules, String> {
        let doctor = Doctor::new(&self.config, &self.outputs);
        Ok(DisabledSchedules {
            schedules: doctor.disabled_schedules().await?,
            how: "is disabled in EventBridge, so its runs don't start. “hippo --target aws doctor” says how to \
                  enable it.",
        })
    }

    fn last_scheduled_time(
        &self,
        _: JobName,
        _: &Label,
        _: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        None
    }

    fn can_record(&self) -> bool {
        false
    }

    /// Enqueues the visit like any other, so that the library has one visitor at a time, and waits for
    /// its result in the table.
    async fn check_card(
        &self,
        card: &Card,
        _: Option<Arc<Recorder>>,
    ) -> Result<CheckCardAnswer, CommandError> {
        let now = self.clock.now();
        let Some(before) = self.store().card(card.id).await? else {
            return Ok(CheckCardAnswer::LeftOut);
        };
        // A worker would leave the card out silently.
        if reason_left_out(&before, now).is_some() {
            return Ok(CheckCardAnswer::LeftOut);
        }
        let state = before.state.without_future(now);
        let last = state.last_check.map(|check| check.started_at);
        // A worker skips a card that was checked after the visit was planned. This machine's clock may be
        // behind, so the visit is planned after the last check.
        let planned_at = last.map_or(now, |last| {
            now.max(last + chrono::Duration::milliseconds(1))
        });
        let queue = SqsVisitQueue::new(
            clients::sqs_client(&self.config),
            &self.outputs.visits.queue,
        );
        queue
            .send(&[visit_to(card, planned_at)?])
            .await
            .map_err(unusable)?;
        match tokio::time::timeout(CHECK_TIMEOUT, self.newer_check(card, last)).await {
            Ok(check) => Ok(check?.map_or(CheckCardAnswer::LeftOut, |check| {
                CheckCardAnswer::Checked(Box::new(check))
            })),
            Err(_) => Ok(CheckCardAnswer::Queued),
        }
    }

    async fn check_cards(
        &self,
        request: CheckCardsRequest,
    ) -> Result<CheckCardsAnswer, CommandError> {
        if request.concurrency.is_some() || request.no_delay {
            return Err(CommandError::usage(
                "On AWS the queue sets how many libraries are visited at a time, and the stack's parameters set the \
                 delays. Leave --concurrency and --no-delay out.",
            ));
        }
        let function = &self.outputs.check_cards;
        match self.start_run(function, request.run).await? {
            StartedRun::Started(CheckCardsReply { run, cards, visits }) => {
                Ok(CheckCardsAnswer::Enqueued { run, cards, visits })
            }
            StartedRun::NotStarted(why) => Ok(CheckCardsAnswer::NotStarted(why)),
        }
    }

    async fn new_log_lines(
        &self,
        query: &LogQuery,
        cursor: &mut LogCursor,
    ) -> Result<NewLines, CommandError> {
        let query = logs::LogQuery {
            job: query.job,
            run: query.run.clone(),
            since: query.since,
            until: query.until,
        };
        let batch = self.logs.read_new(&query, &mut cursor.groups).await;
        let batch = batch.map_err(unusable)?;
        Ok(NewLines {
            lines: batch.lines.into_iter().map(SourcedLine::from).collect(),
            has_more: batch.has_more,
        })
    }

    fn log_poll_interval(&self) -> Duration {
        logs::POLL_INTERVAL
    }

    async fn notify_all(&self, request: NotifyAllRequest) -> Result<NotifyAllAnswer, CommandError> {
        let NotifyAllRequest {
            run: request,
            at_once,
        } = request;
        if request.key.job == JobName::PICTURE_OF_THE_DAY {
            return self.send_pictures(request, at_once).await;
        }
        if at_once == Some(true) {
            return Err(CommandError::usage(
                "On AWS a notice that the mail service refused is tried again after half an hour. Leave at_once out \
                 of the input.",
            ));
        }
        if request.input.date.is_some() {
            return Err(CommandError::usage(
                "On AWS each family gets its notice at its own time. --date only goes with --dry-run there.",
            ));
        }
        match self.start_run(&self.outputs.notify_all, request).await? {
            StartedRun::Started(NotifyAllReply { run, notices }) => {
                Ok(NotifyAllAnswer::Enqueued { run, notices })
            }
            StartedRun::NotStarted(why) => Ok(NotifyAllAnswer::NotStarted(why)),
        }
    }

    async fn run_job(
        &self,
        request: RunRequest<Value>,
        on_progress: OnProgress<'_>,
    ) -> Result<JobAnswer, CommandError> {
        let job = request.key.job;
        let Some(function) = self.outputs.jobs.get(&job) else {
            return Err(CommandError::usage(format!(
                "The stack has no function for {job}."
            )));
        };
        let label = request.key.label.clone();
        let started = tokio::select! {
            started = self.start_run(function, request) => started?,
            never = self.watch_counts(job, &label, on_progress) => match never {},
        };
        match started {
            StartedRun::Started(JobReply { run, summary }) => {
                let run = self.store.run(&run).await?.ok_or_else(|| {
                    CommandError::unusable(format!("The run {run} isn't in the table."))
                })?;
                Ok(JobAnswer::Done {
                    run,
                    summary: summary.into(),
                })
            }
            StartedRun::NotStarted(why) => Ok(JobAnswer::NotStarted(why)),
        }
    }
}

impl From<FunctionLine> for SourcedLine {
    fn from(line: FunctionLine) -> Self {
        Self {
            source: line.run.unwrap_or_else(|| line.function.to_owned()),
            line: LogLine {
                at: line.at,
                level: line.level,
                message: line.message,
                fields: line.fields,
            },
        }
    }
}

impl From<doctor::Finding> for Finding {
    fn from(finding: doctor::Finding) -> Self {
        Self {
            check: finding.check,
            verdict: match finding.verdict {
                doctor::Verdict::Ok => Verdict::Ok,
                doctor::Verdict::Problem => Verdict::Problem,
                doctor::Verdict::Unknown => Verdict::Unknown,
            },
            found: finding.found,
            advice: finding.advice,
        }
    }
}

#[async_trait]
impl KeyStore for KeyParameters {
    async fn replace_private_keys(&self, keys: &PrivateKeys) -> Result<(), CommandError> {
        Self::replace_private_keys(self, keys)
            .await
            .map_err(unusable)
    }

    async fn write_public_key(&self, key: &PublicKey) -> Result<(), CommandError> {
        Self::write_public_key(self, key).await.map_err(unusable)
    }

    fn location(&self) -> String {
        format!("the SSM parameter {}", self.private_name())
    }
}

fn unusable(error: impl std::error::Error + Send + Sync + 'static) -> CommandError {
    CommandError::from_source(ErrorKind::Unusable, error)
}
