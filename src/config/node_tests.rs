use super::*;
use crate::config::apps::NODE_METHODS;
use crate::config::testing::{assert_each_setting_is_explained, deploy, file, keys_in, keys_of, uncommented};
use crate::config::transport::Transport;

fn example() -> String {
    std::fs::read_to_string(deploy("node-13.toml")).unwrap()
}

#[test]
fn the_example_loads_with_the_defaults_that_it_shows() {
    let config = NodeConfig::load(&deploy("node-13.toml")).unwrap();
    assert_eq!(config.province, ProvinceCode::new(13));
    assert_eq!(config.hub, "https://127.0.0.1:7000");
    assert_eq!(config.server.limits, Limits::default());
    assert_eq!(config.server.rulebooks_path, deploy("rulebooks"));
    assert!(config.server.transport.is_tls());
    assert_eq!(config.apps.len(), 1);
    assert_eq!(config.apps[0].methods.len(), NODE_METHODS.len());
    let shown: NodeFile = toml::from_str(&uncommented(&example())).unwrap();
    assert_eq!(shown.limits.unwrap().into_inner(), Limits::default());
}

#[test]
fn the_example_shows_and_explains_every_key() {
    assert_each_setting_is_explained(&example());
    let shown: toml::Table = toml::from_str(&uncommented(&example())).unwrap();
    assert_eq!(keys_in(&shown), keys_of::<NodeFile>());
    let table = |key: &str| keys_in(shown[key].as_table().unwrap());
    assert_eq!(table("tls"), keys_of::<TlsFiles>());
    assert_eq!(table("limits"), keys_of::<Limits>());
    assert_eq!(table("log"), keys_of::<LogFile>());
    assert_eq!(table("alarms"), keys_of::<Alarms>());
    assert_eq!(table("hub"), keys_of::<HubPeerFile>());
    assert_eq!(keys_in(shown["apps"].as_array().unwrap()[0].as_table().unwrap()), keys_of::<NodeAppFile>());
}

#[test]
fn a_bad_file_is_refused_with_its_line() {
    let good = format!(
        "province = \"66\"\nlisten = \"127.0.0.1:0\"\ndata = \"d\"\nvault_key = \"k\"\nplaintext_loopback = true\n\
         regions = {:?}\nrulebooks = {:?}\n[hub]\naddress = \"http://[::1]:7000\"\n[[apps]]\nname = \"one\"\n",
        deploy("regions.toml"),
        deploy("rulebooks")
    );
    let (_folder, path) = file("node.toml", &good);
    assert_eq!(NodeConfig::load(&path).unwrap().server.transport, Transport::PlaintextLoopback);
    for (from, to, at, word) in [
        ("\"66\"", "\"67\"", "1:12", "table of places"),
        ("\"66\"", "\"00\"", "1:12", "two digits"),
        ("province = \"66\"\n", "", "1:1", "`province`"),
        ("http:", "https:", "9:11", "http://127.0.0.1"),
        ("address", "adress", "9:1", "`adress`"),
        ("name = \"one\"", "name = \"one\"\nprovinces = \"*\"", "12:1", "`provinces`"),
        ("name = \"one\"", "name = \"one\"\nmethods = []", "12:11", "`methods` is an empty list"),
        ("listen", "operators = []\nlisten", "2:13", "`operators` is an empty list"),
        ("listen", "platforms = [\"67\"]\nlisten", "2:14", "table of places"),
        ("name = \"one\"", "name = \"one\"\nmethods = [\"CloseWallet\"]", "12:12", "OpenWallet"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        let (_folder, path) = file("node.toml", &bad);
        let error = NodeConfig::load(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("node.toml:{at}: ")) && error.contains(word), "{to}: {error}");
    }
}
