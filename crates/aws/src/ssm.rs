//! The keys in an SSM SecureString: the same text as the key file of one machine.
//!
//! CloudFormation cannot make a SecureString; `hippo --on aws init` makes it, once.

use async_trait::async_trait;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::operation::get_parameter::GetParameterError;
use aws_sdk_ssm::operation::put_parameter::PutParameterError;
use aws_sdk_ssm::types::ParameterType;
use hippo_core::seal::{KeyRing, KeySource, SealError, key_text};
use zeroize::Zeroizing;

use crate::clients::reason;

/// Why the keys could not be written. Never says what is in them.
#[derive(Debug, thiserror::Error)]
pub enum KeyParameterError {
    /// There are keys already, and new ones would make every sealed PIN unreadable.
    #[error("There are keys already in the SSM parameter “{0}”. They were left as they are.")]
    Exists(String),
    /// They could not be written; what was there before is untouched.
    #[error("The keys could not be written to the SSM parameter “{name}”: {reason}")]
    Write {
        /// The parameter.
        name: String,
        /// What SSM says.
        reason: String,
    },
    /// There are no keys to write.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// The parameter that holds the keys. It is read anew with every [`KeySource::key_ring`];
/// [`hippo_core::jobs::keys::Keys`] keeps what was read.
#[derive(Debug, Clone)]
pub struct KeyParameter {
    client: Client,
    name: String,
}

impl KeyParameter {
    /// The parameter of this name, whether it is there or not.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self {
            client,
            name: name.into(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes new keys and writes them; never over keys that are there.
    pub async fn create(&self) -> Result<KeyRing, KeyParameterError> {
        let ring = KeyRing::generate()?;
        self.put(&ring, false).await?;
        Ok(ring)
    }

    /// Puts `ring` in the place of what was there. SSM keeps the versions before.
    pub async fn replace(&self, ring: &KeyRing) -> Result<(), KeyParameterError> {
        self.put(ring, true).await
    }

    async fn put(&self, ring: &KeyRing, overwrite: bool) -> Result<(), KeyParameterError> {
        let text = key_text::render(ring);
        let answer = self
            .client
            .put_parameter()
            .name(&self.name)
            .description("The keys that seal the numbers and PINs of LibraryHippo.")
            .r#type(ParameterType::SecureString)
            .value(text.as_str())
            .overwrite(overwrite)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutParameterError::is_parameter_already_exists) =>
            {
                Err(KeyParameterError::Exists(self.name.clone()))
            }
            Err(error) => Err(KeyParameterError::Write {
                name: self.name.clone(),
                reason: reason(&error),
            }),
        }
    }
}

#[async_trait]
impl KeySource for KeyParameter {
    async fn key_ring(&self) -> Result<KeyRing, SealError> {
        let name = &self.name;
        let answer = self
            .client
            .get_parameter()
            .name(name)
            .with_decryption(true)
            .send()
            .await;
        let parameter = match answer {
            Ok(answer) => answer.parameter,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetParameterError::is_parameter_not_found) =>
            {
                None
            }
            Err(error) => {
                return Err(SealError::NoKey(format!(
                    "The keys could not be read from the SSM parameter “{name}”: {}",
                    reason(&error)
                )));
            }
        };
        let Some(parameter) = parameter else {
            return Err(SealError::NoKey(format!(
                "There are no keys yet: the SSM parameter “{name}” is missing. Run \
                 “hippo --on aws init” once; it makes it."
            )));
        };
        if parameter.r#type != Some(ParameterType::SecureString) {
            return Err(SealError::UnsafeKey(format!(
                "The SSM parameter “{name}” is not a SecureString, so its keys are not used."
            )));
        }
        let text = Zeroizing::new(parameter.value.unwrap_or_default());
        key_text::parse(&text).map_err(|error| {
            SealError::UnsafeKey(format!(
                "The SSM parameter “{name}” is damaged: {error}. SSM keeps its earlier versions; put \
                 the last good one back."
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, config, fake};
    use axum::http::StatusCode;
    use serde_json::{Value, json};

    async fn ssm(status: u16, answer: Value) -> (KeyParameter, Fake) {
        let fake =
            fake(move |_, _| (StatusCode::from_u16(status).unwrap(), answer.to_string())).await;
        let parameter = KeyParameter::new(crate::clients::ssm(&config(&fake.url)), "/hippo/key");
        (parameter, fake)
    }

    fn parameter(kind: &str, value: &str) -> Value {
        json!({"Parameter": {"Name": "/hippo/key", "Type": kind, "Value": value, "Version": 1}})
    }

    #[tokio::test]
    async fn the_keys_are_read_decrypted() {
        let ring = KeyRing::generate().unwrap();
        let text = key_text::render(&ring);
        let (keys, fake) = ssm(200, parameter("SecureString", &text)).await;
        assert_eq!(keys.key_ring().await.unwrap().current(), ring.current());
        let asked: Value = serde_json::from_slice(&fake.bodies()[0]).unwrap();
        assert_eq!(asked, json!({"Name": "/hippo/key", "WithDecryption": true}));
    }

    #[tokio::test]
    async fn a_missing_parameter_says_what_makes_it() {
        let (keys, fake) = ssm(
            400,
            json!({"__type": "ParameterNotFound", "message": "none"}),
        )
        .await;
        let error = keys.key_ring().await.unwrap_err();
        assert!(matches!(&error, SealError::NoKey(message)
            if message.contains("“/hippo/key” is missing") && message.contains("hippo --on aws init")));
        assert_eq!(
            fake.bodies().len(),
            1,
            "that it is missing is no reason to ask again"
        );
    }

    #[tokio::test]
    async fn a_denied_request_is_not_a_missing_key() {
        let (keys, _fake) = ssm(
            400,
            json!({"__type": "AccessDeniedException", "message": "no ssm:GetParameter"}),
        )
        .await;
        let message = keys.key_ring().await.unwrap_err().to_string();
        assert!(message.contains("AccessDeniedException"), "{message}");
        assert!(!message.contains("init"), "{message}");
    }

    #[tokio::test]
    async fn a_parameter_in_plain_text_or_damaged_is_not_used_and_not_repeated() {
        let text = key_text::render(&KeyRing::generate().unwrap());
        let (keys, _fake) = ssm(200, parameter("String", &text)).await;
        assert!(matches!(
            keys.key_ring().await,
            Err(SealError::UnsafeKey(_))
        ));
        let (keys, _fake) = ssm(200, parameter("SecureString", "canary")).await;
        let error = keys.key_ring().await.unwrap_err();
        assert!(matches!(&error, SealError::UnsafeKey(message)
            if message.contains("damaged") && !message.contains("canary")));
    }

    #[tokio::test]
    async fn new_keys_are_never_written_over_old_ones() {
        let (keys, fake) = ssm(
            400,
            json!({"__type": "ParameterAlreadyExists", "message": "there"}),
        )
        .await;
        assert!(matches!(
            keys.create().await,
            Err(KeyParameterError::Exists(_))
        ));
        let asked: Value = serde_json::from_slice(&fake.bodies()[0]).unwrap();
        assert_eq!(asked["Type"], "SecureString");
        assert_eq!(asked["Overwrite"], false);
    }
}
