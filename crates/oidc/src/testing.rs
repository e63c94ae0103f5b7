//! A small identity provider on loopback, which keeps to OpenID Connect until it's told otherwise.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "for tests, which may panic"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use hippo_core::sign_in::Issuer;
use rcgen::{KeyPair, PublicKeyData as _};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use super::{HeldSecret, OidcProvider, OidcSettings};

/// Our id at the provider. It has letters that must be encoded.
pub const CLIENT_ID: &str = "hippo at home";

/// Our secret at the provider.
pub const CLIENT_SECRET: &str = "canary:secret+/&";

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// With the provider's newest key.
    Newest,
    /// With a key that isn't among the provider's.
    UnknownKey,
    /// With another key, under the id of the provider's.
    WrongKey,
    /// Not at all: `"alg": "none"`.
    Unsigned,
    /// With the public key as the secret of an HMAC.
    HmacWithPublicKey,
    /// With an extension that must be understood.
    CriticalExtension,
}

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It redirects to the same document.
    Redirect,
    /// It never ends.
    Endless,
    /// It never begins.
    Silent,
    /// It has status 500.
    Broken,
    /// It's no JSON.
    NoJson,
}

/// A provider on loopback. It ends when it's dropped.
pub struct FakeIssuer {
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    url: String,
    state: Mutex<FakeState>,
}

/// What the provider knows and does.
pub struct FakeState {
    /// The person who is signed in there.
    pub subject: String,
    /// The time there.
    pub now: DateTime<Utc>,
    /// Claims that replace a token's own; null removes one.
    pub claims: Map<String, Value>,
    /// How tokens are signed.
    pub signing: Signing,
    /// What is wrong with the answers at a path.
    pub faults: BTreeMap<String, Fault>,
    /// Fields that replace those of the configuration; null removes one.
    pub configuration: Map<String, Value>,
    /// Whether a code works more than once.
    pub takes_codes_again: bool,
    /// The redirect's `iss`; `None`: it has none.
    pub redirect_issuer: Option<String>,
    /// The path of each request.
    pub requests: Vec<String>,
    /// How many times a secret came in the form.
    pub secrets_in_forms: usize,
    keys: Vec<KeyPair>,
    codes: BTreeMap<String, Granted>,
    next_code: u32,
}

/// What a code was granted for.
#[derive(Clone)]
struct Granted {
    nonce: String,
    challenge: String,
    redirect_uri: String,
}

impl FakeIssuer {
    /// Starts a provider, whose clock shows this time.
    pub async fn start(now: DateTime<Utc>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            state: Mutex::new(FakeState {
                subject: "248289761001".to_owned(),
                now,
                claims: Map::new(),
                signing: Signing::Newest,
                faults: BTreeMap::new(),
                configuration: Map::new(),
                takes_codes_again: false,
                redirect_issuer: Some(url.clone()),
                requests: Vec::new(),
                secrets_in_forms: 0,
                keys: vec![KeyPair::generate().unwrap()],
                codes: BTreeMap::new(),
                next_code: 1,
            }),
            url,
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .layer(from_fn_with_state(Arc::clone(&shared), misbehave))
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self { shared, server }
    }

    /// Its issuer.
    pub fn issuer(&self) -> Issuer {
        self.shared.url.parse().unwrap()
    }

    /// What it knows and does.
    pub fn state(&self) -> MutexGuard<'_, FakeState> {
        self.shared.lock()
    }

    /// Our side of it.
    pub fn provider(&self) -> OidcProvider {
        let settings = OidcSettings {
            name: "Home".to_owned(),
            issuer: self.issuer(),
            client_id: CLIENT_ID.to_owned(),
            timeout: Duration::from_millis(300),
        };
        OidcProvider::new(settings, Arc::new(HeldSecret(CLIENT_SECRET.into())))
    }

    /// Replaces a claim of every token from now on; null removes it.
    pub fn set_claim(&self, name: &str, value: Value) {
        self.state().claims.insert(name.to_owned(), value);
    }

    /// Adds a key, which signs from now on.
    pub fn rotate_key(&self) {
        self.state().keys.push(KeyPair::generate().unwrap());
    }

    /// How many requests came for a path.
    pub fn count_requests(&self, path: &str) -> usize {
        let state = self.state();
        state.requests.iter().filter(|one| *one == path).count()
    }

    /// Signs the person in at the provider's page: returns where the browser is sent back to.
    pub fn authorize(&self, url: &Url) -> Url {
        let query: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        for (name, value) in [
            ("response_type", "code"),
            ("scope", "openid"),
            ("client_id", CLIENT_ID),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(query[name], value);
        }
        assert!(
            url.as_str()
                .starts_with(&format!("{}/authorize?", self.shared.url))
        );
        let mut state = self.state();
        let code = format!("code-{}", state.next_code);
        state.next_code += 1;
        let granted = Granted {
            nonce: query["nonce"].clone(),
            challenge: query["code_challenge"].clone(),
            redirect_uri: query["redirect_uri"].clone(),
        };
        state.codes.insert(code.clone(), granted);
        let mut back: Url = query["redirect_uri"].parse().unwrap();
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &query["state"]);
        if let Some(issuer) = &state.redirect_issuer {
            back.query_pairs_mut().append_pair("iss", issuer);
        }
        back
    }
}

