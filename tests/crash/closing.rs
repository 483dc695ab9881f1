//! Windows are closed under load while the hub and nodes are killed: each commit is counted in one window, by all three
//! sides, no transfer is refused by a closing, and every province hears of every closing once. And a month is closed,
//! published, signed and paid while the hub is killed at each step: a repeat is answered as if nothing had been.

use super::audit::gongji_as;
use super::load::Load;
use super::process::Servers;
use crate::e2e::kit::site::Options;
use crate::e2e::kit::{run, until};
use gongji::devkit::client::Caller;
use gongji::domain::hub::breaks::Standing;
use gongji::domain::hub::tables::{BreakRow, ComparisonRow, EventRow, TransferRow, WindowRow};
use gongji::domain::machine::{Filter, Record, Row, Scan, TableRow};
use gongji::domain::node::tables::{LegRow, NoticeRow};
use gongji::domain::protocol::LegState;
use gongji::domain::value::{TransferId, Window};
use gongji::domain::{hub, node};
use gongji::privacy::random::new_transfer_id;
use gongji::proto::Method;
use gongji::proto::hub::{
    ClosePeriodRequest, CloseWindowRequest, ConfirmReceiptRequest, ListObligationsRequest, ListTablesRequest,
    ObligationState, PublishPeriodRequest, ReconcileWindowRequest, RecordPaymentRequest, SignPeriodRequest,
    TransferState,
};
use gongji::proto::types::ClearingNotice;
use gongji::proto::types::clearing_notice::Event;
use gongji::store::Tables;
use gongji::store::sqlite::SqliteReader;
use gongji::transport::identity::Role;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use tonic::{Code, Status};

const CLOSINGS: usize = 20;
/// The first ones are left alone: whatever is refused there a closing has refused.
const UNDISTURBED: usize = 5;
/// Commits between two closings.
const COMMITS: usize = 40;
const CALLERS: usize = 32;
const FAMILIES: usize = 20;
const DAY: &str = "20261121";
const NODES: [&str; 2] = ["13", "51"];
const NOVEMBER: &str = "202611";

/// A day's first window has its name, the others "-2" and so on behind it.
fn window(cut: usize) -> String {
    if cut == 1 { DAY.to_owned() } else { format!("{DAY}-{cut}") }
}

/// Asks again and again while the hub is away, or has not heard from all nodes since it started.
async fn ask_on<M: Method>(caller: &Caller, request: &M) -> M::Answer {
    let away = [Code::Unavailable, Code::Cancelled, Code::DeadlineExceeded, Code::Unknown, Code::Internal];
    let not_yet = |status: &Status| status.message().starts_with("CUT_NOT_READ");
    until("an answer", async || match caller.ask_hub(request.clone()).await {
        Ok(answer) => Some(answer),
        Err(status) if away.contains(&status.code()) || not_yet(&status) => None,
        Err(status) => panic!("{status:?}"),
    })
    .await
}

/// When a server is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Death {
    /// Before the request arrives.
    Before,
    /// As soon as what it asks for stands in the hub's store, whoever knows of it.
    Durable,
}

/// The same while a server is killed and comes up again. What is asked for is one event of clearing, or more.
async fn ask_while_killed<M: Method>(
    servers: &mut Servers,
    (victim, death): (&str, Death),
    caller: &Caller,
    request: &M,
) -> M::Answer {
    let asked = ask_on(caller, request);
    let before = events(servers);
    let killed = async {
        while death == Death::Durable && events(servers) == before {
            tokio::task::yield_now().await;
        }
        servers.kill(victim);
        let arrived = events(servers) != before;
        assert_eq!(arrived, death == Death::Durable, "{victim} dies when it should");
        servers.launch(victim);
        assert!(servers.come_up().await, "{victim} starts from what it left behind");
    };
    tokio::join!(killed, asked).1
}

