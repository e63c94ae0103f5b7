//! The description of an account's tables.
//!
//! The classes of cells name their columns. In tables before 2012, what the cells hold and the words above them do.

use hippo_browser::reading::{Css, Element};
use hippo_core::account::HoldState::{InTransit, Other, Ready, Suspended, Waiting};
use hippo_core::account::{Hold, HoldState, Loan};

use super::phrases::{
    AUTOMATIC_RENEWALS, BARE_REFUSALS, OFFERS, PENDING, READY_RECALLS, SUSPENDED,
};
use crate::list_reader::{
    CellTest, Column, Field, ListDescription, ListMark, ListTab, MissingList, Part, RenewalCell,
    StateSign, TableColumn, TitleParts, own_rows,
};

/// A link to a record of the catalogue. The stars for the patron's rating are links as well.
const RECORD_LINK: &str = "a[href*='biblionumber='], a[href*='?bib=']";
/// Its parameters with the number of the record; the second is that of older overdues.
const RECORD: &[&str] = &["biblionumber", "bib"];
/// The label that narrow screens show in a cell instead of the header.
const LABEL: &str = ".tdlabel";
/// The branch in the sentence about the item's location: only an item that was found has one.
const BRANCH_NAME: &str = "b, strong";
/// The hidden field with the pickup desk of a hold that is ready.
const DESK: &str = "input[name=pickup]";
/// The button that resumes a suspended hold.
const RESUME: &str =
    ".fa-play, .icon-play, input[value='cud-unsuspend'], input[type=submit][value=Resume]";
static RESUMES: Css = Css::new(RESUME);
static ENTRY: Css = Css::new(":has(> td)");
/// The button that suspends a hold.
const SUSPEND: &str = ".fa-pause, .icon-pause, .suspend_hold, input[value='cud-suspend'], \
                       input[type=submit][value=Suspend]";

static TITLE: TableColumn =
    TableColumn::with_cells(".title", "", CellTest::AllWithText(Css::new(RECORD_LINK)));
static BARCODE: TableColumn = TableColumn::new(
    ".barcode",
    "barcode, strichcode, code à barres, código de barras, codice a barre",
);
static DUE: TableColumn = TableColumn::with_cells(
    ".date_due",
    "due, date due, fällig, date de retour, vence, scadenza",
    CellTest::AllDates,
);
static RENEW: TableColumn = TableColumn::with_cells(
    ".renew",
    "renew, verlänger, renouvel, renov, rinnov",
    CellTest::SomeMatch(Css::new(
        "input[name=item], input[name=issue], a[href*='opac-renew.pl'], form[action*='opac-renew.pl'], .renewals",
    )),
);
static EXPIRES: TableColumn = TableColumn::new(
    ".expirationdate",
    "expires, läuft ab, expire le, caduca, scade, går ut",
);
static BRANCH: TableColumn = TableColumn::new(
    ".branch",
    "pick up, pickup, pick-up, abholort, lieu de retrait, lugar de recogida, ritiro, hämtställe, afhaallocatie, \
     noutopaikka, hentested",
);
static PRIORITY: TableColumn = TableColumn::new(
    ".priority",
    "priority, priorität, priorité, prioridad, priorità, prioritet, prioriteit",
);
static STATUS: TableColumn = TableColumn::new(".status", "status, statut, estado, stato");

/// Describes the lists of loans: the library's own, and the digital ones of the service that German libraries share.
pub(super) fn loans() -> Vec<ListDescription<Loan>> {
    let own = ListTab {
        overdues: Some((Css::new("#overduest"), RECORD)),
        missing: MissingList::WithPanel(
            Css::new("#opac-user-checkouts, #opac-user-checkouts_panel"),
            Css::new(
                ":is(#checkoutst, td.date_due, #renewselected, #renewall, input[name=item], input[name=issue])\
                 :not(#divibibcheckoutst *)",
            ),
        ),
        ..tab("checkouts")
    };
    let digital = ListDescription {
        complete: |loan: &mut Loan, _, _| {
            loan.digital = true;
            Ok(())
        },
        ..loan_table("#divibibcheckoutst", tab("divibibcheckouts"))
    };
    vec![loan_table("#checkoutst", own), digital]
}

