//! The description of SISIS's pages.

use std::sync::LazyLock;

use hippo_browser::Phrase::{self, Anywhere};
use hippo_browser::reading::Css;
use hippo_core::account::{Hold, Loan};

use super::row;
use crate::list_reader::{
    AccountDescription, CARD_BLOCKED, CARD_EXPIRES_WORDS, CARD_NUMBER_WORDS, Column, Count,
    DUE_WORDS, EXPIRES_WORDS, Fact, Field, HOLD_STATES, ListDescription, ListMark,
    LoginDescription, PICKUP_BRANCH_WORDS, PICKUP_BY_WORDS, Part, is_digital_kind,
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

/// The login form, which both systems have.
pub(crate) static LOGIN: LazyLock<LoginDescription> = LazyLock::new(|| LoginDescription {
    form: Css::new("input[name=password]"),
    number: &["username"],
    pin: &["password"],
    button: Some(Css::new("input[type=submit][name=login_action]")),
    messages: Css::new(".alert, .error"),
    refused: &["benutzernummer oder", "benutzernummer und"],
    blocked: CARD_BLOCKED,
    new_pin_form: Css::new("#CommitPasswordBean, #passwortaenderung"),
    ..LoginDescription::default()
});

pub(super) static ACCOUNT: LazyLock<AccountDescription> = LazyLock::new(|| AccountDescription {
    account_marker: Css::new("#UserAccountForm, a[href*='methodToCall=showAccount'][href*='typ=']"),
    loans: vec![in_table(loans(), &[LOANS]), in_blocks(loans(), &[LOANS])],
    holds: vec![
        in_table(holds(), &[ORDERS, RESERVATIONS]),
        in_blocks(holds(), &[ORDERS, RESERVATIONS]),
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
        Fact::after(".box3-content", CARD_EXPIRES_WORDS),
        Fact::after(".box3-content", &["jahresgebühren"]),
    ],
    number: vec![Fact::after("#login", CARD_NUMBER_WORDS)],
    messages: Some(Css::new(".alert, .error")),
    ..AccountDescription::default()
});

/// The words of headings, one of which is before a list.
type Headings = [&'static [&'static str]];

/// A list of older layouts.
fn in_table<E>(list: ListDescription<E>, headings: &Headings) -> ListDescription<E> {
    ListDescription {
        list: Css::new("table.data"),
        identified_by: headings.iter().copied().map(ListMark::Heading).collect(),
        ..list
    }
}

/// A list of newer layouts, which have no table. The row of its headers has no title.
fn in_blocks<E>(list: ListDescription<E>, headings: &Headings) -> ListDescription<E> {
    ListDescription {
        list: Css::new("#tab-content .container-fluid"),
        rows: Css::new(".row"),
        ignored_rows: Some(Css::new(".row:first-child:not(:has(strong))")),
        ..in_table(list, headings)
    }
}

/// Describes the loans, but not where they are.
pub(crate) fn loans() -> ListDescription<Loan> {
    ListDescription {
        columns: vec![
            Column::read(Field::Title, row::read_title),
            Column::read(Field::Author, row::read_author),
            Column::read(Field::Id, row::read_number),
            Column::read(Field::Format, row::read_format),
            Column::count(
                Field::Renewals,
                &["anzahl verlängerungen"],
                &["mal verlängert"],
            ),
            Column::part_below(Field::Due, DUE_WORDS, Part::Read(row::read_due)),
            Column::read(Field::Due, row::read_due_of_row),
            Column::part_at(Field::Link, PERMANENT_LINK, Part::Attribute("href")),
            Column::read(Field::NotRenewable, row::read_refusal),
            Column::presence(Field::NotRenewable, NO_RENEWAL),
            Column::presence(Field::Renewable, RENEWAL),
            Column::read(Field::RenewalReason, row::read_remarks),
            Column::read(Field::Note, row::read_remarks),
        ],
        needed: &[Field::Title, Field::Due],
        none: NONE,
        complete: |loan, _, _| {
            // They say no more than that it can be renewed.
            loan.note = loan.note.take().filter(|_| loan.renewable.is_none());
            loan.digital = loan.format.as_deref().is_some_and(is_digital_kind);
            Ok(())
        },
        ..ListDescription::table()
    }
}

/// Describes a list of holds, but not where it is.
pub(crate) fn holds() -> ListDescription<Hold> {
    ListDescription {
        columns: vec![
            Column::read(Field::Title, row::read_title),
            Column::read(Field::Author, row::read_author),
            Column::read(Field::Id, row::read_number),
            Column::read(Field::State, row::read_state),
            Column::line_after(Field::PickupBy, PICKUP_BY_WORDS),
            Column::line_after(Field::Expires, EXPIRES_WORDS),
            Column::line_after(Field::PickupBranch, PICKUP_BRANCH_WORDS),
            Column::read(Field::PickupBranch, row::read_branch),
            Column::part_at(Field::Link, PERMANENT_LINK, Part::Attribute("href")),
        ],
        needed: &[Field::Title],
        none: NONE,
        states: HOLD_STATES,
        ..ListDescription::table()
    }
}

const PERMANENT_LINK: &str = "a[href*='perma.do']";
const RENEWAL: &str = "a[href*='methodToCall=renewal'], input[type=checkbox][name*=Listentries]";
const NO_RENEWAL: &str = "input[type=checkbox][name*=Listentries][disabled]";

pub(crate) const ADDRESSES: &[&str] = &[
    "login.do?methodToCall=pos",
    "userAccount.do?methodToCall=showAccount&typ=&accountTyp=loaned",
    "userAccount.do?methodToCall=renewal&accountTyp=ordered",
    "userAccount.do?methodToCall=renewalPossible&accountTyp=requested",
    "perma.do",
];

pub(crate) const OTHER_PHRASES: &[Phrase] = &[
    Anywhere("nicht"),
    Anywhere("nicht möglich"),
    Anywhere("verlängert"),
    Anywhere("verlängerbar"),
    Anywhere("verlängerung"),
];
