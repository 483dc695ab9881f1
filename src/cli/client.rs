//! What every command that calls a server shares: where servers are, as whom they are called, and what their errors
//! mean.

use super::Exit;
use super::failure::Failure;
use crate::domain::value::region::ProvinceCode;
use crate::transport::identity::Role;
use crate::transport::peer::{Peer, Service};
use crate::transport::tls::{Tls, TlsFiles};
use serde::Deserialize;
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

/// How a command prints what it found.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct OutputArgs {
    /// Print JSON with the field names of the contract, for programs
    #[arg(long)]
    pub json: bool,
}

fn node_address(text: &str) -> Result<(ProvinceCode, String), String> {
    text.split_once('=')
        .and_then(|(code, address)| Some((ProvinceCode::parse(code)?, address.to_owned())))
        .filter(|(_, address)| !address.is_empty())
        .ok_or_else(|| "write province and address as 13=HOST:PORT".to_owned())
}

/// Reads "10s", "500ms", "2m" or "1h 30m"; more than zero, at most a day.
pub fn duration(text: &str) -> Result<Duration, String> {
    const MOST: Duration = Duration::from_secs(86_400);
    let read = humantime::parse_duration(text).ok().filter(|it| !it.is_zero() && *it <= MOST);
    read.ok_or_else(|| "write a time of at most a day as 10s, 500ms or 2m".to_owned())
}

/// `connect.json`, as far as our own client reads it.
#[derive(Debug, Default, Deserialize)]
struct ConnectFile {
    hub: Option<String>,
    #[serde(default)]
    nodes: BTreeMap<String, String>,
    ca: Option<PathBuf>,
    #[serde(flatten)]
    own: Option<CertFiles>,
    #[serde(default)]
    platforms: BTreeMap<String, CertFiles>,
    operator: Option<CertFiles>,
}

#[derive(Clone, Debug, Deserialize)]
struct CertFiles {
    cert: PathBuf,
    key: PathBuf,
}

impl ConnectFile {
    fn load(path: &Path) -> Result<ConnectFile, Failure> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::Usage(format!(
                "{shown}: {error}; start `gongji demo`, name its connect.json with --connect, or give --hub or --node \
                 with --ca, --cert and --key"
            ))
        })?;
        let mut file: ConnectFile = serde_json::from_str(&text).map_err(|error| {
            Failure::Usage(format!("{shown}: {error}; it must be as `gongji demo` writes it"))
        })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let certs = file.own.iter_mut().chain(file.platforms.values_mut()).chain(&mut file.operator);
        let paths = certs.flat_map(|files| [&mut files.cert, &mut files.key]).chain(&mut file.ca);
        for it in paths {
            *it = folder.join(&*it);
        }
        Ok(file)
    }
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
            None => ConnectFile::load(Path::new(DEFAULT_CONNECT))?,
            Some(path) => ConnectFile::load(path)?,
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

    /// The hub.
    ///
    /// # Errors
    /// [`Failure::Usage`] when its address or a certificate is missing or unfit.
    pub fn hub(&self) -> Result<Server, Failure> {
        self.server(self.hub_address()?, Role::Hub, self.own.as_ref())
    }

    /// A province's node, called as the app. Errors as of [`Connection::hub`].
    pub fn node(&self, province: ProvinceCode) -> Result<Server, Failure> {
        self.server(self.node_address(province)?, Role::Node(province), self.own.as_ref())
    }

    /// A province's node, called as the province's own system where its certificate is known. Errors as of
    /// [`Connection::hub`].
    pub fn node_as_platform(&self, province: ProvinceCode) -> Result<Server, Failure> {
        let certs = self.platforms.get(&province).or(self.own.as_ref());
        self.server(self.node_address(province)?, Role::Node(province), certs)
    }

    /// The hub, called as an operator where such a certificate is known. Errors as of [`Connection::hub`].
    pub fn hub_as_operator(&self) -> Result<Server, Failure> {
        self.server(self.hub_address()?, Role::Hub, self.operator.as_ref().or(self.own.as_ref()))
    }

    /// A province's node, called as an operator where such a certificate is known. Errors as of [`Connection::hub`].
    pub fn node_as_operator(&self, province: ProvinceCode) -> Result<Server, Failure> {
        let certs = self.operator.as_ref().or(self.own.as_ref());
        self.server(self.node_address(province)?, Role::Node(province), certs)
    }

    /// The provinces whose nodes are named.
    pub fn provinces(&self) -> impl Iterator<Item = ProvinceCode> {
        self.nodes.keys().copied()
    }

    fn hub_address(&self) -> Result<&str, Failure> {
        self.hub.as_deref().ok_or_else(|| Failure::Usage("no hub is named; give --hub HOST:PORT".to_owned()))
    }

    fn node_address(&self, province: ProvinceCode) -> Result<&str, Failure> {
        let address = self.nodes.get(&province).map(String::as_str);
        address.ok_or_else(|| {
            Failure::Usage(format!(
                "no node of province {province} is named; give --node {province}=HOST:PORT"
            ))
        })
    }

    fn server(&self, address: &str, role: Role, certs: Option<&CertFiles>) -> Result<Server, Failure> {
        let unfit = |error: crate::transport::tls::TlsError| Failure::Usage(error.to_string());
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
                let files = TlsFiles { ca: ca.clone(), cert: certs.cert.clone(), key: certs.key.clone() };
                let tls = Tls::load(&files).map_err(unfit)?;
                Peer::new(&address, Some(&tls), role, tls.role()).map_err(unfit)?
            }
        };
        Ok(Server { address, peer, timeout: self.timeout })
    }
}

fn by_province<T>(map: BTreeMap<String, T>) -> BTreeMap<ProvinceCode, T> {
    map.into_iter().filter_map(|(code, value)| Some((ProvinceCode::parse(&code)?, value))).collect()
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

    /// What to make a client over.
    pub fn service(&self) -> Service {
        self.peer.service()
    }

    /// How long the caller is patient.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A request with the caller's patience as its deadline.
    pub fn request<T>(&self, message: T) -> Request<T> {
        self.request_within(message, self.timeout)
    }

    /// A request with a deadline.
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

/// Runs a command's calls on this thread, and prints its failure.
pub fn run(output: OutputArgs, command: impl Future<Output = Result<Exit, Failure>>) -> Exit {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::Local(format!("the runtime cannot be made: {error}")).report(output),
    };
    runtime.block_on(command).unwrap_or_else(|failure| failure.report(output))
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
