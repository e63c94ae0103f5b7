//! The description of the classic WebPAC's pages.

use std::sync::LazyLock;

use hippo_browser::Phrase::{self, Anywhere, Whole};
use hippo_browser::reading::{self, Css, first_number, non_empty_text};
use hippo_core::account::HoldState;
use hippo_core::failure::Failure;

use super::addresses::collect_records;
use super::holds;
use super::kind::{EMPTY_ROW, HEADER_ROW, TITLE_ROW, kind_of, list_kinds};
use super::summary::{BOX, NO_STATEMENTS, UNPAID, has_summary, read_unpaid};
use crate::list_reader::Part::{AttributeOf, Author, Element, Has, Lacks, Text, Title, Without};
use crate::list_reader::{
    AccountDescription, CARD_EXPIRY, Column, Count, Fact, Field, LOAN_EVENTS, ListDescription,
    ListMark, NO_LOANS, NO_REQUESTS, OF_WORDS, OTHER_HOLD_STATES, Overview, StatusWords, TitleText,
};

const ITEMS_LINK: &str = "a[href*='/patroninfo'][href*='/items']";
const HOLDS_LINK: &str = "a[href*='/patroninfo'][href*='/holds']";
const FINES_LINK: &str = "a[href*='/patroninfo'][href*='/overdues']";

pub(super) static ACCOUNT: LazyLock<AccountDescription> = LazyLock::new(|| AccountDescription {
    has_account: |root| has_summary(root) || list_kinds(root).next().is_some(),
    has_end_tag: false,
    first_page_counts: true,
    loans: vec![ListDescription {
        columns: loan_columns(),
        none: NO_LOANS,
        status: Some(StatusWords {
            due: &["due"],
            events: LOAN_EVENTS,
            renewals: ["renewed", "time"],
        }),
        ..list(|table| kind_of(table).0)
    }],
    holds: vec![ListDescription {
        columns: hold_columns(),
        none: NO_REQUESTS,
        states: &[
            (HoldState::InTransit, &["transit"]),
            (HoldState::Ready, &["ready", "holdshelf", "hold shelf"]),
            // Copies may be available, too: that word alone means that the hold is ready.
            (HoldState::Ready, &["hold being shelved", "=available"]),
            (HoldState::Suspended, &["frozen"]),
            // An item of another library.
            (HoldState::Ready, &["=received"]),
        ],
        other_states: OTHER_HOLD_STATES,
        complete: holds::complete,
        ..list(|table| kind_of(table).1)
    }],
    loan_counts: vec![Count(vec![Fact::read(ITEMS_LINK, read_total)])],
    hold_counts: vec![Count(vec![Fact::read(HOLDS_LINK, read_total)])],
    // A patron who owes nothing has no link.
    fines: vec![
        Fact::at(FINES_LINK),
        Fact::at(".patFuncFinesTotalAmt"),
        Fact::stated(NO_STATEMENTS, &["money owed"]),
        Fact::read("body", read_unpaid),
    ],
    card_expires: vec![
        Fact::labelled(BOX, CARD_EXPIRY),
        Fact::stated(NO_STATEMENTS, CARD_EXPIRY),
    ],
    overview: Some(Overview {
        sign: Css::new(
            ".patNameAddress, a[href*='/patroninfo']:is([href*='/items'], [href*='/holds'], [href*='/overdues'])",
        ),
        loans: Css::new(ITEMS_LINK),
        holds: Css::new(HOLDS_LINK),
        last_comment: "<screens/patronview",
    }),
    messages: Some(Css::new(".patMessage")),
    patrons: collect_records,
    complete: |_, root, _| {
        if list_kinds(root).any(|kind| kind == (true, true)) {
            return Err(Failure::page_changed(
                "a table that may be of loans or of holds",
            ));
        }
        Ok(())
    },
    ..AccountDescription::default()
});

