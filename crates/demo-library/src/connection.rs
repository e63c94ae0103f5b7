//! Connections that a handler can cut, and that close with their server.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;

/// Lets a handler cut a connection, or slow it down.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cutter {
    cut: Arc<AtomicBool>,
    /// The pause before each byte, in milliseconds.
    pause: Arc<AtomicU64>,
    stopped: Arc<AtomicBool>,
}

impl Cutter {
    /// Cuts the connection. Nothing more is written, and the peer sees it close.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }

    /// Pauses before each byte from now on.
    pub(crate) fn drip(&self, pause: Duration) {
        let milliseconds = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        self.pause.store(milliseconds, Ordering::SeqCst);
    }

    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst) || self.stopped.load(Ordering::SeqCst)
    }
}

/// A listener whose connections carry a [`Cutter`].
pub(crate) struct CuttableListener {
    pub(crate) listener: TcpListener,
    pub(crate) stopped: Arc<AtomicBool>,
}

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Small answers must not wait for an acknowledgement.
        let _ = stream.set_nodelay(true);
        let cutter = Cutter {
            cut: Arc::default(),
            pause: Arc::default(),
            stopped: Arc::clone(&self.stopped),
        };
        (
            CuttableStream {
                stream,
                cutter,
                next_byte: None,
            },
            address,
        )
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A connection that is controlled by its [`Cutter`].
pub(crate) struct CuttableStream {
    stream: TcpStream,
    cutter: Cutter,
    /// When the next byte may be written, if the connection drips.
    next_byte: Option<Pin<Box<Sleep>>>,
}

impl CuttableStream {
    /// Waits until bytes may be written. Returns the maximum number.
    fn poll_write_permit(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if !self.cutter.is_cut() {
            let pause = Duration::from_millis(self.cutter.pause.load(Ordering::SeqCst));
            if pause.is_zero() {
                return Poll::Ready(Ok(usize::MAX));
            }
            let next_byte = self
                .next_byte
                .get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
            ready!(next_byte.as_mut().poll(context));
            self.next_byte = None;
        }
        Poll::Ready(if self.cutter.is_cut() {
            Err(cut_error())
        } else {
            Ok(1)
        })
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Cutter {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.io().cutter.clone()
    }
}

fn cut_error() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionAborted)
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.cutter.is_cut() {
            return Poll::Ready(Err(cut_error()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let most = ready!(self.poll_write_permit(context))?;
        let bytes = bytes.get(..most).unwrap_or(bytes);
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if ready!(self.poll_write_permit(context))? == usize::MAX {
            return Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        }
        let next = slices.iter().find_map(|slice| slice.get(..1));
        Pin::new(&mut self.stream).poll_write(context, next.unwrap_or_default())
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
