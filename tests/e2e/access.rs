//! Who may do what: the certificate says it, and nothing else is believed.

use super::kit::cluster::shared;
use super::kit::people::{Funds, employee, fresh_id};
use super::kit::site::{HEBEI, SICHUAN, server};
use super::kit::verdict::{recorded, refused};
use gongji::proto::hub::{
    AnnounceNodeRequest, ListRegionsRequest, ListTransfersRequest, ResolveQuestion, ResolveRequest,
};
use gongji::proto::node::{
    GetMemberRequest, GetWalletRequest, LegSide, PrepareRequest, UpsertMembersRequest,
};
use gongji::proto::types::Sender;
use gongji::transport::identity::Role;
use tonic::Code;

#[test]
fn without_a_certificate_there_is_health_and_nothing_else() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let nobody = cluster.site().nobody();
        for name in ["hub", "13", "51"] {
            assert!(nobody.serves(&server(name)).await, "{name}");
        }
        let request = family.transfer("1.00");
        let id = request.transfer_id.clone();
        refused(nobody.create(request).await, Code::Unauthenticated, "CERTIFICATE_REQUIRED");
        refused(nobody.get(&id).await, Code::Unauthenticated, "CERTIFICATE_REQUIRED");
        let wallet = GetWalletRequest { party: Some(family.payee.clone()) };
        let answer = nobody.ask_node(SICHUAN, wallet).await;
        refused(answer, Code::Unauthenticated, "CERTIFICATE_REQUIRED");
        let regions = nobody.ask_hub(ListRegionsRequest::default()).await;
        refused(regions, Code::Unauthenticated, "CERTIFICATE_REQUIRED");
        assert_eq!(family.funds().await, Funds::untouched());
    });
}

#[test]
fn another_authority_s_certificate_gets_no_connection() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let stranger = cluster.site().stranger();
        let status = stranger.create(family.transfer("1.00")).await.expect_err("no connection");
        // The handshake fails: there is nobody to answer with a reason of ours.
        let source = std::error::Error::source(&status).expect("a cause");
        assert!(source.is::<tonic::transport::Error>() && status.details().is_empty(), "{status:?}");
        assert!(!stranger.serves(&Role::Hub).await);
        assert_eq!(family.funds().await, Funds::untouched());
    });
}

#[test]
fn roles_have_methods_of_their_own() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        for role in ["node:13", "hub", "operator:ops", "app:unlisted"] {
            let answer = cluster.caller(role).create(family.transfer("1.00")).await;
            refused(answer, Code::PermissionDenied, "ROLE_NOT_ALLOWED");
        }
        let app = cluster.app();
        let member = GetMemberRequest { party: Some(family.payer.clone()) };
        let answer = app.ask_node(HEBEI, member).await;
        refused(answer, Code::PermissionDenied, "ROLE_NOT_ALLOWED");
        let answer = app.ask_node(HEBEI, PrepareRequest::default()).await;
        refused(answer, Code::PermissionDenied, "ROLE_NOT_ALLOWED");
        // Not even another node may prepare: only the hub.
        let answer = cluster.caller("node:51").ask_node(HEBEI, PrepareRequest::default()).await;
        refused(answer, Code::PermissionDenied, "ROLE_NOT_ALLOWED");
        let answer = app.ask_hub(AnnounceNodeRequest::default()).await;
        refused(answer, Code::PermissionDenied, "ROLE_NOT_ALLOWED");
        assert_eq!(family.funds().await, Funds::untouched());
    });
}

#[test]
fn an_app_acts_only_for_its_provinces() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let app = cluster.caller("app:sichuan");
        let request = family.transfer("1.00");
        refused(app.create(request.clone()).await, Code::PermissionDenied, "PROVINCE_NOT_ALLOWED");
        refused(app.check(&request).await, Code::PermissionDenied, "PROVINCE_NOT_ALLOWED");
        // Who may not act learns nothing from validation.
        let mut bad = request.clone();
        bad.amount = "nonsense".to_owned();
        refused(app.create(bad).await, Code::PermissionDenied, "PROVINCE_NOT_ALLOWED");
        let list = ListTransfersRequest { province_code: "13".to_owned(), ..Default::default() };
        let answer = app.ask_hub(list).await;
        refused(answer, Code::PermissionDenied, "PROVINCE_NOT_ALLOWED");
        refused(cluster.app().get(&request.transfer_id).await, Code::NotFound, "TRANSFER_NOT_FOUND");
        assert_eq!(family.funds().await, Funds::untouched());
        let theirs = cluster.family("51", "13").await;
        recorded(&app.create(theirs.transfer("1.00")).await.expect("an answer"));
    });
}

