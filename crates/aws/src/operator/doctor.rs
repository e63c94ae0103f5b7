//! Checks what a deployed stack needs from its account. Changes nothing.

mod mail;
mod scheduler;

use aws_config::SdkConfig;
use hippo_core::ids::Label;
use hippo_core::run::JobName;
use serde::Serialize;

use self::scheduler::SchedulerClient;
use super::jobs::Functions;
use super::stack::Outputs;
use crate::clients::sns_client;
use crate::sdk_error::describe_sdk_error;
use crate::{dry_run, schedules};

/// The ARN of a subscription that isn't confirmed yet.
const PENDING: &str = "PendingConfirmation";

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All is well.
    Ok,
    /// There is a problem.
    Problem,
    /// AWS didn't answer.
    Unknown,
}

/// A check and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check's name.
    pub check: String,
    /// The result.
    pub verdict: Verdict,
    /// What was found, as a sentence.
    pub found: String,
    /// What to do, unless all is well.
    pub advice: Option<String>,
}

impl Finding {
    /// Reports that all is well.
    pub fn ok(check: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            verdict: Verdict::Ok,
            found: found.into(),
            advice: None,
        }
    }

    /// Reports a problem. `advice` says what to do.
    pub fn problem(
        check: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Problem,
            advice: Some(advice.into()),
            ..Self::ok(check, found)
        }
    }

    /// Reports that a check wasn't possible. `advice` says how to find out.
    pub fn unknown(
        check: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Unknown,
            ..Self::problem(check, found, advice)
        }
    }

    /// Reports that AWS didn't answer.
    fn unanswered(check: &str, reason: &str) -> Self {
        Self::unknown(
            check,
            format!("AWS didn't answer: {}.", reason.trim_end_matches('.')),
            "Check that you have the stack's OperatorPolicy, and look in the console.",
        )
    }
}

/// Checks a stack and its account.
#[derive(Debug, Clone)]
pub struct Doctor<'a> {
    config: &'a SdkConfig,
    outputs: &'a Outputs,
}

impl<'a> Doctor<'a> {
    /// Checks the stack with these outputs.
    pub fn new(config: &'a SdkConfig, outputs: &'a Outputs) -> Self {
        Self { config, outputs }
    }

    /// Checks whether every schedule is enabled.
    pub async fn check_schedules(&self) -> Finding {
        const CHECK: &str = "schedules";
        let disabled = match self.disabled_labels().await {
            Ok(disabled) => disabled,
            Err(reason) => return Finding::unanswered(CHECK, &reason),
        };
        if disabled.is_empty() {
            let count = self.outputs.schedules.len();
            return Finding::ok(CHECK, format!("All {count} schedules are enabled."));
        }
        Finding::problem(
            CHECK,
            format!("Disabled: {}.", disabled.join(", ")),
            "Set Enabled=true in samconfig.toml and run “make deploy”. If it is already true, somebody disabled them by hand: enable them in EventBridge. One with enabled = false in infra/schedules.toml stays disabled.",
        )
    }

    /// Returns the disabled schedules by job and label, or why AWS didn't answer.
    pub async fn disabled_schedules(&self) -> Result<Vec<(JobName, Label)>, String> {
        let disabled = self.disabled_labels().await?.into_iter();
        disabled
            .map(|label| {
                schedules::job_and_label(label)
                    .ok_or_else(|| format!("this version of hippo has no schedule {label}"))
            })
            .collect()
    }

    /// Returns the labels of the disabled schedules, or why AWS didn't answer.
    async fn disabled_labels(&self) -> Result<Vec<&str>, String> {
        let client = SchedulerClient::new(self.config);
        let group = &self.outputs.schedule_group;
        let mut disabled = Vec::new();
        for label in &self.outputs.schedules {
            let is_enabled = client.is_enabled(group, label.as_str()).await;
            if !is_enabled.map_err(|error| error.reason)? {
                disabled.push(label.as_str());
            }
        }
        Ok(disabled)
    }

    /// Checks whether the operator gets the alarms.
    pub async fn check_subscription(&self) -> Finding {
        const CHECK: &str = "alarms";
        let Some(topic) = &self.outputs.alarm_topic else {
            return Finding::unknown(
                CHECK,
                "The stack has no alarms.",
                "Deploy with Watch=true to get an email when something stops.",
            );
        };
        let response = sns_client(self.config)
            .list_subscriptions_by_topic()
            .topic_arn(topic)
            .send()
            .await;
        let subscriptions = match response {
            Ok(response) => response.subscriptions.unwrap_or_default(),
            Err(error) => return Finding::unanswered(CHECK, &describe_sdk_error(&error)),
        };
        let is_confirmed = |arn: &str| arn.starts_with("arn:");
        let arns: Vec<&str> = subscriptions
            .iter()
            .filter_map(|subscription| subscription.subscription_arn())
            .collect();
        if arns.iter().any(|arn| is_confirmed(arn)) {
            return Finding::ok(CHECK, "A confirmed subscription gets the alarms.");
        }
        let address = self
            .outputs
            .operator_email
            .as_ref()
            .map_or("you@example.org", |address| address.as_str());
        if arns.contains(&PENDING) {
            return Finding::problem(
                CHECK,
                "The subscription to the alarms isn't confirmed.",
                format!(
                    "Click the link in SNS's email to {address} within 48 hours of the deployment."
                ),
            );
        }
        Finding::problem(
            CHECK,
            "Nobody gets the alarms: SNS forgets a subscription that isn't confirmed within 48 hours.",
            format!(
                "Run: aws sns subscribe --topic-arn {topic} --protocol email --notification-endpoint {address}"
            ),
        )
    }

    /// Checks whether each function starts and may read its table, with a dry run.
    pub async fn check_functions(&self) -> Vec<Finding> {
        let functions = Functions::new(self.config);
        let names = [
            ("check-cards", &self.outputs.check_cards),
            ("check-card", &self.outputs.check_card),
            ("notify-all", &self.outputs.notify_all),
            ("notify-family", &self.outputs.notify_family),
            ("mail-events", &self.outputs.mail_events),
        ];
        let is_other = |name: &str| names.iter().all(|(known, _)| *known != name);
        let jobs = self.outputs.jobs.iter();
        let jobs = jobs.map(|(job, function)| (job.as_str(), function));
        let others: Vec<_> = jobs.filter(|(name, _)| is_other(name)).collect();
        let mut findings = Vec::new();
        let web = self.outputs.web.iter().map(|function| ("web", function));
        for (name, function) in names.into_iter().chain(others).chain(web) {
            let response = functions
                .call::<serde_json::Value>(function, &dry_run::event())
                .await;
            findings.push(match response {
                Ok(_) => Finding::ok(name, "It starts and reads its table."),
                Err(error) => Finding::problem(
                    name,
                    error.to_string(),
                    "Run “make deploy”: it builds for the architecture that it deploys. Don't edit functions by hand.",
                ),
            });
        }
        findings
    }
}

#[cfg(test)]
mod tests;
