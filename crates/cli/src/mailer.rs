//! The mail service that the configuration names.

use std::time::Duration;

use hippo_core::family::EmailAddress;
use hippo_core::mail::Mailer;
use hippo_core::mail::mime::Sender;
use hippo_local::mail::{FolderMailer, SmtpMailer, SmtpOptions, SmtpTls};

use crate::config::{Config, MailConfig, SmtpConfig, Tls, Transport};
use crate::exit::CommandError;
use crate::home::Home;

/// The mailer that the configuration names; nothing is sent yet.
pub(crate) fn mailer(home: &Home, config: &Config) -> Result<Box<dyn Mailer>, CommandError> {
    let sender = sender(&config.mail).map_err(|message| {
        CommandError::Unusable(format!("{} {message}", home.config().display()))
    })?;
    match (config.mail.transport, &config.mail.smtp) {
        (Transport::Smtp, Some(smtp)) => {
            let mailer = SmtpMailer::new(smtp_options(home, smtp)?, sender).map_err(|error| {
                CommandError::Unusable(format!("{}, [mail.smtp]: {error}", home.config().display()))
            })?;
            Ok(Box::new(mailer))
        }
        _ => Ok(Box::new(FolderMailer::new(home.mail_folder(), sender))),
    }
}

/// Who mails come from, or what is wrong with it.
pub(crate) fn sender(mail: &MailConfig) -> Result<Sender, String> {
    let (name, from) = mailbox("mail.from", &mail.from)?;
    let address = |key: &str, text: &Option<String>| match text {
        Some(text) => mailbox(key, text).map(|(_, address)| Some(address)),
        None => Ok(None),
    };
    let mut sender = Sender::new(from);
    if let Some(name) = name {
        sender.name = name;
    }
    sender.reply_to = address("mail.reply_to", &mail.reply_to)?;
    sender.unsubscribe = address("mail.unsubscribe", &mail.unsubscribe)?;
    Ok(sender)
}

/// `Name <address>` or an address alone.
pub(crate) fn mailbox(key: &str, text: &str) -> Result<(Option<String>, EmailAddress), String> {
    let malformed = || {
        format!(
            "has a malformed mail address at “{key}”; write it like hippo@example.org or \
             LibraryHippo <hippo@example.org>."
        )
    };
    let text = text.trim();
    let (name, address) = match text
        .strip_suffix('>')
        .and_then(|text| text.rsplit_once('<'))
    {
        Some((name, address)) => (
            hippo_core::text::clean(name.trim().trim_matches('"')),
            address,
        ),
        None => (String::new(), text),
    };
    let address = address.trim().parse().map_err(|_| malformed())?;
    Ok(((!name.is_empty()).then_some(name), address))
}

fn smtp_options(home: &Home, smtp: &SmtpConfig) -> Result<SmtpOptions, CommandError> {
    let mut options = SmtpOptions::new(smtp.host.trim());
    (options.tls, options.port) = match smtp.tls {
        Tls::Starttls => (SmtpTls::StartTls, 587),
        Tls::Implicit => (SmtpTls::Implicit, 465),
        Tls::None => (SmtpTls::None, 25),
    };
    if let Some(port) = smtp.port {
        options.port = port;
    }
    options.user.clone_from(&smtp.user);
    options.password = smtp.read_password(home.directory())?;
    if let Some(seconds) = smtp.timeout_seconds {
        options.timeout = Duration::from_secs(seconds);
        options.answer_timeout = Duration::from_secs(seconds);
    }
    if let Some(file) = &smtp.certificate_file {
        let path = home.directory().join(file);
        let certificates = std::fs::read(&path).map_err(|error| {
            CommandError::Unusable(format!("{} cannot be read: {error}.", path.display()))
        })?;
        options.trusted_certificates.push(certificates);
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("hippo@example.org", None, "hippo@example.org")]
    #[case(
        "LibraryHippo <hippo@example.org>",
        Some("LibraryHippo"),
        "hippo@example.org"
    )]
    #[case(
        "\"Hippo, the\" <hippo@localhost>",
        Some("Hippo, the"),
        "hippo@localhost"
    )]
    fn a_mailbox_is_an_address_with_or_without_a_name(
        #[case] text: &str,
        #[case] name: Option<&str>,
        #[case] address: &str,
    ) {
        let (found, parsed) = mailbox("mail.from", text).unwrap();
        assert_eq!((found.as_deref(), parsed.as_str()), (name, address));
    }

    #[rstest]
    #[case("")]
    #[case("hippo")]
    #[case("Hippo <hippo@example.org")]
    #[case("Hippo <>")]
    fn a_malformed_one_is_named_by_its_key_and_not_repeated(#[case] text: &str) {
        let message = mailbox("mail.from", text).unwrap_err();
        assert!(message.contains("mail.from") && message.contains("hippo@example.org"));
    }
}
