//! The client that sends mails, which has a single operation.

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use serde::{Deserialize, Serialize};

use crate::service::{Request, RequestFailure, Response, Service, ServiceError, ServiceName};

/// The names of SES v2.
pub(crate) const SES: ServiceName = ServiceName {
    id: "SESv2",
    host: "email",
    signing_name: "ses",
};

/// A client that sends mails by SES. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SesClient(Service);

impl SesClient {
    /// Uses the region and the credentials of this configuration.
    pub(crate) fn new(config: &SdkConfig, retries: &RetryConfig, limits: TimeoutConfig) -> Self {
        Self(Service::new(config, SES, retries, limits))
    }

    /// Sends a request of [`SendEmail::to_request`].
    pub(super) async fn send(&self, request: Request) -> Result<Response, RequestFailure> {
        self.0.send_watched(request).await
    }
}

/// The input of `SendEmail`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendEmail<'a> {
    pub(super) from_email_address: String,
    pub(super) destination: Destination,
    pub(super) content: EmailContent,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) configuration_set_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) email_tags: Vec<MessageTag>,
}

impl SendEmail<'_> {
    /// Writes the request that sends it.
    pub(super) fn to_request(&self) -> Result<Request, ServiceError> {
        Request::post_json("/v2/email/outbound-emails", self)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Destination {
    pub(super) to_addresses: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EmailContent {
    pub(super) raw: RawMessage,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawMessage {
    /// In base64.
    pub(super) data: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MessageTag {
    pub(super) name: &'static str,
    pub(super) value: String,
}

/// The output of `SendEmail`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SentEmail {
    pub(super) message_id: Option<String>,
}
