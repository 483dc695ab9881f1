//! Channels to servers: over TLS to one that must have the role that was dialled, or in plaintext on loopback.

use crate::transport::identity::Role;
use crate::transport::outgoing::Dial;
use crate::transport::tls::{CONNECT_TIMEOUT, PING_INTERVAL, PING_TIMEOUT, Tls, TlsError, WINDOW};
use std::net::IpAddr;
use tonic::codegen::http::Uri;
use tonic::transport::{Channel, Endpoint};

/// The port of an https:// address that names none.
const HTTPS_PORT: u16 = 443;

/// A channel to the server with the role `expected` at `https://HOST:PORT`, or without `tls` at `http://` on loopback.
/// Connects at the first call and again after each loss; a server with another role, or of another authority, is never
/// spoken to. Must be called inside a tokio runtime.
pub fn channel(address: &str, tls: Option<&Tls>, expected: Role) -> Result<Channel, TlsError> {
    let refuse = |what| TlsError::Address(address.to_owned(), what);
    let uri: Uri = address.parse().map_err(|_| refuse("not a URL"))?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| refuse("no host"))?;
    if uri.path_and_query().is_some_and(|rest| rest.as_str() != "/") {
        return Err(refuse("only scheme, host and port are meant"));
    }
    match (uri.scheme_str(), tls) {
        (Some("https"), Some(_)) => {}
        (Some("http"), None) if is_loopback(host) => {}
        (Some("http"), None) => return Err(refuse("http:// is for loopback only")),
        (Some("https"), None) => return Err(refuse("https:// needs certificates")),
        (Some("http"), Some(_)) => {
            return Err(refuse("http:// where certificates are configured; write https://"));
        }
        (_, _) => return Err(refuse("must begin with https://")),
    }
    let Some(tls) = tls else {
        return Ok(settings(uri).tcp_nodelay(true).connect_lazy());
    };
    let port = uri.port_u16().unwrap_or(HTTPS_PORT);
    let dial = Dial::new(host, port, tls.clone(), expected).ok_or_else(|| refuse("no host"))?;
    // TLS is made below tonic, which therefore dials http://; what is asked for is still https://.
    let below = Uri::builder().scheme("http").authority(format!("{host}:{port}")).path_and_query("/").build();
    let below = below.map_err(|_| refuse("not a URL"))?;
    Ok(settings(below).origin(uri).connect_with_connector_lazy(dial))
}

/// How every connection is kept.
fn settings(uri: Uri) -> Endpoint {
    Endpoint::from(uri)
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
}

/// Whether a URL's host is this machine without asking a name server.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
