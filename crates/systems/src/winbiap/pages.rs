//! The description of `WinBIAP`'s pages, from version 4.2 on.

use std::sync::LazyLock;

use hippo_browser::Phrase::{self, Anywhere};
use hippo_browser::ReadContext;
use hippo_browser::reading::{Css, Element, amount, currency, element_text, text_after_words};
use hippo_core::account::{Hold, HoldState, Loan};
use hippo_core::failure::Failure;

use crate::list_reader::{
    AccountDescription, AccountPart, CARD_BLOCKED, Column, Count, DUE_WORDS, Fact, Field,
    HOLD_STATES, ListDescription, ListMark, LoginDescription, NO_HOLDS, NO_LOANS, Part, Place, Row,
    read_end,
};

/// The box for renewing a loan.
static RENEWAL: Css = Css::new("input[type=checkbox][name$=chkSelect]:not([disabled])");

pub(super) static LOGIN: LazyLock<LoginDescription> = LazyLock::new(|| LoginDescription {
    form: Css::new("input[name$=TextBoxLoginName], input[name$=TextBoxUsername]"),
    number: &["TextBoxLoginName", "TextBoxUsername"],
    pin: &["TextBoxLoginPassword", "TextBoxPassword"],
    button: Some(Css::new("input[name$=ButtonLogin]")),
    messages: Css::new("[id*=abelLoginMessage], [id*=abelloginMessage], .Login_Error"),
    refused: &["anmeldedaten nicht"],
    blocked: CARD_BLOCKED,
    ..LoginDescription::default()
});

pub(super) static ACCOUNT: LazyLock<AccountDescription> = LazyLock::new(|| AccountDescription {
    account_marker: Css::new(
        "a[href$='logout.aspx'], [id*=LabelAccountTableResult], [id*=menuBorrows], #borrowTables, [id*=BorrowDetailList], [id*=reservationDetailList], \
         [id*=GridViewReservation]",
    ),
    // The loans that can be renewed and those that can't have a table each.
    loans: vec![
        ListDescription {
            none_at: Some(Css::new(TOTAL_CSS)),
            ..loans(
                "table[id*=BorrowDetailListExtendable]",
                "table[id*=BorrowDetailListExtendable] > * > tr",
            )
        },
        ListDescription {
            complete: |loan, row, context| {
                complete_loan(loan, row, context)?;
                loan.renewable.get_or_insert(false);
                Ok(())
            },
            ..loans(
                "table[id*=BorrowDetailListNoProlongation]",
                "table[id*=BorrowDetailListNoProlongation] > * > tr",
            )
        },
        loans(
            "table[id*=BorrowDetailList]:not([id*=Extendable]):not([id*=NoProlongation])",
            "table[id*=BorrowDetailList] > * > tr",
        ),
        loans(
            "table[id*=GridView]:not([id*=Reservation]):has(.title, [id*=LabelTitel], [id*=LabelTitle])",
            "table[id*=GridView] > * > tr",
        ),
        ListDescription {
            identified_by: vec![ListMark::Page(|root| {
                has_total(root, LENT) && !has_total(root, RESERVED)
            })],
            ..loans(UNNAMED, UNNAMED_ROWS)
        },
        ListDescription {
            identified_by: vec![ListMark::Header(DUE_WORDS)],
            columns: vec![
                Column::below(Field::Title, &["titel"]),
                Column::below(Field::Author, AUTHOR_HEADERS),
                Column::below(Field::Due, DUE_WORDS),
            ],
            ..loans(HEADED, HEADED_ROWS)
        },
    ],
    holds: vec![
        ListDescription {
            none_at: Some(Css::new(TOTAL_CSS)),
            ..holds(
                "table[id*=reservationDetailList]",
                "table[id*=reservationDetailList] > * > tr",
            )
        },
        holds(
            "table[id*=GridViewReservation]:has(.title, [id*=LabelTitel], [id*=LabelTitle])",
            "table[id*=GridViewReservation] > * > tr",
        ),
        ListDescription {
            identified_by: vec![ListMark::Page(|root| {
                has_total(root, RESERVED) && !has_total(root, LENT)
            })],
            ..holds(UNNAMED, UNNAMED_ROWS)
        },
        ListDescription {
            identified_by: vec![ListMark::Header(&[
                "abholfrist",
                "abholort",
                "vorbestellt am",
            ])],
            columns: vec![
                Column::below(Field::Title, &["titel"]),
                Column::below(Field::Author, AUTHOR_HEADERS),
                Column::below(Field::State, &["status"]),
                Column::below(Field::PickupBy, &["abholfrist"]),
                Column::below(Field::PickupBranch, &["abholort"]),
            ],
            ..holds(HEADED, HEADED_ROWS)
        },
    ],
    loan_counts: vec![
        Count(vec![Fact::with(TOTAL_CSS, LENT)]),
        Count(vec![Fact::after(MENU, &["entleihungen", "ausleihen"])]),
    ],
    hold_counts: vec![
        Count(vec![Fact::with(TOTAL_CSS, RESERVED)]),
        Count(vec![Fact::after(
            MENU,
            &["vorbestellungen", "vormerkungen"],
        )]),
    ],
    fines: vec![Fact::with(BALANCE_CSS, &["ausgeglichen"])],
    number: vec![Fact::after(MENU, &["ins leserkonto"])],
    messages: Some(Css::new("[id*=lblDefaultPasswordWarning]")),
    complete: |part, root, _| {
        read_balance(part, root);
        Ok(())
    },
    ..AccountDescription::default()
});

