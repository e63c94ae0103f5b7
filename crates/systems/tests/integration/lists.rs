//! Every list of the systems is complete, wherever it is kept.

use std::collections::BTreeSet;
use std::path::Path;

use hippo_demo_library::SystemKind;
use hippo_systems::{SYSTEMS, systems_with_pages};

fn read_file(path: &str) -> String {
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
