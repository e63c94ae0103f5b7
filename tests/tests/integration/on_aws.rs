//! Tests the errors of `hippo --target aws` without a reachable stack. `make end-to-end` tests it with a stack.

use std::net::TcpListener;

use hippo_tests::{CommandOutput, Home};

/// Runs the command for AWS, with invented credentials and no server at the endpoint.
fn run_on_aws(variables: &[(&str, &str)], arguments: &[&str]) -> CommandOutput {
    let mut home = Home::empty();
    let closed_endpoint = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "canary-secret-key"),
        ("AWS_CONFIG_FILE", "/nowhere"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/nowhere"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ENDPOINT_URL", &closed_endpoint),
        ("HIPPO_TARGET", "aws"),
    ] {
        home.set_variable(name, value);
    }
    for (name, value) in variables {
        home.set_variable(name, value);
    }
    let ran = home.run(arguments);
    assert!(!home.path().exists(), "a home was created");
    assert!(!ran.stderr.contains("canary-secret-key"), "{}", ran.stderr);
    ran
}

#[test]
fn missing_region_error_says_how_to_set_it() {
    let ran = run_on_aws(&[("AWS_REGION", "")], &["status"]).expect_code(3);
    assert!(ran.stderr.contains("--region"), "{}", ran.stderr);
}

#[test]
fn unreachable_stack_error_names_the_stack() {
    let ran = run_on_aws(
        &[],
        &[
            "--region",
            "ca-central-1",
            "--stack",
            "ours",
            "family",
            "list",
        ],
    )
    .expect_code(3);
    for part in ["“ours”", "ca-central-1", "AWS_PROFILE"] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
}

#[test]
fn json_errors_are_documents() {
    let ran = run_on_aws(&[], &["--json", "--region", "ca-central-1", "init"]).expect_code(3);
    let error: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(error["error"]["kind"], "unusable");
}

#[test]
fn local_only_commands_are_rejected_before_any_prompt() {
    let ran = run_on_aws(&[], &["backup", "copy.db"]).expect_code(2);
    assert!(ran.stderr.contains("docs/OPERATING.md"), "{}", ran.stderr);
    let ran = run_on_aws(&[], &["init", "--contact", "you@example.org"]).expect_code(2);
    assert!(ran.stderr.contains("parameters"), "{}", ran.stderr);
}

#[test]
fn missing_credentials_error_asks_to_sign_in() {
    let unset = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")];
    let ran = run_on_aws(&unset, &["--region", "ca-central-1", "status"]).expect_code(3);
    assert!(ran.stderr.contains("Sign in"), "{}", ran.stderr);
}
