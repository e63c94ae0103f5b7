//! Builds a mail's bytes, the same for a folder, SMTP and a mail service.
//!
//! The same mail and sender always give the same bytes, boundary and `Message-ID` included. They
//! are pure ASCII, so no server needs an extension.

use std::fmt;
use std::time::SystemTime;

use chrono::{DateTime, Datelike, Utc};
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use sha2::{Digest, Sha256};

use super::{InlinePicture, Mail, MailTag, UnsubscribeHeader};
use crate::email_address::{EmailAddress, wire_address};

/// The maximum length of a subject, in characters; longer ones are cut.
pub const SUBJECT_LIMIT: usize = 200;

/// The value of `List-Unsubscribe-Post`, and the body that a mail provider then posts (RFC 8058).
pub const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

/// The sender of mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The `From` address.
    pub from: EmailAddress,
    /// The display name.
    pub name: String,
    /// The address for replies; `None`: `from`.
    pub reply_to: Option<EmailAddress>,
    /// The mailbox for `List-Unsubscribe`, which the operator reads; `None`: `reply_to`, or else
    /// `from`.
    pub unsubscribe: Option<EmailAddress>,
}

impl Sender {
    /// Creates a sender with the project's name and no other mailboxes.
    pub fn new(from: EmailAddress) -> Self {
        Self {
            from,
            name: "LibraryHippo".to_owned(),
            reply_to: None,
            unsubscribe: None,
        }
    }
}

/// The bytes of a mail.
#[derive(Clone, PartialEq, Eq)]
pub struct BuiltMail {
    /// Headers and body, lines ending in CRLF, pure ASCII, no line over 998 bytes.
    pub bytes: Vec<u8>,
    /// The `Message-ID`, without its angle brackets.
    pub message_id: String,
    /// The sender of the envelope, in ASCII.
    pub from: String,
    /// The recipients of the envelope; at least one.
    pub to: Vec<EnvelopeRecipient>,
}

impl fmt::Debug for BuiltMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuiltMail")
            .field("length", &self.bytes.len())
            .field("recipients", &self.to.len())
            .finish_non_exhaustive()
    }
}

/// A recipient of an envelope.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvelopeRecipient {
    /// The address as the family wrote it.
    pub address: EmailAddress,
    /// The address with its domain in ASCII.
    pub wire: String,
}

impl fmt::Debug for EnvelopeRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnvelopeRecipient(…)")
    }
}

/// Why a mail can't be built, without addresses or content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MimeError {
    /// The mail has no recipient, or an address has no ASCII form.
    #[error("The mail has no recipient whose address can be written in ASCII.")]
    NoRecipient,
    /// One of the sender's addresses has no ASCII form.
    #[error("The sender's addresses must be in ASCII. Correct them in the configuration.")]
    Sender,
    /// The date is outside the years 1970 to 9999.
    #[error("The date of the mail lies outside the years 1970 to 9999.")]
    Date,
    /// The parts don't form a valid mail.
    #[error("The email could not be built.")]
    Malformed,
}

/// Returns the `Message-ID` of a tagged mail from this sender, without its brackets.
pub fn message_id(tag: &MailTag, sender: &Sender) -> Result<String, MimeError> {
    let from = wire_address(&sender.from).ok_or(MimeError::Sender)?;
    let local_part = tag.message_id_local_part();
    Ok(format!("{local_part}@{}", from.domain()))
}

