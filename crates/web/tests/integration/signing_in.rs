//! Signing in and out: one answer for every address, one use for every link.

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use hippo_core::store::FamilyStore as _;
use hippo_core::testing::contract::sample;

use crate::web::{BOTH, KIM, OPERATOR, PAT, TestWeb};

const SESSION: &str = "__Host-hippo";

#[tokio::test]
async fn mailed_link_signs_in_on_any_device_and_once() {
    let web = TestWeb::new().await;
    let mut asking = web.browser();
    let asked = asking.ask_for_mail(PAT).await;
    assert_eq!(
        (asked.status, asked.location()),
        (StatusCode::SEE_OTHER, "/sign-in/code")
    );
    let link = web.mailed_link();

    let mut phone = web.browser();
    let page = phone.get(&link).await;
    let (form_token, token) = (page.hidden("form_token"), page.hidden("token"));
    let fields = [("form_token", &*form_token), ("token", &*token)];
    let used = phone.post("/sign-in/link", &fields).await;
    assert_eq!((used.status, used.location()), (StatusCode::SEE_OTHER, "/"));
    assert_eq!(phone.get("/family").await.status, StatusCode::OK);

    // The same form again, as a double click sends it, and the code of the same mail.
    let session = phone.cookies[SESSION].clone();
    let again = phone.post("/sign-in/link", &fields).await;
    assert_eq!(again.location(), "/");
    assert_eq!(
        phone.cookies[SESSION], session,
        "it begins no other session"
    );
    let page = web.browser().get(&link).await;
    assert_eq!(page.status, StatusCode::GONE);
    assert!(page.body.contains("This link was already used."));
    // The browser sent the second one without the cookie of the first one's answer.
    phone.cookies.remove(SESSION);
    let again = phone.post("/sign-in/link", &fields).await;
    assert_eq!(again.status, StatusCode::GONE);
    assert!(again.body.contains("you may be signed in"));
    assert!(!phone.cookies.contains_key(SESSION));
    let code = asking.type_code(&web.mailed_code()).await;
    assert_eq!(code.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(code.body.contains("This code was already used."));
    assert!(!asking.cookies.contains_key(SESSION));
}

#[tokio::test]
async fn mailed_code_signs_in_only_in_its_browser() {
    let web = TestWeb::new().await;
    let mut browser = web.browser();
    browser.ask_for_mail(PAT).await;
    let code = web.mailed_code();
    let mut other = web.browser();
    other.ask_for_mail("nobody@example.org").await;
    let refused = other.type_code(&code).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!other.cookies.contains_key(SESSION));
    let spaced = format!("{} {}", &code[..3], &code[3..]);
    let used = browser.type_code(&spaced).await;
    assert_eq!(used.location(), "/");
    assert!(browser.get("/family").await.body.contains("The conrads"));
    assert!(!browser.cookies.contains_key("__Host-hippo-attempt"));
    // The same form again, as a double click sends it.
    let token = browser.get("/sign-in").await.hidden("form_token");
    let fields = [("form_token", &*token), ("code", &*code)];
    let again = browser.post("/sign-in/code", &fields).await;
    assert_eq!(again.location(), "/");
}

#[tokio::test]
async fn scanner_that_opens_the_link_changes_nothing() {
    let web = TestWeb::new().await;
    let mut browser = web.browser();
    browser.ask_for_mail(PAT).await;
    let link = web.mailed_link();
    // From here on the store refuses every write.
    web.store.limit_writes(Some(0));
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let mut scanner = web.browser();
        let request = scanner.request(method, &link);
        assert_eq!(scanner.send(request, "").await.status, StatusCode::OK);
        assert!(!scanner.cookies.contains_key(SESSION));
    }
    web.store.limit_writes(None);
    assert_eq!(browser.open_link_and_press(&link).await.location(), "/");
}

#[tokio::test]
async fn link_and_code_end_after_fifteen_minutes() {
    let web = TestWeb::new().await;
    let mut browser = web.browser();
    browser.ask_for_mail(PAT).await;
    let page = browser.get(&web.mailed_link()).await;
    let (form_token, token) = (page.hidden("form_token"), page.hidden("token"));
    web.wait(TimeDelta::minutes(15));
    let fields = [("form_token", &*form_token), ("token", &*token)];
    let late = browser.post("/sign-in/link", &fields).await;
    assert_eq!(late.status, StatusCode::GONE);
    let late = browser.type_code(&web.mailed_code()).await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!browser.cookies.contains_key(SESSION));
}