/// Describes the lists of holds, of requests from closed stacks, and of recalls.
pub(super) fn holds() -> Vec<ListDescription<Hold>> {
    let own = ListTab {
        counts_groups: true,
        // Koha omits the tab and its list if there are no holds.
        missing: MissingList::WithoutTrace(Css::new(
            ":is(#opac-user-holds, #opac-user-holds_panel, #holdst, td.reservedate, input[name=reserve_id], \
             #suspend_all_holds, #resume_all_holds, form[action*='opac-modrequest'])\
             :not(#closed-stack-requests-table *)",
        )),
        ..tab("holds")
    };
    vec![
        hold_table("#holdst", own),
        hold_table("#closed-stack-requests-table", tab("closed-stack-requests")),
        recall_table(),
        suspended_table(),
    ]
}

/// A tab that few sites have.
fn tab(name: &'static str) -> ListTab {
    ListTab {
        name,
        counts_groups: false,
        overdues: None,
        missing: MissingList::Optional,
    }
}

fn loan_table(table: &'static str, tab: ListTab) -> ListDescription<Loan> {
    let mut columns = vec![Column::of(Field::Id, &BARCODE, Part::OwnText)];
    columns.extend(work_columns(0));
    columns.extend([
        Column::at(Field::Author, ":scope > .author"),
        Column::at(Field::Author, ".item-details"),
        Column::of(Field::Due, &DUE, Part::Date(Css::new(LABEL))),
        Column::of(Field::Renewal, &RENEW, Part::Text),
        Column::at(Field::Format, ":scope > .itype .itypetext"),
        Column::part_at(Field::Format, ":scope > .itype", Part::OwnText),
        // A recall, in-house use only, the cost of a renewal, an automatic renewal.
        Column::all(
            Field::Note,
            "td.title > i, td.title > em, .renewalfee, td.renew .automatic-renewal",
        ),
    ]);
    ListDescription {
        tab: Some(tab),
        needed: &[Field::Title, Field::Due],
        renewal: Some(RenewalCell {
            controls: Css::new(
                "input[type=checkbox], input[name=item], input[name=issue], a[href*='opac-renew.pl'], \
                 a[data-action*='opac-renew.pl']",
            ),
            // The cost is a label in older pages, and a badge in newer ones.
            remarks: Css::new(".renewalfee, .label, .badge, .automatic-renewal"),
            count: Css::new(".renewals"),
            automatic: Css::new(".automatic-renewal"),
            automatic_words: AUTOMATIC_RENEWALS,
            offers: OFFERS,
            bare_refusals: Css::new(".no-renew-too-many, .no-renew-too-late"),
            bare_refusal_words: BARE_REFUSALS,
        }),
        ..self::table(table, columns)
    }
}

fn hold_table(table: &'static str, tab: ListTab) -> ListDescription<Hold> {
    let mut columns = request_columns();
    columns.extend([
        // A branch may be named after a day.
        Column::of(Field::Days, &STATUS, Part::Without(Css::new(BRANCH_NAME))),
        Column::of(Field::Branch, &STATUS, Part::Element(Css::new(BRANCH_NAME))),
        Column::of(Field::Expires, &EXPIRES, Part::Date(Css::new(LABEL))),
        Column::of(Field::Position, &PRIORITY, Part::OwnText),
        Column::part_at(
            Field::PickupBy,
            ".lastpickupdate",
            Part::Date(Css::new(LABEL)),
        ),
    ]);
    ListDescription {
        tab: Some(tab),
        identified_by: vec![ListMark::Test(|table| !is_of_suspended(table))],
        state_signs: state_signs(),
        controls: vec![Css::new(RESUME), Css::new(SUSPEND)],
        ..self::table(table, columns)
    }
}

