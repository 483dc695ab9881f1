//! What operators see of transfers that do not end, while they do not.

use super::kit::cluster::own;
use super::kit::foreign_node::Node;
use super::kit::people::somebody;
use super::kit::site::{HEBEI, Options};
use super::kit::until;
use gongji::devkit::client::Caller;
use gongji::proto::hub::{
    CreateTransferRequest, InFlightTransfer, ListInFlightRequest, TransferState, WaitReason,
};
use gongji::proto::node::{InDoubtLeg, ListInDoubtRequest};
use gongji::proto::types::RefusalSide;
use std::time::Duration;
use tonic::Request;

async fn in_flight(operator: &Caller, id: &str) -> Option<InFlightTransfer> {
    let page = operator.ask_hub(ListInFlightRequest::default()).await.expect("a page");
    page.transfers.into_iter().find(|it| it.transfer_id == id)
}

async fn in_doubt(operator: &Caller, older_than: Option<prost_types::Duration>) -> Vec<InDoubtLeg> {
    let asked = ListInDoubtRequest { older_than, ..ListInDoubtRequest::default() };
    operator.ask_node(HEBEI, asked).await.expect("a page").legs
}

fn waits_for(it: &InFlightTransfer) -> Vec<(RefusalSide, &str, WaitReason)> {
    it.waiting.iter().map(|it| (it.side(), it.province_code.as_str(), it.reason())).collect()
}

/// Makes transfers to a province that takes calls and never answers, until one is under way.
async fn begin(app: &Caller, operator: &Caller, content: impl Fn() -> CreateTransferRequest) -> String {
    until("a transfer that is under way", async || {
        let content = content();
        let (id, mut client) = (content.transfer_id.clone(), app.transfers());
        tokio::spawn(async move {
            let mut request = Request::new(content);
            request.set_timeout(Duration::from_secs(3));
            client.create_transfer(request).await
        });
        until("any state", async || app.get(&id).await.ok()).await;
        let found = in_flight(operator, &id).await?;
        (found.state() == TransferState::Pending).then_some(id)
    })
    .await
}

#[test]
fn what_is_undecided_in_doubt_or_not_recorded_is_listed_with_its_reason() {
    let options = Options { provinces: vec!["13", "51"], strangers: vec!["35"], ..Options::default() };
    own(&options, async |cluster| {
        let family = cluster.family("13", "51").await;
        let (app, operator) = (cluster.app(), cluster.caller("operator:ops"));
        let to_35 = || CreateTransferRequest { payee: Some(somebody("350100")), ..family.transfer("1.00") };
        let deaf = Node::Deaf.serve(cluster.site(), "35");
        let id = begin(&app, &operator, to_35).await;
        let undecided = in_flight(&operator, &id).await.expect("listed");
        let both = [
            (RefusalSide::Payer, "13", WaitReason::Undecided),
            (RefusalSide::Payee, "35", WaitReason::Undecided),
        ];
        assert_eq!(waits_for(&undecided), both);
        assert_eq!((undecided.payer_province_code.as_str(), undecided.amount.as_str()), ("13", "1.00"));
        let leg = until("the payer's leg", async || {
            in_doubt(&operator, None).await.into_iter().find(|leg| leg.transfer_id == id)
        })
        .await;
        assert_eq!((leg.amount.as_str(), leg.counter_region_code.as_str()), ("1.00", "350100"));
        assert!(leg.prepare_time.is_some() && leg.ask_time.is_none(), "the hub's time is not up: {leg:?}");
        let long = prost_types::Duration { seconds: 3_600, nanos: 0 };
        assert_eq!(in_doubt(&operator, Some(long)).await, vec![], "not for so long");

        let aborted = until("its abort", async || {
            in_flight(&operator, &id).await.filter(|it| waits_for(it).len() == 1)
        })
        .await;
        assert_eq!(aborted.state(), TransferState::Aborted);
        // Its call for votes ran out of time as well: for a moment the hub holds the province to be out of reach.
        let on_its_way = [(RefusalSide::Payee, "35", WaitReason::OnItsWay)];
        let dark = [(RefusalSide::Payee, "35", WaitReason::ProvinceDark)];
        assert!(waits_for(&aborted) == on_its_way || waits_for(&aborted) == dark, "{aborted:?}");
        assert_eq!(in_doubt(&operator, None).await, vec![]);
        deaf.abort();
    });
}
