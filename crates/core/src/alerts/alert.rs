//! What the operator must see, and what makes it one alert.

use std::fmt;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureKind, Remedy};
use crate::family::StopReason;
use crate::ids::{FamilyId, Label, LibraryId};
use crate::outbox::{MailKey, MailKind, MailState, OutboxRecord, RecipientState};
use crate::run::{Job, RunKey};
use crate::seal::KeyId;
use crate::skeleton::Skeleton;

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
        /// The kind of the mail.
        mail: MailKind,
        /// The family.
        family: FamilyId,
        /// Its local date.
        date: NaiveDate,
        /// How it ended.
        state: MailState,
    },
    /// A notice was written by a newer version than the one that runs.
    NewerNotice {
        /// The kind of the mail.
        mail: MailKind,
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
        /// The kind of the mail.
        mail: MailKind,
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
            Self::NoNotice {
                mail, family, date, ..
            } => format!("no-notice/{mail}/{family}/{date}"),
            Self::NewerNotice { mail, family, date } => {
                format!("newer-notice/{mail}/{family}/{date}")
            }
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
                mail,
                family,
                date,
                number,
                ..
            } => format!("recipient-unreached/{mail}/{family}/{number}/{date}"),
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

    /// The mail whose record has the last word on it, if there is one.
    pub(super) fn mail_key(&self) -> Option<MailKey> {
        match self {
            Self::NoNotice {
                mail, family, date, ..
            }
            | Self::RecipientUnreached {
                mail, family, date, ..
            } => Some(MailKey::new(mail.clone(), family.clone(), *date)),
            _ => None,
        }
    }

    /// What the operator should know of a notice in this state, if anything.
    pub fn of_notice(notice: &OutboxRecord) -> Option<Self> {
        let (mail, family, date) = (notice.kind.clone(), notice.family.clone(), notice.date);
        match notice.state {
            MailState::GaveUp | MailState::Failed | MailState::Missed => Some(Self::NoNotice {
                mail,
                family,
                date,
                state: notice.state,
            }),
            MailState::Newer => Some(Self::NewerNotice { mail, family, date }),
            _ => None,
        }
    }

    /// What the operator should know of the recipients of a notice that the others have.
    pub fn of_recipients(notice: &OutboxRecord) -> Vec<Self> {
        if notice.state != MailState::Sent {
            return Vec::new();
        }
        notice
            .unreached_recipients()
            .map(|recipient| Self::RecipientUnreached {
                mail: notice.kind.clone(),
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

/// An instant as keys and sentences write it.
pub(super) fn time(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}
