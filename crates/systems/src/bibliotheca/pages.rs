//! The description of Bibliotheca's pages.

use std::sync::LazyLock;

use hippo_browser::ReadContext;
use hippo_browser::reading::{Css, element_text};
use hippo_core::account::{Hold, HoldState};
use hippo_core::failure::Failure;

use crate::list_reader::{
    AccountDescription, CARD_BLOCKED, Column, DUE_WORDS, EXPIRES_WORDS, Fact, Field,
    ListDescription, ListMark, LoginDescription, PICKUP_BRANCH_WORDS, Row,
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
        states: &[(HoldState::Ready, &["ja", "bereit", "abholbereit"])],
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
    ..AccountDescription::default()
});

/// The column `Bereit` is empty as long as a hold waits. A page with other words is not known.
fn complete_hold(hold: &mut Hold, row: &Row<'_>, _: &ReadContext<'_>) -> Result<(), Failure> {
    let words = row.element_of(Field::State).map(element_text);
    match words {
        Some(words) if words.is_empty() => hold.state = HoldState::Waiting,
        Some(words) if hold.state == HoldState::Other => hold.note = Some(words),
        _ => {}
    }
    Ok(())
}
