//! Logins by CAS and by the older catalogue's own form, with their messages.

use hippo_browser::test_site::{
    NUMBER, PIN, Reply, TestLoginPermit, TestSite, library, options, page, redirect, reply, secret,
};
use hippo_core::site::LibrarySite as _;
use rstest::rstest;

use super::*;
use crate::Sites;

fn cas(message: &str, fields: &str) -> String {
    format!(
        "<html><body id=cas><form id=fm1 class='fm-v clearfix' method=post action='/iii/cas/login?service=x'>\
         <div id=status class=errors>{message}</div><div id=clientmessage></div><fieldset>{fields}</fieldset>\
         <input type=hidden name=lt value=_c1><input type=hidden name=execution value=e1s1>\
         <input type=hidden name=_eventId value=submit></form></body></html>"
    )
}

const FIELDS: &str = "<input id=code name=code><input id=pin name=pin type=password>";

fn classic(message: &str) -> String {
    format!(
        "<html><body><h1>Pier County Library</h1><div id=pverifyWeb>{message}<form method=POST action='/patroninfo~S1'>\
         <table><tr><td><label for=code>Number</label><input id=code name=code></td></tr>\
         <tr><td><input name=pin type=password></td></tr></table><input type=hidden name=pat_submit value=xxx>\
         <input type=image name=submit></form></div><p>If your card has expired, see us.</p></body></html>"
    )
}

#[rstest]
#[case("", FailureKind::PageChanged)]
#[case(
    "Sorry, the information you submitted was invalid. Please try again.",
    FailureKind::WrongCredentials
)]
#[case("Det du skrev stämmer inte.", FailureKind::WrongCredentials)]
#[case(
    "Too many attempts; not available at this time.",
    FailureKind::WrongCredentials
)]
#[case(
    "Your record is in use by system. Please try again later.",
    FailureKind::SiteDown
)]
#[case("The system is unavailable.", FailureKind::SiteDown)]
#[case("Service unavailable", FailureKind::SiteDown)]
#[case(
    "There is a problem with your library record.  Please see a librarian.",
    FailureKind::CardBlocked
)]
#[case("Your card has expired.", FailureKind::CardBlocked)]
fn cas_message_has_its_failure_kind(#[case] message: &str, #[case] expected: FailureKind) {
    assert_eq!(kind(&cas(message, FIELDS)), expected);
}

#[test]
fn required_new_pin_is_wrong_credentials() {
    let fields = "<input name=code><fieldset class=newpin id=ipssonewpin>Please enter a new PIN <input type=password \
                  name=pin1><input type=password name=pin2></fieldset>";
    let failure = read(&cas("", fields)).unwrap_err();
    assert_eq!(failure.kind, FailureKind::WrongCredentials);
    assert!(failure.detail.contains("new PIN"), "{failure}");
}

#[rstest]
#[case("", FailureKind::PageChanged)]
#[case(
    "<p><font color=red>Sorry, the information you submitted was invalid.</font></p>",
    FailureKind::WrongCredentials
)]
#[case("<span class=errormessage>Nope.</span>", FailureKind::PageChanged)]
#[case(
    "<p>No logins during system maintenance.</p>",
    FailureKind::PageChanged
)]
#[case("<em>Your record is in use by system.</em>", FailureKind::SiteDown)]
#[case(
    "<em>There is a problem with your library record.</em>",
    FailureKind::CardBlocked
)]
fn older_form_page_message_has_its_failure_kind(
    #[case] message: &str,
    #[case] expected: FailureKind,
) {
    assert_eq!(kind(&classic(message)), expected);
}

/// Checks a card at a site without CAS, whose older form is answered with this page or leads to the account.
async fn check_at_older_site(answer: Option<&str>) -> (Result<Account, Failure>, Vec<String>) {
    check_with_cas_page(|| reply("404 Not Found", &[], "No such page."), answer).await
}

async fn check_with_cas_page(
    cas_page: impl Fn() -> Reply + Send + Sync + 'static,
    answer: Option<&str>,
) -> (Result<Account, Failure>, Vec<String>) {
    let form = classic("");
    let answer = answer.map(classic);
    let empty = account("", "");
    let site = TestSite::start(move |request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        if request.starts_with("POST") {
            return match &answer {
                Some(answer) => page(answer),
                None => redirect("302 Found", "/patroninfo~S1/1000007/top"),
            };
        }
        match path {
            "/patroninfo" => page(&form),
            "/logout" => page("Bye."),
            path if path.starts_with("/patroninfo~S1/1000007/") => page(&empty),
            _ => cas_page(),
        }
    })
    .await;
    let library = library(&site.url);
    let sites = Sites::new(options()).unwrap();
    let checked = sites
        .check(&library, &secret(), &TestLoginPermit::default())
        .await;
    let checked = checked.map_err(Failure::from);
    (checked, site.asked())
}

