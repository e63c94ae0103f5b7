//! What each fault may come to.

use std::time::Duration;

use hippo_core::account::Account;
use hippo_core::failure::{Failure, FailureKind};
use hippo_demo_library::{Fault, Generation, SystemKind};

use FailureKind::{PageChanged, SessionExpired, SiteDown, SiteRefused};

/// What a fault comes to, wherever it strikes.
pub(crate) enum Expected {
    /// It is as if it were not there.
    Same,
    /// The account without links, or with them where the fault did not strike a list.
    WithoutLinks,
    /// The account with what a terminal's orders leave when their control characters are gone, in front of titles
    /// and authors, or without where the fault did not strike a list.
    WithRestsOfOrders,
    /// A failure. Where the fault strikes once, or only after what is read, also the very same account.
    Failure(Fatal),
}

/// What a failure may be.
pub(crate) struct Fatal {
    /// Its kind.
    pub(crate) kind: FailureKind,
    /// The kind at the first step, where that differs.
    pub(crate) kind_at_first: Option<FailureKind>,
    /// How long the site asked to be left alone.
    pub(crate) retry_after: Option<Duration>,
    /// Whether the same page may well come a moment later: it is asked for once more before the login.
    pub(crate) is_passing: bool,
    /// Whether it leads, once, to a login page after the login without a word on why. That looks like a refusal, and
    /// is taken for one so that the PIN is not sent again by itself.
    pub(crate) may_look_refused: bool,
    /// Whether what is sent on from what came may make the site say that it broke down.
    pub(crate) may_break_the_site: bool,
    /// Whether it strikes every step, so that each check fails while it lasts.
    pub(crate) strikes_all: bool,
}

fn fatal(kind: FailureKind) -> Fatal {
    Fatal {
        kind,
        kind_at_first: None,
        retry_after: None,
        is_passing: false,
        may_look_refused: false,
        may_break_the_site: false,
        strikes_all: true,
    }
}

/// What this fault comes to at such a site.
pub(crate) fn expected(fault: &Fault, system: SystemKind, generation: Generation) -> Expected {
    let is_enterprise = system == SystemKind::Enterprise;
    Expected::Failure(match fault {
        Fault::Down { retry_after } => Fatal {
            retry_after: retry_after.map(|wait| Duration::from_secs(wait.into())),
            is_passing: retry_after.is_none(),
            ..fatal(SiteDown)
        },
        Fault::Refuse { retry_after } => Fatal {
            retry_after: retry_after.map(|wait| Duration::from_secs(wait.into())),
            ..fatal(SiteRefused)
        },
        Fault::Status(502 | 504) | Fault::DropConnection | Fault::CutShort => Fatal {
            is_passing: true,
            ..fatal(SiteDown)
        },
        Fault::Hang | Fault::Stall | Fault::Drip(_) | Fault::Slow(_) => Fatal {
            is_passing: true,
            ..fatal(SiteDown)
        },
        Fault::Status(403) => Fatal {
            kind_at_first: Some(SiteRefused),
            ..fatal(PageChanged)
        },
        Fault::Status(status) if *status < 500 => fatal(PageChanged),
        Fault::Status(_) | Fault::Maintenance => fatal(SiteDown),
        Fault::Captcha => fatal(SiteRefused),
        Fault::HalfAPage | Fault::ChangedLayout | Fault::HugeBody { .. } | Fault::EndlessBody => {
            fatal(PageChanged)
        }
        Fault::EmptyBody | Fault::BinaryBody => Fatal {
            may_look_refused: true,
            ..fatal(PageChanged)
        },
        // Once, it is a way to the same page by another method: without the form that was sent.
        Fault::RedirectLoop => Fatal {
            may_look_refused: true,
            may_break_the_site: is_enterprise,
            ..fatal(PageChanged)
        },
        Fault::RedirectTo(_) => Fatal {
            may_look_refused: true,
            ..fatal(PageChanged)
        },
        // An older Enterprise states no totals, a newer one none of holds.
        Fault::WrongCounts if is_enterprise && generation == Generation::Older => {
            return Expected::Same;
        }
        Fault::WrongCounts => Fatal {
            strikes_all: !is_enterprise,
            ..fatal(PageChanged)
        },
        // Koha's account is one page: none comes after it that a session could be forgotten for.
        Fault::ForgetSession if system == SystemKind::Koha => return Expected::Same,
        Fault::ForgetSession => fatal(SessionExpired),
        Fault::RedirectLogin { .. } | Fault::LoginFormElsewhere(_) => Fatal {
            strikes_all: false,
            ..fatal(PageChanged)
        },
        Fault::WrongCharset(name) if matches!(name.as_str(), "utf-16le" | "iso-2022-kr") => {
            fatal(PageChanged)
        }
        // The pages here are in ASCII, which nearly all charsets agree on.
        Fault::WrongCharset(_) => return Expected::Same,
        // The site does not know us from the start, and says so in its system's way: a stale form, an error of its
        // own, or the login form once more.
        Fault::CookieTwice { wrong_last: true } => Fatal {
            may_look_refused: true,
            may_break_the_site: is_enterprise,
            strikes_all: false,
            ..fatal(PageChanged)
        },
        Fault::CookieTwice { wrong_last: false } | Fault::ForeignCookies => return Expected::Same,
        // Sierra and Koha send no JSON.
        Fault::HtmlForJson if matches!(system, SystemKind::Sierra | SystemKind::Koha) => {
            return Expected::Same;
        }
        Fault::HtmlForJson => fatal(PageChanged),
        Fault::ScriptLinks => return Expected::WithoutLinks,
        Fault::TrickyTitles => return Expected::WithRestsOfOrders,
        Fault::OtherPatron(_) => unreachable!("not a fault of the way"),
    })
}

impl Fatal {
    /// Why this is not the failure that was to come of it; nothing if it is.
    pub(crate) fn objection(&self, failure: &Failure, step: u32) -> Option<&'static str> {
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
            Some("another kind of failure")
        } else if failure.retry_after != self.retry_after {
            Some("another time to be left alone")
        } else {
            None
        }
    }
}

/// The account without links.
pub(crate) fn without_links(mut account: Account) -> Account {
    for loan in account.loans.iter_mut().flatten() {
        loan.url = None;
    }
    for hold in account.holds.iter_mut().flatten() {
        hold.url = None;
    }
    account
}

/// The account without what orders to a terminal leave, which must be the same in front of each title and author of
/// a list or of none.
pub(crate) fn without_rests_of_orders(mut account: Account) -> Account {
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
    account
}
