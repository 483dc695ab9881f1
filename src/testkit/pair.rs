//! A payer's province and a payee's, for tests of one machine against the other: what they hand in, what they let
//! happen, and what they look at. Transfers and compensations are named by small numbers.

use super::at_once::{AtOnce, HubOutput, NodeOutput};
use super::calls::asked_of_node;
use super::cluster::Cluster;
use super::country::{Country, NOON, PAYEE, PAYER, Wish, member_ref, report};
use crate::domain::hub::tables::TransferRow;
use crate::domain::hub::{
    self, AcceptRequest, CompensationRequest, CompensationWord, CreateRequest, Effect, WaitMode,
};
use crate::domain::machine::operation::{Operation, OperationRequest, OperationWord};
use crate::domain::machine::{Caller, Output, Ticket};
use crate::domain::node;
use crate::domain::node::tables::{AccountRow, LegRow};
use crate::domain::protocol::{
    Ack, Announcement, Decision, Leg, LegRef, NodeRequest, Outcome, PeerMark, Verdict, Vote,
};
use crate::domain::reason::Reason;
use crate::domain::rules::rulebook::RuleValues;
use crate::domain::value::{
    AccountKind, Civil, Digest, InsuranceStatus, InsuranceType, MemberRef, Money, ProvinceCode, RegionCode,
    Side, TransferId, Window,
};

/// A cluster of a payer's province and a payee's, for tests of one machine against the other.
pub type Pair = Cluster<AtOnce>;

impl Pair {
    /// A payer with 10,000.00 and a payee with an open wallet, in a province each.
    #[expect(clippy::new_without_default, reason = "a cluster is started, not a plain value")]
    pub fn new() -> Pair {
        Pair::with_rules(|_| ())
    }

    /// The same under other rules.
    pub fn with_rules(change: impl FnOnce(&mut RuleValues)) -> Pair {
        let mut cluster = Cluster::started(Country::pair(change), Civil(NOON));
        for province in [PAYER, PAYEE] {
            for input in Country::enrolment_of_pair(province) {
                cluster.run_node(province, input);
            }
        }
        cluster
    }

    /// A transfer of so many fen.
    pub fn create(&mut self, ticket: Caller, number: u8, fen: i64) -> Vec<HubOutput> {
        self.run_hub(create(ticket, number, fen))
    }

    /// The payee takes a transfer, or declines it.
    pub fn say(&mut self, ticket: Caller, number: u8, takes: bool) -> Vec<HubOutput> {
        self.run_hub(say(ticket, number, takes))
    }

    /// Something is done at the hub, and what follows from it; gives what callers were told.
    pub fn done(&mut self, does: impl FnOnce(&mut Pair) -> Vec<HubOutput>) -> Vec<(Caller, hub::Answer)> {
        let outputs = does(self);
        self.finish(outputs)
    }

    /// A transfer of so many fen is carried out; gives what callers were told.
    pub fn send(&mut self, ticket: Caller, number: u8, fen: i64) -> Vec<(Caller, hub::Answer)> {
        self.done(|pair| pair.create(ticket, number, fen))
    }

    /// The payee takes a transfer, or declines it, and what follows from it is done; gives what callers were told.
    pub fn payee_says(&mut self, ticket: Caller, number: u8, takes: bool) -> Vec<(Caller, hub::Answer)> {
        self.done(|pair| pair.say(ticket, number, takes))
    }

    /// Two operators agree on something at the hub; gives what it wants done then.
    ///
    /// # Errors
    /// Why it refuses.
    pub fn agree(&mut self, number: u8, operation: Operation) -> Result<Vec<HubOutput>, Reason> {
        let propose =
            OperationWord::Propose { operation, reason_code: "NODE_LOST".to_owned(), note: String::new() };
        let mut last = Vec::new();
        for (name, word) in [("a", propose), ("b", OperationWord::Approve)] {
            let request = OperationRequest {
                operation_id: id(number),
                operator: operator(name),
                word,
                is_clock_believed: true,
            };
            last = self.run_hub(hub::Input::Operate { ticket: Ticket::new(77), request, reads_cuts: true });
            let refused = last.iter().find_map(|output| match output {
                Output::Answer(77, hub::Answer::Refused(refusal)) => Some(refusal.reason),
                _ => None,
            });
            refused.map_or(Ok(()), Err)?;
        }
        Ok(last)
    }

    /// Time passes at the hub; gives what it wants done.
    pub fn pass(&mut self, ms: u64) -> Vec<HubOutput> {
        self.network.now.mono = self.network.now.mono.after(ms);
        self.run_hub(hub::Input::Tick)
    }

