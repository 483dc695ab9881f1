//! `gongji config-check`: loads configuration as a server would at its start, and says what stands in it.

use crate::cli::Exit;
use crate::cli::any_store::AnySnapshot;
use crate::cli::backup::place::fits;
use crate::cli::output::{note, say};
use crate::config::regions::{self, LoadedRegions};
use crate::config::transport::{TlsFiles, Transport};
use crate::config::{ConfigError, HubConfig, NodeConfig, ServerConfig, rulebook};
use crate::privacy::key::VaultKey;
use crate::store::sqlite;
use crate::transport::identity::Role;
use crate::transport::material::seconds_now;
use crate::transport::tls::Tls;
use std::path::{Path, PathBuf};

/// Arguments.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub struct Args {
    /// A hub's file, with the places and rules that it names
    #[arg(long, value_name = "FILE", group = "what")]
    hub: Option<PathBuf>,
    /// A node's file, with the places and rules that it names
    #[arg(long, value_name = "FILE", group = "what")]
    node: Option<PathBuf>,
    /// A table of places
    #[arg(long, value_name = "FILE", group = "what")]
    regions: Option<PathBuf>,
    /// A folder of rulebooks; places are those of --regions, else of regions.toml beside the folder
    #[arg(long, value_name = "DIR", group = "what")]
    rulebooks: Option<PathBuf>,
}

/// `gongji config-check`.
pub fn config_check(args: &Args) -> Exit {
    let regions = |path: &Path| Ok(Found::fine(places(&load_regions(path)?)));
    let rulebooks = |path: &Path| check_rulebooks(path, args.regions.as_deref()).map(Found::fine);
    let exits = [
        check(args.hub.as_deref(), check_hub),
        check(args.node.as_deref(), check_node),
        check(args.regions.as_deref(), regions),
        check(args.rulebooks.as_deref(), rulebooks),
    ];
    exits.into_iter().find(|exit| *exit != Exit::Done).unwrap_or(Exit::Done)
}

/// What stands in a file that can be used.
struct Found {
    summary: String,
    /// What people should know, though a server starts.
    warnings: Vec<String>,
}

impl Found {
    fn fine(summary: String) -> Found {
        Found { summary, warnings: Vec::new() }
    }
}

/// Checks a path if it was given: a summary and warnings, or the one line of its mistake.
fn check(path: Option<&Path>, load: impl Fn(&Path) -> Result<Found, String>) -> Exit {
    let Some(path) = path else { return Exit::Done };
    match load(path) {
        Ok(Found { summary, warnings }) => {
            say(format!("OK {}: {summary}", path.display()));
            warnings.iter().for_each(|warning| note(format!("gongji: warning: {warning}")));
            Exit::Done
        }
        Err(line) => {
            note(format!("gongji: {line}"));
            Exit::Usage
        }
    }
}

fn line(error: ConfigError) -> String {
    error.to_string()
}

fn load_regions(path: &Path) -> Result<LoadedRegions, String> {
    regions::load(path).map_err(line)
}

fn places(loaded: &LoadedRegions) -> String {
    let (provinces, areas) = (loaded.directory.provinces().count(), loaded.directory.areas().count());
    format!("{provinces} provinces, {areas} pooling areas, table {}", loaded.version)
}

fn check_rulebooks(folder: &Path, places: Option<&Path>) -> Result<String, String> {
    let beside = folder.parent().unwrap_or(Path::new("")).join("regions.toml");
    let directory = load_regions(places.unwrap_or(&beside))?.directory;
    let book = rulebook::load(folder, &directory).map_err(line)?;
    Ok(format!("{} different sets of rules", book.texts().count()))
}

fn check_hub(path: &Path) -> Result<Found, String> {
    let config = HubConfig::load(path).map_err(line)?;
    let Found { summary, warnings } = server(&config.server, &Role::Hub)?;
    let nodes: Vec<String> = config.nodes.iter().map(|node| node.province.to_string()).collect();
    let apps: Vec<&str> = config.apps.iter().map(|app| app.name.as_str()).collect();
    let years: Vec<String> = config.working_days.years().map(|year| year.to_string()).collect();
    let (nodes, apps, years) = (listed(&nodes), listed(&apps), listed(&years));
    let summary = format!("hub, {summary}; nodes {nodes}; apps {apps}; working days of {years}");
    Ok(Found { summary, warnings })
}

fn check_node(path: &Path) -> Result<Found, String> {
    let config = NodeConfig::load(path).map_err(line)?;
    let Found { summary, warnings } = server(&config.server, &Role::Node(config.province))?;
    let apps: Vec<&str> = config.apps.iter().map(|app| app.name.as_str()).collect();
    let (province, hub) = (config.province, config.hub);
    let summary = format!("node of province {province}, {summary}; hub {hub}; apps {}", listed(&apps));
    Ok(Found { summary, warnings })
}

fn listed<T: AsRef<str>>(names: &[T]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" ")
}

fn server(config: &ServerConfig, role: &Role) -> Result<Found, String> {
    let trust = match &config.transport {
        Transport::PlaintextLoopback => Found::fine("PLAINTEXT".to_owned()),
        Transport::Tls(files) => certificates(files, role)?,
    };
    let sets = config.rulebook.texts().count();
    let (places, trusted, key) = (places(&config.regions), trust.summary, vault_key(config)?);
    let summary =
        format!("listens on {}, {trusted}; {places}; {sets} different sets of rules; {key}", config.listen);
    let unlisted = unlisted(config)?;
    Ok(Found { summary, warnings: [trust.warnings, config.callers.warnings(), unlisted].concat() })
}

