//! What every command that calls a server shares: where servers are, as whom they are called, and what their errors
//! mean.

use super::Exit;
use super::failure::Failure;
use super::output::OutputArgs;
use super::pager::{self, Page};
use crate::config::connect::{CertFiles, ConnectFile, by_province};
use crate::config::transport::TlsFiles;
use crate::domain::value::ProvinceCode;
use crate::proto::Method;
use crate::transport::identity::Role;
use crate::transport::peer::Peer;
use crate::transport::tls::{Tls, TlsError};
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tonic::{Request, Status};

/// Where the demo writes its file.
pub const DEFAULT_CONNECT: &str = "./data/demo/connect.json";

/// Where servers are and as whom to call them. Options given here stand above the file.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectArgs {
    /// File that names servers and certificates, as `gongji demo` writes it; not read when the options below say all
    /// [default: ./data/demo/connect.json]
    #[arg(long, value_name = "FILE")]
    connect: Option<PathBuf>,
    /// The hub, HOST:PORT
    #[arg(long, value_name = "ADDRESS")]
    hub: Option<String>,
    /// A province's node, 13=HOST:PORT; may be repeated
    #[arg(long = "node", value_name = "NN=ADDRESS", value_parser = node_address)]
    nodes: Vec<(ProvinceCode, String)>,
    /// Certificates of the authorities whose servers are believed (PEM)
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The caller's certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// The private key of --cert (PEM, mode 0600)
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Call servers that run without TLS on loopback, and claim to be this role, for example urn:gongji:app:demo
    #[arg(long, value_name = "ROLE", conflicts_with_all = ["ca", "cert", "key"])]
    plaintext_as: Option<Role>,
    /// How long to wait and try again before giving up, for example 10s, 500ms or 2m
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    timeout: Duration,
}

fn node_address(text: &str) -> Result<(ProvinceCode, String), String> {
    text.split_once('=')
        .and_then(|(code, address)| Some((ProvinceCode::parse(code)?, address.to_owned())))
        .filter(|(_, address)| !address.is_empty())
        .ok_or_else(|| "write province and address as 13=HOST:PORT".to_owned())
}

/// Reads a province's two digits; the hub is none.
pub fn province(text: &str) -> Result<ProvinceCode, String> {
    let code = ProvinceCode::parse(text).filter(|code| *code != ProvinceCode::HUB);
    code.ok_or_else(|| "write a province as its two digits, for example 13".to_owned())
}

/// Reads "10s", "500ms", "2m" or "1h 30m"; more than zero, at most a day.
pub fn duration(text: &str) -> Result<Duration, String> {
    const MOST: Duration = Duration::from_secs(86_400);
    let read = humantime::parse_duration(text).ok().filter(|it| !it.is_zero() && *it <= MOST);
    read.ok_or_else(|| "write a time of at most a day as 10s, 500ms or 2m".to_owned())
}

/// Known servers, and what the caller shows them.
#[derive(Debug)]
pub struct Connection {
    hub: Option<String>,
    nodes: BTreeMap<ProvinceCode, String>,
    ca: Option<PathBuf>,
    own: Option<CertFiles>,
    platforms: BTreeMap<ProvinceCode, CertFiles>,
    operator: Option<CertFiles>,
    plaintext_as: Option<Role>,
    timeout: Duration,
}

impl Connection {
    /// Reads the arguments and, unless they say everything, the file.
    ///
    /// # Errors
    /// [`Failure::Usage`] when the file cannot be read.
    pub fn load(args: &ConnectArgs) -> Result<Connection, Failure> {
        let identified = args.plaintext_as.is_some() || (args.ca.is_some() && args.cert.is_some());
        let addressed = args.hub.is_some() || !args.nodes.is_empty();
        let file = match &args.connect {
            None if identified && addressed => ConnectFile::default(),
            None => read(Path::new(DEFAULT_CONNECT))?,
            Some(path) => read(path)?,
        };
        let given = args.cert.clone().zip(args.key.clone()).map(|(cert, key)| CertFiles { cert, key });
        // A certificate that was named counts for every call.
        let platforms = if given.is_some() { BTreeMap::new() } else { by_province(file.platforms) };
        let mut nodes = by_province(file.nodes);
        nodes.extend(args.nodes.iter().cloned());
        Ok(Connection {
            hub: args.hub.clone().or(file.hub),
            nodes,
            ca: args.ca.clone().or(file.ca),
            operator: if given.is_some() { None } else { file.operator },
            own: given.or(file.own),
            platforms,
            plaintext_as: args.plaintext_as.clone(),
            timeout: args.timeout,
        })
    }

    /// The hub, called as the app.
    ///
    /// # Errors
    /// [`Failure::Usage`] when its address or a certificate is missing or unfit.
    pub fn hub(&self) -> Result<Server, Failure> {
        self.server(Role::Hub, None)
    }

    /// A province's node, called as the app. Errors as of [`Connection::hub`].
    pub fn node(&self, province: ProvinceCode) -> Result<Server, Failure> {
        self.server(Role::Node(province), None)
    }

