//! Signing in with an account that people have elsewhere, and linking it.

use std::sync::Arc;

use axum::http::header::HOST;
use axum::http::{Method, Request, StatusCode};
use chrono::TimeDelta;
use hippo_core::sign_in::PersonId;
use hippo_core::store::FamilyStore as _;
use hippo_core::testing::contract::sample;
use hippo_oidc::testing::FakeIssuer;
use url::Url;

use crate::web::{BOTH, Browser, KIM, OPERATOR, PAT, TestResponse, TestWeb};

pub const SESSION: &str = "__Host-hippo";
pub const REQUEST: &str = "__Host-hippo-identity";
pub const WAITING: &str = "__Host-hippo-link";
pub const LINKED: &str = "Your Home account is linked";

/// The pages, with a small provider called Home.
pub async fn web_with_provider() -> (TestWeb, FakeIssuer) {
    let web = TestWeb::new().await;
    let issuer = FakeIssuer::start(web.now()).await;
    let web = web.with_identity_provider(Arc::new(issuer.provider()));
    (web, issuer)
}

/// Follows the link on the sign-in page, to the provider's page.
pub async fn go_to_provider(browser: &mut Browser<'_>) -> Url {
    let page = browser.get("/sign-in").await;
    assert!(
        page.body
            .contains("<a href=\"/sign-in/oidc\">Sign in with Home</a>")
    );
    let answer = browser.get("/sign-in/oidc").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    answer.location().parse().unwrap()
}

/// Comes back from the provider.
pub async fn come_back(browser: &mut Browser<'_>, back: &Url) -> TestResponse {
    let path = format!("{}?{}", back.path(), back.query().unwrap());
    browser.get(&path).await
}

/// Signs in at the provider, and comes back.
pub async fn use_provider(browser: &mut Browser<'_>, issuer: &FakeIssuer) -> TestResponse {
    let url = go_to_provider(browser).await;
    let back = issuer.authorize(&url);
    come_back(browser, &back).await
}

/// Answers whether the account that waits in a browser may sign in the person. Returns the page that says
/// what happened, or where “No” leads.
pub async fn answer_link(browser: &mut Browser<'_>, answer: &str) -> TestResponse {
    let page = browser.get("/sign-in/oidc/link").await;
    assert_eq!(page.status, StatusCode::OK);
    let token = page.hidden("form_token");
    let fields = [("form_token", &*token), ("answer", answer)];
    let answered = browser.post("/sign-in/oidc/link", &fields).await;
    if answer == "no" {
        return answered;
    }
    assert_eq!(answered.location(), "/sign-in/oidc/link");
    browser.get("/sign-in/oidc/link").await
}

/// Signs in by email where an account waits, and links it.
pub async fn sign_in_and_link(web: &TestWeb, browser: &mut Browser<'_>, address: &str) {
    browser.ask_for_mail(address).await;
    let signed_in = browser.type_code(&web.mailed_code()).await;
    assert_eq!(signed_in.location(), "/sign-in/oidc/link");
    let linked = answer_link(browser, "yes").await;
    assert!(linked.body.contains(LINKED), "{}", linked.body);
}

/// Links the provider's account to an address, in a browser of its own.
pub async fn link(web: &TestWeb, issuer: &FakeIssuer, address: &str) {
    let mut browser = web.browser();
    let page = use_provider(&mut browser, issuer).await;
    assert!(page.body.contains("One more step"), "{}", page.body);
    sign_in_and_link(web, &mut browser, address).await;
}

#[tokio::test]
async fn account_signs_in_without_an_email_once_it_is_linked() {
    let (web, issuer) = web_with_provider().await;
    link(&web, &issuer, PAT).await;
    let requests = web.requests();
    let mut phone = web.browser();
    let answer = use_provider(&mut phone, &issuer).await;
    assert_eq!(
        (answer.status, answer.location()),
        (StatusCode::SEE_OTHER, "/")
    );
    assert!(phone.get("/family").await.body.contains("The conrads"));
    assert_eq!(web.requests(), requests);
    assert!(!phone.cookies.contains_key(REQUEST) && !phone.cookies.contains_key(WAITING));
    let settings = phone.get("/family/settings").await.body;
    assert!(settings.contains("You linked an account to sign in with"));
    assert!(settings.contains("One account of yours elsewhere"));
}

