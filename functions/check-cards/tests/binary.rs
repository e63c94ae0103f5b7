//! The real binary, between a small Runtime API and a small AWS.

use hippo_tests::lambda::Function;
use hippo_tests::rights::Rights;
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
    let ended = start(&[("LOG_LEVEL", "loud")]).wait();
    assert_eq!(ended.code, 1);
    assert_eq!(ended.log.len(), 1, "{:?}", ended.log);
    let error = ended.log[0]["error"].as_str().unwrap();
    assert_eq!(
        error,
        "The function cannot start with this environment: TABLE_NAME, VISIT_QUEUE_URL are \
         missing; LOG_LEVEL must be error, warn, info or debug."
    );
}

#[test]
fn its_init_asks_for_one_item_that_its_role_may_read() {
    let function = start(VARIABLES);
    function.until_next();
    let [asked] = &function.asked()[..] else {
        panic!("{:?}", function.asked());
    };
    assert_eq!(asked.operation, "DynamoDB_20120810.GetItem");
    assert_eq!(asked.body["TableName"], "table");
    let partition = asked.body["Key"]["pk"]["S"].as_str().unwrap();
    let rights = Rights::of("CheckCardsRole");
    assert!(rights.allow("dynamodb:GetItem", partition), "{partition}");
}

#[test]
fn an_event_of_another_kind_is_an_error_that_names_the_expected_fields() {
    let function = start(VARIABLES);
    function.until_next();
    let error = function.invoke(json!({"Records": []})).unwrap_err();
    assert_eq!(error["errorType"], "Event");
    let message = error["errorMessage"].as_str().unwrap();
    for words in [
        "“Records” is no field of it",
        "“label” is missing",
        "Expected is {\"label\": \"all\", \"scheduled_time\": ",
    ] {
        assert!(message.contains(words), "{words}: {message}");
    }
    // It lives on.
    function.until_next();
}
