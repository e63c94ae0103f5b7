//! Who gets a family's emails: inviting, confirming, leaving, removing.

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use hippo_core::audit::Change;
use hippo_core::family::Family;
use hippo_core::invitation::Invitation;
use hippo_core::sign_in::PersonId;
use hippo_core::store::{AuditStore as _, CardStore as _, FamilyStore as _, InvitationStore as _};
use hippo_core::testing::contract::sample;

use crate::web::{BOTH, Browser, KIM, PAT, TestResponse, TestWeb};

const NEW: &str = "new@example.org";

async fn conrad(web: &TestWeb) -> Family {
    let id = sample::family_id("conrad");
    web.store.family(&id).await.unwrap().unwrap()
}

async fn addresses(web: &TestWeb) -> Vec<String> {
    let family = conrad(web).await;
    family.recipients.iter().map(ToString::to_string).collect()
}

async fn invitations(web: &TestWeb) -> Vec<Invitation> {
    let id = sample::family_id("conrad");
    web.store.family_invitations(&id).await.unwrap()
}

async fn changes(web: &TestWeb) -> Vec<Change> {
    let family = sample::family_id("conrad");
    let since = sample::time("00:00:00");
    let store = &web.store;
    let entries = store.recent_audit_entries(Some(&family), since, 99).await;
    entries
        .unwrap()
        .into_iter()
        .map(|entry| entry.change)
        .collect()
}

fn person(address: &str) -> String {
    PersonId::from_address(&address.parse().unwrap()).to_string()
}

/// Sends a form of the settings.
async fn send(browser: &mut Browser<'_>, form: &str, field: (&str, &str)) -> TestResponse {
    let token = browser.get("/family/settings").await.hidden("form_token");
    let fields = [("form_token", &*token), ("family", "conrad"), field];
    let path = format!("/family/settings/recipients/{form}");
    browser.post(&path, &fields).await
}

async fn accept(browser: &mut Browser<'_>, link: &str) -> TestResponse {
    let page = browser.get(link).await;
    let (form_token, token) = (page.hidden("form_token"), page.hidden("token"));
    let fields = [("form_token", &*form_token), ("token", &*token)];
    browser.post("/invitation", &fields).await
}

#[tokio::test]
async fn invited_person_confirms_with_a_button_and_is_a_recipient() {
    let web = TestWeb::new().await;
    let mut pat = web.signed_in(PAT).await;
    let answer = send(&mut pat, "invite", ("address", NEW)).await;
    assert_eq!(answer.location(), "/family/settings?saved=invited");
    let page = pat.get(answer.location()).await;
    assert!(page.body.contains("The invitation is on its way."));
    assert!(page.body.contains(NEW));
    let mail = web.mails().pop().unwrap();
    assert_eq!(mail.to[0].as_str(), NEW);
    let link = web.mailed_link();
    // A mail scanner opens it.
    let mut stranger = web.browser();
    for method in [Method::GET, Method::HEAD] {
        let request = stranger.request(method, &link);
        assert_eq!(stranger.send(request, "").await.status, StatusCode::OK);
    }
    assert_eq!(addresses(&web).await, [PAT, BOTH]);
    web.wait(TimeDelta::seconds(1));
    // The store has only a hash.
    let stored = serde_json::to_string(&invitations(&web).await).unwrap();
    let token = link.rsplit_once('.').unwrap().1;
    assert!(!stored.contains(token));
    let answer = accept(&mut stranger, &link).await;
    assert!(
        answer.body.contains("You’ll get the emails from now on."),
        "{}",
        answer.body
    );
    assert_eq!(addresses(&web).await, [PAT, BOTH, NEW]);
    assert!(invitations(&web).await.is_empty());
    assert_eq!(
        changes(&web).await,
        [Change::RecipientConfirmed, Change::RecipientInvited]
    );
    // It works once.
    let again = web.get(&link).await;
    assert_eq!(again.status, StatusCode::GONE);
    let mut new = web.signed_in(NEW).await;
    assert_eq!(new.get("/family").await.status, StatusCode::OK);
}

