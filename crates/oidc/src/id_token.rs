//! Checks a provider's token (OpenID Connect Core, section 3.1.3.7).

use chrono::{DateTime, TimeDelta, Utc};
use hippo_core::sign_in::IdentityError;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde::Deserialize;

/// The algorithms that we accept: signatures only, whose key is public.
const ALGORITHMS: [Algorithm; 8] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
];

/// By how much the provider's clock may differ from ours.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(60);

/// The longest subject, in bytes (OpenID Connect Core, section 2).
const MAX_SUBJECT_BYTES: usize = 255;

/// What the token must say.
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: &'a str,
    pub(crate) now: DateTime<Utc>,
}

/// What the token says. An email address is not read, verified or not: not every provider verifies it.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nonce: Option<String>,
}

/// One audience, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Reads which key a token needs. Nothing of it is verified yet.
pub(crate) fn read_header(token: &str) -> Result<Header, IdentityError> {
    let header = decode_header(token).map_err(|_| refused("its token can't be read"))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(refused("its token's algorithm isn't accepted"));
    }
    // We know no extension, and a critical one must not be ignored (RFC 7515, section 4.1.11).
    if header.crit.is_some() {
        return Err(refused("its token has an extension that we don't know"));
    }
    Ok(header)
}

/// Checks a token's signature and claims, and returns its subject.
pub(crate) fn check_id_token(
    token: &str,
    algorithm: Algorithm,
    key: &DecodingKey,
    expected: &Expected<'_>,
) -> Result<String, IdentityError> {
    let mut validation = Validation::new(algorithm);
    // The claims are checked below, by the clock that we are given.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    let claims = decode::<Claims>(token, key, &validation)
        .map_err(|_| refused("its token's signature or claims aren't valid"))?
        .claims;
    check_claims(&claims, expected).map_err(refused)?;
    Ok(claims.sub)
}

fn check_claims(claims: &Claims, expected: &Expected<'_>) -> Result<(), &'static str> {
    let Expected {
        issuer,
        client_id,
        nonce,
        now,
    } = expected;
    if claims.iss != *issuer {
        return Err("its token is from another issuer");
    }
    let (is_ours, is_shared) = match &claims.aud {
        Audience::One(audience) => (audience == client_id, false),
        Audience::Several(audiences) => (
            audiences.iter().any(|one| one == client_id),
            audiences.len() > 1,
        ),
    };
    let party = claims.azp.as_deref();
    let is_authorized = party.map_or(!is_shared, |party| party == *client_id);
    if !is_ours || !is_authorized {
        return Err("its token is for somebody else");
    }
    if claims.nonce.as_deref() != Some(*nonce) {
        return Err("its token is for another request");
    }
    let (now, tolerance) = (now.timestamp(), CLOCK_TOLERANCE.num_seconds());
    if claims.exp.saturating_add(tolerance) <= now {
        return Err("its token has expired");
    }
    if claims.iat.saturating_sub(tolerance) > now {
        return Err("its token is from the future");
    }
    match claims.sub.len() {
        1..=MAX_SUBJECT_BYTES => Ok(()),
        _ => Err("its token names nobody"),
    }
}

fn refused(reason: &str) -> IdentityError {
    IdentityError::Refused(reason.to_owned())
}
