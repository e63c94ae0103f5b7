//! The client for CloudWatch Logs, which has a single operation.

use std::time::Duration;

use aws_config::SdkConfig;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::clients::{retry_policy, timeouts};
use crate::service::{Service, ServiceName};

/// A request for one page of log events.
#[derive(Debug, Clone)]
pub(super) struct LogPageRequest {
    /// The log group.
    pub(super) group: String,
    /// Only events since this time.
    pub(super) since: DateTime<Utc>,
    /// Only events until this time.
    pub(super) until: Option<DateTime<Utc>>,
    /// Only events that match this filter pattern.
    pub(super) pattern: Option<String>,
    /// The token of the page, if it isn't the first.
    pub(super) token: Option<String>,
}

/// A page of events.
#[derive(Debug, Default)]
pub(super) struct LogPage {
    /// The events, oldest first.
    pub(super) events: Vec<LogEvent>,
    /// The token of the next page.
    pub(super) next: Option<String>,
}

/// A log event.
#[derive(Debug)]
pub(super) struct LogEvent {
    /// Its unique id.
    pub(super) id: String,
    /// When it was written.
    pub(super) at: DateTime<Utc>,
    /// The text.
    pub(super) message: String,
}

/// Why a page can't be read.
#[derive(Debug)]
pub(super) struct PageError {
    /// AWS's error.
    pub(super) reason: String,
    /// Whether the request itself was invalid, for example because its token has expired.
    pub(super) is_invalid_request: bool,
}

/// The client.
pub(super) struct LogsClient {
    service: Service,
}

impl LogsClient {
    /// Uses the region and the credentials of this configuration.
    pub(super) fn new(config: &SdkConfig) -> Self {
        let name = ServiceName {
            id: "CloudWatch Logs",
            host: "logs",
            signing_name: "logs",
        };
        let limits = timeouts(Duration::from_secs(10), Duration::from_secs(30));
        Self {
            service: Service::new(config, name, &retry_policy(4), limits),
        }
    }

    /// Reads a page. A missing group has no events.
    pub(super) async fn read_page(&self, request: LogPageRequest) -> Result<LogPage, PageError> {
        let input = FilterLogEvents {
            log_group_name: request.group,
            start_time: request.since.timestamp_millis(),
            end_time: request.until.map(|until| until.timestamp_millis()),
            filter_pattern: request.pattern,
            next_token: request.token,
        };
        let sent = self
            .service
            .send_json("Logs_20140328.FilterLogEvents", &input);
        match sent.await {
            Ok(response) => Ok(parse_page(response)),
            Err(error) => match error.code.as_deref() {
                Some("ResourceNotFoundException") => Ok(LogPage::default()),
                code => Err(PageError {
                    is_invalid_request: code == Some("InvalidParameterException"),
                    reason: error.reason,
                }),
            },
        }
    }
}

fn parse_page(response: FilteredLogEvents) -> LogPage {
    let events = response.events.into_iter().filter_map(|event| {
        Some(LogEvent {
            at: DateTime::from_timestamp_millis(event.timestamp)?,
            // Some emulators give none.
            id: event
                .event_id
                .unwrap_or_else(|| format!("{} {}", event.timestamp, event.message)),
            message: event.message,
        })
    });
    LogPage {
        events: events.collect(),
        next: response.next_token,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FilterLogEvents {
    log_group_name: String,
    start_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter_pattern: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FilteredLogEvents {
    #[serde(default)]
    events: Vec<FilteredLogEvent>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FilteredLogEvent {
    event_id: Option<String>,
    timestamp: i64,
    #[serde(default)]
    message: String,
}
