//! The transport under an SMTP connection. It tracks how far a message got.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::io::{AsyncRead as FuturesRead, AsyncWrite as FuturesWrite};
#[expect(
    deprecated,
    reason = "lettre has no other way to speak TLS over a stream of ours"
)]
use lettre::transport::smtp::client::AsyncNetworkStream;
use lettre::transport::smtp::client::{AsyncTokioStream, TlsParameters};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// The first byte of a TLS handshake. No SMTP command begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// The message isn't written yet.
const BEFORE_END: u8 = 0;
/// The message is written, and its end comes next.
const END_IS_NEXT: u8 = 1;
/// The pause is over, and the end waits to be released.
const END_HELD: u8 = 2;
/// The end may be written.
const END_RELEASED: u8 = 3;
/// The end of the message was, or is being, written.
const END_WRITTEN: u8 = 4;

/// How far a message got. Shared by the transport and the connection above it.
#[derive(Debug, Default)]
pub(super) struct MessageProgress {
    state: AtomicU8,
    /// The pause before the end, in milliseconds.
    pause: AtomicU64,
}

impl MessageProgress {
    /// Begins a message. Its end is held back for `pause`, to see whether the server hangs up, and then
    /// until it is released.
    pub(super) fn begin(&self, pause: Duration) {
        let pause = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        self.pause.store(pause, Ordering::Relaxed);
        self.state.store(BEFORE_END, Ordering::SeqCst);
    }

    /// Records that all but the end of the message is written.
    pub(super) fn mark_end_next(&self) {
        self.state.store(END_IS_NEXT, Ordering::SeqCst);
    }

    /// Whether the end only waits to be released.
    pub(super) fn is_end_held(&self) -> bool {
        self.state.load(Ordering::SeqCst) == END_HELD
    }

    /// Releases the end. It is written when the message is polled next.
    pub(super) fn release_end(&self) {
        self.state.store(END_RELEASED, Ordering::SeqCst);
    }

    /// Whether the server may have the whole message.
    pub(super) fn may_be_complete(&self) -> bool {
        self.state.load(Ordering::SeqCst) == END_WRITTEN
    }
}

/// A TCP connection that holds back the end of a message, and reads byte by byte until TLS begins.
///
/// A message is written at once. Without the pause, we would notice that the server hung up only
/// after the end was written, and couldn't know whether it accepted the mail. With the pause we notice
/// before, and the mail is known to be unsent.
///
/// Reading byte by byte before TLS defeats injection after the reply to `STARTTLS`: injected bytes
/// stay out of the reader's buffer, are read as TLS, and fail.
pub(super) struct Transport {
    tcp: TcpStream,
    progress: Arc<MessageProgress>,
    pause: Option<Pin<Box<Sleep>>>,
    encrypted: bool,
}

impl Transport {
    pub(super) fn new(tcp: TcpStream, progress: Arc<MessageProgress>) -> Self {
        // Commands are short and wait for their reply, so Nagle's algorithm only delays them.
        let _ = tcp.set_nodelay(true);
        Self {
            tcp,
            progress,
            pause: None,
            encrypted: false,
        }
    }

    /// Polls until the end of the message may be written. Fails if the server hung up or sent data.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut byte = [0; 1];
        if self
            .tcp
            .poll_peek(context, &mut ReadBuf::new(&mut byte))
            .is_ready()
        {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "the server hung up or spoke before the end of the message",
            )));
        }
        let state = &self.progress.state;
        match state.load(Ordering::SeqCst) {
            END_RELEASED => {
                state.store(END_WRITTEN, Ordering::SeqCst);
                Poll::Ready(Ok(()))
            }
            END_IS_NEXT => {
                let pause = Duration::from_millis(self.progress.pause.load(Ordering::Relaxed));
                let sleep = self
                    .pause
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
                ready!(sleep.as_mut().poll(context));
                self.pause = None;
                state.store(END_HELD, Ordering::SeqCst);
                Poll::Pending
            }
            _ => Poll::Pending,
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.encrypted {
            return Pin::new(&mut this.tcp).poll_read(context, buffer);
        }
        let mut byte = [0; 1];
        let mut one = ReadBuf::new(&mut byte);
        ready!(Pin::new(&mut this.tcp).poll_read(context, &mut one))?;
        buffer.put_slice(one.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if bytes.first() == Some(&TLS_HANDSHAKE) {
            this.encrypted = true;
        }
        if matches!(
            this.progress.state.load(Ordering::SeqCst),
            END_IS_NEXT | END_HELD | END_RELEASED
        ) {
            ready!(this.poll_end(context))?;
        }
        Pin::new(&mut this.tcp).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(context)
    }
}

impl AsyncTokioStream for Transport {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }
}

/// A transport with TLS from its first byte.
#[derive(Debug)]
#[expect(
    deprecated,
    reason = "lettre has no other way to speak TLS over a stream of ours"
)]
pub(super) struct EncryptedTransport(AsyncNetworkStream);

#[expect(
    deprecated,
    reason = "lettre has no other way to speak TLS over a stream of ours"
)]
impl EncryptedTransport {
    pub(super) async fn encrypt(
        transport: Transport,
        tls: TlsParameters,
    ) -> Result<Self, lettre::transport::smtp::Error> {
        let mut stream = AsyncNetworkStream::use_existing_tokio1(Box::new(transport));
        stream.upgrade_tls(tls).await?;
        Ok(Self(stream))
    }
}

impl AsyncRead for EncryptedTransport {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let inner = Pin::new(&mut self.get_mut().0);
        let read = ready!(FuturesRead::poll_read(
            inner,
            context,
            buffer.initialize_unfilled()
        ))?;
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for EncryptedTransport {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        FuturesWrite::poll_write(Pin::new(&mut self.get_mut().0), context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        FuturesWrite::poll_flush(Pin::new(&mut self.get_mut().0), context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        FuturesWrite::poll_close(Pin::new(&mut self.get_mut().0), context)
    }
}

impl AsyncTokioStream for EncryptedTransport {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }
}
