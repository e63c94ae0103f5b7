//! Each system's login, lists and logout, as a client with cookies sees them.

use std::collections::HashSet;

use crate::common::{
    client_without_redirects, form, get, location, log_in_bibliocommons, log_in_sierra, new_client,
    set_field, state, texts, today,
};
use hippo_demo_library::{
    DemoLibrary, DemoLoan, Generation, Site, SystemKind, family_sites, generated_number,
    generated_pin,
};
use reqwest::Client;
use serde_json::{Value, json};

async fn family(system: SystemKind) -> (DemoLibrary, String) {
    let site = family_sites(today())
        .into_iter()
        .find(|site| site.system == system);
    let library = DemoLibrary::start(site.unwrap()).await.unwrap();
    let base = library.base_url();
    (library, base)
}

#[tokio::test]
async fn bibliocommons_shows_the_account_after_a_login() {
    let (library, base) = family(SystemKind::Bibliocommons).await;
    let client = new_client();
    let page = log_in_bibliocommons(&client, &base, "21000000004711", "2468").await;
    assert_eq!(page.url().path(), "/v2/checkedout");
    let state = state(&page.text().await.unwrap()).unwrap();
    let user = state["auth"]["currentUserId"].as_u64().unwrap();
    let account = &state["entities"]["accounts"][(user + 1).to_string()];
    assert_eq!(account["barcode"], "21000000004711");
    assert_eq!(state["borrowing"]["checkedout"]["pagination"]["count"], 4);
    let summaries = &state["borrowing"]["fines"]["summaries"];
    assert_eq!(summaries["checkedout"]["total"], 4);
    assert_eq!(
        summaries["checkedout"]["status"],
        json!({"OVERDUE": {"PHYSICAL": 1}, "OUT": {"PHYSICAL": 2, "DIGITAL": 1}})
    );
    assert_eq!(summaries["holds"]["totalOperative"], 4);
    let items = state["borrowing"]["checkedout"]["items"]
        .as_array()
        .unwrap();
    let first = &state["entities"]["checkouts"][items[0].as_str().unwrap()];
    assert_eq!(first["dueDate"], "2026-11-18");
    assert_eq!(first["timesRenewed"], 2);
    let bib = &state["entities"]["bibs"][first["metadataId"].as_str().unwrap()];
    assert_eq!(bib["briefInfo"]["title"], "The Lantern Keeper's Year");
    assert_eq!(bib["briefInfo"]["authors"], json!(["Aldous, Wren"]));
    assert_eq!(library.logins(), 1);
    assert_eq!(library.open_sessions(), 1);

    get(&client, &format!("{base}/user/logout")).await;
    assert_eq!(library.open_sessions(), 0);
    assert!(library.violations().is_empty());
}

#[tokio::test]
async fn bibliocommons_lists_each_kind_of_hold_on_its_own_page() {
    let (_library, base) = family(SystemKind::Bibliocommons).await;
    let client = new_client();
    log_in_bibliocommons(&client, &base, "21000000004711", "2468").await;
    for (path, status) in [
        ("ready_for_pickup", "READY_FOR_PICKUP"),
        ("in_transit", "IN_TRANSIT"),
        ("not_yet_available", "NOT_YET_AVAILABLE"),
        ("suspended", "SUSPENDED"),
    ] {
        let state = state(&get(&client, &format!("{base}/v2/holds/{path}")).await).unwrap();
        let holds: Vec<&Value> = state["entities"]["holds"]
            .as_object()
            .unwrap()
            .values()
            .collect();
        assert_eq!(holds.len(), 1, "{path}");
        assert_eq!(holds[0]["status"], status);
        assert_eq!(state["borrowing"]["holds"]["pagination"]["count"], 1);
        assert_eq!(state["borrowing"]["checkedout"]["pagination"], json!({}));
        match status {
            "READY_FOR_PICKUP" => assert_eq!(holds[0]["pickupByDate"], "2026-11-25"),
            "NOT_YET_AVAILABLE" => assert_eq!(holds[0]["holdsPosition"], 9),
            "SUSPENDED" => assert_eq!(holds[0]["suspendEndDate"], "2026-12-31"),
            _ => assert_eq!(holds[0]["pickupLocation"]["name"], "Mill Street"),
        }
    }
}

