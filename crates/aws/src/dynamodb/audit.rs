//! Stores the audit log: one partition for each family's changes, and one list of all changes.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use hippo_core::audit::AuditEntry;
use hippo_core::ids::FamilyId;
use hippo_core::store::{AuditStore, StoreResult};

use super::DynamoDbStore;
use super::expression::Expression;
use super::item::{Item, number, text};
use super::keys::{self, Key, list};
use super::table::Query;

#[async_trait]
impl AuditStore for DynamoDbStore {
    async fn add_audit_entry(&self, entry: &AuditEntry) -> StoreResult<()> {
        let key = Key::audit_entry(entry);
        let order = key.sk.clone();
        let item = Item::new(&key)
            .with_data(entry)?
            .with("expires_at", number(entry.expires_at().timestamp()))
            .listed(list::AUDIT, order);
        self.table.put(item, &Expression::default()).await.map(drop)
    }

    async fn recent_audit_entries(
        &self,
        family: Option<&FamilyId>,
        since: DateTime<Utc>,
        limit: usize,
    ) -> StoreResult<Vec<AuditEntry>> {
        let since = text(keys::time(since));
        let query = match family {
            Some(_) => {
                let keys = Expression::new("#pk = :pk AND #sk >= :since")
                    .value(":pk", text(keys::audit(family)))
                    .value(":since", since);
                Query::table(keys)
            }
            None => {
                let keys = Expression::new("#listing = :audit AND #listing_order >= :since")
                    .value(":audit", text(list::AUDIT))
                    .value(":since", since);
                Query::index("listing", keys)
            }
        };
        let query = Query {
            newest_first: true,
            ..query
        };
        let limited = |limit| Query {
            limit,
            ..query.clone()
        };
        self.read_undamaged_page(limit, limited, Item::data).await
    }
}
