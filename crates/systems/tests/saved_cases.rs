//! Pages and sessions that were once read wrongly, each a folder of `saved_cases` with what it must say.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod saved_case;

use std::path::{Path, PathBuf};

use saved_case::find_problems;

/// Cases that are still read wrongly. Who mends one removes its name.
const KNOWN_FAILURES: [&str; 0] = [

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/saved_cases");
    let entries = std::fs::read_dir(root).unwrap();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

fn name(folder: &Path) -> &str {
    folder.file_name().unwrap().to_str().unwrap()
}

#[test]
fn saved_cases_say_what_is_expected_of_them() {
    let folders = folders();
    assert!(folders.len() >= 19, "only {} cases", folders.len());
    let mut wrong = Vec::new();
    for folder in folders {
        let name = name(&folder);
        let problems = find_problems(&folder, |_, _| ());
        if KNOWN_FAILURES.contains(&name) {
            if problems.is_empty() {
                wrong.push(format!(
                    "{name} is read right: remove it from KNOWN_FAILURES"
                ));
            }
        } else {
            wrong.extend(
                problems
                    .into_iter()
                    .map(|problem| format!("{name}: {problem}")),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_known_failure_has_its_case() {
    let folders = folders();
    for known in KNOWN_FAILURES {
        assert!(
            folders.iter().any(|folder| name(folder) == known),
            "{known} has no folder"
        );
    }
}
