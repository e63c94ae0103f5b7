//! Mails by SES v2: one try a mail, and four answers.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_sesv2::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sesv2::error::{BoxError, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{Destination, EmailContent, MessageTag, RawMessage};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use hippo_core::mail::mime::{self, BuiltMail, Sender};
use hippo_core::mail::{Mail, MailAnswer, MailTag, Mailer};

/// The most recipients that SES takes for one mail.
pub const RECIPIENT_LIMIT: usize = 50;

/// Sends mails by SES.
///
/// Its client makes one try within a time limit ([`crate::clients::ses`]): `SendEmail` has no token
/// by which SES would know a second try again.
#[derive(Debug, Clone)]
pub struct SesMailer {
    client: Client,
    sender: Sender,
    configuration_set: Option<String>,
}

impl SesMailer {
    /// Mails from `sender`, with the events of this configuration set.
    pub fn new(client: Client, sender: Sender, configuration_set: Option<String>) -> Self {
        Self {
            client,
            sender,
            configuration_set,
        }
    }

    async fn hand_over(&self, mail: &Mail, built: BuiltMail) -> MailAnswer {
        let content = RawMessage::builder().data(Blob::new(built.bytes)).build();
        let (content, tags) = match (content, tags(mail.tag.as_ref())) {
            (Ok(content), Ok(tags)) => (content, tags),
            (Err(error), _) | (_, Err(error)) => {
                return MailAnswer::NotSent {
                    reason: format!("The request could not be built: {error}"),
                };
            }
        };
        let to = built.to.into_iter().map(|recipient| recipient.wire);
        let sent = HandedOver::default();
        let answer = self
            .client
            .send_email()
            .from_email_address(built.from)
            .destination(
                Destination::builder()
                    .set_to_addresses(Some(to.collect()))
                    .build(),
            )
            .content(EmailContent::builder().raw(content).build())
            .set_configuration_set_name(self.configuration_set.clone())
            .set_email_tags(tags)
            .customize()
            .interceptor(sent.clone())
            .send()
            .await;
        match answer {
            Ok(answer) => MailAnswer::Accepted {
                // SES puts an id of its own in the place of ours; its events name the same.
                message_id: answer.message_id.unwrap_or(built.message_id),
                refused: Vec::new(),
            },
            Err(error) => answer_to(&error, sent.happened()),
        }
    }
}

#[async_trait]
impl Mailer for SesMailer {
    async fn send(&self, mail: &Mail) -> MailAnswer {
        match mime::build(mail, &self.sender) {
            Ok(built) if built.to.len() > RECIPIENT_LIMIT => MailAnswer::Refused {
                reason: format!(
                    "SES takes at most {RECIPIENT_LIMIT} recipients for one email, and this one has \
                     {}. Remove some from the family.",
                    built.to.len()
                ),
                for_good: true,
            },
            Ok(built) => self.hand_over(mail, built).await,
            Err(error) => MailAnswer::Refused {
                reason: error.to_string(),
                for_good: true,
            },
        }
    }
}

/// Which mail the events of SES are about; values of `A-Za-z0-9_-` only, as all of these are.
fn tags(
    tag: Option<&MailTag>,
) -> Result<Option<Vec<MessageTag>>, aws_sdk_sesv2::error::BuildError> {
    let Some(tag) = tag else {
        return Ok(None);
    };
    [
        ("kind", tag.kind.to_string()),
        ("family", tag.family.to_string()),
        ("date", tag.date.to_string()),
        ("fence", tag.fence.to_string()),
    ]
    .into_iter()
    .map(|(name, value)| MessageTag::builder().name(name).value(value).build())
    .collect::<Result<Vec<_>, _>>()
    .map(Some)
}

/// Knows whether the request was about to leave: before that, surely nothing was sent.
#[derive(Debug, Clone, Default)]
struct HandedOver(Arc<AtomicBool>);

