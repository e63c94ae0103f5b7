//! Whole notices, from the accounts to the mail.

mod accounts;
mod fixture;
mod holds;
mod leaving;
mod news;
mod properties;
mod snapshots;
mod trouble;
