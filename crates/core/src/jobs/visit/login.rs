//! The one login of a check, and the mark that goes before it.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::VisitPorts;
use crate::account::Account;
use crate::card::{CardKey, CardRecord, CardSecret, LoginMark};
use crate::clock::{is_in_future, local_date};
use crate::failure::{Failure, FailureKind};
use crate::jobs::JobError;
use crate::library::Library;
use crate::site::LoginPermit;
use crate::store::StoreError;

/// How long after its mark a check may still be going; longer than a card may take whose session is lost at the
/// last moment: two logins, each with its whole time and a logout.
pub const UNDER_WAY: chrono::Duration = chrono::Duration::seconds(200);

/// What a check finds before it begins.
pub(super) enum Todo {
    /// Nothing stands in the way.
    Try,
    /// Not now, for a reason that is put on record.
    NotTried(String),
    /// Another check of this card is under way: its outcome is the one to record.
    Leave,
}

pub(super) fn open_login(library: &Library, records: &[CardRecord], now: DateTime<Utc>) -> Todo {
    let today = local_date(now, library.timezone);
    let open: Vec<&LoginMark> = records
        .iter()
        .filter_map(|record| record.state.login_mark.as_ref())
        .filter(|mark| mark.day == today)
        .collect();
    if open.is_empty() {
        Todo::Try
    } else if open.iter().any(|mark| is_under_way(mark, now)) {
        Todo::Leave
    } else {
        Todo::NotTried(login_open())
    }
}

/// Whether the check that wrote this mark may still be going.
fn is_under_way(mark: &LoginMark, now: DateTime<Utc>) -> bool {
    now < mark.at + UNDER_WAY && !is_in_future(mark.at, now)
}

fn login_open() -> String {
    "An earlier login of today has no known outcome; it is not tried again today unless a person \
     says so (“hippo card retry”)."
        .to_owned()
}

fn login_not_allowed() -> String {
    "No login was sent: the card was paused or refused meanwhile, or an earlier check stopped \
     between its login and the outcome and is not tried again today unless a person says so \
     (“hippo card retry”)."
        .to_owned()
}

pub(super) async fn read_account(
    ports: &VisitPorts<'_>,
    library: &Library,
    secret: &CardSecret,
    records: &[CardRecord],
    mark: LoginMark,
) -> Result<Option<Result<Account, Failure>>, JobError> {
    let permit = DurableMark {
        ports,
        library,
        records,
        mark,
        fault: std::sync::Mutex::new(None),
        found_other: AtomicBool::new(false),
    };
    let mut outcome = ports.site.check(library, secret, &permit).await;
    if let Err(failure) = &outcome
        && failure.kind == FailureKind::SessionExpired
    {
        // One new login, then it is a failure.
        outcome = ports.site.check(library, secret, &permit).await;
    }
    if let Err(failure) = &mut outcome {
        // A refusal without words looks like a changed page. With any other failure the site said
        // nothing about the PIN, and the next check may try it again.
        failure.login_in_doubt &= failure.kind == FailureKind::PageChanged;
    }
    if let Some(fault) = permit.take_fault() {
        return Err(fault.into());
    }
    Ok((!permit.found_other.load(Ordering::Relaxed)).then_some(outcome))
}

/// Writes the mark of every card that the login stands for, right before it is sent.
struct DurableMark<'a> {
    ports: &'a VisitPorts<'a>,
    library: &'a Library,
    records: &'a [CardRecord],
    mark: LoginMark,
    fault: std::sync::Mutex<Option<StoreError>>,
    /// Another check of the card began meanwhile and is under way.
    found_other: AtomicBool,
}

impl DurableMark<'_> {
    fn take_fault(&self) -> Option<StoreError> {
        self.fault.lock().ok().and_then(|mut fault| fault.take())
    }

    /// Whose mark it is that keeps us from logging in.
    async fn look_for_other(&self, card: &CardKey) {
        let keys = std::slice::from_ref(card);
        let loaded = self.ports.visits.load_visit(&self.library.id, keys).await;
        let cards = loaded.ok().flatten().map(|loaded| loaded.cards);
        let now = self.ports.clock.now();
        let is_going = cards.unwrap_or_default().iter().any(|(record, _)| {
            let mark = record.state.login_mark.as_ref();
            mark.is_some_and(|mark| is_under_way(mark, now))
        });
        if is_going {
            self.found_other.store(true, Ordering::Relaxed);
        }
    }
}

#[async_trait]
impl LoginPermit for DurableMark<'_> {
    async fn about_to_log_in(&self) -> Result<(), Failure> {
        for record in self.records {
            let key = record.card.key();
            match self.ports.checks.begin_login(&key, &self.mark).await {
                Ok(true) => {}
                Ok(false) => {
                    self.look_for_other(&key).await;
                    return Err(Failure::not_tried(login_not_allowed()));
                }
                Err(StoreError::NotFound(_)) => {
                    return Err(Failure::not_tried("The card was removed meanwhile."));
                }
                Err(error) => {
                    if let Ok(mut fault) = self.fault.lock() {
                        *fault = Some(error);
                    }
                    return Err(Failure::not_tried(format!(
                        "The mark before the login at {} could not be written.",
                        self.library.id
                    )));
                }
            }
        }
        Ok(())
    }
}
