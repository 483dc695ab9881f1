use super::*;
use crate::devkit::site::{Addresses, Site};
use crate::transport::identity::Role;
use std::fs;
use tempfile::TempDir;

/// A site with a certificate of the hub's, and the same of another authority in a folder beside it.
fn sites() -> (TempDir, [Site; 2]) {
    let folder = TempDir::new().expect("a folder");
    let site = |name: &str| {
        let root = folder.path().join(name);
        fs::create_dir(&root).expect("made");
        let site = Site::new(&root, Addresses::new());
        site.issue([Role::Hub]).expect("issued");
        site
    };
    let sites = [site("one"), site("other")];
    (folder, sites)
}

#[test]
fn changed_files_are_taken_when_they_have_come_to_rest() {
    let (_folder, [site, other]) = sites();
    let (own, new) = (site.certificate(&Role::Hub), other.certificate(&Role::Hub));
    let tls = site.tls(&Role::Hub).expect("sound");
    let mut watch = Watch::new(tls.clone());
    assert!(watch.look().is_none() && watch.look().is_none(), "nothing is new");

    fs::copy(&new.cert, &own.cert).expect("copied");
    assert!(watch.look().is_none(), "its key may follow");
    fs::copy(&new.key, &own.key).expect("copied");
    assert!(watch.look().is_none(), "the files are still being written");
    assert!(matches!(watch.look(), Some(Ok(true))));
    assert!(watch.look().is_none());
    assert_eq!(tls.generation(), 1);
}

#[test]
fn unsound_files_are_told_once_and_the_old_contents_stay() {
    let (_folder, [site, other]) = sites();
    let own = site.certificate(&Role::Hub);
    let tls = site.tls(&Role::Hub).expect("sound");
    let good = fs::read(&own.cert).expect("read");
    let mut watch = Watch::new(tls.clone());
    fs::copy(&other.certificate(&Role::Hub).cert, &own.cert).expect("copied");
    assert!(watch.look().is_none());
    assert!(matches!(watch.look(), Some(Err(_))), "its key did not follow");
    assert!(watch.look().is_none() && watch.look().is_none(), "not every three seconds");
    assert!(watch.reload().is_err(), "whoever asks is told again");
    fs::remove_file(&own.cert).expect("removed");
    assert!(watch.look().is_none());
    assert!(matches!(watch.look(), Some(Err(_))), "a file that has gone");
    fs::write(&own.cert, good).expect("written");
    assert!(watch.look().is_none());
    assert!(matches!(watch.look(), Some(Ok(false))), "what was in force all the time");
    assert_eq!(tls.generation(), 0);
}

#[test]
fn what_ends_soon_is_told_once_a_day() {
    let (_folder, [site, _]) = sites();
    let mut watch = Watch::new(site.tls(&Role::Hub).expect("sound"));
    let start = watch.told;
    let after = |hours: u64| start + Duration::from_secs(hours * 3_600);
    assert!(!watch.is_due(after(23)));
    assert!(watch.is_due(after(24)) && !watch.is_due(after(47)) && watch.is_due(after(48)));
}
