//! What tests and the simulator share: the calls between hub and node as their machines take and give them.

mod calls;

pub use calls::{
    Message, asked_of_hub, asked_of_node, heard, heard_by_hub, heard_by_node, reply_of_hub, reply_of_node,
};
