//! The picture of the day, from a source on loopback to the mail folder.

use hippo_demo_library::DemoPictureServer;

use crate::common::{Home, files, json, printed};

/// A home with a source of pictures at this URL.
fn home_without_families(url: &str, kind: &str) -> Home {
    let home = Home::new();
    let config = home.path().join("config.toml");
    let mut text = std::fs::read_to_string(&config).unwrap();
    let fields = match kind {
        "json" => "address = \"image\"\ntitle = \"title\"\ncredit = \"copyright\"\n",
        _ => "",
    };
    text.push_str(&format!(
        "\n[picture]\nurl = \"{url}\"\nkind = \"{kind}\"\n{fields}"
    ));
    std::fs::write(&config, text).unwrap();
    home
}

/// A home where conrad gets the picture at 07:00 in Toronto, from a source at this URL.
fn home(url: &str, kind: &str) -> Home {
    let home = home_without_families(url, kind);
    for (id, wants) in [("conrad", true), ("diaz", false)] {
        let mut arguments = vec!["family", "add", id, "--name", id, "--to", "pat@example.org"];
        if wants {
            arguments.extend(["--picture-time", "07:00"]);
        }
        home.run(&arguments).success();
    }
    home
}

/// Runs the job at a time of 2026-11-21, in UTC.
fn run_at(home: &Home, time: &str) -> assert_cmd::assert::Assert {
    home.command(&["run", "picture-of-the-day"])
        .env("HIPPO_NOW", format!("2026-11-21T{time}:00Z"))
        .assert()
}

async fn source() -> DemoPictureServer {
    let today = chrono::NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
    DemoPictureServer::start(today).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn picture_is_sent_once_to_each_subscribed_family() {
    let source = source().await;
    let home = home(&source.document_url(), "json");
    insta::assert_snapshot!("sent", printed(&run_at(&home, "12:05").success()));
    insta::assert_snapshot!("sent_before", printed(&run_at(&home, "12:20").success()));
    let mails = files(&home.path().join("mail"));
    let names: Vec<_> = mails
        .iter()
        .map(|(path, _)| path.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "2026-11-21-conrad.picture.eml",
            "2026-11-21-conrad.picture.html"
        ]
    );
    let mail = String::from_utf8(mails[0].1.clone()).unwrap();
    for part in [
        "Subject: Picture of the day: A hippo at sunset\r\n",
        "Content-Type: image/png\r\n",
        "Content-Disposition: inline; filename=\"picture-2026-11-21.png\"\r\n",
    ] {
        assert!(mail.contains(part), "{part}");
    }
    insta::assert_snapshot!("notices", printed(&home.run(&["notices"]).success()));
    // `notify-all` sends no picture: two notices are added to the picture's record.
    home.run(&["notify-all"]).success();
    let notices = home.json(&["notices"]);
    assert_eq!(notices.as_array().map(Vec::len), Some(3), "{notices}");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_picture_is_skipped_after_three_tries() {
    let source = source().await;
    let url = source.document_url().replace("today.json", "gone.png");
    let home = home(&url, "image");
    insta::assert_snapshot!("first_try", printed(&run_at(&home, "12:05").code(1)));
    run_at(&home, "12:20").code(1);
    insta::assert_snapshot!("last_try", printed(&run_at(&home, "12:35").success()));
    insta::assert_snapshot!("status", printed(&home.run(&["status"]).success()));
}

#[test]
fn run_without_a_source_says_what_to_configure() {
    let home = Home::new();
    insta::assert_snapshot!("no_source", printed(&run_at(&home, "12:05").code(3)));
}

#[test]
fn doctor_finds_families_whose_pictures_have_no_source() {
    let finding = |home: &Home| -> serde_json::Value {
        let document = json(&home.command(&["doctor", "--json"]).assert().code(1));
        let mut findings = document["findings"].as_array().unwrap().iter();
        let found = findings.find(|finding| finding["check"] == "pictures");
        found.cloned().unwrap_or_default()
    };
    let home = home("http://127.0.0.1:9/x.png", "image");
    let with_source = finding(&home);
    assert_eq!(with_source["verdict"], "ok", "{with_source}");
    let config = home.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let (before, _) = text.split_once("\n[picture]").unwrap();
    std::fs::write(&config, before).unwrap();
    let without_source = serde_json::to_string_pretty(&finding(&home)).unwrap();
    insta::assert_snapshot!("doctor_without_source", without_source);
    home.run(&["family", "edit", "conrad", "--no-picture"])
        .success();
    assert_eq!(finding(&home), serde_json::Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_run_shows_who_gets_which_picture_and_sends_nothing() {
    let source = source().await;
    let home = home(&source.document_url(), "json");
    let dry_run_at = |time: &str| {
        let mut command = home.command(&["run", "picture-of-the-day", "--dry-run"]);
        command.env("HIPPO_NOW", format!("2026-11-21T{time}:00Z"));
        printed(&command.assert().success())
    };
    let before = dry_run_at("12:05");
    assert_eq!(files(&home.path().join("mail")), []);
    run_at(&home, "12:05").success();
    let after = dry_run_at("12:20");
    insta::assert_snapshot!("dry_run", [before, after].concat());
}

#[test]
fn subscription_is_changed_listed_and_ended() {
    let home = home("http://127.0.0.1:9/x.png", "image");
    insta::assert_snapshot!(
        "families",
        printed(&home.run(&["family", "list"]).success())
    );
    let edit = |option: &[&str]| {
        let arguments = [&["family", "edit", "conrad"], option].concat();
        printed(&home.run(&arguments).success())
    };
    let changes = [
        edit(&["--picture-time", "08:15"]),
        edit(&["--picture"]),
        edit(&["--no-picture"]),
        edit(&["--picture"]),
    ];
    insta::assert_snapshot!("changes", changes.concat());
    home.run(&["family", "edit", "conrad", "--picture", "--no-picture"])
        .code(2);
    let family = json(
        &home
            .command(&["--json", "family", "list"])
            .assert()
            .success(),
    );
    assert_eq!(family[0]["preferences"]["picture"]["time"], "07:00:00");
}

#[test]
fn invalid_picture_table_is_reported() {
    let home = home_without_families("ftp://pictures.example.org/x.png", "image");
    insta::assert_snapshot!("mistake", printed(&home.run(&["status"]).code(3)));
}
