//! `hippo feed`: links that are shown once, and the calendar as a file.

use assert_cmd::assert::Assert;
use hippo_core::feed::{FeedSource, FeedToken};
use hippo_core::store::{FamilyStore as _, FeedStore as _};
use hippo_local::sqlite::SqliteStore;

use crate::common::{Home, files, json, printed, stderr, stdout};

/// Replaces tokens and their last four letters, which are random.
fn hide_tokens(text: &str) -> String {
    let tokens: Vec<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| word.parse::<FeedToken>().is_ok())
        .collect();
    let mut hidden = text.to_owned();
    for token in tokens {
        hidden = hidden.replace(token, "TOKEN").replace(&token[60..], "LAST");
    }
    hidden
}

fn feed(home: &Home, arguments: &[&str]) -> Assert {
    let all: Vec<&str> = ["feed"]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
    home.run(&all)
}

/// Adds a feed, and returns its document.
fn add(home: &Home, arguments: &[&str]) -> serde_json::Value {
    let all: Vec<&str> = ["feed", "add", "conrad"]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
    home.json(&all)
}

/// The list of feeds, with the last four letters of these feeds replaced by their numbers.
fn listed(home: &Home, feeds: &[&serde_json::Value]) -> String {
    let mut list = printed(&feed(home, &["list"]).success());
    for (number, feed) in feeds.iter().enumerate() {
        list = list.replace(feed["last_four"].as_str().unwrap(), &format!("end{number}"));
    }
    list
}

#[test]
fn links_of_a_new_feed_are_shown_once() {
    let (home, _) = Home::with_card();
    let added = printed(&feed(&home, &["add", "conrad"]).success());
    insta::assert_snapshot!(hide_tokens(&added));
    let token = added
        .split("/f/")
        .nth(1)
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    assert!(token.parse::<FeedToken>().is_ok(), "{token}");
    // Nobody can read it again, and it is in no file.
    let list = stdout(&feed(&home, &["list"]).success());
    assert!(
        list.contains(&token[60..]) && !list.contains(&token[..16]),
        "{list}"
    );
    for (path, bytes) in files(&home.path()) {
        let holds = bytes
            .windows(16)
            .any(|window| window == &token.as_bytes()[..16]);
        assert!(!holds, "{}", path.display());
    }
}

#[test]
fn feed_has_a_label_and_may_hide_titles() {
    let (home, _) = Home::with_card();
    let label = ["add", "conrad", "--label", "kitchen tablet", "--no-titles"];
    insta::assert_snapshot!(hide_tokens(&printed(&feed(&home, &label).success())));
    let document = add(&home, &["--label", "phone", "--no-titles", "--titles"]);
    let mut keys: Vec<&String> = document.as_object().unwrap().keys().collect();
    keys.sort();
    let expected = [
        "calendar",
        "created_at",
        "family",
        "label",
        "last_four",
        "last_used",
        "now",
        "titles",
    ];
    assert_eq!(keys, expected);
    assert_eq!(
        (&document["titles"], &document["label"]),
        (&true.into(), &"phone".into())
    );
    let calendar = document["calendar"].as_str().unwrap();
    let now = document["now"].as_str().unwrap();
    assert!(calendar.starts_with("http://127.0.0.1:8484/f/") && calendar.ends_with("/due.ics"));
    assert_eq!(
        now.replace("/now.json", ""),
        calendar.replace("/due.ics", "")
    );
}

#[test]
fn links_begin_with_the_configured_address() {
    let (home, _) = Home::with_card();
    let config = home.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let web = "[web]\npublic_url = \"https://hippo.example.org/\"\n";
    std::fs::write(&config, format!("{text}\n{web}")).unwrap();
    insta::assert_snapshot!(hide_tokens(&printed(
        &feed(&home, &["add", "conrad"]).success()
    )));
}

