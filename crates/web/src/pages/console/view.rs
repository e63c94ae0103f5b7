//! What several pages of the console show the same way.

use axum::http::HeaderMap;
use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use hippo_core::failure::FailureKind;
use hippo_core::notice::phrases;
use hippo_core::run::RunKey;
use hippo_core::run::grid::OutcomeTone;
use hippo_core::time_format::moment_with_zone;

use crate::access::form_token::{FormToken, form_token};
use crate::error::PageError;
use crate::guard::host::RequestOrigin;
use crate::ports::WebPorts;

/// Formats instants as of one moment, each with its zone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) now: DateTime<Utc>,
    /// The operator's zone.
    pub(super) zone: Tz,
}

impl Times {
    pub(super) fn new(ports: &WebPorts) -> Self {
        Self {
            now: ports.clock.now(),
            zone: ports.settings.timezone,
        }
    }

    /// Formats an instant in the operator's zone.
    pub(super) fn show(self, at: DateTime<Utc>) -> String {
        self.show_in(at, self.zone)
    }

    /// Formats an instant in a zone.
    pub(super) fn show_in(self, at: DateTime<Utc>, zone: Tz) -> String {
        moment_with_zone(at, self.now, zone)
    }
}

/// The class of a tone in the style sheet.
pub(super) fn tone_class(tone: OutcomeTone) -> &'static str {
    match tone {
        OutcomeTone::Good => "g",
        OutcomeTone::Warning => "w",
        OutcomeTone::Bad => "b",
        OutcomeTone::Plain => "p",
        OutcomeTone::Faint => "f",
    }
}

/// The class of an outcome's sign: the style sheet writes the sign, so that a square is small.
pub(super) fn sign_class(sign: &str) -> &'static str {
    match sign {
        "✓" => "g",
        "!" => "w",
        "✗" => "b",
        "»" => "m",
        "…" => "p",
        "?" => "q",
        _ => "f",
    }
}

/// The path of a run's page.
pub(super) fn run_path(run: &RunKey) -> String {
    let time = run
        .scheduled_time
        .to_rfc3339_opts(SecondsFormat::AutoSi, true);
    format!("/console/runs/{}/{}/{time}", run.job, run.label)
}

/// A kind of failure in words; the stored word if it has none.
pub(super) fn failure_words(kind: &str) -> String {
    let known = FailureKind::ALL.iter().find(|one| one.as_str() == kind);
    match known {
        Some(kind) => phrases::failure(*kind).to_owned(),
        None => kind.to_owned(),
    }
}

/// The form token of a request.
pub(super) fn token_of(
    headers: &HeaderMap,
    origin: &RequestOrigin,
) -> Result<FormToken, PageError> {
    form_token(headers, origin.is_secure)
}
