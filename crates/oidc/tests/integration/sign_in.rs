//! What works: the flow, the cache, a new key.

use chrono::TimeDelta;
use hippo_core::sign_in::{IdentityError, IdentityProvider as _};
use hippo_oidc::testing::Signing;
use serde_json::json;

use crate::world::{now, request, sign_in, sign_in_at, start};

#[tokio::test]
async fn identity_is_the_issuer_and_the_subject() {
    let (issuer, provider) = start().await;
    let identity = sign_in(&issuer, &provider).await.unwrap();
    assert_eq!(identity.issuer, issuer.issuer().as_str());
    assert_eq!(identity.subject, "248289761001");
    issuer.state().subject = "2".to_owned();
    assert_eq!(sign_in(&issuer, &provider).await.unwrap().subject, "2");
}

#[tokio::test]
async fn email_address_is_neither_asked_for_nor_read() {
    let (issuer, provider) = start().await;
    let expected = sign_in(&issuer, &provider).await.unwrap().id();
    for verified in [json!(true), json!(false), json!("true"), json!(null)] {
        issuer.set_claim("email", json!("pat@example.org"));
        issuer.set_claim("email_verified", verified);
        let identity = sign_in(&issuer, &provider).await.unwrap();
        assert_eq!(identity.id(), expected);
    }
    let url = provider.sign_in_url(&request(), now()).await.unwrap();
    assert!(!url.as_str().contains("email"), "{url}");
}

#[tokio::test]
async fn nothing_is_asked_before_somebody_signs_in() {
    let (issuer, provider) = start().await;
    assert_eq!(provider.name(), "Home");
    assert_eq!(issuer.state().requests.len(), 0);
}

#[tokio::test]
async fn configuration_and_keys_are_kept_for_an_hour() {
    let (issuer, provider) = start().await;
    for (minutes, expected) in [(0, 1), (1, 1), (59, 1), (60, 2), (61, 2)] {
        let now = now() + TimeDelta::minutes(minutes);
        issuer.state().now = now;
        sign_in_at(&issuer, &provider, now).await.unwrap();
        for path in ["/.well-known/openid-configuration", "/keys"] {
            assert_eq!(issuer.count_requests(path), expected, "{path} {minutes}");
        }
    }
}

#[tokio::test]
async fn new_key_is_fetched_once() {
    let (issuer, provider) = start().await;
    sign_in(&issuer, &provider).await.unwrap();
    issuer.rotate_key();
    // Right after the keys were fetched, they aren't fetched again.
    let error = sign_in(&issuer, &provider).await.unwrap_err();
    assert!(
        error.to_string().contains("isn't among its keys"),
        "{error}"
    );
    assert_eq!(issuer.count_requests("/keys"), 1);
    let later = now() + TimeDelta::minutes(1);
    sign_in_at(&issuer, &provider, later).await.unwrap();
    sign_in_at(&issuer, &provider, later).await.unwrap();
    assert_eq!(issuer.count_requests("/keys"), 2);
}

#[tokio::test]
async fn unknown_keys_are_looked_for_once_a_minute() {
    let (issuer, provider) = start().await;
    issuer.state().signing = Signing::UnknownKey;
    for (seconds, expected) in [(0, 1), (1, 1), (59, 1), (60, 2), (61, 2)] {
        let now = now() + TimeDelta::seconds(seconds);
        assert!(sign_in_at(&issuer, &provider, now).await.is_err());
        assert_eq!(issuer.count_requests("/keys"), expected, "{seconds}");
    }
}

#[tokio::test]
async fn secret_is_sent_as_the_provider_takes_it() {
    for (methods, in_form) in [
        (json!(null), 0),
        (json!(["client_secret_basic", "client_secret_post"]), 0),
        (json!(["private_key_jwt"]), 0),
        (json!(["client_secret_post"]), 1),
    ] {
        let (issuer, provider) = start().await;
        let field = "token_endpoint_auth_methods_supported".to_owned();
        issuer.state().configuration.insert(field, methods);
        sign_in(&issuer, &provider).await.unwrap();
        assert_eq!(issuer.state().secrets_in_forms, in_form);
    }
}

#[tokio::test]
async fn provider_that_works_again_is_asked_again() {
    let (issuer, provider) = start().await;
    let path = "/.well-known/openid-configuration";
    let fault = hippo_oidc::testing::Fault::Broken;
    issuer.state().faults.insert(path.to_owned(), fault);
    for seconds in [0, 9] {
        let now = now() + TimeDelta::seconds(seconds);
        let error = sign_in_at(&issuer, &provider, now).await.unwrap_err();
        assert!(matches!(error, IdentityError::Unavailable(_)));
    }
    assert_eq!(issuer.count_requests(path), 1);
    issuer.state().faults.clear();
    let later = now() + TimeDelta::seconds(10);
    sign_in_at(&issuer, &provider, later).await.unwrap();
}

#[tokio::test]
async fn request_asks_for_the_choice_of_an_account() {
    for (listed, expected) in [
        (json!(["login", "select_account"]), Some("select_account")),
        (json!(["login"]), Some("login")),
        (json!([]), None),
    ] {
        let (issuer, provider) = start().await;
        let field = "prompt_values_supported".to_owned();
        issuer.state().configuration.insert(field, listed);
        let url = provider.sign_in_url(&request(), now()).await.unwrap();
        let mut pairs = url.query_pairs().filter(|(name, _)| name == "prompt");
        let prompt = pairs.next().map(|(_, value)| value.into_owned());
        assert_eq!(prompt.as_deref(), expected);
    }
}
