//! The real binary, between a small Runtime API and a small AWS.

use hippo_tests::lambda::Function;
use hippo_tests::rights::Rights;
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
    let ended = start(&[("LOG_LEVEL", "loud")]).wait();
    assert_eq!(ended.code, 1);
    assert_eq!(ended.log.len(), 1, "{:?}", ended.log);
    let error = ended.log[0]["error"].as_str().unwrap();
    assert_eq!(
        error,
        "The function cannot start with this environment: TABLE_NAME, MAIL_FROM, CONFIGURATION_SET are \
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
    let rights = Rights::of("NotifyFamilyRole");
    assert!(rights.allow("dynamodb:GetItem", partition), "{partition}");
}

#[test]
fn an_event_of_another_kind_is_an_error_that_names_the_expected_fields() {
    let function = start(VARIABLES);
    function.until_next();
    let error = function.invoke(json!({"label": "all"})).unwrap_err();
    assert_eq!(error["errorType"], "Message");
    let message = error["errorMessage"].as_str().unwrap();
    let expected = "expected are “Records”, each with “messageId” and “body”";
    assert!(message.contains(expected), "{message}");
    // It lives on.
    function.until_next();
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
