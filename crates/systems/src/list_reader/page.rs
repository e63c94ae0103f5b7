//! Opens a page: unwraps its HTML, and tells what it is.

use std::borrow::Cow;

use hippo_browser::reading::parse_page;
use hippo_core::failure::Failure;
use scraper::{ElementRef, Html};

use super::count::read_total;
use super::description::{AccountDescription, Count, ListDescription, PageKind};
use super::list::is_stated_empty;
use super::login::LoginDescription;
use super::script_answer::ScriptAnswer;

/// A page, parsed.
pub(super) struct OpenPage<'b> {
    pub(super) html: Cow<'b, str>,
    pub(super) kind: PageKind,
    parsed: Html,
}

impl<'b> OpenPage<'b> {
    /// Opens a page. JSON that is malformed, or breaks off, is a changed page.
    pub(super) fn open(
        body: &'b str,
        description: &'static AccountDescription,
        login: &'static LoginDescription,
    ) -> Result<Self, Failure> {
        let mut is_redirect = false;
        let mut html = Cow::Borrowed(body);
        if !description.fragments.is_empty() {
            let answer = ScriptAnswer::unwrap(body, description.fragments)
                .ok_or_else(|| Failure::page_changed("truncated or malformed JSON"))?;
            is_redirect = answer.is_redirect;
            html = answer.html;
        }
        let parsed = parse_page(&html)?;
        // A script is led away only to log in.
        let kind = if is_redirect {
            PageKind::Login
        } else {
            classify(description, login, parsed.root_element())
        };
        Ok(Self { html, kind, parsed })
    }

    pub(super) fn root(&self) -> ElementRef<'_> {
        self.parsed.root_element()
    }
}

fn classify(
    description: &'static AccountDescription,
    login: &'static LoginDescription,
    root: ElementRef<'_>,
) -> PageKind {
    let kind = match description.classify {
        Some(classify) => classify(root),
        None => classify_by_login(description, login, root),
    };
    match kind {
        PageKind::Unknown
            if states_empty(&description.loans, &description.loan_counts, root)
                || states_empty(&description.holds, &description.hold_counts, root) =>
        {
            PageKind::Account
        }
        kind => kind,
    }
}

fn classify_by_login(
    description: &'static AccountDescription,
    login: &'static LoginDescription,
    root: ElementRef<'_>,
) -> PageKind {
    let shows_login = login.is_shown(root);
    if !shows_login && description.is_account.is_in(root) {
        return PageKind::Account;
    }
    match login.failure_of_words(root) {
        Some(failure) => PageKind::Failed(failure),
        None if shows_login => PageKind::Login,
        None => PageKind::Unknown,
    }
}

/// Whether a page says that one of the lists is empty. Totals that contradict each other say nothing.
fn states_empty<E>(
    lists: &'static [ListDescription<E>],
    counts: &'static [Count],
    root: ElementRef<'_>,
) -> bool {
    let mut blank = lists.iter().filter(|list| list.blank_page.is_some());
    blank.any(|list| is_stated_empty(list, read_total(counts, root, "").ok().flatten(), root))
}
