//! How a card's state is brought to another store: through the same conditional writes that a check
//! makes, so that nothing newer that is there already is lost.

use chrono::{DateTime, Utc};

use super::MovedCard;
use crate::account::Account;
use crate::card::{CardState, LastCheck, LoginMark, StoredAccount};
use crate::failure::{Failure, FailureKind};

/// One write.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// [`crate::store::CardStore::set_paused`].
    Pause(bool),
    /// [`crate::store::CardStore::allow_retry`].
    AllowRetry,
    /// [`crate::store::CheckStore::begin_login`].
    BeginLogin(LoginMark),
    /// [`crate::store::CheckStore::save_check`].
    Save {
        started_at: DateTime<Utc>,
        finished_at: DateTime<Utc>,
        outcome: Result<Account, Failure>,
    },
}

/// What an existing card needs.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Standing {
    /// It is the same.
    Same,
    /// It was checked since, so it is left alone.
    Newer,
    /// A person changed it since, or it is another card, so it is left alone.
    Different(&'static str),
    /// It is behind: an import was interrupted, or the card moved away and back.
    Behind(Vec<Step>),
}

/// Compares an existing card with one that moves.
pub(super) fn standing(
    paused: bool,
    here: &CardState,
    account_here: Option<&StoredAccount>,
    moved: &MovedCard,
) -> Standing {
    let there = &moved.state;
    if paused == moved.paused && here == there && account_here == moved.account.as_ref() {
        return Standing::Same;
    }
    // A card with an open mark is paused last, so that one is found awake after an interruption.
    if paused != moved.paused && !(moved.paused && there.login_mark.is_some()) {
        return Standing::Different("it is paused on one side and not on the other");
    }
    if newest_known(here) > newest_known(there) {
        return Standing::Newer;
    }
    if here.refused_since.is_none()
        && there.refused_since.is_some()
        && here.last_check == there.last_check
    {
        return Standing::Different("it may be tried again here");
    }
    match steps(paused, here, moved) {
        steps if !steps.is_empty() => Standing::Behind(steps),
        _ if account_here == moved.account.as_ref() => Standing::Newer,
        _ => Standing::Different("its account differs here"),
    }
}

/// The steps that bring a new card to the state that moves.
pub(super) fn steps_of_new(moved: &MovedCard) -> Vec<Step> {
    steps(is_added_paused(moved), &CardState::default(), moved)
}

/// Whether a new card is added as paused. A login can't begin for a paused card, so one with a mark
/// is paused afterwards.
pub(super) fn is_added_paused(moved: &MovedCard) -> bool {
    moved.paused && moved.state.login_mark.is_none()
}

fn steps(paused: bool, here: &CardState, moved: &MovedCard) -> Vec<Step> {
    let there = &moved.state;
    let mut writes = Writes {
        steps: Vec::new(),
        newest: tried(here).map(|check| check.started_at),
    };
    let mut needs_mark = there.login_mark.is_some() && here.login_mark != there.login_mark;
    let mut refused = here.refused_since;
    if (refused.is_some() && (refused != there.refused_since || needs_mark))
        || (here.login_mark.is_some() && here.login_mark != there.login_mark)
    {
        // Which takes the mark away as well.
        writes.steps.push(Step::AllowRetry);
        refused = None;
        needs_mark = there.login_mark.is_some();
    }
    // The site refused it, and a person allowed it to be tried again: saving the check refuses it anew.
    let retried = there.refused_since.is_none()
        && there.last_check.as_ref().is_some_and(|last| {
            is_refusal(last)
                && there
                    .last_success_at
                    .is_none_or(|success| success < last.started_at)
        });
    let finish = |writes: &mut Writes| {
        if let Some(mark) = there.login_mark.clone().filter(|_| needs_mark || retried) {
            if paused {
                writes.steps.push(Step::Pause(false));
            }
            writes.steps.push(Step::BeginLogin(mark));
            if paused && moved.paused {
                writes.steps.push(Step::Pause(true));
            }
        }
        if moved.paused && !paused {
            writes.steps.push(Step::Pause(true));
        }
    };
    if !retried {
        finish(&mut writes);
    }
    if let Some(account) = &moved.account
        && here
            .last_success_at
            .is_none_or(|success| success < account.read_at)
    {
        let is_last = there
            .last_check
            .as_ref()
            .filter(|last| last.failure.is_none() && last.started_at == account.read_at);
        writes.save(
            account.read_at,
            is_last.map_or(account.read_at, |last| last.finished_at),
            Ok(account.account.clone()),
        );
        refused = None;
    }
    let last_failure = there
        .last_check
        .as_ref()
        .and_then(|last| Some((last, last.failure.clone()?)));
    if let Some(since) = there.refused_since
        && refused.is_none()
        && !last_failure
            .as_ref()
            .is_some_and(|(last, _)| last.started_at == since && is_refusal(last))
    {
        let refusal = Failure::wrong_credentials("refused before the move");
        writes.save(since, since, Err(refusal));
    }
    if let Some((last, failure)) = last_failure
        && (here.last_check.as_ref() != Some(last) || !writes.steps.is_empty() || retried)
    {
        writes.save(last.started_at, last.finished_at, Err(failure));
    }
    if retried {
        writes.steps.push(Step::AllowRetry);
        finish(&mut writes);
    }
    writes.steps
}

/// The steps so far, and the newest check that is stored after them and keeps older ones out.
struct Writes {
    steps: Vec<Step>,
    newest: Option<DateTime<Utc>>,
}

impl Writes {
    fn save(
        &mut self,
        started_at: DateTime<Utc>,
        finished_at: DateTime<Utc>,
        outcome: Result<Account, Failure>,
    ) {
        if let Some(newest) = self.newest.filter(|newest| *newest > started_at) {
            // One that did not try knows nothing, so it keeps no older one out.
            self.steps.push(Step::Save {
                started_at: newest,
                finished_at: newest,
                outcome: Err(Failure::not_tried("the card is being moved")),
            });
        }
        self.newest = Some(started_at);
        self.steps.push(Step::Save {
            started_at,
            finished_at,
            outcome,
        });
    }
}

fn is_refusal(check: &LastCheck) -> bool {
    check
        .failure
        .as_ref()
        .is_some_and(|failure| failure.kind == FailureKind::WrongCredentials)
}

/// The newest check, if it tried.
fn tried(state: &CardState) -> Option<&LastCheck> {
    state.last_check.as_ref().filter(|check| {
        check
            .failure
            .as_ref()
            .is_none_or(|failure| failure.kind != FailureKind::NotTried)
    })
}

/// When the newest check began of which something is known; a login under way is one.
fn newest_known(state: &CardState) -> Option<DateTime<Utc>> {
    [
        tried(state).map(|check| check.started_at),
        state.last_success_at,
        state.refused_since,
        state.login_mark.as_ref().map(|mark| mark.at),
    ]
    .into_iter()
    .max()
    .flatten()
}
