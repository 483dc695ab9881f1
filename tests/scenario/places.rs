//! Every place with rules of its own stands in the table of `docs/operate/rulebooks.md`, with a scenario that shows
//! them.

use super::project;
use std::collections::BTreeSet;
use std::fs;

/// What the links of a line lead to, as far as it stands in this folder: names of files.
fn linked<'a>(line: &'a str, folder: &str) -> Vec<&'a str> {
    let after = line.split("](../../").skip(1).filter_map(|rest| rest.split(')').next());
    after.filter_map(|target| target.strip_prefix(folder)?.strip_prefix('/')).collect()
}

#[test]
fn every_place_with_rules_of_its_own_has_its_row_and_its_scenario() {
    let read = |path: &str| fs::read_to_string(project().join(path)).expect(path);
    let folder = fs::read_dir(project().join("deploy/rulebooks")).expect("the rulebooks");
    let names = folder.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned());
    let differs = |name: &String| {
        name != "national.toml" && read(&format!("deploy/rulebooks/{name}")).contains("[[version]]")
    };
    let differing: BTreeSet<String> = names.filter(differs).collect();
    let page = read("docs/operate/rulebooks.md");
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.contains(".toml]("));
    let mut listed = BTreeSet::new();
    for row in rows {
        let (files, scenarios) = (linked(row, "deploy/rulebooks"), linked(row, "tests/scenario"));
        let ([file], [scenario]) = (files.as_slice(), scenarios.as_slice()) else {
            panic!("a place has one file and one scenario: {row}")
        };
        let text = read(&format!("deploy/rulebooks/{file}"));
        let code = file.trim_end_matches(".toml").rsplit('-').next().expect("a code");
        assert!(read(&format!("tests/scenario/{scenario}")).contains(code), "{scenario} is not about {code}");
        assert_eq!(row.contains("EXAMPLE"), text.contains("\"EXAMPLE\""), "{row}");
        listed.insert((*file).to_owned());
    }
    assert_eq!(
        listed, differing,
        "left: the table; right: the files that say more than that nothing differs"
    );
}
