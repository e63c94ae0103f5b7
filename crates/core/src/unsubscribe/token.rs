//! The token in a mail's unsubscribe link, and what the mail's record holds of it.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::email_address::EmailAddress;
use crate::mail::MailKey;
use crate::sign_in::{NoRandomness, PersonId, Token, TokenHash};

/// The token of one mail: the mail's key, and a random secret.
///
/// The key isn't a secret; it tells where the secret's hash is stored.
#[derive(Clone)]
pub struct UnsubscribeToken {
    mail: MailKey,
    secret: Token,
}

impl UnsubscribeToken {
    /// Makes a token for a mail.
    pub fn generate(mail: MailKey) -> Result<Self, NoRandomness> {
        let secret = Token::generate()?;
        Ok(Self { mail, secret })
    }

    /// The token as text, `daily.conrad.2026-11-21.…`: for the mail, never for a log.
    pub fn to_secret_text(&self) -> Zeroizing<String> {
        let MailKey { kind, family, date } = &self.mail;
        let secret = Zeroizing::new(self.secret.to_secret_text());
        Zeroizing::new(format!("{kind}.{family}.{date}.{}", *secret))
    }

    /// Parses a token's text; `None` if it isn't one. Every token has one spelling.
    pub fn from_secret_text(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (kind, family) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let (date, secret) = (parts.next()?.parse().ok()?, parts.next()?);
        let token = Self {
            mail: MailKey::new(kind, family, date),
            secret: Token::from_secret_text(secret)?,
        };
        (*token.to_secret_text() == text).then_some(token)
    }

    /// The mail that the token is in.
    pub fn mail(&self) -> &MailKey {
        &self.mail
    }

    /// The hash that the mail's record holds.
    pub fn hash(&self) -> TokenHash {
        self.secret.hash()
    }

    /// What the mail's record holds. With one recipient, the token stands for that person alone.
    pub fn link(&self, recipients: &[EmailAddress]) -> UnsubscribeLink {
        UnsubscribeLink {
            token: self.hash(),
            recipient: match recipients {
                [only] => Some(PersonId::from_address(only)),
                _ => None,
            },
        }
    }

    /// Names a recipient in a form, without the address. Only this token's holder can make the name.
    pub fn recipient_name(&self, address: &EmailAddress) -> String {
        self.secret
            .derive_text(PersonId::from_address(address).as_str())
    }
}

impl fmt::Debug for UnsubscribeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnsubscribeToken(…)")
    }
}

/// What a mail's record holds of the link in the mail.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UnsubscribeLink {
    /// The token's hash.
    pub token: TokenHash,
    /// The mail's only recipient; `None`: it had several, and the link stands for the family.
    pub recipient: Option<PersonId>,
}

impl UnsubscribeLink {
    /// Whether the link stands for this recipient.
    pub fn stands_for(&self, address: &EmailAddress) -> bool {
        let recipient = self.recipient.as_ref();
        recipient.is_none_or(|recipient| *recipient == PersonId::from_address(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn token() -> UnsubscribeToken {
        let date = "2026-11-21".parse().unwrap();
        let mail = MailKey::daily("conrad".parse().unwrap(), date);
        UnsubscribeToken::generate(mail).unwrap()
    }

    #[test]
    fn token_is_read_back_from_its_link() {
        let token = token();
        let text = token.to_secret_text();
        assert!(text.starts_with("daily.conrad.2026-11-21."), "{text:?}");
        let read = UnsubscribeToken::from_secret_text(&text).unwrap();
        assert_eq!(read.mail(), token.mail());
        assert_eq!(read.hash(), token.hash());
        assert_eq!(format!("{token:?}"), "UnsubscribeToken(…)");
    }

    #[rstest]
    #[case::empty("")]
    #[case::no_mail("0000000000000000000000000000000000000000000000000000000000000000")]
    #[case::short("daily.conrad.2026-11-21.00")]
    #[case::no_kind(".conrad.2026-11-21.")]
    #[case::other_spelling_of_the_date("daily.conrad.2026-11-1.")]
    #[case::sign_before_the_year("daily.conrad.+2026-11-21.")]
    #[case::no_date("daily.conrad.2026-13-21.")]
    fn other_texts_are_not_tokens(#[case] start: &str) {
        for text in [start.to_owned(), format!("{start}{}", "0".repeat(64))] {
            assert!(
                UnsubscribeToken::from_secret_text(&text).is_none(),
                "{text}"
            );
        }
    }

    #[test]
    fn text_after_a_token_is_refused() {
        let text = token().to_secret_text();
        assert!(UnsubscribeToken::from_secret_text(&format!("{}.x", *text)).is_none());
    }

    #[test]
    fn link_of_one_recipient_stands_for_no_other() {
        let [pat, sam]: [EmailAddress; 2] =
            ["Pat@example.org", "sam@example.org"].map(|address| address.parse().unwrap());
        let only = token().link(std::slice::from_ref(&pat));
        assert!(only.stands_for(&"pat@example.org".parse().unwrap()));
        assert!(!only.stands_for(&sam));
        let both = token().link(&[pat.clone(), sam.clone()]);
        assert!(both.stands_for(&pat) && both.stands_for(&sam));
    }

    #[test]
    fn recipient_name_differs_between_tokens_and_recipients() {
        let (one, other) = (token(), token());
        let pat = "pat@example.org".parse().unwrap();
        let name = one.recipient_name(&pat);
        assert_ne!(name, other.recipient_name(&pat));
        assert_ne!(
            name,
            one.recipient_name(&"sam@example.org".parse().unwrap())
        );
        assert_ne!(name, PersonId::from_address(&pat).to_string());
    }
}