/// Every row of a table of a server's store, in its order.
fn rows<R: Record, T: TableRow<R::Row> + Clone>(
    servers: &Servers,
    server: &str,
    table: <R::Row as Row>::Table,
) -> Vec<T> {
    let mut reader: SqliteReader<R> = SqliteReader::open(&servers.site().data(server)).expect("a store");
    let scan = Scan { filter: Filter::all(table), after: None, limit: usize::MAX };
    reader.scan(&scan).expect("rows").iter().filter_map(T::of).cloned().collect()
}

fn events(servers: &Servers) -> Vec<u64> {
    let events = rows::<hub::Record, EventRow>(servers, "hub", hub::Table::Event);
    events.iter().map(|row| row.number).collect()
}

fn notices(servers: &Servers, node: &str) -> Vec<(u64, ClearingNotice)> {
    let notices = rows::<node::Record, NoticeRow>(servers, node, node::Table::Notice);
    let notice = |row: &NoticeRow| ClearingNotice::decode(&*row.content).expect("a notice");
    notices.iter().map(|row| (row.number, notice(row))).collect()
}

/// Both nodes keep every event that concerns them: all that happens between two provinces.
async fn everything_told(servers: &Servers) {
    until("every closing told", async || {
        let all = events(servers);
        let kept = |node: &&str| notices(servers, node).iter().map(|(number, _)| *number).collect::<Vec<_>>();
        NODES.iter().all(|node| kept(node) == all).then_some(())
    })
    .await;
}

/// The hub has compared every closed window with both nodes by itself, whatever died meanwhile, and has found nothing.
async fn everything_compared(servers: &Servers) {
    until("every window compared", async || {
        let compared = rows::<hub::Record, ComparisonRow>(servers, "hub", hub::Table::Comparison);
        let agrees = compared.iter().filter(|row| row.state == Standing::Agrees && !row.incomplete);
        (agrees.count() == CLOSINGS * NODES.len()).then_some(())
    })
    .await;
    assert_eq!(rows::<hub::Record, BreakRow>(servers, "hub", hub::Table::Break), []);
}

/// Number and window of each commit, by the hub or by a node.
type Counted = BTreeMap<TransferId, (u64, Window)>;

fn counted_by_hub(servers: &Servers) -> Counted {
    let transfers = rows::<hub::Record, TransferRow>(servers, "hub", hub::Table::Transfer);
    let commit = |row: &TransferRow| row.hub_seq.zip(row.window).map(|counted| (row.transfer_id, counted));
    transfers.iter().filter_map(commit).collect()
}

fn counted_by_node(servers: &Servers, node: &str) -> Counted {
    let legs = rows::<node::Record, LegRow>(servers, node, node::Table::Leg);
    let committed = legs.iter().filter(|leg| leg.state == LegState::Committed);
    let of = |leg: &LegRow| leg.hub_seq.zip(leg.window).expect("a commit has both");
    committed.map(|leg| (leg.transfer_id, of(leg))).collect()
}

fn demand_one_window_for_each(servers: &Servers) -> usize {
    let counted = counted_by_hub(servers);
    for node in NODES {
        assert_eq!(counted_by_node(servers, node), counted, "{node}");
    }
    let used: BTreeSet<Window> = counted.values().map(|(_, window)| *window).collect();
    // The load goes on meanwhile: hardly a window is empty.
    assert!(used.len() > CLOSINGS / 2, "{used:?}");
    let by_number: BTreeMap<u64, Window> = counted.values().copied().collect();
    assert_eq!(by_number.len(), counted.len(), "no number twice");
    assert!(by_number.values().is_sorted(), "a later number is in no earlier window");
    counted.len()
}

