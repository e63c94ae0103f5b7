//! `detect`, against the demo library of every system.

use hippo_browser::BrowserOptions;

use crate::demo::{start, today};
use hippo_demo_library::{Site, SystemKind};
use hippo_systems::detect::{MAX_PAGES, detect};

#[tokio::test]
async fn every_demo_library_is_detected_without_a_login() {
    for kind in SystemKind::ALL {
        // A programming interface is known by the folder in its address, which the demo's has not.
        if kind == SystemKind::SymphonyWs {
            continue;
        }
        let (demo, library) = start(Site::new(kind, "Harbour Library", today())).await;
        let detection = detect(&library.base_url, &BrowserOptions::default())
            .await
            .unwrap();
        let found: Vec<&str> = detection.found.iter().map(|found| found.system).collect();
        assert_eq!(found, [kind.id()], "{:?}", detection.asked);
        assert!(!detection.found[0].evidence.is_empty());
        assert!(detection.asked.len() <= MAX_PAGES);
        let asked = demo.requests();
        assert!(asked.len() <= 2 * MAX_PAGES, "{}", asked.len());
        assert_eq!(demo.logins(), 0);
        assert_eq!(demo.violations().len(), 0);
    }
}
