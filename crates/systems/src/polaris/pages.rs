//! The description of Polaris' pages.

use std::sync::LazyLock;

use hippo_browser::Phrase;
use hippo_browser::ReadContext;
use hippo_browser::reading::{Css, Element, element_text, first_number};
use hippo_core::account::{Hold, HoldState, Loan};
use hippo_core::failure::Failure;

use super::values::{
    AUTHOR_WORDS, read_author, read_first_line, read_id, read_request_total, read_state,
};
use crate::list_reader::{
    AccountDescription, Column, Count, Fact, Field, ListDescription, ListMark, LoginDescription,
    NO_LOANS, NO_REQUESTS, OF_WORDS, OTHER_HOLD_STATES, Part, Row, own_rows, text_after_beginning,
};

/// The elements whose id has this end, perhaps with the number of the row behind it.
macro_rules! id {
    ($end:literal) => {
        concat!("[id$='", $end, "'], [id*='", $end, "_']")
    };
}

/// The grids of the lists. Their ids tell loans from requests in most layouts, their headers in the others.
const GRIDS: &str = "table[id*='datagridItemsOut'], table[id*='gridviewItemsOut'], table[id*='datagridRequests'], \
     table[id*='gridviewRequests'], table[class*='patrongrid'], table[class*='patron-account__grid']";

/// The marks of a row of the requests: its link, and the class of its state.
static REQUEST: Css = Css::new(
    "a.requestdetailview, a[href*='reqid='], a[href*='ReqID='], span.HoldsHeld, span.HoldsActive, \
     span.HoldsPendingShipped, span.HoldsMisc",
);
/// The state of a request that waits, in any language.
static ACTIVE: Css = Css::new("span.HoldsActive");
/// What only a loan has.
static DUE_DATE: Css = Css::new(id!("labelDueDate"));

/// The rows of headers. Newer layouts have `th`, too.
const HEADER_ROW: &str = "tr.ColumnHeader, tr[class*='grid-header']";

/// Where a page may say that a list is empty.
const REMARKS: &str = "#panelMessage, [id$='labelMessage'], .ErrorMessage, [id*='NoItems'], [id*='NoRequests'], \
     [class*='emptydata'], [class*='empty'], [id$='tableBasicInfo'] a, p";

static TICK: Css = Css::new("input[type=checkbox]");

pub(super) static LOGIN: LazyLock<LoginDescription> = LazyLock::new(|| LoginDescription {
    form: Css::new("input[name$='textboxPassword'], input[name$='textboxOPassword']"),
    number: &[
        "textboxBarcodeUsername",
        "textboxOBarcode",
        "textboxBarcode",
    ],
    pin: &["textboxPassword", "textboxOPassword"],
    // Without its button, the site takes the login form for something else.
    button: Some(Css::new("input[type=submit][name$='ubmit']")),
    messages: Css::new(".ErrorMessage, [id$='panelMessage'], [id*='labelMessage'], [id*='Error']"),
    refused: &["unable to log"],
    blocked: &[
        "card has expired",
        "registration has expired",
        "account is blocked",
        "account has been blocked",
        "card is blocked",
    ],
    outages: &["not available at this time", "offline"],
    ..LoginDescription::default()
});

