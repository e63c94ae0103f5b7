//! Runs the real binary against a fake Runtime API and a fake AWS.

use hippo_tests::lambda::Function;
use serde_json::json;

const VARIABLES: &[(&str, &str)] = &[("TABLE_NAME", "table")];

fn start(variables: &[(&str, &str)]) -> Function {
    Function::start(env!("CARGO_BIN_EXE_mail-events").as_ref(), variables)
}

#[test]
fn missing_variables_are_named_in_one_message() {
    start(&[("LOG_LEVEL", "loud")])
        .assert_cannot_start("TABLE_NAME is missing; LOG_LEVEL must be error, warn, info or debug");
}

#[test]
fn init_reads_one_item_that_its_role_allows() {
    start(VARIABLES).assert_init_reads_within_its_rights("MailEventsRole");
}

#[test]
fn unrelated_event_is_ignored() {
    let function = start(VARIABLES);
    assert_eq!(function.invoke(json!({"label": "all"})), Ok(json!(null)));
}

#[test]
fn malformed_event_of_a_notice_fails_and_names_the_field() {
    let tags =
        json!({"kind": ["daily"], "family": ["calder"], "date": ["tomorrow"], "fence": ["1"]});
    start(VARIABLES).assert_refuses(
        json!({"source": "aws.ses", "detail-type": "Email Sent", "detail": {"mail": {"tags": tags}}}),
        "MailEvent",
        &["“detail.mail.tags.date” is missing or malformed"],
    );
}

#[test]
fn event_reads_its_notice_as_its_role_allows() {
    let function = start(VARIABLES);
    let tags =
        json!({"kind": ["daily"], "family": ["calder"], "date": ["2026-11-21"], "fence": ["1"]});
    let event = json!({"source": "aws.ses", "detail-type": "Email Sent", "detail": {"mail": {"tags": tags}}});
    assert_eq!(function.invoke(event), Ok(json!(null)));
    let requests = function.asked();
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert_eq!(
        requests[1].body["Key"]["sk"]["S"],
        "OUTBOX#daily#2026-11-21"
    );
}
