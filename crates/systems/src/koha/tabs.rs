//! Reads the tabs above the lists of an account, each with its total: `Checked out (6)`.

use hippo_browser::reading::{Css, element_text, numbers};
use hippo_core::failure::Failure;
use scraper::ElementRef;

static TABS: Css = Css::new("li a");

/// The prefix of every tab's target within the page.
const PREFIX: &str = "opac-user-";

/// The tabs of neither loans nor holds.
const OTHERS: [&str; 12] = [
    "overdues",
    "fines",
    "relative-issues",
    "relative-fines",
    "clubs",
    "bookings",
    "article-requests",
    "overdrive",
    "recordedbooks",
    "cloudlibrary",
    "curbside-pickups",
    "waiting",
];

/// The tabs with their totals.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tabs {
    pub(super) loans: Option<Tab>,
    pub(super) holds: Option<Tab>,
    /// The digital loans of the service that German libraries share.
    pub(super) digital_loans: Option<Tab>,
    /// The requests from closed stacks.
    pub(super) stack_requests: Option<Tab>,
    /// The recalls.
    pub(super) recalls: Option<Tab>,
    pub(super) fines: Option<Tab>,
    /// Whether there is an unknown tab with a number other than 0.
    pub(super) has_unknown: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tab {
    pub(super) words: String,
}

impl Tab {
    /// Returns the text in its last parentheses, which may be full-width (Chinese, Japanese).
    pub(super) fn bracketed(&self) -> Option<&str> {
        let (_, after) = self.words.rsplit_once(['(', '（'])?;
        let (inner, _) = after.split_once([')', '）'])?;
        Some(inner.trim())
    }

    /// Returns its total: in the parentheses, or the only number of a translation without them.
    pub(super) fn count(&self) -> Option<u32> {
        match self.bracketed() {
            Some(inner) => numbers(inner).into_iter().next(),
            None => match numbers(&self.words).as_slice() {
                [count] => Some(*count),
                _ => None,
            },
        }
    }
}

impl Tabs {
    /// Reads the tabs in the box of the lists; `page_changed` if there are none.
    pub(super) fn find_in(views: Option<ElementRef<'_>>) -> Result<Self, Failure> {
        let views = views.ok_or_else(|| Failure::page_changed("an account without its tabs"))?;
        let list = views
            .child_elements()
            .find(|child| child.value().name() == "ul")
            .ok_or_else(|| Failure::page_changed("an account without a list of its tabs"))?;
        let mut tabs = Self::default();
        for link in TABS.all(list) {
            let tab = Tab {
                words: element_text(link),
            };
            let slot = match name(link) {
                Some("checkouts") => &mut tabs.loans,
                Some("holds") => &mut tabs.holds,
                Some("divibibcheckouts") => &mut tabs.digital_loans,
                Some("closed-stack-requests") => &mut tabs.stack_requests,
                Some("recalls") => &mut tabs.recalls,
                Some("fines") => &mut tabs.fines,
                Some(other) if OTHERS.contains(&other) => continue,
                _ => {
                    tabs.has_unknown |= !numbers(&tab.words).iter().all(|count| *count == 0);
                    continue;
                }
            };
            if slot.replace(tab).is_some() {
                return Err(Failure::page_changed("the same tab twice"));
            }
        }
        Ok(tabs)
    }
}

/// Returns `holds` for `#opac-user-holds` (older) or `#opac-user-holds_panel` (newer).
///
/// A browser that saves the page puts the page's own address before it.
fn name(link: ElementRef<'_>) -> Option<&str> {
    let (_, target) = link.attr("href")?.rsplit_once('#')?;
    let name = target.strip_prefix(PREFIX)?;
    Some(name.strip_suffix("_panel").unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use scraper::Html;

    fn tabs(list: &str) -> Result<Tabs, Failure> {
        let page = format!("<div id=opac-user-views class=toptabs>{list}</div>");
        static VIEWS: Css = Css::new("#opac-user-views");
        Tabs::find_in(VIEWS.first(Html::parse_document(&page).root_element()))
    }

    #[rstest]
    #[case("<li><a href='#opac-user-checkouts'>Checked out (6)</a>")]
    #[case("<li><a href='#opac-user-checkouts_panel'><span>Entliehen ( 6 )</span></a>")]
    #[case(
        "<li><a href='https://opac.test/cgi-bin/koha/opac-user.pl#opac-user-checkouts'>Out (6)</a>"
    )]
    #[case("<li><a href='file:///home/bo/account.html#opac-user-checkouts_panel'>Out (6)</a>")]
    #[case("<li><a href='account.html#opac-user-checkouts'>Out (6)</a>")]
    #[case("<li><a href='#opac-user-checkouts'>借出（6）</a>")]
    #[case("<li><a href='#opac-user-checkouts'>貸出中: 6</a>")]
    fn tab_total_is_read_in_any_language(#[case] tab: &str) {
        let tabs = tabs(&format!("<ul>{tab}</ul>")).unwrap();
        assert_eq!(tabs.loans.unwrap().count(), Some(6));
        assert!(!tabs.has_unknown && tabs.holds.is_none());
    }

    #[rstest]
    #[case("<li><a href='#opac-user-wishes'>Wishes (4)</a>", true)]
    #[case("<li><a href='#elsewhere'>4</a>", true)]
    #[case("<li><a href='#opac-user-wishes'>Wishes (0)</a>", false)]
    #[case("<li><a href='#opac-user-clubs'>Clubs (1/2)</a>", false)]
    #[case("<li><a href='#opac-user-overdrive'>OverDrive</a>", false)]
    fn unknown_tab_with_a_total_is_detected(#[case] tab: &str, #[case] expected: bool) {
        let tabs = tabs(&format!("<ul>{tab}</ul>")).unwrap();
        assert_eq!(tabs.has_unknown, expected);
    }

    #[test]
    fn missing_or_repeated_tab_is_a_changed_page() {
        assert!(tabs("").is_err());
        let tab = "<li><a href='#opac-user-holds'>Holds (1)</a>";
        assert!(tabs(&format!("<ul>{tab}{tab}</ul>")).is_err());
        assert!(Tabs::find_in(None).is_err());
    }
}