    /// A province's node, called as the province's own system where its certificate is known. Errors as of
    /// [`Connection::hub`].
    pub fn node_as_platform(&self, province: ProvinceCode) -> Result<Server, Failure> {
        self.server(Role::Node(province), self.platforms.get(&province))
    }

    /// The hub, called as an operator where such a certificate is known. Errors as of [`Connection::hub`].
    pub fn hub_as_operator(&self) -> Result<Server, Failure> {
        self.server(Role::Hub, self.operator.as_ref())
    }

    /// A province's node, called as an operator where such a certificate is known. Errors as of [`Connection::hub`].
    pub fn node_as_operator(&self, province: ProvinceCode) -> Result<Server, Failure> {
        self.server(Role::Node(province), self.operator.as_ref())
    }

    /// The provinces whose nodes are named.
    pub fn provinces(&self) -> impl Iterator<Item = ProvinceCode> {
        self.nodes.keys().copied()
    }

    fn address(&self, role: &Role) -> Result<&str, Failure> {
        let (address, missing) = match role {
            Role::Node(it) => {
                (self.nodes.get(it), format!("no node of province {it} is named; give --node {it}=HOST:PORT"))
            }
            _ => (self.hub.as_ref(), "no hub is named; give --hub HOST:PORT".to_owned()),
        };
        address.map(String::as_str).ok_or(Failure::Usage(missing))
    }

    /// A server, called with this certificate, else as the app.
    fn server(&self, role: Role, certs: Option<&CertFiles>) -> Result<Server, Failure> {
        let (address, certs) = (self.address(&role)?, certs.or(self.own.as_ref()));
        let unfit = |error: TlsError| match &error {
            TlsError::Unfit { chinese, .. } => Failure::Usage(format!("{error}\n  {chinese}")),
            _ => Failure::Usage(error.to_string()),
        };
        let plain = self.plaintext_as.is_some();
        let scheme = if plain { "http" } else { "https" };
        let address =
            if address.contains("://") { address.to_owned() } else { format!("{scheme}://{address}") };
        let peer = match &self.plaintext_as {
            Some(own) => Peer::new(&address, None, role, own).map_err(unfit)?,
            None => {
                let (Some(ca), Some(certs)) = (&self.ca, certs) else {
                    let what = "no certificates are named; give --ca, --cert and --key";
                    return Err(Failure::Usage(what.to_owned()));
                };
                let files = TlsFiles::new(ca, &certs.cert, &certs.key);
                let tls = Tls::load(&files).map_err(unfit)?;
                Peer::new(&address, Some(&tls), role, tls.role()).map_err(unfit)?
            }
        };
        Ok(Server { address, peer, timeout: self.timeout })
    }
}

/// Commands do not look at the people of the file.
fn read(path: &Path) -> Result<ConnectFile<IgnoredAny>, Failure> {
    ConnectFile::read(path).map_err(|what| {
        Failure::Usage(format!(
            "{what}; start `gongji demo`, name its connect.json with --connect, or give --hub or --node with --ca, \
             --cert and --key"
        ))
    })
}

/// A server to be called.
#[derive(Clone, Debug)]
pub struct Server {
    address: String,
    peer: Peer,
    timeout: Duration,
}

impl Server {
    /// Where it is.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The server as connections are made to it.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// How long the caller is patient.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A request's answer, or its error with the address that it came from. The caller's patience is its deadline.
    pub async fn ask<M: Method>(&self, message: M) -> Result<M::Answer, Failure> {
        self.peer.call(message, self.timeout).await.map_err(|status| self.failed(status))
    }

    /// A list, page by page: `request` makes the request for one page from its size and token, `rows` takes the rows
    /// and the token of the next page out of its answer.
    pub async fn list<M: Method, T>(
        &self,
        limit: usize,
        request: impl Fn(i32, String) -> M,
        mut rows: impl FnMut(M::Answer) -> (Vec<T>, String),
    ) -> Result<Page<T>, Failure> {
        pager::read(limit, async |size, token| Ok(rows(self.ask(request(size, token)).await?))).await
    }

    /// A request with a deadline, for calls that are streams.
    pub fn request_within<T>(&self, message: T, within: Duration) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(within);
        request
    }

    /// A call's error, with the address that it came from.
    pub fn failed(&self, status: Status) -> Failure {
        Failure::Call { address: self.address.clone(), status: Box::new(status) }
    }
}

/// Arguments of every command that calls servers.
#[derive(Debug, clap::Args)]
pub struct CallArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    /// How the answer is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

impl CallArgs {
    /// Runs a command's calls on this thread, and prints its failure.
    pub fn run(&self, command: impl AsyncFnOnce(Connection) -> Result<Exit, Failure>) -> Exit {
        let made = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let made = made.map_err(|error| Failure::Local(format!("the runtime cannot be made: {error}")));
        let outcome = made
            .and_then(|runtime| runtime.block_on(async { command(Connection::load(&self.connect)?).await }));
        outcome.unwrap_or_else(|failure| failure.report(self.output))
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
