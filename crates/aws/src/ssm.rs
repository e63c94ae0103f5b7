//! Stores the keys in SSM parameters, in the same format as the key files of one machine.
//!
//! The private keys and the fingerprint key are SecureStrings in separate parameters, so that a
//! policy can allow one without the other. The public key is a plain String. CloudFormation can't
//! create a SecureString, so `hippo --target aws init` creates them once.

use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use hippo_core::seal::key_text::{self, MalformedKeys};
use hippo_core::seal::{
    FingerprintKey, PrivateKeySource, PrivateKeys, PublicKey, PublicKeySource, SealError,
};
use hippo_core::sign_in::{ClientSecretSource, IdentityError};
use secrecy::SecretString;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::clients::{retry_policy, timeouts};
use crate::service::{Service, ServiceName};

/// The client for the parameters. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SsmClient(Service);

impl SsmClient {
    /// Uses the region and the credentials of this configuration.
    pub fn new(config: &SdkConfig) -> Self {
        let name = ServiceName {
            id: "SSM",
            host: "ssm",
            signing_name: "ssm",
        };
        let limits = timeouts(Duration::from_secs(5), Duration::from_secs(20));
        Self(Service::new(config, name, &retry_policy(4), limits))
    }
}

/// Whether a parameter is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum ParameterType {
    String,
    SecureString,
}

impl ParameterType {
    /// SSM's name of it.
    fn as_str(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::SecureString => "SecureString",
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetParameter<'a> {
    name: &'a str,
    with_decryption: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GotParameter {
    parameter: Option<Parameter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    r#type: Option<String>,
    value: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PutParameter<'a> {
    name: &'a str,
    description: &'a str,
    r#type: ParameterType,
    value: &'a str,
    overwrite: bool,
}

/// Why a key couldn't be written. Never contains a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyParameterError {
    /// A key exists, and a new one would make every sealed PIN unreadable.
    #[error("The SSM parameter “{0}” already has a key. Nothing was changed.")]
    Exists(String),
    /// The key couldn't be written. The old value is untouched.
    #[error("Couldn't write the key to the SSM parameter “{name}”: {reason}")]
    Write {
        /// The parameter.
        name: String,
        /// SSM's error.
        reason: String,
    },
    /// There are no keys to write.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// The parameter of the private keys, read again with every call.
/// [`hippo_core::jobs::check_cards::key_cache::KeyCache`] caches them.
#[derive(Debug, Clone)]
pub struct KeyParameter {
    client: SsmClient,
    name: String,
    /// What to do if reading it is denied.
    denied_advice: &'static str,
}

impl KeyParameter {
    /// Uses the parameter of this name, which needn't exist.
    pub fn new(client: SsmClient, name: impl Into<String>) -> Self {
        Self {
            client,
            name: name.into(),
            denied_advice: "",
        }
    }

    async fn read(&self, kind: ParameterType) -> Result<Option<Zeroizing<String>>, SealError> {
        let name = &self.name;
        let input = GetParameter {
            name,
            with_decryption: true,
        };
        let service = &self.client.0;
        let response = service.send_json::<GotParameter>("AmazonSSM.GetParameter", &input);
        let parameter = match response.await {
            Ok(response) => response.parameter,
            Err(error) if error.code.as_deref() == Some("ParameterNotFound") => None,
            Err(error) => {
                let advice = match error.code.as_deref() {
                    Some("AccessDeniedException") => self.denied_advice,
                    _ => "",
                };
                return Err(SealError::NoKey(format!(
                    "Couldn't read the key from the SSM parameter “{name}”: {}{advice}",
                    error.reason
                )));
            }
        };
        let Some(parameter) = parameter else {
            return Ok(None);
        };
        let kind = kind.as_str();
        if parameter.r#type.as_deref() != Some(kind) {
            return Err(SealError::UnsafeKey(format!(
                "The SSM parameter “{name}” isn't a {kind}, so its key isn't used."
            )));
        }
        Ok(Some(Zeroizing::new(parameter.value.unwrap_or_default())))
    }

    async fn read_required(&self, kind: ParameterType) -> Result<Zeroizing<String>, SealError> {
        self.read(kind).await?.ok_or_else(|| {
            SealError::NoKey(format!(
                "The SSM parameter “{}” is missing. If the stack is new, initialise it.",
                self.name
            ))
        })
    }

    async fn read_public(&self) -> Result<PublicKey, SealError> {
        let text = self.read_required(ParameterType::String).await?;
        self.check_parsed(key_text::parse_public(&text))
    }

    async fn read_fingerprint(&self) -> Result<FingerprintKey, SealError> {
        let text = self.read_required(ParameterType::SecureString).await?;
        self.check_parsed(key_text::parse_fingerprint(&text))
    }

    fn check_parsed<T>(&self, parsed: Result<T, MalformedKeys>) -> Result<T, SealError> {
        parsed.map_err(|error| {
            SealError::UnsafeKey(format!(
                "The SSM parameter “{}” is damaged: {error}. SSM keeps earlier versions. Restore \
                 the last good one.",
                self.name
            ))
        })
    }

    async fn put(
        &self,
        kind: ParameterType,
        description: &str,
        text: &str,
        overwrite: bool,
    ) -> Result<(), KeyParameterError> {
        let input = PutParameter {
            name: &self.name,
            description,
            r#type: kind,
            value: text,
            overwrite,
        };
        let service = &self.client.0;
        let response = service.send_json::<IgnoredAny>("AmazonSSM.PutParameter", &input);
        response.await.map(drop).map_err(|error| {
            let name = self.name.clone();
            match error.code.as_deref() {
                Some("ParameterAlreadyExists") => KeyParameterError::Exists(name),
                _ => KeyParameterError::Write {
                    name,
                    reason: error.reason,
                },
            }
        })
    }

    async fn put_private(
        &self,
        keys: &PrivateKeys,
        overwrite: bool,
    ) -> Result<(), KeyParameterError> {
        let description = "The private key that opens LibraryHippo's numbers and PINs.";
        let text = key_text::render_private(keys);
        self.put(ParameterType::SecureString, description, &text, overwrite)
            .await
    }
}

#[async_trait]
impl PrivateKeySource for KeyParameter {
    async fn private_keys(&self) -> Result<PrivateKeys, SealError> {
        let text = self.read_required(ParameterType::SecureString).await?;
        self.check_parsed(key_text::parse_private(&text))
    }
}

/// The parameters of a stack's keys.
#[derive(Debug, Clone)]
pub struct KeyParameters {
    private: KeyParameter,
    public: KeyParameter,
    fingerprint: KeyParameter,
}

impl KeyParameters {
    /// Uses the parameters of these names, which needn't exist.
    pub fn new(client: &SsmClient, private: &str, public: &str, fingerprint: &str) -> Self {
        let parameter = |name: &str| KeyParameter::new(client.clone(), name);
        Self {
            private: KeyParameter {
                denied_advice: " This needs the private key. The policy in the stack's output “KeyPolicy” \
                                allows it; “OperatorPolicy” doesn't.",
                ..parameter(private)
            },
            public: parameter(public),
            fingerprint: parameter(fingerprint),
        }
    }