#[tokio::test]
async fn identity_cookies_are_short_lived_and_http_only() {
    let (web, issuer) = web_with_provider().await;
    let mut browser = web.browser();
    let begun = browser.get("/sign-in/oidc").await;
    let url: Url = begun.location().parse().unwrap();
    let done = come_back(&mut browser, &issuer.authorize(&url)).await;
    let cookie = |answer: &TestResponse, name: &str| {
        let cookies = answer.headers.get_all("set-cookie").iter();
        let mut cookies = cookies.map(|cookie| cookie.to_str().unwrap().to_owned());
        cookies.find(|cookie| cookie.starts_with(name)).unwrap()
    };
    let request = cookie(&begun, REQUEST);
    assert!(request.ends_with("Path=/; HttpOnly; SameSite=Lax; Max-Age=600; Secure"));
    assert!(cookie(&done, REQUEST).contains("Max-Age=0"));
    let waiting = cookie(&done, WAITING);
    assert!(waiting.ends_with("Path=/; HttpOnly; SameSite=Lax; Max-Age=1800; Secure"));
    assert_eq!(done.header("cache-control"), Some("no-store"));
    assert_eq!(done.header("referrer-policy"), Some("no-referrer"));
}

#[tokio::test]
async fn person_comes_back_to_the_page_that_needed_the_sign_in() {
    let (web, issuer) = web_with_provider().await;
    let mut browser = web.browser();
    browser.get("/family/settings").await;
    use_provider(&mut browser, &issuer).await;
    browser.ask_for_mail(PAT).await;
    browser.type_code(&web.mailed_code()).await;
    let linked = answer_link(&mut browser, "yes").await.body;
    let go_on = "<a class=\"button\" href=\"/family/settings\">Continue</a>";
    assert!(linked.contains(go_on), "{linked}");
    let mut other = web.browser();
    other.get("/family/cards").await;
    let answer = use_provider(&mut other, &issuer).await;
    assert_eq!(answer.location(), "/family/cards");
}

#[tokio::test]
async fn recent_sign_in_links_without_another_email() {
    let (web, issuer) = web_with_provider().await;
    let mut browser = web.signed_in(PAT).await;
    let requests = web.requests();
    let answer = use_provider(&mut browser, &issuer).await;
    assert_eq!(answer.location(), "/sign-in/oidc/link");
    let linked = answer_link(&mut browser, "yes").await.body;
    assert!(linked.contains(LINKED), "{linked}");
    assert!(linked.contains("href=\"/family/settings\">in the settings</a>"));
    assert!(!browser.cookies.contains_key(WAITING));
    // It says so once.
    assert_eq!(browser.get("/sign-in/oidc/link").await.location(), "/");
    // The only email says that it was linked.
    assert_eq!(web.requests(), requests + 1);
    assert!(!web.mails().pop().unwrap().text.contains("/sign-in/link"));
    let answer = use_provider(&mut web.browser(), &issuer).await;
    assert_eq!(answer.location(), "/");
}

#[tokio::test]
async fn account_that_signed_somebody_in_links_no_other() {
    let (web, issuer) = web_with_provider().await;
    link(&web, &issuer, PAT).await;
    let mut browser = web.browser();
    use_provider(&mut browser, &issuer).await;
    issuer.state().subject = "other".to_owned();
    let answer = use_provider(&mut browser, &issuer).await;
    assert!(answer.body.contains("One more step"), "{}", answer.body);
    let waiting = browser.cookies[WAITING].clone();
    assert_eq!(browser.get("/sign-in/oidc/link").await.location(), "/");
    browser.cookies.insert(WAITING.to_owned(), waiting);
    let fields = [("answer", "yes")];
    let answer = browser.post_with_token("/sign-in/oidc/link", &fields).await;
    assert_eq!(answer.status, StatusCode::GONE);
    assert!(answer.body.contains("Nothing was linked"));
    // An email does.
    use_provider(&mut browser, &issuer).await;
    sign_in_and_link(&web, &mut browser, PAT).await;
    let answer = use_provider(&mut web.browser(), &issuer).await;
    assert_eq!(answer.location(), "/");
}

