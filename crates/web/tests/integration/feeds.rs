//! The feeds: who may read them, and what they cost and reveal.

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::http::header::{HOST, IF_NONE_MATCH};
use axum::http::{Method, Request, StatusCode};
use chrono::TimeDelta;
use hippo_core::feed::{Feed, FeedToken};
use hippo_core::sign_in::PersonId;
use hippo_core::store::{CardStore as _, FamilyStore as _, FeedStore as _};
use hippo_core::testing::contract::sample;
use rstest::rstest;
use serde_json::Value;

use crate::web::{BOTH, HOST_NAME, KIM, PAT, TestResponse, TestWeb};

const FILES: [&str; 2] = ["due.ics", "now.json"];

/// Adds a feed of a family.
async fn add_feed(web: &TestWeb, family: &str, titles: bool) -> (FeedToken, Feed) {
    let token = FeedToken::generate().unwrap();
    let label = "kitchen".parse().unwrap();
    let feed = Feed::new(
        &token,
        sample::family_id(family),
        label,
        titles,
        sample::time("05:00:00"),
    );
    web.store.add_feed(&feed).await.unwrap();
    (token, feed)
}

fn path(token: &FeedToken, file: &str) -> String {
    format!("/f/{}/{file}", *token.expose())
}

fn request(method: Method, path: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, HOST_NAME)
}

async fn with_account() -> TestWeb {
    let web = TestWeb::new().await;
    web.save_account(&web.card, sample::account(7_00)).await;
    web
}

#[tokio::test]
async fn calendar_shows_the_family_of_its_token() {
    let web = with_account().await;
    let (token, _) = add_feed(&web, "conrad", true).await;
    let answer = web.get(&path(&token, "due.ics")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.header("content-type"),
        Some("text/calendar; charset=utf-8")
    );
    assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    assert!(
        answer
            .body
            .contains("X-WR-CALNAME:Library (The conrads)\r\n"),
        "{}",
        answer.body
    );
    assert!(
        answer
            .body
            .contains("DTSTART;VALUE=DATE:20261124\r\nDTEND;VALUE=DATE:20261125\r\n")
    );
    let unfolded = answer.body.replace("\r\n ", "");
    assert!(
        unfolded.contains("SUMMARY:Return The <Owl> & the “Lantern”"),
        "{unfolded}"
    );
    // Another family's feed has nothing of it.
    let (other, _) = add_feed(&web, "lee", true).await;
    let other = web.get(&path(&other, "due.ics")).await;
    assert!(
        !other.body.contains("Owl") && !other.body.contains("conrad"),
        "{}",
        other.body
    );
}

#[tokio::test]
async fn calendar_without_titles_has_none() {
    let web = with_account().await;
    let (token, _) = add_feed(&web, "conrad", false).await;
    let answer = web.get(&path(&token, "due.ics")).await;
    assert!(
        answer.body.contains("SUMMARY:Return 1 item (Robin"),
        "{}",
        answer.body
    );
    assert!(!answer.body.contains("Owl"), "{}", answer.body);
}

#[tokio::test]
async fn numbers_are_a_json_document() {
    let web = with_account().await;
    let (token, _) = add_feed(&web, "conrad", true).await;
    let answer = web.get(&path(&token, "now.json")).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    let document: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        (&document["version"], &document["due"]),
        (&1.into(), &1.into())
    );
    assert_eq!(document["fines"], "7.00");
}

#[tokio::test]
async fn unknown_malformed_and_revoked_tokens_get_the_same_answer() {
    let web = with_account().await;
    let (revoked, feed) = add_feed(&web, "conrad", true).await;
    assert!(
        web.store
            .revoke_feed(&feed.family, &feed.token_hash)
            .await
            .unwrap()
    );
    let (orphan, feed) = add_feed(&web, "lee", true).await;
    web.store.remove_family(&feed.family).await.unwrap();
    let unknown = FeedToken::generate().unwrap();
    for file in FILES {
        let mut paths: Vec<String> = [&revoked, &orphan, &unknown]
            .map(|token| path(token, file))
            .into();
        paths.push(
            path(&revoked, file)
                .to_uppercase()
                .replace("/F/", "/f/")
                .replace(&file.to_uppercase(), file),
        );
        for token in ["x", "%ff%fe", "..%2f..", "0"] {
            paths.push(format!("/f/{token}/{file}"));
        }
        let seen =
            |answer: TestResponse| (answer.status, answer.body, format!("{:?}", answer.headers));
        let first = seen(web.get(&paths[0]).await);
        assert_eq!(
            (first.0, first.1.as_str()),
            (StatusCode::NOT_FOUND, "There is no such feed.\n")
        );
        for path in &paths {
            assert_eq!(seen(web.get(path).await), first, "{path}");
        }
    }
}

