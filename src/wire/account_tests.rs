use super::*;
use crate::domain::node::account::empty_account;
use crate::domain::value::{AccountKind, Civil, Insurance, Kinship, MemberRef, Window};
use crate::wire::test_kit::*;

const WHO: MemberRef = MemberRef([6; 16]);

fn account(kind: AccountKind) -> AccountRow {
    let money = Money::from_fen;
    AccountRow { posted: money(150_000), held: money(40_000), pending: money(5), ..empty_account(WHO, kind) }
}

fn member(
    insurance_type: InsuranceType,
    insurance_status: InsuranceStatus,
    account_state: AccountState,
) -> MemberRow {
    let region = region(130_100);
    let said = Insurance::new(region, insurance_type);
    let said = Insurance { insurance_status, in_arrears: true, account_state, ..said };
    MemberRow::new(WHO, said, Civil(1_000))
}

#[test]
fn a_province_sees_its_member_in_clear() {
    let row = member(InsuranceType::Employee, InsuranceStatus::Active, AccountState::Normal);
    let who = person(SPECIMENS[0], "张小三");
    let shown = member_to_proto(&row, Some(&account(AccountKind::Personal)), &who);
    assert_eq!(shown.party, Some(wire_party(SPECIMENS[0], "张小三", "130100")));
    assert_eq!((shown.balance.as_str(), shown.held.as_str()), ("1500.00", "400.00"));
    assert_eq!((shown.insurance_type, shown.insurance_status, shown.account_state), (310, 1, 2));
    assert!(shown.in_arrears && !shown.public_medical);
    assert_eq!(shown.update_time.map(|time| time.seconds), Some(1));
    let nothing = member_to_proto(&row, None, &who);
    assert_eq!((nothing.balance.as_str(), nothing.held.as_str()), ("0.00", "0.00"));
}

#[test]
fn what_is_shown_of_a_member_can_be_sent_again() {
    let regions = regions();
    let who = person(SPECIMENS[0], "张小三");
    for insurance_type in InsuranceType::ALL {
        for insurance_status in InsuranceStatus::ALL {
            for account_state in AccountState::ALL {
                let row = member(*insurance_type, *insurance_status, *account_state);
                let request = node::UpsertMembersRequest {
                    request_id: "r".to_owned(),
                    member: Some(member_to_proto(&row, None, &who)),
                    phone: String::new(),
                    ..Default::default()
                };
                let read = reader(&regions).upsert_member(&request).expect("its own data").insurance;
                assert_eq!(
                    (read.insurance_type, read.insurance_status, read.account_state),
                    (*insurance_type, *insurance_status, *account_state)
                );
            }
        }
    }
}

#[test]
fn an_app_sees_a_wallet_masked() {
    let row = WalletRow {
        member_ref: WHO,
        state: WalletState::Open,
        use_region: region(130_600),
        open_time: Civil(2_000),
        opened_by: Some(Kinship::Child),
        state_code: Some("MISUSE".to_owned()),
        state_time: Civil(3_000),
    };
    let who = person(SPECIMENS[0], "张小三");
    let shown = wallet_to_proto(&row, Some(&account(AccountKind::Wallet)), &who, region(130_100));
    let party = shown.party.clone().expect("a party");
    assert_eq!(
        (party.name.as_str(), party.id_number.as_str(), party.region_code.as_str()),
        ("张*三", "1101********002X", "130100")
    );
    assert_eq!((shown.state(), shown.use_region_code.as_str()), (node::WalletState::Open, "130600"));
    assert_eq!((shown.balance.as_str(), shown.pending.as_str()), ("1500.00", "0.05"));
    for state in WalletState::ALL {
        let shown = wallet_to_proto(&WalletRow { state: *state, ..row.clone() }, None, &who, region(130_100));
        assert_eq!((i64::from(shown.state), shown.balance.as_str()), (state.number(), "0.00"));
    }
}

#[test]
fn lines_have_a_direction_and_no_sign() {
    let row = EntryRow {
        entry_id: 9,
        previous: 7,
        member_ref: WHO,
        kind: AccountKind::Personal,
        entry_no: 3,
        amount: Money::from_fen(-40_000),
        balance: Money::from_fen(110_000),
        entry_kind: EntryKind::TransferOut,
        transfer_id: Some(the_id()),
        counter_region: Some(region(510_100)),
        period: Some(202_611),
        entry_time: Civil(3_000),
    };
    let out = entry_to_proto(&row, Window::parse("20261121-2"));
    assert_eq!(out.window_id, "20261121-2");
    assert_eq!(
        (out.entry_no, out.direction(), out.kind()),
        (3, node::EntryDirection::Debit, node::EntryKind::TransferOut)
    );
    assert_eq!((out.amount.as_str(), out.balance_after.as_str()), ("400.00", "1100.00"));
    assert_eq!((out.transfer_id.as_str(), out.counter_region_code.as_str()), (ID, "510100"));
    let allotment = EntryRow {
        amount: Money::from_fen(15_050),
        entry_kind: EntryKind::Allotment,
        transfer_id: None,
        counter_region: None,
        ..row
    };
    let shown = entry_to_proto(&allotment, None);
    assert!(shown.window_id.is_empty());
    assert_eq!((shown.direction(), shown.amount.as_str()), (node::EntryDirection::Credit, "150.50"));
    assert!(shown.transfer_id.is_empty() && shown.counter_region_code.is_empty());
    assert_eq!(shown.kind(), node::EntryKind::Allotment);
}
