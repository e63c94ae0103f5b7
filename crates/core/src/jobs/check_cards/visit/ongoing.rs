//! Makes a visit: logs in for each group of cards and saves the outcomes.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::login::{LoginDecision, decide_login, list_marked_checks, read_account};
use super::login_group::LoginGroup;
use super::{CheckedCard, DOWN_ALERT_AFTER, MIN_BACK_OFF, VisitOptions, VisitPorts, VisitReport};
use crate::account::Account;
use crate::alerts::Alert;
use crate::card::{Card, CardRecord, LoginMark};
use crate::check::Check;
use crate::clock::{is_in_future, local_date};
use crate::failure::{Failure, FailureKind, Remedy};
use crate::jobs::JobError;
use crate::library::{Library, MAX_BACK_OFF, is_plausible_back_off};
use crate::queue::Visit;
use crate::seal::Sealed;
use crate::store::{LoadedVisit, Saved, StoreError};

/// After waiting longer than this, a visit reloads its cards' state.
const RELOAD_AFTER: chrono::Duration = chrono::Duration::milliseconds(50);

/// A visit in progress.
pub(super) struct OngoingVisit<'a> {
    pub(super) ports: &'a VisitPorts<'a>,
    pub(super) visit: &'a Visit,
    options: VisitOptions<'a>,
    pub(super) library: Library,
    pub(super) back_off_until: Option<DateTime<Utc>>,
    down_since: Option<DateTime<Utc>>,
    /// Whether an account was read with the library's present entry.
    was_read: bool,
    /// Whether the library was contacted, so that the next card waits first.
    has_contacted_library: bool,
    loaded_at: DateTime<Utc>,
    pub(super) report: &'a mut VisitReport,
}

impl<'a> OngoingVisit<'a> {
    /// Begins a visit to a loaded library; returns it with the loaded cards.
    pub(super) fn new(
        ports: &'a VisitPorts<'a>,
        visit: &'a Visit,
        options: VisitOptions<'a>,
        loaded: LoadedVisit,
        report: &'a mut VisitReport,
    ) -> (Self, Vec<(CardRecord, Sealed)>) {
        let now = ports.clock.now();
        let ongoing = Self {
            ports,
            visit,
            options,
            library: loaded.library,
            back_off_until: loaded
                .back_off_until
                .filter(|until| is_plausible_back_off(*until, now)),
            down_since: loaded.down_since.filter(|since| !is_in_future(*since, now)),
            was_read: loaded.was_read,
            has_contacted_library: false,
            loaded_at: now,
            report,
        };
        (ongoing, loaded.cards)
    }

    /// Checks the cards that share a number and PIN, and reports those that it leaves out.
    pub(super) async fn check_group(&mut self, group: LoginGroup) -> Result<(), JobError> {
        let cards = group.cards.iter().map(|(record, _)| record.card.clone());
        let mut cards: Vec<Card> = cards.collect();
        self.try_group(group).await?;
        let checked = &self.report.checked;
        cards.retain(|card| checked.iter().all(|checked| checked.card.id != card.id));
        self.report_left_out(cards).await
    }

    async fn try_group(&mut self, group: LoginGroup) -> Result<(), JobError> {
        let clock = self.ports.clock;
        if self.has_contacted_library && self.reason_not_to_try(clock.now()).is_none() {
            self.options.pace.wait_between_cards(clock).await;
        }
        let mut records =
            if self.has_contacted_library || clock.now() - self.loaded_at > RELOAD_AFTER {
                self.reload_cards(&group.cards).await?
            } else {
                let records = group.cards.iter().map(|(record, _)| record.clone());
                records.collect()
            };
        if records.is_empty() {
            return Ok(());
        }
        let mut now = clock.now();
        let mut decision = self.decide(&records, now, &[]);
        // The permit is held until the outcome is recorded. So a check that is alone at the library
        // knows that no other is in progress.
        let mut permit = None;
        if matches!(decision, LoginDecision::InProgress) {
            let marked = list_marked_checks(&records);
            let limit = self.ports.concurrency_limit;
            permit = Some(limit.acquire_permit(&self.library.id).await?);
            if limit.is_alone(&self.library.id).await? == Some(true) {
                records = self.reload_cards(&group.cards).await?;
                if records.is_empty() {
                    return Ok(());
                }
                now = clock.now();
                decision = self.decide(&records, now, &marked);
            }
        }
        let check = Uuid::new_v4();
        let outcome = match decision {
            LoginDecision::InProgress => return Ok(()),
            LoginDecision::NotTried(failure) => Err(failure),
            LoginDecision::LogIn => {
                if permit.is_none() {
                    let limit = self.ports.concurrency_limit;
                    permit = Some(limit.acquire_permit(&self.library.id).await?);
                }
                let waited_since = std::mem::replace(&mut now, clock.now());
                if now - waited_since > RELOAD_AFTER {
                    // While it waited, the library may have gone down, another run may have checked
                    // the card, or a person may have set the PIN.
                    records = self.reload_cards(&group.cards).await?;
                    if records.is_empty() {
                        return Ok(());
                    }
                }
                match self.reason_not_to_try(now) {
                    Some(reason) => Err(Failure::not_tried(reason)),
                    None => {
                        self.has_contacted_library = true;
                        let mark = LoginMark {
                            check,
                            at: now,
                            day: local_date(now, self.library.timezone),
                            is_settled: false,
                        };
                        let (ports, library) = (self.ports, &self.library);
                        match read_account(ports, library, &group.secret, &records, mark).await? {
                            Some(read) if self.was_read => read.outcome,
                            Some(read) => read.outcome.map_err(|failure| match read.was_accepted {
                                true => failure,
                                false => suspect_system(failure),
                            }),
                            None => return Ok(()),
                        }
                    }
                }
            }
        };
        let today = local_date(now, self.library.timezone);
        let outcome = outcome.and_then(|mut account| {
            account.check_due_dates(today)?;
            account.drop_endless_dates(today);
            Ok(account)
        });
        self.update_library_state(&outcome).await?;
        if let Err(failure) = &outcome {
            let alert = Alert::for_failure(&self.library.id, failure, today);
            self.report.alerts.extend(alert);
        }
        let saved = self.save_outcome(records, check, now, outcome).await;
        drop(permit);
        saved
    }