pub(super) static ACCOUNT: LazyLock<AccountDescription> = LazyLock::new(|| AccountDescription {
    account_marker: Css::new("a[href*='logoff=1'], [id$='ctrlBasicInfo_tableBasicInfo']"),
    loans: vec![ListDescription {
        list: Css::new(GRIDS),
        identified_by: vec![
            ListMark::Test(|grid| has_id(grid, "ItemsOut")),
            ListMark::Header(LOANS),
            ListMark::Test(|grid| has_in_cells(grid, &DUE_DATE)),
        ],
        header_row: Some(Css::new(HEADER_ROW)),
        columns: loan_columns(),
        needed: &[Field::Title, Field::Due],
        none: NO_LOANS,
        none_at: Some(Css::new(REMARKS)),
        complete: complete_loan,
        ..ListDescription::table()
    }],
    holds: vec![ListDescription {
        list: Css::new(GRIDS),
        identified_by: vec![
            ListMark::Test(|grid| has_id(grid, "Requests")),
            ListMark::Header(&["hold position", "position", "queue position"]),
            ListMark::Test(|grid| has_in_cells(grid, &REQUEST)),
        ],
        header_row: Some(Css::new(HEADER_ROW)),
        columns: hold_columns(),
        needed: &[Field::Title],
        none: NO_REQUESTS,
        none_at: Some(Css::new(REMARKS)),
        states: &[
            (HoldState::Ready, &["held"]),
            (
                HoldState::InTransit,
                &["shipped", "in transit", "enviado", "expédié"],
            ),
            (
                HoldState::Suspended,
                &["inactive", "suspended", "inactivo", "inactif"],
            ),
            (
                HoldState::Waiting,
                &["active", "pending", "pendiente", "en attente"],
            ),
        ],
        other_states: OTHER_HOLD_STATES,
        complete: complete_hold,
        ..ListDescription::table()
    }],
    loan_counts: vec![Count(vec![Fact::with(
        "[id$='tableBasicInfo'] a[href*='itemsout.aspx']",
        &["items checked out", "item checked out"],
    )])],
    hold_counts: vec![Count(vec![Fact::read(
        "[id$='tableBasicInfo'] a[href*='requests.aspx']",
        read_request_total,
    )])],
    fines: vec![
        Fact::with("[id$='tableBasicInfo'] a[href*='finesfees.aspx']", &["$"]),
        Fact::after(
            "span, p, b",
            &[
                "total owed",
                "total amount owed",
                "amount owed",
                "balance owed",
                "total due",
            ],
        ),
    ],
    card_expires: vec![Fact::at("[id$='labelExpirationDate']")],
    number: vec![Fact::at("[id$='ctrlBasicInfo_labelBarcode']")],
    messages: Some(Css::new("[id$='labelCurrentBlocks']")),
    complete: |part, _, _| {
        part.drop_holds(is_cancelled);
        Ok(())
    },
    ..AccountDescription::default()
});

pub(super) const OTHER_PHRASES: &[Phrase] = &[
    Phrase::Count("of"),
    Phrase::Count("request"),
    Phrase::Count("requests"),
    Phrase::Count("hold request"),
    Phrase::Count("hold requests"),
    Phrase::Count("hold"),
    Phrase::Count("holds"),
];

/// The headers of the due date, and of all columns that only loans have.
const DUE: &[&str] = &["due date", "due", "vencimiento"];
const LOANS: &[&str] = &[
    "renewals left",
    "renewals remaining",
    "renewals",
    "due date",
    "due",
    "vencimiento",
];

/// Whether a row of the grid itself has such a mark. Not what is deeper within a cell, where a grid may be.
fn has_in_cells(grid: Element<'_>, mark: &'static Css) -> bool {
    let cells = own_rows(grid).flat_map(|row| row.child_elements());
    let inside = cells.flat_map(|cell| cell.child_elements());
    let mut marks =
        inside.flat_map(|element| std::iter::once(element).chain(element.child_elements()));
    marks.any(|element| mark.matches(element))
}

fn has_id(grid: Element<'_>, part: &str) -> bool {
    grid.attr("id").is_some_and(|id| id.contains(part))
}

/// The columns of what a title cell says. A title is a link, or the first line.
fn title_columns() -> Vec<Column> {
    const TITLE: &str = concat!(id!("labelTitle"), ", [class*='cell--title']");
    const TITLE_WORDS: &[&str] = &["title", "título"];
    const RECORD: &str = concat!(
        ":is(",
        id!("labelTitle"),
        ", [class*='cell--title']) a[href*='cn=']"
    );
    let link = || Part::Element(Css::new("a"));
    vec![
        Column::part_at(Field::Title, TITLE, link()),
        Column::part_at(Field::Title, TITLE, Part::Read(read_first_line)),
        Column::part_below(Field::Title, TITLE_WORDS, link()),
        Column::part_below(Field::Title, TITLE_WORDS, Part::Line(0)),
        Column::part_at(
            Field::Author,
            concat!(
                id!("labelAuthor"),
                ", [class*='HoldsAuthor'], [class*='ItemsAuthor']"
            ),
            Part::Read(read_author),
        ),
        Column::below(Field::Author, &["author", "autor"]),
        Column::part_at(Field::Author, TITLE, Part::LineBeginning(AUTHOR_WORDS)),
        Column::part_below(
            Field::Author,
            TITLE_WORDS,
            Part::LineBeginning(AUTHOR_WORDS),
        ),
        Column::part_at(
            Field::Id,
            "a.itemdetailview, a.requestdetailview, [class*='cell--full-narrow'] a[href]",
            Part::Read(read_id),
        ),
        Column::part_at(Field::Id, RECORD, Part::Read(read_id)),
        Column::part_at(Field::Link, RECORD, Part::Attribute("href")),
        Column::part_at(
            Field::Format,
            "img[src*='/formats/'][alt]",
            Part::Attribute("alt"),
        ),
    ]
}