#[tokio::test]
async fn invitations_of_a_removed_recipient_no_longer_count() {
    let web = TestWeb::new().await;
    let mut both = web.signed_in(BOTH).await;
    both.post("/sign-in/family", &[("family", "conrad")]).await;
    send(&mut both, "invite", ("address", NEW)).await;
    let link = web.mailed_link();
    let mut after = conrad(&web).await;
    after.recipients.retain(|address| address.as_str() != BOTH);
    web.store.update_family(&after).await.unwrap();
    assert_eq!(web.get(&link).await.status, StatusCode::GONE);
    // On the pages, the invitation goes with the recipient.
    after.recipients.push(BOTH.parse().unwrap());
    web.store.update_family(&after).await.unwrap();
    assert_eq!(web.get(&link).await.status, StatusCode::OK);
    let mut pat = web.signed_in(PAT).await;
    send(&mut pat, "remove", ("person", &person(BOTH))).await;
    assert!(invitations(&web).await.is_empty());
}

#[tokio::test]
async fn double_click_on_the_button_adds_the_address_once() {
    let web = TestWeb::new().await;
    let mut pat = web.signed_in(PAT).await;
    send(&mut pat, "invite", ("address", NEW)).await;
    let link = web.mailed_link();
    let mut new = web.browser();
    let page = new.get(&link).await;
    let (form_token, token) = (page.hidden("form_token"), page.hidden("token"));
    let fields = [("form_token", &*form_token), ("token", &*token)];
    assert_eq!(
        new.post("/invitation", &fields).await.status,
        StatusCode::OK
    );
    let second = new.post("/invitation", &fields).await;
    assert_eq!(second.status, StatusCode::GONE);
    assert!(second.body.contains("you get the emails already"));
    assert_eq!(addresses(&web).await, [PAT, BOTH, NEW]);
    // Another browser's form.
    let refused = web.browser().post("/invitation", &fields).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn expired_withdrawn_and_forged_links_do_not_work() {
    let web = TestWeb::new().await;
    let mut pat = web.signed_in(PAT).await;
    send(&mut pat, "invite", ("address", NEW)).await;
    let link = web.mailed_link();
    let last = link.chars().last().unwrap();
    let other = if last == '0' { '1' } else { '0' };
    let forged = format!("{}{other}", &link[..link.len() - 1]);
    let foreign = link.replace("=conrad.", "=lee.");
    for link in [&*forged, &foreign, "/invitation?token=", "/invitation"] {
        assert_eq!(web.get(link).await.status, StatusCode::GONE, "{link}");
    }
    assert_eq!(web.get(&link).await.status, StatusCode::OK);
    let id = invitations(&web).await.remove(0).id.to_string();
    send(&mut pat, "withdraw", ("invitation", &id)).await;
    assert_eq!(web.get(&link).await.status, StatusCode::GONE);
    web.wait(TimeDelta::days(1));
    let mut pat = web.signed_in(PAT).await;
    send(&mut pat, "invite", ("address", NEW)).await;
    let link = web.mailed_link();
    web.wait(TimeDelta::days(7));
    assert_eq!(web.get(&link).await.status, StatusCode::GONE);
    assert!(!pat.get("/family/settings").await.body.contains(NEW));
    assert_eq!(addresses(&web).await, [PAT, BOTH]);
}

#[tokio::test]
async fn wrong_invitations_are_refused_with_words() {
    let web = TestWeb::new().await;
    let mut pat = web.signed_in(PAT).await;
    let answer = send(&mut pat, "invite", ("address", "x")).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("isn’t an email address"));
    send(&mut pat, "invite", ("address", NEW)).await;
    let mails = web.mails().len();
    // These are already as somebody wants them, so they succeed.
    for (address, words) in [
        ("PAT@example.org", "already gets the emails"),
        ("New@example.org", "is invited already"),
    ] {
        let answer = send(&mut pat, "invite", ("address", address)).await;
        let page = pat.get(answer.location()).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.body.contains(words), "{words}");
    }
    assert_eq!(web.mails().len(), mails);
    for number in 0..9 {
        send(
            &mut pat,
            "invite",
            ("address", &format!("{number}@example.org")),
        )
        .await;
    }
    let answer = send(&mut pat, "invite", ("address", "more@example.org")).await;
    assert!(
        answer.body.contains("Try again tomorrow"),
        "{}",
        answer.body
    );
    assert_eq!(web.mails().len() - mails, 9);
}

