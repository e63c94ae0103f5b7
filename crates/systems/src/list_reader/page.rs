//! Opens a page: unwraps its HTML, and tells what it is.

use std::borrow::Cow;

use hippo_browser::reading::{Element, ParsedPage, parse_page};
use hippo_core::failure::Failure;

use super::count::read_total;
use super::description::{AccountDescription, Count, ListDescription, PageKind};
use super::list::is_stated_empty;
use super::login::LoginDescription;
use super::script_answer::ScriptAnswer;

/// A page, parsed.
pub(super) struct OpenPage<'b> {
    pub(super) body: Cow<'b, str>,
    /// The HTML within an answer to a script.
    unwrapped: Option<String>,
    pub(super) kind: PageKind,
    pub(super) parsed: ParsedPage,
}

impl<'b> OpenPage<'b> {
    /// Opens a page.
    pub(super) fn open(
        body: Cow<'b, str>,
        description: &'static AccountDescription,
        login: &'static LoginDescription,
    ) -> Result<Self, Failure> {
        let mut is_redirect = false;
        let mut unwrapped = None;
        if !description.fragments.is_empty() {
            let answer = ScriptAnswer::unwrap(&body, description.fragments)?;
            is_redirect = answer.is_redirect;
            unwrapped = answer.is_fragment.then(|| answer.html.into_owned());
        }
        let parsed = parse_page(unwrapped.as_deref().unwrap_or(&body))?;
        // A script is led away only to log in.
        let kind = if is_redirect {
            PageKind::Login
        } else {
            classify_page(description, login, parsed.root_element())
        };
        Ok(Self {
            body,
            unwrapped,
            kind,
            parsed,
        })
    }

    pub(super) fn html(&self) -> &str {
        self.unwrapped.as_deref().unwrap_or(&self.body)
    }

    pub(super) fn root(&self) -> Element<'_> {
        self.parsed.root_element()
    }
}

/// Tells what a page is.
pub(crate) fn classify_page(
    description: &'static AccountDescription,
    login: &'static LoginDescription,
    root: Element<'_>,
) -> PageKind {
    if description.error_page_marker.is_in(root) {
        return PageKind::Broken;
    }
    let is_account = || description.account_marker.is_in(root) || (description.has_account)(root);
    if !login.is_shown(root) && is_account() {
        return PageKind::Account;
    }
    match login.failure_of_page(root) {
        Some(failure) => PageKind::Failed(failure),
        None if login.is_there(root) => PageKind::Login,
        None if states_empty(&description.loans, &description.loan_counts, root)
            || states_empty(&description.holds, &description.hold_counts, root) =>
        {
            PageKind::Account
        }
        None => PageKind::Unknown,
    }
}

/// Whether a page says that one of the lists is empty. Totals that contradict each other say nothing.
fn states_empty<E>(
    lists: &'static [ListDescription<E>],
    counts: &'static [Count],
    root: Element<'_>,
) -> bool {
    let mut blank = lists.iter().filter(|list| list.blank_page.is_some());
    blank.any(|list| is_stated_empty(list, read_total(counts, root, "").ok().flatten(), root))
}
