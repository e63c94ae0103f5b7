//! A card's account at one moment.

use chrono::{Datelike as _, NaiveDate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Remedy};
use crate::ids::SystemName;

/// A card's account at one moment. Data missing from its pages is `None`, never empty or zero.
///
/// Its JSON is the format of `hippo read` and of every store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The library system that served the pages.
    pub system: SystemName,
    /// Items that are out; `None` where the pages do not say.
    pub loans: Option<Vec<Loan>>,
    /// Items asked for; `None` where the pages do not say.
    pub holds: Option<Vec<Hold>>,
    /// What the patron owes, negative for a credit.
    pub fines: Option<Decimal>,
    /// ISO 4217 code of `fines`, where the site names it.
    pub currency: Option<String>,
    /// Last day on which the card is good.
    pub card_expires: Option<NaiveDate>,
    /// Totals that the site states.
    pub declared: DeclaredTotals,
    /// The library's messages to this patron: blocks, restrictions, notices.
    pub messages: Vec<String>,
}

impl Account {
    /// An account with nothing known yet.
    pub fn unknown(system: SystemName) -> Self {
        Self {
            system,
            loans: None,
            holds: None,
            fines: None,
            currency: None,
            card_expires: None,
            declared: DeclaredTotals::default(),
            messages: Vec::new(),
        }
    }

    /// Drops dates of items that lie more than [`ENDLESS_AFTER_YEARS`] ahead: they stand for “never”. A card may be
    /// good for longer.
    pub fn drop_endless_dates(&mut self, today: NaiveDate) {
        let months = chrono::Months::new(ENDLESS_AFTER_YEARS * 12);
        let Some(last) = today.checked_add_months(months) else {
            return;
        };
        let drop_endless = |date: &mut Option<NaiveDate>| {
            date.take_if(|date| *date > last);
        };
        for loan in self.loans.iter_mut().flatten() {
            drop_endless(&mut loan.due);
        }
        for hold in self.holds.iter_mut().flatten() {
            drop_endless(&mut hold.pickup_by);
            drop_endless(&mut hold.suspended_until);
            drop_endless(&mut hold.expires);
        }
    }

    /// Fails with `page_changed` if every due date is years ago, but would be near today with the day and the year
    /// exchanged: the library's date format then has the wrong order.
    pub fn check_due_dates(&self, today: NaiveDate) -> Result<(), Failure> {
        let due = self.loans.iter().flatten().filter_map(|loan| loan.due);
        let mut due = due.peekable();
        if due.peek().is_some() && due.all(|date| may_be_misread(date, today)) {
            let detail = "loans due years ago: this library's date format may have a wrong order";
            return Err(Failure::page_changed(detail).with_remedy(Remedy::SetDateFormat));
        }
        Ok(())
    }
}

/// Dates of loans this many years ago may have been read in a wrong order. A day of the month that gives a later year is
/// not recognised: such loans can be true.
const MISREAD_AFTER_YEARS: u32 = 5;

/// Whether an old date would be within a year of today if its day of the month were the year.
fn may_be_misread(date: NaiveDate, today: NaiveDate) -> bool {
    let months = chrono::Months::new(MISREAD_AFTER_YEARS * 12);
    let is_past = today
        .checked_sub_months(months)
        .is_some_and(|limit| date < limit);
    let short_year = date.year().rem_euclid(100).unsigned_abs();
    let year = i32::try_from(2000 + date.day()).unwrap_or(i32::MAX);
    let orders = [(date.month(), short_year), (short_year, date.month())];
    let days = orders.map(|(month, day)| NaiveDate::from_ymd_opt(year, month, day));
    let is_near = |day: NaiveDate| (day - today).num_days().abs() <= 366;
    is_past && days.into_iter().flatten().any(is_near)
}

/// Totals that a site states besides its lists; `None` where it states none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredTotals {
    /// Items out.
    pub loans: Option<u32>,
    /// Items asked for.
    pub holds: Option<u32>,
}

/// An item's date this many years ahead means no date: sites print 2099 or 9999 for “never”.
pub const ENDLESS_AFTER_YEARS: u32 = 10;

/// An item that is out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loan {
    /// The site's own (barcode, checkout id), or a stable hash where it has none.
    pub id: String,
    /// `Title: Subtitle`, as the site writes it.
    pub title: String,
    /// As the site writes it.
    pub author: Option<String>,
    /// The last day on which it can be returned in time; `None`: no due date.
    pub due: Option<NaiveDate>,
    /// How often it has been renewed so far.
    pub renewals: Option<u32>,
    /// Whether the site would renew it now.
    pub renewable: Option<bool>,
    /// Why it would not, in the site's words.
    pub renewable_reason: Option<String>,
    /// It is returned automatically: an e-book, an audiobook to download.
    pub digital: bool,
    /// The kind of item, as the site calls it.
    pub format: Option<String>,
    /// The site's other words about this item.
    pub note: Option<String>,
    /// The item's own page, http(s) only.
    pub url: Option<String>,
}

