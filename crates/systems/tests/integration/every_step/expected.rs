//! The expected outcome of each fault.

use std::time::Duration;

use hippo_core::account::Account;
use hippo_core::failure::{Failure, FailureKind};
use hippo_demo_library::{Fault, Generation, SystemKind};

use FailureKind::{PageChanged, SessionExpired, SiteDown, SiteRefused};

/// The outcome that a fault may have, at any step.
pub(crate) enum Expected {
    /// The account is unchanged.
    Same,
    /// The account without links, or with them if the fault hit no list.
    WithoutLinks,
    /// The account with the printable rest of terminal escape sequences in front of titles and authors, or unchanged if
    /// the fault hit no list.
    WithEscapeRemains,
    /// A failure. The unchanged account is also fine if the fault occurs once, or only after the last list.
    Failure(ExpectedFailure),
}

/// The failure that a fault causes.
pub(crate) struct ExpectedFailure {
    pub(crate) kind: FailureKind,
    /// The kind at the first step, if it differs.
    pub(crate) kind_at_first: Option<FailureKind>,
    /// The `Retry-After` that the site sends.
    pub(crate) retry_after: Option<Duration>,
    /// Whether the fault may be transient, so that the login page is fetched once more.
    pub(crate) is_transient: bool,
    /// Whether a single fault may lead to a login page without a reason after the login. That counts as a refusal, so
    /// that the PIN isn't sent again automatically.
    pub(crate) may_look_refused: bool,
    /// Whether a request with data from the faulty page may get the site's error page.
    pub(crate) may_break_the_site: bool,
    /// Whether the fault occurs at every step, so that no check succeeds.
    pub(crate) is_at_every_step: bool,
}

fn expected_failure(kind: FailureKind) -> ExpectedFailure {
    ExpectedFailure {
        kind,
        kind_at_first: None,
        retry_after: None,
        is_transient: false,
        may_look_refused: false,
        may_break_the_site: false,
        is_at_every_step: true,
    }
}

/// Returns the expected outcome of this fault at such a site.
pub(crate) fn expected(fault: &Fault, system: SystemKind, generation: Generation) -> Expected {
    let is_enterprise = system == SystemKind::Enterprise;
    Expected::Failure(match fault {
        Fault::Down { retry_after } => ExpectedFailure {
            retry_after: retry_after.map(|wait| Duration::from_secs(wait.into())),
            is_transient: retry_after.is_none(),
            ..expected_failure(SiteDown)
        },
        Fault::Refuse { retry_after } => ExpectedFailure {
            retry_after: retry_after.map(|wait| Duration::from_secs(wait.into())),
            ..expected_failure(SiteRefused)
        },
        Fault::Status(502 | 504) | Fault::DropConnection | Fault::CutShort => ExpectedFailure {
            is_transient: true,
            ..expected_failure(SiteDown)
        },
        Fault::Hang | Fault::Stall | Fault::Drip(_) | Fault::Slow(_) => ExpectedFailure {
            is_transient: true,
            ..expected_failure(SiteDown)
        },
        Fault::Status(403) => ExpectedFailure {
            kind_at_first: Some(SiteRefused),
            ..expected_failure(PageChanged)
        },
        Fault::Status(status) if *status < 500 => expected_failure(PageChanged),
        Fault::Status(_) | Fault::Maintenance => expected_failure(SiteDown),
        Fault::Captcha => expected_failure(SiteRefused),
        Fault::HalfPage | Fault::ChangedLayout | Fault::HugeBody { .. } | Fault::EndlessBody => {
            expected_failure(PageChanged)
        }
        Fault::EmptyBody | Fault::BinaryBody => ExpectedFailure {
            may_look_refused: true,
            ..expected_failure(PageChanged)
        },
        // A single redirect repeats the request with another method, without the form data.
        Fault::RedirectLoop => ExpectedFailure {
            may_look_refused: true,
            may_break_the_site: is_enterprise,
            ..expected_failure(PageChanged)
        },
        Fault::RedirectTo(_) => ExpectedFailure {
            may_look_refused: true,
            ..expected_failure(PageChanged)
        },
        // The interface states no totals and sets no cookies.
        Fault::WrongCounts | Fault::CookieTwice { .. } if system == SystemKind::SymphonyWs => {
            return Expected::Same;
        }
        // Older Enterprise states no totals; newer Enterprise states none for holds.
        Fault::WrongCounts if is_enterprise && generation == Generation::Older => {
            return Expected::Same;
        }
        Fault::WrongCounts => ExpectedFailure {
            is_at_every_step: !is_enterprise,
            ..expected_failure(PageChanged)
        },
        // If the account is one page, no later page needs the session.
        Fault::ForgetSession if system.has_one_page() => return Expected::Same,
        Fault::ForgetSession => expected_failure(SessionExpired),
        Fault::RedirectLogin { .. } | Fault::LoginFormElsewhere(_) => ExpectedFailure {
            is_at_every_step: false,
            ..expected_failure(PageChanged)
        },
        Fault::WrongCharset(name) if matches!(name.as_str(), "utf-16le" | "iso-2022-kr") => {
            expected_failure(PageChanged)
        }
        // The pages are ASCII, which nearly all charsets share.
        Fault::WrongCharset(_) => return Expected::Same,
        // The site doesn't know the session. Each system shows that in its own way: a stale form, an error page or the
        // login form.
        Fault::CookieTwice { wrong_last: true } => ExpectedFailure {
            may_look_refused: true,
            may_break_the_site: is_enterprise,
            is_at_every_step: false,
            ..expected_failure(PageChanged)
        },
        Fault::CookieTwice { wrong_last: false } | Fault::ForeignCookies => return Expected::Same,
        Fault::HtmlForJson if !system.sends_json() => return Expected::Same,
        Fault::HtmlForJson => expected_failure(PageChanged),
        Fault::ScriptLinks => return Expected::WithoutLinks,
        Fault::TrickyTitles => return Expected::WithEscapeRemains,
        Fault::OtherPatron(_) => unreachable!("not a transport fault"),
    })
}

