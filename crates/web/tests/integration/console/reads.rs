//! How many reads a page takes.

use chrono::TimeDelta;
use hippo_core::run::day::Square;
use hippo_core::run::{JobName, Run, RunOutcome};
use hippo_core::store::{RunDayStore as _, RunStore as _};

use super::world::{at, run, schedule};
use crate::web::TestWeb;

/// A web with so many labels, each with a daily run for so many days.
async fn web_with(labels: usize, days: i64) -> TestWeb {
    let web = TestWeb::new().await;
    let job = JobName::CHECK_CARDS;
    let names: Vec<String> = (0..labels)
        .map(|number| format!("label-{number}"))
        .collect();
    let schedules: Vec<_> = names
        .iter()
        .map(|name| schedule(job, name, "cron(0 5 * * ? *)"))
        .collect();
    web.save_schedules(job, &schedules).await;
    for name in &names {
        for day in 0..days {
            let time = at("21T10:00") - TimeDelta::days(day);
            let run: Run = run(job, name, time, RunOutcome::Done);
            let squares = [Square::from(&run)];
            web.store
                .upsert_squares(&(&run.key).into(), &squares)
                .await
                .unwrap();
            // The ledger keeps five weeks.
            if day < 35 {
                web.store.record_run(&run).await.unwrap();
            }
        }
    }
    web
}

#[tokio::test]
async fn number_of_reads_depends_on_no_number_of_labels_or_runs() {
    let run_page = "/console/runs/check-cards/label-0/2026-11-21T10:00:00Z";
    let pages = ["/console", "/console/schedules", run_page];
    let (small, large) = (web_with(1, 1).await, web_with(500, 365).await);
    let mut counts = Vec::new();
    for web in [&small, &large] {
        let mut operator = web.operator().await;
        for path in pages {
            let before = web.store.calls();
            let page = operator.get(path).await;
            assert!(page.body.contains("label-0"), "{path}");
            counts.push((path, web.store.calls() - before));
        }
    }
    let (of_small, of_large) = counts.split_at(pages.len());
    assert_eq!(of_small, of_large);
    assert_eq!(
        of_small,
        [("/console", 12), ("/console/schedules", 9), (run_page, 4)]
    );
}
