//! The findings of `hippo doctor`.

use serde::Serialize;

/// The verdict of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Ok,
    /// It works as configured, but it may be a forgotten setting.
    Warning,
    Problem,
    /// The check got no answer.
    #[cfg_attr(
        not(feature = "aws"),
        expect(
            dead_code,
            reason = "only checks of an AWS account can be without an answer"
        )
    )]
    Unknown,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) check: String,
    pub(crate) verdict: Verdict,
    /// What was found.
    pub(crate) found: String,
    /// What to do; `None` if all is well.
    pub(crate) advice: Option<String>,
}

impl Finding {
    /// A check that found no problem.
    pub(crate) fn ok(check: &str, found: impl Into<String>) -> Self {
        Self {
            check: check.to_owned(),
            verdict: Verdict::Ok,
            found: found.into(),
            advice: None,
        }
    }

    /// A check that found something that may have been forgotten.
    pub(crate) fn warning(
        check: &str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Warning,
            ..Self::problem(check, found, advice)
        }
    }

    /// A check that found a problem.
    pub(crate) fn problem(
        check: &str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Problem,
            advice: Some(advice.into()),
            ..Self::ok(check, found)
        }
    }
}
