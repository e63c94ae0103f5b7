//! The description of the state that pages have as JSON. The names are the site's.

use hippo_browser::Phrase::{self, Anywhere, Whole};
use hippo_browser::ReadContext;
use hippo_core::account::{Hold, HoldState, Loan};
use hippo_core::failure::Failure;
use url::Url;

use super::login;
use crate::json_reader::{
    EntriesDescription, JsonObject, PagedListDescription, Path, References, make_readable,
};
use crate::links::below;
use crate::list_reader::Field;

/// The page of the loans; it also states the totals of the whole account.
pub(super) const LOANS_PATH: &str = "/v2/checkedout";

/// The attributes of the script with the state.
pub(super) const SCRIPT: &[(&str, &str)] = &[("data-iso-key", "_0"), ("type", "application/json")];

/// What is read of a state, out of some 250 KB.
pub(super) const PARTS: &[Path] = &[
    "app.currentURL",
    "auth.currentUserId",
    "auth.loginError",
    "library.id",
    "errors.libraryError",
    "borrowing.*.summaries",
    "borrowing.*.items",
    "borrowing.*.pagination",
    "borrowing.holds.holdError",
    "entities.users.*.accounts",
    "entities.accounts.*.barcode",
    "entities.accounts.*.libId",
    "entities.accounts.*.expiryDate",
    "entities.checkouts",
    "entities.holds",
    "entities.bibs.*.briefInfo.title",
    "entities.bibs.*.briefInfo.subtitle",
    "entities.bibs.*.briefInfo.authors",
    "entities.bibs.*.briefInfo.format",
    "entities.bibs.*.availability.heldCopies",
    "entities.messages",
    "entities.systemMessages",
    "localization.messages.FORMAT*",
];

/// The library's record of a work. One of another library isn't in the state.
pub(super) const REFERENCES: References = &[("metadataId", "entities.bibs")];

pub(super) static LOANS: PagedListDescription<Loan> = PagedListDescription {
    page: "borrowing.checkedout",
    ids: "items",
    count: "pagination.count",
    number: "pagination.page",
    limit: "pagination.limit",
    pages: "pagination.pages",
    entries: EntriesDescription {
        list: "entities.checkouts",
        fields: &[
            (Field::Title, "metadataId.briefInfo.title"),
            (Field::Title, "bibTitle"),
            (Field::Subtitle, "metadataId.briefInfo.subtitle"),
            // The site names the others only on the item's page.
            (Field::Author, "metadataId.briefInfo.authors"),
            (Field::Due, "dueDate"),
            (Field::Renewals, "timesRenewed"),
            (Field::Format, "metadataId.briefInfo.format"),
            (Field::Note, "volume"),
        ],
        ignored: None,
        states: &[],
        complete: complete_loan,
    },
};

pub(super) static HOLDS: PagedListDescription<Hold> = PagedListDescription {
    page: "borrowing.holds",
    ids: "items",
    count: "pagination.count",
    number: "pagination.page",
    limit: "pagination.limit",
    pages: "pagination.pages",
    entries: EntriesDescription {
        list: "entities.holds",
        fields: &[
            (Field::Title, "metadataId.briefInfo.title"),
            (Field::Title, "bibTitle"),
            (Field::Subtitle, "metadataId.briefInfo.subtitle"),
            (Field::Author, "metadataId.briefInfo.authors"),
            (Field::State, "status"),
            (Field::Position, "holdsPosition"),
            (Field::QueueLength, "metadataId.availability.heldCopies"),
            (Field::PickupBy, "pickupByDate"),
            (Field::SuspendedUntil, "suspendEndDate"),
            (Field::Expires, "expiryDate"),
            (Field::PickupBranch, "pickupLocation.name"),
        ],
        ignored: None,
        states: &[
            (HoldState::Ready, &["READY_FOR_PICKUP"]),
            (HoldState::InTransit, &["IN_TRANSIT"]),
            (HoldState::Waiting, &["NOT_YET_AVAILABLE"]),
            (HoldState::Suspended, &["SUSPENDED"]),
        ],
        complete: complete_hold,
    },
};

