//! Members: generated, never real. Each test has its own, so that no other test's transfers count for them.

use super::caller::{Caller, within};
use gongji::domain::value::id_number::IdNumber;
use gongji::proto::hub::{CreateTransferRequest, WaitMode};
use gongji::proto::node::{
    CreditAccountRequest, GetMemberRequest, GetWalletRequest, Member, OpenWalletRequest,
    UpsertMembersRequest, UpsertMembersResponse,
};
use gongji::proto::types::{InsuranceStatus, InsuranceType, Kinship, Party, Person};
use std::sync::atomic::{AtomicU32, Ordering};

/// Published specimens of GB 11643, nobody's numbers.
pub const SPECIMENS: [&str; 2] = ["11010519491231002X", "440524188001010014"];

static NEXT: AtomicU32 = AtomicU32::new(0);

/// An id that no transfer or request has yet.
pub fn fresh_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Somebody new, insured in this pooling area.
pub fn somebody(region_code: &str) -> Party {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let (year, sequence) = (1930 + number / 999, 1 + number % 999);
    let birth = (u16::try_from(year).expect("a year"), 6, 15);
    let sequence = u16::try_from(sequence).expect("three digits");
    let id_number = IdNumber::generate(130_102, birth, sequence).expect("a number");
    let name = |at: u32| char::from_u32(0x4e00 + at).expect("a character");
    party(id_number.reveal(), &format!("欧阳{}{}", name(number % 800), name(801 + number / 800)), region_code)
}

/// A party of these parts.
pub fn party(id_number: &str, name: &str, region_code: &str) -> Party {
    let person = Person { id_number: id_number.to_owned(), name: name.to_owned() };
    Party { person: Some(person), region_code: region_code.to_owned() }
}

/// The capital of a province: the pooling area that members live in unless a test says otherwise.
pub fn capital(province: &str) -> String {
    format!("{province}0100")
}

/// The province of a party, as generated here.
pub fn province(party: &Party) -> &str {
    &party.region_code[..2]
}

/// A member of employee insurance in good standing.
pub fn employee(party: &Party) -> Member {
    Member {
        party: Some(party.clone()),
        insurance_type: InsuranceType::Employee.into(),
        insurance_status: InsuranceStatus::Active.into(),
        ..Member::default()
    }
}

/// A member of resident insurance in good standing.
pub fn resident(party: &Party) -> Member {
    Member { insurance_type: InsuranceType::Resident.into(), ..employee(party) }
}

/// Reports members, each under a request id of its own.
pub async fn report(platform: &Caller, members: Vec<Member>) -> UpsertMembersResponse {
    let province = province(members[0].party.as_ref().expect("a party")).to_owned();
    let rows = members.into_iter().map(|member| UpsertMembersRequest {
        request_id: fresh_id(),
        member: Some(member),
        phone: String::new(),
    });
    let rows: Vec<_> = rows.collect();
    let answer = platform.members(&province).upsert_members(within(tokio_stream::iter(rows))).await;
    answer.expect("an answer to the stream").into_inner()
}

/// Reports one member and demands that it is taken.
pub async fn enrol(platform: &Caller, member: Member) {
    let answer = report(platform, vec![member]).await;
    assert_eq!((answer.accepted_count, answer.rejected_count), (1, 0), "{answer:?}");
}

/// An allotment to a personal account.
pub async fn credit(platform: &Caller, party: &Party, amount: &str) {
    let request = CreditAccountRequest {
        request_id: fresh_id(),
        party: Some(party.clone()),
        amount: amount.to_owned(),
        period: "202611".to_owned(),
        remark: String::new(),
    };
    platform.members(province(party)).credit_account(within(request)).await.expect("credited");
}

/// A request to open a wallet at the place of insurance.
pub fn opening(party: &Party) -> OpenWalletRequest {
    OpenWalletRequest {
        request_id: fresh_id(),
        party: Some(party.clone()),
        use_region_code: String::new(),
        phone: "13800000000".to_owned(),
        confirmed: true,
        opened_by: None,
    }
}

/// Opens a wallet.
pub async fn open_wallet(platform: &Caller, party: &Party) {
    platform.wallets(province(party)).open_wallet(within(opening(party))).await.expect("opened");
}

/// What the two have, in yuan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Funds {
    /// In the giver's personal account.
    pub balance: String,
    /// Of that, set aside.
    pub held: String,
    /// In the relative's wallet.
    pub wallet: String,
    /// On its way there.
    pub pending: String,
}

impl Funds {
    /// Settled funds: nothing set aside, nothing on its way.
    pub fn settled(balance: &str, wallet: &str) -> Funds {
        let none = "0.00".to_owned();
        Funds { balance: balance.to_owned(), held: none.clone(), wallet: wallet.to_owned(), pending: none }
    }

    /// What every family begins with.
    pub fn untouched() -> Funds {
        Funds::settled("10000.00", "0.00")
    }
}

/// A giver and a relative in another province.
#[derive(Clone, Debug)]
pub struct Family {
    /// Employee, 10,000.00 in the personal account.
    pub payer: Party,
    /// Resident, with an open and empty wallet.
    pub payee: Party,
    /// The giver's province's own system.
    pub payer_platform: Caller,
    /// The relative's province's own system.
    pub payee_platform: Caller,
}

impl Family {
    /// Enrols both with their provinces' own systems.
    pub async fn enrol(payer_platform: &Caller, payee_platform: &Caller, places: (&str, &str)) -> Family {
        let (payer, payee) = (somebody(&capital(places.0)), somebody(&capital(places.1)));
        Family::of(payer_platform, payee_platform, payer, payee).await
    }

    /// Enrols these two.
    pub async fn of(payer_platform: &Caller, payee_platform: &Caller, payer: Party, payee: Party) -> Family {
        enrol(payer_platform, employee(&payer)).await;
        credit(payer_platform, &payer, "10000.00").await;
        enrol(payee_platform, resident(&payee)).await;
        open_wallet(payee_platform, &payee).await;
        let (payer_platform, payee_platform) = (payer_platform.clone(), payee_platform.clone());
        Family { payer, payee, payer_platform, payee_platform }
    }

    /// A request for a transfer between them, with an id of its own.
    pub fn transfer(&self, amount: &str) -> CreateTransferRequest {
        CreateTransferRequest {
            transfer_id: fresh_id(),
            payer: Some(self.payer.clone()),
            payee: Some(self.payee.clone()),
            kinship: Kinship::Parent.into(),
            amount: amount.to_owned(),
            remark: "买药".to_owned(),
            wait: WaitMode::Recorded.into(),
            verification: 0,
        }
    }

    /// What they have now.
    pub async fn funds(&self) -> Funds {
        let request = GetMemberRequest { party: Some(self.payer.clone()) };
        let member = self.payer_platform.members(province(&self.payer)).get_member(within(request)).await;
        let member = member.expect("the giver").into_inner().member.expect("the giver");
        let request = GetWalletRequest { party: Some(self.payee.clone()) };
        let wallet = self.payee_platform.wallets(province(&self.payee)).get_wallet(within(request)).await;
        let wallet = wallet.expect("the relative").into_inner().wallet.expect("the wallet");
        Funds { balance: member.balance, held: member.held, wallet: wallet.balance, pending: wallet.pending }
    }
}
