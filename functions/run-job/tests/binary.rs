//! Runs the real binary against a fake Runtime API and a fake AWS.

use hippo_tests::lambda::Function;

fn start(variables: &[(&str, &str)]) -> Function {
    Function::start(env!("CARGO_BIN_EXE_run-job").as_ref(), variables)
}

#[test]
fn missing_variables_are_named_in_one_message() {
    start(&[("LOG_LEVEL", "loud")]).assert_cannot_start(
        "TABLE_NAME, JOB are missing; LOG_LEVEL must be error, warn, info or debug",
    );
}

#[test]
fn job_with_a_function_of_its_own_is_refused() {
    start(&[("TABLE_NAME", "table"), ("JOB", "check-cards")])
        .assert_cannot_start("JOB must be a job without a function of its own");
}
