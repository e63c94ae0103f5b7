//! What a family sees and changes.

use axum::http::StatusCode;
use chrono::TimeDelta;
use hippo_core::account::{Account, Hold, HoldState};
use hippo_core::card::{Card, CardPause};
use hippo_core::family::SendWhenEmpty;
use hippo_core::ids::CardId;
use hippo_core::jobs::notify::compose::{ComposeInput, compose_notice};
use hippo_core::outbox::OutboxRecord;
use hippo_core::store::{AccountStore as _, CardStore as _, FamilyStore as _, OutboxStore as _};
use hippo_core::testing::contract::sample;

use crate::family_cards::pause_card;
use crate::web::{BOTH, PAT, TestWeb};

/// Texts as a hostile library could write them.
const HOSTILE: &str =
    "<script>alert(1)</script><img src=x onerror=alert(2)>\" onmouseover=\"alert(3)";

fn hostile_account() -> Account {
    let mut account = sample::account(9_00);
    for loan in account.loans.iter_mut().flatten() {
        loan.title = HOSTILE.to_owned();
        loan.author = Some(HOSTILE.to_owned());
        loan.renewable_reason = Some(HOSTILE.to_owned());
        loan.url = Some("javascript:alert(4)".to_owned());
    }
    account.holds = Some(vec![Hold {
        title: HOSTILE.to_owned(),
        state: HoldState::Ready,
        pickup_branch: Some(HOSTILE.to_owned()),
        url: Some("data:text/html,<script>alert(5)</script>".to_owned()),
        ..account.holds.unwrap().remove(0)
    }]);
    account.messages = vec![HOSTILE.to_owned()];
    account
}

#[tokio::test]
async fn hostile_texts_are_escaped_on_every_page() {
    let web = TestWeb::new().await;
    let card = Card {
        patron: HOSTILE.to_owned(),
        ..sample::card("conrad", "wpl", "f3")
    };
    let card = sample::add_card(&*web.store, card).await;
    web.save_account(&card, hostile_account()).await;
    let mut family = web
        .store
        .family(&sample::family_id("conrad"))
        .await
        .unwrap()
        .unwrap();
    family.name = HOSTILE.to_owned();
    web.store.update_family(&family).await.unwrap();
    let mut browser = web.signed_in(BOTH).await;
    let choice = browser.get("/").await;
    browser
        .post("/sign-in/family", &[("family", "conrad")])
        .await;
    let mut pages = vec![choice];
    for path in ["/family", "/family/cards", "/family/settings"] {
        pages.push(browser.get(path).await);
    }
    assert!(pages[1].body.contains("alert(1)"), "the title is there");
    for page in pages {
        assert_eq!(page.status, StatusCode::OK);
        for markup in [
            "<script",
            "<img",
            "onmouseover=\"",
            "javascript:",
            "data:text",
            "style=",
            "onerror=alert(2)>",
        ] {
            assert!(!page.body.contains(markup), "{markup}: {}", page.body);
        }
    }
}

#[tokio::test]
async fn page_says_what_the_mail_says() {
    let web = TestWeb::new().await;
    web.save_account(&web.card, sample::account(7_00)).await;
    let mut browser = web.signed_in(PAT).await;
    let page = browser.get("/family").await;
    let id = sample::family_id("conrad");
    let loaded = web.store.load_family(&id).await.unwrap().unwrap();
    let libraries = [(sample::library_id("wpl"), sample::library("wpl"))].into();
    let input = ComposeInput {
        loaded: &loaded,
        date: sample::date("2026-11-21"),
        today: sample::date("2026-11-21"),
        now: sample::time("17:00:00"),
        outbox: &*web.store,
        libraries: &libraries,
        operator_contact: None,
        links: None,
    };
    let mail = compose_notice(&input).await.unwrap().mail.unwrap();
    let words = |html: &str| -> Vec<String> {
        let body = html.split_once("</h1>").unwrap().1;
        let body = body.split("<h2>The email").next().unwrap();
        let switch = "<p class=\"small\"><a href=\"/family?by=person\">Group by person</a></p>";
        let body = body.replace(switch, "");
        let body = body.split("Sent by LibraryHippo").next().unwrap();
        let texts = body.split('<').filter_map(|part| part.split_once('>'));
        let texts = texts.map(|(_, text)| text.trim().to_owned());
        texts.filter(|text| !text.is_empty()).collect()
    };
    let (on_page, in_mail) = (words(&page.body), words(&mail.html));
    assert!(in_mail.len() > 10, "{in_mail:?}");
    assert_eq!(on_page, in_mail);
    assert!(page.body.contains("as of 11:00"), "{}", page.body);
    assert!(
        page.body
            .contains("Today’s email goes out within a few minutes")
    );
    let today = sample::notice("conrad", "2026-11-21").key();
    let skipped = OutboxRecord::skipped_by_pause(today, sample::time("16:00:00"));
    assert!(web.store.plan_mail(&skipped).await.unwrap());
    let page = browser.get("/family").await;
    let next = "Next email: tomorrow at 06:30 (America/Toronto), if there is something to say.";
    assert!(page.body.contains(next), "{}", page.body);
    assert!(page.body.len() < 60_000);
}