/// The total above a list, and its words.
const TOTAL_CSS: &str = "[id*=LabelAccountTableResult]";
static TOTAL: Css = Css::new(TOTAL_CSS);
const LENT: &[&str] = &["entliehen", "ausgeliehen"];
const RESERVED: &[&str] = &["vorbestellt", "vorgemerkt"];
/// A list whose id does not tell what it has. The total above it does.
const UNNAMED: &str = "table.detailTable:not([id*=BorrowDetailList], [id*=reservationDetailList], [id*=GridView])\
     :has(.title, [id*=LabelTitel], [id*=LabelTitle])";
const UNNAMED_ROWS: &str = "table.detailTable > * > tr";
/// A list whose cells do not tell what they have. Its headers do.
const HEADED: &str =
    "table:is(.detailTable, [id*=GridView]):not(:has(.title, [id*=LabelTitel], [id*=LabelTitle]))";
const HEADED_ROWS: &str = "table > * > tr";
const AUTHOR_HEADERS: &[&str] = &["autor", "verfasser"];
/// The balance of the account.
const BALANCE_CSS: &str = "[id*=LabelCharges], [id*=LabelToolbarTotalCharge]";
/// Words of a sum that is owed, and of a credit.
const OWED: &[&str] = &["offen", "offene", "gebühren", "soll"];
const CREDIT: &[&str] = &["guthaben", "haben"];
static BALANCE: Css = Css::new(BALANCE_CSS);
/// The menu of the account, with totals.
const MENU: &str = "#menuUserAccount a";
/// The rows that head a group, in both layouts.
const GROUPS: &str = ".group-header, tr:has(> td.Borrowline)";
/// The rows that hold no item: headings and details.
const IGNORED: &str = ".rowDetails, .group-header, tr:has(> td.Borrowline)";

/// Whether a total above a list has one of these words.
fn has_total(root: Element<'_>, words: &[&str]) -> bool {
    let mut totals = TOTAL.all(root).map(element_text);
    totals.any(|total| text_after_words(&total, words).is_some())
}

/// Reads the balance. Its sign comes from a word of debt or credit; without exactly one of them it becomes a sum without a
/// sign.
fn read_balance(part: &mut AccountPart, root: Element<'_>) {
    let Some(text) = BALANCE.first(root).map(element_text) else {
        return;
    };
    let Some(sum) = amount(&text).filter(|_| part.fines.is_none()) else {
        return;
    };
    part.currency = currency(&text);
    let has = |words: &[&str]| text_after_words(&text, words).is_some();
    if sum.is_zero() || has(OWED) != has(CREDIT) {
        let sign = if has(CREDIT) { -sum.abs() } else { sum.abs() };
        part.fines = Some(sign);
    } else {
        part.sum_without_sign = Some(sum.abs());
    }
}

