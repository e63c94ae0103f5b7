//! Faults and switches, as a client sees them.

use std::time::Duration;

use crate::common::{
    client_without_redirects, form, get, location, log_in_bibliocommons, log_in_koha,
    log_in_sierra, new_client, state, texts, today,
};
use hippo_demo_library::{DemoLibrary, Fault, Rule, Site, SystemKind, family_sites};
use reqwest::Client;

const NUMBER: &str = "21000000004711";
const PIN: &str = "2468";

/// A running `BiblioCommons` site, a logged-in client, and an account page's URL.
async fn logged_in_bibliocommons() -> (DemoLibrary, Client, String) {
    let [site, ..] = family_sites(today());
    let library = DemoLibrary::start(site).await.unwrap();
    let client = new_client();
    log_in_bibliocommons(&client, &library.base_url(), NUMBER, PIN).await;
    let url = format!("{}/v2/checkedout", library.base_url());
    (library, client, url)
}

#[tokio::test]
async fn refusals_have_status_and_retry_after() {
    let (library, client, url) = logged_in_bibliocommons().await;
    for (fault, status, retry_after) in [
        (Fault::Down { retry_after: None }, 503, None),
        (
            Fault::Down {
                retry_after: Some(90),
            },
            503,
            Some("90"),
        ),
        (
            Fault::Refuse {
                retry_after: Some(120),
            },
            429,
            Some("120"),
        ),
        (Fault::Status(500), 500, None),
    ] {
        library.switches().set(fault);
        let answer = client.get(&url).send().await.unwrap();
        assert_eq!(answer.status(), status);
        let header = answer.headers().get("retry-after");
        assert_eq!(header.map(|value| value.to_str().unwrap()), retry_after);
        assert_eq!(library.requests().last().unwrap().status, Some(status));
    }
    library.switches().clear();
    assert!(state(&get(&client, &url).await).is_some());
}

