//! The options of the SMTP mailer.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use lettre::transport::smtp::client::{Certificate, TlsParameters};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::SecretString;

/// The longest wait for the reply to the end of a message.
pub(super) const MAX_REPLY_TIMEOUT: Duration = Duration::from_secs(60);

/// How the connection to the server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// By `STARTTLS`, usually on port 587. If the server doesn't offer it, nothing is sent.
    StartTls,
    /// From the first byte, usually on port 465.
    Implicit,
    /// Not at all. Only allowed for a server on this machine.
    None,
}

/// How to reach the SMTP server.
#[derive(Clone)]
pub struct SmtpOptions {
    /// The server's host name. Its certificate must be for this name.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: SmtpTls,
    /// The user name. `None` means no login.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<SecretString>,
    /// How long one step may take. All steps before the end of the message may take 55 s together.
    pub timeout: Duration,
    /// How long to wait for the reply to the end of the message, at most 60 s.
    pub answer_timeout: Duration,
    /// The shortest pause before the end of a message, at most 10 s. It shows whether the server has
    /// hung up within the message.
    pub pause_before_end: Duration,
    /// Certificates (PEM) to trust besides those that the machine trusts.
    pub trusted_certificates: Vec<Vec<u8>>,
}

impl SmtpOptions {
    /// The server `host` on the usual port, with `STARTTLS` and no login.
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: 587,
            tls: SmtpTls::StartTls,
            user: None,
            password: None,
            timeout: Duration::from_secs(20),
            answer_timeout: MAX_REPLY_TIMEOUT,
            pause_before_end: Duration::from_millis(50),
            trusted_certificates: Vec::new(),
        }
    }
}

impl fmt::Debug for SmtpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpOptions")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// What is wrong with the options. Names neither user nor password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SmtpOptionsError {
    /// There is no host.
    #[error("The mail server's host is empty.")]
    NoHost,
    /// Mails and passwords would be sent unencrypted.
    #[error(
        "Only a mail server on this machine (localhost) may be used without encryption. Choose \
         STARTTLS or implicit TLS."
    )]
    NotEncrypted,
    /// A user without a password or the other way round.
    #[error("A login to the mail server needs both a user and a password.")]
    IncompleteLogin,
    /// A certificate cannot be read.
    #[error("The trusted certificate isn't in PEM format.")]
    BadCertificate,
    /// No certificate can be verified.
    #[error(
        "This machine trusts no certificates, so it can't make an encrypted connection. Install \
         them; the package is often called ca-certificates."
    )]
    NoTrust,
}

pub(super) fn tls_parameters(options: &SmtpOptions) -> Result<TlsParameters, SmtpOptionsError> {
    let mut builder = TlsParameters::builder(options.host.clone());
    for pem in &options.trusted_certificates {
        let mut has_certificate = false;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate
                .ok()
                .and_then(|der| Certificate::from_der(der.to_vec()).ok())
                .ok_or(SmtpOptionsError::BadCertificate)?;
            builder = builder.add_root_certificate(certificate);
            has_certificate = true;
        }
        if !has_certificate {
            return Err(SmtpOptionsError::BadCertificate);
        }
    }
    builder.build().map_err(|_| {
        if options.trusted_certificates.is_empty() {
            SmtpOptionsError::NoTrust
        } else {
            SmtpOptionsError::BadCertificate
        }
    })
}

pub(super) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
