//! A leg that was changed behind a node's back is found, named, assigned, corrected and closed, over real servers.

use super::kit::cluster::{Cluster, own};
use super::kit::people::fresh_id;
use super::kit::site::Options;
use super::kit::until;
use super::kit::verdict::refused;
use gongji::devkit::client::Caller;
use gongji::domain::value::TransferId;
use gongji::proto::hub::{
    ApproveCompensationRequest, AssignBreakRequest, Break, BreakBucket, CloseBreakRequest,
    CloseWindowRequest, CompensationState, GetOpenWindowRequest, ListBreaksRequest, ListWindowsRequest,
    ProposeCompensationRequest, ProvinceReconciliation, ReconcileWindowRequest, ReconciliationState,
};
use gongji::transport::identity::Role;
use tonic::{Code, Status};

/// Changes the amount of a leg in a node's tables, as no program of ours would. Beside the running server: a start
/// would not open such a store.
fn change_leg(cluster: &Cluster, node: &str, transfer_id: &str) {
    let store = cluster.site().data(node).join("gongji.sqlite");
    let database = rusqlite::Connection::open(store).expect("a store");
    let id = TransferId::parse(transfer_id).expect("an id").0;
    let changed = database.execute("UPDATE leg SET amount = amount + 1 WHERE transfer_id = ?", [id]);
    assert_eq!(changed.expect("changed"), 1);
}

async fn close_window(operator: &Caller, window_id: &str) {
    operator.ask_hub(CloseWindowRequest { window_id: window_id.to_owned() }).await.expect("closed");
}

async fn breaks(caller: &Caller, open_only: bool) -> Result<Vec<Break>, Status> {
    let request = ListBreaksRequest { open_only, ..Default::default() };
    Ok(caller.ask_hub(request).await?.breaks)
}

/// The windows that are reconciled.
async fn reconciled(operator: &Caller) -> Vec<String> {
    let request = ListWindowsRequest { page_size: 10, ..Default::default() };
    let windows = operator.ask_hub(request).await.expect("an answer").windows;
    windows.into_iter().filter(|it| it.reconciled).map(|it| it.window_id).collect()
}

async fn reconcile(operator: &Caller, window: &str, province: &str) -> ProvinceReconciliation {
    let request = ReconcileWindowRequest { window_id: window.to_owned() };
    let provinces = operator.ask_hub(request).await.expect("an answer").provinces;
    provinces.into_iter().find(|it| it.province_code == province).expect("it is compared")
}

fn assign(of: &Break, owner: &str, request_id: &str) -> AssignBreakRequest {
    AssignBreakRequest {
        window_id: of.window_id.clone(),
        province_code: of.province_code.clone(),
        transfer_id: of.commit.clone().expect("it says what differs").transfer_id,
        owner: owner.to_owned(),
        note: "both journals".to_owned(),
        request_id: request_id.to_owned(),
    }
}

fn close(of: &Break, correction_id: &str) -> CloseBreakRequest {
    CloseBreakRequest {
        window_id: of.window_id.clone(),
        province_code: of.province_code.clone(),
        transfer_id: of.commit.clone().expect("it says what differs").transfer_id,
        correction_id: correction_id.to_owned(),
        proof: "both journals were compared".to_owned(),
    }
}

/// So much of a transfer is carried back by two operators; gives the id of the compensation.
async fn carried_back((first, second): (&Caller, &Caller), transfer_id: &str, amount: &str) -> String {
    let id = fresh_id();
    let propose = ProposeCompensationRequest {
        compensation_id: id.clone(),
        transfer_id: transfer_id.to_owned(),
        amount: amount.to_owned(),
        reason: "booked with another amount".to_owned(),
    };
    first.ask_hub(propose).await.expect("proposed");
    let approve = ApproveCompensationRequest { compensation_id: id.clone() };
    let done = second.ask_hub(approve).await.expect("approved").compensation.expect("it is told");
    assert_eq!(done.state(), CompensationState::Committed);
    id
}

