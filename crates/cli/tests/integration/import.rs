//! `hippo import` and `hippo read`.

use crate::common::{Home, json, printed, redact, stderr};

const GOOD: &str = r#"
[[library]]
id = "wpl"
system = "sierra"
url = "https://library.invalid"
date_format = "%m-%d-%y"

[[family]]
id = "conrad"
name = "The Conrads"
to = ["pat@example.org"]
time = "07:00"
weekly = "monday"

[[card]]
family = "conrad"
library = "wpl"
patron = "Pat"
number = "29000000001234"
pin_env = "PAT_PIN"
"#;

#[test]
fn import_adds_every_entry_once() {
    let home = Home::new();
    let file = home.file("cards.toml", GOOD);
    let file = file.to_str().unwrap();
    let dry_run = home.json(&["import", file, "--dry-run"]);
    assert_eq!(dry_run["libraries"], serde_json::json!(["wpl"]));
    assert_eq!(
        dry_run["cards"],
        serde_json::json!([{"card": null, "family": "conrad", "library": "wpl", "patron": "Pat"}])
    );
    assert_eq!(home.json(&["library", "list"]), serde_json::json!([]));

    let unset = home.run(&["import", file]).code(2);
    insta::assert_snapshot!(printed(&unset));
    assert_eq!(home.json(&["library", "list"]), serde_json::json!([]));

    home.command(&["import", file])
        .env("PAT_PIN", "canary-4711")
        .assert()
        .success();
    assert_eq!(home.json(&["family", "list"])[0]["notice_time"], "07:00:00");
    let before = home.json(&["card", "list"]);
    assert_eq!(before[0]["patron"], "Pat");

    let again = home
        .command(&["import", file])
        .env("PAT_PIN", "canary-4711")
        .assert()
        .code(2);
    let message = stderr(&again);
    insta::assert_snapshot!(redact(&message));
    assert!(!message.contains("canary") && !message.contains("29000000001234"));
    assert_eq!(home.json(&["card", "list"]), before);
}

#[test]
fn import_names_the_line_of_a_mistake_and_writes_nothing() {
    let home = Home::new();
    let mut output = String::new();
    for (from, to) in [
        ("\"sierra\"", "\"siera\""),
        ("https:", "http:"),
        ("pat@example.org", "pat"),
        ("\"07:00\"", "\"7 am\""),
        ("\"monday\"", "\"noday\""),
        ("patron =", "patrun ="),
        ("pin_env = \"PAT_PIN\"", "pin = \"canary\""),
        ("\"29000000001234\"", "29000000001234"),
        ("\"29000000001234\"", "\"\""),
        ("family = \"conrad\"", "family = \"lee\""),
        ("library = \"wpl\"", "library = \"kpl\""),
        ("name = \"The Conrads\"", "name = \"The"),
        ("[[card]]", "[card]"),
        ("[[library]]", " [ library ] # one"),
        ("pin_env = \"PAT_PIN\"", ""),
    ] {
        let file = home.file("cards.toml", GOOD.replace(from, to));
        let run = home
            .command(&["import", file.to_str().unwrap()])
            .env("PAT_PIN", "1")
            .assert()
            .code(2);
        let message = stderr(&run);
        output.push_str(&format!("# {to}\n{}", redact(&message)));
        assert!(
            !message.contains("canary") && !message.contains("29000000001234"),
            "{message}"
        );
    }
    insta::assert_snapshot!(output);
    let doubled = format!(
        "{GOOD}{}",
        GOOD.split_once("[[card]]")
            .map(|(_, card)| format!("[[card]]{card}"))
            .unwrap()
    );
    let file = home.file("cards.toml", doubled);
    let run = home
        .command(&["import", file.to_str().unwrap()])
        .env("PAT_PIN", "1")
        .assert()
        .code(2);
    insta::assert_snapshot!(printed(&run));
    assert_eq!(home.json(&["library", "list"]), serde_json::json!([]));
    assert_eq!(home.json(&["family", "list"]), serde_json::json!([]));
}

#[test]
fn read_reports_unknown_pages_as_page_changed() {
    let home = Home::empty();
    for page in [
        &b""[..],
        b"<html><body>Hello",
        b"\x00\xff\xfe\x00binary\x9f",
    ] {
        let file = home.file("page.html", page);
        for system in ["bibliocommons", "enterprise", "sierra"] {
            let run = home.run(&["read", system, file.to_str().unwrap()]).code(1);
            assert_eq!(
                json(&run)["failure"]["kind"],
                "page_changed",
                "{system}: {page:?}"
            );
        }
    }
    // Reading needs no home.
    assert!(!home.path().exists());
}

#[test]
fn read_refuses_files_that_are_not_pages() {
    let home = Home::empty();
    let large = home.file("large.html", vec![b' '; (8 << 20) + 1]);
    insta::assert_snapshot!(printed(
        &home
            .run(&["read", "sierra", large.to_str().unwrap()])
            .code(2)
    ));
    home.run(&["read", "sierra", "nothing.html"]).code(2);
    home.run(&["read", "sierra", "."]).code(2);
    home.run(&["read", "sierra"]).code(2);
    let page = home.file("page.html", "");
    home.run(&[
        "read",
        "sierra",
        page.to_str().unwrap(),
        "--date-format",
        "%Q",
    ])
    .code(2);
    let help = home.run(&["read", "--help"]).success();
    insta::assert_snapshot!(printed(&help));
}
