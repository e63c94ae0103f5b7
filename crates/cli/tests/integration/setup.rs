//! `hippo init`, homes that can't be used, and commands that need no home.

use crate::common::{Home, files, printed, redact, stderr, stdout};

#[test]
fn init_is_private_and_idempotent() {
    let home = Home::empty();
    let first = home
        .run(&["init", "--contact", "you@example.org"])
        .success();
    insta::assert_snapshot!(printed(&first));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |name: &str| {
            let metadata = std::fs::metadata(home.path().join(name)).unwrap();
            metadata.permissions().mode() & 0o777
        };
        assert_eq!((mode("."), mode("mail")), (0o700, 0o700));
        assert_eq!(
            [
                "config.toml",
                "hippo.db",
                "hippo.key",
                "hippo.pub",
                "hippo.fingerprints"
            ]
            .map(mode),
            [0o600; 5]
        );
    }
    let before = files(&home.path());
    let second = home
        .run(&["init", "--contact", "other@example.org"])
        .success();
    insta::assert_snapshot!(printed(&second));
    assert_eq!(files(&home.path()), before);
}

#[test]
fn init_refuses_a_directory_with_other_files() {
    let home = Home::empty();
    std::fs::create_dir(home.path()).unwrap();
    std::fs::write(home.path().join("thesis.txt"), "…").unwrap();
    let run = home.run(&["init"]).code(3);
    insta::assert_snapshot!(printed(&run));
    assert_eq!(files(&home.path()).len(), 1);
}

#[test]
fn init_never_replaces_the_key_of_existing_cards() {
    for name in ["hippo.key", "hippo.fingerprints"] {
        let (home, _) = Home::with_card();
        std::fs::remove_file(home.path().join(name)).unwrap();
        let run = home.run(&["init"]).code(3);
        insta::assert_snapshot!(printed(&run));
        assert!(!home.path().join(name).exists());
    }
}

#[test]
fn init_restores_the_public_key_from_the_private_one() {
    let (home, _) = Home::with_card();
    let public = home.path().join("hippo.pub");
    let good = std::fs::read_to_string(&public).unwrap();
    let foreign = std::fs::read(Home::new().path().join("hippo.pub")).unwrap();
    std::fs::remove_file(&public).unwrap();
    home.run(&["init"]).success();
    assert_eq!(std::fs::read_to_string(&public).unwrap(), good);
    std::fs::write(&public, foreign).unwrap();
    home.run(&["init"]).success();
    assert_eq!(std::fs::read_to_string(&public).unwrap(), good);
}

#[test]
fn missing_home_suggests_init() {
    let home = Home::empty();
    for command in [
        &["status"][..],
        &["check-cards"],
        &["backup", "copy.db"],
        &["library", "list"],
    ] {
        let run = home.run(command).code(3);
        insta::assert_snapshot!(printed(&run));
    }
    assert!(!home.path().exists());
}

#[test]
fn damaged_database_is_reported_and_kept() {
    let home = Home::new();
    let database = home.path().join("hippo.db");
    for bytes in [&b"this is not a database, it only says so"[..], b""] {
        std::fs::write(&database, bytes).unwrap();
        insta::assert_snapshot!(printed(&home.run(&["status"]).code(3)));
        assert_eq!(std::fs::read(&database).unwrap(), bytes);
    }
}

#[test]
fn missing_key_is_to_be_put_back_from_its_copy() {
    let (home, _) = Home::with_card();
    std::fs::remove_file(home.path().join("hippo.key")).unwrap();
    insta::assert_snapshot!(printed(&home.run(&["check-cards"]).code(3)));
}

