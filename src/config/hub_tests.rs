use super::*;
use crate::config::apps::{HUB_METHODS, Provinces};
use crate::config::callers::Callers;
use crate::config::log::LogConfig;
use crate::config::testing::{assert_each_setting_is_explained, deploy, keys_in, keys_of, uncommented};
use crate::config::transport::Transport;
use crate::domain::value::{Civil, ProvinceCode};
use tempfile::TempDir;

fn example() -> String {
    std::fs::read_to_string(deploy("hub.toml")).unwrap()
}

/// A folder that holds places and rules, and this text as `hub.toml`.
fn folder(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.toml");
    std::fs::write(&path, text).unwrap();
    std::fs::copy(deploy("regions.toml"), folder.path().join("regions.toml")).unwrap();
    std::fs::create_dir(folder.path().join("rulebooks")).unwrap();
    std::fs::create_dir(folder.path().join("calendar")).unwrap();
    for name in ["rulebooks/national.toml", "calendar/2025.toml", "calendar/2026.toml"] {
        std::fs::copy(deploy(name), folder.path().join(name)).unwrap();
    }
    (folder, path)
}

fn loaded(text: &str) -> Result<HubConfig, String> {
    let (_folder, path) = folder(text);
    HubConfig::load(&path).map_err(|error| error.to_string())
}

#[test]
fn the_example_loads_with_the_defaults_that_it_shows() {
    let config = HubConfig::load(&deploy("hub.toml")).unwrap();
    assert_eq!(config.server.listen.port(), 7000);
    assert_eq!(config.server.data, deploy("../data/hub"));
    assert_eq!(config.server.regions_path, deploy("regions.toml"));
    assert_eq!(config.server.limits, Limits::default());
    assert_eq!(config.server.log, LogConfig::default());
    assert!(!config.server.reflection && config.server.civil_start.is_none());
    let Transport::Tls(tls) = &config.server.transport else { panic!("no TLS") };
    assert_eq!(tls.cert, deploy("../certs/hub.pem"));
    let provinces: Vec<u8> = config.nodes.iter().map(|node| node.province.number()).collect();
    assert_eq!(provinces, [13, 51]);
    assert!(config.apps[0].provinces.contains(ProvinceCode::new(13)));
    assert!(!config.apps[0].provinces.contains(ProvinceCode::new(14)));

    let shown = uncommented(&example()).replace("plaintext_loopback = true", "plaintext_loopback = false");
    let shown = loaded(&shown).unwrap();
    assert_eq!(shown.server.limits, Limits::default());
    assert_eq!(shown.server.log, LogConfig::default());
    assert_eq!(shown.server.alarms, Alarms::default());
    assert_eq!(shown.apps[0].methods, config.apps[0].methods);
    assert_eq!(shown.apps[0].methods.len(), HUB_METHODS.len());
    assert_eq!(shown.server.civil_start, Some(Civil(1_795_226_400_000)));
    assert_eq!(config.working_days, WorkingDays::default());
    assert_eq!(shown.working_days.years().collect::<Vec<_>>(), [2025, 2026]);
}

#[test]
fn the_example_shows_and_explains_every_key() {
    assert_each_setting_is_explained(&example());
    let shown: toml::Table = toml::from_str(&uncommented(&example())).unwrap();
    assert_eq!(keys_in(&shown), keys_of::<HubFile>());
    let table = |key: &str| keys_in(shown[key].as_table().unwrap());
    assert_eq!(table("tls"), keys_of::<TlsFiles>());
    assert_eq!(table("limits"), keys_of::<Limits>());
    assert_eq!(table("log"), keys_of::<LogFile>());
    assert_eq!(table("alarms"), keys_of::<Alarms>());
    assert_eq!(table("settlement"), keys_of::<Settlement>());
    let first = |key: &str| keys_in(shown[key].as_array().unwrap()[0].as_table().unwrap());
    assert_eq!(first("nodes"), keys_of::<NodePeerFile>());
    assert_eq!(first("apps"), keys_of::<HubAppFile>());
}

const GOOD: &str = r#"listen = "127.0.0.1:0"
data = "data"
vault_key = "/keys/vault"
tls = { ca = "ca.pem", cert = "c.pem", key = "k.pem" }
nodes = [
    { province = "13", address = "https://127.0.0.1:7013" },
    { province = "14", address = "https://127.0.0.1:7014" },
]
apps = [
    { name = "one", provinces = "*" },
    { name = "two", provinces = ["66"], methods = ["GetTransfer"] },
]
limits = { streams_max = 8 }
log = { format = "json", filter = "gongji=debug,warn" }
"#;

