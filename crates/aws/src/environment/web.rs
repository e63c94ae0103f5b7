//! The environment of `web`.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use hippo_core::email_address::EmailAddress;
use hippo_core::public_url::PublicUrl;
use hippo_core::run::JobName;
use hippo_core::sign_in::Issuer;

use super::reader::{Reader, parse_address, parse_queue_url};
use super::{Common, Environment, EnvironmentError, Lookup};

/// The environment of `web`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// The variables that every function reads.
    pub common: Common,
    /// The base URL of the web pages.
    pub public_url: PublicUrl,
    /// The URL of the notice queue, which also takes the pages' messages.
    pub notice_queue_url: String,
    /// The name of the parameter that holds the public key.
    pub public_key_parameter: String,
    /// The name of the parameter that holds the key of the fingerprints.
    pub fingerprint_key_parameter: String,
    /// The addresses whose owners sign in as the operator.
    pub operators: Vec<EmailAddress>,
    /// The contact for questions.
    pub contact: Option<String>,
    /// The operator's zone.
    pub timezone: Tz,
    /// The functions that the console starts, by job.
    pub functions: BTreeMap<JobName, String>,
    /// The identity provider, if people can sign in with one besides email.
    pub oidc: Option<Oidc>,
}

/// An identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oidc {
    /// Its issuer.
    pub issuer: Issuer,
    /// Our client id at the provider.
    pub client_id: String,
    /// The name of the parameter that holds our client secret at the provider.
    pub secret_parameter: String,
    /// The name that people see on the pages.
    pub name: String,
}

/// Reads the identity provider. Without `OIDC_ISSUER`, ignores the other OIDC variables.
fn read_oidc(reader: &mut Reader<'_>) -> Option<Oidc> {
    reader.optional("OIDC_ISSUER")?;
    let issuer: Option<Issuer> = reader.parse_optional("OIDC_ISSUER", |text| {
        text.parse()
            .map_err(|_| "must be an address like https://accounts.google.com".to_owned())
    });
    let client_id = reader.required("OIDC_CLIENT_ID");
    let secret_parameter = reader.required("OIDC_SECRET_PARAMETER");
    let name = reader.optional("OIDC_NAME");
    let issuer = issuer?;
    Some(Oidc {
        name: name.unwrap_or_else(|| issuer.host().to_owned()),
        issuer,
        client_id,
        secret_parameter,
    })
}

impl Environment for Web {
    fn read(lookup: Lookup<'_>) -> Result<Self, EnvironmentError> {
        let mut reader = Reader::new(lookup);
        let common = reader.common();
        if reader.optional("WEB_URL").is_none() {
            reader.missing.push("WEB_URL");
        }
        let public_url = reader.public_url();
        let notice_queue_url = reader.parse_required("NOTICE_QUEUE_URL", parse_queue_url);
        let public_key_parameter = reader.required("PUBLIC_KEY_PARAMETER");
        let fingerprint_key_parameter = reader.required("FINGERPRINT_KEY_PARAMETER");
        let operator = reader.parse_optional("OPERATOR_EMAIL", parse_address);
        let operators = reader.web_operators(operator);
        let contact = reader.optional("CONTACT");
        let timezone = reader.timezone();
        let functions = reader.parse_optional("JOB_FUNCTIONS", parse_job_functions);
        let oidc = read_oidc(&mut reader);
        reader.finish(public_url.map(|public_url| Self {
            common,
            public_url,
            notice_queue_url,
            public_key_parameter,
            fingerprint_key_parameter,
            operators,
            contact,
            timezone,
            functions: functions.unwrap_or_default(),
            oidc,
        }))
    }

    fn common(&self) -> &Common {
        &self.common
    }
}

