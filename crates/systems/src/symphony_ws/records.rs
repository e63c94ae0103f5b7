//! Reads the entries of a patron's lists of loans and holds.

use chrono::NaiveDate;
use hippo_browser::reading::{site_id, stable_id, tidy};
use hippo_core::account::{Hold, HoldState, Loan};
use hippo_core::failure::Failure;
use serde::Deserialize;

use super::values::{Linked, Moment, Reference, date_of, present};

/// The status of a loan whose item is back.
pub(super) const INACTIVE: &str = "INACTIVE";
/// The status of a hold that waits at the desk.
pub(super) const BEING_HELD: &str = "BEING_HELD";
/// The status of a hold in the queue.
pub(super) const PLACED: &str = "PLACED";
/// The status of a suspended hold.
pub(super) const SUSPENDED: &str = "SUSPENDED";
/// The statuses of a hold on its way to the desk.
pub(super) const IN_TRANSIT: [&str; 4] = ["TRANSIT", "INTRANSIT", "INSHIPPING", "ILLSHIPPED"];

/// An entry that names its patron.
pub(super) trait OfPatron {
    /// Returns the number of the patron's record.
    fn patron_key(&self) -> Option<&str>;
}

/// The fields of a loan.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CircRecord {
    patron: Option<Reference>,
    item: Option<Linked<Item>>,
    #[serde(default, deserialize_with = "present")]
    due_date: Option<Option<Moment>>,
    recall_due_date: Option<Moment>,
    claims_returned_date: Option<Moment>,
    /// `null` before the first renewal.
    #[serde(default, deserialize_with = "present")]
    renewal_count: Option<Option<u32>>,
    /// How often the patron may renew it online; `null` without a limit.
    unseen_renewals_remaining: Option<u32>,
    status: Option<String>,
}

/// The fields of a hold.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HoldRecord {
    patron: Option<Reference>,
    bib: Option<Linked<Bib>>,
    item: Option<Linked<Item>>,
    status: Option<String>,
    queue_position: Option<u32>,
    queue_length: Option<u32>,
    expiration_date: Option<Moment>,
    fill_by_date: Option<Moment>,
    suspend_begin_date: Option<Moment>,
    suspend_end_date: Option<Moment>,
    pickup_library: Option<Linked<Policy>>,
    /// Whether it is sent by post.
    mail_flag: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
struct Item {
    bib: Option<Linked<Bib>>,
    barcode: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Bib {
    title: Option<String>,
    author: Option<String>,
}

/// A name from the site's settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Policy {
    display_name: Option<String>,
}

impl OfPatron for CircRecord {
    fn patron_key(&self) -> Option<&str> {
        self.patron.as_ref()?.key.as_deref()
    }
}

impl OfPatron for HoldRecord {
    fn patron_key(&self) -> Option<&str> {
        self.patron.as_ref()?.key.as_deref()
    }
}

impl CircRecord {
    /// Whether the item is out.
    pub(super) fn is_out(&self) -> bool {
        self.status.as_deref() != Some(INACTIVE)
    }

    /// Returns the day by which a recalled item must be back.
    pub(super) fn recall_date(&self) -> Result<Option<NaiveDate>, Failure> {
        date_of(self.recall_due_date.as_ref())
    }

    /// Returns the item's title.
    pub(super) fn title(&self) -> Result<String, Failure> {
        title_of(self.item.as_ref().and_then(bib_of_item))
    }
}

