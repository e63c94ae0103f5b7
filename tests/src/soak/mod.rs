//! Many families over many simulated days, while everything around the notices goes wrong now and then.
//!
//! The real `notify-all`, the deliveries of its queue and the mail service's events, over any store. A share
//! of all calls fails in every way that a call can (`faults`): the store is away, an answer is lost, a
//! worker crashes before or after a call or sleeps past its lease, the mail service refuses, falls silent or
//! takes a mail and rejects it later; ticks, messages and events are lost, late or doubled. In the end it is
//! counted what became of the notice of every family and date ([`Report`]).
//!
//! Time is simulated: what is next happens next (`world`). The same seed gives the same faults; over a
//! store that answers at once, the same run.

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

pub use self::report::{Ended, Report};
use self::world::World;

/// How large a soak is, and how rough.
#[derive(Debug, Clone, Copy)]
pub struct Soak {
    /// How many families there are.
    pub families: usize,
    /// For how many days things go wrong.
    pub days: u32,
    /// Of a million calls, messages and events, so many go wrong.
    pub faults_in_a_million: u64,
    /// Decides which.
    pub seed: u64,
}

/// When it begins: before a change of the clocks in Toronto, Berlin and Sydney.
fn begin() -> DateTime<Utc> {
    "2026-10-12T00:00:00Z".parse().unwrap()
}

/// What is still under way when the faults end has so long to come to its end.
const QUIET: Duration = Duration::days(2);

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

/// Of so many families one has nothing to be told, as a rule.
const SILENT: usize = 5;

impl Soak {
    /// Lets it all happen over an empty store, and counts.
    ///
    /// # Panics
    /// If the store itself fails.
    pub async fn run(self, store: &dyn Store) -> Report {
        store.add_library(&sample::library("wpl")).await.unwrap();
        let families: Vec<Family> = (0..self.families).map(family).collect();
        futures::stream::iter(families.iter().enumerate())
            .for_each_concurrent(64, |(number, family)| settle_in(store, number, family))
            .await;
        let library = sample::library("wpl");
        let libraries = BTreeMap::from([(library.id.clone(), library)]);
        let end = begin() + Duration::days(self.days.into());
        let world = World::new(self, store, &libraries, begin(), end);
        // The runtime's own turns would come where they please.
        tokio::task::unconstrained(world.go_on_until(end + QUIET)).await;
        let mut report = world.report();
        for family in &families {
            report.count(store, family, begin(), end).await;
        }
        report.count_untold(store, &families).await;
        report
    }
}

/// A family whose zone and time of day are its own, so that something is due at every tick.
fn family(number: usize) -> Family {
    let zone = ZONES[number % ZONES.len()];
    let quarter = u32::try_from(number * 7 % 96).unwrap();
    let mut family = sample::family(&format!("family-{number}"));
    family.timezone = zone.parse().unwrap();
    family.notice_time = NaiveTime::from_hms_opt(quarter / 4, quarter % 4 * 15, 0).unwrap();
    family.created_at = begin();
    if !number.is_multiple_of(SILENT) {
        family.preferences.send_when_empty = SendWhenEmpty::Daily;
    }
    family
}

/// Adds a family with a card that was checked; nothing is due of those that have nothing to be told.
async fn settle_in(store: &dyn Store, number: usize, family: &Family) {
    store.add_family(family).await.unwrap();
    let fingerprint = format!("{number}");
    let card = sample::card(family.id.as_str(), "wpl", &fingerprint);
    let card = sample::add_card(store, card).await;
    let stored = StoredAccount {
        read_at: begin(),
        account: sample::account(0),
    };
    let mut account = stored.account;
    if number.is_multiple_of(SILENT) {
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
