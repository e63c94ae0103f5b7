//! The real binary, between a small Runtime API and a small AWS.

use hippo_tests::lambda::Function;
use serde_json::json;

const VARIABLES: &[(&str, &str)] = &[("TABLE_NAME", "table")];

fn start(variables: &[(&str, &str)]) -> Function {
    Function::start(env!("CARGO_BIN_EXE_mail-events").as_ref(), variables)
}

#[test]
fn without_its_variables_it_ends_with_one_message_that_names_them_all() {
    start(&[("LOG_LEVEL", "loud")])
        .assert_cannot_start("TABLE_NAME is missing; LOG_LEVEL must be error, warn, info or debug");
}

#[test]
fn its_init_asks_for_one_item_that_its_role_may_read() {
    start(VARIABLES).assert_asks_for_what_it_may_read("MailEventsRole");
}

#[test]
fn an_event_of_another_kind_is_left_alone() {
    let function = start(VARIABLES);
    assert_eq!(function.invoke(json!({"label": "all"})), Ok(json!(null)));
}

#[test]
fn an_event_of_a_notice_that_is_not_understood_is_an_error_that_names_the_field() {
    let tags =
        json!({"kind": ["daily"], "family": ["calder"], "date": ["tomorrow"], "fence": ["1"]});
    start(VARIABLES).assert_refuses(
        json!({"source": "aws.ses", "detail-type": "Email Sent", "detail": {"mail": {"tags": tags}}}),
        "MailEvent",
        &["“detail.mail.tags.date” is missing or is not what it should be"],
    );
}

#[test]
fn an_event_of_a_notice_asks_for_it_with_what_its_role_may_read() {
    let function = start(VARIABLES);
    let tags =
        json!({"kind": ["daily"], "family": ["calder"], "date": ["2026-11-21"], "fence": ["1"]});
    let event = json!({"source": "aws.ses", "detail-type": "Email Sent", "detail": {"mail": {"tags": tags}}});
    assert_eq!(function.invoke(event), Ok(json!(null)));
    let asked = function.asked();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert_eq!(asked[1].body["Key"]["sk"]["S"], "OUTBOX#daily#2026-11-21");
}
