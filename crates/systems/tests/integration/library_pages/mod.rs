//! The recorded pages of real libraries, which are kept outside the repository.
//!
//! `LIBRARY_PAGES` names their folder; the default is `../shared/library-pages` beside the workspace.
//! Without the folder, the tests print that they are skipped.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use hippo_browser::SavedPage;

use crate::saved_case::find_problems;

/// Compares every recorded case of a system with its expectation; returns the number of cases.
pub(crate) fn check_all(system_name: &str) -> usize {
    let Some(folder) = folder().map(|folder| folder.join(system_name)) else {
        // The test harness doesn't capture writes to stderr, so this is always visible.
        let message =
            b"SKIPPED: no recorded pages of libraries (LIBRARY_PAGES names their folder)\n";
        std::io::stderr().write_all(message).unwrap();
        return 0;
    };
    let mut cases = 0;
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.join("case.json").is_file() {
            cases += 1;
            wrong.extend(
                find_problems(&path, shorten_titles)
                    .into_iter()
                    .map(|problem| format!("{}: {problem}", path.display())),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    cases
}

/// Expected titles, and the part that Koha 19.05 prints: it left the subtitle out.
const SHORTENED_TITLES: [(&str, &str); 1] =
    [("Due in two days: a subtitle & more", "Due in two days")];

/// Shortens the expected titles whose subtitle is not on the pages.
fn shorten_titles(expected: &mut Value, pages: &[SavedPage]) {
    for (whole, printed) in SHORTENED_TITLES {
        let rest = whole.trim_start_matches(printed).trim_start_matches(": ");
        let rest = rest.replace('&', "&amp;");
        if pages.iter().any(|page| page.body.contains(&rest)) {
            continue;
        }
        for loan in expected["loans"].as_array_mut().into_iter().flatten() {
            if loan["title"] == whole {
                loan["title"] = printed.into();
            }
        }
    }
}

/// Returns the folder of the recorded pages if it exists.
pub(crate) fn folder() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = match std::env::var_os("LIBRARY_PAGES") {
        Some(folder) if Path::new(&folder).is_absolute() => PathBuf::from(folder),
        Some(folder) => workspace.join(folder),
        None => workspace.join("../shared/library-pages"),
    };
    folder.is_dir().then_some(folder)
}