    /// Hands a leg to its node and its votes to nobody.
    pub fn prepare(&mut self, leg: &Leg) -> node::Answer {
        self.asked(leg.terms.province, NodeRequest::Prepare(vec![leg.clone()]))
    }

    /// The same, where it votes.
    pub fn verdict(&mut self, leg: &Leg) -> Verdict {
        match self.prepare(leg) {
            node::Answer::Votes(votes) => votes[0].verdict.clone(),
            other => panic!("no vote: {other:?}"),
        }
    }

    /// Hands a leg to its node and its vote to the hub; gives what that wants done.
    pub fn vote(&mut self, leg: &Leg) -> Vec<HubOutput> {
        let (LegRef { id, terms_digest }, province) = (leg.reference, leg.terms.province);
        let verdict = self.verdict(leg);
        let votes = vec![Vote { transfer_id: id.transfer_id, side: id.side, terms_digest, verdict }];
        let node = self.node(province).mark();
        self.run_hub(hub::Input::Votes { province, node, votes })
    }

    /// Hands the legs that the hub wants prepared to their nodes, and the votes to the hub; gives what that wants done.
    pub fn vote_on(&mut self, outputs: &[HubOutput]) -> Vec<HubOutput> {
        legs(outputs).iter().flat_map(|leg| self.vote(leg)).collect()
    }

    /// The hub takes an input, and what follows from it is done; gives what callers were told.
    pub fn hand_in(&mut self, input: hub::Input) -> Vec<(Caller, hub::Answer)> {
        self.done(|pair| pair.run_hub(input))
    }

    /// A node announces itself, and what follows from it is done.
    pub fn rejoin(&mut self, province: ProvinceCode) {
        self.done(|pair| pair.join(province));
    }

    /// Tells a node one decision, and its receipts to the hub; gives what that wants done.
    pub fn tell(&mut self, province: ProvinceCode, decision: Decision) -> Vec<HubOutput> {
        let acks = self.decide(province, decision);
        let node = self.node(province).mark();
        self.run_hub(hub::Input::Acks { province, node, told: Vec::new(), acks })
    }

    /// Tells a node one decision, and its receipts to nobody.
    pub fn decide(&mut self, province: ProvinceCode, decision: Decision) -> Vec<Ack> {
        match self.asked(province, NodeRequest::Decide(vec![decision])) {
            node::Answer::Acks(acks) => acks,
            other => panic!("no receipts: {other:?}"),
        }
    }

    fn asked(&mut self, province: ProvinceCode, request: NodeRequest) -> node::Answer {
        let hub = self.hub.mark();
        let input = asked_of_node(request, (hub, 0), self.country.id_hash).expect("for its machine");
        answer(self.run_node(province, input))
    }

    /// A province's system reports its member.
    pub fn report(
        &mut self,
        province: ProvinceCode,
        region: u32,
        insurance_type: InsuranceType,
        insurance_status: InsuranceStatus,
        name: &str,
    ) -> Vec<NodeOutput> {
        let region = RegionCode::new(region).expect("a code");
        self.run_node(province, report(name, (province, 0), region, (insurance_type, insurance_status)))
    }

    /// Operator A proposes; gives the hub's word.
    pub fn propose(&mut self, number: u8, original: u8, fen: i64) -> hub::Answer {
        self.say_of(number, "a", proposal(number, original, fen))
    }

    /// An operator says something about a compensation that is answered at once.
    pub fn say_of(&mut self, number: u8, name: &str, word: CompensationWord) -> hub::Answer {
        let outputs = self.run_hub(compensate(90, number, name, word));
        self.finish(outputs).pop().expect("an answer").1
    }

    /// Operator B approves; nothing is delivered yet.
    pub fn approve(&mut self, number: u8) -> Vec<HubOutput> {
        let word = CompensationWord::Approve { deadline_ms: 10_000 };
        self.run_hub(compensate(91, number, "b", word))
    }

    /// A transfer as the hub has it.
    pub fn transfer(&self, number: u8) -> TransferRow {
        self.hub.get(&hub::Key::Transfer(id(number))).expect("a transfer")
    }

    /// A leg at its node.
    pub fn leg(&self, number: u8, side: Side) -> Option<LegRow> {
        self.nodes.values().find_map(|node| node.get(&node::Key::Leg(id(number), side)))
    }

    /// An account of a province's member; nothing on it before its first entry.
    pub fn account(&self, province: ProvinceCode, kind: AccountKind) -> AccountRow {
        let member_ref = member(province);
        let row = self.node(province).get(&node::Key::Account(member_ref, kind));
        row.unwrap_or_else(|| node::account::empty_account(member_ref, kind))
    }
}

