//! Answers the events of the function: requests of the HTTP API, and dry runs.

use axum::Router;
use hippo_aws::dry_run;
use hippo_core::store::FamilyStore;
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::Value;
use tower_service::Service as _;

use crate::http_api::{ApiAnswer, ApiRequest};

/// Why an event has no answer.
#[derive(Debug)]
pub(crate) enum EventError {
    /// It is no request of an HTTP API.
    NoRequest,
    /// The table can't be read.
    Store(String),
    /// The page can't be sent.
    NoPage(String),
}

impl From<EventError> for Diagnostic {
    fn from(error: EventError) -> Self {
        let (error_type, error_message) = match error {
            EventError::NoRequest => (
                "Event",
                "The event doesn't come from an HTTP API. Expected: its payload of version 2.0."
                    .to_owned(),
            ),
            EventError::Store(reason) => ("Store", reason),
            EventError::NoPage(reason) => ("Page", reason),
        };
        Self {
            error_type: error_type.to_owned(),
            error_message,
        }
    }
}

/// Answers an event.
pub(crate) async fn answer(
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
    let request: ApiRequest = serde_json::from_value(payload).map_err(|_| EventError::NoRequest)?;
    let request = request.into_request().ok_or(EventError::NoRequest)?;
    let page = match pages.clone().call(request).await {
        Ok(page) => page,
        Err(never) => match never {},
    };
    let answer = ApiAnswer::from_response(page).await;
    let answer = answer.map_err(|error| EventError::NoPage(error.to_string()))?;
    serde_json::to_value(answer).map_err(|error| EventError::NoPage(error.to_string()))
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

    /// Answers with the address and the cookies of each request.
    fn pages() -> Router {
        Router::new().fallback(async |request: Request| {
            let path = request.uri().path_and_query().unwrap().to_string();
            let cookies = request.headers().get("cookie").unwrap().to_str().unwrap();
            (StatusCode::IM_A_TEAPOT, format!("{path} {cookies}"))
        })
    }

    async fn answer_to(event: Value) -> Result<Value, EventError> {
        let event = LambdaEvent::new(event, Context::default());
        answer(event, &pages(), &MemoryStore::default()).await
    }

    #[tokio::test]
    async fn request_reaches_the_page_and_its_answer_the_api() {
        let answered = answer_to(event("/family", "by=person&x=%20", "hippo.example.org")).await;
        let answered = answered.unwrap();
        assert_eq!(answered["statusCode"], 418);
        assert_eq!(
            answered["body"],
            "/family?by=person&x=%20 hippo=one; hippo-form=two"
        );
        assert_eq!(answered["isBase64Encoded"], false);
    }

    #[tokio::test]
    async fn whatever_anybody_sends_is_an_address_for_the_pages() {
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
            let answered = answer_to(event(path, query, host)).await.unwrap();
            let body = answered["body"].as_str().unwrap();
            let (address, _) = body.split_once(' ').unwrap();
            assert_eq!(address, expected, "{path} {query} {host}");
        }
    }

    #[tokio::test]
    async fn event_of_something_else_is_an_error_and_a_dry_run_is_answered() {
        let error = answer_to(json!({"Records": []})).await.unwrap_err();
        assert!(matches!(error, EventError::NoRequest));
        let dry_run = answer_to(dry_run::event()).await.unwrap();
        assert_eq!(dry_run, dry_run::event());
    }
}
