//! The ways in which a site can misbehave.

use std::time::Duration;

/// One way for a site to misbehave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers 503, with `Retry-After` in seconds where one is given.
    Down {
        /// Seconds.
        retry_after: Option<u32>,
    },
    /// Answers this status with a short page that says nothing.
    Status(u16),
    /// Answers 429, with `Retry-After` in seconds where one is given.
    Refuse {
        /// Seconds.
        retry_after: Option<u32>,
    },
    /// Takes the request and never answers.
    Hang,
    /// Answers late by so much, besides the delay of all answers.
    Slow(Duration),
    /// Closes the connection before a byte of an answer.
    DropConnection,
    /// Sends half of the body and closes the connection; the length announced was all of it.
    CutShort,
    /// Sends half of the body and then nothing more; the length announced was all of it.
    Stall,
    /// A page of status 200 that says the site is being worked on.
    Maintenance,
    /// A page of status 200 that asks whether the visitor is a robot.
    Captcha,
    /// The first half of the page as a complete answer.
    HalfAPage,
    /// The page with its ids, classes and keys renamed.
    ChangedLayout,
    /// Totals that are three more than what is listed.
    ///
    /// An older Enterprise prints no totals, so nothing changes there.
    WrongCounts,
    /// The session ends once it has shown an account page.
    ForgetSession,
    /// Redirects to itself, for ever.
    RedirectLoop,
    /// Redirects there, whatever was asked.
    RedirectTo(String),
    /// Answers a login by a redirect to another address.
    RedirectLogin {
        /// Where to.
        to: String,
        /// Whether the client must send its form once more (307 instead of 302).
        keep_method: bool,
    },
    /// Login forms that are sent to another site: scheme, host and port of it.
    LoginFormElsewhere(String),
    /// Status 200, no body.
    EmptyBody,
    /// Status 200, bytes that are not text.
    BinaryBody,
    /// 50 MB of a page; or as many, packed into 50 KB.
    HugeBody {
        /// Whether it is sent packed.
        gzip: bool,
    },
    /// Shows the account of the patron with this number to everyone.
    OtherPatron(String),
    /// Sends each byte of the answer, its head too, so much later than the one before.
    Drip(Duration),
    /// A page of status 200 that never ends, as fast as it is read.
    EndlessBody,
    /// The page, which says that it is in this charset and is in UTF-8.
    WrongCharset(String),
    /// Each cookie that is set is set once more by the same name: to something else before it, or after it.
    CookieTwice {
        /// Whether the wrong one is the last, which is what a browser keeps.
        wrong_last: bool,
    },
    /// The page with cookies of the session's name for other hosts, a whole domain and another path.
    ForeignCookies,
    /// A page in HTML where script asked for JSON, and markup where a page holds JSON.
    HtmlForJson,
    /// Links that are script, all of them.
    ScriptLinks,
    /// Titles and authors with signs that a terminal obeys, and ones that turn a line around.
    TrickyTitles,
}

impl Fault {
    /// What a broken or hostile site may do to any request and is done with at once, one of each, for tests that
    /// try them all. `elsewhere` is the address of another site: where nobody must come with a PIN.
    #[must_use]
    pub fn quick_ones(elsewhere: &str) -> Vec<Self> {
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
            Self::HalfAPage,
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

    /// What a broken or hostile site may do that lasts as long as the visitor's patience, one of each.
    #[must_use]
    pub fn slow_ones() -> Vec<Self> {
        vec![
            Self::Hang,
            Self::Stall,
            Self::Drip(Duration::from_millis(20)),
            Self::Slow(Duration::from_secs(60)),
        ]
    }
}
