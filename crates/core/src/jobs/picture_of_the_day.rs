//! `picture-of-the-day`: sends each family that wants it the picture of its local date.
//!
//! It plans and sends its mails as [`notify`](super::notify) does, but only those with pictures.

use async_trait::async_trait;

use super::notify::NotifyAllInput;
use super::notify::run::NotifyAll;
use super::{JobError, RunError};
use crate::run::JobName;
use crate::run::job::Job;
use crate::run::ledger::{OpenRun, RunPlan};

/// How many pictures are sent at a time. A picture of 5 MB takes about 20 MB of memory while it is sent.
const MAX_CONCURRENCY: usize = 3;

/// `picture-of-the-day` in this process: plans and sends every due picture.
///
/// Its ports hold the composers of
/// [`PictureComposer::into_composers`](super::notify::picture::PictureComposer::into_composers).
pub struct PictureOfTheDay<'a>(pub NotifyAll<'a>);

#[async_trait]
impl Job for PictureOfTheDay<'_> {
    const NAME: JobName = JobName::PICTURE_OF_THE_DAY;
    // Each mail is claimed by one of two runs.
    const MAY_OVERLAP: bool = true;
    type Input = NotifyAllInput;
    type Summary = ();

    async fn check_start<'p>(&self, plan: RunPlan<'p>) -> Result<RunPlan<'p>, RunError> {
        self.0.check_start(plan).await
    }

    async fn run(&self, run: &OpenRun<'_>, input: &NotifyAllInput) -> Result<(), JobError> {
        self.0.send_all(run, input, MAX_CONCURRENCY).await
    }
}
