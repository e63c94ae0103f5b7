//! `check-cards`: reads every card's account.
//!
//! [`plan`] cuts the cards into visits and [`visit`] checks the cards of one. [`run`] makes the
//! visits in this process; [`enqueue`] sends them to a queue for workers. [`dry_run`] plans
//! without recording anything.

pub mod dry_run;
pub mod enqueue;
mod input;
pub mod key_cache;
pub mod plan;
pub mod run;
pub mod visit;

pub use input::CheckCardsInput;
