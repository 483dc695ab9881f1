//! `gongji keys`: the keys of a server's vault. All of it reads the store beside the running server, and changes
//! nothing but the key file, which the server takes within seconds.

use super::Exit;
use super::any_store::{AnySnapshot, either};
use super::backup::folder::{Folder, all_of_owner};
use super::backup::manifest::{Manifest, key_name};
use super::backup::place::{Place, PlaceArgs, fits};
use super::failure::Failure;
use super::output::{OutputArgs, say};
use super::table::list;
use super::time::rfc3339;
use crate::domain::machine::{VaultKeyRow, VaultKeyState};
use crate::domain::node;
use crate::privacy::key::{KeyInfo, VaultKey};
use crate::privacy::proof::{RowsByKey, known_keys};
use crate::store::StoreError;
use crate::store::sqlite::exists;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Commands about the keys of a vault.
#[derive(clap::Subcommand)]
pub enum Command {
    /// List the keys of a server's vault, and what still needs each
    List(ListArgs),
    /// Add a sealing key: it seals from now on, those before it only open, and rows are sealed anew
    New(NewArgs),
    /// Delete a retired sealing key from the key file, if nothing needs it any more
    Delete(DeleteArgs),
}

#[derive(clap::Args)]
struct BackupsArg {
    /// A folder of backups of this server; name every folder that has some
    #[arg(long, value_name = "DIR")]
    backups: Vec<PathBuf>,
}

/// Arguments of `gongji keys list`.
#[derive(clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    backups: BackupsArg,
    #[command(flatten)]
    output: OutputArgs,
}

/// Arguments of `gongji keys new`.
#[derive(clap::Args)]
pub struct NewArgs {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Arguments of `gongji keys delete`.
#[derive(clap::Args)]
pub struct DeleteArgs {
    /// The key's id, as `gongji keys list` shows it
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    backups: BackupsArg,
    #[command(flatten)]
    output: OutputArgs,
}

/// `gongji keys`.
pub fn keys(command: &Command) -> Exit {
    let (done, output) = match command {
        Command::List(args) => (show(args), args.output),
        Command::New(args) => (add(args), args.output),
        Command::Delete(args) => (delete(args), args.output),
    };
    match done {
        Ok(()) => Exit::Done,
        Err(failure) => failure.report(output),
    }
}

/// A server's key file, proven against its store.
struct Opened {
    path: PathBuf,
    key: VaultKey,
    store: AnySnapshot,
    known: Vec<VaultKeyRow>,
    /// Folders of backups that were looked at: none is made there until the command ends.
    held: Vec<Folder>,
}

fn local(error: impl std::fmt::Display) -> Failure {
    Failure::Local(error.to_string())
}

impl Opened {
    fn open(place: &PlaceArgs) -> Result<Opened, Failure> {
        let Place { owner, data, key } = place.read()?;
        let path = key.ok_or_else(|| Failure::Usage("add --vault-key FILE to --data".to_owned()))?;
        if !exists(&data) {
            return Err(Failure::Usage(format!("{}: there is no store", data.display())));
        }
        let key = VaultKey::load(&path).map_err(local)?;
        let mut store = AnySnapshot::open(&data).map_err(local)?;
        let found = store.owner().map_err(local)?;
        if let Some(wanted) = owner.filter(|wanted| *wanted != found) {
            let data = data.display();
            return Err(Failure::Usage(format!("{data}: the store belongs to {found}, not to {wanted}")));
        }
        fits(&key, &path, &mut store)?;
        let known = either!(&mut store, store => known_keys(&mut |scan| store.scan(scan))).map_err(local)?;
        Ok(Opened { path, key, store, known, held: Vec::new() })
    }

    fn state(&self, id: &str) -> Option<&VaultKeyRow> {
        self.known.iter().find(|row| row.key_id == id)
    }

