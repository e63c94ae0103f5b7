//! Signing in with the accounts of a certified identity provider (the npm package `oidc-provider`).

mod client;
mod world;

use hippo_tests::web_driver::{Chromium, Profile};
use reqwest::StatusCode;

use self::client::{WebClient, WebPage};
use self::world::{INES, NAME, World};

/// Follows the link on the sign-in page, and signs in at the provider.
async fn use_provider(world: &World, client: &mut WebClient, account: &str) -> WebPage {
    let page = client.open(&world.page("/sign-in")).await;
    assert!(page.body.contains(&format!("Sign in with {NAME}")));
    let page = client.open(&world.page("/sign-in/oidc")).await;
    assert!(page.url.as_str().starts_with(&world.issuer), "{page:?}");
    assert!(page.body.contains("The provider"), "{page:?}");
    let fields = [("account", account)];
    client.submit(&page, page.url.as_str(), &fields).await
}

#[tokio::test]
async fn account_of_a_certified_provider_signs_in_after_one_email() {
    let Some(world) = World::start() else {
        return;
    };
    let mut laptop = WebClient::new();
    let page = use_provider(&world, &mut laptop, "ines").await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    assert!(page.body.contains("One more step"), "{page:?}");

    // By email, once.
    let page = laptop.open(&world.page("/sign-in")).await;
    let token = page.hidden("form_token");
    let fields = [("form_token", &*token), ("address", INES)];
    let page = laptop.submit(&page, "/sign-in", &fields).await;
    let (token, code) = (page.hidden("form_token"), world.mailed_code());
    let fields = [("form_token", &*token), ("code", &*code)];
    let page = laptop.submit(&page, "/sign-in/code", &fields).await;
    assert!(
        page.url.as_str().ends_with("/sign-in/oidc/link"),
        "{page:?}"
    );
    let token = page.hidden("form_token");
    let fields = [("form_token", &*token), ("answer", "yes")];
    let page = laptop.submit(&page, "/sign-in/oidc/link", &fields).await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    let linked = format!("Your {NAME} account is linked");
    assert!(page.body.contains(&linked), "{page:?}");

    // On another device, without an email.
    let mut phone = WebClient::new();
    let page = use_provider(&world, &mut phone, "ines").await;
    assert_eq!(page.url.path(), "/family", "{page:?}");
    assert!(page.body.contains("The Calders"), "{page:?}");
    assert_eq!(world.count_sign_in_mails(), 1);

    // Another account of the provider is somebody else, though its address may be anything.
    let mut stranger = WebClient::new();
    let page = use_provider(&world, &mut stranger, "stranger").await;
    assert!(page.body.contains("One more step"), "{page:?}");
    let page = stranger.open(&world.page("/family")).await;
    assert_eq!(page.url.path(), "/sign-in");
}

#[tokio::test]
async fn person_who_cancels_at_a_certified_provider_is_not_signed_in() {
    let Some(world) = World::start() else {
        return;
    };
    let mut client = WebClient::new();
    let page = client.open(&world.page("/sign-in/oidc")).await;
    let fields = [("cancel", "yes")];
    let page = client.submit(&page, page.url.as_str(), &fields).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "{page:?}");
    assert!(page.body.contains("You aren’t signed in"), "{page:?}");
}

#[test]
fn account_of_a_certified_provider_signs_in_in_a_browser() {
    let (Some(world), Some(chromium)) = (World::start(), Chromium::start()) else {
        return;
    };
    let use_provider = |profile: &Profile<'_>| {
        profile.open(&world.page("/sign-in"));
        profile.click("a[href='/sign-in/oidc']");
        profile.wait_for("The provider");
        profile.type_into("#account", "ines");
        profile.click("#go");
    };
    let laptop = chromium.open_profile();
    use_provider(&laptop);
    laptop.wait_for("One more step");
    laptop.click("main a");
    laptop.type_into("#address", INES);
    laptop.click("main button");
    laptop.wait_for("Check your email");
    laptop.type_into("#code", &world.mailed_code());
    laptop.click("main button");
    laptop.wait_for(&format!("Sign in with {NAME} from now on?"));
    laptop.click("button[value=yes]");
    laptop.wait_for(&format!("Your {NAME} account is linked"));
    laptop.click("main a.button");
    laptop.wait_for("The Calders");

    let phone = chromium.open_profile();
    use_provider(&phone);
    phone.wait_for("The Calders");
    assert_eq!(world.count_sign_in_mails(), 1);
    // Neither the code nor anything else of the provider's answer stays in the address.
    assert!(!phone.url().contains("code"), "{}", phone.url());
    let reports = phone.console();
    assert!(
        !reports.iter().any(|line| line.contains("Content Security")),
        "{reports:?}"
    );
    // The history doesn't sign in again, either.
    phone.open(&world.page("/family/settings"));
    phone.wait_for("One account of yours elsewhere");
    phone.click("header button");
    phone.wait_for("in one place");
    phone.go_back();
    phone.open(&world.page("/family"));
    assert!(phone.url().ends_with("/sign-in"), "{}", phone.url());
}
