//! The description of the interface's answers.

use hippo_browser::Phrase::{self, Whole};
use hippo_core::account::{Hold, HoldState, Loan};
use hippo_core::failure::{Failure, FailureKind};

use crate::json_reader::{
    BillsDescription, Codes, EntriesDescription, JsonObject, LoginAnswer, RecordDescription,
    Refusal, RefusalsDescription,
};
use crate::list_reader::Field;

/// A member of a group sees the other members' records, too (`groupSettings`). They are other cards' and aren't read.
pub(super) static PATRON: RecordDescription = RecordDescription {
    kind: ("resource", "/user/patron"),
    key: "key",
    entry_key: "key",
    entry_owner: "fields.patron.key",
    loans: EntriesDescription {
        list: "fields.circRecordList",
        fields: &[
            (Field::Title, "fields.item.fields.bib.fields.title"),
            (Field::Author, "fields.item.fields.bib.fields.author"),
            (Field::Id, "fields.item.fields.barcode"),
            (Field::Id, "key"),
            (Field::Due, "fields.dueDate"),
            (Field::Renewals, "fields.renewalCount"),
        ],
        // The item is back.
        ignored: Some(("fields.status", "INACTIVE")),
        states: &[],
        complete: complete_loan,
    },
    holds: EntriesDescription {
        list: "fields.holdRecordList",
        fields: &[
            (Field::Title, "fields.bib.fields.title"),
            (Field::Title, "fields.item.fields.bib.fields.title"),
            (Field::Author, "fields.bib.fields.author"),
            (Field::Author, "fields.item.fields.bib.fields.author"),
            (Field::Id, "key"),
            (Field::State, "fields.status"),
            (Field::Position, "fields.queuePosition"),
            (Field::QueueLength, "fields.queueLength"),
            (Field::PickupBy, "fields.expirationDate"),
            (Field::Expires, "fields.expirationDate"),
            (Field::Expires, "fields.fillByDate"),
            (
                Field::PickupBranch,
                "fields.pickupLibrary.fields.displayName",
            ),
            (Field::PickupBranch, "fields.pickupLibrary.key"),
        ],
        ignored: None,
        states: &[
            (HoldState::Ready, &["BEING_HELD"]),
            (HoldState::Waiting, &["PLACED"]),
            (HoldState::Suspended, &["SUSPENDED"]),
            (
                HoldState::InTransit,
                &["TRANSIT", "INTRANSIT", "INSHIPPING", "ILLSHIPPED"],
            ),
        ],
        complete: complete_hold,
    },
    bills: BillsDescription {
        list: "fields.blockList",
        sum: "fields.owed.amount",
        currency: "fields.owed.currencyCode",
        message: "fields.comment",
    },
    card_expires: "fields.privilegeExpiresDate",
    // One who only owes a sum is `DELINQUENT`, and may borrow.
    blocked: ("fields.standing.key", &["BLOCKED", "BARRED", "COLLECTION"]),
    login: LoginAnswer {
        token: "sessionToken",
        key: "patronKey",
    },
    refusals: RefusalsDescription {
        list: "messageList",
        code: "code",
        known: &[
            Refusal {
                codes: Codes::Are(&["unableToLogin"]),
                kind: FailureKind::WrongCredentials,
                detail: "the site refuses the number or PIN",
            },
            // The staff or another program is using it.
            Refusal {
                codes: Codes::Are(&["hatErrorResponse.116"]),
                kind: FailureKind::SiteDown,
                detail: "the patron's record is in use",
            },
            Refusal {
                codes: Codes::Are(&["sessionTimedOut", "invalidSessionToken"]),
                kind: FailureKind::SessionExpired,
                detail: "the site says that the session is over",
            },
            Refusal {
                codes: Codes::Contain("clientid"),
                kind: FailureKind::PageChanged,
                detail: "the site doesn't know this client id",
            },
        ],
    },
};

/// Reads whether a loan can be renewed. A recall is a message, too.
fn complete_loan(loan: &mut Loan, entry: JsonObject<'_>) -> Result<Option<String>, Failure> {
    if entry.is_null("fields.renewalCount")? {
        loan.renewals = Some(0);
    }
    let is_claimed = entry.text("fields.claimsReturnedDate")?.is_some();
    loan.note = is_claimed.then(|| "claimed returned".to_owned());
    // How often the patron may renew it online; null without a limit. When depends on the library's rule.
    let renewals_left = entry.count("fields.unseenRenewalsRemaining")?;
    let recalled = entry.date("fields.recallDueDate")?;
    if recalled.is_some() || is_claimed || renewals_left == Some(0) {
        loan.renewable = Some(false);
    }
    let Some(day) = recalled else { return Ok(None) };
    loan.renewable_reason = Some(format!("recalled: return it by {day}"));
    let title = &loan.title;
    Ok(Some(format!("“{title}” was recalled: return it by {day}.")))
}

fn complete_hold(hold: &mut Hold, entry: JsonObject<'_>) -> Result<Option<String>, Failure> {
    let is_paused = entry.text("fields.suspendBeginDate")?.is_some();
    let comes_by_post = entry.flag("fields.mailFlag")? == Some(true);
    match hold.state {
        HoldState::Ready if comes_by_post => hold.state = HoldState::InTransit,
        HoldState::Waiting if is_paused => hold.state = HoldState::Suspended,
        _ => {}
    }
    if hold.state == HoldState::Ready {
        // The last day to fill it says nothing about one that is ready.
        hold.expires = hold.pickup_by;
    } else {
        hold.pickup_by = None;
    }
    // A hold that isn't suspended may still have the field, with anything in it.
    if hold.state == HoldState::Suspended {
        hold.suspended_until = entry.date("fields.suspendEndDate")?;
    }
    Ok(None)
}

pub(super) const OTHER_PHRASES: &[Phrase] = &[Whole("ACTIVE"), Whole("DELINQUENT"), Whole("OK")];

/// The interface's paths, and the kinds of its records.
pub(super) const ADDRESSES: &[&str] = &[
    "symws/user/patron/login",
    "ilsws/user/patron/logout",
    "user/patron/key",
    "circulation/circRecord",
    "circulation/holdRecord",
    "circulation/block",
    "catalog/item",
    "catalog/bib",
    "policy/library",
    "policy/patronStanding",
];
