//! What is refused, and what a refusal says.

use std::time::{Duration, Instant};

use hippo_core::sign_in::{IdentityError, IdentityProvider as _};
use hippo_oidc::testing::{CLIENT_SECRET, FakeIssuer, Fault, Signing};
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{identify, now, request, sign_in, start};

fn seconds(offset: i64) -> Value {
    json!(now().timestamp() + offset)
}

#[rstest]
#[case::other_issuer("iss", json!("https://evil.example"), "another issuer")]
#[case::other_audience("aud", json!("another client"), "somebody else")]
#[case::no_audience("aud", json!([]), "somebody else")]
#[case::several_audiences("aud", json!(["hippo at home", "another"]), "somebody else")]
#[case::other_party("azp", json!("another client"), "somebody else")]
#[case::other_nonce("nonce", json!("another"), "another request")]
#[case::no_nonce("nonce", json!(null), "another request")]
#[case::expired("exp", seconds(-60), "expired")]
#[case::no_expiry("exp", json!(null), "claims")]
#[case::from_the_future("iat", seconds(61), "future")]
#[case::no_time("iat", json!(null), "claims")]
#[case::nobody("sub", json!(""), "nobody")]
#[case::no_subject("sub", json!(null), "claims")]
#[case::long_subject("sub", json!("x".repeat(256)), "nobody")]
#[tokio::test]
async fn token_with_a_wrong_claim_is_refused(
    #[case] name: &str,
    #[case] value: Value,
    #[case] reason: &str,
) {
    let (issuer, provider) = start().await;
    issuer.state().claims.insert(name.to_owned(), value);
    let error = sign_in(&issuer, &provider).await.unwrap_err();
    assert!(
        matches!(&error, IdentityError::Refused(why) if why.contains(reason)),
        "{error}"
    );
}

#[rstest]
#[case("exp", seconds(-59))]
#[case("iat", seconds(60))]
#[case("aud", json!(["hippo at home"]))]
#[case("azp", json!("hippo at home"))]
#[case("sub", json!("x".repeat(255)))]
#[tokio::test]
async fn token_within_the_limits_is_accepted(#[case] name: &str, #[case] value: Value) {
    let (issuer, provider) = start().await;
    issuer.state().claims.insert(name.to_owned(), value);
    sign_in(&issuer, &provider).await.unwrap();
}

#[rstest]
#[case(Signing::Unsigned, "can't be read")]
#[case(Signing::HmacWithPublicKey, "algorithm")]
#[case(Signing::UnknownKey, "isn't among its keys")]
#[case(Signing::WrongKey, "signature")]
#[case(Signing::CriticalExtension, "extension")]
#[tokio::test]
async fn token_with_a_wrong_signature_is_refused(#[case] signing: Signing, #[case] reason: &str) {
    let (issuer, provider) = start().await;
    issuer.state().signing = signing;
    let error = sign_in(&issuer, &provider).await.unwrap_err();
    assert!(
        matches!(&error, IdentityError::Refused(why) if why.contains(reason)),
        "{error}"
    );
}

#[tokio::test]
async fn code_of_another_request_is_refused() {
    let (issuer, provider) = start().await;
    let mine = request();
    let url = provider.sign_in_url(&mine, now()).await.unwrap();
    let back = issuer.authorize(&url);
    // The verifier is another one (PKCE).
    let error = identify(&provider, &back, &request(), now()).await;
    assert!(matches!(error, Err(IdentityError::Refused(_))));
    // And the code was used up.
    let error = identify(&provider, &back, &mine, now()).await;
    assert!(matches!(error, Err(IdentityError::Refused(_))));
}

