//! The failures of a check, by kind.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::skeleton::Skeleton;

/// The kinds of failure of a check. [`crate::jobs`] decides the consequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The site refused the number or PIN. Never retried: sites lock a patron out.
    WrongCredentials,
    /// Logged in, but the library has blocked, frozen or expired the card.
    CardBlocked,
    /// The site forgot the session after a page that showed us logged in.
    SessionExpired,
    /// A page was not recognised.
    PageChanged,
    /// The number and PIN were sealed for other hosts than the library's entry names now. Nothing is
    /// sent: the card waits until its PIN is set or resealed.
    SealedForOtherHosts,
    /// 429, a captcha, “unusual traffic”.
    SiteRefused,
    /// No answer, 5xx, a time-out, a maintenance page.
    SiteDown,
    /// The library is backed off from, or the visit ran out of time.
    NotTried,
}

impl FailureKind {
    /// All kinds, the one a person must act on first.
    pub const ALL: [Self; 8] = [
        Self::WrongCredentials,
        Self::SealedForOtherHosts,
        Self::CardBlocked,
        Self::PageChanged,
        Self::SiteRefused,
        Self::SiteDown,
        Self::SessionExpired,
        Self::NotTried,
    ];

    /// The name in JSON, logs and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WrongCredentials => "wrong_credentials",
            Self::CardBlocked => "card_blocked",
            Self::SessionExpired => "session_expired",
            Self::PageChanged => "page_changed",
            Self::SealedForOtherHosts => "sealed_for_other_hosts",
            Self::SiteRefused => "site_refused",
            Self::SiteDown => "site_down",
            Self::NotTried => "not_tried",
        }
    }

    /// Whether the library can't be read by anybody now.
    pub fn affects_library(self) -> bool {
        matches!(self, Self::SiteDown | Self::SiteRefused)
    }
}

/// What a person can do. The command renders it as a command line, the web as a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Set the library's date format: none is declared, or dates do not fit it.
    SetDateFormat,
    /// Declare the host that the login goes to, if it is the library's.
    AddLoginHost,
    /// Set the library's address.
    SetUrl,
    /// Find out which system the library's site runs: we've never read its pages.
    DetectSystem,
    /// Allow another login with the card.
    RetryCard,
    /// Set the card's number and PIN again.
    SetPin,
    /// Correct the library's entry.
    EditLibrary,
    /// Look at the run.
    ShowRun,
    /// Look at the family's notices.
    ShowNotices,
    /// Send the notice again by hand.
    ResendNotice,
    /// Add a recipient to the family.
    AddRecipient,
    /// Write to a recipient again.
    AllowRecipient,
    /// A remedy of a newer version.
    #[serde(other)]
    Newer,
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a check gave no account.
///
/// `detail` is for the operator and goes to logs and tables. It describes the structure (which
/// page, which part, which count), never a page's text, a number, a PIN or a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{kind}: {detail}")]
pub struct Failure {
    /// Its kind.
    pub kind: FailureKind,
    /// The observation.
    pub detail: String,
    /// What a person can do, if the kind does not imply it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
    /// The site's Retry-After.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
    /// A login was sent, and we don't know whether it succeeded. It isn't sent again that day.
    #[serde(skip)]
    pub login_in_doubt: bool,
    /// The skeleton of the unexpected page, for the operator.
    #[serde(skip)]
    pub skeleton: Option<Skeleton>,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            remedy: None,
            retry_after: None,
            login_in_doubt: false,
            skeleton: None,
        }
    }

    /// The site refused the number or PIN.
    pub fn wrong_credentials(detail: impl Into<String>) -> Self {
        Self::new(FailureKind::WrongCredentials, detail)
    }

    /// A page was not recognised.
    pub fn page_changed(detail: impl Into<String>) -> Self {
        Self::new(FailureKind::PageChanged, detail)
    }

    /// No answer, 5xx, a time-out, a maintenance page.
    pub fn site_down(detail: impl Into<String>) -> Self {
        Self::new(FailureKind::SiteDown, detail)
    }

    /// The library is backed off from, or the visit ran out of time.
    pub fn not_tried(detail: impl Into<String>) -> Self {
        Self::new(FailureKind::NotTried, detail)
    }

    /// The failure without the fields that only the run needs, as stored.
    #[must_use]
    pub fn to_stored(&self) -> Self {
        Self {
            remedy: self.remedy,
            ..Self::new(self.kind, self.detail.clone())
        }
    }

    /// The same failure, with what a person can do.
    #[must_use]
    pub fn with_remedy(mut self, remedy: Remedy) -> Self {
        self.remedy = Some(remedy);
        self
    }

    /// The same failure, after a login that may or may not have succeeded.
    #[must_use]
    pub fn login_in_doubt(mut self) -> Self {
        self.login_in_doubt = true;
        self
    }

    /// The same failure, with the site's Retry-After.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_json_is_compatible_across_versions() {
        let plain = Failure::page_changed("no table");
        let json = serde_json::to_string(&plain).unwrap();
        assert_eq!(json, r#"{"kind":"page_changed","detail":"no table"}"#);
        assert_eq!(serde_json::from_str::<Failure>(&json).unwrap(), plain);
        let newer = r#"{"kind":"page_changed","detail":"x","remedy":"ask_a_friend"}"#;
        let read: Failure = serde_json::from_str(newer).unwrap();
        assert_eq!(read.remedy, Some(Remedy::Newer));
    }

    #[test]
    fn failure_kinds_have_equal_names_in_json_and_text() {
        for kind in FailureKind::ALL {
            assert_eq!(
                serde_json::to_string(&kind).unwrap(),
                format!("\"{}\"", kind.as_str())
            );
        }
    }
}
