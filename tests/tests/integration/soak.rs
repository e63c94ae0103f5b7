//! A small soak test: more faults and fewer families than `make bench`, with fixed seeds.

use hippo_core::testing::memory::MemoryStore;
use hippo_local::sqlite::SqliteStore;
use hippo_tests::soak::{Outcome, Report, Soak};

fn soak(seed: u64, faults_in_a_million: u64) -> Soak {
    Soak {
        families: 20,
        days: 5,
        faults_in_a_million,
        seed,
    }
}

fn assert_sound(report: &Report, notices: usize) {
    println!("{report}");
    assert_eq!(report.violations, Vec::<String>::new());
    assert_eq!(report.count_of(Outcome::Doubled), 0);
    assert_eq!(report.count_of(Outcome::Unexplained), 0);
    assert_eq!(report.notices(), notices);
    assert!(
        report.faults() > 0,
        "no fault happened, so this proves nothing"
    );
}

#[tokio::test]
async fn in_memory_notices_end_as_one_mail_or_a_reason() {
    for seed in 1..=4 {
        for faults in [10_000, 100_000] {
            let report = soak(seed, faults).run(&MemoryStore::default()).await;
            assert_sound(&report, 100);
        }
    }
}

#[tokio::test]
async fn sqlite_notices_end_as_one_mail_or_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open_or_create(&folder.path().join("hippo.db")).unwrap();
    let report = soak(5, 50_000).run(&store).await;
    assert_sound(&report, 100);
}

#[tokio::test]
async fn same_seed_gives_the_same_report() {
    let one = soak(7, 30_000).run(&MemoryStore::default()).await;
    let other = soak(7, 30_000).run(&MemoryStore::default()).await;
    assert_eq!(one, other);
}

#[tokio::test]
async fn without_faults_every_notice_is_sent_or_skipped() {
    let report = soak(1, 0).run(&MemoryStore::default()).await;
    println!("{report}");
    let (sent, skipped) = (
        report.count_of(Outcome::Sent),
        report.count_of(Outcome::Skipped),
    );
    assert_eq!((sent + skipped, report.faults()), (100, 0));
    assert!(sent > 70 && skipped > 5, "{sent} sent, {skipped} skipped");
}
