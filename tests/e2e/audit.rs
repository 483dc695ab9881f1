//! `gongji audit` reads servers that work.

use super::kit::audit::{demand_clean, demand_settled, sources};
use super::kit::cluster::{own, shared};
use super::kit::foreign_node::Node;
use super::kit::site::{HEBEI, Options};
use super::kit::until;
use gongji::cli::audit::gather::{Reading, gather};
use gongji::devkit::client::within;
use gongji::domain::value::ProvinceCode;
use gongji::proto::hub::audit_service_client::AuditServiceClient as HubAudits;
use gongji::proto::hub::{
    ListInFlightRequest, ReadBooksRequest, ReadTransfersRequest, Transfer, TransferState,
};
use gongji::proto::node::ListInDoubtRequest;
use gongji::proto::node::audit_service_client::AuditServiceClient as NodeAudits;
use gongji::transport::identity::Role;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::JoinSet;
use tonic::Code;

#[test]
fn an_audit_of_servers_under_load_is_clean_and_so_is_one_at_rest() {
    own(&Options::lively(), async |cluster| {
        let stop = Arc::new(AtomicBool::new(false));
        let mut callers = JoinSet::new();
        for _ in 0..8 {
            let (family, app, stop) = (cluster.family("13", "51").await, cluster.app(), Arc::clone(&stop));
            callers.spawn(async move {
                let mut told: Vec<Transfer> = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    told.push(app.create(family.transfer("1.00")).await.expect("an answer"));
                    // What its province refuses is in the books as well.
                    told.push(app.create(family.transfer("99999.00")).await.expect("an answer"));
                }
                told
            });
        }
        let (mut last, mut went_on) = (0, 0);
        for _ in 0..8 {
            let cut = demand_clean(cluster.site(), &[]).await;
            went_on += u32::from(cut.last_hub_seq > last);
            last = cut.last_hub_seq;
        }
        stop.store(true, Ordering::Relaxed);
        let told: Vec<Transfer> = callers.join_all().await.into_iter().flatten().collect();
        assert!(went_on >= 4, "the servers worked meanwhile: {went_on}");
        let cut = until("a quiet moment", async || {
            let cut = demand_clean(cluster.site(), &told).await;
            (cut.settled == cut.transfers).then_some(cut)
        })
        .await;
        assert_eq!(demand_settled(cluster.site(), &told).await, cut);
        assert!(cut.transfers >= told.len() as u64);
    });
}

#[test]
fn a_node_that_is_not_reached_is_said_to_be_unknown_and_one_without_the_service_is_read_by_its_legs() {
    let options = Options { provinces: vec!["13", "14", "51"], strangers: vec!["61"], ..Options::lively() };
    own(&options, async |cluster| {
        let family = cluster.family("13", "51").await;
        let transfer = cluster.app().create(family.transfer("1.00")).await.expect("an answer");
        assert_eq!(transfer.state(), TransferState::Committed);
        cluster.stop("14");
        let stranger = Node::Bare.serve(cluster.site(), "61");
        // 51 is not named, 14 has stopped, 61 offers Inspect only.
        let gathered = gather(&sources(cluster.site(), &["13", "14", "61"])).await.expect("the hub's books");
        let reading = |code: u8| {
            let node = gathered.nodes.iter().find(|node| node.province == ProvinceCode::new(code));
            node.expect("the hub has it").reading.clone()
        };
        assert_eq!([reading(13), reading(61)], [Reading::Whole, Reading::LegsOnly]);
        assert!(matches!(reading(14), Reading::Not(_)), "{:?}", reading(14));
        assert!(matches!(reading(51), Reading::Not(why) if why.contains("--node 51=")));
        let checked = gathered.audit.conclude();
        assert!(checked.iter().all(|it| it.violations.is_empty()), "what is not known is not off");
        stranger.abort();
    });
}

#[test]
fn books_and_lists_are_for_operators_only_and_hold_nobody() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let transfer = cluster.app().create(family.transfer("1.00")).await.expect("an answer");
        for role in ["app:demo", "platform:13", "node:13", "hub"] {
            let caller = cluster.caller(role);
            let hub =
                HubAudits::new(caller.channel(&Role::Hub)).read_books(within(ReadBooksRequest {})).await;
            assert_eq!(hub.expect_err("refused").code(), Code::PermissionDenied, "{role}");
            let node = caller.ask_node(HEBEI, ListInDoubtRequest::default()).await;
            assert_eq!(node.expect_err("refused").code(), Code::PermissionDenied, "{role}");
        }
        let operator = cluster.caller("operator:ops");
        let transfer_ids = vec![transfer.transfer_id.clone(), super::kit::people::fresh_id()];
        let read = operator.ask_hub(ReadTransfersRequest { transfer_ids }).await;
        let read = read.expect("an answer").transfers;
        assert_eq!(read.len(), 1, "an id that is unknown is left out");
        assert_eq!((&read[0].transfer_id, read[0].hub_seq), (&transfer.transfer_id, transfer.hub_seq));
        let mut books = NodeAudits::new(operator.channel(&Role::Node(HEBEI)))
            .read_books(within(gongji::proto::node::ReadBooksRequest {}))
            .await
            .expect("a stream")
            .into_inner();
        let mut said = String::new();
        while let Some(part) = books.message().await.expect("a part") {
            said += &format!("{part:?}");
        }
        assert!(said.contains(&transfer.transfer_id));
        for person in [&family.payer, &family.payee].iter().filter_map(|party| party.person.as_ref()) {
            assert!(!said.contains(&person.id_number) && !said.contains(&person.name));
        }
        let page = ListInFlightRequest { page_size: -1, ..ListInFlightRequest::default() };
        let refused = operator.ask_hub(page).await.expect_err("refused");
        assert!(refused.message().starts_with("PAGE_SIZE_INVALID"), "{refused:?}");
    });
}
