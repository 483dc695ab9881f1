//! What payees say to transfers that they must take: AcceptTransfer and DeclineTransfer.

use super::repeats::may_be_repeat;
use super::{Shared, lists};
use crate::domain::hub::tables::TransferRow;
use crate::domain::hub::{AcceptRequest, Input, Record};
use crate::domain::reason::Reason;
use crate::domain::value::Digest;
use crate::privacy::names::Form;
use crate::proto::hub::Transfer;
use crate::proto::types;
use crate::transport::identity::Role;
use crate::wire::accept::PayeesWord;
use crate::wire::reader::Reader;
use crate::wire::status::{Problem, problem_of_store};
use std::sync::Arc;

/// What a payee's caller says.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    /// Of which transfer.
    pub(super) id: &'a str,
    /// Who the payee is.
    pub(super) payee: Option<&'a types::Party>,
    /// Whether he takes it.
    pub(super) takes: bool,
    /// How long the caller waits.
    pub(super) deadline_ms: u64,
}

impl Shared {
    /// Hands in a payee's word and waits for the transfer.
    pub(super) async fn hear_payee(
        &self,
        role: &Role,
        said: Said<'_>,
        read: impl Fn(&Reader<'_>) -> Result<PayeesWord, Problem>,
    ) -> Result<Transfer, Problem> {
        let Said { id, payee, takes, deadline_ms } = said;
        let allowed = self.may_speak_for(role, payee);
        let first = match allowed.and_then(|()| read(&self.reading())) {
            Ok(word) => {
                let payee = self.keys.now().payee_digest(Form::TODAY, word.transfer_id, &word.payee);
                self.take_word(&word, payee, takes, deadline_ms).await
            }
            Err(problem) => Err(problem),
        };
        let row = match first {
            Err(problem) if may_be_repeat(&problem) => match self.payee_at_first(role, id, read).await {
                Some((word, payee)) => self.take_word(&word, payee, takes, deadline_ms).await?,
                None => return Err(problem),
            },
            first => first?,
        };
        let row = (*row).clone();
        // The masked parties were made durable with the transfer's reception.
        let read = move |tables: &mut crate::store::AnyTables<Record>| lists::with_parties(tables, vec![row]);
        let found = self.reader.run(read).await.map_err(problem_of_store)?;
        let shown = found.first().map(|(row, parties)| self.show(row, parties.as_ref()));
        shown.ok_or(Problem::new(Reason::Internal))
    }

    async fn take_word(
        &self,
        word: &PayeesWord,
        payee: Digest,
        takes: bool,
        deadline_ms: u64,
    ) -> Result<Arc<TransferRow>, Problem> {
        let (transfer_id, wait) = (word.transfer_id, word.wait);
        let request = AcceptRequest { transfer_id, payee, takes, wait, deadline_ms };
        Ok(self.engine.ask(|ticket| Input::Accept { ticket, request }).await?)
    }
}
