//! The folder under `--data`: configuration, certificates, keys, the rule-day, and the stores of five servers.

use super::clerks;
use super::error::DemoError;
use crate::config::regions::{self, LoadedRegions};
use crate::config::rulebook;
use crate::devkit::cast::PROVINCES;
use crate::devkit::launcher::LaunchError;
use crate::devkit::site::{Addresses, REGIONS, Settings, Site, servers};
use crate::domain::machine::table::Row as _;
use crate::domain::value::{Civil, Day};
use crate::domain::{hub, node};
use crate::privacy::private_file::{self, SECRET};
use crate::store::Tables;
use crate::store::sqlite::{SqliteReader, owner};
use crate::transport::identity::Role;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use time::{Date, Month};

/// The application whose certificate the demonstration uses and offers.
pub(super) const APP: &str = "demo";
/// The other operator, beside the one that has the application's name.
pub(super) const SECOND_OPERATOR: &str = "second";
/// Who makes up tables in each province's finance office (制表).
pub(super) const MAKER: &str = "wang";
/// Who checks them (复核).
pub(super) const CHECKER: &str = "li";
/// What foreign programs read.
const CONNECT: &str = "connect.json";
/// What is being written, until it is whole.
const DRAFT: &str = "unfinished.draft";
/// The file with the last rule-day.
const DAY: &str = "day";
/// The row that is changed behind a node's back, while it is.
const PLANTED: &str = "planted";
/// The rule-day of a new folder: every place of the demonstration has opened its wallet by then.
const FIRST_DAY: (i32, Month, u8) = (2026, Month::June, 1);
/// When each rule-day begins, in Shanghai.
const BEGINS: &str = "T10:00:00+08:00";

/// Configuration that is written at the first start, from what was built in.
const CONFIG: &[(&str, &str)] = &[
    ("regions.toml", REGIONS),
    ("calendar/2026.toml", include_str!("../../../deploy/calendar/2026.toml")),
    ("rulebooks/national.toml", include_str!("../../../deploy/rulebooks/national.toml")),
    ("rulebooks/shaanxi-61.toml", include_str!("../../../deploy/rulebooks/shaanxi-61.toml")),
    ("rulebooks/shanxi-14.toml", include_str!("../../../deploy/rulebooks/shanxi-14.toml")),
    ("rulebooks/tianshui-620500.toml", include_str!("../../../deploy/rulebooks/tianshui-620500.toml")),
    // Examples, so that four provinces show what other places demand.
    ("rulebooks/example-350300.toml", include_str!("../../../deploy/demo/rulebooks/example-350300.toml")),
    ("rulebooks/example-350400.toml", include_str!("../../../deploy/demo/rulebooks/example-350400.toml")),
    ("rulebooks/example-350600.toml", include_str!("../../../deploy/demo/rulebooks/example-350600.toml")),
];

/// The folder, locked while this lives.
pub(super) struct Folder {
    site: Site,
    _lock: File,
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> DemoError {
    let path = path.to_owned();
    move |error| DemoError::Io(path, error)
}

fn make_folder(path: &Path) -> Result<(), DemoError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io_at(path))
}

impl Folder {
    /// Makes the folder if it is not there, and locks it. What an earlier start wrote for foreign programs is removed:
    /// its addresses are gone.
    pub(super) fn open(path: &Path) -> Result<Folder, DemoError> {
        make_folder(path)?;
        let root = path.canonicalize().map_err(io_at(path))?;
        let lock_path = root.join("demo.lock");
        let lock = OpenOptions::new().create(true).write(true).truncate(false).mode(SECRET).open(&lock_path);
        let lock = lock.map_err(io_at(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DemoError::InUse(root)),
            Err(TryLockError::Error(error)) => return Err(io_at(&lock_path)(error)),
        }
        let folder = Folder { site: Site::new(&root, Addresses::new()), _lock: lock };
        folder.remove_connect()?;
        Ok(folder)
    }

    /// Its files, without addresses.
    pub(super) fn site(&self) -> &Site {
        &self.site
    }

    /// Its absolute path.
    pub(super) fn path(&self) -> &Path {
        self.site.root()
    }

    /// Whether a server has stored anything here.
    pub(super) fn is_new(&self) -> bool {
        !self.site.store(&Role::Hub).exists()
    }