#[rstest]
#[case::another(Some("https://evil.example"), true, false)]
#[case::missing(None, true, false)]
#[case::never_there(None, false, true)]
#[case::another_of_one_that_never_says(Some("https://evil.example"), false, false)]
#[tokio::test]
async fn redirect_of_another_issuer_is_refused(
    #[case] named: Option<&str>,
    #[case] is_promised: bool,
    #[case] is_accepted: bool,
) {
    let (issuer, provider) = start().await;
    issuer.state().redirect_issuer = named.map(ToOwned::to_owned);
    let field = "authorization_response_iss_parameter_supported".to_owned();
    let promised = json!(is_promised);
    issuer.state().configuration.insert(field, promised);
    let identity = sign_in(&issuer, &provider).await;
    assert_eq!(identity.is_ok(), is_accepted);
    // The code isn't sent anywhere before.
    assert_eq!(issuer.count_requests("/token"), usize::from(is_accepted));
}

#[rstest]
#[case("issuer", json!("https://evil.example"), "names another issuer")]
#[case("issuer", json!(null), "can't be read")]
#[case("token_endpoint", json!("http://10.0.0.1/token"), "without https")]
#[case("jwks_uri", json!("http://id.example.org/keys"), "without https")]
#[case("authorization_endpoint", json!("javascript:alert(1)"), "without https")]
#[case("authorization_endpoint", json!("https://user@id.example.org/"), "without https")]
#[tokio::test]
async fn configuration_of_another_issuer_or_without_https_is_refused(
    #[case] name: &str,
    #[case] value: Value,
    #[case] reason: &str,
) {
    let (issuer, provider) = start().await;
    issuer.state().configuration.insert(name.to_owned(), value);
    let error = provider.sign_in_url(&request(), now()).await.unwrap_err();
    assert!(
        matches!(&error, IdentityError::Unavailable(why) if why.contains(reason)),
        "{error}"
    );
}

#[rstest]
#[case(Fault::Redirect, "status 307")]
#[case(Fault::Endless, "too long")]
#[case(Fault::Silent, "in time")]
#[case(Fault::Broken, "status 500")]
#[case(Fault::NoJson, "")]
#[tokio::test]
async fn answers_are_bounded_and_redirects_refused(#[case] fault: Fault, #[case] reason: &str) {
    for path in ["/.well-known/openid-configuration", "/keys", "/token"] {
        let (issuer, provider) = start().await;
        issuer.state().faults.insert(path.to_owned(), fault);
        let began = Instant::now();
        let error = sign_in(&issuer, &provider).await.unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(10), "{path}");
        assert!(
            matches!(&error, IdentityError::Unavailable(why) if why.contains(reason)),
            "{path} {error}"
        );
        assert_eq!(issuer.count_requests(path), 1, "{path}");
    }
}

#[tokio::test]
async fn missing_provider_cannot_be_reached() {
    let issuer = FakeIssuer::start(now()).await;
    let provider = issuer.provider();
    drop(issuer);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let error = provider.sign_in_url(&request(), now()).await.unwrap_err();
    assert!(error.to_string().contains("can't be reached"), "{error}");
}

#[tokio::test]
async fn no_error_has_a_secret_a_code_or_a_token() {
    let (issuer, _) = start().await;
    let settings = hippo_oidc::OidcSettings {
        name: "Home".to_owned(),
        issuer: issuer.issuer(),
        client_id: "unknown".to_owned(),
        timeout: Duration::from_secs(5),
    };
    let secret = hippo_oidc::HeldSecret(CLIENT_SECRET.into());
    let unknown = hippo_oidc::OidcProvider::new(settings, std::sync::Arc::new(secret));
    let mine = request();
    let url = issuer.provider().sign_in_url(&mine, now()).await.unwrap();
    let back = issuer.authorize(&url);
    let error = identify(&unknown, &back, &mine, now()).await.unwrap_err();
    assert!(
        matches!(&error, IdentityError::Unavailable(why) if why.contains("client id or secret")),
        "{error}"
    );
    let text = format!("{error} {error:?} {mine:?}");
    for secret in ["canary", "code-1", &*mine.verifier, &*mine.nonce] {
        assert!(!text.contains(secret), "{text}");
    }
}
