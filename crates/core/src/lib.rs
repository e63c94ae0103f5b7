//! The domain of LibraryHippo: cards and their accounts, notices to families, and the jobs that
//! keep both up to date.
//!
//! Nothing here knows a network, a database, a cloud or a clock. Each is behind a trait ([`store`],
//! [`mail::Mailer`], [`site::LibrarySite`], [`clock::Clock`], [`seal::PrivateKeySource`],
//! [`queue`]).

pub mod account;
pub mod alerts;
pub mod audit;
pub mod card;
pub mod card_secrets;
pub mod check;
pub mod clock;
pub mod content_hash;
pub mod email_address;
pub mod failure;
pub mod family;
pub mod feed;
pub mod former_recipient;
pub mod ids;
pub mod invitation;
pub mod jobs;
pub mod library;
pub mod mail;
pub mod message;
pub mod notice;
pub mod outbox;
pub mod picture;
pub mod public_url;
pub mod queue;
pub mod retention;
pub mod run;
pub mod schedule;
pub mod seal;
pub mod sign_in;
pub mod site;
pub mod skeleton;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod text;
pub mod time_format;
pub mod transfer;
pub mod unsubscribe;
