//! Sends mails by SES v2, with one try for each mail.

pub(crate) mod client;

use std::error::Error;

use async_trait::async_trait;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::base64;
use aws_smithy_types::error::ErrorMetadata;
use hippo_core::mail::mime::{self, BuiltMail, Sender};
use hippo_core::mail::{Mail, MailTag, Mailer, SendOutcome};

pub use self::client::SesClient;
use self::client::{Destination, EmailContent, MessageTag, RawMessage, SendEmail, SentEmail};
use crate::sdk_error::causes;
use crate::service::RequestFailure;

/// The most recipients that SES allows in one mail.
pub const RECIPIENT_LIMIT: usize = 50;

/// Sends mails by SES.
///
/// Its client makes one try within a time limit ([`crate::clients::ses_client`]), since `SendEmail` has no
/// idempotency token.
#[derive(Debug, Clone)]
pub struct SesMailer {
    client: SesClient,
    sender: Sender,
    configuration_set: Option<String>,
}

impl SesMailer {
    /// Creates a mailer that sends from `sender`. The events of its mails go where this
    /// configuration set says.
    pub fn new(client: SesClient, sender: Sender, configuration_set: Option<String>) -> Self {
        Self {
            client,
            sender,
            configuration_set,
        }
    }

    async fn send_built(&self, mail: &Mail, built: BuiltMail) -> SendOutcome {
        let recipients = built.to.into_iter();
        let request = SendEmail {
            from_email_address: built.from,
            destination: Destination {
                to_addresses: recipients.map(|recipient| recipient.wire).collect(),
            },
            content: EmailContent {
                raw: RawMessage {
                    data: base64::encode(built.bytes),
                },
            },
            configuration_set_name: self.configuration_set.as_deref(),
            email_tags: mail.tag.as_ref().map(tags).unwrap_or_default(),
        };
        let request = match request.to_request() {
            Ok(request) => request,
            Err(error) => {
                return SendOutcome::NotSent {
                    reason: format!("Couldn't build the request: {}", error.reason),
                };
            }
        };
        let response = match self.client.send(request).await {
            Ok(response) => response,
            Err(failure) => return interpret_failure(&failure),
        };
        match serde_json::from_slice::<SentEmail>(&response.body) {
            Ok(sent) => SendOutcome::Accepted {
                // SES replaces our id with its own, which its events name too.
                message_id: sent.message_id.unwrap_or(built.message_id),
                refused_recipients: Vec::new(),
            },
            Err(_) => unclear_answer(response.status),
        }
    }
}

#[async_trait]
impl Mailer for SesMailer {
    async fn send(&self, mail: &Mail) -> SendOutcome {
        match mime::build(mail, &self.sender) {
            Ok(built) if built.to.len() > RECIPIENT_LIMIT => SendOutcome::Refused {
                reason: format!(
                    "SES takes at most {RECIPIENT_LIMIT} recipients for one email, and this one has \
                     {}. Remove some from the family.",
                    built.to.len()
                ),
                is_permanent: true,
            },
            Ok(built) => self.send_built(mail, built).await,
            Err(error) => SendOutcome::Refused {
                reason: error.to_string(),
                is_permanent: true,
            },
        }
    }
}

/// The tags that identify the mail in SES's events. SES allows only `A-Za-z0-9_-` in values.
fn tags(tag: &MailTag) -> Vec<MessageTag> {
    let tags = [
        ("kind", tag.kind.to_string()),
        ("family", tag.family.to_string()),
        ("date", tag.date.to_string()),
        ("fence", tag.fence.to_string()),
    ];
    let tags = tags.into_iter();
    tags.map(|(name, value)| MessageTag { name, value })
        .collect()
}

