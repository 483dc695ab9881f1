//! What hub and node configure alike.

use crate::config::alarms::Alarms;
use crate::config::callers::{Callers, CallersFile};
use crate::config::error::{ConfigError, is_secret};
use crate::config::limits::Limits;
use crate::config::log::{LogConfig, LogFile};
use crate::config::regions::LoadedRegions;
use crate::config::source::Source;
use crate::config::transport::{TlsFiles, Transport};
use crate::config::value::Moment;
use crate::config::{regions, rulebook};
use crate::domain::rules::rulebook::Rulebook;
use crate::domain::value::Civil;
use std::net::SocketAddr;
use std::path::PathBuf;
use toml::Spanned;

/// The settings that every server has. Paths in a file are taken from the folder that the file is in.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// `listen`: address and port to serve on; port 0 lets the system choose. Required.
    pub listen: SocketAddr,
    /// `data`: folder of the store; made when absent. Required.
    pub data: PathBuf,
    /// `vault_key`: key file of the vault, mode 0600. Required.
    pub vault_key: PathBuf,
    /// `regions`: the table of places. Default "regions.toml".
    pub regions_path: PathBuf,
    /// What stands in it.
    pub regions: LoadedRegions,
    /// `rulebooks`: folder of the rulebook. Default "rulebooks".
    pub rulebooks_path: PathBuf,
    /// What stands in it.
    pub rulebook: Rulebook,
    /// `[tls]`, or `plaintext_loopback = true`. One of the two is required.
    pub transport: Transport,
    /// `[limits]`. Default: see there.
    pub limits: Limits,
    /// `reflection`: whether the server describes its services to tools such as grpcurl. Default false.
    pub reflection: bool,
    /// `[log]`. Default: see there.
    pub log: LogConfig,
    /// `[alarms]`. Default: see there.
    pub alarms: Alarms,
    /// `operators`, `platforms` and `finance`. Default: see there.
    pub callers: Callers,
    /// `civil_start`: the civil clock, by which rules and days are judged, begins at this moment when the server
    /// starts, "YYYY-MM-DDTHH:MM:SS+08:00". For demonstrations and tests; never for production, where two servers would
    /// disagree about the day: only development builds take it, between 2020 and 2100. Default: the machine's clock.
    pub civil_start: Option<Civil>,
}

/// The same keys as they stand in a file.
pub(super) struct ServerKeys {
    pub(super) listen: Spanned<SocketAddr>,
    pub(super) data: PathBuf,
    pub(super) vault_key: PathBuf,
    pub(super) regions: Option<PathBuf>,
    pub(super) rulebooks: Option<PathBuf>,
    pub(super) tls: Option<Spanned<TlsFiles>>,
    pub(super) plaintext_loopback: Option<Spanned<bool>>,
    pub(super) limits: Option<Spanned<Limits>>,
    pub(super) reflection: bool,
    pub(super) log: Option<LogFile>,
    pub(super) alarms: Option<Spanned<Alarms>>,
    pub(super) civil_start: Option<Spanned<Moment>>,
    pub(super) callers: CallersFile,
}

impl ServerKeys {
    /// The key that holds a secret where its file should be named: a message about that file would show it.
    fn secret_for_path(&self) -> Option<&'static str> {
        let tls = self.tls.as_ref().map(|tls| tls.get_ref());
        let crl = tls.and_then(|tls| tls.crl.as_ref()).map(|crl| ("tls.crl", crl));
        let tls = tls.map(|tls| [("tls.ca", &tls.ca), ("tls.cert", &tls.cert), ("tls.key", &tls.key)]);
        let paths = [("vault_key", &self.vault_key), ("data", &self.data)].into_iter();
        let mut paths = paths.chain(tls.into_iter().flatten()).chain(crl);
        paths.find(|(_, path)| is_secret(path)).map(|(key, _)| key)
    }

    /// Checks the keys and loads the places and rules that they name.
    pub(super) fn check(self, source: &Source) -> Result<ServerConfig, ConfigError> {
        if let Some(key) = self.secret_for_path() {
            let what = format!("`{key}` holds a secret, not the path of a file");
            let advice = "write it into a file of its own, mode 0600, and name that";
            return Err(source.error(None, what, advice));
        }
        let transport = Transport::of(self.tls, self.plaintext_loopback.as_ref(), &self.listen, source)?;
        let limits = Limits::of(self.limits, source)?;
        let log = LogConfig::of(self.log, source)?;
        let alarms = Alarms::of(self.alarms, source)?;
        let regions_path = source.resolve(&self.regions.unwrap_or_else(|| PathBuf::from("regions.toml")));
        let rulebooks_path = source.resolve(&self.rulebooks.unwrap_or_else(|| PathBuf::from("rulebooks")));
        let regions = regions::load(&regions_path)?;
        let callers = self.callers.check(&regions.directory, source)?;
        let rulebook = rulebook::load(&rulebooks_path, &regions.directory)?;
        Ok(ServerConfig {
            listen: self.listen.into_inner(),
            data: source.resolve(&self.data),
            vault_key: source.resolve(&self.vault_key),
            regions_path,
            regions,
            rulebooks_path,
            rulebook,
            transport,
            limits,
            reflection: self.reflection,
            log,
            alarms,
            civil_start: civil_start(self.civil_start, source)?,
            callers,
        })
    }
}

/// A made-up clock: of a development build alone, and within the years that documents of the field can have.
fn civil_start(moment: Option<Spanned<Moment>>, source: &Source) -> Result<Option<Civil>, ConfigError> {
    let Some(moment) = moment else { return Ok(None) };
    let wrong = |what: &str, then: &str| source.error(Some(moment.span()), what.to_owned(), then);
    if !cfg!(feature = "dev") {
        let then = "leave it out: this server's clock is the machine's";
        return Err(wrong("`civil_start` is for development builds alone", then));
    }
    // Asia/Shanghai, as the file has it.
    let years = Civil(1_577_808_000_000)..Civil(4_102_416_000_000);
    if !years.contains(&moment.get_ref().0) {
        return Err(wrong("`civil_start` lies outside the years 2020 to 2100", "correct it"));
    }
    Ok(Some(moment.get_ref().0))
}