/// Builds the bytes of `mail`; the same mail and sender always give the same bytes.
pub fn build(mail: &Mail, sender: &Sender) -> Result<BuiltMail, MimeError> {
    let from = wire_address(&sender.from).ok_or(MimeError::Sender)?;
    let reply_to = optional_wire_address(sender.reply_to.as_ref())?;
    let unsubscribe = optional_wire_address(sender.unsubscribe.as_ref())?
        .or_else(|| reply_to.clone())
        .unwrap_or_else(|| from.clone());

    let mut to = Vec::new();
    for address in &mail.to {
        // Parsing has checked every address.
        let wire = wire_address(address).ok_or(MimeError::NoRecipient)?;
        to.push((address, wire));
    }
    if to.is_empty() {
        return Err(MimeError::NoRecipient);
    }

    let hash = hash_mail(mail);
    let message_id = match &mail.tag {
        Some(tag) => message_id(tag, sender)?,
        None => format!("test.{hash}@{}", from.domain()),
    };

    let mut builder = Message::builder()
        .date(to_system_time(mail.date)?)
        .message_id(Some(format!("<{message_id}>")))
        .from(Mailbox::new(
            Some(collapse_to_one_line(&sender.name)).filter(|name| !name.is_empty()),
            from.clone(),
        ));
    if let Some(reply_to) = reply_to {
        builder = builder.reply_to(Mailbox::new(None, reply_to));
    }
    if mail
        .unsubscribe
        .as_ref()
        .is_some_and(|one| one.is_one_click)
    {
        builder = builder.raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("List-Unsubscribe-Post"),
            ONE_CLICK.to_owned(),
        ));
    }
    let message = builder
        // lettre folds a raw header, but writes a list of mailboxes on one line.
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("To"),
            to.iter()
                .map(|(_, wire)| wire.to_string())
                .collect::<Vec<_>>()
                .join(", "),
        ))
        .subject(format_subject(&mail.subject))
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("List-Unsubscribe"),
            format_list_unsubscribe(mail.unsubscribe.as_ref(), &unsubscribe)?,
        ))
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ))
        .multipart(build_body(mail, &hash)?)
        .map_err(|_| MimeError::Malformed)?;

    let bytes = message.formatted();
    if !bytes.is_ascii() {
        return Err(MimeError::Malformed);
    }
    Ok(BuiltMail {
        bytes,
        message_id,
        from: from.to_string(),
        to: to
            .into_iter()
            .map(|(address, wire)| EnvelopeRecipient {
                address: address.clone(),
                wire: wire.to_string(),
            })
            .collect(),
    })
}

/// Builds the text and the HTML, as alternatives. A picture belongs to the HTML.
fn build_body(mail: &Mail, hash: &str) -> Result<MultiPart, MimeError> {
    let alternative = MultiPart::alternative()
        // A hash over all parts cannot occur in any of them.
        .boundary(format!("hippo-{hash}"))
        .singlepart(SinglePart::plain(clean_body(&mail.text)));
    let html = SinglePart::html(clean_body(&mail.html));
    Ok(match &mail.picture {
        None => alternative.singlepart(html),
        Some(picture) => alternative.multipart(
            MultiPart::related()
                .boundary(format!("hippo-html-{hash}"))
                .singlepart(html)
                .singlepart(build_picture(picture)?),
        ),
    })
}

fn build_picture(picture: &InlinePicture) -> Result<SinglePart, MimeError> {
    let is_plain = |text: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._@".contains(&byte);
        !text.is_empty() && text.bytes().all(is_plain)
    };
    if !is_plain(&picture.content_id) || !is_plain(&picture.file_name) {
        return Err(MimeError::Malformed);
    }
    let media_type = ContentType::parse(picture.media_type).map_err(|_| MimeError::Malformed)?;
    let body = Body::new_with_encoding(picture.bytes.to_vec(), ContentTransferEncoding::Base64)
        .map_err(|_| MimeError::Malformed)?;
    let (content_id, file_name) = (picture.content_id.clone(), picture.file_name.clone());
    Ok(Attachment::new_inline_with_name(content_id, file_name).body(body, media_type))
}

fn optional_wire_address(address: Option<&EmailAddress>) -> Result<Option<Address>, MimeError> {
    address
        .map(|address| wire_address(address).ok_or(MimeError::Sender))
        .transpose()
}

/// Converts a date within lettre's range; lettre panics outside it.
fn to_system_time(date: DateTime<Utc>) -> Result<SystemTime, MimeError> {
    if (1970..=9999).contains(&date.year()) {
        Ok(date.into())
    } else {
        Err(MimeError::Date)
    }
}