    /// The name of the parameter of the private keys.
    pub fn private_name(&self) -> &str {
        &self.private.name
    }

    /// Creates missing keys. Returns whether it created the key pair.
    pub async fn create_missing(&self) -> Result<bool, KeyParameterError> {
        let keys = PrivateKeys::generate()?;
        let is_new = match self.private.put_private(&keys, false).await {
            Ok(()) => {
                self.write_public_key(keys.public_key()).await?;
                true
            }
            Err(KeyParameterError::Exists(_)) => {
                let keys = self.private.private_keys().await?;
                let is_pair = match self.public_key().await {
                    Ok(public) => keys.has_key(&public.id()),
                    Err(_) => false,
                };
                if !is_pair {
                    self.write_public_key(keys.public_key()).await?;
                }
                false
            }
            Err(error) => return Err(error),
        };
        let description = "The key of the fingerprints of LibraryHippo's card numbers.";
        let text = key_text::render_fingerprint(&FingerprintKey::generate()?);
        let put = self
            .fingerprint
            .put(ParameterType::SecureString, description, &text, false);
        match put.await {
            Ok(()) | Err(KeyParameterError::Exists(_)) => Ok(is_new),
            Err(error) => Err(error),
        }
    }

    /// Replaces the private keys. SSM keeps earlier versions.
    pub async fn replace_private_keys(&self, keys: &PrivateKeys) -> Result<(), KeyParameterError> {
        self.private.put_private(keys, true).await
    }

