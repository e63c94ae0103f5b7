//! An event of SES as EventBridge brings it, and what it says of which mail.
//!
//! [The kinds](https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-ses.html) and
//! [the fields](https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html).
//! An event holds addresses, a subject and headers: nothing of what it says is repeated in an error,
//! only the names of its fields.

use chrono::NaiveDate;
use hippo_core::email_address::EmailAddress;
use hippo_core::mail::MailTag;
use serde_json::Value;
use uuid::Uuid;

/// An event that is one of ours by its tags, and that this version does not understand. It is tried
/// again, and then kept in the dead-letter queue, for a version that does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "The event of the mail service cannot be understood: “{field}” is missing or is not what it should be."
)]
pub struct MailEventError {
    field: &'static str,
}

/// What an event is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailEvent {
    /// About a mail of the outbox.
    OfOutbox(OutboxEvent),
    /// Nothing that concerns the outbox, and why.
    Other(&'static str),
}

/// What SES says of a mail of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEvent {
    /// Which mail.
    pub tag: MailTag,
    /// SES's id of it.
    pub message_id: Option<String>,
    /// What it says.
    pub said: Said,
}

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// SES took it, and tries to bring it to its recipients.
    Sent,
    /// A recipient's server does not take it yet; SES goes on trying.
    Delayed,
    /// The servers of so many recipients took it.
    Delivered {
        /// How many.
        recipients: usize,
    },
    /// It came back from some of its recipients.
    Bounced {
        /// Whether it would come back again.
        kind: BounceKind,
        /// SES did not send it: its recipients are on a suppression list.
        suppressed: bool,
        /// From whom.
        recipients: Recipients,
    },
    /// Recipients complained about it: they marked it as spam.
    Complained {
        /// Who; some providers only say of which domain, and then all its recipients stand here.
        recipients: Recipients,
    },
    /// A recipient marked it as no spam.
    MarkedAsNotSpam,
    /// SES took it and will not send it.
    Rejected {
        /// Why, in words of our own.
        reason: &'static str,
    },
}

impl Said {
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

/// Whether a mail that came back would come back again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BounceKind {
    /// It would: there is no such recipient.
    Permanent,
    /// It need not: a mailbox that is full.
    Transient,
    /// SES cannot tell.
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
    /// Those that are addresses.
    pub named: Vec<EmailAddress>,
    /// How many entries there are, those included that are no addresses.
    pub count: usize,
    /// The one to whom the mail went, if it went to one alone: a server that passes mail on may name
    /// an address that we never wrote to.
    pub only: Option<EmailAddress>,
}

impl MailEvent {
    /// Reads an event. An error only where its tags say that it is about the outbox.
    pub fn read(event: &Value) -> Result<Self, MailEventError> {
        if event.get("source").and_then(Value::as_str) != Some("aws.ses") {
            return Ok(Self::Other("it does not come from SES"));
        }
        let kind = event.get("detail-type").and_then(Value::as_str);
        let Some(read) = kind.and_then(reader) else {
            return Ok(Self::Other(
                "it is of a kind that says nothing of the outbox",
            ));
        };
        let detail = event.get("detail").unwrap_or(&Value::Null);
        let Some(tag) = tag(detail)? else {
            return Ok(Self::Other("its mail has no tags of the outbox"));
        };
        Ok(Self::OfOutbox(OutboxEvent {
            tag,
            message_id: message_id(detail),
            said: read(detail)?,
        }))
    }
}

/// The id that EventBridge gave an event: to find it by, and nothing else.
pub fn id(event: &Value) -> Option<Uuid> {
    event.get("id")?.as_str()?.parse().ok()
}

/// Reads the detail of one kind of event.
type Reader = fn(&Value) -> Result<Said, MailEventError>;

/// The names are those of `template.yaml`, whose rule and event destination ask for exactly these.
fn reader(kind: &str) -> Option<Reader> {
    Some(match kind {
        "Email Sent" => |_| Ok(Said::Sent),
        "Email Delivery Delayed" => |_| Ok(Said::Delayed),
        "Email Delivered" => |detail| Ok(delivered(detail)),
        "Email Bounced" => bounced,
        "Email Complaint Received" => complained,
        "Email Rejected" => |detail| Ok(rejected(detail)),
        "Email Rendering Failed" => |_| {
            Ok(Said::Rejected {
                reason: "SES could not make the mail from its template and did not send it.",
            })
        },
        _ => return None,
    })
}