#[rstest]
#[case::same("{tag}", true)]
#[case::weak("W/{tag}", true)]
#[case::in_a_list("\"other\", {tag}", true)]
#[case::any("*", true)]
#[case::other("\"other\"", false)]
#[case::unquoted("x{tag}", false)]
#[tokio::test]
async fn reader_that_has_the_feed_gets_no_body(#[case] known: &str, #[case] is_known: bool) {
    let web = with_account().await;
    let (token, _) = add_feed(&web, "conrad", true).await;
    for file in FILES {
        let path = path(&token, file);
        let full = web.get(&path).await;
        let tag = full.header("etag").unwrap().to_owned();
        let known = known.replace("{tag}", &tag);
        let request = request(Method::GET, &path).header(IF_NONE_MATCH, known);
        let answer = web.send(request, "").await;
        let expected = match is_known {
            true => (StatusCode::NOT_MODIFIED, ""),
            false => (StatusCode::OK, full.body.as_str()),
        };
        assert_eq!((answer.status, answer.body.as_str()), expected);
        assert_eq!(answer.header("etag"), Some(&*tag));
        assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    }
}

#[tokio::test]
async fn entity_tag_changes_with_the_data_and_not_with_the_time() {
    let web = with_account().await;
    let (token, _) = add_feed(&web, "conrad", true).await;
    for file in FILES {
        let web = &web;
        let tag = async |token: &FeedToken| {
            web.get(&path(token, file))
                .await
                .header("etag")
                .unwrap()
                .to_owned()
        };
        let before = tag(&token).await;
        web.wait(TimeDelta::minutes(20));
        assert_eq!(tag(&token).await, before, "{file}");
    }
    let before = web.get(&path(&token, "due.ics")).await;
    let check = sample::check(&web.card, "16:30:00", Ok(sample::account(7_00)));
    hippo_core::store::CheckStore::save_check(&*web.store, &check)
        .await
        .unwrap();
    let after = web.get(&path(&token, "due.ics")).await;
    assert_ne!(before.header("etag"), after.header("etag"));
}

#[tokio::test]
async fn head_is_a_get_without_its_body_and_other_methods_are_refused() {
    let web = with_account().await;
    let (token, feed) = add_feed(&web, "conrad", true).await;
    for file in FILES {
        let path = path(&token, file);
        let full = web.get(&path).await;
        let head = web.send(request(Method::HEAD, &path), "").await;
        assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
        for name in ["etag", "content-type", "cache-control"] {
            assert_eq!(head.header(name), full.header(name), "{name}");
        }
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            let request = request(method, &path).header("sec-fetch-site", "same-origin");
            assert_eq!(
                web.send(request, "").await.status,
                StatusCode::METHOD_NOT_ALLOWED
            );
        }
    }
    assert!(web.store.feed(&feed.token_hash).await.unwrap().is_some());
}

#[tokio::test]
async fn cookies_are_neither_read_nor_set() {
    let web = with_account().await;
    let (token, _) = add_feed(&web, "conrad", true).await;
    for file in FILES {
        let path = path(&token, file);
        let plain = web.get(&path).await;
        // A recipient of another family.
        let mut browser = web.signed_in(KIM).await;
        let with_cookies = browser.get(&path).await;
        assert_eq!(with_cookies.body, plain.body);
        assert_eq!(with_cookies.headers, plain.headers);
        assert_eq!(plain.header("set-cookie"), None);
    }
}

#[tokio::test]
async fn feed_use_is_stored_once_a_day_and_is_optional() {
    let web = with_account().await;
    let (token, feed) = add_feed(&web, "conrad", true).await;
    let last_used = async || {
        let feed = web.store.feed(&feed.token_hash).await.unwrap().unwrap();
        feed.last_used.map(|day| day.to_string())
    };
    web.store.limit_writes(Some(0));
    let answer = web.get(&path(&token, "due.ics")).await;
    assert_eq!((answer.status, last_used().await), (StatusCode::OK, None));
    web.store.limit_writes(Some(1));
    for file in FILES.iter().chain(&FILES) {
        assert_eq!(web.get(&path(&token, file)).await.status, StatusCode::OK);
    }
    // 17:00 UTC is noon in Toronto.
    assert_eq!(last_used().await.as_deref(), Some("2026-11-21"));
    web.store.limit_writes(None);
    web.wait(TimeDelta::hours(12));
    web.get(&path(&token, "now.json")).await;
    assert_eq!(last_used().await.as_deref(), Some("2026-11-22"));
    // The other feed was not used.
    let (_, other) = add_feed(&web, "conrad", true).await;
    assert_eq!(
        web.store
            .feed(&other.token_hash)
            .await
            .unwrap()
            .unwrap()
            .last_used,
        None
    );
}