fn loan_columns() -> Vec<Column> {
    let mut columns = title_columns();
    columns.extend([
        Column::at(Field::Due, id!("labelDueDate")),
        Column::below(Field::Due, DUE),
        Column::at(Field::Renewal, id!("labelRenewalsLeft")),
        Column::below(Field::Renewal, &["renewals left", "renewals remaining"]),
    ]);
    columns
}

fn hold_columns() -> Vec<Column> {
    const STATE: &str = id!("labelStatus");
    const STATE_CLASSES: &str =
        "span:is(.HoldsHeld, .HoldsActive, .HoldsPendingShipped, .HoldsMisc)";
    const POSITION: &str = "[id*='label'][id*='Position']";
    let state = || Part::Read(read_state);
    let length = || Part::After(OF_WORDS);
    let mut columns = title_columns();
    columns.extend([
        Column::part_at(Field::State, STATE, state()),
        Column::part_below(Field::State, &["status", "estado"], state()),
        Column::part_at(Field::State, STATE_CLASSES, state()),
        // The classes tell what words in another language mean.
        Column::presence(Field::Ready, "span.HoldsHeld"),
        Column::at(Field::Until, STATE),
        Column::below(Field::Until, &["status", "estado"]),
        Column::at(Field::Until, "span.HoldsDate"),
        Column::at(Field::Position, POSITION),
        Column::below(Field::Position, &["hold position", "position"]),
        Column::part_at(Field::QueueLength, POSITION, length()),
        Column::part_below(Field::QueueLength, &["hold position", "position"], length()),
        Column::at(Field::PickupBranch, id!("labelPickupBranch")),
        Column::below(
            Field::PickupBranch,
            &[
                "pickup library",
                "pickup branch",
                "pickup location",
                "pick up",
            ],
        ),
    ]);
    columns
}

/// A loan can be renewed as long as renewals are left, or else if it can be ticked.
fn complete_loan(loan: &mut Loan, row: &Row<'_>, _: &ReadContext<'_>) -> Result<(), Failure> {
    let words = row.element_of(Field::Renewal).map(element_text);
    let left = words.as_deref().and_then(first_number);
    if words.is_some() && left.is_none() {
        return Ok(());
    }
    let tick = TICK.first(row.element);
    let can_be_ticked = tick.map(|tick| tick.attr("disabled").is_none());
    loan.renewable = match (left, can_be_ticked) {
        (Some(0), _) | (_, Some(false)) => Some(false),
        (Some(_), _) => Some(true),
        (None, can_be_ticked) => can_be_ticked,
    };
    Ok(())
}

/// Whether a request is over, because somebody cancelled it. The site still lists it for a while.
fn is_cancelled(hold: &Hold) -> bool {
    let words = hold
        .note
        .as_deref()
        .filter(|_| hold.state == HoldState::Other);
    const CANCELLED: &[&str] = &[
        "cancelled",
        "canceled",
        "cancelado",
        "cancelada",
        "annulé",
        "annulée",
    ];
    words.is_some_and(|words| text_after_beginning(words, CANCELLED).is_some())
}

/// The words after the state may be relative to today: `Held (until tomorrow)`.
fn complete_hold(hold: &mut Hold, row: &Row<'_>, _: &ReadContext<'_>) -> Result<(), Failure> {
    if hold.state == HoldState::Other && ACTIVE.is_in(row.element) {
        hold.state = HoldState::Waiting;
    }
    // Nothing is left to say where a class told the state.
    let is_told = matches!(hold.state, HoldState::Waiting | HoldState::Ready);
    if is_told && hold.note == row.value(Field::State) {
        hold.note = None;
    }
    let says_more = hold.state == HoldState::Other
        || (hold.state == HoldState::Ready && hold.pickup_by.is_none());
    if says_more {
        let words = row.value(Field::State).unwrap_or_default();
        hold.note = match row.value(Field::Until) {
            // The day has an element of its own.
            Some(day) if !day.starts_with(&words) => Some(format!("{words} {day}")),
            None => hold.note.take(),
            day => day,
        };
    }
    Ok(())
}
