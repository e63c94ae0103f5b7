//! LibraryHippo on one machine: SQLite, mail to a folder or by SMTP, the key file,
//! the sign of life.

pub mod clock;
pub mod gate;
pub mod key_files;
pub mod mail;
pub mod ping;
pub mod sqlite;