/// The legs that the hub wants prepared.
pub fn legs(outputs: &[HubOutput]) -> Vec<Leg> {
    let leg = |output: &HubOutput| match output {
        Output::Effect(Effect::Prepare(_, leg)) => Some(leg.as_ref().clone()),
        Output::Effect(_) | Output::Answer(..) => None,
    };
    outputs.iter().filter_map(leg).collect()
}

/// The decisions that the hub wants a province to be told.
pub fn decisions(outputs: &[HubOutput], province: ProvinceCode) -> Vec<Decision> {
    let decision = |output: &HubOutput| match output {
        Output::Effect(Effect::Decide(to, decision)) if *to == province => Some(decision.clone()),
        Output::Effect(_) | Output::Answer(..) => None,
    };
    outputs.iter().filter_map(decision).collect()
}

/// The id with a number.
pub fn id(number: u8) -> TransferId {
    TransferId([number; 16])
}

/// What the one member of a province is known by at its node.
pub fn member(province: ProvinceCode) -> MemberRef {
    member_ref(province, 0)
}

/// A request for a transfer of so many fen.
pub fn transfer(transfer_id: TransferId, fen: i64) -> CreateRequest {
    let (payer, payee, wait) = ((PAYER, 0), (PAYEE, 0), WaitMode::Recorded);
    Country::request(&Wish { transfer_id, payer, payee, fen, wait, deadline_ms: 10_000 })
}

/// The same, handed in.
pub fn create(ticket: Caller, number: u8, fen: i64) -> hub::Input {
    hub::Input::Create { ticket: Ticket::new(ticket), request: Box::new(transfer(id(number), fen)) }
}

/// The payee takes a transfer, or declines it.
pub fn accept(ticket: Caller, transfer_id: TransferId, takes: bool, wait: WaitMode) -> hub::Input {
    let payee = transfer(transfer_id, 1).digests.payee;
    let request = AcceptRequest { transfer_id, payee, takes, wait, deadline_ms: 10_000 };
    hub::Input::Accept { ticket: Ticket::new(ticket), request }
}

/// The same, by the number of the transfer.
pub fn say(ticket: Caller, number: u8, takes: bool) -> hub::Input {
    accept(ticket, id(number), takes, WaitMode::Recorded)
}

/// A node's announcement, as a first one of its life.
pub fn announcement(
    ticket: Caller,
    province: ProvinceCode,
    node: PeerMark,
    proof: Option<(u64, Digest)>,
) -> hub::Input {
    let announcement = Box::new(Announcement { proof, ..Announcement::default() });
    let ticket = Ticket::new(ticket);
    hub::Input::Announce { ticket, province, node, announcement, knows_us_to: Some(0), lineage: None }
}

/// The one answer among a node's outputs.
pub fn answer(outputs: Vec<NodeOutput>) -> node::Answer {
    let mut answers = outputs.into_iter().filter_map(|output| match output {
        Output::Answer(_, answer) => Some(answer),
        Output::Effect(_) => None,
    });
    answers.next_back().expect("an answer")
}

/// Why the hub refused its one caller.
pub fn refusal(outputs: &[HubOutput]) -> Reason {
    match outputs.first() {
        Some(Output::Answer(_, hub::Answer::Refused(refusal))) => refusal.reason,
        _ => panic!("not refused: {outputs:?}"),
    }
}

/// The hub's word on a leg; a commit is the hub's first.
pub fn decision(leg: &Leg, outcome: Outcome) -> Decision {
    let (LegRef { id, terms_digest }, decide_time) = (leg.reference, leg.terms.receipt_time);
    let committed = outcome == Outcome::Commit;
    Decision {
        transfer_id: id.transfer_id,
        side: id.side,
        terms_digest,
        outcome,
        window: committed.then(|| Window::of(decide_time)),
        hub_seq: committed.then_some(1),
        decide_time,
        leg_record: Vec::new(),
        posting: None,
        lost: None,
    }
}

/// The name of an operator.
pub fn operator(name: &str) -> String {
    format!("urn:gongji:operator:{name}")
}

/// What an operator says; the ids of compensations begin where those of transfers end.
pub fn compensate(ticket: Caller, number: u8, name: &str, word: CompensationWord) -> hub::Input {
    let request = CompensationRequest { compensation_id: id(number), operator: operator(name), word };
    hub::Input::Compensate { ticket: Ticket::new(ticket), request }
}

/// So many fen of a transfer are to go back.
pub fn proposal(number: u8, original: u8, fen: i64) -> CompensationWord {
    let mut terms_digest = Digest([0xcc; 32]);
    terms_digest.0[31] = number;
    terms_digest.0[..8].copy_from_slice(&fen.to_be_bytes());
    CompensationWord::Propose {
        original_id: id(original),
        amount: Money::from_fen(fen),
        reason: "sent twice".to_owned(),
        terms_digest,
    }
}
