use std::time::Duration;

use aws_types::service_config::LoadServiceConfig;
use axum::http::StatusCode;
use serde_json::json;

use super::*;
use crate::clients::{retry_policy, timeouts};
use crate::ses::client::SES;
use crate::testing::{config, fake};

const NAME: ServiceName = ServiceName {
    id: "SSM",
    host: "ssm",
    signing_name: "ssm",
};

async fn send<T: DeserializeOwned>(url: &str, input: Value) -> Result<T, ServiceError> {
    let limits = timeouts(Duration::from_secs(5), Duration::from_secs(20));
    let service = Service::new(&config(url), NAME, &retry_policy(4), limits);
    service.send_json("T.A", &input).await
}

#[tokio::test]
async fn throttled_request_is_repeated_and_a_refused_one_is_not() {
    let throttled = fake(|number, _| match number {
        0 => {
            let answer = json!({"__type": "com.amazonaws#ThrottlingException"});
            (StatusCode::BAD_REQUEST, answer.to_string())
        }
        1 => (StatusCode::INTERNAL_SERVER_ERROR, String::new()),
        _ => (StatusCode::OK, json!({"a": 1}).to_string()),
    })
    .await;
    let answer: Value = send(&throttled.url, json!({"b": 2})).await.unwrap();
    assert_eq!(answer, json!({"a": 1}));
    assert_eq!(throttled.bodies(), [r#"{"b":2}"#; 3]);

    let refused = fake(|_, _| {
        let answer = json!({"__type": "ParameterNotFound", "message": "none"});
        (StatusCode::BAD_REQUEST, answer.to_string())
    })
    .await;
    let error = send::<Value>(&refused.url, json!({})).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("ParameterNotFound"));
    assert_eq!(error.reason, "ParameterNotFound: none");
    assert_eq!(refused.bodies().len(), 1);
}

#[tokio::test]
async fn neither_debug_nor_errors_show_a_body() {
    let broken = fake(|_, _| (StatusCode::OK, r#"{"Value": "canary", "#.to_owned())).await;
    let input = json!({"Value": "canary"});
    let broken = send::<Value>(&broken.url, input).await.unwrap_err();
    let reason = &broken.reason;
    assert!(reason.contains("the response can't be read"), "{reason}");
    let mistyped = fake(|_, _| (StatusCode::OK, r#""canary""#.to_owned())).await;
    let mistyped = send::<u32>(&mistyped.url, json!({})).await.unwrap_err();
    let request = Request::post_json("/", &"canary").unwrap();
    let response = Response {
        status: 200,
        function_error: None,
        body: b"canary".to_vec(),
    };
    let shown = format!("{broken:?} {mistyped:?} {request:?} {response:?}");
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn address_is_that_of_the_region_unless_another_is_set() {
    let of = |name: ServiceName, region: &'static str| {
        let region = aws_config::Region::new(region);
        let config = SdkConfig::builder().region(region).build();
        endpoint(&config, name)
    };
    let ses = of(SES, "ca-central-1");
    assert_eq!(ses, "https://email.ca-central-1.amazonaws.com");
    let chinese = of(NAME, "cn-north-1");
    assert_eq!(chinese, "https://ssm.cn-north-1.amazonaws.com.cn");
    let other = config("http://127.0.0.1:1");
    assert_eq!(endpoint(&other, NAME), "http://127.0.0.1:1");
    // One for a single service has priority.
    let single = other.into_builder().service_config(SesEndpoint).build();
    assert_eq!(endpoint(&single, SES), "http://127.0.0.1:2");
    assert_eq!(endpoint(&single, NAME), "http://127.0.0.1:1");
}

/// An environment with `AWS_ENDPOINT_URL_SESV2`.
#[derive(Debug)]
struct SesEndpoint;

impl LoadServiceConfig for SesEndpoint {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let is_its = (key.env(), key.service_id()) == ("AWS_ENDPOINT_URL", "SESv2");
        is_its.then(|| "http://127.0.0.1:2".to_owned())
    }
}

#[test]
fn path_segment_has_no_character_with_a_meaning() {
    let encoded = encode("a+b c/d?e#f%g@example.org");
    assert_eq!(encoded, "a%2Bb%20c%2Fd%3Fe%23f%25g%40example.org");
}
