//! The alerts, and the keys that make each one unique.

use std::fmt;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureKind, Remedy};
use crate::family::StopReason;
use crate::ids::{FamilyId, Label, LibraryId};
use crate::outbox::{MailKey, MailKind, MailState, OutboxRecord, RecipientState};
use crate::run::{JobName, RunKey, RunOutcome};
use crate::seal::KeyId;
use crate::skeleton::Skeleton;

/// One problem that needs the operator.
///
/// The variants are the allow list of what a mail to the operator may contain. None has room for
/// other people's text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Alert {
    /// A library's pages aren't recognised; one alert for as long as that lasts.
    PageChanged {
        /// The library.
        library: LibraryId,
        /// The day.
        day: NaiveDate,
        /// Whether none of its pages was ever read, so that its site may run another system than its entry says.
        never_read: bool,
        /// The structure of the page, without its text.
        skeleton: Option<Skeleton>,
    },
    /// PINs were sealed for other hosts than a library's entry names; one alert per library and day.
    SealedForOtherHosts {
        /// The library.
        library: LibraryId,
        /// The day.
        day: NaiveDate,
    },
    /// PINs were sealed to an unknown key; one alert per library and day.
    UnknownKey {
        /// The library of the cards.
        library: LibraryId,
        /// The key that the envelope names.
        key: KeyId,
        /// The day.
        day: NaiveDate,
    },
    /// A library's pages are read again, after an alert that they were not.
    PagesReadAgain {
        /// The library.
        library: LibraryId,
        /// Since when they could not be read.
        since: DateTime<Utc>,
    },
    /// Dates don't fit a library's date format; one alert for as long as that lasts.
    WrongDateFormat {
        /// The library.
        library: LibraryId,
    },
    /// A library has been down for a day; one alert per outage.
    LibraryDown {
        /// The library.
        library: LibraryId,
        /// When the outage began.
        since: DateTime<Utc>,
    },
    /// A run failed; one alert per label, fault and day.
    RunFailed {
        /// The run.
        run: RunKey,
        /// What failed.
        fault: RunFault,
    },
    /// A run stopped reporting; one alert per label and day.
    RunLost {
        /// The run.
        run: RunKey,
    },
    /// A run came after its start deadline and was missed; one alert per label and day.
    RunTooLate {
        /// The run.
        run: RunKey,
    },
    /// Runs of a label were missed.
    RunsMissed {
        /// The job.
        job: JobName,
        /// The label.
        label: Label,
        /// The first missed run.
        first: DateTime<Utc>,
        /// The last missed run.
        last: DateTime<Utc>,
        /// How many runs were missed.
        count: usize,
    },
    /// A family has no notice for a day: it was given up, failed or never planned.
    NoNotice {
        /// The kind of the mail.
        mail: MailKind,
        /// The family.
        family: FamilyId,
        /// The notice's local date.
        date: NaiveDate,
        /// The notice's final state.
        state: MailState,
    },
    /// A day has no picture, after all tries; one alert per day.
    NoPicture {
        /// The day.
        day: NaiveDate,
        /// Why the last try failed.
        failure: crate::picture::PictureFailureKind,
    },
    /// A notice can't be read: a newer version wrote it.
    NewerNotice {
        /// The kind of the mail.
        mail: MailKind,
        /// The family.
        family: FamilyId,
        /// The notice's local date.
        date: NaiveDate,
    },
    /// We stopped writing to a recipient.
    RecipientStopped {
        /// The family.
        family: FamilyId,
        /// Which of its recipients, counted from 1.
        number: usize,
        /// Why we stopped.
        reason: StopReason,
        /// The day on which we stopped.
        day: NaiveDate,
    },
    /// A recipient didn't get a notice that the others got, or may not have got it.
    RecipientUnreached {
        /// The kind of the mail.
        mail: MailKind,
        /// The family.
        family: FamilyId,
        /// The notice's local date.
        date: NaiveDate,
        /// Which of its recipients, counted from 1.
        number: usize,
        /// Whether we can't tell that it was sent.
        in_doubt: bool,
    },
    /// This machine's clock and the store's differ by more than a minute.
    ClockWrong {
        /// The day on which it was seen.
        day: NaiveDate,
        /// How many seconds this machine's clock is ahead.
        seconds: i64,
    },
    /// The clock contradicts the recorded times; one alert per recorded time.
    ClockInDoubt {
        /// The recorded time: the last run, or a time in the future.
        reference: DateTime<Utc>,
        /// What the clock showed.
        now: DateTime<Utc>,
    },
    /// The store was restored from a copy; one alert per restore.
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
        /// How many seconds this machine's clock is behind.
        seconds: i64,
    },
    /// A row of the store is damaged and left out; one alert per row.
    DamagedRow {
        /// Its table.
        table: String,
        /// Its id there.
        id: String,
    },
    /// Somebody reached the day's limit of sign-in emails, so we send no more that day; one alert per
    /// day.
    ManySignIns {
        /// The day.
        day: NaiveDate,
    },
    /// An email that a page asked for, such as one about a new PIN, was given up; one alert per day.
    MessageGivenUp {
        /// The day on which the first one was.
        day: NaiveDate,
    },
    /// Every recipient in a family unsubscribed from a kind of email; one alert each time the last
    /// recipient does.
    EverybodyUnsubscribed {
        /// The kind of the mail.
        mail: MailKind,
        /// The family.
        family: FamilyId,
        /// When the last recipient unsubscribed.
        since: DateTime<Utc>,
    },
    /// An alert can't be read: a newer version wrote it, or it is damaged; one alert per day.
    UnreadableAlert {
        /// The day on which it was found.
        day: NaiveDate,
    },
}

