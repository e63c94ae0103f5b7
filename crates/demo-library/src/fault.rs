//! The faults of a site.

use std::time::Duration;

/// A fault of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers 503, with an optional `Retry-After`.
    Down {
        /// Seconds.
        retry_after: Option<u32>,
    },
    /// Answers with this status and a short page.
    Status(u16),
    /// Answers 429, with an optional `Retry-After`.
    Refuse {
        /// Seconds.
        retry_after: Option<u32>,
    },
    /// Accepts the request and never answers.
    Hang,
    /// Delays the answer, in addition to the delay of all answers.
    Slow(Duration),
    /// Closes the connection without an answer.
    DropConnection,
    /// Sends half of the body and closes the connection. The declared length is that of the whole body.
    CutShort,
    /// Sends half of the body and then nothing more. The declared length is that of the whole body.
    Stall,
    /// A maintenance page with status 200.
    Maintenance,
    /// A captcha page with status 200.
    Captcha,
    /// The first half of the page as a complete answer.
    HalfPage,
    /// The page with its ids, classes and keys renamed.
    ChangedLayout,
    /// Totals that are three more than the listed entries.
    ///
    /// An older Enterprise prints no totals, so it doesn't change.
    WrongCounts,
    /// The session ends once it has shown an account page.
    ForgetSession,
    /// Redirects to itself forever.
    RedirectLoop,
    /// Redirects every request to this URL.
    RedirectTo(String),
    /// Answers a login with a redirect to another URL.
    RedirectLogin {
        /// The target.
        to: String,
        /// Whether the client must send its form again (307 instead of 302).
        keep_method: bool,
    },
    /// Login forms that are sent to another site, given as scheme, host and port.
    LoginFormElsewhere(String),
    /// Status 200, no body.
    EmptyBody,
    /// Status 200, bytes that are not text.
    BinaryBody,
    /// A page of 50 MB, or the same compressed to 50 KB.
    HugeBody {
        /// Whether it is compressed.
        gzip: bool,
    },
    /// Shows the account of the patron with this number to everyone.
    OtherPatron(String),
    /// Pauses before each byte of the answer, including its headers.
    Drip(Duration),
    /// A page with status 200 that never ends.
    EndlessBody,
    /// The page in UTF-8, declared in this charset.
    WrongCharset(String),
    /// Sets each cookie twice by the same name, with a wrong value before or after the correct one.
    CookieTwice {
        /// Whether the wrong one is the last, which browsers keep.
        wrong_last: bool,
    },
    /// Adds cookies with the session cookie's name for other hosts, a whole domain and another path.
    ForeignCookies,
    /// HTML instead of a JSON answer, and markup instead of JSON within a page.
    HtmlForJson,
    /// All links are scripts.
    ScriptLinks,
    /// Titles and authors with terminal escapes and text direction overrides.
    TrickyTitles,
}

impl Fault {
    /// All faults of a broken or hostile site that end quickly, for tests that try each. `elsewhere` is another site,
    /// which must never get a PIN.
    #[must_use]
    pub fn all_quick_faults(elsewhere: &str) -> Vec<Self> {
        let redirect = |to: &str| Self::RedirectTo(to.to_owned());
        let charset = |name: &str| Self::WrongCharset(name.to_owned());
        vec![
            Self::Down { retry_after: None },
            Self::Down {
                retry_after: Some(90),
            },
            Self::Status(500),
            Self::Status(502),
            Self::Status(404),
            Self::Status(403),
            Self::Refuse { retry_after: None },
            Self::Refuse {
                retry_after: Some(3_600),
            },
            Self::DropConnection,
            Self::CutShort,
            Self::Maintenance,
            Self::Captcha,
            Self::HalfPage,
            Self::ChangedLayout,
            Self::EmptyBody,
            Self::BinaryBody,
            Self::HugeBody { gzip: false },
            Self::HugeBody { gzip: true },
            Self::EndlessBody,
            Self::WrongCounts,
            Self::ForgetSession,
            Self::RedirectLoop,
            redirect("/round/and/round"),
            redirect(elsewhere),
            redirect("file:///etc/passwd"),
            redirect("javascript:alert(1)"),
            redirect("http://169.254.169.254/latest/meta-data/"),
            redirect("http://[fe80::1]/"),
            redirect("http://10.0.0.1/"),
            Self::RedirectLogin {
                to: format!("{elsewhere}/login"),
                keep_method: true,
            },
            Self::RedirectLogin {
                to: format!("{elsewhere}/login"),
                keep_method: false,
            },
            Self::LoginFormElsewhere(elsewhere.to_owned()),
            Self::LoginFormElsewhere("javascript:alert(1)//".to_owned()),
            charset("iso-8859-1"),
            charset("utf-16le"),
            charset("iso-2022-kr"),
            charset("klingon"),
            Self::CookieTwice { wrong_last: false },
            Self::CookieTwice { wrong_last: true },
            Self::ForeignCookies,
            Self::HtmlForJson,
            Self::ScriptLinks,
            Self::TrickyTitles,
        ]
    }

    /// All faults of a broken or hostile site that last until the visitor's timeout.
    #[must_use]
    pub fn all_slow_faults() -> Vec<Self> {
        vec![
            Self::Hang,
            Self::Stall,
            Self::Drip(Duration::from_millis(20)),
            Self::Slow(Duration::from_secs(60)),
        ]
    }
}
