//! Writes a sealed secret in hexadecimal, which survives editors and email.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::seal::{KeyId, Sealed};

#[derive(Serialize, Deserialize)]
struct Text {
    key: KeyId,
    encapsulated_key: String,
    ciphertext: String,
}

pub(super) fn serialize<S: Serializer>(sealed: &Sealed, serializer: S) -> Result<S::Ok, S::Error> {
    Text {
        key: sealed.key.clone(),
        encapsulated_key: hex(&sealed.encapsulated_key),
        ciphertext: hex(&sealed.ciphertext),
    }
    .serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Sealed, D::Error> {
    let text = Text::deserialize(deserializer)?;
    let bytes = |digits: &str| {
        bytes(digits).ok_or_else(|| D::Error::custom("a sealed secret isn't hexadecimal"))
    };
    Ok(Sealed {
        encapsulated_key: bytes(&text.encapsulated_key)?,
        ciphertext: bytes(&text.ciphertext)?,
        key: text.key,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => {
                let digit = |digit: &u8| char::from(*digit).to_digit(16);
                u8::try_from(digit(high)? << 4 | digit(low)?).ok()
            }
            _ => None,
        })
        .collect()
}
