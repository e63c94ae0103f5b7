//! Runs the real binary against a fake Runtime API, and a fake AWS or emulators.
#![allow(clippy::unwrap_used, reason = "a test may panic when its setup fails")]

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use chrono::Utc;
use hippo_aws::dynamodb::{self, DynamoDbStore, schema};
use hippo_core::sign_in::{SignInAttempt, Token};
use hippo_core::store::{FamilyStore as _, SignInStore as _};
use hippo_core::testing::contract::sample;
use hippo_tests::emulator::Emulator;
use hippo_tests::lambda::{Emulators, Function};
use hippo_tests::moto::Moto;
use serde_json::{Value, json};

const VARIABLES: &[(&str, &str)] = &[
    ("TABLE_NAME", "table"),
    ("MAIL_FROM", "LibraryHippo <hippo@example.org>"),
    ("CONFIGURATION_SET", "settings"),
];

fn start(variables: &[(&str, &str)]) -> Function {
    Function::start(env!("CARGO_BIN_EXE_notify-family").as_ref(), variables)
}

#[test]
fn missing_variables_are_named_in_one_message() {
    start(&[("LOG_LEVEL", "loud")]).assert_cannot_start(
        "TABLE_NAME, MAIL_FROM, CONFIGURATION_SET are missing; LOG_LEVEL must be error, warn, info or debug",
    );
}

#[test]
fn init_reads_one_item_that_its_role_allows() {
    start(VARIABLES).assert_init_reads_within_its_rights("NotifyFamilyRole");
}

#[test]
fn wrong_event_fails_with_the_expected_fields() {
    start(VARIABLES).assert_refuses(
        json!({"label": "all"}),
        "Message",
        &["Expected: “Records”, each with “messageId” and “body”"],
    );
}

#[test]
fn malformed_message_is_returned_as_failed() {
    let function = start(VARIABLES);
    let answer = function
        .invoke(json!({"Records": [{"messageId": "m0", "body": "{}", "eventSource": "aws:sqs"}]}))
        .unwrap();
    assert_eq!(
        answer,
        json!({"batchItemFailures": [{"itemIdentifier": "m0"}]})
    );
}

fn config(endpoint: &str) -> SdkConfig {
    let credentials = SharedCredentialsProvider::new(Credentials::for_tests());
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(hippo_aws::clients::https_client())
        .region(Region::new("ca-central-1"))
        .endpoint_url(endpoint)
        .credentials_provider(credentials)
        .build()
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_mail_is_sent_once_within_the_rights_of_the_role() {
    let (Some(dynamodb), Some(moto)) = (Emulator::start(), Moto::start()) else {
        return;
    };
    let client = dynamodb::client(&config(&dynamodb.endpoint()));
    schema::create_table(&client, "table").await.unwrap();
    let store = DynamoDbStore::new(client, "table");
    store.add_family(&sample::family("conrad")).await.unwrap();
    moto.verify_sender("hippo@example.org").await;
    let attempt = SignInAttempt::begin(&Token::generate().unwrap(), Utc::now());
    store.add_attempt(&attempt).await.unwrap();
    let web = [
        ("WEB_URL", "https://hippo.example.org"),
        ("NOTICE_QUEUE_URL", "https://sqs.example/1/notices"),
        ("OPERATOR_EMAIL", "operator@example.org"),
    ];
    let emulators = Emulators {
        dynamodb: dynamodb.address(),
        others: moto.address(),
    };
    let binary = env!("CARGO_BIN_EXE_notify-family").as_ref();
    let function = Function::start_on(binary, &[VARIABLES, &web].concat(), emulators);
    let message = |address: &str| {
        let request = json!({"message": "sign_in", "attempt": attempt.id, "address": address});
        json!({"messageId": "m0", "body": request.to_string(), "eventSource": "aws:sqs"})
    };
    // An unknown address, then a known one, delivered twice.
    for address in ["stranger@example.org", "ZOE@example.org", "zoe@example.org"] {
        let answer = function.invoke(json!({"Records": [message(address)]}));
        assert_eq!(answer, Ok(json!({"batchItemFailures": []})), "{address}");
    }
    let attempt = store.attempt(attempt.id).await.unwrap().unwrap();
    assert!(attempt.granted.is_some());
    // It reads the only mail.
    let reader = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../crates/aws/tests/integration/mail/read_mail.py"
    );
    let mail = moto.run_script(reader.as_ref(), &Value::Null);
    let headers = mail["headers"].to_string();
    assert!(headers.contains("zoe@example.org"), "{headers}");
    let text = mail["parts"][0]["text"].as_str().unwrap();
    let link = format!(
        "https://hippo.example.org/sign-in/link?token={}",
        attempt.id.simple()
    );
    assert!(text.contains(&link), "{text}");
    function.assert_table_requests_are_within_its_rights("NotifyFamilyRole");
}
