//! Connections as our clients make them: TCP, then TLS with a server that must be the one that was dialled.

use crate::transport::coalescing::CoalescingIo;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::codegen::Service;
use tonic::codegen::http::Uri;

/// Connects to one server, whatever URL it is asked for.
#[derive(Clone)]
pub struct Dial {
    host: String,
    port: u16,
    name: ServerName<'static>,
    tls: TlsConnector,
}

impl Dial {
    /// A server at this host (a name, or an address with or without brackets) and port. None when rustls cannot check a
    /// certificate for such a host.
    pub fn new(host: &str, port: u16, tls: TlsConnector) -> Option<Dial> {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).to_owned();
        let name = ServerName::try_from(host.clone()).ok()?;
        Some(Dial { host, port, name, tls })
    }

    async fn connect(self) -> io::Result<TokioIo<CoalescingIo<TlsStream<TcpStream>>>> {
        let connection = TcpStream::connect((self.host.as_str(), self.port)).await?;
        connection.set_nodelay(true)?;
        Ok(TokioIo::new(CoalescingIo::new(self.tls.connect(self.name, connection).await?)))
    }
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
