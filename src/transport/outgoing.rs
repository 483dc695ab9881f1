//! Connections as our clients make them: TCP, then TLS with a server that must be the one that was dialled.

use crate::transport::coalescing::CoalescingIo;
use crate::transport::identity::Role;
use crate::transport::tls::Tls;
use hyper_util::rt::TokioIo;
use rustls::ProtocolVersion;
use rustls::pki_types::ServerName;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::AsyncBufRead;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tonic::codegen::Service;
use tonic::codegen::http::Uri;

/// A server that says nothing before it is asked, and gives no session ticket, is not waited for longer than this.
const JUDGED_WITHIN: Duration = Duration::from_secs(1);

/// Connects to one server, whatever URL it is asked for, each time with the certificate and authorities of that moment.
#[derive(Clone)]
pub struct Dial {
    host: String,
    port: u16,
    name: ServerName<'static>,
    tls: Tls,
    expected: Role,
}

impl Dial {
    /// A server with this role at this host (a name, or an address with or without brackets) and port. None when
    /// rustls cannot check a certificate for such a host.
    pub fn new(host: &str, port: u16, tls: Tls, expected: Role) -> Option<Dial> {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).to_owned();
        let name = ServerName::try_from(host.clone()).ok()?;
        Some(Dial { host, port, name, tls, expected })
    }

    async fn connect(self) -> io::Result<TokioIo<CoalescingIo<TlsStream<TcpStream>>>> {
        let connection = TcpStream::connect((self.host.as_str(), self.port)).await?;
        connection.set_nodelay(true)?;
        let secured = self.secure(connection).await.inspect_err(|error| {
            self.tls.refusals().note(&format!("{}:{}", self.host, self.port), error);
        });
        Ok(TokioIo::new(CoalescingIo::new(secured?)))
    }

    async fn secure(&self, connection: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let tls = self.tls.connector(self.expected.clone()).map_err(io::Error::other)?;
        let mut stream = tls.connect(self.name.clone(), connection).await?;
        let judged = tokio::time::timeout(JUDGED_WITHIN, poll_fn(|cx| poll_judged(&mut stream, cx))).await;
        // What a server that stays silent thinks is learnt by asking it.
        judged.unwrap_or(Ok(()))?;
        Ok(stream)
    }
}

/// Whether the server has accepted the client's certificate. In TLS 1.3 it judges it when the client takes the
/// handshake for done; a call that was sent before would fail with an error that says nothing of it, or be sent again
/// and again over new connections until its deadline. A server that accepts says something, or gives a ticket.
fn poll_judged(stream: &mut TlsStream<TcpStream>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    if let Poll::Ready(said) = Pin::new(&mut *stream).poll_fill_buf(cx) {
        return Poll::Ready(said.map(drop));
    }
    let (_, session) = stream.get_ref();
    let judged =
        session.protocol_version() != Some(ProtocolVersion::TLSv1_3) || session.tls13_tickets_received() > 0;
    if judged { Poll::Ready(Ok(())) } else { Poll::Pending }
}

impl Service<Uri> for Dial {
    type Response = TokioIo<CoalescingIo<TlsStream<TcpStream>>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}
