//! The requests of a check at each system: as few as the site allows, and none that changes
//! anything.

use crate::demo::{check, start, today};
use hippo_demo_library::{
    DemoHold, DemoLibrary, DemoLoan, Fault, Generation, LoggedRequest, Patron, Rule, Site,
    SystemKind, family_sites, generated_number, generated_pin, other_sites, test_every_site,
};
use rstest::rstest;

const NUMBER: &str = "25000000000007";
const PIN: &str = "4711";

fn site(system: SystemKind, generation: Generation, patron: Patron) -> Site {
    Site::new(system, "Any Library", today())
        .with_generation(generation)
        .with_patron(patron)
}

fn empty() -> Patron {
    Patron::new(NUMBER, PIN, "Jo Doe")
}

/// Two loans, and a hold in each state.
fn full() -> Patron {
    empty()
        .with_fines_cents(250)
        .with_loan(DemoLoan::new("Knots", "Stone, Ada.", today()))
        .with_loan(DemoLoan::new("Tides", "", today()).not_renewable("No."))
        .with_hold(DemoHold::ready("Lamps", "", "Oak Park", Some(today())))
        .with_hold(DemoHold::in_transit("Kites", "", "Oak Park"))
        .with_hold(DemoHold::waiting("Fog", "", "Oak Park", 9, 83))
        .with_hold(DemoHold::suspended("Ice", "", "Oak Park", None))
}

/// Checks an account and returns the requests, redirected ones included.
async fn record_requests(site: Site, number: &str, pin: &str) -> Vec<LoggedRequest> {
    let (demo, library) = start(site).await;
    check(&demo, &library, number, pin).await.unwrap();
    demo.requests()
}

/// Returns the requests for an empty and a full account. docs/PERFORMANCE.md has the same numbers, and why each
/// request is needed.
fn requests_of_a_check(system: SystemKind, generation: Generation) -> (usize, usize) {
    match (system, generation) {
        (SystemKind::Bibliocommons, _) => (4, 8),
        (SystemKind::Sierra, _) => (7, 7),
        (SystemKind::Enterprise, _) => (6, 6),
        (SystemKind::Koha, Generation::Older) => (3, 3),
        (SystemKind::Koha, Generation::Newer) => (4, 4),
        (SystemKind::Bibliotheca, _) => (3, 3),
        (SystemKind::Horizon, _) => (5, 5),
        (SystemKind::Polaris, _) => (7, 7),
        (SystemKind::SymphonyWs, _) => (4, 4),
        (SystemKind::Sisis | SystemKind::TouchPoint, _) => (4, 6),
        (SystemKind::VuFind, _) => (5, 5),
        (SystemKind::WinBiap, _) => (4, 6),
    }
}

test_every_site!(check_sends_as_few_requests_as_the_site_allows);

async fn check_sends_as_few_requests_as_the_site_allows(
    system: SystemKind,
    generation: Generation,
) {
    let (for_empty_account, for_full_account) = requests_of_a_check(system, generation);
    for (patron, expected) in [(empty(), for_empty_account), (full(), for_full_account)] {
        let requests = record_requests(site(system, generation, patron), NUMBER, PIN).await;
        let paths: Vec<String> = requests
            .iter()
            .map(|seen| format!("{} {}", seen.method, seen.path))
            .collect();
        assert_eq!(paths.len(), expected, "{paths:#?}");
    }
}

#[tokio::test]
async fn paged_list_takes_one_request_per_page() {
    for system in SystemKind::ALL {
        let expected = match system {
            SystemKind::Bibliocommons => 4 + 3 + 4,
            other => requests_of_a_check(other, Generation::Older).1,
        };
        let site = Site::generated(system, 1, 80, 4, today());
        let requests = record_requests(site, &generated_number(0), &generated_pin(0)).await;
        assert_eq!(requests.len(), expected, "{}", system.id());
    }
}

#[tokio::test]
async fn polaris_login_carries_its_state_and_its_button() {
    let site = site(SystemKind::Polaris, Generation::Older, full());
    let requests = record_requests(site, NUMBER, PIN).await;
    let login = requests.iter().find(|seen| seen.is_login).unwrap();
    for field in ["__VIEWSTATE", "__EVENTVALIDATION", "buttonSubmit"] {
        assert!(login.fields.iter().any(|name| name == field), "{field}");
    }
}

/// Words in the URLs of requests that change something, at any of the systems.
const CHANGING_WORDS: [&str; 21] = [
    "renew",
    "cancel",
    "freeze",
    "suspend",
    "update",
    "modpinfo",
    "modrequest",
    "reserve",
    "place",
    "delete",
    "dismiss",
    "note",
    "passwd",
    "memberentry",
    "pay",
    "checkin",
    "target=verl",
    "target=alleverl",
    "target=delvor",
    "vorbest",
    "storn",
];

