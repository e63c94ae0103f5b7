//! A mail, and the result of sending it.

pub mod key;
pub mod links;
mod message_kind;
pub mod mime;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::email_address::EmailAddress;
pub use key::{MailKey, MailKind, MailTag};
pub use links::{MailLinks, UnsubscribeHeader};
pub use message_kind::MessageKind;

/// The content of a mail. Text and HTML have the same content.
#[derive(Clone, PartialEq, Eq)]
pub struct MailContent {
    /// The subject: one line.
    pub subject: String,
    /// The plain text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// The picture that the HTML part shows, if it shows one.
    pub picture: Option<InlinePicture>,
}

/// A picture within a mail, which its HTML part shows as `cid:` and the content id.
#[derive(Clone, PartialEq, Eq)]
pub struct InlinePicture {
    /// Its id, of the form `name@domain`; ASCII without white space and brackets.
    pub content_id: String,
    /// Its media type.
    pub media_type: &'static str,
    /// The name under which a mail program saves it; ASCII.
    pub file_name: String,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
}

impl InlinePicture {
    /// The picture as a `data:` URL, for HTML that is opened without its mail.
    pub fn to_data_url(&self) -> String {
        // By hand, since `core` has no other use for a base64 crate.
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut url = format!("data:{};base64,", self.media_type);
        for group in self.bytes.chunks(3) {
            let bits = (0..3).fold(0_usize, |bits, at| {
                (bits << 8) | usize::from(group.get(at).copied().unwrap_or_default())
            });
            for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
                let letter = ALPHABET
                    .get((bits >> shift) & 63)
                    .filter(|_| at <= group.len());
                url.push(char::from(letter.copied().unwrap_or(b'=')));
            }
        }
        url
    }
}

impl fmt::Debug for InlinePicture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InlinePicture")
            .field("media_type", &self.media_type)
            .field("length", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for MailContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailContent").finish_non_exhaustive()
    }
}

/// A mail that is ready to be sent. `From`, `Reply-To` and the mailbox in `List-Unsubscribe` belong to
/// the mailer.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The recipients; at least one.
    pub to: Vec<EmailAddress>,
    /// The subject: one line.
    pub subject: String,
    /// The plain text part.
    pub text: String,
    /// The HTML part, with the same content.
    pub html: String,
    /// The picture that the HTML part shows, if it shows one.
    pub picture: Option<InlinePicture>,
    /// The `Date` header.
    pub date: DateTime<Utc>,
    /// What kind of message it is; `None` for a mail of the outbox.
    pub message: Option<MessageKind>,
    /// The tag that identifies it in the outbox; `None` for a message.
    pub tag: Option<MailTag>,
    /// The link in `List-Unsubscribe`, before the mailbox; `None`: the mailbox alone.
    pub unsubscribe: Option<UnsubscribeHeader>,
}

impl Mail {
    /// Addresses a message to one person.
    pub fn for_message(
        kind: MessageKind,
        to: EmailAddress,
        content: MailContent,
        date: DateTime<Utc>,
    ) -> Self {
        Self {
            to: vec![to],
            subject: content.subject,
            text: content.text,
            html: content.html,
            picture: content.picture,
            date,
            message: Some(kind),
            tag: None,
            unsubscribe: None,
        }
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("message", &self.message)
            .field("tag", &self.tag)
            .finish_non_exhaustive()
    }
}

/// The result of sending a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The mail service accepted it.
    Accepted {
        /// The mail's `Message-ID`.
        message_id: String,
        /// The recipients that the service refused; the others have the mail.
        refused_recipients: Vec<RefusedRecipient>,
    },
    /// The mail service refused it, so it certainly wasn't sent.
    Refused {
        /// The reason for the operator, without addresses or content.
        reason: String,
        /// A retry would be refused too.
        is_permanent: bool,
    },
    /// It certainly wasn't handed over: the connection failed, or was lost before the end of the message.
    NotSent {
        /// The reason for the operator.
        reason: String,
    },
    /// It may have been accepted: the response was lost.
    Unknown {
        /// The reason for the operator.
        reason: String,
    },
}

/// A recipient that the mail service refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRecipient {
    /// The refused address.
    pub address: EmailAddress,
    /// A retry would be refused too.
    pub is_permanent: bool,
    /// The service's status code or a few words; never the address.
    pub reason: String,
}

/// Hands mails to a mail service.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Prepares `mail` up to the point where the service may accept it.
    ///
    /// An error is [`SendOutcome::NotSent`] or [`SendOutcome::Refused`]: the mail was not sent.
    /// Dropping the prepared mail sends nothing either. By default, nothing is prepared.
    async fn prepare<'a>(
        &'a self,
        mail: &'a Mail,
    ) -> Result<Box<dyn PreparedMail + 'a>, SendOutcome> {
        Ok(Box::new(Unprepared { mailer: self, mail }))
    }

    /// Looks up the outcome of a possibly sent mail whose worker reported nothing before its lease
    /// expired.
    ///
    /// Returns [`SendOutcome::Accepted`] or [`SendOutcome::NotSent`]; after the latter, not even a
    /// worker that is still alive can send the mail. `None`: this mailer can't tell.
    async fn resolve_doubt(&self, _tag: &MailTag) -> Option<SendOutcome> {
        None
    }

    /// Sends `mail` at most once, without retries.
    ///
    /// Must return [`SendOutcome::NotSent`] or [`SendOutcome::Refused`] only if the service certainly
    /// did not accept the mail, and must return within [`crate::outbox::SEND_LIMIT`].
    async fn send(&self, mail: &Mail) -> SendOutcome;
}

/// A prepared mail; one more step sends it.
#[async_trait]
pub trait PreparedMail: Send {
    /// Lists the recipients that the service refused during preparation; none by default.
    fn refused_recipients(&self) -> &[RefusedRecipient] {
        &[]
    }

    /// Sends the mail at most once, like [`Mailer::send`]. The answer repeats the refused recipients.
    async fn commit(self: Box<Self>) -> SendOutcome;
}

/// A mail that [`Mailer::send`] sends without preparation.
struct Unprepared<'a, M: ?Sized> {
    mailer: &'a M,
    mail: &'a Mail,
}

#[async_trait]
impl<M: Mailer + ?Sized> PreparedMail for Unprepared<'_, M> {
    async fn commit(self: Box<Self>) -> SendOutcome {
        self.mailer.send(self.mail).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_url_is_padded_base64() {
        for (bytes, base64) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("ü", "w7w="),
            ("foo??>", "Zm9vPz8+"),
        ] {
            let picture = InlinePicture {
                content_id: "a@b".to_owned(),
                media_type: "image/gif",
                file_name: "a.gif".to_owned(),
                bytes: bytes.as_bytes().into(),
            };
            assert_eq!(
                picture.to_data_url(),
                format!("data:image/gif;base64,{base64}")
            );
        }
    }
}