#[tokio::test]
async fn maintenance_and_captcha_have_status_200() {
    let (library, client, url) = logged_in_bibliocommons().await;
    for (fault, word) in [
        (Fault::Maintenance, "maintenance"),
        (Fault::Captcha, "captcha"),
    ] {
        library.switches().set(fault);
        let answer = client.get(&url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let page = answer.text().await.unwrap();
        assert!(page.contains(word) && state(&page).is_none());
    }
}

#[tokio::test]
async fn enterprise_has_its_own_error_page() {
    let [_, _, site, _] = family_sites(today());
    let library = DemoLibrary::start(site).await.unwrap();
    library.switches().set(Fault::Status(500));
    let url = format!(
        "{}/client/en_US/default/search/account?",
        library.base_url()
    );
    let answer = new_client().get(url).send().await.unwrap();
    assert_eq!(answer.status(), 500);
    assert_eq!(
        texts(&answer.text().await.unwrap(), "#exceptionblock h1"),
        ["System Error"]
    );
}

#[tokio::test]
async fn state_change_is_a_violation_while_down() {
    let (library, client, url) = logged_in_bibliocommons().await;
    library.switches().set(Fault::Down { retry_after: None });
    get(&client, &url).await;
    assert_eq!(library.violations().len(), 0);
    let renew = url.replace("/v2/checkedout", "/checkedout/renew/1");
    get(&client, &renew).await;
    assert_eq!(library.violations().len(), 1);
}

#[tokio::test]
async fn half_a_page_is_a_complete_answer() {
    let (library, client, url) = logged_in_bibliocommons().await;
    let whole = get(&client, &url).await;
    library.switches().set(Fault::HalfPage);
    let half = get(&client, &url).await;
    assert_eq!(half.len(), whole.len() / 2);
    assert!(whole.starts_with(&half));
}

#[tokio::test]
async fn broken_answers_are_errors() {
    let (library, client, url) = logged_in_bibliocommons().await;
    library.switches().set(Fault::DropConnection);
    client.get(&url).send().await.unwrap_err();
    assert_eq!(library.requests().last().unwrap().status, None);
    library.switches().set(Fault::CutShort);
    let answer = client.get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.bytes().await.unwrap_err();
    for fault in [Fault::Hang, Fault::Stall] {
        library.switches().set(fault);
        let request = client.get(&url).timeout(Duration::from_millis(200));
        let outcome = async { request.send().await?.bytes().await }.await;
        assert!(outcome.unwrap_err().is_timeout());
    }
}

#[tokio::test]
async fn bodies_can_be_empty_binary_or_huge() {
    let (library, client, url) = logged_in_bibliocommons().await;
    for (fault, length) in [
        (Fault::EmptyBody, 0),
        (Fault::BinaryBody, 4096),
        (Fault::HugeBody { gzip: false }, 50 << 20),
        (Fault::HugeBody { gzip: true }, 50 << 20),
    ] {
        library.switches().set(fault);
        let body = client
            .get(&url)
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        assert_eq!(body.len(), length);
        assert_eq!(std::str::from_utf8(&body).is_err(), length == 4096);
    }
}

#[tokio::test]
async fn redirects_can_loop_or_leave_the_site() {
    let (library, client, url) = logged_in_bibliocommons().await;
    library.switches().set(Fault::RedirectLoop);
    assert!(client.get(&url).send().await.unwrap_err().is_redirect());
    let client = client_without_redirects();
    library
        .switches()
        .set(Fault::RedirectTo("http://127.0.0.1:9/x".to_owned()));
    let answer = client.get(&url).send().await.unwrap();
    assert_eq!(location(&answer), "http://127.0.0.1:9/x");
}

#[tokio::test]
async fn login_can_be_redirected_to_another_host() {
    let [site, ..] = family_sites(today());
    let library = DemoLibrary::start(site).await.unwrap();
    let base = library.base_url();
    let to = "http://127.0.0.1:9".to_owned();
    for (keep_method, status) in [(false, 302), (true, 307)] {
        library.switches().set(Fault::RedirectLogin {
            to: to.clone(),
            keep_method,
        });
        let answer = log_in_bibliocommons(&client_without_redirects(), &base, NUMBER, PIN).await;
        assert_eq!(answer.status(), status);
        assert_eq!(location(&answer), to);
    }
    library
        .switches()
        .set(Fault::LoginFormElsewhere(to.clone()));
    let page = get(&new_client(), &format!("{base}/user/login")).await;
    let (action, _) = form(&page, "form.loginForm").unwrap();
    assert!(action.starts_with("http://127.0.0.1:9/user/login"));
    for site in family_sites(today()).into_iter().skip(1) {
        let path = match site.system {
            SystemKind::Sierra => "/iii/cas/login",
            SystemKind::Koha => "/cgi-bin/koha/opac-user.pl",
            _ => "/client/en_US/default/search/account?",
        };
        let library = DemoLibrary::start(site).await.unwrap();
        library
            .switches()
            .set(Fault::LoginFormElsewhere(to.clone()));
        let page = get(&new_client(), &format!("{}{path}", library.base_url())).await;
        let (action, _) = form(&page, "form#fm1, form#loginPageForm, form#auth").unwrap();
        assert!(action.starts_with("http://127.0.0.1:9/"), "{action}");
    }
}

#[tokio::test]
async fn session_is_forgotten_only_after_an_account_page() {
    let [site, ..] = family_sites(today());
    let library = DemoLibrary::start(site).await.unwrap();
    let base = library.base_url();
    library
        .switches()
        .add(Rule::new(Fault::ForgetSession).times(1));
    let client = new_client();
    let url = format!("{base}/v2/checkedout");
    let page = log_in_bibliocommons(&client, &base, NUMBER, PIN).await;
    assert!(state(&page.text().await.unwrap()).is_some());
    assert!(form(&get(&client, &url).await, "form.loginForm").is_some());
    assert_eq!(library.open_sessions(), 0);
    log_in_bibliocommons(&client, &base, NUMBER, PIN).await;
    assert!(
        state(&get(&client, &url).await).is_some(),
        "it forgets only once"
    );
}

#[tokio::test]
async fn counts_and_accounts_can_be_wrong() {
    let (library, client, url) = logged_in_bibliocommons().await;
    library.switches().set(Fault::WrongCounts);
    let wrong = state(&get(&client, &url).await).unwrap();
    assert_eq!(wrong["borrowing"]["checkedout"]["pagination"]["count"], 7);
    assert_eq!(
        wrong["borrowing"]["fines"]["summaries"]["checkedout"]["total"],
        7
    );
    assert_eq!(
        wrong["borrowing"]["checkedout"]["items"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    library
        .switches()
        .set(Fault::OtherPatron("21000000004712".to_owned()));
    let other = state(&get(&client, &url).await).unwrap();
    let accounts = other["entities"]["accounts"].as_object().unwrap();
    assert_eq!(
        accounts.values().next().unwrap()["barcode"],
        "21000000004712"
    );
}

#[tokio::test]
async fn sierra_shows_wrong_counts_twice() {
    let [_, site, ..] = family_sites(today());
    let library = DemoLibrary::start(site).await.unwrap();
    library.switches().set(Fault::WrongCounts);
    let (base, client) = (library.base_url(), new_client());
    let page = log_in_sierra(&client, &base, "22000000008815", "9021").await;
    assert!(
        page.text()
            .await
            .unwrap()
            .contains("5 Items currently checked out")
    );
    let items = get(&client, &format!("{base}/patroninfo~S1/1000001/items")).await;
    assert_eq!(texts(&items, "th.patFuncTitle"), ["5 ITEMS CHECKED OUT"]);
    assert_eq!(texts(&items, "tr.patFuncEntry").len(), 2);
}

#[tokio::test]
async fn changed_layout_has_no_known_names() {
    let known = [
        "data-iso-key",
        "loginForm",
        "patFunc",
        "patNameAddress",
        "id=\"fm1\"",
        "loginPageForm",
        "userdetails",
        "checkoutst",
    ];
    for site in family_sites(today()) {
        let (system, patron) = (site.system, site.patrons[0].clone());
        let library = DemoLibrary::start(site).await.unwrap();
        let (base, client) = (library.base_url(), new_client());
        let path = match system {
            SystemKind::Bibliocommons => {
                log_in_bibliocommons(&client, &base, &patron.number, &patron.pin).await;
                "/v2/checkedout"
            }
            SystemKind::Sierra => {
                log_in_sierra(&client, &base, &patron.number, &patron.pin).await;
                "/patroninfo~S1/1000001/items"
            }
            SystemKind::Koha => {
                log_in_koha(&client, &base, &patron.number, &patron.pin).await;
                "/cgi-bin/koha/opac-user.pl"
            }
            _ => "/client/en_US/default/search/account?",
        };
        let has_known = |page: &str| known.iter().any(|name| page.contains(name));
        assert!(has_known(&get(&client, &format!("{base}{path}")).await));
        library.switches().set(Fault::ChangedLayout);
        assert!(!has_known(&get(&client, &format!("{base}{path}")).await));
    }
}

#[tokio::test]
async fn delays_add_up_and_requests_in_flight_are_counted() {
    let (library, client, url) = logged_in_bibliocommons().await;
    library.clear_requests();
    library.switches().set_delay(Duration::from_millis(100));
    library
        .switches()
        .set_for("/v2/", Fault::Slow(Duration::from_millis(100)));
    let asks = [(); 3].map(|()| get(&client, &url));
    let [one, two, three] = asks;
    tokio::join!(one, two, three);
    assert_eq!(library.most_in_flight(), 3);
    for entry in library.requests() {
        let took = entry.answered_at.unwrap().duration_since(entry.at).unwrap();
        assert!(took >= Duration::from_millis(199), "{took:?}");
    }
}

#[tokio::test]
async fn latin_1_is_declared_only_in_the_page() {
    let mut site = Site::new(SystemKind::Sierra, "Bücherei – Süd", today());
    site.patrons = family_sites(today())[1].patrons.clone();
    let library = DemoLibrary::start(site).await.unwrap();
    library.switches().set_latin_1(true);
    let answer = new_client().get(library.base_url()).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/html");
    let body = answer.bytes().await.unwrap();
    let text: String = body.iter().copied().map(char::from).collect();
    assert!(text.contains("charset=ISO-8859-1"));
}

#[tokio::test]
async fn pages_have_the_filler_size() {
    let site =
        Site::generated(SystemKind::Bibliocommons, 1, 9, 0, today()).with_filler_bytes(300_000);
    let library = DemoLibrary::start(site).await.unwrap();
    let client = new_client();
    let (number, pin) = (
        hippo_demo_library::generated_number(0),
        hippo_demo_library::generated_pin(0),
    );
    let page = log_in_bibliocommons(&client, &library.base_url(), &number, &pin).await;
    let page = page.text().await.unwrap();
    assert!((300_000..400_000).contains(&page.len()), "{}", page.len());
    assert!(
        state(&page).unwrap()["localization"]["messages"]
            .as_object()
            .unwrap()
            .len()
            > 100
    );
}
