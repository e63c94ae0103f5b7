//! How many reads a page takes.

use axum::http::StatusCode;
use hippo_core::testing::run_history::{store_daily_runs, store_ticks};

use crate::web::TestWeb;

/// A web with so many labels, each with a daily run for so many days, and as many days of ticks.
async fn web_with(labels: usize, days: i64) -> TestWeb {
    let web = TestWeb::new().await;
    let store = &*web.store;
    store_daily_runs(store, labels, days).await.unwrap();
    store_ticks(store, days.min(31)).await.unwrap();
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

#[tokio::test]
async fn long_grid_has_pages_of_a_hundred_labels() {
    let web = web_with(250, 31).await;
    let mut operator = web.operator().await;
    for path in ["/console", "/console/schedules"] {
        let mut seen = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let page = operator.get(&path).await.body;
            assert!(page.len() < 160_000, "{path} has {} bytes", page.len());
            let labels = page.split("<b>label-").skip(1);
            let labels: Vec<&str> = labels.map(|rest| rest.split('<').next().unwrap()).collect();
            let headings = page.split("<h2>label-").skip(1);
            seen.extend(labels.iter().map(|label| (*label).to_owned()));
            seen.extend(headings.map(|rest| rest.split('<').next().unwrap().to_owned()));
            next = page.split_once("\">Next</a>").map(|(before, _)| {
                let (_, link) = before.rsplit_once("href=\"").unwrap();
                link.to_owned()
            });
        }
        // The coming runs name some labels too.
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 250, "{path}");
    }
    let last = operator.get("/console?from=201").await.body;
    assert!(last.contains("201 to 251 of 251"), "{last}");
    assert!(last.contains("href=\"/console?from=101\">Previous"));
    for odd in ["0", "251", "999999"] {
        let page = operator.get(&format!("/console?from={odd}")).await;
        assert_eq!(page.status, StatusCode::OK, "{odd}");
    }
    let wrong = operator.get("/console?from=-1").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
}
