//! Checks whether SES sends the stack's mails, and whether mailboxes accept them.

use std::collections::BTreeSet;

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::operation::get_email_identity::{GetEmailIdentityError, GetEmailIdentityOutput};
use aws_sdk_sesv2::types::{DkimStatus, ListRecommendationsFilterKey};
use hippo_core::email_address::{EmailAddress, wire_form};

use super::{Doctor, Finding};
use crate::clients::{describe_sdk_error, ses_reader_client};

/// The sender's identities in SES.
struct Identities {
    address: Option<GetEmailIdentityOutput>,
    domain: Option<GetEmailIdentityOutput>,
}

impl Doctor<'_> {
    /// Checks whether SES may send from `MailFrom` to these recipients and the operator, and whether
    /// mails are signed.
    pub async fn check_mail(&self, recipients: &[EmailAddress]) -> Vec<Finding> {
        let client = ses_reader_client(self.config);
        let from = &self.outputs.mail_from;
        let domain = domain_of(from);
        let mut findings = vec![self.check_account(&client, recipients).await];
        let address = identity(&client, from.as_str()).await;
        let domain_identity = identity(&client, &domain).await;
        match (address, domain_identity) {
            (Ok(address), Ok(domain_identity)) => {
                let identities = Identities {
                    address,
                    domain: domain_identity,
                };
                findings.push(identities.check_sender(from, &domain));
                let dkim = identities.check_dkim(&domain);
                let is_signed = dkim.advice.is_none();
                findings.push(dkim);
                findings.push(check_dmarc(&client, &domain, is_signed).await);
            }
            (Err(reason), _) | (_, Err(reason)) => {
                findings.push(Finding::unanswered("sender", &reason));
            }
        }
        findings
    }

    /// Checks whether the account may send, and to whom.
    async fn check_account(&self, client: &Client, recipients: &[EmailAddress]) -> Finding {
        const CHECK: &str = "mail account";
        let account = match client.get_account().send().await {
            Ok(account) => account,
            Err(error) => return Finding::unanswered(CHECK, &describe_sdk_error(&error)),
        };
        let is_healthy = account
            .enforcement_status()
            .is_none_or(|status| status == "HEALTHY");
        if !account.sending_enabled() || !is_healthy {
            let status = account.enforcement_status().unwrap_or("no status");
            return Finding::problem(
                CHECK,
                format!("SES restricts this account's sending ({status})."),
                "SES's console says why, under Account dashboard and Reputation metrics.",
            );
        }
        if account.production_access_enabled() {
            return Finding::ok(CHECK, "The account is out of the SES sandbox.");
        }
        let mut unverified = Vec::new();
        let all: BTreeSet<&str> = recipients
            .iter()
            .chain(&self.outputs.operator_email)
            .map(EmailAddress::as_str)
            .collect();
        for address in &all {
            match is_verified(client, address).await {
                Ok(true) => {}
                Ok(false) => unverified.push(*address),
                Err(reason) => return Finding::unanswered(CHECK, &reason),
            }
        }
        if unverified.is_empty() {
            return Finding::ok(
                CHECK,
                format!(
                    "The account is in the SES sandbox, and all {} addresses it writes to are verified.",
                    all.len()
                ),
            );
        }
        Finding::problem(
            CHECK,
            format!(
                "The account is in the SES sandbox, and these addresses aren't verified: {}.",
                unverified.join(", ")
            ),
            "Run “aws sesv2 create-email-identity --email-identity ADDRESS” for each, or ask SES for production access.",
        )
    }
}

impl Identities {
    /// Checks whether SES may send from the address.
    fn check_sender(&self, from: &EmailAddress, domain: &str) -> Finding {
        const CHECK: &str = "sender";
        let verified = |identity: &Option<GetEmailIdentityOutput>| {
            identity
                .as_ref()
                .is_some_and(|identity| identity.verified_for_sending_status)
        };
        if verified(&self.domain) {
            return Finding::ok(CHECK, format!("SES has verified the domain {domain}."));
        }
        if verified(&self.address) {
            return Finding::ok(CHECK, format!("SES has verified the address {from}."));
        }
        let advice = match (&self.domain, &self.address) {
            (Some(_), _) => format!(
                "Put the records that SES's console shows under Identities, {domain}, into the domain's DNS."
            ),
            (None, Some(_)) => format!(
                "Click the link in SES's mail to {from}. “aws ses verify-email-identity --email-address {from}” sends another."
            ),
            (None, None) => format!(
                "Verify the domain with “aws sesv2 create-email-identity --email-identity {domain}”, and name it in MailIdentity."
            ),
        };
        Finding::problem(CHECK, format!("SES hasn't verified {from}."), advice)
    }

