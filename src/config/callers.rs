//! Who may call beside apps: operators, platforms and finance persons, by what their certificates say. A list that is
//! there counts; without one, whoever has such a certificate of an authority that is believed may call.

use crate::config::error::ConfigError;
use crate::config::source::Source;
use crate::config::value::ProvinceText;
use crate::domain::value::{ProvinceCode, RegionDirectory};
use std::collections::BTreeSet;
use toml::Spanned;

/// The lists. None: the list is not in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callers {
    /// `operators`: NAMEs of `urn:gongji:operator:NAME`.
    pub operators: Option<BTreeSet<String>>,
    /// `platforms`: NN of `urn:gongji:platform:NN`.
    pub platforms: Option<BTreeSet<ProvinceCode>>,
    /// `finance`: "NN:NAME" of `urn:gongji:finance:NN:NAME`.
    pub finance: Option<BTreeSet<(ProvinceCode, String)>>,
}

impl Callers {
    /// What people should know of lists that are not there.
    pub fn warnings(&self) -> Vec<String> {
        let lists = [
            ("operators", "operator:NAME", self.operators.is_none()),
            ("platforms", "platform:NN", self.platforms.is_none()),
            ("finance", "finance:NN:NAME", self.finance.is_none()),
        ];
        let absent = lists.into_iter().filter(|(_, _, absent)| *absent);
        let told = |(list, role, _)| {
            format!(
                "no list `{list}` is configured: every certificate urn:gongji:{role} of our authorities counts"
            )
        };
        absent.map(told).collect()
    }
}

/// A list as it stands in a file.
pub(super) type List<T> = Option<Spanned<Vec<Spanned<T>>>>;

/// The same keys as they stand in a file.
pub(super) struct CallersFile {
    pub(super) operators: List<String>,
    pub(super) platforms: List<ProvinceText>,
    pub(super) finance: List<String>,
}

impl CallersFile {
    /// The lists: none is empty, provinces are known, names can stand in a certificate, nobody is listed twice.
    pub(super) fn check(self, regions: &RegionDirectory, source: &Source) -> Result<Callers, ConfigError> {
        let place = |code: ProvinceCode| {
            let known = regions.province(code).is_some();
            known.then_some(code).ok_or_else(|| format!("province {code} is not in the table of places"))
        };
        let operator =
            |text: &String| name(text).ok_or_else(|| format!("{text:?} cannot be an operator's NAME"));
        let finance = |text: &String| {
            let parts =
                text.split_once(':').and_then(|(code, rest)| Some((ProvinceCode::parse(code)?, name(rest)?)));
            let (code, name) = parts.ok_or_else(|| format!("{text:?} is not of the form \"51:NAME\""))?;
            Ok((place(code)?, name))
        };
        Ok(Callers {
            operators: listed("operators", self.operators, operator, source)?,
            platforms: listed("platforms", self.platforms, |text| place(text.0), source)?,
            finance: listed("finance", self.finance, finance, source)?,
        })
    }
}

/// A list that has something in it, if it is there.
fn listed<T, V: Ord>(
    key: &str,
    list: List<T>,
    read: impl Fn(&T) -> Result<V, String>,
    source: &Source,
) -> Result<Option<BTreeSet<V>>, ConfigError> {
    let Some(list) = list else { return Ok(None) };
    filled(key, &list, source)?;
    let mut found = BTreeSet::new();
    for entry in list.get_ref() {
        let wrong =
            |what: String, advice| source.error(Some(entry.span()), format!("`{key}`: {what}"), advice);
        let value =
            read(entry.get_ref()).map_err(|what| wrong(what, "correct it, as the certificate says it"))?;
        if !found.insert(value) {
            return Err(wrong("listed twice".to_owned(), "keep one entry for each"));
        }
    }
    Ok(Some(found))
}

/// An empty list may mean nobody or everybody: neither is guessed.
pub(super) fn filled<T>(key: &str, list: &Spanned<Vec<T>>, source: &Source) -> Result<(), ConfigError> {
    if list.get_ref().is_empty() {
        let what = format!("`{key}` is an empty list");
        return Err(source.error(Some(list.span()), what, "list what is meant, or leave the key out"));
    }
    Ok(())
}

/// A NAME as it can stand in a certificate: 1 to 64 of a–z, 0–9 and "-".
pub(super) fn name(text: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    ((1..=64).contains(&text.len()) && text.bytes().all(fits)).then(|| text.to_owned())
}