/// Why a run failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunFault {
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
    /// The time limit.
    TimeLimit,
    /// An error of the job itself; the log names it.
    Job,
}

impl RunFault {
    /// The word that alert keys contain.
    fn as_str(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Keys => "keys",
            Self::Template => "template",
            Self::Queue => "queue",
            Self::Panic => "panic",
            Self::TimeLimit => "time-limit",
            Self::Job => "job",
        }
    }
}

/// The identity of an alert: one key is delivered once, however often it is raised.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlertKey(String);

impl AlertKey {
    /// The stored text.
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
    /// The key of this alert.
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
            // The key has the day only, because the same fault fails the next run too, a quarter of
            // an hour later.
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
            Self::NoPicture { day, .. } => format!("no-picture/{day}"),
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
            Self::ManySignIns { day } => format!("many-sign-ins/{day}"),
            Self::MessageGivenUp { day } => format!("message-given-up/{day}"),
            Self::EverybodyUnsubscribed {
                mail,
                family,
                since,
            } => format!("everybody-unsubscribed/{mail}/{family}/{}", time(*since)),
            Self::UnreadableAlert { day } => format!("unreadable-alert/{day}"),
        })
    }

    /// The run that failed or was lost, if the alert is about that.
    pub fn failed_run(&self) -> Option<(&RunKey, RunOutcome)> {
        match self {
            Self::RunFailed { run, .. } => Some((run, RunOutcome::Failed)),
            Self::RunLost { run } => Some((run, RunOutcome::Lost)),
            _ => None,
        }
    }

    /// The mail whose record confirms this alert, if there is one.
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

    /// Returns the alert about a notice in this state, if any.
    pub fn for_notice(notice: &OutboxRecord) -> Option<Self> {
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

    /// Returns the alerts about recipients who didn't get a sent notice.
    pub fn for_unreached_recipients(notice: &OutboxRecord) -> Vec<Self> {
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

    /// Returns the alert about a failed check at a library, if any.
    pub fn for_failure(library: &LibraryId, failure: &Failure, day: NaiveDate) -> Option<Self> {
        let library = library.clone();
        match failure.kind {
            _ if failure.remedy == Some(Remedy::SetDateFormat) => {
                Some(Self::WrongDateFormat { library })
            }
            FailureKind::PageChanged => Some(Self::PageChanged {
                library,
                day,
                never_read: failure.remedy == Some(Remedy::DetectSystem),
                skeleton: failure.skeleton.clone(),
            }),
            FailureKind::SealedForOtherHosts => Some(Self::SealedForOtherHosts { library, day }),
            _ => None,
        }
    }

    /// Returns the one alert about the missed runs of a label.
    pub fn for_missed_runs(job: JobName, label: &Label, times: &[DateTime<Utc>]) -> Option<Self> {
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

/// The part of a key that all runs of a label share for a day.
fn label_and_day(run: &RunKey) -> String {
    let day = run.scheduled_time.date_naive();
    format!("{}/{}/{day}", run.job, run.label)
}

/// An instant as keys and sentences write it.
fn time(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}
