//! Stores the outbox.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use hippo_core::ids::FamilyId;
use hippo_core::notice::last_notice::LastNotice;
use hippo_core::outbox::{MailKey, MailKind, MailState, OutboxRecord};
use hippo_core::store::{OutboxCursor, OutboxStore, StoreOrigin, StoreResult};
use uuid::Uuid;

use super::DynamoDbStore;
use super::expression::Expression;
use super::families::{family_exists, family_not_found};
use super::item::{Item, json, number, text};
use super::keys::{self, Key, list};
use super::table::{Query, TransactionOutcome, TransactionStep, WriteOutcome};

#[async_trait]
impl OutboxStore for DynamoDbStore {
    async fn plan_mail(&self, record: &OutboxRecord) -> StoreResult<bool> {
        let key = Key::mail(&record.key());
        // Most ticks find it already planned, and a read costs a fraction of a transaction.
        if self.table.get(&key).await?.is_some() {
            return Ok(false);
        }
        let (list, order) = listing(record);
        let mut item = Item::new(&key)
            .with_data(&*record.to_stored())?
            .with("revision", number(record.revision))
            .with_text("state", record.state.as_str())
            .listed(list, order);
        if record.is_over() {
            item = item.with("expires_at", self.expiry(record.planned_at));
        }
        let steps = [
            TransactionStep::Check(Key::family(&record.family), family_exists()),
            TransactionStep::Put(item, Expression::absent()),
        ];
        match self.table.transact(&steps).await? {
            TransactionOutcome::Done => Ok(true),
            TransactionOutcome::ConditionFailed(refusals) => match refusals.first() {
                Some(refusal) if refusal.step == 0 => Err(family_not_found(&record.family)),
                _ => Ok(false),
            },
        }
    }

    async fn mail(&self, key: &MailKey) -> StoreResult<Option<OutboxRecord>> {
        let found = self.table.get(&Key::mail(key)).await?;
        let found = found.map(|item| self.read_undamaged(&item, Item::data));
        Ok(found.transpose()?.flatten())
    }

    async fn replace_mail(
        &self,
        expected_revision: u64,
        record: &OutboxRecord,
        last_notice: Option<&LastNotice>,
    ) -> StoreResult<bool> {
        let write_id = Uuid::new_v4().to_string();
        let (list, order) = listing(record);
        let mut set = "SET #data = :data, #revision = :next, #state = :state, #write = :write, \
                       #listing = :list, #listing_order = :order"
            .to_owned();
        if last_notice.is_some() {
            set.push_str(", #last_notice = :last_notice");
        }
        set.push_str(if record.is_over() {
            ", #expires_at = :expires_at"
        } else {
            " REMOVE #expires_at"
        });
        let mut change = Expression::new(set)
            .value(":data", text(json(&*record.to_stored())?))
            .value(":next", number(record.revision))
            .value(":state", text(record.state.as_str()))
            .value(":write", text(write_id.as_str()))
            .value(":list", text(list))
            .value(":order", text(order));
        if let Some(last_notice) = last_notice {
            change = change.value(":last_notice", text(json(last_notice)?));
        }
        if record.is_over() {
            change = change.value(":expires_at", self.expiry(record.planned_at));
        }
        let key = Key::mail(&record.key());
        let unchanged = Expression::unchanged(expected_revision);
        Ok(match self.table.update(&key, &change, &unchanged).await? {
            WriteOutcome::Done => true,
            // An earlier attempt at this write succeeded, but its response was lost.
            WriteOutcome::ConditionFailed(Some(item)) => item.text("write") == Some(&write_id),
            WriteOutcome::ConditionFailed(None) => false,
        })
    }

    async fn open_mails(
        &self,
        after: Option<&OutboxCursor>,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>> {
        let keys = match after {
            None => Expression::new("#listing = :list"),
            Some(after) => Expression::new("#listing = :list AND #listing_order > :after")
                .value(":after", text(open_order(after))),
        };
        let keys = keys.value(":list", text(list::OPEN_MAILS));
        let query = |limit| Query {
            limit,
            ..Query::index("listing", keys.clone())
        };
        self.read_undamaged_page(limit, query, Item::data).await
    }

    async fn last_sent_notice(&self, family: &FamilyId) -> StoreResult<Option<LastNotice>> {
        let sent = Expression::new("#state = :sent AND attribute_exists(#last_notice)")
            .value(":sent", text(MailState::Sent.as_str()));
        let found = self
            .table
            .query(&Query {
                filter: sent,
                limit: 1,
                ..newest_first(&MailKind::DAILY, family)
            })
            .await?;
        let last_notice = |item: &Item| item.document("last_notice");
        let found = found
            .first()
            .map(|item| self.read_undamaged(item, last_notice));
        Ok(found.transpose()?.flatten())
    }

    /// A restored table contains the name of the table that was copied. A table without a name is new.
    async fn origin(&self) -> StoreResult<StoreOrigin> {
        if self.has_own_name.load(Ordering::Relaxed) {
            return Ok(StoreOrigin::Known);
        }
        let stored_name = match self.table.get(&Key::table_name()).await? {
            Some(item) => item.text("data").map(ToOwned::to_owned),
            None => {
                self.end_restore().await?;
                return Ok(StoreOrigin::Known);
            }
        };
        if stored_name.as_deref() != Some(self.table_name()) {
            return Ok(StoreOrigin::Restored {
                has_sent_fences: false,
            });
        }
        self.has_own_name.store(true, Ordering::Relaxed);
        Ok(StoreOrigin::Known)
    }

    async fn end_restore(&self) -> StoreResult<()> {
        let item = Item::new(&Key::table_name()).with_text("data", self.table_name());
        self.table.put(item, &Expression::default()).await?;
        Ok(())
    }

    /// Always `None`: the record of a mail that may have been sent outlives its family, so it has
    /// all that is known.
    async fn last_sent_fence(&self, _key: &MailKey) -> StoreResult<Option<u64>> {
        Ok(None)
    }

    async fn recent_mails(
        &self,
        kind: &MailKind,
        family: &FamilyId,
        limit: usize,
    ) -> StoreResult<Vec<OutboxRecord>> {
        let found = self
            .table
            .query(&Query {
                limit,
                ..newest_first(kind, family)
            })
            .await?;
        self.read_all_undamaged(&found, Item::data)
    }
}

fn newest_first(kind: &MailKind, family: &FamilyId) -> Query {
    let keys = Expression::new("#pk = :pk AND begins_with(#sk, :mails)")
        .value(":pk", text(keys::family(family)))
        .value(":mails", text(keys::mails(kind)));
    Query {
        newest_first: true,
        ..Query::table(keys)
    }
}

/// The list and position of a mail. Open mails are listed in the order of the work, final ones by
/// age.
fn listing(record: &OutboxRecord) -> (&'static str, String) {
    let order = open_order(&OutboxCursor::from(record));
    if record.is_over() {
        let planned = keys::time(record.planned_at);
        (list::FINAL_MAILS, format!("{planned}#{order}"))
    } else {
        (list::OPEN_MAILS, order)
    }
}

/// The order of open mails. `#` sorts before every character of a slug.
fn open_order(mail: &OutboxCursor) -> String {
    let OutboxCursor { date, kind, family } = mail;
    format!("{date}#{kind}#{family}")
}
