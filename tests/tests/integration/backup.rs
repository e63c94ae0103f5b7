//! Tests `hippo backup`, alone and during writes.

use std::os::unix::fs::PermissionsExt;

use hippo_tests::Home;

#[test]
fn backup_is_complete_private_and_usable_as_a_home() {
    let home = Home::new();
    home.add_family("conrad");
    let target = home.path().join("copy.db");
    let target_text = target.to_string_lossy().into_owned();
    home.run(&["backup", &target_text]).expect_code(0);
    let mode = std::fs::metadata(&target).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let copy = rusqlite::Connection::open(&target).unwrap();
    let integrity: String = copy
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(integrity, "ok");

    let again = home.run(&["backup", &target_text]);
    assert_ne!(again.code, 0, "an existing file is not overwritten");
}

#[test]
fn backup_during_writes_loses_nothing() {
    let home = Home::new();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 0..12 {
                home.add_family(&format!("family-{number}"));
            }
        });
        for number in 0..6 {
            let target = home.path().join(format!("copy-{number}.db"));
            home.run(&["backup", &target.to_string_lossy()])
                .expect_code(0);
            let copy = rusqlite::Connection::open(&target).unwrap();
            let integrity: String = copy
                .query_row("PRAGMA integrity_check", [], |row| row.get(0))
                .unwrap();
            assert_eq!(integrity, "ok");
        }
        writer.join().unwrap();
    });
    let families = home
        .run(&["family", "list", "--json"])
        .expect_code(0)
        .json();
    assert_eq!(families.as_array().map(Vec::len), Some(12), "{families}");
}
