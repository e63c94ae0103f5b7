//! The description of the portal's pages.

use std::sync::LazyLock;

use hippo_browser::Phrase::{self, Beginning};
use hippo_browser::ReadContext;
use hippo_browser::reading::{Css, Element, non_empty_text};
use hippo_core::account::{Hold, HoldState, Loan};
use hippo_core::failure::Failure;

use super::title::{
    AUTHOR_WORDS, read_barcode, read_link, read_marked_name, read_name, read_record_number,
    read_request_id, read_title,
};
use crate::list_reader::{
    AccountDescription, Column, Count, Fact, Field, ListDescription, ListMark, LoginDescription,
    NO_LOANS, Part, Row, own_rows,
};

/// A link that sorts a list, in its header.
const TITLE_HEADER: &str = "a[href*='sortby='][href*='title']";
const TITLE_WORDS: &[&str] = &["title", "requested title"];

/// The words before the branch where a hold is picked up.
const PICKUP_WORDS: &[&str] = &["pickup location", "pick up location", "pickup at"];

/// What a cell of the headers has.
const HEADER: &str = "a.boldWhiteFont2, a[href*='sortby='], input[name=renewall]";

/// The link of a title. Red links are remarks.
const TITLE: &str = "a.mediumBoldAnchor";

/// The texts outside of the lists.
const TEXTS: &str = "a.normalBlackFont1, a.normalBlackFont2, a.boldBlackFont1, a.boldRedFont1";

/// The box beside a loan that can be renewed.
const RENEWAL_BOX: &str = "input[name=renewitemkeys]";

static BOX: Css = Css::new("input");
static CELL: Css = Css::new("td");
static TITLE_LINK: Css = Css::new(TITLE);

pub(super) static LOGIN: LazyLock<LoginDescription> = LazyLock::new(|| LoginDescription {
    form: Css::new("input[name=sec1]"),
    number: &["sec1"],
    pin: &["sec2"],
    messages: Css::new(
        "a.boldRedFont1, a.boldRedFont2, a.normalBlackFont1, a.boldBlackFont1, font, .error",
    ),
    refused: &[
        "login is not successful",
        "unable to validate",
        "unable to log you on",
        "not a valid",
        "is invalid",
        "is incorrect",
    ],
    blocked: &[
        "card has expired",
        "card is expired",
        "card is blocked",
        "account is blocked",
        "borrower is blocked",
    ],
    outages: &["server is down", "not available at this time"],
    ..LoginDescription::default()
});

pub(super) static ACCOUNT: LazyLock<AccountDescription> = LazyLock::new(|| AccountDescription {
    account_marker: Css::new(
        "a[href*='&logout=true'], a[href*='%26logout%3Dtrue'], a.navBarCurrent[href*='submenu=']",
    ),
    loans: vec![ListDescription {
        identified_by: vec![
            ListMark::HeaderWith(Css::new(
                "a[href*='submenu=itemsout'][href*='sortby='], input[name=renewall]",
            )),
            ListMark::Test(|table| has_boxes(table, "renewitemkeys")),
        ],
        header_row: Some(Css::new(HEADER)),
        columns: loan_columns(),
        needed: &[Field::Title, Field::Due],
        none: NO_LOANS,
        none_at: Some(Css::new(TEXTS)),
        complete: complete_loan,
        ..ListDescription::table()
    }],
    holds: vec![
        holds(
            "a[href*='ready_sortby=']",
            |table| has_boxes(table, "readyholdselected"),
            complete_ready_hold,
            &[],
        ),
        holds(
            "a[href*='submenu=holds'][href*='&sortby=']",
            |table| has_boxes(table, "waitingholdselected"),
            complete_waiting_hold,
            &[
                "no hold requests",
                "no holds at this time",
                "no current holds",
                "no items on hold",
                "no outstanding requests",
                "no requests at this time",
                "currently have no holds",
                "no requests for you",
                "not have any holds",
                "not have any hold requests",
                "not have any requests",
            ],
        ),
    ],
    loan_counts: vec![Count(vec![Fact::after(
        "a.normalBlackFont2",
        &["checked out", "items out"],
    )])],
    fines: vec![Fact::after(
        TEXTS,
        &[
            "total owed",
            "total amount owed",
            "total balance",
            "total fines",
            "amount owed",
            "balance owed",
            "fines owed",
        ],
    )],
    ..AccountDescription::default()
});

