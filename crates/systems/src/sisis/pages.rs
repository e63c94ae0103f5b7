//! The description of SISIS's pages.

use std::sync::LazyLock;

use hippo_browser::Phrase::{self, Anywhere};
use hippo_browser::reading::Css;
use hippo_core::account::{Hold, Loan};

use super::row;
use crate::list_reader::{
    AccountDescription, CARD_BLOCKED, CARD_EXPIRES_WORDS, CARD_NUMBER_WORDS, Column, Count,
    DUE_WORDS, EXPIRES_WORDS, Fact, Field, HOLD_STATES, INTER_LIBRARY_LOANS, ListDescription,
    ListMark, LoginDescription, NAMES_OF_FEES, NAMES_OF_LOANS, NAMES_OF_ORDERS,
    NAMES_OF_RESERVATIONS, NO_ENTRIES, PICKUP_BRANCH_WORDS, PICKUP_BY_WORDS, Part, is_digital_kind,
};

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
    loans: vec![
        in_table(loans(), &[NAMES_OF_LOANS]),
        in_blocks(loans(), &[NAMES_OF_LOANS]),
    ],
    holds: vec![
        in_table(holds(), &[NAMES_OF_ORDERS, NAMES_OF_RESERVATIONS]),
        in_blocks(holds(), &[NAMES_OF_ORDERS, NAMES_OF_RESERVATIONS]),
    ],
    has_several_pages: true,
    loan_counts: vec![
        Count(vec![Fact::after("#label1, #active1", NAMES_OF_LOANS)]),
        Count(vec![Fact::at("#label1")]),
    ],
    hold_counts: vec![
        Count(vec![
            Fact::after("#label6, #tab6, #active1", NAMES_OF_ORDERS),
            Fact::after("#label7, #tab7, #active1", NAMES_OF_RESERVATIONS),
        ]),
        Count(vec![Fact::at("#label6, #tab6"), Fact::at("#label7, #tab7")]),
    ],
    unread: vec![Fact::with(
        "[id^=label], [id^=tab]:not(#tab-content)",
        INTER_LIBRARY_LOANS,
    )],
    fines: vec![
        Fact::after("#label8, #active1", NAMES_OF_FEES),
        Fact::at("#label8"),
    ],
    card_expires: vec![
        Fact::beginning(".box3-content", CARD_EXPIRES_WORDS),
        Fact::beginning(".box3-content", &["jahresgebühren"]),
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
        ignored_rows: Some(Css::new(
            ".row:first-child:not(:has(strong)), .row.d-none:first-child",
        )),
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
        none: NO_ENTRIES,
        complete: |loan, _, _| {
            // They say no more than that it can be renewed.
            let is_about_more = |note: &String| !note.to_lowercase().contains("verlänger");
            let known = loan.renewable.is_some();
            loan.note = loan
                .note
                .take()
                .filter(|note| !known || is_about_more(note));
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
            Column::line_after(Field::Position, &["vormerkposition", "position", "platz"]),
            Column::line_after(Field::PickupBy, PICKUP_BY_WORDS),
            Column::line_after(Field::Expires, EXPIRES_WORDS),
            Column::line_after(Field::PickupBranch, PICKUP_BRANCH_WORDS),
            Column::read(Field::PickupBranch, row::read_branch),
            Column::part_at(Field::Link, PERMANENT_LINK, Part::Attribute("href")),
        ],
        needed: &[Field::Title],
        none: NO_ENTRIES,
        states: HOLD_STATES,
        ..ListDescription::table()
    }
}

const PERMANENT_LINK: &str = "a[href*='perma.do']";
pub(super) const RENEWAL: &str =
    "a[href*='methodToCall=renewal'], input[type=checkbox][name*=Listentries]";
const NO_RENEWAL: &str = "input[type=checkbox][name*=Listentries][disabled]";

pub(crate) const ADDRESSES: &[&str] = &[
    "login.do?methodToCall=pos",
    "userAccount.do?methodToCall=showAccount&typ=&accountTyp=loaned",
    "userAccount.do?methodToCall=renewal&accountTyp=ordered",
    "userAccount.do?methodToCall=renewalPossible&accountTyp=requested",
    "perma.do",
];

pub(crate) const OTHER_PHRASES: &[Phrase] = &[
    Anywhere("verlängert"),
    Anywhere("verlängerbar"),
    Anywhere("verlängerung"),
];
