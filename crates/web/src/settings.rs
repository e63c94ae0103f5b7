//! The settings of the web pages.

use chrono_tz::Tz;
use hippo_core::email_address::EmailAddress;
use hippo_core::public_url::PublicUrl;

/// The settings of the web pages.
#[derive(Debug, Clone)]
pub struct WebSettings {
    /// The address of the pages, as people type it.
    pub public_url: PublicUrl,
    /// The addresses that sign in as the operator.
    pub operators: Vec<EmailAddress>,
    /// The contact for questions: an email address or a few words.
    pub contact: Option<String>,
    /// The operator's time zone, for the console.
    pub timezone: Tz,
    /// Who the console's changes are recorded as. It isn't an address: others see it.
    pub operator_name: String,
}

impl WebSettings {
    /// Whether this address signs in as the operator.
    pub fn is_operator(&self, address: &EmailAddress) -> bool {
        let mut operators = self.operators.iter();
        operators.any(|operator| operator.is_same_mailbox(address))
    }
}
