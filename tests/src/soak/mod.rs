//! A soak test: notices for many families over many simulated days, with random faults.
//!
//! It runs the real `notify-all`, the deliveries of its queue and the mail service's events over any store. A
//! share of all calls fails (`faults`): the store is unavailable, an answer is lost, a worker crashes before
//! or after a call or sleeps past its lease, the mail service refuses a mail, doesn't answer, or rejects an
//! accepted mail later. Ticks, messages and events are lost, late or doubled. In the end, [`Report`] counts
//! how the notice of every family and date ended.
//!
//! Time is simulated (`world`). The same seed gives the same faults and, over a store that answers at once,
//! the same run.

mod faults;
mod report;
mod world;

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveTime, Utc};
use futures::StreamExt as _;
use hippo_core::card::StoredAccount;
use hippo_core::check::Check;
use hippo_core::family::{Family, SendWhenEmpty};
use hippo_core::store::Store;
use hippo_core::testing::contract::sample;
use uuid::Uuid;

pub use self::report::{Outcome, Report};
use self::world::World;

/// The size of a soak and its share of faults.
#[derive(Debug, Clone, Copy)]
pub struct Soak {
    /// The number of families.
    pub families: usize,
    /// The number of days with faults.
    pub days: u32,
    /// How many of a million calls, messages and events fail.
    pub faults_in_a_million: u64,
    /// The seed that decides which of them fail.
    pub seed: u64,
}

/// Returns the start, shortly before the clocks change in Toronto, Berlin and Sydney.
fn begin() -> DateTime<Utc> {
    "2026-10-12T00:00:00Z".parse().unwrap()
}

/// The time without faults at the end, in which open work finishes.
const QUIET_TIME: Duration = Duration::days(2);

const ZONES: [&str; 8] = [
    "America/Toronto",
    "America/St_Johns",
    "Europe/Berlin",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Pacific/Kiritimati",
    "Pacific/Honolulu",
];

/// One of this many families usually has an empty notice.
const EMPTY_EVERY: usize = 5;

impl Soak {
    /// Runs the soak over an empty store and counts the outcomes.
    ///
    /// # Panics
    /// If the store itself fails.
    pub async fn run(self, store: &dyn Store) -> Report {
        store.add_library(&sample::library("wpl")).await.unwrap();
        let families: Vec<Family> = (0..self.families).map(family).collect();
        futures::stream::iter(families.iter().enumerate())
            .for_each_concurrent(64, |(number, family)| add_family(store, number, family))
            .await;
        let library = sample::library("wpl");
        let libraries = BTreeMap::from([(library.id.clone(), library)]);
        let end = begin() + Duration::days(self.days.into());
        let world = World::new(self, store, &libraries, begin(), end);
        // Tokio's cooperative yields would make the order random.
        tokio::task::unconstrained(world.run_until(end + QUIET_TIME)).await;
        let mut report = world.report();
        for family in &families {
            report.count_family(store, family, begin(), end).await;
        }
        report.count_missing_alerts(store, &families).await;
        report
    }
}

/// Creates a family with its own zone and time of day, so that something is due at every tick.
fn family(number: usize) -> Family {
    let zone = ZONES[number % ZONES.len()];
    let quarter = u32::try_from(number * 7 % 96).unwrap();
    let mut family = sample::family(&format!("family-{number}"));
    family.timezone = zone.parse().unwrap();
    family.notice_time = NaiveTime::from_hms_opt(quarter / 4, quarter % 4 * 15, 0).unwrap();
    family.created_at = begin();
    if !number.is_multiple_of(EMPTY_EVERY) {
        family.preferences.send_when_empty = SendWhenEmpty::Daily;
    }
    family
}

/// Adds a family with a checked card; the families with an empty notice get an empty account.
async fn add_family(store: &dyn Store, number: usize, family: &Family) {
    store.add_family(family).await.unwrap();
    let fingerprint = format!("{number}");
    let card = sample::card(family.id.as_str(), "wpl", &fingerprint);
    let card = sample::add_card(store, card).await;
    let stored = StoredAccount {
        read_at: begin(),
        account: sample::account(0),
    };
    let mut account = stored.account;
    if number.is_multiple_of(EMPTY_EVERY) {
        account.loans = Some(Vec::new());
        account.holds = Some(Vec::new());
        account.messages = Vec::new();
    }
    let check = Check {
        id: Uuid::new_v4(),
        card: card.key(),
        library: card.library.clone(),
        started_at: stored.read_at,
        finished_at: stored.read_at,
        outcome: Ok(account),
    };
    store.save_check(&check).await.unwrap();
}
