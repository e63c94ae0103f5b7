//! Runs the real binary against a fake Runtime API and a fake AWS.

use hippo_tests::lambda::Function;
use serde_json::json;

const VARIABLES: &[(&str, &str)] = &[
    ("TABLE_NAME", "table"),
    ("KEY_PARAMETER", "/libraryhippo/key"),
];

fn start(variables: &[(&str, &str)]) -> Function {
    Function::start(env!("CARGO_BIN_EXE_check-card").as_ref(), variables)
}

#[test]
fn missing_variables_are_named_in_one_message() {
    start(&[("LOG_LEVEL", "loud")]).assert_cannot_start(
        "TABLE_NAME, KEY_PARAMETER are missing; LOG_LEVEL must be error, warn, info or debug",
    );
}

#[test]
fn init_reads_one_item_that_its_role_allows() {
    start(VARIABLES).assert_init_reads_within_its_rights("CheckCardRole");
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
fn wrong_message_fails_with_the_expected_fields() {
    start(VARIABLES).assert_refuses(
        json!({"Records": [{"messageId": "m0", "body": "{}", "eventSource": "aws:sqs"}]}),
        "Message",
        &["Expected: the fields library, cards, planned_at and run"],
    );
}
