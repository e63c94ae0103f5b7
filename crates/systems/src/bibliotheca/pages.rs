//! The description of Bibliotheca's pages.

use std::sync::LazyLock;

use hippo_browser::ReadContext;
use hippo_browser::reading::{Css, Element, element_text};
use hippo_core::account::{Hold, HoldState};
use hippo_core::failure::Failure;

use crate::list_reader::{
    AccountDescription, CARD_BLOCKED, Column, DUE_WORDS, EXPIRES_WORDS, Fact, Field, HOLD_IS_OVER,
    ListDescription, ListMark, LoginDescription, PICKUP_BRANCH_WORDS, Row, own_rows,
};

/// The header of the column that says whether a hold is ready, perhaps with the last day to pick it up.
const READY: &[&str] = &["bereit", "abholbereit"];

pub(super) static LOGIN: LazyLock<LoginDescription> = LazyLock::new(|| LoginDescription {
    form: Css::new("input[name=AUSWEIS]"),
    number: &["AUSWEIS"],
    pin: &["PWD"],
    messages: Css::new(".kontomeldung"),
    refused: &[
        "ausweisnummer oder das passwort",
        "ausweisnummer oder passwort",
    ],
    blocked: CARD_BLOCKED,
    ..LoginDescription::default()
});

pub(super) static ACCOUNT: LazyLock<AccountDescription> = LazyLock::new(|| AccountDescription {
    account_marker: Css::new(".kontotitelzeile, th.tabHeaderKonto"),
    loans: vec![ListDescription {
        identified_by: vec![ListMark::Header(&[])],
        columns: vec![
            Column::below(Field::Title, &["titel"]),
            Column::below(Field::Author, &["verfasser", "autor"]),
            Column::below(Field::Due, DUE_WORDS),
            Column::below(Field::Due, &["frist"]),
            Column::below(
                Field::Id,
                &["buchungsnummer", "mediennummer", "buchungsnr", "mediennr"],
            ),
            Column::below(Field::Note, &["status", "bemerkung"]),
            // The links to renew a loan, or to read why it can't be renewed.
            Column::presence(Field::Renewable, "a[href*='target=verl']"),
            Column::presence(Field::NotRenewable, "a[href*='target=vermsg']"),
        ],
        needed: &[Field::Title, Field::Due],
        total: &["anzahl"],
        none: &["keine medien", "keine ausleihen"],
        ..ListDescription::table()
    }],
    holds: vec![ListDescription {
        identified_by: vec![
            ListMark::Header(READY),
            ListMark::Heading(&["vorbestellte medien", "vorbestellungen", "vormerkungen"]),
        ],
        columns: vec![
            Column::below(Field::Title, &["titel"]),
            Column::below(Field::Author, &["verfasser", "autor"]),
            Column::below(Field::State, READY),
            Column::below(Field::Until, READY),
            Column::below(Field::Expires, EXPIRES_WORDS),
            Column::below(Field::PickupBranch, PICKUP_BRANCH_WORDS),
            Column::below(Field::PickupBranch, &["zweigstelle"]),
        ],
        needed: &[Field::Title],
        total: &["anzahl"],
        none: &["keine vorbestellungen", "keine medien"],
        states: &[
            (HoldState::Other, HOLD_IS_OVER),
            (HoldState::Ready, &["ja", "bereit", "abholbereit"]),
            (HoldState::Waiting, &["nein"]),
        ],
        complete: complete_hold,
        ..ListDescription::table()
    }],
    fines: vec![Fact::after(
        ".kontozeile_center, div[align=center]",
        &["ausstehende gebühren"],
    )],
    card_expires: vec![Fact::after(
        ".kontozeile_center, div[align=center]",
        &["ausweis gültig bis", "ausweis ist gültig bis"],
    )],
    number: vec![Fact::after(
        ".kontotitelzeile",
        &["ausweis nr", "ausweisnr", "ausweisnummer"],
    )],
    messages: Some(Css::new(".kontomeldung")),
    complete: |part, root, _| {
        let tables = TABLE.all(root).filter(|table| has_marked_headers(*table));
        let known = usize::from(part.has_loans()) + usize::from(part.has_holds());
        if tables.count() > known {
            return Err(Failure::page_changed("an unknown table of the account"));
        }
        Ok(())
    },
    ..AccountDescription::default()
});

static TABLE: Css = Css::new("table");
static MARKED_HEADER: Css = Css::new("th.tabHeaderKonto");
/// What may say in a cell without words that a hold is ready.
static SIGN: Css = Css::new("img, input");

/// Whether the table itself has headers like those of the lists.
fn has_marked_headers(table: Element<'_>) -> bool {
    let mut cells = own_rows(table).flat_map(|row| row.child_elements());
    cells.any(|cell| MARKED_HEADER.matches(cell))
}

/// The column `Bereit` is empty as long as a hold waits. A page with other words is not known.
fn complete_hold(hold: &mut Hold, row: &Row<'_>, _: &ReadContext<'_>) -> Result<(), Failure> {
    let cell = row.element_of(Field::State);
    let words = cell.map(element_text);
    if cell.is_some_and(|cell| SIGN.is_in(cell)) && words.as_deref() == Some("") {
        return Ok(());
    }
    match words {
        Some(words) if words.is_empty() => hold.state = HoldState::Waiting,
        Some(words) if hold.state == HoldState::Other => hold.note = Some(words),
        _ => {}
    }
    Ok(())
}
