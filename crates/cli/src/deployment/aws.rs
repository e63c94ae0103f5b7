//! A deployed stack on AWS.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use hippo_aws::dynamodb::{self, DynamoDbStore};
use hippo_aws::operator::dead_letters::{DeadLetters, Kind, ReplayOptions};
use hippo_aws::operator::doctor::{self, Doctor, SCHEDULES};
use hippo_aws::operator::jobs::{
    CheckCardsEvent, CheckCardsReply, Functions, NotifyAllEvent, NotifyAllReply, Reply,
};
use hippo_aws::operator::stack::{self, Outputs};
use hippo_aws::queue::SqsVisitQueue;
use hippo_aws::ses::SesMailer;
use hippo_aws::ssm::KeyParameters;
use hippo_aws::{SdkConfig, clients};
use hippo_core::card::Card;
use hippo_core::check::Check;
use hippo_core::clock::{Clock, is_in_future};
use hippo_core::email_address::EmailAddress;
use hippo_core::ids::Label;
use hippo_core::mail::Mailer;
use hippo_core::queue::VisitQueue as _;
use hippo_core::run::not_started::NotStarted;
use hippo_core::run::{Job, RunKey};
use hippo_core::seal::{PrivateKeys, PublicKey};
use hippo_core::store::Store;
use hippo_recording::Recorder;
use uuid::Uuid;

use super::{
    CheckCardAnswer, CheckCardsAnswer, CheckCardsRequest, Deployment, NotifyAllAnswer,
    NotifyAllRequest, PausedSchedules, visit_to,
};
use crate::exit::{CommandError, ErrorKind};
use crate::finding::{Finding, Verdict};
use crate::home::SecretsLock;
use crate::key_store::KeyStore;
use crate::not_checked::reason_left_out;

pub(crate) use hippo_aws::operator::dead_letters::{ReplayOutcome, Replayed};

/// How long the command waits for a check, including a cold start and a slow library.
const CHECK_TIMEOUT: Duration = Duration::from_secs(100);

/// The time between two reads of the table.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A deployed stack.
pub(crate) struct AwsDeployment {
    name: String,
    config: SdkConfig,
    outputs: Outputs,
    store: Arc<DynamoDbStore>,
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
        each: &mut dyn FnMut(Replayed),
    ) -> Result<usize, CommandError> {
        let letters = DeadLetters::new(&self.config, &self.outputs);
        let options = ReplayOptions {
            dry_run,
            discard_unreadable,
        };
        let mut behind = 0;
        for kind in Kind::ALL {
            behind += letters
                .replay(kind, options, each)
                .await
                .map_err(unusable)?;
        }
        Ok(behind)
    }

    fn key_parameters(&self) -> KeyParameters {
        KeyParameters::new(
            &clients::ssm(&self.config),
            &self.outputs.key_parameter,
            &self.outputs.public_key_parameter,
            &self.outputs.fingerprint_key_parameter,
        )
    }

    /// Explains why a function started no run, with the recorded run.
    async fn not_started(&self, why: &str, run: &RunKey) -> Result<NotStarted, CommandError> {
        let Some(run) = self.store().run(run).await? else {
            return Err(CommandError::unusable(format!(
                "The run {run} isn't in the table yet. Look again in a minute."
            ))
            .try_command("hippo runs"));
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
            clients::ses(&self.config),
            self.outputs.sender(),
            Some(self.outputs.configuration_set.clone()),
        )))
    }

    fn mail_destination(&self) -> String {
        "Amazon SES".to_owned()
    }

    fn mail_warning(&self) -> Option<String> {
        None
    }

    async fn diagnose(&self, recipients: &[EmailAddress]) -> Vec<Finding> {
        let doctor = Doctor::new(&self.config, &self.outputs);
        let mut found = doctor.check_mail(recipients).await;
        found.push(doctor.check_subscription().await);
        found.push(doctor.check_schedules().await);
        found.extend(doctor.check_functions().await);
        found.into_iter().map(Finding::from).collect()
    }

    fn declared_labels(&self, job: Job) -> Vec<String> {
        SCHEDULES
            .iter()
            .filter(|(declared_job, _)| *declared_job == job)
            .map(|(_, label)| (*label).to_owned())
            .collect()
    }

    async fn paused_schedules(&self) -> Result<PausedSchedules, String> {
        let doctor = Doctor::new(&self.config, &self.outputs);
        Ok(PausedSchedules {
            schedules: doctor.disabled_schedules().await?,
            how: "is disabled in EventBridge, so its runs don't start. “hippo --target aws doctor” says how to \
                  enable it.",
        })
    }

    fn last_scheduled_time(&self, _: Job, _: &Label, _: DateTime<Utc>) -> Option<DateTime<Utc>> {
        None
    }

    fn default_label(&self, job: Job) -> &'static str {
        match job {
            Job::CheckCards => "all",
            Job::NotifyAll => "tick",
        }
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
        let queue = SqsVisitQueue::new(clients::sqs(&self.config), &self.outputs.visits.queue);
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
        if request.concurrency.is_some() || request.no_pause {
            return Err(CommandError::usage(
                "On AWS the queue sets how many libraries are visited at a time, and the stack's parameters set the \
                 pauses. Leave --concurrency and --no-pause out.",
            ));
        }
        let mut run_request = request.run;
        let functions = Functions::new(&self.config);
        loop {
            let event = CheckCardsEvent::new(&run_request.key, &run_request.input);
            let reply: Reply<CheckCardsReply> = functions
                .call(&self.outputs.check_cards, &event)
                .await
                .map_err(unusable)?;
            match reply {
                Reply::Started(CheckCardsReply { run, cards, visits }) => {
                    return Ok(CheckCardsAnswer::Enqueued { run, cards, visits });
                }
                Reply::NotStarted { not_started, run } => {
                    match self.not_started(&not_started, &run).await? {
                        NotStarted::AlreadyRan(_) if !run_request.is_schedule => {
                            run_request.next_key()
                        }
                        why => return Ok(CheckCardsAnswer::NotStarted(why)),
                    }
                }
            }
        }
    }

    async fn notify_all(&self, request: NotifyAllRequest) -> Result<NotifyAllAnswer, CommandError> {
        let NotifyAllRequest {
            run: mut request,
            at_once,
        } = request;
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
        let functions = Functions::new(&self.config);
        loop {
            let event = NotifyAllEvent::new(&request.key, &request.input);
            let reply: Reply<NotifyAllReply> = functions
                .call(&self.outputs.notify_all, &event)
                .await
                .map_err(unusable)?;
            match reply {
                Reply::Started(NotifyAllReply { run, notices }) => {
                    return Ok(NotifyAllAnswer::Enqueued { run, notices });
                }
                Reply::NotStarted { not_started, run } => {
                    match self.not_started(&not_started, &run).await? {
                        NotStarted::AlreadyRan(_) if !request.is_schedule => request.next_key(),
                        why => return Ok(NotifyAllAnswer::NotStarted(why)),
                    }
                }
            }
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