#[test]
fn missing_files_are_named_before_anything_is_asked() {
    let home = Home::new();
    let mut shown = String::new();
    for arguments in [
        &["restore", "nofile.db"][..],
        &["import", "nofile.toml"],
        &["backup", "nofolder/copy.db"],
    ] {
        shown.push_str(&printed(&home.run(arguments).failure()));
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn usage_does_not_name_options_of_the_environment() {
    let home = Home::new();
    let mut command = home.command(&["schedule", "next"]);
    let refused = command.env("HIPPO_TARGET", "local").assert().code(2);
    insta::assert_snapshot!(printed(&refused));
}

#[test]
fn configuration_errors_name_their_line() {
    let home = Home::new();
    let config = home.path().join("config.toml");
    std::fs::write(
        &config,
        "[mail]\nfrom = \"a@example.org\"\ntransprot = \"smtp\"\n",
    )
    .unwrap();
    let run = home.run(&["status"]).code(3);
    let message = stderr(&run);
    insta::assert_snapshot!(redact(&message));
    std::fs::write(&config, "[mail]\nfrom = \"nobody\"\n").unwrap();
    insta::assert_snapshot!(printed(
        &home.run(&["mail", "test", "a@example.org"]).code(3)
    ));
}

#[test]
fn readable_key_file_is_refused() {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let (home, card) = Home::with_card();
        let key = home.path().join("hippo.key");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        for command in [
            &["check-cards"][..],
            &["key", "rotate"],
            &["card", "retry", &card],
        ] {
            insta::assert_snapshot!(printed(&home.run(command).code(3)));
        }
        home.run(&["status"]).success();
    }
}

#[test]
fn malformed_hippo_now_is_refused() {
    let home = Home::new();
    let run = home
        .command(&["status"])
        .env("HIPPO_NOW", "yesterday")
        .assert()
        .code(2);
    insta::assert_snapshot!(printed(&run));
}

#[test]
fn json_errors_are_alone_on_standard_error() {
    let home = Home::empty();
    let run = home.run(&["status", "--json"]).code(3);
    assert_eq!(stdout(&run), "");
    let error: serde_json::Value = serde_json::from_str(&stderr(&run)).unwrap();
    assert_eq!(error["error"]["kind"], "unusable");
    assert_eq!(error["error"]["hints"], serde_json::json!(["hippo init"]));
}

#[test]
fn completions_need_no_home() {
    let home = Home::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = home.run(&["completions", shell]).success();
        assert!(stdout(&run).contains("notify-all"), "{shell}");
    }
}

#[test]
fn test_mail_goes_to_the_mail_folder() {
    let home = Home::new();
    let answer = home.json(&["mail", "test", "pat@example.org"]);
    assert_eq!(answer["answer"], "accepted");
    let sent = home.run(&["mail", "test", "pat@example.org"]).success();
    insta::assert_snapshot!(printed(&sent));
    let outbox = files(&home.path().join("mail"));
    let names: Vec<String> = outbox
        .iter()
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert!(names.iter().any(|name| name.ends_with(".eml")), "{names:?}");
}

#[test]
fn bare_command_prints_the_help() {
    let home = Home::empty();
    let bare = home.run(&[]).success();
    assert_eq!(stdout(&bare), stdout(&home.run(&["-h"]).success()));
    insta::assert_snapshot!(printed(&bare));
}

#[test]
fn search_finds_built_in_libraries_and_those_of_public_lists() {
    let home = Home::empty();
    for words in ["kitchener", "leeds", "oregon", "alexandria"] {
        let run = home.run(&["library", "search", words]).success();
        insta::assert_snapshot!(format!("search_{words}"), printed(&run));
    }
    let run = home
        .run(&["--json", "library", "search", "oregon"])
        .success();
    let found: serde_json::Value = serde_json::from_str(&stdout(&run)).unwrap();
    let tried: Vec<bool> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|library| library["built_in"].as_bool().unwrap())
        .collect();
    assert_eq!(tried, [true, false]);
    assert!(
        found[1]["source"]
            .as_str()
            .unwrap()
            .contains("rkhwaja/wccls")
    );
    assert_eq!(found[1]["timezone"], "America/Los_Angeles");
    assert!(found[1]["written"].as_str().unwrap().starts_with("20"));
}

#[test]
fn mistyped_search_suggests_untried_libraries_too() {
    let home = Home::empty();
    let similar = home.run(&["library", "search", "Alstadt"]).success();
    insta::assert_snapshot!("search_similar", printed(&similar));
    // A machine can't tell it from an exact match.
    let document = home.json(&["library", "search", "Alstadt"]);
    assert_eq!(document, serde_json::json!([]));
}
