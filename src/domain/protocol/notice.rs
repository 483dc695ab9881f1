//! Notices (清算通知): what the hub tells a province of clearing, and what it tells back to a hub that was restored.

/// One notice, as a province keeps it: nothing that a node decides depends on what it says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Notice {
    /// Its number among all events of clearing.
    pub number: u64,
    /// The number of the notice to this province before it; 0 of the first one.
    pub previous: u64,
    /// What it says, in the form of whoever carries it.
    pub content: Vec<u8>,
}
