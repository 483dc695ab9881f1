//! Connections as a server takes them: TLS first, several handshakes at once, each within its time.

use crate::transport::coalescing::CoalescingIo;
use crate::transport::tls::CONNECT_TIMEOUT;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::Stream;
use tonic::transport::server::TcpIncoming;

/// Most handshakes under way at once; later connections wait in the system's queue.
const HANDSHAKES_MAX: usize = 1_024;

type Handshake = io::Result<TlsStream<TcpStream>>;

/// Connections whose handshake is done, in the order in which they are ready.
#[derive(Debug)]
pub struct TlsIncoming {
    incoming: TcpIncoming,
    acceptor: Acceptor,
    under_way: JoinSet<Handshake>,
    rest: Option<Pin<Box<tokio::time::Sleep>>>,
}

/// After a connection could not be accepted, nobody is accepted for so long.
const REST: Duration = Duration::from_millis(100);

/// rustls's acceptor, which does not print itself.
struct Acceptor(TlsAcceptor);

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptor")
    }
}

impl TlsIncoming {
    /// What comes in, after its handshake.
    pub fn new(incoming: TcpIncoming, acceptor: TlsAcceptor) -> TlsIncoming {
        TlsIncoming { incoming, acceptor: Acceptor(acceptor), under_way: JoinSet::new(), rest: None }
    }
}

async fn handshake(acceptor: TlsAcceptor, connection: TcpStream) -> Handshake {
    let accepted = tokio::time::timeout(CONNECT_TIMEOUT, acceptor.accept(connection)).await;
    accepted.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

impl Stream for TlsIncoming {
    type Item = io::Result<CoalescingIo<TlsStream<TcpStream>>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            // What is done goes first: it frees what new connections may lack.
            match this.under_way.poll_join_next(cx) {
                Poll::Ready(Some(Ok(Ok(stream)))) => return Poll::Ready(Some(Ok(CoalescingIo::new(stream)))),
                // Whoever cannot show what is asked for goes away; others come.
                Poll::Ready(Some(Ok(Err(error)))) => {
                    tracing::debug!(%error, "a handshake failed");
                    continue;
                }
                Poll::Ready(Some(Err(error))) => {
                    tracing::debug!(%error, "a handshake ended early");
                    continue;
                }
                Poll::Ready(None) | Poll::Pending => {}
            }
            if this.under_way.len() >= HANDSHAKES_MAX {
                return Poll::Pending;
            }
            if let Some(rest) = &mut this.rest {
                if rest.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                this.rest = None;
            }
            match Pin::new(&mut this.incoming).poll_next(cx) {
                Poll::Ready(Some(Ok(connection))) => {
                    this.under_way.spawn(handshake(this.acceptor.0.clone(), connection));
                }
                // Too many open files, most likely: it stays so for a while, and asking again at once helps nobody.
                Poll::Ready(Some(Err(error))) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    this.rest = Some(Box::pin(tokio::time::sleep(REST)));
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
