//! Tests the cost of each access, as DynamoDB counts it.

use std::time::Duration;

use hippo_core::alerts::Alert;
use hippo_core::card::{Card, CardKey, LoginOutcome};
use hippo_core::failure::FailureKind;
use hippo_core::feed::{Feed, FeedSource, FeedToken};
use hippo_core::run::day::{DayKey, Square};
use hippo_core::run::work::{Subject, WorkItem, WorkOutcome, WorkResult};
use hippo_core::run::{JobName, Run, RunOutcome};
use hippo_core::schedule::Pause;
use hippo_core::sign_in::limit::count_attempt;
use hippo_core::sign_in::{ADDRESS_LIMITS, Grant, PersonId, RateKey, Session, SignInMethod, Token};
use hippo_core::store::AlertStore as _;
use hippo_core::store::{
    AccountStore, CardStore, CheckStore, FamilyStore, FeedStore, LibraryStore, OutboxStore,
    PauseStore, RunDayStore, RunStore, Saved, Scope, SecretStore, SignInStore, VisitStore,
};
use hippo_core::testing::contract::sample;
use uuid::Uuid;

use crate::dynamodb::emulator::{Fresh, Request, fresh};

/// Adds a family, a library and this many cards.
pub(crate) async fn cards(store: &Fresh, count: usize) -> Vec<Card> {
    store.add_family(&sample::family("conrad")).await.unwrap();
    store.add_library(&sample::library("wpl")).await.unwrap();
    let mut cards = Vec::new();
    for number in 0..count {
        let card = sample::card("conrad", "wpl", &format!("{number:064}"));
        cards.push(sample::add_card(&store.store, card).await);
    }
    store.spent.take();
    cards
}

fn operations(requests: &[Request]) -> Vec<&str> {
    requests
        .iter()
        .map(|request| request.operation.as_str())
        .collect()
}

#[tokio::test]
async fn page_of_100_cards_to_check_takes_one_query() {
    let Some(store) = fresh().await else { return };
    cards(&store, 103).await;
    for scope in [Scope::All, Scope::Failed] {
        let page = store.cards_to_check(scope, None, 100).await.unwrap();
        assert_eq!(page.len(), 100);
        let spent = store.spent.take();
        assert_eq!(operations(&spent), ["Query"]);
        // Half a unit for each 4 KB, since reads of an index are eventually consistent.
        assert!((1.0..=13.0).contains(&spent[0].units), "{spent:?}");
    }
}

#[tokio::test]
async fn visit_of_ten_cards_takes_one_request() {
    let Some(store) = fresh().await else { return };
    let cards = cards(&store, 10).await;
    let keys: Vec<CardKey> = cards.iter().map(Card::key).collect();
    let library = &cards[0].library;
    let loaded = store.load_visit(library, &keys).await.unwrap().unwrap();
    assert_eq!(loaded.cards.len(), 10);
    let spent = store.spent.take();
    assert_eq!(operations(&spent), ["BatchGetItem"]);
    assert!((1.0..=22.0).contains(&spent[0].units), "{spent:?}");
}

#[tokio::test]
async fn check_with_the_same_account_costs_two_write_units() {
    let Some(store) = fresh().await else { return };
    let card = cards(&store, 1).await.remove(0);
    for (started, operation, units) in [
        ("05:10:00", "TransactWriteItems", None),
        ("09:10:00", "PutItem", Some(2.0)),
        ("12:10:00", "PutItem", Some(2.0)),
    ] {
        let check = sample::check(&card, started, Ok(sample::account(0)));
        assert!(
            store
                .begin_login(&card.key(), &sample::mark(check.id, "2026-11-21"))
                .await
                .unwrap()
        );
        store.spent.take();
        assert_eq!(store.save_check(&check).await.unwrap(), Saved::Stored);
        let spent = store.spent.take();
        assert_eq!(operations(&spent), ["GetItem", operation]);
        if let Some(units) = units {
            assert_eq!(spent[1].units, units, "{started}");
        }
    }
}

