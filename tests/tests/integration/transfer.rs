//! Moving from one home to another with `export` and `import`: nothing is lost, and the file shows no PIN.

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

/// Creates a home with a checked card and a family that has today's notice.
fn used_home(library: &DemoLibrary) -> Home {
    let mut home = Home::new();
    home.set_now(NOW);
    home.add_library("wpl", "bibliocommons", &library.base_url());
    home.add_family("conrad");
    home.add_card("conrad", "wpl", "Ines", NUMBER, PIN);
    home.run(&["check-cards", "--no-delay"]).expect_code(0);
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

fn export(old: &Home, to: &Home) -> (PathBuf, String) {
    let file = old.path().join("move.json");
    let name = file.to_string_lossy().into_owned();
    let ran = old
        .run(&["export", &name, "--key", &key_file(to)])
        .expect_code(0);
    assert!(ran.stdout.contains("import"), "the next step is shown");
    (file, name)
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn export_and_import_move_a_home_without_a_second_mail() {
    let library = library().await;
    let old = used_home(&library);
    let new = new_home();
    let (file, name) = export(&old, &new);
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
    for command in ["status", "card list", "family list", "library list"] {
        let arguments: Vec<&str> = command.split(' ').chain(["--json"]).collect();
        let mut before = old.run(&arguments).expect_code(0).json();
        if let Some(status) = before.as_object_mut() {
            // Runs are not exported.
            status["runs"] = serde_json::json!([]);
        }
        let after = new.run(&arguments).expect_code(0).json();
        assert_eq!(before, after, "{arguments:?}");
    }

    let logins = library.logins();
    new.run(&["notify-all"]).expect_code(0);
    assert_eq!(new.mails(), [], "the family already has today's notice");
    new.run(&["check-cards", "--no-delay"]).expect_code(0);
    assert_eq!(
        library.logins(),
        logins + 1,
        "the PIN opens in the new home"
    );

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
    let old = used_home(&library);
    let new = new_home();
    let (file, name) = export(&old, &new);

    let other = new_home();
    let refused = other.run(&["import", &name]).expect_code(3);
    assert!(refused.stderr.contains("sealed to the key"));
    assert!(!refused.stderr.contains("canary"));

    let again = old
        .run(&["export", &name, "--key", &key_file(&other)])
        .expect_code(2);
    assert!(again.stderr.contains("already exists"), "{}", again.stderr);

    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, &text[..text.len() / 2]).unwrap();
    let cut = new.run(&["import", &name]).expect_code(2);
    assert!(cut.stderr.contains("cut off"), "{}", cut.stderr);
    assert!(!cut.stderr.contains("conrad@"), "no address is printed");
    assert_eq!(new.card_ids(), Vec::<String>::new());

    let unwritten = old.path().join("more.json");
    let missing = old
        .run(&[
            "export",
            &unwritten.to_string_lossy(),
            "--key",
            "/nowhere/hippo.pub",
        ])
        .expect_code(3);
    assert!(missing.stderr.contains("key file"), "{}", missing.stderr);
    assert!(!unwritten.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicting_family_is_kept_and_reported() {
    let library = library().await;
    let old = used_home(&library);
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
    let (_, name) = export(&old, &new);
    let ran = new.run(&["import", &name, "--yes"]).expect_code(1);
    assert!(
        ran.stdout.contains("conrad") && ran.stdout.contains("make the two the same"),
        "{}",
        ran.stdout
    );
    assert_eq!(new.card_ids(), Vec::<String>::new());
}