impl HandedOver {
    fn happened(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl Intercept for HandedOver {
    fn name(&self) -> &'static str {
        "HandedOver"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// What became of a mail whose request ended with this error. `handed_over`: it may have left.
fn answer_to(error: &SdkError<SendEmailError>, handed_over: bool) -> MailAnswer {
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    match (error, status) {
        (_, Some(status @ 400..=499)) => refused(error.as_service_error(), status),
        (_, Some(status)) => MailAnswer::Unknown {
            reason: format!("SES answered with status {status}; the mail may have left."),
        },
        _ if !handed_over => MailAnswer::NotSent {
            reason: format!(
                "The request to SES was not made: {}",
                connection_reason(error)
            ),
        },
        _ if is_before_connection(error) => MailAnswer::NotSent {
            reason: format!("SES could not be reached: {}", connection_reason(error)),
        },
        (SdkError::TimeoutError(_), _) => MailAnswer::Unknown {
            reason: "SES did not answer in time; the mail may have left.".to_owned(),
        },
        _ => MailAnswer::Unknown {
            reason: format!(
                "The connection to SES was lost before its answer; the mail may have left: {}",
                connection_reason(error)
            ),
        },
    }
}

/// Proven: the connection was never there. Says the HTTP client, wherever it stands in the chain.
fn is_before_connection(error: &SdkError<SendEmailError>) -> bool {
    causes(error).any(|cause| {
        cause
            .downcast_ref::<hyper_util::client::legacy::Error>()
            .is_some_and(hyper_util::client::legacy::Error::is_connect)
    })
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// The innermost words say it best; they are of this machine, never of the mail.
fn connection_reason(error: &SdkError<SendEmailError>) -> String {
    causes(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// A refusal, in words that say what to do. SES's own message is not repeated: it holds addresses.
///
/// For good are only refusals of this mail's content. What the operator can mend (an address that is
/// not verified, the sandbox, a paused account) and what passes (throttling) is for now: the mail
/// goes out on the same day once it is mended, and its record says meanwhile what is wrong.
fn refused(error: Option<&SendEmailError>, status: u16) -> MailAnswer {
    let code = error.and_then(ProvideErrorMetadata::code);
    let message = error.and_then(ProvideErrorMetadata::message);
    let is_unverified = message.is_some_and(|message| message.contains("not verified"));
    let (what, for_good) = match code.unwrap_or_default() {
        "MessageRejected" | "MailFromDomainNotVerifiedException" | "BadRequestException"
            if is_unverified =>
        {
            (UNVERIFIED, false)
        }
        "MailFromDomainNotVerifiedException" => (UNVERIFIED, false),
        "MessageRejected" | "BadRequestException" => (
            "it does not take this mail as it is. The message that SES gave is left out here, since it may hold \
             addresses. Send a test email to see it",
            true,
        ),
        "AccountSuspendedException" => (
            "sending is suspended for this AWS account. See “Account dashboard” in the SES console, and answer \
             what AWS asks there",
            false,
        ),
        "SendingPausedException" => (
            "sending is paused for this AWS account or configuration set. See “Account dashboard” in the SES \
             console, mend what it names, and resume",
            false,
        ),
        "NotFoundException" => (
            "the configuration set is not there. Deploy the stack again",
            false,
        ),
        "AccessDeniedException" | "AccessDenied" => (
            "the function may not send from this address. MAIL_FROM must be the address for which the stack was \
             deployed",
            false,
        ),
        "TooManyRequestsException"
        | "ThrottlingException"
        | "Throttling"
        | "LimitExceededException" => (
            "more is sent than the account's sending quota allows. It is tried again; if this comes every day, \
             ask for a higher quota in the SES console",
            false,
        ),
        _ => ("it is tried again", false),
    };
    let code = code.map_or_else(|| format!("status {status}"), str::to_owned);
    MailAnswer::Refused {
        reason: format!("SES refused the mail ({code}): {what}."),
        for_good,
    }
}

const UNVERIFIED: &str = "an address is not verified. Verify the identity of MAIL_FROM in the SES console; while the account \
    is in the SES sandbox every recipient must be verified too, until you ask for production access there \
    (“Account dashboard”)";

#[cfg(test)]
mod tests;
