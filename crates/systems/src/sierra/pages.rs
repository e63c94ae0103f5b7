//! The description of the classic WebPAC's pages.

use std::sync::LazyLock;

use hippo_browser::Phrase::{self, Anywhere, OfPerson, Whole};
use hippo_browser::reading::{Css, first_number};
use hippo_core::account::HoldState;
use scraper::ElementRef;

use super::addresses::{LINKS, collect_records, words_of_link};
use super::kind::{
    EMPTY_ROW, HEADER_ROW, Kind, NO_HOLDS, NO_LOANS, TITLE_ROW, is_empty, list_kinds,
};
use super::loans::RENEWAL_COUNT;
use super::title::{read_author, read_link, read_title};
use super::{holds, loans, summary};
use crate::list_reader::Part::{AttributeOf, Element, Has, Lacks, Read, Text, Without};
use crate::list_reader::{AccountDescription, Column, Count, Fact, Field, ListDescription, ToldBy};

pub(super) static ACCOUNT: LazyLock<AccountDescription> = LazyLock::new(|| AccountDescription {
    has_account: |root| summary::has_summary(root) || list_kinds(root).next().is_some(),
    has_end_tag: false,
    first_page_counts: true,
    loans: vec![ListDescription {
        columns: loan_columns(),
        none: NO_LOANS,
        complete: loans::complete,
        ..list(|table| Kind::of_table(table).loans)
    }],
    holds: vec![ListDescription {
        columns: hold_columns(),
        none: NO_HOLDS,
        states: &[
            (HoldState::InTransit, &["transit"]),
            (HoldState::Ready, &["ready", "holdshelf", "hold shelf"]),
            (HoldState::Suspended, &["frozen"]),
        ],
        complete: holds::complete,
        ..list(|table| Kind::of_table(table).holds)
    }],
    loan_counts: vec![Count(vec![Fact::read(LINKS, |link| total(link, "items"))])],
    hold_counts: vec![Count(vec![Fact::read(LINKS, |link| total(link, "holds"))])],
    // A patron who owes nothing has no link.
    fines: vec![
        Fact::read(LINKS, |link| words_of_link(link, "overdues")),
        Fact::read("body", summary::read_owed),
    ],
    card_expires: vec![Fact::read(summary::BOX, summary::read_expiry)],
    messages: Some(Css::new(".patMessage")),
    patrons: collect_records,
    complete: summary::complete,
    ..AccountDescription::default()
});

/// A list of one kind. Its rows have classes, in every language; older pages have headers only.
fn list<E>(is_kind: fn(ElementRef<'_>) -> bool) -> ListDescription<E> {
    ListDescription {
        told_by: vec![ToldBy::Test(is_kind)],
        header_row: Some(Css::new(HEADER_ROW)),
        has_marked_headers: true,
        ignored_rows: Some(Css::new(EMPTY_ROW)),
        remarks: Some(Css::new("tr:not(.patFuncEntry)")),
        needed: &[Field::Title],
        takes_first_date: true,
        total_at: Some(Css::new(TITLE_ROW)),
        none_at: Some(Css::new(
            ":is(.patFuncArea, form#checkout_form, form#hold_form):not(:has(.patFuncHeaders, .patFuncEntry))",
        )),
        is_empty,
        empty_with: Some(Css::new(HEADER_ROW)),
        ..ListDescription::table()
    }
}

fn work_columns() -> Vec<Column> {
    const TITLE: &str = ".patFuncTitle, .patFuncBibTitle";
    const OTHER: &str = ".patFuncBarcode, .patFuncCallNo, .patFuncRating, .patFuncPickup, .patFuncCancel, \
                         .patFuncFreeze";
    let cell = Column::cell;
    vec![
        cell(Field::Other, OTHER, &[], Text),
        cell(Field::Title, TITLE, &["title"], Read(read_title)),
        cell(Field::Author, TITLE, &["title"], Read(read_author)),
        cell(Field::Link, TITLE, &["title"], Read(read_link)),
        cell(Field::State, ".patFuncStatus", &["status"], Text),
    ]
}

fn loan_columns() -> Vec<Column> {
    let cell = Column::cell;
    // A checkbox proves nothing, because the site decides only at the attempt. A missing or disabled one means that no
    // renewal is offered.
    let usable_box = Css::new("input:not([disabled])");
    let box_value = AttributeOf(Css::new("input"), "value");
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
        Column::at(Field::Renewals, RENEWAL_COUNT),
    ]);
    columns
}

fn hold_columns() -> Vec<Column> {
    const PICKUP: &[&str] = &["pickup", "pick up", "pick-up"];
    let cell = Column::cell;
    let is_frozen = Has(Css::new("input[checked]"));
    let selected = Element(Css::new("option[selected]"));
    let unlabelled = Without(Css::new(".patFuncPickupLabel, select"));
    let mut columns = work_columns();
    columns.extend([
        cell(Field::Id, ".patFuncMark", &["cancel"], Read(holds::read_id)),
        cell(Field::PickupBranch, ".patFuncPickup", PICKUP, selected),
        cell(Field::PickupBranch, ".patFuncPickup", PICKUP, unlabelled),
        cell(Field::Until, ".patFuncStatus", &["status"], Text),
        cell(Field::Expires, ".patFuncCancel", &["cancel if"], Text),
        cell(Field::Suspended, ".patFuncFreeze", &["freeze"], is_frozen),
    ]);
    columns
}

/// Reads the words of a link to a list if they have its total.
fn total(link: ElementRef<'_>, part: &str) -> Option<String> {
    words_of_link(link, part).filter(|words| first_number(words).is_some())
}

pub(super) const ADDRESSES: &[&str] = &[
    "patroninfo/record/items/holds/overdues/top/mylists/modpinfo/readinghistory",
    "iii/cas/iiiticket",
    "search/getpatroninfo/patronInfo",
];

/// The phrases that the descriptions don't have.
pub(super) static OTHER_PHRASES: LazyLock<Vec<Phrase>> = LazyLock::new(|| {
    let words = "of hold holds due renewed time times item items request requests";
    let anywhere = ["checked out", summary::UNPAID];
    let anywhere = anywhere
        .iter()
        .chain(&loans::EVENTS)
        .chain(&holds::OF_WORDS);
    let labels = summary::EXPIRY.iter().chain(&[summary::OWED]);
    let mut phrases = vec![Whole("call number"), Whole("submit")];
    phrases.extend(words.split_whitespace().map(Anywhere));
    phrases.extend(anywhere.map(|words| Anywhere(words)));
    phrases.extend(labels.map(|label| OfPerson(label)));
    phrases
});
