//! Commands that manage libraries, families, cards and keys; PINs stay secret.

use crate::common::{Home, files, json, printed};

const PIN: &str = "canary-4711";
const NUMBER: &str = "29000000001234";

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle.as_bytes())
}

#[test]
fn unknown_ids_exit_2_with_a_hint() {
    let (home, _) = Home::with_card();
    let nobody = "01KAK3V6ZB9V0S7YQJ4M2N8R5T";
    let mut output = String::new();
    for command in [
        &["check-cards", "--family", "nobody"][..],
        &["check-cards", "--library", "nowhere"],
        &["status", "--family", "nobody"],
        &["notify-all", "--family", "nobody"],
        &["family", "edit", "nobody", "--time", "07:00"],
        &["family", "remove", "nobody", "--yes"],
        &["library", "remove", "nowhere", "--yes"],
        &["card", "retry", nobody],
        &["card", "remove", nobody, "--yes"],
        &["card", "pause", "someone"],
        &["runs", "show", "check-cards/all/2026-11-21T10:00:00Z"],
        &["runs", "show", "yesterday"],
        &[
            "library",
            "add",
            "x",
            "--system",
            "siera",
            "--url",
            "https://x.org",
        ],
        &["read", "siera", "page.html"],
    ] {
        output.push_str(&format!("$ hippo {}\n", command.join(" ")));
        output.push_str(&printed(&home.run(command).code(2)));
    }
    insta::assert_snapshot!(output);
}

#[test]
fn malformed_values_exit_2() {
    let home = Home::new();
    let family = [
        "family",
        "add",
        "lee",
        "--name",
        "Lee",
        "--to",
        "lee@example.org",
    ];
    for more in [
        &["--timezone", "Berlin"][..],
        &["--time", "25:00"],
        &["--to", "lee"],
        &["--weekly", "someday"],
        &["--fines-threshold", "much"],
        &["--due-within-days", "-1"],
    ] {
        home.run(&[&family[..], more].concat()).code(2);
    }
    home.run(&[
        "family",
        "add",
        "Lee!",
        "--name",
        "Lee",
        "--to",
        "lee@example.org",
    ])
    .code(2);
    let library = ["library", "add", "wpl", "--system", "sierra", "--url"];
    for more in [
        &["http://library.example.org"][..],
        &["library"],
        &["https://library.example.org", "--date-format", "%Q"],
        &["https://library.example.org", "--timezone", "Here"],
        &["https://library.example.org", "--login-host", "a b"],
        &["https://library.example.org", "--option", "x"],
    ] {
        home.run(&[&library[..], more].concat()).code(2);
    }
    home.run(&["notify-all", "--date", "tomorrow"]).code(2);
    home.run(&["check-cards", "--scheduled-time", "2026-11-21"])
        .code(2);
    assert_eq!(home.json(&["family", "list"]), serde_json::json!([]));
    assert_eq!(home.json(&["library", "list"]), serde_json::json!([]));
}

#[test]
fn duplicates_are_rejected_without_changes() {
    let (home, card) = Home::with_card();
    let before = home.json(&["card", "list"]);
    home.run(&[
        "library",
        "add",
        "wpl",
        "--system",
        "sierra",
        "--url",
        "https://other.example.org",
    ])
    .code(2);
    home.run(&[
        "family",
        "add",
        "conrad",
        "--name",
        "Others",
        "--to",
        "a@example.org",
    ])
    .code(2);
    let again = home
        .command(&[
            "card",
            "add",
            "--family",
            "conrad",
            "--library",
            "wpl",
            "--patron",
            "Sam",
            "--number",
            "2900 0000 001234",
            "--pin-stdin",
            "--no-check",
        ])
        .write_stdin("1\n")
        .assert()
        .code(2);
    insta::assert_snapshot!(printed(&again));
    assert_eq!(home.json(&["card", "list"]), before);
    assert_eq!(before[0]["id"], card.as_str());
    home.run(&["library", "remove", "wpl", "--yes"]).code(2);
}

#[test]
fn pin_is_never_an_argument_and_never_empty() {
    let (home, card) = Home::with_card();
    for more in [&["--pin", PIN][..], &[PIN]] {
        home.run(&[&["card", "set-pin", &card][..], more].concat())
            .code(2);
    }
    // The PIN can't be asked for without a terminal.
    let asked = home
        .command(&["card", "set-pin", &card])
        .write_stdin("1234\n")
        .assert()
        .code(2);
    insta::assert_snapshot!(printed(&asked));
    for nothing in ["", "\n", "\r\n"] {
        let empty = home
            .command(&["card", "set-pin", &card, "--pin-stdin", "--no-check"])
            .write_stdin(nothing)
            .assert()
            .code(2);
        insta::assert_snapshot!(printed(&empty));
    }
}