/// Reads a loan; `key` is the interface's own.
pub(super) fn read_loan(key: &str, record: &CircRecord) -> Result<Loan, Failure> {
    let bib = record.item.as_ref().and_then(bib_of_item);
    let title = title_of(bib)?;
    let author = author_of(bib);
    let due = match &record.due_date {
        Some(moment) => date_of(moment.as_ref())?,
        None => return Err(Failure::page_changed("a loan without a due date")),
    };
    let recalled = record.recall_date()?;
    let is_claimed = record.claims_returned_date.is_some();
    let (renewable, reason) = match (recalled, record.unseen_renewals_remaining) {
        (Some(day), _) => (Some(false), Some(format!("recalled: return it by {day}"))),
        (None, _) if is_claimed => (Some(false), None),
        (None, Some(0)) => (Some(false), None),
        // When a renewal becomes possible depends on the library's rule.
        (None, _) => (None, None),
    };
    let barcode = record.item.as_ref().and_then(|item| item.fields.as_ref());
    let barcode = barcode
        .and_then(|item| item.barcode.as_deref())
        .map(str::trim);
    Ok(Loan {
        id: first_id(
            [barcode.unwrap_or_default(), key],
            &title,
            author.as_deref(),
        ),
        title,
        author,
        due,
        renewals: record.renewal_count.map(Option::unwrap_or_default),
        renewable,
        renewable_reason: reason,
        digital: false,
        format: None,
        note: is_claimed.then(|| "claimed returned".to_owned()),
        url: None,
    })
}

/// Reads a hold; `key` is the interface's own.
pub(super) fn read_hold(key: &str, record: &HoldRecord) -> Result<Hold, Failure> {
    let of_item = || record.item.as_ref().and_then(bib_of_item);
    let of_hold = record.bib.as_ref().and_then(|bib| bib.fields.as_ref());
    let bib = of_hold.or_else(of_item);
    let title = title_of(bib)?;
    let author = author_of(bib);
    let status = record
        .status
        .as_deref()
        .ok_or_else(|| Failure::page_changed("a hold without a status"))?;
    let state = read_state(status, record);
    let until = date_of(record.expiration_date.as_ref())?;
    let fill_by = date_of(record.fill_by_date.as_ref())?;
    let is_ready = state == HoldState::Ready;
    let is_suspended = state == HoldState::Suspended;
    Ok(Hold {
        id: first_id([key, ""], &title, author.as_deref()),
        title,
        author,
        state,
        position: record.queue_position.filter(|position| *position > 0),
        queue_length: record.queue_length.filter(|length| *length > 0),
        pickup_by: until.filter(|_| is_ready),
        suspended_until: if is_suspended {
            date_of(record.suspend_end_date.as_ref())?
        } else {
            None
        },
        // The last day to fill it says nothing about one that is ready.
        expires: until.or(fill_by.filter(|_| !is_ready)),
        pickup_branch: record.pickup_library.as_ref().and_then(name_of),
        digital: false,
        note: (state == HoldState::Other).then(|| tidy(status)),
        url: None,
    })
}

fn read_state(status: &str, record: &HoldRecord) -> HoldState {
    match status {
        // It comes by post.
        BEING_HELD if record.mail_flag == Some(true) => HoldState::InTransit,
        BEING_HELD => HoldState::Ready,
        SUSPENDED => HoldState::Suspended,
        PLACED if record.suspend_begin_date.is_some() => HoldState::Suspended,
        PLACED => HoldState::Waiting,
        other if IN_TRANSIT.contains(&other) => HoldState::InTransit,
        _ => HoldState::Other,
    }
}

fn bib_of_item(item: &Linked<Item>) -> Option<&Bib> {
    item.fields.as_ref()?.bib.as_ref()?.fields.as_ref()
}

fn title_of(bib: Option<&Bib>) -> Result<String, Failure> {
    bib.and_then(|bib| bib.title.as_deref())
        .map(tidy)
        .filter(|title| !title.is_empty())
        .ok_or_else(|| Failure::page_changed("an item without a title"))
}

fn author_of(bib: Option<&Bib>) -> Option<String> {
    bib.and_then(|bib| bib.author.as_deref())
        .map(tidy)
        .filter(|author| !author.is_empty())
}

/// Returns a library's name for people, or else the site's short name.
fn name_of(library: &Linked<Policy>) -> Option<String> {
    let display = library.fields.as_ref();
    let display = display.and_then(|fields| fields.display_name.as_deref());
    display
        .or(library.key.as_deref())
        .map(tidy)
        .filter(|name| !name.is_empty())
}

/// Returns the first id that isn't empty, or a hash of the work.
fn first_id(ids: [&str; 2], title: &str, author: Option<&str>) -> String {
    ids.into_iter()
        .find(|id| !id.is_empty())
        .map_or_else(|| stable_id(&[title, author.unwrap_or_default()]), site_id)
}
