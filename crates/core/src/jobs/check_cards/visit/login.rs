//! The login of a check, and the mark that is stored before it.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::VisitPorts;
use crate::account::Account;
use crate::card::{CardKey, CardRecord, CardSecret, LoginMark, LoginOutcome, SecretMask};
use crate::clock::{is_in_future, local_date};
use crate::failure::{Failure, FailureKind, Remedy};
use crate::jobs::JobError;
use crate::library::Library;
use crate::run::work::LeftOutReason;
use crate::site::{LoginPermit, PermitError, SiteError};
use crate::store::StoreError;

/// How long after its login mark a check may still be in progress.
///
/// This is longer than the worst case: two logins that use up their time limit, each with a logout.
pub const LOGIN_IN_PROGRESS_LIMIT: chrono::Duration = chrono::Duration::seconds(200);

/// Whether a check may log in.
pub(super) enum LoginDecision {
    /// It may.
    LogIn,
    /// Not now; the reason is recorded.
    NotTried(Failure),
    /// Another check of this card is in progress: its outcome is the one to record.
    InProgress,
}

/// Decides from the cards' login marks whether a check may log in. The checks in `ended` are known to be over.
pub(super) fn decide_login(
    library: &Library,
    records: &[CardRecord],
    now: DateTime<Utc>,
    ended: &[Uuid],
) -> LoginDecision {
    let today = local_date(now, library.timezone);
    let marks = || {
        records
            .iter()
            .filter_map(|record| record.state.login_mark.as_ref())
            .filter(|mark| !is_in_future(mark.at, now))
    };
    if marks().any(|mark| is_in_progress(mark, now) && !ended.contains(&mark.check)) {
        LoginDecision::InProgress
    } else if marks().any(|mark| mark.is_open_on(today)) {
        LoginDecision::NotTried(login_in_doubt())
    } else {
        LoginDecision::LogIn
    }
}

/// Lists the checks that wrote the login marks of these cards.
pub(super) fn list_marked_checks(records: &[CardRecord]) -> Vec<Uuid> {
    records
        .iter()
        .filter_map(|record| Some(record.state.login_mark.as_ref()?.check))
        .collect()
}

/// Whether the check that wrote this mark may still be in progress.
pub(super) fn is_in_progress(mark: &LoginMark, now: DateTime<Utc>) -> bool {
    now < mark.at + LOGIN_IN_PROGRESS_LIMIT && !is_in_future(mark.at, now)
}

fn login_in_doubt() -> Failure {
    Failure::not_tried(
        "We don't know whether the last login succeeded, so we won't log in again today unless you \
         allow it.",
    )
    .with_remedy(Remedy::RetryCard)
}

/// Logs in and reads the account, with the card's own number and PIN masked.
///
/// `None`: nothing is recorded, since the card is left to another check or to a person.
pub(super) async fn read_account(
    ports: &VisitPorts<'_>,
    library: &Library,
    secret: &CardSecret,
    records: &[CardRecord],
    mark: LoginMark,
) -> Result<Option<ReadOutcome>, JobError> {
    let permit = MarkedLoginPermit {
        ports,
        library,
        records,
        mark,
        was_accepted: AtomicBool::new(false),
    };
    let mut outcome = ports.site.check(library, secret, &permit).await;
    if let Err(SiteError::Failed(failure)) = &outcome
        && failure.kind == FailureKind::SessionExpired
    {
        // It logs in once more. If the session expires again, the check fails.
        outcome = ports.site.check(library, secret, &permit).await;
    }
    // Masked here, because the secret is known only here.
    let mask = SecretMask::new(secret);
    let outcome = match outcome {
        Ok(mut account) => {
            mask.mask_account(&mut account);
            Ok(account)
        }
        Err(SiteError::NotPermitted(PermitError::LoginSkipped)) => return Ok(None),
        Err(SiteError::NotPermitted(PermitError::Store(error))) => return Err(error.into()),
        Err(
            SiteError::Failed(mut failure)
            | SiteError::NotPermitted(PermitError::NotTried(mut failure)),
        ) => {
            // A refusal without a message looks like a changed page. Any other failure says nothing
            // about the PIN, so the next check may try it again.
            failure.login_in_doubt &= failure.kind == FailureKind::PageChanged;
            mask.mask_failure(&mut failure);
            Err(failure)
        }
    };
    Ok(Some(ReadOutcome {
        outcome,
        was_accepted: permit.was_accepted.into_inner(),
    }))
}

