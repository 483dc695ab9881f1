//! What stands in a journal's records, as names and values. Records hold no personal data.

use super::show::{local, rfc3339};
use crate::domain::hub::record::TransferDecided;
use crate::domain::machine::own::{IncidentRaised, PeerMark, PeerSeen};
use crate::domain::machine::record::Record;
use crate::domain::node::record::{LegAwaited, LegRefused, PreparedLeg};
use crate::domain::reason::RefusalRecord;
use crate::domain::value::calendar::Civil;
use crate::domain::value::id::{TransferId, hex};
use crate::domain::value::region::ProvinceCode;
use crate::domain::{hub, node};
use crate::store::JournalEntry;
use serde_json::{Map, Value, json};

/// A value of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Text.
    Text(String),
    /// A whole number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// A moment.
    Time(Civil),
}

/// For people.
impl std::fmt::Display for Detail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Detail::Text(text) => f.write_str(text),
            Detail::Number(number) => write!(f, "{number}"),
            Detail::Flag(flag) => write!(f, "{flag}"),
            Detail::Time(at) => f.write_str(&local(*at)),
        }
    }
}

pub(super) type Pairs = Vec<(&'static str, Detail)>;

fn text(value: impl ToString) -> Detail {
    Detail::Text(value.to_string())
}

fn optional<T>(name: &'static str, value: Option<T>, detail: impl FnOnce(T) -> Detail) -> Pairs {
    value.map(|value| (name, detail(value))).into_iter().collect()
}

fn refusal(refusal: &RefusalRecord) -> Detail {
    let facts: String = refusal.metadata.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    Detail::Text(format!("{} by {:?}{facts}", refusal.reason.code(), refusal.side))
}

fn peer(province: ProvinceCode) -> Detail {
    if province == ProvinceCode::HUB { text("hub") } else { text(province) }
}

fn mark(mark: &PeerMark) -> Pairs {
    vec![
        ("incarnation", Detail::Number(mark.incarnation)),
        ("start_id", text(hex(&mark.start_id.0))),
        ("sequence", Detail::Number(mark.sequence)),
        ("head_hash", text(hex(&mark.head_hash.0))),
    ]
}

fn leg(leg: &PreparedLeg) -> Pairs {
    vec![
        ("side", text(leg.side.name())),
        ("member_ref", text(hex(&leg.member_ref.0))),
        ("amount", text(leg.amount)),
        ("counter_region", text(leg.counter_region)),
        ("receipt_time", Detail::Time(leg.receipt_time)),
        ("terms_digest", text(hex(&leg.terms_digest.0))),
        ("rulebook", text(hex(&leg.rulebook.0))),
        ("prepare_time", Detail::Time(leg.prepare_time)),
        ("incarnation", Detail::Number(leg.incarnation)),
    ]
}

/// A record that can be shown.
pub(super) trait Describe: Record {
    /// Names and values, without the id of its transfer.
    fn details(&self) -> Pairs;

    /// Whether it is about a transfer, alone or among others.
    fn is_about(&self, transfer: TransferId) -> bool {
        self.transfer_id() == Some(transfer)
    }
}

fn seen(it: &PeerSeen) -> Pairs {
    [vec![("province", peer(it.province))], mark(&it.mark)].concat()
}

fn incident(it: &IncidentRaised) -> Pairs {
    vec![("side", text(it.side.name())), ("refusal", refusal(&it.refusal)), ("time", Detail::Time(it.time))]
}

impl Describe for hub::Record {
    fn details(&self) -> Pairs {
        use hub::Record;
        match self {
            Record::HubStarted(it) => vec![
                ("incarnation", Detail::Number(it.incarnation)),
                ("start_id", text(hex(&it.start_id.0))),
                ("time", Detail::Time(it.time)),
            ],
            Record::TransferReceived(it) => vec![
                ("owner", text(&it.owner)),
                ("payer_region", text(it.payer_region)),
                ("payee_region", text(it.payee_region)),
                ("kinship", text(it.kinship.name())),
                ("amount", text(it.amount)),
                ("terms_digest", text(hex(&it.digests.whole.0))),
                ("receipt_time", Detail::Time(it.receipt_time)),
                ("decide_within_ms", Detail::Number(it.decide_within_ms)),
            ],
            Record::TransferDecided(it) => decided(it),
            Record::DecisionsRecorded(it) => {
                let legs: Vec<String> =
                    it.legs.iter().map(|(id, side)| format!("{id} {}", side.name())).collect();
                vec![("province", text(it.province)), ("legs", text(legs.join(", ")))]
            }
            Record::TransferBuried(it) => {
                vec![("province", text(it.province)), ("time", Detail::Time(it.time))]
            }
            Record::NodeAdmitted(it) => [vec![("province", peer(it.province))], mark(&it.mark)].concat(),
            Record::PeerSeen(it) => seen(it),
            Record::IncidentRaised(it) => incident(it),
            Record::ResyncMoved(_)
            | Record::TransferAdopted(_)
            | Record::ReturnAdopted(_)
            | Record::HubRecovered(_) => recovery_details(self),
            Record::TransferAwaiting(it) => {
                let mut pairs = vec![("until", Detail::Time(it.until)), ("time", Detail::Time(it.time))];
                pairs.extend(optional("payer_rulebook", it.payer_rulebook, |hash| text(hex(&hash.0))));
                pairs.extend(optional("payee_rulebook", it.payee_rulebook, |hash| text(hex(&hash.0))));
                pairs
            }
            Record::TransferAccepted(it) => vec![("time", Detail::Time(it.time))],
            Record::CompensationProposed(it) => vec![
                ("original", text(it.original_id)),
                ("amount", text(it.amount)),
                ("reason", text(&it.reason)),
                ("terms_digest", text(hex(&it.terms_digest.0))),
                ("operator", text(&it.operator)),
                ("time", Detail::Time(it.time)),
            ],
            Record::CompensationAnswered(it) => vec![
                ("approved", Detail::Flag(it.approved)),
                ("operator", text(&it.operator)),
                ("time", Detail::Time(it.time)),
                ("decide_within_ms", Detail::Number(it.decide_within_ms)),
            ],
        }
    }

    fn is_about(&self, transfer: TransferId) -> bool {
        match self {
            hub::Record::DecisionsRecorded(record) => record.legs.iter().any(|(id, _)| *id == transfer),
            _ => self.transfer_id() == Some(transfer),
        }
    }
}

impl Describe for node::Record {
    fn details(&self) -> Pairs {
        use node::Record;
        match self {
            Record::PeerSeen(it) => seen(it),
            Record::IncidentRaised(it) => incident(it),
            Record::NodeResynced(it) => vec![("time", Detail::Time(it.time))],
            Record::LegReplayed(it) => {
                let mut pairs = leg(&it.leg);
                pairs.push(("window", text(it.window)));
                pairs.push(("hub_seq", Detail::Number(it.hub_seq)));
                pairs.push(("time", Detail::Time(it.time)));
                pairs.push(("suspense", Detail::Flag(it.suspense)));
                pairs
            }
            Record::ReturnPrepared(it) => {
                let mut pairs = leg(&it.leg);
                pairs.extend([("original", text(it.returns)), ("account", text(it.account.name()))]);
                pairs
            }
            Record::NodeJoined(_)
            | Record::MemberRecorded(_)
            | Record::AccountCredited(_)
            | Record::WalletOpened(_)
            | Record::SettlementSuspended(_)
            | Record::RequestNoted(_)
            | Record::LegPrepared(_)
            | Record::LegRefused(_)
            | Record::LegBuried(_)
            | Record::LegDecided(_)
            | Record::LegAwaited(_) => node_details(self),
            Record::WalletOpenedFor(_)
            | Record::WalletMoved(_)
            | Record::WalletFrozen(_)
            | Record::WalletUnfrozen(_)
            | Record::WalletClosed(_) => wallet_details(self),
        }
    }
}

fn decided(it: &TransferDecided) -> Pairs {
    let mut pairs = vec![("outcome", text(it.outcome.name())), ("decide_time", Detail::Time(it.decide_time))];
    pairs.extend(optional("refusal", it.refusal.as_ref(), refusal));
    if let Some(commit) = &it.commit {
        pairs.push(("window", text(commit.window)));
        pairs.push(("hub_seq", Detail::Number(commit.hub_seq)));
    }
    pairs.extend(optional("payer_rulebook", it.payer_rulebook, |hash| text(hex(&hash.0))));
    pairs.extend(optional("payee_rulebook", it.payee_rulebook, |hash| text(hex(&hash.0))));
    pairs.push(("payer_owed", Detail::Flag(it.payer_owed)));
    pairs.push(("payee_owed", Detail::Flag(it.payee_owed)));
    pairs
}

fn refused(it: &LegRefused) -> Pairs {
    let mut pairs = vec![
        ("side", text(it.side.name())),
        ("refusal", refusal(&it.refusal)),
        ("amount", text(it.amount)),
        ("terms_digest", text(hex(&it.terms_digest.0))),
        ("receipt_time", Detail::Time(it.receipt_time)),
        ("time", Detail::Time(it.time)),
    ];
    pairs.extend(optional("counter_region", it.counter_region, text));
    pairs.extend(optional("rulebook", it.rulebook, |hash| text(hex(&hash.0))));
    pairs
}

fn awaited(it: &LegAwaited) -> Pairs {
    vec![
        ("side", text(it.side.name())),
        ("member_ref", text(hex(&it.member_ref.0))),
        ("amount", text(it.amount)),
        ("counter_region", text(it.counter_region)),
        ("terms_digest", text(hex(&it.terms_digest.0))),
        ("rulebook", text(hex(&it.rulebook.0))),
        ("receipt_time", Detail::Time(it.receipt_time)),
        ("time", Detail::Time(it.time)),
    ]
}

fn node_details(record: &node::Record) -> Pairs {
    use node::Record;
    match record {
        Record::NodeJoined(it) => vec![
            ("incarnation", Detail::Number(it.incarnation)),
            ("start_id", text(hex(&it.start_id.0))),
            ("time", Detail::Time(it.time)),
        ],
        Record::MemberRecorded(it) => vec![
            ("member_ref", text(hex(&it.member_ref.0))),
            ("region", text(it.region)),
            ("insurance_type", text(it.insurance_type.name())),
            ("insurance_status", text(it.insurance_status.name())),
            ("in_arrears", Detail::Flag(it.in_arrears)),
            ("public_medical", Detail::Flag(it.public_medical)),
            ("account_state", text(it.account_state.name())),
            ("time", Detail::Time(it.time)),
            ("request_id", text(&it.request.request_id)),
        ],
        Record::SettlementSuspended(it) => {
            let mut pairs = vec![("member_ref", text(hex(&it.member_ref.0))), ("from", text(it.from))];
            pairs.extend(optional("until", it.until, text));
            pairs.extend([("time", Detail::Time(it.time)), ("request_id", text(&it.request.request_id))]);
            pairs
        }
        Record::RequestNoted(it) => {
            vec![("time", Detail::Time(it.time)), ("request_id", text(&it.request.request_id))]
        }
        Record::AccountCredited(it) => vec![
            ("member_ref", text(hex(&it.member_ref.0))),
            ("amount", text(it.amount)),
            ("period", text(it.period)),
            ("time", Detail::Time(it.time)),
            ("request_id", text(&it.request.request_id)),
        ],
        Record::WalletOpened(it) => vec![
            ("member_ref", text(hex(&it.member_ref.0))),
            ("use_region", text(it.use_region)),
            ("time", Detail::Time(it.time)),
            ("request_id", text(&it.request.request_id)),
        ],
        Record::LegPrepared(it) => leg(&it.leg),
        Record::LegRefused(it) => refused(it),
        Record::LegAwaited(it) => awaited(it),
        Record::LegBuried(it) => vec![
            ("side", text(it.side.name())),
            ("terms_digest", text(hex(&it.terms_digest.0))),
            ("time", Detail::Time(it.time)),
        ],
        Record::LegDecided(it) => {
            let mut pairs = vec![
                ("side", text(it.side.name())),
                ("outcome", text(it.outcome.name())),
                ("time", Detail::Time(it.time)),
            ];
            pairs.extend(optional("window", it.window, text));
            pairs.extend(optional("hub_seq", it.hub_seq, Detail::Number));
            pairs
        }
        // The others stand in `details`.
        _ => Vec::new(),
    }
}

/// What a hub wrote because it, or a node, had been restored.
fn recovery_details(record: &hub::Record) -> Pairs {
    use hub::Record;
    match record {
        Record::ResyncMoved(it) => {
            let told = it.told.map_or(Detail::Text("all".to_owned()), Detail::Number);
            vec![("province", text(it.province)), ("told", told)]
        }
        Record::TransferAdopted(it) => vec![
            ("payer_region", text(it.payer_region)),
            ("payee_region", text(it.payee_region)),
            ("amount", text(it.amount)),
            ("terms_digest", text(hex(&it.terms_digest.0))),
            ("receipt_time", Detail::Time(it.receipt_time)),
        ],
        Record::ReturnAdopted(it) => vec![("returns", text(it.returns))],
        Record::HubRecovered(it) => vec![
            ("incarnation", Detail::Number(it.incarnation)),
            ("start_id", text(hex(&it.start_id.0))),
            ("hub_seq", Detail::Number(it.hub_seq)),
            ("time", Detail::Time(it.time)),
        ],
        // The others stand in `details`.
        _ => Vec::new(),
    }
}

/// What changed about a wallet, between whose it is and when.
fn wallet_details(record: &node::Record) -> Pairs {
    use node::Record;
    let (member_ref, said, time, request) = match record {
        Record::WalletOpenedFor(it) => {
            let said = vec![("use_region", text(it.use_region)), ("opened_by", text(it.opened_by.name()))];
            (it.member_ref, said, it.time, &it.request)
        }
        Record::WalletMoved(it) => {
            (it.member_ref, vec![("use_region", text(it.use_region))], it.time, &it.request)
        }
        Record::WalletFrozen(it) => (it.member_ref, vec![("code", text(&it.code))], it.time, &it.request),
        Record::WalletUnfrozen(it) => (it.member_ref, vec![("code", text(&it.code))], it.time, &it.request),
        Record::WalletClosed(it) => (it.member_ref, Vec::new(), it.time, &it.request),
        // The others stand above.
        _ => return Vec::new(),
    };
    let mut pairs = vec![("member_ref", text(hex(&member_ref.0)))];
    pairs.extend(said);
    pairs.extend([("time", Detail::Time(time)), ("request_id", text(&request.request_id))]);
    pairs
}

/// An entry for programs.
pub(super) fn to_json<R: Describe>(entry: &JournalEntry<R>) -> Value {
    let content: Map<String, Value> = entry
        .record
        .details()
        .into_iter()
        .map(|(name, detail)| {
            let value = match detail {
                Detail::Text(text) => text.into(),
                Detail::Number(number) => number.into(),
                Detail::Flag(flag) => flag.into(),
                Detail::Time(at) => rfc3339(at).into(),
            };
            (name.to_owned(), value)
        })
        .collect();
    json!({
        "sequence": entry.sequence,
        "record": entry.record.name(),
        "transfer_id": entry.transfer_id.map(|id| id.to_string()),
        "content": content,
        "hash": hex(&entry.hash.0),
    })
}
