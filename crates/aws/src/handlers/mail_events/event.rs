//! Reads SES's events as EventBridge delivers them: what happened to which mail.
//!
//! [The kinds](https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-ses.html) and
//! [the fields](https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html).
//! An event contains addresses, a subject and headers, so an error names only its fields.

use chrono::NaiveDate;
use hippo_core::email_address::EmailAddress;
use hippo_core::mail::MailTag;
use serde_json::Value;
use uuid::Uuid;

/// An event with our tags that this version can't read. It is retried, then kept in the dead-letter
/// queue, for a version that can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The mail service's event can't be read: “{field}” is missing or malformed.")]
pub struct MailEventError {
    field: &'static str,
}

/// An event, by what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailEvent {
    /// It is about a mail of the outbox.
    Outbox(OutboxEvent),
    /// It isn't about the outbox, for this reason.
    Other(&'static str),
}

/// SES's event about a mail of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEvent {
    /// Which mail.
    pub tag: MailTag,
    /// SES's id of the mail.
    pub message_id: Option<String>,
    /// What happened to it.
    pub report: SesReport,
}

/// What SES reports about a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SesReport {
    /// SES accepted it and tries to deliver it.
    Sent,
    /// A recipient's server doesn't accept it yet. SES keeps trying.
    Delayed,
    /// The recipients' servers accepted it.
    Delivered {
        /// The number of recipients.
        recipients: usize,
    },
    /// It bounced for some recipients.
    Bounced {
        /// Whether another mail would bounce too.
        kind: BounceKind,
        /// SES didn't send it, since its recipients are on a suppression list.
        suppressed: bool,
        /// The recipients that it bounced for.
        recipients: Recipients,
    },
    /// Recipients marked it as spam.
    Complained {
        /// Who complained. If the provider names only a domain, all its recipients.
        recipients: Recipients,
    },
    /// A recipient marked it as not spam.
    MarkedAsNotSpam,
    /// SES accepted it but won't send it.
    Rejected {
        /// The reason, in our own words.
        reason: &'static str,
    },
}

impl SesReport {
    /// Its name in logs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delayed => "delayed",
            Self::Delivered { .. } => "delivered",
            Self::Bounced { .. } => "bounced",
            Self::Complained { .. } => "complained",
            Self::MarkedAsNotSpam => "marked_as_not_spam",
            Self::Rejected { .. } => "rejected",
        }
    }
}

/// Whether another mail would bounce too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BounceKind {
    /// Yes: there is no such recipient.
    Permanent,
    /// Not necessarily: the mailbox is full, for example.
    Transient,
    /// SES doesn't know.
    Undetermined,
}

impl BounceKind {
    /// Its name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::Transient => "transient",
            Self::Undetermined => "undetermined",
        }
    }
}

/// Recipients that an event names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipients {
    /// The entries that are addresses.
    pub named: Vec<EmailAddress>,
    /// The number of entries, including those that aren't addresses.
    pub count: usize,
    /// The mail's recipient, if it has only one. A server that forwards mail may name an address that
    /// we never wrote to.
    pub only: Option<EmailAddress>,
}

impl MailEvent {
    /// Reads an event. Fails only if its tags are ours.
    pub fn read(event: &Value) -> Result<Self, MailEventError> {
        if event.get("source").and_then(Value::as_str) != Some("aws.ses") {
            return Ok(Self::Other("it doesn't come from SES"));
        }
        let kind = event.get("detail-type").and_then(Value::as_str);
        let Some(read) = kind.and_then(find_reader) else {
            return Ok(Self::Other("its kind doesn't concern the outbox"));
        };
        let detail = event.get("detail").unwrap_or(&Value::Null);
        let Some(tag) = parse_tag(detail)? else {
            return Ok(Self::Other("its mail has none of our tags"));
        };
        Ok(Self::Outbox(OutboxEvent {
            tag,
            message_id: parse_message_id(detail),
            report: read(detail)?,
        }))
    }
}

/// EventBridge's id of an event, for logs.
pub fn id(event: &Value) -> Option<Uuid> {
    event.get("id")?.as_str()?.parse().ok()
}

/// Reads the detail of one kind of event.
type Reader = fn(&Value) -> Result<SesReport, MailEventError>;

