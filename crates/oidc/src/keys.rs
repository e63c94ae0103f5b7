//! A provider's public keys (JSON Web Key Set).

use hippo_core::sign_in::IdentityError;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use serde::Deserialize;

/// The most keys that are read.
const MAX_KEYS: usize = 100;

/// A provider's keys that verify signatures.
pub(crate) struct KeySet(Vec<Jwk>);

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    /// Reads the keys. Those of kinds that we don't know are left out.
    pub(crate) fn read(document: &[u8]) -> Result<Self, IdentityError> {
        let document: Document = serde_json::from_slice(document)
            .map_err(|_| IdentityError::Unavailable("its keys can't be read".to_owned()))?;
        let keys = document.keys.into_iter().take(MAX_KEYS);
        let keys = keys.filter_map(|key| serde_json::from_value(key).ok());
        Ok(Self(keys.collect()))
    }

    /// Finds the key that a token names, or the only one that could have signed it.
    pub(crate) fn find(&self, header: &Header) -> Option<DecodingKey> {
        let mut fitting = self.0.iter().filter(|key| fits(key, header));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => DecodingKey::from_jwk(key).ok(),
            _ => None,
        }
    }
}

/// Whether a key may have signed a token with this header.
fn fits(key: &Jwk, header: &Header) -> bool {
    let common = &key.common;
    let has_id = header.kid.is_none() || common.key_id == header.kid;
    let is_for_signatures = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
    let algorithm = common.key_algorithm.map(|algorithm| algorithm.to_string());
    let is_for_algorithm = algorithm.is_none_or(|name| name.parse() == Ok(header.alg));
    has_id && is_for_signatures && is_for_algorithm && has_kind(key, header.alg)
}

/// Whether a key is of the kind that an algorithm needs.
fn has_kind(key: &Jwk, algorithm: Algorithm) -> bool {
    match (&key.algorithm, algorithm) {
        (
            AlgorithmParameters::RSA(_),
            Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512,
        ) => true,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES256) => {
            key.curve == EllipticCurve::P256
        }
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES384) => {
            key.curve == EllipticCurve::P384
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    fn key(id: &str, more: Value) -> Value {
        let mut key = json!({"kty": "RSA", "kid": id, "n": "AQAB", "e": "AQAB"});
        let fields = more.as_object().cloned().unwrap_or_default();
        key.as_object_mut().unwrap().extend(fields);
        key
    }

    fn finds(keys: Vec<Value>, id: &str) -> bool {
        let document = json!({ "keys": keys }).to_string();
        let header = Header {
            kid: Some(id.to_owned()),
            ..Header::new(Algorithm::RS256)
        };
        KeySet::read(document.as_bytes())
            .unwrap()
            .find(&header)
            .is_some()
    }

    #[rstest]
    #[case::says_nothing(json!({}), true)]
    #[case::for_this(json!({"use": "sig", "alg": "RS256"}), true)]
    #[case::for_encryption(json!({"use": "enc"}), false)]
    #[case::for_another_algorithm(json!({"alg": "RS512"}), false)]
    #[case::of_another_kind(json!({"kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB"}), false)]
    fn key_is_used_only_for_its_purpose(#[case] more: Value, #[case] expected: bool) {
        assert_eq!(finds(vec![key("one", more)], "one"), expected);
    }

    #[test]
    fn first_hundred_keys_are_read() {
        let keys: Vec<Value> = (1..=101)
            .map(|number| key(&number.to_string(), json!({})))
            .collect();
        assert!(finds(keys.clone(), "100"));
        assert!(!finds(keys, "101"));
    }
}