/// A province sees its own side, and says nothing of it.
async fn a_province_reads_its_own_side_alone(cluster: &Cluster, all: &[Break]) {
    let person: Role = "urn:gongji:finance:51:li-na".parse().expect("a role");
    cluster.site().layout().issue([person]).expect("a certificate");
    let finance = cluster.caller("finance:51:li-na");
    assert_eq!(breaks(&finance, false).await.expect("an answer"), all);
    assert_eq!(breaks(&cluster.caller("platform:13"), false).await.expect("an answer"), []);
    refused(breaks(&cluster.app(), false).await, Code::PermissionDenied, "ROLE_NOT_ALLOWED");
    let denied = finance.ask_hub(assign(&all[0], "urn:gongji:operator:second", "r-1")).await;
    refused(denied, Code::PermissionDenied, "ROLE_NOT_ALLOWED");
    let denied = finance.ask_hub(close(&all[0], "")).await;
    refused(denied, Code::PermissionDenied, "ROLE_NOT_ALLOWED");
}

#[test]
fn a_leg_changed_behind_a_nodes_back_is_found_named_corrected_and_closed_by_two() {
    own(&Options::default(), async |cluster| {
        let (operator, second) = (cluster.caller("operator:ops"), cluster.caller("operator:second"));
        let open = operator.ask_hub(GetOpenWindowRequest {}).await.expect("an answer").window.expect("open");
        let first = open.window_id;
        close_window(&operator, &first).await;
        let window = format!("{first}-2");
        let (family, app) = (cluster.family("13", "51").await, cluster.app());
        let mut transfers = Vec::new();
        for amount in ["400.00", "1.05", "2.00"] {
            transfers.push(app.create(family.transfer(amount)).await.expect("an answer"));
        }
        let changed = transfers[1].transfer_id.clone();
        close_window(&operator, &window).await;
        // Nobody asks for it.
        until("both windows are reconciled", async || {
            (reconciled(&operator).await == [first.clone(), window.clone()]).then_some(())
        })
        .await;
        assert_eq!(breaks(&operator, false).await.expect("an answer"), []);

        change_leg(cluster, "51", &changed);
        let found = reconcile(&operator, &window, "51").await;
        assert_eq!((found.state(), found.reconciled), (ReconciliationState::Differs, false));
        let [commit] = &found.commits[..] else { panic!("{found:?}") };
        assert_eq!((commit.transfer_id.as_str(), commit.bucket()), (changed.as_str(), BreakBucket::Amount));
        assert_eq!((commit.hub_amount.as_str(), commit.node_amount.as_str()), ("1.05", "1.06"));
        let sound = reconcile(&operator, &window, "13").await;
        assert_eq!(sound.state(), ReconciliationState::Agrees);
        let all = breaks(&operator, true).await.expect("an answer");
        let [row] = &all[..] else { panic!("{all:?}") };
        assert_eq!((row.commit.as_ref(), row.province_code.as_str()), (Some(commit), "51"));
        assert_eq!(reconciled(&operator).await, std::slice::from_ref(&first), "all others had been");

        a_province_reads_its_own_side_alone(cluster, &all).await;
        let owner = "urn:gongji:operator:second";
        for _ in 0..2 {
            let answer = operator.ask_hub(assign(row, owner, "r-1")).await.expect("assigned");
            assert_eq!(answer.r#break.expect("the break").owner, owner);
        }
        let other = operator.ask_hub(assign(row, "urn:gongji:operator:ops", "r-1")).await;
        refused(other, Code::AlreadyExists, "CONTENT_DIFFERS");
        let correction = carried_back((&operator, &second), &changed, "0.01").await;
        let unknown = operator.ask_hub(close(row, &fresh_id())).await;
        refused(unknown, Code::FailedPrecondition, "CORRECTION_NOT_FOUND");
        let proposed = operator.ask_hub(close(row, &correction)).await.expect("proposed").r#break;
        assert_eq!(proposed.expect("the break").closer, "");
        refused(operator.ask_hub(close(row, &correction)).await, Code::PermissionDenied, "SAME_OPERATOR");
        let closed = second.ask_hub(close(row, &correction)).await.expect("closed").r#break;
        let closed = closed.expect("the break");
        assert_eq!((closed.closer.as_str(), closed.correction_id), (owner, correction));
        assert_eq!(breaks(&operator, true).await.expect("an answer"), []);

        let found = reconcile(&operator, &window, "51").await;
        assert_eq!((found.state(), found.reconciled), (ReconciliationState::Differs, true));
        assert_eq!(reconciled(&operator).await, [first, window]);
        // Its books are wrong for good.
        cluster.stop("51");
    });
}
