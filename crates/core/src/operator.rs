//! What needs the operator: one telling for each thing, not for each time that it is seen, and
//! nothing in it that may not be there.
//!
//! [`Concern`] is the allow-list: ids, dates, counts and the skeleton of a page are all that it can
//! hold. [`telling`] says who is told, once; [`AfterRun`] is where a run hands over what it found.

pub mod skeleton;
pub mod telling;

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureKind};
use crate::ids::{FamilyId, Label, LibraryId};
use crate::jobs::JobError;
use crate::notice::record::recipients::RecipientState;
use crate::notice::record::{NoticeRecord, NoticeState};
use crate::run::{Job, Run, RunKey};
use crate::store::StoreResult;
use skeleton::Skeleton;

/// One thing that needs a person.
///
/// What a mail to the operator may contain is what fits in here; a text of somebody else's does not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Concern {
    /// A library's pages are not what we know; once for each library and day.
    PageChanged {
        /// The library.
        library: LibraryId,
        /// The day.
        day: NaiveDate,
        /// What the page is made of, without what it says.
        skeleton: Option<Skeleton>,
    },
    /// A library has not answered for a day; once for each time that it is down.
    LibraryDown {
        /// The library.
        library: LibraryId,
        /// Since when.
        since: DateTime<Utc>,
    },
    /// A run could not do its work; once for each label, fault and day.
    RunFailed {
        /// The run.
        run: RunKey,
        /// What failed.
        fault: Fault,
    },
    /// A run stopped reporting; once for each label and day.
    RunLost {
        /// The run.
        run: RunKey,
    },
    /// A run came too late to begin, and is on record as missed; once for each label and day.
    RunTooLate {
        /// The run.
        run: RunKey,
    },
    /// Runs of a label never came.
    RunsMissed {
        /// The job.
        job: Job,
        /// The label.
        label: Label,
        /// The first of them.
        first: DateTime<Utc>,
        /// The last of them.
        last: DateTime<Utc>,
        /// How many.
        count: usize,
    },
    /// A family has no notice for a day: it was given up, failed, or nothing planned it.
    NoNotice {
        /// The family.
        family: FamilyId,
        /// Its local date.
        date: NaiveDate,
        /// How it ended.
        state: NoticeState,
    },
    /// A notice was written by a newer version than the one that runs.
    NewerNotice {
        /// The family.
        family: FamilyId,
        /// Its local date.
        date: NaiveDate,
    },
    /// A recipient's mail came back for good, or the recipient complained: nothing more is sent there.
    RecipientStopped {
        /// The family.
        family: FamilyId,
        /// Which of its recipients, counted from 1.
        number: usize,
        /// It was a complaint.
        complained: bool,
        /// The day on which it was stopped.
        day: NaiveDate,
    },
    /// The others of a family have a notice, and this recipient has not, or nobody can know.
    RecipientUnreached {
        /// The family.
        family: FamilyId,
        /// The notice's local date.
        date: NaiveDate,
        /// Which of its recipients, counted from 1.
        number: usize,
        /// Nobody can know whether the mail left.
        in_doubt: bool,
    },
    /// The clock here and the store's are more than a minute apart.
    ClockWrong {
        /// The day on which it was seen.
        day: NaiveDate,
        /// By how many seconds ours is ahead.
        seconds: i64,
    },
    /// A run began more than a minute before its scheduled time.
    ClockBehindSchedule {
        /// The day for which it was scheduled.
        day: NaiveDate,
        /// By how many seconds ours is behind.
        seconds: i64,
    },
    /// Something was noted by a newer version than the one that runs, which cannot tell it.
    NewerConcern {
        /// The day on which it was found.
        day: NaiveDate,
    },
}

/// What kept a run from doing its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The store.
    Store,
    /// The keys.
    Keys,
    /// A template.
    Template,
    /// A queue.
    Queue,
    /// The code itself.
    Panic,
}

impl Fault {
    /// The name in keys.
    fn as_str(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Keys => "keys",
            Self::Template => "template",
            Self::Queue => "queue",
            Self::Panic => "panic",
        }
    }
}

impl From<&JobError> for Fault {
    fn from(error: &JobError) -> Self {
        match error {
            JobError::Store(_) => Self::Store,
            JobError::Seal(_) => Self::Keys,
            JobError::Render(_) => Self::Template,
            JobError::Queue(_) => Self::Queue,
            JobError::Panicked => Self::Panic,
        }
    }
}

/// What makes a concern one thing: however often it is seen, it is told once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConcernKey(String);