/// Interprets a request's failure. If transmitting had started, the mail may have been sent.
fn interpret_failure(failure: &RequestFailure) -> SendOutcome {
    let error = &failure.error;
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    match (error, status) {
        (_, Some(status @ 400..=499)) => refused(error.as_service_error(), status),
        (_, Some(status)) => unclear_answer(status),
        _ if !failure.has_started => SendOutcome::NotSent {
            reason: format!(
                "Couldn't make the request to SES: {}",
                connection_reason(error)
            ),
        },
        _ if is_before_connection(error) => SendOutcome::NotSent {
            reason: format!("Couldn't reach SES: {}", connection_reason(error)),
        },
        (SdkError::TimeoutError(_), _) => SendOutcome::Unknown {
            reason: "SES didn't answer in time. The email may have been sent.".to_owned(),
        },
        _ => SendOutcome::Unknown {
            reason: format!(
                "The connection was lost before SES answered. The email may have been sent: {}",
                connection_reason(error)
            ),
        },
    }
}

/// The answer if SES neither accepted nor refused the mail.
fn unclear_answer(status: u16) -> SendOutcome {
    SendOutcome::Unknown {
        reason: format!("SES answered with status {status}. The email may have been sent."),
    }
}

/// Whether the HTTP client failed to connect, anywhere in the chain of causes.
fn is_before_connection(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| {
        cause
            .downcast_ref::<hyper_util::client::legacy::Error>()
            .is_some_and(hyper_util::client::legacy::Error::is_connect)
    })
}

/// The innermost cause, which is the clearest. It never contains anything from the mail.
fn connection_reason(error: &(dyn Error + 'static)) -> String {
    causes(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// Explains a refusal and says what to do. SES's own message isn't repeated: it contains addresses.
///
/// Only a refusal of the mail's content is permanent. What the operator can fix (an unverified
/// address, the sandbox, a paused account) and throttling are temporary: the mail is sent on the same
/// day once it is fixed, and until then its record has this reason.
fn refused(error: Option<&ErrorMetadata>, status: u16) -> SendOutcome {
    let code = error.and_then(ErrorMetadata::code);
    let message = error.and_then(ErrorMetadata::message);
    let is_unverified = message.is_some_and(|message| message.contains("not verified"));
    let (explanation, is_permanent) = match code.unwrap_or_default() {
        "MessageRejected" | "MailFromDomainNotVerifiedException" | "BadRequestException"
            if is_unverified =>
        {
            (UNVERIFIED, false)
        }
        "MailFromDomainNotVerifiedException" => (UNVERIFIED, false),
        "MessageRejected" | "BadRequestException" => (
            "it doesn't accept this mail. Its message isn't shown here, since it may contain addresses. Send a \
             test email to see it",
            true,
        ),
        "AccountSuspendedException" => (
            "sending is suspended for this AWS account. See “Account dashboard” in the SES console, and answer \
             what AWS asks there",
            false,
        ),
        "SendingPausedException" => (
            "sending is paused for this AWS account or configuration set. See “Account dashboard” in the SES \
             console, fix what it names, and resume",
            false,
        ),
        "NotFoundException" => (
            "the configuration set is missing. Deploy the stack again",
            false,
        ),
        "AccessDeniedException" | "AccessDenied" => (
            "the function may not send from this address. MAIL_FROM must be the address that the stack was \
             deployed with",
            false,
        ),
        "TooManyRequestsException"
        | "ThrottlingException"
        | "Throttling"
        | "LimitExceededException" => (
            "the account's sending quota is used up. We'll try again. If this happens every day, ask for a \
             higher quota in the SES console",
            false,
        ),
        _ => ("we'll try again", false),
    };
    let code = code.map_or_else(|| format!("status {status}"), str::to_owned);
    SendOutcome::Refused {
        reason: format!("SES refused the email ({code}): {explanation}."),
        is_permanent,
    }
}

const UNVERIFIED: &str = "an address isn't verified. Verify the identity of MAIL_FROM in the SES console. While the account \
    is in the SES sandbox every recipient must be verified too. To leave it, ask for production access \
    there (“Account dashboard”)";

#[cfg(test)]
mod tests;