    /// What needs each sealing key.
    fn needs(&mut self, folders: &[PathBuf]) -> Result<Vec<Need>, Failure> {
        let owner = self.store.owner().map_err(local)?;
        let mut backups = Vec::new();
        for path in folders {
            let (found, folder) = all_of_owner(path, &owner)?;
            backups.extend(found);
            self.held.push(folder);
        }
        let rows = self.store.rows_by_key().map_err(local)?;
        let keys: Vec<KeyInfo> = self.key.sealing().collect();
        keys.into_iter().map(|key| self.need(key, &rows, &backups).map_err(local)).collect()
    }

    fn need(&self, key: KeyInfo, rows: &RowsByKey, backups: &[Manifest]) -> Result<Need, StoreError> {
        let id = key.id.to_string();
        let row = self.state(&id);
        let until = row.and_then(|row| row.until_seq);
        let state = row.map(|row| row.state);
        let of = |counts: &RowsByKey| {
            let unnamed = if key.is_first { counts.get(&None).copied().unwrap_or(0) } else { 0 };
            counts.get(&Some(key.id)).copied().unwrap_or(0) + unnamed
        };
        // A leg is told again from its record to a store that is older than it: to one of these backups.
        let oldest = backups.iter().map(|it| it.sequence).min().unwrap_or(0);
        let (legs, last) = legs_behind(&self.store, oldest, until.unwrap_or(u64::MAX))?;
        let needs = |backup: &&Manifest| {
            let sealed = match &backup.keys {
                Some(keys) => {
                    let count = |name: &str| keys.get(name).copied().unwrap_or(0) > 0;
                    count(&id) || key.is_first && count(&key_name(None))
                }
                // Before keys had ids there was one.
                None => key.is_first,
            };
            sealed || last.is_some_and(|last| backup.sequence < last)
        };
        Ok(Need {
            info: key,
            state,
            seals: key.id == self.key.current(),
            ended: until.is_some() || matches!(self.store, AnySnapshot::Hub(_)),
            rows: of(rows),
            legs,
            backups: backups.iter().filter(needs).count(),
        })
    }
}

/// Legs that this node bound behind a sequence, up to another: each may be at the hub as a `leg_record`. A hub seals
/// none.
fn legs_behind(store: &AnySnapshot, after: u64, upto: u64) -> Result<(u64, Option<u64>), StoreError> {
    match store {
        AnySnapshot::Hub(_) => Ok((0, None)),
        AnySnapshot::Node(store) => store.count_records(&node::bound_kinds(), (after, upto)),
    }
}

/// What needs a sealing key.
#[derive(Debug)]
struct Need {
    info: KeyInfo,
    /// As the server last noted it; nothing: it has not seen it yet.
    state: Option<VaultKeyState>,
    /// Whether it is the file's first.
    seals: bool,
    /// Whether it is known when it sealed its last `leg_record`.
    ended: bool,
    rows: u64,
    legs: u64,
    backups: usize,
}

impl Need {
    /// Why it may not go.
    fn stands_against(&self) -> Option<String> {
        if self.seals || self.state == Some(VaultKeyState::Seals) {
            return Some(
                "it seals: add a new one first (`gongji keys new`), and let the server take it".to_owned(),
            );
        }
        if self.state.is_none() {
            return Some("the server has not taken it yet: start it".to_owned());
        }
        if self.rows > 0 {
            return Some(format!(
                "{} rows of the vault are sealed under it: the server seals them anew",
                self.rows
            ));
        }
        if !self.ended {
            let what = "since the store was restored it is not known when it last sealed a leg";
            return Some(format!("{what}: start the server once more"));
        }
        if self.backups > 0 {
            return Some(format!("{} backups need it: keep it as long as they are kept", self.backups));
        }
        if self.legs > 0 {
            let what =
                "leg_records at the hub are sealed under it, and no backup of --backups is younger than they";
            return Some(format!("{} {what}", self.legs));
        }
        None
    }

    fn state(&self) -> &'static str {
        match (self.seals, self.state) {
            (true, Some(VaultKeyState::Seals)) => "seals",
            (_, None) => "not taken by the server yet",
            (true, Some(_)) => "new: the server takes it within seconds",
            (false, Some(VaultKeyState::Seals)) => "seals until the server takes the file",
            (false, Some(state)) => state.name(),
        }
    }

