//! The description of `VuFind`'s pages, in the words of its own language files and of German libraries.

use std::sync::LazyLock;

use hippo_browser::Phrase::{self, Anywhere};
use hippo_browser::reading::{Css, Element, element_text, text_after_words};
use hippo_core::account::{Hold, Loan};

use super::row;
use crate::list_reader::{
    AccountDescription, CARD_BLOCKED, CARD_EXPIRES_WORDS, Column, Count, DUE_WORDS, EXPIRES_WORDS,
    Fact, Field, HOLD_STATES, ListDescription, ListMark, LoginDescription, NO_HOLDS, NO_LOANS,
    PICKUP_BRANCH_WORDS, PICKUP_BY_WORDS, Part, is_digital_kind,
};

static LOANS_PAGE: Css = Css::new(".template-name-checkedout");
/// The pages of holds, of requests for items of the stacks, and of requests to other libraries.
static HOLDS_PAGE: Css = Css::new(
    ".template-name-holds, .template-dir-holds.template-name-list, \
     .template-name-storageretrievalrequests, .template-name-illrequests",
);
/// The links to the pages of other requests. A menu has them only if the library takes such requests.
pub(super) static OTHER_REQUESTS: [(&str, Css); 2] = [
    (
        "MyResearch/StorageRetrievalRequests",
        Css::new("a[href*='/MyResearch/StorageRetrievalRequests']"),
    ),
    (
        "MyResearch/ILLRequests",
        Css::new("a[href*='/MyResearch/ILLRequests']"),
    ),
];
static MENU_LINKS: Css = Css::new(MENU);

/// The content of a page, within which each entry is a `.result`. Older templates have no name for it.
const CONTENT: &str = "#content, .main[class*='template-name-'] > .container:not(#content)";
/// The entries. In older templates, they are rows with the record's id.
const ROWS: &str = ".result, div.row[id^=record]";
/// The content of a page that has nothing that could be an entry. Only here do we trust the words for an empty list.
const CONTENT_WITHOUT_ENTRIES: &str = "#content:not(:has(a[href*='/Record/'], [id^=record], input[type=checkbox])), \
     .main[class*='template-name-'] > .container:not(#content, :has(a[href*='/Record/'], [id^=record], input[type=checkbox]))";

pub(super) static LOGIN: LazyLock<LoginDescription> = LazyLock::new(|| LoginDescription {
    form: Css::new("form[name=loginForm], form input[name=password]"),
    number: &["username"],
    pin: &["password"],
    button: Some(Css::new(
        "input[name=processLogin], button[name=processLogin]",
    )),
    messages: Css::new(".alert-danger, .flash-message, .error"),
    refused: &["invalid login", "invalid patron login"],
    blocked: CARD_BLOCKED,
    outages: &[
        "at this time",
        "zur zeit nicht",
        "zurzeit nicht",
        "momentan nicht",
    ],
    ..LoginDescription::default()
});

pub(super) static ACCOUNT: LazyLock<AccountDescription> = LazyLock::new(|| AccountDescription {
    // The menu follows the list, so that a page that breaks off within the list does not have it. Only somebody who is
    // logged in can log out.
    account_marker: Css::new(
        ".sidebar .list-group a[href*='/MyResearch/Logout'], .account-menu a[href*='/MyResearch/Logout'], \
         .myresearch-menu a[href*='/MyResearch/Logout'], a.list-group-item[href*='/MyResearch/Logout']",
    ),
    loans: vec![loans()],
    holds: vec![holds()],
    has_several_pages: true,
    // A badge in a menu may count the holds that are ready, so that only text counts.
    loan_counts: vec![
        Count(vec![Fact::after(
            MENU,
            &["ausgeliehene medien", "ausleihen", "checked out items"],
        )]),
        Count(vec![Fact::after(
            ".template-name-checkedout .search-stats",
            RESULTS,
        )]),
    ],
    hold_counts: vec![
        Count(vec![Fact::read("body", read_hold_total)]),
        Count(vec![Fact::after(
            ".template-name-holds .search-stats",
            RESULTS,
        )]),
    ],
    fines: vec![
        Fact::after(MENU, &["gebühren", "fines"]),
        Fact::at(".fines-table .fines-total"),
        Fact::after(
            ".template-name-fines tr",
            &[
                "total offener betrag",
                "offener gesamtbetrag",
                "total balance due",
            ],
        ),
        Fact::read(FINES_CONTENT, read_no_fines),
    ],
    card_expires: vec![Fact::after(
        ".sidebar .list-group-item, .sidebar li",
        CARD_EXPIRES_WORDS,
    )],
    number: vec![Fact::after(
        ".sidebar .list-group-item",
        &["ausweis", "ausweisnummer"],
    )],
    messages: Some(Css::new(
        ".flash-message, .alert-danger:not(.result *, .row[id^=record] *, .flash-message *)",
    )),
    ..AccountDescription::default()
});

