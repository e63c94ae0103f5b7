//! Nothing of anybody is in the log.

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use futures::FutureExt as _;
use hippo_core::store::CardStore as _;
use hippo_core::testing::contract::sample;
use hippo_oidc::testing::{CLIENT_SECRET, Signing};
use tracing_subscriber::fmt::MakeWriter;

use crate::family_cards::{NUMBER, PIN};
use crate::identities::{come_back, go_to_provider, link, use_provider, web_with_provider};
use crate::web::{Browser, KIM, PAT, TestWeb};

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn number_and_pin_are_in_no_log_page_url_or_message() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let web = TestWeb::new().await;
    let card = sample::card("conrad", "wpl", "");
    let card = sample::add_sealed_card(&*web.store, &web.keys, card, NUMBER, "old").await;
    let mut browser = web.signed_in(PAT).await;
    let pin = format!("/family/cards/{}/pin", card.id);
    let page = browser.get(&pin).await;
    let token = page.hidden("form_token");
    let (version, form) = (page.hidden("version"), page.hidden("form"));
    let mut seen = String::new();
    for path in [&*pin, "/family/cards/add/wpl", "/family/cards/add/nowhere"] {
        for number in [NUMBER, "28888"] {
            for (writes, family) in [(None, "conrad"), (Some(0), "conrad"), (None, "lee")] {
                web.store.limit_writes(writes);
                let fields = [
                    ("form_token", &*token),
                    ("version", &*version),
                    ("form", &*form),
                    ("family", family),
                    ("patron", "Ada"),
                    ("number", number),
                    ("pin", PIN),
                ];
                let answer = browser.post(path, &fields).await;
                seen += &format!("{:?} {}\n", answer.headers, answer.body);
                web.store.limit_writes(None);
            }
        }
    }
    for path in ["/family", "/family/cards", "/family/settings", &pin] {
        seen += &browser.get(path).await.body;
    }
    for mail in web.mails() {
        seen += &format!("{} {} {}", mail.subject, mail.text, mail.html);
    }
    seen += &format!("{:?}", web.jobs.0.lock().unwrap());
    seen += &String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(seen.contains("A family set a card’s PIN."), "it was set");
    for secret in [NUMBER, "28888", PIN] {
        assert!(!seen.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn row_that_a_page_expects_and_misses_is_named_in_the_log() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    let card = web.card.id;
    let path = format!("/family/cards/{card}/pause");
    let page = browser.get(&path).await;
    web.store.run_before_next_write(move |store| {
        store.remove_card(card).now_or_never().unwrap().unwrap();
    });
    let answer = browser.post_from(&page, &path, &[]).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let expected = format!("A page wasn't shown: There is no card {card}.");
    assert!(log.contains("INFO") && log.contains(&expected), "{log}");
}

#[tokio::test]
async fn addresses_tokens_and_codes_are_in_no_log_and_no_error() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let web = TestWeb::new().await;
    let mut browser = web.browser();
    browser.ask_for_mail(PAT).await;
    let (link, code) = (web.mailed_link(), web.mailed_code());
    let mut secrets = vec![PAT.to_owned(), KIM.to_owned(), code.clone()];
    secrets.extend(browser.cookies.values().cloned());
    secrets.push(link.rsplit_once('.').unwrap().1.to_owned());
    browser.type_code("123123").await;
    browser.open_link_and_press(&link).await;
    browser.get(&link).await;
    secrets.extend(browser.cookies.values().cloned());
    browser.get("/family").await;
    browser.get(&format!("/nowhere?token={code}")).await;
    browser.ask_for_mail(KIM).await;
    for _ in 0..4 {
        browser.ask_for_mail(PAT).await;
    }
    web.store.limit_writes(Some(0));
    let failed = browser.ask_for_mail(KIM).await;
    web.store.limit_writes(None);
    browser.post("/sign-out", &[("everywhere", "yes")]).await;

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for expected in [
        "Somebody signed in.",
        "A page failed",
        "Refused a request",
        "A limit of sign-in mails was reached",
    ] {
        assert!(log.contains(expected), "{expected}: {log}");
    }
    let (_, id) = failed.body.split_once("<code>").unwrap();
    let (id, _) = id.split_once("</code>").unwrap();
    let failure = log.lines().find(|line| line.contains("A page failed"));
    assert!(failure.unwrap().contains(id), "{log}");
    for secret in &secrets {
        assert!(secret.len() >= 6);
        assert!(!log.contains(secret.as_str()), "{secret}: {log}");
        assert!(!failed.body.contains(secret.as_str()), "{secret}");
    }
}

#[tokio::test]
async fn provider_codes_tokens_and_secrets_are_never_logged() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let (web, issuer) = web_with_provider().await;
    link(&web, &issuer, PAT).await;
    let mut secrets = vec![PAT.to_owned(), CLIENT_SECRET.to_owned()];
    secrets.push(issuer.state().subject.clone());
    let mut browser = web.browser();
    let url = go_to_provider(&mut browser).await;
    secrets.extend(browser.cookies.values().cloned());
    let back = issuer.authorize(&url);
    secrets.extend(back.query_pairs().map(|(_, value)| value.into_owned()));
    come_back(&mut browser, &back).await;
    secrets.extend(browser.cookies.values().cloned());
    come_back(&mut browser, &back).await;
    issuer.state().signing = Signing::WrongKey;
    use_provider(&mut browser, &issuer).await;
    // The issuer itself isn't a secret.
    secrets.retain(|secret| *secret != issuer.issuer().as_str());

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for expected in [
        "Somebody used an identity provider.",
        "An identity was linked to a person.",
        "Signing in with an identity provider failed.",
        "was for another browser, or came too late",
    ] {
        assert!(log.contains(expected), "{expected}: {log}");
    }
    for secret in &secrets {
        assert!(!log.contains(secret.as_str()), "{secret}: {log}");
    }
}

#[tokio::test]
async fn provider_error_is_logged_once_without_its_text() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let (web, issuer) = web_with_provider().await;
    let bring = async |browser: &mut Browser<'_>, error: &str| {
        let mut back = issuer.authorize(&go_to_provider(browser).await);
        let description = format!("{PAT} may not");
        back.query_pairs_mut()
            .append_pair("error", error)
            .append_pair("error_description", &description)
            .append_pair("error_uri", "https://secret.example");
        come_back(browser, &back).await;
        // Once more, as by the back button.
        come_back(browser, &back).await;
    };
    let long = "canary".repeat(1000);
    for error in ["access_denied", "server_error", &*long] {
        bring(&mut web.browser(), error).await;
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for expected in [
        "didn't sign in at the identity provider: access_denied",
        "it answered with server_error",
        "it answered with an error that we don't know",
    ] {
        assert_eq!(log.matches(expected).count(), 1, "{expected}: {log}");
    }
    for secret in [PAT, "may not", "secret.example", "canary"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}