#[tokio::test]
async fn page_is_grouped_by_person_on_request() {
    let web = TestWeb::new().await;
    let card = Card {
        patron: "Ada".to_owned(),
        ..sample::card("conrad", "wpl", "f3")
    };
    let card = sample::add_card(&*web.store, card).await;
    for card in [&web.card, &card] {
        web.save_account(card, sample::account(7_00)).await;
    }
    let mut browser = web.signed_in(PAT).await;
    let (plain, grouped) = (
        browser.get("/family").await,
        browser.get("/family?by=person").await,
    );
    let names = |page: &crate::web::TestResponse| page.body.matches("<h3 dir=\"auto\">").count();
    assert_eq!(names(&plain), 0);
    assert!(grouped.body.contains("<h3 dir=\"auto\">Ada</h3>"));
    assert!(grouped.body.contains("<h3 dir=\"auto\">Robin</h3>"));
    assert_eq!(
        plain.body.matches("The &#60;Owl&#62;").count(),
        grouped.body.matches("The &#60;Owl&#62;").count()
    );
    assert!(plain.body.matches("Owl").count() >= 2);
}

#[tokio::test]
async fn card_is_paused_and_resumed_in_plain_words() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let cards = browser.get("/family/cards").await;
    assert!(cards.body.contains("Not checked yet."));
    let paused = pause_card(&mut browser, web.card.id, &[]).await;
    assert_eq!(paused.location(), "/family/cards");
    assert!(pause_of(&web, web.card.id).await.is_some());
    let words = "Paused. We don’t check this card.";
    let cards = browser.get("/family/cards").await;
    assert!(cards.body.contains(words));
    let resume = format!("/family/cards/{}/resume", web.card.id);
    browser.post_from(&cards, &resume, &[]).await;
    assert_eq!(pause_of(&web, web.card.id).await, None);
}

async fn pause_of(web: &TestWeb, card: CardId) -> Option<CardPause> {
    web.store.card(card).await.unwrap().unwrap().card.pause
}

#[tokio::test]
async fn card_is_paused_until_a_day_with_a_reason() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let path = format!("/family/cards/{}/pause", web.card.id);
    let form = browser.get(&path).await;
    assert!(form.body.contains("min=\"2026-11-22\""), "{}", form.body);
    let long = "x".repeat(201);
    for (until, why, words) in [
        ("2026-11-21", "lost", "Choose a day after today"),
        ("2029-01-01", "lost", "Choose a day after today"),
        ("soon", "lost", "Choose a day after today"),
        ("", &*long, "The reason is too long."),
    ] {
        let fields = [("until", until), ("why", why)];
        let refused = browser.post(&path, &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.body.contains(words), "{until}: {}", refused.body);
        assert!(refused.body.contains(why), "what was typed stays");
        assert_eq!(pause_of(&web, web.card.id).await, None, "{until}");
    }

    let fields = [("until", "2026-11-24"), ("why", " lost & <b>found</b> ")];
    let paused = browser.open_and_post(&path, &fields).await;
    assert_eq!(paused.location(), "/family/cards");
    let pause = pause_of(&web, web.card.id).await.unwrap();
    assert_eq!(pause.until, Some(sample::date("2026-11-24")));
    assert_eq!(pause.why.as_deref(), Some("lost & <b>found</b>"));
    let words =
        "aused (lost &#38; &#60;b&#62;found&#60;/b&#62;), checked again from Tuesday, Nov 24";
    for page in ["/family", "/family/cards"] {
        let page = browser.get(page).await;
        assert!(page.body.contains(words), "{}", page.body);
    }
    // It ends automatically when the day begins in the family's zone.
    web.wait(TimeDelta::days(4));
    let mut browser = web.signed_in(PAT).await;
    for page in ["/family", "/family/cards"] {
        let page = browser.get(page).await;
        assert!(!page.body.contains("aused until"), "{}", page.body);
    }
}

#[tokio::test]
async fn card_of_another_family_is_not_found() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    for id in [
        web.other_card.id.to_string(),
        "x".to_owned(),
        "%2e%2e".to_owned(),
    ] {
        let refused = browser
            .post(&format!("/family/cards/{id}/pause"), &[])
            .await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(pause_of(&web, web.other_card.id).await, None);
}

fn settings<'a>(version: &'a str, days: &'a str) -> [(&'a str, &'a str); 7] {
    [
        ("version", version),
        ("time", "07:15"),
        ("timezone", "Europe/Berlin"),
        ("due_within_days", days),
        ("send_when_empty", "sun"),
        ("fines_threshold", "5.00"),
        ("by_person", "yes"),
    ]
}

