//! The links in a mail to the web pages. None of them signs anybody in.

use std::fmt;

use crate::email_address::EmailAddress;
use crate::ids::CardId;
use crate::public_url::PublicUrl;
use crate::unsubscribe::UnsubscribeToken;

/// The links in a mail to the web pages.
#[derive(Clone, PartialEq, Eq)]
pub struct MailLinks {
    public_url: PublicUrl,
    unsubscribe: String,
}

impl MailLinks {
    /// Creates the links of a mail with this token.
    pub fn new(public_url: PublicUrl, token: &UnsubscribeToken) -> Self {
        let unsubscribe = public_url.page(&format!("/u/{}", *token.to_secret_text()));
        Self {
            public_url,
            unsubscribe,
        }
    }

    /// The family's page.
    pub fn family_page(&self) -> String {
        self.public_url.page("/family")
    }

    /// The page that changes a card's PIN.
    pub fn pin_page(&self, card: &CardId) -> String {
        self.public_url.page(&format!("/family/cards/{card}/pin"))
    }

    /// The page that unsubscribes a recipient of the mail.
    pub fn unsubscribe_page(&self) -> &str {
        &self.unsubscribe
    }

    /// The link for the mail's header; `None` if mail programs would refuse it, since it isn't https.
    pub fn unsubscribe_header(&self, to: &[EmailAddress]) -> Option<UnsubscribeHeader> {
        self.public_url.is_secure().then(|| UnsubscribeHeader {
            url: self.unsubscribe.clone(),
            is_one_click: to.len() == 1,
        })
    }
}

impl fmt::Debug for MailLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailLinks(…)")
    }
}

/// The https link in `List-Unsubscribe`.
#[derive(Clone, PartialEq, Eq)]
pub struct UnsubscribeHeader {
    /// The link; ASCII without white space and brackets.
    pub url: String,
    /// Whether a mail provider may use it without asking who it is for (RFC 8058).
    pub is_one_click: bool,
}

impl fmt::Debug for UnsubscribeHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsubscribeHeader")
            .field("is_one_click", &self.is_one_click)
            .finish_non_exhaustive()
    }
}
