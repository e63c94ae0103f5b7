use std::sync::atomic::Ordering;

use proptest::prelude::*;

use super::*;
use crate::failure::Failure;
use crate::jobs::{RunError, StopRequest};
use crate::run::harness::Harness;
use crate::run::ledger::RunPlan;
use crate::run::work::{LeftOutReason, WorkOutcome};
use crate::run::{Run, RunOutcome, Trigger};
use crate::schedule::Recurrence;
use crate::store::{LibraryStore, RunStore as _};
use crate::testing::world::{StopAtSecondLogin, World, library, run_plan};

/// Without pauses and interruption.
fn options(concurrency: usize) -> CheckOptions<'static> {
    CheckOptions {
        concurrency,
        pace: Pace::NONE,
        on_progress: None,
    }
}

/// A run, and the cards that it checked.
struct CheckedCards {
    run: Run,
    checked: Vec<CheckedCard>,
}

/// Checks all cards in the one run of this schedule.
async fn check(world: &World, options: CheckOptions<'_>) -> Result<CheckedCards, RunError> {
    check_until(world, run_plan(), options, &|| false).await
}

/// Checks all cards in a run of this plan, until a stop is requested.
async fn check_until(
    world: &World,
    plan: RunPlan<'_>,
    options: CheckOptions<'_>,
    stop: &dyn StopRequest,
) -> Result<CheckedCards, RunError> {
    let run_ports = RunPorts {
        cards: &world.store,
        alerts: &world.store,
    };
    let harness = Harness {
        stop,
        ..Harness::new(&world.store, &world.clock)
    };
    world
        .with_visit_ports(async |ports| {
            let job = CheckCards::new(ports, &run_ports, options);
            let run = harness
                .run(&job, plan, &CheckCardsInput::default())
                .await?
                .run;
            let (checked, _) = job.into_checked();
            Ok(CheckedCards { run, checked })
        })
        .await
}

#[tokio::test]
async fn run_checks_every_card_and_records_its_counts() {
    let world = World::new().await;
    world.add_card("conrad", "wpl", ("1", "p")).await;
    world.add_card("conrad", "kpl", ("2", "p")).await;
    let changed = Failure::page_changed("no table");
    world.site.answer("2", Err(changed));
    let CheckedCards { run, checked } = check(&world, options(4)).await.unwrap();
    assert_eq!(checked.len(), 2);
    assert_eq!(run.outcome, RunOutcome::DoneWithFailures);
    assert_eq!((run.counts.planned, run.counts.done), (2, 1));
    assert_eq!(run.counts.failed["page_changed"], 1);
    assert_eq!(world.store.run(&run.key).await.unwrap(), Some(run));
}

#[tokio::test]
async fn schedule_that_fires_twice_is_one_run() {
    let world = World::new().await;
    world.add_card("conrad", "wpl", ("1", "p")).await;
    assert!(check(&world, options(4)).await.is_ok());
    assert!(check(&world, options(4)).await.is_err());
    assert_eq!(world.logins().len(), 1);
}

#[tokio::test]
async fn stopped_run_finishes_the_started_cards() {
    let world = World::new().await;
    for number in ["1", "2", "3", "4"] {
        world.add_card("conrad", "wpl", (number, "p")).await;
    }
    let stop = || world.logins().len() >= 2;
    let checked = check_until(&world, run_plan(), options(1), &stop).await;
    let CheckedCards { run, checked } = checked.unwrap();
    assert_eq!(run.outcome, RunOutcome::Interrupted);
    assert_eq!((run.counts.planned, run.counts.done), (4, 2));
    assert_eq!((world.logins().len(), checked.len()), (2, 2));
}

#[tokio::test]
async fn interrupted_run_keeps_what_was_done() {
    let world = World::new().await;
    let first = world.add_card("conrad", "wpl", ("1", "p")).await;
    let second = world.add_card("conrad", "wpl", ("2", "p")).await;
    let hang_next = |progress: CheckProgress<'_>| {
        if matches!(progress, CheckProgress::Checked(_)) {
            // The second card's check never comes back.
            world.site.hang_after_login.store(true, Ordering::SeqCst);
            world.site.records_login.store(true, Ordering::SeqCst);
        }
    };
    let options = CheckOptions {
        on_progress: Some(&hang_next),
        ..options(1)
    };
    let stop = StopAtSecondLogin(&world);
    let checked = check_until(&world, run_plan(), options, &stop).await;
    let CheckedCards { run, checked } = checked.unwrap();
    assert_eq!(run.outcome, RunOutcome::Interrupted);
    assert_eq!((run.counts.planned, run.counts.done), (2, 1));
    assert_eq!(checked.len(), 1);
    let work = world.store.work_items(&run.key).await.unwrap();
    let results: Vec<_> = work.iter().flat_map(|work| &work.results).collect();
    let mut outcomes: Vec<_> = results.iter().map(|one| one.outcome.to_string()).collect();
    outcomes.sort();
    assert_eq!(outcomes, ["done", "left_out:interrupted"]);
    for card in [first, second] {
        let mark = world.record(card).await.state.login_mark;
        assert!(mark.is_none_or(|mark| mark.is_settled), "no doubt is left");
    }
}

#[tokio::test]
async fn down_library_is_tried_once_in_a_long_run() {
    let world = World::new().await;
    for number in 10..26 {
        let (up, down) = (format!("1{number}"), format!("2{number}"));
        world.add_card("conrad", "kpl", (&up, "p")).await;
        world.add_card("conrad", "wpl", (&down, "p")).await;
        let failure = Failure::site_down("no answer");
        world.site.answer(&down, Err(failure));
    }
    // Every card takes longer than we back off.
    let wait = |progress: CheckProgress<'_>| {
        if let CheckProgress::Checked(card) = progress
            && card.check.outcome.is_ok()
        {
            world.clock.advance(chrono::Duration::minutes(11));
        }
    };
    let options = CheckOptions {
        on_progress: Some(&wait),
        ..options(1)
    };
    let run = check(&world, options).await.unwrap().run;
    assert_eq!(run.counts.failed["site_down"], 1);
    assert_eq!(run.counts.failed["not_tried"], 15);
    assert_eq!(run.counts.done, 16);
}

