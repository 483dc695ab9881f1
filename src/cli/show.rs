//! Words of the contract for people, in English and 中文.

use crate::domain::value::text::visible;
use crate::proto::{hub, types};

/// A text of somebody else as a part of a line: it cannot begin another one.
pub fn one_line(text: &str) -> String {
    visible(text, false).into_owned()
}

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
    one_line(party.map(join).unwrap_or_default().trim())
}

/// "INSUFFICIENT_BALANCE: … (payer's province, limit=2000.00)" and 中文 on a line of its own.
pub fn refusal_text(refusal: &types::Refusal) -> String {
    let mut notes = vec![side_text(refusal.side()).to_owned()];
    notes.extend(refusal.metadata.iter().map(|(name, value)| format!("{name}={value}")));
    let english = format!("{}: {} ({})", refusal.reason, refusal.message, notes.join(", "));
    format!("{}\n{}", one_line(&english), one_line(&refusal.message_zh))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_else_says_stays_in_its_line_and_is_seen() {
        let text = "ok\n COMMITTED\u{1b}[2J\u{202e}".to_owned();
        let metadata = [("place".to_owned(), text.clone())].into();
        let refusal =
            types::Refusal { message: text.clone(), message_zh: text, metadata, ..Default::default() };
        let said = refusal_text(&refusal);
        assert_eq!((said.lines().count(), said.matches(r"\u000a").count()), (2, 3), "{said}");
        assert!(!said.contains(['\u{1b}', '\u{202e}']), "{said}");
        let party = types::MaskedParty { name: "张\n三".to_owned(), ..Default::default() };
        assert_eq!(party_text(Some(&party)), r"张\u000a三");
    }
}
