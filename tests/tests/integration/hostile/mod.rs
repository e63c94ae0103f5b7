//! Hostile sites, as the jobs meet them: the last good account stays as it was, the card says why it could not be
//! checked, and no other card pays for it.

mod world;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use hippo_browser::Limits;
use hippo_core::clock::Clock as _;
use hippo_core::failure::FailureKind;
use hippo_core::jobs::check_cards::visit::BACK_OFF;
use hippo_core::run::RunOutcome;
use hippo_core::store::CardStore as _;
use hippo_demo_library::{DemoLibrary, Fault, Generation, Rule, Site, SystemKind};
use rstest::rstest;
use world::{PATIENT, World, patron, today};

/// What a busy machine may add to a limit.
const GRACE: Duration = Duration::from_secs(10);

/// Whether a fault changes what an account says, and not whether it can be read.
fn changes_words(fault: &Fault) -> bool {
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
    for fault in Fault::quick_ones(&elsewhere) {
        for step in 0..steps {
            let what = format!("{} {generation:?}, step {step}: {fault:?}", system.id());
            // A day later nothing stands in the way of a check; what was refused, a person has looked at.
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
            let is_left_alone = until.is_some_and(|until| until > world.clock.now());
            match &checked[0].check.outcome {
                Ok(_) => {
                    let row = &rows[&card.to_string()];
                    assert!(changes_words(&fault) || row.2 == good.2, "{what}");
                    assert_eq!(last_check.failure, None, "{what}");
                    assert!(!is_left_alone, "{what}");
                }
                Err(failure) => {
                    failed += 1;
                    assert!(!changes_words(&fault), "{what}: {failure}");
                    assert_eq!(rows, before, "{what}");
                    assert_eq!(state.last_success_at, last_success_at, "{what}");
                    let told = last_check.failure.unwrap();
                    assert_eq!(
                        (told.kind, &told.detail),
                        (failure.kind, &failure.detail),
                        "{what}"
                    );
                    let is_refused = failure.kind == FailureKind::WrongCredentials;
                    assert_eq!(state.refused_since.is_some(), is_refused, "{what}");
                    let wait = failure.retry_after.unwrap_or_default().max(BACK_OFF);
                    let alerts_all = failure.kind.affects_library();
                    assert_eq!(is_left_alone, alerts_all, "{what}: {failure}");
                    assert!(
                        !alerts_all || until == Some(world.clock.now() + wait),
                        "{what}: {until:?}"
                    );
                }
            }
        }
    }
    // Most faults make a check fail wherever they strike; the logout is the last step.
    assert!(failed > 20 * (steps - 1), "{failed} of {steps} steps");
    assert!(demo.violations().is_empty());
    assert_eq!(other.logins(), 0);
}

/// Three libraries of different systems, the first of which will be hostile.
struct Three {
    world: World,
    hostile: DemoLibrary,
    /// The cards of the hostile library; the first is Ann's.
    cards: Vec<String>,
    _others: [DemoLibrary; 2],
}

/// How many cards the two other libraries have.
const CARDS_ELSEWHERE: u32 = 3;

const ANN: &str = "22000000000001";

impl Three {
    /// All have been checked a day ago, and were well.
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
        three.hostile.forget_requests();
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
    let heard = Mutex::new(Vec::new());
    let hostile = Mutex::new(Some(three.hostile));
    let run = three
        .world
        .check_cards(2, &|card| {
            let mut heard = heard.lock().unwrap();
            heard.push((card.card.library.to_string(), card.check.outcome.is_ok()));
            if heard.len() == CARDS_ELSEWHERE as usize {
                // Only now, when all others were heard of, does the wait end: its connections are cut.
                drop(hostile.lock().unwrap().take());
            }
        })
        .await;
    let heard = heard.into_inner().unwrap();
    let (first, rest) = heard.split_at(CARDS_ELSEWHERE as usize);
    for (library, is_checked) in first {
        assert!(library != "hostile" && *is_checked, "{heard:?}");
    }
    for (library, is_checked) in rest {
        assert!(library == "hostile" && !is_checked, "{heard:?}");
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
    let rule = Rule::new(fault).only_for("/1000001/");
    three.hostile.switches().add(rule);
    let run = three.world.check_cards(2, &|_| {}).await;
    assert_eq!(run.counts.done, 2 + CARDS_ELSEWHERE, "{:?}", run.counts);
    assert_eq!(run.counts.failed["page_changed"], 1, "{:?}", run.counts);
    let rows = three.world.rows();
    for (card, row) in &rows {
        let is_ann = *card == three.cards[0];
        assert_eq!(*row == before[card], is_ann, "read anew, but for Ann's");
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
    // Ann's record alone: the others' pages would come at once.
    let rule = Rule::new(fault).only_for("/1000001/");
    three.hostile.switches().add(rule);
    let began = Instant::now();
    // One worker for all: whoever comes after Ann has to wait for her.
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
                let said = if is_ann {
                    "not read to the end within 4 s"
                } else {
                    "The library didn't answer or turned us away"
                };
                assert!(failure.detail.starts_with(said), "{failure}");
                not_tried += u32::from(!is_ann);
            }
        }
    }
    // Who came before Ann was checked, who came after her was not tried.
    assert_eq!(done + not_tried, 2);
    assert_eq!(run.counts.done, done + CARDS_ELSEWHERE, "{:?}", run.counts);
    assert_eq!(run.counts.failed["site_down"], 1);
    assert_eq!(run.counts.skipped, 0);
    // One login each of those who were tried, and nobody's request after Ann's logout.
    assert_eq!(three.hostile.logins(), done as usize + 1);
    let requests = three.hostile.requests();
    let of_ann = |place: &usize| requests[*place].patron.as_deref() == Some(ANN);
    let last = requests.last().unwrap();
    assert!(last.path.contains("logout") && of_ann(&(requests.len() - 1)));
    let waited_for = requests
        .iter()
        .filter(|request| request.path.contains("/1000001/"))
        .count();
    assert_eq!(waited_for, 1, "it is not asked for again after the login");
}
