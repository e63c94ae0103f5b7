//! A month of 500 families, in which one of a hundred calls, messages and events fails in every way it can.
//!
//! `soak [SEED]`: over the store in memory, and of 100 families over SQLite, whose every write is durable. Ends by counting what became of every notice:
//! with 1 where a mail was doubled, or a notice has neither a mail nor a record that says why. Without a
//! seed it takes a new one, and says which. `scripts/bench` runs it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark that cannot set the stage may stop at once"
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
