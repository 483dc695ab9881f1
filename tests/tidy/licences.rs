//! What `deny.toml` allows, of the tree that is really built: `cargo deny` reads the same file and checks more, but has
//! to be installed.

use super::source::{project, read};
use serde_json::Value;
use spdx::{Expression, ParseMode};
use std::process::Command;

/// All packages that a server on Linux, its tests and its build are made of.
fn packages() -> Vec<Value> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version=1", "--filter-platform=x86_64-unknown-linux-gnu"])
        .current_dir(project())
        .output()
        .expect("cargo runs");
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let all: Value = serde_json::from_slice(&metadata.stdout).expect("JSON");
    all["packages"].as_array().expect("packages").clone()
}

#[test]
fn every_dependency_has_an_allowed_licence_and_comes_from_crates_io() {
    let rules: toml::Table = read("deny.toml").parse().expect("TOML");
    let allowed = rules["licenses"]["allow"].as_array().expect("a list");
    let allowed = |name: &str| allowed.iter().any(|it| it.as_str() == Some(name));
    let packages = packages();
    assert!(packages.len() > 100, "{} packages", packages.len());
    for package in &packages {
        let (name, licence) = (&package["name"], package["license"].as_str().unwrap_or_default());
        let expression = Expression::parse_mode(licence, ParseMode::LAX);
        let expression = expression.unwrap_or_else(|error| panic!("{name}: {licence:?}: {error}"));
        let fits = expression
            .evaluate(|it| it.addition.is_none() && it.license.id().is_some_and(|id| allowed(id.name)));
        assert!(fits, "{name} has the licence {licence}, which deny.toml does not allow");
        let source = package["source"].as_str();
        let ours = package["name"] == "gongji";
        assert!(
            ours || source == Some("registry+https://github.com/rust-lang/crates.io-index"),
            "{name}: {source:?}"
        );
    }
}
