//! The settings of a family, and its recipients.

use axum::http::StatusCode;
use chrono::TimeDelta;
use futures::FutureExt as _;
use hippo_core::audit::Change;
use hippo_core::family::Family;
use hippo_core::invitation::Invitation;
use hippo_core::sign_in::PersonId;
use hippo_core::store::{FamilyStore as _, InvitationStore as _};
use hippo_core::testing::contract::sample;
use hippo_core::testing::memory::MemoryStore;

use crate::family_cards::{changes, pause_card};
use crate::web::{BOTH, PAT, TestWeb};

const SETTINGS: &str = "/family/settings";
const PAUSE: &str = "/family/settings/pause";
const RESUME: &str = "/family/settings/resume";

fn conrad(store: &MemoryStore) -> Family {
    let id = sample::family_id("conrad");
    let family = store.family(&id).now_or_never().unwrap();
    family.unwrap().unwrap()
}

fn settings<'a>(time: &'a str, days: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("time", time),
        ("timezone", "America/Toronto"),
        ("due_within_days", days),
        ("send_when_empty", "daily"),
        ("fines_threshold", "5.00"),
    ]
}

#[tokio::test]
async fn conflict_shows_the_stored_settings_and_keeps_the_typed_ones() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let page = browser.get(SETTINGS).await;
    let mut other = web.signed_in(BOTH).await;
    other.post("/sign-in/family", &[("family", "conrad")]).await;
    other.open_and_post(SETTINGS, &settings("08:15", "5")).await;
    let before = conrad(&web.store);

    let mut fields = settings("09:45", "9").to_vec();
    fields[3].1 = "never";
    fields[4].1 = "";
    fields.push(("by_person", "yes"));
    let conflict = browser.post_from(&page, SETTINGS, &fields).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    let message = format!(
        "The settings were changed after you opened this page. {BOTH} changed the settings (12:00). Nothing on this \
         page was saved. These saved settings differ from yours: email at 08:15; loans due within 5 days; fines of \
         5.00 or more; an email every day; not grouped by person. Check the form and save it again."
    );
    assert!(conflict.body.contains(&message), "{}", conflict.body);
    for typed in [
        "value=\"09:45\"",
        "value=\"9\"",
        "value=\"never\" selected",
        "checked",
    ] {
        assert!(conflict.body.contains(typed), "{typed}");
    }
    assert_eq!(conrad(&web.store), before);
    let saved = browser.post_from(&conflict, SETTINGS, &fields).await;
    assert_eq!(saved.location(), "/family/settings?saved=yes");
    assert_eq!(conrad(&web.store).preferences.due_within_days, 9);
}

#[tokio::test]
async fn resubmitted_settings_and_pauses_change_nothing() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let pause = [("from", "2026-11-24"), ("until", "2026-12-01")];
    for (path, fields) in [
        (SETTINGS, &settings("08:15", "5")[..]),
        (PAUSE, &pause),
        (RESUME, &[]),
    ] {
        let page = browser.get(SETTINGS).await;
        for _ in 0..2 {
            let answer = browser.post_from(&page, path, fields).await;
            assert_eq!(answer.location(), "/family/settings?saved=yes", "{path}");
        }
    }
    let expected = [
        Change::MailsResumed,
        Change::MailsPaused,
        Change::SettingsChanged,
    ];
    let mut made = changes(&web).await;
    assert_eq!(made.len(), expected.len());
    made.retain(|change| !expected.contains(change));
    assert_eq!(made, []);
}

#[tokio::test]
async fn conflicting_pause_shows_the_stored_one_and_keeps_the_days() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let page = browser.get(SETTINGS).await;
    let first = [("until", "2026-12-01")];
    browser.post_from(&page, PAUSE, &first).await;
    let before = conrad(&web.store);
    let fields = [("from", "2026-11-28"), ("until", "2026-12-24")];
    let conflict = browser.post_from(&page, PAUSE, &fields).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    for words in [
        "You paused the emails (12:00). Nothing on this page was saved.",
        "Emails are paused. They go out again from Tuesday, Dec 1.",
        "value=\"2026-11-28\"",
        "value=\"2026-12-24\"",
    ] {
        assert!(conflict.body.contains(words), "{words}: {}", conflict.body);
    }
    assert_eq!(conrad(&web.store), before);
    let answer = browser.post_from(&conflict, PAUSE, &fields).await;
    assert_eq!(answer.location(), "/family/settings?saved=yes");
    let until = conrad(&web.store).paused_until;
    assert_eq!(until, Some(sample::date("2026-12-24")));
}

#[tokio::test]
async fn conflict_names_the_settings_change_not_a_later_change() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let page = browser.get(SETTINGS).await;
    let mut other = web.signed_in(BOTH).await;
    other.post("/sign-in/family", &[("family", "conrad")]).await;
    other.open_and_post(SETTINGS, &settings("08:15", "5")).await;
    web.wait(TimeDelta::minutes(1));
    pause_card(&mut browser, web.card.id, &[]).await;
    let conflict = browser
        .post_from(&page, SETTINGS, &settings("09:45", "9"))
        .await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    let message = format!(
        "The settings were changed after you opened this page. {BOTH} changed the settings (12:00)."
    );
    assert!(conflict.body.contains(&message), "{}", conflict.body);
}