pub(super) const ADDRESSES: &[&str] = &[
    "ipac20/ipac.jsp?menu=account&submenu=overview&logout=true",
    "ipac20/ipac.jsp?menu=account&submenu=itemsout&sortby=title",
    "ipac20/ipac.jsp?menu=account&submenu=holds&ready_sortby=sorttitle",
    "ipac20/ipac.jsp?menu=account&submenu=blocks&uri=",
    "?sortby=disptitle&sortby=duedate&sortby=rawduedate",
    "?sortby=ckodate&sortby=rawckodate&sortby=numrenewals",
];

pub(super) const OTHER_PHRASES: &[Phrase] = &[
    Beginning("author"),
    Beginning("barcode"),
    Beginning("item"),
    Phrase::Count("of"),
];

/// Whether a row of the table itself has a box of this name. A table around it has its rows further inside.
fn has_boxes(table: Element<'_>, name: &str) -> bool {
    let cells = own_rows(table).flat_map(|row| row.child_elements());
    let mut inside = cells.flat_map(|cell| cell.child_elements());
    inside.any(|element| element.attr("name") == Some(name))
}

/// The columns of what a title cell says.
fn title_columns() -> Vec<Column> {
    let mut columns = vec![
        Column::at(Field::Title, TITLE),
        Column::part_at(Field::Link, TITLE, Part::Read(read_link)),
    ];
    let parts: [(Field, fn() -> Part); 5] = [
        (Field::Title, || Part::Read(read_title)),
        (Field::Author, || Part::LineBeginning(AUTHOR_WORDS)),
        (Field::Author, || Part::Read(read_name)),
        (Field::Id, || Part::Read(read_barcode)),
        (Field::PickupBranch, || Part::LineBeginning(PICKUP_WORDS)),
    ];
    for (field, part) in parts {
        columns.push(Column::below_element(field, TITLE_HEADER, part()));
        columns.push(Column::part_below(field, TITLE_WORDS, part()));
    }
    columns.extend([
        Column::part_at(Field::Id, TITLE, Part::Read(read_record_number)),
        Column::part_at(
            Field::Format,
            "img[src*='icon'][alt]",
            Part::Attribute("alt"),
        ),
    ]);
    columns
}

fn loan_columns() -> Vec<Column> {
    let mut columns = title_columns();
    columns.extend([
        Column::below_element(
            Field::Due,
            "a[href*='sortby='][href*='duedate']",
            Part::Text,
        ),
        Column::below(Field::Due, &["due date", "due"]),
        Column::below_element(
            Field::Renewals,
            "a[href*='sortby='][href*='renewals']",
            Part::Text,
        ),
        Column::below(Field::Renewals, &["times renewed", "renewed"]),
        Column::part_at(Field::Id, RENEWAL_BOX, Part::Attribute("value")),
        Column::presence(Field::NotRenewable, "input[name=renewitemkeys][disabled]"),
        Column::presence(Field::Renewable, RENEWAL_BOX),
        Column::below_element(Field::Renewal, "input[name=renewall]", Part::Text),
    ]);
    columns
}

/// In place of a box to renew the loan, there may be a reason.
fn complete_loan(loan: &mut Loan, row: &Row<'_>, _: &ReadContext<'_>) -> Result<(), Failure> {
    let boxes = row.element_of(Field::Renewal);
    let has_another_box = boxes.is_some_and(|cell| BOX.is_in(cell));
    if loan.renewable.is_some() || has_another_box {
        return Ok(());
    }
    let first = CELL.first(row.element);
    let first = first.filter(|cell| !TITLE_LINK.is_in(*cell));
    let reason = first.and_then(non_empty_text);
    if reason.is_some() || boxes.is_some() {
        loan.renewable = Some(false);
        loan.renewable_reason = reason;
    }
    Ok(())
}

