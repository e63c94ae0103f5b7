//! The client that reads what SES knows about the account and its identities.

use std::time::Duration;

use aws_config::SdkConfig;
use serde::Deserialize;
use serde_json::json;

use crate::clients::{retry_policy, timeouts};
use crate::service::{Request, Service, ServiceError, encode};
use crate::ses::client::SES;

/// The client.
pub(super) struct SesReader(Service);

/// The account's permissions to send. What SES doesn't mention is missing.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MailAccount {
    pub(super) enforcement_status: Option<String>,
    pub(super) production_access_enabled: Option<bool>,
    pub(super) sending_enabled: Option<bool>,
}

/// An address or a domain to send from.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EmailIdentity {
    verified_for_sending_status: Option<bool>,
    dkim_attributes: Option<DkimAttributes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DkimAttributes {
    signing_enabled: Option<bool>,
    status: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Recommendations {
    recommendations: Option<Vec<Recommendation>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Recommendation {
    resource_arn: Option<String>,
}

impl EmailIdentity {
    /// Whether SES may send from it.
    pub(super) fn is_verified(&self) -> bool {
        self.verified_for_sending_status == Some(true)
    }

    /// Whether its mails are signed.
    pub(super) fn is_signed(&self) -> bool {
        self.dkim_attributes.as_ref().is_some_and(|dkim| {
            dkim.signing_enabled == Some(true) && dkim.status.as_deref() == Some("SUCCESS")
        })
    }
}

impl SesReader {
    /// Uses the region and the credentials of this configuration.
    pub(super) fn new(config: &SdkConfig) -> Self {
        let limits = timeouts(Duration::from_secs(10), Duration::from_secs(30));
        Self(Service::new(config, SES, &retry_policy(3), limits))
    }

    /// Reads the account.
    pub(super) async fn account(&self) -> Result<MailAccount, ServiceError> {
        let request = Request::get("/v2/email/account".to_owned());
        self.0.fetch_json(request).await
    }

    /// Reads the identity of an address or a domain, if SES knows it.
    pub(super) async fn identity(&self, name: &str) -> Result<Option<EmailIdentity>, ServiceError> {
        let request = Request::get(format!("/v2/email/identities/{}", encode(name)));
        match self.0.fetch_json(request).await {
            Ok(identity) => Ok(Some(identity)),
            Err(error) if error.code.as_deref() == Some("NotFoundException") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lists the ARNs of the identities whose DMARC record SES finds missing or wrong.
    pub(super) async fn identities_without_dmarc(&self) -> Result<Vec<String>, ServiceError> {
        let input = json!({"Filter": {"STATUS": "OPEN", "TYPE": "DMARC"}});
        let request = Request::post_json("/v2/email/vdm/recommendations", &input)?;
        let response: Recommendations = self.0.fetch_json(request).await?;
        let open = response.recommendations.into_iter().flatten();
        Ok(open.filter_map(|open| open.resource_arn).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{config, fake};
    use axum::http::StatusCode;

    #[tokio::test]
    async fn open_recommendations_about_dmarc_are_requested() {
        let ses = fake(|_, _| (StatusCode::OK, "{}".to_owned())).await;
        let reader = SesReader::new(&config(&ses.url));
        let found = reader.identities_without_dmarc().await.unwrap();
        assert!(found.is_empty(), "{found:?}");
        let filter = r#"{"Filter":{"STATUS":"OPEN","TYPE":"DMARC"}}"#;
        assert_eq!(ses.bodies(), [filter]);
    }
}
