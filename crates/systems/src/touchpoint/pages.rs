//! The description of `TouchPoint`'s pages.

use std::sync::LazyLock;

use hippo_browser::reading::{Css, Element, element_text, text_after_words};

use crate::list_reader::{
    AccountDescription, CARD_EXPIRES_WORDS, CARD_NUMBER_WORDS, Count, DUE_WORDS, Fact,
    INTER_LIBRARY_LOANS, ListDescription, ListMark, NAMES_OF_FEES, NAMES_OF_LOANS, NAMES_OF_ORDERS,
    NAMES_OF_RESERVATIONS,
};
use crate::sisis::pages::{holds, loans};

static LOANS_TAB: Css = Css::new("#loaned");
static HOLDS_TABS: Css = Css::new("#ordered, #requested");
static HEADERS: Css = Css::new("#account-data th");
static LINK: Css = Css::new("a");

/// The page's list. It is a table, with class `data` or without.
const LIST: &str = "#account-data table";

pub(super) static ACCOUNT: LazyLock<AccountDescription> = LazyLock::new(|| AccountDescription {
    account_marker: Css::new("#account-nav"),
    loans: vec![ListDescription {
        list: Css::new(LIST),
        identified_by: vec![ListMark::Page(shows_loans)],
        none_at: Some(Css::new("#account-data")),
        ..loans()
    }],
    holds: vec![ListDescription {
        list: Css::new(LIST),
        identified_by: vec![ListMark::Page(shows_holds)],
        none_at: Some(Css::new("#account-data")),
        ..holds()
    }],
    has_several_pages: true,
    loan_counts: vec![
        Count(vec![Fact::after("#loaned", NAMES_OF_LOANS)]),
        Count(vec![Fact::at("#loaned")]),
    ],
    hold_counts: vec![
        Count(vec![
            Fact::after("#ordered", NAMES_OF_ORDERS),
            Fact::after("#requested", NAMES_OF_RESERVATIONS),
        ]),
        Count(vec![Fact::at("#ordered"), Fact::at("#requested")]),
    ],
    unread: vec![Fact::with("#account-nav li", INTER_LIBRARY_LOANS)],
    fines: vec![Fact::after("#fees", NAMES_OF_FEES), Fact::at("#fees")],
    card_expires: vec![Fact::beginning(
        "#right .box1, #right .box, #accountContainer p, #middle p",
        CARD_EXPIRES_WORDS,
    )],
    number: vec![Fact::after("#loginInfo, #account", CARD_NUMBER_WORDS)],
    messages: Some(Css::new(".alert")),
    ..AccountDescription::default()
});

/// The tab of the list that the page shows is no link. If all are links, the column of the due date tells.
fn shows_loans(root: Element<'_>) -> bool {
    let has_due_date = || {
        let mut headers = HEADERS.all(root).map(element_text);
        headers.any(|header| text_after_words(&header, DUE_WORDS).is_some())
    };
    is_open(&LOANS_TAB, root) || (!is_open(&HOLDS_TABS, root) && has_due_date())
}

fn shows_holds(root: Element<'_>) -> bool {
    !is_open(&LOANS_TAB, root) && is_open(&HOLDS_TABS, root)
}

fn is_open(tabs: &'static Css, root: Element<'_>) -> bool {
    tabs.all(root).any(|tab| !LINK.is_in(tab))
}
