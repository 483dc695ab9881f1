use super::*;
use crate::devkit::cast;
use crate::domain::hub::WaitMode;
use crate::domain::value::{ProvinceCode, RegionCode, RegionDirectory};
use crate::proto::hub::CreateTransferRequest;
use crate::proto::types::Kinship;

const ID: &str = "01990000-0000-7000-8000-000000000001";
const NUMBERS: [&str; 2] = ["11010519491231002X", "440524188001010014"];

fn key() -> VaultKey {
    VaultKey::from_bytes(&[7; 32])
}

fn request(payer: &str, payee: &str, remark: &str) -> CreateTransferRequest {
    CreateTransferRequest {
        transfer_id: ID.to_owned(),
        payer: Some(cast::party(NUMBERS[0], payer, "130102")),
        payee: Some(cast::party(NUMBERS[1], payee, "510100")),
        kinship: Kinship::Parent.into(),
        amount: "1.00".to_owned(),
        remark: remark.to_owned(),
        wait: 0,
        verification: 0,
    }
}

fn places() -> RegionDirectory {
    let path = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/regions.toml"));
    crate::config::regions::load(path).expect("the shipped list").directory
}

/// As `Shared::readings`.
fn readings(request: &CreateTransferRequest, then: &[(RegionCode, ProvinceCode)]) -> Vec<NewTransfer> {
    let places = places();
    let formers = [Former::No, Former::These(then)];
    let all = Form::ALL.iter().flat_map(|form| formers.map(|former| (*form, former)));
    let read = |(form, former): (Form, Former<'_>)| {
        let reader = Reader { regions: &places, home: None, texts: form.texts(), former };
        reader.create_transfer(request).ok()
    };
    all.filter_map(read).collect()
}

struct First {
    digest: Digest,
    then: Vec<(RegionCode, ProvinceCode)>,
}

/// What was stored of a transfer that was digested in this form, its payer's area being this one then.
fn first(request: &CreateTransferRequest, form: Form, payer_region: u32) -> First {
    let then = [(RegionCode::new(payer_region).expect("six digits"), ProvinceCode::new(13))];
    let read = readings(request, &then).pop().expect("the first form takes everything");
    let mut terms = read.content.terms;
    (terms.payer.region, terms.payer.province) = then[0];
    let digests = key().terms_digests(form, read.transfer_id, &terms, &read.content.remark);
    let payee = (terms.payee.region, terms.payee.province);
    First { digest: digests.whole, then: vec![then[0], payee] }
}

fn is_found(first: &First, again: &CreateTransferRequest) -> bool {
    let found = said_at_first(&key(), first.digest, &readings(again, &first.then));
    found.is_some_and(|(read, digests)| {
        assert_eq!((read.wait, digests.whole), (WaitMode::Recorded, first.digest));
        true
    })
}

#[test]
fn what_was_said_in_the_first_form_is_found_with_any_dot() {
    let stored = first(&request("买买提•吐尔逊", "李四", "买药\n"), Form::First, 130_100);
    for payer in ["买买提•吐尔逊", "买买提·吐尔逊", "买买提.吐尔逊", "买买提 · 吐尔逊"]
    {
        for remark in ["买药\n", "买药"] {
            assert!(is_found(&stored, &request(payer, "李四", remark)), "{payer}");
        }
    }
    for other in [
        request("买买提吐尔逊", "李四", "买药"),
        request("买买提·吐尔逊", "李五", "买药"),
        request("买买提·吐尔逊", "李四", "买药吃"),
        CreateTransferRequest {
            amount: "1.01".to_owned(), ..request("买买提·吐尔逊", "李四", "买药")
        },
    ] {
        assert!(!is_found(&stored, &other));
    }
}

/// v0.1 took names and remarks that are refused today.
#[test]
fn what_is_refused_today_still_finds_its_first_answer() {
    let request = request("张\u{200b}三", "李 四", "给\n妈妈");
    assert_eq!(readings(&request, &[]).len(), 2, "today's form refuses it");
    assert!(is_found(&first(&request, Form::First, 130_100), &request));
}

#[test]
fn a_county_that_was_moved_is_found_in_its_area_of_then() {
    let repeat = request("张三", "李四", "");
    for form in Form::ALL {
        for (then, expected) in [(130_100, true), (130_000, true), (130_600, false)] {
            assert_eq!(is_found(&first(&repeat, form, then), &repeat), expected, "{then}");
        }
    }
}

#[test]
fn an_area_that_is_not_listed_any_more_or_in_another_province_now_is_read_as_then() {
    // No such area is listed; and 510100 is listed in another province than 13.
    for (area, stated) in [(139900, "139900"), (139900, "139921"), (510_100, "510100"), (510_100, "510104")] {
        let mut again = request("张三", "李四", "");
        again.payer.as_mut().expect("a payer").region_code = stated.to_owned();
        again.payee.as_mut().expect("a payee").region_code = "440100".to_owned();
        assert!(is_found(&first(&again, Form::TODAY, area), &again), "{stated}");
    }
}
