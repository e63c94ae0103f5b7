//! Koha's login, account and logout in both generations, as a client with cookies sees them.

use crate::common::{
    client_without_redirects, form, get, log_in_koha, new_client, set_field, texts, today,
};
use hippo_demo_library::{DemoLibrary, Generation, family_sites};

const NUMBER: &str = "25000000003305";
const PIN: &str = "5160";
const PAGE: &str = "/cgi-bin/koha/opac-user.pl";

async fn marshfield(generation: Generation) -> (DemoLibrary, String) {
    let [_, _, _, site] = family_sites(today());
    let library = DemoLibrary::start(site.with_generation(generation))
        .await
        .unwrap();
    let base = library.base_url();
    (library, base)
}

#[tokio::test]
async fn account_follows_a_login_in_both_generations() {
    for generation in [Generation::Older, Generation::Newer] {
        let (library, base) = marshfield(generation).await;
        let client = new_client();
        let page = log_in_koha(&client, &base, NUMBER, PIN).await;
        assert_eq!(page.status(), 200);
        let page = page.text().await.unwrap();
        assert_eq!(texts(&page, "#userdetails").len(), 1);
        assert_eq!(texts(&page, ".loggedinusername"), ["Jon Okoye"]);
        assert_eq!(
            texts(&page, "#opac-user-views > ul a"),
            [
                "At home (3)",
                "Late (1)",
                "Charges (17.25)",
                "Asked for (4)"
            ]
        );
        assert_eq!(texts(&page, "#checkoutst tbody tr").len(), 3);
        assert_eq!(texts(&page, "#overduest tbody tr").len(), 1);
        assert_eq!(texts(&page, "#holdst tbody tr.reserved").len(), 1);
        for table in ["#checkoutst", "#holdst"] {
            let heads = texts(&page, &format!("{table} thead th")).len();
            let cells = texts(&page, &format!("{table} tbody td")).len();
            let rows = texts(&page, &format!("{table} tbody tr")).len();
            assert_eq!(cells, heads * rows, "{table}");
        }
        assert_eq!(library.logins(), 1);
        let left = format!("{base}/cgi-bin/koha/opac-main.pl?logout.x=1");
        get(&client, &left).await;
        assert_eq!(library.open_sessions(), 0);
        assert!(library.violations().is_empty());
        let stranger = get(&client, &format!("{base}{PAGE}")).await;
        assert!(texts(&stranger, "#userdetails").is_empty());
    }
}

#[tokio::test]
async fn each_generation_has_its_fields_and_dates() {
    for (generation, field, dates, answer) in [
        (
            Generation::Older,
            "userid",
            "td.date_due span[title$='23:59:00']",
            200,
        ),
        (
            Generation::Newer,
            "login_userid",
            "td.date_due[data-order$='23:59:00']",
            303,
        ),
    ] {
        let (_library, base) = marshfield(generation).await;
        let client = client_without_redirects();
        let page = get(&client, &format!("{base}{PAGE}")).await;
        let (_, fields) = form(&page, "form#auth").unwrap();
        assert!(fields.iter().any(|(name, _)| name == field));
        assert!(form(&page, "form#modalAuth").is_some(), "and a hidden form");
        let landing = log_in_koha(&client, &base, NUMBER, PIN).await;
        assert_eq!(landing.status(), answer);
        let page = get(&client, &format!("{base}{PAGE}")).await;
        assert_eq!(texts(&page, dates).len(), 3);
    }
}

#[tokio::test]
async fn wrong_pin_is_answered_with_form_and_error() {
    for generation in [Generation::Older, Generation::Newer] {
        let (library, base) = marshfield(generation).await;
        for _ in 0..3 {
            let page = log_in_koha(&new_client(), &base, NUMBER, "0000").await;
            assert_eq!(page.status(), 200);
            let page = page.text().await.unwrap();
            assert_eq!(texts(&page, "#opac-auth .alert").len(), 1);
            assert!(form(&page, "form#auth").is_some());
        }
        assert!(library.is_locked(NUMBER));
        let locked = log_in_koha(&new_client(), &base, NUMBER, PIN).await;
        let locked = locked.text().await.unwrap();
        assert_eq!(texts(&locked, "#opac-auth .alert").len(), 1);
    }
}

#[tokio::test]
async fn token_is_valid_only_in_its_session() {
    let (library, base) = marshfield(Generation::Newer).await;
    let page = get(&new_client(), &format!("{base}{PAGE}")).await;
    let (action, mut fields) = form(&page, "form#auth").unwrap();
    set_field(&mut fields, "login_userid", NUMBER);
    set_field(&mut fields, "login_password", PIN);
    let stranger = new_client();
    get(&stranger, &format!("{base}{PAGE}")).await;
    let request = stranger.post(format!("{base}{action}")).form(&fields);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 403);
    assert_eq!(answer.headers()["content-type"], "text/plain");
    assert_eq!(answer.text().await.unwrap(), "Wrong CSRF token");
    assert_eq!(
        (library.open_sessions(), library.wrong_pins(NUMBER)),
        (0, 0)
    );
}

#[tokio::test]
async fn state_changes_are_only_recorded() {
    let (library, base) = marshfield(Generation::Older).await;
    let client = new_client();
    log_in_koha(&client, &base, NUMBER, PIN).await;
    assert!(library.violations().is_empty());
    get(
        &client,
        &format!("{base}/cgi-bin/koha/opac-renew.pl?item=1"),
    )
    .await;
    for script in [
        "opac-modrequest.pl",
        "opac-modrequest-suspend.pl",
        "opac-user.pl",
    ] {
        let url = format!("{base}/cgi-bin/koha/{script}");
        let form = [("reserve_id", "1")];
        client.post(url).form(&form).send().await.unwrap();
    }
    assert_eq!(library.violations().len(), 4);
    assert_eq!(library.logins(), 1);
}

#[tokio::test]
async fn columns_can_be_hidden_and_text_translated() {
    let (library, base) = marshfield(Generation::Older).await;
    library.switches().set_translated(true);
    library.update_patron(NUMBER, |patron| patron.fines_cents = -123_456);
    let client = new_client();
    log_in_koha(&client, &base, NUMBER, PIN).await;
    let page = get(&client, &format!("{base}{PAGE}")).await;
    assert!(page.contains("Guthaben (1.234,56)"));
    library.switches().set_hides_columns(true);
    let page = get(&client, &format!("{base}{PAGE}")).await;
    assert!(texts(&page, "td.renew, td.fines, #opac-user-fines").is_empty());
    assert_eq!(texts(&page, "#checkoutst th").len(), 4);
}
