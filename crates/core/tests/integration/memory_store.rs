//! The store in memory keeps the contract of every store.

use hippo_core::testing::memory::MemoryStore;

async fn store() -> Box<MemoryStore> {
    Box::default()
}

hippo_core::store_contract!(store);