/// What stands in areas that the table of places does not list any more.
fn unlisted(config: &ServerConfig) -> Result<Vec<String>, String> {
    if !sqlite::exists(&config.data) {
        return Ok(Vec::new());
    }
    let (data, places) = (&config.data, &config.regions.directory);
    let found = AnySnapshot::open(data).and_then(|store| store.unlisted(places));
    let found = found.map_err(|error| format!("{}: {error}", data.display()))?;
    let line = || format!("in areas that are not listed stand {found}. 以下区划已不在区划表中");
    Ok((!found.is_empty()).then(line).into_iter().collect())
}

/// A server would not start with another store's key. Where there is no store yet, it takes what it is given.
fn vault_key(config: &ServerConfig) -> Result<String, String> {
    let path = &config.vault_key;
    let has_store = sqlite::exists(&config.data);
    match (has_store, path.exists()) {
        (false, false) => return Ok("the vault's key is made at the first start".to_owned()),
        (true, false) => {
            return Ok(format!(
                "the vault's key ({}) is not there: bring it before the start",
                path.display()
            ));
        }
        (_, true) => {}
    }
    let key = VaultKey::load(path).map_err(|error| error.to_string())?;
    if !has_store {
        return Ok(format!("vault key {}", key.current()));
    }
    let mut store =
        AnySnapshot::open(&config.data).map_err(|error| format!("{}: {error}", config.data.display()))?;
    fits(&key, path, &mut store).map_err(|failure| failure.to_string())?;
    Ok(format!("vault key {} fits the store", key.current()))
}

/// A server would not start with unfit certificates. Missing ones are said, but no mistake of the file.
fn certificates(files: &TlsFiles, role: &Role) -> Result<Found, String> {
    let required = [&files.ca, &files.cert, &files.key];
    if let Some(path) = required.into_iter().chain(&files.crl).find(|path| !path.exists()) {
        return Ok(Found::fine(format!(
            "TLS ({} is not there yet: make it before the start)",
            path.display()
        )));
    }
    let tls = Tls::load_server(files, role).map_err(|error| error.to_string())?;
    let (now, terms) = (seconds_now(), tls.terms());
    let near = terms.iter().filter(|term| term.nearness(now).is_some());
    let warnings = near.map(|term| term.said(now)).collect();
    let days = terms.iter().map(|term| term.days_left(now)).min().unwrap_or(0);
    Ok(Found { summary: format!("TLS for {days} more days"), warnings })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devkit::dev_ca;
    use std::fs;

    fn deploy(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
    }

    /// Why a hub does not start with this file.
    fn refused(path: &Path) -> String {
        check_hub(path).map(|found| found.summary).unwrap_err()
    }

    fn nothing() -> Args {
        Args { hub: None, node: None, regions: None, rulebooks: None }
    }

    #[test]
    fn the_examples_are_fine() {
        let args = Args {
            hub: Some(deploy("hub.toml")),
            node: Some(deploy("node-13.toml")),
            regions: Some(deploy("regions.toml")),
            rulebooks: Some(deploy("rulebooks")),
        };
        assert_eq!(config_check(&args), Exit::Done);
        let summary = check_hub(&deploy("hub.toml")).unwrap().summary;
        assert!(summary.contains("working days of none"), "{summary}");
        assert!(summary.contains("nodes 13 51") && summary.contains("32 provinces"), "{summary}");
        assert!(check_rulebooks(&deploy("rulebooks"), None).is_ok(), "places beside the folder are found");
    }

    #[test]
    fn one_mistake_is_one_line_and_exit_64() {
        let args = Args { hub: Some(deploy("node-13.toml")), ..nothing() };
        assert_eq!(config_check(&args), Exit::Usage);
        let line = refused(&deploy("node-13.toml"));
        assert!(line.contains("node-13.toml:") && !line.contains('\n'), "{line}");
        let args = Args { regions: Some(PathBuf::from("/nowhere/regions.toml")), ..nothing() };
        assert_eq!(config_check(&args), Exit::Usage);
    }

    #[test]
    fn what_a_server_would_not_start_with_is_found_before_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        dev_ca::init(dir).unwrap();
        let node = Role::Node(crate::domain::value::region::ProvinceCode::new(13));
        let made = dev_ca::issue(dir, &node, &[]).unwrap();
        let text = format!(
            "listen = \"127.0.0.1:0\"\ndata = \"d\"\nvault_key = \"k\"\nregions = {:?}\nrulebooks = {:?}\n\
             [tls]\nca = \"ca.pem\"\ncert = {:?}\nkey = {:?}\n",
            deploy("regions.toml"),
            deploy("rulebooks"),
            made.cert,
            made.key
        );
        let path = dir.join("hub.toml");
        fs::write(&path, &text).unwrap();
        let line = refused(&path);
        assert!(line.contains("urn:gongji:node:13") && line.contains("urn:gongji:hub"), "{line}");
        fs::write(&path, text.replace("ca.pem", "node-13.pem")).unwrap();
        let line = refused(&path);
        assert!(line.contains("node-13.pem: CN=urn:gongji:node:13 is no authority"), "{line}");
    }
}