/// Returns the reader of a kind. `template.yaml` subscribes to exactly these kinds.
fn find_reader(kind: &str) -> Option<Reader> {
    Some(match kind {
        "Email Sent" => |_| Ok(SesReport::Sent),
        "Email Delivery Delayed" => |_| Ok(SesReport::Delayed),
        "Email Delivered" => |detail| Ok(parse_delivery(detail)),
        "Email Bounced" => parse_bounce,
        "Email Complaint Received" => parse_complaint,
        "Email Rejected" => |detail| Ok(parse_rejection(detail)),
        "Email Rendering Failed" => |_| {
            Ok(SesReport::Rejected {
                reason: "SES couldn't render the mail from its template, so it didn't send it.",
            })
        },
        _ => return None,
    })
}

/// Reads the four tags. `None` if it has none of them, like a mail of “hippo mail test”.
fn parse_tag(detail: &Value) -> Result<Option<MailTag>, MailEventError> {
    // Each tag is a list with one value.
    let value = |name: &str| {
        let values = detail.pointer("/mail/tags")?.get(name)?;
        Some(values.get(0).and_then(Value::as_str).unwrap_or_default())
    };
    let (kind, family) = (value("kind"), value("family"));
    let (date, fence) = (value("date"), value("fence"));
    if [kind, family, date, fence].iter().all(Option::is_none) {
        return Ok(None);
    }
    let missing = |field| MailEventError { field };
    Ok(Some(MailTag {
        kind: kind
            .and_then(|text| text.parse().ok())
            .ok_or(missing("detail.mail.tags.kind"))?,
        family: family
            .and_then(|text| text.parse().ok())
            .ok_or(missing("detail.mail.tags.family"))?,
        date: date
            .and_then(|text| text.parse::<NaiveDate>().ok())
            .ok_or(missing("detail.mail.tags.date"))?,
        fence: fence
            .and_then(|text| text.parse().ok())
            .ok_or(missing("detail.mail.tags.fence"))?,
    }))
}

/// SES's id of the mail, if it looks like one, since it is stored.
fn parse_message_id(detail: &Value) -> Option<String> {
    const LIMIT: usize = 100;
    let id = detail.pointer("/mail/messageId")?.as_str()?;
    let is_id = id.len() <= LIMIT && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    (is_id && !id.is_empty()).then(|| id.to_owned())
}

fn parse_delivery(detail: &Value) -> SesReport {
    let recipients = detail.pointer("/delivery/recipients");
    let recipients = recipients.and_then(Value::as_array).map_or(1, Vec::len);
    SesReport::Delivered { recipients }
}

fn parse_bounce(detail: &Value) -> Result<SesReport, MailEventError> {
    let kind = detail.pointer("/bounce/bounceType").and_then(Value::as_str);
    let kind = match kind {
        Some("Permanent") => BounceKind::Permanent,
        Some("Transient") => BounceKind::Transient,
        Some("Undetermined") => BounceKind::Undetermined,
        _ => {
            return Err(MailEventError {
                field: "detail.bounce.bounceType",
            });
        }
    };
    let recipients =
        parse_recipients(detail, "/bounce/bouncedRecipients").ok_or(MailEventError {
            field: "detail.bounce.bouncedRecipients",
        })?;
    let subtype = detail
        .pointer("/bounce/bounceSubType")
        .and_then(Value::as_str);
    Ok(SesReport::Bounced {
        kind,
        // The account's own list, and SES's list for all accounts.
        suppressed: matches!(subtype, Some("OnAccountSuppressionList" | "Suppressed")),
        recipients,
    })
}

fn parse_complaint(detail: &Value) -> Result<SesReport, MailEventError> {
    let feedback = detail.pointer("/complaint/complaintFeedbackType");
    if feedback.and_then(Value::as_str) == Some("not-spam") {
        return Ok(SesReport::MarkedAsNotSpam);
    }
    let recipients =
        parse_recipients(detail, "/complaint/complainedRecipients").ok_or(MailEventError {
            field: "detail.complaint.complainedRecipients",
        })?;
    Ok(SesReport::Complained { recipients })
}

/// Translates SES's reason. Unknown reasons aren't repeated.
fn parse_rejection(detail: &Value) -> SesReport {
    let reason = detail.pointer("/reject/reason").and_then(Value::as_str);
    SesReport::Rejected {
        reason: match reason {
            Some("Bad content") => {
                "SES accepted the mail but didn't send it: it found what it considers a virus."
            }
            _ => {
                "SES accepted the mail but didn't send it, for a reason that this version doesn't know."
            }
        },
    }
}

