//! What became of every notice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use hippo_core::alerts::{Alert, AlertKey};
use hippo_core::clock::{date_exists, due_instant, local_date};
use hippo_core::family::Family;
use hippo_core::ids::FamilyId;
use hippo_core::outbox::{MailKind, MailState, OutboxRecord};
use hippo_core::store::Store;

/// Whose notice of which local date.
pub(super) type Notice = (FamilyId, NaiveDate);

/// How the notice of one family and date ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ended {
    /// One mail left, and its record says so.
    Sent,
    /// There was nothing to say.
    Skipped,
    /// One mail left and nobody learned of it: its record says that nobody knows.
    SentUnknown,
    /// No mail left, and its record says why.
    GivenUp,
    /// The mail service took a mail, rejected it, and its word of that was lost: it stands as sent.
    RejectedUnheard,
    /// More than one mail left.
    Doubled,
    /// No record, none that is final, or one that says what is not so.
    Unexplained,
}

/// What happened, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How the notices ended, and how many.
    pub ended: BTreeMap<Ended, usize>,
    /// Of those without a known mail: the record's state and reason, and how many.
    pub reasons: BTreeMap<String, usize>,
    /// Each notice that must not be.
    pub wrong: Vec<String>,
    /// How many calls were made of the store, the queue and the mail service.
    pub calls: usize,
    /// What went wrong, and how often.
    pub faults: BTreeMap<String, usize>,
    pub(super) left: BTreeMap<Notice, usize>,
    pub(super) unheard: BTreeSet<Notice>,
}

impl Report {
    /// Whether no mail was doubled and every notice has its mail or a record that says why not.
    pub fn is_sound(&self) -> bool {
        self.wrong.is_empty()
    }

    /// How many notices ended so.
    pub fn number(&self, ended: Ended) -> usize {
        self.ended.get(&ended).copied().unwrap_or_default()
    }

    /// How many notices there were, of all families and dates.
    pub fn notices(&self) -> usize {
        self.ended.values().sum()
    }

    /// How many calls, messages and events went wrong.
    pub fn faults(&self) -> usize {
        self.faults.values().sum()
    }

    /// Says of which notices, that will not be, nobody tells the operator.
    pub(super) async fn count_untold(&mut self, store: &dyn Store, families: &[Family]) {
        let noted = store.recent_alerts(usize::MAX).await.unwrap();
        let noted: BTreeSet<AlertKey> = noted.iter().map(|noted| noted.alert.key()).collect();
        for family in families {
            for record in store
                .recent_mails(&MailKind::DAILY, &family.id, 1_000)
                .await
                .unwrap()
            {
                if Alert::of_notice(&record).is_some_and(|needed| !noted.contains(&needed.key())) {
                    self.wrong.push(format!(
                        "{} of {}: {:?}, and nobody tells the operator",
                        record.family, record.date, record.state
                    ));
                }
            }
        }
    }

    /// Counts what became of a family's notices that were due in this time, and of any other.
    pub(super) async fn count(
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
                self.end((family.id.clone(), date), record.as_ref());
            } else if record.is_some_and(|record| !record.state.is_final() && due < to) {
                self.wrong.push(format!("{} of {date} is open", family.id));
            }
        }
        let mails = self.left.iter();
        for ((id, date), mails) in mails.filter(|((id, _), mails)| *id == family.id && **mails > 1)
        {
            let doubled = format!("{id} of {date}: {mails} mails");
            if !self.wrong.contains(&doubled) {
                self.wrong.push(doubled);
            }
        }
    }

    fn end(&mut self, notice: Notice, record: Option<&OutboxRecord>) {
        let mails = self.left.get(&notice).copied().unwrap_or_default();
        let state = record.map(|record| record.state);
        let reason = record.and_then(|record| record.reason.as_deref());
        let ended = match (state, mails) {
            (_, 2..) => Ended::Doubled,
            (Some(MailState::Sent), 1) => Ended::Sent,
            (Some(MailState::Sent), 0) if self.unheard.contains(&notice) => Ended::RejectedUnheard,
            (Some(MailState::Skipped), 0) => Ended::Skipped,
            (Some(MailState::GaveUp), 1) if reason.is_some() => Ended::SentUnknown,
            (Some(MailState::GaveUp | MailState::Failed | MailState::Missed), 0)
                if reason.is_some() =>
            {
                Ended::GivenUp
            }
            _ => Ended::Unexplained,
        };
        *self.ended.entry(ended).or_default() += 1;
        let (family, date) = notice;
        match ended {
            Ended::Doubled => self
                .wrong
                .push(format!("{family} of {date}: {mails} mails")),
            Ended::Unexplained => self.wrong.push(format!(
                "{family} of {date}: {mails} mails, {state:?}, {reason:?}"
            )),
            Ended::Sent | Ended::Skipped => {}
            Ended::SentUnknown | Ended::GivenUp | Ended::RejectedUnheard => {
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
        let expected = self.notices() - self.number(Ended::Skipped);
        writeln!(
            f,
            "  {} family-days: {expected} mails expected, {} with nothing to say",
            self.notices(),
            self.number(Ended::Skipped)
        )?;
        writeln!(
            f,
            "    sent                     {:>7}",
            self.number(Ended::Sent)
        )?;
        writeln!(
            f,
            "    sent, and nobody knows   {:>7}",
            self.number(Ended::SentUnknown)
        )?;
        writeln!(
            f,
            "    given up                 {:>7}",
            self.number(Ended::GivenUp)
        )?;
        writeln!(
            f,
            "    rejected, and unheard of {:>7}",
            self.number(Ended::RejectedUnheard)
        )?;
        writeln!(
            f,
            "    without a word           {:>7}",
            self.number(Ended::Unexplained)
        )?;
        writeln!(
            f,
            "    doubled                  {:>7}",
            self.number(Ended::Doubled)
        )?;
        if !self.reasons.is_empty() {
            writeln!(f, "  on record:")?;
        }
        for (reason, times) in &self.reasons {
            writeln!(f, "    {times:>7} × {reason}")?;
        }
        for wrong in &self.wrong {
            writeln!(f, "  WRONG: {wrong}")?;
        }
        Ok(())
    }
}