/// Parses `check-cards=NAME,notify-all=NAME`.
fn parse_job_functions(text: &str) -> Result<BTreeMap<JobName, String>, String> {
    let pairs = text.split(',').map(|pair| {
        let (job, function) = pair.trim().split_once('=')?;
        Some((job.parse().ok()?, function.to_owned())).filter(|_| !function.is_empty())
    });
    let functions: Option<BTreeMap<_, _>> = pairs.collect();
    functions.ok_or_else(|| "must be a list like check-cards=FUNCTION".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changes: &[(&str, &str)]) -> Result<Web, String> {
        let mut variables: BTreeMap<&str, &str> = [
            ("TABLE_NAME", "table"),
            ("WEB_URL", "https://hippo.example.org"),
            ("NOTICE_QUEUE_URL", "https://sqs.example/1/notices"),
            ("PUBLIC_KEY_PARAMETER", "/hippo/public-key"),
            ("FINGERPRINT_KEY_PARAMETER", "/hippo/fingerprint-key"),
            ("OPERATOR_EMAIL", "ana@example.org"),
            ("WEB_OPERATORS", "bo@example.org, cy@example.org"),
            ("TIMEZONE", "America/Toronto"),
            ("JOB_FUNCTIONS", "check-cards=one,notify-all=two"),
        ]
        .into();
        variables.extend(changes.iter().copied());
        let lookup = |name: &str| variables.get(name).map(|value| (*value).to_owned());
        Web::read(&lookup).map_err(|error| error.to_string())
    }

    #[test]
    fn complete_environment_is_read() {
        let web = read(&[]).unwrap();
        assert_eq!(web.public_url.origin(), "https://hippo.example.org");
        let operators: Vec<_> = web.operators.iter().map(EmailAddress::as_str).collect();
        assert_eq!(
            operators,
            ["ana@example.org", "bo@example.org", "cy@example.org"]
        );
        assert_eq!(web.functions[&JobName::NOTIFY_ALL], "two");
        assert_eq!(web.timezone, chrono_tz::America::Toronto);
    }

    #[test]
    fn identity_provider_is_optional_but_must_be_complete() {
        assert_eq!(read(&[]).unwrap().oidc, None);
        assert_eq!(read(&[("OIDC_ISSUER", "none")]).unwrap().oidc, None);
        let issuer = ("OIDC_ISSUER", "https://id.example.org");
        let whole = [
            issuer,
            ("OIDC_CLIENT_ID", "hippo"),
            ("OIDC_SECRET_PARAMETER", "/hippo/oidc-secret"),
        ];
        let oidc = read(&whole).unwrap().oidc.unwrap();
        assert_eq!(oidc.issuer.as_str(), "https://id.example.org");
        assert_eq!((&*oidc.name, &*oidc.client_id), ("id.example.org", "hippo"));
        let named = read(&[whole[0], whole[1], whole[2], ("OIDC_NAME", "Home")]);
        assert_eq!(named.unwrap().oidc.unwrap().name, "Home");
        let message = read(&[issuer]).unwrap_err();
        assert!(
            message.contains("OIDC_CLIENT_ID, OIDC_SECRET_PARAMETER are missing"),
            "{message}"
        );
        let message = read(&[("OIDC_ISSUER", "http://canary.example")]).unwrap_err();
        assert!(message.contains("OIDC_ISSUER must be an address like https://"));
        assert!(!message.contains("canary"), "{message}");
    }

    #[test]
    fn web_operators_and_job_functions_are_optional() {
        let web = read(&[("WEB_OPERATORS", "none"), ("JOB_FUNCTIONS", "")]).unwrap();
        assert_eq!((web.operators.len(), web.functions.len()), (1, 0));
    }

    #[test]
    fn invalid_variables_are_reported_without_their_values() {
        let message = read(&[
            ("WEB_URL", "http://hippo.example.org"),
            ("WEB_OPERATORS", "ana@example.org,canary"),
            ("JOB_FUNCTIONS", "check-card=one"),
            ("TIMEZONE", "Toronto"),
        ])
        .unwrap_err();
        for part in [
            "WEB_URL must be an address like https://",
            "WEB_OPERATORS must be email addresses separated by commas",
            "JOB_FUNCTIONS must be a list like",
            "TIMEZONE must be",
        ] {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert!(!message.contains("canary"), "{message}");
        let message = read(&[("WEB_URL", "")]).unwrap_err();
        assert!(message.contains("WEB_URL is missing"), "{message}");
    }
}
