//! LibraryHippo on one machine: SQLite, mail to a folder or by SMTP, the key file.

pub mod clock;
pub mod gate;
pub mod key_file;
pub mod mail;
pub mod sqlite;