/// By the hub's store, and by what its nodes keep of it.
fn demand_each_closing_once(servers: &Servers) {
    let names: Vec<String> = (1..=CLOSINGS).map(window).collect();
    let closed = rows::<hub::Record, WindowRow>(servers, "hub", hub::Table::Window);
    let closed: Vec<String> = closed.iter().map(|row| row.window.to_string()).collect();
    assert_eq!(closed, names);
    let in_it = counted_by_hub(servers);
    for node in NODES {
        let ended = |(_, notice): (u64, ClearingNotice)| match notice.event {
            Some(Event::WindowClosed(it)) => {
                let commits: u64 = it.totals.iter().map(|total| total.count).sum();
                let window = Window::parse(&it.window_id).expect("a window");
                assert_eq!(commits, in_it.values().filter(|(_, its)| *its == window).count() as u64);
                it.window_id
            }
            other => panic!("nothing else has happened: {other:?}"),
        };
        assert_eq!(notices(servers, node).into_iter().map(ended).collect::<Vec<_>>(), names, "{node}");
    }
}

/// Why transfers were not carried out, and how many.
fn refusals(load: &Load) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for answer in load.answers().into_iter().filter(|it| it.state() == TransferState::Aborted) {
        *found.entry(answer.refusal.unwrap_or_default().reason).or_default() += 1;
    }
    found
}

#[test]
fn twenty_windows_are_closed_under_load_while_servers_are_killed() {
    let mut servers = Servers::start(&Options::lively());
    let load = run(async {
        let mut load = Load::start(&servers, CALLERS, FAMILIES).await;
        let operator = servers.site().caller("operator:ops");
        let victims = ["hub", "13", "51"];
        for cut in 1..=CLOSINGS {
            load.more(COMMITS).await;
            let request = CloseWindowRequest { window_id: window(cut) };
            let closed = if cut <= UNDISTURBED {
                ask_on(&operator, &request).await
            } else {
                let death = if cut % 2 == 0 { Death::Durable } else { Death::Before };
                let victim = (victims[cut % victims.len()], death);
                ask_while_killed(&mut servers, victim, &operator, &request).await
            };
            assert_eq!(closed.window.expect("an answer carries it").window_id, window(cut));
            if cut == UNDISTURBED {
                load.more(COMMITS).await;
                assert_eq!(refusals(&load), BTreeMap::new(), "closing refuses nothing");
            }
        }
        load.settle(&servers).await;
        everything_told(&servers).await;
        everything_compared(&servers).await;
        servers.stop().await;
        load
    });
    let committed = load.agrees(&servers, 1);
    assert!(committed >= CLOSINGS * COMMITS);
    assert!(demand_one_window_for_each(&servers) >= committed);
    demand_each_closing_once(&servers);
    // Whatever failed did so for want of a server that was killed.
    let known =
        ["PROVINCE_UNREACHABLE", "DEADLINE_EXPIRED", "HUB_RESTARTED", "RESOLVED_UNKNOWN", "ABORTED_BEFORE"];
    let refusals = refusals(&load);
    assert!(refusals.keys().all(|reason| known.contains(&reason.as_str())), "{refusals:?}");
}

/// The hub is killed as soon as it has done what somebody asks for, and once more: its next lives say the same.
async fn asked_through_deaths<M>(servers: &mut Servers, caller: &Caller, request: M) -> M::Answer
where
    M: Method,
    M::Answer: PartialEq + Debug,
{
    let answer = ask_while_killed(servers, ("hub", Death::Durable), caller, &request).await;
    let done = events(servers);
    servers.kill("hub");
    servers.launch("hub");
    assert!(servers.come_up().await, "the hub starts from what it left behind");
    assert_eq!(ask_on(caller, &request).await, answer, "the same id, the same answer");
    assert_eq!(events(servers), done, "a repeat changes nothing");
    answer
}

/// Commits of a month, and servers that go on in the next one.
async fn month(servers: &mut Servers) {
    let app = servers.site().caller("app:demo");
    for (payer, payee, amount) in [("13", "51", "400.00"), ("51", "13", "0.05")] {
        let family = servers.site().family(payer, payee).await;
        let made = app.create(family.transfer(amount)).await.expect("an answer");
        assert_eq!(made.state(), TransferState::Committed);
    }
    servers.stop().await;
    for name in servers.names() {
        servers.site().set_clock(&name, "2026-12-01T09:00:00+08:00");
        servers.launch(&name);
    }
    assert!(servers.come_up().await, "all of them start in December");
}

