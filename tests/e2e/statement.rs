//! Statements of closed windows, over real servers.

use super::kit::cluster::{Cluster, own};
use super::kit::site::Options;
use super::kit::verdict::refused;
use gongji::devkit::client::Caller;
use gongji::proto::hub::get_statement_request::Span;
use gongji::proto::hub::get_statement_response::Part;
use gongji::proto::hub::settlement_service_client::SettlementServiceClient;
use gongji::proto::hub::{
    CloseWindowRequest, GetOpenWindowRequest, GetPositionsRequest, GetStatementRequest, StatementHeader,
    StatementPosition, StatementRow, StatementTrailer,
};
use gongji::transport::identity::Role;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;
use tonic::{Code, Status};

/// All of a stream that came to its end.
#[derive(Clone, Debug, PartialEq)]
struct Statement {
    header: StatementHeader,
    rows: Vec<StatementRow>,
    trailer: StatementTrailer,
}

fn of_window(window: &str) -> GetStatementRequest {
    GetStatementRequest { span: Some(Span::WindowId(window.to_owned())), ..Default::default() }
}

fn of_period(period: &str) -> GetStatementRequest {
    GetStatementRequest { span: Some(Span::PeriodId(period.to_owned())), ..Default::default() }
}

async fn read(caller: &Caller, request: GetStatementRequest) -> Result<Statement, Status> {
    let mut parts = SettlementServiceClient::new(caller.channel(&Role::Hub)).get_statement(request).await?;
    let (mut header, mut rows, mut trailer) = (None, Vec::new(), None);
    while let Some(part) = parts.get_mut().message().await? {
        match part.part.expect("a part is one of three") {
            Part::Header(it) => assert!(header.replace(it).is_none() && rows.is_empty(), "first, and once"),
            Part::Rows(it) => rows.extend(it.rows),
            Part::Trailer(it) => assert!(trailer.replace(it).is_none(), "once"),
        }
    }
    Ok(Statement { header: header.expect("a header"), rows, trailer: trailer.expect("a trailer") })
}

async fn close(operator: &Caller, window: &str) {
    operator.ask_hub(CloseWindowRequest { window_id: window.to_owned() }).await.expect("closed");
}

/// The open window, after the day's first was closed; three commits between 13 and 51, one between 13 and 14.
async fn a_window(cluster: &Cluster, operator: &Caller) -> (String, String) {
    let open = operator.ask_hub(GetOpenWindowRequest {}).await.expect("an answer").window.expect("open");
    close(operator, &open.window_id).await;
    let app = cluster.app();
    let (there, back) = (cluster.family("13", "51").await, cluster.family("51", "13").await);
    let elsewhere = cluster.family("13", "14").await;
    for request in
        [there.transfer("400.00"), back.transfer("0.05"), elsewhere.transfer("7.00"), there.transfer("1.05")]
    {
        app.create(request).await.expect("committed");
    }
    let window = format!("{}-2", open.window_id);
    close(operator, &window).await;
    (window, open.window_id)
}

#[test]
fn a_closed_window_is_streamed_in_its_order_and_adds_up_to_what_is_owed() {
    own(&Options::default(), async |cluster| {
        let operator = cluster.caller("operator:ops");
        let (window, first) = a_window(cluster, &operator).await;
        let whole = read(&operator, of_window(&window)).await.expect("a statement");
        let amounts: Vec<&str> = whole.rows.iter().map(|row| row.amount.as_str()).collect();
        assert_eq!(amounts, ["400.00", "0.05", "7.00", "1.05"]);
        assert!(
            whole.rows.is_sorted_by_key(|row| row.hub_seq)
                && whole.rows.iter().all(|row| row.window_id == window)
        );
        assert_eq!((whole.trailer.count, whole.trailer.amount.as_str()), (4, "408.10"));
        let totals: Vec<String> = whole
            .header
            .totals
            .iter()
            .map(|it| {
                format!("{} {} {} {}", it.payer_province_code, it.payee_province_code, it.count, it.amount)
            })
            .collect();
        assert_eq!(totals, ["13 14 1 7.00", "13 51 2 401.05", "51 13 1 0.05"]);
        let positions = GetPositionsRequest { window_id: window.clone(), ..Default::default() };
        let owed = operator.ask_hub(positions).await.expect("an answer").pairs;
        let owed: Vec<String> = owed
            .iter()
            .map(|it| {
                format!(
                    "{} {} {} {}",
                    it.debtor_province_code, it.creditor_province_code, it.count, it.amount
                )
            })
            .collect();
        assert_eq!(owed, totals);

        // Read again it is the same but for how far the journal has come, and it goes on behind any of its rows.
        let again = read(&operator, of_window(&window)).await.expect("a statement");
        assert_eq!((&again.rows, &again.trailer), (&whole.rows, &whole.trailer));
        let behind = &whole.rows[1];
        let after = StatementPosition { window_id: window.clone(), hub_seq: behind.hub_seq };
        let rest = GetStatementRequest { after: Some(after), ..of_window(&window) };
        let rest = read(&operator, rest).await.expect("the rest");
        assert_eq!((rest.rows.as_slice(), rest.trailer.amount.as_str()), (&whole.rows[2..], "8.05"));
        assert_eq!(rest.header.totals, whole.header.totals, "those of the whole");
        provinces(cluster, &operator, &whole).await;
        unfit(&operator, &first).await;
        files(cluster, &whole, &first);
        changed(cluster, &operator, &whole).await;
    });
}

