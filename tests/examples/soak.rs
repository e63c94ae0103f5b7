//! Soaks the notices for a month in which one of a hundred calls, messages and events fails.
//!
//! `soak [SEED]` runs 500 families over the store in memory, and 100 families over SQLite, where every write is
//! durable. It prints how every notice ended, and exits with 1 if a mail was doubled, or a notice has neither a
//! mail nor a recorded reason. Without a seed it picks one and prints it. `scripts/bench` runs it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark may panic when its setup fails"
)]

use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use hippo_core::store::Store;
use hippo_core::testing::memory::MemoryStore;
use hippo_local::sqlite::SqliteStore;
use hippo_tests::soak::Soak;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let seed = match std::env::args().nth(1) {
        Some(seed) => seed.parse().expect("a seed is a number"),
        None => SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::from(since.subsec_nanos())),
    };
    let soak = Soak {
        families: 500,
        days: 30,
        faults_in_a_million: 10_000,
        seed,
    };
    println!("soak: one of a hundred calls, messages and events goes wrong, seed {seed}");
    let memory = run(soak, "in memory", &MemoryStore::default()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("hippo.db");
    let store = SqliteStore::open_or_create(&path).expect("a database");
    let fewer = Soak {
        families: 100,
        ..soak
    };
    let sqlite = run(fewer, "SQLite", &store).await;
    if memory && sqlite {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn run(soak: Soak, name: &str, store: &dyn Store) -> bool {
    let began = Instant::now();
    let report = soak.run(store).await;
    println!(
        "{name}, {} families over {} days: {:.1} s",
        soak.families,
        soak.days,
        began.elapsed().as_secs_f64()
    );
    print!("{report}");
    report.is_sound()
}
