//! `gongji restore`: a store made again from a backup. It says first what that loses.

use super::manifest::{DATABASE, FileMark, KEY, Manifest, Marker, lineage_of};
use super::place::{self, Place, PlaceArgs};
use super::texts;
use crate::cli::Exit;
use crate::cli::any_store::AnySnapshot;
use crate::cli::failure::Failure;
use crate::cli::output::{OutputArgs, note, say};
use crate::domain::value::hex;
use crate::durable::{self, Owner};
use crate::privacy::key::VaultKey;
use crate::privacy::private_file;
use crate::store::StoreError;
use crate::store::failpoint::{Failpoint, hit};
use crate::store::replay::Verified;
use crate::store::sqlite::{FORMAT, Restoring, exists, owner};
use serde_json::json;
use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};

/// Arguments.
#[derive(clap::Args)]
pub struct RestoreArgs {
    /// The backup: the folder that `gongji backup` printed
    #[arg(long, value_name = "BACKUP")]
    from: PathBuf,
    #[command(flatten)]
    place: PlaceArgs,
    /// The store that this one replaces: the folder to which it was moved; a backup of another store is refused
    #[arg(long, value_name = "DIR")]
    replaces: Option<PathBuf>,
    /// Do not ask: what the restore loses is accepted
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// `gongji restore`.
pub fn restore(args: &RestoreArgs) -> Exit {
    match run(args, |line| note(line)) {
        Ok(restored) => {
            tell(args, &restored);
            Exit::Done
        }
        Err(failure) => failure.report(args.output),
    }
}

/// What was made.
pub(super) struct Restored {
    data: PathBuf,
    manifest: Manifest,
    verified: Verified,
}

/// Restores; what is lost goes to `warn` before anything begins.
pub(super) fn run(args: &RestoreArgs, mut warn: impl FnMut(&str)) -> Result<Restored, Failure> {
    let place = args.place.read()?;
    let manifest = Manifest::read(&args.from)?;
    if let Some(wanted) = place.owner.as_ref().filter(|wanted| **wanted != manifest.owner) {
        let (from, found) = (args.from.display(), &manifest.owner);
        return Err(Failure::Usage(format!("the backup {from} is of {found}, not of {wanted}")));
    }
    if manifest.format > FORMAT {
        let newer = |found: usize| i64::try_from(found).unwrap_or(i64::MAX);
        let error = StoreError::Newer { found: newer(manifest.format), known: newer(FORMAT) };
        return Err(Failure::Local(format!("the backup {}: {error}", args.from.display())));
    }
    if let Some(replaced) = &args.replaces {
        if !replaced.join(DATABASE).exists() {
            return Err(Failure::Usage(format!("{}: there is no store", replaced.display())));
        }
        same_store(&args.from, &manifest, replaced)?;
    }
    // It goes into an empty folder only; whoever finds another store there has mixed something up.
    if exists(&place.data) {
        same_store(&args.from, &manifest, &place.data)?;
    }
    let key = Key::choose(&args.from, &manifest, &place)?;
    let folder = Restoring::begin(&place.data).map_err(|error| match error {
        StoreError::NotEmpty(_) => Failure::Usage(error.to_string()),
        _ => Failure::Local(error.to_string()),
    })?;
    losses(&args.from, &manifest, &place.data).lines().for_each(&mut warn);
    if matches!(key, Key::Brought { .. }) {
        OLD_KEYS.lines().for_each(&mut warn);
    }
    if !args.yes && !agreed()? {
        return Err(Failure::Local("nothing was restored".to_owned()));
    }
    let verified = fill(&folder, args, &manifest, &key)?;
    key.install(folder.owner())?;
    hit(Failpoint::RestoreKeyWritten);
    folder.install().map_err(|error| Failure::Local(error.to_string()))?;
    Ok(Restored { data: place.data, manifest, verified })
}

/// Demands that a backup is of the store in a folder. One that a restore has not ended says nothing.
fn same_store(from: &Path, manifest: &Manifest, dir: &Path) -> Result<(), Failure> {
    if !dir.join(DATABASE).exists() {
        return Ok(());
    }
    let at = |path: &Path| {
        let path = path.display().to_string();
        move |error: StoreError| Failure::Local(format!("{path}: {error}"))
    };
    let (found, theirs) = (owner(dir).map_err(at(dir))?, lineage_of(dir).map_err(at(dir))?);
    let ours = manifest.lineage(from).map_err(at(from))?;
    if found == manifest.owner && (theirs == ours || theirs.is_none()) {
        return Ok(());
    }
    let say = |lineage: Option<String>| lineage.unwrap_or_else(|| "none".to_owned());
    Err(Failure::Usage(format!(
        "the backup {} is of {}, lineage {}; the store in {} is {found}, lineage {}: they are two stores, \
         name the right one. 备份与该存储不属于同一个库，请核对",
        from.display(),
        manifest.owner,
        say(ours),
        dir.display(),
        say(theirs)
    )))
}

/// Copies, checks and marks the database, and brings the rule texts.
fn fill(folder: &Restoring, args: &RestoreArgs, manifest: &Manifest, key: &Key) -> Result<Verified, Failure> {
    let from = args.from.display();
    let damaged =
        |what: &str| Failure::Local(format!("the backup {from} is damaged: {what}; take an older backup"));
    let store_failed = |error: StoreError| Failure::Local(format!("the backup {from}: {error}"));
    let mut marker = Marker::default();
    folder.take(&args.from.join(DATABASE), |piece| marker.take(piece)).map_err(store_failed)?;
    if manifest.files.get(DATABASE) != Some(&marker.mark()) {
        return Err(damaged(&format!("{DATABASE} is not what was written")));
    }
    let mut store = AnySnapshot::of_restore(folder, &manifest.owner).map_err(store_failed)?;
    let verified = store.verify_replay().map_err(store_failed)?;
    if let Some(difference) = &verified.difference {
        return Err(damaged(difference));
    }
    let head = verified.report.head;
    let owner = store.owner().map_err(store_failed)?;
    let lineage = store.lineage().map_err(store_failed)?.map(|hash| hex(&hash.0));
    if (head.sequence, hex(&head.hash.0), &owner)
        != (manifest.sequence, manifest.head.clone(), &manifest.owner)
        || manifest.lineage.is_some() && manifest.lineage != lineage
    {
        return Err(damaged("its database is not the one that its manifest describes"));
    }
    key.check(&mut store)?;
    drop(store);
    folder.mark(manifest.sequence).map_err(store_failed)?;
    texts::bring(&args.from, manifest, &folder.texts())?;
    Ok(verified)
}

/// Where the vault's key comes from.
enum Key {
    /// It stands where the server looks for it.
    There(PathBuf),
    /// The backup brings it.
    Brought { from: PathBuf, to: PathBuf },
    /// `--data` without a key's place: the operator sees to it.
    NotNamed,
}

impl Key {
    fn choose(backup: &Path, manifest: &Manifest, place: &Place) -> Result<Key, Failure> {
        let Some(to) = place.key.clone() else { return Ok(Key::NotNamed) };
        let Some(mark) = manifest.files.get(KEY) else {
            if to.exists() {
                return Ok(Key::There(to));
            }
            let what =
                "the backup has no key file: bring the vault's key here first, or nobody in it is found";
            return Err(Failure::Usage(format!("{}: {what}", to.display())));
        };
        let from = backup.join(KEY);
        let found = match FileMark::of(&from) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            // The disk or the rights; it says nothing of what was written.
            Err(error) => return Err(Failure::Local(format!("{}: {error}", from.display()))),
        };
        if found.as_ref() != Some(mark) {
            let backup = backup.display();
            let what = format!("the backup {backup} is damaged: {KEY} is not what was written");
            return Err(Failure::Local(format!("{what}; take an older backup")));
        }
        if !to.exists() {
            return Ok(Key::Brought { from, to });
        }
        let read = |path: &Path| VaultKey::load(path).map_err(|error| Failure::Local(error.to_string()));
        // Keys that were added since the backup are wanted, too: legs of after it are sealed under them. What was
        // deleted since then is missed by the rows that need it, if some do.
        if read(&to)?.follows(&read(&from)?) {
            return Ok(Key::There(to));
        }
        let what = "another key is here than the backup's, or it lacks one of its keys: bring the newest key file, or \
                    move this one away; it is never written over. \
                    此处的密钥文件与备份中的不同，或缺少其中的密钥：请换回最新的密钥文件，或先将其移走";
        Err(Failure::Usage(format!("{}: {what}", to.display())))
    }

