//! What the simulator and tests share: one cluster of a hub and its nodes, with real machines and engine cores over
//! disks in memory. Who carries its letters, and what time it is, is its user's: the simulator's network loses, doubles
//! and delays by chance; the one of scenarios and unit tests delivers at once, or leaves every message in the test's
//! hands.

mod at_once;
mod calls;
#[cfg(test)]
mod chaos_tests;
mod cluster;
mod country;
mod disk;
#[cfg(test)]
pub(crate) mod made_up_tests;
mod marks;
mod pair;
mod server;
mod watched;

pub use crate::store::memory::MemoryDisk;
pub use at_once::{AtOnce, HubOutput, Letter, NodeOutput};
pub use calls::{
    Message, asked_of_hub, asked_of_node, heard, heard_by_hub, heard_by_node, notice_heard, reply_of_hub,
    reply_of_node,
};
pub use cluster::{Cluster, HUB};
pub use country::{
    Country, NOON, NOON_TO_SIX_MS, OPENING, PAYEE, PAYER, PlainVault, Wish, credit, id_hash, known_as,
    member_ref, national_values, person, request, rule_text,
};
pub use disk::Disk;
pub use marks::cells;
pub use pair::{
    Pair, accept, announcement, answer, compensate, create, decision, decisions, id, legs, member, operator,
    proposal, refusal, say, transfer,
};
pub use server::{Asker, Call, Place, Server};
