//! The client that starts functions.

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;

use crate::service::{Request, Response, Service, ServiceError, ServiceName, encode};

/// Whether the caller waits.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Invocation {
    /// Lambda keeps the event and starts the function with it later.
    Event,
    /// The response is the function's.
    #[cfg(feature = "operator")]
    RequestResponse,
}

/// A client of Lambda. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct LambdaClient(Service);

impl LambdaClient {
    /// Uses the region and the credentials of this configuration.
    pub(crate) fn new(config: &SdkConfig, retries: &RetryConfig, limits: TimeoutConfig) -> Self {
        let name = ServiceName {
            id: "Lambda",
            host: "lambda",
            signing_name: "lambda",
        };
        Self(Service::new(config, name, retries, limits))
    }

    /// Starts a function, by its name or its ARN, with this event.
    pub(crate) async fn invoke(
        &self,
        function: &str,
        invocation: Invocation,
        event: Vec<u8>,
    ) -> Result<Response, ServiceError> {
        let name = encode(function);
        let invocation = match invocation {
            Invocation::Event => "Event",
            #[cfg(feature = "operator")]
            Invocation::RequestResponse => "RequestResponse",
        };
        let request = Request {
            method: "POST",
            path: format!("/2015-03-31/functions/{name}/invocations"),
            headers: vec![
                ("content-type", "application/json".to_owned()),
                ("x-amz-invocation-type", invocation.to_owned()),
            ],
            body: event,
        };
        self.0.send(request).await
    }
}
