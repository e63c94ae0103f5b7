//! Checks at hostile sites: the last good account is kept, the card records the failure, and no other card is affected.

mod world;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use hippo_browser::Limits;
use hippo_core::clock::Clock as _;
use hippo_core::failure::FailureKind;
use hippo_core::jobs::check_cards::visit::MIN_BACK_OFF;
use hippo_core::run::RunOutcome;
use hippo_core::store::CardStore as _;
use hippo_demo_library::{DemoLibrary, Fault, Generation, Rule, Site, SystemKind};
use rstest::rstest;
use world::{PATIENT, World, patron, today};

/// The time that a busy machine may add to a limit.
const GRACE: Duration = Duration::from_secs(10);

/// Whether a fault changes the text of an account but leaves it readable.
fn changes_text_only(fault: &Fault) -> bool {
    matches!(fault, Fault::ScriptLinks | Fault::TrickyTitles)
}

#[rstest]
#[case(SystemKind::Bibliocommons, Generation::Older)]
#[case(SystemKind::Sierra, Generation::Older)]
#[case(SystemKind::Enterprise, Generation::Older)]
#[case(SystemKind::Enterprise, Generation::Newer)]
#[case(SystemKind::Koha, Generation::Older)]
#[case(SystemKind::Koha, Generation::Newer)]
#[tokio::test]
async fn every_fault_keeps_the_account_and_records_the_failure(
    #[case] system: SystemKind,
    #[case] generation: Generation,
) {
    let world = World::new().await;
    let site = Site::new(system, "Harbour Library", today())
        .with_generation(generation)
        .with_patron(patron("22000000000007"));
    let (demo, cards) = world.add_library("harbour", site).await;
    let card = cards[0];
    let (other, _) = world
        .add_library(
            "elsewhere",
            Site::new(SystemKind::Sierra, "Elsewhere", today()),
        )
        .await;
    let elsewhere = other.base_url().replace("127.0.0.1", "localhost");
    world.visit("harbour", &cards).await;
    let steps = u32::try_from(demo.request_count()).unwrap();
    let good = world.rows().remove(&card.to_string()).unwrap();
    let mut failed = 0;
    for fault in Fault::all_quick_faults(&elsewhere) {
        for step in 0..steps {
            let what = format!("{} {generation:?}, step {step}: {fault:?}", system.id());
            // A day later no back-off is left, and a person has allowed a retry of a refused card.
            world.clock.advance(chrono::Duration::days(1));
            world.store.allow_retry(card).await.unwrap();
            demo.switches().clear();
            demo.end_all_sessions();
            demo.switches().add(Rule::new(fault.clone()).after(step));
            let before = world.rows();
            let last_success_at = world.record(card).await.state.last_success_at;

            let checked = world.visit("harbour", &cards).await;

            assert_eq!(checked.len(), 1, "{what}");
            let rows = world.rows();
            let state = world.record(card).await.state;
            let last_check = state.last_check.unwrap();
            assert_eq!(last_check.started_at, world.clock.now(), "{what}");
            let until = world.back_off_until("harbour").await;
            let is_backed_off = until.is_some_and(|until| until > world.clock.now());
            match &checked[0].check.outcome {
                Ok(_) => {
                    let row = &rows[&card.to_string()];
                    assert!(changes_text_only(&fault) || row.2 == good.2, "{what}");
                    assert_eq!(last_check.failure, None, "{what}");
                    assert!(!is_backed_off, "{what}");
                }
                Err(failure) => {
                    failed += 1;
                    assert!(!changes_text_only(&fault), "{what}: {failure}");
                    assert_eq!(rows, before, "{what}");
                    assert_eq!(state.last_success_at, last_success_at, "{what}");
                    let recorded = last_check.failure.unwrap();
                    assert_eq!(
                        (recorded.kind, &recorded.detail),
                        (failure.kind, &failure.detail),
                        "{what}"
                    );
                    let is_refused = failure.kind == FailureKind::WrongCredentials;
                    assert_eq!(state.refused_since.is_some(), is_refused, "{what}");
                    let wait = failure.retry_after.unwrap_or_default().max(MIN_BACK_OFF);
                    let affects_library = failure.kind.affects_library();
                    assert_eq!(is_backed_off, affects_library, "{what}: {failure}");
                    assert!(
                        !affects_library || until == Some(world.clock.now() + wait),
                        "{what}: {until:?}"
                    );
                }
            }
        }
    }
    // Most faults make a check fail at every step but the last one, the logout.
    assert!(failed > 20 * (steps - 1), "{failed} of {steps} steps");
    assert!(demo.violations().is_empty());
    assert_eq!(other.logins(), 0);
}

