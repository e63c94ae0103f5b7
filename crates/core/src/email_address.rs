//! An email address that a mail can be sent to.

use std::fmt;
use std::str::FromStr;

use lettre::Address;
use serde::{Deserialize, Serialize};

/// A well-formed mail address.
///
/// Neither its `Debug` nor any error shows it; `Display` and `as_str` do, for mails and tables.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

/// The reason why an address can't be used. The message doesn't repeat it: errors go to logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmailAddress {
    /// It isn't an address.
    #[error("The email address is malformed. Write it like name@example.org.")]
    Malformed,
    /// It needs an SMTP extension (SMTPUTF8) that mail services don't offer.
    #[error(
        "We can't send to an address with letters outside ASCII before the @. Use another address \
         of that person."
    )]
    NotSendable,
}

impl EmailAddress {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both reach the same mailbox: servers ignore case.
    pub fn is_same_mailbox(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl FromStr for EmailAddress {
    type Err = InvalidEmailAddress;

    fn from_str(text: &str) -> Result<Self, InvalidEmailAddress> {
        // lettre's rules: addresses that it would refuse later are refused here.
        let address = text
            .parse::<lettre::Address>()
            .map(|address| Self(address.to_string()))
            .map_err(|_| InvalidEmailAddress::Malformed)?;
        match wire_form(&address) {
            Some(_) => Ok(address),
            None => Err(InvalidEmailAddress::NotSendable),
        }
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = InvalidEmailAddress;

    fn try_from(text: String) -> Result<Self, InvalidEmailAddress> {
        text.parse()
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(…)")
    }
}

/// Returns the address for an envelope, with its domain in ASCII; `None` if the part before the `@`
/// isn't ASCII.
pub fn wire_form(address: &EmailAddress) -> Option<String> {
    wire_address(address).map(|address| address.to_string())
}

/// Parses the address with its domain in ASCII; `None` if the part before the `@` isn't ASCII.
pub(crate) fn wire_address(address: &EmailAddress) -> Option<Address> {
    let (local, domain) = address.as_str().rsplit_once('@')?;
    if !local.is_ascii() || local.contains(|c: char| c.is_control()) {
        return None;
    }
    if domain.is_ascii() {
        return Address::new(local, domain).ok();
    }
    match url::Host::parse(domain).ok()? {
        url::Host::Domain(domain) => Address::new(local, domain).ok(),
        url::Host::Ipv4(_) | url::Host::Ipv6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("")]
    #[case("nobody")]
    #[case("a@b@c")]
    #[case("a@example.org\r\nBcc: x@example.org")]
    #[case("a b@example.org")]
    fn malformed_address_is_refused_and_not_echoed(#[case] text: &str) {
        let error = text.parse::<EmailAddress>().unwrap_err();
        assert!(!error.to_string().contains("Bcc"));
    }

    #[rstest]
    #[case("jürgen@example.org", false)]
    #[case("“pat”@example.org", false)]
    #[case("pat@bücher.example", true)]
    #[case("pat+hippo@example.org", true)]
    fn unsendable_address_is_refused(#[case] text: &str, #[case] is_sendable: bool) {
        let parsed = text.parse::<EmailAddress>();
        assert_eq!(parsed.is_ok(), is_sendable, "{text}");
    }

    #[test]
    fn debug_does_not_show_an_address() {
        let address: EmailAddress = "pat@example.org".parse().unwrap();
        assert!(!format!("{address:?}").contains("pat"));
    }
}
