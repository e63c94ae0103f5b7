//! What a card's check asks of each system's site: the least that its flow allows, and nothing that
//! changes a patron's affairs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod demo;

use demo::{check, start, today};
use hippo_demo_library::{
    DemoHold, DemoLibrary, DemoLoan, Fault, Generation, Patron, RequestSeen, Rule, Site,
    SystemKind, family_sites, generated_number, generated_pin,
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

/// A check that reads an account, and what the site was asked for: those that it answered by a
/// redirect count like all others.
async fn asked(site: Site, number: &str, pin: &str) -> Vec<RequestSeen> {
    let (demo, library) = start(site).await;
    check(&demo, &library, number, pin).await.unwrap();
    demo.requests()
}

/// docs/PERFORMANCE.md says the same, and why each is needed.
#[rstest]
#[case(SystemKind::Bibliocommons, Generation::Older, 4, 8)]
#[case(SystemKind::Sierra, Generation::Older, 7, 7)]
#[case(SystemKind::Enterprise, Generation::Older, 6, 6)]
#[case(SystemKind::Enterprise, Generation::Newer, 6, 6)]
#[case(SystemKind::Koha, Generation::Older, 3, 3)]
#[case(SystemKind::Koha, Generation::Newer, 4, 4)]
#[tokio::test]
async fn a_check_asks_the_least_that_the_systems_flow_allows(
    #[case] system: SystemKind,
    #[case] generation: Generation,
    #[case] of_an_empty_account: usize,
    #[case] of_a_full_one: usize,
) {
    for (patron, expected) in [(empty(), of_an_empty_account), (full(), of_a_full_one)] {
        let asked = asked(site(system, generation, patron), NUMBER, PIN).await;
        let paths: Vec<String> = asked
            .iter()
            .map(|seen| format!("{} {}", seen.method, seen.path))
            .collect();
        assert_eq!(paths.len(), expected, "{paths:#?}");
    }
}

#[tokio::test]
async fn a_list_in_pages_costs_a_request_a_page_where_the_site_pages_it() {
    for (system, expected) in [
        (SystemKind::Bibliocommons, 4 + 3 + 4),
        (SystemKind::Sierra, 7),
        (SystemKind::Enterprise, 6),
        (SystemKind::Koha, 3),
    ] {
        let site = Site::generated(system, 1, 80, 4, today());
        let asked = asked(site, &generated_number(0), &generated_pin(0)).await;
        assert_eq!(asked.len(), expected, "{}", system.id());
    }
}

/// Words that stand in the address of whatever changes something, at one of the systems or another.
const CHANGING: [&str; 16] = [
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
];

/// Why a request is none that a check may send; `None`: it may.
fn objection(seen: &RequestSeen) -> Option<String> {
    let what = format!("{} {} {:?}", seen.method, seen.path, seen.fields);
    // BiblioCommons has a page of the holds that are suspended.
    let path = seen.path.to_ascii_lowercase();
    let path = path.replace("/v2/holds/suspended", "/v2/holds");
    // Older Enterprise sites give their lists to a POST of the page's script, which changes nothing.
    let is_list = path.ends_with("accordion?") && seen.fields == ["t:zoneid"];
    let is_fine = match seen.method.as_str() {
        "GET" => seen.fields.is_empty() && !CHANGING.iter().any(|word| path.contains(word)),
        "POST" => seen.is_login || is_list,
        _ => false,
    };
    (seen.changes_state || !is_fine).then_some(what)
}

#[tokio::test]
async fn nothing_is_ever_sent_but_a_login_and_a_logout() {
    let faults = [
        None,
        Some(Fault::WrongCounts),
        Some(Fault::ChangedLayout),
        Some(Fault::HalfAPage),
        Some(Fault::EmptyBody),
        Some(Fault::Maintenance),
        Some(Fault::Captcha),
        Some(Fault::ForgetSession),
        Some(Fault::CutShort),
        Some(Fault::Status(404)),
        Some(Fault::OtherPatron("29000000000000".to_owned())),
    ];
    for system in SystemKind::ALL {
        for generation in [Generation::Older, Generation::Newer] {
            let generated = Site::generated(system, 1, 80, 12, today());
            let mut sites = vec![
                (
                    site(system, generation, empty()),
                    NUMBER.to_owned(),
                    PIN.to_owned(),
                ),
                (
                    site(system, generation, full()),
                    NUMBER.to_owned(),
                    PIN.to_owned(),
                ),
                (
                    generated.with_generation(generation),
                    generated_number(0),
                    generated_pin(0),
                ),
            ];
            for family in family_sites(today()) {
                for patron in family.patrons.clone() {
                    if family.system == system {
                        let family = family.clone().with_generation(generation);
                        sites.push((family, patron.number, patron.pin));
                    }
                }
            }
            for (site, number, pin) in sites {
                let (demo, library) = start(site).await;
                for pin in [pin.as_str(), "0000"] {
                    for fault in &faults {
                        // Before the login, at the login, and after it.
                        for rule in rules(fault.as_ref()) {
                            demo.switches().clear();
                            rule.into_iter().for_each(|rule| demo.switches().add(rule));
                            demo.unlock(&number);
                            // What comes of it is the matter of other tests.
                            let _ = check(&demo, &library, &number, pin).await;
                        }
                    }
                }
                must_be_harmless(&demo);
            }
        }
    }
}

fn rules(fault: Option<&Fault>) -> Vec<Option<Rule>> {
    match fault {
        None => vec![None],
        Some(fault) => {
            let rule = Rule::new(fault.clone());
            vec![
                Some(rule.clone().only_method("POST")),
                Some(rule.only_for_patrons()),
            ]
        }
    }
}

fn must_be_harmless(demo: &DemoLibrary) {
    let seen = demo.requests();
    assert!(seen.len() > 40, "only {} requests", seen.len());
    assert!(seen.iter().any(|seen| seen.is_login));
    let objections: Vec<String> = seen.iter().filter_map(objection).collect();
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
fn what_changes_something_is_objected_to(
    #[case] method: &str,
    #[case] path: &str,
    #[case] fields: &[&str],
) {
    let seen = RequestSeen {
        method: method.to_owned(),
        path: path.to_owned(),
        status: Some(200),
        at: std::time::SystemTime::now(),
        answered_at: None,
        patron: None,
        user_agent: None,
        fields: fields.iter().map(|name| (*name).to_owned()).collect(),
        is_login: false,
        changes_state: false,
    };
    assert!(objection(&seen).is_some());
}
