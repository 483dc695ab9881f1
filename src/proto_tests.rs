use super::*;
use crate::domain::reason::Reason;
use prost::Message;
use prost_types::FileDescriptorSet;
use std::collections::BTreeSet;

fn files() -> FileDescriptorSet {
    FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("what build.rs wrote")
}

#[test]
fn constraints_by_hand_are_those_of_the_contract() {
    let set = files();
    let message = set
        .file
        .iter()
        .flat_map(|file| &file.message_type)
        .find(|message| message.name() == "LegConstraints")
        .expect("the message");
    let fields: Vec<(i32, &str)> = message.field.iter().map(|field| (field.number(), field.name())).collect();
    assert_eq!(fields, [(1, "allowed_insurance_types"), (2, "acceptance"), (3, "demands")]);
}

#[test]
fn the_descriptor_set_is_complete_in_itself() {
    let set = files();
    let names: BTreeSet<&str> = set.file.iter().map(|file| file.name()).collect();
    for file in &set.file {
        for import in &file.dependency {
            assert!(names.contains(import.as_str()), "{} imports {import}", file.name());
        }
    }
    for wanted in ["google/rpc/error_details.proto", "google/protobuf/timestamp.proto"] {
        assert!(names.contains(wanted), "{wanted}");
    }
    let services: BTreeSet<String> = set
        .file
        .iter()
        .flat_map(|file| file.service.iter().map(|service| format!("{}.{}", file.package(), service.name())))
        .collect();
    let expected = [
        "gongji.hub.v1.AuditService",
        "gongji.hub.v1.CompensationService",
        "gongji.hub.v1.CoordinatorService",
        "gongji.hub.v1.OperationService",
        "gongji.hub.v1.RegionService",
        "gongji.hub.v1.RulebookService",
        "gongji.hub.v1.SettlementService",
        "gongji.hub.v1.TransferService",
        "gongji.node.v1.AuditService",
        "gongji.node.v1.MemberService",
        "gongji.node.v1.ParticipantService",
        "gongji.node.v1.WalletService",
    ];
    assert_eq!(services.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    assert!(set.file.iter().all(|file| file.service.iter().all(|service| !service.method.is_empty())));
}

#[test]
fn a_person_never_prints() {
    let person = types::Person { id_number: "11010519491231002X".to_owned(), name: "张小三".to_owned() };
    let party = types::Party { person: Some(person), region_code: "130100".to_owned() };
    let create = hub::CreateTransferRequest {
        payer: Some(party.clone()),
        remark: "给妈妈买药".to_owned(),
        ..hub::CreateTransferRequest::default()
    };
    let open = node::OpenWalletRequest {
        party: Some(party.clone()),
        phone: "13800000000".to_owned(),
        ..node::OpenWalletRequest::default()
    };
    let upsert =
        node::UpsertMembersRequest { phone: open.phone.clone(), ..node::UpsertMembersRequest::default() };
    let leg = node::Leg { party: Some(party.clone()), ..node::Leg::default() };
    let member = node::Member { party: Some(party.clone()), ..node::Member::default() };
    let credit = node::CreditAccountRequest { remark: create.remark.clone(), ..Default::default() };
    let check = hub::CheckTransferRequest { remark: create.remark.clone(), ..Default::default() };
    let shown = hub::Transfer { remark: create.remark.clone(), ..Default::default() };
    let batch = hub::SubmitTransfersRequest { requests: vec![create.clone()], wait: 0 };
    let printed = format!(
        "{party:?} {create:?} {open:?} {upsert:?} {leg:?} {member:?} {credit:?} {check:?} {shown:?} {batch:?}"
    );
    for secret in ["1949", "002X", "张", "三", "妈妈", "1380"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
    assert!(printed.contains("130100"));
}

/// Integrators look codes up: a comment that names one that no server ever sends would mislead them.
#[test]
fn every_code_that_a_comment_names_exists() {
    let set = files();
    let mut values: Vec<String> = Vec::new();
    let mut comments: Vec<(String, String)> = Vec::new();
    for file in set.file.iter().filter(|file| file.package().starts_with("gongji.")) {
        let nested = file.message_type.iter().flat_map(|message| &message.enum_type);
        for one in file.enum_type.iter().chain(nested).flat_map(|one| &one.value) {
            values.push(one.name().to_owned());
        }
        for place in &file.source_code_info.as_ref().expect("comments are kept").location {
            let texts = [place.leading_comments(), place.trailing_comments()];
            comments.extend(texts.into_iter().map(|text| (file.name().to_owned(), text.to_owned())));
        }
    }
    let grpc = [
        "INVALID_ARGUMENT",
        "ALREADY_EXISTS",
        "NOT_FOUND",
        "FAILED_PRECONDITION",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "DEADLINE_EXCEEDED",
    ];
    let advice = ["CORRECT_REQUEST", "SAME_ID", "NEW_ID"];
    let mut seen = 0;
    for (file, text) in &comments {
        let words = text.split(|one: char| !(one.is_ascii_alphanumeric() || one == '_'));
        let codes = words.filter(|word| {
            word.contains('_') && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        });
        for word in codes {
            let value = values.iter().any(|value| value == word || value.ends_with(&format!("_{word}")));
            let known =
                Reason::from_code(word).is_some() || value || grpc.contains(&word) || advice.contains(&word);
            assert!(known, "{file} names {word}");
            seen += usize::from(Reason::from_code(word).is_some());
        }
    }
    assert!(seen > 60, "only {seen} codes found: are the comments there?");
}