#[test]
fn feeds_are_listed_with_their_last_use() {
    let (home, _) = Home::with_card();
    insta::assert_snapshot!(printed(&feed(&home, &["list"]).success()));
    let first = add(&home, &[]);
    let second = home
        .command(&["feed", "add", "conrad", "--no-titles", "--json"])
        .env("HIPPO_NOW", "2026-11-21T12:00:01Z")
        .assert();
    let second = json(&second.success());
    assert_eq!(second["label"], "calendar 2");
    let token = first["calendar"]
        .as_str()
        .unwrap()
        .split('/')
        .nth(4)
        .unwrap();
    let token: FeedToken = token.parse().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(&home.path().join("hippo.db")).unwrap();
        let day = "2026-11-20".parse().unwrap();
        assert!(store.mark_feed_used(&token.hash(), day).await.unwrap());
    });
    insta::assert_snapshot!(listed(&home, &[&first, &second]));
    let list = home.json(&["feed", "list", "conrad"]);
    assert_eq!(
        (&list[0]["last_used"], &list[1]["last_used"]),
        (&"2026-11-20".into(), &serde_json::Value::Null)
    );
    assert_eq!(list[0].get("token"), None);
}

#[test]
fn feed_is_revoked_by_its_label_or_last_letters() {
    let (home, _) = Home::with_card();
    let first = add(&home, &["--label", "Kitchen"]);
    let second = add(&home, &["--label", "phone"]);
    insta::assert_snapshot!(printed(
        &feed(&home, &["revoke", "conrad", "kitchen"]).success()
    ));
    let last_four = second["last_four"].as_str().unwrap();
    let revoked = home.json(&["feed", "revoke", "conrad", last_four]);
    assert_eq!(revoked["revoked"]["label"], "phone");
    assert_eq!(home.json(&["feed", "list"]), serde_json::json!([]));
    let last_four = first["last_four"].as_str().unwrap();
    let again = printed(&feed(&home, &["revoke", "conrad", last_four]).code(2));
    insta::assert_snapshot!(again.replace(last_four, "FOUR"));
}

#[test]
fn mistakes_say_what_to_do() {
    let (home, _) = Home::with_card();
    add(&home, &["--label", "kitchen"]);
    for arguments in [
        &["add", "conrat"][..],
        &["add", "conrad", "--label", "KITCHEN"],
        &["add", "conrad", "--label", ""],
        &["revoke", "conrad", "kitchn"],
        &["list", "nobody"],
        &["write", "nobody", "library.ics"],
        &["write", "conrad", "home"],
        &["write", "conrad", "no/such/folder/library.ics"],
    ] {
        let refused = feed(&home, arguments);
        let code = refused.get_output().status.code().unwrap();
        insta::assert_snapshot!(format!("{code}: {}", stderr(&refused)));
    }
}

#[test]
fn calendar_is_written_atomically_to_a_private_file() {
    let (home, _) = Home::with_card();
    let written = feed(&home, &["write", "conrad", "library.ics"]).success();
    insta::assert_snapshot!(printed(&written));
    let path = home.path().with_file_name("library.ics");
    let text = std::fs::read_to_string(&path).unwrap();
    insta::assert_snapshot!(text.replace("\r\n", "\n"));
    std::fs::write(&path, "older and much longer than the calendar".repeat(100)).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    let again = json(
        &feed(
            &home,
            &["write", "conrad", "library.ics", "--no-titles", "--json"],
        )
        .success(),
    );
    assert_eq!(again["events"], 1);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // Nothing else is left in the folder.
    let folder = std::fs::read_dir(path.parent().unwrap()).unwrap();
    let mut names: Vec<_> = folder.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["home", "library.ics"]);
}

#[test]
fn written_calendar_is_the_one_of_the_link() {
    let (home, _) = Home::with_card();
    feed(&home, &["write", "conrad", "library.ics"]).success();
    let text = std::fs::read_to_string(home.path().with_file_name("library.ics")).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let rendered = runtime.block_on(async {
        let store = SqliteStore::open(&home.path().join("hippo.db")).unwrap();
        let family = store.families().await.unwrap().remove(0).id;
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        let loaded = FeedSource::load(&store, &family, now).await;
        let (_, source) = loaded.unwrap().unwrap();
        hippo_core::feed::ics::render_calendar(source.family_name(), &source.calendar(true))
    });
    assert_eq!(text, rendered);
}
