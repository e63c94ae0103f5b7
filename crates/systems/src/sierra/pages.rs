//! The description of the classic WebPAC's pages.

use std::sync::LazyLock;

use hippo_browser::Phrase::{self, Anywhere, Beginning, OfPerson, Whole};
use hippo_browser::reading::{
    Css, NEVER_PHRASES, WORDS_NEGATING_READY_AFTER, WORDS_NEGATING_READY_BEFORE, first_number,
};
use hippo_core::account::HoldState;
use scraper::ElementRef;

use super::addresses::{LINKS, collect_records, words_of_link};
use super::kind::{
    EMPTY_ROW, HEADER_ROW, Kind, NO_HOLDS, NO_LOANS, TITLE_ROW, is_empty, list_kinds,
};
use super::summary::Summary;
use super::title::{read_author, read_link, read_title};
use super::{holds, loans, login, summary};
use crate::list_reader::{
    AccountDescription, Column, Count, Fact, Field, ListDescription, Part, ToldBy,
};

pub(super) static ACCOUNT: LazyLock<AccountDescription> = LazyLock::new(|| AccountDescription {
    is_account: Css::new(summary::PATRON_BOX),
    is_other_account: |root| Summary::find(root).is_some() || list_kinds(root).next().is_some(),
    failure_of_page: Some(login::failure_of_page),
    has_end_tag: false,
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
        ],
        complete: holds::complete,
        ..list(|table| Kind::of_table(table).holds)
    }],
    loan_counts: vec![Count(vec![Fact::read(LINKS, |link| {
        read_total(link, "items")
    })])],
    hold_counts: vec![Count(vec![Fact::read(LINKS, |link| {
        read_total(link, "holds")
    })])],
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
        total_at: Some(Css::new(TITLE_ROW)),
        is_empty,
        ..ListDescription::table()
    }
}

fn work_columns() -> Vec<Column> {
    let title = |field, read| {
        let css = ".patFuncTitle, .patFuncBibTitle";
        Column::cell(field, css, &["title"], Part::Read(read))
    };
    vec![
        title(Field::Title, read_title),
        title(Field::Author, read_author),
        title(Field::Link, read_link),
        Column::cell(Field::State, ".patFuncStatus", &["status"], Part::Text),
    ]
}

fn loan_columns() -> Vec<Column> {
    let mark = |field, read| Column::cell(field, ".patFuncMark", &["renew"], Part::Read(read));
    let mut columns = work_columns();
    columns.extend([
        Column::cell(Field::Id, ".patFuncBarcode", &["barcode"], Part::Text),
        mark(Field::Id, loans::read_id),
        mark(Field::NotRenewable, loans::read_not_renewable),
        Column::cell(
            Field::RenewalReason,
            ".patFuncStatus",
            &["status"],
            Part::Element(Css::new("em")),
        ),
    ]);
    columns
}

fn hold_columns() -> Vec<Column> {
    let mut columns = work_columns();
    columns.extend([
        Column::cell(
            Field::Id,
            ".patFuncMark",
            &["cancel"],
            Part::Read(holds::read_id),
        ),
        Column::cell(
            Field::PickupBranch,
            ".patFuncPickup",
            &["pickup", "pick up", "pick-up"],
            Part::Read(holds::read_branch),
        ),
        Column::cell(Field::Expires, ".patFuncCancel", &["cancel if"], Part::Text),
        Column::cell(
            Field::Suspended,
            ".patFuncFreeze",
            &["freeze"],
            Part::Read(holds::read_frozen),
        ),
    ]);
    columns
}

/// Reads the words of a link to a list if they have its total.
fn read_total(link: ElementRef<'_>, part: &str) -> Option<String> {
    words_of_link(link, part).filter(|words| first_number(words).is_some())
}

pub(super) const ADDRESSES: &[&str] = &[
    "patroninfo/record/items/holds/overdues/top/mylists/modpinfo/readinghistory",
    "iii/cas/iiiticket",
    "search/getpatroninfo/patronInfo",
];

/// The phrases that the descriptions don't have.
pub(super) static OTHER_PHRASES: LazyLock<Vec<Phrase>> = LazyLock::new(|| {
    let whole = [
        "renew",
        "cancel",
        "title",
        "barcode",
        "status",
        "call number",
        "freeze",
        "submit",
    ];
    let anywhere = [
        "of",
        "hold",
        "holds",
        "due",
        "renewed",
        "time",
        "times",
        "checked out",
        "pickup",
        "item",
        "items",
        "request",
        "requests",
        login::IN_USE,
        login::BLOCKED,
        summary::UNPAID,
    ];
    let anywhere = anywhere
        .iter()
        .chain(&loans::EVENTS)
        .chain(&holds::OF_WORDS)
        .chain(&login::TOO_MANY_ATTEMPTS)
        .chain(&NEVER_PHRASES)
        .chain(&WORDS_NEGATING_READY_BEFORE)
        .chain(&WORDS_NEGATING_READY_AFTER);
    let labels = summary::EXPIRY.iter().chain(&[summary::OWED]);
    let mut phrases = vec![Beginning("frozen"), Beginning("cancel if")];
    phrases.extend(whole.map(|words| Whole(words)));
    phrases.extend(anywhere.map(|words| Anywhere(words)));
    phrases.extend(labels.map(|label| OfPerson(label)));
    phrases
});
