//! gongji.node.v1.LegConstraints by hand: prost drops fields that it does not know in silence, and a demand of the
//! other place must not be passed over. A test holds that the fields are those of `proto/`.

use super::node::LegDemand;
use prost::DecodeError;
use prost::bytes::{Buf, BufMut};
use prost::encoding::{DecodeContext, WireType, skip_field};

/// The fields that this program knows.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct KnownConstraints {
    #[prost(enumeration = "super::types::InsuranceType", repeated, tag = "1")]
    pub allowed_insurance_types: Vec<i32>,
    #[prost(bool, tag = "2")]
    pub acceptance: bool,
    #[prost(message, repeated, tag = "3")]
    pub demands: Vec<LegDemand>,
}

/// What one place demands of the other side of a transfer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LegConstraints {
    /// What this program can read.
    pub known: KnownConstraints,
    /// Whether there was more.
    pub unknown: bool,
}

impl From<KnownConstraints> for LegConstraints {
    fn from(known: KnownConstraints) -> LegConstraints {
        LegConstraints { known, unknown: false }
    }
}

impl prost::Message for LegConstraints {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        self.known.encode_raw(buffer);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        if (1..=3).contains(&tag) {
            return self.known.merge_field(tag, wire_type, buffer, context);
        }
        self.unknown = true;
        skip_field(wire_type, tag, buffer, context)
    }

    fn encoded_len(&self) -> usize {
        self.known.encoded_len()
    }

    fn clear(&mut self) {
        *self = LegConstraints::default();
    }
}
