//! The description of the account's pages.

use std::sync::LazyLock;

use hippo_browser::Phrase::{self, Anywhere, Beginning, Script};
use hippo_browser::reading::{
    Css, WORDS_NEGATING_READY_AFTER, WORDS_NEGATING_READY_BEFORE, parse_page,
};
use hippo_core::account::HoldState;
use hippo_core::failure::Failure;
use scraper::ElementRef;

use super::{login, row};
use crate::list_reader::{
    AccountDescription, BlankPage, Column, Count, Fact, Field, ListDescription, PageKind, Part,
    ScriptAnswer, ToldBy,
};

static EXCEPTION: Css = Css::new("#exceptionblock, #exceptionBlock");
static FORM: Css = Css::new(login::FORM);
static SHOWN_FORM: Css = Css::visible(login::FORM);
static SHOWN_LOGOUT: Css = Css::visible("a[href*=logout]");
static TABLE: Css = Css::new(
    "table.checkoutsList, table[id^=myCheckouts_checkoutslist], \
     table.holdsList, table[id^=myHolds_holdslist]",
);
/// Some sites show the lists of a family's other cards; they don't belong to this card.
static GROUP: Css = Css::new("[id*=group i]");

/// The keys of an answer to a script, with the HTML of a list.
pub(super) const FRAGMENTS: &[&str] = &["content", "zones"];

/// The parts of the addresses of the two lists.
pub(super) const LOANS: &str = "librarycheckoutsaccordion";
pub(super) const HOLDS: &str = "libraryholdsaccordion";

/// The words why a loan can't be renewed.
const REFUSAL: &str = ".checkoutsError";
const BOX: &str = "input[type=checkbox]";

/// A header alone in its row is no column's, so that its row can't be a row of headers.
macro_rules! lone_header {
    () => {
        ":not(thead) > tr:has(th:not(:empty)):not(:has(td, th ~ th ~ th))"
    };
}

pub(super) static ACCOUNT: LazyLock<AccountDescription> = LazyLock::new(|| AccountDescription {
    fragments: FRAGMENTS,
    classify: Some(classify),
    loans: vec![ListDescription {
        list: Css::new("table.checkoutsList, table[id^=myCheckouts_checkoutslist]"),
        rows: Css::new(":is(table.checkoutsList, table[id^=myCheckouts_checkoutslist]) > * > tr"),
        entry_rows: Some(Css::new(concat!("tr.checkoutsLine, ", lone_header!()))),
        columns: columns(vec![
            id_after("[id^=checkoutTitleLinkDiv_]", "checkoutTitleLinkDiv_"),
            id_after("[id^=checkoutInitialCover_]", "checkoutInitialCover_"),
            Column::at(Field::Due, ".checkoutsDueDate"),
            Column::at(Field::Renewals, ".checkoutsRenewCount"),
            Column::at_visible(Field::NotRenewable, REFUSAL),
            Column::part_at(Field::NotRenewable, BOX, Part::Read(row::read_disabled)),
            Column::presence(Field::Renewable, BOX),
            Column::at_visible(Field::RenewalReason, REFUSAL),
            Column::at(Field::Note, ".checkoutsRenewed"),
        ]),
        needed: &[Field::Title, Field::Due],
        none: &[
            "no items checked out",
            "no checkouts",
            "you have no items checked out",
            "you have no checkouts",
            "there are no items checked out",
            "there are no checkouts",
            "you do not have any items checked out",
            "you don't have any items checked out",
            "you do not have any checkouts",
            "you don't have any checkouts",
            "no items are checked out",
            "no library checkouts",
            "you have no library checkouts",
        ],
        empty_with: Some(Css::new(".checkoutsDueDateHeader, .checkoutsHeader")),
        complete: row::complete_loan,
        ..table()
    }],
    holds: vec![ListDescription {
        list: Css::new("table.holdsList, table[id^=myHolds_holdslist]"),
        rows: Css::new(":is(table.holdsList, table[id^=myHolds_holdslist]) > * > tr"),
        entry_rows: Some(Css::new(concat!(
            "tr.pickupHoldsLine, tr.holdsLine, ",
            lone_header!()
        ))),
        columns: columns(vec![
            id_after("[id^=holdTitleLinkDiv_]", "holdTitleLinkDiv_"),
            id_after("[id^=holdInitialCover_]", "holdInitialCover_"),
            id_after("[id^=holdItemIdSpan_]", "holdItemIdSpan_"),
            Column::at(Field::State, ".holdsStatus"),
            Column::at(Field::Position, ".holdsRank"),
            Column::at(Field::Expires, ".holdsDate"),
            Column::at(Field::PickupBranch, ".holdsPickup"),
        ]),
        needed: &[Field::Title, Field::State],
        none: &[
            "no holds",
            "no items on hold",
            "you have no holds",
            "you have no items on hold",
            "there are no holds",
            "there are no items on hold",
            "you do not have any holds",
            "you don't have any holds",
            "you do not have any items on hold",
            "you don't have any items on hold",
            "no items are on hold",
            "you have no library holds",
        ],
        empty_with: Some(Css::new("thead .holdsStatus, .holdsHeader")),
        states: &[
            (
                HoldState::Ready,
                &[
                    "pickup by",
                    "pick up by",
                    "ready",
                    "available",
                    "being held",
                    "disponible",
                ],
            ),
            (
                HoldState::Suspended,
                &["suspended", "suspendu", "suspendue", "suspendido"],
            ),
            (
                HoldState::InTransit,
                &["in transit", "in-transit", "en transit", "en tránsito"],
            ),
            (
                HoldState::Waiting,
                &[
                    "pending",
                    "waiting",
                    "queued",
                    "in process",
                    "en attente",
                    "pendiente",
                ],
            ),
        ],
        states_begin: true,
        complete: row::complete_hold,
        ..table()
    }],
    loan_counts: vec![Count(vec![Fact::beside(&["total items checked out"])])],
    messages: Some(Css::visible(".accountMessage")),
    ..AccountDescription::default()
});