    /// Decides whether these cards may log in. The checks in `ended` are known to be over.
    fn decide(&self, records: &[CardRecord], now: DateTime<Utc>, ended: &[Uuid]) -> LoginDecision {
        match self.reason_not_to_try(now) {
            Some(reason) => LoginDecision::NotTried(Failure::not_tried(reason)),
            None => decide_login(&self.library, records, now, ended),
        }
    }

    /// Returns why no card of this library is tried at `now`; `None` if they may be.
    fn reason_not_to_try(&self, now: DateTime<Utc>) -> Option<String> {
        if self.back_off_until.is_some_and(|until| now < until) {
            // The page or email that shows this adds when we'll try again, in the reader's zone.
            return Some("The library didn't answer or turned us away.".to_owned());
        }
        let is_out_of_time = self
            .options
            .deadline
            .is_some_and(|deadline| deadline <= now);
        is_out_of_time.then(|| "The visit ran out of time before this card.".to_owned())
    }

    /// Backs off from a library that is down, or records that it is up again or was read for the
    /// first time.
    async fn update_library_state(
        &mut self,
        outcome: &Result<Account, Failure>,
    ) -> Result<(), JobError> {
        if outcome.is_ok() && !std::mem::replace(&mut self.was_read, true) {
            let libraries = self.ports.libraries;
            libraries.record_library_read(&self.library).await?;
        }
        match outcome {
            Err(failure) if failure.kind.affects_library() => {
                self.back_off(failure).await?;
                self.mark_library_down().await
            }
            Ok(_) if self.down_since.take().is_some() => {
                let libraries = self.ports.libraries;
                Ok(libraries.mark_library_up(&self.library.id).await?)
            }
            _ => Ok(()),
        }
    }

    async fn back_off(&mut self, failure: &Failure) -> Result<(), JobError> {
        // The longest `Retry-After` that we obey.
        let max_wait = MAX_BACK_OFF.to_std().unwrap_or(MIN_BACK_OFF);
        let wait = failure
            .retry_after
            .unwrap_or_default()
            .clamp(MIN_BACK_OFF, max_wait);
        let now = self.ports.clock.now();
        let until = now + wait;
        self.back_off_until = Some(until);
        let libraries = self.ports.libraries;
        match libraries.back_off(&self.library.id, until, now).await {
            // The library was removed in the meantime.
            Ok(()) | Err(StoreError::NotFound(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Marks the library as down, and raises an alert once it has been down for a day.
    async fn mark_library_down(&mut self) -> Result<(), JobError> {
        let now = self.ports.clock.now();
        let libraries = self.ports.libraries;
        let since = match libraries.mark_library_down(&self.library.id, now).await {
            Ok(since) => since,
            Err(StoreError::NotFound(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        self.down_since = Some(since);
        if now - since >= DOWN_ALERT_AFTER {
            self.report.alerts.push(Alert::LibraryDown {
                library: self.library.id.clone(),
                since,
            });
        }
        Ok(())
    }

    /// Saves one outcome for each of these cards.
    pub(super) async fn save_outcome(
        &mut self,
        records: Vec<CardRecord>,
        id: Uuid,
        started_at: DateTime<Utc>,
        outcome: Result<Account, Failure>,
    ) -> Result<(), JobError> {
        let finished_at = self.ports.clock.now();
        let checks = self.ports.checks;
        for record in records {
            let mut check = Check {
                id,
                card: record.card.key(),
                library: self.library.id.clone(),
                started_at,
                finished_at,
                outcome: outcome.clone(),
            };
            let saved = match checks.save_check(&check).await {
                // A retry would not help: the account would be just as large.
                Err(StoreError::TooLarge(reason)) if check.outcome.is_ok() => {
                    check.outcome = Err(Failure::page_changed(format!(
                        "the account is too large to store: {reason}"
                    )));
                    checks.save_check(&check).await?
                }
                saved => saved?,
            };
            log_check(&check, saved);
            let card = CheckedCard {
                card: record.card,
                check,
                saved,
            };
            if let Some(on_checked) = self.options.on_checked {
                on_checked(&card);
            }
            self.report.checked.push(card);
        }
        Ok(())
    }
}

/// Adds the remedy for a library that may run another system than its entry says: no page of it was
/// ever read, and the first one isn't known.
fn suspect_system(failure: Failure) -> Failure {
    match failure.kind {
        FailureKind::PageChanged if failure.remedy.is_none() => {
            failure.with_remedy(Remedy::DetectSystem)
        }
        _ => failure,
    }
}

fn log_check(check: &Check, saved: Saved) {
    let duration_ms = (check.finished_at - check.started_at).num_milliseconds();
    match &check.outcome {
        Ok(account) => tracing::info!(
            card.id = %check.card.card,
            library.id = %check.library,
            duration_ms,
            loans = account.loans.as_ref().map(Vec::len),
            holds = account.holds.as_ref().map(Vec::len),
            saved = ?saved,
            "Checked a card."
        ),
        Err(failure) => tracing::warn!(
            card.id = %check.card.card,
            library.id = %check.library,
            duration_ms,
            failure.kind = %failure.kind,
            failure.detail = %failure.detail,
            saved = ?saved,
            "A card couldn't be checked."
        ),
    }
}
