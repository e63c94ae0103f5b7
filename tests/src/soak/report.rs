//! Counts how every notice ended.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use hippo_core::alerts::{Alert, AlertKey};
use hippo_core::clock::{date_exists, due_instant, local_date};
use hippo_core::family::Family;
use hippo_core::ids::FamilyId;
use hippo_core::outbox::{MailKind, MailState, OutboxRecord};
use hippo_core::store::Store;

/// The family and the local date of a notice.
pub(super) type Notice = (FamilyId, NaiveDate);

/// How the notice of one family and date ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// One mail was sent, and its record says so.
    Sent,
    /// There was nothing to say.
    Skipped,
    /// One mail was sent, but no answer or event arrived: its record gives the reason.
    SentUnconfirmed,
    /// No mail was sent, and its record says why.
    GivenUp,
    /// The mail service rejected an accepted mail, but its event was lost: the record says SENT.
    RejectionLost,
    /// More than one mail was sent.
    Doubled,
    /// There is no record, or it is not final, or it is wrong.
    Unexplained,
}

/// The counts of a soak.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many notices ended each way.
    pub outcomes: BTreeMap<Outcome, usize>,
    /// How often each state and reason is on record for notices without a known mail.
    pub reasons: BTreeMap<String, usize>,
    /// The notices that break the protocol.
    pub violations: Vec<String>,
    /// How many calls the store, the queue and the mail service received.
    pub calls: usize,
    /// How often each fault happened.
    pub faults: BTreeMap<String, usize>,
    pub(super) mails_sent: BTreeMap<Notice, usize>,
    pub(super) lost_rejections: BTreeSet<Notice>,
}

impl Report {
    /// Whether no mail was doubled and every notice has a mail or a recorded reason.
    pub fn is_sound(&self) -> bool {
        self.violations.is_empty()
    }

    /// Returns how many notices ended this way.
    pub fn count_of(&self, outcome: Outcome) -> usize {
        self.outcomes.get(&outcome).copied().unwrap_or_default()
    }

    /// Returns the number of notices, over all families and dates.
    pub fn notices(&self) -> usize {
        self.outcomes.values().sum()
    }

    /// Returns how many calls, messages and events failed.
    pub fn faults(&self) -> usize {
        self.faults.values().sum()
    }

    /// Finds the unsent notices that raised no alert.
    pub(super) async fn count_missing_alerts(&mut self, store: &dyn Store, families: &[Family]) {
        let alerts = store.recent_alerts(usize::MAX).await.unwrap();
        let alerts: BTreeSet<AlertKey> = alerts.iter().map(|stored| stored.alert.key()).collect();
        for family in families {
            for record in store
                .recent_mails(&MailKind::DAILY, &family.id, 1_000)
                .await
                .unwrap()
            {
                if Alert::for_notice(&record).is_some_and(|needed| !alerts.contains(&needed.key()))
                {
                    self.violations.push(format!(
                        "{} of {}: {:?}, but no alert",
                        record.family, record.date, record.state
                    ));
                }
            }
        }
    }

    /// Counts the outcomes of a family's notices that were due in this time, and checks all others.
    pub(super) async fn count_family(
        &mut self,
        store: &dyn Store,
        family: &Family,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) {
        let records = store
            .recent_mails(&MailKind::DAILY, &family.id, 1_000)
            .await
            .unwrap();
        let mut records: BTreeMap<NaiveDate, OutboxRecord> = records
            .into_iter()
            .map(|record| (record.date, record))
            .collect();
        let zone = family.timezone;
        let last = local_date(to, zone);
        let dates = local_date(from, zone).iter_days();
        for date in dates.take_while(|date| *date <= last) {
            let due = due_instant(date, family.notice_time, zone);
            let record = records.remove(&date);
            if from <= due && due < to && date_exists(date, zone) {
                self.count_notice((family.id.clone(), date), record.as_ref());
            } else if record.is_some_and(|record| !record.state.is_final() && due < to) {
                self.violations
                    .push(format!("{} of {date} is open", family.id));
            }
        }
        let mails = self.mails_sent.iter();
        for ((id, date), mails) in mails.filter(|((id, _), mails)| *id == family.id && **mails > 1)
        {
            let doubled = format!("{id} of {date}: {mails} mails");
            if !self.violations.contains(&doubled) {
                self.violations.push(doubled);
            }
        }
    }

    fn count_notice(&mut self, notice: Notice, record: Option<&OutboxRecord>) {
        let mails = self.mails_sent.get(&notice).copied().unwrap_or_default();
        let state = record.map(|record| record.state);
        let reason = record.and_then(|record| record.reason.as_deref());
        let outcome = match (state, mails) {
            (_, 2..) => Outcome::Doubled,
            (Some(MailState::Sent), 1) => Outcome::Sent,
            (Some(MailState::Sent), 0) if self.lost_rejections.contains(&notice) => {
                Outcome::RejectionLost
            }
            (Some(MailState::Skipped), 0) => Outcome::Skipped,
            (Some(MailState::GaveUp), 1) if reason.is_some() => Outcome::SentUnconfirmed,
            (Some(MailState::GaveUp | MailState::Failed | MailState::Missed), 0)
                if reason.is_some() =>
            {
                Outcome::GivenUp
            }
            _ => Outcome::Unexplained,
        };
        *self.outcomes.entry(outcome).or_default() += 1;
        let (family, date) = notice;
        match outcome {
            Outcome::Doubled => self
                .violations
                .push(format!("{family} of {date}: {mails} mails")),
            Outcome::Unexplained => self.violations.push(format!(
                "{family} of {date}: {mails} mails, {state:?}, {reason:?}"
            )),
            Outcome::Sent | Outcome::Skipped => {}
            Outcome::SentUnconfirmed | Outcome::GivenUp | Outcome::RejectionLost => {
                let state = state.map_or("none", MailState::as_str);
                let reason = format!("{state}: {}", reason.unwrap_or("-"));
                *self.reasons.entry(reason).or_default() += 1;
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {} calls, {} faults:", self.calls, self.faults())?;
        for (fault, times) in &self.faults {
            writeln!(f, "    {times:>7} × {fault}")?;
        }
        let expected = self.notices() - self.count_of(Outcome::Skipped);
        writeln!(
            f,
            "  {} family-days: {expected} mails expected, {} with nothing to say",
            self.notices(),
            self.count_of(Outcome::Skipped)
        )?;
        writeln!(
            f,
            "    sent                     {:>7}",
            self.count_of(Outcome::Sent)
        )?;
        writeln!(
            f,
            "    sent, but unconfirmed    {:>7}",
            self.count_of(Outcome::SentUnconfirmed)
        )?;
        writeln!(
            f,
            "    given up                 {:>7}",
            self.count_of(Outcome::GivenUp)
        )?;
        writeln!(
            f,
            "    rejected, event lost     {:>7}",
            self.count_of(Outcome::RejectionLost)
        )?;
        writeln!(
            f,
            "    unexplained              {:>7}",
            self.count_of(Outcome::Unexplained)
        )?;
        writeln!(
            f,
            "    doubled                  {:>7}",
            self.count_of(Outcome::Doubled)
        )?;
        if !self.reasons.is_empty() {
            writeln!(f, "  recorded reasons:")?;
        }
        for (reason, times) in &self.reasons {
            writeln!(f, "    {times:>7} × {reason}")?;
        }
        for violation in &self.violations {
            writeln!(f, "  WRONG: {violation}")?;
        }
        Ok(())
    }
}