    /// Writes the rules and the table of places that are not there yet, and reads them.
    pub(super) fn places(&self) -> Result<LoadedRegions, DemoError> {
        let config = self.path().join("config");
        for folder in ["calendar", "rulebooks"] {
            make_folder(&config.join(folder))?;
        }
        for (name, text) in CONFIG {
            let path = config.join(name);
            if !path.exists() {
                self.write_whole(&path, text)?;
            }
        }
        let places = regions::load(&config.join("regions.toml"))?;
        // A bad rule is told before the day begins.
        rulebook::load(&config.join("rulebooks"), &places.directory)?;
        Ok(places)
    }

    /// Writes the configuration of servers that listen at these addresses and begin a rule-day.
    pub(super) fn site_at(&self, addresses: Addresses, day: Day) -> Result<Site, LaunchError> {
        let site = Site::new(self.path(), addresses);
        let settings = Settings {
            regions: Path::new("config/regions.toml"),
            rulebooks: Path::new("config/rulebooks"),
            calendar: &["config/calendar/2026.toml"],
            civil_start: &format!("{day}{BEGINS}"),
            apps: &[(APP, "\"*\"")],
            callers: &callers(),
            ..Settings::default()
        };
        site.write_configs(&settings).map_err(|error| LaunchError::Io(self.path().to_owned(), error))?;
        Ok(site)
    }

    /// Writes a file under another name first: one that is there is whole. The folder is locked, so nobody else has a
    /// draft here.
    fn write_whole(&self, path: &Path, text: &str) -> Result<(), DemoError> {
        let draft = self.path().join(DRAFT);
        fs::write(&draft, text).and_then(|()| fs::rename(&draft, path)).map_err(io_at(path))
    }

    /// Issues the certificates that are not there yet.
    pub(super) fn issue(&self) -> Result<(), DemoError> {
        // What carries money back needs two operators.
        let own = [
            Role::App(APP.to_owned()),
            Role::Operator(APP.to_owned()),
            Role::Operator(SECOND_OPERATOR.to_owned()),
        ];
        let platforms = PROVINCES.into_iter().map(Role::Platform);
        let all = own.into_iter().chain(servers(&PROVINCES)).chain(platforms).chain(clerks::finance());
        Ok(self.site.issue(all)?)
    }

    /// Begins the next rule-day: the day after the last one, and after anything that a store holds, so that time never
    /// runs backwards and yesterday's transfers count against nobody's limit.
    pub(super) fn next_day(&self) -> Result<Day, DemoError> {
        let path = self.path().join(DAY);
        let noted = read(&path)?.map(|text| read_day(&path, &text)).transpose()?;
        let stored =
            servers(&PROVINCES).filter_map(|role| latest(&self.site.store(&role))).max().and_then(date_of);
        let last = noted.max(stored);
        let first = Date::from_calendar_date(FIRST_DAY.0, FIRST_DAY.1, FIRST_DAY.2).ok();
        let next = last
            .and_then(Date::next_day)
            .max(first)
            .ok_or_else(|| DemoError::Content(path.clone(), "there is no later day".to_owned()))?;
        self.write_whole(&path, &format!("{next}\n"))?;
        Day::parse(&next.to_string())
            .ok_or_else(|| DemoError::Content(path, "there is no later day".to_owned()))
    }

    /// Where `connect.json` is.
    pub(super) fn connect(&self) -> PathBuf {
        self.path().join(CONNECT)
    }

    /// Writes `connect.json`, whole or not at all; for its owner only, since it names people.
    pub(super) fn write_connect(&self, json: &str) -> Result<(), DemoError> {
        self.remove_connect()?;
        Ok(private_file::write_new(&self.connect(), SECRET, json.as_bytes())?)
    }

    /// Removes `connect.json`: nobody serves at its addresses any more.
    pub(super) fn remove_connect(&self) -> Result<(), DemoError> {
        remove(&self.connect())
    }

    /// Notes which row is changed, and what stood there.
    pub(super) fn note_planted(&self, text: &str) -> Result<(), DemoError> {
        self.write_whole(&self.path().join(PLANTED), text)
    }

    /// The row that is changed, if one is.
    pub(super) fn planted(&self) -> Result<Option<String>, DemoError> {
        read(&self.path().join(PLANTED))
    }