impl Drop for FakeIssuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, FakeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records a request, and answers it wrongly if told so.
async fn misbehave(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let fault = {
        let mut state = shared.lock();
        state.requests.push(path.clone());
        state.faults.get(&path).copied()
    };
    match fault {
        None => next.run(request).await,
        Some(Fault::Redirect) => {
            let target = format!("{}{path}?again", shared.url);
            (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, target)]).into_response()
        }
        Some(Fault::Endless) => {
            // Valid JSON, if anybody read it to the end.
            let mut body = " ".repeat(1 << 20);
            body.push_str("{}");
            body.into_response()
        }
        Some(Fault::Silent) => std::future::pending().await,
        Some(Fault::Broken) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(Fault::NoJson) => "<html>".into_response(),
    }
}

async fn configuration(State(shared): State<Arc<Shared>>) -> String {
    let url = &shared.url;
    let document = json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/keys"),
        "authorization_response_iss_parameter_supported": true,
    });
    replaced(document, &shared.lock().configuration).to_string()
}

async fn keys(State(shared): State<Arc<Shared>>) -> String {
    let state = shared.lock();
    let keys = state.keys.iter().enumerate().map(|(id, key)| {
        // A point: 4, then x, then y.
        let (x, y) = key.der_bytes()[1..].split_at(32);
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id.to_string(),
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        })
    });
    // A kind that we don't know.
    let strange = json!({"kty": "strange", "kid": "0"});
    let keys: Vec<Value> = std::iter::once(strange).chain(keys).collect();
    json!({ "keys": keys }).to_string()
}

fn replaced(mut document: Value, fields: &Map<String, Value>) -> Value {
    let object = document.as_object_mut().unwrap();
    for (name, value) in fields {
        match value {
            Value::Null => object.remove(name),
            value => object.insert(name.clone(), value.clone()),
        };
    }
    document
}

fn refused(status: StatusCode, error: &str) -> Response {
    let description = format!("The secret is {CLIENT_SECRET}.");
    let body = json!({"error": error, "error_description": description}).to_string();
    (status, body).into_response()
}

async fn token(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: String) -> Response {
    let form: BTreeMap<_, _> = url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    let mut state = shared.lock();
    if !is_our_client(&mut state, &headers, &form) {
        return refused(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let granted = match state.takes_codes_again {
        true => state.codes.get(field("code")).cloned(),
        false => state.codes.remove(field("code")),
    };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
    let granted = granted.filter(|granted| {
        granted.challenge == challenge
            && granted.redirect_uri == field("redirect_uri")
            && field("grant_type") == "authorization_code"
    });
    let Some(granted) = granted else {
        return refused(StatusCode::BAD_REQUEST, "invalid_grant");
    };
    let now = state.now.timestamp();
    let claims = json!({
        "iss": shared.url,
        "sub": state.subject,
        "aud": CLIENT_ID,
        "nonce": granted.nonce,
        "iat": now,
        "exp": now + 600,
    });
    let claims = replaced(claims, &state.claims);
    let answer = json!({
        "access_token": "unused",
        "token_type": "Bearer",
        "id_token": sign(&state, &claims),
    });
    answer.to_string().into_response()
}

/// Whether the request is ours, by its header or by its form.
fn is_our_client(
    state: &mut FakeState,
    headers: &HeaderMap,
    form: &BTreeMap<String, String>,
) -> bool {
    let encode =
        |text: &str| -> String { url::form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let pair = format!("{}:{}", encode(CLIENT_ID), encode(CLIENT_SECRET));
    let expected = format!("Basic {}", STANDARD.encode(pair));
    if let Some(given) = headers.get(AUTHORIZATION) {
        return given.as_bytes() == expected.as_bytes() && !form.contains_key("client_secret");
    }
    state.secrets_in_forms += 1;
    let has = |name: &str, value: &str| form.get(name).is_some_and(|given| given == value);
    has("client_id", CLIENT_ID) && has("client_secret", CLIENT_SECRET)
}

fn sign(state: &FakeState, claims: &Value) -> String {
    let newest = state.keys.last().unwrap();
    let id = (state.keys.len() - 1).to_string();
    let other = KeyPair::generate().unwrap();
    let header = |id: &str| json!({"alg": "ES256", "kid": id});
    let by = |key| move |message: &[u8]| sign_ecdsa(key, message);
    match state.signing {
        Signing::Newest => token_of(&header(&id), claims, by(newest)),
        Signing::UnknownKey => token_of(&header("unknown"), claims, by(&other)),
        Signing::WrongKey => token_of(&header(&id), claims, by(&other)),
        Signing::CriticalExtension => {
            let header = json!({"alg": "ES256", "kid": id, "crit": ["exp"]});
            token_of(&header, claims, by(newest))
        }
        Signing::Unsigned => token_of(&json!({"alg": "none"}), claims, |_| Vec::new()),
        Signing::HmacWithPublicKey => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, newest.der_bytes());
            token_of(&json!({"alg": "HS256", "kid": id}), claims, |message| {
                hmac::sign(&key, message).as_ref().to_vec()
            })
        }
    }
}

/// A token: its header, its claims and its signature (RFC 7515, section 7.1).
fn token_of(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn sign_ecdsa(key: &KeyPair, message: &[u8]) -> Vec<u8> {
    let random = SystemRandom::new();
    let key = key.serialize_der();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key, &random).unwrap();
    key.sign(&random, message).unwrap().as_ref().to_vec()
}
