//! Tests `hippo demo`.

use std::process::Command;

use hippo_tests::hippo_path;

#[test]
fn demo_shows_the_email_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(hippo_path())
        .arg("demo")
        .env("TMPDIR", folder.path())
        .env("HIPPO_HOME", folder.path().join("never-used"))
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{stdout}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for expected in ["wrong_credentials", "site_down", "Subject:"] {
        assert!(
            stdout.contains(expected),
            "the demo does not show {expected}: {stdout}"
        );
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn kept_demo_home_works_with_hippo() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("demo");
    let output = Command::new(hippo_path())
        .args(["demo", "--keep"])
        .arg(&kept)
        .output()
        .unwrap();
    assert!(output.status.success());
    let mails = list_files(&kept)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .count();
    assert_eq!(mails, 3, "a notice for each family, and a picture for one");
}

fn list_files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| {
            if path.is_dir() {
                list_files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}
