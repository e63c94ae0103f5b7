use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::operator::stack::QueuePair;
use crate::testing::config;

const TOPIC: &str = "arn:aws:sns:us-east-1:1:topic";
const ACCOUNT: &str = "GET /v2/email/account";
const ALL: &str = "GET /schedules/all?groupName=hippo-Group-1";
const TICK: &str = "GET /schedules/tick?groupName=hippo-Group-1";
const RECOMMENDATIONS: &str = "POST /v2/email/vdm/recommendations";

/// An account that answers each request with a document, and all others with 404.
struct Account {
    url: String,
    outputs: Outputs,
}

impl Account {
    async fn with(answers: &[(&str, Value)]) -> Self {
        let answers: BTreeMap<String, String> = answers
            .iter()
            .map(|(request, answer)| {
                let text = answer.as_str().map(str::to_owned);
                (
                    (*request).to_owned(),
                    text.unwrap_or_else(|| answer.to_string()),
                )
            })
            .collect();
        let answers = Arc::new(answers);
        let service = Router::new().fallback(move |method: Method, uri: Uri| {
            let answer = answers.get(&format!("{method} {uri}")).cloned();
            async move {
                match answer {
                    Some(text) => (StatusCode::OK, [("x-amzn-errortype", "")], text),
                    None => (
                        StatusCode::NOT_FOUND,
                        [("x-amzn-errortype", "NotFoundException")],
                        json!({"message": "not there"}).to_string(),
                    ),
                }
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self {
            outputs: outputs(),
            url,
        }
    }

    async fn mail(&self, recipients: &[&str]) -> BTreeMap<String, Finding> {
        let config = config(&self.url);
        let doctor = Doctor::new(&config, &self.outputs);
        let recipients: Vec<_> = recipients.iter().map(|to| to.parse().unwrap()).collect();
        let findings = doctor.check_mail(&recipients).await;
        findings
            .into_iter()
            .map(|finding| (finding.check.clone(), finding))
            .collect()
    }

    async fn subscription(&self) -> Finding {
        let config = config(&self.url);
        Doctor::new(&config, &self.outputs)
            .check_subscription()
            .await
    }

    async fn schedules(&self) -> Finding {
        let config = config(&self.url);
        Doctor::new(&config, &self.outputs).check_schedules().await
    }
}

fn outputs() -> Outputs {
    let pair = QueuePair {
        queue: String::new(),
        dead_letters: String::new(),
    };
    Outputs {
        table: "table".into(),
        key_parameter: "/key".into(),
        public_key_parameter: "/public-key".into(),
        fingerprint_key_parameter: "/fingerprint-key".into(),
        visits: pair.clone(),
        notices: pair,
        schedule_dead_letters: String::new(),
        job_dead_letters: String::new(),
        check_cards: "checks".into(),
        jobs: [(
            hippo_core::run::JobName::PICTURE_OF_THE_DAY,
            "pictures".into(),
        )]
        .into(),
        has_picture_source: true,
        check_card: "check".into(),
        notify_all: "ticks".into(),
        notify_family: "notes".into(),
        mail_events: "events".into(),
        schedule_group: "hippo-Group-1".into(),
        schedules: vec!["all".into(), "tick".into()],
        alarm_topic: Some(TOPIC.into()),
        mail_from: "hippo@example.org".parse().unwrap(),
        operator_email: Some("operator@example.net".parse().unwrap()),
        contact: None,
        web_url: None,
        web: None,
        configuration_set: "set".into(),
        timezone: chrono_tz::UTC,
    }
}

fn identity_request(identity: &str) -> String {
    format!("GET /v2/email/identities/{}", identity.replace('@', "%40"))
}

fn identity(is_verified: bool, dkim: &str) -> Value {
    json!({"VerifiedForSendingStatus": is_verified, "DkimAttributes": {"SigningEnabled": true, "Status": dkim}})
}

fn account(is_out_of_the_sandbox: bool) -> Value {
    json!({"SendingEnabled": true, "EnforcementStatus": "HEALTHY", "ProductionAccessEnabled": is_out_of_the_sandbox})
}

fn recommends(arns: &[&str]) -> Value {
    let all: Vec<Value> = arns
        .iter()
        .map(|arn| json!({"ResourceArn": arn, "Type": "DMARC", "Status": "OPEN"}))
        .collect();
    json!({ "Recommendations": all })
}

#[tokio::test]
async fn verified_signed_domain_outside_the_sandbox_has_no_problem() {
    let domain = identity_request("example.org");
    let account = Account::with(&[
        (ACCOUNT, account(true)),
        (&domain, identity(true, "SUCCESS")),
        (
            RECOMMENDATIONS,
            recommends(&["arn:aws:ses:us-east-1:1:identity/other.example.org.net"]),
        ),
    ])
    .await;
    let findings = account.mail(&["pat@example.net"]).await;
    assert_eq!(findings.len(), 4);
    for (name, finding) in findings {
        assert_eq!(finding.verdict, Verdict::Ok, "{name}: {finding:?}");
    }
}

#[tokio::test]
async fn verified_address_at_a_provider_fails_dkim_and_dmarc() {
    let address = identity_request("hippo@example.org");
    let account = Account::with(&[
        (ACCOUNT, account(true)),
        (&address, identity(true, "NOT_STARTED")),
        (RECOMMENDATIONS, recommends(&[])),
    ])
    .await;
    let findings = account.mail(&[]).await;
    assert_eq!(findings["sender"].verdict, Verdict::Ok);
    assert_eq!(findings["DKIM"].verdict, Verdict::Problem);
    assert_eq!(findings["DMARC"].verdict, Verdict::Problem);
}

#[rstest]
#[case::nothing_known(None, "MailIdentity")]
#[case::address_pending(Some("hippo@example.org"), "verify-email-identity")]
#[case::domain_pending(Some("example.org"), "DNS")]
#[tokio::test]
async fn unverified_sender_has_advice(#[case] pending: Option<&str>, #[case] advice: &str) {
    let request = identity_request(pending.unwrap_or("nobody"));
    let account = Account::with(&[
        (ACCOUNT, account(true)),
        (&request, identity(false, "PENDING")),
    ])
    .await;
    let findings = account.mail(&[]).await;
    let sender = &findings["sender"];
    assert_eq!(sender.verdict, Verdict::Problem);
    assert!(
        sender.advice.as_ref().unwrap().contains(advice),
        "{sender:?}"
    );
}

#[tokio::test]
async fn unverified_addresses_in_the_sandbox_are_named() {
    let (domain, pat) = (
        identity_request("example.org"),
        identity_request("pat@example.net"),
    );
    let account = Account::with(&[
        (ACCOUNT, account(false)),
        (&domain, identity(true, "SUCCESS")),
        (&pat, identity(true, "NOT_STARTED")),
    ])
    .await;
    let findings = account
        .mail(&["pat@example.net", "sam@example.org", "zoe@example.com"])
        .await;
    let found = &findings["mail account"];
    assert_eq!(found.verdict, Verdict::Problem);
    assert!(
        found
            .found
            .ends_with(": operator@example.net, zoe@example.com."),
        "{}",
        found.found
    );
}

#[tokio::test]
async fn restricted_account_is_a_problem() {
    let restricted = json!({"SendingEnabled": true, "EnforcementStatus": "PROBATION", "ProductionAccessEnabled": true});
    let account = Account::with(&[(ACCOUNT, restricted)]).await;
    let findings = account.mail(&[]).await;
    let found = &findings["mail account"];
    assert_eq!(found.verdict, Verdict::Problem);
    assert!(found.found.contains("PROBATION"));
}

#[rstest]
#[case::open(Some(&["arn:aws:ses:us-east-1:1:identity/example.org"][..]), Verdict::Problem)]
#[case::nothing_open(Some(&[][..]), Verdict::Ok)]
#[case::no_answer(None, Verdict::Unknown)]
#[tokio::test]
async fn open_recommendation_means_no_dmarc_record(
    #[case] open: Option<&[&str]>,
    #[case] verdict: Verdict,
) {
    let domain = identity_request("example.org");
    let mut answers = vec![
        (ACCOUNT, account(true)),
        (domain.as_str(), identity(true, "SUCCESS")),
    ];
    if let Some(open) = open {
        answers.push((RECOMMENDATIONS, recommends(open)));
    }
    let findings = Account::with(&answers).await.mail(&[]).await;
    assert_eq!(findings["DMARC"].verdict, verdict, "{findings:?}");
}

#[rstest]
#[case::confirmed(&[TOPIC, PENDING], Verdict::Ok, "")]
#[case::pending(&[PENDING], Verdict::Problem, "Click the link")]
#[case::forgotten(&[], Verdict::Problem, "aws sns subscribe")]
#[case::deleted(&["Deleted"], Verdict::Problem, "aws sns subscribe")]
#[tokio::test]
async fn only_a_confirmed_subscription_counts(
    #[case] arns: &[&str],
    #[case] verdict: Verdict,
    #[case] advice: &str,
) {
    let members: String = arns
        .iter()
        .map(|arn| format!("<member><SubscriptionArn>{arn}</SubscriptionArn></member>"))
        .collect();
    let answer = format!(
        "<ListSubscriptionsByTopicResponse><ListSubscriptionsByTopicResult><Subscriptions>{members}</Subscriptions>\
         </ListSubscriptionsByTopicResult></ListSubscriptionsByTopicResponse>"
    );
    let found = Account::with(&[("POST /", json!(answer))])
        .await
        .subscription()
        .await;
    assert_eq!(found.verdict, verdict, "{found:?}");
    assert!(found.advice.unwrap_or_default().contains(advice));
}

#[rstest]
#[case("ENABLED", Verdict::Ok)]
#[case("DISABLED", Verdict::Problem)]
#[tokio::test]
async fn disabled_schedule_is_named(#[case] state: &str, #[case] verdict: Verdict) {
    let account = Account::with(&[
        (ALL, json!({"State": "ENABLED"})),
        (TICK, json!({"State": state})),
    ])
    .await;
    let found = account.schedules().await;
    assert_eq!(found.verdict, verdict, "{found:?}");
    assert_eq!(
        found.found == "Disabled: tick.",
        verdict == Verdict::Problem
    );
}

#[tokio::test]
async fn disabled_schedule_is_identified_by_its_label() {
    let account = Account::with(&[
        (ALL, json!({"State": "ENABLED"})),
        (TICK, json!({"State": "DISABLED"})),
    ])
    .await;
    let config = config(&account.url);
    let disabled = Doctor::new(&config, &account.outputs)
        .disabled_schedules()
        .await;
    assert_eq!(
        disabled,
        Ok(vec![(
            hippo_core::run::JobName::NOTIFY_ALL,
            "tick".parse().unwrap()
        )])
    );
}

#[tokio::test]
async fn unreadable_schedules_are_an_error() {
    let account = Account::with(&[]).await;
    let config = config(&account.url);
    let disabled = Doctor::new(&config, &account.outputs)
        .disabled_schedules()
        .await;
    assert!(disabled.is_err(), "{disabled:?}");
}

#[tokio::test]
async fn only_the_function_that_fails_its_dry_run_is_a_problem() {
    let answers: Vec<(String, Value)> = ["checks", "check", "ticks", "notes", "pictures"]
        .iter()
        .map(|name| {
            (
                format!("POST /2015-03-31/functions/{name}/invocations"),
                json!({}),
            )
        })
        .collect();
    let answers: Vec<(&str, Value)> = answers
        .iter()
        .map(|(request, answer)| (request.as_str(), answer.clone()))
        .collect();
    let account = Account::with(&answers).await;
    let config = config(&account.url);
    let findings = Doctor::new(&config, &account.outputs)
        .check_functions()
        .await;
    let verdicts: Vec<_> = findings
        .iter()
        .map(|finding| (finding.check.as_str(), finding.verdict))
        .collect();
    assert_eq!(
        verdicts,
        [
            ("check-cards", Verdict::Ok),
            ("check-card", Verdict::Ok),
            ("notify-all", Verdict::Ok),
            ("notify-family", Verdict::Ok),
            ("mail-events", Verdict::Problem),
            ("picture-of-the-day", Verdict::Ok),
        ]
    );
}