/// The account that a login gave, or why there is none.
pub(super) struct ReadOutcome {
    pub(super) outcome: Result<Account, Failure>,
    /// Whether a page showed us logged in.
    pub(super) was_accepted: bool,
}

/// Permits a login once the login mark of each of its cards is stored.
struct MarkedLoginPermit<'a> {
    ports: &'a VisitPorts<'a>,
    library: &'a Library,
    records: &'a [CardRecord],
    mark: LoginMark,
    was_accepted: AtomicBool,
}

impl MarkedLoginPermit<'_> {
    /// Whether a login that isn't permitted leaves nothing to record.
    ///
    /// False only if a check crashed and left its mark.
    async fn has_nothing_to_record(&self, card: &CardKey) -> Result<bool, StoreError> {
        let keys = std::slice::from_ref(card);
        let loaded = self.ports.visits.load_visit(&self.library.id, keys).await?;
        let record = loaded.and_then(|loaded| loaded.cards.into_iter().next());
        let Some((record, _)) = record else {
            return Ok(true);
        };
        let now = self.ports.clock.now();
        let today = local_date(now, self.library.timezone);
        let mark = record.state.login_mark.as_ref();
        let was_crash =
            mark.is_some_and(|mark| mark.is_open_on(today) && !is_in_progress(mark, now));
        Ok(LeftOutReason::for_waiting_card(&record, now).is_some() || !was_crash)
    }
}

impl MarkedLoginPermit<'_> {
    /// Stores the login mark of a card.
    async fn mark_card(&self, card: &CardKey) -> Result<(), PermitError> {
        match self.ports.checks.begin_login(card, &self.mark).await {
            Ok(true) => Ok(()),
            Ok(false) if self.has_nothing_to_record(card).await? => Err(PermitError::LoginSkipped),
            Ok(false) => Err(PermitError::NotTried(login_in_doubt())),
            Err(StoreError::NotFound(_)) => Err(PermitError::NotTried(Failure::not_tried(
                "The card was removed in the meantime.",
            ))),
            Err(error) => Err(error.into()),
        }
    }

    /// Settles the marks that were stored for a login that isn't sent. Open ones would forbid another login that day.
    async fn settle_marks(&self) {
        for record in self.records {
            let (key, check) = (record.card.key(), self.mark.check);
            let checks = self.ports.checks;
            let settled = checks.record_login_outcome(&key, check, LoginOutcome::NotSent);
            if let Err(error) = settled.await {
                tracing::error!(card.id = %key.card, %error, "The mark of a login that wasn't sent couldn't be settled.");
            }
        }
    }
}

#[async_trait]
impl LoginPermit for MarkedLoginPermit<'_> {
    async fn permit_login(&self) -> Result<(), PermitError> {
        for record in self.records {
            if let Err(error) = self.mark_card(&record.card.key()).await {
                self.settle_marks().await;
                return Err(error);
            }
        }
        Ok(())
    }

    async fn record_login_outcome(&self, outcome: LoginOutcome) -> Result<(), PermitError> {
        if outcome == LoginOutcome::Accepted {
            self.was_accepted.store(true, Ordering::Relaxed);
        }
        for record in self.records {
            let key = record.card.key();
            let recorded = self
                .ports
                .checks
                .record_login_outcome(&key, self.mark.check, outcome);
            recorded.await?;
        }
        Ok(())
    }
}