/// Its four tags; `None` if it has none of them: a mail of “hippo mail test” has not.
fn tag(detail: &Value) -> Result<Option<MailTag>, MailEventError> {
    // Each tag is a list, which holds one value.
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

/// SES's id of the mail, if it looks like one: it goes on record.
fn message_id(detail: &Value) -> Option<String> {
    const LIMIT: usize = 100;
    let id = detail.pointer("/mail/messageId")?.as_str()?;
    let is_id = id.len() <= LIMIT && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    (is_id && !id.is_empty()).then(|| id.to_owned())
}

fn delivered(detail: &Value) -> Said {
    let recipients = detail.pointer("/delivery/recipients");
    let recipients = recipients.and_then(Value::as_array).map_or(1, Vec::len);
    Said::Delivered { recipients }
}

fn bounced(detail: &Value) -> Result<Said, MailEventError> {
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
    let recipients = recipients(detail, "/bounce/bouncedRecipients").ok_or(MailEventError {
        field: "detail.bounce.bouncedRecipients",
    })?;
    let subtype = detail
        .pointer("/bounce/bounceSubType")
        .and_then(Value::as_str);
    Ok(Said::Bounced {
        kind,
        // The account's own list, and that of SES for all accounts.
        suppressed: matches!(subtype, Some("OnAccountSuppressionList" | "Suppressed")),
        recipients,
    })
}

fn complained(detail: &Value) -> Result<Said, MailEventError> {
    let feedback = detail.pointer("/complaint/complaintFeedbackType");
    if feedback.and_then(Value::as_str) == Some("not-spam") {
        return Ok(Said::MarkedAsNotSpam);
    }
    let recipients =
        recipients(detail, "/complaint/complainedRecipients").ok_or(MailEventError {
            field: "detail.complaint.complainedRecipients",
        })?;
    Ok(Said::Complained { recipients })
}

/// SES's own words are not repeated: only those that are known are told apart.
fn rejected(detail: &Value) -> Said {
    let reason = detail.pointer("/reject/reason").and_then(Value::as_str);
    Said::Rejected {
        reason: match reason {
            Some("Bad content") => {
                "SES took the mail and did not send it: it found something in it that it takes for a virus."
            }
            _ => {
                "SES took the mail and did not send it, and says no reason that this version knows."
            }
        },
    }
}

fn recipients(detail: &Value, pointer: &str) -> Option<Recipients> {
    let entries = detail.pointer(pointer)?.as_array()?;
    let addresses = entries
        .iter()
        .map(|entry| entry.get("emailAddress")?.as_str());
    let destination = detail
        .pointer("/mail/destination")
        .and_then(Value::as_array);
    let only = match destination.map(Vec::as_slice) {
        Some([only]) => only.as_str().and_then(address),
        _ => None,
    };
    Some(Recipients {
        named: addresses.flatten().filter_map(address).collect(),
        count: entries.len(),
        only,
    })
}

/// An address, alone or as `Name <address>`.
fn address(text: &str) -> Option<EmailAddress> {
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
            Ok(MailEvent::OfOutbox(event)) => event,
            other => panic!("{kind}: {other:?}"),
        }
    }

    #[test]
    fn event_names_its_mail_by_its_tags() {
        let event = read("Email Sent", json!({"send": {}}));
        assert_eq!(event.tag.key().to_string(), "daily/conrad/2026-11-21");
        assert_eq!((event.tag.fence, event.said), (1, Said::Sent));
        assert_eq!(
            event.message_id.as_deref(),
            Some("0100019aa7c191be-e9aedb9a-000000")
        );
    }

    #[rstest]
    #[case("Permanent", BounceKind::Permanent)]
    #[case("Transient", BounceKind::Transient)]
    #[case("Undetermined", BounceKind::Undetermined)]
    fn a_bounce_is_of_one_of_three_kinds(#[case] text: &str, #[case] kind: BounceKind) {
        let bounce = json!({"bounce": {"bounceType": text, "bouncedRecipients": [
            {"emailAddress": "Pat <pat@example.org>"}, {"emailAddress": "unknown"}]}});
        let Said::Bounced {
            kind: read,
            recipients,
            ..
        } = read("Email Bounced", bounce).said
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
    fn what_is_about_no_notice_is_no_error(#[case] event: Value) {
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
    fn an_event_of_ours_that_is_malformed_names_the_field(
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