#[tokio::test]
async fn declining_the_link_links_nothing() {
    let (web, issuer) = web_with_provider().await;
    let mut browser = web.signed_in(PAT).await;
    use_provider(&mut browser, &issuer).await;
    assert_eq!(answer_link(&mut browser, "no").await.location(), "/");
    assert!(!browser.cookies.contains_key(WAITING));
    let answer = use_provider(&mut web.browser(), &issuer).await;
    assert!(answer.body.contains("One more step"));
}

#[tokio::test]
async fn linked_account_opens_the_same_as_its_email() {
    let (web, issuer) = web_with_provider().await;
    link(&web, &issuer, BOTH).await;
    let mut browser = web.browser();
    use_provider(&mut browser, &issuer).await;
    let choice = browser.get("/").await.body;
    assert!(choice.contains("The conrads") && choice.contains("The lees"));
    assert_eq!(browser.get("/console").await.status, StatusCode::NOT_FOUND);

    issuer.state().subject = "operator".to_owned();
    link(&web, &issuer, OPERATOR).await;
    let mut browser = web.browser();
    use_provider(&mut browser, &issuer).await;
    assert_eq!(browser.get("/console").await.status, StatusCode::OK);
    web.wait(TimeDelta::days(1));
    assert_eq!(browser.get("/console").await.location(), "/sign-in");
}

#[tokio::test]
async fn unlinked_account_cannot_sign_in() {
    let (web, issuer) = web_with_provider().await;
    link(&web, &issuer, PAT).await;
    let mut browser = web.signed_in(PAT).await;
    let unlinked = browser.post_with_token("/sign-in/oidc/unlink", &[]);
    assert_eq!(unlinked.await.location(), "/family/settings?saved=unlinked");
    let settings = browser.get("/family/settings?saved=unlinked").await.body;
    assert!(settings.contains("From now on, only an email signs you in."));
    assert!(settings.contains("You unlinked the accounts to sign in with"));
    assert!(!settings.contains("of yours elsewhere"));
    let answer = use_provider(&mut web.browser(), &issuer).await;
    assert!(answer.body.contains("One more step"));
}

#[tokio::test]
async fn operator_without_a_family_unlinks_and_signs_out_everywhere() {
    let (web, issuer) = web_with_provider().await;
    link(&web, &issuer, OPERATOR).await;
    let mut other = web.signed_in(OPERATOR).await;
    let mut browser = web.browser();
    use_provider(&mut browser, &issuer).await;
    let home = browser.get("/").await.body;
    assert!(home.contains("One account of yours elsewhere"), "{home}");
    assert!(home.contains("action=\"/sign-in/oidc/unlink\""), "{home}");
    assert!(home.contains("Sign out everywhere"), "{home}");
    let unlinked = browser.post_with_token("/sign-in/oidc/unlink", &[]).await;
    assert_eq!(unlinked.location(), "/?saved=unlinked");
    let home = browser.get("/?saved=unlinked").await.body;
    assert!(home.contains("only an email signs you in"), "{home}");
    assert!(!home.contains("of yours elsewhere"), "{home}");
    browser.post("/sign-out", &[("everywhere", "yes")]).await;
    assert_eq!(other.get("/console").await.location(), "/sign-in");
    let answer = use_provider(&mut web.browser(), &issuer).await;
    assert!(answer.body.contains("One more step"));
    let changes = web.operator().await.get("/console/audit").await.body;
    assert!(changes.contains("unlinked the accounts to sign in with"));
}

#[tokio::test]
async fn link_is_on_record_for_every_family_of_the_person() {
    let (web, issuer) = web_with_provider().await;
    link(&web, &issuer, BOTH).await;
    for address in [PAT, KIM] {
        let settings = web.signed_in(address).await.get("/family/settings").await;
        let words = format!("{BOTH} linked an account to sign in with");
        assert!(settings.body.contains(&words), "{address}");
    }
    let mut browser = web.signed_in(BOTH).await;
    browser.post_with_token("/sign-in/oidc/unlink", &[]).await;
    for address in [PAT, KIM] {
        let settings = web.signed_in(address).await.get("/family/settings").await;
        let words = format!("{BOTH} unlinked the accounts to sign in with");
        assert!(settings.body.contains(&words), "{address}");
    }
}