fn loans() -> ListDescription<Loan> {
    ListDescription {
        identified_by: vec![ListMark::Page(|root| LOANS_PAGE.is_in(root))],
        columns: vec![
            Column::read(Field::Title, row::read_title),
            Column::read(Field::Author, row::read_author),
            Column::read(Field::Id, row::read_id),
            Column::read(Field::Due, row::read_due),
            Column::read(Field::Format, row::read_format),
            Column::read(Field::Renewals, row::read_renewals),
            Column::part_at(Field::Link, "a.title", Part::Attribute("href")),
            // A sentence that forbids renewal overrides the checkbox.
            Column::read(Field::NotRenewable, row::read_refusal),
            Column::presence(
                Field::NotRenewable,
                "input[type=checkbox][name^=renewSelected][disabled]",
            ),
            Column::presence(
                Field::Renewable,
                "input[type=checkbox][name^=renewSelected]",
            ),
            Column::presence(Field::Renewable, "a[href*='/MyResearch/Renew']"),
            Column::read(Field::RenewalReason, row::read_alerts),
            Column::read(Field::Note, row::read_alerts),
        ],
        needed: &[Field::Title, Field::Due],
        none: NO_LOANS,
        complete: |loan, _, _| {
            loan.digital = loan.format.as_deref().is_some_and(is_digital_kind);
            Ok(())
        },
        ..list()
    }
}

fn holds() -> ListDescription<Hold> {
    ListDescription {
        identified_by: vec![ListMark::Page(|root| HOLDS_PAGE.is_in(root))],
        columns: vec![
            Column::read(Field::Title, row::read_title),
            Column::read(Field::Author, row::read_author),
            Column::read(Field::Id, row::read_id),
            Column::read(Field::State, row::read_state),
            Column::line_after(
                Field::Position,
                &[
                    "queue position",
                    "position in queue",
                    "position in the queue",
                    "warteschlangenposition",
                    "position in der warteschlange",
                    "position in warteschlange",
                    "warteposition",
                ],
            ),
            Column::line_after(Field::PickupBy, PICKUP_BY_WORDS),
            Column::line_after(Field::SuspendedUntil, SUSPENDED_UNTIL),
            Column::line_after(Field::Expires, EXPIRES_WORDS),
            Column::read(Field::PickupBranch, row::read_branch),
            Column::part_at(Field::Link, "a.title", Part::Attribute("href")),
        ],
        needed: &[Field::Title],
        none: NO_HOLDS,
        states: HOLD_STATES,
        ..list()
    }
}

/// Describes where a list and its entries are.
fn list<E>() -> ListDescription<E> {
    ListDescription {
        list: Css::new(CONTENT),
        rows: Css::new(ROWS),
        none_at: Some(Css::new(CONTENT_WITHOUT_ENTRIES)),
        ..ListDescription::table()
    }
}

const SUSPENDED_UNTIL: &[&str] = &[
    "vorübergehend deaktiviert) bis",
    "temporarily suspended) through",
];

/// The menu, with counts behind the names.
const MENU: &str = "a.list-group-item";

/// The words before the total of a list on several pages.
const RESULTS: &[&str] = &["results of", "of", "von"];

/// The names of the holds in the menu.
const HOLDS: &[&str] = &[
    "vorbestellungen",
    "vormerkungen",
    "holds and recalls",
    "holds",
];

/// Reads the menu's total of the holds. It says nothing about other requests, which are holds, too.
fn read_hold_total(body: Element<'_>) -> Option<String> {
    if OTHER_REQUESTS.iter().any(|(_, link)| link.is_in(body)) {
        return None;
    }
    let mut links = MENU_LINKS.all(body).map(element_text);
    links.find_map(|text| text_after_words(&text, HOLDS).map(str::to_owned))
}

/// The content of the page of fines.
const FINES_CONTENT: &str =
    ".template-name-fines #content, .main.template-name-fines > .container:not(#content)";
/// Sentences of a page without fines.
const NO_FINES: &[&str] = &[
    "not have any fines",
    "sie haben keine gebühren",
    "keine offenen gebühren",
    "keine gebühren auf ihrem bibliothekskonto",
];

/// Reads `0` where the page of fines has such a sentence, and no table of them.
fn read_no_fines(content: Element<'_>) -> Option<String> {
    static FINES: Css = Css::new("table");
    let has_none = text_after_words(&element_text(content), NO_FINES).is_some();
    (has_none && !FINES.is_in(content)).then(|| "0".to_owned())
}

/// The words by which rows, the menu's total and the fines are read.
pub(super) static OTHER_PHRASES: LazyLock<Vec<Phrase>> = LazyLock::new(|| {
    let until: &[&str] = &[row::UNTIL];
    let words = [
        DUE_WORDS,
        row::KIND,
        row::ITEM,
        PICKUP_BRANCH_WORDS,
        row::OTHER_BRANCH,
        row::REFUSALS,
        NO_FINES,
        until,
        RENEWAL_STEMS,
    ];
    let words = words.into_iter().flatten().map(|words| Anywhere(words));
    words
        .chain(
            HOLDS
                .iter()
                .chain(row::RENEWED)
                .map(|words| Phrase::Count(words)),
        )
        .collect()
});

const RENEWAL_STEMS: &[&str] = &[
    "verlängert",
    "verlängerbar",
    "verlängern",
    "verlängerung",
    "verlängerungen",
    "renew",
    "renewed",
    "renewal",
];
