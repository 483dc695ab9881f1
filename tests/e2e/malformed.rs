//! What the request's own bytes decide is an error: nothing is recorded, the id stays free, nobody's money moves.

use super::kit::cluster::shared;
use super::kit::people::{Funds, fresh_id, person, place};
use super::kit::verdict::{malformed, recorded, refused};
use gongji::proto::hub::CreateTransferRequest;
use tonic::Code;

type Change = fn(&mut CreateTransferRequest);

/// A field, the reason, and what makes the request malformed so. `src/wire/terms_tests.rs` has every bad text of each.
const MALFORMED: &[(&str, &str, Change)] = &[
    ("transfer_id", "FIELD_REQUIRED", |it| it.transfer_id.clear()),
    ("transfer_id", "TRANSFER_ID_MALFORMED", |it| it.transfer_id = "1".to_owned()),
    ("payer.person.id_number", "FIELD_REQUIRED", |it| person(&mut it.payer).id_number.clear()),
    ("payer.person.id_number", "ID_NUMBER_MALFORMED", |it| person(&mut it.payer).id_number.insert(0, ' ')),
    ("payee.person.id_number", "ID_NUMBER_CHECK_DIGIT", |it| {
        person(&mut it.payee).id_number = "110105194912310021".to_owned();
    }),
    ("payee.person.id_number", "SAME_PERSON", |it| person(&mut it.payee).clone_from(person(&mut it.payer))),
    ("payer.person.name", "NAME_MALFORMED", |it| person(&mut it.payer).name = "长".repeat(51)),
    ("payee.person.name", "NAME_MALFORMED", |it| person(&mut it.payee).name = "张\u{200b}三".to_owned()),
    ("payer.region_code", "UNKNOWN_REGION", |it| place(&mut it.payer, "990100")),
    ("payee.region_code", "REGION_MALFORMED", |it| place(&mut it.payee, "51010٣")),
    ("payee.region_code", "SAME_PROVINCE", |it| place(&mut it.payee, "130682")),
    ("kinship", "FIELD_REQUIRED", |it| it.kinship = 0),
    ("kinship", "KINSHIP_UNSUPPORTED", |it| it.kinship = 9),
    ("amount", "FIELD_REQUIRED", |it| it.amount.clear()),
    ("amount", "AMOUNT_MALFORMED", |it| it.amount = "1.005".to_owned()),
    ("amount", "AMOUNT_NOT_POSITIVE", |it| it.amount = "0.00".to_owned()),
    ("remark", "REMARK_MALFORMED", |it| it.remark = "买\u{202e}药".to_owned()),
    ("remark", "REMARK_TOO_LONG", |it| it.remark = "长".repeat(101)),
];

/// Create and Check say the same. Afterwards the very same id is free for the request as it should have been.
#[test]
fn each_malformed_field_is_named_and_leaves_the_id_free() {
    shared(async |cluster| {
        let (family, app) = (cluster.family("13", "51").await, cluster.app());
        let good = family.transfer("1.00");
        for (field, reason, change) in MALFORMED {
            let mut bad = good.clone();
            change(&mut bad);
            if *field != "transfer_id" {
                malformed(app.check(&bad).await, field, reason);
            }
            malformed(app.create(bad).await, field, reason);
            refused(app.get(&good.transfer_id).await, Code::NotFound, "TRANSFER_NOT_FOUND");
        }
        assert_eq!(family.funds().await, Funds::untouched());
        recorded(&app.create(good).await.expect("an answer"));
        assert_eq!(family.funds().await, Funds::settled("9999.00", "1.00"));
        malformed(app.get("1").await, "transfer_id", "TRANSFER_ID_MALFORMED");
        malformed(app.get("").await, "transfer_id", "FIELD_REQUIRED");
        let said = refused(app.get(&fresh_id()).await, Code::NotFound, "TRANSFER_NOT_FOUND");
        assert!(said.fields.is_empty());
    });
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    shared(async |cluster| {
        let answer = cluster.app().create(CreateTransferRequest::default()).await;
        let said = refused(answer, Code::InvalidArgument, "FIELD_REQUIRED");
        let fields: Vec<&str> = said.fields.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["transfer_id", "payer", "payee", "kinship", "amount"]);
    });
}