    /// Replaces the public key.
    pub async fn write_public_key(&self, key: &PublicKey) -> Result<(), KeyParameterError> {
        let description = "The public key that seals LibraryHippo's numbers and PINs.";
        let text = key_text::render_public(key);
        self.public
            .put(ParameterType::String, description, &text, true)
            .await
    }
}

/// The parameters of the keys that seal: who holds only these can open nothing.
#[derive(Debug, Clone)]
pub struct SealingKeyParameters {
    public: KeyParameter,
    fingerprint: KeyParameter,
}

impl SealingKeyParameters {
    /// Uses the parameters of these names.
    pub fn new(
        client: SsmClient,
        public: impl Into<String>,
        fingerprint: impl Into<String>,
    ) -> Self {
        Self {
            public: KeyParameter::new(client.clone(), public),
            fingerprint: KeyParameter::new(client, fingerprint),
        }
    }
}

#[async_trait]
impl PublicKeySource for SealingKeyParameters {
    async fn public_key(&self) -> Result<PublicKey, SealError> {
        self.public.read_public().await
    }

    async fn fingerprint_key(&self) -> Result<FingerprintKey, SealError> {
        self.fingerprint.read_fingerprint().await
    }
}

/// The parameter of our secret at an identity provider, read again with every call.
#[derive(Debug, Clone)]
pub struct ClientSecretParameter(KeyParameter);

impl ClientSecretParameter {
    /// Uses the parameter of this name.
    pub fn new(client: SsmClient, name: impl Into<String>) -> Self {
        Self(KeyParameter::new(client, name))
    }
}

#[async_trait]
impl ClientSecretSource for ClientSecretParameter {
    async fn client_secret(&self) -> Result<SecretString, IdentityError> {
        let text = self.0.read_required(ParameterType::SecureString).await;
        let text = text.map_err(|error| IdentityError::Unavailable(error.to_string()))?;
        Ok(SecretString::from(text.trim()))
    }
}

#[async_trait]
impl PrivateKeySource for KeyParameters {
    async fn private_keys(&self) -> Result<PrivateKeys, SealError> {
        self.private.private_keys().await
    }
}

#[async_trait]
impl PublicKeySource for KeyParameters {
    async fn public_key(&self) -> Result<PublicKey, SealError> {
        self.public.read_public().await
    }

    async fn fingerprint_key(&self) -> Result<FingerprintKey, SealError> {
        self.fingerprint.read_fingerprint().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, config, fake};
    use axum::http::StatusCode;
    use serde_json::{Value, json};

    async fn ssm(status: u16, response: Value) -> (KeyParameters, Fake) {
        let fake =
            fake(move |_, _| (StatusCode::from_u16(status).unwrap(), response.to_string())).await;
        let client = SsmClient::new(&config(&fake.url));
        let parameters = KeyParameters::new(
            &client,
            "/hippo/key",
            "/hippo/public-key",
            "/hippo/fingerprint-key",
        );
        (parameters, fake)
    }

    fn parameter(kind: &str, value: &str) -> Value {
        json!({"Parameter": {"Name": "/hippo/key", "Type": kind, "Value": value, "Version": 1}})
    }

    fn bodies(fake: &Fake) -> Vec<Value> {
        let bodies = fake.bodies();
        bodies
            .iter()
            .map(|body| serde_json::from_slice(body).unwrap())
            .collect()
    }

    #[tokio::test]
    async fn each_key_is_read_from_its_own_parameter() {
        let keys = PrivateKeys::generate().unwrap();
        let text = key_text::render_private(&keys);
        let (parameters, fake) = ssm(200, parameter("SecureString", &text)).await;
        let read = parameters.private_keys().await.unwrap();
        assert_eq!(read.current(), keys.current());
        assert_eq!(
            bodies(&fake),
            [json!({"Name": "/hippo/key", "WithDecryption": true})]
        );

        let text = key_text::render_public(keys.public_key());
        let (parameters, fake) = ssm(200, parameter("String", &text)).await;
        let read = parameters.public_key().await.unwrap();
        assert_eq!(read, *keys.public_key());
        assert_eq!(bodies(&fake)[0]["Name"], "/hippo/public-key");
        let client = SsmClient::new(&config(&fake.url));
        let sealing = SealingKeyParameters::new(client, "/hippo/public-key", "/hippo/one");
        assert_eq!(sealing.public_key().await.unwrap(), *keys.public_key());
        assert_eq!(bodies(&fake)[1]["Name"], "/hippo/public-key");

        let key = FingerprintKey::generate().unwrap();
        let text = key_text::render_fingerprint(&key);
        let (parameters, fake) = ssm(200, parameter("SecureString", &text)).await;
        let read = parameters.fingerprint_key().await.unwrap();
        assert_eq!(read.expose_bytes(), key.expose_bytes());
        assert_eq!(bodies(&fake)[0]["Name"], "/hippo/fingerprint-key");
    }

