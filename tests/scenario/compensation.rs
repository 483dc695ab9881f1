//! Rows about operators who carry money of a committed transfer back.

use super::steps::{DEADLINE_MS, Outcome, Session};
use super::table::Row;
use gongji::domain::hub::{Answer, CompensationRequest, CompensationWord, Input};
use gongji::domain::protocol::CompensationState;
use gongji::domain::value::Money;

impl Session {
    /// An operator proposes, approves or withdraws: `操作员甲`, and to propose the name of the transfer behind `；`. The
    /// row's own name is that of the compensation.
    pub fn operator_says(&mut self, row: &Row, content: &str) -> Outcome {
        let (operator, original) = content.split_once('；').unwrap_or((content, ""));
        let compensation_id = self.transfer_id(row.get("编号"));
        let word = match row.get("事项") {
            "批准退回" => CompensationWord::Approve { deadline_ms: DEADLINE_MS },
            "撤回退回" => CompensationWord::Withdraw,
            _ => {
                let original_id = self.transfer_id(original);
                let amount = Money::parse(row.get("金额")).expect("an amount");
                let terms_digest = self.world.key.compensation_digest(compensation_id, original_id, amount);
                let reason = "工单 7".to_owned();
                CompensationWord::Propose { original_id, amount, reason, terms_digest }
            }
        };
        let operator = operator.trim_start_matches("操作员");
        let operator = format!("urn:gongji:operator:{operator}");
        let request = CompensationRequest { compensation_id, operator, word };
        match self.world.hand_in(|ticket| Input::Compensate { ticket, request }) {
            Some(Answer::Compensation(it)) => Outcome::plain(match it.state {
                CompensationState::Proposed => "待批准",
                CompensationState::Approved => "已批准",
                CompensationState::Withdrawn => "已撤回",
            }),
            answer => self.told(compensation_id, answer),
        }
    }
}
