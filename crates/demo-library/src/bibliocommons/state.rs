//! The state of account pages as JSON, with the keys of real pages.

use serde_json::{Map, Value, json};

use crate::page_context::PageContext;
use crate::site::{DemoHold, DemoHoldState, DemoLoan, Patron};

/// The library's number in all ids.
const LIBRARY_ID: u32 = 77;

/// The list that an account page is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    AllLoans,
    Loans(&'static str),
    AllHolds,
    Holds(DemoHoldState),
}

impl List {
    /// The list at this path.
    pub(super) fn at(path: &str) -> Option<Self> {
        Some(match path {
            "/v2/checkedout" => Self::AllLoans,
            "/v2/checkedout/out" => Self::Loans("OUT"),
            "/v2/checkedout/overdue" => Self::Loans("OVERDUE"),
            "/v2/holds" => Self::AllHolds,
            "/v2/holds/ready_for_pickup" => Self::Holds(DemoHoldState::Ready),
            "/v2/holds/in_transit" => Self::Holds(DemoHoldState::InTransit),
            "/v2/holds/not_yet_available" => Self::Holds(DemoHoldState::Waiting),
            "/v2/holds/suspended" => Self::Holds(DemoHoldState::Suspended),
            _ => return None,
        })
    }
}

fn auth(user: Value) -> Value {
    json!({
        "sessionId": "hidden", "authToken": "hidden", "currentUserId": user, "loginError": null,
        "loginDialogOpen": false, "preLoginAction": null, "loading": false,
    })
}

/// The state of an anonymous page, with all members that readers use.
pub(super) fn anonymous_state(context: &PageContext<'_>) -> Value {
    let mut libraries = Map::new();
    libraries.insert(
        LIBRARY_ID.to_string(),
        json!({
            "id": LIBRARY_ID, "libraryId": LIBRARY_ID, "domain": "demo",
            "fullName": context.site().library_name, "longName": context.site().library_name,
            "branches": context.site().branches.iter().map(|name| branch(context, name)).collect::<Vec<_>>(),
        }),
    );
    json!({
        "app": {
            "baseURL": context.request.base, "basePath": "/v2", "currentURL": context.request.path_and_query(),
            "authRequired": true, "accountRequired": true, "libraryDomain": "demo",
        },
        "entities": {
            "accounts": {}, "users": {}, "checkouts": {}, "holds": {}, "bibs": {}, "fines": {},
            "messages": {}, "systemMessages": {}, "borrowingHistory": {}, "libraries": libraries,
        },
        "auth": auth(Value::Null),
        "errors": {"libraryError": null},
        "user": {"isFetching": false},
        "borrowing": {
            "borrowingHistory": {"results": [], "isFetching": false},
            "fines": {"results": [], "isFetching": false, "order": null, "payment": null, "summaries": {}},
            "checkedout": {
                "items": [], "pagination": {}, "summary": {}, "checkoutTransactions": {},
                "failures": {}, "fulfilment": {}, "fetching": false,
            },
            "holds": {
                "fetching": false, "items": [], "summary": {}, "holdsTransactions": {},
                "sortOptions": [], "pagination": {}, "holdError": null,
            },
            "borrowing": {"summaries": {}},
            "inactiveHolds": {
                "cancelled": {"fetching": false, "pagination": {}},
                "expired": {"fetching": false, "pagination": {}},
            },
            "interlibraryLoans": {},
        },
        "localization": {
            "currentLanguage": "en-US", "availableLanguages": ["en-US"],
            "messages": {
                "FORMAT.ab": "Audio file", "FORMAT.bk": "Book", "FORMAT.dvd": "Film on disc",
                "FORMAT.ebook": "Book file",
            },
        },
        "library": {"id": LIBRARY_ID},
    })
}

/// Sets a value at a path in a tree of objects.
fn set_at(tree: &mut Value, path: &[&str], value: Value) {
    let mut at = tree;
    for key in path {
        let Value::Object(object) = at else { return };
        at = object.entry(*key).or_insert_with(|| json!({}));
    }
    *at = value;
}

