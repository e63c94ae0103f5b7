//! The description of Bibliotheca's pages.

use std::sync::LazyLock;

use hippo_browser::ReadContext;
use hippo_browser::reading::{Css, element_text};
use hippo_core::account::{Hold, HoldState};
use hippo_core::failure::Failure;

use crate::list_reader::{
    AccountDescription, Column, Fact, Field, ListDescription, LoginDescription, Row, ToldBy,
};

pub(super) static LOGIN: LazyLock<LoginDescription> = LazyLock::new(|| LoginDescription {
    form: Css::new("input[name=AUSWEIS]"),
    number: &["AUSWEIS"],
    pin: &["PWD"],
    messages: Css::new(".kontomeldung"),
    refused: &[
        "ausweisnummer oder das passwort",
        "ausweisnummer oder passwort",
    ],
    blocked: &["gesperrt", "abgelaufen"],
    ..LoginDescription::default()
});

pub(super) static ACCOUNT: LazyLock<AccountDescription> = LazyLock::new(|| AccountDescription {
    is_account: Css::new(".kontotitelzeile, th.tabHeaderKonto"),
    loans: vec![ListDescription {
        told_by: vec![ToldBy::Header(&[])],
        columns: vec![
            Column::below(Field::Title, &["titel"]),
            Column::below(Field::Author, &["verfasser", "autor"]),
            Column::below(Field::Due, &["frist", "leihfrist", "rückgabe", "fällig"]),
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
        told_by: vec![
            ToldBy::Header(&["bereit", "abholbereit"]),
            ToldBy::Heading(&["vorbestellte medien", "vorbestellungen", "vormerkungen"]),
        ],
        columns: vec![
            Column::below(Field::Title, &["titel"]),
            Column::below(Field::Author, &["verfasser", "autor"]),
            Column::below(Field::State, &["bereit", "abholbereit"]),
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
