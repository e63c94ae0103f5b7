//! What an identity provider's answer can't do.

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use hippo_oidc::testing::{FakeIssuer, Fault, Signing};
use rstest::rstest;
use serde_json::{Value, json};
use url::Url;

use crate::identities::{
    LINKED, REQUEST, SESSION, WAITING, answer_link, come_back, go_to_provider, link, use_provider,
    web_with_provider,
};
use crate::web::{Browser, PAT, TestResponse, TestWeb, encode};

/// The redirect with another value of a field.
fn with_field(back: &Url, name: &str, value: &str) -> Url {
    let pairs: Vec<_> = back.query_pairs().into_owned().collect();
    let mut changed = back.clone();
    changed.query_pairs_mut().clear();
    for (key, old) in &pairs {
        let value = if key == name { value } else { old };
        changed.query_pairs_mut().append_pair(key, value);
    }
    changed
}

/// A provider whose account is linked already, so that any accepted answer would sign somebody in.
async fn linked_web() -> (TestWeb, FakeIssuer) {
    let (web, issuer) = web_with_provider().await;
    link(&web, &issuer, PAT).await;
    (web, issuer)
}

fn assert_refused(answer: &TestResponse) {
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
    assert!(answer.body.contains("You aren’t signed in"));
    let cookies = answer.headers.get_all("set-cookie").iter();
    let mut cookies = cookies.map(|cookie| cookie.to_str().unwrap());
    assert!(!cookies.any(|cookie| cookie.starts_with("__Host-hippo=")));
}

#[tokio::test]
async fn forged_state_is_refused_and_the_code_not_sent() {
    let (web, issuer) = linked_web().await;
    let asked = issuer.count_requests("/token");
    let mut browser = web.browser();
    let back = issuer.authorize(&go_to_provider(&mut browser).await);
    for forged in ["", "forged"] {
        let answer = come_back(&mut browser, &with_field(&back, "state", forged)).await;
        assert_refused(&answer);
    }
    assert_eq!(issuer.count_requests("/token"), asked);
    // The forger can't end the real sign-in, either.
    let answer = come_back(&mut browser, &back).await;
    assert_eq!(answer.location(), "/");
}

#[tokio::test]
async fn answer_in_another_browser_is_refused() {
    let (web, issuer) = linked_web().await;
    let asked = issuer.count_requests("/token");
    let mut attacker = web.browser();
    let back = issuer.authorize(&go_to_provider(&mut attacker).await);
    // Without a cookie, and with that of a request of its own.
    let mut victim = web.browser();
    assert_refused(&come_back(&mut victim, &back).await);
    go_to_provider(&mut victim).await;
    assert_refused(&come_back(&mut victim, &back).await);
    assert!(!victim.cookies.contains_key(SESSION));
    assert_eq!(issuer.count_requests("/token"), asked);
}

#[tokio::test]
async fn another_site_begins_no_sign_in() {
    let (web, issuer) = linked_web().await;
    let begin = async |browser: &mut Browser<'_>, site: Option<&str>| {
        let mut request = browser.request(Method::GET, "/sign-in/oidc");
        if let Some(site) = site {
            request = request.header("sec-fetch-site", site);
        }
        browser.send(request, "").await
    };
    for site in ["cross-site", "same-site"] {
        let mut browser = web.browser();
        let answer = begin(&mut browser, Some(site)).await;
        assert_eq!(answer.location(), "https://hippo.example.org/sign-in");
        assert!(browser.cookies.is_empty(), "{site}");
        // Nor does it spoil one that the person began.
        go_to_provider(&mut browser).await;
        let began = browser.cookies.clone();
        begin(&mut browser, Some(site)).await;
        assert_eq!(browser.cookies, began, "{site}");
    }
    for site in [Some("same-origin"), Some("none"), None] {
        let mut browser = web.browser();
        let answer = begin(&mut browser, site).await;
        assert!(answer.location().starts_with(issuer.issuer().as_str()));
        assert!(browser.cookies.contains_key(REQUEST), "{site:?}");
    }
}

