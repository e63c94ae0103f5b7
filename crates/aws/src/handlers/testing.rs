//! A world in memory for the handlers' tests: a store, a clock and the published metrics.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, NaiveTime, Utc};
use hippo_core::account::Account;
use hippo_core::alerts::heartbeat::Heartbeat;
use hippo_core::alerts::run_hooks::RunHooks;
use hippo_core::card::{Card, CardSecret};
use hippo_core::clock::Clock;
use hippo_core::failure::Failure;
use hippo_core::family::schedule::ScheduleHistory;
use hippo_core::family::{Family, Preferences};
use hippo_core::ids::CardId;
use hippo_core::library::Library;
use hippo_core::run::JobName;
use hippo_core::run::harness::Harness;
use hippo_core::site::{LibrarySite, LoginPermit, SiteError};
use hippo_core::store::{CardStore, FamilyStore, LibraryStore};
use hippo_core::testing::contract::sample::TestKeys;
use hippo_core::testing::memory::{MemoryStore, NoHeartbeat};
use serde_json::{Value, json};

use crate::handlers::run_context::{RunContext, SavedSchedules};
use crate::metrics::Metrics;
use crate::schedules::{ScheduleList, Schedules};

pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) clock: TestClock,
    pub(crate) metrics: Metrics,
    pub(crate) keys: TestKeys,
    pub(crate) site: TestSite,
    pub(crate) schedules: Schedules,
    lines: Arc<Mutex<Vec<Value>>>,
}

pub(crate) struct TestClock(pub(crate) Mutex<DateTime<Utc>>);

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, duration: std::time::Duration) {
        self.advance(chrono::Duration::from_std(duration).unwrap());
    }
}

impl TestClock {
    pub(crate) fn advance(&self, by: chrono::Duration) {
        *self.0.lock().unwrap() += by;
    }
}

/// Returns empty accounts, or this failure. Counts the logins.
#[derive(Default)]
pub(crate) struct TestSite {
    pub(crate) failure: Mutex<Option<Failure>>,
    pub(crate) logins: Mutex<usize>,
}

#[async_trait]
impl LibrarySite for TestSite {
    async fn check(
        &self,
        library: &Library,
        _: &CardSecret,
        permit: &dyn LoginPermit,
    ) -> Result<Account, SiteError> {
        permit.permit_login().await?;
        *self.logins.lock().unwrap() += 1;
        match self.failure.lock().unwrap().clone() {
            Some(failure) => Err(failure.into()),
            None => Ok(Account {
                loans: Some(Vec::new()),
                holds: Some(Vec::new()),
                ..Account::unknown(library.system.clone())
            }),
        }
    }
}

impl World {
    /// Starts at 2026-11-21 06:40 in Toronto, with the family `conrad` and the library `wpl`.
    pub(crate) async fn new() -> Self {
        let lines: Arc<Mutex<Vec<Value>>> = Arc::default();
        let kept = lines.clone();
        let world = Self {
            store: MemoryStore::default(),
            clock: TestClock(Mutex::new("2026-11-21T11:40:00Z".parse().unwrap())),
            metrics: Metrics::to("Test", move |line| {
                kept.lock()
                    .unwrap()
                    .push(serde_json::from_str(line).unwrap());
            }),
            keys: TestKeys::generate(),
            site: TestSite::default(),
            schedules: Schedules::new(),
            lines,
        };
        let library = Library {
            id: "wpl".parse().unwrap(),
            name: "Waterford".to_owned(),
            system: "sierra".parse().unwrap(),
            base_url: "https://books.example.org".parse().unwrap(),
            account_url: None,
            timezone: chrono_tz::America::Toronto,
            date_format: None,
            login_hosts: Vec::new(),
            options: std::collections::BTreeMap::new(),
        };
        let family = Family {
            id: "conrad".parse().unwrap(),
            name: "Conrad".to_owned(),
            recipients: vec!["pat@example.org".parse().unwrap()],
            timezone: chrono_tz::America::Toronto,
            notice_time: NaiveTime::from_hms_opt(6, 30, 0).unwrap(),
            preferences: Preferences::default(),
            paused: false,
            paused_since: None,
            paused_until: None,
            created_at: "2026-11-20T12:00:00Z".parse().unwrap(),
            history: ScheduleHistory::default(),
            stopped: Vec::new(),
            unsubscribed: Vec::new(),
        };
        world.store.add_library(&library).await.unwrap();
        world.store.add_family(&family).await.unwrap();
        world
    }

    /// Declares the job's schedules that were compiled in.
    pub(crate) fn declare_schedules(&mut self, job: JobName) {
        let list = ScheduleList::compiled_in().unwrap();
        let zone = chrono_tz::America::Toronto;
        self.schedules = list.resolve(job, zone, &|_| None).unwrap();
    }

