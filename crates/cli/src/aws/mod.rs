//! The deployed stack that `--on aws` names.

use std::sync::Arc;

use async_trait::async_trait;
use hippo_aws::dynamodb::{self, DynamoDbStore};
use hippo_aws::operator::dead_letters::{DeadLetters, Kind, ReplayOptions};
use hippo_aws::operator::doctor::{self, Doctor};
use hippo_aws::operator::jobs::Functions;
use hippo_aws::operator::stack::{self, Outputs};
use hippo_aws::queue::SqsVisitQueue;
use hippo_aws::ses::SesMailer;
use hippo_aws::ssm::KeyParameters;
use hippo_aws::{SdkConfig, clients};
use hippo_core::family::EmailAddress;
use hippo_core::ids::Label;
use hippo_core::jobs::check_cards::visit::Visit;
use hippo_core::mail::Mailer;
use hippo_core::queue::VisitQueue as _;
use hippo_core::run::Job;
use hippo_core::seal::{PrivateKeys, PublicKey};
use hippo_core::store::Store;
use serde_json::Value;

use crate::commands::doctor::{Finding, Verdict};
use crate::exit::CommandError;
use crate::keys::KeyPlace;

pub(crate) use hippo_aws::operator::dead_letters::{ReplayOutcome, Replayed};
pub(crate) use hippo_aws::operator::doctor::SCHEDULES;

/// A deployed stack.
pub(crate) struct Stack {
    name: String,
    config: SdkConfig,
    outputs: Outputs,
}

impl Stack {
    /// Finds the stack of this name; in this region, if one is given.
    pub(crate) async fn open(name: &str, region: Option<String>) -> Result<Self, CommandError> {
        let config = clients::load_in(region).await;
        let outputs = stack::outputs(&config, name).await.map_err(unusable)?;
        Ok(Self {
            name: name.to_owned(),
            config,
            outputs,
        })
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What it decides for tables and new families.
    pub(crate) fn zone(&self) -> chrono_tz::Tz {
        self.outputs.timezone
    }

    /// Named to families in the mail.
    pub(crate) fn contact(&self) -> Option<&str> {
        self.outputs.contact.as_deref()
    }

    /// What is remembered.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        let client = dynamodb::client(&self.config);
        Arc::new(DynamoDbStore::new(client, &self.outputs.table))
    }

    /// Where the keys are.
    pub(crate) fn keys(&self) -> Box<dyn KeyPlace> {
        Box::new(self.key_parameters())
    }

    /// Makes the keys that are missing; whether it made the pair.
    pub(crate) async fn create_keys(&self) -> Result<bool, CommandError> {
        let made = self.key_parameters().create_missing().await;
        made.map_err(unusable)
    }

    /// The mail service, in the way that the notices go.
    pub(crate) fn mailer(&self) -> Box<dyn Mailer> {
        Box::new(SesMailer::new(
            clients::ses(&self.config),
            self.outputs.sender(),
            Some(self.outputs.configuration_set.clone()),
        ))
    }

    /// What the account says of the stack; these are all the recipients.
    pub(crate) async fn diagnose(&self, recipients: &[EmailAddress]) -> Vec<Finding> {
        let doctor = Doctor::new(&self.config, &self.outputs);
        let mut found = doctor.check_mail(recipients).await;
        found.push(doctor.check_subscription().await);
        found.push(doctor.check_schedules().await);
        found.extend(doctor.check_functions().await);
        found.into_iter().map(Finding::from).collect()
    }

    /// The disabled schedules, each with its job and label; or why AWS doesn't say.
    pub(crate) async fn disabled_schedules(&self) -> Result<Vec<(Job, Label)>, String> {
        let doctor = Doctor::new(&self.config, &self.outputs);
        doctor.disabled_schedules().await
    }

    /// Starts a job with the input of a schedule and waits for its answer.
    pub(crate) async fn start(&self, job: Job, event: &Value) -> Result<Value, CommandError> {
        let function = match job {
            Job::CheckCards => &self.outputs.check_cards,
            Job::NotifyAll => &self.outputs.notify_all,
        };
        let functions = Functions::new(&self.config);
        functions.call(function, event).await.map_err(unusable)
    }

    /// Hands out one visit.
    pub(crate) async fn enqueue(&self, visit: Visit) -> Result<(), CommandError> {
        let queue = SqsVisitQueue::new(clients::sqs(&self.config), &self.outputs.visits.queue);
        queue.send(&[visit]).await.map_err(unusable)
    }

    /// Puts back the dead letters of every queue; returns how many more there are behind those that stay, about.
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
impl KeyPlace for KeyParameters {
    async fn replace_private_keys(&self, keys: &PrivateKeys) -> Result<(), CommandError> {
        Self::replace_private_keys(self, keys)
            .await
            .map_err(unusable)
    }

    async fn write_public_key(&self, key: &PublicKey) -> Result<(), CommandError> {
        Self::write_public_key(self, key).await.map_err(unusable)
    }

    fn shown(&self) -> String {
        format!("the SSM parameter {}", self.private_name())
    }
}

fn unusable(error: impl std::error::Error) -> CommandError {
    CommandError::Unusable(error.to_string())
}