    fn created(&self) -> String {
        self.info.created.map_or_else(|| "–".to_owned(), |day| day.to_string())
    }

    fn json(&self) -> Value {
        json!({
            "id": self.info.id.to_string(),
            "use": "seal",
            "created": self.info.created.map(|day| day.to_string()),
            "state": self.state(),
            "rows": self.rows,
            "leg_records": self.legs,
            "backups": self.backups,
            "deletable": self.stands_against().is_none(),
            "needed_because": self.stands_against(),
        })
    }
}

fn show(args: &ListArgs) -> Result<(), Failure> {
    let mut opened = Opened::open(&args.place)?;
    let needs = opened.needs(&args.backups.backups)?;
    let digests = opened.key.digests_id().to_string();
    let since = opened.state(&digests).map(|row| rfc3339(row.since));
    let stays = "stays for ever: people are found and repeats are compared by it";
    args.output.print(
        || {
            let mut first = json!({ "id": digests, "use": "digests", "since": since, "deletable": false });
            first["needed_because"] = stays.into();
            let keys = [first].into_iter().chain(needs.iter().map(Need::json));
            json!({ "file": opened.path.display().to_string(), "keys": keys.collect::<Vec<_>>() })
        },
        || {
            let first = [&digests, "digests", "–", "–", "–", "–", "–", stays].map(str::to_owned);
            let rows = needs.iter().map(|need| {
                let why =
                    need.stands_against().unwrap_or_else(|| "nothing needs it: it may be deleted".to_owned());
                let counts = [need.rows.to_string(), need.legs.to_string(), need.backups.to_string()];
                let [rows, legs, backups] = counts;
                let (id, state) = (need.info.id.to_string(), need.state().to_owned());
                [id, "seal".to_owned(), need.created(), state, rows, legs, backups, why]
            });
            let header = ["key", "use", "created", "state", "rows", "leg_records", "backups", "needed"];
            list(header, [first].into_iter().chain(rows), &[4, 5, 6])
        },
    );
    Ok(())
}

fn add(args: &NewArgs) -> Result<(), Failure> {
    let opened = Opened::open(&args.place)?;
    let key = VaultKey::add_to(&opened.path).map_err(local)?;
    told(args.output, &opened.path, "new", &key.current().to_string());
    if !args.output.json {
        say(
            "a running server takes it within seconds and seals its rows anew; copy the file to a safe place now",
        );
        say("服务器将在数秒内启用新密钥并重新封存数据；请立即把密钥文件复制到安全的地方");
    }
    Ok(())
}

fn delete(args: &DeleteArgs) -> Result<(), Failure> {
    if args.backups.backups.is_empty() {
        let what = "name every folder of backups with --backups, an empty one if there are none: backups may need \
                    the key. 备份可能仍需该密钥：请用 --backups 指明全部备份文件夹";
        return Err(Failure::Usage(what.to_owned()));
    }
    let mut opened = Opened::open(&args.place)?;
    if args.id == opened.key.digests_id().to_string() {
        let what =
            "is the key of digests: without it nobody is found again. It is never deleted. 摘要密钥不可删除";
        return Err(Failure::Local(format!("key {} {what}", args.id)));
    }
    let needs = opened.needs(&args.backups.backups)?;
    let need = needs.into_iter().find(|need| need.info.id.to_string() == args.id);
    let need = need
        .ok_or_else(|| Failure::Usage(format!("{} has no sealing key {}", opened.path.display(), args.id)))?;
    if let Some(why) = need.stands_against() {
        return Err(Failure::Local(format!(
            "key {} is still needed: {why}. 该密钥仍有数据需要，未删除",
            args.id
        )));
    }
    VaultKey::remove_from(&opened.path, need.info.id).map_err(local)?;
    told(args.output, &opened.path, "deleted", &args.id);
    Ok(())
}

fn told(output: OutputArgs, path: &Path, what: &str, id: &str) {
    let file = path.display().to_string();
    output.print(|| json!({ "file": file, what: id }), || format!("{file}: {what} sealing key {id}"));
}
