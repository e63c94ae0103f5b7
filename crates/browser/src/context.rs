//! The context for reading a page.

use chrono_tz::Tz;
use secrecy::SecretString;
use url::Url;

/// The library's and the card's data that reading a page needs.
#[derive(Debug, Clone, Copy)]
pub struct ReadContext<'a> {
    /// The site's root. Relative links are resolved against it.
    pub base_url: &'a Url,
    /// The format of visible dates (strftime). Without one, a visible date is an error.
    pub date_format: Option<&'a str>,
    /// The library's timezone.
    pub timezone: Tz,
    /// The card's number, if known. The account must belong to it.
    pub card_number: Option<&'a SecretString>,
}
