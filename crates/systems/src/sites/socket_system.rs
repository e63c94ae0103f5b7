//! A test system with its own protocol: lines over a socket, without forms, pages or a detector.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use hippo_browser::test_site::{TestLoginPermit, library, options, secret};
use hippo_browser::{CardVisit, Interruption};
use hippo_core::card::LoginOutcome;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::*;

struct SocketSystem;

#[async_trait(?Send)]
impl System for SocketSystem {
    fn name(&self) -> &'static str {
        "socket"
    }

    fn account_url(&self, _: &Library) -> Option<Url> {
        None
    }

    async fn check(&self, visit: &CardVisit<'_>) -> Result<Account, Failure> {
        match visit.within_limit(self.ask(visit)).await {
            Ok(account) => account,
            Err(Interruption::TimedOut) => Err(Failure::site_down("no answer in time")),
            Err(Interruption::Stopped) => Err(Failure::not_tried("The check was stopped.")),
        }
    }
}

impl SocketSystem {
    async fn ask(&self, visit: &CardVisit<'_>) -> Result<Account, Failure> {
        let down = |error: std::io::Error| Failure::site_down(error.kind().to_string());
        let addresses = visit.library.base_url.socket_addrs(|| None).map_err(down)?;
        let stream = TcpStream::connect(&*addresses).await.map_err(down)?;
        let mut stream = BufReader::new(stream);
        visit.permit.permit_login().await?;
        let (number, pin) = (&visit.secret.number, &visit.secret.pin);
        let line = format!("{} {}\n", number.expose_secret(), pin.expose_secret());
        stream.write_all(line.as_bytes()).await.map_err(down)?;
        let mut answer = String::new();
        stream.read_line(&mut answer).await.map_err(down)?;
        if answer != "LOANS 0 HOLDS 0\n" {
            visit
                .permit
                .record_login_outcome(LoginOutcome::Refused)
                .await?;
            return Err(Failure::wrong_credentials("not welcome"));
        }
        visit
            .permit
            .record_login_outcome(LoginOutcome::Accepted)
            .await?;
        let mut account = self.unknown_account()?;
        account.loans = Some(Vec::new());
        account.holds = Some(Vec::new());
        Ok(account)
    }
}

/// Starts a server that answers each login with this line, or not at all; returns its URL and the count of logins.
async fn start_server(answer: &'static str) -> (Url, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let logins: Arc<AtomicUsize> = Arc::default();
    let count = Arc::clone(&logins);
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            stream.read_line(&mut line).await.unwrap();
            count.fetch_add(usize::from(!line.is_empty()), Ordering::SeqCst);
            // The client may have disconnected.
            let _ = stream.write_all(answer.as_bytes()).await;
            kept.push(stream);
        }
    });
    (url.parse().unwrap(), logins)
}

#[tokio::test]
async fn system_with_its_own_protocol_is_checked() {
    for (answer, kind, in_doubt, recorded) in [
        (
            "LOANS 0 HOLDS 0\n",
            None,
            false,
            Some(LoginOutcome::Accepted),
        ),
        (
            "NO\n",
            Some("wrong_credentials"),
            false,
            Some(LoginOutcome::Refused),
        ),
        ("", Some("site_down"), true, None),
    ] {
        let (url, logins) = start_server(answer).await;
        let mut options = options();
        options.limits.card = std::time::Duration::from_millis(300);
        let sites = Sites::new(options).unwrap();
        let permit = TestLoginPermit::default();
        let checked = sites
            .visit(&SocketSystem, &library(&url), &secret(), &permit)
            .await
            .map_err(Failure::from);
        let failure = checked.as_ref().err();
        assert_eq!(failure.map(|failure| failure.kind.as_str()), kind);
        assert_eq!(
            failure.is_some_and(|failure| failure.login_in_doubt),
            in_doubt
        );
        assert_eq!((permit.count(), logins.load(Ordering::SeqCst)), (1, 1));
        assert_eq!(
            permit.outcomes.lock().unwrap().as_slice(),
            recorded.as_slice()
        );
    }
}

#[tokio::test]
async fn system_with_its_own_protocol_needs_a_permit_to_log_in() {
    let (url, logins) = start_server("LOANS 0 HOLDS 0\n").await;
    let permit = TestLoginPermit {
        is_refusing: true,
        ..TestLoginPermit::default()
    };
    let checked = Sites::new(options())
        .unwrap()
        .visit(&SocketSystem, &library(&url), &secret(), &permit)
        .await;
    assert!(matches!(checked, Err(SiteError::NotPermitted(_))));
    assert_eq!(logins.load(Ordering::SeqCst), 0);
}
