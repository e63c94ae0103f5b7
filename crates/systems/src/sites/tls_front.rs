//! Puts a demo library behind TLS.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hippo_browser::test_site::acceptor;
use hippo_demo_library::DemoLibrary;
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// Terminates TLS for a demo library at `https://HOST:PORT`.
pub(super) struct TlsFront {
    pub(super) url: Url,
    pub(super) handshakes: Arc<AtomicUsize>,
    pub(super) authority: reqwest::Certificate,
}

impl TlsFront {
    /// Starts the front; the demo library then links to itself by https.
    pub(super) async fn start(demo: &DemoLibrary, host: &str) -> Self {
        demo.switches().https(true);
        let behind = demo.base_url().trim_start_matches("http://").to_owned();
        let (acceptor, authority) = acceptor(host);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let handshakes: Arc<AtomicUsize> = Arc::default();
        let counted = Arc::clone(&handshakes);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, counted, behind) =
                    (acceptor.clone(), Arc::clone(&counted), behind.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    counted.fetch_add(1, Ordering::SeqCst);
                    if let Ok(mut demo) = TcpStream::connect(behind).await {
                        // Copies until either side closes.
                        let _ = tokio::io::copy_bidirectional(&mut stream, &mut demo).await;
                    }
                });
            }
        });
        Self {
            url: format!("https://{host}:{port}").parse().unwrap(),
            handshakes,
            authority,
        }
    }
}
