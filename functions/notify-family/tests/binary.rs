//! Runs the real binary against a fake Runtime API and a fake AWS.

use hippo_tests::lambda::Function;
use serde_json::json;

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
