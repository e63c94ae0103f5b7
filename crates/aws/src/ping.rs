//! The heartbeat: a URL that is fetched after a good run.

use std::time::Duration;

use async_trait::async_trait;
use hippo_core::alerts::heartbeat::HeartbeatClient;
use hippo_core::alerts::heartbeat::MissedHeartbeat;
use http_body_util::Empty;
use hyper::Uri;
use hyper::body::Bytes;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use url::Url;

/// The time limit from the connection to the answer.
const LIMIT: Duration = Duration::from_secs(10);

/// Fetches a URL with the HTTP and TLS stack of the AWS clients.
///
/// Builds no client before the first URL: most deployments have none.
#[derive(Debug, Clone, Copy, Default)]
pub struct HttpPing;

#[async_trait]
impl HeartbeatClient for HttpPing {
    async fn ping(&self, url: &Url) -> Result<(), MissedHeartbeat> {
        match tokio::time::timeout(LIMIT, fetch(url)).await {
            Ok(answer) => answer.map_err(MissedHeartbeat),
            Err(_) => Err(MissedHeartbeat(format!(
                "no answer within {} s",
                LIMIT.as_secs()
            ))),
        }
    }
}

/// The reason of an error names no URL: whoever knows it can give the sign of life.
async fn fetch(url: &Url) -> Result<(), String> {
    let uri: Uri = url
        .as_str()
        .parse()
        .map_err(|_| "its URL is malformed".to_owned())?;
    let connector = HttpsConnectorBuilder::new()
        .with_native_roots()
        .map_err(|error| format!("no certificate authorities: {error}"))?
        .https_or_http()
        .enable_http1()
        .build();
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let answer = client
        .get(uri)
        .await
        .map_err(|error| match error.is_connect() {
            true => "no connection".to_owned(),
            false => "no answer".to_owned(),
        })?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("the answer was {}", status.as_u16())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::get;

    async fn serve() -> String {
        let app = Router::new()
            .route("/alive", get(|| async { "OK" }))
            .route("/gone", get(|| async { StatusCode::NOT_FOUND }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{address}")
    }

    #[tokio::test]
    async fn a_url_is_fetched_and_its_status_counts() {
        let site = serve().await;
        let ping = async |path: &str| {
            HttpPing
                .ping(&format!("{site}{path}").parse().unwrap())
                .await
        };
        assert_eq!(ping("/alive").await, Ok(()));
        let error = ping("/gone").await.unwrap_err().to_string();
        assert!(error.contains("404"), "{error}");
        assert!(!error.contains("operator"), "{error}");
        assert!(!error.contains("/gone"), "{error}");
    }

    #[tokio::test]
    async fn nobody_there_is_said_without_the_url() {
        let url = "http://127.0.0.1:1/secret".parse().unwrap();
        let error = HttpPing.ping(&url).await.unwrap_err().to_string();
        assert!(error.contains("no connection"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}