/// Returns the states of holds that have a page of their own on every site.
pub(super) fn hold_states() -> Vec<&'static str> {
    let states = HOLDS.entries.states.iter();
    states.flat_map(|(_, codes)| *codes).copied().collect()
}

/// The statuses of a loan about which there is nothing to say.
const USUAL: [&str; 3] = ["OUT", "COMING_DUE", "OVERDUE"];

fn complete_loan(
    loan: &mut Loan,
    entry: JsonObject<'_>,
    context: &ReadContext<'_>,
) -> Result<Option<String>, Failure> {
    if entry.text("dueDate")?.is_none_or(|date| date.is_empty()) {
        return Err(Failure::page_changed("a loan without dueDate"));
    }
    loan.digital = is_digital(entry)?;
    let actions = entry.texts("actions")?;
    loan.renewable = actions.map(|actions| actions.iter().any(|action| action == "renew"));
    if let Some(code) = &loan.format {
        let name = format!("FORMAT.{}", code.to_ascii_lowercase());
        let name = entry.root().words_at("localization.messages", &name)?;
        loan.format = name.or_else(|| loan.format.take());
    }
    let status = entry.words("status")?;
    let status = status.filter(|status| !USUAL.contains(&status.as_str()));
    // A digital item's volume is its edition: “Unabridged”.
    let volume = loan.note.take().filter(|_| !loan.digital);
    let status = status.map(|status| make_readable(&status));
    let notes: Vec<String> = status.into_iter().chain(volume).collect();
    loan.note = (!notes.is_empty()).then(|| notes.join("; "));
    loan.url = record_url(entry, context)?;
    Ok(None)
}

fn complete_hold(
    hold: &mut Hold,
    entry: JsonObject<'_>,
    context: &ReadContext<'_>,
) -> Result<Option<String>, Failure> {
    hold.digital = is_digital(entry)?;
    let position = hold.position.unwrap_or(1);
    hold.queue_length = hold.queue_length.filter(|length| *length >= position);
    hold.url = record_url(entry, context)?;
    Ok(None)
}

/// Whether it is returned automatically; an unknown kind counts as a physical item.
fn is_digital(entry: JsonObject<'_>) -> Result<bool, Failure> {
    let kind = entry.text("materialType")?;
    kind.map(|kind| kind == "DIGITAL")
        .ok_or_else(|| Failure::page_changed("an entry without materialType"))
}

fn record_url(entry: JsonObject<'_>, context: &ReadContext<'_>) -> Result<Option<String>, Failure> {
    let id = entry.text("metadataId")?.unwrap_or_default();
    let is_plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let url = below(context.base_url, &format!("v2/record/{id}"));
    let is_web = |url: &Url| matches!(url.scheme(), "http" | "https");
    Ok(url.filter(|url| is_plain && is_web(url)).map(String::from))
}

/// Lists what a recording for a bug report keeps: the codes of the lists, the parts of the site's addresses, and the
/// words that distinguish a refusal from an outage.
pub(super) fn phrases() -> Vec<Phrase> {
    let codes = hold_states().into_iter().chain(USUAL).chain(OTHER_CODES);
    let words = login::words().chain(OTHER_WORDS);
    let addresses = ADDRESSES.into_iter().flat_map(Phrase::parts_of_address);
    let texts = codes.map(Whole).chain(words.map(Anywhere));
    texts.chain(addresses).collect()
}

const OTHER_CODES: [&str; 11] = [
    "EXPIRED",
    "CANCELLED",
    "CLAIMED_RETURNED",
    "DIGITAL",
    "PHYSICAL",
    "renew",
    "checkIn",
    "cancel",
    "updateSuspend",
    "error",
    "submit",
];

/// What the stems and the parts of words are in whole words.
const OTHER_WORDS: [&str; 8] = [
    "went wrong",
    "not recognized",
    "not recognised",
    "don't match",
    "doesn't match",
    "don't recognize",
    "don't know",
    "account setup",
];

const ADDRESSES: [&str; 5] = [
    "/v2/record",
    "/v2/checkedout/out/overdue/coming_due",
    "/v2/holds/ready_for_pickup/in_transit/not_yet_available/suspended/expired/cancelled",
    "/user_dashboard/dashboard/fines",
    "/registration?page",
];