/// Describes the request if a check may not send it.
fn find_objection(seen: &LoggedRequest) -> Option<String> {
    let what = format!("{} {} {:?}", seen.method, seen.path, seen.fields);
    // BiblioCommons has a page for suspended holds.
    let path = seen.path.to_ascii_lowercase();
    let path = path.replace("/v2/holds/suspended", "/v2/holds");
    // Older Enterprise sites serve their lists to a POST by the page's script, which changes nothing.
    let is_list = path.ends_with("accordion?") && seen.fields == ["t:zoneid"];
    // An interface ends the session by a POST.
    let is_logout = path == "/user/patron/logout" && seen.fields.is_empty();
    let is_fine = match seen.method.as_str() {
        "GET" => seen.fields.is_empty() && !CHANGING_WORDS.iter().any(|word| path.contains(word)),
        "POST" => seen.is_login || is_list || is_logout,
        _ => false,
    };
    (seen.changes_state || !is_fine).then_some(what)
}

test_every_site!(only_login_and_logout_change_anything);

async fn only_login_and_logout_change_anything(system: SystemKind, generation: Generation) {
    let faults = [
        Fault::WrongCounts,
        Fault::ChangedLayout,
        Fault::HalfPage,
        Fault::EmptyBody,
        Fault::Maintenance,
        Fault::Captcha,
        Fault::ForgetSession,
        Fault::CutShort,
        Fault::Status(404),
        Fault::OtherPatron("29000000000000".to_owned()),
    ];
    let mut sites: Vec<(Site, String, String)> = family_sites(today())
        .into_iter()
        .chain(other_sites(today()))
        .filter(|family| family.system == system)
        .flat_map(|family| {
            let patrons = family.patrons.clone();
            patrons.into_iter().map(move |patron| {
                let site = family.clone().with_generation(generation);
                (site, patron.number, patron.pin)
            })
        })
        .collect();
    let generated = Site::generated(system, 1, 80, 12, today()).with_generation(generation);
    sites.push((generated, generated_number(0), generated_pin(0)));
    for patron in [empty(), full()] {
        let site = site(system, generation, patron);
        sites.push((site, NUMBER.to_owned(), PIN.to_owned()));
    }
    for (site, number, pin) in sites {
        let (demo, library) = start(site).await;
        let wrong = check(&demo, &library, &number, "0000").await;
        assert!(wrong.is_err());
        check(&demo, &library, &number, &pin).await.unwrap();
        for fault in &faults {
            // At the login, and after it.
            let rule = Rule::new(fault.clone());
            for rule in [
                rule.clone().only_for_method("POST"),
                rule.only_for_patrons(),
            ] {
                demo.switches().clear();
                demo.switches().add(rule);
                // Other tests cover the outcome.
                let _ = check(&demo, &library, &number, &pin).await;
                demo.unlock(&number);
            }
        }
        assert_harmless(&demo);
    }
}

fn assert_harmless(demo: &DemoLibrary) {
    let seen = demo.requests();
    assert!(seen.len() > 40, "only {} requests", seen.len());
    assert!(seen.iter().any(|seen| seen.is_login));
    let objections: Vec<String> = seen.iter().filter_map(find_objection).collect();
    assert!(objections.is_empty(), "{objections:#?}");
}

#[rstest]
#[case("GET", "/cgi-bin/koha/opac-renew.pl?item=1", &[])]
#[case("POST", "/cgi-bin/koha/opac-modrequest.pl", &["reserve_id"])]
#[case("POST", "/cgi-bin/koha/opac-user.pl", &["op"])]
#[case("GET", "/patroninfo~S1/1/items?requestRenewAll=requestRenewAll", &[])]
#[case("POST", "/client/en_US/default/search/account.holds.cancel?", &["t:zoneid"])]
#[case("POST", "/client/x/account.holds.libraryholdsaccordion?", &["t:zoneid", "checkbox"])]
#[case("DELETE", "/v2/holds/1", &[])]
#[case("POST", "/circulation/circRecord/renew", &["item"])]
fn changing_request_is_objected_to(
    #[case] method: &str,
    #[case] path: &str,
    #[case] fields: &[&str],
) {
    let seen = LoggedRequest {
        method: method.to_owned(),
        path: path.to_owned(),
        status: Some(200),
        at: std::time::SystemTime::now(),
        answered_at: None,
        patron: None,
        user_agent: None,
        cookies: Vec::new(),
        fields: fields.iter().map(|name| (*name).to_owned()).collect(),
        is_login: false,
        changes_state: false,
    };
    assert!(find_objection(&seen).is_some());
}
