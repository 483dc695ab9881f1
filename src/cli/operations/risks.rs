//! What it risks to do what two operators agree on, for both to read.

use crate::proto::hub::operation_action::Action;
use crate::proto::hub::{AcceptLineage, FinishTransfer, LeaveOut, TransferState};

/// What an operation risks. None: no more than it says.
pub(super) fn of(action: &Action) -> Option<String> {
    match action {
        Action::LeaveOut(LeaveOut { province_code }) => Some(LEAVING_OUT.replace("{}", province_code)),
        Action::AcceptLineage(AcceptLineage { peer, .. }) => Some(match peer.strip_prefix("node:") {
            Some(province) => ANOTHER_NODE.replace("{}", province),
            None => ANOTHER_HUB.to_owned(),
        }),
        Action::FinishTransfer(it) => Some(finishing(it)),
        Action::CloseIncident(_) => Some(CLOSING.to_owned()),
        Action::AcceptClock(_) | Action::LowerTime(_) | Action::BuryId(_) => None,
    }
}

fn finishing(it: &FinishTransfer) -> String {
    let (done, otherwise) = match it.outcome() {
        TransferState::Committed => (
            "committed, 按成功办结",
            "A payer's province that has returned the money, or never held it, rejects that and has not paid.",
        ),
        _ => (
            "aborted, 按未成功办结",
            "A province that has recorded it as committed keeps that: its member has the money, or has paid it.",
        ),
    };
    format!(
        "transfer {} is to end as {done}. What that risks:\n- {otherwise} That is an incident CONTRARY_ORDER, and is \
         made good between the provinces.\n- It is not turned round later. Ask both provinces, and the client, by \
         other means first.",
        it.transfer_id
    )
}

/// What closing an incident risks.
const CLOSING: &str = "\
to close an incident says that nothing is left to do, 关闭异常事项. What that risks: a leg of other terms that a province \
still holds in doubt under this id is told ABORT from then on.";

/// What leaving a province out risks.
const LEAVING_OUT: &str = "\
province {} is to be left out of the hub's recovery, 将省份 {} 排除在恢复核对之外. What that risks:
- A transfer with it that the hub has committed and lost, and that the other province has only promised, stays \
  undecided until {} is heard: its payer's money stays held, and its client is told OUTCOME_UNKNOWN, though it may \
  have been told that it was paid. Each is an incident LEFT_OUT_UNDECIDED.
- A transfer that {} has recorded, and whose other side is lost with another store, is known to {} alone. It comes out \
  when {} is back, as an incident CONTRARY_ORDER.
- If the node of {} never comes back with its store, nobody can say what became of these.
Nothing new is begun with {} before it was heard. Try first whether its node can be started, or restored.";

/// What accepting another store of the hub risks.
const ANOTHER_HUB: &str = "\
the hub's store is another one, and is to be accepted, 认可清算中心换用另一存储. What that risks:
- What the former hub has committed the new one may not know: legs that this node holds in doubt are aborted by it, \
  and a client that repeats an id begins its transfer anew.
- Numbers of commits may be given again, and the books of hub and node differ for good: `gongji audit` says where.
- The former hub is refused from then on, with all that it still had to tell.
Where there is a backup of the former hub, restore it instead.";

/// What accepting another store of a node risks.
const ANOTHER_NODE: &str = "\
the store of node {} is another one, and is to be accepted, 认可该省节点换用另一存储. What that risks:
- What only its former store knew is lost: members, allotments, wallets. Let the province feed its members before the \
  node joins: what the hub tells again of those who are not known stands in suspense.
- A leg that was sealed under a key which is lost cannot be told again.
- The former store is refused from then on.
Where there is a backup of it, restore it instead.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_to_agree_reads_what_it_risks() {
        let finish = |outcome: TransferState| {
            of(&Action::FinishTransfer(FinishTransfer {
                transfer_id: "id".to_owned(),
                outcome: outcome.into(),
            }))
        };
        let (committed, aborted) = (finish(TransferState::Committed), finish(TransferState::Aborted));
        assert!(
            committed
                .is_some_and(|it| it.contains("id is to end as committed") && it.contains("has not paid"))
        );
        assert!(
            aborted.is_some_and(|it| it.contains("id is to end as aborted") && it.contains("keeps that"))
        );
        let left = of(&Action::LeaveOut(LeaveOut { province_code: "51".to_owned() }));
        assert!(left.is_some_and(|it| it.contains("province 51 is to be left out")));
        let other = |peer: &str| {
            of(&Action::AcceptLineage(AcceptLineage { peer: peer.to_owned(), lineage: String::new() }))
        };
        assert!(other("node:51").is_some_and(|it| it.contains("the store of node 51 is another one")));
        assert!(other("hub").is_some_and(|it| it.contains("the hub's store is another one")));
    }
}