fn loans(list: &'static str, rows: &'static str) -> ListDescription<Loan> {
    ListDescription {
        list: Css::new(list),
        rows: Css::new(rows),
        ignored_rows: Some(Css::new(IGNORED)),
        columns: vec![
            Column::at(Field::Title, ".title, [id*=LabelTitel], [id*=LabelTitle]"),
            Column::at(Field::Author, ".autor, [id*=LabelAutor]"),
            Column::at(
                Field::Due,
                ".matureDate, [id*=LabelMatureDate], [id*=LabelFaellig]",
            ),
            Column::detail(Field::Id, "[id*=abelMediennr]:not([id*=Header])"),
            Column::at(Field::Id, "[id*=Label_Mediennr]"),
            Column::detail(Field::Format, "[id*=abelMediagroup]:not([id*=Header])"),
            Column::at(Field::Format, "[id*=Label_Mediengruppe]"),
            Column::detail(Field::Renewals, "[id*=abelCountRenew]:not([id*=Possible])"),
            Column::detail(Field::Renewal, "[id*=abelNotRenewableReason]"),
        ],
        needed: &[Field::Title, Field::Due],
        none: NO_LOANS,
        complete: complete_loan,
        ..ListDescription::table()
    }
}

fn holds(list: &'static str, rows: &'static str) -> ListDescription<Hold> {
    ListDescription {
        list: Css::new(list),
        rows: Css::new(rows),
        ignored_rows: Some(Css::new(IGNORED)),
        columns: vec![
            Column::at(Field::Title, ".title, [id*=LabelTitel], [id*=LabelTitle]"),
            Column::at(Field::Author, ".autor, [id*=LabelAutor]"),
            Column::detail(Field::Id, "[id*=abelMediennr]:not([id*=Header])"),
            Column::detail(Field::State, "[id*=abelStatus]"),
            Column::part_at(Field::State, "[id*=ImageBorrow]", Part::Attribute("title")),
            Column {
                field: Field::State,
                place: Place::Group(Css::new(GROUPS)),
                part: Part::Text,
            },
            Column::at(
                Field::PickupBranch,
                ".pickupPlace, [id*=LabelPickupPlace], [id*=LabelBranch]",
            ),
            Column::detail(Field::PickupBranch, "[id*=abelBranch]:not([id*=Header])"),
            Column::detail(Field::Position, "[id*=abelPosition]"),
            Column::at(Field::Position, "[id*=LabelReservationIndex]"),
        ],
        needed: &[Field::Title],
        none: NO_HOLDS,
        states: HOLD_STATES,
        complete: complete_hold,
        ..ListDescription::table()
    }
}

fn complete_loan(loan: &mut Loan, row: &Row<'_>, _: &ReadContext<'_>) -> Result<(), Failure> {
    let reason = row.value(Field::Renewal);
    if RENEWAL.is_in(row.element) {
        loan.renewable = Some(true);
    } else if reason.is_some() {
        loan.renewable = Some(false);
        loan.renewable_reason = reason;
    }
    Ok(())
}

/// A word that means “ready” only if nothing else is said: a copy may be “verfügbar”, too.
const READY: &str = "verfügbar";

/// Reads a state of the lone word “ready”, and the last day to pick it up from the words beside it.
fn complete_hold(hold: &mut Hold, row: &Row<'_>, context: &ReadContext<'_>) -> Result<(), Failure> {
    let words = row.value(Field::State).unwrap_or_default();
    if words.to_lowercase() == READY {
        hold.state = HoldState::Ready;
        hold.note = None;
    }
    if hold.state == HoldState::Ready {
        let day = text_after_words(&words, PICKUP_BY).map(str::to_owned);
        hold.pickup_by = read_end(day, context)?.or(hold.pickup_by);
    }
    Ok(())
}

const PICKUP_BY: &[&str] = &["bis"];

/// The phrases that a recording keeps, beside those of the descriptions.
pub(super) const OTHER_PHRASES: &[Phrase] = &[
    Anywhere("bis"),
    Anywhere("offen"),
    Anywhere("offene"),
    Anywhere("gebühren"),
    Anywhere("soll"),
    Anywhere("guthaben"),
    Anywhere("haben"),
    Anywhere(READY),
    Phrase::Count("derzeit"),
    Phrase::Count("medien vorbestellt"),
    Phrase::Count("verlängerungen"),
    Phrase::Count("platz"),
];