#[test]
fn number_and_pin_are_never_printed_or_stored_in_clear() {
    let (home, card) = Home::with_card();
    let mut output = Vec::new();
    for command in [
        &["card", "list"][..],
        &["status"],
        &["status", "--json"],
        // This fails, because the host doesn't exist. It must not print what it would have sent.
        &["check-cards", "--no-delay"],
        &["card", "retry", &card],
        &["notify-all", "--dry-run"],
        &["notify-all"],
        &["key", "rotate"],
        &["runs"],
    ] {
        let run = home.command(command).env("HIPPO_LOG", "trace").assert();
        output.extend_from_slice(&run.get_output().stdout);
        output.extend_from_slice(&run.get_output().stderr);
    }
    for secret in [PIN, NUMBER] {
        assert!(!contains(&output, secret));
        for (path, bytes) in files(&home.path()) {
            assert!(!contains(&bytes, secret), "{}", path.display());
        }
    }
}

/// The private keys in a home's key file, one line each.
fn private_keys(home: &Home) -> Vec<String> {
    let text = std::fs::read_to_string(home.path().join("hippo.key")).unwrap();
    let lines = text.lines().filter(|line| line.starts_with("key "));
    lines.map(str::to_owned).collect()
}

/// Runs `key rotate` this many minutes after noon.
fn rotate(home: &Home, minutes: u32) -> serde_json::Value {
    let now = format!("2026-11-21T{}:{:02}:00Z", 12 + minutes / 60, minutes % 60);
    let run = home
        .command(&["key", "rotate", "--json"])
        .env("HIPPO_NOW", now)
        .assert()
        .success();
    json(&run)
}

/// Whether the card's number can be decrypted: `set-pin` needs it.
fn can_decrypt(home: &Home, card: &str) -> bool {
    let set = home
        .command(&["card", "set-pin", card, "--pin-stdin", "--no-check"])
        .write_stdin("2\n")
        .assert();
    set.get_output().status.success()
}

#[test]
fn rotation_drops_the_old_key_after_an_hour() {
    let (home, card) = Home::with_card();
    let public = || std::fs::read_to_string(home.path().join("hippo.pub")).unwrap();
    let (old, old_public) = (private_keys(&home), public());
    let begun = rotate(&home, 0);
    assert_eq!(begun["resealed"], 1);
    assert_eq!(begun["forgot_old_key"], false);
    assert_eq!(begun["forget_from"], "2026-11-21T13:00:00Z");
    assert_eq!(private_keys(&home).len(), 2);
    assert_ne!(public(), old_public, "new cards are sealed to the new key");

    let early = rotate(&home, 59);
    assert_eq!(
        (&early["resealed"], &early["forgot_old_key"]),
        (&0.into(), &false.into())
    );
    let done = rotate(&home, 60);
    assert_eq!(done["forgot_old_key"], true);
    assert_eq!(done["key"], begun["key"], "no third key is made");
    let new = private_keys(&home);
    assert!(new.len() == 1 && new != old);
    assert!(can_decrypt(&home, &card));
    assert_eq!(rotate(&home, 61)["resealed"], 1, "a new rotation");
}

#[test]
fn interrupted_rotation_restarts_the_hour() {
    let (home, card) = Home::with_card();
    let old_public = std::fs::read(home.path().join("hippo.pub")).unwrap();
    rotate(&home, 0);
    // Simulates a crash right after the private keys were written.
    std::fs::write(home.path().join("hippo.pub"), &old_public).unwrap();
    assert!(can_decrypt(&home, &card), "sealed to the old key again");
    let again = rotate(&home, 90);
    assert_eq!(
        (&again["resealed"], &again["forgot_old_key"]),
        (&1.into(), &false.into())
    );
    assert_eq!(rotate(&home, 150)["forgot_old_key"], true);
    assert!(can_decrypt(&home, &card));
}