impl ConcernKey {
    /// As stores keep it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConcernKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Concern {
    /// What makes it one thing.
    pub fn key(&self) -> ConcernKey {
        ConcernKey(match self {
            Self::PageChanged { library, day, .. } => format!("page-changed/{library}/{day}"),
            Self::LibraryDown { library, since } => {
                format!("library-down/{library}/{}", time(*since))
            }
            // What keeps one run from its work keeps the next from it, a quarter of an hour later.
            Self::RunFailed { run, fault } => {
                format!("run-failed/{}/{}", fault.as_str(), label_and_day(run))
            }
            Self::RunLost { run } => format!("run-lost/{}", label_and_day(run)),
            Self::RunTooLate { run } => format!("run-too-late/{}", label_and_day(run)),
            Self::RunsMissed {
                job, label, first, ..
            } => format!("runs-missed/{job}/{label}/{}", time(*first)),
            Self::NoNotice { family, date, .. } => format!("no-notice/{family}/{date}"),
            Self::NewerNotice { family, date } => format!("newer-notice/{family}/{date}"),
            Self::RecipientStopped {
                family,
                number,
                day,
                ..
            } => format!("recipient-stopped/{family}/{number}/{day}"),
            Self::RecipientUnreached {
                family,
                date,
                number,
                ..
            } => format!("recipient-unreached/{family}/{number}/{date}"),
            Self::ClockWrong { day, .. } => format!("clock-wrong/{day}"),
            Self::ClockBehindSchedule { day, .. } => format!("clock-behind-schedule/{day}"),
            Self::NewerConcern { day } => format!("newer-concern/{day}"),
        })
    }

    /// Whose work it is about, if it is one job's.
    pub fn job(&self) -> Option<Job> {
        match self {
            Self::PageChanged { .. } | Self::LibraryDown { .. } => Some(Job::CheckCards),
            Self::RunFailed { run, .. } | Self::RunLost { run } | Self::RunTooLate { run } => {
                Some(run.job)
            }
            Self::RunsMissed { job, .. } => Some(*job),
            Self::NoNotice { .. }
            | Self::NewerNotice { .. }
            | Self::RecipientStopped { .. }
            | Self::RecipientUnreached { .. } => Some(Job::NotifyAll),
            Self::ClockWrong { .. }
            | Self::ClockBehindSchedule { .. }
            | Self::NewerConcern { .. } => None,
        }
    }

