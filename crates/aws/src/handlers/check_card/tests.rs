use hippo_core::clock::Clock;
use hippo_core::failure::Failure;
use hippo_core::ids::CardId;
use hippo_core::jobs::JobError;
use hippo_core::jobs::check_cards::key_cache::KeyCache;
use hippo_core::run::work::WorkOutcome;
use hippo_core::seal::{PrivateKeySource, PrivateKeys, SealError};
use hippo_core::store::{CardStore, LibraryStore as _, NewSecret, SecretStore, SecretWriter};
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::handlers::message::MessageError;
use crate::handlers::testing::{World, queue_event};
use crate::queue::FifoConcurrencyLimit;

async fn deliver(
    world: &World,
    event: Value,
    ends_at: Option<DateTime<Utc>>,
    pace: Pace,
) -> Result<(), HandlerError> {
    deliver_with(world, &world.keys, event, ends_at, pace).await
}

async fn deliver_with(
    world: &World,
    keys: &dyn PrivateKeySource,
    event: Value,
    ends_at: Option<DateTime<Utc>>,
    pace: Pace,
) -> Result<(), HandlerError> {
    let keys = KeyCache::new(keys);
    let ports = Ports {
        visit_ports: VisitPorts {
            visits: &world.store,
            libraries: &world.store,
            checks: &world.store,
            keys: &keys,
            site: &world.site,
            concurrency_limit: &FifoConcurrencyLimit,
            clock: &world.clock,
        },
        runs: &world.store,
        alerts: &world.store,
        cards: &world.store,
    };
    handle(&ports, pace, &world.metrics, event, ends_at).await
}

/// A queue message with a visit of these cards, planned a second ago.
fn visit_message(world: &World, cards: &[CardId]) -> String {
    let cards: Vec<Value> = cards
        .iter()
        .map(|card| json!({"family": "conrad", "card": card}))
        .collect();
    json!({
        "library": "wpl",
        "cards": cards,
        "planned_at": world.clock.now() - Duration::seconds(1),
        "run": {"job": "check-cards", "label": "all", "scheduled_time": "2026-11-21T10:00:00Z"},
    })
    .to_string()
}