    /// Checks whether mails are signed for the sender's domain.
    fn check_dkim(&self, domain: &str) -> Finding {
        const CHECK: &str = "DKIM";
        let signs = |identity: &Option<GetEmailIdentityOutput>| {
            identity
                .as_ref()
                .and_then(|identity| identity.dkim_attributes())
                .is_some_and(|dkim| {
                    dkim.signing_enabled() && dkim.status() == Some(&DkimStatus::Success)
                })
        };
        // An address uses its domain's signature, unless it has its own.
        if signs(&self.address) || signs(&self.domain) {
            return Finding::ok(CHECK, format!("Emails are signed for {domain}."));
        }
        if self.domain.is_some() {
            return Finding::problem(
                CHECK,
                format!("Emails aren't signed for {domain}."),
                "SES's console shows the three CNAME records for its DNS under Identities, Authentication.",
            );
        }
        Finding::problem(
            CHECK,
            format!("Emails aren't signed for {domain}, which SES doesn't know."),
            "Send from a domain of your own that SES has verified with DKIM, and name it in MailIdentity.",
        )
    }
}

/// Checks whether mails pass DMARC.
async fn check_dmarc(client: &Client, domain: &str, is_signed: bool) -> Finding {
    const CHECK: &str = "DMARC";
    if !is_signed {
        return Finding::problem(
            CHECK,
            format!("Emails from {domain} fail DMARC, since they aren't signed for it."),
            "Set up DKIM. Until then, they land in spam or are refused.",
        );
    }
    let answer = client
        .list_recommendations()
        .filter(ListRecommendationsFilterKey::Type, "DMARC")
        .filter(ListRecommendationsFilterKey::Status, "OPEN")
        .send()
        .await;
    let recommended = match answer {
        Ok(answer) => answer.recommendations.unwrap_or_default(),
        Err(error) => {
            return Finding::unknown(
                CHECK,
                format!(
                    "SES didn't say whether {domain} has a DMARC record: {}.",
                    describe_sdk_error(&error).trim_end_matches('.')
                ),
                format!("Run: dig +short TXT _dmarc.{domain}"),
            );
        }
    };
    let end = format!(":identity/{domain}");
    let names_domain = recommended
        .iter()
        .filter_map(|recommendation| recommendation.resource_arn())
        .any(|arn| arn.ends_with(&end));
    if names_domain {
        return Finding::problem(
            CHECK,
            format!("SES finds no valid DMARC record for {domain}."),
            format!("Add to its DNS: _dmarc.{domain} TXT \"v=DMARC1; p=none\""),
        );
    }
    Finding::ok(
        CHECK,
        format!("Emails pass DMARC by their signature, and SES accepts the record of {domain}."),
    )
}

/// The domain as SES stores it.
fn domain_of(address: &EmailAddress) -> String {
    let wire = wire_form(address).unwrap_or_else(|| address.as_str().to_owned());
    let domain = wire.rsplit_once('@').map_or("", |(_, domain)| domain);
    domain.to_ascii_lowercase()
}

/// Whether SES may send to an address in the sandbox.
async fn is_verified(client: &Client, address: &str) -> Result<bool, String> {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    for name in [address, domain] {
        let found = identity(client, name).await?;
        if found.is_some_and(|identity| identity.verified_for_sending_status) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// An address's or a domain's identity in SES.
async fn identity(client: &Client, name: &str) -> Result<Option<GetEmailIdentityOutput>, String> {
    match client
        .get_email_identity()
        .email_identity(name)
        .send()
        .await
    {
        Ok(identity) => Ok(Some(identity)),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(GetEmailIdentityError::is_not_found_exception) =>
        {
            Ok(None)
        }
        Err(error) => Err(describe_sdk_error(&error)),
    }
}