/// The signs of a hold's state: of an item that was found, and then of a request that nothing was found for.
fn state_signs() -> Vec<(HoldState, StateSign)> {
    vec![
        (Ready, StateSign::Row(Css::new("tr.reserved"))),
        // Without the day since which it waits, it is on its way to the named desk.
        (Ready, StateSign::DatedCell(Css::new(DESK))),
        (InTransit, StateSign::Cell(Css::new(DESK))),
        (InTransit, StateSign::Row(Css::new("tr.transfered"))),
        // With a day, it has been on its way since then; without one, it is still on its shelf.
        (InTransit, StateSign::DatedCell(Css::new(BRANCH_NAME))),
        (Other, StateSign::Cell(Css::new(BRANCH_NAME))),
        // Instead of the day on which a request lapses: something was found.
        (Other, StateSign::Dash(Field::Expires)),
        (Suspended, StateSign::Row(Css::new(RESUME))),
        (Waiting, StateSign::Row(Css::new(SUSPEND))),
        (Suspended, StateSign::Stems(SUSPENDED)),
        (Waiting, StateSign::Beginning(PENDING)),
        (Other, StateSign::Missing(Field::Expires)),
        (Suspended, StateSign::Day),
        (Waiting, StateSign::Any),
    ]
}

/// Describes the suspended holds of LibLime's Koha, which has a second table for them with the same id.
fn suspended_table() -> ListDescription<Hold> {
    let mut list = hold_table("#holdst", tab("suspended-holds"));
    list.identified_by = vec![ListMark::Test(is_of_suspended)];
    list.needed = &[Field::Title];
    list.columns
        .push(Column::below(Field::SuspendedUntil, &["resume on"]));
    list
}

/// Whether a table has no column of states, but something to resume in each row.
fn is_of_suspended(table: Element<'_>) -> bool {
    let entries = own_rows(table).filter(|row| ENTRY.matches(*row));
    let mut entries = entries.map(|row| RESUMES.is_in(row)).peekable();
    entries.peek().is_some() && entries.all(|resumes| resumes) && !STATUS.is_in(table)
}

/// Describes the recalls, for which the borrower must return the item. Their template closes rows in the wrong place:
/// the last row has one cell more than the header, or all others have one less.
fn recall_table() -> ListDescription<Hold> {
    let mut columns = request_columns();
    let expires = Part::Date(Css::new(LABEL));
    columns.push(Column::of(Field::ExpiresIfWaiting, &EXPIRES, expires));
    // As long as nothing was found for it.
    let cancels = StateSign::Row(Css::new("form[action*='opac-recall.pl']"));
    ListDescription {
        tab: Some(tab("recalls")),
        row_tolerance: Some(1),
        state_signs: vec![
            (Waiting, cancels),
            (InTransit, StateSign::PickupBranch),
            (Ready, StateSign::Stems(READY_RECALLS)),
        ],
        ..table("#recalls-table", columns)
    }
}

/// The columns of a title with its volume; `other_lines` behind it are something else.
fn work_columns(other_lines: usize) -> Vec<Column> {
    let title = TitleParts {
        link: Css::new(RECORD_LINK),
        // A deleted record has no page. A box, a break or a remark is no title, and neither is the author beside it.
        unlinked: Css::new(":is(a, span, b, strong):not(.item-details)"),
        later: Css::new(".biblio-medium, .subtitle, .part-number, .part-name"),
        other_lines,
    };
    let href = Part::AttributeOf(Css::new(RECORD_LINK), "href", "");
    vec![
        Column::of(Field::Title, &TITLE, Part::TitleOfParts(title)),
        Column::of(Field::Link, &TITLE, href),
        // The number of the record never changes.
        Column::of(Field::Id, &TITLE, Part::LinkParameter(RECORD)),
    ]
}

/// What each kind of request has. The last line behind the title is the author.
fn request_columns() -> Vec<Column> {
    let mut columns = work_columns(1);
    columns.extend([
        Column::of(Field::Author, &TITLE, Part::LastOwnLine),
        Column::of(Field::State, &STATUS, Part::Without(Css::new(LABEL))),
        Column::of(Field::PickupBranch, &BRANCH, Part::OwnText),
    ]);
    columns
}

fn table<E>(list: &'static str, columns: Vec<Column>) -> ListDescription<E> {
    ListDescription {
        list: Css::new(list),
        // A cell may have a table of its own.
        rows: Css::new(":scope > thead > tr:first-child, :scope > tbody > tr"),
        columns,
        needed: &[Field::Title, Field::State],
        row_tolerance: Some(0),
        may_repeat_rows: true,
        takes_first_date: true,
        ..ListDescription::table()
    }
}