#[tokio::test]
async fn forged_links_are_all_refused_alike() {
    let web = TestWeb::new().await;
    let mut browser = web.browser();
    browser.ask_for_mail(PAT).await;
    let link = web.mailed_link();
    let (start, token) = link.rsplit_once('.').unwrap();
    let forged = [
        format!("{start}.{}", "0".repeat(64)),
        format!("{start}.{}", &token[1..]),
        format!("{start}."),
        format!("/sign-in/link?token={token}"),
        "/sign-in/link?token=".to_owned(),
        "/sign-in/link".to_owned(),
        "/sign-in/link?token=%00%ff".to_owned(),
    ];
    for link in forged {
        let page = web.browser().get(&link).await;
        assert!(page.status.is_client_error(), "{link}");
        assert!(!page.body.contains("name=\"token\""), "{link}");
    }
}

#[tokio::test]
async fn sixth_code_is_refused_even_if_it_is_right() {
    let web = TestWeb::new().await;
    let mut browser = web.browser();
    browser.ask_for_mail(PAT).await;
    let code = web.mailed_code();
    let wrong = if code == "111111" { "222222" } else { "111111" };
    for left in [
        "4 more tries",
        "3 more tries",
        "2 more tries",
        "one more try",
        "new email",
    ] {
        let page = browser.type_code(wrong).await;
        assert!(page.body.contains(left), "{left}: {}", page.body);
    }
    let page = browser.type_code(&code).await;
    assert!(page.body.contains("no longer works"));
    assert!(!browser.cookies.contains_key(SESSION));
}

/// Everything of a response that an attacker sees, without random tokens.
fn visible(response: &crate::web::TestResponse) -> String {
    let headers: Vec<String> = response
        .headers
        .iter()
        .map(|(name, value)| {
            let value = value.to_str().unwrap();
            let value = value.split('=').next().unwrap();
            format!("{name}: {value}")
        })
        .collect();
    let body = match response.body.split_once("form_token\" value=\"") {
        Some((start, rest)) => format!("{start}{}", &rest[64..]),
        None => response.body.clone(),
    };
    format!("{} {headers:?} {body}", response.status)
}

#[tokio::test]
async fn known_and_unknown_addresses_get_the_same_answers() {
    let web = TestWeb::new().await;
    let mut seen = Vec::new();
    for address in [PAT, "nobody@example.org", OPERATOR, "PAT@EXAMPLE.ORG"] {
        let mut browser = web.browser();
        let mut answers = vec![visible(&browser.ask_for_mail(address).await)];
        answers.push(visible(&browser.get("/sign-in/code").await));
        for code in [
            "000001", "000002", "12", "000003", "000004", "000005", "000006",
        ] {
            answers.push(visible(&browser.type_code(code).await));
        }
        seen.push(answers);
    }
    for answers in &seen {
        assert_eq!(*answers, seen[0]);
    }
    // Every address cost one request; only the known ones got a mail.
    assert_eq!(web.requests(), 4);
    let to: Vec<String> = web
        .mails()
        .iter()
        .map(|mail| mail.to[0].to_string())
        .collect();
    assert_eq!(to, [PAT, OPERATOR, PAT]);
}

#[tokio::test]
async fn address_gets_three_mails_an_hour_and_then_the_same_page() {
    let web = TestWeb::new().await;
    for (number, expected) in [(1, 1), (2, 2), (3, 3), (4, 3), (5, 3)] {
        let mut browser = web.browser();
        browser.peer = format!("203.0.{number}.1").parse().unwrap();
        let asked = browser.ask_for_mail(PAT).await;
        assert_eq!(asked.location(), "/sign-in/code");
        assert_eq!(web.mails().len(), expected);
    }
    web.wait(TimeDelta::hours(1));
    web.browser().ask_for_mail(PAT).await;
    assert_eq!(web.mails().len(), 4);
}

#[tokio::test]
async fn network_gets_ten_mails_an_hour_despite_forged_headers() {
    let web = TestWeb::new().await;
    let mut statuses = Vec::new();
    for number in 0..12 {
        let mut browser = web.browser();
        browser.peer = format!("203.0.113.{number}").parse().unwrap();
        let token = browser.get("/sign-in").await.hidden("form_token");
        let address = format!("somebody-{number}@example.org");
        let request = browser
            .request(Method::POST, "/sign-in")
            .header("sec-fetch-site", "same-origin")
            .header("x-forwarded-for", format!("198.51.{number}.1"))
            .header("content-type", "application/x-www-form-urlencoded");
        let body = crate::web::encode(&[("form_token", &token), ("address", &address)]);
        statuses.push(browser.send(request, &body).await.status);
    }
    assert!(
        statuses[..10]
            .iter()
            .all(|status| *status == StatusCode::SEE_OTHER)
    );
    assert_eq!(statuses[10..], [StatusCode::TOO_MANY_REQUESTS; 2]);
    assert_eq!(web.requests(), 10);
    // Other people, and people who are already signed in, aren't affected.
    let mut other = web.browser();
    other.peer = "198.51.100.1".parse().unwrap();
    assert_eq!(other.ask_for_mail(PAT).await.location(), "/sign-in/code");
}

