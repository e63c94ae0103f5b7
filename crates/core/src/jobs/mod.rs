//! The jobs: scheduled work, written against the traits for all that is outside.
//!
//! [`planning`] cuts the cards into visits, [`visit`] checks the cards of one; [`tick`] plans the
//! notices that are due and settles those that nobody will, [`notify_family`] sends one, once, and
//! [`evidence`] takes the mail service's word for what became of it. On one machine [`check_cards`] and
//! [`notify_all`] do all of that in one process; [`hand_out_visits`] and [`hand_out_notices`] plan
//! the same and give it to a queue. [`ledger`] puts a run on record.

pub mod check_cards;
mod clock_doubt;
pub mod evidence;
pub mod hand_out_notices;
pub mod hand_out_visits;
pub mod keys;
pub mod ledger;
pub mod notify_all;
pub mod notify_family;
pub mod planning;
mod restore;
pub mod tick;
pub mod visit;

#[cfg(test)]
pub(crate) mod testing;

use async_trait::async_trait;

use crate::notice::render::RenderError;
use crate::queue::QueueError;
use crate::seal::SealError;
use crate::store::StoreError;

/// Why a job could not do its work. What a site does is an outcome, never an error of a job.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys are not there or do not open what is stored.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A notice could not be put into words.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Work could not be handed out.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The job's own code broke off. What it said is not repeated: it may name a person.
    #[error(
        "The job broke off with a panic, which is a fault of LibraryHippo; please report the lines of the log around it."
    )]
    Panicked,
}

/// Tells a job that a person, or the system, wants it to stop.
#[async_trait]
pub trait StopRequest: Send + Sync {
    /// Whether it is to stop; asked between two pieces of work.
    fn is_asked(&self) -> bool;

    /// Comes back once what was begun may take no longer; never before it is to stop.
    ///
    /// By default never: what was begun is finished.
    async fn grace_is_over(&self) {
        std::future::pending().await
    }
}

impl<F: Fn() -> bool + Send + Sync> StopRequest for F {
    fn is_asked(&self) -> bool {
        self()
    }
}

/// Whoever asks a job to stop.
pub type StopSignal<'a> = &'a dyn StopRequest;
