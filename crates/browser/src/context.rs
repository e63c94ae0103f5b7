//! What reading a page needs to know.

use chrono_tz::Tz;
use secrecy::SecretString;
use url::Url;

/// What reading a page needs to know about the library and the card.
#[derive(Debug, Clone, Copy)]
pub struct ReadContext<'a> {
    /// Where the site's paths begin; relative links are resolved against it.
    pub base_url: &'a Url,
    /// How visible dates are written (strftime); a visible date without one is an error.
    pub date_format: Option<&'a str>,
    /// The zone in which the library's days are counted.
    pub timezone: Tz,
    /// The card's number, where it is known: the account must be the card's own.
    pub card_number: Option<&'a SecretString>,
}