#[tokio::test]
async fn settings_of_one_family_are_not_saved_in_another() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(BOTH).await;
    browser
        .post("/sign-in/family", &[("family", "conrad")])
        .await;
    let page = browser.get(SETTINGS).await;
    let lee = sample::family_id("lee");
    let before = web.store.family(&lee).await.unwrap();
    // Another tab chooses another family.
    browser.post("/sign-in/family", &[("family", "lee")]).await;
    for (path, fields) in [
        (SETTINGS, &settings("08:15", "5")[..]),
        (PAUSE, &[]),
        // An invalid form isn't shown on the other family's page either.
        (SETTINGS, &settings("25:00", "5")),
        (PAUSE, &[("until", "soon")]),
    ] {
        let conflict = browser.post_from(&page, path, fields).await;
        assert_eq!(conflict.status, StatusCode::CONFLICT, "{path}");
        let message = "You chose another family after you opened this page.";
        assert!(conflict.body.contains(message), "{}", conflict.body);
    }
    assert_eq!(web.store.family(&lee).await.unwrap(), before);
}

#[tokio::test]
async fn withdrawing_an_accepted_invitation_is_a_conflict() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let path = "/family/settings/recipients/invite";
    let new = "new@example.org";
    browser
        .post_with_token(path, &[("family", "conrad"), ("address", new)])
        .await;
    let page = browser.get(SETTINGS).await;
    let link = web.mailed_link();
    let mut stranger = web.browser();
    let opened = stranger.get(&link).await;
    let accepted = stranger.post_from(&opened, "/invitation", &[]).await;
    assert!(
        accepted.body.contains("You’ll get the emails"),
        "{}",
        accepted.body
    );
    let withdraw = "/family/settings/recipients/withdraw";
    let conflict = browser.post_from(&page, withdraw, &[]).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    let message =
        format!("{new} accepted the invitation before you withdrew it, and gets the emails now.");
    assert!(conflict.body.contains(&message), "{}", conflict.body);
    assert_eq!(conrad(&web.store).recipients.len(), 3);
}

#[tokio::test]
async fn withdrawing_an_invitation_twice_succeeds() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let path = "/family/settings/recipients/invite";
    let fields = [("family", "conrad"), ("address", "new@example.org")];
    browser.post_with_token(path, &fields).await;
    let page = browser.get(SETTINGS).await;
    let withdraw = "/family/settings/recipients/withdraw";
    for _ in 0..2 {
        let answer = browser.post_from(&page, withdraw, &[]).await;
        assert_eq!(answer.location(), "/family/settings?saved=yes");
    }
    let conrad = sample::family_id("conrad");
    assert_eq!(web.store.family_invitations(&conrad).await.unwrap(), []);
}

#[tokio::test]
async fn withdrawing_on_an_old_page_leaves_the_later_invitation() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let invite = "/family/settings/recipients/invite";
    let fields = [("family", "conrad"), ("address", "new@example.org")];
    browser.post_with_token(invite, &fields).await;
    let old = browser.get(SETTINGS).await;
    let withdraw = "/family/settings/recipients/withdraw";
    browser.post_from(&old, withdraw, &[]).await;
    // An address is invited once a day.
    web.wait(TimeDelta::days(1));
    browser.ask_for_mail(PAT).await;
    browser.open_link_and_press(&web.mailed_link()).await;
    browser.post_with_token(invite, &fields).await;
    let conrad = sample::family_id("conrad");
    let later = web.store.family_invitations(&conrad).await.unwrap();
    assert_eq!(later.len(), 1);
    let conflict = browser.post_from(&old, withdraw, &[]).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    let message = "That invitation is no longer open, and new@example.org was invited again.";
    assert!(conflict.body.contains(message), "{}", conflict.body);
    let stored = web.store.family_invitations(&conrad).await.unwrap();
    assert_eq!(stored, later);
    browser.post_from(&conflict, withdraw, &[]).await;
    assert_eq!(web.store.family_invitations(&conrad).await.unwrap(), []);
}

#[tokio::test]
async fn concurrent_invitations_of_one_address_send_one_email() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let by = PersonId::from_address(&PAT.parse().unwrap());
    let conrad = sample::family_id("conrad");
    let address = "new@example.org".parse().unwrap();
    let first = Invitation::new(conrad.clone(), address, by, web.now());
    let invite = move |store: &MemoryStore| {
        let added = store.add_invitation(&first).now_or_never();
        assert!(added.unwrap().unwrap());
    };
    // The first write counts the invitation against the limit. The other request's invitation arrives
    // before the second write.
    web.store
        .run_before_next_write(|store| store.run_before_next_write(invite));
    let mails = web.mails().len();
    let path = "/family/settings/recipients/invite";
    let fields = [("family", "conrad"), ("address", "New@example.org")];
    let second = browser.post_with_token(path, &fields).await;
    assert_eq!(second.location(), "/family/settings?saved=already-invited");
    let stored = web.store.family_invitations(&conrad).await.unwrap();
    assert_eq!(stored.len(), 1);
    assert_eq!(web.mails().len(), mails);
}
