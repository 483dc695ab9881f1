//! Members: generated, never real. Each test has its own, so that no other test's transfers count for them.

use gongji::devkit::cast;
use gongji::devkit::client::Caller;
use gongji::proto::hub::{CreateTransferRequest, WaitMode};
use gongji::proto::node::{Member, OpenWalletRequest, UpsertMembersResponse};
use gongji::proto::types::{Kinship, Party, Person};
use std::sync::atomic::{AtomicU64, Ordering};

pub use gongji::devkit::cast::{employee, party, resident};
pub use gongji::devkit::client::province_of;

/// Published specimens of GB 11643, nobody's numbers.
pub const SPECIMENS: [&str; 2] = ["11010519491231002X", "440524188001010014"];

static NEXT: AtomicU64 = AtomicU64::new(0);

/// An id that no transfer or request has yet.
pub fn fresh_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Somebody new, insured in this pooling area.
pub fn somebody(region_code: &str) -> Party {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    cast::somebody(number, region_code).expect("an area")
}

/// States another place of insurance of a request's party.
pub fn place(party: &mut Option<Party>, code: &str) {
    party.as_mut().expect("a party").region_code = code.to_owned();
}

/// The person of a request's party, to be changed.
pub fn person(party: &mut Option<Party>) -> &mut Person {
    party.as_mut().expect("a party").person.as_mut().expect("a person")
}

/// The capital of a province: the pooling area that members live in unless a test says otherwise.
pub fn capital(province: &str) -> String {
    format!("{province}0100")
}

/// Reports members, each under a request id of its own.
pub async fn report(platform: &Caller, members: Vec<Member>) -> UpsertMembersResponse {
    let province = province_of(members[0].party.as_ref().expect("a party"));
    let rows = members.into_iter().map(|member| cast::report(fresh_id(), member)).collect();
    platform.upsert(province, rows).await.expect("an answer to the stream")
}

/// Reports one member and demands that it is taken.
pub async fn enrol(platform: &Caller, member: Member) {
    let answer = report(platform, vec![member]).await;
    assert_eq!((answer.accepted_count, answer.rejected_count), (1, 0), "{answer:?}");
}

/// An allotment to a personal account.
pub async fn credit(platform: &Caller, party: &Party, amount: &str) {
    platform.credit(&fresh_id(), party, (amount, "202611")).await.expect("credited");
}

/// A request to open a wallet at the place of insurance.
pub fn opening(party: &Party) -> OpenWalletRequest {
    cast::opening(fresh_id(), party)
}

/// Opens a wallet.
pub async fn open_wallet(platform: &Caller, party: &Party) {
    platform.open_wallet(opening(party)).await.expect("opened");
}

/// What the two have, in yuan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Funds {
    /// In the payer's personal account.
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

/// A payer and a relative in another province.
#[derive(Clone, Debug)]
pub struct Family {
    /// Employee, 10,000.00 in the personal account.
    pub payer: Party,
    /// Resident, with an open and empty wallet.
    pub payee: Party,
    /// The payer's province's own system.
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
        let member = self.payer_platform.member(&self.payer).await.expect("the payer");
        let wallet = self.payee_platform.wallet(&self.payee).await.expect("the relative");
        Funds { balance: member.balance, held: member.held, wallet: wallet.balance, pending: wallet.pending }
    }
}
