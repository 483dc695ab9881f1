//! `gongji members import` with files as they come from spreadsheets, old systems and other people's exports. The files
//! are in `cases/`; all persons are invented.

use super::kit::cluster::{Cluster, own, shared};
use super::kit::people::{employee, enrol, party, somebody};
use super::kit::site::{Options, province};
use super::kit::verdict::refused;
use gongji::domain::value::IdNumber;
use gongji::transport::identity::Role;
use serde_json::{Value, json};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tonic::Code;

/// What an import says: its exit code, and the document that it prints.
struct Said {
    code: Option<i32>,
    document: Value,
}

impl Said {
    /// Rows, accepted, unchanged, bad.
    fn counts(&self) -> [u64; 4] {
        ["row_count", "accepted_count", "unchanged_count", "rejected_count"]
            .map(|name| self.document[name].as_u64().expect("a number"))
    }

    /// Line and reason of each bad row.
    fn bad(&self) -> Vec<(u64, &str)> {
        self.lines("rejected", "reason")
    }

    fn lines(&self, list: &str, what: &str) -> Vec<(u64, &str)> {
        let lines = self.document[list].as_array().expect("a list").iter();
        lines.map(|it| (it["line"].as_u64().expect("a line"), it[what].as_str().expect("a word"))).collect()
    }
}

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/cases").join(name)
}

/// Imports a file as the province's own system.
fn import(cluster: &Cluster, digits: &str, file: &Path, more: &[&str]) -> Said {
    let (site, platform) = (cluster.site(), Role::Platform(province(digits)));
    let own = site.layout().certificate(&platform);
    let mut command = Command::new(env!("CARGO_BIN_EXE_gongji"));
    command.args(["members", "import", "--json", "--province", digits]).arg(file).args(more);
    command.args(["--node", &format!("{digits}=127.0.0.1:{}", site.port(digits))]);
    command.arg("--ca").arg(site.layout().ca()).arg("--cert").arg(own.cert).arg("--key").arg(own.key);
    let output = command.output().expect("it runs");
    let document = serde_json::from_slice(&output.stdout);
    let document = document.unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let said = Said { code: output.status.code(), document };
    if said.code != Some(64) {
        let [rows, accepted, unchanged, bad] = said.counts();
        assert_eq!(rows, accepted + unchanged + bad, "{}", said.document);
    }
    said
}

fn import_case(cluster: &Cluster, digits: &str, name: &str, more: &[&str]) -> Said {
    import(cluster, digits, &case(name), more)
}

/// A file that is gone at the end of the test.
fn written(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), text).expect("written");
    file
}

#[test]
fn no_row_of_a_file_with_cr_is_lost() {
    shared(async |cluster| {
        let all = import_case(cluster, "13", "01-cr-file-all-cr.csv", &[]);
        assert_eq!((all.code, all.counts()), (Some(0), [2, 2, 0, 0]));
        let some = import_case(cluster, "13", "01-cr-file-one-line.csv", &[]);
        assert_eq!((some.code, some.counts()), (Some(0), [3, 3, 0, 0]));
        let again = import_case(cluster, "13", "01-cr-file-one-line.csv", &[]);
        assert_eq!((again.code, again.counts()), (Some(0), [3, 0, 3, 0]));
    });
}

#[test]
fn what_was_booked_for_a_number_is_booked_whatever_its_owner_is_called() {
    shared(async |cluster| {
        let june = ["--period", "202606"];
        let first = import_case(cluster, "13", "02-renamed-rerun-1.csv", &june);
        assert_eq!((first.code, first.counts()), (Some(0), [2, 2, 0, 0]));
        let again = import_case(cluster, "13", "02-renamed-rerun-2.csv", &june);
        assert_eq!((again.code, again.counts()), (Some(1), [2, 1, 0, 1]));
        assert_eq!(again.bad(), [(2, "NAME_MISMATCH")]);
        assert_eq!(again.lines("changed", "change"), [(3, "moved")]);
        let credited = |said: &Said| {
            (said.document["credited_count"].clone(), said.lines("rejected_credits", "reason").len())
        };
        assert_eq!(credited(&again), (json!(2), 0), "both were booked before");
        let renamed =
            import_case(cluster, "13", "02-renamed-rerun-2.csv", &["--accept-new-names", june[0], june[1]]);
        assert_eq!((renamed.code, renamed.counts()), (Some(0), [2, 1, 1, 0]));
        assert_eq!(
            (renamed.lines("changed", "change"), credited(&renamed)),
            (vec![(2, "renamed")], (json!(2), 0))
        );
        // Another amount for the same month is another allotment.
        let text =
            fs::read_to_string(case("02-renamed-rerun-2.csv")).expect("a case").replace("100.00", "100.01");
        let differs = import(cluster, "13", written(&text).path(), &june);
        let expected = [(2, "CONTENT_DIFFERS"), (3, "CONTENT_DIFFERS")];
        assert_eq!((differs.code, differs.lines("rejected_credits", "reason")), (Some(1), expected.to_vec()));
        // What was never booked is not booked for somebody with another name.
        let text = text.replace("郑捌", "郑九");
        let july = import(cluster, "13", written(&text).path(), &["--period", "202607"]);
        assert_eq!((july.bad(), credited(&july)), (vec![(2, "NAME_MISMATCH")], (json!(1), 0)));
        let platform = cluster.caller("platform:13");
        let member = platform.member(&party("13999919700101021X", "郑捌", "130100")).await.expect("there");
        assert_eq!(member.balance, "100.00");
    });
}

