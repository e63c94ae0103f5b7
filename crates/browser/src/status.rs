//! Interprets an answer's status.

use std::time::Duration;

use chrono::{DateTime, Utc};
use hippo_core::failure::{Failure, FailureKind};
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// The longest Retry-After that is respected.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The failure for a refusal or a server error: 429 is `site_refused`, 5xx `site_down`.
///
/// Both include the site's Retry-After.
pub(super) fn refusal(status: StatusCode, headers: &HeaderMap, page_path: &str) -> Option<Failure> {
    let kind = match status.as_u16() {
        429 => FailureKind::SiteRefused,
        500..=599 => FailureKind::SiteDown,
        _ => return None,
    };
    let failure = Failure::new(kind, format!("status {} at {page_path}", status.as_u16()));
    Some(match retry_after(headers) {
        Some(wait) => failure.retry_after(wait),
        None => failure,
    })
}

/// Whether a retry may succeed a moment later.
pub(super) fn is_transient(status: StatusCode, headers: &HeaderMap) -> bool {
    matches!(status.as_u16(), 502..=504) && !headers.contains_key(RETRY_AFTER)
}

/// The site's Retry-After, in seconds or as a date, at most a day. A date is relative to the site's
/// `Date` header if it has one.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that overflows means a long wait.
        value.parse().map_or(MAX_RETRY_AFTER, Duration::from_secs)
    } else {
        let until = http_date(value)?;
        let now = headers
            .get(DATE)
            .and_then(|date| http_date(date.to_str().ok()?))
            .unwrap_or_else(Utc::now);
        (until - now).to_std().ok()?
    };
    (!wait.is_zero()).then_some(wait.min(MAX_RETRY_AFTER))
}

fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text.trim())
        .ok()
        .map(|date| date.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(retry: &str, date: Option<&str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        retry_after(&headers).map(|wait| wait.as_secs())
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_up_to_a_day() {
        let now = Some("Sat, 21 Nov 2026 10:00:00 GMT");
        assert_eq!(wait("120", None), Some(120));
        assert_eq!(wait(" 120 ", None), Some(120));
        assert_eq!(wait("999999", None), Some(86_400));
        assert_eq!(wait("99999999999999999999999", None), Some(86_400));
        assert_eq!(wait("Sat, 21 Nov 2026 10:02:00 GMT", now), Some(120));
        assert_eq!(wait("Sun, 20 Dec 2026 10:02:00 GMT", now), Some(86_400));
        assert_eq!(wait("Sat, 21 Nov 2026 09:00:00 GMT", now), None);
        for malformed in ["0", "", "soon", "-5", "1.5"] {
            assert_eq!(wait(malformed, None), None, "{malformed}");
        }
    }

    #[test]
    fn status_429_and_5xx_have_their_kinds() {
        let kind = |status: u16| {
            refusal(
                StatusCode::from_u16(status).unwrap(),
                &HeaderMap::new(),
                "/",
            )
            .map(|failure| failure.kind)
        };
        assert_eq!(kind(429), Some(FailureKind::SiteRefused));
        assert_eq!(kind(500), Some(FailureKind::SiteDown));
        assert_eq!(kind(503), Some(FailureKind::SiteDown));
        assert_eq!(kind(200), None);
        assert_eq!(kind(404), None);
    }
}
