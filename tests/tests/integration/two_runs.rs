//! Two runs of `check-cards` at once: each card is logged in once, and both runs report correctly.

use std::time::Duration;

use hippo_demo_library::{DemoLibrary, Patron, Site, SystemKind};
use hippo_tests::{Home, finish};

const PIN: &str = "2468";

/// How many times the two runs start together.
const ROUNDS: usize = 4;

/// A response delay that makes the checks of both runs overlap.
const DELAY: Duration = Duration::from_millis(150);

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_log_in_each_card_once() {
    let home = Home::new();
    home.add_family("conrad");
    let today = chrono::Utc::now().date_naive();
    let mut libraries = Vec::new();
    for (id, system, first) in [
        ("one", SystemKind::Koha, 21_000_000_000_001_u64),
        ("two", SystemKind::Sierra, 22_000_000_000_001),
        ("three", SystemKind::Enterprise, 23_000_000_000_001),
    ] {
        let numbers = [first.to_string(), (first + 1).to_string()];
        let site = numbers
            .iter()
            .fold(Site::new(system, id, today), |site, number| {
                site.with_patron(Patron::new(number, PIN, "Ines Calder"))
            });
        let library = DemoLibrary::start(site).await.unwrap();
        library.switches().set_delay(DELAY);
        home.add_library(id, system.id(), &library.base_url());
        for number in &numbers {
            home.add_card("conrad", id, "Ines", number, PIN);
        }
        libraries.push((library, numbers));
    }
    for round in 1..=ROUNDS {
        let both: Vec<_> = (0..2)
            .map(|_| {
                let arguments = ["check-cards", "--no-delay", "--json"];
                home.command(&arguments).spawn().unwrap()
            })
            .collect();
        let both: Vec<_> = both
            .into_iter()
            .map(|child| finish(child).expect_code(0).json())
            .collect();
        for document in &both {
            assert_eq!(document["run"]["outcome"], "done", "{document:#}");
            let planned = document["run"]["counts"]["planned"].as_u64().unwrap();
            let count = |name: &str| document[name].as_array().unwrap().len() as u64;
            assert_eq!(planned, 6);
            assert_eq!(count("cards") + count("left_out"), planned, "{document:#}");
        }
        let status = home.run(&["status", "--json"]).expect_code(0).json();
        for card in status["families"][0]["cards"].as_array().unwrap() {
            assert!(card["failure"].is_null(), "round {round}: {card:#}");
        }
        for (library, numbers) in &libraries {
            for number in numbers {
                assert_eq!(library.login_attempts(number), round, "{number}");
            }
            assert!(library.violations().is_empty());
        }
    }
}