#[tokio::test]
async fn card_that_is_never_checked_again_is_an_event() {
    let web = with_account().await;
    let (token, _) = add_feed(&web, "conrad", true).await;
    let unread = "SUMMARY:Not checked since";
    assert!(
        !web.get(&path(&token, "due.ics"))
            .await
            .body
            .contains(unread)
    );
    web.wait(TimeDelta::hours(20));
    assert!(
        web.get(&path(&token, "due.ics"))
            .await
            .body
            .contains(unread)
    );
    // A paused card is left out, as in the mail.
    let pause = sample::card_pause(None);
    web.store
        .set_pause(web.card.id, Some(&pause))
        .await
        .unwrap();
    assert!(
        !web.get(&path(&token, "due.ics"))
            .await
            .body
            .contains("BEGIN:VEVENT")
    );
}

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

#[tokio::test]
async fn token_is_in_no_log_and_no_answer() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let web = with_account().await;
    let (token, feed) = add_feed(&web, "conrad", true).await;
    let mut answers = Vec::new();
    web.store.limit_writes(Some(0));
    for file in ["due.ics", "now.json", "nothing"] {
        answers.push(web.get(&path(&token, file)).await);
        answers.push(
            web.send(request(Method::POST, &path(&token, file)), "")
                .await,
        );
    }
    web.store.limit_writes(None);
    web.store
        .revoke_feed(&feed.family, &feed.token_hash)
        .await
        .unwrap();
    answers.push(web.get(&path(&token, "due.ics")).await);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for expected in ["Couldn't store a feed's use.", "Refused a request"] {
        assert!(log.contains(expected), "{expected}: {log}");
    }
    let text = token.expose();
    for part in [&text[..16], &text[48..]] {
        assert!(!log.contains(part), "{log}");
        for answer in &answers {
            assert!(!answer.body.contains(part) && !format!("{answer:?}").contains(part));
        }
    }
}

#[tokio::test]
async fn family_makes_a_feed_that_is_shown_once_and_revokes_it() {
    let web = with_account().await;
    let mut browser = web.signed_in(PAT).await;
    let made = browser
        .post_with_token(
            "/family/feeds",
            &[("family", "conrad"), ("label", "Kitchen <tablet>")],
        )
        .await;
    assert_eq!(made.status, StatusCode::OK);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    assert!(
        made.body.contains("Kitchen &#60;tablet&#62;"),
        "{}",
        made.body
    );
    let paths = |page: &str| -> Vec<String> {
        let links = page.split(">https://hippo.example.org/f/").skip(1);
        links
            .map(|rest| format!("/f/{}", rest.split('<').next().unwrap()))
            .collect()
    };
    let links = paths(&made.body);
    assert_eq!(links.len(), 2);
    let app = format!("href=\"webcal://hippo.example.org{}\"", links[0]);
    assert!(made.body.contains(&app), "{}", made.body);
    for link in &links {
        assert_eq!(web.get(link).await.status, StatusCode::OK, "{link}");
    }
    let feeds = web.store.family_feeds(&sample::family_id("conrad")).await;
    let [feed] = &*feeds.unwrap() else { panic!() };
    assert!(!feed.shows_titles, "the box wasn't ticked");
    let listed = browser.get("/family/feeds").await;
    assert!(listed.body.contains(&feed.last_four), "{}", listed.body);
    assert_eq!(paths(&listed.body), Vec::<String>::new());

    let fields = [("family", "conrad"), ("feed", feed.token_hash.as_str())];
    // Without the token of this browser's forms.
    for path in ["/family/feeds", "/family/feeds/revoke"] {
        let mut stale = fields.to_vec();
        stale.extend([("label", "other"), ("form_token", "x")]);
        let refused = browser.post(path, &stale).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
    }
    let feeds = web.store.family_feeds(&sample::family_id("conrad")).await;
    assert_eq!(feeds.unwrap().len(), 1);
    let revoked = browser
        .post_with_token("/family/feeds/revoke", &fields)
        .await;
    assert_eq!(revoked.location(), "/family/feeds");
    assert_eq!(web.get(&links[0]).await.status, StatusCode::NOT_FOUND);
    // Another tab revokes it again.
    let again = browser
        .post_with_token("/family/feeds/revoke", &fields)
        .await;
    assert_eq!(again.location(), "/family/feeds");
}

