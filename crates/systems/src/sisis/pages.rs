//! The description of SISIS's pages.

use std::sync::LazyLock;

use hippo_browser::Phrase::{self, Address, Anywhere};
use hippo_browser::reading::Css;
use hippo_core::account::{Hold, Loan};

use super::row;
use crate::list_reader::{
    AccountDescription, Column, Count, Fact, Field, HOLD_STATES, ListDescription, LoginDescription,
    Part, ToldBy,
};

/// The names of the lists, in headings and tabs.
pub(crate) const LOANS: &[&str] = &[
    "ausleihen",
    "entleihungen",
    "ausgeliehene medien",
    "entliehene medien",
    "loans",
];
pub(crate) const ORDERS: &[&str] = &["bestellungen", "bestellte medien", "orders"];
pub(crate) const RESERVATIONS: &[&str] = &[
    "vormerkungen",
    "vorbestellungen",
    "vorgemerkte medien",
    "reservations",
];
pub(crate) const FEES: &[&str] = &["gebühren", "fees"];
const HOLDS: &[&str] = &[
    "bestellungen",
    "bestellte medien",
    "orders",
    "vormerkungen",
    "vorbestellungen",
    "vorgemerkte medien",
    "reservations",
];

/// The words for an empty list. One site really has `entält`.
pub(crate) const NONE: &[&str] = &[
    "keine daten",
    "enthält keine",
    "entält keine",
    "keine einträge",
    "keine ausleihen",
    "keine bestellungen",
    "keine vormerkungen",
    "keine medien",
    "no data",
    "no entries",
    "contains no",
];

pub(super) static LOGIN: LoginDescription = login("input[name=password]");

/// Describes the login form, which both systems have.
pub(crate) const fn login(form: &'static str) -> LoginDescription {
    LoginDescription {
        form,
        is_form: Css::new(form),
        number: &["username"],
        pin: &["password"],
        messages: Css::new(".alert, .error"),
        refused: &["benutzernummer oder", "benutzernummer und"],
        blocked: &["gesperrt", "abgelaufen", "blocked", "expired"],
        outages: &[
            "nicht erreichbar",
            "nicht verfügbar",
            "wartungsarbeiten",
            "datensicherung",
        ],
    }
}

pub(super) static ACCOUNT: LazyLock<AccountDescription> = LazyLock::new(|| AccountDescription {
    is_account: Css::new("#UserAccountForm, a[href*='methodToCall=showAccount'][href*='typ=']"),
    loans: vec![
        loans("table.data", "tr", None, vec![ToldBy::Heading(LOANS)]),
        loans(
            BOOTSTRAP,
            ".row",
            Some(BOOTSTRAP_HEADER),
            vec![ToldBy::Heading(LOANS)],
        ),
    ],
    holds: vec![
        holds("table.data", "tr", None, vec![ToldBy::Heading(HOLDS)]),
        holds(
            BOOTSTRAP,
            ".row",
            Some(BOOTSTRAP_HEADER),
            vec![ToldBy::Heading(HOLDS)],
        ),
    ],
    has_several_pages: true,
    loan_counts: vec![
        Count(vec![Fact::after("#label1, #active1", LOANS)]),
        Count(vec![Fact::at("#label1")]),
    ],
    hold_counts: vec![
        Count(vec![
            Fact::after("#label6, #tab6, #active1", ORDERS),
            Fact::after("#label7, #tab7, #active1", RESERVATIONS),
        ]),
        Count(vec![Fact::at("#label6, #tab6"), Fact::at("#label7, #tab7")]),
    ],
    fines: vec![Fact::after("#label8, #active1", FEES), Fact::at("#label8")],
    card_expires: vec![
        Fact::after(
            ".box3-content",
            &["ausweis gültig bis", "gültig bis", "valid until"],
        ),
        Fact::after(".box3-content", &["jahresgebühren"]),
    ],
    number: vec![Fact::after(
        "#login",
        &[
            "benutzernummer",
            "ausweisnummer",
            "kundennummer",
            "user number",
        ],
    )],
    messages: Some(Css::new(".alert, .error")),
});