    /// Demands that it opens the vault.
    fn check(&self, store: &mut AnySnapshot) -> Result<(), Failure> {
        let path = match self {
            Key::There(path) | Key::Brought { from: path, .. } => path,
            Key::NotNamed => return Ok(()),
        };
        place::check(path, store)
    }

    /// Puts a key that the backup brings in its place.
    fn install(&self, owner: Owner) -> Result<(), Failure> {
        let Key::Brought { from, to } = self else { return Ok(()) };
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
        let made = folder.map_or(Ok(()), durable::make_folder);
        made.map_err(|error| Failure::Local(format!("{}: {error}", to.display())))?;
        let content = private_file::read(from);
        content
            .and_then(|content| private_file::write_new(to, private_file::SECRET, &content))
            .map_err(|error| Failure::Local(error.to_string()))?;
        owner.give(to).map_err(|error| Failure::Local(format!("{}: {error}", to.display())))
    }
}

/// What the operator must know before anything begins.
fn losses(from: &Path, manifest: &Manifest, data: &Path) -> String {
    let Manifest { owner, sequence, time, .. } = manifest;
    let lost = if owner == "hub" { HUB_LOSES } else { NODE_LOSES };
    let texts = if manifest.has_texts() { TEXTS_SINCE } else { NO_TEXTS };
    format!(
        "Restore of {owner} from {} into {}.\nThis store then stands at journal sequence {sequence}, as of {time}.\n\
         Everything that it did later is gone from it:\n{lost}\n{texts}\n{TOGETHER}\n\
         The original store must never serve again beside this one.",
        from.display(),
        data.display()
    )
}

