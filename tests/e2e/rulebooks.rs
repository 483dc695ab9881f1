//! The hub's rules, the texts behind a decision, and suspension from the network settlement, over the wire.

use super::kit::cluster::shared;
use super::kit::people::province_of;
use super::kit::verdict::{aborted, malformed, recorded, refused};
use gongji::proto::hub::{CreateTransferRequest, GetRulebookRequest};
use gongji::proto::node::SuspendSettlementRequest;
use gongji::proto::types::RefusalSide::{Hub, Payee};
use gongji::proto::types::Verification;
use tonic::Code;

#[test]
fn a_refusal_leads_to_the_text_of_that_day() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let app = cluster.app();
        let refused_transfer = app.create(family.transfer("2000.01")).await.expect("an answer");
        let hash = refused_transfer.rulebook_hashes[0].clone();
        let get = async |rulebook_hash: &str| {
            let request = GetRulebookRequest { rulebook_hash: rulebook_hash.to_owned() };
            app.ask_hub(request).await
        };
        let kept = get(&hash).await.expect("a rulebook").rulebook.expect("a rulebook");
        let names: Vec<&str> = kept.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(
            (kept.rulebook_hash.as_str(), names),
            (hash.as_str(), vec!["national.toml", "hebei-13.toml"])
        );
        assert!(kept.files[0].text.contains("transfer_max = { value = \"2000.00\""));
        refused(get(&"0".repeat(64)).await, Code::NotFound, "RULEBOOK_NOT_FOUND");
        malformed(get("12").await, "rulebook_hash", "HASH_MALFORMED");
        malformed(get("").await, "rulebook_hash", "FIELD_REQUIRED");
        let request = GetRulebookRequest { rulebook_hash: hash };
        cluster.caller("operator:ops").ask_hub(request).await.expect("an operator may read it");
    });
}

#[test]
fn a_place_that_asks_for_a_proof_of_the_payer() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        // 青海: no node is needed, the hub refuses first.
        let mut payer = family.payer.clone();
        payer.region_code = "630100".to_owned();
        let unproved = CreateTransferRequest { payer: Some(payer), ..family.transfer("10.00") };
        let transfer = cluster.app().create(unproved.clone()).await.expect("an answer");
        let refusal = aborted(&transfer, Hub, "VERIFICATION_REQUIRED");
        assert_eq!(refusal.metadata["accepted"], "face,code_password");
        let mut proved = CreateTransferRequest { transfer_id: family.transfer("1").transfer_id, ..unproved };
        proved.set_verification(Verification::Face);
        let check = cluster.app().check(&proved).await.expect("an answer");
        assert!(check.refusals.iter().all(|refusal| refusal.reason != "VERIFICATION_REQUIRED"));
        proved.verification = 3;
        malformed(cluster.app().create(proved).await, "verification", "VALUE_UNSUPPORTED");
    });
}

#[test]
fn a_suspended_payee_until_it_is_lifted() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let suspension = |request_id: &str, from: &str, until: &str, lift: bool| SuspendSettlementRequest {
            request_id: request_id.to_owned(),
            party: Some(family.payee.clone()),
            from_date: from.to_owned(),
            until_date: until.to_owned(),
            lift,
        };
        let id = family.transfer("1").transfer_id;
        let ask = async |request: SuspendSettlementRequest| {
            family.payee_platform.ask_node(province_of(&family.payee), request).await
        };
        malformed(
            ask(suspension(&id, "2026-11-21", "2027-02-20", false)).await,
            "until_date",
            "SUSPENSION_LENGTH",
        );
        let future = ask(suspension(&id, "2027-11-21", "2028-02-21", false)).await;
        refused(future, Code::InvalidArgument, "DATE_IN_FUTURE");
        let suspended = ask(suspension(&id, "2026-11-20", "2027-02-20", false)).await.expect("suspended");
        let member = suspended.member.expect("a member");
        assert_eq!(member.settlement_suspended_until, "2027-02-20");
        let transfer = cluster.app().create(family.transfer("10.00")).await.expect("an answer");
        let refusal = aborted(&transfer, Payee, "PAYEE_SETTLEMENT_SUSPENDED");
        assert!(refusal.metadata.is_empty(), "its end is the payee's affair");
        ask(suspension(&format!("{id}-2"), "2026-11-20", "", true)).await.expect("lifted");
        recorded(&cluster.app().create(family.transfer("10.00")).await.expect("an answer"));
    });
}