/// The state of a page of a patron's account. `index` is that of their record.
pub(super) fn account_state(
    context: &PageContext<'_>,
    list: List,
    index: usize,
    patron: &Patron,
) -> Value {
    let user_id = 1_000_001 + 2 * index as u64;
    let account_id = user_id + 1;
    let mut state = anonymous_state(context);
    set_at(&mut state, &["auth"], auth(json!(user_id)));
    set_at(
        &mut state,
        &["entities", "users", &user_id.to_string()],
        json!({
            "id": user_id, "name": patron.name, "accounts": [account_id], "active": true,
            "loggedIn": true, "status": "A", "staff": false, "homePatron": true,
            "homeLibraryFullName": context.site().library_name,
        }),
    );
    set_at(
        &mut state,
        &["entities", "accounts", &account_id.to_string()],
        json!({
            "id": account_id, "barcode": patron.number, "libId": LIBRARY_ID,
            "expiryDate": patron.card_expires, "borrowingHistoryEnabled": false,
        }),
    );
    let messages = patron.blocked.iter().map(|text| ("BLOCK", text));
    let messages = messages.chain(patron.messages.iter().map(|text| ("ACCOUNT", text)));
    for (number, (kind, text)) in (1..).zip(messages) {
        let number: u32 = number;
        set_at(
            &mut state,
            &["entities", "systemMessages", &number.to_string()],
            json!({"id": number, "type": kind, "message": text}),
        );
    }
    let (loan_summary, hold_summary) =
        (loan_summary(context, patron), hold_summary(context, patron));
    let summaries = json!({
        "checkedout": loan_summary,
        "holds": hold_summary,
        "fines": fine_summary(patron.fines_cents),
        "interlibraryLoans": {},
    });
    set_at(
        &mut state,
        &["borrowing", "fines", "summaries"],
        summaries.clone(),
    );
    set_at(
        &mut state,
        &["borrowing", "borrowing", "summaries"],
        summaries,
    );
    match list {
        List::AllLoans | List::Loans(_) => {
            let listed: Vec<&DemoLoan> = patron
                .loans
                .iter()
                .filter(|loan| match list {
                    List::Loans(status) => loan_status(context, loan) == status,
                    _ => true,
                })
                .collect();
            set_at(
                &mut state,
                &["borrowing", "checkedout", "summary"],
                loan_summary,
            );
            add_list(context, &mut state, "checkedout", &listed, context.surplus);
        }
        List::AllHolds | List::Holds(_) => {
            let listed: Vec<&DemoHold> = patron
                .holds
                .iter()
                .filter(|hold| match list {
                    List::Holds(wanted) => hold.state == wanted,
                    _ => true,
                })
                .collect();
            let is_waiting = matches!(list, List::AllHolds | List::Holds(DemoHoldState::Waiting));
            let surplus = if is_waiting { context.surplus } else { 0 };
            set_at(&mut state, &["borrowing", "holds", "summary"], hold_summary);
            add_list(context, &mut state, "holds", &listed, surplus);
        }
    }
    state
}

/// An entry of either list.
trait Entry {
    fn key(&self) -> String;
    fn value(&self, context: &PageContext<'_>) -> Value;
    fn work(&self) -> Work<'_>;
    const ENTITIES: &'static str;
}

/// A list entry's data of its work.
struct Work<'a> {
    id: String,
    title: &'a str,
    subtitle: &'a str,
    author: Option<&'a str>,
    format: &'a str,
    waiting: u32,
}

/// Adds one page of a list, with its works, to the state.
fn add_list<E: Entry>(
    context: &PageContext<'_>,
    state: &mut Value,
    name: &str,
    listed: &[&E],
    surplus: usize,
) {
    let limit = context.settings.page_size;
    let page: usize = context
        .request
        .parameter("page")
        .and_then(|page| page.parse().ok())
        .filter(|page| *page > 0)
        .unwrap_or(1);
    let count = listed.len() + surplus;
    let page_entries = listed
        .iter()
        .skip(limit.saturating_mul(page - 1))
        .take(limit);
    let mut items = Vec::new();
    for entry in page_entries {
        let key = entry.key();
        set_at(
            state,
            &["entities", E::ENTITIES, &key],
            entry.value(context),
        );
        let work = entry.work();
        set_at(state, &["entities", "bibs", &work.id], bib(&work));
        items.push(Value::from(key));
    }
    set_at(state, &["borrowing", name, "items"], Value::from(items));
    let pagination =
        json!({"count": count, "page": page, "limit": limit, "pages": count.div_ceil(limit)});
    set_at(state, &["borrowing", name, "pagination"], pagination);
}

fn bib(work: &Work<'_>) -> Value {
    let authors: Vec<&str> = work.author.into_iter().collect();
    json!({
        "id": work.id, "sourceLibId": LIBRARY_ID,
        "briefInfo": {
            "id": work.id, "metadataId": work.id, "title": work.title, "subtitle": work.subtitle,
            "multiscriptTitle": null, "authors": authors, "multiscriptAuthor": null,
            "format": work.format, "callNumber": "DEMO", "primaryLanguage": "eng", "isbns": [],
            "edition": null,
        },
        "availability": {
            "metadataId": work.id, "heldCopies": work.waiting, "totalCopies": 3, "availableCopies": 0,
        },
    })
}

fn branch(context: &PageContext<'_>, name: &str) -> Value {
    let index = context
        .site()
        .branches
        .iter()
        .position(|known| known == name);
    let code = index.map_or_else(|| "X".to_owned(), |index| (index + 1).to_string());
    json!({"code": code, "name": name, "ips": []})
}

fn material(digital: bool) -> &'static str {
    if digital { "DIGITAL" } else { "PHYSICAL" }
}

