//! The applications that may call, and what each may do. An application is known by its certificate,
//! `urn:gongji:app:NAME`; one that is not listed may do nothing.

use crate::config::callers::{self, filled};
use crate::config::error::ConfigError;
use crate::config::source::Source;
use crate::config::value::ProvinceText;
use crate::domain::value::{ProvinceCode, RegionDirectory};
use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;
use toml::Spanned;

/// Methods of the hub's TransferService that an application can be given.
pub const HUB_METHODS: &[&str] = &[
    "CreateTransfer",
    "CheckTransfer",
    "SubmitTransfers",
    "GetTransfer",
    "BatchGetTransfers",
    "ListTransfers",
    "WatchTransfers",
    "AcceptTransfer",
    "DeclineTransfer",
];

/// Methods of a node's WalletService that an application can be given.
pub const NODE_METHODS: &[&str] = &["OpenWallet", "GetWallet", "ListEntries", "GetStatement"];

/// The provinces for which an application may act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provinces {
    /// All of them, also those that are added later.
    All,
    /// These.
    Listed(BTreeSet<ProvinceCode>),
}

impl Provinces {
    /// Whether the application may act for `province`.
    pub fn contains(&self, province: ProvinceCode) -> bool {
        match self {
            Provinces::All => true,
            Provinces::Listed(listed) => listed.contains(&province),
        }
    }
}

/// An application at the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubApp {
    /// `name`: NAME of its certificate; 1 to 64 of a–z, 0–9 and "-". Required.
    pub name: String,
    /// `provinces`: those for which it may act, ["13", "14"] or "*". Required.
    pub provinces: Provinces,
    /// `methods`: what it may call, of [`HUB_METHODS`]. Default: all of them.
    pub methods: BTreeSet<String>,
}

/// An application at a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeApp {
    /// `name`: NAME of its certificate; 1 to 64 of a–z, 0–9 and "-". Required.
    pub name: String,
    /// `methods`: what it may call, of [`NODE_METHODS`]. Default: all of them.
    pub methods: BTreeSet<String>,
}

/// `provinces` as it stands in a file.
enum ProvincesFile {
    All,
    Listed(Vec<Spanned<ProvinceText>>),
}

impl<'de> Deserialize<'de> for ProvincesFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ProvincesFile, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = ProvincesFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"*\" or a list of provinces, [\"13\", \"14\"]")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ProvincesFile, E> {
                if text == "*" {
                    return Ok(ProvincesFile::All);
                }
                Err(E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<ProvincesFile, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(ProvincesFile::Listed)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// An entry of the hub's `[[apps]]` as it stands in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HubAppFile {
    name: Spanned<String>,
    provinces: Spanned<ProvincesFile>,
    methods: Option<Spanned<Vec<Spanned<String>>>>,
}

/// An entry of a node's `[[apps]]` as it stands in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeAppFile {
    name: Spanned<String>,
    methods: Option<Spanned<Vec<Spanned<String>>>>,
}

/// The applications of a hub: names once, provinces and methods known.
pub(super) fn hub_apps(
    entries: Option<&Spanned<Vec<HubAppFile>>>,
    regions: &RegionDirectory,
    source: &Source,
) -> Result<Vec<HubApp>, ConfigError> {
    let mut names = BTreeSet::new();
    let app = |entry: &HubAppFile| {
        Ok(HubApp {
            name: name(&entry.name, &mut names, source)?,
            provinces: provinces(&entry.provinces, regions, source)?,
            methods: methods(entry.methods.as_ref(), HUB_METHODS, source)?,
        })
    };
    entries_of(entries, source)?.iter().map(app).collect()
}

/// The applications of a node: names once, methods known.
pub(super) fn node_apps(
    entries: Option<&Spanned<Vec<NodeAppFile>>>,
    source: &Source,
) -> Result<Vec<NodeApp>, ConfigError> {
    let mut names = BTreeSet::new();
    let app = |entry: &NodeAppFile| {
        Ok(NodeApp {
            name: name(&entry.name, &mut names, source)?,
            methods: methods(entry.methods.as_ref(), NODE_METHODS, source)?,
        })
    };
    entries_of(entries, source)?.iter().map(app).collect()
}

fn entries_of<'a, T>(entries: Option<&'a Spanned<Vec<T>>>, source: &Source) -> Result<&'a [T], ConfigError> {
    let Some(entries) = entries else { return Ok(&[]) };
    filled("apps", entries, source)?;
    Ok(entries.get_ref())
}

fn name(
    name: &Spanned<String>,
    names: &mut BTreeSet<String>,
    source: &Source,
) -> Result<String, ConfigError> {
    let text = name.get_ref();
    if callers::name(text).is_none() {
        let what = format!("`name`: {text:?} cannot be in a certificate's urn:gongji:app:NAME");
        return Err(source.error(
            Some(name.span()),
            what,
            "use 1 to 64 of a-z, 0-9, \"-\", as certificates do",
        ));
    }
    if !names.insert(text.clone()) {
        let what = format!("app {text:?} is listed twice");
        return Err(source.error(Some(name.span()), what, "keep one entry for each app"));
    }
    Ok(text.clone())
}

fn provinces(
    file: &Spanned<ProvincesFile>,
    regions: &RegionDirectory,
    source: &Source,
) -> Result<Provinces, ConfigError> {
    let ProvincesFile::Listed(listed) = file.get_ref() else {
        return Ok(Provinces::All);
    };
    if listed.is_empty() {
        let what = "`provinces` is an empty list";
        return Err(source.error(Some(file.span()), what, "list what is meant, or write \"*\" for all"));
    }
    if let Some(unknown) = listed.iter().find(|province| regions.province(province.get_ref().0).is_none()) {
        let what = format!("province {} is not in the table of places", unknown.get_ref().0);
        return Err(source.error(
            Some(unknown.span()),
            what,
            "correct `provinces`, or add it to regions.toml",
        ));
    }
    Ok(Provinces::Listed(listed.iter().map(|province| province.get_ref().0).collect()))
}

fn methods(
    listed: Option<&Spanned<Vec<Spanned<String>>>>,
    known: &[&str],
    source: &Source,
) -> Result<BTreeSet<String>, ConfigError> {
    let Some(listed) = listed else {
        return Ok(known.iter().map(|method| (*method).to_owned()).collect());
    };
    filled("methods", listed, source)?;
    let listed = listed.get_ref();
    if let Some(unknown) = listed.iter().find(|method| !known.contains(&method.get_ref().as_str())) {
        let what = format!("`methods`: {:?} is no method that an app can be given", unknown.get_ref());
        return Err(source.error(Some(unknown.span()), what, &format!("use {}", known.join(", "))));
    }
    Ok(listed.iter().map(|method| method.get_ref().clone()).collect())
}