#[tokio::test]
async fn bibliocommons_pages_80_loans_by_25() {
    let site = Site::generated(SystemKind::Bibliocommons, 3, 80, 0, today());
    let library = DemoLibrary::start(site).await.unwrap();
    let base = library.base_url();
    let client = new_client();
    log_in_bibliocommons(&client, &base, &generated_number(2), &generated_pin(2)).await;
    let mut seen = HashSet::new();
    for (page, rows) in [(1, 25), (2, 25), (3, 25), (4, 5), (5, 0)] {
        let url = format!("{base}/v2/checkedout?page={page}");
        let state = state(&get(&client, &url).await).unwrap();
        let list = &state["borrowing"]["checkedout"];
        let pagination = json!({"count": 80, "page": page, "limit": 25, "pages": 4});
        assert_eq!(list["pagination"], pagination);
        assert_eq!(list["items"].as_array().unwrap().len(), rows);
        seen.extend(
            list["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(ToString::to_string),
        );
    }
    assert_eq!(seen.len(), 80);
}

#[tokio::test]
async fn bibliocommons_refuses_wrong_pins_and_stale_forms() {
    let (library, base) = family(SystemKind::Bibliocommons).await;
    let client = new_client();
    let page = log_in_bibliocommons(&client, &base, "21000000004711", "0000").await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert_eq!(texts(&page, ".top_message").len(), 1);
    assert!(form(&page, "form.loginForm").is_some());
    assert_eq!(state(&page).unwrap()["auth"]["currentUserId"], Value::Null);
    assert!(!state(&page).unwrap()["auth"]["loginError"].is_null());

    // One visitor's token isn't valid for another visitor's form.
    let page = get(&client, &format!("{base}/user/login")).await;
    let (action, mut fields) = form(&page, "form.loginForm").unwrap();
    set_field(&mut fields, "name", "21000000004711");
    set_field(&mut fields, "user_pin", "2468");
    let stranger = new_client()
        .post(&action)
        .form(&fields)
        .send()
        .await
        .unwrap();
    assert_eq!(stranger.status(), 422);
    set_field(&mut fields, "authenticity_token", "made up");
    let forged = client.post(&action).form(&fields).send().await.unwrap();
    assert_eq!(forged.status(), 422);
    assert_eq!(library.open_sessions(), 0);
    assert_eq!(library.wrong_pins("21000000004711"), 1);
}

#[tokio::test]
async fn bibliocommons_answers_script_with_json() {
    let (_library, base) = family(SystemKind::Bibliocommons).await;
    let client = new_client();
    let page = get(&client, &format!("{base}/user/login")).await;
    let (action, mut fields) = form(&page, "form.loginForm").unwrap();
    set_field(&mut fields, "name", "21000000004711");
    for (pin, logged_in) in [("0000", false), ("2468", true)] {
        set_field(&mut fields, "user_pin", pin);
        let request = client
            .post(&action)
            .header("X-Requested-With", "XMLHttpRequest");
        let answer = request
            .form(&fields)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["logged_in"], logged_in);
    }
    let page = get(&client, &format!("{base}/v2/checkedout")).await;
    assert!(!state(&page).unwrap()["auth"]["currentUserId"].is_null());
}

#[tokio::test]
async fn bibliocommons_sends_anonymous_visitors_to_the_login() {
    let (library, base) = family(SystemKind::Bibliocommons).await;
    let client = client_without_redirects();
    let url = format!("{base}/v2/holds/in_transit");
    let answer = client.get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(
        location(&answer),
        format!("{base}/user/login?destination=%2Fv2%2Fholds%2Fin_transit")
    );
    library.switches().set_anonymous_pages(true);
    let state = state(&get(&client, &url).await).unwrap();
    assert_eq!(state["auth"]["currentUserId"], Value::Null);
    assert_eq!(state["entities"]["accounts"], json!({}));
}