#[test]
fn paths_are_taken_from_the_folder_of_the_file() {
    let (folder, path) = folder(GOOD);
    let config = HubConfig::load(&path).unwrap();
    assert_eq!(config.server.data, folder.path().join("data"));
    assert_eq!(config.server.vault_key, Path::new("/keys/vault"));
    assert_eq!(config.server.limits, Limits { streams_max: 8, ..Limits::default() });
    assert_eq!(config.apps[0].provinces, Provinces::All);
    assert_eq!(config.apps[1].methods.iter().map(String::as_str).collect::<Vec<_>>(), ["GetTransfer"]);
}

#[test]
fn a_bad_file_is_refused_with_its_line_and_advice() {
    for (from, to, at, word) in [
        ("listen =", "lisen =", "1:1", "`lisen`"),
        ("127.0.0.1:0", "127.0.0.1", "1:10", "`listen`"),
        ("data = \"data\"\n", "", "1:1", "`data`"),
        ("ca = \"ca.pem\", ", "", "4:7", "`ca`"),
        ("cert =", "crt =", "4:24", "`crt`"),
        ("province = \"14\"", "province = \"13\"", "7:18", "two nodes"),
        ("province = \"14\"", "province = \"71\"", "7:18", "table of places"),
        ("127.0.0.1:7014", "127.0.0.1:7013", "7:34", "province 13"),
        ("https://127.0.0.1:7014", "http://127.0.0.1:7014", "7:34", "https://"),
        ("https://127.0.0.1:7014", "https://127.0.0.1", "7:34", "host:port"),
        ("\"two\"", "\"one\"", "11:14", "twice"),
        ("\"two\"", "\"t:o\"", "11:14", "urn:gongji:app"),
        ("\"*\"", "\"all\"", "10:33", "\"*\""),
        ("\"66\"", "\"67\"", "11:34", "table of places"),
        ("\"66\"", "66", "11:34", "two digits"),
        ("GetTransfer", "GetTransfers", "11:52", "WatchTransfers"),
        ("streams_max = 8", "streams_max = 0", "13:10", "streams_max"),
        ("streams_max = 8", "deadline_min_ms = 20000", "13:10", "deadline_default_ms"),
        ("streams_max = 8", "message_bytes_max = 4096", "13:10", "message_bytes_max"),
        ("streams_max = 8", "stream_max = 8", "13:12", "`stream_max`"),
        ("methods = [\"GetTransfer\"]", "methods = []", "11:51", "`methods` is an empty list"),
        ("[\"66\"]", "[]", "11:33", "`provinces` is an empty list"),
        ("data =", "operators = []\ndata =", "2:13", "`operators` is an empty list"),
        ("data =", "platforms = []\ndata =", "2:13", "`platforms` is an empty list"),
        ("data =", "finance = []\ndata =", "2:11", "`finance` is an empty list"),
        ("data =", "operators = [\"a\", \"a\"]\ndata =", "2:19", "listed twice"),
        ("data =", "operators = [\"Li\"]\ndata =", "2:14", "NAME"),
        ("data =", "operators = \"li\"\ndata =", "2:13", "sequence"),
        ("data =", "platforms = [\"67\"]\ndata =", "2:14", "table of places"),
        ("data =", "platforms = [\"five\"]\ndata =", "2:14", "two digits"),
        ("data =", "finance = [\"li\"]\ndata =", "2:12", "51:NAME"),
        ("data =", "finance = [\"67:li\"]\ndata =", "2:12", "table of places"),
        ("\"json\"", "\"xml\"", "14:18", "`xml`"),
        ("gongji=debug,warn", "gongji=loud", "14:35", "`filter`"),
        ("data =", "civil_start = \"2026-11-21 10:00\"\ndata =", "2:15", "Asia/Shanghai"),
        ("data =", "civil_start = \"2019-12-31T23:59:59+08:00\"\ndata =", "2:15", "2020 to 2100"),
        ("data =", "civil_start = \"2100-01-01T00:00:00+08:00\"\ndata =", "2:15", "2020 to 2100"),
        ("data =", "plaintext_loopback = true\ndata =", "2:22", "both"),
        ("data =", "data = \"twice\"\ndata =", "3:1", "duplicate"),
        ("data =", "data", "2:6", "key"),
    ] {
        let bad = GOOD.replacen(from, to, 1);
        assert_ne!(bad, GOOD, "{from}");
        let error = loaded(&bad).unwrap_err();
        assert!(error.contains(&format!("hub.toml:{at}: ")) && error.contains(word), "{to}: {error}");
        assert!(!error.contains('\n') && error.contains("; "), "{error}");
    }
    let error = loaded(&GOOD.replacen("data =", "regions = \"elsewhere.toml\"\ndata =", 1)).unwrap_err();
    assert!(error.contains("elsewhere.toml: cannot be read"), "{error}");
    let error =
        loaded(&GOOD.replacen("data =", "calendar = [\"calendar/2027.toml\"]\ndata =", 1)).unwrap_err();
    assert!(error.contains("calendar/2027.toml: cannot be read"), "{error}");
}

