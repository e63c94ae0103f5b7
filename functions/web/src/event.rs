//! Handles the events of the function: requests of the HTTP API, and dry runs.

use axum::Router;
use hippo_aws::dry_run;
use hippo_core::store::FamilyStore;
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::Value;
use tower_service::Service as _;

use crate::http_api::{ApiRequest, ApiResponse};

/// Why an event has no response.
#[derive(Debug)]
pub(crate) enum EventError {
    /// It isn't an HTTP API request.
    NotHttpRequest,
    /// The table can't be read.
    Store(String),
    /// The response can't be read or encoded.
    Response(String),
}

impl From<EventError> for Diagnostic {
    fn from(error: EventError) -> Self {
        let (error_type, error_message) = match error {
            EventError::NotHttpRequest => (
                "Event",
                "Expected an HTTP API event with payload format 2.0.".to_owned(),
            ),
            EventError::Store(reason) => ("Store", reason),
            EventError::Response(reason) => ("Response", reason),
        };
        Self {
            error_type: error_type.to_owned(),
            error_message,
        }
    }
}

/// Handles an event, and returns its response.
pub(crate) async fn handle(
    event: LambdaEvent<Value>,
    pages: &Router,
    store: &dyn FamilyStore,
) -> Result<Value, EventError> {
    let payload = event.payload;
    if payload == dry_run::event() {
        let read = store.families_page(None, 1).await;
        return match read {
            Ok(_) => Ok(payload),
            Err(error) => Err(EventError::Store(error.to_string())),
        };
    }
    let request: ApiRequest =
        serde_json::from_value(payload).map_err(|_| EventError::NotHttpRequest)?;
    let request = request.into_request().ok_or(EventError::NotHttpRequest)?;
    let response = match pages.clone().call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let response = ApiResponse::from_response(response).await;
    let response = response.map_err(|error| EventError::Response(error.to_string()))?;
    serde_json::to_value(response).map_err(|error| EventError::Response(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::Request;
    use axum::http::StatusCode;
    use hippo_core::testing::memory::MemoryStore;
    use lambda_runtime::Context;
    use serde_json::json;

    fn event(path: &str, query: &str, host: &str) -> Value {
        json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "cookies": ["hippo=one", "hippo-form=two"],
            "headers": {"host": host, "x-forwarded-proto": "gopher: no", "x-forwarded-for": "198.51.100.7"},
            "requestContext": {
                "stage": "$default",
                "domainName": host,
                "http": {"method": "GET", "path": path, "sourceIp": "203.0.113.9"},
            },
            "isBase64Encoded": false,
        })
    }

    /// Responds with each request's path, query and cookies.
    fn pages() -> Router {
        Router::new().fallback(async |request: Request| {
            let path = request.uri().path_and_query().unwrap().to_string();
            let cookies = request.headers().get("cookie").unwrap().to_str().unwrap();
            (StatusCode::IM_A_TEAPOT, format!("{path} {cookies}"))
        })
    }

    async fn response_to(event: Value) -> Result<Value, EventError> {
        let event = LambdaEvent::new(event, Context::default());
        handle(event, &pages(), &MemoryStore::default()).await
    }

    #[tokio::test]
    async fn request_is_routed_and_its_response_is_returned() {
        let response = response_to(event("/family", "by=person&x=%20", "hippo.example.org")).await;
        let response = response.unwrap();
        assert_eq!(response["statusCode"], 418);
        assert_eq!(
            response["body"],
            "/family?by=person&x=%20 hippo=one; hippo-form=two"
        );
        assert_eq!(response["isBase64Encoded"], false);
    }

    #[tokio::test]
    async fn any_path_query_and_host_become_a_valid_uri() {
        for (path, query, host, expected) in [
            ("/f/a?b#c d/due.ics", "", "h", "/f/a%3Fb%23c%20d/due.ics"),
            ("", "", "h", "/"),
            ("family", "", "h", "/family"),
            ("//family", "", "h", "//family"),
            ("/%25zz%zz\u{1}ü\\", "", "h", "/%25zz%zz%01%C3%BC%5C"),
            (
                "/",
                "q=<script>#é \"`|^",
                "h",
                "/?q=%3Cscript%3E%23%C3%A9%20%22%60%7C%5E",
            ),
            ("/", "", "999.999.999.999", "/"),
            ("/", "", "h:99999", "/"),
            ("/", "", "[::1", "/"),
            ("/", "", "xn--zz--zz", "/"),
            ("/", "", "a b@c", "/"),
            ("/", "", "", "/"),
        ] {
            let response = response_to(event(path, query, host)).await.unwrap();
            let body = response["body"].as_str().unwrap();
            let (address, _) = body.split_once(' ').unwrap();
            assert_eq!(address, expected, "{path} {query} {host}");
        }
    }

    #[tokio::test]
    async fn other_events_are_rejected() {
        let error = response_to(json!({"Records": []})).await.unwrap_err();
        assert!(matches!(error, EventError::NotHttpRequest));
    }

    #[tokio::test]
    async fn dry_run_is_echoed() {
        let dry_run = response_to(dry_run::event()).await.unwrap();
        assert_eq!(dry_run, dry_run::event());
    }
}
