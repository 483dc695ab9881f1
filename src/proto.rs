//! The wire contract as generated code, and nothing else but masked `Debug` for messages that carry personal data.

#![allow(missing_docs, clippy::all, rustdoc::all)]

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