#[test]
fn wrong_private_key_fails_the_card_but_not_the_run() {
    let (home, card) = Home::with_card();
    let (other, _) = Home::with_card();
    let key_file = home.path().join("hippo.key");
    let good = std::fs::read(&key_file).unwrap();
    std::fs::copy(other.path().join("hippo.key"), &key_file).unwrap();
    home.run(&["check-cards"]).code(1);
    let status = home.json(&["status"]).to_string();
    assert!(status.contains("sealed to the key"), "{status}");
    assert!(!can_decrypt(&home, &card), "another home's key");
    std::fs::write(&key_file, good).unwrap();
    assert!(can_decrypt(&home, &card), "nothing was lost");
}

#[test]
fn set_pin_asks_for_a_number_it_cannot_decrypt() {
    let (home, card) = Home::with_card();
    let (stranger, _) = Home::with_card();
    let key = |home: &Home| home.path().join("hippo.key");
    std::fs::copy(key(&stranger), key(&home)).unwrap();
    let asked = home
        .command(&["card", "set-pin", &card, "--pin-stdin", "--no-check"])
        .write_stdin("2\n")
        .assert()
        .code(2);
    insta::assert_snapshot!(printed(&asked));
    home.command(&[
        "card",
        "set-pin",
        &card,
        "--number",
        NUMBER,
        "--pin-stdin",
        "--no-check",
    ])
    .write_stdin("2\n")
    .assert()
    .success();
}

#[test]
fn changing_hosts_asks_first_and_reseals_pins() {
    let (home, card) = Home::with_card();
    let edit = ["library", "edit", "wpl", "--url", "https://new.invalid"];
    let asked = home.run(&edit).code(2);
    insta::assert_snapshot!(printed(&asked));
    assert_eq!(
        home.json(&["library", "list"])[0]["base_url"],
        "https://library.invalid/"
    );
    assert!(can_decrypt(&home, &card));
    let edited = home.json(&[&edit[..], &["--yes"]].concat());
    assert_eq!(edited["base_url"], "https://new.invalid/");
    assert_eq!(edited["login_origins"], "https://new.invalid");
    assert_eq!(edited["resealed"], 1);
    assert!(can_decrypt(&home, &card));
    // Another spelling of the same hosts, and other fields, need no confirmation.
    for more in [
        &["--url", "https://NEW.invalid:443/catalogue"][..],
        &["--name", "Another name"],
    ] {
        home.run(&[&["library", "edit", "wpl"][..], more].concat())
            .success();
        assert!(can_decrypt(&home, &card));
    }
}

#[test]
fn family_commands_update_the_family() {
    let (home, _) = Home::with_card();
    home.run(&["family", "add-recipient", "conrad", "sam@example.org"])
        .success();
    home.run(&["family", "add-recipient", "conrad", "sam@example.org"])
        .code(2);
    home.run(&["family", "remove-recipient", "conrad", "PAT@example.org"])
        .success();
    home.run(&["family", "remove-recipient", "conrad", "pat@example.org"])
        .code(2);
    home.run(&[
        "family",
        "edit",
        "conrad",
        "--time",
        "07:15",
        "--weekly",
        "monday",
        "--fines-threshold",
        "never",
    ])
    .success();
    let families = home.json(&["family", "list"]);
    assert_eq!(
        families[0]["recipients"],
        serde_json::json!(["sam@example.org"])
    );
    assert_eq!(families[0]["notice_time"], "07:15:00");
    assert_eq!(
        families[0]["preferences"]["fines_threshold"],
        serde_json::Value::Null
    );
    home.run(&["family", "pause", "conrad"]).success();
    insta::assert_snapshot!(printed(&home.run(&["status"]).success()));
    home.run(&["family", "remove", "conrad"]).code(2);
    home.run(&["family", "remove", "conrad", "--yes"]).success();
    assert_eq!(home.json(&["card", "list"]), serde_json::json!([]));
}

#[test]
fn unreachable_library_fails_the_card_with_a_remedy() {
    let (home, card) = Home::with_card();
    let run = home.command(&["check-cards", "--json"]).assert().code(1);
    let document = json(&run);
    assert_eq!(document["run"]["outcome"], "done_with_failures");
    assert_eq!(document["cards"][0]["failure"]["kind"], "site_down");
    let status = home.json(&["status"]);
    let failed = &status["families"][0]["cards"][0];
    assert_eq!(failed["id"], card.as_str());
    assert_eq!(
        failed["problem"]["what_to_do"],
        "hippo library edit wpl --url URL"
    );
    assert_eq!(status["libraries_backing_off"][0]["library"], "wpl");
    assert_eq!(status["runs"][0]["job"], "check-cards");
    let again = json(&home.command(&["check-cards", "--json"]).assert().code(1));
    assert_eq!(again["cards"][0]["failure"]["kind"], "not_tried");
}

