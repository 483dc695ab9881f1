use super::*;
use crate::devkit::cast;
use crate::domain::hub::WaitMode;
use crate::domain::value::RegionDirectory;
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

fn readings(request: &CreateTransferRequest) -> Vec<NewTransfer> {
    let places = places();
    let read =
        |form: &Form| Reader { regions: &places, home: None, texts: form.texts() }.create_transfer(request);
    Form::ALL.iter().filter_map(|form| read(form).ok()).collect()
}

type First = (Digest, BySide<(RegionCode, ProvinceCode)>);

/// What was stored of a transfer that was digested in this form, its payer's area being this one then.
fn first(request: &CreateTransferRequest, form: Form, payer_region: u32) -> First {
    let read = readings(request).pop().expect("the first form takes everything");
    let mut terms = read.content.terms;
    terms.payer.region = RegionCode::new(payer_region).expect("six digits");
    let digests = key().terms_digests(form, read.transfer_id, &terms, &read.content.remark);
    let parties = BySide { payer: &terms.payer, payee: &terms.payee };
    (digests.whole, BySide::new(|side| (parties[side].region, parties[side].province)))
}

fn is_found(first: First, again: &CreateTransferRequest) -> bool {
    let found = said_at_first(&key(), first, again, &readings(again));
    found.is_some_and(|(read, digests)| {
        assert_eq!((read.wait, digests.whole), (WaitMode::Recorded, first.0));
        true
    })
}

#[test]
fn what_was_said_in_the_first_form_is_found_with_any_dot() {
    let stored = first(&request("买买提•吐尔逊", "李四", "买药\n"), Form::First, 130_100);
    for payer in ["买买提•吐尔逊", "买买提·吐尔逊", "买买提.吐尔逊", "买买提 · 吐尔逊"]
    {
        for remark in ["买药\n", "买药"] {
            assert!(is_found(stored, &request(payer, "李四", remark)), "{payer}");
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
        assert!(!is_found(stored, &other));
    }
}

/// v0.1 took names and remarks that are refused today.
#[test]
fn what_is_refused_today_still_finds_its_first_answer() {
    let request = request("张\u{200b}三", "李 四", "给\n妈妈");
    assert_eq!(readings(&request).len(), 1, "today's form refuses it");
    assert!(is_found(first(&request, Form::First, 130_100), &request));
}

#[test]
fn a_county_that_was_moved_is_found_in_its_area_of_then() {
    let repeat = request("张三", "李四", "");
    for form in Form::ALL {
        for (then, expected) in [(130_100, true), (130_000, true), (130_600, false)] {
            assert_eq!(is_found(first(&repeat, form, then), &repeat), expected, "{then}");
        }
    }
}

#[test]
fn a_county_belongs_to_the_area_of_its_prefecture_or_province() {
    let code = |number| RegionCode::new(number).expect("six digits");
    for (county, area, expected) in [
        (130_102, 130_100, true),
        (130_602, 130_100, false),
        (310_101, 310_000, true),
        (320_101, 310_000, false),
        (130_600, 130_100, false),
    ] {
        assert_eq!(belongs(code(county), code(area)), expected, "{county} in {area}");
    }
}