fn parse_recipients(detail: &Value, pointer: &str) -> Option<Recipients> {
    let entries = detail.pointer(pointer)?.as_array()?;
    let addresses = entries
        .iter()
        .map(|entry| entry.get("emailAddress")?.as_str());
    let destination = detail
        .pointer("/mail/destination")
        .and_then(Value::as_array);
    let only = match destination.map(Vec::as_slice) {
        Some([only]) => only.as_str().and_then(parse_address),
        _ => None,
    };
    Some(Recipients {
        named: addresses.flatten().filter_map(parse_address).collect(),
        count: entries.len(),
        only,
    })
}

/// Parses an address, alone or as `Name <address>`.
fn parse_address(text: &str) -> Option<EmailAddress> {
    let bare = text.trim().strip_suffix('>');
    let bare = bare.and_then(|text| text.rsplit_once('<'));
    bare.map_or(text.trim(), |(_, bare)| bare).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::testing::ses_event;
    use rstest::rstest;
    use serde_json::json;

    fn read(kind: &str, more: Value) -> OutboxEvent {
        match MailEvent::read(&ses_event(kind, more)) {
            Ok(MailEvent::Outbox(event)) => event,
            other => panic!("{kind}: {other:?}"),
        }
    }

    #[test]
    fn mail_is_identified_by_its_tags() {
        let event = read("Email Sent", json!({"send": {}}));
        assert_eq!(event.tag.key().to_string(), "daily/conrad/2026-11-21");
        assert_eq!((event.tag.fence, event.report), (1, SesReport::Sent));
        assert_eq!(
            event.message_id.as_deref(),
            Some("0100019aa7c191be-e9aedb9a-000000")
        );
    }

    #[rstest]
    #[case("Permanent", BounceKind::Permanent)]
    #[case("Transient", BounceKind::Transient)]
    #[case("Undetermined", BounceKind::Undetermined)]
    fn bounce_has_one_of_three_kinds(#[case] text: &str, #[case] kind: BounceKind) {
        let bounce = json!({"bounce": {"bounceType": text, "bouncedRecipients": [
            {"emailAddress": "Pat <pat@example.org>"}, {"emailAddress": "unknown"}]}});
        let SesReport::Bounced {
            kind: read,
            recipients,
            ..
        } = read("Email Bounced", bounce).report
        else {
            panic!("it is a bounce");
        };
        assert_eq!(read, kind);
        assert_eq!(recipients.named, ["pat@example.org".parse().unwrap()]);
        assert_eq!(recipients.count, 2);
        assert_eq!(recipients.only, None, "it went to two");
    }

    #[rstest]
    #[case::nothing(json!(null))]
    #[case::of_a_schedule(json!({"label": "all"}))]
    #[case::of_another_service(json!({"source": "aws.s3", "detail-type": "Email Sent"}))]
    #[case::opened(ses_event("Email Opened", json!({"open": {}})))]
    #[case::without_tags(json!({"source": "aws.ses", "detail-type": "Email Sent",
        "detail": {"mail": {"tags": {"ses:configuration-set": ["set"]}}}}))]
    #[case::without_detail(json!({"source": "aws.ses", "detail-type": "Email Bounced"}))]
    fn unrelated_event_is_not_an_error(#[case] event: Value) {
        assert!(matches!(MailEvent::read(&event), Ok(MailEvent::Other(_))));
    }

    #[rstest]
    #[case::mail_kind("/mail/tags/kind", json!(["No Slug"]), "Email Sent", "tags.kind")]
    #[case::family("/mail/tags/family", json!(["No Slug"]), "Email Sent", "tags.family")]
    #[case::date("/mail/tags/date", json!(["tomorrow"]), "Email Sent", "tags.date")]
    #[case::fence("/mail/tags/fence", json!([]), "Email Sent", "tags.fence")]
    #[case::kind("/bounce", json!({"bounceType": "Elastic"}), "Email Bounced", "bounceType")]
    #[case::bounced("/bounce", json!({"bounceType": "Permanent"}), "Email Bounced", "bouncedRecipients")]
    #[case::complained("/complaint", json!({}), "Email Complaint Received", "complainedRecipients")]
    fn malformed_event_with_our_tags_names_the_field(
        #[case] pointer: &str,
        #[case] value: Value,
        #[case] kind: &str,
        #[case] field: &str,
    ) {
        let mut event = ses_event(kind, json!({"bounce": {}, "complaint": {}}));
        *event["detail"].pointer_mut(pointer).unwrap() = value;
        let error = MailEvent::read(&event).unwrap_err().to_string();
        assert!(error.contains(field), "{error}");
    }
}