/// Three libraries of different systems; the first becomes hostile.
struct Three {
    world: World,
    hostile: DemoLibrary,
    /// The cards of the hostile library; the first is Ann's.
    cards: Vec<String>,
    _others: [DemoLibrary; 2],
}

/// The number of cards at the two other libraries.
const CARDS_ELSEWHERE: u32 = 3;

const ANN: &str = "22000000000001";

impl Three {
    /// Creates the libraries, with a good check of every card a day ago.
    async fn new() -> Self {
        let world = World::new().await;
        let site = |system, numbers: &[&str]| {
            numbers
                .iter()
                .fold(Site::new(system, "Any Library", today()), |site, number| {
                    site.with_patron(patron(number))
                })
        };
        let numbers = [ANN, "22000000000002", "22000000000003"];
        let (hostile, cards) = world
            .add_library("hostile", site(SystemKind::Sierra, &numbers))
            .await;
        let (koha, _) = world
            .add_library(
                "koha",
                site(SystemKind::Koha, &["25000000000001", "25000000000002"]),
            )
            .await;
        let (bibliocommons, _) = world
            .add_library(
                "bibliocommons",
                site(SystemKind::Bibliocommons, &["21000000000001"]),
            )
            .await;
        let three = Self {
            world,
            hostile,
            cards: cards.iter().map(ToString::to_string).collect(),
            _others: [koha, bibliocommons],
        };
        let run = three.world.check_cards(3, &|_| {}).await;
        assert_eq!(run.outcome, RunOutcome::Done, "{run:?}");
        assert_eq!(three.world.rows().len(), 6);
        three.world.clock.advance(chrono::Duration::days(1));
        three.hostile.clear_requests();
        three
    }
}

#[rstest]
#[case::never_answers(Fault::Hang)]
#[case::stalls(Fault::Stall)]
#[case::drips(Fault::Drip(Duration::from_secs(5)))]
#[tokio::test]
async fn stalled_library_does_not_delay_other_libraries(#[case] fault: Fault) {
    let three = Three::new().await;
    three.hostile.switches().set(fault);
    let checked = Mutex::new(Vec::new());
    let hostile = Mutex::new(Some(three.hostile));
    let run = three
        .world
        .check_cards(2, &|card| {
            let mut checked = checked.lock().unwrap();
            checked.push((card.card.library.to_string(), card.check.outcome.is_ok()));
            if checked.len() == CARDS_ELSEWHERE as usize {
                // The wait ends only now that all others are checked: its connections are closed.
                drop(hostile.lock().unwrap().take());
            }
        })
        .await;
    let checked = checked.into_inner().unwrap();
    let (first, rest) = checked.split_at(CARDS_ELSEWHERE as usize);
    for (library, is_checked) in first {
        assert!(library != "hostile" && *is_checked, "{checked:?}");
    }
    for (library, is_checked) in rest {
        assert!(library == "hostile" && !is_checked, "{checked:?}");
    }
    assert_eq!(run.counts.done, CARDS_ELSEWHERE);
    assert_eq!(run.counts.failed["site_down"], 1, "{:?}", run.counts);
    assert_eq!(run.counts.failed["not_tried"], 2, "{:?}", run.counts);
}