#[rstest]
#[case::empty(" ", "a name of up to 40 letters")]
#[case::taken("KITCHEN", "already have a feed called")]
#[tokio::test]
async fn link_needs_a_name_of_its_own(#[case] label: &str, #[case] words: &str) {
    let web = TestWeb::new().await;
    add_feed(&web, "conrad", true).await;
    let mut browser = web.signed_in(PAT).await;
    let refused = browser
        .post_with_token("/family/feeds", &[("family", "conrad"), ("label", label)])
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains(words), "{}", refused.body);
    let feeds = web.store.family_feeds(&sample::family_id("conrad")).await;
    assert_eq!(feeds.unwrap().len(), 1);
}

#[tokio::test]
async fn family_makes_twenty_links_at_most() {
    let web = TestWeb::new().await;
    let mut browser = web.signed_in(PAT).await;
    for number in 0..=20 {
        let label = format!("link {number}");
        let answer = browser
            .post_with_token("/family/feeds", &[("family", "conrad"), ("label", &label)])
            .await;
        assert_eq!(answer.status.is_success(), number < 20, "{number}");
    }
}

#[tokio::test]
async fn feeds_end_when_the_recipient_who_made_them_is_removed() {
    let web = with_account().await;
    let (by_operator, _) = add_feed(&web, "conrad", true).await;
    let mut pat = web.signed_in(PAT).await;
    let mut both = web.signed_in(BOTH).await;
    both.post("/sign-in/family", &[("family", "conrad")]).await;
    for (browser, label) in [(&mut pat, "pat"), (&mut both, "both")] {
        let fields = [("family", "conrad"), ("label", label)];
        let made = browser.post_with_token("/family/feeds", &fields).await;
        assert_eq!(made.status, StatusCode::OK);
    }
    let person = PersonId::from_address(&BOTH.parse().unwrap());
    let fields = [("family", "conrad"), ("person", person.as_str())];
    let removed = pat
        .post_with_token("/family/settings/recipients/remove", &fields)
        .await;
    assert_eq!(removed.location(), "/family/settings?saved=yes");
    let feeds = web.store.family_feeds(&sample::family_id("conrad")).await;
    let labels: Vec<String> = feeds
        .unwrap()
        .iter()
        .map(|feed| feed.label.to_string())
        .collect();
    assert_eq!(labels, ["kitchen", "pat"]);
    let answer = web.get(&path(&by_operator, "now.json")).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn unrevoked_feed_of_a_former_recipient_is_closed() {
    let web = with_account().await;
    let mut answers = Vec::new();
    for address in [PAT, "left@example.org"] {
        let token = FeedToken::generate().unwrap();
        let (family, label) = (sample::family_id("conrad"), "phone".parse().unwrap());
        let feed = Feed {
            created_by: Some(PersonId::from_address(&address.parse().unwrap())),
            ..Feed::new(&token, family, label, true, sample::time("05:00:00"))
        };
        web.store.add_feed(&feed).await.unwrap();
        for file in FILES {
            answers.push(web.get(&path(&token, file)).await.status);
        }
    }
    use StatusCode as Status;
    let expected = [Status::OK, Status::OK, Status::NOT_FOUND, Status::NOT_FOUND];
    assert_eq!(answers, expected);
}

#[tokio::test]
async fn page_says_that_a_feed_ends_only_if_a_recipient_made_it() {
    const ENDS: &str = "It stops working if the person who made it leaves the family.";
    let web = with_account().await;
    add_feed(&web, "conrad", true).await;
    let mut pat = web.signed_in(PAT).await;
    let page = pat.get("/family/feeds").await.body;
    assert!(page.contains("kitchen") && !page.contains(ENDS), "{page}");
    let fields = [("family", "conrad"), ("label", "phone")];
    let page = pat.post_with_token("/family/feeds", &fields).await.body;
    assert_eq!(page.matches(ENDS).count(), 1, "{page}");
}