#[tokio::test]
async fn removed_recipient_is_locked_out_and_both_get_an_email() {
    let web = TestWeb::new().await;
    let mut pat = web.signed_in(PAT).await;
    let mut both = web.signed_in(BOTH).await;
    both.post("/sign-in/family", &[("family", "conrad")]).await;
    assert_eq!(both.get("/family").await.status, StatusCode::OK);
    let mails = web.mails().len();
    let answer = send(&mut pat, "remove", ("person", &person(BOTH))).await;
    assert_eq!(answer.location(), "/family/settings?saved=yes");
    assert_eq!(addresses(&web).await, [PAT]);
    assert_eq!(both.get("/family").await.status, StatusCode::NOT_FOUND);
    let recipients: Vec<String> = web.mails()[mails..]
        .iter()
        .map(|mail| mail.to[0].to_string())
        .collect();
    assert_eq!(recipients, [BOTH, PAT]);
    let family = sample::family_id("conrad");
    assert_eq!(web.store.family_cards(&family).await.unwrap().len(), 1);
    let person: PersonId = PersonId::from_address(&BOTH.parse().unwrap());
    assert_eq!(changes(&web).await, [Change::RecipientRemoved { person }]);
    // A second tab that didn't know.
    let again = send(
        &mut pat,
        "remove",
        ("person", &crate::family_recipients::person(BOTH)),
    )
    .await;
    assert_eq!(again.location(), "/family/settings?saved=yes");
    assert_eq!(changes(&web).await.len(), 1);
}

#[tokio::test]
async fn leaving_keeps_the_cards_and_the_last_one_is_told_what_to_do() {
    let web = TestWeb::new().await;
    let mut both = web.signed_in(BOTH).await;
    both.post("/sign-in/family", &[("family", "conrad")]).await;
    let answer = send(&mut both, "remove", ("person", &person(BOTH))).await;
    assert_eq!(answer.location(), "/");
    assert!(web.mails().pop().unwrap().text.contains("You left"));
    let mut pat = web.signed_in(PAT).await;
    let answer = send(&mut pat, "remove", ("person", &person(PAT))).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        answer.body.contains("Pause the emails instead"),
        "{}",
        answer.body
    );
    assert_eq!(addresses(&web).await, [PAT]);
    let family = sample::family_id("conrad");
    assert_eq!(web.store.family_cards(&family).await.unwrap().len(), 1);
    assert_eq!(changes(&web).await, [Change::RecipientLeft]);
}

#[tokio::test]
async fn changing_recipients_needs_a_recent_sign_in_to_the_family() {
    let web = TestWeb::new().await;
    let mut pat = web.signed_in(PAT).await;
    send(&mut pat, "invite", ("address", NEW)).await;
    let id = invitations(&web).await.remove(0).id.to_string();
    let forms = [
        ("invite", ("address", "other@example.org")),
        ("withdraw", ("invitation", &*id)),
        ("remove", ("person", &person(BOTH))),
    ];
    let before = (addresses(&web).await, invitations(&web).await);
    let mut kim = web.signed_in(KIM).await;
    for (form, field) in &forms {
        let answer = send(&mut kim, form, *field).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{form}");
    }
    web.wait(TimeDelta::minutes(61));
    for (form, field) in &forms {
        let answer = send(&mut pat, form, *field).await;
        assert_eq!(answer.location(), "/sign-in?again=yes", "{form}");
    }
    assert_eq!((addresses(&web).await, invitations(&web).await), before);
}