/// An item asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The site's own (hold id, record number), or a stable hash where it has none.
    pub id: String,
    /// `Title: Subtitle`, as the site writes it.
    pub title: String,
    /// As the site writes it.
    pub author: Option<String>,
    /// Its state.
    pub state: HoldState,
    /// Place in the queue, from 1.
    pub position: Option<u32>,
    /// How many people are waiting.
    pub queue_length: Option<u32>,
    /// The last day to pick it up.
    pub pickup_by: Option<NaiveDate>,
    /// The day on which a suspended hold becomes active.
    pub suspended_until: Option<NaiveDate>,
    /// The day on which the request lapses.
    pub expires: Option<NaiveDate>,
    /// The branch to pick it up at.
    pub pickup_branch: Option<String>,
    /// It is fetched online, not at a desk.
    pub digital: bool,
    /// The site's other words about this hold.
    pub note: Option<String>,
    /// The item's own page, http(s) only.
    pub url: Option<String>,
}

/// The state of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldState {
    /// It is ready at the desk.
    Ready,
    /// On its way to the desk.
    InTransit,
    /// Others come first in the queue.
    Waiting,
    /// The patron paused it.
    Suspended,
    /// Any other state; the note has the site's words.
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_json_matches_the_documented_format() {
        let account = Account {
            fines: Some("17.00".parse().unwrap()),
            loans: Some(Vec::new()),
            ..Account::unknown("koha".parse().unwrap())
        };
        assert_eq!(
            serde_json::to_string(&account).unwrap(),
            r#"{"system":"koha","loans":[],"holds":null,"fines":"17.00","currency":null,"card_expires":null,"declared":{"loans":null,"holds":null},"messages":[]}"#
        );
    }

    fn loan(due: &str) -> Loan {
        serde_json::from_value(serde_json::json!({
            "id": "1", "title": "T", "author": null, "due": due, "renewals": null, "renewable": null,
            "renewable_reason": null, "digital": false, "format": null, "note": null, "url": null
        }))
        .unwrap()
    }

    #[test]
    fn year_that_was_read_as_a_day_is_a_changed_page() {
        let today = "2026-11-21".parse().unwrap();
        let check = |due: &[&str]| {
            let account = Account {
                loans: Some(due.iter().map(|due| loan(due)).collect()),
                ..Account::unknown("sierra".parse().unwrap())
            };
            account.check_due_dates(today)
        };
        for due in [["2005-12-26", "2030-11-26"], ["2012-05-26", "2026-12-01"]] {
            assert_eq!(check(&due), Ok(()), "one date is a plausible one");
        }
        for due in [&["2005-12-26", "2004-12-26"][..], &["2012-05-26"]] {
            let failure = check(due).unwrap_err();
            assert_eq!(failure.remedy, Some(Remedy::SetDateFormat));
        }
        // Long overdue, and no other order is close to today.
        assert_eq!(check(&["2019-03-14"]), Ok(()));
        assert_eq!(check(&[]), Ok(()));
    }

    #[test]
    fn far_dates_of_items_mean_never() {
        let today = "2026-11-21".parse().unwrap();
        let mut account = Account {
            loans: Some(vec![loan("2036-11-21"), loan("2036-11-22")]),
            card_expires: "2050-01-01".parse().ok(),
            ..Account::unknown("koha".parse().unwrap())
        };
        account.drop_endless_dates(today);
        let due: Vec<_> = account
            .loans
            .iter()
            .flatten()
            .map(|loan| loan.due)
            .collect();
        assert_eq!(due, ["2036-11-21".parse().ok(), None]);
        assert_eq!(account.card_expires, "2050-01-01".parse().ok());
    }

    #[test]
    fn hold_states_have_their_documented_names() {
        let names: Vec<String> = [
            HoldState::Ready,
            HoldState::InTransit,
            HoldState::Waiting,
            HoldState::Suspended,
            HoldState::Other,
        ]
        .iter()
        .map(|state| serde_json::to_string(state).unwrap())
        .collect();
        assert_eq!(
            names.join(" "),
            r#""ready" "in_transit" "waiting" "suspended" "other""#
        );
    }
}
