//! Metrics in CloudWatch's embedded metric format: a JSON line on standard output, no request.
//!
//! Every combination of dimensions costs as much as a metric, so the only dimensions are `Job`,
//! `Label` and `Kind`. `infra/metrics.md` lists the metrics.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

/// The unit of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// A duration.
    Milliseconds,
}

impl Unit {
    fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

/// Publishes metrics of one namespace.
pub struct Metrics {
    namespace: String,
    line: Box<dyn Fn(&str) + Send + Sync>,
}

impl Metrics {
    /// Publishes to standard output, where CloudWatch reads them.
    pub fn new(namespace: impl Into<String>) -> Self {
        Self::to(namespace, |line| println!("{line}"))
    }

    /// Publishes each line through a function.
    pub fn to(namespace: impl Into<String>, line: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self {
            namespace: namespace.into(),
            line: Box::new(line),
        }
    }

    /// Starts a line of metrics measured at `at`. [`Line::publish`] writes it.
    pub fn at(&self, at: DateTime<Utc>) -> Line<'_> {
        Line {
            metrics: self,
            at,
            directives: Vec::new(),
            members: Map::new(),
        }
    }
}

/// One line under construction.
pub struct Line<'a> {
    metrics: &'a Metrics,
    at: DateTime<Utc>,
    directives: Vec<Value>,
    members: Map<String, Value>,
}

impl Line<'_> {
    /// Adds metrics that share these dimensions. A dimension has one value in a line.
    #[must_use]
    pub fn metrics(mut self, dimensions: &[(&str, &str)], values: &[(&str, Unit, i64)]) -> Self {
        let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
        let metrics: Vec<Value> = values
            .iter()
            .map(|(name, unit, _)| json!({"Name": name, "Unit": unit.as_str()}))
            .collect();
        self.directives.push(json!({
            "Namespace": self.metrics.namespace,
            "Dimensions": [names],
            "Metrics": metrics,
        }));
        for (name, value) in dimensions {
            self.members.insert((*name).to_owned(), json!(value));
        }
        for (name, _, value) in values {
            self.members.insert((*name).to_owned(), json!(value));
        }
        self
    }

    /// Adds a log field, which isn't a metric and costs nothing.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.members.insert(name.to_owned(), json!(value));
        self
    }

    /// Writes the line, with the `timestamp` and `level` that log queries and
    /// [Lambda](https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-advanced.html)
    /// expect in every line.
    pub fn publish(mut self) {
        let timestamp = self.at.to_rfc3339_opts(SecondsFormat::Micros, true);
        self.members
            .insert("timestamp".to_owned(), json!(timestamp));
        self.members.insert("level".to_owned(), json!("INFO"));
        let head = json!({
            "Timestamp": self.at.timestamp_millis(),
            "CloudWatchMetrics": self.directives,
        });
        self.members.insert("_aws".to_owned(), head);
        (self.metrics.line)(&Value::Object(self.members).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn line_has_values_dimensions_and_directives() {
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = lines.clone();
        let metrics = Metrics::to("LibraryHippo/test", move |line| {
            kept.lock().unwrap().push(line.to_owned());
        });
        metrics
            .at("2026-11-21T10:00:00Z".parse().unwrap())
            .metrics(&[("Job", "check-cards")], &[("Runs", Unit::Count, 1)])
            .metrics(&[], &[("VisitDuration", Unit::Milliseconds, 1200)])
            .field("library", "wpl")
            .publish();
        let line: Value = serde_json::from_str(&lines.lock().unwrap()[0]).unwrap();
        assert_eq!(
            line,
            json!({
                "_aws": {
                    "Timestamp": 1_795_255_200_000_i64,
                    "CloudWatchMetrics": [
                        {"Namespace": "LibraryHippo/test", "Dimensions": [["Job"]], "Metrics": [{"Name": "Runs", "Unit": "Count"}]},
                        {"Namespace": "LibraryHippo/test", "Dimensions": [[]], "Metrics": [{"Name": "VisitDuration", "Unit": "Milliseconds"}]},
                    ],
                },
                "timestamp": "2026-11-21T10:00:00.000000Z",
                "level": "INFO",
                "Job": "check-cards",
                "Runs": 1,
                "VisitDuration": 1200,
                "library": "wpl",
            })
        );
    }
}