/// Every window of the month agrees on all sides.
async fn reconciled(operator: &Caller) {
    for day in 21..=30 {
        let request = ReconcileWindowRequest { window_id: format!("202611{day}") };
        until("a window that agrees", async || {
            let provinces = ask_on(operator, &request).await.provinces;
            provinces.iter().all(|it| it.reconciled).then_some(())
        })
        .await;
    }
}

fn new_id() -> String {
    new_transfer_id().to_string()
}

async fn sign_and_pay(servers: &mut Servers) {
    let persons = ["finance:13:zhang", "finance:13:li", "finance:51:zhao", "finance:51:qian"];
    let role = |name: &str| -> Role { format!("urn:gongji:{name}").parse().expect("a role") };
    servers.site().layout().issue(persons.map(role)).expect("certificates");
    let [zhang, li, zhao, qian] = persons.map(|name| servers.site().caller(name));
    let request = ListTablesRequest { period_id: NOVEMBER.to_owned(), ..ListTablesRequest::default() };
    let tables = ask_on(&zhang, &request).await.tables;
    let digest = tables.into_iter().find(|it| it.count > 0).expect("a table").digest;
    for (person, other) in [(&zhang, "51"), (&li, "51"), (&zhao, "13"), (&qian, "13")] {
        let request = SignPeriodRequest {
            request_id: new_id(),
            period_id: NOVEMBER.to_owned(),
            counter_province_code: other.to_owned(),
            digest: digest.clone(),
        };
        asked_through_deaths(servers, person, request).await;
    }
    let owed = ask_on(&zhang, &ListObligationsRequest::default()).await.obligations;
    assert_eq!(owed.len(), 2, "{owed:?}");
    for it in owed {
        let (debtor, creditor) =
            if it.debtor_province_code == "13" { (&zhang, &zhao) } else { (&zhao, &zhang) };
        let payment = RecordPaymentRequest {
            payment_id: new_id(),
            period_id: NOVEMBER.to_owned(),
            creditor_province_code: it.creditor_province_code.clone(),
            bank: "工商银行".to_owned(),
            serial_number: format!("P{}-1", it.debtor_province_code),
            amount: it.amount.clone(),
            pay_date: "2026-12-02".to_owned(),
            is_part: false,
        };
        let receipt = ConfirmReceiptRequest {
            request_id: new_id(),
            payment_id: payment.payment_id.clone(),
            amount: it.amount,
        };
        asked_through_deaths(servers, debtor, payment).await;
        let confirmed = asked_through_deaths(servers, creditor, receipt).await;
        assert_eq!(confirmed.obligation.expect("an answer carries it").state(), ObligationState::Settled);
    }
}

#[test]
fn a_month_is_cleared_while_the_hub_is_killed_at_each_step() {
    let mut servers = Servers::start(&Options::lively());
    run(async {
        month(&mut servers).await;
        let operator = servers.site().caller("operator:ops");
        let close = ClosePeriodRequest { request_id: new_id(), period_id: NOVEMBER.to_owned(), scheme: 0 };
        asked_through_deaths(&mut servers, &operator, close).await;
        reconciled(&operator).await;
        let publish = PublishPeriodRequest { period_id: NOVEMBER.to_owned() };
        let published = asked_through_deaths(&mut servers, &operator, publish).await;
        assert_eq!(published.held_up, []);
        sign_and_pay(&mut servers).await;
        servers.site().ready().await;
        everything_told(&servers).await;
        let audit = gongji_as(servers.site(), "ops", &["audit"]);
        let said = String::from_utf8_lossy(&audit.stdout);
        assert!(audit.status.success() && said.ends_with("clean 一致\n"), "{said}");
        servers.stop().await;
    });
}