#[tokio::test]
async fn cards_of_a_closed_library_are_left_out_with_the_reason() {
    let world = World::new().await;
    world.add_card("conrad", "wpl", ("1", "p")).await;
    world.add_card("conrad", "kpl", ("2", "p")).await;
    let plan = |trigger| {
        let mut plan = run_plan();
        plan.trigger = trigger;
        plan.rules.schedule = Some(Recurrence {
            expression: "cron(0 5 * * ? *)".parse().unwrap(),
            zone: chrono_tz::America::Toronto,
        });
        let today = "2026-11-21".parse().unwrap();
        plan.rules.closed_libraries = [("wpl".parse().unwrap(), [today].into())].into();
        plan
    };
    let check = async |plan| {
        let checked = check_until(&world, plan, options(1), &|| false).await;
        checked.unwrap().run
    };
    let run = check(plan(Trigger::Schedule)).await;
    assert_eq!((run.counts.planned, run.counts.done), (1, 1));
    let work = world.store.work_items(&run.key).await.unwrap();
    let left_out: Vec<_> = work
        .iter()
        .flat_map(|item| &item.results)
        .map(|result| &result.outcome)
        .filter(|outcome| matches!(outcome, WorkOutcome::LeftOut(_)))
        .collect();
    assert_eq!(left_out, [&WorkOutcome::LeftOut(LeftOutReason::Closed)]);
    // A person's run ignores it.
    let mut by_person = plan(Trigger::Person);
    by_person.key.label = "person".parse().unwrap();
    assert_eq!(check(by_person).await.counts.planned, 2);
}

#[tokio::test]
async fn failed_scope_plans_only_failed_cards() {
    let world = World::new().await;
    world.add_card("conrad", "wpl", ("1", "p")).await;
    world.add_card("conrad", "wpl", ("2", "p")).await;
    world
        .site
        .answer("2", Err(Failure::page_changed("no table")));
    world.check_all().await;
    let input = CheckCardsInput {
        scope: Scope::Failed,
        ..CheckCardsInput::default()
    };
    let visits = world.plan(&input, 10).await;
    assert_eq!(visits.len(), 1);
    assert_eq!(visits[0].cards.len(), 1);
}

#[test]
fn input_with_an_unknown_field_or_scope_is_refused() {
    for json in [
        r#"{"scope":"some"}"#,
        r#"{"scoop":"all"}"#,
        r#"{"family":"Not A Slug"}"#,
    ] {
        assert!(
            serde_json::from_str::<CheckCardsInput>(json).is_err(),
            "{json}"
        );
    }
    let input: CheckCardsInput = serde_json::from_str(r#"{"scope":"failed"}"#).unwrap();
    assert_eq!(input.scope, Scope::Failed);
}

#[test]
fn visit_size_keeps_every_worker_busy() {
    assert_eq!(visit_size(1000, 32), 4);
    assert_eq!(visit_size(3, 32), 1);
    assert_eq!(visit_size(100_000, 32), MAX_CARDS_PER_VISIT);
    assert_eq!(visit_size(0, 0), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn equal_numbers_share_a_visit_and_no_card_is_planned_twice(
        cards in prop::collection::vec((0usize..4, 0u8..30, any::<bool>()), 0..230),
        size in 1usize..12,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let mut added = BTreeSet::new();
            for id in ["l0", "l1", "l2", "l3"] {
                world.store.add_library(&library(id)).await.unwrap();
            }
            for (library, number, second_family) in cards {
                let family = if second_family { "diaz" } else { "conrad" };
                if added.insert((library, number, family)) {
                    world.add_card(family, &format!("l{library}"), (&number.to_string(), "p")).await;
                }
            }
            let visits = world.plan(&CheckCardsInput::default(), size).await;
            let mut seen = BTreeSet::new();
            let mut visit_of_number = BTreeMap::new();
            for (index, visit) in visits.iter().enumerate() {
                for key in &visit.cards {
                    prop_assert!(seen.insert(key.card), "a card was planned twice");
                    let card = world.record(key.card).await.card;
                    prop_assert_eq!(&card.family, &key.family);
                    prop_assert_eq!(&card.library, &visit.library);
                    let of = visit_of_number.entry((card.library, card.fingerprint)).or_insert(index);
                    prop_assert_eq!(*of, index, "one number stands in two visits");
                }
            }
            prop_assert_eq!(seen.len(), added.len());
            Ok(())
        })?;
    }

    #[test]
    fn concurrency_is_one_per_library_and_limited_overall(
        numbers in prop::collection::vec(0usize..4, 1..60),
        concurrency in 1usize..6,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            for id in ["l0", "l1", "l2", "l3"] {
                world.store.add_library(&library(id)).await.unwrap();
            }
            for (number, library) in numbers.iter().enumerate() {
                world.add_card("conrad", &format!("l{library}"), (&number.to_string(), "p")).await;
            }
            let run = check(&world, options(concurrency)).await.unwrap().run;
            prop_assert_eq!(run.counts.done as usize, numbers.len());
            prop_assert_eq!(world.logins().len(), numbers.len());
            prop_assert_eq!(world.site.most_at_one.load(Ordering::SeqCst), 1);
            prop_assert!(world.site.most_at_all.load(Ordering::SeqCst) <= concurrency);
            Ok(())
        })?;
    }
}