    /// A context that leaves alerts in the store.
    pub(crate) fn run_context(&self) -> RunContext<'_> {
        RunContext {
            harness: Harness::new(&self.store, &self.clock),
            metrics: &self.metrics,
            schedules: SavedSchedules::new(&self.schedules, &self.store),
            hooks: RunHooks {
                alerts: &self.store,
                outbox: &self.store,
                notifiers: None,
                heartbeat: Heartbeat {
                    client: &NoHeartbeat,
                    urls: std::collections::BTreeMap::new(),
                    runs: &self.store,
                },
                clock: &self.clock,
            },
        }
    }

    pub(crate) async fn add_card(&self, number: &str) -> CardId {
        let (id, number) = (CardId::generate(), number.to_owned().into());
        let library = "wpl".parse().unwrap();
        let card = Card {
            id,
            family: "conrad".parse().unwrap(),
            fingerprint: self.keys.fingerprint(&library, &number),
            library,
            patron: "Pat".to_owned(),
            secret_id: uuid::Uuid::new_v4(),
            pause: None,
            created_at: self.clock.now(),
        };
        let secret = CardSecret {
            number,
            pin: "4711".to_owned().into(),
        };
        let library = self.store.library(&card.library).await.unwrap().unwrap();
        let sealed = self.keys.seal(id, &library, &secret);
        self.store.add_card(&card, &sealed).await.unwrap();
        id
    }

    /// All published lines.
    pub(crate) fn lines(&self) -> String {
        let lines = self.lines.lock().unwrap();
        lines.iter().map(Value::to_string).collect()
    }

    /// The metrics published under this name: values and dimensions.
    pub(crate) fn published(&self, name: &str) -> Vec<(i64, Vec<String>)> {
        let mut found = Vec::new();
        for line in self.lines.lock().unwrap().iter() {
            for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
                let metrics = directive["Metrics"].as_array().unwrap();
                if metrics.iter().any(|metric| metric["Name"] == name) {
                    let dimensions = directive["Dimensions"][0].as_array().unwrap();
                    let values = dimensions
                        .iter()
                        .map(|dimension| line[dimension.as_str().unwrap()].as_str().unwrap());
                    found.push((
                        line[name].as_i64().unwrap(),
                        values.map(str::to_owned).collect(),
                    ));
                }
            }
        }
        found
    }
}

/// The event of a queue with these bodies and the ids `m0`, `m1` …
pub(crate) fn queue_event(bodies: &[&str]) -> Value {
    let records: Vec<Value> = bodies
        .iter()
        .enumerate()
        .map(|(index, body)| {
            json!({"messageId": format!("m{index}"), "receiptHandle": "r", "body": body,
                "attributes": {"ApproximateReceiveCount": "1"}, "messageAttributes": {},
                "md5OfBody": "x", "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:us-east-1:1:q", "awsRegion": "us-east-1"})
        })
        .collect();
    json!({"Records": records})
}

/// An SES event about the mail of `conrad` for 2026-11-21, which went to two recipients. `more` is
/// added to its detail. All personal data contains `canary`, except `pat@example.org`.
pub(crate) fn ses_event(kind: &str, more: Value) -> Value {
    let mut event = json!({
        "version": "0",
        "id": "7bf73129-1428-4cd3-a780-95db273d1602",
        "detail-type": kind,
        "source": "aws.ses",
        "account": "123456789012",
        "time": "2026-11-21T11:41:00Z",
        "region": "ca-central-1",
        "resources": ["arn:aws:ses:ca-central-1:123456789012:configuration-set/set"],
        "detail": {
            "eventType": "of no matter",
            "mail": {
                "timestamp": "2026-11-21T11:40:30.000Z",
                "source": "LibraryHippo <canary@example.org>",
                "messageId": "0100019aa7c191be-e9aedb9a-000000",
                "destination": ["pat@example.org", "canary-sam@example.org"],
                "headersTruncated": false,
                "headers": [{"name": "Subject", "value": "1 overdue canary"}],
                "commonHeaders": {"to": ["pat@example.org, canary-sam@example.org"], "subject": "1 overdue canary"},
                "tags": {
                    "ses:configuration-set": ["set"],
                    "ses:from-domain": ["example.org"],
                    "kind": ["daily"],
                    "family": ["conrad"],
                    "date": ["2026-11-21"],
                    "fence": ["1"],
                },
            },
        },
    });
    if let (Value::Object(detail), Value::Object(more)) = (&mut event["detail"], more) {
        detail.extend(more);
    }
    event
}
