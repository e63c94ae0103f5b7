//! Unsubscribing: from the link in a mail to the day that is skipped, and back.

use chrono::Utc;
use hippo_core::unsubscribe::{UnsubscribeToken, find_subscription};
use hippo_local::sqlite::SqliteStore;

use crate::common::{Home, files, redact, stdout};

/// Runs the command on the morning of a day.
fn on(home: &Home, day: &str, arguments: &[&str]) -> String {
    let command = home
        .command(arguments)
        .env("HIPPO_NOW", format!("{day}T12:00:00Z"))
        .assert();
    redact(&stdout(&command.success()))
}

/// A home whose family `conrad` gets a notice every day.
fn home(public_url: &str) -> Home {
    let (home, _) = Home::with_card();
    let config = home.path().join("config.toml");
    let mut text = std::fs::read_to_string(&config).unwrap();
    text.push_str(&format!("\n[web]\npublic_url = \"{public_url}\"\n"));
    std::fs::write(&config, text).unwrap();
    home.run(&["family", "edit", "conrad", "--daily"]).success();
    home
}

/// The newest mail in the folder, with its header unfolded.
fn newest_mail(home: &Home) -> String {
    let mails = files(&home.path().join("mail"));
    let mut mails: Vec<_> = mails
        .into_iter()
        .filter(|(path, _)| path.extension().is_some_and(|one| one == "eml"))
        .collect();
    mails.sort();
    let (_, mail) = mails.pop().unwrap();
    String::from_utf8(mail).unwrap().replace("\r\n ", " ")
}

/// Does what the link in a mail's header does.
fn use_link(home: &Home, mail: &str) {
    let (_, link) = mail.split_once("List-Unsubscribe: <").unwrap();
    let (link, _) = link.split_once('>').unwrap();
    let token = link.strip_prefix("https://hippo.example.org/u/").unwrap();
    let token = UnsubscribeToken::from_secret_text(token).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(&home.path().join("hippo.db")).unwrap();
        let found = find_subscription(&store, &store, &token).await.unwrap();
        let found = found.unwrap();
        let recipients = found.recipients();
        let done = found.unsubscribe(&store, recipients[0], Utc::now()).await;
        assert!(done.unwrap());
    });
}

#[test]
fn unsubscribed_family_is_skipped_until_a_recipient_is_allowed() {
    let home = home("https://hippo.example.org");
    on(&home, "2026-11-22", &["notify-all"]);
    let mail = newest_mail(&home);
    assert!(mail.contains("\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
    assert!(mail.contains(">, <mailto:"), "{mail}");
    use_link(&home, &mail);
    insta::assert_snapshot!("list", on(&home, "2026-11-23", &["family", "list"]));
    let dry_run = on(&home, "2026-11-23", &["notify-all", "--dry-run"]);
    insta::assert_snapshot!("dry_run", dry_run);
    insta::assert_snapshot!("skipped", on(&home, "2026-11-23", &["notify-all"]));
    insta::assert_snapshot!("status", on(&home, "2026-11-23", &["status"]));
    let allow = ["family", "allow-recipient", "conrad", "PAT@example.org"];
    on(&home, "2026-11-23", &allow);
    on(&home, "2026-11-24", &["notify-all"]);
    assert_ne!(newest_mail(&home), mail);
}

#[test]
fn loopback_pages_are_in_no_header() {
    let home = home("http://127.0.0.1:8484");
    on(&home, "2026-11-22", &["notify-all"]);
    let mail = newest_mail(&home);
    assert!(mail.contains("\r\nList-Unsubscribe: <mailto:"), "{mail}");
    assert!(!mail.contains("List-Unsubscribe-Post"));
    assert!(mail.contains("http://127.0.0.1:8484/family"));
}
