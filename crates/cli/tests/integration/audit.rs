//! What the command changes is on record, as the pages show it.

use chrono::{DateTime, Utc};
use hippo_core::audit::Actor;
use hippo_core::store::AuditStore as _;
use hippo_local::sqlite::SqliteStore;

use crate::common::Home;

#[tokio::test]
async fn changes_of_the_command_are_on_record() {
    let (home, card) = Home::with_card();
    let card = card.as_str();
    let hint = ["--until", "2027-01-03", "--why", "lost-canary"];
    for arguments in [
        &[&["card", "pause", card][..], &hint].concat()[..],
        &["card", "pause", card, "--resume"],
        &["family", "edit", "conrad", "--time", "07:15"],
        &["family", "pause", "conrad"],
        &["family", "pause", "conrad", "--resume"],
        &["family", "add-recipient", "conrad", "zoe@example.org"],
        &["family", "remove-recipient", "conrad", "zoe@example.org"],
        &["schedule", "pause", "--all"],
        &["schedule", "resume", "--all"],
        // There is nothing to resume.
        &["schedule", "resume", "--all"],
        &["card", "remove", card, "--yes"],
    ] {
        home.run(arguments).success();
    }
    let store = SqliteStore::open(&home.path().join("hippo.db")).unwrap();
    let since = DateTime::<Utc>::UNIX_EPOCH;
    let entries = store.recent_audit_entries(None, since, 99).await.unwrap();
    assert!(entries.iter().all(|entry| entry.actor == Actor::Command));
    assert!(!format!("{entries:?}").contains("canary"));
    let of_all = entries.iter().filter(|entry| entry.family.is_none());
    assert_eq!(of_all.count(), 2);
    let mut changes: Vec<String> = entries
        .iter()
        .map(|entry| entry.change.describe())
        .collect();
    changes.sort();
    let expected = [
        "added a card",
        "added a recipient",
        "changed the settings",
        "paused a card",
        "paused all schedules",
        "paused the emails",
        "removed a card",
        "removed a recipient",
        "resumed a card",
        "resumed all schedules",
        "resumed the emails",
    ];
    assert_eq!(changes, expected);
}
