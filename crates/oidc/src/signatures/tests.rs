use std::collections::BTreeMap;

use chrono::DateTime;
use jsonwebtoken::decode_header;
use serde::Deserialize;

use crate::id_token::{Expected, check_id_token, read_header};
use crate::keys::KeySet;

/// Keys and tokens from another implementation (jose 5.10), so that it isn't ours on both sides.
const VECTORS: &str = include_str!("vectors.json");

#[derive(Deserialize)]
struct Vectors {
    tokens: BTreeMap<String, String>,
}

fn tokens() -> BTreeMap<String, String> {
    serde_json::from_str::<Vectors>(VECTORS).unwrap().tokens
}

/// Checks a token with the key that belongs to the one of this algorithm.
fn check(token: &str, key_of: &str) -> bool {
    super::use_ring();
    let keys = KeySet::read(VECTORS.as_bytes()).unwrap();
    let header = read_header(token).unwrap();
    let key = keys
        .find(&decode_header(&tokens()[key_of]).unwrap())
        .unwrap();
    let expected = Expected {
        issuer: "https://issuer.example.test",
        client_id: "hippo",
        nonce: "n-0S6_WzA2Mj",
        now: DateTime::from_timestamp(1_795_600_000, 0).unwrap(),
    };
    check_id_token(token, header.alg, &key, &expected)
        .is_ok_and(|subject| subject == "248289761001")
}

#[test]
fn every_accepted_algorithm_is_verified() {
    let tokens = tokens();
    assert_eq!(tokens.len(), 8);
    for (algorithm, token) in &tokens {
        assert!(check(token, algorithm), "{algorithm}");
    }
}

#[test]
fn altered_token_is_refused() {
    for (algorithm, token) in &tokens() {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        // The first letter of a signature is its highest bits; a letter of the claims is in its text.
        let other = if signature.starts_with('A') { "B" } else { "A" };
        let altered_signature = format!("{signed}.{other}{}", &signature[1..]);
        assert!(!check(&altered_signature, algorithm), "{algorithm}");
        let altered_claims = format!("{header}.{}.{signature}", claims.replacen('0', "1", 1));
        assert_ne!(&altered_claims, token);
        assert!(!check(&altered_claims, algorithm), "{algorithm}");
        let cut = format!("{signed}.{}", &signature[..signature.len() - 4]);
        assert!(!check(&cut, algorithm), "{algorithm}");
        assert!(!check(&format!("{signed}."), algorithm), "{algorithm}");
    }
}

#[test]
fn signature_of_another_scheme_or_key_is_refused() {
    let tokens = tokens();
    for (algorithm, token) in &tokens {
        for (other, other_token) in tokens.iter().filter(|(other, _)| *other != algorithm) {
            let signed = token.rsplit_once('.').unwrap().0;
            let signature = other_token.rsplit_once('.').unwrap().1;
            let mixed = format!("{signed}.{signature}");
            assert!(!check(&mixed, algorithm), "{algorithm} with {other}'s");
            let has_same_key = algorithm.starts_with(['R', 'P']) && other.starts_with(['R', 'P']);
            assert!(
                has_same_key || !check(token, other),
                "{algorithm} with the key of {other}"
            );
        }
    }
}
