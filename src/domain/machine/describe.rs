//! What a record says, as names and values, for people and programs that read journals. Where a record is declared this
//! is derived, field by field: none is left out, and a new one appears by itself.

use crate::domain::protocol::{Kind, Outcome, PeerMark, TermsDigests};
use crate::domain::reason::RefusalRecord;
use crate::domain::value::{
    AccountKind, AccountState, Civil, Day, Digest, Insurance, InsuranceStatus, InsuranceType, Kinship,
    MemberRef, Money, NumberRanges, Period, ProvinceCode, RegionCode, Side, StartId, TransferId, Window, hex,
};

/// A value of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// None: the field may be empty, and is.
    Nothing,
    /// Text.
    Text(String),
    /// A whole number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// A moment.
    Time(Civil),
}

/// Names and values, in order of declaration. Fields of a part stand among those of the whole.
pub type Details = Vec<(&'static str, Detail)>;

/// Something that a record may hold.
pub trait Describe {
    /// Adds what it says, under the name of its field.
    fn describe(&self, name: &'static str, to: &mut Details);
}

/// Types whose value is one detail.
macro_rules! details {
    ($($ty:ty: $it:ident => $detail:expr;)+) => { $(
        impl Describe for $ty {
            fn describe(&self, name: &'static str, to: &mut Details) {
                let $it = self;
                to.push((name, $detail));
            }
        }
    )+ };
}

fn text(value: impl ToString) -> Detail {
    Detail::Text(value.to_string())
}

details! {
    // A month, YYYYMM: no quantity.
    u32: it => text(it);
    u64: it => Detail::Number(*it);
    bool: it => Detail::Flag(*it);
    Civil: it => Detail::Time(*it);
    String: it => text(it);
    TransferId: it => text(it);
    MemberRef: it => text(hex(&it.0));
    StartId: it => text(hex(&it.0));
    Digest: it => text(hex(&it.0));
    Money: it => text(it);
    Day: it => text(it);
    Window: it => text(it);
    Period: it => text(it);
    RegionCode: it => text(it);
    ProvinceCode: it => if *it == ProvinceCode::HUB { text("hub") } else { text(it) };
    Side: it => text(it.name());
    NumberRanges: it => text(it);
    Kind: it => Detail::Number(u64::from(it.number()));
    Outcome: it => text(it.name());
    Kinship: it => text(it.name());
    AccountKind: it => text(it.name());
    AccountState: it => text(it.name());
    InsuranceStatus: it => text(it.name());
    InsuranceType: it => text(it.name());
    RefusalRecord: it => refusal(it);
    Vec<(TransferId, Side)>: it => legs(it);
    Vec<ProvinceCode>: it => text(it.iter().map(ProvinceCode::to_string).collect::<Vec<_>>().join(" "));
    // What is sealed says nothing here but that it is there.
    Vec<u8>: it => text(format!("{} bytes", it.len()));
}

fn refusal(RefusalRecord { reason, side, metadata }: &RefusalRecord) -> Detail {
    let facts: String = metadata.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    text(format!("{} by {side:?}{facts}", reason.code()))
}

fn legs(legs: &[(TransferId, Side)]) -> Detail {
    let legs: Vec<String> = legs.iter().map(|(id, side)| format!("{id} {}", side.name())).collect();
    text(legs.join(", "))
}

impl<T: Describe> Describe for Option<T> {
    fn describe(&self, name: &'static str, to: &mut Details) {
        match self {
            Some(it) => it.describe(name, to),
            None => to.push((name, Detail::Nothing)),
        }
    }
}

impl Describe for PeerMark {
    fn describe(&self, _: &'static str, to: &mut Details) {
        let PeerMark { incarnation, start_id, sequence, head_hash } = self;
        incarnation.describe("incarnation", to);
        start_id.describe("start_id", to);
        sequence.describe("sequence", to);
        head_hash.describe("head_hash", to);
    }
}

impl Describe for Insurance {
    fn describe(&self, _: &'static str, to: &mut Details) {
        let Insurance { region, insurance_type, insurance_status, in_arrears, public_medical, account_state } =
            self;
        region.describe("region", to);
        insurance_type.describe("insurance_type", to);
        insurance_status.describe("insurance_status", to);
        in_arrears.describe("in_arrears", to);
        public_medical.describe("public_medical", to);
        account_state.describe("account_state", to);
    }
}

impl Describe for TermsDigests {
    fn describe(&self, _: &'static str, to: &mut Details) {
        let TermsDigests { payer, payee, remark, whole } = self;
        payer.describe("payer_digest", to);
        payee.describe("payee_digest", to);
        remark.describe("remark_digest", to);
        whole.describe("terms_digest", to);
    }
}
