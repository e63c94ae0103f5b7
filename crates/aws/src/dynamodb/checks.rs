//! Stores checks and the accounts that they read.
//!
//! The head holds the hash of the stored account. A check that reads the same account writes only
//! the head: two write units (the table, and the index of the cards to check). A check that reads
//! another account writes both items in a transaction, which costs twice their size.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hippo_core::account::Account;
use hippo_core::card::{
    CardKey, CardRecord, CardState, LastCheck, LoginMark, LoginOutcome, StoredAccount,
};
use hippo_core::check::Check;
use hippo_core::failure::{Failure, FailureKind};
use hippo_core::ids::{CardId, FamilyId};
use hippo_core::store::{CheckStore, Saved, StoreResult};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::DynamoDbStore;
use super::cards::card_not_found;
use super::expression::Expression;
use super::heads::{ACCOUNT_DAMAGED, Decision, Head};
use super::item::{Item, text};
use super::keys::{self, Key};
use super::table::Query;

#[async_trait]
impl CheckStore for DynamoDbStore {
    async fn begin_login(&self, card: &CardKey, mark: &LoginMark) -> StoreResult<bool> {
        self.change_head(card, |head| {
            let open = head.record.state.login_mark.as_ref();
            let refused =
                head.forbids_login(mark.at) || open.is_some_and(|open| mark.is_blocked_by(open));
            if refused {
                return Decision::Keep(false);
            }
            head.record.state.login_mark = Some(mark.clone());
            Decision::Write(true)
        })
        .await?
        .ok_or_else(|| card_not_found(card.card))
    }

    async fn record_login_outcome(
        &self,
        card: &CardKey,
        check: Uuid,
        outcome: LoginOutcome,
    ) -> StoreResult<()> {
        self.change_head(card, |head| {
            apply_login_outcome(&mut head.record.state, check, outcome)
        })
        .await?;
        Ok(())
    }

    async fn save_check(&self, check: &Check) -> StoreResult<Saved> {
        let new_account = match &check.outcome {
            Ok(account) => Some(account_item(&check.card, check.started_at, account)?),
            Err(_) => None,
        };
        let saved = self
            .change_head(&check.card, |head| {
                apply_check(head, check, new_account.as_ref())
            })
            .await?;
        Ok(saved.unwrap_or(Saved::CardGone))
    }

    async fn family_accounts(
        &self,
        family: &FamilyId,
    ) -> StoreResult<Vec<(CardId, StoredAccount)>> {
        let keys = Expression::new("#pk = :pk AND #sk BETWEEN :first AND :last")
            .value(":pk", text(keys::family(family)))
            .value(":first", text(keys::ACCOUNTS))
            .value(":last", text(keys::CARDS_END));
        let found = self.table.query(&Query::table(keys)).await?;
        Ok(self
            .cards_and_accounts(&found)
            .await?
            .into_iter()
            .filter_map(|(record, account)| Some((record.card.id, account?)))
            .collect())
    }
}

/// Applies a login's outcome to a card's state, as [`CheckStore::record_login_outcome`] requires.
fn apply_login_outcome(state: &mut CardState, check: Uuid, outcome: LoginOutcome) -> Decision<()> {
    let mark = state.login_mark.as_mut();
    let Some(mark) = mark.filter(|mark| mark.check == check) else {
        return Decision::Keep(());
    };
    let is_older = state
        .last_success_at
        .is_some_and(|success| success >= mark.at);
    let refuses = outcome == LoginOutcome::Refused && state.refused_since.is_none() && !is_older;
    if mark.is_settled && !refuses {
        return Decision::Keep(());
    }
    mark.is_settled = true;
    if refuses {
        state.refused_since = Some(mark.at);
    }
    Decision::Write(())
}