#[tokio::test]
async fn login_mark_and_outcome_cost_two_write_units_each() {
    let Some(store) = fresh().await else { return };
    let card = cards(&store, 1).await.remove(0);
    let key = card.key();
    // After a successful check, the card isn't in the index of failed cards.
    let before = sample::check(&card, "05:10:00", Ok(sample::account(0)));
    store.save_check(&before).await.unwrap();
    store.spent.take();
    let mark = sample::mark(Uuid::new_v4(), "2026-11-21");
    assert!(store.begin_login(&key, &mark).await.unwrap());
    let marked = store.spent.take();
    let accepted = LoginOutcome::Accepted;
    store
        .record_login_outcome(&key, mark.check, accepted)
        .await
        .unwrap();
    let settled = store.spent.take();
    for spent in [&marked, &settled] {
        assert_eq!(operations(spent), ["GetItem", "PutItem"]);
    }
    assert_eq!([marked[1].units, settled[1].units], [2.0, 2.0]);
    // The same outcome again is read, but not written.
    store
        .record_login_outcome(&key, mark.check, accepted)
        .await
        .unwrap();
    assert_eq!(operations(&store.spent.take()), ["GetItem"]);
}

#[tokio::test]
async fn check_with_another_account_costs_twice_both_sizes() {
    let Some(store) = fresh().await else { return };
    let card = cards(&store, 1).await.remove(0);
    let save = async |started: &str, account| {
        let check = sample::check(&card, started, Ok(account));
        store.save_check(&check).await.unwrap();
        let spent = store.spent.take();
        assert_eq!(operations(&spent), ["GetItem", "TransactWriteItems"]);
        spent[1].units
    };
    save("05:10:00", sample::account(0)).await;
    // Two units each for the head and for an account under 1 KB, and one for the index.
    assert_eq!(save("09:10:00", sample::account(1)).await, 5.0);
    let mut large = sample::account(2);
    large.messages = vec!["x".repeat(20_000)];
    let units = save("12:10:00", large).await;
    assert_eq!(units, 2.0 * (1.0 + 21.0) + 1.0);
}

#[tokio::test]
async fn family_with_its_accounts_takes_one_query() {
    let Some(store) = fresh().await else { return };
    for card in cards(&store, 8).await {
        let check = sample::check(&card, "05:10:00", Ok(sample::account(0)));
        store.save_check(&check).await.unwrap();
    }
    let conrad = sample::family_id("conrad");
    for day in ["2026-11-20", "2026-11-21"] {
        store
            .plan_mail(&sample::notice("conrad", day))
            .await
            .unwrap();
    }
    store.spent.take();
    let loaded = store.load_family(&conrad).await.unwrap().unwrap();
    assert_eq!(loaded.cards.len(), 8);
    assert!(loaded.cards.iter().all(|(_, account)| account.is_some()));
    assert_eq!(operations(&store.spent.take()), ["Query"]);
}

#[tokio::test]
async fn step_of_a_notice_takes_one_conditional_write() {
    let Some(store) = fresh().await else { return };
    store.add_family(&sample::family("conrad")).await.unwrap();
    let planned = sample::notice("conrad", "2026-11-21");
    store.plan_mail(&planned).await.unwrap();
    store.spent.take();
    assert!(!store.plan_mail(&planned).await.unwrap());
    assert_eq!(operations(&store.spent.take()), ["GetItem"]);

    let now = sample::time("06:31:00");
    let claimed = planned.claim(Uuid::new_v4(), now).unwrap();
    let sending = claimed.begin_sending("hash".to_owned(), &[], now).unwrap();
    let sent = sending.accepted("id".to_owned(), now).unwrap();
    for (before, after) in [
        (&planned, &claimed),
        (&claimed, &sending),
        (&sending, &sent),
    ] {
        let written = store.replace_mail(before.revision, after, None).await;
        assert!(written.unwrap());
        let spent = store.spent.take();
        assert_eq!(operations(&spent), ["UpdateItem"]);
        // One for the table and one for the list, or two if the mail changes lists.
        assert!((1.0..=3.0).contains(&spent[0].units), "{spent:?}");
    }
}