impl ExpectedFailure {
    /// Returns how the failure differs from the expected one, if it does.
    pub(crate) fn find_mismatch(&self, failure: &Failure, step: u32) -> Option<&'static str> {
        let kind = self
            .kind_at_first
            .filter(|_| step == 0)
            .unwrap_or(self.kind);
        let is_silent_refusal = failure.kind == FailureKind::WrongCredentials
            && failure.detail.ends_with("refused without a word");
        let broke = failure.kind == SiteDown && failure.detail.starts_with("status 500");
        let is_known = failure.kind == kind
            || (self.may_look_refused && is_silent_refusal)
            || (self.may_break_the_site && broke);
        if !is_known {
            Some("the failure has another kind")
        } else if failure.retry_after != self.retry_after {
            Some("the retry time differs")
        } else {
            None
        }
    }
}

/// Removes the account's links.
pub(crate) fn without_links(mut account: Account) -> Account {
    for loan in account.loans.iter_mut().flatten() {
        loan.url = None;
    }
    for hold in account.holds.iter_mut().flatten() {
        hold.url = None;
    }
    account
}

/// Removes the printable rest of escape sequences, which must precede all titles and authors of a list or none.
pub(crate) fn without_escape_remains(mut account: Account) -> Account {
    let strip = |texts: Vec<&mut String>| {
        let all = texts.len();
        let stripped = texts
            .into_iter()
            .filter_map(|text| {
                let rest = text.strip_prefix("]0;me[31m")?.to_owned();
                *text = rest;
                Some(())
            })
            .count();
        assert!(stripped == 0 || stripped == all, "{stripped} of {all}");
    };
    let loans = account.loans.iter_mut().flatten();
    strip(
        loans
            .flat_map(|loan| [Some(&mut loan.title), loan.author.as_mut()])
            .flatten()
            .collect(),
    );
    let holds = account.holds.iter_mut().flatten();
    strip(
        holds
            .flat_map(|hold| [Some(&mut hold.title), hold.author.as_mut()])
            .flatten()
            .collect(),
    );
    without_hashed_ids(account)
}

/// Empties the ids that are made from titles.
pub(crate) fn without_hashed_ids(mut account: Account) -> Account {
    let loans = account.loans.iter_mut().flatten().map(|loan| &mut loan.id);
    let holds = account.holds.iter_mut().flatten().map(|hold| &mut hold.id);
    let is_hash = |id: &str| id.len() == 25 && id.starts_with('h');
    for id in loans.chain(holds).filter(|id| is_hash(id)) {
        id.clear();
    }
    account
}