#[test]
fn nobody_takes_another_persons_number() {
    shared(async |cluster| {
        let file = "03-whose-id.csv";
        let first = import_case(cluster, "13", file, &[]);
        assert_eq!(
            (first.code, first.counts(), first.bad()),
            (Some(1), [2, 1, 0, 1], vec![(3, "NUMBER_REPEATED")])
        );
        let twice = import_case(cluster, "13", file, &["--accept-repeated-numbers"]);
        assert_eq!((twice.counts(), twice.bad()), ([2, 0, 1, 1], vec![(3, "NAME_MISMATCH")]));
        let platform = cluster.caller("platform:13");
        let owner = party("139999197001010244", "陈晓东", "130100");
        platform.member(&owner).await.expect("the owner keeps his number");
        let both = import_case(cluster, "13", file, &["--accept-repeated-numbers", "--accept-new-names"]);
        assert_eq!((both.code, both.lines("changed", "change")), (Some(0), vec![(3, "renamed")]));
        refused(platform.member(&owner).await, Code::NotFound, "MEMBER_NOT_FOUND");
    });
}

#[test]
fn an_older_file_undoes_nothing_in_silence() {
    shared(async |cluster| {
        let tuesday = import_case(cluster, "13", "04-stale-file-tuesday.csv", &["--as-of", "2999-01-01"]);
        assert_eq!((tuesday.code, tuesday.counts()), (Some(0), [2, 2, 0, 0]));
        let monday = "04-stale-file-monday.csv";
        let old = import_case(cluster, "13", monday, &["--as-of", "2020-01-01"]);
        assert_eq!((old.code, old.bad()), (Some(1), vec![(2, "MEMBER_NEWER"), (3, "MEMBER_NEWER")]));
        let forced = import_case(cluster, "13", monday, &[]);
        assert_eq!((forced.code, forced.counts()), (Some(0), [2, 2, 0, 0]));
        let expected = [(2, "reactivated"), (3, "reactivated")];
        assert_eq!(forced.lines("changed", "change"), expected);
    });
}

#[test]
fn numbers_that_a_spreadsheet_has_rounded_are_nobodys() {
    shared(async |cluster| {
        let (file, june) = ("05-excel-000.csv", ["--period", "202606"]);
        let said = import_case(cluster, "13", file, &june);
        assert_eq!((said.code, said.counts()), (Some(1), [3, 0, 0, 3]));
        assert!(said.bad().iter().all(|(_, reason)| *reason == "ID_NUMBER_ROUNDED"));
        let taken = import_case(cluster, "13", file, &["--accept-rounded-numbers", june[0], june[1]]);
        assert_eq!((taken.code, taken.counts()), (Some(0), [3, 3, 0, 0]));
    });
}

#[test]
fn names_that_nobody_can_type_are_refused_with_line_and_code_point() {
    shared(async |cluster| {
        let said = import_case(cluster, "13", "06-invisible.csv", &[]);
        assert_eq!((said.code, said.counts()), (Some(1), [3, 0, 0, 3]));
        for ((line, message), code_point) in
            said.lines("rejected", "message").into_iter().zip(["U+200B", "U+202D", "U+FEFF"])
        {
            assert!(
                message.starts_with("NAME_MALFORMED") && message.contains(code_point),
                "{line}: {message}"
            );
        }
        assert!(
            said.document["rejected"][0]["message_zh"].as_str().is_some_and(|it| it.contains("不可见字符"))
        );
    });
}

