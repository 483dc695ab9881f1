use super::*;
use crate::devkit::dev_ca::{self, Issued};
use clap::Parser;
use std::fs;

#[derive(Parser)]
struct Shell {
    #[command(flatten)]
    connect: ConnectArgs,
}

fn args(line: &[&str]) -> Result<ConnectArgs, clap::Error> {
    Shell::try_parse_from([&["x"], line].concat()).map(|shell| shell.connect)
}

fn load(line: &[&str]) -> Result<Connection, String> {
    let args = args(line).map_err(|error| error.to_string())?;
    Connection::load(&args).map_err(|failure| failure.to_string())
}

const FILE: &str = r#"{"hub": "127.0.0.1:7000", "nodes": {"13": "127.0.0.1:7013", "51": "127.0.0.1:7051"},
    "ca": "/c/ca.pem", "cert": "app.pem", "key": "/c/app.key", "operator": {"cert": "o", "key": "o"},
    "platforms": {"13": {"cert": "/c/p13.pem", "key": "/c/p13.key"}}, "members": [{"name": "x"}]}"#;

#[test]
fn times_have_a_unit_and_are_more_than_zero() {
    assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
    assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
    assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
    assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5_400)));
    for bad in ["", "10", "s", "0s", "-1s", "99999999999999999999s", "٣s", "100000s"] {
        assert!(duration(bad).is_err(), "{bad}");
    }
}

#[test]
fn options_stand_above_the_file_and_replace_it_when_they_say_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("connect.json");
    fs::write(&path, FILE).unwrap();
    let file = ["--connect", path.to_str().unwrap()];
    let plain = load(&file).unwrap();
    let own = |connection: &Connection| connection.own.clone().unwrap();
    assert_eq!(own(&plain).cert, folder.path().join("app.pem"), "taken from the file's folder");
    assert_eq!(own(&plain).key, Path::new("/c/app.key"));
    assert_eq!(plain.platforms[&ProvinceCode::new(13)].key, Path::new("/c/p13.key"));

    let node = |code| Role::Node(ProvinceCode::new(code));
    let mixed = load(&[&file[..], &["--hub", "h:1", "--node", "51=n:2"]].concat()).unwrap();
    assert_eq!(mixed.hub.as_deref(), Some("h:1"));
    assert_eq!(mixed.address(&node(51)).ok(), Some("n:2"));
    assert_eq!(mixed.address(&node(13)).ok(), Some("127.0.0.1:7013"));
    let missing = mixed.address(&node(35)).unwrap_err();
    assert_eq!(missing.exit(), Exit::Usage);
    assert!(missing.to_string().contains("--node 35="), "{missing}");

    let certs = ["--ca", "a", "--cert", "b", "--key", "c"];
    let named = load(&[&file[..], &certs[..]].concat()).unwrap();
    assert!(named.platforms.is_empty(), "the named certificate counts everywhere");
    let explicit = load(&[&certs[..], &["--hub", "h:1"]].concat()).unwrap();
    assert!(explicit.nodes.is_empty() && own(&explicit).cert == Path::new("b"));
}

#[test]
fn a_missing_or_broken_file_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("connect.json");
    let line = ["--connect", path.to_str().unwrap()];
    let missing = load(&line).unwrap_err();
    assert!(missing.contains("connect.json") && missing.contains("gongji demo"), "{missing}");
    fs::write(&path, "{\"hub\": 1}").unwrap();
    assert!(load(&line).unwrap_err().contains("connect.json"));
}

#[test]
fn half_an_identity_is_refused() {
    assert!(args(&["--cert", "a"]).is_err());
    assert!(args(&["--plaintext-as", "urn:gongji:app:x", "--ca", "a"]).is_err());
    assert!(args(&["--plaintext-as", "me"]).is_err());
    assert!(args(&["--node", "5=h:1"]).is_err());
    let server = load(&["--plaintext-as", "urn:gongji:app:x", "--hub", "10.0.0.1:1"]).unwrap().hub();
    let error = server.err().map(|failure| failure.to_string()).unwrap_or_default();
    assert!(error.contains("loopback"), "{error}");
}

#[test]
fn own_certificates_that_nobody_would_believe_are_named_in_both_languages() {
    let folder = tempfile::tempdir().unwrap();
    dev_ca::init(folder.path()).unwrap();
    let Issued { cert, key } = dev_ca::issue(folder.path(), &Role::App("x".to_owned()), &[]).unwrap();
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let connection = load(&["--hub", "h:1", "--ca", cert, "--cert", cert, "--key", key]).unwrap();
    let failure = connection.hub().err().unwrap();
    let text = failure.to_string();
    assert_eq!(failure.exit(), Exit::Usage);
    assert!(text.contains("app-x.pem: CN=urn:gongji:app:x is no authority"), "{text}");
    assert!(text.contains("\n  该证书不是签发机构的证书"), "{text}");
}
