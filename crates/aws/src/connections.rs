//! The connections of a function to AWS: HTTP/1.1, and no proxy.
//!
//! The SDK's own client speaks HTTP/2 and to proxies, too. A function needs neither, and is smaller without them.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::ErrorKind;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::sdk_error::causes;

/// Makes an HTTP client. Its connections are opened when they are needed, and kept for the next request.
pub(crate) fn http_client(connect_timeout: Duration) -> SharedHttpClient {
    let connections = SharedHttpConnector::new(Connections {
        client: Arc::default(),
        connect_timeout,
    });
    http_client_fn(move |_, _| connections.clone())
}

#[derive(Clone)]
struct Connections {
    /// Made for the first request, since it reads the certificate authorities.
    client: Arc<OnceLock<Client<HttpsConnector<TcpConnector>, SdkBody>>>,
    connect_timeout: Duration,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}

impl HttpConnector for Connections {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connections = self.clone();
        HttpConnectorFuture::new(async move { connections.send(request).await })
    }
}

impl Connections {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let client = self.client()?;
        let request = request.try_into_http1x();
        let request = request.map_err(|error| ConnectorError::user(error.into()))?;
        let response = client.request(request).await.map_err(classify)?;
        HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
            .map_err(|error| ConnectorError::other(error.into(), None))
    }

    fn client(&self) -> Result<&Client<HttpsConnector<TcpConnector>, SdkBody>, ConnectorError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let mut tcp = TcpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(self.connect_timeout));
        let tls = HttpsConnectorBuilder::new().with_native_roots();
        let tls = tls.map_err(|error| ConnectorError::user(error.into()))?;
        let connector = tls.https_or_http().enable_http1().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            // Without a timer, an idle connection is never closed.
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(self.client.get_or_init(|| client))
    }
}

/// Tells the SDK what kind of failure it is: it repeats a request whose connection broke, where that is harmless.
fn classify(error: legacy::Error) -> ConnectorError {
    let http: Option<&hyper::Error> = find_cause(&error);
    let is = |test: fn(&hyper::Error) -> bool| http.is_some_and(test);
    let is_of_connection = error.is_connect()
        || is(hyper::Error::is_closed)
        || is(hyper::Error::is_canceled)
        || find_cause::<io::Error>(&error).is_some();
    if is(hyper::Error::is_timeout) {
        ConnectorError::timeout(error.into())
    } else if is(hyper::Error::is_user) {
        ConnectorError::user(error.into())
    } else if is_of_connection {
        ConnectorError::io(error.into())
    } else {
        let is_cut_short = is(hyper::Error::is_incomplete_message);
        let kind = is_cut_short.then_some(ErrorKind::TransientError);
        ConnectorError::other(error.into(), kind)
    }
}

/// Finds a cause of this type, however deep.
fn find_cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    causes(error).find_map(|cause| cause.downcast_ref())
}
