//! The value types of the site's JSON.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

use rust_decimal::Decimal;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

/// A string or a number, as text: the site writes ids either way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor<'a>(PhantomData<&'a str>);
        impl<'de: 'a, 'a> Visitor<'de> for TextVisitor<'a> {
            type Value = Text<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a whole number")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
        }
        deserializer.deserialize_any(TextVisitor(PhantomData))
    }
}

/// An amount of money, to the cent: a number or a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amount(pub(super) Decimal);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AmountVisitor;
        impl Visitor<'_> for AmountVisitor {
            type Value = Amount;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount of money")
            }
            fn visit_u64<E>(self, number: u64) -> Result<Amount, E> {
                Ok(Amount(Decimal::from(number)))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Amount, E> {
                Ok(Amount(Decimal::from(number)))
            }
            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Amount, E> {
                // The site adds amounts as floating-point numbers: 0.30000000000000004.
                Decimal::from_f64_retain(number)
                    .map(|sum| Amount(sum.round_dp(2)))
                    .ok_or_else(|| E::custom("not an amount"))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Amount, E> {
                text.trim()
                    .parse()
                    .map(Amount)
                    .map_err(|_| E::custom("not an amount"))
            }
        }
        deserializer.deserialize_any(AmountVisitor)
    }
}

/// Deserialises a field so that `null` differs from a missing field.
pub(super) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// The site's names for formats: `BK` is `Book` by its message `FORMAT.bk`.
#[derive(Debug, Default)]
pub(super) struct FormatNames<'a>(HashMap<Cow<'a, str>, Cow<'a, str>>);

impl FormatNames<'_> {
    pub(super) fn name_of(&self, code: &str) -> Option<&str> {
        self.0
            .get(code.to_ascii_lowercase().as_str())
            .map(AsRef::as_ref)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for FormatNames<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamesVisitor<'a>(PhantomData<&'a str>);
        impl<'de: 'a, 'a> Visitor<'de> for NamesVisitor<'a> {
            type Value = FormatNames<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("messages by name")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut names = FormatNames::default();
                while let Some(Text(key)) = map.next_key::<Text<'a>>()? {
                    let code = match key {
                        Cow::Borrowed(key) => key.strip_prefix("FORMAT.").map(Cow::Borrowed),
                        Cow::Owned(key) => key
                            .strip_prefix("FORMAT.")
                            .map(|code| Cow::Owned(code.to_owned())),
                    };
                    match code {
                        Some(code) => {
                            let Text(name) = map.next_value()?;
                            names.0.insert(code, name);
                        }
                        None => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(names)
            }
        }
        deserializer.deserialize_map(NamesVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("0.30000000000000004", "0.30")]
    #[case("17", "17")]
    #[case("-2.5", "-2.50")]
    #[case("\"1.05\"", "1.05")]
    fn amounts_are_exact_to_the_cent(#[case] json: &str, #[case] expected: &str) {
        let Amount(sum) = serde_json::from_str(json).unwrap();
        assert_eq!(sum, expected.parse().unwrap());
    }

    #[test]
    fn formats_have_the_sites_names() {
        let names: FormatNames<'_> = serde_json::from_str(
            r#"{"greeting":{"a":[1]},"FORMAT.bk":"Book","FORMAT.d\u0076d":"Film \"disc\""}"#,
        )
        .unwrap();
        assert_eq!(names.name_of("BK"), Some("Book"));
        assert_eq!(names.name_of("DVD"), Some("Film \"disc\""));
        assert_eq!(names.name_of("greeting"), None);
    }
}
