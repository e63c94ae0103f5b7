//! Reads every recorded case with `hippo read` and compares the result.

use std::path::{Path, PathBuf};

use hippo_tests::{Home, library_pages};
use serde_json::Value;

/// Expected titles and the shorter form on the page: Koha 19.05 left the subtitle out.
const SHORTENED_TITLES: [(&str, &str); 1] =
    [("Due in two days: a subtitle & more", "Due in two days")];

/// Cases whose expectation contradicts their own page; the tests of `hippo-systems` say how.
const CONTESTED: [&str; 2] = ["koha-3/madison-2011-a", "winbiap/immenstadt"];

#[test]
fn recorded_cases_read_as_expected() {
    let Some(pages) = library_pages() else {
        return;
    };
    let mut read = 0;
    for (root, least) in [(pages.clone(), 15), (pages.join("../more-pages"), 35)] {
        let is_contested = |case: &PathBuf| CONTESTED.iter().any(|name| case.ends_with(name));
        let cases: Vec<PathBuf> = folders(&root)
            .flat_map(|folder| folders(&folder).collect::<Vec<_>>())
            .filter(|case| case.join("case.json").is_file() && !is_contested(case))
            .collect();
        let found = cases.len();
        assert!(found >= least || !root.is_dir(), "only {found} cases");
        cases.iter().for_each(|case| assert_case_passes(case));
        read += found;
    }
    println!("{read} recorded cases passed.");
}

/// Lists the folders in a folder; none if it is missing.
fn folders(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_dir())
}

fn assert_case_passes(folder: &Path) {
    let case: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("case.json")).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut arguments = vec![
        "read".to_owned(),
        text(&case["system"]),
        "--base-url".to_owned(),
        text(&case["base_url"]),
    ];
    if let Some(format) = case["options"]["date_format"].as_str() {
        arguments.extend(["--date-format".to_owned(), format.to_owned()]);
    }
    for page in case["pages"].as_array().unwrap() {
        arguments.push(folder.join(text(page)).to_string_lossy().into_owned());
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // No home is needed to read saved pages.
    let ran = Home::empty().run(&arguments);
    let printed = ran.json();
    match case["failure"].as_str() {
        Some(kind) => {
            assert_eq!(ran.code, 1, "{}", folder.display());
            assert_eq!(printed["failure"]["kind"], kind, "{}", folder.display());
        }
        None => {
            assert_eq!(ran.code, 0, "{}: {}", folder.display(), ran.stdout);
            let mut expect = case["expect"].clone();
            for loan in expect["loans"].as_array_mut().into_iter().flatten() {
                let shortened = SHORTENED_TITLES
                    .iter()
                    .find(|(whole, _)| loan["title"] == *whole && case["system"] == "koha");
                if let Some((_, printed)) = shortened {
                    loan["title"] = (*printed).into();
                }
            }
            for (field, expected) in expect.as_object().unwrap() {
                assert_matches(
                    &format!("{} {field}", folder.display()),
                    expected,
                    &printed[field],
                );
            }
        }
    }
}

/// Asserts that the expected fields match; lists must have the same entries, in any order.
fn assert_matches(what: &str, expected: &Value, printed: &Value) {
    match (expected, printed) {
        (Value::Array(expected), Value::Array(printed)) => {
            assert_eq!(expected.len(), printed.len(), "{what}: {printed:?}");
            for entry in expected {
                let found = printed
                    .iter()
                    .find(|other| other["title"] == entry["title"])
                    .unwrap_or_else(|| panic!("{what}: no {}", entry["title"]));
                assert_matches(&format!("{what} {}", entry["title"]), entry, found);
            }
        }
        (Value::Object(expected), Value::Object(printed)) => {
            for (field, value) in expected {
                let found = printed.get(field).unwrap_or(&Value::Null);
                assert_matches(&format!("{what} {field}"), value, found);
            }
        }
        _ => assert_eq!(expected, printed, "{what}"),
    }
}
