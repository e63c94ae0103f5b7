//! Serves the pages over HTTP. A slow client is cut off, and the number of connections is limited.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::{BoxError, Router};
use hippo_web::PeerAddress;
use hyper::body::{Body as _, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tower_service::Service as _;

/// How long to wait after a connection could not be accepted, for example because too many files are open.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_secs(1);

/// The shortest time between two warnings that every connection is in use.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// How much of the server one client can hold, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct ServerLimits {
    /// The most connections at once. More clients wait.
    pub(super) max_connections: u16,
    /// How long a request's head may take. A connection without a request is closed after the same time.
    pub(super) head_timeout: Duration,
    /// How long a request's body may take.
    pub(super) body_timeout: Duration,
    /// How long a connection accepts requests.
    pub(super) connection_lifetime: Duration,
    /// How long the last request of a connection may take, with the time in which the client reads the response.
    pub(super) finish_timeout: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            max_connections: 200,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(20),
            connection_lifetime: Duration::from_secs(60),
            finish_timeout: Duration::from_secs(30),
        }
    }
}

/// Serves until `stopped`, and then finishes the open requests.
pub(super) async fn serve_http(
    listener: TcpListener,
    router: Router,
    limits: ServerLimits,
    stopped: impl Future<Output = ()>,
) {
    let mut stopped = pin!(stopped);
    let (stop, is_stopping) = watch::channel(false);
    let mut acceptor = Acceptor {
        listener,
        connections: Arc::new(Semaphore::new(usize::from(limits.max_connections))),
        warned_at: None,
    };
    loop {
        let (stream, peer, permit) = tokio::select! {
            accepted = acceptor.accept() => accepted,
            () = &mut stopped => break,
        };
        let (router, is_stopping) = (router.clone(), is_stopping.clone());
        tokio::spawn(async move {
            serve_connection(stream, peer, router, limits, is_stopping).await;
            drop(permit);
        });
    }
    let Acceptor { connections, .. } = acceptor;
    stop.send_replace(true);
    // When nobody else has a permit, every connection is closed.
    let _all = connections
        .acquire_many(limits.max_connections.into())
        .await;
}

/// Accepts connections, as many as there are permits.
struct Acceptor {
    listener: TcpListener,
    connections: Arc<Semaphore>,
    warned_at: Option<Instant>,
}