#[tokio::test]
async fn pin_is_not_sent_to_changed_hosts_and_the_message_succeeds() {
    let world = World::new().await;
    let card = world.add_card("1").await;
    let mut library = world
        .store
        .library(&"wpl".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    library.base_url = "https://evil.example.org".parse().unwrap();
    world.store.update_library(&library).await.unwrap();
    let event = queue_event(&[&visit_message(&world, &[card])]);
    deliver(&world, event, None, Pace::NONE).await.unwrap();
    assert_eq!(*world.site.logins.lock().unwrap(), 0);
    let card = world.store.card(card).await.unwrap().unwrap();
    let failure = card.state.last_check.unwrap().failure.unwrap();
    assert_eq!(failure.kind, FailureKind::SealedForOtherHosts);
    assert_eq!(world.published("CardsFailed"), [(1, vec![])]);
    assert!(world.lines().contains("sealed_for_other_hosts"));
}

#[tokio::test]
async fn redelivered_visit_checks_each_card_once() {
    let world = World::new().await;
    let cards = [world.add_card("1").await, world.add_card("2").await];
    let event = queue_event(&[&visit_message(&world, &cards)]);
    for _ in 0..2 {
        deliver(&world, event.clone(), None, Pace::NONE)
            .await
            .unwrap();
    }
    assert_eq!(*world.site.logins.lock().unwrap(), 2);
    assert_eq!(world.published("CardsChecked"), [(2, vec![]), (0, vec![])]);
    assert_eq!(world.published("CardsFailed"), [(0, vec![]), (0, vec![])]);
    // The run still counts each card once.
    let run = "check-cards/all/2026-11-21T10:00:00Z".parse().unwrap();
    let work = world.store.work_items(&run).await.unwrap();
    assert_eq!(work.len(), 1);
    assert!(
        work[0]
            .results
            .iter()
            .all(|result| result.outcome == WorkOutcome::Done)
    );
    assert_eq!(work[0].results.len(), 2);
}

#[tokio::test]
async fn changed_page_raises_one_alert() {
    let world = World::new().await;
    let cards = [world.add_card("1").await, world.add_card("2").await];
    *world.site.failure.lock().unwrap() = Some(Failure::page_changed("no table"));
    let event = queue_event(&[&visit_message(&world, &cards)]);
    deliver(&world, event, None, Pace::NONE).await.unwrap();
    let alerts = world.store.recent_alerts(10).await.unwrap();
    assert_eq!((alerts.len(), alerts[0].times), (1, 2));
    assert_eq!(alerts[0].delivered_at, None);
}

#[tokio::test]
async fn site_failure_is_recorded_and_the_message_succeeds() {
    let world = World::new().await;
    let cards = [world.add_card("1").await, world.add_card("2").await];
    *world.site.failure.lock().unwrap() = Some(Failure::site_down("no answer"));
    let event = queue_event(&[&visit_message(&world, &cards)]);
    deliver(&world, event, None, Pace::NONE).await.unwrap();
    assert_eq!(world.published("CardsFailed"), [(1, vec![])]);
    assert_eq!(
        world.published("CardsFailedByKind"),
        [
            (1, vec!["not_tried".to_owned()]),
            (1, vec!["site_down".to_owned()])
        ]
    );
}

#[tokio::test]
async fn cards_without_time_left_are_recorded_as_not_tried() {
    let world = World::new().await;
    let mut cards = Vec::new();
    for number in ["1", "2", "3"] {
        cards.push(world.add_card(number).await);
    }
    let pace = Pace {
        delay: std::time::Duration::from_secs(80),
        jitter: std::time::Duration::ZERO,
    };
    // Half of the 300 s is reserved for the last card. The second card starts at 80 s, and the third would start at 160 s.
    let ends_at = world.clock.now() + Duration::seconds(300);
    let event = queue_event(&[&visit_message(&world, &cards)]);
    deliver(&world, event, Some(ends_at), pace).await.unwrap();
    assert_eq!(*world.site.logins.lock().unwrap(), 2);
    let card = world.store.card(cards[2]).await.unwrap().unwrap();
    let failure = card.state.last_check.unwrap().failure.unwrap();
    assert_eq!(failure.kind, FailureKind::NotTried);
    assert!(failure.detail.contains("ran out of time"));
}

#[test]
fn short_invocation_keeps_half_of_its_time() {
    let now: DateTime<Utc> = "2026-11-21T10:00:00Z".parse().unwrap();
    let begin =
        |seconds| (last_card_deadline(now, now + Duration::seconds(seconds)) - now).num_seconds();
    assert_eq!((begin(900), begin(300), begin(30)), (700, 150, 15));
}

/// Keys that can't be read.
struct NoKeys;

#[async_trait::async_trait]
impl PrivateKeySource for NoKeys {
    async fn private_keys(&self) -> Result<PrivateKeys, SealError> {
        Err(SealError::NoKey("denied".to_owned()))
    }
}

#[tokio::test]
async fn unreadable_keys_fail_the_message() {
    let world = World::new().await;
    let cards = [world.add_card("1").await];
    let event = queue_event(&[&visit_message(&world, &cards)]);
    let error = deliver_with(&world, &NoKeys, event, None, Pace::NONE)
        .await
        .unwrap_err();
    assert!(
        matches!(error, HandlerError::Job(JobError::Seal(_))),
        "{error}"
    );
}

#[tokio::test]
async fn unknown_key_fails_only_its_card() {
    let world = World::new().await;
    let cards = [world.add_card("1").await, world.add_card("2").await];
    let record = world.store.card(cards[0]).await.unwrap().unwrap();
    let mut sealed = world.store.secrets(&cards[..1]).await.unwrap().remove(0).1;
    sealed.key.0 = "k-of-another-pair".to_owned();
    let lost = NewSecret::resealed(&record.card, sealed);
    let replaced = world.store.replace_secret(cards[0], lost.id, &lost);
    assert!(replaced.await.unwrap());
    let event = queue_event(&[&visit_message(&world, &cards)]);
    deliver(&world, event, None, Pace::NONE).await.unwrap();
    assert_eq!(*world.site.logins.lock().unwrap(), 1);
    assert_eq!(world.published("CardsChecked"), [(1, vec![])]);
}

#[rstest]
#[case::schedule_event(json!({"label": "all"}), "“Records”")]
#[case::empty(json!({"Records": []}), "there is no message")]
#[case::not_json(queue_event(&["hello"]), "m0 isn't a visit")]
#[case::notice_message(queue_event(&[r#"{"family":"conrad","date":"2026-11-21"}"#]), "unknown field `family`")]
#[case::missing_fields(queue_event(&[r#"{"library":"wpl"}"#]), "library, cards, planned_at and run")]
#[tokio::test]
async fn invalid_event_or_message_names_what_was_expected(
    #[case] event: Value,
    #[case] expected: &str,
) {
    let error = deliver(&World::new().await, event, None, Pace::NONE)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            HandlerError::Message(MessageError::Event(_) | MessageError::Body { .. })
        ),
        "{error}"
    );
    assert!(error.to_string().contains(expected), "{error}");
}

#[tokio::test]
async fn dry_run_does_not_log_in_or_publish() {
    let world = World::new().await;
    world.add_card("1").await;
    let answer = deliver(&world, crate::dry_run::event(), None, Pace::NONE).await;
    answer.unwrap();
    assert_eq!(*world.site.logins.lock().unwrap(), 0);
    assert_eq!(world.lines(), "");
}
