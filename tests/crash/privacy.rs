//! No member's number, name or phone anywhere: not in a store, a log at its most talkative, or an answer's errors.

use super::process::Servers;
use crate::e2e::kit::people::{SPECIMENS, enrol, opening, party, person, resident, somebody};
use crate::e2e::kit::run;
use crate::e2e::kit::site::{Options, SICHUAN};
use gongji::domain::value::TransferId;
use gongji::proto::node::{OpenWalletRequest, WalletRelative};
use gongji::proto::types::{Kinship, Party};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { all_files(&path) } else { vec![path] }).collect()
}

/// What a platform states of a relative who opens a wallet.
const STATEMENT: &str = "已核验双方身份证影像";

/// The opening of this member's wallet by this relative.
fn opening_for(member: &Party, relative: &Party) -> OpenWalletRequest {
    let opened_by = WalletRelative {
        person: relative.person.clone(),
        kinship: Kinship::Child.into(),
        statement: STATEMENT.to_owned(),
    };
    OpenWalletRequest { opened_by: Some(opened_by), ..opening(member) }
}

fn holds(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle)
}

/// What must be found nowhere: as it is, and as programs that print bytes write it.
fn secrets(parties: &[&Party]) -> Vec<String> {
    let mut secrets = vec!["13800000000".to_owned(), STATEMENT.to_owned()];
    for person in parties.iter().filter_map(|party| party.person.as_ref()) {
        secrets.extend([person.id_number.clone(), person.name.clone()]);
        secrets.push(person.name.bytes().map(|byte| format!("\\x{byte:02x}")).collect());
        secrets.push(person.name.escape_unicode().to_string());
    }
    secrets
}

#[test]
fn no_person_is_in_any_file_or_error() {
    let options = Options {
        provinces: vec!["13", "51"],
        log: "filter = \"trace\"\nformat = \"json\"",
        ..Options::default()
    };
    let mut servers = Servers::start(&options);
    let stranger = somebody("510100");
    let wrong = party(SPECIMENS[0], "诸葛无名", "510100");
    let broken = party("110105194912310021", "司马不对", "510100");
    let (member, relative) = (somebody("510100"), somebody("130100"));
    let mut said = String::new();
    let (family, transfer_id) = run(async {
        let site = servers.site();
        let family = site.family("13", "51").await;
        let app = site.caller("app:demo");
        enrol(&site.caller("platform:51"), resident(&member)).await;
        let opened = app.ask_node(SICHUAN, opening_for(&member, &relative)).await;
        write!(said, "{:?}", opened.expect("opened")).expect("text");
        write!(said, "{:?}", app.ask_node(SICHUAN, opening_for(&member, &member)).await).expect("text");
        let good = family.transfer("12.34");
        write!(said, "{:?}", app.create(good.clone()).await).expect("text");
        for payee in [&stranger, &wrong, &broken] {
            let mut request = family.transfer("1.00");
            request.payee = Some(payee.clone());
            for answer in [app.create(request.clone()).await, app.get(&request.transfer_id).await] {
                write!(said, "{answer:?} {request:?}").expect("text");
                if let Err(status) = answer {
                    said.push_str(&String::from_utf8_lossy(status.details()));
                }
            }
            write!(said, "{:?}", app.check(&request).await).expect("text");
        }
        let mut renamed = good.clone();
        person(&mut renamed.payer).name = "诸葛无名".to_owned();
        write!(said, "{:?}", app.create(renamed).await).expect("text");
        let transfer_id = good.transfer_id;
        (family, transfer_id)
    });
    run(servers.stop());

    let secrets = secrets(&[&family.payer, &family.payee, &stranger, &wrong, &broken, &member, &relative]);
    // What is no UTF-8 around it does not hide a name or a number from this.
    let leaks = |place: &str, hay: &[u8]| {
        let hay = String::from_utf8_lossy(hay);
        assert!(!secrets.iter().any(|secret| hay.contains(secret)), "{place} holds personal data");
    };
    leaks("an answer", said.as_bytes());
    assert!(said.contains("PAYEE_NOT_INSURED") && said.contains("ID_NUMBER_CHECK_DIGIT"));
    // The transfer itself is found: the search can find what is there.
    let id = TransferId::parse(&transfer_id).expect("an id").0;
    let mut stores = 0;
    for path in all_files(servers.site().folder()) {
        let content = fs::read(&path).expect("a file");
        leaks(&path.display().to_string(), &content);
        let is_store = path.extension().is_some_and(|it| it == "sqlite" || it == "sqlite-wal");
        stores += usize::from(is_store && holds(&content, &id));
    }
    assert!(stores >= 3, "found in each of the three stores");
    for server in servers.names() {
        let log = fs::read_to_string(servers.log(&server)).expect("a log");
        assert!(log.contains("TRACE") || log.contains("DEBUG"), "{server} says all that it can");
    }
}
