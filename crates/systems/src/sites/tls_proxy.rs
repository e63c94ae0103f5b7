//! Puts a TLS proxy in front of a demo library.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hippo_browser::test_site::acceptor;
use hippo_demo_library::DemoLibrary;
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// Terminates TLS for a demo library at `https://HOST:PORT`.
pub(super) struct TlsProxy {
    pub(super) url: Url,
    pub(super) handshake_count: Arc<AtomicUsize>,
    pub(super) ca_certificate: reqwest::Certificate,
}

impl TlsProxy {
    /// Starts the proxy; the demo library then links to itself by https.
    pub(super) async fn start(demo: &DemoLibrary, host: &str) -> Self {
        demo.switches().set_https(true);
        let backend_address = demo.base_url().trim_start_matches("http://").to_owned();
        let (acceptor, ca_certificate) = acceptor(host);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let handshake_count: Arc<AtomicUsize> = Arc::default();
        let counter = Arc::clone(&handshake_count);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, counter, backend_address) = (
                    acceptor.clone(),
                    Arc::clone(&counter),
                    backend_address.clone(),
                );
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    counter.fetch_add(1, Ordering::SeqCst);
                    if let Ok(mut demo) = TcpStream::connect(backend_address).await {
                        // Copies until either side closes.
                        let _ = tokio::io::copy_bidirectional(&mut stream, &mut demo).await;
                    }
                });
            }
        });
        Self {
            url: format!("https://{host}:{port}").parse().unwrap(),
            handshake_count,
            ca_certificate,
        }
    }
}