impl Acceptor {
    async fn accept(&mut self) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
        let permit = self.acquire_permit().await;
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => return (stream, peer, permit),
                Err(error) if is_of_the_client(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "Can't accept a connection.");
                    sleep(ACCEPT_RETRY_DELAY).await;
                }
            }
        }
    }

    async fn acquire_permit(&mut self) -> OwnedSemaphorePermit {
        if let Ok(permit) = Arc::clone(&self.connections).try_acquire_owned() {
            return permit;
        }
        if self
            .warned_at
            .is_none_or(|warned_at| warned_at.elapsed() >= WARNING_INTERVAL)
        {
            self.warned_at = Some(Instant::now());
            tracing::warn!("Every connection is in use, so other clients wait.");
        }
        match Arc::clone(&self.connections).acquire_owned().await {
            Ok(permit) => permit,
            // Nobody closes the semaphore.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Whether the client gave up before its connection was accepted.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// Serves the requests of one connection until its time is over or the server stops.
async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: ServerLimits,
    mut is_stopping: watch::Receiver<bool>,
) {
    let answer = |request| answer(router.clone(), peer, request, limits.body_timeout);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    let mut connection = pin!(connection);
    tokio::select! {
        // An error is the client's: it went away, was too slow or doesn't speak HTTP.
        _ = connection.as_mut() => return,
        () = sleep(limits.connection_lifetime) => {}
        _ = is_stopping.wait_for(|is_stopping| *is_stopping) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(limits.finish_timeout, connection).await;
}

/// Tells the router where a request comes from, and how long its body may take.
async fn answer(
    mut router: Router,
    peer: SocketAddr,
    request: hyper::Request<Incoming>,
    body_timeout: Duration,
) -> Result<Response, Infallible> {
    let mut request: Request = request.map(|body| match body.is_end_stream() {
        true => Body::empty(),
        false => Body::new(TimedBody {
            body,
            deadline: Box::pin(sleep(body_timeout)),
        }),
    });
    request.extensions_mut().insert(PeerAddress(peer.ip()));
    router.call(request).await
}

/// A body that fails at its deadline.
struct TimedBody {
    body: Incoming,
    deadline: Pin<Box<Sleep>>,
}

impl hyper::body::Body for TimedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)));
        }
        ready!(self.deadline.as_mut().poll(context));
        Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::TimedOut).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::oneshot;

    use super::*;

    /// A limit that no test reaches.
    const LONG: Duration = Duration::from_secs(60);

    /// A limit that a test waits for.
    const SHORT: Duration = Duration::from_millis(150);

    const NO_LIMITS: ServerLimits = ServerLimits {
        max_connections: 100,
        head_timeout: LONG,
        body_timeout: LONG,
        connection_lifetime: LONG,
        finish_timeout: LONG,
    };

    const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

    /// Serves a router until the sender is used or dropped.
    async fn start(router: Router, limits: ServerLimits) -> (SocketAddr, oneshot::Sender<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(serve_http(listener, router, limits, async {
            let _ = stopped.await;
        }));
        (address, stop)
    }

    fn pages() -> Router {
        Router::new()
            .route("/", get(async || "the page"))
            .route("/form", post(async |body: String| body))
            .route("/large", get(async || vec![b'x'; 64 << 20]))
    }

    async fn send(address: SocketAddr, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    /// Everything that the server still sends before it closes the connection.
    async fn read_to_end(mut stream: TcpStream) -> String {
        let mut bytes = Vec::new();
        let reading = timeout(Duration::from_secs(20), stream.read_to_end(&mut bytes)).await;
        // A connection that is reset is closed, too.
        let _ = reading.expect("the connection stays open");
        String::from_utf8(bytes).unwrap()
    }

    #[tokio::test]
    async fn slow_clients_are_cut_off_while_others_are_answered() {
        let limits = ServerLimits {
            head_timeout: SHORT,
            body_timeout: SHORT,
            ..NO_LIMITS
        };
        let (address, _stop) = start(pages(), limits).await;
        let mut slow = Vec::new();
        for half in [
            "",
            "GET / HT",
            "GET / HTTP/1.1\r\nHost: x\r\n",
            "POST /form HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf",
        ] {
            slow.push(send(address, half).await);
        }
        assert!(
            read_to_end(send(address, GET).await)
                .await
                .ends_with("the page")
        );
        for stream in slow {
            let answer = read_to_end(stream).await;
            assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
        // Whoever sends everything in time is answered.
        let whole =
            "POST /form HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\n";
        let mut stream = send(address, whole).await;
        stream.write_all(b"whole").await.unwrap();
        assert!(read_to_end(stream).await.ends_with("whole"));
    }

    #[tokio::test]
    async fn client_that_reads_nothing_keeps_no_connection() {
        let limits = ServerLimits {
            max_connections: 1,
            connection_lifetime: SHORT,
            finish_timeout: SHORT,
            ..NO_LIMITS
        };
        let (address, _stop) = start(pages(), limits).await;
        let slow = send(address, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(
            read_to_end(send(address, GET).await)
                .await
                .ends_with("the page")
        );
        drop(slow);
    }

    #[tokio::test]
    async fn no_more_connections_are_served_than_the_limit() {
        static OPEN: AtomicUsize = AtomicUsize::new(0);
        static MOST: AtomicUsize = AtomicUsize::new(0);
        let page = get(async || {
            MOST.fetch_max(OPEN.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(Duration::from_millis(20)).await;
            OPEN.fetch_sub(1, Ordering::SeqCst);
            "the page"
        });
        let limits = ServerLimits {
            max_connections: 2,
            ..NO_LIMITS
        };
        let (address, _stop) = start(Router::new().route("/", page), limits).await;
        let mut streams = Vec::new();
        for _ in 0..6 {
            streams.push(send(address, GET).await);
        }
        for stream in streams {
            assert!(read_to_end(stream).await.ends_with("the page"));
        }
        assert_eq!(MOST.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn open_request_is_finished_when_the_server_stops() {
        let page = get(async || {
            sleep(SHORT).await;
            "the page"
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let router = Router::new().route("/", page);
        let serving = serve_http(listener, router, NO_LIMITS, async {
            let _ = stopped.await;
        });
        let asking = async move {
            let stream = send(address, GET).await;
            sleep(SHORT / 3).await;
            drop(stop);
            read_to_end(stream).await
        };
        let answer = tokio::spawn(asking);
        let since = Instant::now();
        serving.await;
        // It goes on until the request is answered.
        assert!(since.elapsed() >= SHORT, "{:?}", since.elapsed());
        assert!(answer.await.unwrap().ends_with("the page"));
    }
}