#[tokio::test]
async fn sierra_shows_summary_items_and_holds_after_a_login() {
    let (library, base) = family(SystemKind::Sierra).await;
    let client = new_client();
    let page = log_in_sierra(&client, &base, "22000000008815", "9021").await;
    assert!(page.url().path().ends_with("/top"), "{}", page.url());
    let page = page.text().await.unwrap();
    assert_eq!(texts(&page, ".patNameAddress strong"), ["CALDER, INES."]);
    assert!(page.contains("EXP DATE:11-28-2026"));
    assert_eq!(
        texts(&page, ".patNameAddress a"),
        [
            "1 request (hold).",
            "2 Items currently checked out",
            "$2.50 in unpaid fines and bills"
        ]
    );
    let items = get(&client, &format!("{base}/patroninfo~S1/1000001/items")).await;
    assert_eq!(texts(&items, "th.patFuncTitle"), ["2 ITEMS CHECKED OUT"]);
    assert_eq!(
        texts(&items, "tr.patFuncEntry td.patFuncTitle"),
        [
            "How to Mend a Kettle / Fairweather, Dot",
            "Bread, Salt, Thunder / Ferreira, Ana"
        ]
    );
    assert_eq!(
        texts(&items, "tr.patFuncEntry td.patFuncStatus"),
        [
            "DUE 11-23-26 Renewed 3 times Too many renewals",
            "DUE 12-05-26 Renewed 1 time"
        ]
    );
    assert_eq!(texts(&items, "td.patFuncMark input").len(), 1);
    let holds = get(&client, &format!("{base}/patroninfo~S1/1000001/holds")).await;
    assert_eq!(texts(&holds, "th.patFuncTitle"), ["1 HOLDS"]);
    assert_eq!(texts(&holds, "td.patFuncStatus"), ["2 of 5 holds"]);
    assert_eq!(texts(&holds, "option[selected]"), ["Station Square"]);
    assert_eq!(texts(&holds, "td.patFuncCancel"), ["03-21-27"]);

    get(&client, &format!("{base}/logout~S1")).await;
    assert_eq!(library.open_sessions(), 0);
    let page = get(&client, &format!("{base}/patroninfo~S1/1000001/items")).await;
    assert!(form(&page, "form#fm1").is_some());
}

#[tokio::test]
async fn sierra_marks_overdue_items_and_frozen_and_ready_holds() {
    use hippo_demo_library::{DemoHold, Patron};
    let due = today().pred_opt().unwrap();
    let patron = Patron::new("5", "6", "Ada Birch")
        .with_loan(DemoLoan::new("Late", "", due))
        .with_hold(DemoHold::ready("A", "", "Oak Park", None))
        .with_hold(DemoHold::ready("B", "", "Oak Park", Some(today())))
        .with_hold(DemoHold::in_transit("C", "", "Oak Park"))
        .with_hold(DemoHold::suspended("D", "", "Oak Park", None));
    let site = Site::new(SystemKind::Sierra, "Here", today()).with_patron(patron);
    let library = DemoLibrary::start(site).await.unwrap();
    let base = library.base_url();
    let client = new_client();
    log_in_sierra(&client, &base, "5", "6").await;
    let items = get(&client, &format!("{base}/patroninfo~S1/1000001/items")).await;
    assert_eq!(texts(&items, "td.patFuncStatus"), ["DUE 11-20-26 OVERDUE"]);
    let holds = get(&client, &format!("{base}/patroninfo~S1/1000001/holds")).await;
    assert_eq!(
        texts(&holds, "td.patFuncStatus"),
        [
            "READY.",
            "Ready. Must be picked up by 11-21-26",
            "IN TRANSIT",
            "2 of 7 holds"
        ]
    );
    assert_eq!(texts(&holds, "td.patFuncFreeze input[checked]").len(), 1);
    assert_eq!(texts(&holds, "td.patFuncPickup")[..3], ["Oak Park"; 3]);
}

#[tokio::test]
async fn sierra_refuses_a_wrong_pin_and_a_used_ticket() {
    let (library, base) = family(SystemKind::Sierra).await;
    let client = new_client();
    let page = log_in_sierra(&client, &base, "22000000008815", "9999").await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert_eq!(texts(&page, "div#status.errors").len(), 1);

    let (action, mut fields) = form(&page, "form#fm1").unwrap();
    set_field(&mut fields, "code", "22000000008815");
    set_field(&mut fields, "pin", "9999");
    let url = format!("{base}{action}");
    client.post(&url).form(&fields).send().await.unwrap();
    // The same form again. Its ticket is used, so there is no error about the PIN.
    set_field(&mut fields, "pin", "9021");
    let page = client
        .post(&url)
        .form(&fields)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(texts(&page, "div#status").is_empty());
    assert!(form(&page, "form#fm1").is_some());
    assert_eq!(library.wrong_pins("22000000008815"), 2);
    assert_eq!(library.open_sessions(), 0);
}

