//! Two operators carry money back, over real servers.

use super::kit::cluster::{Cluster, shared};
use super::kit::people::{Funds, fresh_id, province_of};
use super::kit::verdict::{malformed, recorded, refused};
use gongji::devkit::client::Caller;
use gongji::proto::hub::{
    ApproveCompensationRequest, Compensation, CompensationState, ListCompensationsRequest,
    ProposeCompensationRequest, Transfer, WithdrawCompensationRequest,
};
use gongji::proto::node::{EntryAccount, EntryKind, ListEntriesRequest};
use gongji::proto::types::Party;
use tonic::{Code, Status};

/// An operator at the hub.
struct Operator(Caller);

impl Operator {
    fn both(cluster: &Cluster) -> (Operator, Operator) {
        let [first, second] = ["operator:ops", "operator:second"];
        (Operator(cluster.caller(first)), Operator(cluster.caller(second)))
    }

    async fn propose(&self, id: &str, transfer_id: &str, amount: &str) -> Result<Compensation, Status> {
        let request = ProposeCompensationRequest {
            compensation_id: id.to_owned(),
            transfer_id: transfer_id.to_owned(),
            amount: amount.to_owned(),
            reason: "工单 7：系统重复转账".to_owned(),
        };
        let answer = self.0.ask_hub(request).await?;
        Ok(answer.compensation.expect("an answer carries it"))
    }

    async fn approve(&self, id: &str) -> Result<Compensation, Status> {
        let request = ApproveCompensationRequest { compensation_id: id.to_owned() };
        let answer = self.0.ask_hub(request).await?;
        Ok(answer.compensation.expect("an answer carries it"))
    }

    async fn withdraw(&self, id: &str) -> Result<Compensation, Status> {
        let request = WithdrawCompensationRequest { compensation_id: id.to_owned() };
        let answer = self.0.ask_hub(request).await?;
        Ok(answer.compensation.expect("an answer carries it"))
    }

    async fn of_transfer(&self, transfer_id: &str) -> Vec<Compensation> {
        let request = |page_token| ListCompensationsRequest {
            page_size: 1,
            page_token,
            transfer_id: transfer_id.to_owned(),
        };
        let found = self.0.pages(request, |it| (it.compensations, it.next_page_token)).await;
        found.expect("all pages")
    }
}

async fn kinds(caller: &Caller, party: &Party, account: EntryAccount) -> Vec<EntryKind> {
    let request = ListEntriesRequest {
        party: Some(party.clone()),
        account: account.into(),
        ..ListEntriesRequest::default()
    };
    let answer = caller.ask_node(province_of(party), request).await.expect("a statement");
    answer.entries.iter().map(|entry| entry.kind()).collect()
}

#[test]
fn two_operators_carry_a_transfer_back_and_its_decision_stays() {
    shared(async |cluster| {
        let (family, app) = (cluster.family("13", "51").await, cluster.app());
        let original = app.create(family.transfer("400.00")).await.expect("an answer");
        recorded(&original);
        let ((first, second), [other, id]) = (Operator::both(cluster), [fresh_id(), fresh_id()]);
        first.propose(&other, &original.transfer_id, "400.00").await.expect("proposed");
        let withdrawn = second.withdraw(&other).await.expect("withdrawn");
        assert_eq!(withdrawn.state(), CompensationState::Withdrawn);
        let proposed = first.propose(&id, &original.transfer_id, "400.00").await.expect("proposed");
        assert_eq!(proposed.state(), CompensationState::Proposed);
        assert_eq!(proposed, first.propose(&id, &original.transfer_id, "400.00").await.expect("a repeat"));
        assert_eq!(family.funds().await, Funds::settled("9600.00", "400.00"), "a proposal moves nothing");
        refused(first.approve(&id).await, Code::PermissionDenied, "SAME_OPERATOR");

        let done = second.approve(&id).await.expect("approved");
        assert_eq!(done.state(), CompensationState::Committed);
        assert_eq!(done.proposer, "urn:gongji:operator:ops");
        assert_eq!(done.answerer, "urn:gongji:operator:second");
        let back = done.transfer.clone().expect("begun");
        recorded(&back);
        assert_eq!((&back.transfer_id, &back.original_transfer_id), (&id, &original.transfer_id));
        assert!(back.hub_seq > original.hub_seq && !back.window_id.is_empty());
        assert_eq!(done, second.approve(&id).await.expect("a repeat"));
        assert_eq!(family.funds().await, Funds::settled("10000.00", "0.00"));

        let mut listed = first.of_transfer(&original.transfer_id).await;
        listed.sort_by_key(|it| it.compensation_id == id);
        assert_eq!(listed, [withdrawn, done]);
        let out = kinds(&app, &family.payee, EntryAccount::Wallet).await;
        assert_eq!(out, [EntryKind::ReturnOut, EntryKind::TransferIn], "newest first");
        let into = kinds(&app, &family.payer, EntryAccount::Personal).await;
        assert_eq!(into[..2], [EntryKind::ReturnIn, EntryKind::TransferOut]);
        let now = app.get(&original.transfer_id).await.expect("the original");
        assert_eq!(now.compensation_id, id);
        assert_eq!(Transfer { compensation_id: String::new(), ..now }, original, "no decision is changed");
        assert_eq!(app.get(&id).await.expect("for who may see the original"), back);
    });
}

#[test]
fn only_operators_speak_and_only_of_what_was_committed() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let never = cluster.app().create(family.transfer("99999.00")).await.expect("aborted");
        let (first, _) = Operator::both(cluster);
        let propose = first.propose(&fresh_id(), &never.transfer_id, "1.00").await;
        refused(propose, Code::FailedPrecondition, "ORIGINAL_NOT_COMMITTED");
        let unknown = first.propose(&fresh_id(), &fresh_id(), "1.00").await;
        refused(unknown, Code::NotFound, "TRANSFER_NOT_FOUND");
        refused(first.approve(&fresh_id()).await, Code::NotFound, "COMPENSATION_NOT_FOUND");
        malformed(
            first.propose("7", &never.transfer_id, "1.00").await,
            "compensation_id",
            "TRANSFER_ID_MALFORMED",
        );
        malformed(first.approve("").await, "compensation_id", "FIELD_REQUIRED");
        for role in ["app:demo", "platform:13", "node:13"] {
            let other = Operator(cluster.caller(role));
            let answer = other.propose(&fresh_id(), &never.transfer_id, "1.00").await;
            refused(answer, Code::PermissionDenied, "ROLE_NOT_ALLOWED");
            refused(other.approve(&fresh_id()).await, Code::PermissionDenied, "ROLE_NOT_ALLOWED");
        }
        assert_eq!(family.funds().await, Funds::untouched());
    });
}
