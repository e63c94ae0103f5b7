//! Recorded pages of real libraries, which are kept outside the project.

use std::path::{Path, PathBuf};

use hippo_browser::{ReadContext, SavedPage};
use rstest::rstest;
use serde_json::Value;

use super::*;

fn folder_of_pages() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = match std::env::var_os("LIBRARY_PAGES") {
        Some(folder) => workspace.join(folder),
        None => workspace.join("../shared/library-pages"),
    };
    folder.is_dir().then_some(folder)
}

/// A summary of an account without its texts, or the kind of failure.
fn shape(account: &Result<hippo_core::account::Account, hippo_core::failure::Failure>) -> String {
    match account {
        Err(failure) => failure.kind.to_string(),
        Ok(account) => {
            let loans: Option<Vec<_>> = account.loans.as_ref().map(|loans| {
                let shape = |loan: &hippo_core::account::Loan| {
                    (loan.title.chars().count(), loan.renewals, loan.renewable)
                };
                loans.iter().map(shape).collect()
            });
            let holds: Option<Vec<_>> = account.holds.as_ref().map(|holds| {
                let shape = |hold: &hippo_core::account::Hold| {
                    (hold.title.chars().count(), hold.state, hold.position)
                };
                holds.iter().map(shape).collect()
            });
            format!(
                "{loans:?} {holds:?} {:?} {:?}",
                account.declared, account.fines
            )
        }
    }
}

#[rstest]
#[case("bibliocommons")]
#[case("sierra")]
#[case("enterprise")]
#[case("koha")]
fn redacted_pages_of_real_libraries_read_the_same(#[case] name: &str) {
    use std::io::Write as _;
    let Some(folder) = folder_of_pages()
        .map(|folder| folder.join(name))
        .filter(|folder| folder.is_dir())
    else {
        let said = b"SKIPPED: no recorded pages of libraries (LIBRARY_PAGES names their folder)\n";
        std::io::stderr().write_all(said).unwrap();
        return;
    };
    let reader = hippo_systems::offline_reader(name).unwrap();
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(case) = std::fs::read_to_string(path.join("case.json")) else {
            continue;
        };
        let case: Value = serde_json::from_str(&case).unwrap();
        let base_url = case["base_url"].as_str().unwrap();
        let format = case["options"]["date_format"].as_str();
        let pages: Vec<SavedPage> = case["pages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| SavedPage {
                name: name.as_str().unwrap().to_owned(),
                body: String::from_utf8_lossy(
                    &std::fs::read(path.join(name.as_str().unwrap())).unwrap(),
                )
                .into_owned(),
            })
            .collect();
        let url = base_url.parse().unwrap();
        let context = ReadContext {
            base_url: &url,
            date_format: format,
            timezone: chrono_tz::America::Toronto,
            card_number: None,
        };
        let before = reader.read(&pages, &context);
        let session = pages
            .iter()
            .map(|page| exchange(base_url, &page.body))
            .collect();
        let recording = record(name, base_url, format, session);
        let library = recording.har.log.library.clone().unwrap();
        let url = library.base_url.parse().unwrap();
        let context = library.context(&url);
        let after = read(&recording.har, &|pages| reader.read(pages, &context));
        if shape(&after) != shape(&before) {
            let why = after.as_ref().err().map(ToString::to_string);
            wrong.push(format!(
                "{}:\n  {}\n  {} {why:?}",
                path.file_name().unwrap().display(),
                shape(&before),
                shape(&after)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