#[test]
fn every_dot_is_the_dot_between_the_parts_of_a_name() {
    shared(async |cluster| {
        let said = import_case(cluster, "51", "07-name-dot.csv", &[]);
        assert_eq!((said.code, said.counts()), (Some(0), [3, 3, 0, 0]));
        let platform = cluster.caller("platform:51");
        for number in ["519999197101015019", "519999197101015027", "519999197101015035"] {
            for name in ["买买提·吐尔逊", "买买提.吐尔逊"] {
                platform.member(&party(number, name, "510100")).await.expect("found by any dot");
            }
        }
    });
}

#[test]
fn rare_characters_are_what_they_stand_for_or_refused() {
    shared(async |cluster| {
        let said = import_case(cluster, "51", "08-rare-chars.csv", &[]);
        assert_eq!(
            (said.code, said.counts(), said.bad()),
            (Some(1), [3, 2, 0, 1], vec![(4, "NAME_MALFORMED")])
        );
        assert!(said.lines("rejected", "message")[0].1.contains("U+E0100"));
        let platform = cluster.caller("platform:51");
        for (number, name) in [("519999197201013010", "王䶮"), ("519999197201013029", "山本")] {
            platform.member(&party(number, name, "510100")).await.expect("found by what people type");
        }
    });
}

#[test]
fn a_file_that_is_not_utf8_or_has_no_rows_is_one_message() {
    shared(async |cluster| {
        let gbk = import_case(cluster, "51", "08-rare-chars-gbk.csv", &[]);
        let message = gbk.document["error"]["message"].as_str().expect("a message");
        assert_eq!(gbk.code, Some(64), "{message}");
        assert!(
            message.contains("not UTF-8") && message.contains("另存为") && !message.contains('\n'),
            "{message}"
        );
        let empty =
            import(cluster, "51", written("id_number,name,region_code,insurance,status\n").path(), &[]);
        assert_eq!(empty.code, Some(64));
        assert!(empty.document["error"]["message"].as_str().is_some_and(|it| it.contains("没有数据行")));
    });
}

#[test]
fn births_to_come_and_15_places_are_taken_where_a_switch_says_so() {
    shared(async |cluster| {
        let said = import_case(cluster, "13", "09-special-ids.csv", &[]);
        assert_eq!((said.code, said.counts()), (Some(1), [2, 0, 0, 2]));
        assert_eq!(said.bad(), [(2, "ID_NUMBER_FUTURE_BIRTH"), (3, "ID_NUMBER_MALFORMED")]);
        assert!(said.lines("rejected", "message_zh")[1].1.contains("18 位"));
        let switches = ["--accept-future-births", "--accept-15-places"];
        let taken = import_case(cluster, "13", "09-special-ids.csv", &switches);
        assert_eq!((taken.code, taken.counts()), (Some(0), [2, 2, 0, 0]));
        let long = party("139999199001010016", "旧号", "130100");
        cluster.caller("platform:13").member(&long).await.expect("kept with 18 places");
    });
}

/// One damaged row of the vault stopped an import at its chunk for ever.
#[test]
fn one_damaged_person_of_500_is_one_bad_line() {
    let options = Options { provinces: vec!["13"], ..Options::default() };
    own(&options, async |cluster| {
        let damaged = somebody("130100");
        enrol(&cluster.caller("platform:13"), employee(&damaged)).await;
        cluster.stop("13");
        let database = rusqlite::Connection::open(cluster.site().data("13").join("gongji.sqlite"));
        let changed = database.expect("a store").execute("UPDATE vault_person SET sealed = zeroblob(60)", []);
        assert_eq!(changed.expect("damaged"), 1);
        cluster.restart("13");
        let mut text = "id_number,name,region_code,insurance,status\n".to_owned();
        let numbers = (1..).map(|row| IdNumber::generate(139_999, (1980, 1, 1), row).expect("a number"));
        let whole = numbers.filter(|number| !number.reveal().ends_with("000")).take(500);
        for (row, number) in whole.enumerate() {
            let number = match (row, damaged.person.as_ref()) {
                (250, Some(person)) => &person.id_number,
                _ => number.reveal(),
            };
            writeln!(text, "{number},张三,130100,employee,active").expect("a text");
        }
        let said = import(cluster, "13", written(&text).path(), &[]);
        assert_eq!((said.code, said.counts()), (Some(1), [500, 499, 0, 1]));
        assert_eq!(said.bad(), [(252, "PERSON_UNREADABLE")]);
    });
}
