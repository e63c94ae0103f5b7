//! What a visit did, for its run's record.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::{Visit, VisitNews};
use crate::alerts::Alert;
use crate::failure::Failure;
use crate::ids::LibraryId;
use crate::run::work::{LeftOutReason, Subject, WorkItem, WorkOutcome, WorkResult};

/// Collects what a visit reports.
#[derive(Debug, Default)]
pub struct VisitRecord {
    parts: Mutex<ReportParts>,
}

#[derive(Debug, Default)]
struct ReportParts {
    results: BTreeMap<Subject, WorkOutcome>,
    alerts: Vec<Alert>,
}

impl VisitRecord {
    /// Records what a visit reports.
    pub fn hear(&self, news: &VisitNews<'_>) {
        let Ok(mut heard) = self.parts.lock() else {
            return;
        };
        let (card, outcome) = match news {
            VisitNews::Checked(checked) => {
                let failure = checked.check.outcome.as_ref().err();
                (&checked.card, outcome(failure))
            }
            VisitNews::CheckedBefore(record) => {
                let last = record.state.last_check.as_ref();
                let failure = last.and_then(|last| last.failure.as_ref());
                (&record.card, outcome(failure))
            }
            VisitNews::LeftOut(card, reason) => (*card, WorkOutcome::LeftOut(*reason)),
            VisitNews::Alert(alert) => {
                heard.alerts.push(alert.clone());
                return;
            }
        };
        heard.results.insert(Subject::from(card), outcome);
    }

    /// The alerts.
    pub fn alerts(&self) -> Vec<Alert> {
        self.parts
            .lock()
            .map(|heard| heard.alerts.clone())
            .unwrap_or_default()
    }

    /// The report of the visit. The cards that nothing was heard of were left out for the reason `rest`; without
    /// one, nothing is said of them.
    pub fn report(&self, visit: &Visit, rest: Option<LeftOutReason>) -> WorkItem {
        let mut results = self
            .parts
            .lock()
            .map(|heard| heard.results.clone())
            .unwrap_or_default();
        if let Some(reason) = rest {
            for key in &visit.cards {
                let subject = Subject::Card {
                    family: key.family.clone(),
                    card: key.card,
                    library: visit.library.clone(),
                };
                results
                    .entry(subject)
                    .or_insert(WorkOutcome::LeftOut(reason));
            }
        }
        WorkItem {
            item_id: item_id(visit),
            results: results
                .into_iter()
                .map(|(subject, outcome)| WorkResult { subject, outcome })
                .collect(),
        }
    }
}

/// A card is in one visit of a run. The first card names the visit.
fn item_id(visit: &Visit) -> String {
    let library: &LibraryId = &visit.library;
    match visit.cards.first() {
        Some(first) => format!("{library}/{}", first.card),
        None => library.to_string(),
    }
}