    /// What happened, in one sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::PageChanged { library, .. } => {
                format!("The pages of {library} are not what LibraryHippo knows.")
            }
            Self::LibraryDown { library, since } => {
                format!("{library} has not answered since {}.", time(*since))
            }
            Self::RunFailed { run, fault } => {
                let what = match fault {
                    Fault::Store => "the store was not usable",
                    Fault::Keys => "the keys were not usable",
                    Fault::Template => "a notice could not be put into words",
                    Fault::Queue => "the queue did not take the work",
                    Fault::Panic => "its code broke off",
                };
                format!("The run {run} failed: {what}.")
            }
            Self::RunLost { run } => format!("The run {run} stopped reporting and is lost."),
            Self::RunTooLate { run } => {
                format!("The run {run} came too late to begin, and is missed.")
            }
            Self::RunsMissed {
                job,
                label,
                first,
                count: 1,
                ..
            } => format!("The run of {job}/{label} for {} never came.", time(*first)),
            Self::RunsMissed {
                job,
                label,
                first,
                last,
                count,
            } => format!(
                "{count} of the runs of {job}/{label} never came, from {} to {}.",
                time(*first),
                time(*last)
            ),
            Self::NoNotice {
                family,
                date,
                state,
            } => {
                let what = match state {
                    NoticeState::GaveUp => "was given up: nobody knows whether it left",
                    NoticeState::Missed => "was missed: nothing planned it while its day lasted",
                    _ => "could not be sent",
                };
                format!("The notice of {family} for {date} {what}.")
            }
            Self::NewerNotice { family, date } => {
                format!("The notice of {family} for {date} was written by a newer version.")
            }
            Self::RecipientStopped {
                family,
                number,
                complained,
                ..
            } => {
                let why = if *complained {
                    "complained about a mail"
                } else {
                    "could not be reached, for good"
                };
                format!("Recipient {number} of {family} {why}; nothing more is sent there.")
            }
            Self::RecipientUnreached {
                family,
                date,
                number,
                in_doubt: false,
            } => format!(
                "The mail server refused recipient {number} of {family}: no notice for {date}. The others have theirs."
            ),
            Self::RecipientUnreached {
                family,
                date,
                number,
                in_doubt: true,
            } => format!(
                "We can’t tell whether recipient {number} of {family} got the notice for {date}. The others have theirs."
            ),
            Self::ClockWrong { seconds, .. } => format!(
                "The clock of the machine is {} seconds {} the store's.",
                seconds.unsigned_abs(),
                if *seconds < 0 { "behind" } else { "ahead of" }
            ),
            Self::ClockBehindSchedule { seconds, .. } => format!(
                "A run began {seconds} seconds before its scheduled time: the clock of the machine is behind the scheduler's."
            ),
            Self::NewerConcern { .. } => {
                "Something that needs you was noted by a newer version than the one that runs."
                    .to_owned()
            }
        }
    }

    /// What a person can do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::PageChanged { .. } => {
                "“hippo status” says what was met and what to do; a newer version may know the page."
            }
            Self::LibraryDown { .. } => {
                "See whether its site opens in a browser, and whether its address is still right."
            }
            Self::RunFailed { .. } | Self::RunLost { .. } => {
                "“hippo runs show” has the run; the log around its time says more."
            }
            Self::RunsMissed { .. } => {
                "See whether the schedule is switched on and the machine was running."
            }
            Self::RunTooLate { .. } => {
                "See what held up the schedule; “start_within_minutes” of its label says how late a run may begin."
            }
            Self::NoNotice { state, .. } => match state {
                NoticeState::Missed => {
                    "Its day is over, and it is not sent any more. See whether the schedule of “notify-all” is switched on and the machine was running."
                }
                NoticeState::GaveUp => {
                    "Ask the family whether it came; while its day lasts, “hippo notices resend” sends it again."
                }
                _ => {
                    "“hippo notices” says why; once that is mended, “hippo notices resend” sends it while its day lasts."
                }
            },
            Self::NewerNotice { .. } => "Run one version everywhere; the notice is left alone.",
            Self::RecipientStopped { .. } => {
                "Ask the family for another address, or allow this one again with “hippo family allow-recipient”."
            }
            Self::RecipientUnreached { .. } => {
                "“hippo notices” says why. Correct the address, or send the notice to everybody again with “hippo notices resend”."
            }
            Self::ClockWrong { .. } | Self::ClockBehindSchedule { .. } => {
                "Set the clock; let it be kept by a time service."
            }
            Self::NewerConcern { .. } => {
                "Run one version everywhere; the newer one tells what it is."
            }
        }
    }

    /// What the operator should know of a notice in this state, if anything.
    pub fn of_notice(notice: &NoticeRecord) -> Option<Self> {
        let (family, date) = (notice.family.clone(), notice.date);
        match notice.state {
            NoticeState::GaveUp | NoticeState::Failed | NoticeState::Missed => {
                Some(Self::NoNotice {
                    family,
                    date,
                    state: notice.state,
                })
            }
            NoticeState::Newer => Some(Self::NewerNotice { family, date }),
            _ => None,
        }
    }

    /// What the operator should know of the recipients of a notice that the others have.
    pub fn of_recipients(notice: &NoticeRecord) -> Vec<Self> {
        if notice.state != NoticeState::Sent {
            return Vec::new();
        }
        notice
            .unreached_recipients()
            .map(|recipient| Self::RecipientUnreached {
                family: notice.family.clone(),
                date: notice.date,
                number: recipient.number,
                in_doubt: recipient.state == RecipientState::Unknown,
            })
            .collect()
    }

    /// What the operator should know of a failed check at a library, if anything.
    pub fn of_failure(library: &LibraryId, failure: &Failure, day: NaiveDate) -> Option<Self> {
        (failure.kind == FailureKind::PageChanged).then(|| Self::PageChanged {
            library: library.clone(),
            day,
            skeleton: failure.skeleton.clone(),
        })
    }

    /// What the operator should know of the runs of a label that never came: one thing.
    pub fn of_missed(job: Job, label: &Label, times: &[DateTime<Utc>]) -> Option<Self> {
        let (first, last) = (times.iter().min()?, times.iter().max()?);
        Some(Self::RunsMissed {
            job,
            label: label.clone(),
            first: *first,
            last: *last,
            count: times.len(),
        })
    }
}

/// What the runs of a label have in common for a day.
fn label_and_day(run: &RunKey) -> String {
    let day = run.scheduled_time.date_naive();
    format!("{}/{}/{day}", run.job, run.label)
}

fn time(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// What a run does about what needs the operator, and what follows it.
#[async_trait]
pub trait AfterRun: Send + Sync {
    /// Puts things on record; an error means that one of them may not be.
    ///
    /// A thing of which the record would never speak again is put there first: whoever crashes
    /// before the step that it is about leaves something to be told, and not silence.
    async fn note(&self, concerns: &[Concern]) -> StoreResult<()>;

    /// Does what is to be done after a run that began, or that came too late to begin; must not
    /// fail it: it handles its own errors.
    async fn after_run(&self, run: &Run);
}

#[cfg(test)]
mod tests;