const HUB_LOSES: &str = "\
- decisions made since then: the provinces hold them; started again, it hears every node before it serves.
- transfers that it only received since then: nobody else knows them; clients ask with the same id.
- LOST: masked parties and remarks of transfers since then. They were only here.";

const NODE_LOSES: &str = "\
- legs of transfers since then: the hub holds their sealed records; it tells them again before the node serves.
- LOST: allotments, member reports and wallet openings since then. They were only here: the province's own system
  must send them again, with the same request ids.
- LOST: persons who were first reported since then.";

const TOGETHER: &str = "\
Restored ALONE it loses no transfer that was decided: the other servers hold them.
Restored TOGETHER with others, at once, it does:
- the hub and a province: of its transfers since the backups, the leg of the other province alone is left.
- the hub and both provinces of a transfer: nothing is left of it, though it was answered COMMITTED.
- several provinces, but not the hub: no transfer. Each loses what it loses alone.
What was lost on both sides only a client or platform can tell, who repeats it with the same id. So restore one server,
wait until it serves, and then the next; never restore one that still has its store.
单独恢复：其他服务器保存着已决定的转移。同时恢复多个：双方都丢失的资金，只有客户端或省平台能以原编号重报。请逐一恢复。";

const TEXTS_SINCE: &str = "\
- LOST: texts of rules that came into force since then, unless they are still in force when it starts.";

const NO_TEXTS: &str = "\
- LOST: texts of rules that are no longer in force. This backup is of an older program, which left them out: copy the
  folder `rulebooks` from the old store's folder, if it is still there.";

const OLD_KEYS: &str = "\
- Keys: the key file comes from the backup. If sealing keys were added since then (`gongji keys new`), stop here and
  bring the newest key file first: legs sealed since then wait until it is there.";

/// Asks at a terminal; elsewhere only --yes will do.
fn agreed() -> Result<bool, Failure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::Usage("say --yes to accept that".to_owned()));
    }
    note("Type yes to restore:");
    let mut line = String::new();
    stdin.lock().read_line(&mut line).map_err(|error| Failure::Local(error.to_string()))?;
    Ok(line.trim() == "yes")
}

fn tell(args: &RestoreArgs, restored: &Restored) {
    let Restored { data, manifest, verified } = restored;
    let Manifest { owner, sequence, head, time, .. } = manifest;
    let (records, rows) = (verified.report.records, verified.report.rows);
    let (data, rulebooks) = (data.display(), texts::marked(manifest).len());
    if args.output.json {
        say(json!({
            "owner": owner,
            "data": data.to_string(),
            "head": { "sequence": sequence, "hash": head },
            "time": time,
            "records": records,
            "rows": rows,
            "rulebooks": rulebooks,
        }));
        return;
    }
    say(format!("restored {owner} into {data}, sequence {sequence}, head {head}"));
    say(format!(
        "checked: {records} records, chain whole, {rows} rows, replaying the journal gives the same; \
         {rulebooks} rule texts"
    ));
}
