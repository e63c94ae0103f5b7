//! One library's site.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::ids::{LibraryId, SystemName};

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
    /// What else the system wants to know, by name.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}