fn loan_status(context: &PageContext<'_>, loan: &DemoLoan) -> &'static str {
    if loan.due < context.site().today {
        "OVERDUE"
    } else {
        "OUT"
    }
}

impl Entry for DemoLoan {
    const ENTITIES: &'static str = "checkouts";

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn value(&self, context: &PageContext<'_>) -> Value {
        let mut actions = vec![];
        if self.renewable {
            actions.push("renew");
        }
        if self.digital {
            actions.push("checkIn");
        }
        actions.push("updateFormat");
        let branch = context.site().branches.first().filter(|_| !self.digital);
        json!({
            "checkoutId": self.key(), "materialType": material(self.digital),
            "branch": branch.map(|name| self::branch(context, name)), "barcode": format!("3{:013}", self.id),
            "dueDate": self.due, "timesRenewed": self.renewals, "metadataId": metadata_id(self.id),
            "status": loan_status(context, self), "actions": actions, "bibTitle": self.title,
            "downloadable": self.digital, "downloadUrl": null, "digitalId": null,
            "checkInEnabled": self.digital, "copy": null, "format": null, "fines": 0, "volume": null,
        })
    }

    fn work(&self) -> Work<'_> {
        Work {
            id: metadata_id(self.id),
            title: &self.title,
            subtitle: &self.subtitle,
            author: self.author.as_deref(),
            format: &self.format,
            waiting: 0,
        }
    }
}

fn hold_status(state: DemoHoldState) -> &'static str {
    match state {
        DemoHoldState::Ready => "READY_FOR_PICKUP",
        DemoHoldState::InTransit => "IN_TRANSIT",
        DemoHoldState::Waiting => "NOT_YET_AVAILABLE",
        DemoHoldState::Suspended => "SUSPENDED",
    }
}

impl Entry for DemoHold {
    const ENTITIES: &'static str = "holds";

    fn key(&self) -> String {
        self.id.to_string()
    }

    fn value(&self, context: &PageContext<'_>) -> Value {
        let is_frozen_item = self.state == DemoHoldState::Suspended && !self.digital;
        let position = if is_frozen_item {
            json!(-1)
        } else {
            json!(self.position)
        };
        let mut hold = Map::new();
        let mut add = |key: &str, value: Value| hold.insert(key.to_owned(), value);
        add("holdsId", json!(self.key()));
        add("materialType", json!(material(self.digital)));
        add("metadataId", json!(metadata_id(self.id)));
        add("status", json!(hold_status(self.state)));
        add("autoCheckout", json!(false));
        add("holdsPosition", position);
        add("actions", json!(["cancel", "updateSuspend"]));
        add("bibTitle", json!(self.full_title()));
        if !self.digital {
            add("pickupLocation", branch(context, &self.branch));
        }
        let dates = [
            ("expiryDate", self.expires),
            ("pickupByDate", self.pickup_by),
            ("suspendEndDate", self.suspended_until),
        ];
        for (key, date) in dates {
            if let Some(date) = date {
                add(key, json!(date));
            }
        }
        Value::Object(hold)
    }

    fn work(&self) -> Work<'_> {
        Work {
            id: metadata_id(self.id),
            title: &self.title,
            subtitle: &self.subtitle,
            author: self.author.as_deref(),
            format: &self.format,
            waiting: self.queue_length.unwrap_or(0),
        }
    }
}

fn metadata_id(id: u64) -> String {
    format!("S{LIBRARY_ID}C{id}")
}

fn loan_summary(context: &PageContext<'_>, patron: &Patron) -> Value {
    let mut status = json!({});
    for (index, loan) in patron.loans.iter().enumerate() {
        let surplus = if index == 0 { context.surplus } else { 0 };
        count(
            &mut status,
            loan_status(context, loan),
            loan.digital,
            1 + surplus,
        );
    }
    let next = patron.loans.iter().min_by_key(|loan| loan.due);
    json!({
        "total": patron.loans.len() + context.surplus,
        "status": status,
        "nextDue": next.map(|loan| json!({"date": loan.due, "status": loan_status(context, loan)})),
        "quotas": [],
    })
}

fn hold_summary(context: &PageContext<'_>, patron: &Patron) -> Value {
    let mut status = json!({});
    for hold in &patron.holds {
        count(&mut status, hold_status(hold.state), hold.digital, 1);
    }
    if context.surplus > 0 {
        count(
            &mut status,
            hold_status(DemoHoldState::Waiting),
            false,
            context.surplus,
        );
    }
    json!({"totalOperative": patron.holds.len() + context.surplus, "status": status, "quotas": []})
}

fn count(status: &mut Value, name: &str, digital: bool, more: usize) {
    let pointer = format!("/{name}/{}", material(digital));
    let so_far = status
        .pointer(&pointer)
        .and_then(Value::as_u64)
        .unwrap_or(0);
    set_at(
        status,
        &[name, material(digital)],
        json!(so_far + more as u64),
    );
}

fn fine_summary(cents: i64) -> Value {
    let dollars = |cents: i64| {
        if cents % 100 == 0 {
            json!(cents / 100)
        } else {
            #[expect(
                clippy::cast_precision_loss,
                reason = "no patron owes 90 trillion dollars"
            )]
            let amount = cents as f64 / 100.0;
            json!(amount)
        }
    };
    json!({
        "totalAccrued": 0,
        "totalFines": dollars(cents.max(0)),
        "totalCredits": dollars((-cents).max(0)),
    })
}
