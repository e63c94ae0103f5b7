//! `SirsiDynix` Symphony Web Services: a programming interface that speaks JSON.
//!
//! Paths: `/user/patron/login/describe`, `/user/patron/login`, `/user/patron/key/RECORD?includeFields=`, `/user/patron/logout`. Every request needs
//! the headers `sd-originating-app-id` and `x-sirs-clientID`, and after the login `x-sirs-sessionToken`.

use axum::http::Method;
use serde_json::{Value, json};

use crate::page::{Page, SiteRequest};
use crate::page_context::PageContext;
use crate::site::{DemoHold, DemoHoldState, DemoLoan, Patron};

/// The header with the session's token.
pub(crate) const SESSION_HEADER: &str = "x-sirs-sessiontoken";

/// The names that a changed layout replaces.
pub(crate) const RENAMED: &[(&str, &str)] = &[
    ("circRecordList", "loanRecords"),
    ("holdRecordList", "requestRecords"),
    ("sessionToken", "ticket"),
];

const LOGIN: &str = "/user/patron/login";
const DESCRIPTION: &str = "/user/patron/login/describe";
const LOGOUT: &str = "/user/patron/logout";

/// The number of the first patron's record.
const FIRST_RECORD: usize = 500_001;

pub(crate) fn is_login_path(path: &str) -> bool {
    path == LOGIN
}

pub(crate) fn changes_state(request: &SiteRequest) -> bool {
    request.method != Method::GET && !matches!(request.path.as_str(), LOGIN | LOGOUT)
}

/// The path of a patron's record with all lists.
pub(crate) fn patron_path(index: usize) -> String {
    format!(
        "/user/patron/key/{}?includeFields=circRecordList,holdRecordList,blockList",
        FIRST_RECORD + index
    )
}

pub(crate) fn page(context: &PageContext<'_>) -> Page {
    let request = context.request;
    let is_post = request.method == Method::POST;
    match request.path.as_str() {
        LOGIN if is_post => match refuse_program(request) {
            Some(refusal) => refusal,
            None => log_in(context),
        },
        DESCRIPTION => Page::json(&json!({
            "name": "login",
            "params": [{"name": "login"}, {"name": "password"}],
        })),
        LOGOUT if is_post => {
            if let Some((id, _)) = context.session() {
                context.sessions(|sessions| sessions.close(&id));
            }
            Page::json(&json!({}))
        }
        path => match path.strip_prefix("/user/patron/key/") {
            Some(key) => patron(context, key),
            None => Page::not_found(),
        },
    }
}

fn refuse_program(request: &SiteRequest) -> Option<Page> {
    let is_missing = |name: &str| request.header(name).unwrap_or_default().is_empty();
    if is_missing("x-sirs-clientid") {
        return Some(refusal("unknownClientID", "No such client."));
    }
    is_missing("sd-originating-app-id").then(|| refusal("missingAppID", "No name of the program."))
}

/// The interface's own form of an error.
fn refusal(code: &str, message: &str) -> Page {
    let messages = json!({"messageList": [{"code": code, "message": message}]});
    Page::json(&messages).with_status(401)
}

fn log_in(context: &PageContext<'_>) -> Page {
    let number = context.request.field("login").unwrap_or_default();
    let pin = context.request.field("password").unwrap_or_default();
    if !context.log_in(number, pin, None) {
        return if context.settings.refuses_silently {
            Page::json(&json!({"messageList": []})).with_status(401)
        } else {
            refusal("unableToLogin", "You cannot enter with these.")
        };
    }
    let Some((index, patron)) = context.state.patron(number.trim()) else {
        return refusal("unableToLogin", "You cannot enter with these.");
    };
    let (token, _) = context.open_session(number.trim());
    // The token shows that the patron is logged in.
    context.sessions(|sessions| {
        if let Some(session) = sessions.get_mut(&token) {
            session.account_pages_shown = 1;
        }
    });
    Page::json(&json!({
        "pinCreateDate": "2020-01-01",
        "name": patron.name,
        "sessionToken": token,
        "patronKey": record_key(index),
        "pinStatus": {"resource": "/policy/userPinStatus", "key": "A"},
    }))
}

fn record_key(index: usize) -> String {
    (FIRST_RECORD + index).to_string()
}

