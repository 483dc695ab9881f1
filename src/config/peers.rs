//! The servers that this one calls.

use crate::config::error::ConfigError;
use crate::config::source::Source;
use crate::config::transport::Transport;
use crate::config::value::ProvinceText;
use crate::domain::value::{ProvinceCode, RegionDirectory};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;
use toml::Spanned;

/// A node that the hub calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePeer {
    /// `province`: the province that it serves; its certificate must say `urn:gongji:node:NN`. Required.
    pub province: ProvinceCode,
    /// `address`: "https://host:port" ("http://" with plaintext_loopback). Required.
    pub address: String,
}

/// An entry of `[[nodes]]` as it stands in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NodePeerFile {
    province: Spanned<ProvinceText>,
    address: Spanned<String>,
}

/// `[hub]` as it stands in a node's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HubPeerFile {
    address: Spanned<String>,
}

/// The nodes of a hub: each province once and listed in `regions`, each address once and fit for `transport`.
pub(super) fn nodes(
    entries: &[NodePeerFile],
    regions: &RegionDirectory,
    transport: &Transport,
    source: &Source,
) -> Result<Vec<NodePeer>, ConfigError> {
    let (mut nodes, mut addresses) = (BTreeMap::new(), BTreeMap::new());
    for entry in entries {
        let code = entry.province.get_ref().0;
        if regions.province(code).is_none() {
            let what = format!("province {code} is not in the table of places");
            return Err(source.error(
                Some(entry.province.span()),
                what,
                "correct `province`, or add it to regions.toml",
            ));
        }
        let address = checked(&entry.address, transport, source)?;
        if let Some(other) = addresses.insert(address.clone(), code) {
            let what = format!("{address} is already the address of province {other}");
            return Err(source.error(
                Some(entry.address.span()),
                what,
                "each province has a node of its own",
            ));
        }
        if nodes.insert(code, address).is_some() {
            let what = format!("province {code} has two nodes");
            return Err(source.error(Some(entry.province.span()), what, "keep one entry for each province"));
        }
    }
    Ok(nodes.into_iter().map(|(province, address)| NodePeer { province, address }).collect())
}

/// The address of the hub, from a node's file.
pub(super) fn hub(
    entry: &HubPeerFile,
    transport: &Transport,
    source: &Source,
) -> Result<String, ConfigError> {
    checked(&entry.address, transport, source)
}

fn checked(address: &Spanned<String>, transport: &Transport, source: &Source) -> Result<String, ConfigError> {
    let text = address.get_ref();
    let (scheme, advice) = match transport {
        Transport::Tls(_) => ("https://", "write \"https://host:port\""),
        Transport::PlaintextLoopback => {
            ("http://", "with plaintext_loopback write \"http://127.0.0.1:port\"")
        }
    };
    let host = text.strip_prefix(scheme).and_then(host_of);
    let fit = host.is_some_and(|host| transport.is_tls() || is_loopback(host));
    if !fit {
        return Err(source.error(
            Some(address.span()),
            format!("`address`: {text:?} cannot be called"),
            advice,
        ));
    }
    Ok(text.clone())
}

/// The host of "host:port", when there is nothing else and the port can be called.
fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = authority.rsplit_once(':')?;
    let port_fits =
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let host_fits = match bare {
        Some(bare) => bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6()),
        None => {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
            !host.is_empty() && host.bytes().all(fits)
        }
    };
    (port_fits && host_fits).then_some(bare.unwrap_or(host))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port_and_nothing_else() {
        assert_eq!(host_of("127.0.0.1:7013"), Some("127.0.0.1"));
        assert_eq!(host_of("node-13.example.cn:443"), Some("node-13.example.cn"));
        assert_eq!(host_of("[::1]:7013"), Some("::1"));
        for bad in [
            "",
            ":",
            "host",
            "host:",
            ":1",
            "host:0",
            "host:65536",
            "host:+1",
            "host:1/",
            "a/b:1",
            "u@h:1",
            "::1:7013",
            "[::1]",
            "[x]:1",
            "省:1",
            "h h:1",
        ] {
            assert_eq!(host_of(bad), None, "{bad}");
        }
        assert!(is_loopback("::1") && is_loopback("127.8.8.8") && is_loopback("localhost"));
        assert!(!is_loopback("10.0.0.1") && !is_loopback("localhost.example.cn"));
    }
}
