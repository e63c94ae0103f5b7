//! The recorded pages of more real libraries, for every system that can read pages.
//!
//! `MORE_PAGES` names their folder; the default is `more-pages` beside the folder that `LIBRARY_PAGES` names. Without
//! the folder, the test prints that it is skipped. A system's cases are read as soon as it is in `SYSTEMS`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use hippo_systems::offline_reader;
use serde_json::Value;

use crate::library_pages;
use crate::saved_case::find_problems;

/// Expected values that contradict their own pages, so that they aren't compared: case, field, and the page's words.
const CONTESTED: [(&str, &str, &str); 1] = [(
    "koha-3/madison-2011-a",
    "holds",
    "the caption of the empty table says “Holds (0 total)”, so there are none",
)];

/// Pages that contradict themselves, so that they are not read: case, and the page's words.
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
        if offline_reader(&system).is_none() {
            continue;
        }
        cases += 1;
        let name = case.strip_prefix(&root).unwrap().display().to_string();
        if CONTRADICTORY
            .iter()
            .any(|(contradictory, _)| *contradictory == name)
        {
            continue;
        }
        let problems = find_problems(&case, |expected, _| leave_out_contested(&name, expected));
        wrong.extend(
            problems
                .into_iter()
                .map(|problem| format!("{name}: {problem}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases >= 10, "only {cases} cases");
}

fn leave_out_contested(name: &str, expected: &mut Value) {
    for (case, field, _) in CONTESTED {
        if case == name
            && let Some(fields) = expected.as_object_mut()
        {
            fields.remove(field);
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
