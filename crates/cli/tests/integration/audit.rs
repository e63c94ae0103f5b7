//! What the command changes is on record, as the pages show it.

use chrono::{DateTime, Utc};
use hippo_core::audit::{Actor, Change};
use hippo_core::ids::FamilyId;
use hippo_core::sign_in::{
    Grant, Identity, IdentityId, IdentityLink, PersonId, Session, SignInMethod, Token,
};
use hippo_core::store::{AuditStore as _, IdentityStore as _, SignInStore as _};
use hippo_local::sqlite::SqliteStore;

use crate::common::{Home, printed};

#[tokio::test]
async fn changes_of_the_command_are_on_record() {
    let (home, card) = Home::with_card();
    let card = card.as_str();
    let hint = ["--until", "2027-01-03", "--why", "lost-canary"];
    for arguments in [
        &[&["card", "pause", card][..], &hint].concat()[..],
        &["card", "resume", card],
        &["family", "edit", "conrad", "--time", "07:15"],
        &["family", "pause", "conrad"],
        &["family", "resume", "conrad"],
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

/// Links an account to an address.
async fn link(store: &SqliteStore, subject: &str, address: &str) -> IdentityId {
    let identity = Identity {
        issuer: "https://id.example.org".to_owned(),
        subject: subject.to_owned(),
    };
    let (browser, now) = (Token::generate().unwrap(), Utc::now());
    let waiting = IdentityLink::begin(identity.id(), &browser, now);
    let person = PersonId::from_address(&address.parse().unwrap());
    let linked = waiting.link(&browser, &person, now).unwrap();
    let added = store.replace_identity_link(None, &linked);
    assert!(added.await.unwrap());
    identity.id()
}

#[tokio::test]
async fn account_of_a_removed_recipient_or_family_is_unlinked() {
    let (home, _) = Home::with_card();
    home.run(&["family", "add-recipient", "conrad", "sam@example.org"])
        .success();
    let store = SqliteStore::open(&home.path().join("hippo.db")).unwrap();
    let sam = link(&store, "sam", "sam@example.org").await;
    let pat = link(&store, "pat", "pat@example.org").await;
    home.run(&["family", "remove-recipient", "conrad", "SAM@example.org"])
        .success();
    assert_eq!(store.identity_link(&sam).await.unwrap(), None);
    assert!(store.identity_link(&pat).await.unwrap().is_some());
    home.run(&["family", "remove", "conrad", "--yes"]).success();
    assert_eq!(store.identity_link(&pat).await.unwrap(), None);
}

#[tokio::test]
async fn signed_out_address_has_no_session_and_no_account() {
    let (home, _) = Home::with_card();
    let store = SqliteStore::open(&home.path().join("hippo.db")).unwrap();
    for (address, family) in [
        ("pat@example.org", Some("conrad")),
        ("ana@example.org", None),
    ] {
        let account = link(&store, address, address).await;
        let grant = Grant {
            person: PersonId::from_address(&address.parse().unwrap()),
            families: Vec::new(),
            is_operator: true,
        };
        let session = Session::begin(
            &Token::generate().unwrap(),
            grant,
            SignInMethod::Identity,
            Utc::now(),
        );
        store.add_session(&session).await.unwrap();
        let done = home.json(&["family", "sign-out", address]);
        assert_eq!(done["unlinked"], 1);
        assert_eq!(store.identity_link(&account).await.unwrap(), None);
        assert_eq!(store.session(&session.hash).await.unwrap(), None);
        let since = DateTime::<Utc>::UNIX_EPOCH;
        let entries = store.recent_audit_entries(None, since, 99).await.unwrap();
        let change = Change::PersonSignedOut {
            person: session.person,
        };
        let entry = entries.into_iter().find(|entry| entry.change == change);
        let entry = entry.unwrap();
        assert_eq!(entry.actor, Actor::Command);
        assert_eq!(entry.family.as_ref().map(FamilyId::as_str), family);
    }
    let done = home.run(&["family", "sign-out", "nobody@example.org"]);
    insta::assert_snapshot!(printed(&done.success()));
}
