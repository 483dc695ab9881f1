//! Words of the contract for people, in English and 中文.

use crate::proto::{hub, types};

/// A state in English and 中文.
pub fn state_text(state: hub::TransferState) -> &'static str {
    match state {
        hub::TransferState::Unspecified => "?",
        hub::TransferState::Pending => "PENDING 处理中",
        hub::TransferState::AwaitingAcceptance => "AWAITING_ACCEPTANCE 待接收",
        hub::TransferState::Committed => "COMMITTED 已完成",
        hub::TransferState::Aborted => "ABORTED 已终止",
    }
}

/// What the payee is to the payer, in English and 中文.
pub fn kinship_text(kinship: types::Kinship) -> &'static str {
    match kinship {
        types::Kinship::Unspecified => "?",
        types::Kinship::Spouse => "spouse 配偶",
        types::Kinship::Parent => "parent 父母",
        types::Kinship::Child => "child 子女",
        types::Kinship::Sibling => "sibling 兄弟姐妹",
        types::Kinship::PaternalGrandparent => "paternal grandparent 祖父母",
        types::Kinship::MaternalGrandparent => "maternal grandparent 外祖父母",
        types::Kinship::SonsChild => "son's child 孙子女",
        types::Kinship::DaughtersChild => "daughter's child 外孙子女",
    }
}

fn side_text(side: types::RefusalSide) -> &'static str {
    match side {
        types::RefusalSide::Unspecified => "?",
        types::RefusalSide::Hub => "hub",
        types::RefusalSide::Payer => "payer's province",
        types::RefusalSide::Payee => "payee's province",
    }
}

/// Whose part of a transfer, as people and programs read it; empty when it is nobody's.
pub fn side_name(side: types::RefusalSide) -> &'static str {
    match side {
        types::RefusalSide::Payer => "payer",
        types::RefusalSide::Payee => "payee",
        types::RefusalSide::Hub | types::RefusalSide::Unspecified => "",
    }
}

/// "张*三 1301********1234 130100".
pub fn party_text(party: Option<&types::MaskedParty>) -> String {
    let join =
        |party: &types::MaskedParty| format!("{} {} {}", party.name, party.id_number, party.region_code);
    party.map(join).unwrap_or_default().trim().to_owned()
}

/// "INSUFFICIENT_BALANCE: … (payer's province, limit=2000.00)" and 中文 on a line of its own.
pub fn refusal_text(refusal: &types::Refusal) -> String {
    let mut notes = vec![side_text(refusal.side()).to_owned()];
    notes.extend(refusal.metadata.iter().map(|(name, value)| format!("{name}={value}")));
    let (reason, message, chinese) = (&refusal.reason, &refusal.message, &refusal.message_zh);
    format!("{reason}: {message} ({})\n{chinese}", notes.join(", "))
}
