//! A folder with saved pages of one account, and `case.json` with the expectation.

use std::path::Path;

use hippo_browser::{ReadContext, SavedPage, decode};

use crate::recording::read_recording;
use chrono_tz::Tz;
use hippo_core::account::Account;
use hippo_core::failure::Failure;
use hippo_recording::har::Har;
use serde_json::Value;
use url::Url;

/// Reads a case as `hippo read` does and lists the differences from its `expect` or `failure`.
pub(crate) fn find_problems(
    folder: &Path,
    adjust: impl FnOnce(&mut Value, &[SavedPage]),
) -> Vec<String> {
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
                body: decode(&bytes, None),
            }
        })
        .collect();
    let context = ReadContext {
        base_url: &base_url,
        date_format: case["options"]["date_format"].as_str(),
        timezone: Tz::America__Toronto,
        card_number: None,
    };
    let system = case["system"].as_str().unwrap();
    let failure = case["failure"].as_str();
    let failure = failure.or(case["expect_failure"].as_str());
    match (read_pages(system, &pages, &context), failure) {
        (Err(failure), Some(kind)) if failure.kind.as_str() == kind => Vec::new(),
        (Err(failure), _) => vec![format!("failed: {failure}")],
        (Ok(_), Some(kind)) => vec![format!("was read, but should fail: {kind}")],
        (Ok(account), None) => {
            let mut problems = Vec::new();
            let read = serde_json::to_value(&account).unwrap();
            let mut expected = case["expect"].clone();
            adjust(&mut expected, &pages);
            compare("account", &expected, &read, &mut problems);
            problems
        }
    }
}

/// Reads a single recorded session, or any number of pages.
fn read_pages(
    system: &str,
    pages: &[SavedPage],
    context: &ReadContext<'_>,
) -> Result<Account, Failure> {
    match pages {
        [session] if session.name.ends_with(".har") => {
            let har: Har = serde_json::from_str(&session.body).unwrap();
            read_recording(system, &har, context)
        }
        pages => hippo_systems::offline_reader(system)
            .unwrap()
            .read(pages, context),
    }
}

/// Lists the differences. Fields that the case omits may have any value; lists have exactly the
/// expected entries, in any order.
fn compare(path: &str, expected: &Value, read: &Value, problems: &mut Vec<String>) {
    match (expected, read) {
        (Value::Object(fields), Value::Object(_)) => {
            for (name, value) in fields {
                compare(&format!("{path}.{name}"), value, &read[name], problems);
            }
        }
        (Value::Array(entries), Value::Array(found)) => {
            if entries.len() != found.len() {
                problems.push(format!(
                    "{path}: {} entries expected, {} read",
                    entries.len(),
                    found.len()
                ));
            }
            let mut left: Vec<&Value> = found.iter().collect();
            for entry in entries {
                let index = left.iter().position(|candidate| {
                    let mut differences = Vec::new();
                    compare(path, entry, candidate, &mut differences);
                    differences.is_empty()
                });
                match index {
                    Some(index) => {
                        left.remove(index);
                    }
                    None => problems.push(format!("{path}: no entry is {entry}; left: {left:?}")),
                }
            }
        }
        _ if expected == read => {}
        _ => problems.push(format!("{path}: expected {expected}, read {read}")),
    }
}
