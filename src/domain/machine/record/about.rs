//! What a record is about.

use super::Record;
use crate::domain::value::id::TransferId;

impl Record {
    /// The one transfer that a record is about, for the journal's index; none for those about several or none.
    pub fn transfer_id(&self) -> Option<TransferId> {
        match self {
            Record::TransferReceived(record) => Some(record.transfer_id),
            Record::TransferDecided(record) => Some(record.transfer_id),
            Record::TransferBuried(record) => Some(record.transfer_id),
            Record::IncidentRaised(record) => Some(record.transfer_id),
            Record::TransferAwaiting(record) => Some(record.transfer_id),
            Record::TransferAccepted(record) => Some(record.transfer_id),
            Record::LegPrepared(record) => Some(record.leg.transfer_id),
            Record::LegRefused(record) => Some(record.transfer_id),
            Record::LegBuried(record) => Some(record.transfer_id),
            Record::LegDecided(record) => Some(record.transfer_id),
            Record::LegReplayed(record) => Some(record.leg.transfer_id),
            Record::TransferAdopted(record) => Some(record.transfer_id),
            Record::ReturnAdopted(record) => Some(record.transfer_id),
            Record::LegAwaited(record) => Some(record.transfer_id),
            Record::CompensationProposed(record) => Some(record.compensation_id),
            Record::CompensationAnswered(record) => Some(record.compensation_id),
            Record::ReturnPrepared(record) => Some(record.leg.transfer_id),
            Record::HubStarted(_)
            | Record::DecisionsRecorded(_)
            | Record::NodeAdmitted(_)
            | Record::PeerSeen(_)
            | Record::ResyncMoved(_)
            | Record::HubRecovered(_)
            | Record::NodeResynced(_)
            | Record::NodeJoined(_)
            | Record::MemberRecorded(_)
            | Record::AccountCredited(_)
            | Record::WalletOpened(_)
            | Record::SettlementSuspended(_)
            | Record::RequestNoted(_)
            | Record::WalletOpenedFor(_)
            | Record::WalletMoved(_)
            | Record::WalletFrozen(_)
            | Record::WalletUnfrozen(_)
            | Record::WalletClosed(_) => None,
        }
    }
}