fn outcome(failure: Option<&Failure>) -> WorkOutcome {
    failure.map_or(WorkOutcome::Done, |failure| {
        WorkOutcome::Failed(failure.kind.as_str().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::CardKey;
    use crate::clock::Clock as _;
    use crate::ids::CardId;
    use crate::jobs::check_cards::visit::{DOWN_ALERT_AFTER, VisitOptions, check_visit};
    use crate::store::CardStore as _;
    use crate::testing::world::{NO_PAUSE, World, account};

    /// What one delivery of a visit reports; `cards_before_death` of its cards are done at most.
    async fn deliver(world: &World, visit: &Visit, dies_after: usize) -> (WorkItem, Vec<Alert>) {
        let record = VisitRecord::default();
        let count = std::sync::atomic::AtomicUsize::new(0);
        let seen = || count.load(std::sync::atomic::Ordering::SeqCst);
        world
            .with_visit_ports(async |ports| {
                let options = VisitOptions {
                    stop: &|| seen() >= dies_after,
                    ..NO_PAUSE
                };
                let news = |news: VisitNews<'_>| {
                    record.hear(&news);
                    count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                };
                check_visit(ports, visit, options, &news).await.unwrap();
            })
            .await;
        let rest = (seen() < dies_after).then_some(LeftOutReason::Removed);
        (record.report(visit, rest), record.alerts())
    }

    fn outcomes(report: &WorkItem) -> Vec<String> {
        let mut outcomes: Vec<String> = report
            .results
            .iter()
            .map(|result| result.outcome.to_string())
            .collect();
        outcomes.sort();
        outcomes
    }

    #[tokio::test]
    async fn a_visit_that_comes_twice_reports_the_same_item_and_every_card_of_it() {
        let world = World::new().await;
        let first = world.add_card("conrad", "wpl", ("1", "p")).await;
        let second = world.add_card("conrad", "wpl", ("2", "p")).await;
        let paused = world.add_card("conrad", "wpl", ("3", "p")).await;
        world.site.answer("1", Ok(account(&[])));
        world
            .site
            .answer("2", Err(Failure::wrong_credentials("no")));
        let mut visit = world.visit("wpl", &[first, second, paused]).await;
        world.store.set_paused(paused, true).await.unwrap();
        visit.cards.push(CardKey {
            card: CardId::generate(),
            ..visit.cards[0].clone()
        });
        world.clock.advance(chrono::Duration::seconds(1));
        let (died, _) = deliver(&world, &visit, 2).await;
        assert!(died.results.len() < 4, "{died:?}");
        let (whole, _) = deliver(&world, &visit, usize::MAX).await;
        let (again, _) = deliver(&world, &visit, usize::MAX).await;
        assert_eq!(died.item_id, whole.item_id);
        assert_eq!(
            outcomes(&whole),
            [
                "done",
                "left_out:paused",
                "left_out:removed",
                "wrong_credentials"
            ]
        );
        assert_eq!(again, whole);
    }

    #[tokio::test]
    async fn a_library_that_does_not_answer_for_a_day_needs_the_operator_until_it_answers() {
        let world = World::new().await;
        let card = world.add_card("conrad", "wpl", ("1", "p")).await;
        let since = world.clock.now();
        for hours in [0, 8, 16] {
            world.site.answer("1", Err(Failure::site_down("no answer")));
            let visit = world.visit("wpl", &[card]).await;
            let (_, alerts) = deliver(&world, &visit, usize::MAX).await;
            assert_eq!(alerts, [], "after {hours} hours");
            world.clock.advance(DOWN_ALERT_AFTER / 3);
        }
        let down = Alert::LibraryDown {
            library: "wpl".parse().unwrap(),
            since,
        };
        for _ in 0..2 {
            world.site.answer("1", Err(Failure::site_down("no answer")));
            let visit = world.visit("wpl", &[card]).await;
            let (_, alerts) = deliver(&world, &visit, usize::MAX).await;
            assert_eq!(alerts, std::slice::from_ref(&down));
            world.clock.advance(DOWN_ALERT_AFTER / 3);
        }
        // It answers, and what comes later is another time that it is down.
        world.site.answer("1", Ok(account(&[])));
        let visit = world.visit("wpl", &[card]).await;
        deliver(&world, &visit, usize::MAX).await;
        world.site.answer("1", Err(Failure::site_down("no answer")));
        world.clock.advance(DOWN_ALERT_AFTER / 3);
        let visit = world.visit("wpl", &[card]).await;
        let (_, alerts) = deliver(&world, &visit, usize::MAX).await;
        assert_eq!(alerts, []);
    }

    #[tokio::test]
    async fn changed_page_is_one_thing_for_each_library() {
        let world = World::new().await;
        let cards = [
            world.add_card("conrad", "wpl", ("1", "p")).await,
            world.add_card("conrad", "wpl", ("2", "p")).await,
        ];
        for number in ["1", "2"] {
            world
                .site
                .answer(number, Err(Failure::page_changed("no table")));
        }
        let visit = world.visit("wpl", &cards).await;
        let (_, alerts) = deliver(&world, &visit, usize::MAX).await;
        let keys: Vec<_> = alerts.iter().map(Alert::key).collect();
        assert_eq!(keys.len(), 2);
        assert_eq!(keys[0], keys[1]);
        assert!(keys[0].as_str().starts_with("page-changed/wpl"), "{keys:?}");
    }
}
