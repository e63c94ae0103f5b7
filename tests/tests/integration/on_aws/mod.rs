//! Tests `hippo --target aws`: its errors without a reachable stack, and its logs with one on moto.
//! `make end-to-end` tests it with a whole stack.

mod followed_run;

use std::net::TcpListener;
use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use hippo_tests::moto::Moto;
use hippo_tests::{CommandOutput, Home};
use serde_json::{Map, Value, json};

/// Prepares the command for AWS, with invented credentials and no server at the endpoint.
fn prepare_for_aws(variables: &[(&str, &str)]) -> Home {
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
    home
}

/// Runs the command for AWS, with these variables besides its own.
fn run_on_aws(variables: &[(&str, &str)], arguments: &[&str]) -> CommandOutput {
    let home = prepare_for_aws(variables);
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

/// Every output that the command reads, with values that this test doesn't use.
fn outputs() -> Value {
    let names = [
        "TableName",
        "KeyParameter",
        "PublicKeyParameter",
        "FingerprintKeyParameter",
        "VisitQueueUrl",
        "VisitDeadLettersUrl",
        "NoticeQueueUrl",
        "NoticeDeadLettersUrl",
        "ScheduleDeadLettersUrl",
        "JobDeadLettersUrl",
        "CheckCardsFunction",
        "CheckCardFunction",
        "NotifyAllFunction",
        "NotifyFamilyFunction",
        "MailEventsFunction",
        "ScheduleGroup",
        "ConfigurationSet",
    ];
    let mut outputs: Map<String, Value> = names
        .into_iter()
        .map(|name| (name.to_owned(), "unused".into()))
        .collect();
    outputs.insert("Schedules".to_owned(), "all,failed,tick".into());
    outputs.insert("PictureOfTheDayFunction".to_owned(), "pictures".into());
    outputs.insert("PictureSource".to_owned(), "none".into());
    outputs.insert("MailFrom".to_owned(), "hippo@example.org".into());
    outputs.insert("Timezone".to_owned(), "America/Toronto".into());
    outputs.into()
}

/// Creates the stack `hippo` with these log lines of each function.
fn create_stack(moto: &Moto, logs: &Value) {
    create_stack_with(moto, logs, &outputs());
}

/// Creates the stack `hippo` with these log lines and outputs.
fn create_stack_with(moto: &Moto, logs: &Value, outputs: &Value) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = script.join("tests/integration/on_aws/create_stack.py");
    moto.run_script(&script, &json!({"outputs": outputs, "logs": logs}));
}

