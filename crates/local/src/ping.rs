//! The heartbeat: a URL that is fetched after a good run.

use std::time::Duration;

use async_trait::async_trait;
use hippo_core::alerts::heartbeat::HeartbeatClient;
use hippo_core::alerts::heartbeat::MissedHeartbeat;
use url::Url;

/// The time limit from the connection to the answer.
const LIMIT: Duration = Duration::from_secs(10);

/// Fetches a URL; no redirect is followed.
#[derive(Debug, Clone, Copy, Default)]
pub struct HttpPing;

#[async_trait]
impl HeartbeatClient for HttpPing {
    async fn ping(&self, url: &Url) -> Result<(), MissedHeartbeat> {
        // The reasons name no URL: whoever knows it can give the sign of life.
        let reason = |error: reqwest::Error| MissedHeartbeat(error.without_url().to_string());
        let client = reqwest::Client::builder()
            .timeout(LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(reason)?;
        let answer = client.get(url.clone()).send().await.map_err(reason)?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(MissedHeartbeat(format!(
                "the answer was {}",
                status.as_u16()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// A site that answers each request with the next of these statuses.
    async fn serve(statuses: &'static [&'static str]) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            for status in statuses {
                let (mut line, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let _ = line.read(&mut request).await;
                let answer = format!(
                    "HTTP/1.1 {status}\r\nlocation: /elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
                line.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        format!("http://{address}/secret")
    }

    #[tokio::test]
    async fn a_url_is_fetched_once_and_its_status_counts() {
        let site: Url = serve(&["200 OK", "404 Not Found", "302 Found"])
            .await
            .parse()
            .unwrap();
        assert_eq!(HttpPing.ping(&site).await, Ok(()));
        for status in ["404", "302"] {
            let error = HttpPing.ping(&site).await.unwrap_err().to_string();
            assert!(error.contains(status), "{error}");
            assert!(!error.contains("operator"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[tokio::test]
    async fn nobody_there_is_said_without_the_url() {
        let url = "http://127.0.0.1:1/secret".parse().unwrap();
        let error = HttpPing.ping(&url).await.unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
        assert!(!error.contains("127.0.0.1"), "{error}");
    }
}
