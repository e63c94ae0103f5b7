//! `hippo mail`: whether mails get through.

use clap::{Args, Subcommand};
use hippo_core::family::EmailAddress;
use hippo_core::mail::{Mail, MailAnswer};
use serde::Serialize;

use crate::config::Transport;
use crate::context::{Context, Globals, Place};
use crate::exit::{CommandResult, Outcome};

/// What to do with mail.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  hippo mail test you@example.org")]
pub(crate) enum Command {
    Test(Test),
}

/// Send a test mail the way that notices go.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  hippo mail test you@example.org")]
pub(crate) struct Test {
    /// Who gets it.
    address: EmailAddress,
}

#[derive(Serialize)]
struct Document<'a> {
    answer: &'a str,
    reason: Option<&'a str>,
    message_id: Option<&'a str>,
}

/// Does what is asked.
pub(crate) async fn run(command: Command, globals: &Globals) -> CommandResult {
    let Command::Test(test) = command;
    let context = globals.open().await?;
    let mail = Mail {
        to: vec![test.address],
        subject: "A test mail from LibraryHippo".to_owned(),
        text: "This is a test. If you read it, LibraryHippo's notices reach you.\n".to_owned(),
        html: "<!doctype html><html lang=\"en\"><body><p>This is a test. If you read it, LibraryHippo’s \
               notices reach you.</p></body></html>\n"
            .to_owned(),
        date: context.now(),
        tag: None,
    };
    let answer = context.mailer()?.send(&mail).await;
    let outcome = say(&context, &answer);
    if let Place::Here(here) = &context.place
        && let (Transport::Smtp, Some(smtp)) = (here.config.mail.transport, &here.config.mail.smtp)
        && let Some(path) = smtp.readable_by_others(here.home.directory())
    {
        context.output.say(format!(
            "Others can read the mail server's password in {}; chmod 600 keeps it yours.",
            path.display()
        ));
    }
    Ok(outcome)
}

fn say(context: &Context, answer: &MailAnswer) -> Outcome {
    let to = context.mail_destination();
    let (name, reason, message_id, words) = match answer {
        MailAnswer::Accepted {
            message_id,
            refused,
        } => {
            let reason = refused.first().map(|refused| refused.reason.as_str());
            (
                "accepted",
                reason,
                Some(message_id.as_str()),
                format!("The test mail went to {to}."),
            )
        }
        MailAnswer::Refused { reason, .. } => (
            "refused",
            Some(reason.as_str()),
            None,
            format!("The test mail was refused by {to}: {reason}"),
        ),
        MailAnswer::NotSent { reason } => (
            "not_sent",
            Some(reason.as_str()),
            None,
            format!("The test mail could not be sent to {to}: {reason}"),
        ),
        MailAnswer::Unknown { reason } => (
            "unknown",
            Some(reason.as_str()),
            None,
            format!("The test mail may or may not have been taken by {to}: {reason}"),
        ),
    };
    context.output.document(&Document {
        answer: name,
        reason,
        message_id,
    });
    context.output.say(words);
    Outcome::failed_if(
        !matches!(answer, MailAnswer::Accepted { refused, .. } if refused.is_empty()),
    )
}