/// The list of newer layouts, which have no table.
const BOOTSTRAP: &str = "#tab-content .container-fluid";
/// Its row of headers, which have no title.
const BOOTSTRAP_HEADER: &str = ".row:first-child:not(:has(strong))";

/// Describes the list of loans.
pub(crate) fn loans(
    list: &'static str,
    rows: &'static str,
    ignored_rows: Option<&'static str>,
    told_by: Vec<ToldBy>,
) -> ListDescription<Loan> {
    ListDescription {
        list: Css::new(list),
        told_by,
        rows: Css::new(rows),
        header_row: None,
        ignored_rows: ignored_rows.map(Css::new),
        columns: vec![
            Column::read(Field::Title, row::read_title),
            Column::read(Field::Author, row::read_author),
            Column::read(Field::Id, row::read_number),
            Column::read(Field::Format, row::read_format),
            Column::read(Field::Renewals, row::read_renewals),
            Column::part_below(Field::Due, row::DUE, Part::Read(row::read_due)),
            Column::read(Field::Due, row::read_due_of_row),
            Column::part_at(Field::Link, "a[href*='perma.do']", Part::Attribute("href")),
        ],
        needed: &[Field::Title, Field::Due],
        total: &[],
        none: NONE,
        none_at: None,
        states: &[],
        complete: |loan, row, _| {
            row::complete_loan(loan, row);
            Ok(())
        },
    }
}

/// Describes a list of holds.
pub(crate) fn holds(
    list: &'static str,
    rows: &'static str,
    ignored_rows: Option<&'static str>,
    told_by: Vec<ToldBy>,
) -> ListDescription<Hold> {
    ListDescription {
        list: Css::new(list),
        told_by,
        rows: Css::new(rows),
        header_row: None,
        ignored_rows: ignored_rows.map(Css::new),
        columns: vec![
            Column::read(Field::Title, row::read_title),
            Column::read(Field::Author, row::read_author),
            Column::read(Field::Id, row::read_number),
            Column::read(Field::State, row::read_state),
            Column::line_after(Field::PickupBy, PICKUP_BY),
            Column::line_after(Field::Expires, EXPIRES),
            Column::line_after(Field::PickupBranch, BRANCH),
            Column::read(Field::PickupBranch, row::read_branch),
            Column::part_at(Field::Link, "a[href*='perma.do']", Part::Attribute("href")),
        ],
        needed: &[Field::Title],
        total: &[],
        none: NONE,
        none_at: None,
        states: HOLD_STATES,
        complete: |_, _, _| Ok(()),
    }
}

const PICKUP_BY: &[&str] = &[
    "bereit bis",
    "abholbar bis",
    "abholbereit bis",
    "bereitgestellt bis",
    "abzuholen bis",
    "abholen bis",
    "abholfrist",
];
const EXPIRES: &[&str] = &["vorgemerkt bis", "gültig bis", "ablaufdatum"];
const BRANCH: &[&str] = &["abholort", "ausgabeort", "ausgabestelle", "abholbibliothek"];

pub(crate) const OTHER_PHRASES: &[Phrase] = &[
    Address("userAccount.do"),
    Address("login.do"),
    Address("methodToCall"),
    Address("showAccount"),
    Address("renewal"),
    Address("renewalPossible"),
    Address("typ"),
    Address("accountTyp"),
    Address("loaned"),
    Address("ordered"),
    Address("requested"),
    Address("perma.do"),
    Address("pos"),
    Phrase::Count("anzahl verlängerungen"),
    Phrase::Count("mal verlängert"),
    Address("perma"),
    Address("do"),
    Anywhere("nicht"),
    Anywhere("nicht möglich"),
    Anywhere("verlängert"),
    Anywhere("verlängerbar"),
    Anywhere("verlängerung"),
];
