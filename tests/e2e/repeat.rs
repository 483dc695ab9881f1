//! The id is the idempotency key: the same request again joins the first; another one under the same id is refused
//! with the field that differs.

use super::kit::cluster::shared;
use super::kit::people::{Family, Funds, employee, enrol, person, somebody};
use super::kit::verdict::{recorded, refused};
use gongji::proto::hub::CreateTransferRequest;
use gongji::proto::types::{Kinship, Party};
use tonic::Code;

#[test]
fn each_changed_field_is_named() {
    shared(async |cluster| {
        let (family, other) = (cluster.family("13", "51").await, cluster.family("13", "51").await);
        let app = cluster.app();
        let first = family.transfer("10.00");
        let known = app.create(first.clone()).await.expect("an answer");
        recorded(&known);
        let after = family.funds().await;

        let number = person(&mut Some(other.payer.clone())).id_number.clone();
        let relative = person(&mut Some(other.payee.clone())).id_number.clone();
        type Change = Box<dyn Fn(&mut CreateTransferRequest)>;
        let changes: Vec<(&str, Change)> = vec![
            ("payer", Box::new(move |it| person(&mut it.payer).id_number = number.clone())),
            ("payer", Box::new(|it| person(&mut it.payer).name = "别人".to_owned())),
            ("payer", Box::new(|it| it.payer.as_mut().expect("a payer").region_code = "130600".to_owned())),
            ("payee", Box::new(move |it| person(&mut it.payee).id_number = relative.clone())),
            ("payee", Box::new(|it| person(&mut it.payee).name = "别人".to_owned())),
            ("payee", Box::new(|it| it.payee.as_mut().expect("a payee").region_code = "510300".to_owned())),
            ("kinship", Box::new(|it| it.kinship = Kinship::Child.into())),
            ("amount", Box::new(|it| it.amount = "10.01".to_owned())),
            ("remark", Box::new(|it| it.remark = "别的".to_owned())),
        ];
        for (field, change) in changes {
            let mut again = first.clone();
            change(&mut again);
            let said = refused(app.create(again).await, Code::AlreadyExists, "CONTENT_DIFFERS");
            assert_eq!(said.fact("field"), Some(field));
            // Its owner is told how that stands, and is never sent on with a new id.
            assert_eq!((said.fact("state"), said.fact("retry")), (Some("COMMITTED"), Some("NO")));
            assert_eq!(said.fact("window_id"), Some(known.window_id.as_str()));
        }
        assert_eq!((family.funds().await, other.funds().await), (after, Funds::untouched()));
    });
}

#[test]
fn the_same_content_in_another_form_is_the_same() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let app = cluster.app();
        let first = app.create(family.transfer("10.00")).await.expect("an answer");
        let mut again = family.transfer("10");
        again.transfer_id = first.transfer_id.to_uppercase();
        again.remark = "\u{3000}买药 ".to_owned();
        person(&mut again.payer).name.push(' ');
        again.payer.as_mut().expect("a payer").region_code = "130102".to_owned();
        let second = app.create(again).await.expect("the same transfer");
        assert_eq!(second, first);
        assert_eq!(family.funds().await, Funds::settled("9990.00", "10.00"));
    });
}

/// Dots are typed in many ways, and a place may correct a name meanwhile: what was committed stays committed.
#[test]
fn a_repeat_with_another_dot_or_after_a_corrected_name_finds_the_first_answer() {
    shared(async |cluster| {
        let mut payer = somebody("130100");
        payer.person.as_mut().expect("a person").name = "买买提·吐尔逊".to_owned();
        let (payers, payees) = (cluster.caller("platform:13"), cluster.caller("platform:51"));
        let family = Family::of(&payers, &payees, payer, somebody("510100")).await;
        let app = cluster.app();
        let request = family.transfer("10.00");
        let first = app.create(request.clone()).await.expect("an answer");
        recorded(&first);
        let corrected = somebody("130100");
        let mut corrected = Party { person: corrected.person, ..family.payer.clone() };
        let number = family.payer.person.clone().expect("a person").id_number;
        corrected.person.as_mut().expect("a person").id_number = number;
        enrol(&payers, employee(&corrected)).await;
        for dot in ["·", "•", "．", ".", " ・ "] {
            let mut again = request.clone();
            person(&mut again.payer).name = format!("买买提{dot}吐尔逊");
            assert_eq!(app.create(again).await.expect("the same transfer"), first, "{dot}");
        }
        let named = Family { payer: corrected, ..family };
        assert_eq!(named.funds().await, Funds::settled("9990.00", "10.00"));
    });
}

#[test]
fn another_client_cannot_use_the_id() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let first = family.transfer("10.00");
        recorded(&cluster.app().create(first.clone()).await.expect("an answer"));
        let platform = cluster.caller("platform:13");
        let said = refused(platform.create(first.clone()).await, Code::AlreadyExists, "NOT_OWNER");
        // Whoever may see it is told how it stands, and its window is its owner's.
        assert_eq!((said.fact("state"), said.fact("retry")), (Some("COMMITTED"), Some("NO")));
        assert_eq!(said.fact("window_id"), None);
        let other = cluster.family("14", "13").await;
        let theirs =
            CreateTransferRequest { transfer_id: first.transfer_id.clone(), ..other.transfer("10.00") };
        let elsewhere = cluster.caller("platform:14").create(theirs).await;
        let said = refused(elsewhere, Code::AlreadyExists, "NOT_OWNER");
        assert_eq!((said.fact("state"), said.fact("retry")), (None, Some("NO")));
        assert_eq!(family.funds().await, Funds::settled("9990.00", "10.00"));
        // It may see it, though: its member pays.
        assert_eq!(platform.get(&first.transfer_id).await.expect("seen").amount, "10.00");
        let stranger = cluster.caller("platform:14");
        refused(stranger.get(&first.transfer_id).await, Code::NotFound, "TRANSFER_NOT_FOUND");
    });
}

#[test]
fn a_refused_id_stays_refused() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let app = cluster.app();
        let mut request = family.transfer("10.00");
        request.payee = Some(somebody("510100"));
        let first = app.create(request.clone()).await.expect("an answer");
        assert_eq!(first.refusal.as_ref().map(|it| it.reason.as_str()), Some("PAYEE_NOT_INSURED"));
        // What stood against it is gone; the answer stays.
        let platform = cluster.caller("platform:51");
        let payee = request.payee.clone().expect("a payee");
        super::kit::people::enrol(&platform, super::kit::people::resident(&payee)).await;
        super::kit::people::open_wallet(&platform, &payee).await;
        assert_eq!(app.create(request.clone()).await.expect("an answer"), first);
        // With other content it is said that the id is used up: nothing was done under it, nor can be.
        let other = CreateTransferRequest { amount: "11.00".to_owned(), ..request.clone() };
        let said = refused(app.create(other).await, Code::AlreadyExists, "ID_USED_UP");
        let facts = ["field", "state", "retry"].map(|name| said.fact(name));
        assert_eq!(facts, [Some("amount"), Some("ABORTED"), Some("NEW_ID")]);
        assert_eq!(family.funds().await, Funds::untouched());
    });
}