#[tokio::test]
async fn recent_runs_of_a_job_take_one_query() {
    let Some(store) = fresh().await else { return };
    for minute in 10..40 {
        let run = sample::run(JobName::CHECK_CARDS, "all", &format!("05:{minute}:00"));
        let silence = Duration::from_secs(60);
        store.start_run(&run, false, silence).await.unwrap();
        let done = Run {
            outcome: RunOutcome::Done,
            ..run
        };
        store.report_run(&done).await.unwrap();
    }
    store.spent.take();
    let runs = store
        .recent_runs(Some(JobName::CHECK_CARDS), None, 20)
        .await;
    assert_eq!(runs.unwrap().len(), 20);
    assert_eq!(operations(&store.spent.take()), ["Query"]);
}

#[tokio::test]
async fn newest_runs_take_one_query_for_each_label() {
    let Some(store) = fresh().await else { return };
    for minute in 10..40 {
        for label in ["all", "failed"] {
            let run = sample::run(JobName::CHECK_CARDS, label, &format!("05:{minute}:00"));
            let silence = Duration::from_secs(60);
            store.start_run(&run, true, silence).await.unwrap();
        }
    }
    store.spent.take();
    let runs = store.newest_runs_by_label(JobName::CHECK_CARDS, 5).await;
    assert_eq!(runs.unwrap().len(), 10);
    let spent = store.spent.take();
    assert_eq!(operations(&spent), ["Query"; 3]);
    let units: f64 = spent.iter().map(|request| request.units).sum();
    assert!(units <= 4.0, "{spent:?}");
}

/// Adds a day with one run of each label, and the same for the days before it.
async fn add_days(store: &Fresh, labels: usize, days: u64) {
    for label in 0..labels {
        for ago in 0..days {
            let run = sample::run(JobName::CHECK_CARDS, &format!("label-{label}"), "05:00:00");
            let day = DayKey {
                date: run.key.scheduled_time.date_naive() - chrono::Days::new(ago),
                ..DayKey::from(&run.key)
            };
            let squares = [Square::from(&run)];
            store.upsert_squares(&day, &squares).await.unwrap();
        }
    }
    store.spent.take();
}

#[tokio::test]
async fn month_of_runs_needs_the_same_queries_for_any_label_count() {
    let Some(store) = fresh().await else { return };
    let to = sample::date("2026-11-21");
    for (labels, max_units) in [(1, 17.0), (40, 80.0)] {
        add_days(&store, labels, 30).await;
        let days = store.run_days(to - chrono::Days::new(29), to).await;
        assert_eq!(days.unwrap().len(), labels * 30);
        let spent = store.spent.take();
        assert_eq!(operations(&spent), ["Query"; 16]);
        let units: f64 = spent.iter().map(|request| request.units).sum();
        assert!(units <= max_units, "{units}");
    }
}

#[tokio::test]
async fn month_of_one_label_takes_one_request_for_its_own_days() {
    let Some(store) = fresh().await else { return };
    let to = sample::date("2026-11-21");
    add_days(&store, 40, 30).await;
    let label = "label-7".parse().unwrap();
    let from = to - chrono::Days::new(31);
    let days = store
        .days_of_label(JobName::CHECK_CARDS, &label, from, to)
        .await;
    assert_eq!(days.unwrap().len(), 30);
    let spent = store.spent.take();
    assert_eq!(operations(&spent), ["BatchGetItem"]);
    assert!(spent[0].units <= 32.0, "{}", spent[0].units);
}