/// A list of holds. None is known from a page: the columns are those that other programs read.
fn holds(
    header: &'static str,
    has_boxes: fn(Element<'_>) -> bool,
    complete: fn(&mut Hold, &Row<'_>, &ReadContext<'_>) -> Result<(), Failure>,
    none: &'static [&'static str],
) -> ListDescription<Hold> {
    let mut columns = vec![Column::part_at(
        Field::Id,
        "input[name$='holdselected']",
        Part::Read(read_request_id),
    )];
    columns.extend(title_columns());
    let name = || Part::Read(read_marked_name);
    columns.extend([
        Column::below_element(Field::Author, TITLE_HEADER, name()),
        Column::part_below(Field::Author, TITLE_WORDS, name()),
        Column::below(Field::PickupBranch, PICKUP_WORDS),
        Column::below(Field::PickupBranch, &["location"]),
        Column::below(
            Field::Expires,
            &[
                "expires",
                "expiration date",
                "expiration",
                "pick up by",
                "pickup by",
                "available until",
            ],
        ),
        Column::below(Field::State, &["status"]),
        Column::below(Field::Position, &["position", "queue position"]),
        Column::part_below(Field::QueueLength, &["position"], Part::After(&["of"])),
        Column::below(
            Field::SuspendedUntil,
            &["reactivate", "reactivation date", "suspended until"],
        ),
    ]);
    ListDescription {
        identified_by: vec![
            ListMark::HeaderWith(Css::new(header)),
            ListMark::Test(has_boxes),
        ],
        header_row: Some(Css::new(HEADER)),
        columns,
        needed: &[Field::Title],
        none,
        none_at: (!none.is_empty()).then(|| Css::new(TEXTS)),
        states: &[
            (HoldState::Other, &["cancelled", "canceled", "expired"]),
            (HoldState::Suspended, &["suspended", "inactive", "frozen"]),
            (HoldState::InTransit, &["in transit", "transit", "shipped"]),
            (HoldState::Ready, &["ready", "on hold shelf", "=available"]),
            (
                HoldState::Waiting,
                &["active", "waiting", "pending", "requested", "in process"],
            ),
        ],
        complete,
        ..ListDescription::table()
    }
}

/// The list's last day is the last to pick the hold up.
fn complete_ready_hold(hold: &mut Hold, _: &Row<'_>, _: &ReadContext<'_>) -> Result<(), Failure> {
    hold.state = HoldState::Ready;
    hold.pickup_by = hold.expires.take();
    Ok(())
}

/// In a list without a column for the state, every hold waits.
fn complete_waiting_hold(
    hold: &mut Hold,
    row: &Row<'_>,
    _: &ReadContext<'_>,
) -> Result<(), Failure> {
    if row.element_of(Field::State).is_none() {
        hold.state = HoldState::Waiting;
    } else if hold.state == HoldState::Other {
        hold.note = row.value(Field::State);
    }
    // The day may be over: the site still prints it beside the state of a hold that is active again.
    let active = row
        .value(Field::State)
        .filter(|_| hold.state == HoldState::Waiting);
    let day = row
        .value(Field::SuspendedUntil)
        .filter(|_| hold.suspended_until.is_some());
    match (active, day) {
        (Some(words), Some(day)) => {
            hold.suspended_until = None;
            hold.note = Some(format!("{words}, {day}"));
        }
        // Nothing that is on its shelf, or on its way there, is suspended.
        (None, Some(_)) if matches!(hold.state, HoldState::Ready | HoldState::InTransit) => {
            hold.suspended_until = None;
        }
        (None, Some(_)) => hold.state = HoldState::Suspended,
        _ => {}
    }
    Ok(())
}
