//! Parses a line of a function's log.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// A line of a function's log.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionLine {
    /// The function.
    pub function: &'static str,
    /// The run that it belongs to, if it names one.
    pub run: Option<String>,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// `INFO`, `WARN` or `ERROR`.
    pub level: String,
    /// The sentence.
    pub message: String,
    /// Its values.
    pub fields: Map<String, Value>,
    /// The invocation that wrote it, if it names one.
    pub(super) request: Option<String>,
    /// Whether it is Lambda's report about an invocation that failed.
    pub(super) is_report: bool,
}

/// The field with the run's id.
const RUN_ID: &str = "run.id";

/// The field with the id of the invocation, in the span of Lambda's runtime.
const REQUEST_ID: &str = "requestId";

/// What every line has, besides its own fields.
const COMMON: [&str; 6] = ["timestamp", "level", "message", "target", "span", "spans"];

/// How Lambda's own lines begin, if they are text.
const PLATFORM_PREFIXES: [&str; 5] = ["START ", "END ", "REPORT ", "INIT_START ", "INIT_REPORT "];

impl FunctionLine {
    /// Parses a line; `None` if it is a metric, or if Lambda wrote it and nothing went wrong.
    pub(super) fn parse(function: &'static str, at: DateTime<Utc>, text: &str) -> Option<Self> {
        let text = text.trim_end();
        let line = |level: &str, message: &str, fields| Self {
            function,
            run: None,
            at,
            level: level.to_owned(),
            message: message.to_owned(),
            fields,
            request: None,
            is_report: false,
        };
        let Ok(Value::Object(mut document)) = serde_json::from_str(text) else {
            // The functions themselves write JSON, so this is from a crash.
            let is_ours = !text.is_empty()
                && !PLATFORM_PREFIXES
                    .iter()
                    .any(|prefix| text.starts_with(prefix));
            return is_ours.then(|| line("ERROR", text, Map::new()));
        };
        if let Some(kind) = document.get("type").and_then(Value::as_str)
            && kind.starts_with("platform.")
        {
            let record = document.get("record")?;
            let (message, fields) = platform_failure(kind, record)?;
            let request = record.get("requestId").and_then(Value::as_str);
            return Some(Self {
                request: request.map(str::to_owned),
                is_report: true,
                ..line("ERROR", message, fields)
            });
        }
        let level = document.get("level")?.as_str()?.to_owned();
        let message = document.get("message").and_then(Value::as_str);
        let message = message.unwrap_or_default().to_owned();
        let run = find_id(&document, RUN_ID);
        let request = find_id(&document, REQUEST_ID);
        let written = document.get("timestamp").and_then(Value::as_str);
        let written = written.and_then(|time| DateTime::parse_from_rfc3339(time).ok());
        document.retain(|name, _| !COMMON.contains(&name.as_str()));
        Some(Self {
            run,
            request,
            // CloudWatch cuts to milliseconds.
            at: written.map_or(at, |time| time.to_utc()),
            ..line(&level, &message, document)
        })
    }
}

/// The id in this field of the line or of one of its spans.
fn find_id(document: &Map<String, Value>, field: &str) -> Option<String> {
    let spans = document.get("spans").and_then(Value::as_array);
    let mut spans = spans
        .into_iter()
        .flatten()
        .filter_map(|span| span.get(field));
    let id = document.get(field).or_else(|| spans.next())?;
    id.as_str().map(str::to_owned)
}

/// Lambda's report about an invocation that it ended, or whose process failed.
fn platform_failure(kind: &str, record: &Value) -> Option<(&'static str, Map<String, Value>)> {
    if kind != "platform.report" {
        return None;
    }
    let error = record.get("errorType").and_then(Value::as_str);
    let message = match record.get("status").and_then(Value::as_str) {
        Some("timeout") => "Lambda ended the invocation: it ran out of time.",
        // The function has logged an error of its own.
        Some("error" | "failure") if error.is_some() => "The function's process failed.",
        _ => return None,
    };
    let duration = record.get("metrics").and_then(|one| one.get("durationMs"));
    let fields = [
        ("error.kind", error.map(Value::from)),
        ("duration_ms", duration.cloned()),
    ];
    let fields = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Some((message, fields.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    const RUN: &str = "check-cards/all/2026-11-21T10:00:00Z";

    fn parse(text: &str) -> Option<FunctionLine> {
        let at = "2026-11-21T10:00:01.234Z".parse().unwrap();
        FunctionLine::parse("check-card", at, text)
    }

    #[test]
    fn own_line_keeps_its_fields_and_loses_what_every_line_has() {
        let line = parse(
            &json!({"timestamp": "2026-11-21T10:00:01.234567Z", "level": "WARN", "message": "A card couldn't be checked.",
                "card.id": "F1", "duration_ms": 7, "target": "hippo_core::jobs",
                "spans": [{"requestId": "1", "name": "Lambda"}, {"run.id": RUN, "name": "run"}]})
            .to_string(),
        )
        .unwrap();
        assert_eq!(line.run.as_deref(), Some(RUN));
        assert_eq!(line.request.as_deref(), Some("1"));
        assert!(!line.is_report);
        assert_eq!(
            line.at,
            "2026-11-21T10:00:01.234567Z"
                .parse::<DateTime<Utc>>()
                .unwrap()
        );
        assert_eq!(
            (line.level.as_str(), line.message.as_str()),
            ("WARN", "A card couldn't be checked.")
        );
        assert_eq!(
            Value::from(line.fields),
            json!({"card.id": "F1", "duration_ms": 7})
        );
    }

    #[test]
    fn line_names_its_run_itself() {
        let line = json!({"level": "INFO", "message": "A run began.", "run.id": RUN}).to_string();
        let line = parse(&line).unwrap();
        assert_eq!(line.run.as_deref(), Some(RUN));
        assert_eq!(line.fields["run.id"], RUN);
    }

    #[rstest]
    #[case::metric(r#"{"_aws":{"Timestamp":1},"Runs":1}"#)]
    #[case::platform(r#"{"time":"…","type":"platform.start","record":{"requestId":"1"}}"#)]
    #[case::success(r#"{"type":"platform.report","record":{"status":"success"}}"#)]
    #[case::own_error(r#"{"type":"platform.report","record":{"status":"error"}}"#)]
    #[case::text("REPORT RequestId: 1 Duration: 2 ms\n")]
    #[case::empty("\n")]
    fn metric_and_routine_report_is_left_out(#[case] text: &str) {
        assert_eq!(parse(text), None);
    }

    #[rstest]
    #[case::timeout(
        r#"{"type":"platform.report","record":{"status":"timeout","metrics":{"durationMs":300000.0}}}"#,
        "Lambda ended the invocation: it ran out of time.",
        json!({"duration_ms": 300_000.0})
    )]
    #[case::crash(
        r#"{"type":"platform.report","record":{"status":"error","errorType":"Runtime.ExitError"}}"#,
        "The function's process failed.",
        json!({"error.kind": "Runtime.ExitError"})
    )]
    #[case::panic("thread 'main' panicked at src/main.rs:1:1:\n", "thread 'main' panicked at src/main.rs:1:1:", json!({}))]
    fn failure_of_the_process_is_an_error(
        #[case] text: &str,
        #[case] message: &str,
        #[case] fields: Value,
    ) {
        let line = parse(text).unwrap();
        assert_eq!(
            (line.level.as_str(), line.message.as_str()),
            ("ERROR", message)
        );
        assert_eq!(Value::from(line.fields), fields);
    }
}
