//! Scenarios: pages of Markdown that a provincial official can read, and that are the tests. `tests/scenario/README.md`
//! says what stands in them. `BLESS=1 cargo test scenario` writes into them what happens.

mod acceptance;
mod clearing;
mod compensation;
mod coverage;
mod people;
mod places;
mod rows;
mod steps;
mod suspension;
mod table;
mod wallet;
mod words;
mod world;

use gongji::config::{regions, rulebook};
use gongji::domain::reason::Reason;
use gongji::domain::rules::rulebook::Rulebook;
use gongji::domain::value::RegionDirectory;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::{env, fs};
use steps::Session;
use table::{Block, Table, blocks, replaced};
use world::World;

/// What a table may have as columns: what is done, then what comes of it.
const GIVEN: &[&str] = &["时间", "事项", "谁", "对方", "关系", "金额", "内容", "改填", "编号", "条目"];
const EXPECTED: &[&str] = &["结果", "原因", "说明", "余额"];

/// A row that was carried out as its page says.
#[derive(Clone, Debug)]
pub struct Passed {
    /// Name of the page's file.
    pub page: String,
    /// The heading above its table.
    pub title: String,
    /// Which row of that table, from 1.
    pub number: usize,
    /// Rows of the page of policy facts that it is about.
    pub about: Vec<String>,
    /// Why it was refused, if it was.
    pub reason: Option<Reason>,
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn places() -> Arc<RegionDirectory> {
    static PLACES: OnceLock<Arc<RegionDirectory>> = OnceLock::new();
    let load = || regions::load(&project().join("deploy/regions.toml")).expect("the places").directory;
    Arc::clone(PLACES.get_or_init(|| Arc::new(load())))
}

/// The rulebooks as they are deployed, and beside them the files that a page adds.
fn rules(added: &[String]) -> Arc<Rulebook> {
    let deployed = project().join("deploy/rulebooks");
    let load = |folder: &Path| Arc::new(rulebook::load(folder, &places()).expect("the rulebooks"));
    if added.is_empty() {
        static RULES: OnceLock<Arc<Rulebook>> = OnceLock::new();
        return Arc::clone(RULES.get_or_init(|| load(&deployed)));
    }
    let folder = tempfile::tempdir().expect("a folder");
    for file in fs::read_dir(&deployed).expect("the rulebooks").map(|file| file.expect("a file").path()) {
        fs::copy(&file, folder.path().join(file.file_name().expect("a name"))).expect("copied");
    }
    for text in added {
        fs::write(folder.path().join(format!("added-{}.toml", area(text))), text).expect("written");
    }
    load(folder.path())
}

/// Whose rules a file is: the code in its `area = "130200"`, which its name must end with.
fn area(text: &str) -> &str {
    let code = text.split_once("area = \"").and_then(|(_, rest)| rest.split('"').next());
    code.expect("an added file is that of an area")
}

fn pages() -> Vec<PathBuf> {
    let folder = project().join("tests/scenario");
    let files = fs::read_dir(folder).expect("the scenarios").map(|file| file.expect("a file").path());
    let is_page =
        |path: &PathBuf| path.extension().is_some_and(|it| it == "md") && !path.ends_with("README.md");
    let mut pages: Vec<PathBuf> = files.filter(is_page).collect();
    pages.sort();
    assert!(!pages.is_empty(), "there are scenarios");
    pages
}

/// A table under such a heading goes on where the one before has ended.
const GOES_ON: &str = "（续）";

/// Carries a table out: gives the rows as they came out, and what they were about.
fn carry_out(
    page: &str,
    table: &Table,
    (people, added): (&Table, &[String]),
    session: &mut Option<Session>,
) -> (Table, Vec<Passed>) {
    let known = |heading: &&String| !GIVEN.iter().chain(EXPECTED).any(|it| it == heading);
    let unknown: Vec<&String> = table.headings.iter().filter(known).collect();
    assert!(unknown.is_empty(), "{page}, {}: columns that mean nothing: {unknown:?}", table.title);
    let goes_on = table.title.ends_with(GOES_ON);
    let session = match session {
        Some(session) if goes_on => session,
        session => session.insert(begin(table, people, added)),
    };
    let (mut done, mut passed) = (table.clone(), Vec::new());
    for (number, row) in done.rows.iter_mut().enumerate() {
        let outcome = session.perform(row);
        session.world.check();
        row.set("结果", outcome.result);
        row.set("原因", outcome.reason.map_or("", Reason::code));
        row.set("说明", &outcome.text);
        row.set("余额", &session.balances(row));
        let about = row.get("条目").split_whitespace().map(str::to_owned).collect();
        let (page, title) = (page.to_owned(), table.title.clone());
        passed.push(Passed { page, title, number: number + 1, about, reason: outcome.reason });
    }
    session.world.check_replay();
    assert!(session.in_flight().is_none(), "{page}, {}: it ends with a transfer under way", table.title);
    (done, passed)
}

/// What a table begins with.
fn begin(table: &Table, people: &Table, added: &[String]) -> Session {
    let (places, people) = (places(), people::read(people, &places()));
    let first = table.rows.first().expect("a table with rows");
    let begin = words::moment(first.get("时间"), None);
    let provinces = people.iter().map(|somebody| somebody.province).collect();
    Session::begin(World::new((places, rules(added)), &provinces, begin), people)
}

/// Carries a page out. Gives the page as it should be, and its rows.
fn run(name: &str, page: &str) -> (String, Vec<Passed>) {
    let (mut people, mut added, mut session) = (None, Vec::new(), None);
    let (mut lines, mut passed) = (BTreeMap::new(), Vec::new());
    for block in blocks(page) {
        match block {
            Block::Code(language, text) if language == "toml" => added.push(text),
            Block::Code(..) => {}
            Block::Table(table) if table.headings[0] == "姓名" => people = Some(table),
            Block::Table(table) if table.headings[0] == "时间" => {
                let people = people.as_ref().unwrap_or_else(|| panic!("{name}: no people above a table"));
                let (done, rows) = carry_out(name, &table, (people, &added), &mut session);
                lines.extend(done.rows.iter().map(|row| (row.line, done.text(row))));
                passed.extend(rows);
            }
            Block::Table(_) => {}
        }
    }
    assert!(!passed.is_empty(), "{name}: nothing happens");
    (replaced(page, &lines), passed)
}

/// Every row of every page, carried out once for all tests. With `BLESS` set what happened is written into the pages;
/// without it the first row that differs is a panic.
fn run_all() -> &'static [Passed] {
    static ALL: OnceLock<Vec<Passed>> = OnceLock::new();
    ALL.get_or_init(run_pages)
}

fn run_pages() -> Vec<Passed> {
    let mut all = Vec::new();
    for path in pages() {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let found = fs::read_to_string(&path).expect("a page");
        let (page, passed) = run(&name, &found);
        if env::var_os("BLESS").is_some() && page != found {
            fs::write(&path, &page).expect("written");
        } else {
            for (number, (now, then)) in page.lines().zip(found.lines()).enumerate() {
                assert_eq!(now, then, "line {} of {name} (BLESS=1 if the change is meant)", number + 1);
            }
        }
        all.extend(passed);
    }
    all
}

#[test]
fn every_page_says_what_happens() {
    run_all();
}
