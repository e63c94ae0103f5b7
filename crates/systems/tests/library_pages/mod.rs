//! The recorded pages of real libraries, which are kept beside the project and not in it.
//!
//! The folder is `LIBRARY_PAGES`, or `../shared/library-pages` beside the workspace; without it,
//! the tests say that they were skipped.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use hippo_systems::{ReadContext, SavedPage};
use serde_json::Value;
use url::Url;

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
                problems(system_name, &path)
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

fn problems(system_name: &str, folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("case.json")).unwrap();
    let case: Value = serde_json::from_str(&text).unwrap();
    let base_url = Url::parse(case["base_url"].as_str().unwrap()).unwrap();
    let pages: Vec<SavedPage> = case["pages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| {
            let name = name.as_str().unwrap();
            let bytes = std::fs::read(folder.join(name)).unwrap();
            SavedPage {
                name: name.to_owned(),
                body: String::from_utf8_lossy(&bytes).into_owned(),
            }
        })
        .collect();
    let context = ReadContext {
        base_url: &base_url,
        date_format: case["options"]["date_format"].as_str(),
        timezone: Tz::America__Toronto,
        card_number: None,
    };
    let read = hippo_systems::system(system_name)
        .unwrap()
        .read(&pages, &context);
    match (read, case["failure"].as_str()) {
        (Err(failure), Some(kind)) if failure.kind.as_str() == kind => Vec::new(),
        (Err(failure), _) => vec![format!("failed: {failure}")],
        (Ok(_), Some(kind)) => vec![format!("was read, but should fail: {kind}")],
        (Ok(account), None) => {
            let mut problems = Vec::new();
            let read = serde_json::to_value(&account).unwrap();
            let mut expected = case["expect"].clone();
            printed(&mut expected, &pages);
            compare("account", &expected, &read, &mut problems);
            problems
        }
    }
}

/// Names what differs: a field that is not named may be anything, a list has exactly its entries,
/// in any order.
fn compare(place: &str, expected: &Value, read: &Value, problems: &mut Vec<String>) {
    match (expected, read) {
        (Value::Object(fields), Value::Object(_)) => {
            for (name, value) in fields {
                compare(&format!("{place}.{name}"), value, &read[name], problems);
            }
        }
        (Value::Array(entries), Value::Array(found)) => {
            if entries.len() != found.len() {
                problems.push(format!(
                    "{place}: {} entries expected, {} read",
                    entries.len(),
                    found.len()
                ));
            }
            let mut left: Vec<&Value> = found.iter().collect();
            for entry in entries {
                let place_of_match = left.iter().position(|candidate| {
                    let mut differences = Vec::new();
                    compare(place, entry, candidate, &mut differences);
                    differences.is_empty()
                });
                match place_of_match {
                    Some(index) => {
                        left.remove(index);
                    }
                    None => problems.push(format!("{place}: no entry is {entry}; left: {left:?}")),
                }
            }
        }
        _ if expected == read => {}
        _ => problems.push(format!("{place}: expected {expected}, read {read}")),
    }
}
