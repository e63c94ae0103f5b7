//! Describes SMTP failures for the operator.
//!
//! Servers repeat addresses in their replies, so only the reply codes are kept.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use lettre::transport::smtp::Error as SmtpError;
use rustls::CertificateError;

/// A step of the SMTP conversation. Its text fits after “at” and “to”.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SmtpStep {
    Greeting,
    Encryption,
    Login,
    Sender,
    Recipient,
    Message,
    End,
}

impl fmt::Display for SmtpStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "the greeting",
            Self::Encryption => "the request for encryption",
            Self::Login => "the login",
            Self::Sender => "the sender",
            Self::Recipient => "the recipient",
            Self::Message => "the message",
            Self::End => "the end of the message",
        })
    }
}

/// Why a step failed.
#[derive(Debug)]
pub(super) enum SmtpFault {
    /// The server refused, or the connection broke.
    Smtp(SmtpError),
    /// The server didn't answer within this time.
    Timeout(Duration),
}

impl SmtpFault {
    /// The server's refusal, if that is the cause.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        let Self::Smtp(error) = self else {
            return None;
        };
        let code = error.status()?.to_string();
        let text = error.source().map(ToString::to_string).unwrap_or_default();
        let enhanced = text
            .split_whitespace()
            .next()
            .filter(|word| is_status(word));
        Some(Refusal {
            is_permanent: error.is_permanent(),
            // 421: the service shuts down. 530, 535 and 538 concern the login.
            is_about_service: matches!(code.as_str(), "421" | "530" | "535" | "538"),
            closing: code == "421",
            codes: match enhanced {
                Some(enhanced) => format!("{code} {enhanced}"),
                None => code,
            },
        })
    }

    /// Describes the failure at `step` in one sentence.
    pub(super) fn describe(&self, step: SmtpStep) -> String {
        if let Some(refusal) = self.refusal() {
            return format!("The mail server answered {} to {step}.", refusal.codes);
        }
        match self {
            Self::Timeout(limit) => format!(
                "The mail server didn't answer {step} within {} s.",
                limit.as_secs_f32().ceil()
            ),
            Self::Smtp(error) => match cause(error) {
                Some(Cause::Tls(words)) => {
                    format!("We couldn't make an encrypted connection to the mail server: {words}.")
                }
                Some(Cause::Io(words)) => {
                    format!("The connection to the mail server broke at {step}: {words}.")
                }
                None => format!(
                    "The mail server hung up at {step}, or gave an answer that we couldn't \
                     understand."
                ),
            },
        }
    }
}

/// A server's refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The status code and, where given, the enhanced one: `550 5.1.1`.
    pub(super) codes: String,
    /// A 5xx.
    pub(super) is_permanent: bool,
    /// It concerns the service or the login, not this mail.
    pub(super) is_about_service: bool,
    /// The server closes the connection after it.
    pub(super) closing: bool,
}

/// Whether a word is an enhanced status code, such as `5.1.1`.
fn is_status(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    parts.len() == 3
        && parts.iter().all(|part| {
            (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        })
}

enum Cause {
    Tls(&'static str),
    Io(&'static str),
}

fn cause(error: &SmtpError) -> Option<Cause> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(Cause::Tls(tls_reason(error)));
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            // An I/O error doesn't return the error that it wraps as its source.
            if let Some(error) = error
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<rustls::Error>())
            {
                return Some(Cause::Tls(tls_reason(error)));
            }
            return Some(Cause::Io(io_reason(error)));
        }
        next = error.source();
    }
    None
}

fn tls_reason(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(error) => match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate isn't valid yet; is the clock right?"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another host name"
            }
            CertificateError::UnknownIssuer => {
                "this machine doesn't trust the issuer of its certificate"
            }
            CertificateError::Revoked => "its certificate was revoked",
            _ => "its certificate isn't valid",
        },
        rustls::Error::InvalidMessage(_) => "it doesn't speak TLS here; is the port right?",
        _ => "it and this machine couldn't agree on an encryption",
    }
}

/// Describes an I/O error without addresses.
pub(super) fn io_reason(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused",
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => "the server hung up",
        io::ErrorKind::TimedOut => "no answer",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "its network can't be reached"
        }
        _ => "a network error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enhanced_status_has_three_numbers() {
        assert!(is_status("5.1.1") && is_status("4.7.650"));
        for word in [
            "5.1",
            "pat@example.org",
            "5.1.1.1",
            "5..1",
            "127.0.0",
            "5.a.1",
            "",
        ] {
            assert_eq!(is_status(word), word == "127.0.0", "{word}");
        }
    }
}
