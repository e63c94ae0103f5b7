//! Faults of hostile sites, as a client sees them.

use std::time::{Duration, Instant};

use crate::common::{get, log_in_bibliocommons, log_in_koha, new_client, state, texts, today};
use hippo_demo_library::{DemoLibrary, Fault, SystemKind, family_sites};
use reqwest::Client;

/// A running Marshfield (Koha), a logged-in client, and the account's URL.
async fn logged_in_koha() -> (DemoLibrary, Client, String) {
    let [.., site] = family_sites(today());
    let library = DemoLibrary::start(site).await.unwrap();
    let client = new_client();
    log_in_koha(&client, &library.base_url(), "25000000003305", "5160").await;
    let url = format!("{}/cgi-bin/koha/opac-user.pl", library.base_url());
    (library, client, url)
}

#[tokio::test]
async fn drip_slows_headers_and_ends_when_cleared() {
    let (library, client, url) = logged_in_koha().await;
    let whole = get(&client, &url).await;
    let pause = Duration::from_millis(1);
    library.switches().set(Fault::Drip(pause));
    let nowhere = format!("{}/nowhere", library.base_url());
    let began = Instant::now();
    let answer = client.get(&nowhere).send().await.unwrap();
    let head = began.elapsed();
    assert!(head > pause * 60, "{head:?}");
    let body = answer.text().await.unwrap();
    assert!(body.contains("No such page"), "{body}");
    library.switches().clear();
    assert_eq!(get(&client, &url).await, whole);
}

#[tokio::test]
async fn body_can_be_endless() {
    let (library, client, url) = logged_in_koha().await;
    library.switches().set(Fault::EndlessBody);
    let mut answer = client.get(&url).send().await.unwrap();
    assert_eq!(answer.content_length(), None);
    let mut read = 0;
    // More than a huge body has.
    while read < 60 << 20 {
        read += answer.chunk().await.unwrap().unwrap().len();
    }
}

#[tokio::test]
async fn charset_can_be_wrong() {
    let (library, client, url) = logged_in_koha().await;
    let before = client.get(&url).send().await.unwrap();
    assert_eq!(before.headers()["content-type"], "text/html; charset=utf-8");
    let whole = before.bytes().await.unwrap();
    library
        .switches()
        .set(Fault::WrongCharset("utf-16le".to_owned()));
    let answer = client.get(&url).send().await.unwrap();
    assert_eq!(
        answer.headers()["content-type"],
        "text/html; charset=utf-16le"
    );
    assert_eq!(answer.bytes().await.unwrap(), whole);
}

/// The `Set-Cookie` headers of a page, in order.
async fn set_cookie_headers(library: &DemoLibrary) -> Vec<String> {
    let url = format!("{}/cgi-bin/koha/opac-user.pl", library.base_url());
    let answer = new_client().get(url).send().await.unwrap();
    let headers = answer.headers().get_all("set-cookie").iter();
    headers
        .map(|header| header.to_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn cookie_can_be_set_twice() {
    let (library, ..) = logged_in_koha().await;
    assert_eq!(set_cookie_headers(&library).await.len(), 1);
    for wrong_last in [false, true] {
        library.switches().set(Fault::CookieTwice { wrong_last });
        let set = set_cookie_headers(&library).await;
        assert_eq!(set.len(), 2);
        assert!(set.iter().all(|cookie| cookie.starts_with("CGISESSID=")));
        let is_wrong = |cookie: &String| cookie.starts_with("CGISESSID=0000000000");
        assert_eq!(
            set.iter().map(is_wrong).collect::<Vec<_>>(),
            [!wrong_last, wrong_last]
        );
    }
}

#[tokio::test]
async fn foreign_cookies_can_be_set() {
    let (library, client, url) = logged_in_koha().await;
    library.switches().set(Fault::ForeignCookies);
    let set = set_cookie_headers(&library).await;
    let foreign: Vec<&String> = set
        .iter()
        .filter(|cookie| cookie.contains("Domain=") || cookie.contains("Path=/nowhere"))
        .collect();
    assert_eq!((set.len(), foreign.len()), (1 + 6, 6));
    // A client that follows the cookie rules stays logged in, and sends only the site's cookie.
    get(&client, &url).await;
    assert!(get(&client, &url).await.contains("userdetails"));
    assert_eq!(library.requests().last().unwrap().cookies, ["CGISESSID"]);
}

#[tokio::test]
async fn markup_can_replace_json() {
    let [site, ..] = family_sites(today());
    let library = DemoLibrary::start(site).await.unwrap();
    let client = new_client();
    let base = library.base_url();
    log_in_bibliocommons(&client, &base, "21000000004711", "2468").await;
    let url = format!("{base}/v2/checkedout");
    assert!(state(&get(&client, &url).await).is_some());
    library.switches().set(Fault::HtmlForJson);
    let page = get(&client, &url).await;
    assert_eq!(texts(&page, "script[data-iso-key='_0']"), ["<p>Hello.</p>"]);
    assert!(page.trim_end().ends_with("</html>"), "{page}");
}

#[tokio::test]
async fn links_can_be_scripts() {
    for site in family_sites(today()) {
        let system = site.system;
        let library = DemoLibrary::start(site).await.unwrap();
        library.switches().set(Fault::ScriptLinks);
        let path = match system {
            SystemKind::Bibliocommons => "/user/login",
            SystemKind::Sierra => "/search~S1",
            SystemKind::Enterprise => "/client/en_US/default/search/account?",
            SystemKind::Koha => "/cgi-bin/koha/opac-user.pl",
            SystemKind::Bibliotheca
            | SystemKind::Sisis
            | SystemKind::TouchPoint
            | SystemKind::VuFind
            | SystemKind::WinBiap => "/",
            SystemKind::SymphonyWs => unreachable!("an interface has no links"),
        };
        let page = get(&new_client(), &format!("{}{path}", library.base_url())).await;
        let links = page.matches("href=\"").count();
        assert_eq!(links, page.matches("href=\"javascript:").count());
        // Enterprise's login page has no link.
        assert_eq!(links > 0, system != SystemKind::Enterprise, "{page}");
    }
}

#[tokio::test]
async fn titles_can_contain_terminal_escapes() {
    let (library, client, url) = logged_in_koha().await;
    let before = texts(&get(&client, &url).await, "a.title").join("\n");
    library.switches().set(Fault::TrickyTitles);
    let titles = texts(&get(&client, &url).await, "a.title").join("\n");
    assert!(before.lines().count() > 3);
    for control in ['\u{1b}', '\u{7}', '\u{202e}', '\u{2066}', '\u{9b}'] {
        assert!(!before.contains(control));
        let found = titles.matches(control).count();
        assert!(found >= before.lines().count(), "{control:?} {titles:?}");
    }
    assert_eq!(
        library.patron("25000000003305").unwrap().loans[2].title,
        "Marsh Birds [DVD]",
        "only the pages are tricky"
    );
}

#[test]
fn fault_lists_have_no_duplicates() {
    let mut all = Fault::all_quick_faults("http://localhost:9");
    all.extend(Fault::all_slow_faults());
    for (place, fault) in all.iter().enumerate() {
        assert!(!all[..place].contains(fault), "{fault:?}");
    }
}