/// A province has its own side, whoever asks for it; of a pooling area no totals are kept.
async fn provinces(cluster: &Cluster, operator: &Caller, whole: &Statement) {
    let window = &whole.header.window_ids[0];
    let person: Role = "urn:gongji:finance:14:li-na".parse().expect("a role");
    cluster.site().layout().issue([person]).expect("a certificate");
    let finance = cluster.caller("finance:14:li-na");
    let own = read(&finance, of_window(window)).await.expect("its own");
    assert_eq!((own.header.province_code.as_str(), own.rows.as_slice()), ("14", &whole.rows[2..3]));
    let asked = GetStatementRequest { province_code: "14".to_owned(), ..of_window(window) };
    assert_eq!(read(operator, asked.clone()).await.expect("the same").rows, own.rows);
    let platform = cluster.caller("platform:13");
    refused(read(&platform, asked).await, Code::PermissionDenied, "PROVINCE_NOT_ALLOWED");
    let pair = GetStatementRequest { counter_province_code: "51".to_owned(), ..of_window(window) };
    let pair = read(&platform, pair).await.expect("a pair");
    assert_eq!(pair.rows.len(), 3);
    let area =
        GetStatementRequest { region_code: whole.rows[2].payee_region_code.clone(), ..of_window(window) };
    let area = read(operator, area).await.expect("an area");
    assert_eq!((area.rows.as_slice(), area.header.totals.len(), area.trailer.count), (&own.rows[..], 0, 1));
    refused(read(&cluster.app(), of_window(window)).await, Code::PermissionDenied, "ROLE_NOT_ALLOWED");
}

/// What is open is no statement, and a month only when all of it is closed.
async fn unfit(operator: &Caller, first: &str) {
    let open = format!("{first}-3");
    refused(read(operator, of_window(&open)).await, Code::FailedPrecondition, "WINDOW_OPEN");
    refused(read(operator, of_period(&first[..6])).await, Code::FailedPrecondition, "WINDOW_OPEN");
    refused(read(operator, of_window("19990101")).await, Code::NotFound, "WINDOW_NOT_FOUND");
    refused(read(operator, of_period("200101")).await, Code::NotFound, "WINDOW_NOT_FOUND");
    refused(read(operator, of_period("1999")).await, Code::InvalidArgument, "REQUEST_MALFORMED");
}

/// Runs `gongji settle statement` as somebody.
fn statement(cluster: &Cluster, who: &str, out: &Path, more: &[&str]) -> Output {
    let (site, own) = (cluster.site(), format!("urn:gongji:{who}").parse().expect("a role"));
    let own = site.layout().certificate(&own);
    let mut command = Command::new(env!("CARGO_BIN_EXE_gongji"));
    command.args(["settle", "statement", "--json", "--out"]).arg(out).args(more);
    command.args(["--hub", &format!("127.0.0.1:{}", site.port("hub"))]);
    command.arg("--ca").arg(site.layout().ca()).arg("--cert").arg(own.cert).arg("--key").arg(own.key);
    command.output().expect("it runs")
}

/// The same as files: whole, or not there.
fn files(cluster: &Cluster, whole: &Statement, first: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let (out, window) = (folder.path().join("statement"), whole.header.window_ids[0].as_str());
    let write = |who: &str, more: &[&str]| statement(cluster, who, &out, more);
    let numbers = || {
        let text = std::fs::read_to_string(&out).expect("a file");
        let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a row"));
        rows.map(|row| row["hub_seq"].as_u64().expect("a number")).collect::<Vec<_>>()
    };
    let expected: Vec<u64> = whole.rows.iter().map(|row| row.hub_seq).collect();
    let written = write("operator:ops", &["--window", window, "--format", "jsonl"]);
    assert_eq!((written.status.code(), numbers()), (Some(0), expected.clone()), "{written:?}");
    let said: Value = serde_json::from_slice(&written.stdout).expect("JSON");
    assert_eq!((&said["count"], &said["amount"]), (&4.into(), &"408.10".into()));
    // A finance person's own, in place of the file that is there.
    let written = write("finance:14:li-na", &["--window", window, "--format", "jsonl"]);
    assert_eq!((written.status.code(), numbers()), (Some(0), expected[2..3].to_vec()), "{written:?}");
    // Whatever is not written leaves what is there, and nothing beside it.
    for (code, more) in [
        (1, ["--window", &format!("{first}-3"), "--format", "csv"]),
        (64, ["--window", window, "--format", "camt053"]),
        (64, ["--window", window, "--form", "payment"]),
    ] {
        let refused = write("operator:ops", &more);
        assert_eq!((refused.status.code(), numbers()), (Some(code), expected[2..3].to_vec()), "{refused:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("read").count(), 1);
}

/// A row that is changed behind the hub's back is not told as sound.
async fn changed(cluster: &Cluster, operator: &Caller, whole: &Statement) {
    let (window, behind) = (&whole.header.window_ids[0], &whole.rows[1]);
    let store = cluster.site().layout().store(&Role::Hub).join("gongji.sqlite");
    let store = rusqlite::Connection::open(store).expect("the hub's store");
    store.busy_timeout(Duration::from_secs(20)).expect("set");
    let number = i64::try_from(behind.hub_seq).expect("a number");
    let add = |fen: i64| {
        let change = "UPDATE transfer SET amount = amount + ?1 WHERE hub_seq = ?2";
        assert_eq!(store.execute(change, [fen, number]).expect("changed"), 1);
    };
    add(1);
    refused(read(operator, of_window(window)).await, Code::Unavailable, "STATEMENT_CHANGED");
    let elsewhere =
        read(&cluster.caller("finance:14:li-na"), of_window(window)).await.expect("not concerned");
    assert_eq!(elsewhere.rows, whole.rows[2..3]);
    add(-1);
    assert_eq!(read(operator, of_window(window)).await.expect("as it was").rows, whole.rows);
}
