//! The description of the account's pages.

use std::sync::LazyLock;

use hippo_browser::Phrase::{self, Anywhere, Beginning, Script};
use hippo_browser::reading::{Css, Element};
use hippo_core::account::HoldState;

use super::row::{self, mark_remaining};
use crate::list_reader::Part::Read;
use crate::list_reader::{
    AccountDescription, BlankPage, Column, Count, Fact, Field, ListDescription, ListMark, OF_WORDS,
    OTHER_HOLD_STATES, Part,
};

/// A list of this card. Some sites show the lists of a family's other cards, too.
static OWN_LIST: Css = Css::new(
    "table:is(.checkoutsList, [id^=myCheckouts_checkoutslist], .holdsList, [id^=myHolds_holdslist])\
     :not([id*=group i], [id*=group i] *)",
);

/// The keys of an answer to a script, with the HTML of a list.
pub(super) const FRAGMENTS: &[&str] = &["content", "zones"];

/// The count of a loan's renewals, and its header.
const RENEWALS: &str = ".checkoutsRenewCount, .checkoutsRenewCountHeader";
/// The words why a loan can't be renewed.
const REFUSAL: &str = ".checkoutsError";

pub(super) static ACCOUNT: LazyLock<AccountDescription> = LazyLock::new(|| AccountDescription {
    fragments: FRAGMENTS,
    account_marker: Css::visible("a[href*='/client/'][href*=logout]"),
    has_account,
    error_page_marker: Css::new("#exceptionblock, #exceptionBlock"),
    loans: vec![ListDescription {
        list: Css::new("table.checkoutsList, table[id^=myCheckouts_checkoutslist]"),
        rows: Css::new(":is(table.checkoutsList, table[id^=myCheckouts_checkoutslist]) > * > tr"),
        columns: columns(vec![
            Column::at(Field::Due, ".checkoutsDueDate"),
            Column::at(Field::Renewals, RENEWALS),
            Column::in_headers(Field::RemainingRenewals, RENEWALS, Read(mark_remaining)),
            Column::part_at(Field::RemainingRenewals, RENEWALS, Read(mark_remaining)),
            Column::at_visible(Field::NotRenewable, REFUSAL),
            Column::presence(Field::NotRenewable, "input[type=checkbox][disabled]"),
            Column::presence(Field::Renewable, "input[type=checkbox]"),
            Column::at_visible(Field::RenewalReason, REFUSAL),
            Column::at(Field::Note, ".checkoutsRenewed"),
        ]),
        needed: &[Field::Title, Field::Due],
        none: &[
            "no items checked out",
            "no checkouts",
            "no items are checked out",
            "no library checkouts",
        ],
        empty_with: Some(Css::new(".checkoutsDueDateHeader, .checkoutsHeader")),
        ..table()
    }],
    holds: vec![ListDescription {
        list: Css::new("table.holdsList, table[id^=myHolds_holdslist]"),
        rows: Css::new(":is(table.holdsList, table[id^=myHolds_holdslist]) > * > tr"),
        columns: columns(vec![
            Column::at(Field::State, ".holdsStatus"),
            Column::presence(
                Field::Ready,
                "input.readyHoldsCheckbox, .holdsAlert img[src$='green!.png']",
            ),
            Column::at(Field::Until, ".holdsStatus"),
            Column::at(Field::Position, ".holdsRank"),
            Column::part_at(Field::QueueLength, ".holdsRank", Part::After(OF_WORDS)),
            Column::at(Field::Expires, ".holdsDate"),
            Column::at(Field::PickupBranch, ".holdsPickup"),
        ]),
        needed: &[Field::Title, Field::State],
        none: &[
            "no holds",
            "no items on hold",
            "no items are on hold",
            "no library holds",
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
            (HoldState::Suspended, &["suspended"]),
            (HoldState::InTransit, &["in transit", "in-transit"]),
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
        other_states: OTHER_HOLD_STATES,
        states_begin: true,
        complete: |hold, _, _| {
            // The rank of any other hold is meaningless.
            if !matches!(hold.state, HoldState::Waiting | HoldState::Suspended) {
                (hold.position, hold.queue_length) = (None, None);
            }
            Ok(())
        },
        ..table()
    }],
    loan_counts: vec![Count(vec![Fact::beside(&["total items checked out"])])],
    messages: Some(Css::visible(".accountMessage")),
    ..AccountDescription::default()
});

/// What both lists have in common.
fn table<E>() -> ListDescription<E> {
    ListDescription {
        identified_by: vec![ListMark::Test(|table| OWN_LIST.matches(table))],
        entry_rows: Some(Css::new(
            "tr.checkoutsLine, tr.pickupHoldsLine, tr.holdsLine",
        )),
        // A header alone in its row is no column's, so that its row is no row of headers.
        worded_entry_rows: Some(Css::new(
            ":not(thead) > tr:has(th):not(:has(td, th ~ th ~ th))",
        )),
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
    let title = "[id^=checkoutTitleLinkDiv_], [id^=holdTitleLinkDiv_], .no_image_text";
    let number = "[id^=checkoutTitleLinkDiv_], [id^=holdTitleLinkDiv_], \
                  [id^=checkoutInitialCover_], [id^=holdInitialCover_]";
    // The oldest pages have a link of another class, or none, beside the panel.
    let oldest = ":is(.checkoutsBookInfo, .holdsID) > div:has(> .detailPanel)";
    let author = ":is(.checkouts_author, .holds_author):not(.authBreak)";
    let without_details = || Part::Without(Css::new(".detailPanel"));
    columns.extend([
        Column::part_at(Field::Id, number, Part::Read(row::read_number)),
        Column::at(Field::Title, "a.hideIE"),
        Column::part_at(Field::Title, title, without_details()),
        Column::part_at(Field::Title, oldest, without_details()),
        Column::at(Field::Author, author),
        Column::part_at(Field::Author, ".authBreak", Part::Read(row::read_author)),
    ]);
    columns
}

/// Whether a page has a list, or the addresses from which its script fetches the lists.
fn has_account(root: Element<'_>) -> bool {
    let names_list = |text: &str| {
        let text = text.to_ascii_lowercase();
        let lists = ["librarycheckoutsaccordion", "libraryholdsaccordion"];
        lists.iter().any(|list| text.contains(list))
    };
    let has_value = |element: Element<'_>| {
        let mut attributes = element.value().attrs();
        attributes.any(|(_, value)| names_list(value))
    };
    OWN_LIST.is_in(root) || root.text().any(names_list) || root.elements().any(has_value)
}

pub(super) static OTHER_PHRASES: LazyLock<Vec<Phrase>> = LazyLock::new(|| {
    let scripts = "__sdcsrf RedirectAfterLogin Tapestry init linkZone accordionCheckouts accordionHolds \
                   accountZones librarycheckoutsZone libraryholdsZone";
    let words = row::REMAINING.into_iter().map(Anywhere);
    let phrases = words.chain(row::NUMBER_LABELS.map(Beginning));
    phrases
        .chain(scripts.split_whitespace().map(Script))
        .collect()
});
