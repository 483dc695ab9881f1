//! Rows about taking a transfer, or declining it.

use super::steps::{DEADLINE_MS, Outcome, Session, miswrite};
use super::table::Row;
use gongji::domain::hub::{AcceptRequest, Input};
use gongji::privacy::names::Form;
use gongji::proto::hub::{AcceptTransferRequest, WaitMode};

impl Session {
    /// Somebody takes the transfer that the row names, or declines it: its payee, or one who is not.
    pub fn payee_says(&mut self, row: &Row, takes: bool) -> Outcome {
        let id = self.meant(row).expect("a transfer of the table");
        let mut payee = self.somebody(row.get("谁")).party();
        for item in row.get("改填").split('；').filter(|item| !item.is_empty()) {
            let (field, value) = item.split_once(' ').expect("a field and what is written there");
            miswrite(&mut payee, field.trim_start_matches('收'), value.to_owned());
        }
        // A refusal to accept says the same, word for word.
        let request = AcceptTransferRequest {
            transfer_id: id.to_string(),
            payee: Some(payee),
            wait: WaitMode::Recorded.into(),
        };
        let word = match self.world.reading(None).accept_transfer(&request) {
            Ok(word) => word,
            Err(problem) => return Outcome::of_problem(&problem),
        };
        let payee = self.world.key.payee_digest(Form::TODAY, id, &word.payee);
        let request =
            AcceptRequest { transfer_id: id, payee, takes, wait: word.wait, deadline_ms: DEADLINE_MS };
        let answer = self.world.hand_in(|ticket| Input::Accept { ticket, request });
        self.told(id, answer)
    }
}
