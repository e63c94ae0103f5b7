//! The real binary, between a small Runtime API and a small AWS.

use hippo_tests::lambda::Function;
use serde_json::json;

const VARIABLES: &[(&str, &str)] = &[
    ("TABLE_NAME", "table"),
    ("VISIT_QUEUE_URL", "https://sqs.example/1/visits.fifo"),
];

fn start(variables: &[(&str, &str)]) -> Function {
    Function::start(env!("CARGO_BIN_EXE_check-cards").as_ref(), variables)
}

#[test]
fn without_its_variables_it_ends_with_one_message_that_names_them_all() {
    start(&[("LOG_LEVEL", "loud")]).assert_cannot_start(
        "TABLE_NAME, VISIT_QUEUE_URL are missing; LOG_LEVEL must be error, warn, info or debug",
    );
}

#[test]
fn its_init_asks_for_one_item_that_its_role_may_read() {
    start(VARIABLES).assert_asks_for_what_it_may_read("CheckCardsRole");
}

#[test]
fn an_event_of_another_kind_is_an_error_that_names_the_expected_fields() {
    start(VARIABLES).assert_refuses(
        json!({"Records": []}),
        "Event",
        &[
            "“Records” is not a field of it",
            "“label” is missing",
            "Expected: {\"label\": \"all\", \"scheduled_time\": ",
        ],
    );
}
