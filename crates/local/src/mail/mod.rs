//! Mail on one machine: to a folder, or by SMTP.

mod folder;
mod smtp;

pub use folder::FolderMailer;
pub use smtp::{SmtpMailer, SmtpOptions, SmtpOptionsError, SmtpTls};