/// A list of one kind. Its rows have classes, in every language; older pages have headers only.
fn list<E>(is_kind: fn(reading::Element<'_>) -> bool) -> ListDescription<E> {
    ListDescription {
        identified_by: vec![ListMark::Test(is_kind)],
        header_row: Some(Css::new(HEADER_ROW)),
        has_marked_headers: true,
        none_rows: Some(Css::new(EMPTY_ROW)),
        remarks: Some(Css::new("tr:not(.patFuncEntry)")),
        needed: &[Field::Title],
        takes_first_date: true,
        total_at: Some(Css::new(TITLE_ROW)),
        none_at: Some(Css::new(
            ":is(.patFuncArea, form#checkout_form, form#hold_form):not(:has(.patFuncHeaders, .patFuncEntry))",
        )),
        empty_with: Some(Css::new(HEADER_ROW)),
        ..ListDescription::table()
    }
}

/// The first link of a title may have a picture only. Other links than those to records lead to the patron's own pages.
static TITLE_TEXT: TitleText = TitleText {
    places: [
        Css::new(".patFuncTitleMain"),
        Css::new("a[href]"),
        Css::new("label"),
    ],
    volume: Css::new(".patFuncVol"),
};

fn work_columns() -> Vec<Column> {
    const TITLE: &str = ".patFuncTitle, .patFuncBibTitle";
    const OTHER: &str = ".patFuncBarcode, .patFuncCallNo, .patFuncRating, .patFuncPickup, .patFuncCancel, \
                         .patFuncFreeze";
    let cell = Column::cell;
    let record = AttributeOf(
        Css::new("a[href*='/record='], a[href*='/record/C__R']"),
        "href",
        "",
    );
    let status = Without(Css::new(".patFuncRenewCount"));
    vec![
        cell(Field::Other, OTHER, &[], Text),
        cell(Field::Title, TITLE, &["title"], Title(&TITLE_TEXT)),
        cell(Field::Author, TITLE, &["title"], Author(&TITLE_TEXT)),
        cell(Field::Link, TITLE, &["title"], record),
        cell(Field::State, ".patFuncStatus", &["status"], status),
    ]
}

fn loan_columns() -> Vec<Column> {
    let cell = Column::cell;
    // A checkbox proves nothing, because the site decides only at the attempt. A missing or disabled one means that no
    // renewal is offered.
    let usable_box = Css::new("input:not([disabled])");
    let box_value = AttributeOf(Css::new("input"), "value", "");
    // If no renewal is offered, the emphasised words of the status are the reason.
    let reason = Element(Css::new("em"));
    let mut columns = work_columns();
    columns.extend([
        cell(Field::Id, ".patFuncBarcode", &["barcode"], Text),
        cell(Field::Id, ".patFuncMark", &["renew"], box_value),
        cell(
            Field::NotRenewable,
            ".patFuncMark",
            &["=renew"],
            Lacks(usable_box),
        ),
        cell(Field::RenewalReason, ".patFuncStatus", &["status"], reason),
        Column::at(Field::Renewals, ".patFuncRenewCount"),
    ]);
    columns
}

fn hold_columns() -> Vec<Column> {
    const PICKUP: &[&str] = &["pickup", "pick up", "pick-up"];
    let cell = Column::cell;
    let id = AttributeOf(Css::new("input[name^=cancel]"), "name", "cancel");
    let is_frozen = Has(Css::new("input[checked]"));
    let selected = Element(Css::new("option[selected]"));
    let unlabelled = Without(Css::new(".patFuncPickupLabel, select"));
    let mut columns = work_columns();
    columns.extend([
        cell(Field::Id, ".patFuncMark", &["cancel"], id),
        cell(Field::PickupBranch, ".patFuncPickup", PICKUP, selected),
        cell(Field::PickupBranch, ".patFuncPickup", PICKUP, unlabelled),
        cell(Field::Until, ".patFuncStatus", &["status"], Text),
        cell(Field::Expires, ".patFuncCancel", &["cancel if"], Text),
        cell(Field::Suspended, ".patFuncFreeze", &["freeze"], is_frozen),
        // A list without boxes to freeze marks the row.
        Column::marked_row(Field::Suspended, "tr.on_ice"),
    ]);
    columns
}

/// Reads the words of a link to a list if they have its total.
fn read_total(link: reading::Element<'_>) -> Option<String> {
    non_empty_text(link).filter(|words| first_number(words).is_some())
}

pub(super) const ADDRESSES: &[&str] = &[
    "patroninfo/record/items/holds/overdues/top/mylists/modpinfo/readinghistory",
    "iii/cas/iiiticket",
    "search/getpatroninfo/patronInfo",
];

/// The phrases that the descriptions don't have.
pub(super) static OTHER_PHRASES: LazyLock<Vec<Phrase>> = LazyLock::new(|| {
    let words = "hold holds times item items request requests";
    let words = words.split_whitespace().chain(OF_WORDS.iter().copied());
    let words = words.chain(["checked out", UNPAID]);
    let whole = ["call number", "submit"].map(Whole);
    words.map(Anywhere).chain(whole).collect()
});