/// Returns the first 128 bits of a mail's SHA-256, in hexadecimal.
fn hash_mail(mail: &Mail) -> String {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        // The length distinguishes “a”, “bc” from “ab”, “c”.
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    };
    for address in &mail.to {
        add(address.as_str().as_bytes());
    }
    add(mail.date.to_rfc3339().as_bytes());
    add(mail.subject.as_bytes());
    add(mail.text.as_bytes());
    add(mail.html.as_bytes());
    if let Some(picture) = &mail.picture {
        add(picture.content_id.as_bytes());
        add(&picture.bytes);
    }
    hash.finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Replaces each run of white space and control characters, including line ends, with one space.
fn collapse_to_one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Puts a subject on one line and cuts it to [`SUBJECT_LIMIT`].
fn format_subject(text: &str) -> String {
    // A mail program would decode text that looks like an encoded word.
    let text = collapse_to_one_line(text).replace("=?", "= ?");
    match text.char_indices().nth(SUBJECT_LIMIT - 1) {
        Some((end, _)) if text.chars().count() > SUBJECT_LIMIT => {
            format!("{}…", text.get(..end).unwrap_or_default())
        }
        _ => text,
    }
}

/// Normalises line ends to LF, which lettre turns into CRLF, and drops control characters except tabs.
fn clean_body(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace('\r', "\n")
        .chars()
        .filter(|c| matches!(c, '\n' | '\t') || !c.is_control())
        .collect()
}

/// The value of `List-Unsubscribe`: the link, if there is one, and then the mailbox.
fn format_list_unsubscribe(
    link: Option<&UnsubscribeHeader>,
    mailbox: &Address,
) -> Result<String, MimeError> {
    let mailbox = format!("<mailto:{}?subject=unsubscribe>", encode_mailto(mailbox));
    let Some(UnsubscribeHeader { url, .. }) = link else {
        return Ok(mailbox);
    };
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"<>,".contains(&byte);
    if !url.starts_with("https://") || !url.bytes().all(is_plain) {
        return Err(MimeError::Malformed);
    }
    Ok(format!("<{url}>, {mailbox}"))
}