#[test]
fn schedule_that_fires_twice_runs_once() {
    let home = Home::new();
    home.run(&["check-cards", "--label", "all"]).success();
    let again = home.json(&["check-cards", "--label", "all"]);
    assert_eq!(again["not_started"], "already_ran");
    home.run(&["check-cards"]).success();
    home.run(&["check-cards"]).success();
    let runs = home.json(&["runs"]);
    assert_eq!(runs.as_array().unwrap().len(), 3);
    let id = "check-cards/all/2026-11-21T12:00:00Z";
    assert_eq!(home.json(&["runs", "show", id])["trigger"], "schedule");
}

#[test]
fn notice_is_sent_once_and_only_for_today() {
    let (home, _) = Home::with_card();
    let now = "2026-11-22T12:00:00Z";
    let at = |arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.env("HIPPO_NOW", now);
        command
    };
    let dry_run = json(
        &at(&["notify-all", "--dry-run", "--json"])
            .assert()
            .success(),
    );
    assert!(dry_run[0]["text"].as_str().unwrap().contains("Pat"));
    assert_eq!(dry_run[0]["recorded"], serde_json::Value::Null);
    at(&["notify-all", "--date", "2026-11-21"]).assert().code(2);
    at(&["notify-all", "--date", "2026-11-23"]).assert().code(2);
    at(&["notify-all", "--dry-run", "--date", "2026-11-23"])
        .assert()
        .code(2);
    at(&["notify-all", "--dry-run", "--date", "2026-11-21"])
        .assert()
        .success();
    assert!(files(&home.path().join("mail")).is_empty());

    let sent = json(&at(&["notify-all", "--json"]).assert().success());
    assert_eq!(sent["notices"][0]["state"], "SENT");
    let again = json(&at(&["notify-all", "--json"]).assert().success());
    assert_eq!(again["notices"], serde_json::json!([]));
    let mails = files(&home.path().join("mail"));
    assert_eq!(
        mails
            .iter()
            .filter(|(path, _)| path.ends_with("2026-11-22-conrad.eml"))
            .count(),
        1
    );
}

#[test]
fn backup_is_a_database_and_overwrites_no_file() {
    let (home, card) = Home::with_card();
    home.run(&["backup", "copy.db"]).success();
    home.run(&["backup", "copy.db"]).code(2);
    home.run(&["backup", "nowhere/copy.db"]).code(3);
    home.run(&["card", "remove", &card, "--yes"]).success();
    let copy = home.path().parent().unwrap().join("copy.db");
    for journal in ["hippo.db-wal", "hippo.db-shm"] {
        let _ = std::fs::remove_file(home.path().join(journal));
    }
    std::fs::rename(copy, home.path().join("hippo.db")).unwrap();
    assert_eq!(home.json(&["card", "list"])[0]["id"], card.as_str());
}

#[test]
fn currency_is_set_by_add_edit_import_and_catalogue() {
    let home = Home::new();
    let currency = |home: &Home, id: &str| {
        let libraries = home.json(&["library", "list"]);
        let mut libraries = libraries.as_array().unwrap().iter();
        libraries.find(|library| library["id"] == id).unwrap()["options"]["currency"].clone()
    };
    let add = [
        "library",
        "add",
        "mill",
        "--system",
        "sierra",
        "--url",
        "https://mill.example.org",
    ];
    home.run(&[&add[..], &["--currency", "dollars"]].concat())
        .code(2);
    home.run(&[&add[..], &["--currency", "CAD"]].concat())
        .success();
    assert_eq!(currency(&home, "mill"), "CAD");
    home.run(&["library", "edit", "mill", "--currency", "EUR"])
        .success();
    home.run(&["library", "edit", "mill", "--name", "Mill"])
        .success();
    assert_eq!(currency(&home, "mill"), "EUR");
    home.run(&["library", "edit", "mill", "--currency", ""])
        .success();
    assert_eq!(currency(&home, "mill"), serde_json::Value::Null);
    home.run(&["library", "add", "wpl"]).success();
    assert_eq!(currency(&home, "wpl"), "CAD");
    let file = home.file(
        "more.toml",
        "[[library]]\nid = \"hill\"\nsystem = \"koha\"\nurl = \"https://hill.example.org\"\ncurrency = \"GBP\"\n",
    );
    home.run(&["import", &file.to_string_lossy()]).success();
    assert_eq!(currency(&home, "hill"), "GBP");
}
