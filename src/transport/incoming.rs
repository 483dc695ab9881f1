//! Connections as a server takes them: TLS first, several handshakes at once, each within its time.

use crate::transport::coalescing::CoalescingIo;
use crate::transport::tls::{CONNECT_TIMEOUT, Tls};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
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
    tls: Tls,
    under_way: JoinSet<Handshake>,
    rest: Option<Pin<Box<tokio::time::Sleep>>>,
}

/// After a connection could not be accepted, nobody is accepted for so long.
const REST: Duration = Duration::from_millis(100);

impl TlsIncoming {
    /// What comes in, after its handshake, for which `tls` counts as it is then.
    pub fn new(incoming: TcpIncoming, tls: Tls) -> TlsIncoming {
        TlsIncoming { incoming, tls, under_way: JoinSet::new(), rest: None }
    }
}

async fn handshake(tls: Tls, connection: TcpStream) -> Handshake {
    let peer = connection.peer_addr();
    let accepted = tokio::time::timeout(CONNECT_TIMEOUT, tls.acceptor().accept(connection)).await;
    let accepted = accepted.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    // Whoever cannot show what is asked for goes away; others come.
    accepted.inspect_err(|error| {
        let peer = peer.map_or_else(|_| "unknown".to_owned(), |peer| peer.ip().to_string());
        tls.refusals().note(&peer, error);
    })
}

impl Stream for TlsIncoming {
    type Item = io::Result<CoalescingIo<TlsStream<TcpStream>>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            // What is done goes first: it frees what new connections may lack.
            match this.under_way.poll_join_next(cx) {
                Poll::Ready(Some(Ok(Ok(stream)))) => return Poll::Ready(Some(Ok(CoalescingIo::new(stream)))),
                Poll::Ready(Some(Ok(Err(_)))) => continue,
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
                    this.under_way.spawn(handshake(this.tls.clone(), connection));
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
