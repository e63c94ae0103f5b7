//! The pages over the store in memory: the router is called without a network.
//!
//! One binary, so that shared code is linked once.
// Test helpers may panic, as tests do.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub
)]

mod audit;
mod console;
mod family_cards;
mod family_pages;
mod family_recipients;
mod feeds;
mod form_tokens;
mod guards;
mod identities;
mod identity_refusals;
mod limits;
mod logs;
mod races;
mod roles;
mod signing_in;
mod store_away;
mod tokens;
mod two_tabs;
mod unsubscribe;
mod web;