#[test]
fn a_list_of_callers_is_taken_and_one_that_is_not_there_is_told() {
    let config = loaded(GOOD).unwrap();
    assert_eq!(config.server.callers, Callers::default());
    let warnings = config.server.callers.warnings();
    for (list, warning) in ["`operators`", "`platforms`", "`finance`"].into_iter().zip(&warnings) {
        assert!(warning.contains(list) && warning.contains("every certificate urn:gongji:"), "{warning}");
    }
    let lists =
        "operators = [\"li\", \"he-2\"]\nplatforms = [\"13\"]\nfinance = [\"51:li\", \"13:li\"]\ndata =";
    let callers = loaded(&GOOD.replacen("data =", lists, 1)).unwrap().server.callers;
    let (hebei, sichuan) = (ProvinceCode::new(13), ProvinceCode::new(51));
    assert_eq!(callers.operators, Some(["he-2".to_owned(), "li".to_owned()].into()));
    assert_eq!(callers.platforms, Some([hebei].into()));
    assert_eq!(callers.finance, Some([(hebei, "li".to_owned()), (sichuan, "li".to_owned())].into()));
    assert_eq!(callers.warnings(), Vec::<String>::new());
    let apps = GOOD.find("apps = [").unwrap()..GOOD.find("limits =").unwrap();
    let mut none = GOOD.to_owned();
    none.replace_range(apps, "apps = []\n");
    assert!(loaded(&none).unwrap_err().contains("hub.toml:9:8: `apps` is an empty list"));
}

#[test]
fn plaintext_is_for_loopback_only() {
    let tls = "tls = { ca = \"ca.pem\", cert = \"c.pem\", key = \"k.pem\" }";
    let plain = GOOD.replace(tls, "plaintext_loopback = true").replace("https://", "http://");
    assert_eq!(loaded(&plain).unwrap().server.transport, Transport::PlaintextLoopback);
    assert!(loaded(&plain.replace("127.0.0.1:0", "[::1]:0")).is_ok());
    let open = loaded(&plain.replace("127.0.0.1:0", "0.0.0.0:0")).unwrap_err();
    assert!(open.contains("hub.toml:1:10: ") && open.contains("loopback"), "{open}");
    let away = loaded(&plain.replace("http://127.0.0.1:7014", "http://10.0.0.1:7014")).unwrap_err();
    assert!(away.contains("hub.toml:7:34: "), "{away}");
    let none = loaded(&GOOD.replace(tls, "plaintext_loopback = false")).unwrap_err();
    assert!(none.contains("hub.toml: [tls] is missing"), "{none}");
}

#[test]
fn a_secret_in_the_place_of_its_file_or_a_key_file_as_configuration_is_not_shown() {
    let secret = "0123456789abcdef".repeat(4);
    let path = "vault_key = \"keys/vault\"";
    assert!(GOOD.contains("vault_key"), "{path}");
    let inline = GOOD.lines().map(|line| {
        if line.starts_with("vault_key") {
            format!("vault_key = \"{secret}\"\n")
        } else {
            format!("{line}\n")
        }
    });
    let seal = format!("# Keys\ndigests {secret} {secret} {secret}\nseal - {secret}\n");
    let unknown = format!("{secret} = 1\n{GOOD}");
    let value = GOOD.replacen("streams_max = 8", &format!("streams_max = \"{secret}\""), 1);
    let address = GOOD.replacen("127.0.0.1:0", &secret, 1);
    for bad in [inline.collect(), secret.clone(), format!("{secret}\n"), seal, unknown, value, address] {
        let error = loaded(&bad).unwrap_err();
        assert!(!error.contains(&secret[..8]) && !error.contains(&secret[40..56]), "{error}");
        assert!(!error.contains(&secret[2..20]) && error.contains("hub.toml"), "{error}");
    }
}