/// Encodes an address for a `mailto:` link (RFC 6068).
fn encode_mailto(address: &Address) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$'*+@[]:".contains(&byte);
    let mut out = String::new();
    for byte in address.to_string().bytes() {
        if keep(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::MailKind;
    use proptest::prelude::*;
    use rstest::rstest;

    fn sender() -> Sender {
        Sender {
            reply_to: Some("operator@example.org".parse().unwrap()),
            unsubscribe: Some("stop+hippo@example.org".parse().unwrap()),
            ..Sender::new("hippo@example.org".parse().unwrap())
        }
    }

    fn mail() -> Mail {
        Mail {
            to: vec![
                "pat@example.org".parse().unwrap(),
                "sam@example.net".parse().unwrap(),
            ],
            subject: "1 overdue, 2 due by Tuesday — Bücher".to_owned(),
            text: "Take back\n.hidden dot\nÜbermorgen\n".to_owned(),
            html: "<p>Take back: “Ü”</p>\n".to_owned(),
            picture: None,
            date: "2026-11-21T11:30:00Z".parse().unwrap(),
            message: None,
            tag: Some(MailTag {
                kind: MailKind::DAILY,
                family: "conrad".parse().unwrap(),
                date: "2026-11-21".parse().unwrap(),
                fence: 2,
            }),
            unsubscribe: None,
        }
    }

    fn mail_with_picture() -> Mail {
        Mail {
            html: "<img src=\"cid:picture.1@libraryhippo\">\n".to_owned(),
            picture: Some(InlinePicture {
                content_id: "picture.1@libraryhippo".to_owned(),
                media_type: "image/png",
                file_name: "picture.png".to_owned(),
                bytes: (0..=255).cycle().take(5000).collect(),
            }),
            ..mail()
        }
    }

    #[test]
    fn picture_belongs_to_the_html_and_text_is_the_alternative() {
        let text = built_text(&mail_with_picture(), &sender());
        let structure: Vec<&str> = text
            .split("\r\n")
            .filter(|line| line.starts_with("Content-"))
            // The boundary follows on its own line.
            .map(|line| line.trim_end_matches(';'))
            .collect();
        assert_eq!(
            structure,
            [
                "Content-Type: multipart/alternative",
                "Content-Type: text/plain; charset=utf-8",
                "Content-Transfer-Encoding: quoted-printable",
                "Content-Type: multipart/related",
                "Content-Type: text/html; charset=utf-8",
                "Content-Transfer-Encoding: 7bit",
                "Content-ID: <picture.1@libraryhippo>",
                "Content-Disposition: inline; filename=\"picture.png\"",
                "Content-Type: image/png",
                "Content-Transfer-Encoding: base64",
            ]
        );
        assert!(text.split("\r\n").all(|line| line.len() <= 998));
        assert!(text.contains(
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4"
        ));
    }

    #[test]
    fn mail_with_another_picture_has_other_bytes() {
        let one = mail_with_picture();
        assert_eq!(build(&one, &sender()), build(&one, &sender()));
        let mut two = one.clone();
        two.picture.as_mut().unwrap().bytes = [1].into();
        two.tag = None;
        let one = Mail { tag: None, ..one };
        let id = |mail| build(mail, &sender()).unwrap().message_id;
        assert_ne!(id(&one), id(&two));
    }

    #[test]
    fn picture_cannot_inject_a_header() {
        for text in [
            "a\r\nBcc: eve@example.org",
            "a>\r\n\r\nbody",
            "a\"b",
            "é",
            "",
        ] {
            let mut mail = mail_with_picture();
            mail.picture.as_mut().unwrap().content_id = text.to_owned();
            assert_eq!(build(&mail, &sender()), Err(MimeError::Malformed), "{text}");
            let mut mail = mail_with_picture();
            mail.picture.as_mut().unwrap().file_name = text.to_owned();
            assert_eq!(build(&mail, &sender()), Err(MimeError::Malformed), "{text}");
        }
    }

    fn built_text(mail: &Mail, sender: &Sender) -> String {
        String::from_utf8(build(mail, sender).unwrap().bytes).unwrap()
    }

    /// The header block, unfolded.
    fn headers(text: &str) -> Vec<String> {
        text.split("\r\n\r\n")
            .next()
            .unwrap()
            .replace("\r\n ", " ")
            .split("\r\n")
            .map(str::to_owned)
            .collect()
    }

    fn link(is_one_click: bool) -> UnsubscribeHeader {
        let token = format!("daily.conrad.2026-11-21.{}", "0".repeat(64));
        UnsubscribeHeader {
            url: format!("https://hippo.example.org/u/{token}"),
            is_one_click,
        }
    }

    #[rstest]
    #[case::no_pages(None, false)]
    #[case::several_recipients(Some(false), false)]
    #[case::one_recipient(Some(true), true)]
    fn unsubscribe_link_comes_before_the_mailbox(
        #[case] is_one_click: Option<bool>,
        #[case] has_post: bool,
    ) {
        let unsubscribe = is_one_click.map(link);
        let expected = match &unsubscribe {
            Some(link) => format!(
                "List-Unsubscribe: <{}>, <mailto:stop+hippo@example.org?subject=unsubscribe>",
                link.url
            ),
            None => {
                "List-Unsubscribe: <mailto:stop+hippo@example.org?subject=unsubscribe>".to_owned()
            }
        };
        let mail = Mail {
            unsubscribe,
            ..mail()
        };
        let text = built_text(&mail, &sender());
        let headers = headers(&text);
        let listed: Vec<&String> = headers
            .iter()
            .filter(|line| line.starts_with("List-Unsubscribe"))
            .collect();
        let post = "List-Unsubscribe-Post: List-Unsubscribe=One-Click".to_owned();
        match has_post {
            true => assert_eq!(listed, [&post, &expected]),
            false => assert_eq!(listed, [&expected]),
        }
        assert!(text.split("\r\n").all(|line| line.len() <= 998));
    }

    #[test]
    fn unsubscribe_link_cannot_inject_a_header() {
        for url in [
            "https://hippo.example.org/u/a>\r\nBcc: eve@example.org",
            "https://hippo.example.org/u/a b",
            "https://hippo.example.org/u/a,b",
            "https://hippo.example.org/u/é",
            "http://hippo.example.org/u/a",
            "",
        ] {
            let unsubscribe = Some(UnsubscribeHeader {
                url: url.to_owned(),
                ..link(true)
            });
            let mail = Mail {
                unsubscribe,
                ..mail()
            };
            assert_eq!(build(&mail, &sender()), Err(MimeError::Malformed), "{url}");
        }
    }

    #[test]
    fn mail_has_every_required_header() {
        let headers = headers(&built_text(&mail(), &sender()));
        for expected in [
            "Date: Sat, 21 Nov 2026 11:30:00 +0000",
            "Message-ID: <daily.conrad.2026-11-21.2@example.org>",
            "From: LibraryHippo <hippo@example.org>",
            "To: pat@example.org, sam@example.net",
            "Reply-To: operator@example.org",
            "List-Unsubscribe: <mailto:stop+hippo@example.org?subject=unsubscribe>",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
        ] {
            assert!(
                headers.iter().any(|line| line == expected),
                "{expected} is not in {headers:#?}"
            );
        }
        assert!(
            headers
                .iter()
                .any(|line| line.starts_with("Subject: 1 overdue, 2 due by Tuesday =?utf-8?b?")),
            "{headers:#?}"
        );
        assert!(headers.iter().any(|line| {
            line.starts_with("Content-Type: multipart/alternative; boundary=\"hippo-")
        }));
    }

    #[test]
    fn both_parts_are_utf_8_in_quoted_printable() {
        let text = built_text(&mail(), &sender());
        assert!(text.contains("Content-Type: text/plain; charset=utf-8"));
        assert!(text.contains("Content-Type: text/html; charset=utf-8"));
        assert!(text.contains("=C3=9Cbermorgen"), "{text}");
    }

    #[test]
    fn same_mail_has_same_bytes_and_new_attempt_a_new_id() {
        assert_eq!(
            build(&mail(), &sender()).unwrap(),
            build(&mail(), &sender()).unwrap()
        );
        let mut again = mail();
        again.tag.as_mut().unwrap().fence = 3;
        assert_eq!(
            build(&again, &sender()).unwrap().message_id,
            "daily.conrad.2026-11-21.3@example.org"
        );
    }

    #[test]
    fn test_mail_has_its_own_id() {
        let one = Mail {
            tag: None,
            ..mail()
        };
        let mut two = one.clone();
        two.date += chrono::Duration::seconds(1);
        let one = build(&one, &sender()).unwrap().message_id;
        assert!(
            one.starts_with("test.") && one.ends_with("@example.org"),
            "{one}"
        );
        assert_ne!(one, build(&two, &sender()).unwrap().message_id);
    }

    #[rstest]
    #[case("due\r\nBcc: eve@example.org")]
    #[case("due\nBcc: eve@example.org")]
    #[case("due\rBcc: eve@example.org")]
    #[case("Bücher\r\nBcc: eve@example.org\r\n\r\nbody")]
    #[case("due\u{85}\u{2028}Bcc: eve@example.org")]
    #[case("\r\n\r\nBcc: eve@example.org")]
    fn no_header_can_be_injected_through_subject_or_name(#[case] text: &str) {
        let mail = Mail {
            subject: text.to_owned(),
            ..mail()
        };
        let sender = Sender {
            name: text.to_owned(),
            ..sender()
        };
        let text = built_text(&mail, &sender);
        let headers = headers(&text);
        assert_eq!(headers.len(), 10, "{headers:#?}");
        assert!(!headers.iter().any(|line| line.starts_with("Bcc")));
    }

    #[test]
    fn subject_that_looks_encoded_is_kept() {
        let mail = Mail {
            subject: "=?utf-8?b?ZXZpbA==?= due".to_owned(),
            ..mail()
        };
        let headers = headers(&built_text(&mail, &sender()));
        let expected = "Subject: = ?utf-8?b?ZXZpbA== ?= due";
        assert!(headers.iter().any(|line| line == expected), "{headers:#?}");
    }

    #[test]
    fn long_subject_is_cut() {
        assert_eq!(format_subject(&"x".repeat(200)), "x".repeat(200));
        assert_eq!(
            format_subject(&"ü".repeat(201)),
            format!("{}…", "ü".repeat(199))
        );
    }

    #[test]
    fn international_domain_is_encoded() {
        let mail = Mail {
            to: vec!["pat@bücher.example".parse().unwrap()],
            ..mail()
        };
        let built = build(&mail, &sender()).unwrap();
        assert_eq!(built.to[0].wire, "pat@xn--bcher-kva.example");
        assert_eq!(built.to[0].address.as_str(), "pat@bücher.example");
        let nobody = Mail { to: vec![], ..mail };
        assert_eq!(build(&nobody, &sender()), Err(MimeError::NoRecipient));
    }

    #[test]
    fn impossible_mail_date_is_an_error() {
        let mail = Mail {
            date: "1969-12-31T23:59:59Z".parse().unwrap(),
            ..mail()
        };
        assert_eq!(build(&mail, &sender()), Err(MimeError::Date));
    }

    #[test]
    fn unsubscribe_falls_back_to_reply_to_then_from() {
        let mut sender = sender();
        sender.unsubscribe = None;
        assert!(built_text(&mail(), &sender).contains("<mailto:operator@example.org?"));
        sender.reply_to = None;
        let text = built_text(&mail(), &sender);
        assert!(text.contains("<mailto:hippo@example.org?"));
        assert!(!text.contains("Reply-To"));
    }

    #[test]
    fn mailto_link_escapes_the_address() {
        let address = Address::new("a?b&c%d", "example.org").unwrap();
        assert_eq!(encode_mailto(&address), "a%3Fb%26c%25d@example.org");
    }

    #[test]
    fn debug_shows_neither_addresses_nor_content() {
        let built = build(&mail(), &sender()).unwrap();
        let shown = format!("{built:?} {:?} {:?}", built.to, sender());
        for word in ["pat", "Take", "operator", "hippo@"] {
            assert!(!shown.contains(word), "{shown}");
        }
    }

    #[test]
    fn many_recipients_and_long_lines_stay_within_limits() {
        let mail = Mail {
            to: (0..60)
                .map(|n| {
                    format!("somebody-{n}@a-long-domain-name.example.org")
                        .parse()
                        .unwrap()
                })
                .collect(),
            text: "x".repeat(5000),
            html: format!("<p>{}</p>", "ü".repeat(5000)),
            subject: "y".repeat(5000),
            ..mail()
        };
        let text = built_text(&mail, &sender());
        assert!(text.split("\r\n").all(|line| line.len() <= 998));
    }

    proptest! {
        #[test]
        fn any_content_makes_a_well_formed_mail(
            subject in any::<String>(),
            name in any::<String>(),
            text in "(?s).{0,400}",
            html in any::<String>(),
        ) {
            let mail = Mail { subject, text, html, ..mail() };
            let sender = Sender { name, ..sender() };
            let built = build(&mail, &sender).unwrap();
            prop_assert!(built.bytes.is_ascii());
            let text = String::from_utf8(built.bytes).unwrap();
            prop_assert!(text.ends_with("--\r\n"));
            prop_assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
            prop_assert!(text.split("\r\n").all(|line| line.len() <= 998));
            prop_assert_eq!(headers(&text).len(), 10);
        }
    }
}
