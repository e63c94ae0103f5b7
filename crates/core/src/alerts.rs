//! What needs the operator: one telling for each thing, not for each time that it is seen, and
//! nothing in it that may not be there.
//!
//! [`Alert`] is the allow-list: ids, dates, counts and the skeleton of a page are all that it can
//! hold. [`telling`] says who is told, once; [`AfterRun`] is where a run hands over what it found.

pub mod heartbeat;
pub mod notifier;

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureKind, Remedy};
use crate::family::StopReason;
use crate::ids::{FamilyId, Label, LibraryId};
use crate::notice::record::recipients::RecipientState;
use crate::notice::record::{NoticeRecord, NoticeState};
use crate::run::{Job, Run, RunKey};
use crate::seal::KeyId;
use crate::skeleton::Skeleton;
use crate::store::{DamagedRow, StoreResult};

/// One thing that needs a person.
///
/// What a mail to the operator may contain is what fits in here; a text of somebody else's does not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Alert {
    /// A library's pages are not what we know; once for as long as that lasts.
    PageChanged {
        /// The library.
        library: LibraryId,
        /// The day.
        day: NaiveDate,
        /// What the page is made of, without what it says.
        skeleton: Option<Skeleton>,
    },
    /// PINs were sealed for other hosts than a library's entry names; once for each library and day.
    SealedForOtherHosts {
        /// The library.
        library: LibraryId,
        /// The day.
        day: NaiveDate,
    },
    /// PINs were sealed to a key that is not here; once for each library and day.
    UnknownKey {
        /// The library of the cards.
        library: LibraryId,
        /// The key that the envelope names.
        key: KeyId,
        /// The day.
        day: NaiveDate,
    },
    /// A library's pages, of which that was told, are read again.
    PagesReadAgain {
        /// The library.
        library: LibraryId,
        /// Since when they could not be.
        since: DateTime<Utc>,
    },
    /// Dates do not fit the date format of a library's entry; once for as long as that lasts.
    WrongDateFormat {
        /// The library.
        library: LibraryId,
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
    /// Nothing more is sent to a recipient.
    RecipientStopped {
        /// The family.
        family: FamilyId,
        /// Which of its recipients, counted from 1.
        number: usize,
        /// Why.
        reason: StopReason,
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
    /// The clock does not fit what is on record; once for each time that it does not.
    ClockInDoubt {
        /// The time on record: of the last run, or one that is still to come.
        reference: DateTime<Utc>,
        /// What the clock showed.
        now: DateTime<Utc>,
    },
    /// The store was restored from a copy; once for each time.
    StoreRestored {
        /// The day on which it was first used.
        day: NaiveDate,
        /// How many notices are held, since they may have been sent.
        held: usize,
    },
    /// A run began more than a minute before its scheduled time.
    ClockBehindSchedule {
        /// The day for which it was scheduled.
        day: NaiveDate,
        /// By how many seconds ours is behind.
        seconds: i64,
    },
    /// A row of the store cannot be understood and is left out; once for each row.
    DamagedRow {
        /// The table it stands in.
        table: String,
        /// Its id there.
        id: String,
    },
    /// Something was noted by a newer version than the one that runs, which cannot tell it.
    NewerAlert {
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

/// What makes a alert one thing: however often it is seen, it is told once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlertKey(String);

impl AlertKey {
    /// As stores keep it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Alert {
    /// What makes it one thing.
    pub fn key(&self) -> AlertKey {
        AlertKey(match self {
            Self::SealedForOtherHosts { library, day } => {
                format!("sealed-for-other-hosts/{library}/{day}")
            }
            Self::UnknownKey { library, day, .. } => format!("unknown-key/{library}/{day}"),
            Self::PageChanged { library, .. } => format!("page-changed/{library}"),
            Self::PagesReadAgain { library, since } => {
                format!("pages-read-again/{library}/{}", time(*since))
            }
            Self::WrongDateFormat { library } => format!("wrong-date-format/{library}"),
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
                reason,
                day,
            } => format!(
                "recipient-stopped/{family}/{number}/{}/{day}",
                reason.as_str()
            ),
            Self::RecipientUnreached {
                family,
                date,
                number,
                ..
            } => format!("recipient-unreached/{family}/{number}/{date}"),
            Self::ClockWrong { day, .. } => format!("clock-wrong/{day}"),
            Self::ClockInDoubt { reference, .. } => format!("clock-in-doubt/{}", time(*reference)),
            Self::StoreRestored { day, .. } => format!("store-restored/{day}"),
            Self::ClockBehindSchedule { day, .. } => format!("clock-behind-schedule/{day}"),
            Self::DamagedRow { table, id } => format!("damaged-row/{table}/{id}"),
            Self::NewerAlert { day } => format!("newer-alert/{day}"),
        })
    }

    /// Whose work it is about, if it is one job's.
    pub fn job(&self) -> Option<Job> {
        match self {
            Self::PageChanged { .. }
            | Self::SealedForOtherHosts { .. }
            | Self::UnknownKey { .. }
            | Self::PagesReadAgain { .. }
            | Self::WrongDateFormat { .. }
            | Self::LibraryDown { .. } => Some(Job::CheckCards),
            Self::RunFailed { run, .. } | Self::RunLost { run } | Self::RunTooLate { run } => {
                Some(run.job)
            }
            Self::RunsMissed { job, .. } => Some(*job),
            Self::NoNotice { .. }
            | Self::NewerNotice { .. }
            | Self::RecipientStopped { .. }
            | Self::ClockInDoubt { .. }
            | Self::StoreRestored { .. }
            | Self::RecipientUnreached { .. } => Some(Job::NotifyAll),
            Self::ClockWrong { .. }
            | Self::ClockBehindSchedule { .. }
            | Self::DamagedRow { .. }
            | Self::NewerAlert { .. } => None,
        }
    }

    /// What happened, in one sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::PageChanged { library, .. } => {
                format!("The pages of {library} are not what LibraryHippo knows.")
            }
            Self::SealedForOtherHosts { library, .. } => format!(
                "A PIN wasn't sent: it was sealed for other hosts than the entry of {library} names now."
            ),
            Self::UnknownKey { library, key, .. } => {
                format!("A PIN of {library} was sealed to the key {key}, which isn't here.")
            }
            Self::PagesReadAgain { library, since } => {
                format!(
                    "The pages of {library} can be read again; they could not since {}.",
                    time(*since)
                )
            }
            Self::WrongDateFormat { library } => {
                format!("The date format in the entry of {library} does not fit its dates.")
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
                reason,
                ..
            } => {
                let why = match reason {
                    StopReason::Bounced => "could not be reached, for good",
                    StopReason::Complained => "complained about a mail",
                    StopReason::Suppressed => {
                        "is on the mail service's suppression list, so it sent no mail"
                    }
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
            Self::ClockInDoubt { reference, now } if reference < now => format!(
                "The clock shows {}, but the last run was at {}: this run sent nothing.",
                time(*now),
                time(*reference)
            ),
            Self::ClockInDoubt { reference, now } => format!(
                "The clock shows {}, but {} is already on record: this run sent nothing.",
                time(*now),
                time(*reference)
            ),
            Self::StoreRestored { held: 0, .. } => {
                "The store was restored from a copy. No notice is held.".to_owned()
            }
            Self::StoreRestored { held: 1, .. } => {
                "The store was restored from a copy. One notice is held, since it may have been sent."
                    .to_owned()
            }
            Self::StoreRestored { held, .. } => format!(
                "The store was restored from a copy. {held} notices are held, since they may have been sent."
            ),
            Self::ClockBehindSchedule { seconds, .. } => format!(
                "A run began {seconds} seconds before its scheduled time: the clock of the machine is behind the scheduler's."
            ),
            Self::DamagedRow { table, id } => {
                format!("A row in the store is damaged and left out: {id} in {table}.")
            }
            Self::NewerAlert { .. } => {
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
            Self::SealedForOtherHosts { .. } => {
                "Nobody but “hippo library edit” should change a library's hosts: look at its entry, and correct it with “hippo library edit”. If the entry is right, set the PIN with “hippo card set-pin”."
            }
            Self::UnknownKey { .. } => {
                "Put the private key back from its copy, or set the PIN with “hippo card set-pin”."
            }
            Self::PagesReadAgain { .. } => "There is nothing to do.",
            Self::WrongDateFormat { .. } => {
                "“hippo library edit ID --date-format FORMAT” sets it; the next check then reads its pages."
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
            Self::RecipientStopped {
                reason: StopReason::Suppressed,
                ..
            } => {
                "Take the address off the mail service's suppression list, then allow it with “hippo family allow-recipient”."
            }
            Self::RecipientStopped { .. } => {
                "Ask the family for another address, or allow this one again with “hippo family allow-recipient”."
            }
            Self::ClockInDoubt { .. } => {
                "If the clock is right, do nothing: the next run goes on. If it is wrong, set it."
            }
            Self::StoreRestored { .. } => {
                "“hippo notices” shows today's; ask the family, and send one by hand with “hippo notices resend”."
            }
            Self::RecipientUnreached { .. } => {
                "“hippo notices” says why. Correct the address, or send the notice to everybody again with “hippo notices resend”."
            }
            Self::ClockWrong { .. } | Self::ClockBehindSchedule { .. } => {
                "Set the clock; let it be kept by a time service."
            }
            Self::DamagedRow { .. } => {
                "A check rewrites a damaged account. For anything else restore a backup, or remove it and add it again."
            }
            Self::NewerAlert { .. } => {
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
        let library = library.clone();
        match failure.kind {
            _ if failure.remedy == Some(Remedy::SetDateFormat) => {
                Some(Self::WrongDateFormat { library })
            }
            FailureKind::PageChanged => Some(Self::PageChanged {
                library,
                day,
                skeleton: failure.skeleton.clone(),
            }),
            FailureKind::SealedForOtherHosts => Some(Self::SealedForOtherHosts { library, day }),
            _ => None,
        }
    }

    /// Groups things that have the same advice, in the order in which each advice comes first.
    pub fn by_advice<'a>(
        alerts: impl IntoIterator<Item = &'a Self>,
    ) -> Vec<(&'static str, Vec<&'a Self>)> {
        let mut groups: Vec<(&'static str, Vec<&Self>)> = Vec::new();
        for alert in alerts {
            let advice = alert.advice();
            match groups.iter_mut().find(|(known, _)| *known == advice) {
                Some((_, group)) => group.push(alert),
                None => groups.push((advice, vec![alert])),
            }
        }
        groups
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

impl From<DamagedRow> for Alert {
    fn from(row: DamagedRow) -> Self {
        Self::DamagedRow {
            table: row.table,
            id: row.id,
        }
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
    async fn note(&self, alerts: &[Alert]) -> StoreResult<()>;

    /// Does what is to be done when a run has begun; must not fail it: it handles its own errors.
    async fn before_run(&self, _run: &Run) {}

    /// Does what is to be done after a run that began, or that came too late to begin; must not
    /// fail it: it handles its own errors.
    async fn after_run(&self, run: &Run);
}

#[cfg(test)]
mod tests;
