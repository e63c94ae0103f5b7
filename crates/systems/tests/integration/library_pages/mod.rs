//! The recorded pages of real libraries, which are kept beside the project and not in it.
//!
//! The folder is `LIBRARY_PAGES`, or `../shared/library-pages` beside the workspace; without it,
//! the tests say that they were skipped.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use hippo_browser::SavedPage;

use crate::saved_case::find_problems;

/// Reads every recorded case of a system and compares it with what is expected of it; the number
/// of cases.
pub(crate) fn check_all(system_name: &str) -> usize {
    let Some(folder) = folder().map(|folder| folder.join(system_name)) else {
        // Past the capture of the test harness, so that it is seen.
        let said = b"SKIPPED: no recorded pages of libraries (LIBRARY_PAGES names their folder)\n";
        std::io::stderr().write_all(said).unwrap();
        return 0;
    };
    let mut cases = 0;
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.join("case.json").is_file() {
            cases += 1;
            wrong.extend(
                find_problems(&path, printed)
                    .into_iter()
                    .map(|problem| format!("{}: {problem}", path.display())),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    cases
}

/// What a case expects of a title, and what its pages print of it: Koha 19.05 left the subtitle out.
const LESS_ON_THE_PAGE: [(&str, &str); 1] =
    [("Due in two days: a subtitle & more", "Due in two days")];

/// The expected title, or what there is of it where the pages do not hold the rest.
fn printed(expected: &mut Value, pages: &[SavedPage]) {
    for (whole, printed) in LESS_ON_THE_PAGE {
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

/// The folder of the recorded pages, where it is there.
pub(crate) fn folder() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = match std::env::var_os("LIBRARY_PAGES") {
        Some(folder) if Path::new(&folder).is_absolute() => PathBuf::from(folder),
        Some(folder) => workspace.join(folder),
        None => workspace.join("../shared/library-pages"),
    };
    folder.is_dir().then_some(folder)
}