#[tokio::test]
async fn three_wrong_pins_lock_only_that_patron() {
    let (library, base) = family(SystemKind::Sierra).await;
    for _ in 0..3 {
        log_in_sierra(&new_client(), &base, "22000000008815", "9999").await;
    }
    assert!(library.is_locked("22000000008815"));
    let page = log_in_sierra(&new_client(), &base, "22000000008815", "9021").await;
    assert_eq!(texts(&page.text().await.unwrap(), "div#status").len(), 1);
    let page = log_in_sierra(&new_client(), &base, "22000000008816", "4410").await;
    assert!(page.url().path().ends_with("/1000002/top"));
    assert_eq!(library.login_attempts("22000000008815"), 4);
    library.unlock("22000000008815");
    let page = log_in_sierra(&new_client(), &base, "22000000008815", "9021").await;
    assert!(page.url().path().ends_with("/1000001/top"));
}

#[tokio::test]
async fn sierra_asks_for_the_name_if_set() {
    let (library, base) = family(SystemKind::Sierra).await;
    library.switches().set_asks_for_name(true);
    for (name, opens) in [("Somebody Else", false), ("ines calder", true)] {
        let client = new_client();
        let page = get(&client, &format!("{base}/patroninfo~S1")).await;
        let (action, mut fields) = form(&page, "form#fm1").unwrap();
        set_field(&mut fields, "name", name);
        set_field(&mut fields, "code", "22000000008815");
        set_field(&mut fields, "pin", "9021");
        let request = client.post(format!("{base}{action}")).form(&fields);
        let page = request.send().await.unwrap();
        assert_eq!(page.url().path().ends_with("/top"), opens);
    }
}

#[tokio::test]
async fn sierra_hides_empty_lists_and_other_records() {
    let (library, base) = family(SystemKind::Sierra).await;
    library.update_patron("22000000008815", |patron| {
        patron.loans.clear();
        patron.holds.clear();
        patron.fines_cents = 0;
    });
    let client = new_client();
    let page = log_in_sierra(&client, &base, "22000000008815", "9021").await;
    assert!(texts(&page.text().await.unwrap(), ".patNameAddress a").is_empty());
    let other = format!("{base}/patroninfo~S1/1000002/top");
    let page = get(&client, &other).await;
    assert_eq!(texts(&page, ".patNameAddress strong"), ["CALDER, INES."]);
}

/// Logs in at an Enterprise site like its script. Returns the answer.
async fn log_in_enterprise(client: &Client, base: &str, number: &str, pin: &str) -> Value {
    let page = get(
        client,
        &format!("{base}/client/en_US/default/search/account?"),
    )
    .await;
    let (action, mut fields) = form(&page, "form#loginPageForm").unwrap();
    set_field(&mut fields, "j_username", number);
    set_field(&mut fields, "j_password", pin);
    let token = fields.iter().find(|(name, _)| name == "sdcsrf");
    let mut request = client
        .post(format!("{base}{action}"))
        .header("X-Requested-With", "XMLHttpRequest")
        .form(&fields);
    if let Some((_, token)) = token {
        request = request.header("sdcsrf", token);
    }
    let answer = request.send().await.unwrap().text().await.unwrap();
    serde_json::from_str(&answer).unwrap()
}

fn lakeshore(generation: Generation) -> Site {
    let [_, _, site, _] = family_sites(today());
    site.with_generation(generation)
}