#[tokio::test]
async fn holiday_and_fines_are_set_in_the_settings() {
    let web = TestWeb::new().await;
    let mut pat = web.signed_in(PAT).await;
    let version = pat.get("/family/settings").await.hidden("version");
    let mut fields = vec![
        ("version", &*version),
        ("from", "2026-12-20"),
        ("until", "2026-12-20"),
    ];
    let refused = pat.post("/family/settings/pause", &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    fields[2].1 = "2027-01-03";
    let answer = pat.post("/family/settings/pause", &fields).await;
    let page = pat.get(answer.location()).await;
    let words = "From Sunday, Dec 20, emails are paused. They go out again from Sunday, Jan 3";
    assert!(page.body.contains(words), "{}", page.body);
    let today = pat.get("/family").await;
    assert!(
        today
            .body
            .contains("From Sunday, Dec 20, emails are paused. They go out again from"),
        "{}",
        today.body
    );
    let family = conrad(&web).await;
    assert!(!family.is_paused_on(sample::date("2026-12-19")));
    assert!(family.is_paused_on(sample::date("2026-12-20")));
    for (typed, expected) in [("7,5", Some("7.50")), ("0", Some("0.00")), ("", None)] {
        let version = pat.get("/family/settings").await.hidden("version");
        let fields = [
            ("version", &*version),
            ("time", "07:15"),
            ("timezone", "America/Toronto"),
            ("due_within_days", "3"),
            ("send_when_empty", "never"),
            ("fines_threshold", typed),
        ];
        let answer = pat.post("/family/settings", &fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{typed}");
        let threshold = conrad(&web).await.preferences.fines_threshold;
        assert_eq!(
            threshold.map(|amount| format!("{amount:.2}")).as_deref(),
            expected
        );
    }
    let version = pat.get("/family/settings").await.hidden("version");
    for typed in ["-1", "five", "1.234"] {
        let fields = [
            ("version", &*version),
            ("time", "07:15"),
            ("timezone", "America/Toronto"),
            ("due_within_days", "3"),
            ("send_when_empty", "never"),
            ("fines_threshold", typed),
        ];
        let answer = pat.post("/family/settings", &fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{typed}");
    }
}

#[tokio::test]
async fn address_is_invited_once_a_day_and_three_times_a_month_by_all_families() {
    let web = TestWeb::new().await;
    let mut sent = Vec::new();
    for day in 0..31 {
        for (address, family) in [(PAT, "conrad"), (KIM, "lee")] {
            let mut browser = web.signed_in(address).await;
            let invite = "/family/settings/recipients/invite";
            let fields = [("family", family), ("address", NEW)];
            let answer = browser.post_with_token(invite, &fields).await;
            if answer.location() == "/family/settings?saved=invited" {
                sent.push((day, family));
                let page = browser.get("/family/settings").await;
                let withdraw = "/family/settings/recipients/withdraw";
                browser.post_from(&page, withdraw, &[]).await;
            } else {
                let words = "This address was invited a short while ago";
                assert!(answer.body.contains(words), "{}", answer.body);
            }
        }
        web.wait(TimeDelta::days(1));
    }
    assert_eq!(
        sent,
        [(0, "conrad"), (1, "conrad"), (2, "conrad"), (30, "conrad")]
    );
}

#[tokio::test]
async fn refused_invitation_uses_up_none_of_the_familys() {
    let web = TestWeb::new().await;
    let mut pat = web.signed_in(PAT).await;
    send(&mut pat, "invite", ("address", NEW)).await;
    let page = pat.get("/family/settings").await;
    let withdraw = "/family/settings/recipients/withdraw";
    pat.post_from(&page, withdraw, &[]).await;
    for _ in 0..10 {
        let answer = send(&mut pat, "invite", ("address", NEW)).await;
        let words = "This address was invited a short while ago";
        assert!(answer.body.contains(words), "{}", answer.body);
    }
    for number in 1..10 {
        let address = format!("other-{number}@example.org");
        let answer = send(&mut pat, "invite", ("address", &address)).await;
        let location = "/family/settings?saved=invited";
        assert_eq!(answer.location(), location, "{number}");
    }
    let answer = send(&mut pat, "invite", ("address", "eleventh@example.org")).await;
    let words = "Your family invited ten people today";
    assert!(answer.body.contains(words), "{}", answer.body);
}

#[tokio::test]
async fn invitation_whose_email_cannot_be_enqueued_counts_nowhere() {
    let web = TestWeb::new().await;
    let mut pat = web.signed_in(PAT).await;
    web.refuse_messages(11);
    for _ in 0..11 {
        let answer = send(&mut pat, "invite", ("address", NEW)).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(invitations(&web).await.is_empty());
    }
    // Nor one that could not be stored, after its two permits.
    web.store.fail_write_after(2);
    let answer = send(&mut pat, "invite", ("address", NEW)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let answer = send(&mut pat, "invite", ("address", NEW)).await;
    assert_eq!(answer.location(), "/family/settings?saved=invited");
    assert_eq!(changes(&web).await, [Change::RecipientInvited]);
}

#[tokio::test]
async fn settings_say_before_a_form_is_filled_in_that_it_needs_a_new_sign_in() {
    let web = TestWeb::new().await;
    let mut pat = web.signed_in(PAT).await;
    let words =
        "To invite or remove somebody, <a href=\"/sign-in?again=yes\">sign in again</a> first.";
    assert!(!pat.get("/family/settings").await.body.contains(words));
    web.wait(TimeDelta::minutes(61));
    let page = pat.get("/family/settings").await;
    assert!(page.body.contains(words), "{}", page.body);
    pat.ask_for_mail(PAT).await;
    let answer = pat.type_code(&web.mailed_code()).await;
    assert_eq!(answer.location(), "/family/settings");
}
