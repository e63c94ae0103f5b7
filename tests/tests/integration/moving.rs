//! Moving from one home to another: everything is there afterwards, and no PIN was in the file.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use chrono::Days;
use hippo_demo_library::{DemoLibrary, DemoLoan, Patron, Site, SystemKind};
use hippo_tests::Home;

const NOW: &str = "2026-11-21T12:10:00Z";
const NUMBER: &str = "21000000004711";
const PIN: &str = "canary-2468";

async fn library() -> DemoLibrary {
    let today = "2026-11-21".parse().unwrap();
    let patron = Patron::new(NUMBER, PIN, "Ines Calder").with_loan(DemoLoan::new(
        "The Lantern",
        "Marsh, Ada",
        today + Days::new(2),
    ));
    let site = Site::new(SystemKind::Bibliocommons, "A Public Library", today).with_patron(patron);
    DemoLibrary::start(site).await.unwrap()
}

/// A home with a family that was told today, and a card that was never checked.
fn lived_in(library: &DemoLibrary) -> Home {
    let mut home = Home::new();
    home.set_now(NOW);
    home.add_library("wpl", "bibliocommons", &library.base_url());
    home.add_family("conrad");
    home.add_card("conrad", "wpl", "Ines", NUMBER, PIN);
    home.run(&["check-cards", "--no-pause"]).expect_code(0);
    home.run(&["notify-all"]).expect_code(0);
    assert_eq!(home.mails().len(), 1);
    home
}

fn new_home() -> Home {
    let mut home = Home::new();
    home.set_now(NOW);
    home
}

fn key_file(home: &Home) -> String {
    home.path().join("hippo.pub").to_string_lossy().into_owned()
}

fn exported(left: &Home, to: &Home) -> (PathBuf, String) {
    let file = left.path().join("move.json");
    let name = file.to_string_lossy().into_owned();
    let said = left
        .run(&["export", &name, "--key", &key_file(to)])
        .expect_code(0);
    assert!(said.stdout.contains("import"), "it says what comes next");
    (file, name)
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn export_and_import_move_a_home_without_a_second_mail() {
    let library = library().await;
    let left = lived_in(&library);
    let new = new_home();
    let (file, name) = exported(&left, &new);
    assert_eq!(mode(&file), 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    for secret in [NUMBER, PIN, "canary"] {
        assert!(!text.contains(secret));
    }

    let dry = new
        .run(&["import", &name, "--dry-run", "--json"])
        .expect_code(0)
        .json();
    assert_eq!(dry["cards"]["added"], 1);
    assert_eq!(new.card_ids(), Vec::<String>::new());
    new.run(&["import", &name, "--yes"]).expect_code(0);
    for asked in ["status", "card list", "family list", "library list"] {
        let asked: Vec<&str> = asked.split(' ').chain(["--json"]).collect();
        let mut before = left.run(&asked).expect_code(0).json();
        if let Some(status) = before.as_object_mut() {
            // What one side did stays with it.
            status["runs"] = serde_json::json!([]);
        }
        let after = new.run(&asked).expect_code(0).json();
        assert_eq!(before, after, "{asked:?}");
    }

    let logins = library.logins();
    new.run(&["notify-all"]).expect_code(0);
    assert_eq!(new.mails(), [], "the family was told today");
    new.run(&["check-cards", "--no-pause"]).expect_code(0);
    assert_eq!(library.logins(), logins + 1, "the PIN opens here too");

    let again = new
        .run(&["import", &name, "--yes", "--json"])
        .expect_code(0)
        .json();
    assert_eq!(again["cards"]["unchanged"], 1);
    assert_eq!(again["cards"]["added"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn export_for_another_home_or_damaged_is_rejected() {
    let library = library().await;
    let left = lived_in(&library);
    let new = new_home();
    let (file, name) = exported(&left, &new);

    let other = new_home();
    let refused = other.run(&["import", &name]).expect_code(3);
    assert!(refused.stderr.contains("sealed for the key"));
    assert!(!refused.stderr.contains("canary"));

    let again = left
        .run(&["export", &name, "--key", &key_file(&other)])
        .expect_code(2);
    assert!(again.stderr.contains("already exists"), "{}", again.stderr);

    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, &text[..text.len() / 2]).unwrap();
    let cut = new.run(&["import", &name]).expect_code(2);
    assert!(cut.stderr.contains("cut off"), "{}", cut.stderr);
    assert!(!cut.stderr.contains("conrad@"), "no address is repeated");
    assert_eq!(new.card_ids(), Vec::<String>::new());

    let nowhere = left.path().join("more.json");
    let missing = left
        .run(&[
            "export",
            &nowhere.to_string_lossy(),
            "--key",
            "/nowhere/hippo.pub",
        ])
        .expect_code(3);
    assert!(missing.stderr.contains("key file"), "{}", missing.stderr);
    assert!(!nowhere.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicting_family_is_kept_and_reported() {
    let library = library().await;
    let left = lived_in(&library);
    let new = new_home();
    new.run(&[
        "family",
        "add",
        "conrad",
        "--name",
        "Other people",
        "--to",
        "others@example.org",
        "--timezone",
        "America/Toronto",
    ])
    .expect_code(0);
    let (_, name) = exported(&left, &new);
    let said = new.run(&["import", &name, "--yes"]).expect_code(1);
    assert!(
        said.stdout.contains("conrad") && said.stdout.contains("make the two the same"),
        "{}",
        said.stdout
    );
    assert_eq!(new.card_ids(), Vec::<String>::new());
}