fn patron(context: &PageContext<'_>, key: &str) -> Page {
    let Some((index, patron)) = context.patron() else {
        return refusal("sessionTimedOut", "Please enter again.");
    };
    let own = record_key(index);
    if key != own && context.other_patron.is_none() {
        return refusal("notAuthorized", "Not your record.").with_status(403);
    }
    Page::json(&record(context, &own, &patron)).showing_account()
}

fn record(context: &PageContext<'_>, key: &str, patron: &Patron) -> Value {
    let loans = patron.loans.iter();
    let loans: Vec<Value> = loans.map(|loan| circ_record(context, key, loan)).collect();
    let holds: Vec<Value> = patron
        .holds
        .iter()
        .map(|hold| hold_record(key, hold))
        .collect();
    let standing = match (&patron.blocked, patron.fines_cents) {
        (Some(_), _) => "BLOCKED",
        (None, 1..) => "DELINQUENT",
        _ => "OK",
    };
    json!({
        "resource": "/user/patron",
        "key": key,
        "fields": {
            "barcode": patron.number,
            "displayName": patron.name,
            "privilegeExpiresDate": patron.card_expires,
            "standing": {"resource": "/policy/patronStanding", "key": standing},
            "circRecordList": loans,
            "holdRecordList": holds,
            "blockList": blocks(key, patron),
        },
    })
}

/// The bills, and the library's messages, which are comments of a block.
fn blocks(key: &str, patron: &Patron) -> Vec<Value> {
    let block = |number: usize, cents: i64, comment: Option<&str>| {
        let sum = format!(
            "{}{}.{:02}",
            if cents < 0 { "-" } else { "" },
            cents.abs() / 100,
            cents.abs() % 100
        );
        json!({
            "resource": "/circulation/block",
            "key": format!("{key}:{number}"),
            "fields": {
                "patron": {"resource": "/user/patron", "key": key},
                "block": {"resource": "/policy/block", "key": "OVERDUE"},
                "owed": {"currencyCode": "USD", "amount": sum},
                "comment": comment,
            },
        })
    };
    let fines = (patron.fines_cents != 0).then_some((patron.fines_cents, None));
    let words = patron.blocked.iter().chain(&patron.messages);
    let words = words.map(|words| (0, Some(words.as_str())));
    let blocks = fines.into_iter().chain(words).enumerate();
    blocks
        .map(|(number, (cents, comment))| block(number, cents, comment))
        .collect()
}

fn bib(title: String, author: Option<&str>) -> Value {
    json!({
        "resource": "/catalog/bib",
        "fields": {"title": title, "author": author.unwrap_or_default()},
    })
}

fn circ_record(context: &PageContext<'_>, key: &str, loan: &DemoLoan) -> Value {
    let item = format!("{}:1:1", loan.id);
    json!({
        "resource": "/circulation/circRecord",
        "key": format!("{item}:1"),
        "fields": {
            "patron": {"resource": "/user/patron", "key": key},
            "item": {
                "resource": "/catalog/item",
                "key": item,
                "fields": {
                    "barcode": format!("3000000{}", loan.id),
                    "bib": bib(loan.full_title(), loan.author.as_deref()),
                },
            },
            "dueDate": format!("{}T23:59:00-05:00", loan.due),
            "recallDueDate": null,
            "claimsReturnedDate": null,
            "overdue": loan.due < context.site().today,
            "renewalCount": (loan.renewals > 0).then_some(loan.renewals),
            "unseenRenewalsRemaining": if loan.renewable { 2 } else { 0 },
            "status": "ACTIVE",
        },
    })
}

fn hold_record(key: &str, hold: &DemoHold) -> Value {
    let status = match hold.state {
        DemoHoldState::Ready => "BEING_HELD",
        DemoHoldState::InTransit => "INTRANSIT",
        DemoHoldState::Waiting => "PLACED",
        DemoHoldState::Suspended => "SUSPENDED",
    };
    json!({
        "resource": "/circulation/holdRecord",
        "key": hold.id.to_string(),
        "fields": {
            "patron": {"resource": "/user/patron", "key": key},
            "bib": bib(hold.full_title(), hold.author.as_deref()),
            "status": status,
            "queuePosition": hold.position,
            "queueLength": hold.queue_length,
            "expirationDate": hold.pickup_by,
            "fillByDate": hold.expires,
            "suspendBeginDate": null,
            "suspendEndDate": hold.suspended_until,
            "pickupLibrary": {"resource": "/policy/library", "key": hold.branch},
            "mailFlag": false,
        },
    })
}
