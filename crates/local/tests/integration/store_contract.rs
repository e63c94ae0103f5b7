//! Runs the store contract against SQLite.

use std::ops::Deref;

use hippo_core::store::{CheckStore, FamilyStore, Store};
use hippo_core::testing::contract::sample;
use hippo_local::sqlite::SqliteStore;
use proptest::prelude::*;
use tempfile::TempDir;

/// A store in its own folder. Fields drop in order: the store closes before the folder is removed.
struct TempStore {
    store: SqliteStore,
    _folder: TempDir,
}

impl Deref for TempStore {
    type Target = SqliteStore;

    fn deref(&self) -> &SqliteStore {
        &self.store
    }
}

async fn fresh() -> TempStore {
    let folder = tempfile::tempdir().unwrap();
    TempStore {
        store: SqliteStore::open_or_create(&folder.path().join("hippo.db")).unwrap(),
        _folder: folder,
    }
}

hippo_core::store_contract!(fresh);

/// Two stores on one file, as two processes have them.
mod two_processes {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use hippo_core::card::{CardKey, LoginMark};
    use hippo_core::outbox::OutboxRecord;
    use hippo_core::store::OutboxStore;
    use uuid::Uuid;

    use super::*;

    const ATTEMPTS: usize = 20;

    async fn pair() -> (TempStore, SqliteStore) {
        let one = fresh().await;
        let other = SqliteStore::open(one.path()).unwrap();
        (one, other)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn notice_is_claimed_once() {
        let (one, other) = pair().await;
        one.add_family(&sample::family("conrad")).await.unwrap();
        let record = sample::notice("conrad", "2026-11-21");
        assert!(one.plan_mail(&record).await.unwrap());
        let wins = AtomicUsize::new(0);
        let claim = async |store: &SqliteStore, record: &OutboxRecord| {
            for _ in 0..ATTEMPTS {
                let now = sample::time("06:31:00");
                let claimed = record.claim(Uuid::new_v4(), now).unwrap();
                if store.replace_mail(0, &claimed, None).await.unwrap() {
                    wins.fetch_add(1, Ordering::SeqCst);
                }
            }
        };
        tokio::join!(claim(&one, &record), claim(&other, &record));
        assert_eq!(wins.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn login_is_permitted_once() {
        let (one, other) = pair().await;
        let card = sample::one_card(&*one).await.key();
        let permits = AtomicUsize::new(0);
        let ask = async |store: &SqliteStore, card: &CardKey| {
            for _ in 0..ATTEMPTS {
                let mark = LoginMark {
                    check: Uuid::new_v4(),
                    at: sample::time("05:00:00"),
                    day: sample::date("2026-11-21"),
                    is_settled: false,
                };
                if store.begin_login(card, &mark).await.unwrap() {
                    permits.fetch_add(1, Ordering::SeqCst);
                }
            }
        };
        tokio::join!(ask(&one, &card), ask(&other, &card));
        assert_eq!(permits.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn write_is_visible_to_the_other_at_once() {
        let (one, other) = pair().await;
        for number in 0..ATTEMPTS {
            let family = sample::family(&format!("f{number}"));
            one.add_family(&family).await.unwrap();
            assert_eq!(other.family(&family.id).await.unwrap(), Some(family));
        }
    }
}

/// Checks in the order in which they are saved: start minute, and fines in cents or a failure.
fn checks() -> impl Strategy<Value = Vec<(u32, Option<i64>)>> {
    proptest::collection::btree_map(0..60_u32, proptest::option::of(0..1000_i64), 1..12)
        .prop_map(|checks| checks.into_iter().collect::<Vec<_>>())
        .prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn newest_check_wins_in_any_save_order(checks in checks()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = fresh().await;
            let store: &dyn Store = &*store;
            let card = sample::one_card(store).await;
            for (minute, cents) in &checks {
                let outcome = match cents {
                    Some(cents) => Ok(sample::account(*cents)),
                    None => sample::failed(hippo_core::failure::FailureKind::SiteDown),
                };
                let check = sample::check(&card, &format!("05:{minute:02}:00"), outcome);
                store.save_check(&check).await.unwrap();
            }

            let state = store.card(card.id).await.unwrap().unwrap().state;
            let (newest, cents) = checks.iter().max().unwrap();
            let last = state.last_check.unwrap();
            prop_assert_eq!(last.started_at, sample::time(&format!("05:{newest:02}:00")));
            prop_assert_eq!(last.failure.is_none(), cents.is_some());
            let accounts = store.family_accounts(&card.family).await.unwrap();
            let stored = accounts.first().map(|(_, stored)| stored);
            prop_assert_eq!(stored.map(|stored| stored.read_at), state.last_success_at);
            if let Some(cents) = cents {
                prop_assert_eq!(stored.map(|stored| &stored.account), Some(&sample::account(*cents)));
            }
            Ok(())
        })?;
    }
}
