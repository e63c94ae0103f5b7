//! The mail service that the configuration names.

use std::time::Duration;

use hippo_core::mail::Mailer;
use hippo_local::mail::{FolderMailer, SmtpMailer, SmtpOptions, SmtpTls};

use crate::config::{Config, SmtpConfig, Tls, Transport};
use crate::exit::CommandError;
use crate::home::Home;

/// Creates the mailer that the configuration names, without connecting.
pub(crate) fn mailer(home: &Home, config: &Config) -> Result<Box<dyn Mailer>, CommandError> {
    let sender = config.mail.sender().map_err(|message| {
        CommandError::unusable(format!("{} {message}", home.config().display()))
    })?;
    match (config.mail.transport, &config.mail.smtp) {
        (Transport::Smtp, Some(smtp)) => {
            let mailer = SmtpMailer::new(smtp_options(home, smtp)?, sender).map_err(|error| {
                CommandError::unusable(format!("{}, [mail.smtp]: {error}", home.config().display()))
            })?;
            Ok(Box::new(mailer))
        }
        _ => Ok(Box::new(FolderMailer::new(home.mail_folder(), sender))),
    }
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
            CommandError::unusable(format!("Can't read {}.", path.display())).caused_by(error)
        })?;
        options.trusted_certificates.push(certificates);
    }
    Ok(options)
}
