//! Decrypts the cards of a visit, and finds which of them changed in the meantime.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use super::login::is_in_progress;
use super::login_group::LoginGroup;
use super::ongoing::OngoingVisit;
use crate::alerts::Alert;
use crate::card::{Card, CardKey, CardRecord};
use crate::clock::{is_in_future, local_date};
use crate::failure::{Failure, FailureKind};
use crate::jobs::JobError;
use crate::library::{Library, is_plausible_back_off};
use crate::queue::Visit;
use crate::run::work::LeftOutReason;
use crate::seal::{SealContext, SealError, Sealed};

impl OngoingVisit<'_> {
    /// Decrypts the cards that are to be checked, and groups them by number and PIN.
    ///
    /// A card whose envelope doesn't open fails alone. An error means that the keys can't be read.
    pub(super) async fn decrypt_cards(
        &mut self,
        cards: Vec<(CardRecord, Sealed)>,
    ) -> Result<Vec<LoginGroup>, JobError> {
        let clock = self.ports.clock;
        let mut groups: Vec<LoginGroup> = Vec::new();
        let mut unopened = Vec::new();
        let now = clock.now();
        for (mut record, sealed) in cards {
            record.state = record.state.without_future(now);
            let last_check = record.state.last_check.as_ref();
            if last_check.is_some_and(|last| last.started_at > self.visit.planned_at) {
                tracing::info!(card.id = %record.card.id, run.id = %self.visit.run, "A card was checked already since its visit was planned.");
                self.report.checked_before.push(record);
                continue;
            }
            if let Some(reason) = LeftOutReason::for_waiting_card(&record, now) {
                self.report.left_out.push((record.card, reason));
                continue;
            }
            let context = SealContext::new(record.card.id, &self.library);
            let secret = match self.ports.keys.open(&context, &sealed).await {
                Ok(secret) => secret,
                Err(error @ (SealError::SealedForOtherHosts | SealError::UnknownKey(_))) => {
                    tracing::error!(card.id = %record.card.id, library.id = %self.library.id, %error, "Could not open a card's number and PIN.");
                    let today = local_date(clock.now(), self.library.timezone);
                    let (failure, alert) = explain_unopened(&self.library, today, &error);
                    self.report.alerts.extend(alert);
                    unopened.push((record, failure));
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            match groups.iter_mut().find(|group| group.has_secret(&secret)) {
                Some(group) => group.cards.push((record, sealed)),
                None => groups.push(LoginGroup {
                    secret,
                    cards: vec![(record, sealed)],
                }),
            }
        }
        for (record, failure) in unopened {
            let (id, now) = (Uuid::new_v4(), clock.now());
            self.save_outcome(vec![record], id, now, Err(failure))
                .await?;
        }
        Ok(groups)
    }

    /// Reports why these cards were not checked.
    pub(super) async fn report_left_out(&mut self, cards: Vec<Card>) -> Result<(), JobError> {
        if cards.is_empty() {
            return Ok(());
        }
        let keys: Vec<CardKey> = cards.iter().map(Card::key).collect();
        let visits = self.ports.visits;
        let loaded = visits.load_visit(&self.visit.library, &keys).await?;
        let records = loaded.map_or_else(Vec::new, |loaded| loaded.cards);
        let now = self.ports.clock.now();
        for card in cards {
            let mut records = records.iter().map(|(record, _)| record);
            let reason = records
                .find(|record| record.card.id == card.id)
                .map_or(LeftOutReason::Removed, |record| {
                    left_out_reason(record, self.visit, now)
                });
            self.report.left_out.push((card, reason));
        }
        Ok(())
    }

    /// Reloads a group's cards and the end of the back-off from their library.
    ///
    /// Leaves out cards whose PIN was changed in the meantime, since an old PIN must not be tried, and
    /// cards that another check finished in the meantime.
    pub(super) async fn reload_cards(
        &mut self,
        cards: &[(CardRecord, Sealed)],
    ) -> Result<Vec<CardRecord>, JobError> {
        let keys: Vec<CardKey> = cards.iter().map(|(record, _)| record.card.key()).collect();
        let now = self.ports.clock.now();
        let visits = self.ports.visits;
        let Some(loaded) = visits.load_visit(&self.library.id, &keys).await? else {
            return Ok(Vec::new());
        };
        let back_off_until = loaded
            .back_off_until
            .filter(|until| is_plausible_back_off(*until, now));
        self.back_off_until = self.back_off_until.max(back_off_until);
        let planned_at = self.visit.planned_at;
        let was_checked = |record: &CardRecord| {
            let last_check = record.state.last_check.as_ref();
            last_check.is_some_and(|last| {
                planned_at < last.finished_at && !is_in_future(last.finished_at, now)
            })
        };
        let is_unchanged = |(record, sealed): &(CardRecord, Sealed)| {
            LeftOutReason::for_waiting_card(record, now).is_none()
                && !was_checked(record)
                && cards
                    .iter()
                    .any(|(before, with)| before.card.id == record.card.id && with == sealed)
        };
        Ok(loaded
            .cards
            .into_iter()
            .filter(is_unchanged)
            .map(|(record, _)| CardRecord {
                state: record.state.without_future(now),
                ..record
            })
            .collect())
    }
}

/// The failure and the alert of a card whose envelope doesn't open.
fn explain_unopened(
    library: &Library,
    today: NaiveDate,
    error: &SealError,
) -> (Failure, Option<Alert>) {
    if let SealError::UnknownKey(key) = error {
        let alert = Alert::UnknownKey {
            library: library.id.clone(),
            key: key.clone(),
            day: today,
        };
        return (Failure::not_tried(error.to_string()), Some(alert));
    }
    let failure = Failure::new(FailureKind::SealedForOtherHosts, error.to_string());
    let alert = Alert::for_failure(&library.id, &failure, today);
    (failure, alert)
}

fn left_out_reason(record: &CardRecord, visit: &Visit, now: DateTime<Utc>) -> LeftOutReason {
    let state = &record.state;
    let (last_check, mark) = (state.last_check.as_ref(), state.login_mark.as_ref());
    if let Some(reason) = LeftOutReason::for_waiting_card(record, now) {
        reason
    } else if last_check.is_some_and(|last| visit.planned_at <= last.finished_at) {
        LeftOutReason::CheckedAlready
    } else if mark.is_some_and(|mark| is_in_progress(mark, now)) {
        LeftOutReason::InProgress
    } else {
        LeftOutReason::Changed
    }
}