    #[tokio::test]
    async fn client_secret_is_read_each_time_and_never_from_plain_text() {
        use secrecy::ExposeSecret as _;
        let read = async |kind: &str| {
            let (_, fake) = ssm(200, parameter(kind, "canary\n")).await;
            let client = SsmClient::new(&config(&fake.url));
            let secret = ClientSecretParameter::new(client, "/hippo/oidc-secret");
            (secret.client_secret().await, bodies(&fake))
        };
        let (secret, asked) = read("SecureString").await;
        assert_eq!(secret.unwrap().expose_secret(), "canary");
        assert_eq!(
            asked,
            [json!({"Name": "/hippo/oidc-secret", "WithDecryption": true})]
        );
        let message = read("String").await.0.unwrap_err().to_string();
        assert!(message.contains("isn't a SecureString"), "{message}");
        assert!(!message.contains("canary"), "{message}");
    }

    #[tokio::test]
    async fn missing_key_parameter_is_named() {
        let (keys, fake) = ssm(
            400,
            json!({"__type": "ParameterNotFound", "message": "none"}),
        )
        .await;
        let error = keys.private_keys().await.unwrap_err();
        assert!(matches!(&error, SealError::NoKey(message)
            if message.contains("“/hippo/key” is missing")));
        assert_eq!(
            fake.bodies().len(),
            1,
            "that it is missing is no reason to ask again"
        );
    }

    #[tokio::test]
    async fn denied_private_key_names_the_policy_that_allows_it() {
        let (keys, _fake) = ssm(
            400,
            json!({"__type": "AccessDeniedException", "message": "no ssm:GetParameter"}),
        )
        .await;
        let message = keys.private_keys().await.unwrap_err().to_string();
        assert!(message.contains("AccessDeniedException"), "{message}");
        assert!(message.contains("“KeyPolicy”"), "{message}");
        assert!(!message.contains("init"), "{message}");
        let message = keys.public_key().await.unwrap_err().to_string();
        assert!(!message.contains("KeyPolicy"), "{message}");
    }

    #[tokio::test]
    async fn plain_text_or_damaged_key_is_not_used_or_shown() {
        let text = key_text::render_private(&PrivateKeys::generate().unwrap());
        let (keys, _fake) = ssm(200, parameter("String", &text)).await;
        assert!(matches!(
            keys.private_keys().await,
            Err(SealError::UnsafeKey(_))
        ));
        let (keys, _fake) = ssm(200, parameter("SecureString", "canary")).await;
        let error = keys.private_keys().await.unwrap_err();
        assert!(matches!(&error, SealError::UnsafeKey(message)
            if message.contains("damaged") && !message.contains("canary")));
    }

    #[tokio::test]
    async fn existing_keys_are_never_overwritten() {
        let keys = PrivateKeys::generate().unwrap();
        let private = key_text::render_private(&keys).to_string();
        let public = key_text::render_public(keys.public_key());
        let fake = fake(move |_, body| {
            let body: Value = serde_json::from_slice(body).unwrap();
            if body.get("Overwrite").is_some() {
                let exists = json!({"__type": "ParameterAlreadyExists", "message": "there"});
                return (StatusCode::BAD_REQUEST, exists.to_string());
            }
            let (kind, text) = match body["Name"].as_str() {
                Some("/hippo/key") => ("SecureString", &private),
                _ => ("String", &public),
            };
            (StatusCode::OK, parameter(kind, text).to_string())
        })
        .await;
        let client = SsmClient::new(&config(&fake.url));
        let parameters = KeyParameters::new(
            &client,
            "/hippo/key",
            "/hippo/public-key",
            "/hippo/fingerprint-key",
        );
        assert!(!parameters.create_missing().await.unwrap());
        let puts: Vec<Value> = bodies(&fake)
            .into_iter()
            .filter(|body| body.get("Overwrite").is_some())
            .collect();
        assert_eq!(puts.len(), 2, "the private keys and the fingerprint key");
        for put in puts {
            assert_eq!(put["Type"], "SecureString");
            assert_eq!(put["Overwrite"], false);
        }
    }

    #[tokio::test]
    async fn only_the_public_key_is_written_as_plain_text() {
        let (parameters, fake) = ssm(200, json!({"Version": 1})).await;
        assert!(parameters.create_missing().await.unwrap());
        let written: Vec<(Value, Value)> = bodies(&fake)
            .into_iter()
            .map(|body| (body["Name"].clone(), body["Type"].clone()))
            .collect();
        assert_eq!(
            written,
            [
                (json!("/hippo/key"), json!("SecureString")),
                (json!("/hippo/public-key"), json!("String")),
                (json!("/hippo/fingerprint-key"), json!("SecureString")),
            ]
        );
    }
}