#[tokio::test]
async fn strangers_keep_no_family_from_signing_in() {
    let web = TestWeb::new().await;
    for number in 1..120_u8 {
        let mut browser = web.browser();
        browser.peer = std::net::IpAddr::from([203, number, 113, 1]);
        let address = format!("somebody-{number}@example.org");
        let asked = browser.ask_for_mail(&address).await;
        assert_eq!(asked.location(), "/sign-in/code");
    }
    assert_eq!(web.mails().len(), 0);
    let mut kim = web.signed_in(KIM).await;
    assert_eq!(kim.get("/family").await.status, StatusCode::OK);
}

#[tokio::test]
async fn form_that_another_browser_opened_is_refused() {
    let web = TestWeb::new().await;
    let (mut browser, mut other) = (web.browser(), web.browser());
    let token = other.get("/sign-in").await.hidden("form_token");
    browser.get("/sign-in").await;
    for token in [&*token, ""] {
        let fields = [("form_token", token), ("address", PAT)];
        let refused = browser.post("/sign-in", &fields).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(web.requests(), 0);
}

#[tokio::test]
async fn malformed_address_is_named_and_costs_nothing() {
    let web = TestWeb::new().await;
    let page = web.browser().ask_for_mail("pat at home").await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.body.contains("isn’t an email address"));
    assert!(!page.body.contains("pat at home"));
    assert_eq!(web.requests(), 0);
}

#[tokio::test]
async fn session_cookie_is_bound_to_the_host_and_ends() {
    let web = TestWeb::new().await;
    let mut browser = web.browser();
    browser.ask_for_mail(PAT).await;
    let used = browser.open_link_and_press(&web.mailed_link()).await;
    let cookies = used.headers.get_all("set-cookie").iter();
    let mut cookies = cookies.map(|cookie| cookie.to_str().unwrap());
    let cookie = cookies
        .find(|cookie| cookie.starts_with("__Host-hippo="))
        .unwrap();
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000; Secure"),
        "{cookie}"
    );
    web.wait(TimeDelta::days(30) - TimeDelta::seconds(1));
    assert_eq!(browser.get("/family").await.status, StatusCode::OK);
    web.wait(TimeDelta::seconds(1));
    assert_eq!(browser.get("/family").await.location(), "/sign-in");
}

#[tokio::test]
async fn planted_page_is_not_opened_after_signing_in() {
    let web = TestWeb::new().await;
    // The console isn't hers.
    for page in ["https://evil.example/family/", "//evil.example", "/console"] {
        let mut browser = web.browser();
        browser.ask_for_mail(PAT).await;
        let cookie = ("__Host-hippo-next".to_owned(), page.to_owned());
        browser.cookies.extend([cookie]);
        let used = browser.open_link_and_press(&web.mailed_link()).await;
        assert_eq!(used.location(), "/", "{page}");
    }
}

#[tokio::test]
async fn operators_session_ends_after_a_day() {
    let web = TestWeb::new().await;
    let mut browser = web.operator().await;
    assert!(browser.get("/").await.body.contains("You’re the operator"));
    web.wait(TimeDelta::days(1));
    assert!(!browser.get("/").await.body.contains("You’re the operator"));
}

#[tokio::test]
async fn signing_in_gives_a_new_token_and_ends_the_old_session() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let old = browser.cookies[SESSION].clone();
    browser.ask_for_mail(PAT).await;
    browser.open_link_and_press(&web.mailed_link()).await;
    assert_ne!(browser.cookies[SESSION], old);
    let mut thief = web.browser();
    thief.cookies.insert(SESSION.to_owned(), old);
    assert_eq!(thief.get("/family").await.location(), "/sign-in");
}

#[tokio::test]
async fn signed_out_browser_stays_out_even_with_its_old_cookie() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let mut other = web.signed_in(PAT).await;
    let old = browser.cookies.clone();
    let out = browser.post("/sign-out", &[]).await;
    assert_eq!(out.location(), "/");
    assert_eq!(out.header("clear-site-data"), Some("\"cache\""));
    assert!(!browser.cookies.contains_key(SESSION));
    browser.cookies = old;
    assert_eq!(browser.get("/family").await.location(), "/sign-in");
    assert_eq!(other.get("/family").await.status, StatusCode::OK);
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_session_of_that_person() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let mut phone = web.signed_in(PAT).await;
    let mut kim = web.signed_in(KIM).await;
    browser.post("/sign-out", &[("everywhere", "yes")]).await;
    assert_eq!(phone.get("/family").await.location(), "/sign-in");
    assert_eq!(kim.get("/family").await.status, StatusCode::OK);
}

