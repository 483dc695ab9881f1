//! What the request's own bytes decide is an error: nothing is recorded, the id stays free, nobody's money moves.

use super::kit::cluster::{Cluster, shared};
use super::kit::people::{Family, Funds, fresh_id};
use super::kit::verdict::{malformed, recorded, refused};
use gongji::proto::hub::CreateTransferRequest;
use gongji::proto::types::Party;
use tonic::Code;

/// Each change makes the request malformed in one field, for one reason; Create and Check say the same. Afterwards
/// the very same id is free for the request as it should have been.
async fn each_is_refused(
    cluster: &Cluster,
    family: &Family,
    field: &str,
    reason: &str,
    changes: Vec<Change>,
) {
    let app = cluster.app();
    let good = family.transfer("1.00");
    for change in changes {
        let mut bad = good.clone();
        change(&mut bad);
        if !field.starts_with("transfer_id") {
            malformed(app.check(&bad).await, field, reason);
        }
        malformed(app.create(bad).await, field, reason);
    }
    refused(app.get(&good.transfer_id).await, Code::NotFound, "TRANSFER_NOT_FOUND");
    assert_eq!(family.funds().await, Funds::untouched());
}

type Change = Box<dyn Fn(&mut CreateTransferRequest)>;

fn payer(change: impl Fn(&mut Party) + 'static) -> Change {
    Box::new(move |request| change(request.payer.as_mut().expect("a payer")))
}

fn payee(change: impl Fn(&mut Party) + 'static) -> Change {
    Box::new(move |request| change(request.payee.as_mut().expect("a payee")))
}

fn with_number(number: &'static str) -> impl Fn(&mut Party) {
    move |party| party.person.as_mut().expect("a person").id_number = number.to_owned()
}

fn with_region(code: &'static str) -> impl Fn(&mut Party) {
    move |party| party.region_code = code.to_owned()
}

#[test]
fn identity_numbers() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let bad = [
            "1",
            "1101051949123100",
            "11010519491331002X",
            "1101051949123100２X",
            "A1010519491231002X",
            " 1",
        ];
        for (field, of) in [("payer", true), ("payee", false)] {
            let side = |number| if of { payer(with_number(number)) } else { payee(with_number(number)) };
            let field = format!("{field}.person.id_number");
            let changes = bad.map(side).into();
            each_is_refused(cluster, &family, &field, "ID_NUMBER_MALFORMED", changes).await;
            let wrong = vec![side("110105194912310021"), side("440524188001010015")];
            each_is_refused(cluster, &family, &field, "ID_NUMBER_CHECK_DIGIT", wrong).await;
            each_is_refused(cluster, &family, &field, "FIELD_REQUIRED", vec![side("")]).await;
        }
    });
}

#[test]
fn amounts() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let amount = |text: &'static str| -> Change { Box::new(move |it| it.amount = text.to_owned()) };
        let bad = [
            "1.005",
            "-1",
            "+1",
            "1e3",
            "٣",
            " 1",
            "1 ",
            "1,000.00",
            "123456789012345678",
            "1.",
            ".5",
            "１",
            "NaN",
            "0x1",
            "1.0.0",
        ];
        each_is_refused(cluster, &family, "amount", "AMOUNT_MALFORMED", bad.map(amount).into()).await;
        let zero = vec![amount("0.00"), amount("0"), amount("0.0")];
        each_is_refused(cluster, &family, "amount", "AMOUNT_NOT_POSITIVE", zero).await;
        each_is_refused(cluster, &family, "amount", "FIELD_REQUIRED", vec![amount("")]).await;
    });
}

#[test]
fn transfer_ids() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let id = |text: &'static str| -> Change { Box::new(move |it| it.transfer_id = text.to_owned()) };
        each_is_refused(cluster, &family, "transfer_id", "FIELD_REQUIRED", vec![id("")]).await;
        let bad = vec![
            id("1"),
            id("not-a-uuid"),
            id("01963f2a7c1e7b2a9d540f1e2d3c4b5a"),
            id("01963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5g"),
            id("00000000-0000-0000-0000-000000000000"),
            id("{1963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5a}"),
        ];
        each_is_refused(cluster, &family, "transfer_id", "TRANSFER_ID_MALFORMED", bad).await;
        malformed(cluster.app().get("1").await, "transfer_id", "TRANSFER_ID_MALFORMED");
        malformed(cluster.app().get("").await, "transfer_id", "FIELD_REQUIRED");
    });
}

#[test]
fn places() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let unknown = vec![payee(with_region("990100")), payee(with_region("659099"))];
        each_is_refused(cluster, &family, "payee.region_code", "UNKNOWN_REGION", unknown).await;
        let unknown = vec![payer(with_region("990100"))];
        each_is_refused(cluster, &family, "payer.region_code", "UNKNOWN_REGION", unknown).await;
        let bad = vec![payee(with_region("51")), payee(with_region("51010٣")), payee(with_region("051010"))];
        each_is_refused(cluster, &family, "payee.region_code", "REGION_MALFORMED", bad).await;
        let same = vec![payee(with_region("130100")), payee(with_region("130682"))];
        each_is_refused(cluster, &family, "payee.region_code", "SAME_PROVINCE", same).await;
    });
}

#[test]
fn oneself_in_laws_and_long_remarks() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let oneself: Change = Box::new(|request| {
            let person = request.payer.as_ref().expect("a payer").person.clone();
            request.payee.as_mut().expect("a payee").person = person;
        });
        each_is_refused(cluster, &family, "payee.person.id_number", "SAME_PERSON", vec![oneself]).await;
        let kinship = |number: i32| -> Change { Box::new(move |request| request.kinship = number) };
        let in_laws = vec![kinship(9), kinship(-1)];
        each_is_refused(cluster, &family, "kinship", "KINSHIP_UNSUPPORTED", in_laws).await;
        each_is_refused(cluster, &family, "kinship", "FIELD_REQUIRED", vec![kinship(0)]).await;
        let remark: Change = Box::new(|request| request.remark = "长".repeat(101));
        each_is_refused(cluster, &family, "remark", "REMARK_TOO_LONG", vec![remark]).await;
        let name: Change = Box::new(|request| {
            request.payer.as_mut().expect("a payer").person.as_mut().expect("a person").name =
                "长".repeat(51);
        });
        each_is_refused(cluster, &family, "payer.person.name", "NAME_MALFORMED", vec![name]).await;
    });
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    shared(async |cluster| {
        let said = refused(
            cluster.app().create(CreateTransferRequest::default()).await,
            Code::InvalidArgument,
            "FIELD_REQUIRED",
        );
        let fields: Vec<&str> = said.fields.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["transfer_id", "payer", "payee", "kinship", "amount"]);
    });
}

#[test]
fn a_corrected_request_may_use_the_id_again() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let app = cluster.app();
        let good = family.transfer("1.00");
        let mut bad = good.clone();
        bad.amount = "1.005".to_owned();
        malformed(app.create(bad).await, "amount", "AMOUNT_MALFORMED");
        recorded(&app.create(good).await.expect("an answer"));
        assert_eq!(family.funds().await, Funds::settled("9999.00", "1.00"));
        // Not found never means aborted, and says so.
        let said = refused(app.get(&fresh_id()).await, Code::NotFound, "TRANSFER_NOT_FOUND");
        assert!(said.fields.is_empty());
    });
}
