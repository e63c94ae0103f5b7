//! The notices.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use chrono::NaiveDate;
use hippo_core::ids::FamilyId;
use hippo_core::notice::record::{NoticeRecord, NoticeState};
use hippo_core::notice::told::Told;
use hippo_core::store::{NoticeCursor, NoticeStore, StoreOrigin, StoreResult};
use uuid::Uuid;

use super::DynamoDbStore;
use super::expression::Expression;
use super::families::{is_there, no_family};
use super::item::{Item, json, number, text};
use super::keys::{self, Key, list};
use super::table::{Ask, Step, Transacted, Written};

#[async_trait]
impl NoticeStore for DynamoDbStore {
    async fn plan_notice(&self, record: &NoticeRecord) -> StoreResult<bool> {
        let key = Key::notice(&record.family, record.date);
        // Most ticks find it there: a read costs a fraction of a transaction.
        if self.table.get(&key).await?.is_some() {
            return Ok(false);
        }
        let (list, order) = place(record);
        let mut item = Item::new(&key)
            .with_data(&*record.to_keep())?
            .with("revision", number(record.revision))
            .with_text("state", record.state.as_str())
            .listed(list, order);
        if record.is_over() {
            item = item.with("expires_at", self.expiry(record.planned_at));
        }
        let steps = [
            Step::Check(Key::family(&record.family), is_there()),
            Step::Put(item, Expression::absent()),
        ];
        match self.table.transact(&steps).await? {
            Transacted::Done => Ok(true),
            Transacted::Refused(refusals) => match refusals.first() {
                Some(refusal) if refusal.step == 0 => Err(no_family(&record.family)),
                _ => Ok(false),
            },
        }
    }

    async fn notice(
        &self,
        family: &FamilyId,
        date: NaiveDate,
    ) -> StoreResult<Option<NoticeRecord>> {
        let found = self.table.get(&Key::notice(family, date)).await?;
        let found = found.map(|item| self.unless_damaged(&item, Item::data));
        Ok(found.transpose()?.flatten())
    }

    async fn replace_notice(
        &self,
        revision: u64,
        record: &NoticeRecord,
        told: Option<&Told>,
    ) -> StoreResult<bool> {
        let write = Uuid::new_v4().to_string();
        let (list, order) = place(record);
        let mut set = "SET #data = :data, #revision = :next, #state = :state, #write = :write, \
                       #listing = :list, #listing_order = :order"
            .to_owned();
        if told.is_some() {
            set.push_str(", #told = :told");
        }
        set.push_str(if record.is_over() {
            ", #expires_at = :expires_at"
        } else {
            " REMOVE #expires_at"
        });
        let mut change = Expression::new(set)
            .value(":data", text(json(&*record.to_keep())?))
            .value(":next", number(record.revision))
            .value(":state", text(record.state.as_str()))
            .value(":write", text(write.as_str()))
            .value(":list", text(list))
            .value(":order", text(order));
        if let Some(told) = told {
            change = change.value(":told", text(json(told)?));
        }
        if record.is_over() {
            change = change.value(":expires_at", self.expiry(record.planned_at));
        }
        let key = Key::notice(&record.family, record.date);
        let unchanged = Expression::unchanged(revision);
        Ok(match self.table.update(&key, &change, &unchanged).await? {
            Written::Done => true,
            // The answer to an earlier try of this very write was lost.
            Written::Refused(Some(item)) => item.text("write") == Some(&write),
            Written::Refused(None) => false,
        })
    }

    async fn open_notices(
        &self,
        after: Option<&NoticeCursor>,
        limit: usize,
    ) -> StoreResult<Vec<NoticeRecord>> {
        let keys = match after {
            None => Expression::new("#listing = :list"),
            Some(after) => Expression::new("#listing = :list AND #listing_order > :after")
                .value(":after", text(open_order(after.date, &after.family))),
        };
        let keys = keys.value(":list", text(list::OPEN_NOTICES));
        let ask = |limit| Ask {
            limit,
            ..Ask::index("listing", keys.clone())
        };
        self.readable_page(limit, ask, Item::data).await
    }

    async fn last_told(&self, family: &FamilyId) -> StoreResult<Option<Told>> {
        let sent = Expression::new("#state = :sent AND attribute_exists(#told)")
            .value(":sent", text(NoticeState::Sent.as_str()));
        let found = self
            .table
            .query(&Ask {
                filter: sent,
                limit: 1,
                ..newest_first(family)
            })
            .await?;
        let told = |item: &Item| item.document("told");
        let found = found.first().map(|item| self.unless_damaged(item, told));
        Ok(found.transpose()?.flatten())
    }

    /// A table that was restored has the name of the one that was copied. One without a name is new.
    async fn origin(&self) -> StoreResult<StoreOrigin> {
        if self.has_own_name.load(Ordering::Relaxed) {
            return Ok(StoreOrigin::Known);
        }
        let named = match self.table.get(&Key::table_name()).await? {
            Some(item) => item.text("data").map(ToOwned::to_owned),
            None => {
                self.end_restore().await?;
                return Ok(StoreOrigin::Known);
            }
        };
        if named.as_deref() != Some(self.table_name()) {
            return Ok(StoreOrigin::Restored { knows_sent: false });
        }
        self.has_own_name.store(true, Ordering::Relaxed);
        Ok(StoreOrigin::Known)
    }

    async fn end_restore(&self) -> StoreResult<()> {
        let item = Item::new(&Key::table_name()).with_text("data", self.table_name());
        self.table.put(item, &Expression::default()).await?;
        Ok(())
    }

    /// Records that may have been sent outlive their family.
    async fn sent_before(&self, _family: &FamilyId, _date: NaiveDate) -> StoreResult<Option<u64>> {
        Ok(None)
    }

    async fn recent_notices(
        &self,
        family: &FamilyId,
        limit: usize,
    ) -> StoreResult<Vec<NoticeRecord>> {
        let found = self
            .table
            .query(&Ask {
                limit,
                ..newest_first(family)
            })
            .await?;
        self.readable(&found, Item::data)
    }
}

fn newest_first(family: &FamilyId) -> Ask {
    let keys = Expression::new("#pk = :pk AND begins_with(#sk, :notices)")
        .value(":pk", text(keys::family(family)))
        .value(":notices", text(keys::NOTICES));
    Ask {
        newest_first: true,
        ..Ask::table(keys)
    }
}

/// Open ones are listed as they are worked on, final ones as they are forgotten.
fn place(record: &NoticeRecord) -> (&'static str, String) {
    let NoticeRecord { family, date, .. } = record;
    if record.is_over() {
        let planned = keys::time(record.planned_at);
        (list::FINAL_NOTICES, format!("{planned}#{date}#{family}"))
    } else {
        (list::OPEN_NOTICES, open_order(*date, family))
    }
}

/// The order of the open ones: `#` sorts before all that a slug is made of.
fn open_order(date: NaiveDate, family: &FamilyId) -> String {
    format!("{date}#{family}")
}
