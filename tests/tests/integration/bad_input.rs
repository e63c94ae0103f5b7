//! User errors and broken files: each gives a clear message and the right exit code, and loses nothing.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use hippo_demo_library::{DemoLibrary, DemoLoan, Fault, Patron, Site, SystemKind};
use hippo_tests::{Home, finish};

const NOW: &str = "2026-11-21T12:10:00Z";

#[track_caller]
fn assert_rejected(home: &Home, arguments: &[&str], code: i32, words: &str) {
    let ran = home.run(arguments);
    let output = format!("{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, code, "{arguments:?}: {output}");
    assert!(
        output.contains(words),
        "{arguments:?} does not print “{words}”: {output}"
    );
    assert!(!output.contains("panicked"), "{output}");
}

#[test]
fn invalid_arguments_are_named_in_the_error() {
    let home = Home::new();
    home.add_family("conrad");
    let add_library = |id, system, url, zone| {
        vec![
            "library",
            "add",
            id,
            "--system",
            system,
            "--url",
            url,
            "--timezone",
            zone,
        ]
    };
    let add_family = |id, to, zone, time| {
        vec![
            "family",
            "add",
            id,
            "--name",
            "X",
            "--to",
            to,
            "--timezone",
            zone,
            "--time",
            time,
        ]
    };
    assert_rejected(
        &home,
        &add_library("wpl", "nosuch", "https://books.example.org", "UTC"),
        2,
        "nosuch",
    );
    assert_rejected(
        &home,
        &add_library("wpl", "sierra", "not a url", "UTC"),
        2,
        "not a url",
    );
    assert_rejected(
        &home,
        &add_library("wpl", "sierra", "http://books.example.org", "UTC"),
        2,
        "https",
    );
    assert_rejected(
        &home,
        &add_library("wpl", "sierra", "https://books.example.org", "Mars/Base"),
        2,
        "Mars/Base",
    );
    let mut with_option = add_library("wpl", "sierra", "https://books.example.org", "UTC");
    with_option.extend(["--option", "scoop=S3"]);
    assert_rejected(&home, &with_option, 2, "scope");
    assert_rejected(
        &home,
        &add_library("W P L", "sierra", "https://books.example.org", "UTC"),
        2,
        "W P L",
    );
    assert_rejected(
        &home,
        &add_family("conrad", "a@example.org", "UTC", "06:30"),
        2,
        "conrad",
    );
    assert_rejected(
        &home,
        &add_family("diaz", "nobody", "UTC", "06:30"),
        2,
        "address",
    );
    assert_rejected(
        &home,
        &add_family("diaz", "a@example.org", "Mars/Base", "06:30"),
        2,
        "Mars/Base",
    );
    assert_rejected(
        &home,
        &add_family("diaz", "a@example.org", "UTC", "25:00"),
        2,
        "25:00",
    );
    assert_rejected(&home, &["family", "remove", "nosuch", "--yes"], 2, "nosuch");
    assert_rejected(&home, &["library", "remove", "nosuch"], 2, "nosuch");
    assert_rejected(&home, &["card", "retry", "nosuch"], 2, "nosuch");
    assert_rejected(
        &home,
        &["card", "retry", "01ARZ3NDEKTSV4RRFFQ69G5FAV"],
        2,
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    );
    assert_rejected(&home, &["check-cards", "--family", "nosuch"], 2, "nosuch");
    assert_rejected(&home, &["check-cards", "--library", "nosuch"], 2, "nosuch");
    assert_rejected(&home, &["status", "--family", "nosuch"], 2, "nosuch");
    assert_rejected(
        &home,
        &["notify-all", "--date", "2026-13-01", "--dry-run"],
        2,
        "2026-13-01",
    );
    assert_rejected(&home, &["notify-all", "--date", "2020-01-01"], 2, "dry-run");
    assert_rejected(
        &home,
        &["check-cards", "--scheduled-time", "yesterday"],
        2,
        "yesterday",
    );
    assert_rejected(&home, &["read", "nosuch", "page.html"], 2, "nosuch");
    assert_rejected(&home, &["mail", "test", "nobody"], 2, "address");
    assert_rejected(&home, &["runs", "show", "nosuch"], 2, "nosuch");

    home.run(&add_library(
        "wpl",
        "sierra",
        "https://books.example.org",
        "UTC",
    ))
    .expect_code(0);
    assert_rejected(
        &home,
        &add_library("wpl", "sierra", "https://books.example.org", "UTC"),
        2,
        "wpl",
    );
    let empty = home.run_with_input(
        &[
            "card",
            "add",
            "--family",
            "conrad",
            "--library",
            "wpl",
            "--patron",
            "P",
            "--number",
            "1",
            "--pin-stdin",
            "--no-check",
        ],
        "\n",
    );
    assert_eq!(empty.code, 2, "{}", empty.stderr);
    assert!(empty.stderr.contains("PIN"), "{}", empty.stderr);
    let families = home
        .run(&["family", "list", "--json"])
        .expect_code(0)
        .json();
    assert_eq!(families.as_array().map(Vec::len), Some(1), "{families}");
}

#[test]
fn unusable_home_explains_the_problem() {
    let home = Home::empty();
    assert_rejected(&home, &["status"], 3, "hippo init");

    let home = Home::new();
    home.add_family("conrad");
    let database = database_path(&home);
    let whole = std::fs::read(&database).unwrap();

    let newer = rusqlite::Connection::open(&database).unwrap();
    let version: i64 = newer
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    newer
        .pragma_update(None, "user_version", version + 1)
        .unwrap();
    drop(newer);
    assert_rejected(&home, &["status"], 3, "newer");

    std::fs::write(&database, vec![7; 8192]).unwrap();
    assert_rejected(&home, &["status"], 3, &file_name(&database));

    std::fs::write(&database, whole).unwrap();
    home.run(&["status"]).expect_code(0);

    let config = home.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, "nosuch = 1\n").unwrap();
    assert_rejected(&home, &["status"], 3, "nosuch");
    std::fs::write(&config, text).unwrap();
    assert_variable_is_rejected(&home, "HIPPO_NOW", "yesterday", "HIPPO_NOW");
}