#[test]
fn a_platform_acts_only_for_its_province() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let other = cluster.caller("platform:51");
        let answer = other.create(family.transfer("1.00")).await;
        refused(answer, Code::PermissionDenied, "PROVINCE_NOT_ALLOWED");
        let member = GetMemberRequest { party: Some(family.payer.clone()) };
        let answer = other.ask_node(HEBEI, member).await;
        refused(answer, Code::PermissionDenied, "PROVINCE_NOT_ALLOWED");
        let row = UpsertMembersRequest {
            request_id: fresh_id(),
            member: Some(employee(&family.payer)),
            phone: String::new(),
            ..Default::default()
        };
        let answer = other.upsert(HEBEI, vec![row]).await;
        refused(answer, Code::PermissionDenied, "PROVINCE_NOT_ALLOWED");
        assert_eq!(family.funds().await, Funds::untouched());
    });
}

fn sender() -> Sender {
    Sender { incarnation: 1, start_id: vec![7; 16], sequence: 1, head_hash: vec![0; 32], ..Sender::default() }
}

#[test]
fn a_node_cannot_speak_for_another_province() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let node = cluster.caller("node:51");
        let announce = AnnounceNodeRequest {
            sender: Some(sender()),
            province_code: "13".to_owned(),
            ..Default::default()
        };
        let answer = node.ask_hub(announce).await;
        refused(answer, Code::PermissionDenied, "PROVINCE_NOT_ALLOWED");

        // Its own province's name is believed, but not a start that says it was admitted and is not the last that was.
        let announce = AnnounceNodeRequest {
            sender: Some(sender()),
            province_code: "51".to_owned(),
            again: true,
            ..Default::default()
        };
        let answer = node.ask_hub(announce).await;
        refused(answer, Code::FailedPrecondition, "SENDER_REFUSED");
        let question = ResolveQuestion {
            transfer_id: family.transfer("1.00").transfer_id,
            side: LegSide::Payer.into(),
            terms_digest: vec![9; 32],
        };
        let resolve = ResolveRequest { sender: Some(sender()), questions: vec![question.clone()] };
        let answer = node.ask_hub(resolve).await;
        refused(answer, Code::FailedPrecondition, "SENDER_REFUSED");
        // Nor did the question bury the id.
        let mut request = family.transfer("1.00");
        request.transfer_id = question.transfer_id;
        recorded(&cluster.app().create(request).await.expect("an answer"));
    });
}

#[test]
fn a_node_that_the_hub_s_configuration_does_not_name_is_not_admitted() {
    shared(async |cluster| {
        let unlisted = server("35");
        cluster.site().layout().issue([unlisted]).expect("a certificate of our authority");
        let node = cluster.caller("node:35");
        let announce = AnnounceNodeRequest { sender: Some(sender()), ..Default::default() };
        refused(node.ask_hub(announce).await, Code::PermissionDenied, "NODE_NOT_LISTED");
        let resolve = ResolveRequest { sender: Some(sender()), questions: Vec::new() };
        refused(node.ask_hub(resolve).await, Code::PermissionDenied, "NODE_NOT_LISTED");
        node.ask_hub(ListRegionsRequest::default()).await.expect("what every role may read");
    });
}

#[test]
fn a_finance_person_is_known_and_has_no_method_but_those_of_clearing() {
    shared(async |cluster| {
        let role: Role = "urn:gongji:finance:51:wang-fang".parse().expect("a role");
        cluster.site().layout().issue([role]).expect("a certificate");
        let person = cluster.caller("finance:51:wang-fang");
        assert!(person.serves(&Role::Hub).await);
        let answer = person.ask_hub(ListRegionsRequest::default()).await;
        refused(answer, Code::PermissionDenied, "ROLE_NOT_ALLOWED");
        let answer = person.ask_node(SICHUAN, PrepareRequest::default()).await;
        refused(answer, Code::PermissionDenied, "ROLE_NOT_ALLOWED");
    });
}
