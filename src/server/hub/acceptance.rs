//! What payees say to transfers that they must take: AcceptTransfer and DeclineTransfer.

use super::{Shared, lists};
use crate::domain::hub::{AcceptRequest, Input, Record};
use crate::domain::reason::Reason;
use crate::proto::hub::Transfer;
use crate::wire::accept::PayeesWord;
use crate::wire::status::{Problem, problem_of_store};

impl Shared {
    /// Hands in a payee's word and waits for the transfer.
    pub(super) async fn hear_payee(
        &self,
        word: PayeesWord,
        takes: bool,
        deadline_ms: u64,
    ) -> Result<Transfer, Problem> {
        let PayeesWord { transfer_id, payee, wait } = word;
        let payee = self.keys.now().payee_digest(transfer_id, &payee);
        let request = AcceptRequest { transfer_id, payee, takes, wait, deadline_ms };
        let row = self.engine.ask(|ticket| Input::Accept { ticket, request }).await?;
        let row = (*row).clone();
        // The masked parties were made durable with the transfer's reception.
        let read = move |tables: &mut crate::store::AnyTables<Record>| lists::with_parties(tables, vec![row]);
        let found = self.reader.run(read).await.map_err(problem_of_store)?;
        let shown = found.first().map(|(row, parties)| self.show(row, parties.as_ref()));
        shown.ok_or(Problem::new(Reason::Internal))
    }
}
