//! The real binary, between a small Runtime API and a small AWS.

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
fn without_its_variables_it_ends_with_one_message_that_names_them_all() {
    start(&[("LOG_LEVEL", "loud")]).assert_cannot_start(
        "TABLE_NAME, MAIL_FROM, CONFIGURATION_SET are missing; LOG_LEVEL must be error, warn, info or debug",
    );
}

#[test]
fn its_init_asks_for_one_item_that_its_role_may_read() {
    start(VARIABLES).assert_asks_for_what_it_may_read("NotifyFamilyRole");
}

#[test]
fn an_event_of_another_kind_is_an_error_that_names_the_expected_fields() {
    start(VARIABLES).assert_refuses(
        json!({"label": "all"}),
        "Message",
        &["Expected: “Records”, each with “messageId” and “body”"],
    );
}

#[test]
fn a_message_that_is_no_notice_is_the_one_that_is_to_come_again() {
    let function = start(VARIABLES);
    let answer = function
        .invoke(json!({"Records": [{"messageId": "m0", "body": "{}", "eventSource": "aws:sqs"}]}))
        .unwrap();
    assert_eq!(
        answer,
        json!({"batchItemFailures": [{"itemIdentifier": "m0"}]})
    );
}