#[tokio::test]
async fn site_without_cas_gets_its_own_form_filled() {
    let (outcome, asked) = check_at_older_site(None).await;
    let read = outcome.unwrap();
    assert_eq!((read.loans, read.holds), (Some(vec![]), Some(vec![])));
    let sent: Vec<_> = asked.iter().filter(|one| one.starts_with("POST")).collect();
    assert_eq!(sent.len(), 1);
    for field in [
        format!("code={NUMBER}"),
        format!("pin={PIN}"),
        "pat_submit=xxx".to_owned(),
    ] {
        assert!(sent[0].contains(&field), "{field}");
    }
    assert!(asked.last().unwrap().starts_with("GET /logout "));
}

#[rstest]
#[case(
    "<p>Sorry, the information you submitted was invalid.</p>",
    FailureKind::WrongCredentials
)]
#[case("", FailureKind::WrongCredentials)]
#[case("<span class=errormessage>Nej.</span>", FailureKind::WrongCredentials)]
#[case("<em>Your record is in use by system.</em>", FailureKind::SiteDown)]
#[tokio::test]
async fn repeated_older_form_gets_no_second_pin(
    #[case] message: &str,
    #[case] expected: FailureKind,
) {
    let (outcome, asked) = check_at_older_site(Some(message)).await;
    assert_eq!(outcome.unwrap_err().kind, expected);
    assert_eq!(
        asked.iter().filter(|one| one.starts_with("POST")).count(),
        1
    );
}

#[tokio::test]
async fn catalogue_page_instead_of_cas_leads_to_the_older_form() {
    let menu =
        || page("<html><body><h1>Catalogue</h1><form><input name=searcharg></form></body></html>");
    let (outcome, asked) = check_with_cas_page(menu, None).await;
    assert!(outcome.is_ok());
    assert_eq!(
        asked.iter().filter(|one| one.starts_with("POST")).count(),
        1
    );
}

#[rstest]
#[case(|| redirect("302 Found", "file:///patroninfo"), FailureKind::PageChanged)]
#[case(|| reply("503 Service Unavailable", &["Retry-After: 60"], ""), FailureKind::SiteDown)]
#[case(|| page("<h1>Service unavailable</h1>"), FailureKind::SiteDown)]
#[case(|| page("<h1>CAS is Unavailable</h1>"), FailureKind::SiteDown)]
#[tokio::test]
async fn failing_cas_is_the_failure(
    #[case] cas_page: fn() -> Reply,
    #[case] expected: FailureKind,
) {
    let (outcome, asked) = check_with_cas_page(cas_page, None).await;
    assert_eq!(outcome.unwrap_err().kind, expected);
    assert!(!asked.iter().any(|one| one.starts_with("GET /patroninfo")));
    assert!(!asked.iter().any(|one| one.starts_with("POST")));
}

#[rstest]
#[case::login_target(0, None)]
#[case::instead_of_a_list(1, Some(FailureKind::PageChanged))]
#[case::everywhere(9, Some(FailureKind::PageChanged))]
#[tokio::test]
async fn small_login_form_on_an_unknown_page_is_no_refusal(
    #[case] unknown_pages: usize,
    #[case] expected: Option<FailureKind>,
) {
    let form = cas("", FIELDS);
    // A short page that mentions maintenance would count as one.
    let whole = account("", "").replace("system maintenance", "repairs");
    let unknown = whole.replace("patNameAddress", "who");
    let site = TestSite::start(move |request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        match path {
            _ if request.starts_with("POST") => {
                redirect("302 Found", "/patroninfo~S1/1000007/start")
            }
            path if path.ends_with("/start") => page(&unknown),
            path if path.ends_with("/items") && unknown_pages > 0 => page(&unknown),
            path if path.starts_with("/patroninfo~S1/1000007/") && unknown_pages < 9 => {
                page(&whole)
            }
            path if path.starts_with("/patroninfo") => page(&unknown),
            _ => page(&form),
        }
    })
    .await;
    let library = library(&site.url);
    let sites = Sites::new(options()).unwrap();
    let checked = sites
        .check(&library, &secret(), &TestLoginPermit::default())
        .await;
    let checked = checked.map_err(Failure::from);
    assert_eq!(checked.err().map(|failure| failure.kind), expected);
    let sent = site.lines();
    assert_eq!(sent.iter().filter(|one| one.starts_with("POST")).count(), 1);
}

#[rstest]
#[case("/patroninfo~S1")]
#[case("/patroninfo~S1/")]
#[tokio::test]
async fn redirect_back_to_the_login_page_is_a_refusal(#[case] back_to: &'static str) {
    let form = classic("");
    let site = TestSite::start(move |request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        if request.starts_with("POST") {
            return redirect("302 Found", back_to);
        }
        match path {
            path if path.starts_with("/patroninfo") => page(&form),
            _ => reply("404 Not Found", &[], "No such page."),
        }
    })
    .await;
    let sites = Sites::new(options()).unwrap();
    let library = library(&site.url);
    let checked = sites
        .check(&library, &secret(), &TestLoginPermit::default())
        .await;
    let checked = checked.map_err(Failure::from);
    assert_eq!(checked.unwrap_err().kind, FailureKind::WrongCredentials);
}
