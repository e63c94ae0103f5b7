//! The description of the state that pages have as JSON. The names are the site's.

use hippo_browser::Phrase::{self, Whole};
use hippo_browser::ReadContext;
use hippo_core::account::{Hold, HoldState, Loan};
use hippo_core::failure::Failure;
use url::Url;

use super::login;
use crate::json_reader::{
    CardsDescription, DemandDescription, EntriesDescription, JsonObject, PagedListDescription,
    StateDescription, TotalsDescription, make_readable, state_phrases,
};
use crate::links::below;
use crate::list_reader::Field;

/// The page of the loans; it also states the totals of the whole account.
pub(super) const LOANS_PATH: &str = "/v2/checkedout";

pub(super) static STATE: StateDescription = StateDescription {
    script: &[("data-iso-key", "_0"), ("type", "application/json")],
    // Out of some 250 KB.
    parts: &[
        "app.currentURL",
        "auth",
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
    ],
    references: &[
        ("currentUserId", "entities.users"),
        // The library's record of a work. One of another library isn't in the state.
        ("metadataId", "entities.bibs"),
    ],
    needed: &["borrowing", "entities"],
    address: "app.currentURL",
    number_parameter: "page",
    user: "auth.currentUserId",
    cards: CardsDescription {
        user_card_ids: "auth.currentUserId.accounts",
        cards: "entities.accounts",
        library: "library.id",
        card_library: "libId",
        number: "barcode",
        expires: "expiryDate",
    },
    loans: PagedListDescription {
        address: LOANS_PATH,
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
    },
    holds: PagedListDescription {
        address: "/v2/holds",
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
    },
    totals: TotalsDescription {
        // Those of the fines of the page's head, and those of the page itself.
        places: &["borrowing.fines.summaries", "borrowing.borrowing.summaries"],
        loans: "checkedout.total",
        holds: "holds.totalOperative",
        holds_by_state: "holds.status",
        // `totalAccrued`, what overdue items would cost if they were returned today, is not owed yet.
        owed: "fines.totalFines",
        credit: "fines.totalCredits",
    },
    // No recorded page has any.
    messages: &["entities.messages", "entities.systemMessages"],
    message_texts: login::MESSAGE_TEXTS,
    outages: &["errors.libraryError", "borrowing.holds.holdError"],
    login: &login::LOGIN,
    login_errors: &login::ERRORS,
    login_error: "auth.loginError",
    // On these pages, a patron chooses a user name and agrees to the terms at the first login.
    demand: DemandDescription {
        path: "/user/registration",
        is_shown: login::is_setup,
        detail: "the site asks the patron to set up the account first: choose a user name and agree to its terms",
    },
};

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
    // The field may be left over from a suspension that is over.
    let is_suspended = hold.state == HoldState::Suspended;
    hold.suspended_until = hold.suspended_until.filter(|_| is_suspended);
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

/// Lists what a recording for a bug report keeps: codes, the words of the login form, and the parts of the site's
/// addresses.
pub(super) fn phrases() -> Vec<Phrase> {
    let mut phrases = state_phrases(&STATE);
    phrases.extend(USUAL.into_iter().chain(OTHER_CODES).map(Whole));
    phrases.extend(ADDRESSES.into_iter().flat_map(Phrase::parts_of_address));
    phrases
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

const ADDRESSES: [&str; 5] = [
    "/v2/record",
    "/v2/checkedout/out/overdue/coming_due",
    "/v2/holds/ready_for_pickup/in_transit/not_yet_available/suspended/expired/cancelled",
    "/user_dashboard/dashboard/fines",
    "/registration?page",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the path in the state of what a path leads to through an id.
    fn resolve(path: &str) -> String {
        let path = format!(".{path}");
        let referred = STATE.references.iter().find_map(|(id, records)| {
            let (_, rest) = path.split_once(&format!(".{id}."))?;
            Some(format!("{records}.*.{rest}"))
        });
        referred.unwrap_or_else(|| path.trim_start_matches('.').to_owned())
    }

    /// Whether a part of the state has this path. In a part, `*` is any name.
    fn is_in_parts(path: &str) -> bool {
        STATE.parts.iter().any(|part| {
            let mut names = path.split('.');
            let mut known = part.split('.');
            known.all(|known| {
                names
                    .next()
                    .is_some_and(|name| known == "*" || known == name)
            })
        })
    }

    /// What no part has would count as unknown, in silence.
    #[test]
    fn parts_have_every_path_that_is_read() {
        let mut paths: Vec<String> = Vec::new();
        let (loans, holds) = (&STATE.loans, &STATE.holds);
        for (list, fields) in [
            (loans.entries.list, loans.entries.fields),
            (holds.entries.list, holds.entries.fields),
        ] {
            let has_id = |field: &str| resolve(field) != field;
            let path = |(_, field): &(Field, &str)| match has_id(field) {
                true => resolve(field),
                false => format!("{list}.*.{field}"),
            };
            paths.extend(fields.iter().map(path));
        }
        for (page, names) in [
            (
                loans.page,
                [loans.ids, loans.count, loans.number, loans.limit],
            ),
            (
                holds.page,
                [holds.ids, holds.count, holds.number, holds.limit],
            ),
        ] {
            paths.extend(names.map(|name| format!("{page}.{name}")));
        }
        let cards = &STATE.cards;
        let card = [cards.card_library, cards.number, cards.expires];
        paths.extend(card.map(|name| format!("{}.*.{name}", cards.cards)));
        let totals = &STATE.totals;
        let sums = [
            totals.loans,
            totals.holds,
            totals.holds_by_state,
            totals.owed,
            totals.credit,
        ];
        for place in totals.places {
            paths.extend(sums.map(|name| format!("{place}.{name}")));
        }
        let others = [
            STATE.address,
            STATE.user,
            STATE.login_error,
            cards.user_card_ids,
            cards.library,
        ];
        let others = others.iter().chain(STATE.messages).chain(STATE.outages);
        paths.extend(others.map(|path| resolve(path)));
        for path in paths {
            assert!(is_in_parts(&path), "{path} is in no part of the state");
        }
        assert!(!is_in_parts("entities.bibs.*.briefInfo.edition"));
    }
}
