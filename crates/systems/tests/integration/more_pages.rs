//! The recorded pages of more real libraries.
//!
//! `MORE_PAGES` names their folder; the default is `more-pages` beside the folder that `LIBRARY_PAGES` names. Without
//! the folder, the test prints that it is skipped.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use hippo_browser::{ReadContext, SavedPage, decode};
use hippo_systems::offline_reader;
use serde_json::Value;

use crate::library_pages;
use crate::saved_case::find_problems;

/// Expected values that contradict their own pages: case, field, what is read instead, and the page's words.
const CONTESTED: [(&str, &str, &str, &str); 1] = [(
    "koha-3/madison-2011-a",
    "holds",
    "[]",
    "the caption of the empty table says “Holds (0 total)”, so there are none",
)];

/// Pages that contradict themselves, so that they are a changed page: case, and the page's words.
const CONTRADICTORY: [(&str, &str); 1] = [(
    "winbiap/immenstadt",
    "it says that seven items are out, and lists two",
)];

#[test]
fn more_pages_are_read_as_expected() {
    let Some(root) = folder() else {
        // The test harness doesn't capture writes to stderr, so this is always visible.
        let message = b"SKIPPED: no more pages of libraries (MORE_PAGES names their folder)\n";
        std::io::stderr().write_all(message).unwrap();
        return;
    };
    let mut cases = 0;
    let mut wrong = Vec::new();
    for case in entries(&root).iter().flat_map(|folder| entries(folder)) {
        let Some(system) = system_of(&case) else {
            continue;
        };
        cases += 1;
        let name = case.strip_prefix(&root).unwrap().display().to_string();
        assert!(offline_reader(&system).is_some(), "{name}: {system}");
        let mut problems = find_problems(&case, |expected, _| replace_contested(&name, expected));
        let is_contradictory = CONTRADICTORY.iter().any(|(case, _)| *case == name);
        if is_contradictory {
            let is_changed = |problem: &String| problem.starts_with("failed: page_changed");
            assert!(problems.iter().all(is_changed), "{name}: {problems:?}");
            assert_eq!(problems.len(), 1, "{name}");
            problems.clear();
        }
        wrong.extend(
            problems
                .into_iter()
                .map(|problem| format!("{name}: {problem}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases >= 37, "only {cases} cases");
}

/// Recorded pages of logins, and what is read from each: none is an account.
const LOGIN_PAGES: [(&str, &str, &str); 6] = [
    (
        "touchpoint",
        "loginPage-login/loginPage.html",
        "page_changed",
    ),
    ("touchpoint", "loggedIn-login/loggedIn.html", "page_changed"),
    (
        "touchpoint",
        "errorMessage-login/errorMessage.html",
        "wrong_credentials",
    ),
    (
        "polaris",
        "lee-login-form/leecounty-login.html",
        "page_changed",
    ),
    (
        "polaris",
        "midcolumbia-login-form/midcolumbia-login.html",
        "page_changed",
    ),
    (
        "winbiap",
        "leichlingen-login/leichlingen.html",
        "wrong_credentials",
    ),
];

#[test]
fn recorded_login_pages_are_told_apart() {
    let Some(root) = folder() else { return };
    let mut told = Vec::new();
    for (system, path, _) in LOGIN_PAGES {
        let body = std::fs::read(root.join(system).join(path)).unwrap();
        let page = SavedPage {
            name: path.to_owned(),
            body: decode(&body, None),
        };
        let base_url = "https://library.example/".parse().unwrap();
        let context = ReadContext {
            base_url: &base_url,
            date_format: None,
            timezone: chrono_tz::UTC,
            card_number: None,
        };
        let read = offline_reader(system).unwrap().read(&[page], &context);
        let failure = read.unwrap_err();
        told.push((system, path, failure.kind.as_str()));
    }
    assert_eq!(told, LOGIN_PAGES);
}

fn replace_contested(name: &str, expected: &mut Value) {
    for (case, field, read, _) in CONTESTED {
        if case == name {
            expected[field] = serde_json::from_str(read).unwrap();
        }
    }
}

/// Returns the system of a case; `None` for a folder that only shows a page's shape.
fn system_of(case: &Path) -> Option<String> {
    let text = std::fs::read_to_string(case.join("case.json")).ok()?;
    let case: Value = serde_json::from_str(&text).unwrap();
    Some(case["system"].as_str().unwrap().to_owned())
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Returns the folder of the pages if it exists.
fn folder() -> Option<PathBuf> {
    let folder = match std::env::var_os("MORE_PAGES") {
        Some(folder) => Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(folder),
        None => library_pages::folder()?.parent()?.join("more-pages"),
    };
    folder.is_dir().then_some(folder)
}
