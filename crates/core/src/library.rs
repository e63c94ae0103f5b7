//! One library's site.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::clock::is_in_future;
use crate::ids::{LibraryId, SystemName};

/// The longest back-off from a library; a longer `Retry-After` is cut to it.
pub const MAX_BACK_OFF: TimeDelta = TimeDelta::hours(24);

/// The option for the currency of a library's amounts (ISO 4217), if its site does not state it.
pub const CURRENCY_OPTION: &str = "currency";

/// Whether a stored back-off is plausible: one that ends later was written by a clock ahead of `now`.
pub fn is_plausible_back_off(until: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    !is_in_future(until, now + MAX_BACK_OFF)
}

/// The way in which a library's pages were read: by which system, at which address.
///
/// The stores keep it as one text. If it differs from the entry's, the entry was changed since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadAs(String);

impl ReadAs {
    /// The way that a library's present entry says.
    pub fn from_entry(library: &Library) -> Self {
        Self::from_stored(format!("{} {}", library.system, library.base_url))
    }

    /// The way in a store.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The stored text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One library's site: where it is, what software runs it, and how it writes dates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Library {
    /// The slug that a person chose.
    pub id: LibraryId,
    /// The name in mails.
    pub name: String,
    /// The software behind the site.
    pub system: SystemName,
    /// The base of the site's paths.
    pub base_url: Url,
    /// The page that a person opens to see the account; mails link to it.
    pub account_url: Option<Url>,
    /// The timezone of the library's days.
    pub timezone: Tz,
    /// The format of visible dates (strftime), for systems without machine-readable ones.
    pub date_format: Option<String>,
    /// Hosts besides that of `base_url` to which a number and PIN may be sent.
    pub login_hosts: Vec<String>,
    /// The system's options, by name.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}