#[tokio::test]
async fn older_enterprise_serves_lists_to_scripts_only() {
    let library = DemoLibrary::start(lakeshore(Generation::Older))
        .await
        .unwrap();
    let base = library.base_url();
    let client = new_client();
    let answer = log_in_enterprise(&client, &base, "23000000001203", "7788").await;
    let script = answer["scripts"][0]["script"].as_str().unwrap();
    let account = format!("{base}/client/en_US/default/search/account?");
    assert_eq!(script, format!("RedirectAfterLogin('{account}');"));
    let page = get(&client, &account).await;
    assert_eq!(texts(&page, ".patronName"), ["Mara Okoye"]);

    let list = |name: &str| {
        let url =
            format!("{base}/client/en_US/default/search/account.{name}.library{name}accordion?");
        client.post(url).form(&[("t:zoneid", "anyZone")])
    };
    let plain = list("checkouts").send().await.unwrap();
    assert_eq!(plain.url().path(), "/client/en_US/default/search/account");
    let ask = async |name: &str| -> String {
        let request = list(name).header("X-Requested-With", "XMLHttpRequest");
        let answer = request.send().await.unwrap().text().await.unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["content"].as_str().unwrap().to_owned()
    };
    let checkouts = ask("checkouts").await;
    let table = "table#myCheckouts_checkoutslist_table.checkoutsList";
    assert_eq!(
        texts(&checkouts, &format!("{table} a.hideIE")),
        [
            "Ponds and Puddles [DVD]",
            "Counting \"Sheep\" in Nine Languages"
        ]
    );
    assert_eq!(
        texts(&checkouts, "td.checkoutsDueDate"),
        ["11/20/26", "12/12/26"]
    );
    assert_eq!(texts(&checkouts, "td.checkoutsRenewCount"), ["1", "0"]);
    assert_eq!(
        texts(&checkouts, ".checkoutsError"),
        ["Renewal limit reached: This item cannot be renewed."]
    );
    let holds = ask("holds").await;
    assert_eq!(
        texts(
            &holds,
            "table#myHolds_holdslist_table.holdsList td.holdsStatus"
        )[1..],
        ["Pickup by: 11/27/26", "Suspended", "Pending"]
    );
    assert_eq!(texts(&holds, "td.holdsRank")[1..], ["1", "2", "15"]);
    get(
        &client,
        &format!("{base}/client/en_US/default/search/account.logout?"),
    )
    .await;
    assert_eq!(library.open_sessions(), 0);
    assert!(library.violations().is_empty());
}

#[tokio::test]
async fn newer_enterprise_requires_its_token() {
    let library = DemoLibrary::start(lakeshore(Generation::Newer))
        .await
        .unwrap();
    let base = library.base_url();
    let client = new_client();
    let answer = log_in_enterprise(&client, &base, "23000000001203", "7788").await;
    assert!(
        answer["scripts"][0]["script"]
            .as_str()
            .unwrap()
            .starts_with("RedirectAfterLogin('/client/")
    );
    let page = get(
        &client,
        &format!("{base}/client/en_US/default/search/account?"),
    )
    .await;
    let token = page
        .split("__sdcsrf = \"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let urls: Vec<String> = page
        .split("\"url\": \"")
        .skip(1)
        .map(|rest| format!("{base}{}", rest.split('"').next().unwrap()))
        .collect();
    assert_eq!(urls.len(), 2);
    let ask = async |url: &str, token: &str| -> String {
        let request = client
            .post(url)
            .header("X-Requested-With", "XMLHttpRequest");
        request
            .header("sdcsrf", token)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    };
    let refused = ask(&urls[0], "made up").await;
    assert_eq!(texts(&refused, "#exceptionblock h1"), ["System Error"]);
    let checkouts: Value = serde_json::from_str(&ask(&urls[0], token).await).unwrap();
    let checkouts = checkouts["content"].as_str().unwrap();
    assert!(checkouts.contains("Total Items Checked Out: 2"));
    assert_eq!(
        texts(
            checkouts,
            "#myCheckouts_checkoutslistnonmobile_table a.hideIE"
        )
        .len(),
        2
    );
    let holds: Value = serde_json::from_str(&ask(&urls[1], token).await).unwrap();
    let holds = holds["zones"].as_object().unwrap().values().next().unwrap();
    let holds = holds.as_str().unwrap();
    assert_eq!(
        texts(holds, "#myHolds_holdslistnonmobile_table a.hideIE").len(),
        3
    );
}

#[tokio::test]
async fn enterprise_refuses_a_wrong_pin_with_an_error() {
    for generation in [Generation::Older, Generation::Newer] {
        let library = DemoLibrary::start(lakeshore(generation)).await.unwrap();
        let base = library.base_url();
        let answer = log_in_enterprise(&new_client(), &base, "23000000001203", "1111").await;
        assert_eq!(answer["scripts"], json!([]));
        let content = answer["content"].as_str().unwrap();
        assert_eq!(texts(content, "div.t-error").len(), 1);
        assert!(form(content, "form#loginPageForm").is_some());
        assert_eq!(library.open_sessions(), 0);
    }
}

#[tokio::test]
async fn enterprise_list_without_session_redirects() {
    let library = DemoLibrary::start(lakeshore(Generation::Older))
        .await
        .unwrap();
    let url = format!(
        "{}/client/en_US/default/search/account.holds.libraryholdsaccordion?",
        library.base_url()
    );
    let request = new_client()
        .post(url)
        .header("X-Requested-With", "XMLHttpRequest");
    let answer = request.send().await.unwrap().text().await.unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        answer["redirectURL"],
        "/client/en_US/default/search/account?"
    );
}