/// What both lists have in common.
fn table<E>() -> ListDescription<E> {
    ListDescription {
        told_by: vec![ToldBy::Test(is_own)],
        takes_first_date: true,
        header_row: Some(Css::new("thead > *, tr.checkoutsHeader, tr.holdsHeader")),
        blank_page: Some(BlankPage {
            // The link to the work, a checkbox, a row of cells.
            entry: Css::new("a.hideIE, input[type=checkbox], td ~ td"),
            elsewhere: Css::new("[id*=group i], [id*=digital i], [id*=overdrive i]"),
        }),
        ..ListDescription::table()
    }
}

/// Adds the columns that both lists have. A title has no link if the item has no record, as one that another library
/// lends. The patron may have opened the record's details in the list.
fn columns(mut columns: Vec<Column>) -> Vec<Column> {
    let cell = "[id^=checkoutTitleLinkDiv_], [id^=holdTitleLinkDiv_], .no_image_text";
    let without_details = Part::Without(Css::new(".detailPanel"));
    columns.extend([
        Column::at(Field::Title, "a.hideIE"),
        Column::part_at(Field::Title, cell, without_details),
        Column::read(Field::Author, row::read_author),
    ]);
    columns
}

/// The item's own number, with which an id in its row ends.
fn id_after(css: &'static str, beginning: &'static str) -> Column {
    Column::part_at(Field::Id, css, Part::AttributeAfter("id", beginning))
}

fn is_own(table: ElementRef<'_>) -> bool {
    !GROUP.matches(table) && GROUP.closest_around(table).is_none()
}

/// Tells what a page is. A logged-in patron's page may have the login form, too, hidden until a dialog shows it.
fn classify(root: ElementRef<'_>) -> PageKind {
    if EXCEPTION.is_in(root) {
        return PageKind::Broken;
    }
    let has_addresses = has_list_addresses(root);
    let is_patrons = || has_addresses || TABLE.is_in(root) || SHOWN_LOGOUT.is_in(root);
    if SHOWN_FORM.is_in(root) || (FORM.is_in(root) && !is_patrons()) {
        return login::failure_of_form(root).map_or(PageKind::Login, PageKind::Failed);
    }
    if has_addresses || TABLE.all(root).any(is_own) {
        PageKind::Account
    } else {
        PageKind::Unknown
    }
}

/// Tells what a response to the login is that redirects nowhere. Only a login form, or the fragment that a script puts
/// in its place, can be about the number and PIN.
pub(super) fn classify_login_answer(answer: &ScriptAnswer<'_>) -> Result<PageKind, Failure> {
    let page = parse_page(&answer.html)?;
    let root = page.root_element();
    let kind = classify(root);
    if !answer.is_fragment || !matches!(kind, PageKind::Account | PageKind::Unknown) {
        return Ok(kind);
    }
    Ok(login::failure_of_fragment(root).map_or(kind, PageKind::Failed))
}

/// Whether an account page contains the addresses of its lists.
fn has_list_addresses(root: ElementRef<'_>) -> bool {
    let has = |text: &str| {
        let lower = text.to_ascii_lowercase();
        lower.contains(LOANS) || lower.contains(HOLDS)
    };
    root.descendants().any(|node| match node.value() {
        scraper::Node::Text(text) => has(text),
        scraper::Node::Element(element) => element.attrs().any(|(_, value)| has(value)),
        _ => false,
    })
}

pub(super) static OTHER_PHRASES: LazyLock<Vec<Phrase>> = LazyLock::new(|| {
    let anywhere: [&[&'static str]; 7] = [
        &["you currently have", "currently", "at this time"],
        &login::SESSION_PHRASES,
        &login::LOGIN_PHRASES,
        &login::BLOCKABLE,
        &login::NEW_PIN,
        &row::REMAINING,
        &row::UNTIL,
    ];
    let scripts = "__sdcsrf RedirectAfterLogin Tapestry init linkZone accordionCheckouts accordionHolds \
                   accountZones librarycheckoutsZone libraryholdsZone";
    let negating = WORDS_NEGATING_READY_BEFORE
        .into_iter()
        .chain(WORDS_NEGATING_READY_AFTER);
    let words = anywhere.concat().into_iter().chain(negating).map(Anywhere);
    let beginnings = row::NUMBER_LABELS.map(Beginning);
    let scripts = scripts.split_whitespace().map(Script);
    words.chain(beginnings).chain(scripts).collect()
});
