//! The wire contract as generated code, with masked `Debug` for messages that carry personal data, and its codec.

#![allow(missing_docs, clippy::all, rustdoc::all)]

pub mod constraints;

/// Packages as `proto/` has them; generated code refers to its neighbours by these paths.
pub mod gongji {
    /// Shared values.
    pub mod r#type {
        /// gongji.type.v1
        pub mod v1 {
            tonic::include_proto!("gongji.r#type.v1");
        }
    }
    /// What the hub serves.
    pub mod hub {
        /// gongji.hub.v1
        pub mod v1 {
            tonic::include_proto!("gongji.hub.v1");
        }
    }
    /// What a node serves.
    pub mod node {
        /// gongji.node.v1
        pub mod v1 {
            tonic::include_proto!("gongji.node.v1");
        }
    }
}

/// Prost's codec with buffers for small messages: tonic's own begin at 8 KiB a message, which thousands of small calls
/// spread over cold memory. They grow for batches.
#[derive(Debug)]
pub struct Codec<T, U>(std::marker::PhantomData<(T, U)>);

impl<T, U> Default for Codec<T, U> {
    fn default() -> Codec<T, U> {
        Codec(std::marker::PhantomData)
    }
}

/// Bytes that a buffer begins with, and bytes after which an encoder hands on what it has.
const BUFFERS: (usize, usize) = (1 << 10, 32 << 10);

impl<T, U> tonic::codec::Codec for Codec<T, U>
where
    T: prost::Message + Send + 'static,
    U: prost::Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = tonic_prost::ProstEncoder<T>;
    type Decoder = tonic_prost::ProstDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        tonic_prost::ProstEncoder::new(tonic::codec::BufferSettings::new(BUFFERS.0, BUFFERS.1))
    }

    fn decoder(&mut self) -> Self::Decoder {
        tonic_prost::ProstDecoder::new(tonic::codec::BufferSettings::new(BUFFERS.0, BUFFERS.1))
    }
}

/// A request that one answer ends, with the method that it is for. The build makes one of each such method of `proto/`.
pub trait Method: prost::Message + Clone + Send + 'static {
    /// What it is answered with.
    type Answer: prost::Message + Default + std::fmt::Debug + Send + 'static;
    /// "/package.Service/Method".
    const PATH: &'static str;
}

include!(concat!(env!("OUT_DIR"), "/methods.rs"));

pub use gongji::hub::v1 as hub;
pub use gongji::node::v1 as node;
pub use gongji::r#type::v1 as types;
/// google.rpc, as every gRPC library has it.
pub use tonic_types::pb as rpc;

/// All files of `proto/` and what they import, with comments: what server reflection answers from.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/gongji_descriptor.bin"));

/// `Debug` of a message that carries personal data: its type and what identifies it, so that no log can leak more.
macro_rules! masked_debug {
    ($($message:path $([$($field:ident),+])?;)+) => {
        $(impl std::fmt::Debug for $message {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($message))
                    $($(.field(stringify!($field), &self.$field))+)?
                    .finish_non_exhaustive()
            }
        })+
    };
}

masked_debug! {
    types::Person;
    hub::Transfer [transfer_id, state];
    hub::CreateTransferRequest [transfer_id];
    hub::CheckTransferRequest;
    node::UpsertMembersRequest [request_id];
    node::CreditAccountRequest [request_id];
    node::OpenWalletRequest [request_id];
}

#[cfg(test)]
#[path = "proto_tests.rs"]
mod tests;