#[test]
fn logs_of_all_functions_are_shown_in_order_with_their_run() {
    let Some(moto) = Moto::start() else { return };
    // CloudWatch refuses old events. The lines have their own times.
    let now = Utc::now().timestamp_millis();
    let written_at = DateTime::from_timestamp_millis(now).unwrap();
    let written_json = written_at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let run = "check-cards/all/2026-11-21T10:00:00Z";
    let line = |second: u32, level: &str, message: &str, run: &str, fields: Value| {
        let mut line = json!({
            "timestamp": format!("2026-11-21T10:00:{second:02}.123456Z"), "level": level, "message": message,
            "target": "hippo_core", "spans": [{"requestId": "r-1", "name": "Lambda runtime invoke"},
                {"run.id": run, "name": "run"}]});
        line.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        json!([now, line.to_string()])
    };
    let report = |request: &str, status: &str| {
        let record =
            json!({"requestId": request, "status": status, "metrics": {"durationMs": 300_000}});
        json!([
            now,
            json!({"type": "platform.report", "record": record}).to_string()
        ])
    };
    let logs = json!({
        "check-cards": [
            line(1, "INFO", "A run began.", run, json!({"run.id": run, "trigger": "Schedule"})),
            [now, r#"{"_aws":{},"Runs":1}"#],
            report("r-1", "success"),
        ],
        "check-card": [
            line(3, "WARN", "A card couldn't be checked.", run, json!({"failure.kind": "site_down"})),
            line(2, "INFO", "Checked a card.", run, json!({"library.id": "wpl"})),
            [now, "thread 'main' panicked at \u{1b}[31m1:1"],
            report("r-1", "timeout"),
            report("r-2", "timeout"),
        ],
        "notify-all": [line(9, "INFO", "A run began.", "notify-all/tick/2026-11-21T10:00:00Z", json!({}))],
    });
    create_stack(&moto, &logs);
    let run_logs = |arguments: &[&str]| {
        let mut all = vec!["--region", "ca-central-1", "--stack", "hippo", "logs"];
        all.extend(arguments);
        run_on_aws(&[("AWS_ENDPOINT_URL", &moto.url())], &all).expect_code(0)
    };

    let of_run = run_logs(&[run]);
    // The lines that Lambda wrote have the real time.
    let last = of_run.stdout.lines().last().unwrap();
    let written = last.split(" ERROR").next().unwrap();
    assert_eq!(written.len(), "2026-11-21 05:00:03".len(), "{last}");
    assert_eq!(
        of_run.stdout,
        format!(
            "2026-11-21 05:00:01 INFO  A run began. run.id={run} trigger=Schedule\n\
             2026-11-21 05:00:02 INFO  Checked a card. {run} library.id=wpl\n\
             2026-11-21 05:00:03 WARN  A card couldn't be checked. {run} failure.kind=site_down\n\
             {written} ERROR Lambda ended the invocation: it ran out of time. {run} duration_ms=300000\n"
        )
    );
    assert_eq!(of_run.stderr, "");

    // Only the log of one run tells which run an invocation worked for.
    let of_job = run_logs(&["--job", "check-cards"]);
    assert_eq!(
        of_job.stdout,
        format!(
            "2026-11-21 05:00:01 INFO  A run began. run.id={run} trigger=Schedule\n\
             2026-11-21 05:00:02 INFO  Checked a card. {run} library.id=wpl\n\
             2026-11-21 05:00:03 WARN  A card couldn't be checked. {run} failure.kind=site_down\n\
             {written} ERROR thread 'main' panicked at [31m1:1 check-card\n\
             {written} ERROR Lambda ended the invocation: it ran out of time. check-card duration_ms=300000\n\
             {written} ERROR Lambda ended the invocation: it ran out of time. check-card duration_ms=300000\n"
        )
    );
    assert_eq!(of_job.stderr, "");

    let all = run_logs(&["--json"]).json();
    let in_json = |source: &str, at: &str, level: &str, message: &str, fields: Value| {
        let mut line = json!({"source": source, "at": at, "level": level, "message": message});
        if fields != json!({}) {
            line["fields"] = fields;
        }
        line
    };
    let ended = "Lambda ended the invocation: it ran out of time.";
    let tick = "notify-all/tick/2026-11-21T10:00:00Z";
    let second = |second| format!("2026-11-21T10:00:{second:02}.123456Z");
    let ended = || {
        in_json(
            "check-card",
            &written_json,
            "ERROR",
            ended,
            json!({"duration_ms": 300_000}),
        )
    };
    let expected = json!([
        in_json(
            run,
            &second(1),
            "INFO",
            "A run began.",
            json!({"run.id": run, "trigger": "Schedule"})
        ),
        in_json(
            run,
            &second(2),
            "INFO",
            "Checked a card.",
            json!({"library.id": "wpl"})
        ),
        in_json(
            run,
            &second(3),
            "WARN",
            "A card couldn't be checked.",
            json!({"failure.kind": "site_down"})
        ),
        in_json(tick, &second(9), "INFO", "A run began.", json!({})),
        in_json(
            "check-card",
            &written_json,
            "ERROR",
            "thread 'main' panicked at \u{1b}[31m1:1",
            json!({})
        ),
        ended(),
        ended(),
    ]);
    assert_eq!(all, expected);
}
