//! The arrow of layers and the purity of the core.

use super::source::{Source, block_end, sources};
use std::collections::{BTreeMap, BTreeSet};

/// What each part of the crate may use beside itself. Each layer what stands to its right, never back; the leaves
/// (config, telemetry, privacy, proto) are not for the layers that the simulator runs.
const ARROW: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    ("lib", &[]),
    (
        "cli",
        &[
            "server",
            "sim",
            "devkit",
            "transport",
            "wire",
            "engine",
            "store",
            "domain",
            "config",
            "telemetry",
            "privacy",
            "durable",
            "proto",
        ],
    ),
    (
        "server",
        &["transport", "wire", "engine", "store", "domain", "config", "telemetry", "privacy", "proto"],
    ),
    ("sim", &["testkit", "engine", "store", "domain", "privacy"]),
    ("testkit", &["engine", "store", "domain"]),
    (
        "devkit",
        &["server", "transport", "wire", "store", "domain", "config", "telemetry", "privacy", "proto"],
    ),
    ("transport", &["wire", "domain", "config", "telemetry", "privacy", "proto"]),
    ("wire", &["store", "domain", "config", "telemetry", "privacy", "proto"]),
    ("engine", &["store", "domain"]),
    ("store", &["durable", "domain"]),
    ("domain", &[]),
    ("config", &["domain"]),
    ("telemetry", &["domain", "config"]),
    ("privacy", &["durable", "domain"]),
    ("durable", &[]),
    ("proto", &["domain"]),
];

/// What tests of any layer may use.
const TOOLS: &[&str] = &["testkit", "devkit"];

/// The part of the crate that a file belongs to, and how deep its module is in the crate.
fn part_of(source: &Source) -> (String, usize) {
    let path = source.path.strip_prefix("src/").expect("of the library");
    let path = path.strip_suffix(".rs").expect("a Rust file");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    let part = path.split('/').next().expect("a part");
    (part.strip_suffix("_tests").unwrap_or(part).to_owned(), path.split('/').count())
}

/// The first names after `root` (`crate::`, in the binary `gongji::`), groups in braces included.
fn parts_used(root: &str, code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for (at, _) in code.match_indices(root) {
        let is_path = code[..at].chars().next_back().is_none_or(|one| !one.is_alphanumeric() && one != '_');
        let rest = &code[at + root.len()..];
        if is_path && rest.starts_with('{') {
            used.extend(first_names(&rest[1..block_end(rest) - 1]));
        } else if is_path {
            used.extend(first_name(rest));
        }
    }
    used
}

