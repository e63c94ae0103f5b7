//! Runs the real binary against a fake Runtime API and a fake AWS.

use hippo_tests::lambda::Function;
use serde_json::json;

const VARIABLES: &[(&str, &str)] = &[
    ("TABLE_NAME", "table"),
    ("NOTICE_QUEUE_URL", "https://sqs.example/1/notices"),
];

fn start(variables: &[(&str, &str)]) -> Function {
    Function::start(env!("CARGO_BIN_EXE_notify-all").as_ref(), variables)
}

#[test]
fn missing_variables_are_named_in_one_message() {
    start(&[("LOG_LEVEL", "loud")]).assert_cannot_start(
        "TABLE_NAME, NOTICE_QUEUE_URL are missing; LOG_LEVEL must be error, warn, info or debug",
    );
}

#[test]
fn init_reads_one_item_that_its_role_allows() {
    start(VARIABLES).assert_init_reads_within_its_rights("NotifyAllRole");
}

#[test]
fn wrong_event_fails_with_the_expected_fields() {
    start(VARIABLES).assert_refuses(
        json!({"Records": []}),
        "Event",
        &[
            "“Records”: unknown field",
            "“label” is missing",
            "Expected: {\"label\": \"tick\", \"scheduled_time\": ",
        ],
    );
}