#[tokio::test]
async fn end_of_a_run_costs_one_read_and_one_write_unit_in_its_day() {
    let Some(store) = fresh().await else { return };
    let run = sample::run(JobName::CHECK_CARDS, "all", "05:00:00");
    let (day, square) = (DayKey::from(&run.key), Square::from(&run));
    let upsert = async |squares: &[Square]| {
        store.upsert_squares(&day, squares).await.unwrap();
        store.spent.take()
    };
    let spent = upsert(std::slice::from_ref(&square)).await;
    assert_eq!(operations(&spent), ["GetItem", "PutItem"]);
    assert_eq!(spent[1].units, 1.0);
    // The same report again is read, but not written.
    assert_eq!(operations(&upsert(&[square]).await), ["GetItem"]);
}

#[tokio::test]
async fn pauses_take_one_query_and_a_change_one_write() {
    let Some(store) = fresh().await else { return };
    let pause = |minute: u32, until: Option<&str>| Pause {
        label: Some("tick".parse().unwrap()),
        since: sample::time(&format!("05:{minute}:00")),
        until: until.map(sample::time),
        by: "ana".to_owned(),
        why: Some("The library closes for its move.".to_owned()),
    };
    let mut before: Vec<Pause> = Vec::new();
    for minute in 10..40 {
        let mut after = before.clone();
        after.push(pause(minute, Some("06:00:00")));
        let label = after[0].label.as_ref();
        let replaced = store.replace_pauses(label, &before, &after);
        assert!(replaced.await.unwrap());
        let spent = store.spent.take();
        assert_eq!(operations(&spent), ["PutItem"]);
        // Six pauses of a label are about as many as there are within their 35 days.
        let limit = if after.len() <= 6 { 1.0 } else { 5.0 };
        assert!(spent[0].units <= limit, "{}: {spent:?}", after.len());
        before = after;
    }
    assert_eq!(store.pauses().await.unwrap().len(), 30);
    let spent = store.spent.take();
    assert_eq!(operations(&spent), ["Query"]);
    assert!(spent[0].units <= 3.0, "{spent:?}");
}

#[tokio::test]
async fn family_update_takes_one_read_and_one_write() {
    let Some(store) = fresh().await else { return };
    let mut conrad = sample::family("conrad");
    store.add_family(&conrad).await.unwrap();
    store.spent.take();
    conrad.paused = true;
    store.update_family(&conrad).await.unwrap();
    assert_eq!(operations(&store.spent.take()), ["GetItem", "UpdateItem"]);
}

#[tokio::test]
async fn store_never_scans() {
    let Some(store) = fresh().await else { return };
    let card = cards(&store, 2).await.remove(0);
    let wrong = sample::check(&card, "05:10:00", sample::failed(FailureKind::SiteDown));
    store.save_check(&wrong).await.unwrap();
    store.families().await.unwrap();
    store.libraries().await.unwrap();
    store.cards_with_secrets().await.unwrap();
    store.open_mails(None, 100).await.unwrap();
    store.recent_runs(None, None, 10).await.unwrap();
    let job = JobName::CHECK_CARDS;
    store.newest_runs_by_label(job, 10).await.unwrap();
    store
        .delete_history_before(sample::time("05:00:00"))
        .await
        .unwrap();
    store.remove_family(&card.family).await.unwrap();
    let spent = store.spent.take();
    assert!(spent.len() > 10);
    assert!(!operations(&spent).contains(&"Scan"));
}

#[tokio::test]
async fn work_item_takes_one_write_and_a_run_of_them_one_query() {
    let Some(store) = fresh().await else { return };
    let cards = cards(&store, 10).await;
    let run = sample::run(JobName::CHECK_CARDS, "all", "05:00:00").key;
    let results: Vec<WorkResult> = cards
        .iter()
        .map(|card| WorkResult {
            subject: Subject::Card {
                family: card.family.clone(),
                card: card.id,
                library: card.library.clone(),
            },
            outcome: WorkOutcome::Failed("site_down".to_owned()),
        })
        .collect();
    for number in 0..30 {
        let work = WorkItem {
            item_id: format!("wpl/{number}"),
            results: results.clone(),
        };
        for _ in 0..2 {
            store.save_work_item(&run, &work).await.unwrap();
            let spent = store.spent.take();
            assert_eq!(operations(&spent), ["PutItem"]);
            assert!(spent[0].units <= 2.0, "{spent:?}");
        }
    }
    assert_eq!(store.work_items(&run).await.unwrap().len(), 30);
    assert_eq!(operations(&store.spent.take()), ["Query"]);
}