#[tokio::test]
async fn sessions_never_mix_patrons() {
    let site = Site::generated(SystemKind::Bibliocommons, 12, 3, 0, today());
    let library = DemoLibrary::start(site).await.unwrap();
    let base = library.base_url();
    let checks = (0..12).map(|patron| {
        let base = base.clone();
        tokio::spawn(async move {
            let client = new_client();
            let (number, pin) = (generated_number(patron), generated_pin(patron));
            log_in_bibliocommons(&client, &base, &number, &pin).await;
            for _ in 0..5 {
                let page = get(&client, &format!("{base}/v2/checkedout")).await;
                let state = state(&page).unwrap();
                let accounts = state["entities"]["accounts"].as_object().unwrap();
                assert_eq!(accounts.values().next().unwrap()["barcode"], number);
            }
        })
    });
    for check in checks.collect::<Vec<_>>() {
        check.await.unwrap();
    }
    assert_eq!(library.open_sessions(), 12);
    assert!(library.most_in_flight() >= 1);
}

#[tokio::test]
async fn state_changes_are_recorded_as_violations() {
    let (library, base) = family(SystemKind::Bibliocommons).await;
    let client = new_client();
    let page = log_in_bibliocommons(&client, &base, "21000000004711", "2468").await;
    let page = page.text().await.unwrap();
    assert!(page.contains("/checkedout/renew/"));
    get(&client, &format!("{base}/checkedout/renew/5")).await;
    let violations = library.violations();
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].path, "/checkedout/renew/5");
    assert_eq!(violations[0].patron.as_deref(), Some("21000000004711"));

    let (library, base) = family(SystemKind::Sierra).await;
    let client = new_client();
    log_in_sierra(&client, &base, "22000000008815", "9021").await;
    get(
        &client,
        &format!("{base}/patroninfo~S1/1000001/items?requestRenewAll=requestRenewAll"),
    )
    .await;
    client
        .post(format!("{base}/patroninfo~S1/1000001/holds"))
        .send()
        .await
        .unwrap();
    assert_eq!(library.violations().len(), 2);
}

#[tokio::test]
async fn log_has_patron_request_and_status() {
    let (library, base) = family(SystemKind::Sierra).await;
    log_in_sierra(&new_client(), &base, "22000000008816", "4410").await;
    let requests = library.requests();
    let summary: Vec<_> = requests
        .iter()
        .map(|entry| {
            (
                entry.method.as_str(),
                entry.status.unwrap(),
                entry.patron.is_some(),
            )
        })
        .collect();
    assert_eq!(
        summary,
        [
            ("GET", 302, false),
            ("GET", 200, false),
            ("POST", 302, true),
            ("GET", 302, true),
            ("GET", 200, true)
        ]
    );
    assert_eq!(requests.iter().filter(|entry| entry.is_login).count(), 1);
    assert_eq!(
        requests[2].fields,
        ["code", "pin", "Log In", "lt", "_eventId"]
    );
    library.clear_requests();
    assert_eq!((library.request_count(), library.logins()), (0, 0));
}

#[tokio::test]
async fn data_can_change_while_running() {
    let (library, base) = family(SystemKind::Bibliocommons).await;
    let client = new_client();
    log_in_bibliocommons(&client, &base, "21000000004712", "1357").await;
    let url = format!("{base}/v2/checkedout");
    let count = async || -> Value {
        state(&get(&client, &url).await).unwrap()["borrowing"]["checkedout"]["pagination"]["count"]
            .clone()
    };
    assert_eq!(count().await, 0);
    assert!(library.update_patron("21000000004712", |patron| {
        patron.loans.push(DemoLoan::new("New", "", today()));
    }));
    assert_eq!(count().await, 1);
    assert!(!library.update_patron("nobody", |_| {}));
}

#[tokio::test]
async fn dropped_library_stops() {
    let (library, base) = family(SystemKind::Sierra).await;
    let client = new_client();
    get(&client, &base).await;
    drop(library);
    client.get(&base).send().await.unwrap_err();
}
