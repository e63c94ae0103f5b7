//! Pages and sessions that were once read wrongly, each in a folder of `saved_cases`.

use std::path::{Path, PathBuf};

use crate::saved_case::find_problems;

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
fn saved_cases_are_read_as_expected() {
    let folders = folders();
    assert!(folders.len() >= 19, "only {} cases", folders.len());
    let mut wrong = Vec::new();
    for folder in folders {
        let name = name(&folder);
        wrong.extend(
            find_problems(&folder, |_, _| ())
                .into_iter()
                .map(|problem| format!("{name}: {problem}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