#[tokio::test]
async fn alerts_take_few_requests() {
    let Some(store) = fresh().await else { return };
    let alert = Alert::LibraryDown {
        library: sample::library_id("wpl"),
        since: sample::time("05:00:00"),
    };
    let (key, now) = (alert.key(), sample::time("06:00:00"));
    store.record_alert(&key, &alert, now).await.unwrap();
    assert_eq!(operations(&store.spent.take()), ["GetItem", "PutItem"]);
    store.pending_alerts().await.unwrap();
    assert_eq!(operations(&store.spent.take()), ["Query"]);
    store.recent_alerts(200).await.unwrap();
    assert_eq!(operations(&store.spent.take()), ["Query", "Query"]);
    assert!(store.claim_alert(&key, now).await.unwrap());
    assert_eq!(operations(&store.spent.take()), ["GetItem", "PutItem"]);
}

#[tokio::test]
async fn session_takes_one_read_and_a_limit_one_read_and_one_write() {
    let Some(store) = fresh().await else { return };
    let now = sample::time("06:00:00");
    let person = PersonId::from_address(&"zoe@example.org".parse().unwrap());
    let grant = Grant {
        person: person.clone(),
        families: vec![sample::family_id("conrad")],
        is_operator: false,
    };
    let session = Session::begin(
        &Token::generate().unwrap(),
        grant,
        SignInMethod::Attempt,
        now,
    );
    store.add_session(&session).await.unwrap();
    store.spent.take();
    store.session(&session.hash).await.unwrap();
    let spent = store.spent.take();
    assert_eq!((operations(&spent), spent[0].units), (vec!["GetItem"], 1.0));
    let key = RateKey::address(&person);
    for _ in 0..3 {
        let permit = count_attempt(&store.store, &key, &ADDRESS_LIMITS, now);
        assert!(permit.await.unwrap());
        assert_eq!(operations(&store.spent.take()), ["GetItem", "PutItem"]);
    }
    let permit = count_attempt(&store.store, &key, &ADDRESS_LIMITS, now);
    assert!(!permit.await.unwrap());
    assert_eq!(operations(&store.spent.take()), ["GetItem"]);
    store.remove_sessions(&person).await.unwrap();
    let deleted = operations(&store.spent.take()).len();
    assert_eq!(deleted, 3, "a query and two batches");
}

#[tokio::test]
async fn feed_takes_a_read_of_its_own_and_its_use_one_write_a_day() {
    let Some(store) = fresh().await else { return };
    cards(&store, 6).await;
    let token = FeedToken::generate().unwrap();
    let (family, label) = (sample::family_id("conrad"), "phone".parse().unwrap());
    let feed = Feed::new(&token, family, label, true, sample::time("05:00:00"));
    store.add_feed(&feed).await.unwrap();
    store.spent.take();

    assert!(store.feed(&token.hash()).await.unwrap().is_some());
    let spent = store.spent.take();
    assert_eq!(operations(&spent), ["GetItem"]);
    assert_eq!(spent[0].units, 1.0);

    let now = sample::time("17:00:00");
    let source = FeedSource::load(&store.store, &feed.family, now).await;
    assert!(source.unwrap().is_some());
    assert_eq!(operations(&store.spent.take()), ["Query", "Query"]);

    let day = sample::date("2026-11-21");
    assert!(store.mark_feed_used(&token.hash(), day).await.unwrap());
    let spent = store.spent.take();
    assert_eq!(operations(&spent), ["UpdateItem"]);
    // No index has it.
    assert_eq!(spent[0].units, 1.0);
    let used = store.feed(&token.hash()).await.unwrap().unwrap();
    assert!(
        !used.should_record_use(day),
        "the next reader of the day writes nothing"
    );
}