#[tokio::test]
async fn removed_recipient_is_out_at_once() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let mut family = web
        .store
        .family(&sample::family_id("conrad"))
        .await
        .unwrap()
        .unwrap();
    family.recipients.retain(|address| address.as_str() != PAT);
    web.store.update_family(&family).await.unwrap();
    for path in ["/family", "/family/cards", "/family/settings"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND);
        assert!(!page.body.contains("conrad"));
    }
}

#[tokio::test]
async fn person_in_two_families_chooses_one_and_cannot_choose_another() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(BOTH).await;
    assert_eq!(browser.get("/family").await.location(), "/");
    let choice = browser.get("/").await;
    assert!(choice.body.contains("The conrads") && choice.body.contains("The lees"));
    let chosen = browser.post("/sign-in/family", &[("family", "lee")]).await;
    assert_eq!(chosen.location(), "/family");
    let page = browser.get("/family").await;
    assert!(page.body.contains("The lees") && !page.body.contains("The conrads"));

    let mut pat = web.signed_in(PAT).await;
    for family in ["lee", "nobody", "../x"] {
        let refused = pat.post("/sign-in/family", &[("family", family)]).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND);
    }
    assert!(pat.get("/family").await.body.contains("The conrads"));
}

#[tokio::test]
async fn store_that_is_away_has_a_page_with_an_id() {
    let web = TestWeb::new().await;
    let mut browser = web.browser();
    web.store.limit_writes(Some(0));
    let page = browser.ask_for_mail(PAT).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(page.body.contains("Nothing is lost") && page.body.contains("<code>"));
    assert!(!page.body.contains("limited"), "{}", page.body);
    web.store.limit_writes(None);
    assert_eq!(browser.ask_for_mail(PAT).await.location(), "/sign-in/code");
}

#[tokio::test]
async fn email_that_could_not_be_enqueued_counts_nowhere() {
    let web = TestWeb::new().await;
    // More than an address and a network may ask for.
    web.refuse_messages(12);
    for _ in 0..12 {
        let page = web.browser().ask_for_mail(PAT).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    for mails in 1..=3 {
        let asked = web.browser().ask_for_mail(PAT).await;
        assert_eq!(asked.location(), "/sign-in/code");
        assert_eq!(web.mails().len(), mails);
    }
}

#[tokio::test]
async fn link_and_code_still_work_after_the_store_failed_and_once() {
    let web = TestWeb::new().await;
    for uses_code in [false, true] {
        let mut browser = web.browser();
        browser.ask_for_mail(PAT).await;
        let (link, code) = (web.mailed_link(), web.mailed_code());
        // At the session, at the attempt, and when both succeeded but the machine stops.
        for writes in 0..2 {
            web.store.limit_writes(Some(writes));
            let failed = match uses_code {
                true => browser.type_code(&code).await,
                false => browser.open_link_and_press(&link).await,
            };
            web.store.limit_writes(None);
            assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE, "{writes}");
            assert!(failed.body.contains("Nothing is lost"), "{}", failed.body);
            assert!(!browser.cookies.contains_key(SESSION));
        }
        let used = match uses_code {
            true => browser.type_code(&code).await,
            false => browser.open_link_and_press(&link).await,
        };
        assert_eq!(used.location(), "/");
        assert_eq!(browser.get("/family").await.status, StatusCode::OK);
        assert_eq!(web.browser().get(&link).await.status, StatusCode::GONE);
    }
}

#[tokio::test]
async fn signing_out_forgets_the_session_even_if_the_store_is_away() {
    let web = TestWeb::new().await;
    for (writes, reads) in [(Some(0), None), (None, Some(0))] {
        for fields in [&[][..], &[("everywhere", "yes")]] {
            let mut browser = web.browser();
            browser.peer = "203.0.113.1".parse().unwrap();
            browser.ask_for_mail(BOTH).await;
            browser.open_link_and_press(&web.mailed_link()).await;
            web.store.limit_writes(writes);
            web.store.limit_reads(reads);
            let out = browser.post("/sign-out", fields).await;
            web.store.limit_writes(None);
            web.store.limit_reads(None);
            assert_eq!(out.status, StatusCode::SERVICE_UNAVAILABLE);
            let words = "You’re signed out only in this browser";
            assert!(out.body.contains(words), "{}", out.body);
            assert!(out.body.contains("<code>"), "{}", out.body);
            assert_eq!(out.header("clear-site-data"), Some("\"cache\""));
            assert!(!browser.cookies.contains_key(SESSION));
            assert_eq!(browser.get("/family").await.location(), "/sign-in");
            web.wait(TimeDelta::hours(1));
        }
    }
}
