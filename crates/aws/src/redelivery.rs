//! Lets a queue deliver a message again sooner than its visibility timeout.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;

use crate::sdk_error::describe_sdk_error;

/// Changes when a queue delivers a message again that its worker returns as failed.
#[async_trait]
pub trait Redelivery: Send + Sync {
    /// Delivers the message of this receipt again after the pause. An error is the reason.
    async fn redeliver_after(&self, receipt: &str, pause: Duration) -> Result<(), String>;
}

/// The redelivery of one SQS queue.
#[derive(Debug, Clone)]
pub struct SqsRedelivery {
    client: Client,
    url: String,
}

impl SqsRedelivery {
    /// Uses the queue at this URL.
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self {
            client,
            url: url.into(),
        }
    }
}

#[async_trait]
impl Redelivery for SqsRedelivery {
    async fn redeliver_after(&self, receipt: &str, pause: Duration) -> Result<(), String> {
        let seconds = i32::try_from(pause.as_secs()).unwrap_or(i32::MAX);
        let change = self.client.change_message_visibility();
        let change = change.queue_url(&self.url).receipt_handle(receipt);
        let changed = change.visibility_timeout(seconds).send().await;
        changed
            .map(drop)
            .map_err(|error| describe_sdk_error(&error))
    }
}
