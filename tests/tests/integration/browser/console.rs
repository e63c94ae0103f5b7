//! The operator's console.

use std::time::Duration;

use hippo_demo_library::Fault;
use serde_json::{Value, json};

use super::world::{World, run_id, start};

/// The runs of `check-cards` that a person started.
fn person_runs(world: &World) -> Vec<Value> {
    let runs = world.json(&["runs", "--json", "--label", "person"]);
    runs.as_array().unwrap().clone()
}

#[test]
fn double_click_is_one_run_whose_page_is_live_until_it_ends() {
    let Some((world, chromium)) = start() else {
        return;
    };
    let profile = chromium.open_profile();
    world.sign_in_operator(&profile);
    let before = person_runs(&world).len();
    world
        .riverside
        .switches()
        .set(Fault::Slow(Duration::from_millis(1_500)));
    profile.open(&world.page("/console/schedules"));
    profile.click("a[href='/console/schedules/run?label=all']");
    profile.wait_for("It checks 4 cards at 3 libraries.");
    assert_eq!(person_runs(&world).len(), before);
    // The browser sends both, and shows the second answer.
    let answers = profile.run_async(
        "const form = document.querySelector('main form'), body = new URLSearchParams(new FormData(form));
         const send = () => fetch(form.action, {method: 'POST', body}).then(answer => answer.status);
         Promise.all([send(), send()]).then(done, done)",
    );
    assert_eq!(answers, json!([200, 200]));
    profile.click("main button");
    profile.wait_for("We didn’t start another.");
    profile.console();
    profile.open(&world.page("/console"));
    let text = profile.wait_for("person");
    assert!(text.contains("when a person starts it"), "{text}");
    let started = loop {
        let runs = person_runs(&world);
        let running = runs.iter().find(|run| run["outcome"] == "running");
        if let Some(run) = running {
            break run_id(run);
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    profile.open(&world.page(&format!("/console/runs/{started}")));
    profile.wait_for("until the run ends");
    profile.run("window.isFirst = true");
    profile.wait_for("Run it again");
    // It was the page that changed, not another one that was loaded.
    assert_eq!(profile.run("return window.isFirst === true"), true);
    assert_eq!(
        profile.run("return document.querySelectorAll('[hx-get]').length"),
        0
    );
    let requests = "return performance.getEntriesByType('resource').length";
    let count = profile.run(requests);
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(profile.run(requests), count, "it asks on");
    assert_eq!(person_runs(&world).len(), before + 1);
    assert_eq!(profile.console(), Vec::<String>::new());
}