/// Applies a check to a head, as [`CheckStore::save_check`] requires.
fn apply_check(
    head: &mut Head,
    check: &Check,
    new_account: Option<&(Item, String)>,
) -> Decision<Saved> {
    let state = &mut head.record.state;
    let failure = check.outcome.as_ref().err();
    let mark = state.login_mark.as_ref();
    let mut changed = false;
    let is_in_doubt = failure.is_some_and(|failure| failure.login_in_doubt);
    if mark.is_some_and(|mark| mark.check == check.id && (mark.is_settled || !is_in_doubt)) {
        state.login_mark = None;
        changed = true;
    }
    if failure.is_some_and(|failure| failure.kind == FailureKind::WrongCredentials)
        && state.refused_since.is_none()
        && state
            .last_success_at
            .is_none_or(|success| success < check.started_at || !check.accepts_time(success))
    {
        state.refused_since = Some(check.started_at);
        changed = true;
    }
    let tried = state.last_tried().map(|last| last.started_at);
    let plausible = |at: Option<_>| at.filter(|at| check.accepts_time(*at));
    let newest = plausible(tried).max(plausible(state.last_success_at));
    if newest.is_some_and(|newest| newest > check.started_at) {
        return if changed {
            Decision::Write(Saved::Older)
        } else {
            Decision::Keep(Saved::Older)
        };
    }
    let pause = head.record.card.pause.take();
    head.record.card.pause = pause.filter(|pause| pause.includes(check.started_at));
    state.replace_last_check(LastCheck {
        started_at: check.started_at,
        finished_at: check.finished_at,
        // Drops the site's Retry-After, which isn't stored.
        failure: failure.map(Failure::to_stored),
    });
    let Some((item, hash)) = new_account else {
        return Decision::Write(Saved::Stored);
    };
    state.refused_since = None;
    state.last_success_at = Some(check.started_at);
    if head.account_hash.as_ref() == Some(hash) {
        return Decision::Write(Saved::Stored);
    }
    head.account_hash = Some(hash.clone());
    Decision::WriteWith(Saved::Stored, item.clone())
}

/// Builds the item that stores an account, and hashes it.
pub(super) fn account_item(
    card: &CardKey,
    read_at: DateTime<Utc>,
    account: &Account,
) -> StoreResult<(Item, String)> {
    let document = super::item::json(account)?;
    // 128 bits are enough to tell one card's accounts apart. The head should stay below 1 KB.
    let hash: String = Sha256::digest(document.as_bytes())
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let item = Item::new(&Key::account(card))
        .with_text("data", document)
        .with_text("hash", hash.clone())
        .with_text("read_at", keys::time(read_at));
    Ok((item, hash))
}

impl DynamoDbStore {
    /// Reads the cards among a family's items, ordered by id, with their accounts.
    pub(super) async fn cards_and_accounts(
        &self,
        items: &[Item],
    ) -> StoreResult<Vec<(CardRecord, Option<StoredAccount>)>> {
        let mut cards = Vec::new();
        for item in items {
            if item.id_after(keys::CARDS).is_none() {
                continue;
            }
            let Some(mut head) = self.read_undamaged(item, Item::data::<Head>)? else {
                continue;
            };
            let key = Key::account(&head.record.card.key());
            let account = match items.iter().find(|item| item.is(&key)) {
                None => None,
                Some(account) => {
                    let read =
                        self.read_undamaged(account, |account| stored_account(&head, account))?;
                    if read.is_none() {
                        self.request_account_rewrite(&head, item).await?;
                        head.record.state.mark_account_damaged();
                    }
                    read
                }
            };
            cards.push((head.record, account));
        }
        Ok(cards)
    }

    /// Makes the next check write its account even if it is unchanged, since the stored one is
    /// damaged.
    async fn request_account_rewrite(&self, head: &Head, item: &Item) -> StoreResult<()> {
        if item.text(ACCOUNT_DAMAGED).is_some() {
            return Ok(());
        }
        let mark = Expression::new("SET #account_damaged = :yes").value(":yes", text("yes"));
        let key = Key::head(&head.record.card.key());
        // If the card is gone, there is nothing to do.
        let _ = self
            .table
            .update(&key, &mark, &Expression::exists())
            .await?;
        Ok(())
    }
}

/// Reads an account. `read_at` is the time of the newest check that found this account.
fn stored_account(head: &Head, item: &Item) -> StoreResult<StoredAccount> {
    let read_at = match head.record.state.last_success_at {
        Some(last) if head.account_hash.as_deref() == item.text("hash") => last,
        // A check wrote between the reads of the two items.
        _ => item
            .text("read_at")
            .and_then(|time| time.parse().ok())
            .ok_or_else(|| item.unreadable("read_at"))?,
    };
    Ok(StoredAccount {
        read_at,
        account: item.data()?,
    })
}
