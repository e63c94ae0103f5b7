//! The client that fetches heartbeat URLs.
//!
//! It uses the HTTP and TLS stack of the AWS clients, which the functions hold anyway.

use std::time::Duration;

use async_trait::async_trait;
use hippo_core::alerts::heartbeat::{HeartbeatClient, MissedHeartbeat};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Uri};
use hyper_rustls::HttpsConnectorBuilder;
use tower_service::Service as _;
use url::Url;

/// The time limit from the connection to the response.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// Fetches a heartbeat URL over HTTP or HTTPS, without following redirects.
///
/// Builds no client before the first URL: most deployments have none.
#[derive(Debug, Clone, Copy, Default)]
pub struct HttpHeartbeat;

#[async_trait]
impl HeartbeatClient for HttpHeartbeat {
    async fn send(&self, url: &Url) -> Result<(), MissedHeartbeat> {
        match tokio::time::timeout(FETCH_TIMEOUT, fetch(url)).await {
            Ok(response) => response.map_err(MissedHeartbeat),
            Err(_) => Err(MissedHeartbeat(format!(
                "no answer within {} s",
                FETCH_TIMEOUT.as_secs()
            ))),
        }
    }
}

/// Fetches the URL. The reason of an error doesn't name it: anyone who knows it can send the heartbeat.
async fn fetch(url: &Url) -> Result<(), String> {
    let malformed = || "its URL is malformed".to_owned();
    let uri: Uri = url.as_str().parse().map_err(|_| malformed())?;
    let host = uri.host().ok_or_else(malformed)?;
    let host = uri
        .port()
        .map_or(host.to_owned(), |port| format!("{host}:{port}"));
    // The path alone is the request's target, as HTTP/1.1 wants it without a proxy.
    let request = Request::get(uri.path_and_query().map_or("/", PathAndQuery::as_str))
        .header(HOST, host)
        .body(Empty::<Bytes>::new())
        .map_err(|_| malformed())?;
    let mut connector = HttpsConnectorBuilder::new()
        .with_native_roots()
        .map_err(|error| format!("no certificate authorities: {error}"))?
        .https_or_http()
        .enable_http1()
        .build();
    let connection = connector
        .call(uri)
        .await
        .map_err(|_| "no connection".to_owned())?;
    // One request on one connection: hyper's pooling client would be a tenth of a MiB more in each function.
    let no_answer = |_| "no answer".to_owned();
    let (mut sender, connection) = http1::handshake(connection).await.map_err(no_answer)?;
    let response = async {
        tokio::select! {
            response = sender.send_request(request) => response,
            Err(error) = connection => Err(error),
        }
    };
    match response.await.map_err(no_answer)?.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("the answer was {}", status.as_u16())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// Serves one response of each status, in order. A redirect leads to the same site.
    async fn serve(statuses: &'static [&'static str]) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            for status in statuses {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let _ = connection.read(&mut request).await;
                let response = format!(
                    "HTTP/1.1 {status}\r\nlocation: /elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
                connection.write_all(response.as_bytes()).await.unwrap();
            }
        });
        format!("http://{address}/secret").parse().unwrap()
    }

    async fn reason(url: &Url) -> String {
        let reason = HttpHeartbeat.send(url).await.unwrap_err().to_string();
        for part in ["secret", "127.0.0.1", "operator"] {
            assert!(!reason.contains(part), "{reason}");
        }
        reason
    }

    #[tokio::test]
    async fn only_a_success_status_counts_as_delivered() {
        let url = serve(&["200 OK", "204 No Content", "404 Not Found", "500 Error"]).await;
        assert_eq!(HttpHeartbeat.send(&url).await, Ok(()));
        assert_eq!(HttpHeartbeat.send(&url).await, Ok(()));
        for status in ["404", "500"] {
            assert!(reason(&url).await.contains(status));
        }
    }

    #[tokio::test]
    async fn redirect_is_not_followed() {
        let url = serve(&["302 Found", "200 OK"]).await;
        assert!(reason(&url).await.contains("302"));
    }

    #[tokio::test]
    async fn missing_server_is_a_connection_error() {
        let url = "http://127.0.0.1:1/secret".parse().unwrap();
        assert!(reason(&url).await.contains("no connection"));
    }
}
