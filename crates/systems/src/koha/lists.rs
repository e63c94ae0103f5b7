//! The description of an account's tables.
//!
//! The classes of cells name their columns. In tables before 2012, what the cells hold and the words above them do.

use std::sync::LazyLock;

use hippo_browser::reading::{Css, non_empty_text, stable_id};
use hippo_core::account::{Hold, Loan};
use scraper::ElementRef;

use super::columns::{self, Find};
use super::work::{self, direct_text, read_href, read_record, text_without_label};
use super::{dates, holds, loans};
use crate::list_reader::{Column, Field, ListDescription, Part, Place};

pub(super) static LOANS: LazyLock<ListDescription<Loan>> = LazyLock::new(|| loan_table(false));
pub(super) static OLDER_LOANS: LazyLock<ListDescription<Loan>> = LazyLock::new(|| loan_table(true));
pub(super) static HOLDS: LazyLock<ListDescription<Hold>> = LazyLock::new(|| hold_table(false));
pub(super) static OLDER_HOLDS: LazyLock<ListDescription<Hold>> = LazyLock::new(|| hold_table(true));

/// The digital loans of the service that German libraries share.
pub(super) static DIGITAL_LOANS: LazyLock<ListDescription<Loan>> =
    LazyLock::new(|| ListDescription {
        complete: |loan, row, _| {
            loan.digital = true;
            loans::complete(loan, row)
        },
        ..loan_table(false)
    });

/// The recalls. Their template closes rows in the wrong place: the last row has one cell more than the header, or all
/// others have one less.
pub(super) static RECALLS: LazyLock<ListDescription<Hold>> = LazyLock::new(|| {
    let columns: [Value; 7] = [
        (Field::Title, TITLE, work::read_title),
        (Field::Id, TITLE, read_record),
        (Field::Id, TITLE, |cell| {
            Some(stable_id(&[&work::read_title(cell)?]))
        }),
        (Field::Link, TITLE, read_href),
        (Field::State, STATUS, |cell| Some(text_without_label(cell))),
        // The day on which it lapses, which counts only as long as it waits.
        (Field::Other, EXPIRES, dates::read_text),
        (Field::PickupBranch, BRANCH, direct_text),
    ];
    ListDescription {
        needed: &[Field::Title],
        complete: holds::complete_recall,
        ..table(&columns, false)
    }
});

/// What a cell says.
type Value = (Field, Cell, fn(ElementRef<'_>) -> Option<String>);
/// Where a row has a cell: by its class in newer tables, in a column of older ones.
type Cell = (&'static str, Find);

const TITLE: Cell = (":scope > .title", columns::find_title);
const AUTHOR: Cell = (":scope > .author", |_, _| None);
const BARCODE: Cell = (":scope > .barcode", columns::FIND_BARCODE);
const DUE: Cell = (":scope > .date_due", columns::find_due);
const KIND: Cell = (":scope > .itype", |_, _| None);
const RENEW: Cell = (":scope > .renew", columns::find_renewal);
const EXPIRES: Cell = (":scope > .expirationdate", columns::FIND_EXPIRY);
const BRANCH: Cell = (":scope > .branch", columns::FIND_BRANCH);
const PRIORITY: Cell = (":scope > .priority", columns::FIND_PRIORITY);
const STATUS: Cell = (":scope > .status", columns::FIND_STATUS);

fn loan_table(is_older: bool) -> ListDescription<Loan> {
    let columns: [Value; 9] = [
        (Field::Title, TITLE, work::read_title_with_volume),
        (Field::Id, BARCODE, direct_text),
        (Field::Id, TITLE, read_record),
        (Field::Link, TITLE, read_href),
        (Field::Author, AUTHOR, non_empty_text),
        (Field::Author, TITLE, loans::read_author),
        (Field::Due, DUE, dates::read_text),
        (Field::Renewal, RENEW, non_empty_text),
        (Field::Format, KIND, loans::read_kind),
    ];
    ListDescription {
        needed: &[Field::Title, Field::Due],
        complete: |loan, row, _| loans::complete(loan, row),
        ..table(&columns, is_older)
    }
}

fn hold_table(is_older: bool) -> ListDescription<Hold> {
    let columns: [Value; 8] = [
        (Field::Title, TITLE, work::read_title_before_author),
        (Field::Id, TITLE, read_record),
        (Field::Link, TITLE, read_href),
        (Field::Author, TITLE, work::read_last_line),
        (Field::State, STATUS, |cell| Some(text_without_label(cell))),
        (Field::Expires, EXPIRES, dates::read_text),
        (Field::Position, PRIORITY, direct_text),
        (Field::PickupBranch, BRANCH, direct_text),
    ];
    ListDescription {
        needed: &[Field::Title, Field::State],
        complete: holds::complete,
        ..table(&columns, is_older)
    }
}

fn table<E>(columns: &[Value], is_older: bool) -> ListDescription<E> {
    let column = |(field, (class, find), read): &Value| Column {
        field: *field,
        place: if is_older {
            Place::Found(*find)
        } else {
            Place::Element(Css::new(class))
        },
        part: Part::Read(*read),
    };
    ListDescription {
        // A cell may have a table of its own.
        rows: Css::new(":scope > thead > tr:first-child, :scope > tbody > tr"),
        columns: columns.iter().map(column).collect(),
        may_repeat_rows: true,
        takes_first_date: true,
        ..ListDescription::table()
    }
}