    /// No row is changed any more.
    pub(super) fn forget_planted(&self) -> Result<(), DemoError> {
        remove(&self.path().join(PLANTED))
    }
}

fn read(path: &Path) -> Result<Option<String>, DemoError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_at(path)(error)),
    }
}

fn remove(path: &Path) -> Result<(), DemoError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_at(path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn read_day(path: &Path, text: &str) -> Result<Date, DemoError> {
    let day = Day::parse(text.trim()).and_then(date);
    day.ok_or_else(|| DemoError::Content(path.to_owned(), "holds no day, YYYY-MM-DD".to_owned()))
}

fn date(day: Day) -> Option<Date> {
    let number = day.number();
    let month = Month::try_from(u8::try_from(number / 100 % 100).ok()?).ok()?;
    Date::from_calendar_date(i32::try_from(number / 10_000).ok()?, month, u8::try_from(number % 100).ok()?)
        .ok()
}

fn date_of(at: Civil) -> Option<Date> {
    date(Day::of(at))
}

/// The latest time in a store; none when there is no store yet. One that cannot be read is told by its server.
fn latest(store: &Path) -> Option<Civil> {
    if owner(store).ok()? == "hub" {
        let rows = SqliteReader::<hub::Record>::open(store).ok()?.load(&[hub::Key::OWN]).ok()?;
        return rows.first()?.as_ref()?.as_own().map(|row| row.civil);
    }
    let rows = SqliteReader::<node::Record>::open(store).ok()?.load(&[node::Key::OWN]).ok()?;
    rows.first()?.as_ref()?.as_own().map(|row| row.civil)
}

/// Who may call the demo's servers beside the app.
fn callers() -> String {
    let platforms = PROVINCES.map(|province| province.to_string());
    let persons = |province| [MAKER, CHECKER].map(|name| format!("{province}:{name}"));
    let finance: Vec<String> = PROVINCES.into_iter().flat_map(persons).collect();
    format!("operators = [{APP:?}, {SECOND_OPERATOR:?}]\nplatforms = {platforms:?}\nfinance = {finance:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_start_is_the_next_day_and_a_bad_day_is_told() {
        let data = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(&data.path().join("demo")).expect("made");
        let next = || folder.next_day().map(|day| day.to_string());
        assert_eq!(next().expect("a day"), "2026-06-01");
        assert_eq!(next().expect("a day"), "2026-06-02");
        fs::write(folder.path().join(DAY), "2026-12-31").expect("written");
        assert_eq!(next().expect("a day"), "2027-01-01");
        fs::write(folder.path().join(DAY), "soon").expect("written");
        assert!(matches!(folder.next_day(), Err(DemoError::Content(..))));
    }

    #[test]
    fn configuration_that_could_not_be_written_is_written_by_the_next_start() {
        let data = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(data.path()).expect("made");
        // As a kill leaves it: something begun, and nothing in its place.
        fs::create_dir(folder.path().join(DRAFT)).expect("in the way");
        assert!(matches!(folder.places(), Err(DemoError::Io(..))));
        let config = folder.path().join("config");
        assert!(CONFIG.iter().all(|(name, _)| !config.join(name).exists()), "no file begins in its place");
        fs::remove_dir(folder.path().join(DRAFT)).expect("removed");
        fs::write(folder.path().join(DRAFT), "code = \"").expect("half a file");
        assert_eq!(folder.places().expect("written").directory.provinces().count(), 32);
        assert!(!folder.path().join(DRAFT).exists());
    }

    #[test]
    fn a_folder_has_one_user_and_keeps_what_it_has() {
        let data = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(data.path()).expect("locked");
        assert!(matches!(Folder::open(data.path()), Err(DemoError::InUse(_))));
        folder.issue().expect("issued");
        let cert = fs::read(folder.site.certificate(&Role::Hub).cert).expect("there");
        folder.issue().expect("nothing to do");
        assert_eq!(fs::read(folder.site.certificate(&Role::Hub).cert).expect("there"), cert);
        folder.write_connect("{}").expect("written");
        folder.write_connect("{ }").expect("written over");
        drop(folder);
        let folder = Folder::open(data.path()).expect("free again");
        assert!(!folder.connect().exists(), "an earlier start's addresses are gone");
        assert_eq!(folder.places().expect("readable").directory.provinces().count(), 32);
    }
}
