//! Checks whether SES sends the stack's mails, and whether mailboxes accept them.

mod client;

use std::collections::BTreeSet;

use hippo_core::email_address::{EmailAddress, wire_form};

use self::client::{EmailIdentity, SesReader};
use super::{Doctor, Finding};
use crate::service::ServiceError;

/// The sender's identities in SES.
struct Identities {
    address: Option<EmailIdentity>,
    domain: Option<EmailIdentity>,
}

impl Doctor<'_> {
    /// Checks whether SES may send from `MailFrom` to these recipients and the operator, and whether
    /// mails are signed.
    pub async fn check_mail(&self, recipients: &[EmailAddress]) -> Vec<Finding> {
        let client = SesReader::new(self.config);
        let from = &self.outputs.mail_from;
        let domain = domain_of(from);
        let mut findings = vec![self.check_account(&client, recipients).await];
        let address = client.identity(from.as_str()).await;
        let domain_identity = client.identity(&domain).await;
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
            (Err(error), _) | (_, Err(error)) => {
                findings.push(Finding::unanswered("sender", &error.reason));
            }
        }
        findings
    }

    /// Checks whether the account may send, and to whom.
    async fn check_account(&self, client: &SesReader, recipients: &[EmailAddress]) -> Finding {
        const CHECK: &str = "mail account";
        let account = match client.account().await {
            Ok(account) => account,
            Err(error) => return Finding::unanswered(CHECK, &error.reason),
        };
        let status = account.enforcement_status.as_deref();
        let is_healthy = status.is_none_or(|status| status == "HEALTHY");
        if account.sending_enabled != Some(true) || !is_healthy {
            let status = status.unwrap_or("no status");
            return Finding::problem(
                CHECK,
                format!("SES restricts this account's sending ({status})."),
                "SES's console says why, under Account dashboard and Reputation metrics.",
            );
        }
        if account.production_access_enabled == Some(true) {
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
                Err(error) => return Finding::unanswered(CHECK, &error.reason),
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
        let verified = |identity: &Option<EmailIdentity>| {
            identity.as_ref().is_some_and(EmailIdentity::is_verified)
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
        let signs = |identity: &Option<EmailIdentity>| {
            identity.as_ref().is_some_and(EmailIdentity::is_signed)
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
async fn check_dmarc(client: &SesReader, domain: &str, is_signed: bool) -> Finding {
    const CHECK: &str = "DMARC";
    if !is_signed {
        return Finding::problem(
            CHECK,
            format!("Emails from {domain} fail DMARC, since they aren't signed for it."),
            "Set up DKIM. Until then, they land in spam or are refused.",
        );
    }
    let arns = match client.identities_without_dmarc().await {
        Ok(arns) => arns,
        Err(error) => {
            return Finding::unknown(
                CHECK,
                format!(
                    "SES didn't say whether {domain} has a DMARC record: {}.",
                    error.reason.trim_end_matches('.')
                ),
                format!("Run: dig +short TXT _dmarc.{domain}"),
            );
        }
    };
    let end = format!(":identity/{domain}");
    if arns.iter().any(|arn| arn.ends_with(&end)) {
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
async fn is_verified(client: &SesReader, address: &str) -> Result<bool, ServiceError> {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    for name in [address, domain] {
        let found = client.identity(name).await?;
        if found.as_ref().is_some_and(EmailIdentity::is_verified) {
            return Ok(true);
        }
    }
    Ok(false)
}