#[tokio::test]
async fn removed_recipient_gets_the_same_response_as_a_stranger() {
    let (web, issuer) = web_with_provider().await;
    issuer.state().subject = "stranger".to_owned();
    let stranger = use_provider(&mut web.browser(), &issuer).await;
    issuer.state().subject = "pat".to_owned();
    link(&web, &issuer, PAT).await;
    let id = sample::family_id("conrad");
    let before = web.store.family(&id).await.unwrap().unwrap();
    let mut after = before.clone();
    after.recipients.retain(|address| address.as_str() != PAT);
    assert!(web.store.replace_family(&before, &after).await.unwrap());
    let mut browser = web.browser();
    let removed = use_provider(&mut browser, &issuer).await;
    assert_eq!(
        (removed.status, &removed.body),
        (stranger.status, &stranger.body)
    );
    assert!(!browser.cookies.contains_key(SESSION));
    // The account may go on to sign in somebody else.
    sign_in_and_link(&web, &mut browser, KIM).await;
    let mut browser = web.browser();
    use_provider(&mut browser, &issuer).await;
    assert!(browser.get("/family").await.body.contains("The lees"));
}

#[tokio::test]
async fn account_of_a_removed_recipient_is_unlinked_for_good() {
    let (web, issuer) = web_with_provider().await;
    link(&web, &issuer, PAT).await;
    let mut old = web.signed_in(PAT).await;
    let mut both = web.signed_in(BOTH).await;
    both.post("/sign-in/family", &[("family", "conrad")]).await;
    let person = PersonId::from_address(&PAT.parse().unwrap());
    let fields = [("family", "conrad"), ("person", person.as_str())];
    let removed = both.post_with_token("/family/settings/recipients/remove", &fields);
    assert_eq!(removed.await.location(), "/family/settings?saved=yes");
    // The same address may have another owner by now.
    let id = sample::family_id("conrad");
    let before = web.store.family(&id).await.unwrap().unwrap();
    let mut after = before.clone();
    after.recipients.push(PAT.parse().unwrap());
    assert!(web.store.replace_family(&before, &after).await.unwrap());
    let mut browser = web.browser();
    let answer = use_provider(&mut browser, &issuer).await;
    assert!(answer.body.contains("One more step"), "{}", answer.body);
    assert!(!browser.cookies.contains_key(SESSION));
    assert_eq!(old.get("/family").await.location(), "/sign-in");
}

#[tokio::test]
async fn recipient_of_another_family_keeps_the_linked_account() {
    let (web, issuer) = web_with_provider().await;
    link(&web, &issuer, BOTH).await;
    let mut pat = web.signed_in(PAT).await;
    let person = PersonId::from_address(&BOTH.parse().unwrap());
    let fields = [("family", "conrad"), ("person", person.as_str())];
    let removed = pat.post_with_token("/family/settings/recipients/remove", &fields);
    assert_eq!(removed.await.location(), "/family/settings?saved=yes");
    let mut browser = web.browser();
    use_provider(&mut browser, &issuer).await;
    assert!(browser.get("/family").await.body.contains("The lees"));
}

#[tokio::test]
async fn revoked_session_stays_revoked() {
    let (web, issuer) = web_with_provider().await;
    link(&web, &issuer, PAT).await;
    let mut browser = web.browser();
    use_provider(&mut browser, &issuer).await;
    let cookies = browser.cookies.clone();
    let mut other = web.signed_in(PAT).await;
    other.post("/sign-out", &[("everywhere", "yes")]).await;
    browser.cookies = cookies;
    assert_eq!(browser.get("/family").await.location(), "/sign-in");
    let answer = use_provider(&mut browser, &issuer).await;
    assert_eq!(answer.location(), "/");
}

