//! What rule texts say at a day, each value with its grade, its source and the file and version that set it. Reads the
//! texts alone, so that it explains texts of last year, and keys that this program does not know, as well as today's.

use crate::domain::rules::rulebook::RuleLayer;
use crate::domain::value::Day;
use serde::Serialize;
use std::collections::BTreeMap;
use toml::{Table, Value};

/// One rule's value on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Key of the rule.
    #[serde(rename = "rule")]
    pub key: String,
    /// Its value as people read it.
    pub value: String,
    /// Trust in the source.
    pub grade: String,
    /// The source in words.
    pub source: String,
    /// The file that set it.
    pub file: String,
    /// First day of the version that set it.
    pub effective_from: String,
}

/// A text that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {what}")]
pub struct Unreadable {
    /// Path of the file.
    pub file: String,
    /// What is wrong with it.
    pub what: String,
}

/// Every value that `layers` (the nation's text first) set on `day`, by key. As in the rulebook itself, the first
/// national version also stands for the days before it.
pub fn settings(layers: &[RuleLayer], day: Day) -> Result<Vec<Setting>, Unreadable> {
    let mut settings = BTreeMap::new();
    for (at, layer) in layers.iter().enumerate() {
        let unreadable = |what: String| Unreadable { file: layer.name.to_string(), what };
        let table: Table =
            toml::from_str(&layer.text).map_err(|error| unreadable(error.message().to_owned()))?;
        let versions = table.get("version").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (number, version) in versions.iter().filter_map(Value::as_table).enumerate() {
            let from = version.get("effective_from").and_then(Value::as_str).unwrap_or_default();
            let begins = Day::parse(from).ok_or_else(|| unreadable(format!("no day: {from:?}")))?;
            if begins <= day || (at, number) == (0, 0) {
                settings.extend(of_version(version, &layer.name, from).map(|it| (it.key.clone(), it)));
            }
        }
    }
    Ok(settings.into_values().collect())
}

fn of_version<'a>(version: &'a Table, file: &'a str, from: &'a str) -> impl Iterator<Item = Setting> + 'a {
    version.iter().filter_map(move |(key, cited)| {
        let cited = cited.as_table()?;
        let words = |name: &str| {
            let text = cited.get(name).and_then(Value::as_str).unwrap_or_default();
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        Some(Setting {
            key: key.clone(),
            value: shown(cited.get("value")?),
            grade: words("grade"),
            source: words("source"),
            file: file.to_owned(),
            effective_from: from.to_owned(),
        })
    })
}

/// A value without TOML's marks; "none" for an empty list.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) if list.is_empty() => "none".to_owned(),
        Value::Array(list) => list.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(name: &str, text: &str) -> RuleLayer {
        RuleLayer { name: name.into(), text: text.into() }
    }

    #[test]
    fn each_value_tells_where_it_comes_from() {
        let cited = |key: &str, value: &str, grade: &str, source: &str| {
            format!("{key} = {{ value = {value}, grade = \"{grade}\", source = \"{source}\" }}\n")
        };
        let version = |day: &str| format!("[[version]]\neffective_from = \"{day}\"\n");
        let first = [
            version("2024-12-02"),
            cited("floor", "\"0.00\"", "INF", "n"),
            cited("kinds", "[\"a\", \"b\"]", "A", "x\\n y"),
            cited("none", "[]", "A", ""),
        ];
        let later = version("2026-01-01") + &cited("floor", "\"7.00\"", "A", "later");
        let national = layer("national.toml", &(first.concat() + &later));
        let own = version("2025-06-01") + &cited("floor", "\"5.00\"", "C", "p");
        let place = layer("p-13.toml", &("province = \"13\"\n".to_owned() + &own));
        let day = |text| Day::parse(text).unwrap();
        let on = |text, key: &str| {
            let all = settings(&[national.clone(), place.clone()], day(text)).unwrap();
            all.into_iter().find(|it| it.key == key).unwrap()
        };
        let floor = on("2026-11-21", "floor");
        let said = [&floor.value, &floor.grade, &floor.source, &floor.file, &floor.effective_from];
        assert_eq!(
            said,
            ["5.00", "C", "p", "p-13.toml", "2025-06-01"],
            "a place stands above later national rules"
        );
        assert_eq!(on("2025-05-31", "floor").value, "0.00");
        assert_eq!(
            on("2020-01-01", "floor").value,
            "0.00",
            "the first version stands for the days before it"
        );
        assert_eq!(
            (on("2026-11-21", "kinds").value.as_str(), on("2026-11-21", "kinds").source.as_str()),
            ("a, b", "x y")
        );
        assert_eq!(on("2026-11-21", "none").value, "none");
        assert_eq!(settings(&[national], day("2026-01-01")).unwrap()[0].value, "7.00");
    }

    #[test]
    fn a_text_that_is_no_rules_is_said_to_be_so() {
        let bad = settings(&[layer("x.toml", "= 1")], Day::parse("2026-01-01").unwrap());
        assert_eq!(bad.unwrap_err().file, "x.toml");
    }
}
