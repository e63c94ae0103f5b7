//! The post on one machine: to a folder, or by SMTP.

mod outbox;
mod smtp;

pub use outbox::OutboxMailer;
pub use smtp::{SmtpMailer, SmtpOptions, SmtpOptionsError, SmtpTls};
