//! Whole notices, from the accounts to the mail.

mod accounts;
pub(crate) mod fixture;
mod holds;
mod leaving;
mod news;
pub(crate) mod properties;
mod snapshots;
mod trouble;
