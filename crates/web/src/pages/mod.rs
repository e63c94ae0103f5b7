//! The pages.

pub(crate) mod about;
pub(crate) mod cards;
mod changes;
pub(crate) mod console;
pub(crate) mod family;
pub(crate) mod feeds;
pub(crate) mod home;
pub(crate) mod identity;
pub(crate) mod invitation;
pub(crate) mod resubscribe;
pub(crate) mod settings;
pub(crate) mod sign_in;
pub(crate) mod sign_out;
pub(crate) mod unsubscribe;