#[tokio::test]
async fn settings_are_saved_and_shown() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let version = browser.get("/family/settings").await.hidden("version");
    let saved = browser
        .post("/family/settings", &settings(&version, "5"))
        .await;
    assert_eq!(saved.location(), "/family/settings?saved=yes");
    let page = browser.get(saved.location()).await;
    for shown in [
        "Saved.",
        "value=\"07:15\"",
        "maxlength=\"60\" value=\"Europe/Berlin\"",
        "value=\"5\"",
        "value=\"sun\" selected",
        "checked",
    ] {
        assert!(page.body.contains(shown), "{shown}");
    }
    let family = web
        .store
        .family(&sample::family_id("conrad"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(family.timezone, chrono_tz::Europe::Berlin);
    assert_eq!(family.notice_time.to_string(), "07:15:00");
    assert_eq!(family.preferences.due_within_days, 5);
    assert_eq!(
        family.preferences.send_when_empty,
        SendWhenEmpty::Weekly(chrono::Weekday::Sun)
    );
    assert!(family.preferences.by_person);
    assert_eq!(family.history.past.len(), 1, "today keeps its old time");
}

#[tokio::test]
async fn settings_changed_in_another_tab_are_a_conflict() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let version = browser.get("/family/settings").await.hidden("version");
    browser
        .post("/family/settings", &settings(&version, "5"))
        .await;
    let before = web
        .store
        .family(&sample::family_id("conrad"))
        .await
        .unwrap();
    for path in ["/family/settings", "/family/settings/pause"] {
        let second = browser.post(path, &settings(&version, "9")).await;
        assert_eq!(second.status, StatusCode::CONFLICT, "{path}");
        let words = "The settings were changed after you opened this page. You changed the settings (18:00). Nothing \
                     on this page was saved.";
        assert!(second.body.contains(words), "{}", second.body);
        assert_ne!(second.hidden("version"), version);
        let days = match path {
            "/family/settings" => "9",
            _ => "5",
        };
        let shown = format!("min=\"0\" required value=\"{days}\"");
        assert!(second.body.contains(&shown), "what was typed stays");
        let stored = second
            .body
            .contains("These saved settings differ from yours: loans due within 5 days.");
        assert_eq!(stored, path == "/family/settings", "{}", second.body);
    }
    assert_eq!(
        web.store
            .family(&sample::family_id("conrad"))
            .await
            .unwrap(),
        before
    );
}

#[tokio::test]
async fn invalid_settings_are_named_and_kept_in_the_form() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let page = browser.get("/family/settings").await;
    let version = page.hidden("version");
    for (field, value, words) in [
        ("time", "25:00", "The time isn’t valid"),
        ("timezone", "Toronto", "We don’t know this time zone"),
        ("due_within_days", "61", "from 0 to 60"),
        ("due_within_days", "-1", "from 0 to 60"),
        ("send_when_empty", "hourly", "Choose when to send"),
    ] {
        let mut fields = settings(&version, "5");
        for entry in &mut fields {
            if entry.0 == field {
                entry.1 = value;
            }
        }
        let refused = browser.post("/family/settings", &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        assert!(refused.body.contains(words), "{field}");
        assert!(refused.body.contains("07:15") || field == "time");
        let is_marked = refused.body.contains("aria-invalid");
        assert_eq!(is_marked, field == "timezone");
    }
    assert_eq!(
        browser.get("/family/settings").await.hidden("version"),
        version
    );
}

#[tokio::test]
async fn emails_are_paused_until_a_day_and_resumed() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    for until in ["2026-11-21", "2026-02-30", "soon"] {
        let version = browser.get("/family/settings").await.hidden("version");
        let fields = [("version", &*version), ("until", until)];
        let refused = browser.post("/family/settings/pause", &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{until}");
    }
    let version = browser.get("/family/settings").await.hidden("version");
    let fields = [("version", &*version), ("until", "2026-12-01")];
    browser.post("/family/settings/pause", &fields).await;
    let page = browser.get("/family/settings").await;
    assert!(
        page.body
            .contains("Emails are paused. They go out again from Tuesday, Dec 1."),
        "{}",
        page.body
    );
    assert!(
        browser
            .get("/family")
            .await
            .body
            .contains("They go out again from Tuesday, Dec 1.")
    );
    let version = page.hidden("version");
    browser
        .post("/family/settings/resume", &[("version", &version)])
        .await;
    let family = web
        .store
        .family(&sample::family_id("conrad"))
        .await
        .unwrap()
        .unwrap();
    assert!(!family.paused);
}

#[tokio::test]
async fn titles_for_later_lead_to_their_records_and_the_page_to_the_calendar() {
    let web = TestWeb::new().await;
    let mut account = sample::account(7_00);
    for loan in account.loans.iter_mut().flatten() {
        loan.url = Some("https://wpl.example.org/item/1".to_owned());
        loan.due = Some(sample::date("2027-02-01"));
    }
    web.save_account(&web.card, account).await;
    let page = web.signed_in(PAT).await.get("/family").await.body;
    let (_, later) = page.split_once("<h2>For later</h2>").unwrap();
    let link = "<a href=\"https://wpl.example.org/item/1\" rel=\"noreferrer\">The &#60;Owl&#62;";
    assert!(later.contains(link), "{later}");
    let calendar = "<a href=\"/family/feeds\">Add to your calendar</a>";
    assert!(page.contains(calendar), "{page}");
}
