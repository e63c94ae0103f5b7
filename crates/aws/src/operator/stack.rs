//! A deployed stack's parts, from the outputs of `template.yaml`.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::operation::describe_stacks::DescribeStacksError;
use aws_sdk_cloudformation::types::Stack as Described;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use chrono_tz::Tz;
use hippo_core::email_address::EmailAddress;
use hippo_core::mail::mime::Sender;
use hippo_core::run::JobName;
use url::Url;

use super::sam::pascal_case;
use crate::clients::{retry_policy, timeouts};
use crate::sdk_error::describe_sdk_error;

/// The parts of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outputs {
    /// The table.
    pub table: String,
    /// The SSM parameter of the private keys.
    pub key_parameter: String,
    /// The SSM parameter of the public key.
    pub public_key_parameter: String,
    /// The SSM parameter of the key of the fingerprints.
    pub fingerprint_key_parameter: String,
    /// The queue of the visits.
    pub visits: QueuePair,
    /// The queue of the notices.
    pub notices: QueuePair,
    /// The dead letters of schedule starts and mail events that EventBridge couldn't deliver.
    pub schedule_dead_letters: String,
    /// The dead letters of failed invocations.
    pub job_dead_letters: String,
    /// The function `check-cards`.
    pub check_cards: String,
    /// The function of each job that has one.
    pub jobs: BTreeMap<JobName, String>,
    /// Whether the stack has a source of pictures of the day.
    pub has_picture_source: bool,
    /// The function `check-card`.
    pub check_card: String,
    /// The function `notify-all`.
    pub notify_all: String,
    /// The function `notify-family`.
    pub notify_family: String,
    /// The function `mail-events`.
    pub mail_events: String,
    /// The group of the schedules.
    pub schedule_group: String,
    /// The labels of the schedules, which are their names in the group.
    pub schedules: Vec<String>,
    /// The SNS topic of the alarms. `None`: the stack has none.
    pub alarm_topic: Option<String>,
    /// The address that mails come from.
    pub mail_from: EmailAddress,
    /// Where replies to a mail go.
    pub operator_email: Option<EmailAddress>,
    /// The contact for questions in a mail.
    pub contact: Option<String>,
    /// Where the web pages are. `None`: the stack has none.
    pub web_url: Option<Url>,
    /// The function `web`. `None`: the stack has no web pages.
    pub web: Option<String>,
    /// The SES configuration set.
    pub configuration_set: String,
    /// The operator's zone.
    pub timezone: Tz,
}

/// The URLs of a queue and its dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuePair {
    /// The queue.
    pub queue: String,
    /// The dead-letter queue.
    pub dead_letters: String,
}

/// Why a stack can't be found or used. Each message says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StackError {
    /// No region is configured.
    #[error("There is no AWS region. Give it with --region, or set AWS_REGION.")]
    NoRegion,
    /// No credentials are configured.
    #[error(
        "You aren't signed in to AWS. Sign in with its command line (“aws sso login”, “aws \
         configure”), or set AWS_PROFILE, then try again."
    )]
    NotSignedIn,
    /// There is no stack of that name in the region.
    #[error(
        "There is no stack “{name}” in {region}. Deploy it with “make deploy”, or name another with --stack and \
         --region."
    )]
    NotThere {
        /// The stack's name.
        name: String,
        /// The region.
        region: String,
    },
    /// AWS didn't answer, or refused the request.
    #[error(
        "Couldn't read the stack “{name}” in {region}: {reason}. Does your AWS user \
         (AWS_PROFILE) have the stack's OperatorPolicy?"
    )]
    Unreadable {
        /// The stack's name.
        name: String,
        /// The region.
        region: String,
        /// AWS's error.
        reason: String,
    },
    /// Its outputs aren't those of this version.
    #[error(
        "This version of hippo can't use the stack “{name}”: {}. Deploy this version's template with \
         “make deploy”, then try again.", .problems.join("; ")
    )]
    NotOurs {
        /// The stack's name.
        name: String,
        /// Everything that is wrong with its outputs.
        problems: Vec<String>,
    },
}

/// Finds the parts of a stack.
pub async fn outputs(config: &SdkConfig, name: &str) -> Result<Outputs, StackError> {
    let region = config
        .region()
        .filter(|region| !region.as_ref().is_empty())
        .ok_or(StackError::NoRegion)?
        .as_ref()
        .to_owned();
    let client = aws_sdk_cloudformation::Client::from_conf(
        aws_sdk_cloudformation::config::Builder::from(config)
            .retry_config(retry_policy(3))
            .timeout_config(timeouts(Duration::from_secs(10), Duration::from_secs(30)))
            .build(),
    );
    let response = client.describe_stacks().stack_name(name).send().await;
    let described = match response {
        Ok(response) => response.stacks.unwrap_or_default().into_iter().next(),
        Err(error) if error.as_service_error().is_some_and(is_absent) => None,
        Err(error) => {
            let reason = describe_sdk_error(&error);
            // The SDK identifies this only by its message, which goes on to list where it looked.
            if reason.contains("no credentials") {
                return Err(StackError::NotSignedIn);
            }
            return Err(StackError::Unreadable {
                name: name.to_owned(),
                region,
                reason: reason.trim_end_matches('.').to_owned(),
            });
        }
    };
    let described = described.ok_or(StackError::NotThere {
        name: name.to_owned(),
        region,
    })?;
    read(name, &described)
}