#[track_caller]
fn assert_variable_is_rejected(home: &Home, name: &str, value: &str, words: &str) {
    let child = home.command(&["status"]).env(name, value).spawn().unwrap();
    let ran = finish(child);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
}

fn database_path(home: &Home) -> std::path::PathBuf {
    std::fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.is_file()
                && std::fs::read(path)
                    .unwrap()
                    .starts_with(b"SQLite format 3\0")
        })
        .unwrap()
}

fn file_name(path: &std::path::Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn locked_database_times_out_with_a_reason() {
    let home = Home::new();
    let holder = rusqlite::Connection::open(database_path(&home)).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let ran = home.run(&[
        "family",
        "add",
        "conrad",
        "--name",
        "X",
        "--to",
        "a@example.org",
        "--timezone",
        "UTC",
    ]);
    assert_eq!(ran.code, 3, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("another"), "{}", ran.stderr);
    holder.execute_batch("ROLLBACK").unwrap();
    home.add_family("conrad");
}

#[test]
fn readable_key_is_rejected_and_wrong_key_loses_nothing() {
    let home = Home::new();
    home.add_family("conrad");
    home.run(&[
        "library",
        "add",
        "wpl",
        "--system",
        "sierra",
        "--url",
        "http://127.0.0.1:9",
        "--timezone",
        "UTC",
    ])
    .expect_code(0);
    home.add_card("conrad", "wpl", "Pat", "1", "2468");
    let key = std::fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| file_name(path) == "hippo.key")
        .unwrap();
    let mode = std::fs::metadata(&key).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_rejected(&home, &["check-cards"], 3, "chmod");

    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let right = std::fs::read(&key).unwrap();
    let other = Home::new();
    let other_key = std::fs::read(other.path().join(file_name(&key))).unwrap();
    std::fs::write(&key, other_key).unwrap();
    let ran = home.run(&["check-cards", "--no-delay"]).expect_code(1);
    assert!(ran.stdout.contains("key"), "{}", ran.stdout);
    std::fs::write(&key, right).unwrap();
    // The card's secret opens again; only the site is down.
    let ran = home.run(&["check-cards", "--no-delay"]).expect_code(1);
    assert!(ran.stdout.contains("site_down"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_page_fails_the_check_and_keeps_the_account() {
    let today = "2026-11-21".parse().unwrap();
    for system in crate::TRIED_SYSTEMS {
        for (fault, expected) in [
            (Fault::EmptyBody, "page_changed"),
            (Fault::BinaryBody, "page_changed"),
            (Fault::HugeBody { gzip: false }, "page_changed"),
            (Fault::HugeBody { gzip: true }, "page_changed"),
            (Fault::RedirectLoop, "page_changed"),
            (Fault::HalfPage, "page_changed"),
            (Fault::ChangedLayout, "page_changed"),
            (Fault::Maintenance, "site_down"),
        ] {
            let patron = Patron::new("1001", "2468", "Ines Calder").with_loan(DemoLoan::new(
                "Known before",
                "Finch, Hugo",
                today,
            ));
            let site = Site::new(system, "A Public Library", today).with_patron(patron);
            let library = DemoLibrary::start(site).await.unwrap();
            let mut home = Home::new();
            home.set_now(NOW);
            home.add_family("conrad");
            home.add_library("wpl", system.id(), &library.base_url());
            home.add_card("conrad", "wpl", "Ines", "1001", "2468");
            home.run(&["check-cards", "--no-delay"]).expect_code(0);
            library.switches().set(fault.clone());
            let ran = home.run(&["check-cards", "--no-delay"]).expect_code(1);
            assert!(
                ran.stdout.contains(expected),
                "{} with {fault:?} is not {expected}: {}",
                system.id(),
                ran.stdout
            );
            home.run(&["notify-all"]).expect_code(0);
            assert!(home.html("2026-11-21-conrad.html").contains("Known before"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_check_keeps_saved_accounts() {
    let today = "2026-11-21".parse().unwrap();
    let site = Site::generated(SystemKind::Sierra, 12, 3, 0, today);
    let library = DemoLibrary::start(site).await.unwrap();
    let home = Home::new();
    home.add_family("conrad");
    home.add_library("wpl", "sierra", &library.base_url());
    for patron in 0..12 {
        home.add_card(
            "conrad",
            "wpl",
            &format!("Patron {patron}"),
            &hippo_demo_library::generated_number(patron),
            &hippo_demo_library::generated_pin(patron),
        );
    }
    library.switches().set_delay(Duration::from_millis(50));
    let child = home
        .command(&["check-cards", "--no-delay"])
        .spawn()
        .unwrap();
    while library.logins() < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let interrupted = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    let ran = finish(child);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(library.logins() < 12, "the run stops");
    assert_eq!(
        library.open_sessions(),
        0,
        "the open check ends with its logout"
    );

    let runs = home.run(&["runs", "--json"]).expect_code(0).json();
    assert!(runs.to_string().contains("interrupted"), "{runs}");
    library.switches().set_delay(Duration::ZERO);
    home.run(&["check-cards", "--no-delay"]).expect_code(0);
    let failed = home
        .run(&["check-cards", "--no-delay", "--scope", "failed", "--json"])
        .expect_code(0);
    assert!(
        !failed.stdout.contains("2900000"),
        "nothing is left to check"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn site_without_valid_tls_gets_no_pin() {
    // A server without TLS represents every untrusted certificate.
    let today = "2026-11-21".parse().unwrap();
    let site = Site::generated(SystemKind::Sierra, 1, 3, 0, today);
    let library = DemoLibrary::start(site).await.unwrap();
    let home = Home::new();
    home.add_family("conrad");
    home.add_library(
        "wpl",
        "sierra",
        &library.base_url().replace("http:", "https:"),
    );
    home.add_card("conrad", "wpl", "Ines", "1001", "2468");
    let ran = home.run(&["check-cards", "--no-delay"]).expect_code(1);
    assert!(ran.stdout.contains("site_down"), "{}", ran.stdout);
    assert_eq!(library.logins(), 0);
}
