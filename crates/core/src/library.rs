//! One library's site.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::clock::is_in_future;
use crate::ids::{LibraryId, SystemName};

/// The longest time for which a library is left alone: a site's `Retry-After` is kept to so long.
pub const MAX_BACK_OFF: TimeDelta = TimeDelta::hours(24);

/// The option that names the currency of a library's sums (ISO 4217), where its site does not.
pub const CURRENCY_OPTION: &str = "currency";

/// Whether a stored back-off can be right: one that ends later was written by a clock ahead of `now`.
pub fn can_back_off_until(until: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    !is_in_future(until, now + MAX_BACK_OFF)
}

/// One library's site: where it is, what software runs it, and how it writes dates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Library {
    /// The slug that a person chose.
    pub id: LibraryId,
    /// What mails call it.
    pub name: String,
    /// The software behind the site.
    pub system: SystemName,
    /// Where the site's paths begin.
    pub base_url: Url,
    /// The page that a person opens to see the account; mails link to it.
    pub account_url: Option<Url>,
    /// The zone in which the library's days are counted.
    pub timezone: Tz,
    /// How visible dates are written (strftime), for systems that print no machine-readable ones.
    pub date_format: Option<String>,
    /// Hosts other than that of `base_url` to which a number and PIN may be sent.
    pub login_hosts: Vec<String>,
    /// The system's options, by name.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}