#[rstest]
#[case::looks_otherwise(Fault::ChangedLayout)]
#[case::never_ends(Fault::EndlessBody)]
#[case::leads_astray(Fault::RedirectTo("http://169.254.169.254/".to_owned()))]
#[case::lies_about_its_charset(Fault::WrongCharset("utf-16le".to_owned()))]
#[tokio::test]
async fn broken_card_does_not_stop_other_cards_of_its_library(#[case] fault: Fault) {
    let three = Three::new().await;
    let before = three.world.rows();
    let rule = Rule::new(fault).only_for_path("/1000001/");
    three.hostile.switches().add(rule);
    let run = three.world.check_cards(2, &|_| {}).await;
    assert_eq!(run.counts.done, 2 + CARDS_ELSEWHERE, "{:?}", run.counts);
    assert_eq!(run.counts.failed["page_changed"], 1, "{:?}", run.counts);
    let rows = three.world.rows();
    for (card, row) in &rows {
        let is_ann = *card == three.cards[0];
        assert_eq!(*row == before[card], is_ann, "all but Ann's are read again");
        assert!(row.2 == before[card].2);
    }
}

#[rstest]
#[case::never_answers(Fault::Hang)]
#[case::stalls(Fault::Stall)]
#[case::drips(Fault::Drip(Duration::from_millis(50)))]
#[case::is_slow(Fault::Slow(Duration::from_secs(120)))]
#[tokio::test]
async fn stalled_card_costs_a_run_at_most_its_own_limit(#[case] fault: Fault) {
    let limits = Limits {
        card: Duration::from_secs(4),
        log_out: Duration::from_millis(500),
        ..PATIENT
    };
    let mut three = Three::new().await;
    three.world.set_limits(limits);
    let before = three.world.rows();
    // Only Ann's record is slow.
    let rule = Rule::new(fault).only_for_path("/1000001/");
    three.hostile.switches().add(rule);
    let began = Instant::now();
    // With one worker, the cards after Ann's have to wait.
    let run = three.world.check_cards(1, &|_| {}).await;
    let took = began.elapsed();
    assert!(took < limits.card + limits.log_out + GRACE, "{took:?}");

    let rows = three.world.rows();
    let (mut done, mut not_tried) = (0, 0);
    for card in &three.cards {
        let state = three.world.record(card.parse().unwrap()).await.state;
        match state.last_check.unwrap().failure {
            None => {
                done += 1;
                assert_eq!(rows[card].2, before[card].2);
            }
            Some(failure) => {
                assert_eq!(rows[card], before[card], "{failure}");
                let is_ann = *card == three.cards[0];
                let expected = if is_ann { "site_down" } else { "not_tried" };
                assert_eq!(failure.kind.as_str(), expected, "{failure}");
                let detail = if is_ann {
                    "not read to the end within 4 s"
                } else {
                    "The library didn't answer or turned us away"
                };
                assert!(failure.detail.starts_with(detail), "{failure}");
                not_tried += u32::from(!is_ann);
            }
        }
    }
    // The cards before Ann's were checked, the cards after hers were not tried.
    assert_eq!(done + not_tried, 2);
    assert_eq!(run.counts.done, done + CARDS_ELSEWHERE, "{:?}", run.counts);
    assert_eq!(run.counts.failed["site_down"], 1);
    assert_eq!(run.counts.skipped, 0);
    // Each tried card logs in once, and no request follows Ann's logout.
    assert_eq!(three.hostile.logins(), done as usize + 1);
    let requests = three.hostile.requests();
    let is_anns = |index: &usize| requests[*index].patron.as_deref() == Some(ANN);
    let last = requests.last().unwrap();
    assert!(last.path.contains("logout") && is_anns(&(requests.len() - 1)));
    let slow_requests = requests
        .iter()
        .filter(|request| request.path.contains("/1000001/"))
        .count();
    assert_eq!(slow_requests, 1, "the page is not requested again");
}
