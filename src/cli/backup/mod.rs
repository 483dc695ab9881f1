//! `gongji backup`: a copy of a serving server's store, with the key of its vault, checked before it counts.

pub(super) mod folder;
#[cfg(test)]
mod lineage_tests;
pub(super) mod manifest;
pub(super) mod place;
mod restore;
#[cfg(test)]
mod tests;
mod texts;

pub use restore::{RestoreArgs, restore};

use super::Exit;
use super::failure::Failure;
use super::output::{OutputArgs, say};
use super::time::rfc3339;
use crate::cli::any_store::AnySnapshot;
use crate::domain::value::{Civil, hex};
use crate::privacy::private_file;
use crate::store::failpoint::{Failpoint, hit};
use crate::store::sqlite::{self, Report, copy, exists};
use folder::{Folder, Kept};
use manifest::{DATABASE, FileMark, KEY, Manifest};
use place::{Place, PlaceArgs};
use serde_json::json;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Arguments.
#[derive(clap::Args)]
pub struct BackupArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Folder of backups, made when absent; each backup becomes a folder in it, named by owner and time
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Leave the vault's key out: then whoever finds the backup finds no names, and whoever has lost the key neither
    #[arg(long)]
    without_keys: bool,
    /// Also replay the journal and compare it with every table; holds all rows in memory
    #[arg(long)]
    replay: bool,
    /// Afterwards delete the oldest backups of this store in the folder, and keep so many, the one just made always
    #[arg(long, value_name = "N")]
    keep: Option<NonZeroUsize>,
    #[command(flatten)]
    output: OutputArgs,
}

/// What was made.
struct Made {
    folder: PathBuf,
    manifest: Manifest,
    report: Report,
    kept: Kept,
}

/// `gongji backup`.
pub fn backup(args: &BackupArgs) -> Exit {
    match make(args) {
        Ok(made) => {
            tell(args, &made);
            Exit::Done
        }
        Err(failure) => failure.report(args.output),
    }
}

fn make(args: &BackupArgs) -> Result<Made, Failure> {
    let Place { owner, data, key } = args.place.read()?;
    let key = match (args.without_keys, key) {
        (true, _) => None,
        (false, Some(key)) => Some(key),
        (false, None) => {
            let what = "--data says nothing of the vault's key: add --vault-key FILE, or --without-keys";
            return Err(Failure::Usage(what.to_owned()));
        }
    };
    if !exists(&data) {
        return Err(Failure::Usage(format!("{}: there is no store", data.display())));
    }
    let found = sqlite::owner(&data);
    let found = found.map_err(|error| Failure::Local(format!("{}: {error}", data.display())))?;
    if let Some(wanted) = owner.filter(|wanted| *wanted != found) {
        let data = data.display();
        return Err(Failure::Usage(format!("{data}: the store belongs to {found}, not to {wanted}")));
    }
    let mut folder = Folder::open(&args.to, &found)?;
    let (manifest, report) = write(&mut folder, &data, key.as_deref(), args.replay)?;
    let made = folder.finish(&manifest.time)?;
    hit(Failpoint::BackupNamed);
    let kept = args.keep.map_or(Ok(Kept::default()), |keep| folder.keep(keep, (&made, &manifest)))?;
    Ok(Made { folder: made, manifest, report, kept })
}

/// Writes and checks a draft.
fn write(
    folder: &mut Folder,
    data: &Path,
    key: Option<&Path>,
    replay: bool,
) -> Result<(Manifest, Report), Failure> {
    let draft = folder.draft()?;
    let place = draft.display().to_string();
    let failed = |what: &dyn std::fmt::Display| Failure::Local(format!("{place}: {what}"));
    let time = rfc3339(now());
    copy(data, &draft.join(DATABASE)).map_err(|error| failed(&error))?;
    hit(Failpoint::BackupCopied);
    // The copy and not the store is checked: it is what will be there when it is needed.
    let mut store = AnySnapshot::open(&draft).map_err(|error| failed(&error))?;
    let report = if replay {
        let verified = store.verify_replay().map_err(|error| failed(&error))?;
        if let Some(difference) = verified.difference {
            return Err(failed(&format!("the tables are not what the journal gives: {difference}")));
        }
        verified.report
    } else {
        store.verify().map_err(|error| failed(&error))?
    };
    let owner = store.owner().map_err(|error| failed(&error))?;
    let format = store.format().map_err(|error| failed(&error))?;
    let mut manifest = Manifest::new(owner, format, store.head(), time);
    manifest.lineage = manifest::lineage_of(&draft).map_err(|error| failed(&error))?;
    let rows = store.rows_by_key().map_err(|error| failed(&error))?;
    manifest.keys = Some(rows.into_iter().map(|(id, rows)| (manifest::key_name(id), rows)).collect());
    texts::copy(data, &draft, &mut manifest)?;
    if let Some(path) = key {
        copy_key(path, &draft.join(KEY), &mut store)?;
        hit(Failpoint::BackupKeyWritten);
    }
    drop(store);
    for name in [Some(DATABASE), key.map(|_| KEY)].into_iter().flatten() {
        let mark = FileMark::of(&draft.join(name)).map_err(|error| failed(&error))?;
        manifest.files.insert(name.to_owned(), mark);
    }
    manifest.write(&draft)?;
    hit(Failpoint::BackupManifestWritten);
    Ok((manifest, report))
}

fn copy_key(from: &Path, to: &Path, store: &mut AnySnapshot) -> Result<(), Failure> {
    let local = |error: &dyn std::fmt::Display| Failure::Local(error.to_string());
    place::check(from, store)?;
    let content = private_file::read(from).map_err(|error| local(&error))?;
    private_file::write_new(to, private_file::SECRET, &content).map_err(|error| local(&error))
}

fn now() -> Civil {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Civil(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn tell(args: &BackupArgs, made: &Made) {
    let Made { folder, manifest, report, kept: Kept { removed, left } } = made;
    let (with_keys, rulebooks) = (manifest.files.contains_key(KEY), texts::marked(manifest).len());
    let bytes: u64 = manifest.files.values().map(|file| file.bytes).sum();
    if args.output.json {
        say(json!({
            "folder": folder.display().to_string(),
            "owner": manifest.owner,
            "lineage": manifest.lineage,
            "head": { "sequence": manifest.sequence, "hash": manifest.head },
            "time": manifest.time,
            "bytes": bytes,
            "with_keys": with_keys,
            "rulebooks": rulebooks,
            "records": report.records,
            "rows": report.rows,
            "removed": removed.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
            "left": left.iter().map(|(path, _)| path.display().to_string()).collect::<Vec<_>>(),
        }));
        return;
    }
    say(format!("backup of {}: {}", manifest.owner, folder.display()));
    let head = hex(&report.head.hash.0);
    say(format!("as of sequence {}, head {head}, {bytes} bytes", manifest.sequence));
    let Report { records, rows, .. } = report;
    say(format!("checked: {records} records, chain whole, {rows} rows, {rulebooks} rule texts"));
    say(if with_keys {
        "with the vault's key: whoever has this folder can read every name in it; guard it like the key"
    } else {
        "WITHOUT the vault's key: keep that file elsewhere; without it no person in this backup is found again"
    });
    for path in removed {
        say(format!("deleted {}", path.display()));
    }
    for (path, why) in left {
        say(format!("left alone {}: {why}", path.display()));
    }
}