/// Whether the error means a missing stack. CloudFormation has no error kind for it.
fn is_absent(error: &DescribeStacksError) -> bool {
    error.code() == Some("ValidationError")
        && error
            .message()
            .is_some_and(|message| message.contains("does not exist"))
}

fn read(name: &str, stack: &Described) -> Result<Outputs, StackError> {
    let values = stack
        .outputs()
        .iter()
        .filter_map(|output| Some((output.output_key()?, output.output_value()?)))
        .collect();
    let mut reader = Reader {
        values,
        problems: Vec::new(),
    };
    let read = reader.outputs();
    match (read, reader.problems) {
        (Some(outputs), problems) if problems.is_empty() => Ok(outputs),
        (_, problems) => Err(StackError::NotOurs {
            name: name.to_owned(),
            problems,
        }),
    }
}

/// Looks up outputs and collects problems.
struct Reader<'a> {
    values: BTreeMap<&'a str, &'a str>,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn outputs(&mut self) -> Option<Outputs> {
        let outputs = Outputs {
            table: self.text("TableName"),
            key_parameter: self.text("KeyParameter"),
            public_key_parameter: self.text("PublicKeyParameter"),
            fingerprint_key_parameter: self.text("FingerprintKeyParameter"),
            visits: self.queue("VisitQueueUrl", "VisitDeadLettersUrl"),
            notices: self.queue("NoticeQueueUrl", "NoticeDeadLettersUrl"),
            schedule_dead_letters: self.text("ScheduleDeadLettersUrl"),
            job_dead_letters: self.text("JobDeadLettersUrl"),
            check_cards: self.text("CheckCardsFunction"),
            jobs: self.jobs(),
            has_picture_source: self
                .maybe("PictureSource")
                .is_some_and(|kind| kind != "none"),
            check_card: self.text("CheckCardFunction"),
            notify_all: self.text("NotifyAllFunction"),
            notify_family: self.text("NotifyFamilyFunction"),
            schedule_group: self.text("ScheduleGroup"),
            schedules: self.list("Schedules"),
            alarm_topic: self.maybe("AlarmTopic").map(str::to_owned),
            mail_events: self.text("MailEventsFunction"),
            configuration_set: self.text("ConfigurationSet"),
            contact: self.maybe("Contact").map(str::to_owned),
            web_url: self.maybe("WebUrl").and_then(|url| url.parse().ok()),
            web: self.maybe("WebFunction").map(str::to_owned),
            operator_email: None,
            mail_from: self.parsed("MailFrom")?,
            timezone: self.parsed("Timezone")?,
        };
        let operator_email = match self.maybe("OperatorEmail") {
            Some(_) => Some(self.parsed("OperatorEmail")?),
            None => None,
        };
        Some(Outputs {
            operator_email,
            ..outputs
        })
    }

    fn jobs(&self) -> BTreeMap<JobName, String> {
        let function = |job: JobName| {
            let output = format!("{}Function", pascal_case(job.as_str()));
            Some((job, self.maybe(&output)?.to_owned()))
        };
        JobName::all().into_iter().filter_map(function).collect()
    }

    fn maybe(&self, name: &str) -> Option<&str> {
        self.values
            .get(name)
            .copied()
            .filter(|text| !text.is_empty())
    }

    /// Returns the value, or an empty one and adds a problem.
    fn text(&mut self, name: &str) -> String {
        let text = self.maybe(name).map(str::to_owned);
        text.unwrap_or_else(|| {
            self.problems.push(format!("it has no output {name}"));
            String::new()
        })
    }

    /// Splits the comma-separated values.
    fn list(&self, name: &str) -> Vec<String> {
        let parts = self
            .maybe(name)
            .unwrap_or_default()
            .split(',')
            .map(str::trim);
        parts
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    }

    fn queue(&mut self, queue: &str, dead_letters: &str) -> QueuePair {
        QueuePair {
            queue: self.text(queue),
            dead_letters: self.text(dead_letters),
        }
    }

    fn parsed<T: std::str::FromStr>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name);
        let parsed = text.parse().ok();
        if parsed.is_none() && !text.is_empty() {
            self.problems
                .push(format!("its output {name} can't be read"));
        }
        parsed
    }
}