fn first_name(text: &str) -> Option<String> {
    let name: String =
        text.trim_start().chars().take_while(|one| one.is_alphanumeric() || *one == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// The first name of each item of a group.
fn first_names(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut items = vec![String::new()];
    for one in group.chars() {
        match one {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => items.push(String::new()),
            _ => {}
        }
        if let Some(item) = items.last_mut().filter(|_| one != ',' || depth > 0) {
            item.push(one);
        }
    }
    items.iter().filter_map(|item| first_name(item)).collect()
}

#[test]
fn each_layer_uses_only_what_stands_to_its_right() {
    let parts: BTreeSet<&str> = ARROW.iter().map(|(part, _)| *part).collect();
    let mut wrong = Vec::new();
    for source in sources(&["src"]) {
        let (part, depth) = part_of(&source);
        let Some((_, allowed)) = ARROW.iter().find(|(name, _)| *name == part) else {
            wrong.push(format!("{}: the arrow does not know `{part}`", source.path));
            continue;
        };
        let root = if part == "main" { "gongji::" } else { "crate::" };
        for used in parts_used(root, &source.code) {
            let is_part = parts.contains(used.as_str());
            let is_tool_of_a_test = source.is_test() && TOOLS.contains(&used.as_str());
            if is_part && used != part && !allowed.contains(&used.as_str()) && !is_tool_of_a_test {
                wrong.push(format!("{}: {part} must not use {used}", source.path));
            }
        }
        // `super` must not lead out of the part, where the arrow is not looked at.
        let up = "super::".repeat(depth);
        if source.code_without_tests().contains(&up) && part != "lib" && !source.is_test() {
            wrong.push(format!("{}: `super` leads out of {part}", source.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What each folder of the core may use beside itself. Only what stands above it, so that there is no circle.
const CORE: &[(&str, &[&str])] = &[
    ("value", &[]),
    ("reason", &["value"]),
    ("protocol", &["value", "reason"]),
    ("rules", &["value", "reason", "protocol"]),
    ("kinds", &["value", "protocol", "rules"]),
    ("machine", &["value", "reason", "protocol"]),
    ("hub", &["value", "reason", "protocol", "rules", "kinds", "machine"]),
    ("node", &["value", "reason", "protocol", "rules", "kinds", "machine"]),
    ("audit", &["value", "protocol", "kinds", "machine", "hub", "node"]),
];

#[test]
fn no_folder_of_the_core_uses_one_that_stands_below_it() {
    let known: Vec<&str> = CORE.iter().map(|(folder, _)| *folder).collect();
    let mut graph: BTreeMap<&str, BTreeSet<String>> = known.iter().map(|it| (*it, BTreeSet::new())).collect();
    let mut wrong = Vec::new();
    for source in sources(&["src/domain"]).into_iter().filter(|source| !source.is_test()) {
        let path = source.path.strip_prefix("src/domain/").expect("of the core");
        if path == "mod.rs" {
            continue;
        }
        let folder = path.split('/').next().expect("a folder");
        match graph.get_mut(folder) {
            Some(uses) => uses.extend(parts_used("crate::domain::", &source.code_without_tests())),
            None => wrong.push(format!("{}: the graph does not know `{folder}`", source.path)),
        }
    }
    for (at, (folder, allowed)) in CORE.iter().enumerate() {
        let uses: Vec<&String> = graph[folder].iter().filter(|it| it != folder).collect();
        println!("{folder} → {}", uses.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(", "));
        wrong.extend(
            uses.iter()
                .filter(|it| !allowed.contains(&it.as_str()))
                .map(|it| format!("{folder} must not use {it}")),
        );
        let below = allowed.iter().filter(|it| !known[..at].contains(it));
        wrong.extend(below.map(|it| format!("{it} stands below {folder}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Words that no code of the core contains: no network, no SQL, no files, no clock, no order of hashing, no floats,
/// nothing that waits, nothing random.
const IMPURE: &[&str] = &[
    "tokio",
    "tonic",
    "prost",
    "rusqlite",
    "fs",
    "net",
    "process",
    "thread",
    "SystemTime",
    "Instant",
    "HashMap",
    "HashSet",
    "f32",
    "f64",
    "async",
    "await",
    "getrandom",
    "rand",
    "tracing",
    "unsafe",
    "println",
    "eprintln",
    "now_utc",
    "now_local",
];

/// The one place that finds by hash, and never shows the order.
const HASHED: &str = "src/domain/machine/working_set.rs";

#[test]
fn the_core_is_pure() {
    let mut wrong = Vec::new();
    for source in sources(&["src/domain"]).into_iter().filter(|source| !source.is_test()) {
        let code = source.code_without_tests();
        for (number, line) in code.lines().enumerate() {
            let words = line.split(|one: char| !one.is_alphanumeric() && one != '_');
            let hashed = |word: &str| word == "HashMap" && source.path == HASHED;
            let found = words.filter(|word| IMPURE.contains(word) && !hashed(word));
            wrong.extend(found.map(|word| format!("{}:{}: {word}", source.path, number + 1)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the core is made of, beside the standard library: the bytes of records, the hash by which rows are found, texts
/// of ids, amounts, dates, errors.
const CORE_USES: &[&str] = &[
    "crate",
    "super",
    "self",
    "std",
    "borsh",
    "data_encoding",
    "foldhash",
    "sha2",
    "uuid",
    "rust_decimal",
    "thiserror",
    "time",
];

#[test]
fn the_core_uses_few_libraries() {
    let mut wrong = Vec::new();
    for source in sources(&["src/domain"]) {
        for line in source.code.lines().map(str::trim_start) {
            let path = line.strip_prefix("use ").or_else(|| line.strip_prefix("pub use "));
            let root = path.and_then(first_name);
            if let Some(root) = root.filter(|root| !CORE_USES.contains(&root.as_str()))
                && !source.is_test()
                && source.code_without_tests().contains(line)
                // An enum's or a module's own names, used inside.
                && !root.starts_with(char::is_uppercase)
                && !source.code.contains(&format!("mod {root};"))
            {
                wrong.push(format!("{}: {line}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_status_makes_a_status_of_ours() {
    let mut wrong = Vec::new();
    for source in sources(&["src/server"]).into_iter().filter(|source| !source.is_test()) {
        for made in ["Status::new(", "Status::with_details", "Status::internal(", "Status::invalid_argument("]
        {
            if source.code.contains(made) {
                wrong.push(format!("{}: {made}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_arrow_is_read_out_of_groups_too() {
    let used =
        parts_used("crate::", "use crate::{hub, node::{a, b}, telemetry as t}; crate::wire::x; subcrate::y;");
    assert_eq!(used.into_iter().collect::<Vec<_>>(), ["hub", "node", "telemetry", "wire"]);
}
