//! Whole notices: what goes in, and the mail that comes out.

mod accounts;
mod fixture;
mod holds;
mod leaving;
mod news;
mod properties;
mod snapshots;
mod trouble;