#[tokio::test]
async fn without_a_provider_there_is_no_such_page() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    for page in ["/sign-in", "/family/settings"] {
        assert!(!browser.get(page).await.body.contains("oidc"), "{page}");
    }
    for path in [
        "/sign-in/oidc",
        "/sign-in/oidc/callback",
        "/sign-in/oidc/link",
    ] {
        assert_eq!(
            browser.get(path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

#[tokio::test]
async fn sign_in_begins_at_the_public_address() {
    let web = TestWeb::at("http://127.0.0.1:8484").await;
    let issuer = FakeIssuer::start(web.now()).await;
    let web = web.with_identity_provider(Arc::new(issuer.provider()));
    let get = |host: &'static str| Request::get("/sign-in/oidc").header(HOST, host);
    // The cookie of another name wouldn't come back.
    let answer = web.send(get("localhost:8484"), "").await;
    assert_eq!(answer.location(), "http://127.0.0.1:8484/sign-in");
    let answer = web.send(get("127.0.0.1:8484"), "").await;
    assert!(answer.location().starts_with(issuer.issuer().as_str()));
}

#[tokio::test]
async fn opening_the_pages_of_a_provider_changes_nothing() {
    let (web, issuer) = web_with_provider().await;
    let mut browser = web.signed_in(PAT).await;
    use_provider(&mut browser, &issuer).await;
    web.store.limit_writes(Some(0));
    for path in [
        "/sign-in/oidc",
        "/sign-in/oidc/callback",
        "/sign-in/oidc/link",
    ] {
        for method in [Method::GET, Method::HEAD] {
            let request = browser.request(method.clone(), path);
            let answer = web.send(request, "").await;
            assert!(!answer.status.is_server_error(), "{method} {path}");
        }
    }
    web.store.limit_writes(None);
    let linked = answer_link(&mut browser, "yes").await.body;
    assert!(linked.contains(LINKED), "{linked}");
}

#[tokio::test]
async fn person_is_mailed_when_an_account_is_linked() {
    let (web, issuer) = web_with_provider().await;
    let mut browser = web.browser();
    use_provider(&mut browser, &issuer).await;
    let mails = web.mails().len();
    sign_in_and_link(&web, &mut browser, PAT).await;
    let sent = web.mails().split_off(mails + 1);
    let [mail] = &sent[..] else {
        panic!("{sent:?}");
    };
    assert_eq!(mail.to[0].as_str(), PAT);
    let words = "Your Home account can sign you in to LibraryHippo now";
    assert!(mail.text.contains(words), "{}", mail.text);
    assert!(mail.text.contains("/family/settings"), "{}", mail.text);
}

#[tokio::test]
async fn signing_out_everywhere_unlinks_the_accounts_unless_the_person_keeps_them() {
    let (web, issuer) = web_with_provider().await;
    let mut plain = web.signed_in(KIM).await;
    let settings = plain.get("/family/settings").await;
    assert!(!settings.body.contains("Also unlink"), "{}", settings.body);
    link(&web, &issuer, PAT).await;
    for keeps in [true, false] {
        let mut browser = web.signed_in(PAT).await;
        let settings = browser.get("/family/settings").await;
        let tick = "name=\"unlink\" value=\"yes\" checked> Also unlink my account elsewhere";
        assert!(settings.body.contains(tick), "{}", settings.body);
        let token = settings.hidden("form_token");
        let mut fields = vec![("everywhere", "yes"), ("form_token", &*token)];
        if !keeps {
            fields.push(("unlink", "yes"));
            // Only a form of this browser unlinks.
            let forged = [("everywhere", "yes"), ("unlink", "yes")];
            let refused = browser.post("/sign-out", &forged).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN);
        }
        assert_eq!(browser.post("/sign-out", &fields).await.location(), "/");
        assert_eq!(browser.get("/family").await.location(), "/sign-in");
        let mut thief = web.browser();
        let answer = use_provider(&mut thief, &issuer).await;
        assert_eq!(answer.location() == "/", keeps, "{}", answer.body);
    }
    web.wait(TimeDelta::hours(1));
    let mut browser = web.signed_in(PAT).await;
    let settings = browser.get("/family/settings").await;
    assert!(settings.body.contains("You unlinked"), "{}", settings.body);
}