#[tokio::test]
async fn another_site_cannot_link_its_account_to_a_signed_in_person() {
    let (web, issuer) = web_with_provider().await;
    let mut attacker = web.browser();
    let back = issuer.authorize(&go_to_provider(&mut attacker).await);
    let mut victim = web.signed_in(PAT).await;
    let session = victim.cookies[SESSION].clone();
    // The answer of the attacker's request, then the form that links.
    assert_refused(&come_back(&mut victim, &back).await);
    assert!(!victim.cookies.contains_key(WAITING));
    // Even if the victim's own browser brings the account, the victim is asked.
    use_provider(&mut victim, &issuer).await;
    let token = victim.get("/sign-in").await.hidden("form_token");
    let request = victim
        .request(Method::POST, "/sign-in/oidc/link")
        .header("sec-fetch-site", "cross-site")
        .header("content-type", "application/x-www-form-urlencoded");
    let form = encode(&[("form_token", &token), ("answer", "yes")]);
    assert_eq!(
        victim.send(request, &form).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(victim.cookies[SESSION], session);
    let answer = use_provider(&mut web.browser(), &issuer).await;
    assert!(answer.body.contains("One more step"));
}

#[rstest]
#[case("access_denied", StatusCode::FORBIDDEN)]
#[case("login_required", StatusCode::FORBIDDEN)]
#[case("temporarily_unavailable", StatusCode::SERVICE_UNAVAILABLE)]
#[case("unknown", StatusCode::SERVICE_UNAVAILABLE)]
#[case("", StatusCode::SERVICE_UNAVAILABLE)]
#[tokio::test]
async fn error_of_the_provider_sends_no_code_and_shows_what_to_do(
    #[case] error: &str,
    #[case] expected: StatusCode,
) {
    let (web, issuer) = linked_web().await;
    let asked = issuer.count_requests("/token");
    let mut browser = web.browser();
    let mut back = issuer.authorize(&go_to_provider(&mut browser).await);
    back.query_pairs_mut().append_pair("error", error);
    let answer = come_back(&mut browser, &back).await;
    assert_eq!(answer.status, expected);
    assert!(
        answer.body.contains("<a href=\"/sign-in\">"),
        "{}",
        answer.body
    );
    assert_eq!(issuer.count_requests("/token"), asked);
    assert!(!browser.cookies.contains_key(REQUEST));
    assert!(!browser.cookies.contains_key(SESSION));
}

#[tokio::test]
async fn old_request_is_refused() {
    let (web, issuer) = linked_web().await;
    for (minutes, is_refused) in [(9, false), (10, true)] {
        let mut browser = web.browser();
        let back = issuer.authorize(&go_to_provider(&mut browser).await);
        web.wait(TimeDelta::minutes(minutes));
        issuer.state().now = web.now();
        let answer = come_back(&mut browser, &back).await;
        assert_eq!(
            answer.status == StatusCode::FORBIDDEN,
            is_refused,
            "{minutes}"
        );
    }
    // Nor may the browser prolong it.
    let mut browser = web.browser();
    let back = issuer.authorize(&go_to_provider(&mut browser).await);
    web.wait(TimeDelta::minutes(10));
    let cookie = browser.cookies[REQUEST].clone();
    let (token, _) = cookie.split_once('.').unwrap();
    let newer = format!("{token}.{}", web.now().timestamp());
    browser.cookies.insert(REQUEST.to_owned(), newer);
    assert_refused(&come_back(&mut browser, &back).await);
}

#[tokio::test]
async fn provider_response_is_used_once_even_if_its_code_is_reusable() {
    let (web, issuer) = linked_web().await;
    issuer.state().takes_codes_again = true;
    let mut browser = web.browser();
    let back = issuer.authorize(&go_to_provider(&mut browser).await);
    let mut copy = web.browser();
    copy.cookies = browser.cookies.clone();
    assert_eq!(come_back(&mut browser, &back).await.location(), "/");
    let asked = issuer.count_requests("/token");
    assert_refused(&come_back(&mut copy, &back).await);
    assert_eq!(issuer.count_requests("/token"), asked);
}

#[tokio::test]
async fn used_code_is_refused_by_the_provider() {
    let (web, issuer) = linked_web().await;
    let mut first = web.browser();
    let back = issuer.authorize(&go_to_provider(&mut first).await);
    come_back(&mut first, &back).await;
    let mut second = web.browser();
    let other = issuer.authorize(&go_to_provider(&mut second).await);
    let code = back.query_pairs().next().unwrap().1.into_owned();
    assert_refused(&come_back(&mut second, &with_field(&other, "code", &code)).await);
}

#[tokio::test]
async fn answer_of_another_provider_is_refused() {
    let (web, issuer) = linked_web().await;
    let asked = issuer.count_requests("/token");
    let mut browser = web.browser();
    let back = issuer.authorize(&go_to_provider(&mut browser).await);
    let mixed_up = with_field(&back, "iss", "https://evil.example");
    assert_refused(&come_back(&mut browser, &mixed_up).await);
    assert_eq!(issuer.count_requests("/token"), asked);
}

#[rstest]
#[case("nonce", json!("another"))]
#[case("aud", json!("another client"))]
#[case("iss", json!("https://evil.example"))]
#[case("exp", json!(0))]
#[tokio::test]
async fn token_with_a_wrong_claim_is_rejected(#[case] name: &str, #[case] value: Value) {
    let (web, issuer) = linked_web().await;
    issuer.set_claim(name, value);
    assert_refused(&use_provider(&mut web.browser(), &issuer).await);
}

#[rstest]
#[case(Signing::Unsigned)]
#[case(Signing::HmacWithPublicKey)]
#[case(Signing::WrongKey)]
#[tokio::test]
async fn token_with_a_wrong_signature_is_rejected(#[case] signing: Signing) {
    let (web, issuer) = linked_web().await;
    issuer.state().signing = signing;
    assert_refused(&use_provider(&mut web.browser(), &issuer).await);
}

#[tokio::test]
async fn person_who_cancels_is_not_signed_in() {
    let (web, issuer) = linked_web().await;
    let mut browser = web.browser();
    let back = issuer.authorize(&go_to_provider(&mut browser).await);
    let state = back
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap();
    let path = format!("{}?error=access_denied&state={}", back.path(), state.1);
    let answer = browser.get(&path).await;
    assert_refused(&answer);
    assert!(
        answer
            .body
            .contains("<a href=\"/sign-in/oidc\">Try again</a>")
    );
    // The request is over.
    assert_refused(&come_back(&mut browser, &back).await);
    assert!(!browser.cookies.contains_key(SESSION));
    let twice = format!("{}?state=a&state={}", back.path(), state.1);
    assert_eq!(browser.get(&twice).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn address_in_a_token_changes_nothing() {
    let (web, issuer) = web_with_provider().await;
    let expected = use_provider(&mut web.browser(), &issuer).await;
    for email in [PAT, "nobody@example.org"] {
        for verified in [json!(true), json!(false), json!(null)] {
            issuer.set_claim("email", json!(email));
            issuer.set_claim("email_verified", verified);
            let mut browser = web.browser();
            let answer = use_provider(&mut browser, &issuer).await;
            assert_eq!(
                (answer.status, &answer.body),
                (expected.status, &expected.body)
            );
            assert!(!browser.cookies.contains_key(SESSION));
        }
    }
    assert_eq!(web.requests(), 0);
}

#[tokio::test]
async fn account_is_linked_only_in_the_browser_that_showed_it() {
    let (web, issuer) = web_with_provider().await;
    let mut attacker = web.browser();
    use_provider(&mut attacker, &issuer).await;
    let mut victim = web.signed_in(PAT).await;
    let page = victim.get("/sign-in/oidc/link").await;
    assert_eq!(page.location(), "/");
    // The id alone isn't a key.
    let cookie = attacker.cookies[WAITING].clone();
    let (id, _) = cookie.split_once('.').unwrap();
    let forged = format!("{id}.{}", "0".repeat(64));
    victim.cookies.insert(WAITING.to_owned(), forged);
    let fields = [("answer", "yes")];
    victim.post_with_token("/sign-in/oidc/link", &fields).await;
    let answer = use_provider(&mut web.browser(), &issuer).await;
    assert!(answer.body.contains("One more step"));
}

#[tokio::test]
async fn link_needs_a_recent_sign_in() {
    let (web, issuer) = web_with_provider().await;
    let mut browser = web.signed_in(PAT).await;
    web.wait(TimeDelta::minutes(61));
    issuer.state().now = web.now();
    let answer = use_provider(&mut browser, &issuer).await;
    assert!(answer.body.contains("One more step"));
    assert_eq!(browser.get("/sign-in/oidc/link").await.location(), "/");
    use_provider(&mut browser, &issuer).await;
    let fields = [("answer", "yes")];
    let answer = browser.post_with_token("/sign-in/oidc/link", &fields).await;
    assert_eq!(answer.status, StatusCode::GONE);
    assert!(answer.body.contains("Nothing was linked"));
    assert!(!browser.cookies.contains_key(WAITING));
    let answer = use_provider(&mut web.browser(), &issuer).await;
    assert!(answer.body.contains("One more step"));
}

#[tokio::test]
async fn link_is_made_and_removed_only_by_a_form_of_ours() {
    let (web, issuer) = web_with_provider().await;
    let mut browser = web.signed_in(PAT).await;
    use_provider(&mut browser, &issuer).await;
    for (path, field) in [
        ("/sign-in/oidc/link", ("answer", "yes")),
        ("/sign-in/oidc/unlink", ("everywhere", "yes")),
    ] {
        let forged = [field, ("form_token", "forged")];
        let answer = browser.post(path, &forged).await;
        assert!(answer.body.contains("This form is too old"), "{path}");
    }
}

#[tokio::test]
async fn operators_link_names_no_person_to_link() {
    let (web, issuer) = web_with_provider().await;
    let mut console = web.operator().await;
    use_provider(&mut console, &issuer).await;
    assert_eq!(console.get("/sign-in/oidc/link").await.location(), "/");
    use_provider(&mut console, &issuer).await;
    let fields = [("answer", "yes")];
    console.post_with_token("/sign-in/oidc/link", &fields).await;
    let shown = web.operator().await.get("/console/audit").await.body;
    assert!(!shown.contains("linked an account"), "{shown}");
}

#[tokio::test]
async fn account_that_waits_can_be_linked_for_half_an_hour() {
    let (web, issuer) = web_with_provider().await;
    let mut browser = web.browser();
    use_provider(&mut browser, &issuer).await;
    web.wait(TimeDelta::minutes(30));
    browser.ask_for_mail(PAT).await;
    browser.type_code(&web.mailed_code()).await;
    assert_eq!(browser.get("/sign-in/oidc/link").await.location(), "/");
    issuer.state().now = web.now();
    use_provider(&mut browser, &issuer).await;
    web.wait(TimeDelta::minutes(29));
    let linked = answer_link(&mut browser, "yes").await.body;
    assert!(linked.contains(LINKED), "{linked}");
}

#[tokio::test]
async fn two_answers_about_a_link_at_once_are_one() {
    let (web, issuer) = web_with_provider().await;
    let mut browser = web.signed_in(PAT).await;
    use_provider(&mut browser, &issuer).await;
    let page = browser.get("/sign-in/oidc/link").await;
    let token = page.hidden("form_token");
    let fields = [("form_token", &*token), ("answer", "yes")];
    let cookies = browser.cookies.clone();
    browser.post("/sign-in/oidc/link", &fields).await;
    browser.cookies = cookies;
    let again = browser.post("/sign-in/oidc/link", &fields).await;
    assert_eq!(again.location(), "/sign-in/oidc/link");
    let settings = browser.get("/family/settings").await.body;
    let linked = "linked an account to sign in with";
    assert_eq!(settings.matches(linked).count(), 1);
}

#[tokio::test]
async fn provider_that_is_down_leaves_the_email() {
    let (web, issuer) = web_with_provider().await;
    let path = "/.well-known/openid-configuration".to_owned();
    issuer.state().faults.insert(path, Fault::Broken);
    let answer = web.get("/sign-in/oidc").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.body.contains("Home doesn’t work right now"));
    assert!(
        answer
            .body
            .contains("<a href=\"/sign-in\">Sign in by email</a>")
    );
}

#[tokio::test]
async fn network_brings_thirty_answers_an_hour() {
    let (web, issuer) = linked_web().await;
    // One was brought to link it.
    for _ in 0..29 {
        let answer = use_provider(&mut web.browser(), &issuer).await;
        assert_eq!(answer.location(), "/");
    }
    let asked = issuer.count_requests("/token");
    let answer = use_provider(&mut web.browser(), &issuer).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.body.contains("Too many tries"));
    assert_eq!(issuer.count_requests("/token"), asked);
    let mut elsewhere = web.browser();
    elsewhere.peer = "192.0.2.1".parse().unwrap();
    let answer = use_provider(&mut elsewhere, &issuer).await;
    assert_eq!(answer.location(), "/");
}

#[tokio::test]
async fn long_code_fits_and_a_longer_one_does_not() {
    let (web, issuer) = linked_web().await;
    let mut browser = web.browser();
    let back = issuer.authorize(&go_to_provider(&mut browser).await);
    let long = with_field(&back, "code", &"x".repeat(7000));
    assert_refused(&come_back(&mut browser, &long).await);
    let longer = with_field(&back, "code", &"x".repeat(9000));
    let answer = come_back(&mut browser, &longer).await;
    assert_eq!(answer.status, StatusCode::URI_TOO_LONG);
}
