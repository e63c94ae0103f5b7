//! `hippo mail`: tests sending email.

use clap::{Args, Subcommand};
use hippo_core::email_address::EmailAddress;
use hippo_core::mail::{Mail, MessageKind, SendOutcome};
use hippo_core::message::{TestMailOrigin, compose_test_mail};
use serde::Serialize;

use crate::context::{Context, Globals};
use crate::exit::{CommandError, CommandResult, ErrorKind, Outcome};

/// The subcommands of `hippo mail`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  hippo mail test you@example.org")]
pub(crate) enum Command {
    Test(Test),
}

/// Send a test email, the way notices are sent.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hippo mail test you@example.org")]
pub(crate) struct Test {
    /// The recipient.
    address: EmailAddress,
}

#[derive(Serialize)]
struct TestMailDocument<'a> {
    answer: &'a str,
    reason: Option<&'a str>,
    message_id: Option<&'a str>,
}

/// Runs the subcommand.
pub(crate) async fn run(command: Command, globals: &Globals) -> CommandResult {
    let Command::Test(test) = command;
    let context = globals.open().await?;
    let origin = match context.deployment.stack() {
        Some(_) => TestMailOrigin::Aws,
        None => TestMailOrigin::Machine,
    };
    let content = compose_test_mail(origin, context.deployment.contact())
        .map_err(|error| CommandError::from_source(ErrorKind::Unusable, error))?;
    let mail = Mail::for_message(MessageKind::Test, test.address, content, context.now());
    let answer = context.deployment.mailer()?.send(&mail).await;
    let outcome = print_result(&context, &answer);
    if let Some(advice) = context.deployment.mail_folder_advice() {
        context.output.print_text(advice);
    }
    if let Some(warning) = context.deployment.mail_warning() {
        context.output.print_text(warning);
    }
    Ok(outcome)
}

fn print_result(context: &Context, answer: &SendOutcome) -> Outcome {
    let to = context.deployment.mail_destination();
    let (name, reason, message_id, words) = match answer {
        SendOutcome::Accepted {
            message_id,
            refused_recipients: refused,
        } => {
            let reason = refused.first().map(|refused| refused.reason.as_str());
            (
                "accepted",
                reason,
                Some(message_id.as_str()),
                format!("The test email went to {to}."),
            )
        }
        SendOutcome::Refused { reason, .. } => (
            "refused",
            Some(reason.as_str()),
            None,
            capitalized(&format!("{to} refused the test email: {reason}")),
        ),
        SendOutcome::NotSent { reason } => (
            "not_sent",
            Some(reason.as_str()),
            None,
            format!("Couldn't send the test email to {to}: {reason}"),
        ),
        SendOutcome::Unknown { reason } => (
            "unknown",
            Some(reason.as_str()),
            None,
            format!("We can't tell whether {to} accepted the test email: {reason}"),
        ),
    };
    context.output.print_document(&TestMailDocument {
        answer: name,
        reason,
        message_id,
    });
    context.output.print_text(words);
    Outcome::failed_if(
        !matches!(answer, SendOutcome::Accepted { refused_recipients: refused, .. } if refused.is_empty()),
    )
}

/// Capitalises the first letter.
fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
