//! The sentences of alerts: what happened, and what to do.
//!
//! They name no command: the command and the web render an alert's remedies their own way.

use chrono::{DateTime, Utc};

use super::alert::{Alert, RunFault};
use crate::failure::Remedy;
use crate::family::StopReason;
use crate::outbox::{MailKind, MailState};
use crate::run::RunKey;

/// What a kind of mail is called.
fn mail_word(kind: &MailKind) -> &'static str {
    if *kind == MailKind::PICTURE {
        "picture"
    } else {
        "notice"
    }
}

impl Alert {
    /// What happened, in one sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::PageChanged {
                library,
                never_read: true,
                ..
            } => format!(
                "LibraryHippo hasn't understood a page of {library} since its entry was added or changed."
            ),
            Self::PageChanged { library, .. } => {
                format!("LibraryHippo no longer understands the pages of {library}.")
            }
            Self::SealedForOtherHosts { library, .. } => format!(
                "A PIN for {library} wasn't sent: it was sealed for other hosts than its entry names now."
            ),
            Self::UnknownKey { library, key, .. } => {
                format!("A PIN for {library} was sealed to the key {key}, which isn't here.")
            }
            Self::PagesReadAgain { library, since } => format!(
                "The pages of {library} can be read again. They couldn't be since {}.",
                moment(*since)
            ),
            Self::WrongDateFormat { library } => {
                format!("The date format in the entry of {library} doesn't fit its dates.")
            }
            Self::LibraryDown { library, since } => {
                format!("{library} hasn't answered since {}.", moment(*since))
            }
            Self::RunFailed { run, fault } => {
                let what = match fault {
                    RunFault::Store => "the store couldn't be used",
                    RunFault::Keys => "the keys couldn't be used",
                    RunFault::Template => "a notice couldn't be rendered",
                    RunFault::Queue => "the queue didn't accept the work",
                    RunFault::Panic => "it crashed",
                    RunFault::TimeLimit => "it took longer than its time limit",
                    RunFault::Job => "the log says why",
                };
                format!("{} failed: {what}.", name_run(run))
            }
            Self::RunLost { run } => {
                format!("{} stopped reporting and is lost.", name_run(run))
            }
            Self::RunTooLate { run } => {
                format!(
                    "{} came after its start deadline and was missed.",
                    name_run(run)
                )
            }
            Self::RunsMissed {
                job,
                label,
                first,
                count: 1,
                ..
            } => format!("The run of {job}/{label} for {} never came.", moment(*first)),
            Self::RunsMissed {
                job,
                label,
                first,
                last,
                count,
            } => format!(
                "{count} runs of {job}/{label} never came, from {} to {}.",
                moment(*first),
                moment(*last)
            ),
            Self::NoNotice {
                mail,
                family,
                date,
                state,
            } => {
                let (what, job) = (mail_word(mail), mail.job_name());
                match state {
                    MailState::GaveUp => format!(
                        "We can't tell whether the {what} of {family} for {date} was sent, so it isn't sent again."
                    ),
                    MailState::Missed => {
                        format!("{family} got no {what} for {date}: {job} didn't run that day.")
                    }
                    _ => format!("The {what} of {family} for {date} couldn't be sent."),
                }
            }
            Self::NoPicture { day, failure } => format!(
                "There is no picture of the day for {day}: {}.",
                failure.describe()
            ),
            Self::NewerNotice { family, date, .. } => {
                format!("A newer version wrote the notice of {family} for {date}.")
            }
            Self::RecipientStopped {
                family,
                number,
                reason,
                ..
            } => {
                let why = match reason {
                    StopReason::Bounced => "can't be reached",
                    StopReason::Complained => "reported an email as spam",
                    StopReason::Suppressed => {
                        "is on the mail service's suppression list, so it sent no email"
                    }
                };
                format!("Recipient {number} of {family} {why}; we no longer write there.")
            }
            Self::RecipientUnreached {
                family,
                date,
                number,
                in_doubt: false,
                ..
            } => format!(
                "The mail server refused recipient {number} of {family}: no notice for {date}. The others have theirs."
            ),
            Self::RecipientUnreached {
                family,
                date,
                number,
                in_doubt: true,
                ..
            } => format!(
                "We can't tell whether recipient {number} of {family} got the notice for {date}. The others have theirs."
            ),
            Self::ClockWrong { seconds, .. } => format!(
                "This machine's clock is {} {} the store's.",
                approximate(seconds.unsigned_abs()),
                if *seconds < 0 { "behind" } else { "ahead of" }
            ),
            Self::ClockInDoubt { reference, now } if reference < now => format!(
                "The clock shows {}, but the last run was at {}: this run sent nothing.",
                moment(*now),
                moment(*reference)
            ),
            Self::ClockInDoubt { reference, now } => format!(
                "The clock shows {}, but {} is already on record: this run sent nothing.",
                moment(*now),
                moment(*reference)
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
                "A run started {} before its scheduled time: this machine's clock is behind the scheduler's.",
                approximate(seconds.unsigned_abs())
            ),
            Self::DamagedRow { table, id } => {
                format!("A row in the store is damaged and left out: {id} in {table}.")
            }
            Self::ManySignIns { .. } => {
                "Somebody asked for more than 100 sign-in emails within a day, so we send no more for now."
                    .to_owned()
            }
            Self::MessageGivenUp { .. } => {
                "An email couldn't be sent for two days and was given up. It told somebody of a change on a page, such as a new PIN."
                    .to_owned()
            }
            Self::EverybodyUnsubscribed { mail, family, .. } => format!(
                "Everybody in {family} unsubscribed, so we no longer send them the {}.",
                mail_word(mail)
            ),
            Self::UnreadableAlert { .. } => {
                "An alert can't be read: a newer version wrote it, or it is damaged.".to_owned()
            }
        }
    }

    /// What a person can do, in a sentence or two.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::PageChanged {
                never_read: true, ..
            } => {
                "Its site may run another system than its entry says. Find out which one, and correct the entry."
            }
            Self::PageChanged { .. } => {
                "See what changed on its site. A newer version of LibraryHippo may know the page."
            }
            Self::SealedForOtherHosts { .. } => {
                "Look at the library's entry: only you should change its hosts. If the entry is right, set the card's PIN again."
            }
            Self::UnknownKey { .. } => {
                "Put the private key back from your copy, or set the card's PIN again."
            }
            Self::PagesReadAgain { .. } => "There is nothing to do.",
            Self::WrongDateFormat { .. } => {
                "Set the library's date format. The next check then reads its pages."
            }
            Self::LibraryDown { .. } => {
                "See whether its site opens in a browser, and whether its address is still right."
            }
            Self::RunFailed { .. } | Self::RunLost { .. } => {
                "Look at the run, and at the log around its time."
            }
            Self::RunsMissed { .. } => {
                "See whether the schedule is on and the machine was running."
            }
            Self::RunTooLate { .. } => {
                "See what held up the schedule. Its start deadline says how late a run may begin."
            }
            Self::NoNotice { state, .. } => match state {
                MailState::Missed => {
                    "Its day is over, so it isn't sent any more. See whether its schedule is on and the machine was running."
                }
                MailState::GaveUp => {
                    "Ask the family whether it came. You can resend it until its day is over."
                }
                _ => {
                    "The notice says why. Fix that, then resend the notice before its day is over."
                }
            },
            Self::NoPicture { failure, .. } => failure.advice(),
            Self::NewerNotice { .. } => {
                "Run the same version everywhere. This version won't send the notice."
            }
            Self::RecipientStopped {
                reason: StopReason::Suppressed,
                ..
            } => {
                "Take the address off the mail service's suppression list, then allow the recipient again."
            }
            Self::RecipientStopped { .. } => {
                "Ask the family for another address, or allow this recipient again."
            }
            Self::ClockInDoubt { .. } => {
                "If the clock is right, do nothing: the next run goes on. If it is wrong, set it."
            }
            Self::StoreRestored { .. } => {
                "Ask the families whether they have today's notice. You can resend one by hand."
            }
            Self::RecipientUnreached { .. } => {
                "The notice says why. Correct the address, or resend the notice to everybody."
            }
            Self::ClockWrong { .. } | Self::ClockBehindSchedule { .. } => {
                "Set the clock, and let a time service keep it right."
            }
            Self::DamagedRow { .. } => {
                "A check rewrites a damaged account. Restore anything else from a backup, or remove it and add it again."
            }
            Self::ManySignIns { .. } => {
                "People who are signed in stay signed in. Somebody may be asking in their name: look at the log of your reverse proxy, or of “web” on AWS."
            }
            Self::MessageGivenUp { .. } => {
                "See in the log of “hippo serve” why the mail server didn't take it. The console's audit has the change."
            }
            Self::EverybodyUnsubscribed { .. } => {
                "Ask the family. If they want it back, allow a recipient again, or they resubscribe in their settings."
            }
            Self::UnreadableAlert { .. } => {
                "Run the same version everywhere. If you already do, the alert is damaged, and the log says how."
            }
        }
    }

    /// The remedies behind the advice, for a command or a page to offer; the most useful first.
    pub fn remedies(&self) -> &'static [Remedy] {
        match self {
            Self::PageChanged {
                never_read: true, ..
            } => &[Remedy::DetectSystem],
            Self::SealedForOtherHosts { .. } => &[Remedy::EditLibrary, Remedy::SetPin],
            Self::UnknownKey { .. } => &[Remedy::SetPin],
            Self::WrongDateFormat { .. } => &[Remedy::SetDateFormat],
            Self::RunFailed { .. } | Self::RunLost { .. } => &[Remedy::ShowRun],
            Self::NoNotice {
                state: MailState::Missed,
                ..
            } => &[],
            Self::NoNotice { .. }
            | Self::RecipientUnreached { .. }
            | Self::StoreRestored { .. } => &[Remedy::ShowNotices, Remedy::ResendNotice],
            Self::RecipientStopped { .. } | Self::EverybodyUnsubscribed { .. } => {
                &[Remedy::AllowRecipient]
            }
            Self::PageChanged { .. }
            | Self::PagesReadAgain { .. }
            | Self::LibraryDown { .. }
            | Self::RunTooLate { .. }
            | Self::RunsMissed { .. }
            | Self::NewerNotice { .. }
            | Self::ClockWrong { .. }
            | Self::ClockInDoubt { .. }
            | Self::ClockBehindSchedule { .. }
            | Self::DamagedRow { .. }
            | Self::NoPicture { .. }
            | Self::ManySignIns { .. }
            | Self::MessageGivenUp { .. }
            | Self::UnreadableAlert { .. } => &[],
        }
    }

    /// Groups alerts that have the same advice, in the order in which each advice comes first.
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
}

/// Names a run by its label and scheduled time.
fn name_run(run: &RunKey) -> String {
    let at = moment(run.scheduled_time);
    format!("The run of {}/{} for {at}", run.job, run.label)
}

/// An instant, such as `2026-11-21 14:05 UTC`. A sentence has no reader's zone.
fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// A duration in words: exact below two minutes, else rounded in the largest unit that fits twice.
fn approximate(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (365 * 86_400, "years"),
        (86_400, "days"),
        (3_600, "hours"),
        (60, "minutes"),
    ];
    for (length, name) in UNITS {
        if seconds >= 2 * length {
            return format!("about {} {name}", (seconds + length / 2) / length);
        }
    }
    match seconds {
        1 => "1 second".to_owned(),
        _ => format!("{seconds} seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_durations_use_the_largest_unit_that_fits_twice() {
        for (seconds, expected) in [
            (1, "1 second"),
            (90, "90 seconds"),
            (1_800, "about 30 minutes"),
            (97_603_134, "about 3 years"),
        ] {
            assert_eq!(approximate(seconds), expected);
        }
    }
}