impl Outputs {
    /// The sender of this stack's mails.
    pub fn sender(&self) -> Sender {
        let mut sender = Sender::new(self.mail_from.clone());
        sender.reply_to.clone_from(&self.operator_email);
        sender.unsubscribe.clone_from(&self.operator_email);
        sender
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{config, config_without_region, fake};
    use axum::http::StatusCode;

    const COMPLETE: [(&str, &str); 25] = [
        ("TableName", "hippo-Table-1"),
        ("KeyParameter", "/libraryhippo/hippo/key"),
        ("PublicKeyParameter", "/libraryhippo/hippo/public-key"),
        (
            "FingerprintKeyParameter",
            "/libraryhippo/hippo/fingerprint-key",
        ),
        ("VisitQueueUrl", "https://sqs/1/visits.fifo"),
        ("VisitDeadLettersUrl", "https://sqs/1/dead-visits.fifo"),
        ("NoticeQueueUrl", "https://sqs/1/notices"),
        ("NoticeDeadLettersUrl", "https://sqs/1/dead-notices"),
        ("ScheduleDeadLettersUrl", "https://sqs/1/dead-schedules"),
        ("JobDeadLettersUrl", "https://sqs/1/dead-jobs"),
        ("CheckCardsFunction", "hippo-CheckCards-1"),
        ("CheckCardFunction", "hippo-CheckCard-1"),
        ("NotifyAllFunction", "hippo-NotifyAll-1"),
        ("NotifyFamilyFunction", "hippo-NotifyFamily-1"),
        ("PictureOfTheDayFunction", "hippo-PictureOfTheDay-1"),
        ("PictureSource", "none"),
        ("ScheduleGroup", "hippo-ScheduleGroup-1"),
        ("Schedules", "all,failed,tick,"),
        ("AlarmTopic", "arn:aws:sns:ca-central-1:1:hippo-Operator-1"),
        ("MailEventsFunction", "hippo-MailEvents-1"),
        ("MailFrom", "hippo@example.org"),
        ("OperatorEmail", "operator@example.org"),
        ("Contact", "https://example.org/hippo"),
        ("ConfigurationSet", "hippo-MailSettings-1"),
        ("Timezone", "America/Toronto"),
    ];

    async fn with_outputs(values: &[(&str, &str)]) -> Result<Outputs, StackError> {
        let members: String = values
            .iter()
            .map(|(key, value)| {
                format!(
                    "<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>"
                )
            })
            .collect();
        let response = format!(
            "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>hippo</StackName>\
             <CreationTime>2026-11-21T10:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>\
             <Outputs>{members}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
        );
        let fake = fake(move |_, _| (StatusCode::OK, response.clone())).await;
        outputs(&config(&fake.url), "hippo").await
    }

    #[tokio::test]
    async fn complete_outputs_are_read() {
        let outputs = with_outputs(&COMPLETE).await.unwrap();
        assert_eq!(outputs.table, "hippo-Table-1");
        assert_eq!(
            outputs.visits.dead_letters,
            "https://sqs/1/dead-visits.fifo"
        );
        assert_eq!(outputs.timezone, chrono_tz::America::Toronto);
        assert_eq!(outputs.schedules, ["all", "failed", "tick"]);
        let pictures = outputs.jobs.get(&JobName::PICTURE_OF_THE_DAY);
        assert_eq!(pictures.unwrap(), "hippo-PictureOfTheDay-1");
        assert!(!outputs.has_picture_source);
        let sender = outputs.sender();
        assert_eq!(sender.unsubscribe.unwrap().as_str(), "operator@example.org");
    }

    #[tokio::test]
    async fn template_has_every_output() {
        let template = std::fs::read_to_string(
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml"),
        )
        .unwrap();
        let outputs = template.split("\nOutputs:\n").nth(1).unwrap();
        for (name, _) in COMPLETE {
            assert!(
                outputs.contains(&format!("  {name}:")),
                "template.yaml has no output {name}"
            );
        }
    }

    #[tokio::test]
    async fn unrelated_stack_is_refused_with_every_problem() {
        let error = with_outputs(&[
            ("TableName", "t"),
            ("Timezone", "Toronto"),
            ("MailFrom", "x@example.org"),
        ])
        .await
        .unwrap_err()
        .to_string();
        for part in [
            "no output KeyParameter",
            "no output NotifyAllFunction",
            "Timezone can't",
            "make deploy",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }

    #[tokio::test]
    async fn missing_and_unreadable_stacks_have_different_errors() {
        let refuse = |code: &'static str, message: &'static str| async move {
            let response = format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
                 <RequestId>1</RequestId></ErrorResponse>"
            );
            let fake = fake(move |_, _| (StatusCode::BAD_REQUEST, response.clone())).await;
            outputs(&config(&fake.url), "hippo").await.unwrap_err()
        };
        let absent = refuse("ValidationError", "Stack with id hippo does not exist").await;
        assert!(matches!(absent, StackError::NotThere { .. }), "{absent}");
        let denied = refuse("AccessDenied", "no cloudformation:DescribeStacks").await;
        assert!(denied.to_string().contains("OperatorPolicy"), "{denied}");
    }

    #[tokio::test]
    async fn missing_region_is_an_error() {
        let error = outputs(&config_without_region(), "hippo")
            .await
            .unwrap_err();
        assert_eq!(error, StackError::NoRegion);
    }
}
