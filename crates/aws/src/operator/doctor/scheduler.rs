//! The client for EventBridge Scheduler, which has a single operation.

use std::time::Duration;

use aws_config::SdkConfig;
use serde::Deserialize;

use crate::clients::{retry_policy, timeouts};
use crate::service::{Request, Service, ServiceError, ServiceName, encode};

/// The client.
pub(super) struct SchedulerClient(Service);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Schedule {
    state: Option<String>,
}

impl SchedulerClient {
    /// Uses the region and the credentials of this configuration.
    pub(super) fn new(config: &SdkConfig) -> Self {
        let name = ServiceName {
            id: "Scheduler",
            host: "scheduler",
            signing_name: "scheduler",
        };
        let limits = timeouts(Duration::from_secs(10), Duration::from_secs(30));
        Self(Service::new(config, name, &retry_policy(3), limits))
    }

    /// Returns whether a schedule is enabled.
    pub(super) async fn is_enabled(&self, group: &str, name: &str) -> Result<bool, ServiceError> {
        let (group, name) = (encode(group), encode(name));
        let request = Request::get(format!("/schedules/{name}?groupName={group}"));
        let schedule: Schedule = self.0.fetch_json(request).await?;
        Ok(schedule.state.as_deref() == Some("ENABLED"))
    }
}
