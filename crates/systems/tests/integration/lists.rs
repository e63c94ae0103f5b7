//! Every list of the systems is complete, wherever it is kept.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hippo_demo_library::SystemKind;
use hippo_systems::{SYSTEMS, systems_with_pages};

pub(crate) fn read_file(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn systems() -> BTreeSet<&'static str> {
    SYSTEMS.iter().map(|system| system.name()).collect()
}

#[test]
fn demo_library_has_every_system() {
    let demo: BTreeSet<&str> = SystemKind::ALL.into_iter().map(SystemKind::id).collect();
    assert_eq!(demo, systems());
}

#[test]
fn readme_has_a_row_for_every_system() {
    let readme = read_file("README.md");
    for system in systems() {
        let row = format!("| `{system}`");
        assert!(
            readme.lines().any(|line| line.starts_with(&row)),
            "README.md's table of systems lacks {system}"
        );
    }
}

#[test]
fn every_page_reader_has_a_fuzz_target_and_a_benchmark() {
    let manifest = read_file("fuzz/Cargo.toml");
    let bench = read_file("crates/systems/benches/read.rs");
    for system in systems_with_pages() {
        let target = read_file(&format!("fuzz/fuzz_targets/{system}.rs"));
        assert!(
            target.contains(&format!("account::read({system:?}, data)")),
            "fuzz/fuzz_targets/{system}.rs reads another system"
        );
        assert!(
            manifest.contains(&format!("path = \"fuzz_targets/{system}.rs\"")),
            "fuzz/Cargo.toml lacks the target {system}"
        );
        assert!(
            bench.contains(&format!("{system:?},\n")),
            "crates/systems/benches/read.rs lacks an account of {system}"
        );
    }
}

/// The most lines of a described system's own, without comments, empty lines and tests.
const MAX_OWN_LINES: usize = 500;

#[test]
fn described_systems_have_fewer_than_500_lines_of_their_own() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut described = 0;
    for folder in std::fs::read_dir(source).unwrap() {
        let folder = folder.unwrap().path();
        let Ok(files) = std::fs::read_dir(&folder) else {
            continue;
        };
        let files = files.map(|file| file.unwrap().path());
        let of_tests = ["tests.rs", "examples.rs", "installations.rs"];
        let is_own = |file: &PathBuf| !of_tests.iter().any(|name| file.ends_with(name));
        let files: Vec<_> = files.filter(is_own).collect();
        let texts = files
            .iter()
            .filter_map(|file| std::fs::read_to_string(file).ok());
        let texts: Vec<String> = texts.collect();
        let is_described = |text: &String| {
            [
                "impl DescribedSystem for",
                "crate::json_reader::",
                "crate::list_reader::",
            ]
            .iter()
            .any(|sign| text.contains(sign))
        };
        let is_engine = folder.ends_with("json_reader") || folder.ends_with("list_reader");
        if is_engine || !texts.iter().any(is_described) {
            continue;
        }
        described += 1;
        let lines: usize = texts.iter().map(|text| count_own_lines(text)).sum();
        assert!(lines < MAX_OWN_LINES, "{lines} lines: {files:?}");
    }
    assert!(described >= 12, "only {described} systems were found");
}

fn count_own_lines(text: &str) -> usize {
    let own = text.split("#[cfg(test)]\nmod tests {").next();
    let lines = own.unwrap_or_default().lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .count()
}
